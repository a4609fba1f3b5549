//! One request to somebody else's server, over TLS 1.3 or in the clear as the caller says: to an address that the
//! caller vouches for, in bounded time and size, following nothing.

use super::client::{Ours, client_config};
use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How the server is reached.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Over<'a> {
    /// TLS, with the authorities that may vouch for its certificate.
    Tls(&'a [CertificateDer<'static>]),
    /// In the clear: what is carried must be neither secret nor believed.
    Plain,
}

/// What came back, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) media: Option<String>,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreached {
    /// The address is none.
    Address,
    /// The authorities cannot be used.
    Authorities,
    /// It does not answer, or not in time, or its certificate does not fit.
    Unreachable,
    /// Its answer broke off, or is too large.
    Answer,
}

/// Sends a request whose address is a whole URL.
pub(crate) async fn send(
    request: Request<Bytes>,
    over: Over<'_>,
    patience: Duration,
    answer_max: usize,
) -> Result<Answer, Unreached> {
    timeout(patience, exchange(request, over, answer_max)).await.map_err(|_elapsed| Unreached::Unreachable)?
}

async fn exchange(request: Request<Bytes>, over: Over<'_>, most: usize) -> Result<Answer, Unreached> {
    let host = request.uri().host().ok_or(Unreached::Address)?.trim_matches(['[', ']']).to_owned();
    let port = request.uri().port_u16();
    let tcp = |usual| TcpStream::connect((host.as_str(), port.unwrap_or(usual)));
    match over {
        Over::Plain => talk(request, tcp(80).await.map_err(unreachable)?, most).await,
        Over::Tls(authorities) => {
            let name = ServerName::try_from(host.clone()).map_err(|_| Unreached::Address)?;
            let connector = tokio_rustls::TlsConnector::from(Arc::new(tls(authorities)?));
            let tcp = tcp(443).await.map_err(unreachable)?;
            talk(request, connector.connect(name, tcp).await.map_err(unreachable)?, most).await
        }
    }
}

async fn talk(
    request: Request<Bytes>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    most: usize,
) -> Result<Answer, Unreached> {
    let (mut parts, body) = request.into_parts();
    let authority = parts.uri.authority().ok_or(Unreached::Address)?.as_str().to_owned();
    parts.headers.insert(header::HOST, authority.parse().map_err(|_| Unreached::Address)?);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    parts.uri = path.parse::<Uri>().map_err(|_| Unreached::Address)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(Request::from_parts(parts, Full::new(body))).await;
    let (head, body) = response.map_err(unreachable)?.into_parts();
    let body = Limited::new(body, most).collect().await;
    driver.abort();
    let media = head.headers.get(header::CONTENT_TYPE).and_then(|m| m.to_str().ok()).map(str::to_owned);
    let body = body.map_err(|_| Unreached::Answer)?.to_bytes();
    Ok(Answer { status: head.status.as_u16(), media, body })
}

/// Why it cannot be reached is the network's affair, and no code of ours tells it apart.
fn unreachable<E>(_: E) -> Unreached {
    Unreached::Unreachable
}

fn tls(authorities: &[CertificateDer<'static>]) -> Result<rustls::ClientConfig, Unreached> {
    let ours = Ours { identity: None, authorities: authorities.to_vec() };
    client_config(&ours).map_err(|_| Unreached::Authorities)
}
