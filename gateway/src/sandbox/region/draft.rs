//! A resource being written, and the small pieces every resource has. Must not know kinds.

use serde_json::{Map, Value, json};

use super::code::{NL_CORE, UCUM, coding, concept};

/// A FHIR resource under construction.
pub(super) struct Draft(Map<String, Value>);

impl Draft {
    /// An empty resource of a type; `profile` is the tail of an nl-core profile, or a whole URL.
    pub(super) fn new(resource_type: &str, profile: Option<&str>) -> Self {
        let draft = Self(Map::new()).with("resourceType", json!(resource_type));
        match profile {
            Some(url) if url.starts_with("http") => draft.with("meta", json!({"profile": [url]})),
            Some(tail) => draft.with("meta", json!({"profile": [format!("{NL_CORE}{tail}")]})),
            None => draft,
        }
    }

    /// Sets an element.
    #[must_use]
    pub(super) fn with(mut self, element: &str, value: Value) -> Self {
        self.0.insert(element.to_owned(), value);
        self
    }

    /// Sets an element if there is something to set.
    #[must_use]
    pub(super) fn maybe(self, element: &str, value: Option<Value>) -> Self {
        match value {
            Some(value) => self.with(element, value),
            None => self,
        }
    }

    /// The element so far.
    pub(super) fn get(&self, element: &str) -> Option<&Value> {
        self.0.get(element)
    }

    /// The finished resource.
    pub(super) fn done(self) -> Value {
        Value::Object(self.0)
    }
}

/// A reference by type and id.
pub(super) fn reference(resource_type: &str, id: &str) -> Value {
    json!({"reference": format!("{resource_type}/{id}"), "type": resource_type})
}

/// A period with whatever ends it has; `None` without any.
pub(super) fn period(start: Option<String>, end: Option<String>) -> Option<Value> {
    match (start, end) {
        (None, None) => None,
        (Some(start), None) => Some(json!({"start": start})),
        (None, Some(end)) => Some(json!({"end": end})),
        (Some(start), Some(end)) => Some(json!({"start": start, "end": end})),
    }
}

/// What a measurement or answer says, with the element it belongs in.
pub(super) struct Said {
    pub(super) element: &'static str,
    pub(super) value: Value,
}

/// Reads `ja`, `nee`, `7.4 mmol/L`, `13` or `sct:123 words`; `None` means it is free text.
pub(super) fn said(text: &str) -> Option<Said> {
    match text {
        "ja" => return Some(Said { element: "valueBoolean", value: json!(true) }),
        "nee" => return Some(Said { element: "valueBoolean", value: json!(false) }),
        _ => {}
    }
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    if let Some(value) = concept(first, rest) {
        return Some(Said { element: "valueCodeableConcept", value });
    }
    let number: serde_json::Number = first.parse().ok()?;
    Some(if rest.is_empty() && number.is_i64() {
        Said { element: "valueInteger", value: json!(number) }
    } else {
        Said { element: "valueQuantity", value: quantity(&number, rest) }
    })
}

/// A quantity, its unit coded.
pub(super) fn quantity(number: &serde_json::Number, unit: &str) -> Value {
    // Money has its own code system; everything else here is UCUM.
    let system = if unit == "EUR" { "urn:iso:std:iso:4217" } else { UCUM };
    json!({"value": number, "unit": unit, "system": system, "code": unit})
}

/// A concept with one coding per code, all shown with the same words.
pub(super) fn concept_of(codes: &[&str], display: &str) -> Option<Value> {
    let codings: Option<Vec<Value>> = codes.iter().map(|code| coding(code, display)).collect();
    codings.filter(|codings| !codings.is_empty()).map(|codings| json!({"coding": codings}))
}

/// Text made safe for XHTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
