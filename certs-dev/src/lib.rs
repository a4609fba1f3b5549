//! Mints the development PKI of the sandbox, in memory: a CA, a server certificate, client certificates in
//! UZI server form and ES256 signing keys. Never part of packages for real use; writes no files, keeps no
//! state, and must not know what a participant may do.

mod bad;
mod certificate;
mod jwk;

use std::fmt;

pub use bad::{Flaw, flawed};
pub use certificate::{Authority, Identity, Pair, Party};
pub use jwk::{SigningKey, pkcs8_der};

/// Everything one sandbox needs.
pub struct Minted {
    /// The CA certificate, PEM.
    pub ca_pem: String,
    /// The CA itself, to sign more later (throw-away certificates, a renewed participant).
    pub authority: Authority,
    /// The server certificate for `localhost`, `127.0.0.1` and `::1`.
    pub server: Pair,
    /// What the gateway shows when it asks elsewhere.
    pub gateway: Pair,
    /// One per party, in the order asked.
    pub participants: Vec<Participant>,
}

/// The client certificate and signing key of one participant.
pub struct Participant {
    /// Participant id, as asked.
    pub id: String,
    /// Client certificate and its key.
    pub client: Pair,
    /// Server certificate and its key, for a server of its own on this machine.
    pub server: Pair,
    /// The key that signs client assertions; another one than the certificate's.
    pub signing: SigningKey,
}

/// Minting failed: the cryptographic library refused, or a party cannot be written in a certificate.
#[derive(Debug)]
pub enum MintError {
    /// The certificate library's own error.
    Certificate(rcgen::Error),
    /// An identifier that is not digits of the length its register uses.
    BadIdentifier {
        /// Participant id.
        party: String,
    },
    /// A key was not in the form this crate writes.
    BadKey,
}

impl fmt::Display for MintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(error) => write!(f, "certificate: {error}"),
            Self::BadIdentifier { party } => write!(f, "identifier of {party} does not fit a certificate"),
            Self::BadKey => f.write_str("key is not a P-256 key in the form written here"),
        }
    }
}

impl std::error::Error for MintError {}

impl From<rcgen::Error> for MintError {
    fn from(error: rcgen::Error) -> Self {
        Self::Certificate(error)
    }
}

/// Mints a whole development PKI at `now`; everything in it is valid for ten years from an hour before.
pub fn mint(parties: &[Party], now: jiff::Timestamp) -> Result<Minted, MintError> {
    let authority = Authority::new("Sluis development CA", now)?;
    let server = authority.server(now)?;
    let participants = parties
        .iter()
        .map(|party| {
            Ok(Participant {
                id: party.id.clone(),
                client: authority.client(party, now)?,
                server: authority.server(now)?,
                signing: SigningKey::generate()?,
            })
        })
        .collect::<Result<Vec<_>, MintError>>()?;
    let own = Party {
        id: "sluis".to_owned(),
        name: "Sluis (verzonnen)".to_owned(),
        identity: Identity::Ura("90000300".to_owned()),
    };
    let gateway = authority.client(&own, now)?;
    Ok(Minted { ca_pem: authority.pem(), authority, server, gateway, participants })
}

#[cfg(test)]
mod tests;
