//! The token endpoint: check, burn durably, then mint. No token exists for an assertion that could be used again.

use crate::listen::{Peer, body};
use crate::notice::{self, About};
use crate::oauth::asker::Asker;
use crate::oauth::refusal::{Attempt, TokenRefusal};
use crate::oauth::{access_token, assertion};
use crate::road::authenticate;
use crate::road::record::AuditUnavailable;
use crate::road::respond::{self, JSON, Response};
use crate::store::leaf::Drafts;
use crate::trail::{Trail, organisation};
use crate::world::World;
use axum::body::Body;
use data_encoding::HEXLOWER;
use fhir_mappings::audit::{self, Action, Interaction, Kind, Outcome};
use fhir_mappings::identifiers::Identifier;
use http::header::{self, HeaderValue};

/// More than any assertion needs.
const BODY_MAX: usize = 64 * 1024;

/// Answers `/oauth/token`.
pub async fn endpoint(request: http::Request<Body>, peer: &Peer, world: &World) -> Response {
    let mut trail = Trail::begin(request.headers());
    trail.entry.interaction = Interaction::Token;
    trail.entry.action = Action::Execute;
    trail.entry.protocols = world.protocols();
    trail.entry.network = Some(audit::Network {
        address: peer.address().ip().to_string(),
        certificate: Some(peer.fingerprint().to_string()),
    });
    match grant(request, peer, world, &mut trail).await {
        Ok(response) => response,
        Err(Refused::Token(refusal)) => refuse(&refusal, world, &mut trail).await,
        Err(Refused::Audit) => respond::unavailable(AuditUnavailable, world, &trail),
    }
}

enum Refused {
    Token(Box<TokenRefusal>),
    Audit,
}

impl From<TokenRefusal> for Refused {
    fn from(refusal: TokenRefusal) -> Self {
        Self::Token(Box::new(refusal))
    }
}

async fn grant(
    request: http::Request<Body>,
    peer: &Peer,
    world: &World,
    trail: &mut Trail,
) -> Result<Response, Refused> {
    let (parts, incoming) = request.into_parts();
    let trust = world.store.trust();
    name_organisation(peer, &trust, trail);
    let media = parts.headers.get(header::CONTENT_TYPE).and_then(|h| h.to_str().ok());
    // A method other than POST, a query or an unreadable body is a request without a form.
    let plain = parts.method == http::Method::POST && parts.uri.query().is_none();
    let form = match body::read(incoming, BODY_MAX).await {
        Ok(form) if plain => form,
        _ => bytes::Bytes::new(),
    };
    let now = world.clock.now();
    let checked = assertion::check(&form, media, peer, &trust, now, &world.issuer)?;
    let reserved = world.replay.reserve(checked, now)?;
    let burn = reserved.burn();
    describe(reserved.checked().asker(), trail, world);
    let scope = reserved.checked().scopes().to_string();
    let mut draft = trail.draft(Kind::Token, Outcome::Success, now);
    draft.entry.token = Some(audit::TokenUse {
        id: HEXLOWER.encode(burn.digest.get(..16).unwrap_or_default()),
        issuer: world.settings.issuer.clone(),
        client: reserved.checked().asker().participant.as_str().to_owned(),
        scope,
    });
    draft.burnt = Some((HEXLOWER.encode(&burn.digest), burn.until.as_second()));
    world.store.record(draft, None).await.map_err(|_| Refused::Audit)?;
    let burnt = reserved.commit();
    let granted =
        access_token::mint(&burnt, &world.signing.load(), now, &world.issuer).map_err(|_| Refused::Audit)?;
    let body = serde_json::to_vec(&granted).map_err(|_| Refused::Audit)?;
    let mut response = respond::public(JSON, body, world, Some(trail));
    response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    Ok(response)
}

async fn refuse(refusal: &TokenRefusal, world: &World, trail: &mut Trail) -> Response {
    let Attempt { function, purpose, person, break_glass, .. } = &refusal.attempt;
    trail.entry.function = function.as_ref().map(|f| authenticate::claimed(f.as_str()).to_owned());
    trail.entry.purpose = purpose.map(|p| p.code().to_owned());
    trail.entry.person = person
        .as_ref()
        .map(|p| authenticate::person(p, purpose.unwrap_or(crate::trust::Purpose::Treatment), world));
    // A refused emergency still reaches the timeline of the person it was about.
    if let Some(broken) = break_glass {
        trail.entry.emergency = Some(authenticate::emergency(broken));
        trail.person = find(&broken.patient_system, &broken.patient_value, world);
    }
    let reason = format!("{}/{}", refusal.error().code(), refusal.cause.code());
    let now = world.clock.now();
    let main = trail.draft(Kind::TokenRefused, Outcome::Refused(reason), now);
    let beside = match break_glass {
        Some(_) if trail.person.is_some() => notice::of(About::EmergencyRefused, trail, world, now),
        _ => Ok(Vec::new()),
    };
    let Ok(beside) = beside else { return respond::unavailable(AuditUnavailable, world, trail) };
    let told = beside.len();
    if world.store.record(Drafts { main, beside }, None).await.is_err() {
        return respond::unavailable(AuditUnavailable, world, trail);
    }
    notice::count(told, world);
    let mut response = respond::public(JSON, refusal.body().into_bytes(), world, Some(trail));
    *response.status_mut() =
        http::StatusCode::from_u16(refusal.status()).unwrap_or(http::StatusCode::UNAUTHORIZED);
    if let Some(challenge) = refusal.challenge() {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}

fn name_organisation(peer: &Peer, trust: &crate::trust::Trust, trail: &mut Trail) {
    trail.entry.organisation = trust.by_certificate(&peer.fingerprint()).map(|p| organisation(p));
}

fn describe(asker: &Asker, trail: &mut Trail, world: &World) {
    trail.entry.function = asker.function.as_ref().map(|f| f.as_str().to_owned());
    trail.entry.purpose = Some(asker.purpose.code().to_owned());
    trail.entry.person = Some(authenticate::person(&asker.person, asker.purpose, world));
    trail.entry.responsible =
        asker.responsible.as_ref().map(|p| authenticate::person(p, asker.purpose, world));
    trail.entry.relation = asker.relation.as_ref().map(authenticate::relation);
    if let Some(broken) = &asker.break_glass {
        trail.entry.emergency = Some(authenticate::emergency(broken));
        trail.person = find(&broken.patient_system, &broken.patient_value, world);
    }
}

fn find(system: &str, value: &str, world: &World) -> Option<crate::store::keys::PersonNo> {
    world.store.find_person(&Identifier::new(system, value)?).ok()?
}
