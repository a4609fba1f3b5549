//! How a remote holder is reached, as an operator registers it: the `endpoint` of a participant (CONTRACT.md 1).

use crate::config::Secret;
use crate::outbound::Base;
use ipnet::IpNet;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A holder's FHIR R4 endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Its base address; https.
    pub url: String,
    /// How we show there who we are.
    #[serde(default)]
    pub authentication: Authentication,
    /// The authorities that vouch for its certificate, PEM; the gateway's own list when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// Networks that are no public ones and may be connected to for this holder (`10.20.0.0/16`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<IpNet>,
    /// Types of which the holder promises that every resource bears a category, so that searches may be narrowed by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categorised: Vec<String>,
    /// How long one question may take there, in milliseconds; no longer than whoever asks waits.
    #[serde(default = "budget")]
    pub budget_ms: u32,
    /// How many bytes it may send for one question, unpacked.
    #[serde(default = "most")]
    pub max_bytes: u32,
    /// How many requests about persons run there at once, over all who ask; askers take turns.
    #[serde(default = "at_once")]
    pub at_once: u16,
}

/// How we show who we are. Our certificate is offered with each of them, where the server asks for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Authentication {
    /// By our certificate alone. Braces, for a variant without them would take any member in silence.
    Mtls {},
    /// By a bearer token that lies in a file or credential.
    Bearer {
        /// `credential:NAME`, or the path of a file that only we may read.
        secret: String,
    },
    /// SMART Backend Services: our own assertion for a token of theirs.
    Smart {
        /// Our client id there.
        client_id: String,
        /// What we ask for.
        #[serde(default = "scope")]
        scope: String,
        /// Their token endpoint, where it lies at another host than the FHIR server.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_url: Option<String>,
    },
}

impl Default for Authentication {
    fn default() -> Self {
        Self::Mtls {}
    }
}

fn budget() -> u32 {
    3_000
}

fn most() -> u32 {
    16 * 1024 * 1024
}

fn at_once() -> u16 {
    16
}

fn scope() -> String {
    "system/*.rs".to_owned()
}

impl Endpoint {
    /// Reads a registered endpoint.
    ///
    /// # Errors
    /// What is wrong with it, in words: member, fault and mend.
    pub fn read(document: &serde_json::Value) -> Result<Self, String> {
        let read: Self = serde_json::from_value(document.clone()).map_err(|e| format!("endpoint: {e}"))?;
        read.base()?;
        read.authorities()?;
        if let Authentication::Bearer { secret } = &read.authentication {
            secret_at(secret)?;
        }
        if let Authentication::Smart { token_url: Some(token_url), .. } = &read.authentication {
            Base::parse(token_url).map_err(|e| format!("endpoint.authentication.token_url: {e}"))?;
        }
        let ranges = [
            ("budget_ms", read.budget_ms, 50, 30_000),
            ("max_bytes", read.max_bytes, 64 * 1024, 64 * 1024 * 1024),
            ("at_once", u32::from(read.at_once), 1, 256),
        ];
        for (name, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return Err(format!("endpoint.{name}: {value} is not between {least} and {most}"));
            }
        }
        Ok(read)
    }

    /// Its base address.
    ///
    /// # Errors
    /// Words.
    pub fn base(&self) -> Result<Base, String> {
        Base::parse(&self.url).map_err(|e| format!("endpoint.url: {e}"))
    }

    /// Its own authorities; none when it names none.
    ///
    /// # Errors
    /// Words.
    pub fn authorities(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        let Some(pem) = &self.ca_pem else { return Ok(Vec::new()) };
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
        match read {
            Ok(authorities) if !authorities.is_empty() => Ok(authorities),
            _ => Err("endpoint.ca_pem: paste one or more PEM certificates (BEGIN CERTIFICATE)".to_owned()),
        }
    }
}

/// A secret by reference. A relative path would depend on where the gateway was started.
pub(super) fn secret_at(reference: &str) -> Result<Secret, String> {
    let mistake = || "endpoint.authentication.secret: write credential:NAME, or an absolute path".to_owned();
    let named = reference.starts_with("credential:") || Path::new(reference).is_absolute();
    if !named {
        return Err(mistake());
    }
    Secret::parse(reference, Path::new("/")).ok_or_else(mistake)
}
