//! The portal: people see and change what is shared and see who looked; officers review (CONTRACT.md 4).
//!
//! Server-rendered, no script, Dutch and English. Three proofs hold it together: a page with personal data is made for a
//! [`session::SignedIn`] only, is a [`page::PersonalPage`] until it is recorded, and leaves as a `Recorded` one.

mod acts;
mod login;
mod officer;
pub mod page;
mod patient;
mod provider;
pub mod session;
mod tell;
mod visit;
mod ways;
mod words;

pub use provider::Provider;
#[cfg(feature = "sandbox")]
pub(crate) use session::random;

use crate::oauth::discovery;
use crate::world::World;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use http::{Method, Response};
use maud::html;
use std::sync::Arc;
use visit::Visit;

/// Everything the portal's requests reach.
pub struct House {
    world: Arc<World>,
    base: String,
    provider: Option<Provider>,
    known: provider::Known,
    sessions: session::Sessions,
    begun: login::Begun,
    verified: officer::LastCheck,
    tries: patient::Tries,
}

/// The doors of the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Persons, and who acts for them.
    Patient,
    /// Privacy officers.
    Officer,
}

impl Door {
    fn path(self) -> &'static str {
        match self {
            Self::Patient => "/patient",
            Self::Officer => "/officer",
        }
    }
}

impl House {
    /// A portal that people reach at `base` (https, no slash at the end).
    #[must_use]
    pub fn new(world: Arc<World>, base: String, provider: Option<Provider>) -> Self {
        Self {
            world,
            base,
            provider,
            known: provider::Known::default(),
            sessions: session::Sessions::default(),
            begun: login::Begun::default(),
            verified: officer::LastCheck::default(),
            tries: patient::Tries::default(),
        }
    }

    fn redirect(&self) -> String {
        format!("{}/callback", self.base)
    }
}

/// The routes.
pub fn router(house: House) -> Router {
    Router::new().fallback(answer).with_state(Arc::new(house))
}

/// How people reach the portal and sign in.
pub struct SignIn {
    /// Where the portal is: https, no slash at the end.
    pub base: String,
    /// Who says who somebody is; nobody can sign in without.
    pub provider: Option<Provider>,
    /// Routes beside the pages: a sandbox's own provider.
    pub beside: Router,
}

async fn answer(State(house): State<Arc<House>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_MAX).await else { return page::see_other("/") };
    let Some(visit) = Visit::read(&house, &parts, &body) else { return page::see_other("/") };
    let mut response = route(&visit).await;
    if let Some(cookie) = visit.chosen.clone() {
        response.headers_mut().append(http::header::SET_COOKIE, cookie);
    }
    if house.world.settings.sandbox {
        response.headers_mut().insert(
            http::header::HeaderName::from_static("x-environment"),
            http::header::HeaderValue::from_static("sandbox"),
        );
    }
    response
}

async fn route(visit: &Visit<'_>) -> Response<Body> {
    let path: Vec<&str> = visit.path.split('/').filter(|part| !part.is_empty()).collect();
    let get = visit.method == Method::GET;
    match path.as_slice() {
        [] if get => start(visit),
        ["style.css"] if get => page::style(),
        // By these an identity provider knows us: the exchange shows the same, but to certificates only.
        [".well-known", "jwks.json"] if get => page::json(200, &discovery::jwks(&visit.world.signing.load())),
        ["login", "patient"] if get => login::begin(visit, Door::Patient).await,
        ["login", "officer"] if get => login::begin(visit, Door::Officer).await,
        ["callback"] if get => login::finish(visit).await,
        ["logout"] if visit.method == Method::POST => log_out(visit),
        ["patient", rest @ ..] => patient::answer(visit, rest).await,
        ["officer", rest @ ..] => officer::answer(visit, rest).await,
        _ => visit.trouble(404, "not-found"),
    }
}

fn start(visit: &Visit<'_>) -> Response<Body> {
    let words = visit.words;
    let content = html! {
        p class="lead" { (words.say("start-lead")) }
        ul class="cards" {
            li { a href="/login/patient" { (words.say("start-patient")) } p { (words.say("start-patient-text")) } }
            li { a href="/login/officer" { (words.say("start-officer")) } p { (words.say("start-officer-text")) } }
        }
        p { (words.say("start-help")) }
    };
    visit.plain(200, words.say("start-title"), content)
}

/// Signing out asks for no token of a form: the worst that another site can do is to sign somebody out.
fn log_out(visit: &Visit<'_>) -> Response<Body> {
    let mut response = page::see_other("/");
    if let Some(gone) = visit.house.sessions.end(visit.headers) {
        response.headers_mut().append(http::header::SET_COOKIE, gone);
    }
    response
}

const BODY_MAX: usize = 64 * 1024;
