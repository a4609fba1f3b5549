//! The configuration of `sluis serve`: one TOML file, read once, unknown keys refused, secrets by reference.
//!
//! [`load`] reads and checks everything it can without opening a port; what it answers is either a whole
//! [`Config`] or every mistake with its line and a mend. There is no default that opens anything.

mod check;
mod reader;
mod schema;
mod secret;

pub use secret::{Secret, SecretFault};

use crate::directory::Source;
use crate::limits::Budget;
use crate::listen::{Caps, ClientAuthorities, ServerIdentity, TlsFault};
use crate::oauth::Issuer;
use crate::outbound::{Base, Ours};
use crate::portal::Provider;
use crate::witness::Witness;
use ipnet::IpNet;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sluis_journal::WitnessKey;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The mutual TLS listener of the exchange.
    pub exchange: ExchangeConfig,
    /// The portal's TLS listener.
    pub portal: TlsConfig,
    /// Who signs people in at the portal; nobody can without.
    pub sign_in: Option<SignInConfig>,
    /// What we show and trust when we ask holders elsewhere.
    pub holders: HoldersConfig,
    /// The management listener's address.
    pub management: SocketAddr,
    /// The URL by which clients know us.
    pub issuer: Issuer,
    /// The origin of the journal: a name without spaces, never changed (C2SP tlog-checkpoint).
    pub origin: String,
    /// The folder of `journal/`, `holdings/`, `keys/` and `view/`.
    pub data: PathBuf,
    /// A folder with tables of the region that lie over the built-in ones.
    pub region: Option<PathBuf>,
    /// The master key: 32 bytes, raw or as 64 hexadecimal digits.
    pub master_key: Secret,
    /// Budgets per certificate.
    pub budget: Budget,
    /// Time-outs and sizes of the listeners.
    pub caps: Caps,
    /// Who cosigns the journal.
    pub witness: Option<WitnessConfig>,
    /// A directory elsewhere that is followed.
    pub directory: Option<DirectoryConfig>,
}

/// A directory elsewhere (IHE mCSD).
#[derive(Debug, Clone)]
pub struct DirectoryConfig {
    /// Its base address.
    pub base: Base,
    /// PEM files with the authorities of its certificate; those of the holders where none are named.
    pub authorities: Vec<PathBuf>,
    /// Networks that are no public ones and may be connected to.
    pub networks: Vec<IpNet>,
    /// How often its history is asked.
    pub interval: Duration,
}

impl DirectoryConfig {
    /// Reads the authorities; we show there what we show to holders.
    ///
    /// # Errors
    /// [`MaterialFault`].
    pub fn source(&self, holders: &Ours) -> Result<Source, MaterialFault> {
        let mut ours = holders.clone();
        if !self.authorities.is_empty() {
            ours.authorities = certificates(&self.authorities)?;
        }
        let (base, networks, interval) = (self.base.clone(), self.networks.clone(), self.interval);
        Ok(Source { base, ours, networks, interval })
    }
}

/// The journal's witness (C2SP tlog-witness).
#[derive(Debug, Clone)]
pub struct WitnessConfig {
    /// Its submission prefix: http or https, no slash at the end.
    pub url: String,
    /// The key of its cosignatures.
    pub key: WitnessKey,
    /// How often it is shown the newest checkpoint.
    pub interval: Duration,
    /// PEM files with the authorities of its certificate, over https.
    pub authorities: Vec<PathBuf>,
}

impl WitnessConfig {
    /// Reads the authorities.
    ///
    /// # Errors
    /// [`MaterialFault`].
    pub fn witness(&self) -> Result<Witness, MaterialFault> {
        Ok(Witness {
            url: self.url.clone(),
            key: self.key.clone(),
            authorities: certificates(&self.authorities)?,
            interval: self.interval,
        })
    }
}

/// A TLS listener.
#[derive(Debug, Clone)]
pub struct TlsConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The PEM chain, leaf first.
    pub certificate: PathBuf,
    /// The PEM key.
    pub key: Secret,
}

/// The exchange's listener.
#[derive(Debug, Clone)]
pub struct ExchangeConfig {
    /// Address, certificate and key.
    pub tls: TlsConfig,
    /// PEM files with the CAs whose client certificates we take.
    pub client_ca: Vec<PathBuf>,
    /// Revocation lists, PEM or DER; with any, each CA needs one.
    pub client_crl: Vec<PathBuf>,
}

/// The identity provider of the portal (OpenID Connect).
#[derive(Debug, Clone)]
pub struct SignInConfig {
    /// Where people reach the portal: https, no slash at the end.
    pub url: String,
    /// The provider's issuer.
    pub issuer: String,
    /// Our client id there.
    pub client_id: String,
    /// Naming system under which a person's `sub` stands in our records.
    pub person_system: String,
    /// PEM files with the authorities of the provider's certificate.
    pub authorities: Vec<PathBuf>,
}

/// How we ask holders that have a FHIR server of their own.
#[derive(Debug, Clone)]
pub struct HoldersConfig {
    /// Our client certificate, PEM chain, leaf first, and its key.
    pub identity: Option<(PathBuf, Secret)>,
    /// PEM files with the authorities of their certificates, where an endpoint names none of its own.
    pub authorities: Vec<PathBuf>,
    /// Bytes for all that comes from them at once.
    pub memory: usize,
}

