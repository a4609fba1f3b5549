//! Who is at the other end of a connection.

use crate::trust::{Certificate, Fingerprint};
use std::net::SocketAddr;
use std::sync::Arc;

/// The other end of a mutually authenticated connection: handed to the service as a request extension.
/// The certificate's chain was verified in the handshake; whom it belongs to is for the trust list to say.
#[derive(Debug, Clone)]
pub struct Peer {
    certificate: Arc<Certificate>,
    address: SocketAddr,
}

impl Peer {
    /// Only the listener makes peers, from a finished handshake.
    pub(crate) fn new(certificate: Arc<Certificate>, address: SocketAddr) -> Self {
        Self { certificate, address }
    }

    /// The client certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// SHA-256 of the client certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.certificate.fingerprint()
    }

    /// The remote address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// The remote address of any connection, as a request extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteAddress(pub SocketAddr);
