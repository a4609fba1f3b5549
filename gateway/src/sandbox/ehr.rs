//! `sluis demo --remote`: a holder's own FHIR server, as a process of its own, over TLS with a certificate of its own.
//!
//! It knows the persons of the region that this holder has data of, and nothing of the gateway: metadata, the search of a
//! Patient by identifier, searches by patient, reads. Whoever shows another certificate than the gateway's gets nothing.

use super::pki;
use super::region::{Holding, Region};
use super::seed;
use crate::boot::BootError;
use crate::cli::{Ended, HolderServer};
use crate::clock::Clock;
use crate::limits::FloodCounts;
use crate::listen::{Caps, Listener, MutualTls, Peer, Transport, shutdown};
use crate::trust::{Fingerprint, Trust, TrustCell};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use fhir_mappings::grammar::form_pairs;
use http::{Method, StatusCode, header};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// The servers of all holders, for as long as this lives: each ends when its standard input does.
pub(super) struct Servers(Vec<(String, Child)>);

impl Servers {
    /// Starts one for each holder, and says where each listens.
    pub(super) fn start(
        dir: &Path,
        holders: &[String],
    ) -> Result<(Self, Vec<(String, SocketAddr)>), BootError> {
        let failed = |e: std::io::Error| BootError(format!("a holder's server: {e}"));
        let program = std::env::current_exe().map_err(failed)?;
        let mut servers = Self(Vec::new());
        for holder in holders {
            let child = Command::new(&program)
                .args(["holder-server", "--holder", holder, "--dir"])
                .arg(dir)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .map_err(failed)?;
            servers.0.push((holder.clone(), child));
        }
        let mut places = Vec::new();
        for (holder, child) in &mut servers.0 {
            let mut line = String::new();
            if let Some(said) = child.stdout.take() {
                BufReader::new(said).read_line(&mut line).map_err(failed)?;
            }
            let place = line.trim().parse();
            let place = place.map_err(|_| BootError(format!("the server of {holder} did not start")))?;
            places.push((holder.clone(), place));
        }
        Ok((servers, places))
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for (holder, child) in &mut self.0 {
            drop(child.stdin.take());
            if child.wait().is_err() {
                tracing::warn!(holder, "a holder's server did not end");
            }
        }
    }
}

/// Runs one holder's server until standard input ends.
pub(crate) fn run(args: &HolderServer) -> Ended {
    match serve(&args.dir, &args.holder) {
        Ok(()) => Ended::Well,
        Err(e) => Ended::Failed(format!("{}: {e}", args.holder)),
    }
}

fn serve(dir: &Path, holder: &str) -> Result<(), BootError> {
    let failed = |what: &'static str| move |e: &dyn std::fmt::Display| BootError(format!("{what}: {e}"));
    let region = seed::region(seed::first_start(dir, &Clock::sandbox(0))?)?;
    let pki = dir.join("pki");
    let gateway = CertificateDer::from_pem_file(pki.join("gateway/cert.pem"))
        .map_err(|e| failed("the gateway's certificate")(&e))?;
    let (identity, authorities) = pki::holder_faces(&pki, holder)?;
    let trust = Arc::new(TrustCell::new(Trust::empty()));
    let mutual = MutualTls::new(identity, authorities, trust).map_err(|e| failed("TLS")(&e))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| failed("the runtime")(&e))?;
    runtime.block_on(async move {
        let transport = Transport::Mutual(Arc::new(mutual));
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Listener::bind(loopback, transport, Caps::default(), FloodCounts::default()).await;
        let listener = listener.map_err(|e| failed("the listener")(&e))?;
        let place = listener.address().map_err(|e| failed("the listener")(&e))?;
        let held = Arc::new(Held::of(&region, holder, place, Fingerprint::of_der(&gateway)));
        let mut out = std::io::stdout().lock();
        writeln!(out, "{place}").and_then(|()| out.flush()).map_err(|e| failed("standard output")(&e))?;
        drop(out);
        let (end, ended) = shutdown();
        std::thread::spawn(move || {
            // Also when whoever started us was killed: then the other end is closed for us.
            let _read = std::io::stdin().read_to_end(&mut Vec::new()).is_ok();
            end.send();
        });
        let router = Router::new().fallback(move |request: Request| {
            let held = Arc::clone(&held);
            async move { held.answer(request).await }
        });
        listener.serve(router, ended).await;
        Ok(())
    })
}

