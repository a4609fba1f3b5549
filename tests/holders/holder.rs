//! A holder that is well: it answers each question after the same time, with bytes that were made before. It costs as
//! little as a server can, so that what is measured is whoever asks it.

use crate::server::{Mode, certificate};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use sluis_tests::ask::BSN;
use std::collections::HashMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// What a holder has, and how it answers.
#[derive(Debug, Clone, Copy)]
pub struct Has {
    /// Resources of one type, for one person.
    pub entries: usize,
    /// Bytes of the page that holds them, about.
    pub bytes: usize,
    /// How long each answer takes.
    pub after: Duration,
    /// Whether HTTP/2 is offered.
    pub h2: bool,
}

/// A holder on loopback.
pub struct Holder {
    /// Its base address.
    pub url: String,
    /// The authority of its certificate.
    pub ca_pem: String,
    /// Its port.
    pub port: u16,
    connections: Arc<AtomicUsize>,
}

/// The type that a holder has something of; of the others that it knows it has none.
pub const FULL: &str = "AllergyIntolerance";
const EMPTY: &[&str] =
    &["Condition", "MedicationRequest", "Observation", "Procedure", "Immunization", "CarePlan", "Flag"];

impl Holder {
    /// Starts one on this runtime.
    pub fn start(runtime: &tokio::runtime::Runtime, has: Has, bsn: &str) -> Self {
        let (mut tls, ca_pem) = certificate(Mode::Well);
        let offered: &[&[u8]] = if has.h2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        tls.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
        let tls = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("https://localhost:{port}/fhir");
        let pages = Arc::new(pages(&url, has, bsn));
        let connections: Arc<AtomicUsize> = Arc::default();
        let counted = Arc::clone(&connections);
        runtime.spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                counted.fetch_add(1, Relaxed);
                let (tls, pages) = (tls.clone(), Arc::clone(&pages));
                tokio::spawn(async move {
                    let _hurried = tcp.set_nodelay(true);
                    let Ok(stream) = tls.accept(tcp).await else { return };
                    let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    let service = service_fn(move |request| answer(Arc::clone(&pages), has.after, request));
                    let io = TokioIo::new(stream);
                    let _ended = if h2 {
                        let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                        served.serve_connection(io, service).await
                    } else {
                        hyper::server::conn::http1::Builder::new().serve_connection(io, service).await
                    };
                });
            }
        });
        Self { url, ca_pem, port, connections }
    }

    /// The endpoint as an operator registers it.
    pub fn endpoint(&self) -> Value {
        json!({"url": self.url, "ca_pem": self.ca_pem, "networks": ["127.0.0.0/8", "::1/128"]})
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> usize {
        self.connections.load(Relaxed)
    }

    /// Writes its authority where a client may read it.
    pub fn keep_authority(&self, path: &Path) {
        std::fs::write(path, &self.ca_pem).unwrap();
    }
}

async fn answer(
    pages: Arc<HashMap<String, Bytes>>,
    after: Duration,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let _form = request.into_body().collect().await;
    if !after.is_zero() {
        tokio::time::sleep(after).await;
    }
    let answered = match pages.get(&path) {
        Some(page) => Response::builder()
            .header("content-type", "application/fhir+json")
            .body(Full::new(page.clone()))
            .unwrap(),
        None => Response::builder().status(404).body(Full::default()).unwrap(),
    };
    Ok(answered)
}

fn pages(base: &str, has: Has, bsn: &str) -> HashMap<String, Bytes> {
    let patient = json!({"resourceType": "Patient", "id": "p1", "birthDate": "1942-06-16",
        "identifier": [{"system": BSN, "value": bsn}], "name": [{"family": "Jansen"}]});
    let size = has.bytes / has.entries.max(1);
    let full: Vec<Value> = (0..has.entries).map(|number| allergy(number, size)).collect();
    let types = [&["Patient", FULL], EMPTY].concat();
    let mut pages = HashMap::from([
        ("/metadata".to_owned(), statement(&types)),
        ("/Patient/_search".to_owned(), searchset(base, &[patient])),
        (format!("/{FULL}"), searchset(base, &full)),
    ]);
    pages.extend(EMPTY.iter().map(|name| (format!("/{name}"), searchset(base, &[]))));
    pages.into_iter().map(|(path, page)| (format!("/fhir{path}"), page.to_string().into())).collect()
}

/// An allergy whose entry takes about so many bytes, of members that are released and of members that are not.
fn allergy(number: usize, bytes: usize) -> Value {
    let mut one = json!({"resourceType": "AllergyIntolerance", "id": format!("a{number}"),
        "meta": {"lastUpdated": "2026-11-01T10:00:00Z"}, "patient": {"reference": "Patient/p1"},
        "clinicalStatus": {"coding": [{"code": "active",
            "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"}]},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": (91_935_009 + number).to_string(),
            "display": "Allergie"}]}});
    let about = one.to_string().len() + ENVELOPE;
    if let Some(rest) = bytes.checked_sub(about + r#","note":[{"text":""}]"#.len()) {
        one["note"] = json!([{"text": "n".repeat(rest)}]);
    }
    one
}

/// Bytes of an entry around its resource, about.
const ENVELOPE: usize = 110;

fn statement(types: &[&str]) -> Value {
    let resource = |name: &&str| {
        let by = if *name == "Patient" { "identifier" } else { "patient" };
        json!({"type": name, "interaction": [{"code": "search-type"}, {"code": "read"}],
            "searchParam": [{"name": by, "type": "token"}]})
    };
    json!({"resourceType": "CapabilityStatement", "status": "active", "date": "2026-01-01", "kind": "instance",
        "fhirVersion": "4.0.1", "format": ["json"],
        "rest": [{"mode": "server", "resource": types.iter().map(resource).collect::<Vec<_>>()}]})
}

fn searchset(base: &str, resources: &[Value]) -> Value {
    let entry = |one: &Value| {
        let url = format!("{base}/{}/{}", one["resourceType"].as_str().unwrap(), one["id"].as_str().unwrap());
        json!({"fullUrl": url, "resource": one, "search": {"mode": "match"}})
    };
    json!({"resourceType": "Bundle", "type": "searchset", "total": resources.len(),
        "entry": resources.iter().map(entry).collect::<Vec<_>>()})
}
