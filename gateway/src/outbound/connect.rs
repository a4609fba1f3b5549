//! A connection: the name is resolved once, the addresses are looked at, and one that passed is connected to itself, so
//! that a name which means something else a moment later leads nowhere (rebinding).

use super::address::forbidden;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use rustls_pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What went wrong on the way out. Never holds a word of the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The host name leads to no address.
    Name,
    /// It leads only to addresses that are not connected to.
    Address(&'static str),
    /// Nothing listens there, or it does not answer.
    Unreachable,
    /// TLS came to nothing.
    Tls(TlsFault),
    /// It broke off, or spoke no HTTP.
    BrokenOff,
    /// It sent more than the bound.
    TooLarge,
    /// It sent a content coding that is not read, or not that coding.
    Encoding,
    /// Too late.
    Late,
    /// The question could not be put.
    Question,
}

/// Why TLS came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFault {
    /// The certificate names another host.
    Name,
    /// The certificate has expired.
    Expired,
    /// The certificate is not valid yet: or our clock is behind.
    NotYet,
    /// No authority that we trust vouches for it.
    Authority,
    /// The other side turned our certificate down, or wants one.
    Ours,
    /// It does not offer TLS 1.3.
    Version,
    /// Something else about it.
    Other,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Fault {}

/// Makes connections to one server.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) host: Arc<str>,
    pub(super) port: u16,
    pub(super) tls: TlsConnector,
    /// Networks that an operator named for this server.
    pub(super) networks: Arc<[IpNet]>,
}

impl tower::Service<http::Uri> for Connector {
    type Response = Secured;
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Secured, Fault>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    /// The address in the question is not looked at: there is one server behind each connector.
    fn call(&mut self, _: http::Uri) -> Self::Future {
        let own = self.clone();
        Box::pin(async move { own.connect().await })
    }
}

impl Connector {
    async fn connect(&self) -> Result<Secured, Fault> {
        let name = ServerName::try_from(self.host.to_string()).map_err(|_| Fault::Name)?;
        let tcp = tokio::time::timeout(CONNECT, self.tcp()).await.map_err(|_| Fault::Unreachable)??;
        let secured = tokio::time::timeout(CONNECT, self.tls.connect(name, tcp));
        let stream =
            secured.await.map_err(|_| Fault::Unreachable)?.map_err(|e| match after_handshake(&e) {
                Some(tls) => Fault::Tls(tls),
                None => Fault::BrokenOff,
            })?;
        Ok(Secured(TokioIo::new(stream)))
    }

    async fn tcp(&self) -> Result<TcpStream, Fault> {
        let found = tokio::net::lookup_host((&*self.host, self.port)).await.map_err(|_| Fault::Name)?;
        let mut refused = None;
        let mut reached = Err(Fault::Name);
        for address in found {
            match self.unfit(address) {
                Some(why) => refused = Some(why),
                None => match TcpStream::connect(address).await {
                    Ok(stream) => {
                        // Small questions must not wait for each other; where it fails they do, no more.
                        let _hurried = stream.set_nodelay(true).is_ok();
                        return Ok(stream);
                    }
                    Err(_) => reached = Err(Fault::Unreachable),
                },
            }
        }
        match (reached, refused) {
            (Err(Fault::Name), Some(why)) => Err(Fault::Address(why)),
            (reached, _) => reached,
        }
    }

    fn unfit(&self, address: SocketAddr) -> Option<&'static str> {
        let named = self.networks.iter().any(|network| network.contains(&address.ip()));
        if named { None } else { forbidden(address.ip()) }
    }
}

fn tls_fault(error: &io::Error) -> TlsFault {
    use rustls::{AlertDescription as Alert, CertificateError as Bad, Error};
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return TlsFault::Other;
    };
    match error {
        Error::InvalidCertificate(bad) => match bad {
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => TlsFault::Name,
            Bad::Expired | Bad::ExpiredContext { .. } => TlsFault::Expired,
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => TlsFault::NotYet,
            Bad::UnknownIssuer | Bad::BadSignature => TlsFault::Authority,
            _ => TlsFault::Other,
        },
        Error::AlertReceived(Alert::ProtocolVersion) | Error::PeerIncompatible(_) => TlsFault::Version,
        Error::AlertReceived(
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnknownCA
            | Alert::CertificateUnknown
            | Alert::AccessDenied
            | Alert::CertificateExpired
            | Alert::CertificateRevoked,
        ) => TlsFault::Ours,
        _ => TlsFault::Other,
    }
}

/// What TLS said, if the error is its own: with 1.3 a server turns our certificate down after the handshake.
pub(super) fn after_handshake(error: &io::Error) -> Option<TlsFault> {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()).then(|| tls_fault(error))
}

/// A secured stream that says which HTTP was agreed on.
pub(super) struct Secured(TokioIo<TlsStream<TcpStream>>);

impl Connection for Secured {
    fn connected(&self) -> Connected {
        let (_, session) = self.0.inner().get_ref();
        let connected = Connected::new();
        if session.alpn_protocol() == Some(b"h2") { connected.negotiated_h2() } else { connected }
    }
}

impl Read for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl Write for Secured {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// How long a handshake of either kind may take.
const CONNECT: Duration = Duration::from_secs(5);
