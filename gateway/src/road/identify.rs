//! Stage 1: which organisation is this, by its certificate.

use crate::listen::Peer;
use crate::refusal::Refusal;
use crate::trail::{Trail, organisation};
use crate::trust::{Participant, Standing, Trust};
use crate::world::World;
use axum::body::Body;
use fhir_mappings::audit;
use fhir_mappings::grammar::bsn_in_url;
use http::request::Parts;
use std::sync::Arc;

/// A request as it came in: nothing of it is believed yet.
pub struct Inbound {
    pub(super) parts: Parts,
    pub(super) body: Body,
    pub(super) peer: Peer,
}

impl Inbound {
    /// Takes a request and the connection it came over.
    #[must_use]
    pub fn new(request: http::Request<Body>, peer: Peer) -> Self {
        let (parts, body) = request.into_parts();
        Self { parts, body, peer }
    }

    /// Its headers.
    #[must_use]
    pub fn headers(&self) -> &http::HeaderMap {
        &self.parts.headers
    }
}

/// A request of a registered, active participant.
pub struct Identified {
    pub(super) inbound: Inbound,
    pub(super) participant: Arc<Participant>,
    /// INVARIANT: every later stage judges by this one snapshot; the writer's fence notices when it moved.
    pub(super) trust: Arc<Trust>,
}

/// Finds the participant of the connection's certificate.
///
/// # Errors
/// [`Refusal::BsnInUrl`] before anything else; [`Refusal::UnknownCertificate`].
pub fn identify(inbound: Inbound, world: &World, trail: &mut Trail) -> Result<Identified, Refusal> {
    let fingerprint = inbound.peer.fingerprint();
    trail.entry.network = Some(audit::Network {
        address: inbound.peer.address().ip().to_string(),
        certificate: Some(fingerprint.to_string()),
    });
    let trust = world.store.trust();
    let participant = trust.by_certificate(&fingerprint).cloned();
    if let Some(participant) = &participant {
        trail.entry.organisation = Some(organisation(participant));
    }
    let uri = &inbound.parts.uri;
    if bsn_in_url(uri.path(), uri.query()) {
        return Err(Refusal::BsnInUrl);
    }
    let participant = good(participant, world)?;
    Ok(Identified { inbound, participant, trust })
}

/// Whoever a trust list has behind a certificate, while in good standing.
pub(super) fn good(
    participant: Option<Arc<Participant>>,
    world: &World,
) -> Result<Arc<Participant>, Refusal> {
    let stands = |known: &Arc<Participant>| known.standing_at(world.clock.now()) == Standing::Good;
    participant.filter(stands).ok_or(Refusal::UnknownCertificate)
}
