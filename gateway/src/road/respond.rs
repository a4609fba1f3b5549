//! Stage 9: the HTTP answer. Bodies about a person are made from a [`Recorded`] only; the few that need no record
//! (audit-unavailable, discovery, directory) say nothing about anybody.

use super::minimise::Minimised;
use super::record::{AuditUnavailable, Recorded};
use crate::portal::page::PersonalPage;
use crate::refusal::Refusal;
use crate::trail::Trail;
use crate::world::World;
use axum::body::Body;
use fhir_mappings::outcome::{Code, Language, Outcome};
use http::header::{self, HeaderName, HeaderValue};

/// An answer ready for the wire.
pub type Response = http::Response<Body>;

/// Releases a recorded answer.
#[must_use]
pub fn release(recorded: Recorded<Minimised>, world: &World, trail: &Trail) -> Response {
    let answer = recorded.into_value();
    let mut response = build(answer.status, FHIR_JSON, answer.bytes, world, Some(trail));
    let headers = response.headers_mut();
    let optional = [(header::LOCATION, answer.location), (header::ETAG, answer.etag)];
    for (name, value) in optional {
        if let Some(value) = value.and_then(|v| HeaderValue::from_str(&v).ok()) {
            headers.insert(name, value);
        }
    }
    response
}

/// Releases a recorded page of the portal.
#[must_use]
pub fn release_page(recorded: Recorded<PersonalPage>, trail: &Trail) -> Response {
    let mut response = recorded.into_value().into_response();
    if let Ok(id) = HeaderValue::from_str(&trail.request_id) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), id);
    }
    response
}

/// Sends a recorded refusal in its outward form.
#[must_use]
pub fn refuse(recorded: &Recorded<Refusal>, world: &World, trail: &Trail) -> Response {
    let refusal = recorded.value();
    let mut response = outcome(&refusal.public(), world, Some(trail));
    let headers = response.headers_mut();
    if let Some(challenge) = challenge(refusal) {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let Refusal::RateLimited(seconds) = refusal {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
    }
    response
}

/// The one answer when the journal takes no record.
#[must_use]
pub fn unavailable(_: AuditUnavailable, world: &World, trail: &Trail) -> Response {
    outcome(&Outcome::new(Code::AuditUnavailable), world, Some(trail))
}

/// An OperationOutcome that needs no record of its own.
#[must_use]
pub fn outcome(outcome: &Outcome, world: &World, trail: Option<&Trail>) -> Response {
    let language = trail.map_or(Language::Nl, |t| t.language);
    let code = outcome.code();
    let mut response = build(code.status(), FHIR_JSON, outcome.to_json(language), world, trail);
    if code.status() == 503 {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// Over budget: counted, not recorded one by one.
#[must_use]
pub fn limited(retry_after_seconds: u64, world: &World, trail: &Trail) -> Response {
    let mut response = outcome(&Outcome::new(Code::RateLimited), world, Some(trail));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds));
    response
}

/// A document that is equal for every caller.
#[must_use]
pub fn public(media: &'static str, bytes: Vec<u8>, world: &World, trail: Option<&Trail>) -> Response {
    build(200, media, bytes, world, trail)
}

fn challenge(refusal: &Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::Token(why) => Some(why.challenge()),
        Refusal::UnknownCertificate => Some(r#"Bearer error="invalid_token""#),
        _ => None,
    }
}

/// Every answer of the exchange goes through here, so that none misses a header.
fn build(status: u16, media: &'static str, bytes: Vec<u8>, world: &World, trail: Option<&Trail>) -> Response {
    let mut response = http::Response::new(Body::from(bytes));
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Language, Authorization"));
    if let Some(trail) = trail {
        if let Ok(id) = HeaderValue::from_str(&trail.request_id) {
            headers.insert(HeaderName::from_static("x-request-id"), id);
        }
        if let Some(parent) = trail.entry.traceparent.as_deref().and_then(|t| HeaderValue::from_str(t).ok()) {
            headers.insert(HeaderName::from_static("traceparent"), parent);
        }
    }
    if world.settings.sandbox {
        headers.insert(HeaderName::from_static("x-environment"), HeaderValue::from_static("sandbox"));
    }
    response
}

/// What we answer in.
pub const FHIR_JSON: &str = "application/fhir+json; fhirVersion=4.0";
/// Discovery documents.
pub const JSON: &str = "application/json";
