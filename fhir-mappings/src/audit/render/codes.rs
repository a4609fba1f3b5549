//! Codes, identifiers and details: the small change of an event.

use super::Place;
use crate::audit::{Coding, Entry, Protocol};
use serde_json::{Value, json};

pub(super) fn gateway(place: Place<'_>) -> Value {
    json!({"identifier": {"system": naming("gateway"), "value": place.origin}})
}

pub(super) fn detail(kind: &str, value: &str) -> Value {
    // FHIR has no empty strings.
    json!({"type": kind, "valueString": if value.chars().all(is_blank) { "none" } else { value }})
}

pub(super) fn identifier(found: &Coding) -> Value {
    json!({"identifier": {"system": address(&found.system), "value": found.code}})
}

/// A coding in FHIR's form, also where an asker chose the words: no white space in a system, single spaces in a code.
pub(super) fn coding(system: &str, code: &str) -> Value {
    let code: Vec<&str> = code.split(is_blank).filter(|part| !part.is_empty()).collect();
    json!({"system": address(system), "code": code.join(" ")})
}

/// A URI without white space.
pub(super) fn address(uri: &str) -> String {
    uri.split(is_blank).collect()
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

pub(super) fn concept(system: &str, code: &str) -> Value {
    json!({"coding": [coding(system, code)]})
}

pub(super) fn ours(name: &str) -> String {
    format!("https://sluis.example/fhir/CodeSystem/{name}")
}

pub(super) fn naming(name: &str) -> String {
    format!("https://sluis.example/fhir/NamingSystem/{name}")
}

/// Rules and tables as policy addresses with their hash (NEN 7513: authorisation protocol).
pub(super) fn protocols(entry: &Entry) -> Vec<String> {
    let one = |p: &Protocol| {
        format!("https://sluis.example/fhir/policy/{}/{}#sha256-{}", p.name, p.version, p.sha256)
    };
    entry.protocols.iter().map(one).collect()
}

pub(super) fn purpose(code: &str) -> Value {
    concept("http://terminology.hl7.org/CodeSystem/v3-ActReason", code)
}
