//! Whom a resource says it is about: by element for most types, by hand for the rest.
//!
//! Reads references as they are written; whether they lead to the file's Patient is for `person` to judge.

use crate::identifiers::Identifier;
use crate::json::Value;
use crate::r4::{Definitions, TypeKind};
use std::collections::HashMap;

/// One reference to somebody that a resource is about.
pub(super) struct Subject {
    /// The element, for the refusal's expression.
    pub(super) element: &'static str,
    /// The literal reference; a name of its own for whom nothing names, so that two unnamed are never one.
    pub(super) reference: Option<String>,
    /// Identifiers of the reference, of a condition in it, or of the contained Patient.
    pub(super) identifiers: Vec<Identifier>,
    /// How sure it is that a person is meant.
    pub(super) means: Means,
}

/// How sure it is that a reference means a person in care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// It says so, or its element is there for that.
    Person,
    /// One of many kinds: a person only if it leads to the file's Patient.
    Perhaps,
}

/// Contained resources by id.
type Inside<'d> = HashMap<String, Value<'d>>;

/// Every subject of the resource at `place`.
pub(super) fn subjects(resource: Value<'_>, type_name: &str, place: &str) -> Vec<Subject> {
    let inside: Inside<'_> =
        resource.each("contained").filter_map(|c| Some((c.get_str("id")?.into_owned(), c))).collect();
    let mut out = Vec::new();
    for element in ["subject", "patient", "for", "beneficiary", "individual"] {
        if may_be_patient(type_name, element) {
            let choice = format!("{element}Reference");
            for reference in resource.each(element).chain(resource.each(&choice)) {
                out.extend(subject(&inside, element, reference, Means::Person));
            }
        }
    }
    let nested: &[(&'static str, &str)] = match type_name {
        "Appointment" => &[("participant", "actor")],
        "AuditEvent" => &[("entity", "what")],
        "Group" => &[("member", "entity")],
        "Person" => &[("link", "target")],
        _ => &[],
    };
    for (list, element) in nested {
        for reference in resource.each(list).filter_map(|item| item.get(element)) {
            out.extend(subject(&inside, list, reference, Means::Perhaps));
        }
    }
    let direct: Option<&'static str> = match type_name {
        "AppointmentResponse" | "Schedule" => Some("actor"),
        "Provenance" => Some("target"),
        _ => None,
    };
    if let Some(element) = direct {
        for reference in resource.each(element) {
            out.extend(subject(&inside, element, reference, Means::Perhaps));
        }
    }
    for (number, unnamed) in out.iter_mut().filter(|s| s.reference.is_none()).enumerate() {
        if unnamed.identifiers.is_empty() {
            unnamed.reference = Some(format!("{place}#{number}"));
        }
    }
    out
}

fn may_be_patient(type_name: &str, element: &str) -> bool {
    let element = Definitions::get().element(type_name, element);
    element.is_some_and(|e| {
        let mut references = e.types.iter().filter(|t| t.code == "Reference");
        references.any(|t| t.targets.is_empty() || t.targets.contains(&"Patient"))
    })
}

/// One subject, or nothing when it is somebody or something other than a person in care.
fn subject(
    inside: &Inside<'_>,
    element: &'static str,
    reference: Value<'_>,
    means: Means,
) -> Option<Subject> {
    let mut identifiers: Vec<Identifier> =
        reference.get("identifier").and_then(identifier).into_iter().collect();
    let literal = reference.get_str("reference");
    if let Some(id) = literal.as_deref().and_then(|text| text.strip_prefix('#')) {
        let inner = inside.get(id)?;
        if inner.get_str("resourceType")? != "Patient" {
            return None;
        }
        identifiers.extend(self::identifiers(*inner));
        return Some(Subject { element, reference: None, identifiers, means: Means::Person });
    }
    let typed = reference.get_str("type");
    let named = literal.as_deref().and_then(target_type).or(typed.as_deref());
    if named.is_some_and(|name| name != "Patient") {
        return None;
    }
    let means = if named.is_some() { Means::Person } else { means };
    let condition =
        literal.as_deref().and_then(|text| text.split_once("?identifier=")).map(|(_, token)| token);
    identifiers.extend(condition.and_then(Identifier::parse));
    let conditional = condition.is_some();
    let reference = literal.map(String::from).filter(|_| !conditional);
    Some(Subject { element, reference, identifiers, means })
}

/// The resource type in a literal reference, when it names one.
fn target_type(reference: &str) -> Option<&'static str> {
    let plain = reference.split_once("/_history/").map_or(reference, |(plain, _)| plain);
    let path = plain.split('?').next()?;
    let name = if plain.contains('?') { path.rsplit('/').next() } else { path.rsplit('/').nth(1) }?;
    Definitions::get().type_def(name).filter(|t| t.kind == TypeKind::Resource).map(|t| t.name)
}

/// A Patient's usable identifiers; what was replaced (`use` old) identifies nobody any more.
pub(super) fn identifiers(patient: Value<'_>) -> Vec<Identifier> {
    let current = patient.each("identifier").filter(|i| i.get_str("use").is_none_or(|u| u != "old"));
    current.filter_map(identifier).collect()
}

fn identifier(value: Value<'_>) -> Option<Identifier> {
    Identifier::new(&value.get_str("system")?, &value.get_str("value")?)
}
