//! One connection from its first byte to its last: handshake, requests, time-outs, end.

use super::accept::{Shared, Shutdown, Transport};
use super::body::Bounded;
use super::peer::{Peer, RemoteAddress};
use super::stream::{Activity, InFlight, Lingering, Watched};
use crate::limits::{FloodKind, Source};
use crate::trust::Certificate;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::{CertificateError, Error as TlsError, ServerConfig};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::{Service, ServiceExt};

/// A connection that was accepted.
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) address: SocketAddr,
    pub(super) shutdown: Shutdown,
}

/// HTTP as agreed in the handshake.
#[derive(Clone, Copy)]
enum Version {
    One,
    Two,
}

impl Connection {
    /// Runs it to its end. Failed handshakes are counted, not logged.
    pub(super) async fn run<S>(self, stream: TcpStream, service: S)
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send,
    {
        let _unset = stream.set_nodelay(true).is_err();
        let stream = Lingering::new(stream);
        let shared = Arc::clone(&self.shared);
        match &shared.transport {
            Transport::Plain => self.http(stream, Version::One, None, service).await,
            Transport::Server(config) => {
                if let Some(stream) = self.handshake(stream, Arc::clone(config)).await {
                    let version = agreed(&stream);
                    self.http(stream, version, None, service).await;
                }
            }
            Transport::Mutual(tls) => {
                let Ok(config) = tls.config() else { return };
                let Some(stream) = self.handshake(stream, config).await else { return };
                let leaf = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
                let Some(certificate) = leaf.and_then(|leaf| Certificate::from_der(leaf)) else {
                    return self.count(FloodKind::ForeignCertificate);
                };
                let fingerprint = certificate.fingerprint();
                // A block may have fallen while the hands were being shaken.
                if tls.is_blocked(&fingerprint) {
                    return self.count(FloodKind::Blocked);
                }
                let Some(_place) = self.shared.place(fingerprint) else {
                    return self.shared.counts.count(Source::Certificate(fingerprint), FloodKind::Crowded);
                };
                let (version, peer) = (agreed(&stream), Peer::new(Arc::new(certificate), self.address));
                self.http(stream, version, Some(peer), service).await;
            }
        }
    }

    fn count(&self, kind: FloodKind) {
        self.shared.counts.count(Source::Address(self.address.ip()), kind);
    }

    async fn handshake(
        &self,
        stream: Lingering<TcpStream>,
        config: Arc<ServerConfig>,
    ) -> Option<TlsStream<Lingering<TcpStream>>> {
        let accept = TlsAcceptor::from(config).accept(stream).into_fallible();
        match timeout(self.shared.caps.handshake, accept).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err((error, mut stream))) => {
                self.count(kind_of(&error));
                // So that the alert arrives.
                let _told = stream.shutdown().await.is_ok();
                None
            }
            Err(_elapsed) => {
                self.count(FloodKind::Slow);
                None
            }
        }
    }

    async fn http<I, S>(mut self, stream: I, version: Version, peer: Option<Peer>, service: S)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send,
    {
        let activity = Activity::new();
        let last = Arc::new(Notify::new());
        let door = Arc::new(Door {
            shared: Arc::clone(&self.shared),
            address: self.address,
            peer,
            activity: activity.clone(),
            last: Arc::clone(&last),
        });
        let service = service_fn(move |request: Request<Incoming>| {
            let (door, service) = (Arc::clone(&door), service.clone());
            async move { door.pass(request, service).await }
        });
        let builder = self.builder(version);
        let stream = TokioIo::new(Watched::new(stream, activity.clone()));
        let mut connection = pin!(builder.serve_connection(stream, service));
        let idle = self.shared.caps.idle;
        let mut ending = false;
        loop {
            let pause = idle.saturating_sub(activity.quiet_for()).max(Duration::from_millis(50));
            tokio::select! {
                _ended = connection.as_mut() => return,
                () = self.shutdown.wait(), if !ending => {}
                () = last.notified(), if !ending => {}
                () = sleep(pause) => {
                    if activity.quiet_for() < idle {
                        continue;
                    }
                    if ending {
                        // It was asked to end and does not: let it go.
                        return;
                    }
                }
            }
            ending = true;
            connection.as_mut().graceful_shutdown();
            if activity.quiet_for() >= idle {
                let _ended = timeout(Duration::from_secs(1), connection.as_mut()).await.is_ok();
                return;
            }
        }
    }

    fn builder(&self, version: Version) -> auto::Builder<TokioExecutor> {
        let caps = &self.shared.caps;
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(caps.headers)
            .max_buf_size(usize::try_from(caps.header_bytes).unwrap_or(32 * 1024).max(8 * 1024))
            .max_headers(100);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(caps.streams)
            .max_header_list_size(caps.header_bytes)
            .max_pending_accept_reset_streams(20)
            .max_local_error_reset_streams(128)
            .initial_stream_window_size(256 * 1024)
            .initial_connection_window_size(1024 * 1024)
            .max_send_buf_size(256 * 1024)
            .keep_alive_interval(Some(Duration::from_secs(20)))
            .keep_alive_timeout(Duration::from_secs(10));
        match version {
            Version::One => builder.http1_only(),
            Version::Two => builder.http2_only(),
        }
    }
}

