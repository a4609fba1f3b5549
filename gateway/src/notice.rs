//! Who must hear that something happened: the person, and the officers of asker and holders.
//!
//! A notice is a record of kind `notice` that stands in the same append as the record it speaks of, so that none can be
//! lost; person and officer find theirs in their own timelines. It says who and when, never a health fact: no class, no
//! reason in words, no name of a ward. Sending it on is another matter.

use crate::sources::SourceFailure;
use crate::store::leaf::Draft;
use crate::store::view::ViewError;
use crate::trail::{Trail, organisation};
use crate::trust::Participant;
use crate::world::World;
use fhir_mappings::audit::{Action, Detail, Entry, Interaction, Kind, Outcome};
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Somebody looked in an emergency.
    EmergencyOpened,
    /// Somebody tried to, and was refused.
    EmergencyRefused,
    /// A professional attested something that opens or shuts doors.
    Attested,
    /// Somebody objected for the person.
    RepresentativeObjected,
    /// So many numbers were looked up that lead to nobody that the budget was spent: enumeration, or a system gone
    /// wrong (LEAKS.md L11).
    LookUpsExceeded,
    /// What a holder sent could not be used, or it is not the server that it should be: another person, unreadable,
    /// without end, pointing elsewhere.
    HolderUnfit,
}

impl About {
    /// Its code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::EmergencyOpened => "emergency-opened",
            Self::EmergencyRefused => "emergency-refused",
            Self::Attested => "attested",
            Self::RepresentativeObjected => "representative-objected",
            Self::LookUpsExceeded => "look-ups-exceeded",
            Self::HolderUnfit => "holder-unfit",
        }
    }

    /// Whether the person hears of it at once; the rest is for officers to look at.
    fn tells_person(self) -> bool {
        match self {
            Self::EmergencyOpened | Self::EmergencyRefused => true,
            Self::Attested | Self::RepresentativeObjected | Self::LookUpsExceeded | Self::HolderUnfit => {
                false
            }
        }
    }
}

/// The notices that go with what this trail records: to the person, if one is meant, and for review to the officer of
/// the asker and of every holder of the person's data. Where the holders cannot be read nobody may be left out: an error.
pub(crate) fn of(about: About, trail: &Trail, world: &World, at: Timestamp) -> Result<Vec<Draft>, ViewError> {
    let trust = world.store.trust();
    let asker = trail.entry.organisation.as_ref().map(|o| o.id.clone()).unwrap_or_default();
    let state = trail.person.map(|person| world.store.person(person)).transpose()?.unwrap_or_default();
    let mut officers = vec![asker.clone()];
    officers.extend(state.holders.into_iter().filter(|holder| *holder != asker));
    let officers = officers.iter().filter_map(|id| trust.participant(id)).map(|p| Some(&**p));
    let person = trail.person.filter(|_| about.tells_person()).map(|_| None);
    Ok(person.into_iter().chain(officers).map(|to| draft(about, &asker, to, trail, at)).collect())
}

/// The notices to the officers of holders whose part could not be used: about their system, not about the person, and
/// once in a while of each kind, for a holder that fails fails for everybody.
pub(crate) fn of_unfit(trail: &Trail, world: &World, at: Timestamp) -> Vec<Draft> {
    let trust = world.store.trust();
    let now = Instant::now();
    let due = unfit(trail).filter(|(holder, what)| world.incidents.first_in_a_while(holder, *what, now));
    let holders = due.filter_map(|(holder, what)| Some((trust.participant(holder)?, what)));
    let drafts = holders.map(|(holder, what)| {
        let mut entry = entry(About::HolderUnfit, holder.id.as_str(), Some(holder));
        entry.details.push(Detail { name: "failure".into(), value: what.code().to_owned() });
        Draft { entry, time: at, request_id: trail.request_id.clone(), person: None, burnt: None }
    });
    drafts.collect()
}

/// The record did not come to be: what its notices would have told has been told to nobody.
pub(crate) fn untold(trail: &Trail, world: &World) {
    unfit(trail).for_each(|(holder, what)| world.incidents.forget(holder, what));
}

