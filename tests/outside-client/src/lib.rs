//! How somebody else's Rust program connects: fhir-sdk for FHIR, reqwest for mTLS, SMART backend services for the token.
//!
//! It knows nothing of the gateway's source. It must stay small: every line here instantiates generated code.

use fhir_sdk::client::{Client, LoginManager};
use fhir_sdk::version::FhirR4B;
use reqwest::header::HeaderValue;
use reqwest::{Certificate, Identity, Url};
use sluis_tests::{Assertion, World};
use std::error::Error;

/// A FHIR client with this participant's certificate that fetches itself a token when it is told 401.
///
/// # Errors
/// What stands in the way of connecting: files, certificates, addresses.
pub fn connect(world: &World, participant: &str) -> Result<Client<FhirR4B>, Box<dyn Error>> {
    let pki = world.dir().join("pki");
    let mut identity = std::fs::read(pki.join(participant).join("cert.pem"))?;
    identity.extend(std::fs::read(pki.join(participant).join("key.pem"))?);
    let http = reqwest::Client::builder()
        .tls_certs_only([Certificate::from_pem(&std::fs::read(pki.join("ca.pem"))?)?])
        .identity(Identity::from_pem(&identity)?)
        .build()?;
    let base: Url = format!("{}/fhir/", world.exchange()).parse()?;
    let login = BackendServices {
        token_url: format!("{}/oauth/token", world.exchange()),
        assertion: Assertion::of(world, participant),
    };
    Ok(Client::<FhirR4B>::builder().base_url(base).client(http).auth_callback(login).build()?)
}

/// `private_key_jwt` over mTLS (SMART App Launch 2, Backend Services).
struct BackendServices {
    token_url: String,
    assertion: Assertion,
}

#[derive(Debug)]
struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no token: {}", self.0)
    }
}

impl Error for Refused {}

impl LoginManager for BackendServices {
    type Error = Box<dyn Error + Send + Sync>;

    async fn authenticate(&mut self, http: reqwest::Client) -> Result<HeaderValue, Self::Error> {
        let mut form = self.assertion.form.clone();
        form.push(("client_assertion".into(), self.assertion.sign()));
        let answer = http.post(&self.token_url).form(&form).send().await?.text().await?;
        let token = answer.split("\"access_token\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let token = token.ok_or_else(|| Refused(answer.clone()))?;
        Ok(HeaderValue::from_str(&format!("Bearer {token}"))?)
    }
}
