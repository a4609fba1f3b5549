//! The management listener's routes: `/livez`, `/readyz`, `/metrics`, `/checkpoint`. Nothing here changes
//! anything, and nothing here is about a person (CONTRACT.md 5).

use super::metrics::Registry;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use std::sync::Arc;

/// One check of readiness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name, for instance `journal`.
    pub name: &'static str,
    /// Whether it holds.
    pub holds: bool,
    /// What is wrong, in words for an operator; never about a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// What the routes ask; the core gives the closures.
#[derive(Clone)]
pub struct Ports {
    /// All checks by name; none at all is not ready.
    pub readiness: Arc<dyn Fn() -> Vec<Check> + Send + Sync>,
    /// The metrics.
    pub metrics: Registry,
    /// The newest signed checkpoint, if there is one.
    pub checkpoint: Arc<dyn Fn() -> Option<String> + Send + Sync>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ports")
    }
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    checks: Vec<Check>,
}

/// The routes.
pub fn router(ports: Ports) -> Router {
    Router::new()
        .route("/livez", get(|| async { plain(StatusCode::OK, "live\n".to_owned()) }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/checkpoint", get(checkpoint))
        .with_state(ports)
}

async fn readyz(State(ports): State<Ports>) -> Response {
    let checks = (ports.readiness)();
    let ready = !checks.is_empty() && checks.iter().all(|check| check.holds);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::to_string(&Readiness { ready, checks }).unwrap_or_default();
    answer(status, "application/json", body)
}

async fn metrics(State(ports): State<Ports>) -> Response {
    answer(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", ports.metrics.render())
}

async fn checkpoint(State(ports): State<Ports>) -> Response {
    match (ports.checkpoint)() {
        Some(note) => plain(StatusCode::OK, note),
        None => plain(StatusCode::SERVICE_UNAVAILABLE, "no checkpoint yet\n".to_owned()),
    }
}

fn plain(status: StatusCode, body: String) -> Response {
    answer(status, "text/plain; charset=utf-8", body)
}

fn answer(status: StatusCode, kind: &'static str, body: String) -> Response {
    let fixed: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, fixed, body).into_response()
}
