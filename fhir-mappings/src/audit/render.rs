//! An entry as a FHIR R4 AuditEvent, by the rule in `docs/audit-rendering.md` (rule version 1).
//!
//! Deterministic: the same record always reads the same. It adds nothing that the record does not say; where a
//! profile wants an element of which the record is silent, it says so in a fixed word.

mod agents;
mod codes;
mod entities;

use super::{Action, Entry, Interaction, Kind, Outcome};
use agents::agents;
use codes::{coding, gateway, ours, purpose};
use entities::entities;
use serde_json::{Value, json};

/// The version of this rule; it stands in every event.
pub const RULE: &str = "https://sluis.example/fhir/policy/audit-rendering/1";

/// Where a record stands: what the journal knows beside the sealed entry.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// Position in the journal.
    pub index: u64,
    /// The journal's origin.
    pub origin: &'a str,
    /// When it was recorded, RFC 3339.
    pub time: &'a str,
    /// The request it belongs to; empty when it belongs to none.
    pub request_id: &'a str,
}

/// The shape an event takes; each but the last claims a BALP profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Read,
    Query,
    Disclosure,
    Receipt,
    Decision,
    Token,
    Plain,
}

impl Shape {
    fn profile(self) -> Option<String> {
        let name = match self {
            Self::Read => "PatientRead",
            Self::Query => "PatientQuery",
            Self::Disclosure => "PrivacyDisclosure.Source",
            Self::Receipt => "PrivacyDisclosure.Recipient",
            Self::Decision => "AuthZconsent",
            Self::Token => "OAUTHaccessTokenUse.Comprehensive",
            Self::Plain => return None,
        };
        Some(format!("{BALP}StructureDefinition/IHE.BasicAudit.{name}"))
    }
}

/// For whom a disclosure is shown. All other events read the same to both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Those whose data left: the person, the holder and its officer.
    Source,
    /// The asker and its officer.
    Recipient,
}

/// The AuditEvent of a record as the source sees it; `None` for kinds that are none (`notice`, `restart`, `flood`: nobody touched data).
#[must_use]
pub fn render(entry: &Entry, place: Place<'_>) -> Option<Vec<u8>> {
    render_for(Side::Source, entry, place)
}

/// The AuditEvent of a record as one side sees it.
#[must_use]
pub fn render_for(side: Side, entry: &Entry, place: Place<'_>) -> Option<Vec<u8>> {
    match entry.kind {
        Kind::Notice | Kind::Restart | Kind::Flood => return None,
        Kind::Asked
        | Kind::Answered
        | Kind::Refused
        | Kind::Token
        | Kind::TokenRefused
        | Kind::Consent
        | Kind::Relation
        | Kind::Attestation
        | Kind::Import
        | Kind::DryRun
        | Kind::Participant
        | Kind::Certificate
        | Kind::Key
        | Kind::Rules
        | Kind::Portal
        | Kind::AuditRead => {}
    }
    let shape = match (shape(entry), side) {
        (Shape::Disclosure, Side::Recipient) => Shape::Receipt,
        (shape, _) => shape,
    };
    let event = json!({
        "resourceType": "AuditEvent",
        "id": format!("r{}", place.index),
        "meta": {"profile": shape.profile().into_iter().collect::<Vec<_>>()},
        "type": event_type(shape),
        "subtype": subtypes(entry, shape),
        "action": action(entry, shape),
        "recorded": place.time,
        "outcome": outcome(&entry.outcome).0,
        "outcomeDesc": outcome(&entry.outcome).1,
        "purposeOfEvent": entry.purpose.iter().map(|code| purpose(code)).collect::<Vec<_>>(),
        "agent": agents(entry, place, shape),
        "source": {
            "site": place.origin,
            "observer": gateway(place),
            "type": [coding("http://terminology.hl7.org/CodeSystem/security-source-type", "4")]
        },
        "entity": entities(entry, place, shape),
    });
    serde_json::to_vec(&dense(event)).ok()
}

