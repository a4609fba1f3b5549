//! The exchange listener's routes: tokens, discovery, and everything under `/fhir` on the road of `answer.rs`.

use crate::answer::answer;
use crate::limits::{Admitted, FloodKind, Source};
use crate::listen::Peer;
use crate::oauth::discovery;
use crate::road::identify::Inbound;
use crate::road::respond::{self, FHIR_JSON, JSON, Response};
use crate::trail::Trail;
use crate::world::World;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::any;
use fhir_mappings::outcome::{Code, Outcome};
use fhir_mappings::{capability, grammar};
use http::Method;
use std::sync::Arc;
use std::time::Instant;

/// The routes.
pub fn router(world: Arc<World>) -> Router {
    // `any`, not `get`: axum would answer HEAD, and the grammar has no HEAD.
    Router::new()
        .route("/oauth/token", any(token))
        .route("/fhir/metadata", any(document))
        .route("/fhir/.well-known/smart-configuration", any(document))
        .route("/.well-known/smart-configuration", any(document))
        .route("/.well-known/oauth-authorization-server", any(document))
        .route("/.well-known/jwks.json", any(document))
        .route("/openapi.json", any(document))
        .fallback(road)
        .with_state(world)
}

async fn road(State(world): State<Arc<World>>, request: Request) -> Response {
    match within_budget(&request, &world) {
        Ok((peer, _admitted)) => answer(Inbound::new(request, peer), &world).await,
        Err(refused) => *refused,
    }
}

async fn token(State(world): State<Arc<World>>, request: Request) -> Response {
    match within_budget(&request, &world) {
        Ok((peer, _admitted)) => crate::token::endpoint(request, &peer, &world).await,
        Err(refused) => *refused,
    }
}

/// Who is at the other end, while its budget lasts; hold the admission until the answer is made.
fn within_budget(request: &Request, world: &World) -> Result<(Peer, Admitted), Box<Response>> {
    let Some(peer) = request.extensions().get::<Peer>().cloned() else {
        return Err(Box::new(respond::outcome(&Outcome::new(Code::TokenInvalid), world, None)));
    };
    match world.budgets.request(peer.fingerprint(), Instant::now()) {
        Ok(admitted) => Ok((peer, admitted)),
        Err(exceeded) => {
            world.floods.count(Source::Certificate(peer.fingerprint()), FloodKind::TooManyRequests);
            let trail = Trail::begin(request.headers());
            Err(Box::new(respond::limited(exceeded.retry_after_seconds(), world, &trail)))
        }
    }
}

/// Documents that are equal for every caller: no token, no record, unless somebody's number stands in the address.
async fn document(State(world): State<Arc<World>>, request: Request<Body>) -> Response {
    if grammar::bsn_in_url(request.uri().path(), request.uri().query()) {
        // Nothing of these documents is about anybody, but the address was: the road refuses and records it.
        return road(State(world), request).await;
    }
    let trail = Trail::begin(request.headers());
    let trail = Some(&trail);
    let (method, path) = (request.method(), request.uri().path());
    if method != Method::GET || request.uri().query().is_some() {
        let code = if path.starts_with("/fhir/") { Code::QueryNotSupported } else { Code::NotFound };
        return respond::outcome(&Outcome::new(code), &world, trail);
    }
    let accept = request.headers().get(http::header::ACCEPT).map(|a| a.to_str().unwrap_or("-"));
    if path == "/fhir/metadata" && grammar::accept(accept).is_none() {
        return respond::outcome(&Outcome::new(Code::NotAcceptable), &world, trail);
    }
    let scopes = world.supported_scopes();
    let value = match path {
        "/fhir/metadata" => {
            return respond::public(
                FHIR_JSON,
                capability::statement(world.settings.service()),
                &world,
                trail,
            );
        }
        "/openapi.json" => {
            return respond::public(JSON, capability::openapi(world.settings.service()), &world, trail);
        }
        "/.well-known/oauth-authorization-server" => discovery::authorization_server(&world.issuer, &scopes),
        "/.well-known/jwks.json" => discovery::jwks(&world.signing.load()),
        _ => discovery::smart_configuration(&world.issuer, &scopes),
    };
    respond::public(JSON, value.to_string().into_bytes(), &world, trail)
}
