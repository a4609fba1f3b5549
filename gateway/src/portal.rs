//! The portal listener. Its pages come with a later release; until then it says so and knows no person.

use axum::Router;
use axum::response::Html;
use axum::routing::get;

/// The routes.
pub fn router() -> Router {
    Router::new().route("/", get(|| async { Html(PAGE) }))
}

const PAGE: &str = "<!doctype html><html lang=\"nl\"><meta charset=\"utf-8\"><title>Sluis</title>\
<h1>Sluis</h1><p>Het portaal is er nog niet. Vraag uw zorgverlener naar uw keuzes.</p>\
<p lang=\"en\">The portal is not there yet. Ask your care provider about your choices.</p></html>";
