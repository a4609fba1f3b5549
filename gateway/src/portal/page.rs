//! What a page is made of. A page that says anything about a person is a [`PersonalPage`], which only somebody signed in
//! can have made for them, and which leaves only with its record (`road::respond::release_page`).

use super::session::SignedIn;
use super::words::Words;
use axum::body::Body;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use maud::{DOCTYPE, Markup, html};

/// A page with something personal on it, not yet recorded.
pub struct PersonalPage {
    status: u16,
    html: String,
}

impl PersonalPage {
    /// A page for somebody who signed in.
    pub(super) fn new<P>(_: &SignedIn<P>, html: Markup) -> Self {
        Self { status: 200, html: html.into_string() }
    }

    /// The bytes to send. For `road::respond`, which has the record.
    pub(crate) fn into_response(self) -> Response<Body> {
        response(self.status, self.html)
    }
}

/// Around the content of every page.
pub(super) struct Frame<'f> {
    pub(super) words: &'f Words,
    /// Title of the page, already in words.
    pub(super) title: String,
    /// Where it stands, for the switch of languages.
    pub(super) path: &'f str,
    /// Hidden fields that make this page again when the language is switched: for pages that a form made.
    pub(super) again: &'f [(&'f str, &'f str)],
    /// Where one can go from here: path and words.
    pub(super) ways: Vec<(String, String)>,
    /// Says for whom somebody acts.
    pub(super) acting: Option<String>,
    /// The token for the form that signs out; nobody is signed in without.
    pub(super) form_token: Option<&'f str>,
}

impl Frame<'_> {
    /// The whole page.
    pub(super) fn around(&self, content: Markup) -> Markup {
        let words = self.words;
        html! {
            (DOCTYPE)
            html lang=(words.tag()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) " – Sluis" }
                    link rel="stylesheet" href="/style.css";
                }
                body {
                    a class="skip" href="#content" { (words.say("skip")) }
                    header {
                        p class="brand" { "Sluis" }
                        (self.languages())
                        @if let Some(token) = self.form_token {
                            form method="post" action="/logout" {
                                input type="hidden" name="token" value=(token);
                                button class="quiet" { (words.say("sign-out")) }
                            }
                        }
                        @if let Some(acting) = &self.acting { p class="acting" { (acting) } }
                    }
                    @if !self.ways.is_empty() {
                        nav aria-label=(words.say("ways")) {
                            ul { @for (path, name) in &self.ways {
                                li { a href=(path) aria-current=[(path == self.path).then_some("page")] { (name) } }
                            } }
                        }
                    }
                    main id="content" {
                        h1 { (self.title) }
                        (content)
                    }
                    footer { p { (words.say("footer")) } }
                }
            }
        }
    }

    /// The other language keeps the page: by a link, or by the form that made it.
    fn languages(&self) -> Markup {
        let other = self.words.pick("en", "nl");
        let name = self.words.pick("English", "Nederlands");
        html! {
            @if self.again.is_empty() {
                a class="language" href=(format!("{}?lang={other}", self.path)) lang=(other) hreflang=(other) { (name) }
            } @else {
                form method="post" action=(self.path) {
                    @for (field, value) in self.again { input type="hidden" name=(field) value=(value); }
                    input type="hidden" name="lang" value=(other);
                    button class="quiet" lang=(other) { (name) }
                }
            }
        }
    }
}

/// A page that is equal for everybody.
pub(crate) fn plain(status: u16, html: Markup) -> Response<Body> {
    response(status, html.into_string())
}

/// To another page, by a GET (RFC 9110 15.4.4).
pub(crate) fn see_other(to: &str) -> Response<Body> {
    let mut response = response(303, String::new());
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}

/// A document for programs.
pub(crate) fn json(status: u16, value: &serde_json::Value) -> Response<Body> {
    let mut response = response(status, value.to_string());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The one stylesheet.
pub(super) fn style() -> Response<Body> {
    let mut response = response(200, include_str!("style.css").to_owned());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
    response
}

/// Every answer of the portal goes through here, so that none misses a header. No page has a script, so none may run.
fn response(status: u16, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::VARY, "Accept-Language, Cookie"),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
