//! A participant as FHIR R4 resources in the shape of IHE mCSD.

use super::search::Facts;
use super::{Contact, Participant, Person, Region, Rendered, Type};
use serde_json::{Map, Value, json};

/// A rendered resource with what searches compare.
pub(super) struct Shown {
    pub(super) kind: Type,
    pub(super) facts: Facts,
    resource: Value,
}

impl Shown {
    pub(super) fn into_rendered(self) -> Rendered {
        let bytes = self.resource.to_string().into_bytes();
        Rendered { kind: self.kind, id: self.facts.id, bytes }
    }
}

/// Every resource of a type: the region's own first, then in the order of participants.
pub(super) fn all(kind: Type, region: Region<'_>, participants: &[Participant<'_>]) -> Vec<Shown> {
    let own = (kind == Type::Organization).then(|| region_itself(region));
    let theirs = participants.iter().flat_map(|participant| match kind {
        Type::Organization => vec![organization(participant)],
        Type::HealthcareService if participant.functions.is_empty() => vec![],
        Type::HealthcareService => vec![service(participant)],
        Type::Location => participant.place.iter().map(|place| location(participant, *place)).collect(),
        Type::Endpoint => participant.endpoint.iter().map(|address| endpoint(participant, address)).collect(),
        Type::PractitionerRole => {
            participant.people.iter().map(|person| practitioner_role(participant, person)).collect()
        }
        Type::OrganizationAffiliation => vec![affiliation(participant, region)],
    });
    own.into_iter().chain(theirs).collect()
}

fn region_itself(region: Region<'_>) -> Shown {
    let resource =
        json!({"resourceType": "Organization", "id": region.id, "active": true, "name": region.name});
    let facts = Facts {
        id: region.id.to_owned(),
        identifiers: Vec::new(),
        name: region.name.to_owned(),
        types: Vec::new(),
        status: "true".to_owned(),
        organization: region.id.to_owned(),
        participating: String::new(),
    };
    Shown { kind: Type::Organization, facts, resource }
}

fn organization(p: &Participant<'_>) -> Shown {
    let category = format!("{OURS}CodeSystem/category");
    let mut members = json!({
        "active": p.active,
        "identifier": [identifier(p)],
        "type": p.categories.iter().map(|code| concept(&category, code)).collect::<Vec<_>>(),
        "name": p.name,
        "telecom": telecom(p.contacts),
        "address": p.place.iter().map(|place| address(*place)).collect::<Vec<_>>(),
        "endpoint": p.endpoint.iter().map(|_| reference("Endpoint", p.id)).collect::<Vec<_>>(),
    });
    shown(p, Type::Organization, p.id, p.name, tokens(&category, p.categories), &mut members)
}

fn service(p: &Participant<'_>) -> Shown {
    let function = format!("{OURS}CodeSystem/function");
    let mut members = json!({
        "active": p.active,
        "identifier": [identifier(p)],
        "providedBy": reference("Organization", p.id),
        "type": p.functions.iter().map(|code| concept(&function, code)).collect::<Vec<_>>(),
        "location": p.place.iter().map(|_| reference("Location", p.id)).collect::<Vec<_>>(),
        "name": p.name,
        "telecom": telecom(p.contacts),
        "availableTime": hours(p.hours, "availableStartTime", "availableEndTime"),
        "endpoint": p.endpoint.iter().map(|_| reference("Endpoint", p.id)).collect::<Vec<_>>(),
    });
    shown(p, Type::HealthcareService, p.id, p.name, tokens(&function, p.functions), &mut members)
}

fn location(p: &Participant<'_>, place: super::Place<'_>) -> Shown {
    let mut members = json!({
        "status": if p.active { "active" } else { "inactive" },
        "identifier": [identifier(p)],
        "name": p.name,
        "telecom": telecom(p.contacts),
        "address": address(place),
        "managingOrganization": reference("Organization", p.id),
        "hoursOfOperation": hours(p.hours, "openingTime", "closingTime"),
    });
    shown(p, Type::Location, p.id, p.name, Vec::new(), &mut members)
}

fn endpoint(p: &Participant<'_>, address: &str) -> Shown {
    const CONNECTION: &str = "http://terminology.hl7.org/CodeSystem/endpoint-connection-type";
    const PAYLOAD: &str = "http://terminology.hl7.org/CodeSystem/endpoint-payload-type";
    let mut members = json!({
        "status": if p.active { "active" } else { "suspended" },
        "identifier": [identifier(p)],
        "connectionType": {"system": CONNECTION, "code": "hl7-fhir-rest"},
        "name": p.name,
        "managingOrganization": reference("Organization", p.id),
        "payloadType": [concept(PAYLOAD, "any")],
        "payloadMimeType": ["application/fhir+json"],
        "address": address,
    });
    shown(p, Type::Endpoint, p.id, p.name, tokens(CONNECTION, &["hl7-fhir-rest"]), &mut members)
}

