//! A record as FHIR R4 Consent, for those who did not record it themselves and for the person.

use super::codes;
use consent::record::{ConsentRecord, Giver, Holder, Kind, Provision, Representative, Status, User};
use consent::{Identifier, Period, Vocabulary};
use serde_json::{Map, Value, json};

/// The record as compact JSON; `patient` is the reader's own `{id}` for the person. [`super::read`] gives the same
/// record back.
#[must_use]
pub fn write(record: &ConsentRecord, patient: &str, vocabulary: &Vocabulary) -> Vec<u8> {
    let writer = Writer { vocabulary };
    let patient = format!("Patient/{patient}");
    let mut out = Map::new();
    let mut set = |name: &str, value: Value| out.insert(name.to_owned(), value);
    set("resourceType", json!("Consent"));
    set("id", json!(record.id));
    let mut meta = json!({"versionId": record.version.to_string()});
    if let (Some(profile), Value::Object(meta)) = (profile(record), &mut meta) {
        meta.insert("profile".to_owned(), json!([profile]));
    }
    set("meta", meta);
    set("status", json!(status(record.status)));
    set("scope", concept(codes::SCOPE, "patient-privacy"));
    set("category", json!([concept(codes::LOINC, codes::PRIVACY_CATEGORY)]));
    set("patient", json!({"reference": patient}));
    set("dateTime", json!(record.given_at.to_string()));
    let (mut performers, mut contained) = (Vec::new(), Vec::new());
    for giver in &record.givers {
        match giver {
            Giver::Person => performers.push(json!({"reference": patient})),
            Giver::Representative(representative) => {
                let id = format!("representative-{}", contained.len() + 1);
                performers.push(json!({"reference": format!("#{id}")}));
                contained.push(related_person(representative, &id, &patient));
            }
        }
    }
    set("performer", Value::Array(performers));
    if !contained.is_empty() {
        set("contained", Value::Array(contained));
    }
    if let Some(recorder) = &record.recorded_by {
        set("organization", json!([organisation(recorder)]));
    }
    match (&record.source.title, &record.source.reference) {
        (Some(title), _) => set("sourceAttachment", json!({"title": title})),
        (None, reference) => {
            set("sourceReference", source_reference(reference.as_deref().unwrap_or_default()))
        }
    };
    set("policy", json!([{"uri": record.policy}]));
    set("provision", writer.provision(&record.provision));
    Value::Object(out).to_string().into_bytes()
}

struct Writer<'v> {
    vocabulary: &'v Vocabulary,
}

impl Writer<'_> {
    fn provision(&self, from: &Provision) -> Value {
        let mut out = Map::new();
        out.insert("type".to_owned(), json!(if from.kind == Kind::Permit { "permit" } else { "deny" }));
        let mut list = |name: &str, items: Vec<Value>| {
            if !items.is_empty() {
                out.insert(name.to_owned(), Value::Array(items));
            }
        };
        let holders = from.holders.iter().map(|holder| actor("CST", holder_reference(holder)));
        let users = from.users.iter().map(|user| actor("IRCP", user_reference(user)));
        list("actor", holders.chain(users).collect());
        list("purpose", from.purposes.iter().map(|p| coding(codes::ACT_REASON, p.code())).collect());
        list("code", from.classes.iter().map(|class| concept(codes::DATA_CLASS, class)).collect());
        list(
            "securityLabel",
            from.labels.iter().map(|label| coding(self.label_system(label), label)).collect(),
        );
        let items =
            from.items.iter().map(|i| json!({"meaning": "instance", "reference": {"identifier": named(i)}}));
        let context =
            from.context.iter().map(|i| json!({"meaning": "related", "reference": {"identifier": named(i)}}));
        list("data", items.chain(context).collect());
        list("provision", from.exceptions.iter().map(|inner| self.provision(inner)).collect());
        for (name, bounds) in [("period", &from.period), ("dataPeriod", &from.data_period)] {
            if let Some(bounds) = bounds {
                out.insert(name.to_owned(), period(bounds));
            }
        }
        Value::Object(out)
    }

    fn label_system(&self, label: &str) -> &str {
        if codes::LEVELS.contains(&label) {
            return codes::CONFIDENTIALITY;
        }
        let known = self.vocabulary.label(label).and_then(|label| self.vocabulary.label_spec(label));
        known.map_or(codes::LABEL, |spec| &spec.system)
    }
}

