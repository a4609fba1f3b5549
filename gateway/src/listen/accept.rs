//! The accept loop: takes connections, spawns each, survives every error, ends within its grace.

use super::connection::Connection;
use super::tls::{self, MutualTls, ServerIdentity, TlsFault};
use crate::limits::{FloodCounts, FloodKind, Source};
use crate::trust::Fingerprint;
use axum::body::Body;
use http::{Request, Response};
use rustls::ServerConfig;
use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tower::Service;

/// Time-outs and sizes of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Connections at once, handshakes included.
    pub connections: u32,
    /// Connections at once of one certificate.
    pub per_certificate: usize,
    /// Time for a handshake.
    pub handshake: Duration,
    /// Time for a request's headers; over HTTP/1.1 also the longest pause between requests.
    pub headers: Duration,
    /// Time for a request's body.
    pub body: Duration,
    /// Longest pause between requests, and between bytes while one is under way.
    pub idle: Duration,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// HTTP/2 streams at once on one connection.
    pub streams: u32,
    /// Bytes of a request's headers.
    pub header_bytes: u32,
    /// How long open requests may go on when the program ends.
    pub grace: Duration,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            connections: 16_384,
            per_certificate: 1024,
            handshake: Duration::from_secs(10),
            headers: Duration::from_secs(30),
            body: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            body_bytes: 1024 * 1024,
            streams: 128,
            header_bytes: 32 * 1024,
            grace: Duration::from_secs(4),
        }
    }
}

/// What lies between TCP and HTTP.
#[derive(Debug, Clone)]
pub enum Transport {
    /// TLS with client certificates: the exchange.
    Mutual(Arc<MutualTls>),
    /// TLS of the server alone: the portal.
    Server(Arc<ServerConfig>),
    /// Nothing: management on loopback.
    Plain,
}

impl Transport {
    /// TLS of the server alone.
    ///
    /// # Errors
    /// [`TlsFault`] when the identity makes no configuration.
    pub fn server(identity: &ServerIdentity) -> Result<Self, TlsFault> {
        tls::server_only(identity).map(Self::Server)
    }
}

/// The sender's half of a shutdown: send it once, or drop it.
#[derive(Debug)]
pub struct ShutdownSender(watch::Sender<Phase>);

impl ShutdownSender {
    /// Ends all listeners that hold the other half.
    pub fn send(&self) {
        self.0.send_if_modified(|phase| {
            let first = *phase == Phase::Serving;
            *phase = Phase::Draining;
            first
        });
    }
}

/// The listeners' half of a shutdown. Clones share it.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<Phase>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    Draining,
}

/// Makes the two halves of a shutdown.
#[must_use]
pub fn shutdown() -> (ShutdownSender, Shutdown) {
    let (sender, receiver) = watch::channel(Phase::Serving);
    (ShutdownSender(sender), Shutdown(receiver))
}

impl Shutdown {
    /// Waits for the end. A sender that is gone has ended too.
    pub async fn wait(&mut self) {
        let _ended = self.0.wait_for(|phase| *phase == Phase::Draining).await.is_ok();
    }
}

/// A bound listener.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    shared: Arc<Shared>,
}

/// What every connection of a listener needs.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) transport: Transport,
    pub(super) caps: Caps,
    pub(super) counts: FloodCounts,
    certificates: Mutex<HashMap<Fingerprint, usize>>,
}

impl Listener {
    /// Binds an address; port 0 picks one.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(
        address: SocketAddr,
        transport: Transport,
        caps: Caps,
        counts: FloodCounts,
    ) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let shared = Shared { transport, caps, counts, certificates: Mutex::default() };
        Ok(Self { socket, shared: Arc::new(shared) })
    }

    /// Takes a socket that is bound already, so that its address is known before anything answers.
    ///
    /// # Errors
    /// When the runtime does not take it.
    pub fn from_std(
        socket: std::net::TcpListener,
        transport: Transport,
        caps: Caps,
        counts: FloodCounts,
    ) -> io::Result<Self> {
        let shared = Shared { transport, caps, counts, certificates: Mutex::default() };
        Ok(Self { socket: TcpListener::from_std(socket)?, shared: Arc::new(shared) })
    }

    /// The address it is bound to.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until the shutdown, then gives open requests the grace and returns.
    pub async fn serve<S>(self, service: S, mut shutdown: Shutdown)
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send,
    {
        let slots = Arc::new(Semaphore::new(self.shared.caps.connections as usize));
        let (close, closed) = watch::channel(());
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = shutdown.wait() => break,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    rest_after(&error).await;
                    continue;
                }
            };
            let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
                self.shared.counts.count(Source::Address(address.ip()), FloodKind::Crowded);
                continue;
            };
            let connection =
                Connection { shared: Arc::clone(&self.shared), address, shutdown: shutdown.clone() };
            let (service, mut closed) = (service.clone(), closed.clone());
            tokio::spawn(async move {
                // Whatever still runs after the grace is dropped when the sender goes.
                tokio::select! {
                    () = connection.run(stream, service) => {}
                    _ended = closed.changed() => {}
                }
                drop(slot);
            });
        }
        drop(self.socket);
        let all = slots.acquire_many(self.shared.caps.connections);
        let _all_done = tokio::time::timeout(self.shared.caps.grace, all).await.is_ok();
        drop(close);
    }
}

impl Shared {
    /// Takes a place among the connections of one certificate, if there is one.
    pub(super) fn place(self: &Arc<Self>, certificate: Fingerprint) -> Option<Place> {
        let mut places = self.certificates.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = places.entry(certificate).or_default();
        if *taken >= self.caps.per_certificate {
            return None;
        }
        *taken += 1;
        Some(Place { shared: Arc::clone(self), certificate })
    }
}

/// A place among the connections of one certificate.
#[derive(Debug)]
pub(super) struct Place {
    shared: Arc<Shared>,
    certificate: Fingerprint,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.shared.certificates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = places.get_mut(&self.certificate) {
            *taken = taken.saturating_sub(1);
            if *taken == 0 {
                places.remove(&self.certificate);
            }
        }
    }
}

/// Rests when the system is out of something; a client that went away costs nothing.
async fn rest_after(error: &io::Error) {
    let gone = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    );
    if !gone {
        tracing::warn!(error = %error.kind(), "cannot accept connections for now");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
