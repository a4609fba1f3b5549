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
    /// What a holder sent could not be used: another person, unreadable, without end, or pointing elsewhere.
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
/// once in a while, for a holder that fails fails for everybody.
pub(crate) fn of_unfit(trail: &Trail, world: &World, at: Timestamp) -> Vec<Draft> {
    let trust = world.store.trust();
    let unfit = trail.entry.shares.iter().filter(|share| share.failed.as_deref().is_some_and(is_incident));
    let told = unfit.filter(|share| world.incidents.first_in_a_while(&share.holder.id));
    let holders = told.filter_map(|share| Some((share, trust.participant(&share.holder.id)?)));
    let drafts = holders.map(|(share, holder)| {
        let mut entry = entry(About::HolderUnfit, holder.id.as_str(), Some(holder));
        let what = share.failed.clone().unwrap_or_default();
        entry.details.push(Detail { name: "failure".into(), value: what });
        Draft { entry, time: at, request_id: trail.request_id.clone(), person: None, burnt: None }
    });
    drafts.collect()
}

/// Failures that somebody must look at; one that is late or down will be seen without.
fn is_incident(code: &str) -> bool {
    let incidents = [
        SourceFailure::Unreadable,
        SourceFailure::TooLarge,
        SourceFailure::WrongPerson,
        SourceFailure::Astray,
        SourceFailure::Incomplete,
    ];
    incidents.iter().any(|failure| failure.code() == code)
}

/// Which holders' officers were told lately.
#[derive(Debug, Default)]
pub struct Incidents(Mutex<HashMap<String, Instant>>);

impl Incidents {
    fn first_in_a_while(&self, holder: &str) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match told.get(holder) {
            Some(at) if now.duration_since(*at) < A_WHILE => false,
            _ => {
                told.insert(holder.to_owned(), now);
                true
            }
        }
    }
}

const A_WHILE: Duration = Duration::from_secs(600);

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
