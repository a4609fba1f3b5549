//! The development identity provider: signs in the invented people of the region (`region.json`, `logins`) as a real one
//! would, so that the portal has one road only. Everything it knows is invented, and it lives in the sandbox alone.

use crate::limits::{FloodKind, Source};
use crate::listen::RemoteAddress;
use crate::oauth::form::Form;
use crate::oauth::oidc::{self, provider as tokens};
use crate::oauth::signing::{SigningKey, SigningKeys};
use crate::outbound::form as query;
use crate::portal::Provider;
use crate::portal::page::{json, plain, see_other};
use crate::world::World;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::{get, post};
use http::Response;
use jiff::{SignedDuration, Timestamp};
use maud::{DOCTYPE, Markup, html};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json as object};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The provider of a sandbox whose portal stands at `base`.
pub(super) struct Development {
    world: Arc<World>,
    issuer: String,
    redirect: String,
    logins: HashMap<String, Login>,
    keys: SigningKeys,
    codes: Mutex<HashMap<String, Code>>,
}

struct Login {
    secret: String,
    acts_for: Vec<String>,
}

/// What a code stands for.
struct Code {
    user: String,
    challenge: String,
    nonce: String,
    until: Timestamp,
}

/// What the portal knows of the provider.
pub(super) fn known(base: &str, authorities: Vec<rustls_pki_types::CertificateDer<'static>>) -> Provider {
    Provider {
        issuer: issuer(base),
        client: CLIENT.to_owned(),
        person_system: "urn:sluis:person".to_owned(),
        authorities,
    }
}

fn issuer(base: &str) -> String {
    format!("{base}/dev")
}

impl Development {
    /// Made anew at each start, with a key of its own.
    pub(super) fn new(world: Arc<World>, base: &str, logins: &[Value]) -> Option<Self> {
        let text = |login: &Value, name: &str| login.get(name).and_then(Value::as_str).map(str::to_owned);
        let logins = logins.iter().filter_map(|login| {
            let user = text(login, "user")?;
            let acts_for = login.get("acts_for").and_then(Value::as_array).into_iter().flatten();
            let acts_for =
                acts_for.filter_map(Value::as_str).filter(|id| **id != user).map(str::to_owned).collect();
            Some((user, Login { secret: text(login, "secret")?, acts_for }))
        });
        let key = SigningKey::from_pkcs8(&SigningKey::generate().ok()?).ok()?;
        Some(Self {
            world,
            issuer: issuer(base),
            redirect: format!("{base}/callback"),
            logins: logins.collect(),
            keys: SigningKeys::new(key, Vec::new()),
            codes: Mutex::default(),
        })
    }

    /// Its routes.
    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/dev/.well-known/openid-configuration", get(discovery))
            .route("/dev/jwks.json", get(jwks))
            .route("/dev/authorize", get(ask).post(judge))
            .route("/dev/token", post(token))
            .with_state(Arc::new(self))
    }

    /// An authorization request that fits, and nothing else: exact redirect, PKCE with S256.
    fn fits(&self, form: &Form) -> bool {
        let says = |name: &str, value: &str| form.get(name) == Some(value);
        says("response_type", "code")
            && says("client_id", CLIENT)
            && says("redirect_uri", &self.redirect)
            && says("code_challenge_method", "S256")
            && ["code_challenge", "state", "nonce"].iter().all(|name| form.get(name).is_some())
    }

    fn is(&self, user: &str, secret: &str) -> bool {
        let hash = |text: &str| digest(&SHA256, text.as_bytes()).as_ref().to_vec();
        self.logins.get(user).is_some_and(|login| hash(&login.secret) == hash(secret))
    }

    fn issue(&self, user: &str, form: &Form) -> Option<String> {
        let code = crate::portal::random()?;
        let now = self.world.clock.now();
        let kept = Code {
            user: user.to_owned(),
            challenge: form.get("code_challenge")?.to_owned(),
            nonce: form.get("nonce")?.to_owned(),
            until: now + SignedDuration::from_secs(60),
        };
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.retain(|_, code| code.until > now);
        codes.insert(code.clone(), kept);
        let answer = [("code", code.as_str()), ("state", form.get("state")?), ("iss", &self.issuer)];
        Some(format!("{}?{}", self.redirect, query(&answer)))
    }

    /// The ID token for a code, once, for the client that has the verifier.
    fn redeem(&self, form: &Form) -> Option<String> {
        let endpoint = format!("{}/token", self.issuer);
        let now = self.world.clock.now();
        let clients = oidc::keys(self.world.signing.load().jwks().to_string().as_bytes()).ok()?;
        let client = tokens::is_client(form.get("client_assertion")?, CLIENT, &endpoint, &clients, now);
        let asked = form.get("grant_type") == Some("authorization_code")
            && form.get("redirect_uri") == Some(self.redirect.as_str());
        let code = self.codes.lock().unwrap_or_else(PoisonError::into_inner).remove(form.get("code")?)?;
        let verified = oidc::challenge(form.get("code_verifier")?) == code.challenge && code.until > now;
        if !(client && asked && verified) {
            return None;
        }
        let acts_for = &self.logins.get(&code.user)?.acts_for;
        let (made, who) =
            ((self.issuer.as_str(), CLIENT, code.nonce.as_str()), (code.user.as_str(), &**acts_for));
        tokens::id_token(made, who, &self.keys, now).ok()
    }
}

