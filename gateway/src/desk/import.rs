//! Files taken as data of a hosted holder: all of one or nothing.

use super::{Done, Refused, draft, person_for, view_down};
use crate::road::minimise::KEPT_APART;
use crate::store::Fence;
use crate::store::facts::{Change, Fact, Item, pair};
use crate::trail::organisation;
use crate::trust::Participant;
use crate::world::World;
use fhir_mappings::audit::{self, Action, Kind};
use fhir_mappings::classify::Origin;
use fhir_mappings::identifiers::Identifier;
use fhir_mappings::intake::{self, Format, Key};
use fhir_mappings::json;
use std::sync::Arc;

/// A file that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Whom it is about, `system|value`; nobody for resources about none.
    pub patient: Option<String>,
    /// How many resources.
    pub resources: usize,
    /// What deserves a word: place and words.
    pub warnings: Vec<String>,
}

/// Takes one file as data of a hosted holder: all of it or nothing.
///
/// # Errors
/// See [`Refused`].
pub fn import(
    world: &World,
    holder: &str,
    bytes: &[u8],
    format: Format,
    patient: Option<&Identifier>,
) -> Done<Taken> {
    let holder = hosted_holder(world, holder)?;
    let read = intake::read(bytes, format).map_err(|e| intake_refusal(&e))?;
    let identifiers = read.settle(patient).map_err(|e| intake_refusal(&e))?;
    let now = world.clock.now();
    let mut change = Change::default();
    let mut items = Vec::with_capacity(read.resources.len());
    let mut birth_date = None;
    for resource in &read.resources {
        let start = change.blob.len();
        change.blob.extend_from_slice(resource.bytes);
        let key = match &resource.key {
            Key::Id(key) | Key::FullUrl(key) | Key::Digest(key) => key.clone(),
        };
        if resource.resource_type == "Patient" {
            birth_date = birth_date.or_else(|| birth_date_of(resource.bytes));
        }
        items.push(Item {
            resource_type: resource.resource_type.to_owned(),
            key,
            full_url: resource.full_url.clone(),
            recorded: now,
            span: (start, change.blob.len()),
        });
    }
    let resources = items.len();
    let mut fence = Fence { person: None, trust: world.store.trust().epoch() };
    if !identifiers.is_empty() {
        let person = person_for(world, &identifiers)?;
        let state = world.store.person(person).map_err(|_| view_down())?;
        fence.person = Some((person, state.version));
        change.person = Some(person);
        change.facts.push(Fact::Identity {
            identifiers: identifiers.iter().map(pair).collect(),
            birth_date: birth_date.map(|date| (holder.id.as_str().to_owned(), date)),
        });
    }
    change.facts.push(Fact::Resources { holder: holder.id.as_str().to_owned(), items });
    let mut draft = draft(Kind::Import, Action::Create, world, change.person);
    draft.entry.organisation = Some(organisation(&holder));
    draft.entry.changes = vec![audit::Change {
        what: "import".into(),
        id: holder.id.as_str().to_owned(),
        version: None,
        sha256: None,
    }];
    draft.entry.details.push(audit::Detail { name: "resources".into(), value: resources.to_string() });
    let brought = read.resources.iter().map(|resource| (resource.resource_type, resource.bytes));
    if is_kept_apart(brought, world) {
        draft.entry.details.push(audit::Detail { name: KEPT_APART.into(), value: "whole".into() });
    }
    world.store.change_blocking(draft, change, Some(fence), None)?;
    let warnings = read.warnings.iter().map(|w| format!("{}: {}", w.expression, w.detail)).collect();
    let patient = identifiers.first().map(|i| format!("{}|{}", i.system(), i.value()));
    Ok(Taken { patient, resources, warnings })
}

/// Whether everything of this, by type and bytes, that was brought in about the person is what a young person keeps from representatives: then they see
/// nothing of its coming either (REGION.md 1, rule 7).
pub(super) fn is_kept_apart<'r>(resources: impl Iterator<Item = (&'r str, &'r [u8])>, world: &World) -> bool {
    let kept = world.rules.vocabulary().never_to_representatives();
    let mut theirs = resources.filter(|(of, _)| *of != "Patient").peekable();
    theirs.peek().is_some()
        && theirs.all(|(_, bytes)| {
            let doc = json::parse(bytes);
            let labels = doc.map(|doc| world.tables.classify(doc.root(), &Origin { categories: &[] }).labels);
            labels.is_ok_and(|labels| !labels.intersection(kept).is_empty())
        })
}

fn intake_refusal(refusal: &intake::Refusal) -> Refused {
    Refused {
        reason: reason_code(refusal.reason).to_owned(),
        expression: refusal.expression.clone(),
        detail: refusal.detail.to_owned(),
    }
}

fn reason_code(reason: intake::Reason) -> &'static str {
    match reason {
        intake::Reason::NotJson => "not-json",
        intake::Reason::NotFhir => "not-fhir",
        intake::Reason::NotR4 => "not-r4",
        intake::Reason::SecondPerson => "second-person",
        intake::Reason::NeedsPatient => "needs-patient",
        intake::Reason::OtherPerson => "other-person",
        intake::Reason::PrivacyConsent => "privacy-consent",
        intake::Reason::NotData => "not-data",
        intake::Reason::UnknownModifier => "unknown-modifier",
    }
}

fn birth_date_of(patient: &[u8]) -> Option<String> {
    let doc = json::parse(patient).ok()?;
    let date = doc.root().get_str("birthDate")?;
    // A year or month alone tells no age.
    date.parse::<jiff::civil::Date>().ok().filter(|_| date.len() == 10).map(|_| date.into_owned())
}

fn hosted_holder(world: &World, id: &str) -> Done<Arc<Participant>> {
    let trust = world.store.trust();
    let participant = trust.participant(id).cloned();
    let participant =
        participant.ok_or_else(|| Refused::new("unknown-participant", "there is no such participant"))?;
    match participant.holder {
        Some(crate::trust::participant::Holder::Hosted) => Ok(participant),
        Some(crate::trust::participant::Holder::Remote) => {
            Err(Refused::new("remote-holder", "this holder keeps its data at its own FHIR server"))
        }
        None => Err(Refused::new("no-holder", "this participant is no holder")),
    }
}
