//! Records of an outside register, as they come. What cannot be read and may be an objection is kept and refuses.

use super::codes::{self, DirectiveKind, directive};
use super::contents::identifier;
use super::refusal::{Refusal, Why};
use super::{BYTES_MAX, Context, PatientRef, Received, read};
use crate::json::{self, Kind, Value};
use consent::Identifier;
use consent::record::Reading;
use std::borrow::Cow;

/// What one entry of a feed turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedEntry {
    /// Understood.
    Read(Box<Received>),
    /// Not understood, and it may object: keep the reading, which refuses everything for this person.
    MayObject {
        /// Whom it is about.
        patient: PatientRef,
        /// [`Reading::Unreadable`].
        reading: Box<Reading>,
        /// Why it could not be read.
        refusal: Refusal,
    },
    /// A clinical directive: data of its holder, never a privacy consent.
    Directive(DirectiveKind),
    /// Not understood, and it cannot object (a permit, or not in force), or nobody can tell whom it is about.
    Refused(Refusal),
}

/// Reads one entry of a feed.
#[must_use]
pub fn read_feed(bytes: &[u8], context: &Context<'_>) -> FeedEntry {
    let Ok(doc) = json::parse(bytes) else {
        let refusal = Refusal::new(Why::NotJson, "Consent");
        let salvaged = as_others_read(bytes);
        let Ok(doc) = json::parse(&salvaged) else { return FeedEntry::Refused(refusal) };
        let consent = doc.root().get_str("resourceType").as_deref() == Some("Consent");
        return unread(doc.root(), context, consent, refusal);
    };
    let root = doc.root();
    if let Some(kind) = directive(root) {
        return FeedEntry::Directive(kind);
    }
    let too_large = bytes.len() > BYTES_MAX;
    let found =
        if too_large { Err(Refusal::new(Why::TooLarge, "Consent")) } else { read::checked(root, context) };
    match found {
        Ok(received) => FeedEntry::Read(Box::new(received)),
        Err(refusal) => unread(root, context, may_object(root), refusal),
    }
}

/// A record as others read it, where a member that stands twice counts as the last says. Nothing is decided by it: it tells
/// whom a record is about that we do not read, and of when it is.
#[must_use]
pub fn as_others_read(bytes: &[u8]) -> Cow<'_, [u8]> {
    if json::parse(bytes).is_ok() {
        return Cow::Borrowed(bytes);
    }
    let value = serde_json::from_slice::<serde_json::Value>(bytes);
    value.and_then(|value| serde_json::to_vec(&value)).map_or(Cow::Borrowed(bytes), Cow::Owned)
}

fn unread(root: Value<'_>, context: &Context<'_>, may_object: bool, refusal: Refusal) -> FeedEntry {
    let patient = root.get("patient").map(|value| super::at::At::root(value, "Consent.patient"));
    let patient = patient.and_then(|at| read::patient_ref(at, Why::PatientUnclear).ok());
    match patient {
        Some(patient) if may_object => {
            let (id, register) = (context.id.into(), context.register.into());
            let reading = Box::new(Reading::Unreadable { id, version: context.version, register });
            FeedEntry::MayObject { patient, reading, refusal }
        }
        _ => FeedEntry::Refused(refusal),
    }
}

/// Everything may object but what says in so many words that it is a permit throughout, or is not in force.
fn may_object(root: Value<'_>) -> bool {
    if root.get_str("resourceType").as_deref() != Some("Consent") {
        return false;
    }
    let over = ["draft", "proposed", "rejected", "inactive", "entered-in-error"];
    let not_in_force = root.get_str("status").is_some_and(|status| over.contains(&&*status));
    let modified = root.get("modifierExtension").is_some() || root.get("implicitRules").is_some();
    let permit = root.get("provision").is_some_and(permits_only) && root.get("policyRule").is_none();
    modified || !(not_in_force || permit || is_research(root))
}

/// Consent to research is another register's matter and closes nothing here.
fn is_research(root: Value<'_>) -> bool {
    let scope = root.get("scope").map(|value| super::at::At::root(value, "Consent.scope"));
    let coding = scope.and_then(|at| at.one_coding(Why::OtherScope).ok());
    coding == Some((codes::SCOPE.to_owned(), "research".to_owned()))
}

/// A tree of provisions that all say `permit`. A denial inside narrows more than its own permit: the record takes the place
/// of an older one, and with it of what that one opened.
fn permits_only(provision: Value<'_>) -> bool {
    provision.kind() == Kind::Object
        && provision.get_str("type").as_deref() == Some("permit")
        && provision.get("modifierExtension").is_none()
        && provision.each("provision").all(permits_only)
}

/// Whom an entry is about and its business identifiers, as far as they can be read: by them it is known again.
#[must_use]
pub fn named(bytes: &[u8]) -> Option<(PatientRef, Vec<Identifier>)> {
    let bytes = as_others_read(bytes);
    let doc = json::parse(&bytes).ok()?;
    let patient = super::at::At::root(doc.root().get("patient")?, "Consent.patient");
    let patient = read::patient_ref(patient, Why::PatientUnclear).ok()?;
    let all = doc.root().each("identifier").map(|value| super::at::At::root(value, "Consent.identifier"));
    Some((patient, all.filter_map(|at| identifier(at, Why::Shape).ok()).collect()))
}
