//! What a hosted holder erased at its own place goes from here too: from every answer and from the index, with the next
//! question on. What it corrected it simply imports again.
//!
//! The bytes stay sealed in `holdings/`, which only grows; nothing of the present refers to them any more.

use super::import::is_kept_apart;
use super::{Done, Refused, draft, known_person, view_down};
use crate::road::minimise::KEPT_APART;
use crate::store::Fence;
use crate::store::facts::{Change, Fact, Item};
use crate::store::state::Hosted;
use crate::trail::organisation;
use crate::world::World;
use fhir_mappings::audit::{Action, Change as Changed, Detail, Kind};
use fhir_mappings::identifiers::Identifier;

/// What was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// How many resources.
    pub resources: usize,
    /// How many this holder still has of the person.
    pub left: usize,
}

/// Erases what a holder has here of a person: the resources of these names (`Type/id`, or the full URL of one without id),
/// everything where there is none. Without a person, of resources about nobody. All of it or nothing.
///
/// # Errors
/// When there is no such holder, person or resource, or the journal takes no record.
pub fn erase(world: &World, holder: &str, patient: Option<&Identifier>, names: &[String]) -> Done<Erased> {
    if patient.is_none() && names.is_empty() {
        return Err(Refused::new("usage", "name the person, or the resources about nobody"));
    }
    let trust = world.store.trust();
    // One that moved to a server of its own may still have data here.
    let participant = trust.participant(holder).cloned();
    let participant =
        participant.ok_or_else(|| Refused::new("unknown-participant", "there is no such participant"))?;
    let person = patient.map(|patient| known_person(world, patient)).transpose()?;
    let state = person.map(|person| world.store.person(person)).transpose().map_err(|_| view_down())?;
    let held = world.store.hosted(person, holder).map_err(|_| view_down())?;
    let erased = chosen(&held, names)?;
    let done = Erased { resources: erased.len(), left: held.len() - erased.len() };
    let mut draft = draft(Kind::Import, Action::Delete, world, person);
    draft.entry.organisation = Some(organisation(&participant));
    draft.entry.changes =
        vec![Changed { what: "erasure".into(), id: holder.to_owned(), version: None, sha256: None }];
    let number = |name: &str, value: usize| Detail { name: name.into(), value: value.to_string() };
    draft.entry.details.extend([number("resources", done.resources), number("left", done.left)]);
    if person.is_some() && was_kept_apart(world, &erased) {
        draft.entry.details.push(Detail { name: KEPT_APART.into(), value: "whole".into() });
    }
    let items = erased.iter().map(|one| (one.item.resource_type.clone(), one.item.key.clone())).collect();
    let fact = Fact::ResourcesErased { holder: holder.to_owned(), items, left: done.left > 0 };
    let change = Change { person, facts: vec![fact], blob: Vec::new() };
    // What is left was counted on this very state: what comes in meanwhile is the operator's to look at again.
    let fence = Fence { person: person.zip(state.map(|state| state.version)), trust: trust.epoch() };
    world.store.change_blocking(draft, change, Some(fence), None)?;
    Ok(done)
}

/// The resources that are named; all of them where none is.
fn chosen<'h>(held: &'h [Hosted], names: &[String]) -> Done<Vec<&'h Hosted>> {
    let unknown = |what: String| Refused::new("unknown-resource", format!("{what}: nothing was erased"));
    if names.is_empty() {
        return match held {
            [] => Err(unknown("this holder has nothing here of this person".into())),
            held => Ok(held.iter().collect()),
        };
    }
    let mut chosen: Vec<&Hosted> = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let found = held.iter().filter(|one| is_called(&one.item, name)).collect::<Vec<_>>();
        if found.is_empty() {
            // What was typed may be anything: its place says which.
            return Err(unknown(format!("this holder has no resource of the name at place {}", place + 1)));
        }
        let fresh = |one: &&Hosted| !chosen.iter().any(|other| std::ptr::eq(*other, *one));
        let fresh: Vec<_> = found.into_iter().filter(fresh).collect();
        chosen.extend(fresh);
    }
    Ok(chosen)
}

fn is_called(item: &Item, name: &str) -> bool {
    let by_id = name.split_once('/').is_some_and(|(of, id)| of == item.resource_type && id == item.key);
    by_id || item.full_url.as_deref() == Some(name)
}

/// Whether all of it is what a young person keeps from representatives: then they see nothing of its going either. What
/// cannot be read any more may have been.
fn was_kept_apart(world: &World, erased: &[&Hosted]) -> bool {
    let mut bytes = Vec::with_capacity(erased.len());
    for one in erased {
        let Ok(change) = world.store.holding(one.record) else { return true };
        let Some(part) = change.blob.get(one.item.span.0..one.item.span.1) else { return true };
        bytes.push((one.item.resource_type.as_str(), part.to_vec()));
    }
    is_kept_apart(bytes.iter().map(|(of, part)| (*of, part.as_slice())), world)
}