/// What each request of a connection passes on its way to the service.
struct Door {
    shared: Arc<Shared>,
    address: SocketAddr,
    peer: Option<Peer>,
    activity: Activity,
    /// Told when the present request is to be the last.
    last: Arc<Notify>,
}

impl Door {
    async fn pass<S>(&self, request: Request<Incoming>, service: S) -> Result<Response<Answer>, Infallible>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let in_flight = self.activity.begin();
        let ambiguous = is_ambiguous(&request);
        let last = ambiguous || self.is_last(&request);
        let persistent = request.version() == http::Version::HTTP_11;
        let mut response =
            if ambiguous { protocol_error() } else { service.oneshot(self.dress(request)).await? };
        if last {
            // HTTP/2 has no such header: its connection is told to go away.
            self.last.notify_one();
            if persistent {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
        }
        Ok(response.map(|body| Answer { body, _in_flight: in_flight }))
    }

    /// The request as the service gets it: its body bounded, the other end told.
    fn dress(&self, request: Request<Incoming>) -> Request<Body> {
        let caps = &self.shared.caps;
        let mut request =
            request.map(|body| Body::new(Bounded::new(body, caps.body_bytes, sleep(caps.body))));
        request.extensions_mut().insert(RemoteAddress(self.address));
        if let Some(peer) = &self.peer {
            request.extensions_mut().insert(peer.clone());
        }
        request
    }

    /// A blocked certificate gets one answer, the service's refusal, and no more. So does a chunked request:
    /// hyper drops a Content-Length beside it, and RFC 9112 6.3 asks to close after such a one.
    fn is_last(&self, request: &Request<Incoming>) -> bool {
        let blocked = match (&self.shared.transport, &self.peer) {
            (Transport::Mutual(tls), Some(peer)) => tls.is_blocked(&peer.fingerprint()),
            _ => false,
        };
        blocked || request.headers().contains_key(header::TRANSFER_ENCODING)
    }
}

/// An answer's body; while it lives, its request is under way.
struct Answer {
    body: Body,
    _in_flight: InFlight,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Requests that two readers could read differently (THREATS.md row 47).
fn is_ambiguous<B>(request: &Request<B>) -> bool {
    let count = |name: header::HeaderName| request.headers().get_all(name).iter().count();
    let hostless = request.version() == http::Version::HTTP_11 && count(header::HOST) != 1;
    hostless || count(header::HOST) > 1 || count(header::AUTHORIZATION) > 1 || count(header::CONTENT_TYPE) > 1
}

/// A fixed answer about no one: among those that need no record (DESIGN.md 2).
fn protocol_error() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn agreed<IO>(stream: &TlsStream<IO>) -> Version {
    match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => Version::Two,
        _ => Version::One,
    }
}

fn kind_of(error: &io::Error) -> FloodKind {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) else {
        return FloodKind::Protocol;
    };
    match error {
        TlsError::NoCertificatesPresented => FloodKind::NoCertificate,
        TlsError::InvalidCertificate(fault) => match fault {
            CertificateError::ApplicationVerificationFailure => FloodKind::Blocked,
            CertificateError::Revoked
            | CertificateError::UnknownRevocationStatus
            | CertificateError::ExpiredRevocationList
            | CertificateError::ExpiredRevocationListContext { .. } => FloodKind::Revoked,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => FloodKind::OutOfDate,
            _ => FloodKind::ForeignCertificate,
        },
        TlsError::PeerIncompatible(_) => FloodKind::Incompatible,
        _ => FloodKind::Protocol,
    }
}
