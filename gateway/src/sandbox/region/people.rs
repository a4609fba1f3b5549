//! Participants and staff: the registration documents, and the Organization, Practitioner and
//! PractitionerRole that a holder's data refers to.

use serde::Deserialize;
use serde_json::{Value, json};

use super::calendar::Calendar;
use super::code::{NL_CORE, S, coding, system};
use super::line::lines;
use super::{RegionError, Staff};

const FILE: &str = "participants.toml";
const STAFF_FILE: &str = "staff.txt";

/// What a participant may ask for at most; functions and consent decide what it gets.
const READ: [&str; 38] = [
    "Patient",
    "Condition",
    "AllergyIntolerance",
    "Flag",
    "MedicationRequest",
    "MedicationDispense",
    "MedicationStatement",
    "Medication",
    "Observation",
    "DiagnosticReport",
    "Immunization",
    "ImmunizationRecommendation",
    "Procedure",
    "DeviceUseStatement",
    "DeviceRequest",
    "Device",
    "Appointment",
    "Goal",
    "Task",
    "NutritionOrder",
    "Coverage",
    "RelatedPerson",
    "DocumentReference",
    "Composition",
    "QuestionnaireResponse",
    "AuditEvent",
    "Organization",
    "HealthcareService",
    "Location",
    "Endpoint",
    "Practitioner",
    "PractitionerRole",
    "OrganizationAffiliation",
    "Binary",
    "Specimen",
    "Bundle",
    "Provenance",
    "List",
];
/// Types a participant also writes: consents, relations, attestations.
const WRITE: [&str; 8] =
    ["Consent", "ServiceRequest", "CareTeam", "EpisodeOfCare", "CarePlan", "Encounter", "Basic", "List"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Register {
    participant: Vec<House>,
}

/// A participant as the data file writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct House {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) short: String,
    categories: Vec<String>,
    functions: Vec<String>,
    ura: Option<String>,
    kvk: Option<String>,
    oin: Option<String>,
    purposes: Vec<String>,
    audience: String,
    #[serde(default)]
    holder: bool,
    #[serde(default)]
    emergency_asks: bool,
    #[serde(default)]
    pub(super) suspended: bool,
    pub(super) phone: String,
    /// From when to when on working days.
    office: Option<[String; 2]>,
}

/// Reads the participants.
pub(super) fn houses() -> Result<Vec<House>, RegionError> {
    toml::from_str::<Register>(include_str!("data/participants.toml"))
        .map(|register| register.participant)
        .map_err(|error| RegionError { file: FILE, line: 0, why: error.to_string() })
}

/// Reads the staff.
pub(super) fn staff() -> Result<Vec<Staff>, RegionError> {
    lines(STAFF_FILE, include_str!("data/staff.txt"))?
        .iter()
        .map(|line| {
            let code = line.codes.first().ok_or_else(|| line.error("no role code"))?;
            let (short, code) = code.split_once(':').ok_or_else(|| line.error("no role system"))?;
            let role_system = system(short).ok_or_else(|| line.error("unknown role system"))?;
            Ok(Staff {
                id: line.need("id")?.to_owned(),
                name: line.title.to_owned(),
                role_system: role_system.to_owned(),
                role_code: code.to_owned(),
                role_name: line.need("role")?.to_owned(),
                functions: line
                    .get("as")
                    .into_iter()
                    .flat_map(str::split_whitespace)
                    .map(str::to_owned)
                    .collect(),
                participant: line.need("org")?.to_owned(),
            })
        })
        .collect()
}

impl House {
    /// Register number, as `identifier` of a registration.
    pub(super) fn identifier(&self) -> Option<Value> {
        let (name, value) = match (&self.ura, &self.kvk, &self.oin) {
            (Some(ura), None, None) => ("ura", ura),
            (None, Some(kvk), None) => ("kvk", kvk),
            (None, None, Some(oin)) => ("oin", oin),
            _ => return None,
        };
        Some(json!({"system": format!("http://fhir.nl/fhir/NamingSystem/{name}"), "value": value}))
    }

    /// Whether a privacy officer looks under HCOMPL: of whoever asks about persons, not of a person's own app,
    /// a payer, or one that was suspended.
    pub(super) fn has_officer(&self) -> bool {
        let asks = self.purposes.iter().any(|code| code != "PATRQT");
        asks && !self.suspended
    }

