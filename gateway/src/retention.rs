//! Forgetting: a year of a person's records is made unreadable by wiping its key, when its term is over and nobody holds
//! it back. The records stand, the tree is whole, younger years stay readable (DESIGN.md 4). Blocking.

use crate::desk::{self, Refused};
use crate::store::facts::{Change, Fact, Hold};
use crate::store::forgetting::{self, TAGS_MOST};
use crate::store::keys::PersonNo;
use crate::store::leaf::{self, Leaf, LeafError};
use crate::world::World;
use fhir_mappings::audit::{self, Action, Detail, Kind};
use fhir_mappings::identifiers::Identifier;

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// Years before this one are over their term.
    pub before: u16,
    /// Years of persons whose key was wiped.
    pub years: usize,
    /// Years of persons under a legal hold: kept.
    pub held: usize,
    /// Years of persons in which an organisation took part that keeps its records longer: kept.
    pub longer: usize,
}

/// Wipes the key of every person's year that ended at least `keep_years` full years ago, unless the person is under a
/// hold, or an organisation that asked or gave in it keeps its records longer. The record of it is durable before the first key is gone; a run that broke off is simply run again.
///
/// # Errors
/// When fewer than [`YEARS_MIN`] years are asked for, or the journal or the keys refuse.
pub fn run(world: &World, keep_years: u16) -> Result<Forgotten, Refused> {
    if keep_years < YEARS_MIN {
        return Err(Refused::new("usage", format!("records are kept for at least {YEARS_MIN} years")));
    }
    let before = leaf::year(world.clock.now()).saturating_sub(keep_years);
    let keys = world.store.keys();
    // A backup takes the records first and the keys after them: no key may be wiped in between.
    let _still = keys.still();
    let (mut over, mut held, mut longer) = (Vec::new(), 0, 0);
    let this_year = leaf::year(world.clock.now());
    for (person, year) in keys.years_before(before) {
        let state =
            world.store.person(person).map_err(|e| Refused::new("consent-unavailable", e.to_string()))?;
        match state.hold {
            Hold::Set => held += 1,
            Hold::Lifted if this_year.saturating_sub(kept_for(world, person, year)?) <= year => longer += 1,
            Hold::Lifted => over.push((person, year)),
        }
    }
    let done = Forgotten { before, years: over.len(), held, longer };
    record(world, done, &over)?;
    for (person, year) in over {
        let _was_there = keys.shred(person, year).map_err(|e| Refused::new("keys", e.to_string()))?;
    }
    Ok(done)
}

/// Records which tags are wiped, as many records as they need: whoever checks the journal takes no other key for forgotten.
fn record(world: &World, done: Forgotten, over: &[(PersonNo, u16)]) -> Result<(), Refused> {
    let keys = world.store.keys();
    let tags: Vec<_> = over.iter().flat_map(|(person, year)| keys.tags_of(*person, *year)).collect();
    let (first, rest) = tags.split_at(tags.len().min(TAGS_MOST));
    for tags in rest.chunks(TAGS_MOST) {
        let mut draft = desk::draft(Kind::Key, Action::Delete, world, None);
        forgetting::word(&mut draft.entry, done.before, tags);
        world.store.record_blocking(draft, None)?;
    }
    let mut draft = desk::draft(Kind::Key, Action::Delete, world, None);
    forgetting::word(&mut draft.entry, done.before, first);
    let number = |name: &str, value: usize| Detail { name: name.into(), value: value.to_string() };
    draft.entry.details.extend([
        number("shredded", done.years),
        number("held", done.held),
        number("kept-longer", done.longer),
    ]);
    world.store.record_blocking(draft, None)?;
    Ok(())
}

/// How long the records of a person's year are kept: as long as the one of its organisations that keeps them longest. A
/// record that cannot be opened is nobody's reason.
fn kept_for(world: &World, person: PersonNo, year: u16) -> Result<u16, Refused> {
    let trust = world.store.trust();
    if trust.participants().all(|participant| participant.keep_years.is_none()) {
        return Ok(0);
    }
    let unreadable = |e: &dyn std::fmt::Display| Refused::new("unreadable", e.to_string());
    let mut longest = 0;
    for index in world.store.timeline(person).map_err(|e| unreadable(&e))? {
        let record = world.store.records().read(index).map_err(|e| unreadable(&e))?;
        let leaf = Leaf::parse(&record).map_err(|e| unreadable(&e))?;
        if leaf::year(leaf.time) != year {
            continue;
        }
        let entry = match leaf.open(world.store.keys()) {
            Ok(entry) => entry,
            Err(LeafError::Forgotten) => continue,
            // Whose it is cannot be told: it might be the one that is kept longer.
            Err(e) => return Err(unreadable(&e)),
        };
        let holders = entry.shares.iter().map(|share| share.holder.id.as_str());
        let all = entry.organisation.iter().map(|organisation| organisation.id.as_str()).chain(holders);
        let terms = all.filter_map(|id| trust.participant(id)?.keep_years);
        longest = terms.fold(longest, u16::max);
    }
    Ok(longest)
}

/// Sets or lifts the legal hold of a person: while it is set nothing of theirs is forgotten.
///
/// # Errors
/// When nobody is known by this identifier, or the journal takes no record.
pub fn hold(world: &World, identifier: &Identifier, hold: Hold) -> Result<(), Refused> {
    let person = desk::known_person(world, identifier)?;
    let mut draft = desk::draft(Kind::Key, Action::Update, world, Some(person));
    let word = match hold {
        Hold::Set => "set",
        Hold::Lifted => "lifted",
    };
    draft.entry.changes =
        vec![audit::Change { what: "legal-hold".into(), id: word.into(), version: None, sha256: None }];
    world.store.change_blocking(draft, Change::about(person, Fact::Hold { hold }), None, None)?;
    Ok(())
}

/// NEN 7513 and its sector practice: at least five years.
pub const YEARS_MIN: u16 = 5;
