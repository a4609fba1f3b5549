//! The identity provider, as this portal reaches it: over TLS, to addresses of the configuration and of the provider's own
//! discovery document, in bounded time and size, following nothing.

use crate::oauth::oidc::{self, Expected, Metadata, SignedInAs};
use crate::outbound::{Over, Unreached, form, send};
use crate::world::World;
use bytes::Bytes;
use http::{Request, header};
use rustls_pki_types::CertificateDer;
use std::time::{Duration, Instant};

/// An identity provider, and who we are there.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its issuer.
    pub issuer: String,
    /// Our client id there.
    pub client: String,
    /// Naming system of a person's `sub`.
    pub person_system: String,
    /// Authorities that vouch for its certificate.
    pub authorities: Vec<CertificateDer<'static>>,
}

/// Why nobody could be signed in through the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProviderFault {
    /// It does not answer, or not in time, or its certificate does not fit.
    Unreachable,
    /// It said no, or something that does not count: a word for the log.
    Unfit(&'static str),
}

impl ProviderFault {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Unfit(what) => what,
        }
    }
}

impl From<oidc::Unfit> for ProviderFault {
    fn from(unfit: oidc::Unfit) -> Self {
        Self::Unfit(unfit.code())
    }
}

/// What the provider said of itself last: whoever begins to sign in costs it no question of ours.
#[derive(Default)]
pub(super) struct Known(tokio::sync::Mutex<Option<(Instant, Metadata)>>);

impl Known {
    /// Where the provider does what; asked again after ten minutes.
    pub(super) async fn metadata(&self, provider: &Provider) -> Result<Metadata, ProviderFault> {
        let mut known = self.0.lock().await;
        if let Some((_, metadata)) = known.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return Ok(metadata.clone());
        }
        let url = format!("{}/.well-known/openid-configuration", provider.issuer);
        let metadata = Metadata::read(&provider.fetch(&url, None).await?, &provider.issuer)?;
        *known = Some((Instant::now(), metadata.clone()));
        Ok(metadata)
    }
}

impl Provider {
    /// Turns a code into who signed in.
    pub(super) async fn redeem(
        &self,
        code: &str,
        (verifier, nonce, redirect): (&str, &str, &str),
        metadata: &Metadata,
        world: &World,
    ) -> Result<SignedInAs, ProviderFault> {
        let now = world.clock.now();
        let assertion =
            oidc::client_assertion(&self.client, &metadata.token_endpoint, &world.signing.load(), now)
                .map_err(|_| ProviderFault::Unfit("own-key"))?;
        let form = form(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect),
            ("code_verifier", verifier),
            ("client_id", &self.client),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
        ]);
        let token = oidc::id_token(&self.fetch(&metadata.token_endpoint, Some(form)).await?)?;
        let keys = oidc::keys(&self.fetch(&metadata.jwks_uri, None).await?)?;
        let expected = Expected { issuer: &self.issuer, client: &self.client, nonce, now };
        Ok(oidc::signed_in_as(&token, &keys, expected)?)
    }

    async fn fetch(&self, url: &str, form: Option<String>) -> Result<Bytes, ProviderFault> {
        let request = Request::builder()
            .method(if form.is_some() { "POST" } else { "GET" })
            .uri(url)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(form.unwrap_or_default()))
            .map_err(|_| ProviderFault::Unfit("endpoint"))?;
        let answer = send(request, Over::Tls(&self.authorities), PATIENCE, ANSWER_MAX).await?;
        if answer.status == 200 { Ok(answer.body) } else { Err(ProviderFault::Unfit("status")) }
    }
}

impl From<Unreached> for ProviderFault {
    fn from(unreached: Unreached) -> Self {
        match unreached {
            Unreached::Unreachable => Self::Unreachable,
            Unreached::Address => Self::Unfit("endpoint"),
            Unreached::Authorities => Self::Unfit("authorities"),
            Unreached::Answer => Self::Unfit("answer"),
        }
    }
}

const FRESH: Duration = Duration::from_secs(600);
const PATIENCE: Duration = Duration::from_secs(5);
const ANSWER_MAX: usize = 256 * 1024;