    /// The registration, in the shape of `participant add`, without keys and certificate.
    pub(super) fn registration(&self, calendar: &Calendar) -> Option<Value> {
        let from = calendar.fhir("T-1")?;
        let to = calendar.fhir("T+3652")?;
        let functions: Vec<Value> =
            self.functions.iter().map(|code| json!({"code": code, "from": from, "to": to})).collect();
        let officer = self.has_officer().then_some("HCOMPL");
        let purposes: Vec<&str> = self.purposes.iter().map(String::as_str).chain(officer).collect();
        let scopes: Vec<String> = READ
            .iter()
            .map(|name| format!("system/{name}.rs"))
            .chain(WRITE.iter().map(|name| format!("system/{name}.cruds")))
            .collect();
        let days = ["mon", "tue", "wed", "thu", "fri"];
        let hours = self.office.iter().map(|[from, to]| json!({"days": days, "from": from, "to": to}));
        Some(json!({
            "id": self.id,
            "name": self.name,
            "categories": self.categories,
            "functions": functions,
            "contact": [{"system": "phone", "value": self.phone}],
            "hours": hours.collect::<Vec<_>>(),
            "checked": calendar.fhir("T-30")?,
            "identifier": self.identifier()?,
            "purposes": purposes,
            "scopes": scopes,
            "audience": self.audience,
            "holder": self.holder.then_some("hosted"),
            "recorder": self.holder,
            "emergency": {"asks": self.emergency_asks, "gives": self.holder},
            "endpoint": null,
            "agreement": {"version": "heuvelrijk-1", "from": from, "to": to},
        }))
    }

    /// The organisation as its own data names it.
    pub(super) fn organisation(&self) -> Option<Value> {
        Some(json!({
            "resourceType": "Organization",
            "id": format!("org-{}", self.short),
            "meta": {"profile": [format!("{NL_CORE}HealthcareProvider-Organization")]},
            "identifier": [self.identifier()?],
            "active": true,
            "name": self.name,
            "telecom": [{"system": "phone", "value": self.phone, "use": "work"}],
        }))
    }
}

impl Staff {
    /// Practitioner and PractitionerRole.
    pub(super) fn resources(&self, house: &House) -> Vec<Value> {
        let role = json!({"coding": [{"system": self.role_system, "code": self.role_code, "display": self.role_name}]});
        vec![
            json!({
                "resourceType": "Practitioner",
                "id": format!("prof-{}", self.id),
                "meta": {"profile": [format!("{NL_CORE}HealthProfessional-Practitioner")]},
                "identifier": [{"system": format!("{S}NamingSystem/person"), "value": self.id}],
                "name": [human_name(&self.name)],
            }),
            json!({
                "resourceType": "PractitionerRole",
                "id": format!("rol-{}", self.id),
                "meta": {"profile": [format!("{NL_CORE}HealthProfessional-PractitionerRole")]},
                "practitioner": {"reference": format!("Practitioner/prof-{}", self.id), "type": "Practitioner"},
                "organization": {"reference": format!("Organization/org-{}", house.short), "type": "Organization"},
                "code": [role],
                "telecom": [{"system": "phone", "value": house.phone, "use": "work"}],
            }),
        ]
    }
}

/// A name: everything before the family name is given; prefixes (`van der`, `de`, `El`) go with the family.
pub(super) fn human_name(text: &str) -> Value {
    let (given, family) = text.split_once(' ').unwrap_or(("", text));
    let own = family.rsplit(' ').next().unwrap_or(family);
    let prefix = family.strip_suffix(own).map(str::trim).filter(|prefix| !prefix.is_empty());
    let mut parts = vec![json!({
        "url": "http://hl7.org/fhir/StructureDefinition/humanname-own-name", "valueString": own,
    })];
    if let Some(prefix) = prefix {
        parts.insert(
            0,
            json!({
                "url": "http://hl7.org/fhir/StructureDefinition/humanname-own-prefix", "valueString": prefix,
            }),
        );
    }
    if given.is_empty() {
        return json!({"use": "official", "text": text, "family": family, "_family": {"extension": parts}});
    }
    let qualifier = if given.ends_with('.') { "IN" } else { "BR" };
    json!({
        "use": "official",
        "text": text,
        "family": family,
        "_family": {"extension": parts},
        "given": [given],
        "_given": [{"extension": [{
            "url": "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier", "valueCode": qualifier,
        }]}],
    })
}

/// A language as coded for `Patient.communication`.
pub(super) fn language(code: &str) -> Value {
    json!({"coding": [{"system": "urn:ietf:bcp:47", "code": code}]})
}

/// Marital status by HL7 code.
pub(super) fn marital(code: &str) -> Option<Value> {
    coding(&format!("marital:{code}"), "").map(|coding| json!({"coding": [coding]}))
}
