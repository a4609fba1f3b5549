//! The trust list as an operator changes it: effective on the next request, open connections included.

use crate::changes::consent::{PERSON_RECORDED, REGISTER};
use crate::desk::{Refused, draft};
use crate::store::facts::{Change, Fact};
use crate::trust::{Fingerprint, Participant, Person, State, Trust, TrustRefusal};
use crate::world::World;
use fhir_mappings::audit::{self, Action, Kind};

type Done = Result<(), Refused>;

/// Adds a participant, or replaces the one of the same id.
///
/// # Errors
/// See [`Refused`].
pub fn add(world: &World, participant: Participant) -> Done {
    let id = participant.id.as_str().to_owned();
    if [REGISTER, PERSON_RECORDED].contains(&id.as_str()) {
        return Err(Refused::new(
            "id-reserved",
            "`sluis` and `person` say that a desk or the person recorded something: no participant is called so",
        ));
    }
    let from = world.store.trust();
    let next = from.with_participant(participant.clone()).map_err(|e| refused(&e))?;
    let document =
        serde_json::to_value(&participant).map_err(|_| Refused::new("body-invalid", "cannot be stored"))?;
    change(world, &from, Kind::Participant, &id, Fact::Participant { document }, next)
}

/// Adds somebody who works for a participant.
///
/// # Errors
/// See [`Refused`].
pub fn add_person(world: &World, person: &Person) -> Done {
    let from = world.store.trust();
    let next = from.with_person(person.clone()).map_err(|e| refused(&e))?;
    let document =
        serde_json::to_value(person).map_err(|_| Refused::new("body-invalid", "cannot be stored"))?;
    change(world, &from, Kind::Participant, person.participant.as_str(), Fact::Staff { document }, next)
}

/// Suspends or resumes a participant.
///
/// # Errors
/// See [`Refused`].
pub fn set_state(world: &World, id: &str, state: State) -> Done {
    let trust = world.store.trust();
    let next = match state {
        State::Suspended => trust.suspend(id),
        State::Active => trust.resume(id),
    };
    let next = next.map_err(|e| refused(&e))?;
    let participant = next.participant(id).ok_or_else(|| refused(&TrustRefusal::UnknownParticipant))?;
    let document =
        serde_json::to_value(&**participant).map_err(|_| Refused::new("body-invalid", "cannot be stored"))?;
    change(world, &trust, Kind::Participant, id, Fact::Participant { document }, next.clone())
}

/// Blocks a certificate.
///
/// # Errors
/// See [`Refused`].
pub fn block(world: &World, fingerprint: Fingerprint) -> Done {
    let from = world.store.trust();
    let next = from.block(fingerprint);
    let text = fingerprint.to_string();
    change(world, &from, Kind::Certificate, &text, Fact::Blocked { fingerprint: text.clone() }, next)
}

fn change(world: &World, from: &Trust, kind: Kind, id: &str, fact: Fact, next: Trust) -> Done {
    let mut draft = draft(kind, Action::Update, world, None);
    draft.entry.changes = vec![audit::Change {
        what: if kind == Kind::Certificate { "certificate" } else { "participant" }.into(),
        id: id.to_owned(),
        version: None,
        sha256: None,
    }];
    // The list was computed from this very epoch: a change in between is the operator's to repeat.
    let fence = crate::store::Fence { person: None, trust: from.epoch() };
    let states = next.participant(id).map(|p| if p.state == State::Active { "active" } else { "suspended" });
    draft
        .entry
        .details
        .extend(states.map(|state| audit::Detail { name: "state".into(), value: state.into() }));
    world.store.change_blocking(draft, Change::of(fact), Some(fence), Some(next))?;
    Ok(())
}

fn refused(refusal: &TrustRefusal) -> Refused {
    match refusal {
        TrustRefusal::CertificateTaken(id) => {
            Refused::new("conflict", format!("participant {id} already has this certificate"))
        }
        TrustRefusal::IdentifierTaken(id) => {
            Refused::new("conflict", format!("participant {id} already has this identifier"))
        }
        TrustRefusal::CertificateBlocked => Refused::new("blocked", "this certificate is blocked"),
        TrustRefusal::UnknownParticipant => {
            Refused::new("unknown-participant", "there is no such participant")
        }
        TrustRefusal::PersonTaken(id) => {
            Refused::new("conflict", format!("this person is already registered at participant {id}"))
        }
    }
}
