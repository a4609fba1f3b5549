//! Our access token at a holder: SMART Backend Services (SMART App Launch 2.2), our own keys, their discovery.

use super::Means;
use super::endpoint::{Authentication, secret_at};
use super::fault::{NoToken, RemoteFault};
use crate::config::Secret;
use crate::oauth::oidc;
use crate::outbound::{Allowance, Base, Client, Fault, Ours, Question, form};
use fhir_mappings::json;
use ipnet::IpNet;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

/// What stands in `Authorization`, if anything.
pub(super) type Bearer = Option<Zeroizing<String>>;

/// A token with what it is said to be good for, and until when it is shown.
#[derive(Clone)]
struct Token {
    text: Zeroizing<String>,
    scope: Option<String>,
    until: Instant,
}

/// How we authorise ourselves at one holder, with the token of the moment.
pub(super) struct Authorisation {
    how: Authentication,
    /// One asks for a new one while the others wait for it.
    token: Mutex<Option<Token>>,
}

impl Authorisation {
    pub(super) fn new(how: Authentication) -> Self {
        Self { how, token: Mutex::default() }
    }

    /// What stands in `Authorization`, if anything.
    pub(super) async fn bearer(
        &self,
        server: &Client,
        ours: &Ours,
        networks: &[IpNet],
        means: &Means,
    ) -> Result<Bearer, RemoteFault> {
        match &self.how {
            Authentication::Mtls {} => Ok(None),
            Authentication::Bearer { secret } => {
                let place = secret_at(secret).map_err(|_| RemoteFault::Token("the secret has no place"))?;
                Ok(Some(token_in(&place).map_err(RemoteFault::Secret)?))
            }
            Authentication::Smart { client_id, scope, token_url } => {
                let mut token = self.token.lock().await;
                if let Some(token) = token.as_ref().filter(|token| Instant::now() < token.until) {
                    return Ok(Some(token.text.clone()));
                }
                let client = (client_id.as_str(), scope.as_str(), token_url.as_deref());
                let new = obtain(server, client, ours, networks, means).await?;
                let text = new.text.clone();
                *token = Some(new);
                Ok(Some(text))
            }
        }
    }

    /// This token was turned down: the next question asks for another, unless somebody has one already.
    pub(super) async fn forget(&self, turned_down: Bearer) {
        let mut token = self.token.lock().await;
        if token.as_ref().map(|token| &token.text) == turned_down.as_ref() {
            *token = None;
        }
    }

    /// The scope of the token of the moment, as the server says it; none where it says nothing: all that was asked.
    pub(super) async fn granted(&self) -> Option<String> {
        self.token.lock().await.as_ref().and_then(|token| token.scope.clone())
    }
}

/// The token that stands in a secret, alone.
fn token_in(secret: &Secret) -> Result<Zeroizing<String>, NoToken> {
    let bytes = secret.read().map_err(NoToken::Unread)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| NoToken::Unfit)?.trim();
    match text {
        "" => Err(NoToken::Empty),
        text if text.bytes().all(|b| b.is_ascii_graphic()) => Ok(Zeroizing::new(text.to_owned())),
        _ => Err(NoToken::Unfit),
    }
}

async fn obtain(
    server: &Client,
    (client_id, scope, token_url): (&str, &str, Option<&str>),
    ours: &Ours,
    networks: &[IpNet],
    means: &Means,
) -> Result<Token, RemoteFault> {
    let allowance = Allowance::within(&means.pool, ANSWER_MOST);
    let question = Question {
        below: "/.well-known/smart-configuration",
        form: None,
        accept: "application/json",
        bearer: None,
        allowance: &allowance,
    };
    let discovered = server.ask(&question).await?;
    if discovered.status != 200 {
        return Err(RemoteFault::Token("it has no smart-configuration"));
    }
    let unfit = |_| RemoteFault::Token("its smart-configuration cannot be read");
    let document = json::parse(&discovered.body).map_err(unfit)?;
    let endpoint = document.root().get_str("token_endpoint");
    let endpoint = endpoint.ok_or(RemoteFault::Token("its smart-configuration names no token endpoint"))?;
    // The token endpoint may be another server: looked at like any address that we are told.
    let place =
        Base::parse(&endpoint).map_err(|_| RemoteFault::Token("its token endpoint is no https address"))?;
    // And taken from an operator only: a holder that names another's would be shown the token that the other gives us.
    let named = token_url.map_or(place.host() == server.base().host(), |named| named == endpoint);
    if !named {
        return Err(RemoteFault::TokenElsewhere);
    }
    let client = Client::new(place, ours, networks).map_err(|fault| RemoteFault::Way(Fault::Tls(fault)))?;
    let assertion = oidc::client_assertion(client_id, &endpoint, &means.signing.load(), means.clock.now())
        .map_err(|_| RemoteFault::Token("our own key cannot sign"))?;
    let asked = form(&[
        ("grant_type", "client_credentials"),
        ("scope", scope),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &assertion),
    ]);
    let question = Question {
        below: "",
        form: Some(asked),
        accept: "application/json",
        bearer: None,
        allowance: &allowance,
    };
    let answered = client.ask(&question).await?;
    if answered.status != 200 {
        let document = json::parse(&answered.body).ok();
        let error = document.as_ref().and_then(|d| d.root().get_str("error"));
        return Err(RemoteFault::Token(match error.as_deref() {
            Some("invalid_client") => {
                "it does not know our client id or key, or holds our clock for wrong (invalid_client)"
            }
            Some("invalid_scope") => "it does not grant the scope that is asked (invalid_scope)",
            Some("unauthorized_client") => "it does not let our client ask so (unauthorized_client)",
            _ => "it gives no token",
        }));
    }
    let unfit = || RemoteFault::Token("its token answer cannot be read");
    let document = json::parse(&answered.body).map_err(|_| unfit())?;
    let token = document.root().get_str("access_token").ok_or_else(unfit)?;
    let plain = (1..=8192).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic());
    if !plain {
        return Err(unfit());
    }
    let lasts = document.root().get("expires_in").and_then(|n| n.as_number()).and_then(|n| n.parse().ok());
    let lasts = Duration::from_secs(lasts.unwrap_or(60)).min(LASTS_MOST);
    // Shown for less than its time, so that none runs out on the way.
    let until = Instant::now() + lasts.saturating_sub(MARGIN);
    let scope = document.root().get_str("scope").map(std::borrow::Cow::into_owned);
    Ok(Token { text: Zeroizing::new(token.into_owned()), scope, until })
}

const MARGIN: Duration = Duration::from_secs(15);
/// However long it is said to last: asked anew after that.
const LASTS_MOST: Duration = Duration::from_secs(3_600);
const ANSWER_MOST: usize = 64 * 1024;
