//! Real TLS over loopback: who gets in, what is cut, and how it ends.

use super::*;
use crate::limits::{FloodCounts, FloodKind};
use crate::trust::{Fingerprint, Trust, TrustCell};
use axum::Router;
use axum::extract::Request;
use axum::routing::{get, post};
use certs_dev::{Flaw, Identity, Minted, Pair, Party, flawed, mint};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, NamedGroup, RootCertStore};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A running exchange listener with a small service behind it.
struct World {
    minted: Minted,
    party: Party,
    trust: Arc<TrustCell>,
    tls: Arc<MutualTls>,
    counts: FloodCounts,
    address: SocketAddr,
    stop: Option<accept::ShutdownSender>,
    ended: JoinHandle<()>,
    /// Told when `/wait` has been reached; `/wait` answers when the other end is dropped.
    waiting: mpsc::Receiver<mpsc::Sender<()>>,
}

fn party(id: &str) -> Party {
    Party { id: id.to_owned(), name: id.to_owned(), identity: Identity::Ura("90000382".to_owned()) }
}

impl World {
    async fn new(caps: Caps) -> Self {
        let party = party("post");
        let minted = mint(std::slice::from_ref(&party), jiff::Timestamp::now()).unwrap();
        let trust = Arc::new(TrustCell::new(Trust::empty()));
        let identity =
            ServerIdentity::from_pem(minted.server.cert_pem.as_bytes(), minted.server.key_pem.as_bytes())
                .unwrap();
        let authorities = ClientAuthorities::new([minted.ca_pem.as_bytes()], []).unwrap();
        let tls = Arc::new(MutualTls::new(identity, authorities, Arc::clone(&trust)).unwrap());
        let counts = FloodCounts::default();
        let (tell, waiting) = mpsc::channel(8);
        let transport = Transport::Mutual(Arc::clone(&tls));
        let listener =
            Listener::bind("127.0.0.1:0".parse().unwrap(), transport, caps, counts.clone()).await.unwrap();
        let address = listener.address().unwrap();
        let (stop, shutdown) = shutdown();
        let ended = tokio::spawn(listener.serve(service(tell), shutdown));
        Self { minted, party, trust, tls, counts, address, stop: Some(stop), ended, waiting }
    }

    fn pair(&self) -> &Pair {
        &self.minted.participants[0].client
    }

    async fn open(&self, pair: Option<&Pair>) -> std::io::Result<TlsStream<TcpStream>> {
        connect(self.address, &client(&self.minted.ca_pem, pair, &[b"http/1.1"])).await
    }

    /// What a fresh connection gets for a request: the bytes, or the error.
    async fn ask(&self, pair: Option<&Pair>) -> std::io::Result<String> {
        let mut stream = self.open(pair).await?;
        get_path(&mut stream, "/who").await
    }

    fn kinds(&self) -> Vec<FloodKind> {
        let mut kinds: Vec<_> = self.counts.take().into_iter().map(|flood| flood.kind).collect();
        kinds.sort();
        kinds
    }
}

fn service(tell: mpsc::Sender<mpsc::Sender<()>>) -> Router {
    let who = |request: Request| async move {
        let peer = request.extensions().get::<Peer>().map(|peer| peer.fingerprint().to_string());
        let remote = request.extensions().get::<RemoteAddress>().is_some();
        format!("{} {remote}", peer.unwrap_or_else(|| "nobody".to_owned()))
    };
    let read = |request: Request| async move {
        match body::read(request.into_body(), 1024).await {
            Ok(bytes) => format!("{} bytes", bytes.len()),
            Err(fault) => format!("{fault:?}"),
        }
    };
    let wait = move || async move {
        let (hold, mut held) = mpsc::channel(1);
        tell.send(hold).await.unwrap();
        let _dropped = held.recv().await;
        "waited"
    };
    Router::new().route("/who", get(who)).route("/read", post(read)).route("/wait", get(wait))
}

