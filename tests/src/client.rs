//! An outsider's HTTP client: mutual TLS, HTTP/1.1 by hand (so that broken requests can be sent too), and HTTP/2.

use crate::world::World;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method, sent as it stands.
    pub method: String,
    /// Path and query, sent as they stand.
    pub target: String,
    /// Headers in order; `Host` and `Content-Length` are added unless named here.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without headers or body.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// GET.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// POST or PUT of JSON as FHIR.
    #[must_use]
    pub fn fhir(method: &str, target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::new(method, target) }
            .header("Content-Type", "application/fhir+json")
    }

    /// POST of a form.
    #[must_use]
    pub fn form(target: &str, fields: &[(&str, &str)]) -> Self {
        let form: Vec<String> =
            fields.iter().map(|(k, v)| format!("{}={}", encoded(k), encoded(v))).collect();
        Self { body: form.join("&").into_bytes(), ..Self::new("POST", target) }
            .header("Content-Type", "application/x-www-form-urlencoded")
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With this header replaced.
    #[must_use]
    pub fn replace(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.header(name, value)
    }

    /// With a bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }
}

/// Percent-encodes for a form or query.
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{}: no JSON ({e}): {}", self.status, self.text()))
    }

    /// The code of the OperationOutcome, or the OAuth error; empty when there is none.
    #[must_use]
    pub fn code(&self) -> String {
        let Ok(body) = serde_json::from_slice::<Value>(&self.body) else { return String::new() };
        let code = body.pointer("/issue/0/details/coding/0/code").or_else(|| body.get("error"));
        code.and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The same, when it is a 200 (or 201).
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(matches!(self.status, 200 | 201), "{}: {}", self.status, self.text());
        self
    }

    /// Status and code are these.
    #[track_caller]
    pub fn is(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{}", self.text());
    }

    /// What must be equal for answers that must look alike: everything but Date, X-Request-Id and traceparent.
    #[must_use]
    pub fn face(&self) -> String {
        let mut face = format!("{}\n", self.status);
        for (name, value) in &self.headers {
            if !["date", "x-request-id", "traceparent"].contains(&name.as_str()) {
                face.push_str(&format!("{name}: {value}\n"));
            }
        }
        face + &self.text()
    }

    /// The request id that stands in the record.
    #[track_caller]
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.header("x-request-id").unwrap_or_else(|| panic!("no X-Request-Id: {}", self.face()))
    }
}

/// A client with one certificate. Keeps its connection open.
pub struct Client {
    config: Arc<ClientConfig>,
    address: String,
    connection: Mutex<Option<Connection>>,
}

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// One TLS connection, for raw bytes.
pub struct Connection {
    stream: BufReader<Tls>,
}

impl Client {
    /// With a participant's certificate, or none.
    #[must_use]
    pub fn new(world: &World, participant: Option<&str>) -> Self {
        let identity = participant.map(|id| {
            let entry = world.participant(id);
            let path = |name: &str| world.dir().join(entry[name].as_str().expect("a path"));
            (path("certificate"), path("key"))
        });
        let identity = identity.as_ref().map(|(c, k)| (c.as_path(), k.as_path()));
        Self::with_files(&world.dir().join("pki/ca.pem"), identity, world.now(), world.address())
    }

