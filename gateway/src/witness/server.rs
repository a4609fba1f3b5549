//! `add-checkpoint` over HTTP (c2sp.org/tlog-witness). Whoever reaches it can only hand in what a watched log signed, so
//! that it needs neither secrecy nor log-ins; its caller checks what it answers by key.

use super::book::{Book, NoCosignature};
use crate::listen::body;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::post;
use http::{HeaderValue, Response, StatusCode, header};
use sluis_journal::witness::Refusal;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The routes of a witness.
pub fn router(book: Arc<Book>) -> Router {
    Router::new().route("/add-checkpoint", post(add)).with_state(book)
}

async fn add(State(book): State<Arc<Book>>, request: Request) -> Response<Body> {
    let body = body::read(request.into_body(), BODY_MAX).await.ok();
    let text = body.and_then(|body| String::from_utf8(body.to_vec()).ok());
    let Some(text) = text else { return refused(Refusal::Malformed) };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    // A sync takes its time: others are answered meanwhile.
    match tokio::task::spawn_blocking(move || book.add(&text, now)).await {
        Ok(Ok(line)) => answer(200, PLAIN, line),
        Ok(Err(NoCosignature::Refused(refusal))) => refused(refusal),
        Ok(Err(NoCosignature::Disk)) | Err(_) => answer(503, PLAIN, "the disk takes no record\n".to_owned()),
    }
}

fn refused(refusal: Refusal) -> Response<Body> {
    match refusal {
        Refusal::Conflict(size) => answer(refusal.status(), SIZE, format!("{size}\n")),
        other => answer(other.status(), PLAIN, format!("{other}\n")),
    }
}

fn answer(status: u16, media: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

const PLAIN: &str = "text/plain; charset=utf-8";
pub(super) const SIZE: &str = "text/x.tlog.size";
/// 63 hashes and a note with many signatures are far below this.
const BODY_MAX: usize = 64 * 1024;
