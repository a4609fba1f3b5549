//! A client of one server, with its pool of connections.

use super::base::Base;
use super::body::{self, Allowance};
use super::connect::{Connector, Fault, TlsFault};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::Full;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ipnet::IpNet;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use std::time::Duration;

/// What this gateway shows of itself, and whom it trusts, when it asks elsewhere.
#[derive(Clone, Default)]
pub struct Ours {
    /// Our certificate chain with its key, where the other side wants one.
    pub identity: Option<(Vec<CertificateDer<'static>>, Arc<PrivateKeyDer<'static>>)>,
    /// Authorities that vouch for the other side.
    pub authorities: Vec<CertificateDer<'static>>,
}

impl std::fmt::Debug for Ours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ours")
    }
}

/// A client of one server.
pub struct Client {
    base: Base,
    pool: Pool<Connector, Full<Bytes>>,
}

/// What is asked.
pub struct Question<'q> {
    /// Below the base; begins with a slash.
    pub below: &'q str,
    /// A form that is posted; none is a GET.
    pub form: Option<String>,
    /// `Accept`.
    pub accept: &'static str,
    /// A bearer token.
    pub bearer: Option<&'q str>,
    /// At most so many bytes.
    pub allowance: &'q Allowance,
}

/// What came back, whole.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, unpacked; as long as it is kept, it counts as room taken.
    pub body: Bytes,
}

impl Client {
    /// A client of the server at `base`. `networks` are those that an operator named: any other address that is no public
    /// one is not connected to.
    ///
    /// # Errors
    /// When authorities or our own identity cannot be used.
    pub fn new(base: Base, ours: &Ours, networks: &[IpNet]) -> Result<Self, TlsFault> {
        let mut tls = client_config(ours)?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let connector = Connector {
            host: base.host().into(),
            port: base.port(),
            tls: Arc::new(tls).into(),
            networks: networks.into(),
        };
        let pool = Pool::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(IDLE_MOST)
            .timer(TokioTimer::new())
            .http1_max_buf_size(HEAD_MOST as usize)
            .http2_max_header_list_size(HEAD_MOST)
            .build(connector);
        Ok(Self { base, pool })
    }

    /// Where it asks.
    #[must_use]
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// Asks, and reads the whole answer. A redirect is an answer like any other: nothing is followed.
    ///
    /// # Errors
    /// See [`Fault`].
    pub async fn ask(&self, question: &Question<'_>) -> Result<Answer, Fault> {
        tokio::select! {
            biased;
            // Also while nothing comes: what lies here already is what somebody else has need of.
            () = question.allowance.told_out() => Err(Fault::TooLarge),
            answer = self.exchange(question) => answer,
        }
    }

    async fn exchange(&self, question: &Question<'_>) -> Result<Answer, Fault> {
        let mut request = Request::builder()
            .method(if question.form.is_some() { Method::POST } else { Method::GET })
            .uri(self.base.url(question.below))
            .header(header::ACCEPT, question.accept)
            .header(header::ACCEPT_ENCODING, "gzip");
        if question.form.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if let Some(token) = question.bearer {
            let mut value =
                http::HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| Fault::Question)?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        let form = question.form.clone().unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(form))).map_err(|_| Fault::Question)?;
        let response = self.pool.request(request).await.map_err(|e| fault(&e))?;
        let (head, incoming) = response.into_parts();
        let body = body::read(incoming, &head.headers, question.allowance).await?;
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }
}

/// TLS 1.3 towards a server, and nothing older.
pub(super) fn client_config(ours: &Ours) -> Result<rustls::ClientConfig, TlsFault> {
    let mut roots = rustls::RootCertStore::empty();
    for authority in &ours.authorities {
        roots.add(authority.clone()).map_err(|_| TlsFault::Authority)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|_| TlsFault::Version)?
        .with_root_certificates(roots);
    match &ours.identity {
        Some((chain, key)) => {
            builder.with_client_auth_cert(chain.clone(), key.clone_key()).map_err(|_| TlsFault::Ours)
        }
        None => Ok(builder.with_no_client_auth()),
    }
}

/// Our own word for it lies somewhere below what the pool says.
fn fault(error: &hyper_util::client::legacy::Error) -> Fault {
    let mut inner: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = inner {
        if let Some(fault) = error.downcast_ref::<Fault>() {
            return *fault;
        }
        // With TLS 1.3 a server turns our certificate down after the handshake has ended on our side.
        if let Some(io) = error.downcast_ref::<std::io::Error>()
            && let Some(tls) = super::connect::after_handshake(io)
        {
            return Fault::Tls(tls);
        }
        inner = error.source();
    }
    Fault::BrokenOff
}

const IDLE: Duration = Duration::from_secs(30);
const IDLE_MOST: usize = 16;
const HEAD_MOST: u32 = 32 * 1024;
