//! Stage 2: whose token is this, bound to this very certificate.

use super::identify::{Identified, Inbound};
use crate::oauth::asker::{AskingPerson, Assurance, BreakGlass, RelationHint, Session};
use crate::refusal::Refusal;
use crate::store::leaf;
use crate::trail::Trail;
use crate::trust::{Participant, Purpose, Trust};
use crate::world::World;
use fhir_mappings::audit;
use fhir_mappings::identifiers::{Identifier, KnownSystem};
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
    audit::Relation { kind: hint.kind.code().to_owned(), identifier: hint.identifier.clone() }
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
        format!("{}#{}", person.system, person.id)
    };
    audit::Person {
        id,
        name: person.name.clone().filter(|_| !private),
        role: person
            .role
            .as_ref()
            .map(|role| audit::Coding { system: role.system.clone(), code: role.code.clone() }),
        assurance: match person.assurance {
            Assurance::Registered => audit::Assurance::Registered,
            Assurance::SelfAsserted => audit::Assurance::SelfAsserted,
        },
    }
}

/// Before the tag of a person who acted.
pub(crate) const TAGGED: &str = "urn:sluis:person-tag#";

fn tag(person: &AskingPerson, world: &World) -> Option<String> {
    let known = world.store.find_person(&Identifier::new(&person.system, &person.id)?).ok()??;
    let (tag, _) = world.store.keys().person(known, leaf::year(world.clock.now())).ok()?;
    Some(data_encoding::HEXLOWER.encode(&tag))
}