/// The BALP profile that the event of this entry claims towards the source, if it claims one.
#[must_use]
pub fn rendered_profile(entry: &Entry) -> Option<String> {
    shape(entry).profile()
}

/// Which shape fits: a profile is only claimed when the record says all that it asks for.
fn shape(entry: &Entry) -> Shape {
    let about_person = entry.subject.is_some();
    let who = entry.organisation.is_some() && entry.network.is_some();
    let success = matches!(entry.outcome, Outcome::Success);
    match (entry.kind, entry.interaction) {
        (Kind::Answered, Interaction::Summary) if about_person && who => Shape::Disclosure,
        (Kind::Answered, Interaction::Read) if about_person && who && success => Shape::Read,
        (Kind::Answered, Interaction::Search) if about_person && who && success && entry.query.is_some() => {
            Shape::Query
        }
        (Kind::Answered, Interaction::Read | Interaction::Search) if about_person && who => Shape::Disclosure,
        (Kind::Asked | Kind::Refused | Kind::DryRun, _)
            if about_person && who && entry.person.is_some() && !entry.consents.is_empty() =>
        {
            Shape::Decision
        }
        (Kind::Token, _) if entry.token.is_some() => Shape::Token,
        _ => Shape::Plain,
    }
}

fn event_type(shape: Shape) -> Value {
    match shape {
        Shape::Read | Shape::Query => {
            coding("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest")
        }
        Shape::Disclosure => coding(DCM, "110106"),
        Shape::Receipt => coding(DCM, "110107"),
        Shape::Decision => coding(DCM, "110113"),
        Shape::Token => coding(DCM, "110122"),
        Shape::Plain => coding(DCM, "110100"),
    }
}

/// The profile's own subtype first; our kind always, so that no event loses what it was.
fn subtypes(entry: &Entry, shape: Shape) -> Value {
    const REST: &str = "http://hl7.org/fhir/restful-interaction";
    let kind = serde_json::to_value(entry.kind).unwrap_or_default();
    let own = json!({"system": ours("audit-kind"), "code": kind});
    match shape {
        Shape::Read => json!([coding(REST, "read"), own]),
        Shape::Query => json!([coding(REST, "search"), own]),
        Shape::Disclosure | Shape::Receipt => {
            json!([coding("http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "disclose"), own])
        }
        // AuthZconsent binds every subtype: our kind stands in the outcome's words and in no other place.
        Shape::Decision => json!([coding(&format!("{BALP}CodeSystem/AuthZsubType"), "AuthZ-Consent")]),
        Shape::Token | Shape::Plain => json!([own]),
    }
}

fn action(entry: &Entry, shape: Shape) -> &'static str {
    match shape {
        Shape::Read | Shape::Disclosure => "R",
        Shape::Receipt => "C",
        Shape::Query | Shape::Decision => "E",
        Shape::Token | Shape::Plain => match entry.action {
            Action::Create => "C",
            Action::Read => "R",
            Action::Update => "U",
            Action::Delete => "D",
            Action::Execute => "E",
        },
    }
}

/// Outcome code, and the coded reason in words of ours.
fn outcome(outcome: &Outcome) -> (&'static str, &str) {
    match outcome {
        Outcome::Success => ("0", "success"),
        Outcome::Partial(reason) => ("4", reason),
        Outcome::Refused(reason) => ("8", reason),
        Outcome::Failed(reason) => ("12", reason),
    }
}

/// FHIR has no nulls, no empty objects, arrays or strings, and no control characters: what the record does not say
/// is not there.
fn dense(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, inner)| (name, dense(inner)))
                .filter(|(_, inner)| !is_hollow(inner))
                .collect(),
        ),
        Value::Array(items) => {
            Value::Array(items.into_iter().map(dense).filter(|inner| !is_hollow(inner)).collect())
        }
        Value::String(text) => Value::String(text.replace(|c: char| c.is_control(), " ")),
        other => other,
    }
}

fn is_hollow(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

const BALP: &str = "https://profiles.ihe.net/ITI/BALP/";
const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
