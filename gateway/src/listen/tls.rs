//! TLS: 1.3 only, hybrid X25519MLKEM768 preferred, AES-256 and ChaCha20 only (NCSC-NL 2025-05, "Good").
//!
//! INVARIANT: a change of trust builds a new `ServerConfig`, with its own session store: a resumed session
//! skips the verifier, so a store that outlived a change would let a blocked certificate in (CRATES.md 4).

use crate::trust::{Fingerprint, Trust, TrustCell};
use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, CipherSuite, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme, client::danger::HandshakeSignatureValid,
};
use std::fmt;
use std::sync::Arc;

/// Which piece of TLS material is unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFault {
    /// The certificate chain cannot be read or is empty.
    Certificate,
    /// The private key cannot be read.
    Key,
    /// The private key does not belong to the certificate.
    Mismatch,
    /// The client CAs cannot be read, or there is none.
    ClientCa,
    /// A revocation list cannot be read.
    Crl,
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "the certificate chain cannot be read",
            Self::Key => "the private key cannot be read",
            Self::Mismatch => "the private key does not belong to the certificate",
            Self::ClientCa => "no client CA certificate can be read",
            Self::Crl => "a revocation list cannot be read",
        })
    }
}

impl std::error::Error for TlsFault {}

/// Our own certificate chain and key.
#[derive(Clone)]
pub struct ServerIdentity(Arc<CertifiedKey>);

impl ServerIdentity {
    /// Reads a PEM chain, leaf first, and a PEM key.
    ///
    /// # Errors
    /// [`TlsFault`] when either is unusable or they do not belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsFault> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|_| TlsFault::Certificate)?;
        if chain.is_empty() {
            return Err(TlsFault::Certificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsFault::Key)?;
        let key = provider().key_provider.load_private_key(key).map_err(|_| TlsFault::Key)?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) => Ok(Self(Arc::new(certified))),
            Err(Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => Err(TlsFault::Mismatch),
            Err(_) => Err(TlsFault::Certificate),
        }
    }
}

impl fmt::Debug for ServerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerIdentity")
    }
}

/// Whose certificates we take from clients, and which of them are revoked.
#[derive(Debug, Clone)]
pub struct ClientAuthorities {
    roots: Arc<RootCertStore>,
    crls: Vec<CertificateRevocationListDer<'static>>,
}

impl ClientAuthorities {
    /// Reads PEM CAs and PEM or DER revocation lists. With any list, every CA needs one: an unknown or expired
    /// status refuses.
    ///
    /// # Errors
    /// [`TlsFault`] when something cannot be read or there is no CA.
    pub fn new<'a>(
        cas: impl IntoIterator<Item = &'a [u8]>,
        crls: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, TlsFault> {
        let mut roots = RootCertStore::empty();
        for pem in cas {
            for ca in CertificateDer::pem_slice_iter(pem) {
                roots.add(ca.map_err(|_| TlsFault::ClientCa)?).map_err(|_| TlsFault::ClientCa)?;
            }
        }
        let crls = crls.into_iter().map(read_crl).collect::<Result<Vec<_>, _>>()?;
        let authorities = Self { roots: Arc::new(roots), crls };
        authorities.verifier()?;
        Ok(authorities)
    }

    pub(super) fn verifier(&self) -> Result<Arc<dyn ClientCertVerifier>, TlsFault> {
        let builder =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.roots), Arc::new(provider()));
        let builder = builder.with_crls(self.crls.iter().cloned()).enforce_revocation_expiration();
        builder.build().map_err(|fault| match fault {
            rustls::server::VerifierBuilderError::InvalidCrl(_) => TlsFault::Crl,
            _ => TlsFault::ClientCa,
        })
    }
}

fn read_crl(bytes: &[u8]) -> Result<CertificateRevocationListDer<'static>, TlsFault> {
    if bytes.starts_with(b"-----") {
        return CertificateRevocationListDer::from_pem_slice(bytes).map_err(|_| TlsFault::Crl);
    }
    Ok(CertificateRevocationListDer::from(bytes.to_vec()))
}

/// Mutual TLS that follows the trust list.
pub struct MutualTls {
    material: ArcSwap<Material>,
    trust: Arc<TrustCell>,
    built: ArcSwap<Built>,
}

