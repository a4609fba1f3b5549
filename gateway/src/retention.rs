//! Forgetting: a year of a person's records is made unreadable by wiping its key, when its term is over and nobody holds
//! it back. The records stand, the tree is whole, younger years stay readable (DESIGN.md 4). Blocking.

use crate::desk::{self, Refused};
use crate::store::facts::{Change, Fact, Hold};
use crate::store::leaf;
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
}

/// Wipes the key of every person's year that ended at least `keep_years` full years ago, unless the person is under a
/// hold. The record of it is durable before the first key is gone; a run that broke off is simply run again.
///
/// # Errors
/// When fewer than [`YEARS_MIN`] years are asked for, or the journal or the keys refuse.
pub fn run(world: &World, keep_years: u16) -> Result<Forgotten, Refused> {
    if keep_years < YEARS_MIN {
        return Err(Refused::new("usage", format!("records are kept for at least {YEARS_MIN} years")));
    }
    let before = leaf::year(world.clock.now()).saturating_sub(keep_years);
    let keys = world.store.keys();
    let (mut over, mut held) = (Vec::new(), 0);
    for (person, year) in keys.years_before(before) {
        let state =
            world.store.person(person).map_err(|e| Refused::new("consent-unavailable", e.to_string()))?;
        match state.hold {
            Hold::Set => held += 1,
            Hold::Lifted => over.push((person, year)),
        }
    }
    let done = Forgotten { before, years: over.len(), held };
    let mut draft = desk::draft(Kind::Key, Action::Delete, world, None);
    let number = |name: &str, value: usize| Detail { name: name.into(), value: value.to_string() };
    draft.entry.changes = vec![audit::Change {
        what: "key".into(),
        id: format!("person-years-before-{before}"),
        version: None,
        sha256: None,
    }];
    draft.entry.details.extend([number("shredded", done.years), number("held", done.held)]);
    world.store.record_blocking(draft, None)?;
    for (person, year) in over {
        let _was_there = keys.shred(person, year).map_err(|e| Refused::new("keys", e.to_string()))?;
    }
    Ok(done)
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