    /// With certificate and key from files.
    #[must_use]
    pub fn with_files(
        authority: &Path,
        identity: Option<(&Path, &Path)>,
        now: jiff::Timestamp,
        address: String,
    ) -> Self {
        let certificates = |path: &Path| -> Vec<CertificateDer<'static>> {
            CertificateDer::pem_file_iter(path)
                .expect("a certificate")
                .map(|c| c.expect("a certificate"))
                .collect()
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(authority) {
            roots.add(certificate).expect("an authority");
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let clock = Arc::new(At(u64::try_from(now.as_second()).expect("after 1970")));
        let builder = ClientConfig::builder_with_details(provider, clock)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("TLS 1.3")
            .with_root_certificates(roots);
        let config = match identity {
            Some((certificate, key)) => builder
                .with_client_auth_cert(
                    certificates(certificate),
                    PrivateKeyDer::from_pem_file(key).expect("a private key"),
                )
                .expect("a key that fits"),
            None => builder.with_no_client_auth(),
        };
        Self { config: Arc::new(config), address, connection: Mutex::new(None) }
    }

    /// Opens a connection of its own.
    ///
    /// # Errors
    /// When TCP or TLS fails. A refused client certificate shows at the first read.
    pub fn open(&self) -> io::Result<Connection> {
        let tcp = TcpStream::connect(&self.address)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        tcp.set_write_timeout(Some(PATIENCE))?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").expect("a name");
        let tls = ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(tls, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Connection { stream: BufReader::new(stream) })
    }

    /// Sends a request over the kept connection, opening a new one where the last was closed.
    ///
    /// # Errors
    /// When no answer comes.
    pub fn try_send(&self, request: &Request) -> io::Result<Answer> {
        let mut kept = self.connection.lock().expect("connection");
        if let Some(mut connection) = kept.take()
            && let Ok(answer) = connection.exchange(request)
        {
            *kept = (!closes(&answer)).then_some(connection);
            return Ok(answer);
        }
        let mut connection = self.open()?;
        let answer = connection.exchange(request)?;
        *kept = (!closes(&answer)).then_some(connection);
        Ok(answer)
    }

    /// Sends a request.
    #[track_caller]
    #[must_use]
    pub fn send(&self, request: &Request) -> Answer {
        self.try_send(request).unwrap_or_else(|e| panic!("{} {}: {e}", request.method, request.target))
    }

    /// Sends a request over HTTP/2.
    #[must_use]
    pub fn send_h2(&self, request: &Request) -> Answer {
        let mut config = (*self.config).clone();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let tcp = tokio::net::TcpStream::connect(&self.address).await.expect("a connection");
            let name = ServerName::try_from("localhost").expect("a name");
            let tls =
                tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await.expect("TLS");
            assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "HTTP/2 is offered");
            let io = hyper_util::rt::TokioIo::new(tls);
            let executor = hyper_util::rt::TokioExecutor::new();
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(executor, io).await.expect("HTTP/2");
            tokio::spawn(connection);
            let mut builder = http::Request::builder()
                .method(request.method.as_str())
                .uri(format!("https://{}{}", self.address, request.target));
            for (name, value) in &request.headers {
                builder = builder.header(name, value);
            }
            let body = http_body_util::Full::new(bytes::Bytes::from(request.body.clone()));
            let answer =
                sender.send_request(builder.body(body).expect("a request")).await.expect("an answer");
            let (parts, body) = answer.into_parts();
            let body = http_body_util::BodyExt::collect(body).await.expect("a body").to_bytes();
            let headers = parts.headers.iter();
            Answer {
                status: parts.status.as_u16(),
                headers: headers
                    .map(|(n, v)| (n.as_str().to_owned(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
                    .collect(),
                body: body.to_vec(),
            }
        })
    }
}

fn closes(answer: &Answer) -> bool {
    answer.header("connection").is_some_and(|c| c.eq_ignore_ascii_case("close"))
}

impl Connection {
    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// When the other side breaks off.
    pub fn exchange(&mut self, request: &Request) -> io::Result<Answer> {
        let Request { method, target, headers, body } = request;
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        let named = |name: &str| headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        if !named("host") {
            head.push_str("Host: localhost\r\n");
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !named("content-length") && !named("transfer-encoding") && (!body.is_empty() || method == "POST") {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        // A server may answer and close before it has read a body that is too large: read what it said.
        let written = self.write(&bytes);
        match self.read(method == "HEAD") {
            Ok(answer) => Ok(answer),
            Err(e) => written.and(Err(e)),
        }
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// When the other side breaks off.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes)?;
        stream.flush()
    }

    /// Reads one answer.
    ///
    /// # Errors
    /// When the other side breaks off, or what comes is no HTTP.
    pub fn read(&mut self, no_body: bool) -> io::Result<Answer> {
        read_answer(&mut self.stream, no_body)
    }
}

fn read_answer(stream: &mut impl BufRead, no_body: bool) -> io::Result<Answer> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let first = line(stream)?;
    let status = first.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(|| bad("no status line"))?;
    let mut headers = Vec::new();
    loop {
        let line = line(stream)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| bad("no header"))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut answer = Answer { status, headers, body: Vec::new() };
    if no_body || matches!(status, 100..=199 | 204 | 304) {
        return Ok(answer);
    }
    if answer.header("transfer-encoding").is_some_and(|t| t.eq_ignore_ascii_case("chunked")) {
        loop {
            let size = usize::from_str_radix(&line(stream)?, 16).map_err(|_| bad("no chunk size"))?;
            let mut chunk = vec![0; size];
            stream.read_exact(&mut chunk)?;
            answer.body.extend_from_slice(&chunk);
            let _end = line(stream)?;
            if size == 0 {
                return Ok(answer);
            }
        }
    }
    match answer.header("content-length").map(str::parse::<usize>) {
        Some(length) => {
            answer.body = vec![0; length.map_err(|_| bad("no length"))?];
            stream.read_exact(&mut answer.body)?;
        }
        None => {
            stream.read_to_end(&mut answer.body)?;
        }
    }
    Ok(answer)
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// A plain GET without TLS.
#[must_use]
pub fn plain(address: &str, path: &str) -> Answer {
    plain_with(address, "GET", path, b"")
}

/// A plain request without TLS.
#[must_use]
pub fn plain_with(address: &str, method: &str, path: &str, body: &[u8]) -> Answer {
    let tcp = TcpStream::connect(address).expect("a connection");
    tcp.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let mut stream = BufReader::new(tcp);
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.get_mut().write_all(request.as_bytes()).expect("written");
    stream.get_mut().write_all(body).expect("written");
    read_answer(&mut stream, false).expect("an answer")
}

/// The sandbox's clock, for judging its certificates.
#[derive(Debug)]
struct At(u64);

impl rustls::time_provider::TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0)))
    }
}

/// Longer than anything should take, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