/// As [`HoldersConfig::memory`], where nothing is said: eight holders that send all that they may, beside all else that a
/// gateway keeps, stay within 256 MB.
pub const HOLDERS_MEMORY: usize = 80 * 1024 * 1024;

impl HoldersConfig {
    /// Reads certificate, key and authorities.
    ///
    /// # Errors
    /// [`MaterialFault`].
    pub fn ours(&self) -> Result<Ours, MaterialFault> {
        let authorities = certificates(&self.authorities)?;
        let Some((chain, key)) = &self.identity else { return Ok(Ours { identity: None, authorities }) };
        let chain = certificates(std::slice::from_ref(chain))?;
        let key = key.read().map_err(MaterialFault::Secret)?;
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| MaterialFault::Tls(TlsFault::Key))?;
        Ok(Ours { identity: Some((chain, Arc::new(key))), authorities })
    }
}

impl SignInConfig {
    /// Reads the authorities.
    ///
    /// # Errors
    /// [`MaterialFault`].
    pub fn provider(&self) -> Result<Provider, MaterialFault> {
        Ok(Provider {
            issuer: self.issuer.clone(),
            client: self.client_id.clone(),
            person_system: self.person_system.clone(),
            authorities: certificates(&self.authorities)?,
        })
    }
}

/// Every certificate in these PEM files; a file without one is no such file.
fn certificates(paths: &[PathBuf]) -> Result<Vec<CertificateDer<'static>>, MaterialFault> {
    let mut certificates = Vec::new();
    for path in paths {
        let pem = read(path)?;
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let found = found.ok().filter(|found| !found.is_empty());
        let missing = || MaterialFault::File(path.clone(), std::io::ErrorKind::InvalidData);
        certificates.extend(found.ok_or_else(missing)?);
    }
    Ok(certificates)
}

impl TlsConfig {
    /// Reads the certificate and its key.
    ///
    /// # Errors
    /// [`MaterialFault`].
    pub fn identity(&self) -> Result<ServerIdentity, MaterialFault> {
        let chain = read(&self.certificate)?;
        let key = self.key.read().map_err(MaterialFault::Secret)?;
        ServerIdentity::from_pem(&chain, &key).map_err(MaterialFault::Tls)
    }
}

impl ExchangeConfig {
    /// Reads the client CAs and revocation lists.
    ///
    /// # Errors
    /// [`MaterialFault`].
    pub fn authorities(&self) -> Result<ClientAuthorities, MaterialFault> {
        let cas = self.client_ca.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
        let crls = self.client_crl.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
        ClientAuthorities::new(cas.iter().map(Vec::as_slice), crls.iter().map(Vec::as_slice))
            .map_err(MaterialFault::Tls)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, MaterialFault> {
    std::fs::read(path).map_err(|error| MaterialFault::File(path.to_owned(), error.kind()))
}

/// TLS material that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MaterialFault {
    /// A file cannot be read.
    File(PathBuf, std::io::ErrorKind),
    /// A secret cannot be read.
    Secret(SecretFault),
    /// What was read does not fit.
    Tls(TlsFault),
}

impl fmt::Display for MaterialFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, kind) => write!(f, "{}: {kind}", path.display()),
            Self::Secret(fault) => fault.fmt(f),
            Self::Tls(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for MaterialFault {}

/// One mistake in a configuration. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Mistake {
    /// The configuration file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The key, for instance `exchange.listen`; empty for the whole file.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub mend: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gap = if self.key.is_empty() { "" } else { ": " };
        write!(f, "{}:{}: {}{gap}{}; {}", self.file.display(), self.line, self.key, self.what, self.mend)
    }
}

/// A configuration that holds, and what could not be looked at from here.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// In words for an operator: for instance credentials that only the service manager hands over.
    pub notes: Vec<String>,
}

/// Reads and checks a configuration file. Opens no port and changes nothing.
///
/// # Errors
/// Every mistake found.
pub fn load(path: &Path) -> Result<Loaded, Vec<Mistake>> {
    let whole = |what: String, mend: &str| Mistake {
        file: path.to_owned(),
        line: 1,
        key: String::new(),
        what,
        mend: mend.to_owned(),
    };
    let bytes = std::fs::read(path)
        .map_err(|error| vec![whole(format!("cannot be read: {}", error.kind()), "give a readable file")])?;
    let text = String::from_utf8(bytes)
        .map_err(|_| vec![whole("is not UTF-8".to_owned(), "save the file as UTF-8")])?;
    load_text(&text, path)
}

/// As [`load`], of a text; relative paths start from the folder of `path`.
///
/// # Errors
/// Every mistake found.
pub fn load_text(text: &str, path: &Path) -> Result<Loaded, Vec<Mistake>> {
    let mut reader = reader::Reader::new(text, path);
    let config = schema::read(&mut reader);
    let notes = config.as_ref().map(|config| check::check(config, &mut reader)).unwrap_or_default();
    let mistakes = reader.into_mistakes();
    match config {
        Some(config) if mistakes.is_empty() => Ok(Loaded { config, notes }),
        _ => Err(mistakes),
    }
}

#[cfg(test)]
mod tests;