/// What this holder has.
struct Held {
    base: String,
    gateway: Fingerprint,
    /// Per person: everything written about them, the Patient first.
    persons: Vec<Vec<Value>>,
}

impl Held {
    fn of(region: &Region, holder: &str, place: SocketAddr, gateway: Fingerprint) -> Self {
        let own = region.holdings.iter().filter(|holding: &&Holding| holding.holder == holder);
        let persons = own.map(|holding| holding.resources.clone()).collect();
        Self { base: format!("https://{place}/fhir"), gateway, persons }
    }

    async fn answer(&self, request: Request) -> Response {
        let known = request.extensions().get::<Peer>().is_some_and(|peer| peer.fingerprint() == self.gateway);
        if !known {
            return said(StatusCode::FORBIDDEN, &outcome("forbidden"));
        }
        let (head, body) = request.into_parts();
        let Some(path) = head.uri.path().strip_prefix("/fhir/") else {
            return said(StatusCode::NOT_FOUND, &outcome("not-found"));
        };
        let parts: Vec<&str> = path.split('/').collect();
        let query = form_pairs(head.uri.query().unwrap_or_default()).unwrap_or_default();
        match (&head.method, parts.as_slice()) {
            (&Method::GET, ["metadata"]) => said(StatusCode::OK, &self.statement()),
            (&Method::POST, ["Patient", "_search"]) => {
                let body = http_body_util::BodyExt::collect(body).await.map(|whole| whole.to_bytes());
                let text =
                    body.ok().and_then(|bytes| String::from_utf8(bytes.to_vec()).ok()).unwrap_or_default();
                let form = form_pairs(&text).unwrap_or_default();
                said(StatusCode::OK, &self.patients(&form))
            }
            (&Method::GET, [resource]) => said(StatusCode::OK, &self.search(resource, &query)),
            (&Method::GET, [resource, id]) => match self.all().find(|one| is(one, resource, id)) {
                Some(found) => said(StatusCode::OK, found),
                None => said(StatusCode::NOT_FOUND, &outcome("not-found")),
            },
            _ => said(StatusCode::METHOD_NOT_ALLOWED, &outcome("not-supported")),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Value> {
        self.persons.iter().flatten()
    }

    fn patients(&self, form: &[(String, String)]) -> Value {
        let wanted = form.iter().find(|(name, _)| name == "identifier").map(|(_, value)| value.as_str());
        let (system, value) = wanted.and_then(|wanted| wanted.split_once('|')).unwrap_or_default();
        let bears = |patient: &&Vec<Value>| {
            let numbers = patient.first().and_then(|p| p.get("identifier")).and_then(Value::as_array);
            numbers.into_iter().flatten().any(|n| text(n, "system") == system && text(n, "value") == value)
        };
        let found = self.persons.iter().filter(bears);
        let pages = found.map(|person| {
            let matches: Vec<&Value> = person.first().into_iter().collect();
            let along = self.along(&matches, person, form);
            (matches, along)
        });
        self.searchset(pages.collect())
    }

    fn search(&self, resource: &str, query: &[(String, String)]) -> Value {
        let wanted = query.iter().find(|(name, _)| name == "patient").map(|(_, value)| value.as_str());
        let wanted = wanted.map(|id| id.strip_prefix("Patient/").unwrap_or(id)).unwrap_or_default();
        let person =
            self.persons.iter().find(|person| person.first().is_some_and(|p| is(p, "Patient", wanted)));
        let Some(person) = person else { return self.searchset(Vec::new()) };
        let kinds = query.iter().find(|(name, _)| name == "category").map(|(_, value)| value.as_str());
        let matches: Vec<&Value> = person
            .iter()
            .filter(|one| text(one, "resourceType") == resource)
            .filter(|one| kinds.is_none_or(|kinds| is_of(one, kinds)))
            .collect();
        let along = self.along(&matches, person, query);
        self.searchset(vec![(matches, along)])
    }

    /// What the matches refer to, where an include was asked.
    fn along<'h>(
        &self,
        matches: &[&Value],
        person: &'h [Value],
        query: &[(String, String)],
    ) -> Vec<&'h Value> {
        if !query.iter().any(|(name, _)| name == "_include") {
            return Vec::new();
        }
        let named: String = matches.iter().map(|one| one.to_string()).collect();
        let about_nobody = |one: &&Value| ALONG.contains(&text(one, "resourceType"));
        let referred =
            |one: &&Value| named.contains(&format!("\"{}/{}\"", text(one, "resourceType"), text(one, "id")));
        person.iter().filter(about_nobody).filter(referred).collect()
    }

