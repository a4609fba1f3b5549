//! Stage 2: whose token is this, bound to this very certificate.

use super::identify::{Identified, Inbound};
use crate::oauth::asker::{AskingPerson, Assurance, Session};
use crate::refusal::Refusal;
use crate::trail::Trail;
use crate::trust::{Participant, Trust};
use crate::world::World;
use fhir_mappings::audit;
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
    trail.entry.person = Some(person(&asker.person));
    trail.entry.responsible = asker.responsible.as_ref().map(person);
    trail.entry.function = asker.function.as_ref().map(|f| f.as_str().to_owned());
    trail.entry.purpose = Some(asker.purpose.code().to_owned());
    trail.entry.token = Some(audit::TokenUse {
        id: session.token_id().to_owned(),
        issuer: world.settings.issuer.clone(),
        client: participant.id.as_str().to_owned(),
        scope: session.scopes().as_slice().iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    });
    Ok(Authenticated { inbound, participant, trust, session })
}

/// The asking person, as the record carries it.
pub(crate) fn person(person: &AskingPerson) -> audit::Person {
    audit::Person {
        id: format!("{}#{}", person.system, person.id),
        name: person.name.clone(),
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
