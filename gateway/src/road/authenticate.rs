//! Stage 2: whose token is this, bound to this very certificate.

use super::identify::{Identified, Inbound};
use crate::oauth::asker::{AskingPerson, Assurance, BreakGlass, RelationHint, Session};
use crate::refusal::Refusal;
use crate::store::leaf;
use crate::trail::Trail;
use crate::trust::{Participant, Purpose, Trust};
use crate::world::World;
use fhir_mappings::audit;
use fhir_mappings::identifiers::{Identifier, KnownSystem, looks_like_bsn};
use std::sync::Arc;

/// A request with a verified session.
pub struct Authenticated {
    pub(super) inbound: Inbound,
    pub(super) participant: Arc<Participant>,
    pub(super) trust: Arc<Trust>,
    pub(super) session: Arc<Session>,
}

/// Verifies the access token.
///
/// # Errors
/// [`Refusal::Token`].
pub fn authenticate(
    identified: Identified,
    world: &World,
    trail: &mut Trail,
) -> Result<Authenticated, Refusal> {
    let Identified { inbound, participant, trust } = identified;
    let header = inbound.parts.headers.get(http::header::AUTHORIZATION).and_then(|h| h.to_str().ok());
    let session = world
        .verifier
        .verify(header, inbound.peer.fingerprint(), &trust, &world.signing.load(), world.clock.now())
        .map_err(Refusal::Token)?;
    let asker = session.asker();
    trail.entry.person = Some(person(&asker.person, asker.purpose, world));
    trail.entry.responsible = asker.responsible.as_ref().map(|p| person(p, asker.purpose, world));
    trail.entry.function = asker.function.as_ref().map(|f| f.as_str().to_owned());
    trail.entry.purpose = Some(asker.purpose.code().to_owned());
    trail.entry.relation = asker.relation.as_ref().map(relation);
    trail.entry.emergency = asker.break_glass.as_ref().map(emergency);
    trail.entry.token = Some(audit::TokenUse {
        id: session.token_id().to_owned(),
        issuer: world.settings.issuer.clone(),
        client: participant.id.as_str().to_owned(),
        scope: session.scopes().as_slice().iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    });
    Ok(Authenticated { inbound, participant, trust, session })
}

/// The treatment relation that the asker points at, as the record carries it.
pub(crate) fn relation(hint: &RelationHint) -> audit::Relation {
    audit::Relation { kind: hint.kind.code().to_owned(), identifier: claimed(&hint.identifier).to_owned() }
}

/// Words that an asker chose, as a record may carry them: none that hold a number that may be a BSN.
pub(crate) fn claimed(words: &str) -> &str {
    if looks_like_bsn(words) { HIDDEN } else { words }
}

/// A number of a professional may pass the eleven-test too: it is hidden when somebody's BSN with us is the same.
fn claimed_number<'a>(person: &'a AskingPerson, world: &World) -> &'a str {
    let professional = KnownSystem::of(&person.system).is_some_and(|system| system != KnownSystem::Bsn);
    let bsn = Identifier::new(KnownSystem::Bsn.uri(), &person.id);
    let known = || bsn.is_some_and(|bsn| !matches!(world.store.find_person(&bsn), Ok(None)));
    if professional && !known() { &person.id } else { claimed(&person.id) }
}

/// A broken glass, as the record carries it: the words of the reason are personal and lie in `holdings/`.
pub(crate) fn emergency(broken: &BreakGlass) -> audit::Emergency {
    audit::Emergency {
        reason: broken.reason.code().into(),
        could_not_be_asked: broken.could_not_be_asked,
        attestation: None,
    }
}

/// The asking person, as the record carries it. Who asks about themselves, or is named by a BSN, stands there by the
/// tag of the year and without a name: a record holds no BSN, sealed or not.
pub(crate) fn person(person: &AskingPerson, purpose: Purpose, world: &World) -> audit::Person {
    let private = purpose == Purpose::OwnRequest || KnownSystem::of(&person.system) == Some(KnownSystem::Bsn);
    let id = if private {
        format!("{TAGGED}{}", tag(person, world).unwrap_or_else(|| "unknown".to_owned()))
    } else {
        let registered = person.assurance == Assurance::Registered;
        let number = if registered { &person.id } else { claimed_number(person, world) };
        format!("{}#{number}", claimed(&person.system))
    };
    audit::Person {
        id,
        name: person.name.clone().filter(|name| !private && !looks_like_bsn(name)),
        role: person.role.as_ref().map(|role| audit::Coding {
            system: claimed(&role.system).into(),
            code: claimed(&role.code).into(),
        }),
        assurance: match person.assurance {
            Assurance::Registered => audit::Assurance::Registered,
            Assurance::SelfAsserted => audit::Assurance::SelfAsserted,
        },
    }
}

/// In place of what a record may not carry.
const HIDDEN: &str = "…";

/// Before the tag of a person who acted.
pub(crate) const TAGGED: &str = "urn:sluis:person-tag#";

fn tag(person: &AskingPerson, world: &World) -> Option<String> {
    let known = world.store.find_person(&Identifier::new(&person.system, &person.id)?).ok()??;
    let (tag, _) = world.store.keys().person(known, leaf::year(world.clock.now())).ok()?;
    Some(data_encoding::HEXLOWER.encode(&tag))
}