    fn searchset(&self, pages: Vec<(Vec<&Value>, Vec<&Value>)>) -> Value {
        let entry = |one: &Value, mode: &str| {
            json!({"fullUrl": format!("{}/{}/{}", self.base, text(one, "resourceType"), text(one, "id")),
                "resource": one, "search": {"mode": mode}})
        };
        let total: usize = pages.iter().map(|(matches, _)| matches.len()).sum();
        let entries: Vec<Value> = pages
            .iter()
            .flat_map(|(matches, along)| {
                let matches = matches.iter().map(|one| entry(one, "match"));
                matches.chain(along.iter().map(|one| entry(one, "include"))).collect::<Vec<_>>()
            })
            .collect();
        json!({"resourceType": "Bundle", "type": "searchset", "total": total, "entry": entries})
    }

    fn statement(&self) -> Value {
        let search = |name: &str| {
            let by = if name == "Patient" { "identifier" } else { "patient" };
            // By category where the rest of the type would be nobody's business.
            let by_category = (name == "Consent").then(|| json!({"name": "category", "type": "token"}));
            let by = json!({"name": by, "type": "token"});
            json!({"type": name, "interaction": [{"code": "read"}, {"code": "search-type"}],
                "searchParam": std::iter::once(by).chain(by_category).collect::<Vec<_>>(), "searchInclude": ["*"]})
        };
        let read = |name: &&str| json!({"type": name, "interaction": [{"code": "read"}]});
        let mut types: Vec<&str> = self.all().map(|one| text(one, "resourceType")).collect();
        types.sort_unstable();
        types.dedup();
        let open = types.iter().filter(|name| !ALONG.contains(name)).map(|name| search(name));
        let resources: Vec<Value> = open.chain(ALONG.iter().map(read)).collect();
        json!({"resourceType": "CapabilityStatement", "status": "active", "date": "2026-11-25", "kind": "instance",
            "fhirVersion": "4.0.1", "format": ["application/fhir+json"],
            "implementation": {"description": "a holder of the sandbox", "url": self.base},
            "rest": [{"mode": "server", "resource": resources}]})
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn is(value: &Value, resource: &str, id: &str) -> bool {
    text(value, "resourceType") == resource && text(value, "id") == id
}

/// Whether it is of one of these kinds: `system|code`, with commas between.
fn is_of(one: &Value, kinds: &str) -> bool {
    let categories = one.get("category").and_then(Value::as_array).into_iter().flatten();
    let mut codings = categories.filter_map(|kind| kind.get("coding").and_then(Value::as_array)).flatten();
    codings.any(|coding| {
        let token = format!("{}|{}", text(coding, "system"), text(coding, "code"));
        kinds.split(',').any(|kind| kind == token)
    })
}

fn outcome(code: &str) -> Value {
    json!({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code}]})
}

fn said(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/fhir+json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

const ALONG: &[&str] =
    &["Medication", "Device", "Organization", "Practitioner", "PractitionerRole", "Location"];