fn practitioner_role(p: &Participant<'_>, person: &Person<'_>) -> Shown {
    let (system, code) = person.role;
    let mut members = json!({
        "active": p.active,
        "identifier": [{"system": format!("{OURS}NamingSystem/person"), "value": person.id}],
        "practitioner": {
            "type": "Practitioner",
            "identifier": {"system": format!("{OURS}NamingSystem/person"), "value": person.id},
            "display": person.name
        },
        "organization": reference("Organization", p.id),
        "code": [concept(system, code)],
        "healthcareService": if p.functions.is_empty() { json!([]) } else { json!([reference("HealthcareService", p.id)]) },
    });
    let mut shown =
        shown(p, Type::PractitionerRole, person.id, person.name, tokens(system, &[code]), &mut members);
    shown.facts.identifiers = vec![(format!("{OURS}NamingSystem/person"), person.id.to_owned())];
    shown
}

fn affiliation(p: &Participant<'_>, region: Region<'_>) -> Shown {
    let role = format!("{OURS}CodeSystem/category");
    let mut members = json!({
        "active": p.active,
        "identifier": [identifier(p)],
        "organization": reference("Organization", region.id),
        "participatingOrganization": reference("Organization", p.id),
        "code": p.categories.iter().map(|code| concept(&role, code)).collect::<Vec<_>>(),
        "endpoint": p.endpoint.iter().map(|_| reference("Endpoint", p.id)).collect::<Vec<_>>(),
    });
    let mut shown =
        shown(p, Type::OrganizationAffiliation, p.id, p.name, tokens(&role, p.categories), &mut members);
    shown.facts.organization = region.id.to_owned();
    shown.facts.participating = p.id.to_owned();
    shown
}

fn shown(
    p: &Participant<'_>,
    kind: Type,
    id: &str,
    name: &str,
    types: Vec<(String, String)>,
    members: &mut Value,
) -> Shown {
    let mut all = std::mem::take(members);
    if let Some(members) = all.as_object_mut() {
        finish(members, p, kind, id);
    }
    let (system, value) = p.identifier;
    let status = all.get("status").and_then(Value::as_str);
    let facts = Facts {
        id: id.to_owned(),
        identifiers: vec![(system.to_owned(), value.to_owned())],
        name: name.to_owned(),
        types,
        status: status.map_or_else(|| p.active.to_string(), str::to_owned),
        organization: p.id.to_owned(),
        participating: String::new(),
    };
    Shown { kind, facts, resource: all }
}

/// FHIR has no empty members; every resource says what it is and when it was checked.
fn finish(members: &mut Map<String, Value>, p: &Participant<'_>, kind: Type, id: &str) {
    members.retain(|_, value| {
        !value.as_array().is_some_and(Vec::is_empty)
            && value.as_str().is_none_or(|text| !text.trim().is_empty())
    });
    members.insert("resourceType".to_owned(), json!(kind.as_str()));
    members.insert("id".to_owned(), json!(id));
    if let Some(checked) = p.checked {
        let url = format!("{OURS}StructureDefinition/date-checked");
        members.insert("extension".to_owned(), json!([{"url": url, "valueDate": checked}]));
    }
}

fn tokens(system: &str, codes: &[&str]) -> Vec<(String, String)> {
    codes.iter().map(|code| (system.to_owned(), (*code).to_owned())).collect()
}

fn identifier(p: &Participant<'_>) -> Value {
    json!({"system": p.identifier.0, "value": p.identifier.1})
}

fn telecom(contacts: &[Contact<'_>]) -> Vec<Value> {
    contacts.iter().map(|contact| json!({"system": contact.system, "value": contact.value})).collect()
}

fn hours(hours: &[super::Hours], from: &str, to: &str) -> Vec<Value> {
    let time = |text: &str| format!("{text}:00");
    hours
        .iter()
        .map(|one| json!({"daysOfWeek": one.days, from: time(&one.from), to: time(&one.to)}))
        .collect()
}

fn address(place: super::Place<'_>) -> Value {
    json!({"line": [place.line], "city": place.city, "postalCode": place.postcode, "country": "NL"})
}

fn reference(kind: &str, id: &str) -> Value {
    json!({"reference": format!("{kind}/{id}")})
}

fn concept(system: &str, code: &str) -> Value {
    json!({"coding": [{"system": system, "code": code}]})
}

const OURS: &str = "https://sluis.example/fhir/";
