//! The one person of a file. Never two: a second Patient, or a subject that is not the first one, ends the import.
//!
//! Two Patient resources are two persons even when they share an identifier: which of them is right is not ours
//! to guess. `Patient.link`, RelatedPerson, FamilyMemberHistory and performers are people around the person.

use super::split::Found;
use super::subject::{Means, Subject};
use super::{About, Names, Person, Reason, Refusal, Warning};
use crate::identifiers::Identifier;

pub(super) struct Judged {
    pub(super) person: Person,
    /// In the order of the resources.
    pub(super) about: Vec<About>,
    pub(super) warnings: Vec<Warning>,
}

/// Whom the file has named so far.
enum Known {
    Nobody,
    /// The Patient resource at this index.
    Patient(usize),
    /// No Patient resource: what the subjects say, by the first of them.
    Subject {
        reference: Option<String>,
        identifiers: Vec<Identifier>,
    },
}

pub(super) fn find(found: &[Found<'_>], names: &Names) -> Result<Judged, Refusal> {
    let mut patients = found.iter().enumerate().filter(|(_, one)| one.resource_type == "Patient");
    let mut known = patients.next().map_or(Known::Nobody, |(index, _)| Known::Patient(index));
    if let Some((_, second)) = patients.next() {
        return Err(second_person(second.place.clone()));
    }
    let crowded = |one: &&Found<'_>| {
        let many = one.subjects.iter().any(|s| s.identifiers.len() > IDENTIFIERS_MAX);
        many || one.identifiers.len() > IDENTIFIERS_MAX
    };
    if let Some(one) = found.iter().find(crowded) {
        return Err(Refusal::new(Reason::NotData, one.place.clone(), "more identifiers than one person has"));
    }
    let mut about = Vec::with_capacity(found.len());
    for one in found {
        let mut personal = one.resource_type == "Patient";
        for subject in &one.subjects {
            let target = subject.reference.as_deref().and_then(|r| names.resolve(one.full_url.as_deref(), r));
            let target = target.and_then(|at| found.get(at)).map(|target| target.resource_type);
            let person = target.map_or(subject.means == Means::Person, |target| target == "Patient");
            if !person {
                continue;
            }
            personal = true;
            let fits = match &mut known {
                Known::Nobody => {
                    known = Known::Subject {
                        reference: subject.reference.clone().map(without_version),
                        identifiers: subject.identifiers.clone(),
                    };
                    true
                }
                Known::Patient(at) => {
                    let resolved = subject.reference.as_deref();
                    let resolved = resolved.and_then(|r| names.resolve(one.full_url.as_deref(), r));
                    fits_patient(subject, resolved == Some(*at), found.get(*at))
                }
                Known::Subject { reference, identifiers } => fits_subject(subject, reference, identifiers),
            };
            if !fits {
                return Err(second_person(format!("{}.{}", one.place, subject.element)));
            }
        }
        about.push(if personal { About::Person } else { About::Nobody });
    }
    let (identifiers, place) = match known {
        Known::Nobody => return Ok(Judged { person: Person::Nobody, about, warnings: Vec::new() }),
        Known::Patient(at) => {
            let patient = found.get(at);
            let own = patient.map(|p| p.identifiers.clone()).unwrap_or_default();
            (own, patient.map(|p| format!("{}.identifier", p.place)).unwrap_or_default())
        }
        Known::Subject { identifiers, .. } => (identifiers, "identifier".to_owned()),
    };
    settle(identifiers, place, about)
}

/// Orders the identifiers, a BSN first, and says what is odd about them.
fn settle(mut identifiers: Vec<Identifier>, place: String, about: Vec<About>) -> Result<Judged, Refusal> {
    identifiers.sort_by_key(|i| i.bsn().is_none());
    let mut distinct: Vec<Identifier> = Vec::new();
    for one in identifiers {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    if distinct.iter().filter(|i| i.bsn().is_some()).count() > 1 {
        return Err(second_person(place));
    }
    let opaque = distinct.iter().any(|i| i.claims_bsn() && i.bsn().is_none());
    let warnings = if opaque {
        vec![Warning {
            expression: place,
            detail: "a BSN fails the eleven-test and is kept as an opaque identifier",
        }]
    } else {
        Vec::new()
    };
    let person = if distinct.is_empty() { Person::Unidentified } else { Person::Identified(distinct) };
    Ok(Judged { person, about, warnings })
}

/// A subject beside a Patient of the file points to it, or shares an identifier with it; nothing may speak against.
fn fits_patient(subject: &Subject, resolved: bool, patient: Option<&Found<'_>>) -> bool {
    let own = patient.map(|p| p.identifiers.as_slice()).unwrap_or_default();
    let shares = subject.identifiers.iter().any(|i| own.contains(i));
    let named = if subject.reference.is_some() { resolved } else { shares };
    named && !contradicts(&subject.identifiers, own)
}

/// Without a Patient the same reference, or a shared identifier, makes the same person; what is new is learnt.
fn fits_subject(
    subject: &Subject,
    reference: &mut Option<String>,
    identifiers: &mut Vec<Identifier>,
) -> bool {
    let wanted = subject.reference.clone().map(without_version);
    let shares = subject.identifiers.iter().any(|i| identifiers.contains(i));
    let same = match (&wanted, reference.as_ref()) {
        (Some(wanted), Some(known)) => wanted == known,
        (None, _) | (_, None) => shares,
    };
    if !same || contradicts(&subject.identifiers, identifiers) {
        return false;
    }
    for new in &subject.identifiers {
        if !identifiers.contains(new) && identifiers.len() < IDENTIFIERS_MAX {
            identifiers.push(new.clone());
        }
    }
    if reference.is_none() {
        *reference = wanted;
    }
    true
}

/// Two BSNs are two persons, whatever else they share.
fn contradicts(one: &[Identifier], other: &[Identifier]) -> bool {
    let mut claimed = one.iter().filter(|i| i.claims_bsn()).peekable();
    claimed.peek().is_some()
        && other.iter().any(Identifier::claims_bsn)
        && !claimed.any(|i| other.contains(i))
}

fn without_version(reference: String) -> String {
    reference.split_once("/_history/").map_or_else(|| reference.clone(), |(plain, _)| plain.to_owned())
}

fn second_person(expression: String) -> Refusal {
    Refusal::new(
        Reason::SecondPerson,
        expression,
        "about more than one person, or not about the file's Patient",
    )
}

/// Real persons have a handful; comparing must stay cheap.
const IDENTIFIERS_MAX: usize = 50;
