//! Codes as the data files write them (`sct:49436004`) to FHIR codings. The table of systems is the only
//! place where a system is spelled out.

use serde_json::{Value, json};

/// Base of everything this project coins.
pub(super) const S: &str = "https://sluis.example/fhir/";
/// Citizen service number.
pub(super) const BSN: &str = "http://fhir.nl/fhir/NamingSystem/bsn";
/// Profiles of the national core.
pub(super) const NL_CORE: &str = "http://nictiz.nl/fhir/StructureDefinition/nl-core-";
/// UCUM.
pub(super) const UCUM: &str = "http://unitsofmeasure.org";

const SYSTEMS: &[(&str, &str)] = &[
    ("sct", "http://snomed.info/sct"),
    ("loinc", "http://loinc.org"),
    ("atc", "http://www.whocc.no/atc"),
    ("icpc", "http://hl7.org/fhir/sid/icpc-1-nl"),
    ("cvx", "http://hl7.org/fhir/sid/cvx"),
    ("uzi", "http://fhir.nl/fhir/NamingSystem/uzi-rolcode"),
    ("rolecode", "http://terminology.hl7.org/CodeSystem/v3-RoleCode"),
    ("marital", "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"),
    ("act", "http://terminology.hl7.org/CodeSystem/v3-ActCode"),
    // zib2020 code lists of Nictiz: house type, living will, contact role, legal status, representation.
    ("house", "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.13.1"),
    ("will", "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.14.1"),
    ("contact", "urn:oid:2.16.840.1.113883.2.4.3.11.22.472"),
    ("legal", "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.23.2"),
    ("representation", "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.23.3"),
    ("education", "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.24.1"),
    ("honos", "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.28.1"),
    ("honosscore", "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.28.2"),
    ("barthel", "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.0.1"),
    // Ours: what social records say that no code list has, and facts as yes or no.
    ("social", "https://sluis.example/fhir/CodeSystem/social-record"),
    ("derived", "https://sluis.example/fhir/CodeSystem/derived"),
    ("section", "https://sluis.example/fhir/CodeSystem/crisis-plan-section"),
    ("role", "https://sluis.example/fhir/CodeSystem/person-role"),
];

/// The URI of a short system name.
pub(super) fn system(short: &str) -> Option<&'static str> {
    SYSTEMS.iter().find(|(name, _)| *name == short).map(|(_, uri)| *uri)
}

/// `sct:49436004` and what people read, as a coding.
pub(super) fn coding(code: &str, display: &str) -> Option<Value> {
    let (short, code) = code.split_once(':')?;
    let system = system(short)?;
    Some(if display.is_empty() {
        json!({"system": system, "code": code})
    } else {
        json!({"system": system, "code": code, "display": display})
    })
}

/// A concept with one coding.
pub(super) fn concept(code: &str, display: &str) -> Option<Value> {
    Some(json!({"coding": [coding(code, display)?]}))
}

/// A concept of HL7's own code systems on terminology.hl7.org.
pub(super) fn hl7(system: &str, code: &str) -> Value {
    json!({"coding": [{"system": format!("http://terminology.hl7.org/CodeSystem/{system}"), "code": code}]})
}

/// The labels of REGION.md 1: v3-ActCode where one exists, else our own.
pub(super) fn label(code: &str) -> Value {
    const OWN: [&str; 4] = ["protected-address", "young-person-only", "about-others", "criminal"];
    let system = if OWN.contains(&code) {
        format!("{S}CodeSystem/label")
    } else {
        "http://terminology.hl7.org/CodeSystem/v3-ActCode".to_owned()
    };
    json!({"system": system, "code": code})
}