struct Material {
    identity: ServerIdentity,
    authorities: ClientAuthorities,
}

/// A configuration and what it was built from.
struct Built {
    material: Arc<Material>,
    epoch: u64,
    config: Arc<ServerConfig>,
}

impl MutualTls {
    /// Builds the first configuration.
    ///
    /// # Errors
    /// [`TlsFault`] when the material does not make one.
    pub fn new(
        identity: ServerIdentity,
        authorities: ClientAuthorities,
        trust: Arc<TrustCell>,
    ) -> Result<Self, TlsFault> {
        let material = Arc::new(Material { identity, authorities });
        let built = Built::new(&material, trust.load())?;
        Ok(Self { material: ArcSwap::new(material), trust, built: ArcSwap::from_pointee(built) })
    }

    /// Takes a new certificate, key, CA or revocation list; the next handshake uses them.
    ///
    /// # Errors
    /// [`TlsFault`] when the material does not make a configuration; the present one stays.
    pub fn replace(&self, identity: ServerIdentity, authorities: ClientAuthorities) -> Result<(), TlsFault> {
        let material = Arc::new(Material { identity, authorities });
        let built = Built::new(&material, self.trust.load())?;
        self.material.store(material);
        self.built.store(Arc::new(built));
        Ok(())
    }

    /// The configuration for the next handshake: of the present trust list and material.
    ///
    /// # Errors
    /// [`TlsFault`]; then there must be no handshake.
    pub(super) fn config(&self) -> Result<Arc<ServerConfig>, TlsFault> {
        let (built, material, trust) = (self.built.load(), self.material.load_full(), self.trust.load());
        if built.epoch == trust.epoch() && Arc::ptr_eq(&built.material, &material) {
            return Ok(Arc::clone(&built.config));
        }
        let fresh = Built::new(&material, trust)?;
        let config = Arc::clone(&fresh.config);
        self.built.store(Arc::new(fresh));
        Ok(config)
    }

    /// Whether a certificate is blocked now: asked per request, for connections outlive handshakes.
    pub(super) fn is_blocked(&self, fingerprint: &Fingerprint) -> bool {
        self.trust.load().is_blocked(fingerprint)
    }
}

impl fmt::Debug for MutualTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MutualTls(trust epoch {})", self.built.load().epoch)
    }
}

impl Built {
    fn new(material: &Arc<Material>, trust: Arc<Trust>) -> Result<Self, TlsFault> {
        let epoch = trust.epoch();
        let verifier = Arc::new(TrustVerifier { inner: material.authorities.verifier()?, trust });
        let mut config = builder()?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&material.identity.0))));
        config.alpn_protocols = alpn();
        Ok(Self { material: Arc::clone(material), epoch, config: Arc::new(config) })
    }
}

/// TLS without client certificates: the portal's.
///
/// # Errors
/// [`TlsFault::Certificate`] when no configuration comes of it.
pub fn server_only(identity: &ServerIdentity) -> Result<Arc<ServerConfig>, TlsFault> {
    let resolver = Arc::new(SingleCertAndKey::from(Arc::clone(&identity.0)));
    let mut config = builder()?.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = alpn();
    Ok(Arc::new(config))
}

fn builder() -> Result<rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier>, TlsFault> {
    ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|_| TlsFault::Certificate)
}

/// The one provider, without AES-128: "Good" asks for 256-bit keys.
#[must_use]
pub fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| {
        matches!(
            suite.suite(),
            CipherSuite::TLS13_AES_256_GCM_SHA384 | CipherSuite::TLS13_CHACHA20_POLY1305_SHA256
        )
    });
    provider
}

fn alpn() -> Vec<Vec<u8>> {
    vec![b"h2".to_vec(), b"http/1.1".to_vec()]
}

/// The CA check, and then the blocked list of one trust snapshot.
#[derive(Debug)]
struct TrustVerifier {
    inner: Arc<dyn ClientCertVerifier>,
    trust: Arc<Trust>,
}

impl ClientCertVerifier for TrustVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.inner.verify_client_cert(end_entity, intermediates, now)?;
        if self.trust.is_blocked(&Fingerprint::of_der(end_entity)) {
            return Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure));
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
