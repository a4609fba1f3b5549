//! What is recorded about a person by those who may: consents, relations, attestations; and who sees them again.
//!
//! Every write is decided on a fenced state and made durable with its record before it is answered.

pub mod consent;
mod index;
pub mod relation;

use crate::answer::answer_tries;
use crate::refusal::{NoGrant, Refusal};
use crate::road::authorise::{Ask, Authorised};
use crate::road::locate::{Located, Subject, acting_for, is_self, spend};
use crate::road::minimise::OutwardFor;
use crate::road::{Minimised, Recorded};
use crate::store::Fence;
use crate::store::keys::PersonNo;
use crate::store::outward::{Named, PERSON};
use crate::store::state::StoredRepresentative;
use crate::trail::Trail;
use crate::trust::Purpose;
use crate::trust::participant::Holder;
use crate::world::World;
use fhir_mappings::consent_wire::PatientRef;
use fhir_mappings::grammar::Query;
use jiff::Timestamp;

/// A record of our own, as one asker sees it.
pub(crate) struct Visible {
    /// Its FHIR type.
    pub(crate) resource_type: &'static str,
    /// Its id for this asker.
    pub(crate) id: String,
    /// Its JSON for this asker.
    pub(crate) bytes: Vec<u8>,
    /// Its version, as in the ETag.
    pub(crate) version: u32,
}

/// The consents, or the relations and attestations, of one FHIR type about this person that this asker may see.
///
/// # Errors
/// [`Refusal::ConsentUnavailable`]: what was recorded cannot be read.
pub(crate) fn visible(located: &Located, resource: &str, world: &World) -> Result<Vec<Visible>, Refusal> {
    let Some(subject) = located.subject() else { return Ok(Vec::new()) };
    let asked = located.asked();
    let mut seen = match resource {
        "Consent" => consent::visible(asked, subject, world)?,
        _ => relation::visible(asked, subject, world),
    };
    seen.retain(|visible| visible.resource_type == resource);
    Ok(seen)
}

/// Records what was sent.
///
/// # Errors
/// See [`Refusal`].
pub async fn record(
    asked: Authorised,
    world: &World,
    trail: &mut Trail,
) -> Result<Recorded<Minimised>, Refusal> {
    // A body may name anybody by number: what is recorded about nobody counts as a look-up that found nobody.
    let look_up = spend(&asked, world)?;
    let done = write(asked, world, trail).await;
    if !matches!(done, Err(Refusal::NoGrant(_))) {
        look_up.found();
    }
    done
}

async fn write(
    mut asked: Authorised,
    world: &World,
    trail: &mut Trail,
) -> Result<Recorded<Minimised>, Refusal> {
    for _ in 0..answer_tries() {
        let done = match asked.ask() {
            Ask::Record(Query::ConsentCreate) => consent::create(&asked, world, trail).await?,
            Ask::Record(Query::ConsentUpdate { id }) => {
                consent::update(&asked, id.as_str(), world, trail).await?
            }
            Ask::Record(Query::RelationCreate { resource }) => {
                relation::create(&asked, resource, world, trail).await?
            }
            Ask::Record(Query::RelationUpdate { resource, id }) => {
                relation::update(&asked, resource, id.as_str(), world, trail).await?
            }
            Ask::Record(Query::AttestationCreate) => relation::attest(&asked, world, trail).await?,
            Ask::Record(Query::IndexCreate) => index::create(&asked, world, trail).await?,
            Ask::Record(Query::IndexDelete { id }) => {
                index::delete(&asked, id.as_str(), world, trail).await?
            }
            Ask::Record(_)
            | Ask::Disclosure(_)
            | Ask::Explain(_)
            | Ask::Index(_)
            | Ask::Journal(_)
            | Ask::Directory(_) => {
                return Err(Refusal::NoGrant(NoGrant::OutsideGrant));
            }
        };
        if let Some(recorded) = done {
            return Ok(recorded);
        }
        // What moved shows in the view a moment after it has entered.
        world.next_tick().await;
        asked = asked.anew(world)?;
    }
    Err(Refusal::Contended)
}

/// The person that a body is about, with the state as it stands.
fn subject_of(
    patient: &PatientRef,
    asked: &Authorised,
    world: &World,
    trail: &mut Trail,
) -> Result<Subject, Refusal> {
    let unknown = || Refusal::NoGrant(NoGrant::UnknownPerson);
    let person = match patient {
        PatientRef::Id(id) => match world.outward.open(asked.participant().id.as_str(), id) {
            Some(Named { person, tag: PERSON }) => Some(person),
            _ => None,
        },
        PatientRef::Identifier(identifier) => {
            world.store.find_person(identifier).map_err(|_| Refusal::ConsentUnavailable)?
        }
    };
    let person = person.ok_or_else(unknown)?;
    known_subject(person, world, trail)
}

/// A person that exists, noted in the trail.
fn known_subject(person: PersonNo, world: &World, trail: &mut Trail) -> Result<Subject, Refusal> {
    let state = world.store.person(person).map_err(|_| Refusal::ConsentUnavailable)?;
    if state.identifiers.is_empty() {
        return Err(Refusal::NoGrant(NoGrant::UnknownPerson));
    }
    trail.person = Some(person);
    Ok(Subject { person, state })
}

/// Who may record about this person: the person, who acts for them now, or a registered recorder that holds data or stands in a recorded
/// relation that is alive (CONTRACT.md 7).
fn may_record(asked: &Authorised, subject: &Subject, now: Timestamp) -> bool {
    let asker = asked.session().asker();
    if asker.purpose == Purpose::OwnRequest {
        let in_force = |known: &StoredRepresentative| known.recorded.mandate.contains(now);
        return is_self(asker, &subject.state) || acting_for(asker, &subject.state).is_some_and(in_force);
    }
    let participant = asked.participant();
    let own = ::consent::Identifier::new(
        participant.identifier.system.as_str(),
        participant.identifier.value.as_str(),
    );
    // Who enters itself in the index has only its own word for it: that opens no door to somebody's choices.
    let holds = participant.holder != Some(Holder::Remote)
        && subject.state.holders.iter().any(|h| h == participant.id.as_str());
    // Its own word makes nobody a recorder.
    let others = subject.state.relations.iter().filter(|stored| stored.recorder != participant.id.as_str());
    let related = others
        .map(|stored| &stored.relation)
        .any(|r| r.is_live(now) && r.has_party(std::slice::from_ref(&own)));
    participant.recorder && (holds || related)
}

/// What a change by this asker rests on: the person's state as read, and the trust list it was judged by.
fn fence(asked: &Authorised, subject: &Subject) -> Fence {
    Fence { person: Some((subject.person, subject.state.version)), trust: asked.trust().epoch() }
}

/// Ids of one person for one asker.
fn outward(asked: &Authorised, person: PersonNo, world: &World) -> OutwardFor {
    OutwardFor::new(world, asked, person)
}

/// The pseudo-holder under which our own records have their ids.
pub(crate) const OURSELVES: &str = "sluis";