fn client(ca: &str, pair: Option<&Pair>, alpn: &[&[u8]]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let mut config = match pair {
        Some(pair) => {
            let key = PrivateKeyDer::from_pem_slice(pair.key_pem.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![CertificateDer::from(pair.cert_der.clone())], key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

async fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::clone(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// One GET on an HTTP/1.1 connection that stays open; head and body as text.
async fn get_path(stream: &mut TlsStream<TcpStream>, path: &str) -> std::io::Result<String> {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await?;
    answer(stream).await
}

/// Reads one answer with a Content-Length, or whatever comes before the end.
async fn answer(stream: &mut TlsStream<TcpStream>) -> std::io::Result<String> {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await?;
        text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head
                .lines()
                .find_map(|l| l.strip_prefix("content-length: "))
                .map_or(0, |n| n.parse().unwrap());
            body.len() >= length
        });
        if whole || read == 0 {
            return Ok(text);
        }
    }
}

/// Reads to the end: `true` when the other side closes, with or without a last answer.
async fn is_closed(stream: &mut TlsStream<TcpStream>) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await.is_ok()
}

#[tokio::test]
async fn a_certificate_of_our_ca_gets_in_and_is_told_to_the_service() {
    let world = World::new(Caps::default()).await;
    let answer = world.ask(Some(world.pair())).await.unwrap();
    assert!(answer.ends_with(&format!("{} true", world.pair().cert_sha256)), "{answer}");
}

#[tokio::test]
async fn the_key_exchange_is_hybrid_and_the_cipher_has_256_bits() {
    let world = World::new(Caps::default()).await;
    let stream = world.open(Some(world.pair())).await.unwrap();
    let connection = stream.get_ref().1;
    assert_eq!(connection.negotiated_key_exchange_group().unwrap().name(), NamedGroup::X25519MLKEM768);
    assert_eq!(connection.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    assert_eq!(
        connection.negotiated_cipher_suite().unwrap().suite(),
        rustls::CipherSuite::TLS13_AES_256_GCM_SHA384
    );
}

#[tokio::test]
async fn http_2_is_agreed_and_carries_many_requests() {
    let world = World::new(Caps::default()).await;
    let config = client(&world.minted.ca_pem, Some(world.pair()), &[b"h2", b"http/1.1"]);
    let stream = connect(world.address, &config).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for _ in 0..200 {
        let mut sender = sender.clone();
        let request =
            http::Request::get("https://localhost/who").body(Full::<bytes::Bytes>::default()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(body.starts_with(world.pair().cert_sha256.as_bytes()));
    }
}

#[tokio::test]
async fn no_foreign_and_flawed_certificates_get_an_alert_and_no_http() {
    let world = World::new(Caps::default()).await;
    let now = jiff::Timestamp::now();
    let error = world.ask(None).await.unwrap_err();
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
    assert_eq!(world.kinds(), [FloodKind::NoCertificate]);
    for flaw in Flaw::ALL {
        let pair = flawed(&world.minted.authority, &world.party, flaw, now).unwrap();
        let error = world.ask(Some(&pair)).await.unwrap_err();
        assert!(error.to_string().contains("alert"), "{flaw:?}: {error}");
        let kind = match flaw {
            Flaw::Expired | Flaw::NotYetValid => FloodKind::OutOfDate,
            Flaw::ServerUseOnly | Flaw::ForeignAuthority => FloodKind::ForeignCertificate,
        };
        assert_eq!(world.kinds(), [kind], "{flaw:?}");
    }
    assert!(world.ask(Some(world.pair())).await.is_ok(), "and goes on serving");
}

#[tokio::test]
async fn what_is_not_tls_gets_no_http() {
    let world = World::new(Caps::default()).await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(b"GET /who HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut bytes = Vec::new();
    let _reset = stream.read_to_end(&mut bytes).await;
    assert!(!bytes.starts_with(b"HTTP"), "{bytes:?}");
    assert_eq!(world.kinds(), [FloodKind::Protocol]);
}

#[tokio::test]
async fn a_blocked_certificate_is_out_of_handshakes_resumption_and_open_connections() {
    let world = World::new(Caps::default()).await;
    let config = client(&world.minted.ca_pem, Some(world.pair()), &[b"http/1.1"]);
    let mut open = connect(world.address, &config).await.unwrap();
    get_path(&mut open, "/who").await.unwrap();
    let mut resumed = connect(world.address, &config).await.unwrap();
    get_path(&mut resumed, "/who").await.unwrap();
    assert_eq!(
        resumed.get_ref().1.handshake_kind(),
        Some(rustls::HandshakeKind::Resumed),
        "else this shows nothing"
    );
    let fingerprint = Fingerprint::parse(&world.pair().cert_sha256).unwrap();
    world.trust.replace(world.trust.load().block(fingerprint));
    let error = match connect(world.address, &config).await {
        Ok(mut stream) => get_path(&mut stream, "/who").await.unwrap_err(),
        Err(error) => error,
    };
    assert!(error.to_string().contains("alert"), "{error}");
    assert_eq!(world.kinds(), [FloodKind::Blocked]);
    // The service is asked once more, so that it can record the refusal; then it is over.
    let last = get_path(&mut open, "/who").await.unwrap();
    assert!(last.contains("connection: close"), "{last}");
    assert!(is_closed(&mut open).await);
}

#[tokio::test]
async fn a_change_of_trust_leaves_open_connections_and_ends_old_sessions() {
    let world = World::new(Caps::default()).await;
    let config = client(&world.minted.ca_pem, Some(world.pair()), &[b"http/1.1"]);
    let mut open = connect(world.address, &config).await.unwrap();
    get_path(&mut open, "/who").await.unwrap();
    world.trust.replace(world.trust.load().block(Fingerprint::of_der(b"somebody else")));
    let fresh = connect(world.address, &config).await.unwrap();
    assert_eq!(fresh.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Full));
    assert!(get_path(&mut open, "/who").await.unwrap().starts_with("HTTP/1.1 200"));
}

#[test]
fn revoked_certificates_and_those_of_unknown_status_are_refused() {
    use rcgen::{
        BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, IsCa,
        KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
    };
    let authority = || {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(rcgen::DnType::CommonName, "a CA");
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let (ours, other) = (authority(), authority());
    let mut params = CertificateParams::new(["client.example".to_owned()]).unwrap();
    params.serial_number = Some(SerialNumber::from(7_u64));
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let leaf = params.signed_by(&KeyPair::generate().unwrap(), &ours).unwrap();
    let list = |issuer: &CertifiedIssuer<'_, KeyPair>, revoked: Option<u64>, next_year: i32| {
        let revoked = revoked.map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(next_year, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.into_iter().collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(issuer).unwrap().der().to_vec()
    };
    let judged = |lists: &[Vec<u8>]| {
        let authorities =
            ClientAuthorities::new([ours.pem().as_bytes()], lists.iter().map(Vec::as_slice)).unwrap();
        let now = rustls::pki_types::UnixTime::now();
        let verdict = authorities.verifier().unwrap().verify_client_cert(leaf.der(), &[], now);
        verdict.map(|_| ()).map_err(|error| format!("{error:?}"))
    };
    assert_eq!(judged(&[]), Ok(()));
    assert_eq!(judged(&[list(&ours, Some(8), 2090)]), Ok(()));
    assert!(judged(&[list(&ours, Some(7), 2090)]).unwrap_err().contains("Revoked"));
    assert!(judged(&[list(&ours, Some(8), 2021)]).unwrap_err().contains("ExpiredRevocationList"));
    assert!(judged(&[list(&other, Some(8), 2090)]).is_err());
    let bad = ClientAuthorities::new([ours.pem().as_bytes()], [&b"no list"[..]]);
    assert_eq!(bad.unwrap_err(), TlsFault::Crl);
    assert_eq!(ClientAuthorities::new([&b"no CA"[..]], []).unwrap_err(), TlsFault::ClientCa);
}

#[tokio::test]
async fn slow_handshakes_and_slow_headers_are_cut() {
    let short = Duration::from_millis(150);
    let world = World::new(Caps { handshake: short, headers: short, ..Caps::default() }).await;
    let mut silent = TcpStream::connect(world.address).await.unwrap();
    assert_eq!(silent.read(&mut [0; 8]).await.unwrap_or(0), 0);
    assert_eq!(world.kinds(), [FloodKind::Slow]);
    let mut slow = world.open(Some(world.pair())).await.unwrap();
    slow.write_all(b"GET /who HTTP/1.1\r\nHost: loc").await.unwrap();
    assert!(is_closed(&mut slow).await);
}

#[tokio::test]
async fn an_idle_connection_is_closed_on_both_protocols() {
    let world = World::new(Caps { idle: Duration::from_millis(200), ..Caps::default() }).await;
    for alpn in [&b"http/1.1"[..], b"h2"] {
        let config = client(&world.minted.ca_pem, Some(world.pair()), &[alpn]);
        let mut idle = connect(world.address, &config).await.unwrap();
        if alpn == b"h2" {
            idle.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        }
        assert!(is_closed(&mut idle).await);
    }
}

#[tokio::test]
async fn a_body_is_bounded_in_size_and_time() {
    let world = World::new(Caps { body: Duration::from_millis(200), ..Caps::default() }).await;
    let told = |head: &'static str, body: Vec<u8>| {
        let world = &world;
        async move {
            let mut stream = world.open(Some(world.pair())).await.unwrap();
            stream
                .write_all(format!("POST /read HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n").as_bytes())
                .await
                .unwrap();
            let _reset = stream.write_all(&body).await;
            answer(&mut stream).await.unwrap()
        }
    };
    let chunk =
        |size: usize| [format!("{size:x}\r\n").into_bytes(), vec![b'a'; size], b"\r\n".to_vec()].concat();
    assert!(told("Content-Length: 1024", vec![b'a'; 1024]).await.ends_with("1024 bytes"));
    assert!(told("Content-Length: 1025", vec![b'a'; 1025]).await.ends_with("TooLarge"));
    assert!(told("Content-Length: 99999999999", vec![]).await.ends_with("TooLarge"), "refused unread");
    assert!(
        told("Transfer-Encoding: chunked", [chunk(800), chunk(800), b"0\r\n\r\n".to_vec()].concat())
            .await
            .ends_with("TooLarge")
    );
    assert!(told("Content-Length: 10", b"abc".to_vec()).await.ends_with("TooSlow"));
}

#[tokio::test]
async fn ambiguous_requests_get_400_and_the_end() {
    let world = World::new(Caps::default()).await;
    for head in [
        "Host: a\r\nHost: b",
        "X: y",
        "Host: a\r\nAuthorization: Bearer x\r\nAuthorization: Bearer y",
        "Host: a\r\nContent-Length: 1\r\nContent-Length: 2",
        "Host : a",
        "Host: a\r\nContent-Length: +1",
        "Host: a\r\nTransfer-Encoding: chunked, identity",
        "Host: a\r\nContent-Length: -1",
        "Host: a\r\n X: folded",
    ] {
        let mut stream = world.open(Some(world.pair())).await.unwrap();
        stream.write_all(format!("GET /who HTTP/1.1\r\n{head}\r\n\r\n").as_bytes()).await.unwrap();
        let told = answer(&mut stream).await.unwrap();
        assert!(told.starts_with("HTTP/1.1 400"), "{head:?}: {told}");
        assert!(is_closed(&mut stream).await, "{head:?}");
    }
}

#[tokio::test]
async fn a_length_beside_chunks_is_ignored_and_ends_the_connection() {
    let world = World::new(Caps::default()).await;
    let mut stream = world.open(Some(world.pair())).await.unwrap();
    let smuggled = "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /who HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(smuggled.as_bytes()).await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest.matches("HTTP/1.1 ").count(), 1, "{rest}");
}

#[tokio::test]
async fn connections_are_capped_in_all_and_per_certificate() {
    let world = World::new(Caps { per_certificate: 1, ..Caps::default() }).await;
    let mut first = world.open(Some(world.pair())).await.unwrap();
    get_path(&mut first, "/who").await.unwrap();
    let mut second = world.open(Some(world.pair())).await.unwrap();
    assert!(!get_path(&mut second, "/who").await.is_ok_and(|answer| answer.starts_with("HTTP")));
    assert_eq!(world.kinds(), [FloodKind::Crowded]);
    let world = World::new(Caps { connections: 1, ..Caps::default() }).await;
    let mut first = world.open(Some(world.pair())).await.unwrap();
    get_path(&mut first, "/who").await.unwrap();
    assert!(world.ask(Some(world.pair())).await.is_err());
    assert_eq!(world.kinds(), [FloodKind::Crowded]);
}

#[tokio::test]
async fn the_end_waits_for_open_requests_and_not_for_idle_connections() {
    let mut world = World::new(Caps::default()).await;
    let mut idle = world.open(Some(world.pair())).await.unwrap();
    get_path(&mut idle, "/who").await.unwrap();
    let mut busy = world.open(Some(world.pair())).await.unwrap();
    busy.write_all(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let hold = world.waiting.recv().await.unwrap();
    world.stop.take().unwrap().send();
    assert!(is_closed(&mut idle).await);
    assert!(!world.ended.is_finished());
    drop(hold);
    assert!(answer(&mut busy).await.unwrap().ends_with("waited"));
    world.ended.await.unwrap();
    assert!(TcpStream::connect(world.address).await.is_err());
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let mut world = World::new(Caps { grace: Duration::from_millis(100), ..Caps::default() }).await;
    let mut busy = world.open(Some(world.pair())).await.unwrap();
    busy.write_all(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let _hold = world.waiting.recv().await.unwrap();
    drop(world.stop.take());
    world.ended.await.unwrap();
    assert!(is_closed(&mut busy).await);
}

#[tokio::test]
async fn new_material_serves_the_next_handshake() {
    let world = World::new(Caps::default()).await;
    let other = mint(&[party("other")], jiff::Timestamp::now()).unwrap();
    let identity =
        ServerIdentity::from_pem(other.server.cert_pem.as_bytes(), other.server.key_pem.as_bytes()).unwrap();
    let authorities = ClientAuthorities::new([other.ca_pem.as_bytes()], []).unwrap();
    world.tls.replace(identity, authorities).unwrap();
    assert!(world.open(Some(world.pair())).await.is_err(), "the server's CA is another now");
    let config = client(&other.ca_pem, Some(&other.participants[0].client), &[b"http/1.1"]);
    let mut stream = connect(world.address, &config).await.unwrap();
    assert!(get_path(&mut stream, "/who").await.unwrap().starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn the_portal_asks_for_no_certificate_and_tells_no_peer() {
    let minted = mint(&[], jiff::Timestamp::now()).unwrap();
    let identity =
        ServerIdentity::from_pem(minted.server.cert_pem.as_bytes(), minted.server.key_pem.as_bytes())
            .unwrap();
    let transport = Transport::server(&identity).unwrap();
    let address = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind(address, transport, Caps::default(), FloodCounts::default()).await.unwrap();
    let address = listener.address().unwrap();
    let (_stop, shutdown) = shutdown();
    tokio::spawn(listener.serve(service(mpsc::channel(1).0), shutdown));
    let mut stream = connect(address, &client(&minted.ca_pem, None, &[b"http/1.1"])).await.unwrap();
    assert!(get_path(&mut stream, "/who").await.unwrap().ends_with("nobody true"));
}

#[tokio::test]
async fn management_says_each_check_by_name() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let ready = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ready);
    let registry = metrics::Registry::default();
    registry.counter("sluis_requests_total", "Requests.", &[("outcome", "refused")]).increment();
    let ports = management::Ports {
        readiness: Arc::new(move || {
            let holds = seen.load(Ordering::SeqCst);
            vec![management::Check { name: "journal", holds, cause: (!holds).then(|| "no space".to_owned()) }]
        }),
        metrics: registry,
        checkpoint: Arc::new(|| Some("origin\n1\nAAAA\n".to_owned())),
    };
    let address = "127.0.0.1:0".parse().unwrap();
    let listener =
        Listener::bind(address, Transport::Plain, Caps::default(), FloodCounts::default()).await.unwrap();
    let address = listener.address().unwrap();
    let (_stop, shutdown) = shutdown();
    tokio::spawn(listener.serve(management::router(ports), shutdown));
    let told = |request: &'static str| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    };
    assert!(told("GET /livez").await.starts_with("HTTP/1.1 200"));
    let not_ready = told("GET /readyz").await;
    assert!(not_ready.starts_with("HTTP/1.1 503"), "{not_ready}");
    assert!(
        not_ready
            .ends_with(r#"{"ready":false,"checks":[{"name":"journal","holds":false,"cause":"no space"}]}"#)
    );
    ready.store(true, Ordering::SeqCst);
    assert!(told("GET /readyz").await.starts_with("HTTP/1.1 200"));
    assert!(told("GET /metrics").await.contains("sluis_requests_total{outcome=\"refused\"} 1"));
    assert!(told("GET /checkpoint").await.ends_with("origin\n1\nAAAA\n"));
    assert!(told("POST /readyz").await.starts_with("HTTP/1.1 405"), "nothing here changes anything");
    assert!(told("GET /other").await.starts_with("HTTP/1.1 404"));
}