async fn discovery(State(provider): State<Arc<Development>>) -> Response<Body> {
    let at = |path: &str| format!("{}/{path}", provider.issuer);
    json(
        200,
        &object!({
            "issuer": provider.issuer,
            "authorization_endpoint": at("authorize"),
            "token_endpoint": at("token"),
            "jwks_uri": at("jwks.json"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "authorization_response_iss_parameter_supported": true,
        }),
    )
}

async fn jwks(State(provider): State<Arc<Development>>) -> Response<Body> {
    json(200, &provider.keys.jwks())
}

async fn ask(State(provider): State<Arc<Development>>, request: Request) -> Response<Body> {
    let form = Form::parse(request.uri().query().unwrap_or_default().as_bytes());
    match form.filter(|form| provider.fits(form)) {
        Some(form) => plain(200, page(&form, false)),
        None => plain(400, sorry()),
    }
}

async fn judge(State(provider): State<Arc<Development>>, request: Request) -> Response<Body> {
    let address = request.extensions().get::<RemoteAddress>();
    let source = address.map_or(Source::Others, |RemoteAddress(address)| Source::Address(address.ip()));
    let Some(form) = sent(request).await.filter(|form| provider.fits(form)) else {
        return plain(400, sorry());
    };
    let (user, secret) = (form.get("user").unwrap_or_default(), form.get("secret").unwrap_or_default());
    if !provider.is(user.trim(), secret.trim()) {
        // Whoever guesses never comes back to the portal: its own count would not see it.
        provider.world.floods.count(source, FloodKind::FailedSignIn);
        return plain(401, page(&form, true));
    }
    provider.issue(user.trim(), &form).map_or_else(|| plain(400, sorry()), |to| see_other(&to))
}

async fn token(State(provider): State<Arc<Development>>, request: Request) -> Response<Body> {
    let form = sent(request).await;
    match form.and_then(|form| provider.redeem(&form)) {
        Some(token) => {
            json(200, &object!({"id_token": token, "access_token": "none", "token_type": "Bearer"}))
        }
        None => json(400, &object!({"error": "invalid_grant"})),
    }
}

async fn sent(request: Request) -> Option<Form> {
    let body = axum::body::to_bytes(request.into_body(), 16 * 1024).await.ok()?;
    Form::parse(&body)
}

fn page(form: &Form, wrong: bool) -> Markup {
    let dutch = form.get("ui_locales") != Some("en");
    let say = |nl: &'static str, en: &'static str| if dutch { nl } else { en };
    let kept = [
        "response_type",
        "client_id",
        "redirect_uri",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "ui_locales",
    ];
    around(
        say("nl", "en"),
        say("Inloggen (proefomgeving)", "Sign in (sandbox)"),
        html! {
            p { (say("Alle mensen hier zijn verzonnen. Namen en geheimen staan in region.json, onder logins.",
                     "All people here are invented. Names and secrets stand in region.json, under logins.")) }
            @if wrong { p class="error" role="alert" { (say("De naam of het geheim klopt niet.", "The name or the secret is wrong.")) } }
            form method="post" action="/dev/authorize" {
                @for name in kept { @if let Some(value) = form.get(name) { input type="hidden" name=(name) value=(value); } }
                label for="user" { (say("Naam", "Name")) }
                input type="text" id="user" name="user" autocomplete="username" value=(form.get("user").unwrap_or_default());
                label for="secret" { (say("Geheim", "Secret")) }
                input type="password" id="secret" name="secret" autocomplete="current-password";
                p { button { (say("Inloggen", "Sign in")) } }
            }
        },
    )
}

fn sorry() -> Markup {
    around(
        "en",
        "Sign in (sandbox)",
        html! { p class="error" { "This is no request of the portal." } p { a href="/" { "Sluis" } } },
    )
}

fn around(language: &str, title: &str, content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(language) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="stylesheet" href="/style.css";
            }
            body { main { h1 { (title) } (content) } }
        }
    }
}

const CLIENT: &str = "sluis-portal";