fn coding(system: &str, code: &str) -> Value {
    json!({"system": system, "code": code})
}

fn concept(system: &str, code: &str) -> Value {
    json!({"coding": [coding(system, code)]})
}

fn named(identifier: &Identifier) -> Value {
    json!({"system": identifier.system, "value": identifier.value})
}

fn group(system: &str, value: &str) -> Value {
    json!({"type": "Group", "identifier": {"system": system, "value": value}})
}

fn organisation(identifier: &Identifier) -> Value {
    json!({"type": "Organization", "identifier": named(identifier)})
}

fn actor(role: &str, reference: Value) -> Value {
    json!({"role": concept(codes::PARTICIPATION, role), "reference": reference})
}

fn holder_reference(holder: &Holder) -> Value {
    match holder {
        Holder::Any => group(codes::CATEGORY, "any"),
        Holder::Organisation(identifier) => organisation(identifier),
        Holder::Category(code) => group(codes::CATEGORY, code),
        Holder::Function(code) => group(codes::FUNCTION, code),
    }
}

fn user_reference(user: &User) -> Value {
    match user {
        User::Person(identifier) => json!({"type": "Practitioner", "identifier": named(identifier)}),
        User::Organisation(identifier) => organisation(identifier),
        User::Category(code) => group(codes::CATEGORY, code),
        User::Function(code) => group(codes::FUNCTION, code),
    }
}

fn source_reference(text: &str) -> Value {
    match text.split_once('|') {
        Some((system, value)) => json!({"identifier": {"system": system, "value": value}}),
        None => json!({"reference": text}),
    }
}

pub(crate) fn period(period: &Period) -> Value {
    let mut out = Map::new();
    for (name, side) in [("start", &period.start), ("end", &period.end)] {
        if let Some(moment) = side {
            out.insert(name.to_owned(), json!(moment.as_str()));
        }
    }
    Value::Object(out)
}

fn related_person(from: &Representative, id: &str, patient: &str) -> Value {
    let scope = from
        .scope
        .iter()
        .flatten()
        .map(|class| json!({"url": codes::REPRESENTATION_SCOPE, "valueCode": class}));
    let evidence = json!({"url": codes::REPRESENTATION_EVIDENCE, "valueString": from.evidence});
    let mut out = json!({
        "resourceType": "RelatedPerson",
        "id": id,
        "extension": scope.chain([evidence]).collect::<Vec<_>>(),
        "patient": {"reference": patient},
        "relationship": [concept(codes::REPRESENTATION, from.kind.code())],
        "period": period(&from.mandate),
    });
    if let (Some(person), Value::Object(members)) = (&from.person, &mut out) {
        members.insert("identifier".to_owned(), json!([named(person)]));
    }
    out
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Draft => "draft",
        Status::Proposed => "proposed",
        Status::Active => "active",
        Status::Rejected => "rejected",
        Status::Inactive => "inactive",
        Status::EnteredInError => "entered-in-error",
    }
}

/// The narrowest IHE PCF profile that is kept. All three bar `provision.code`; Basic and Intermediate bar labels,
/// Basic also data, data periods and exceptions. A record without a recorder keeps none.
fn profile(record: &ConsentRecord) -> Option<&'static str> {
    record.recorded_by.as_ref()?;
    let provision = &record.provision;
    if any(provision, &|p| !p.classes.is_empty()) {
        return None;
    }
    let labelled = any(provision, &|p| !p.labels.is_empty());
    let more = !provision.exceptions.is_empty()
        || !provision.items.is_empty()
        || !provision.context.is_empty()
        || provision.data_period.is_some();
    Some(match (labelled, more) {
        (true, _) => "https://profiles.ihe.net/ITI/PCF/StructureDefinition/IHE.PCF.consentAdvanced",
        (false, true) => "https://profiles.ihe.net/ITI/PCF/StructureDefinition/IHE.PCF.consentIntermediate",
        (false, false) => "https://profiles.ihe.net/ITI/PCF/StructureDefinition/IHE.PCF.consentBasic",
    })
}

fn any(provision: &Provision, test: &dyn Fn(&Provision) -> bool) -> bool {
    test(provision) || provision.exceptions.iter().any(|inner| any(inner, test))
}
