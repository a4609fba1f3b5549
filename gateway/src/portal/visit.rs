//! One request to the portal, read: what every page needs of it.

use super::page::{self, Frame, PersonalPage};
use super::session::SignedIn;
use super::words::{Words, words};
use super::{House, ways};
use crate::listen::RemoteAddress;
use crate::oauth::form::Form;
use crate::road::record::{AuditUnavailable, record_page};
use crate::road::respond::release_page;
use crate::trail::Trail;
use crate::world::World;
use axum::body::Body;
use fhir_mappings::audit::{Detail, Entry, Network};
use fhir_mappings::outcome::Language;
use http::header::HeaderValue;
use http::request::Parts;
use http::{HeaderMap, Method, Response};
use maud::{Markup, html};
use std::net::SocketAddr;

/// A request.
pub(super) struct Visit<'v> {
    pub(super) house: &'v House,
    pub(super) world: &'v World,
    pub(super) words: &'static Words,
    pub(super) headers: &'v HeaderMap,
    pub(super) method: &'v Method,
    pub(super) path: &'v str,
    /// Parameters of the address; never anything personal.
    pub(super) query: Form,
    /// Fields of a form that was sent.
    pub(super) form: Form,
    pub(super) address: Option<SocketAddr>,
    pub(super) request_id: String,
    /// What makes the browser remember the language that was just chosen.
    pub(super) chosen: Option<HeaderValue>,
}

impl<'v> Visit<'v> {
    /// Reads it; `None` when address or form are ill-formed.
    pub(super) fn read(house: &'v House, parts: &'v Parts, body: &[u8]) -> Option<Self> {
        let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes())?;
        let form = Form::parse(body)?;
        let asked = form.get("lang").or(query.get("lang")).and_then(language);
        let remembered = super::session::cookie_of(&parts.headers, COOKIE).and_then(language);
        let accepted = parts.headers.get(http::header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
        let chosen = asked.or(remembered).unwrap_or_else(|| Language::from_accept_language(accepted));
        let words = words(chosen);
        let remember = asked.and_then(|_| super::session::cookie(COOKIE, words.tag(), Some(YEAR)));
        Some(Self {
            house,
            world: &house.world,
            words,
            headers: &parts.headers,
            method: &parts.method,
            path: parts.uri.path(),
            query,
            form,
            address: parts.extensions.get::<RemoteAddress>().map(|RemoteAddress(address)| *address),
            request_id: uuid::Uuid::new_v4().to_string(),
            chosen: remember,
        })
    }

    /// From where it comes, for the record.
    pub(super) fn network(&self) -> Option<Network> {
        self.address.map(|address| Network { address: address.ip().to_string(), certificate: None })
    }

    /// The trail of a page: who sees it is filled in by the portal it belongs to.
    pub(super) fn trail(&self, entry: Entry, page: &str) -> Trail {
        let mut trail = Trail::begin(self.headers);
        trail.request_id.clone_from(&self.request_id);
        trail.entry = entry;
        trail.entry.network = self.network();
        trail.entry.details.push(Detail { name: "page".into(), value: page.to_owned() });
        trail
    }

    /// A page about nobody.
    pub(super) fn plain(&self, status: u16, title: String, content: Markup) -> Response<Body> {
        let frame = Frame {
            words: self.words,
            title,
            path: self.path,
            again: &[],
            ways: ways::outside(self.words),
            acting: None,
            form_token: None,
        };
        page::plain(status, frame.around(content))
    }

    /// A page that says what went wrong and what one can do.
    pub(super) fn trouble(&self, status: u16, what: &str) -> Response<Body> {
        let content = html! {
            p class="lead" { (self.words.code("trouble-text", what)) }
            p { a href="/" { (self.words.say("to-start")) } }
        };
        self.plain(status, self.words.code("trouble", what), content)
    }

    /// A page for somebody signed in, recorded and sent.
    pub(super) async fn personal<P>(
        &self,
        signed: &SignedIn<P>,
        html: Markup,
        trail: &Trail,
    ) -> Response<Body> {
        match record_page(PersonalPage::new(signed, html), self.world, trail).await {
            Ok(recorded) => release_page(recorded, trail),
            Err(AuditUnavailable) => self.trouble(503, "no-record"),
        }
    }
}

fn language(tag: &str) -> Option<Language> {
    match tag {
        "nl" => Some(Language::Nl),
        "en" => Some(Language::En),
        _ => None,
    }
}

const COOKIE: &str = "__Host-sluis-language";
const YEAR: u32 = 31_536_000;