/// Holders whose part somebody must look at, with why.
fn unfit(trail: &Trail) -> impl Iterator<Item = (&str, SourceFailure)> {
    trail.entry.shares.iter().filter_map(|share| {
        let code = share.failed.as_deref()?;
        Some((share.holder.id.as_str(), *INCIDENTS.iter().find(|failure| failure.code() == code)?))
    })
}

/// Failures that somebody must look at; one that is late or down will be seen without.
const INCIDENTS: &[SourceFailure] = &[
    SourceFailure::Unreadable,
    SourceFailure::TooLarge,
    SourceFailure::WrongPerson,
    SourceFailure::Astray,
    SourceFailure::Incomplete,
    SourceFailure::Redirected,
    SourceFailure::ForbiddenAddress,
    SourceFailure::TokenElsewhere,
    SourceFailure::Certificate,
    SourceFailure::Misfit,
    SourceFailure::Unended,
];

/// Which holders' officers were told lately, of what.
#[derive(Debug, Default)]
pub struct Incidents(Mutex<HashMap<(String, &'static str), Instant>>);

impl Incidents {
    fn first_in_a_while(&self, holder: &str, what: SourceFailure, now: Instant) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (holder.to_owned(), what.code());
        // Somebody else's data are each a breach of their own; only a flood of them is held back.
        let a_while = if what == SourceFailure::WrongPerson { A_MOMENT } else { A_WHILE };
        let due = told.get(&key).is_none_or(|at| now.duration_since(*at) >= a_while);
        if due {
            told.insert(key, now);
        }
        due
    }

    fn forget(&self, holder: &str, what: SourceFailure) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.remove(&(holder.to_owned(), what.code()));
    }
}

const A_WHILE: Duration = Duration::from_secs(600);
const A_MOMENT: Duration = Duration::from_secs(60);

/// The notice that goes with a count of look-ups over budget: to the officer of the participant whose certificate it
/// was. It is about no person.
pub(crate) fn of_flood(counted: &Draft, participant: &Participant) -> Draft {
    let entry = entry(About::LookUpsExceeded, participant.id.as_str(), Some(participant));
    Draft { entry, time: counted.time, request_id: counted.request_id.clone(), person: None, burnt: None }
}

fn draft(about: About, asker: &str, to: Option<&Participant>, trail: &Trail, at: Timestamp) -> Draft {
    let entry = entry(about, asker, to);
    Draft { entry, time: at, request_id: trail.request_id.clone(), person: trail.person, burnt: None }
}

/// `to`: the participant whose officer is told; nobody: the person.
fn entry(about: About, asker: &str, to: Option<&Participant>) -> Entry {
    let mut entry = Entry::new(Kind::Notice, Action::Create, Interaction::Operation, Outcome::Success);
    let detail = |name: &str, value: &str| Detail { name: name.into(), value: value.into() };
    entry.details = vec![
        detail("to", if to.is_some() { OFFICER } else { PERSON }),
        detail("about", about.code()),
        detail("asker", asker),
    ];
    if to.is_some() {
        entry.details.push(detail("review", "open"));
    }
    entry.organisation = to.map(organisation);
    entry
}

/// Counts what was recorded, for the management listener.
pub(crate) fn count(notices: usize, world: &World) {
    world.notices.fetch_add(u64::try_from(notices).unwrap_or_default(), Ordering::Relaxed);
}

const PERSON: &str = "person";
const OFFICER: &str = "officer";

#[cfg(test)]
mod tests {
    use super::{A_MOMENT, A_WHILE, Incidents};
    use crate::sources::SourceFailure::{TooLarge, WrongPerson};
    use std::time::Instant;

    #[test]
    fn each_kind_is_told_by_itself_and_another_person_again_after_a_minute() {
        let (incidents, start) = (Incidents::default(), Instant::now());
        let told = |what, at| incidents.first_in_a_while("one", what, at);
        assert!(told(TooLarge, start) && !told(TooLarge, start + A_MOMENT));
        assert!(told(WrongPerson, start), "muted by another kind");
        assert!(!told(WrongPerson, start) && told(WrongPerson, start + A_MOMENT));
        assert!(told(TooLarge, start + A_WHILE));
        assert!(incidents.first_in_a_while("other", TooLarge, start + A_WHILE));
        incidents.forget("one", TooLarge);
        assert!(told(TooLarge, start + A_WHILE), "told to nobody, and muted");
    }
}
