//! Commands that ask the exchange as an EHR does: certificate, signed assertion, token, request. For sandboxes, whose
//! `region.json` and `pki/` hold what an EHR would have of its own.

use super::args::{As, Send, Summary, Token};
use super::{Ended, files, print};
use crate::control::{Command, Frame, call};
use bytes::Bytes;
use fhir_mappings::identifiers::{Identifier, KnownSystem};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpStream;

type Done<T> = Result<T, Ended>;

fn failed(words: impl Into<String>) -> Ended {
    Ended::Failed(words.into())
}

pub(super) fn token(args: &Token) -> Ended {
    let done = || -> Done<()> {
        let sandbox = Sandbox::read(&args.asker.dir.dir)?;
        let patient = args.patient.as_deref().map(files::value).transpose()?;
        let asker = sandbox.asker(&args.asker, patient.as_deref(), args.scope.as_deref())?;
        let granted = run(async { asker.connect().await?.token(&asker).await })?;
        if args.asker.json {
            print::out(&granted);
        } else {
            print::out(granted.get("access_token").and_then(Value::as_str).unwrap_or_default());
        }
        Ok(())
    };
    done().map_or_else(|ended| ended, |()| Ended::Well)
}

pub(super) fn summary(args: &Summary) -> Ended {
    let done = || -> Done<Answer> {
        let sandbox = Sandbox::read(&args.asker.dir.dir)?;
        let patient = files::value(&args.patient)?;
        let asker = sandbox.asker(&args.asker, Some(&patient), None)?;
        let birth_date = args.birthdate.clone().or_else(|| sandbox.birth_date(&patient));
        run(async {
            let mut exchange = asker.connect().await?;
            let token = exchange.access(&asker).await?;
            let found = exchange.find(&token, &patient, birth_date.as_deref()).await?;
            let Some(id) = found.id else { return Ok(found.answer) };
            exchange.request(&token, "GET", &format!("/fhir/Patient/{id}/$summary"), &[], None).await
        })
    };
    shown(done(), false)
}

pub(super) fn send(args: &Send) -> Ended {
    if !args.path.starts_with("/fhir") {
        return Ended::Usage("the path starts with /fhir".into());
    }
    let done = || -> Done<Answer> {
        let sandbox = Sandbox::read(&args.asker.dir.dir)?;
        let patient = args.patient.as_deref().map(files::value).transpose()?;
        let body = args.body.as_deref().map(files::bytes).transpose()?;
        let asker = sandbox.asker(&args.asker, patient.as_deref(), None)?;
        let birth_date = args.birthdate.clone().or_else(|| sandbox.birth_date(patient.as_deref()?));
        let headers: Vec<(String, String)> = args
            .headers
            .iter()
            .filter_map(|h| h.split_once(':').map(|(n, v)| (n.trim().to_owned(), v.trim().to_owned())))
            .collect();
        run(async {
            let mut exchange = asker.connect().await?;
            let token = exchange.access(&asker).await?;
            let (mut path, mut body) = (args.path.clone(), body);
            let text = body.as_ref().map(|b| String::from_utf8_lossy(b).into_owned()).unwrap_or_default();
            if let Some(patient) = patient.as_deref().filter(|_| path.contains(MARK) || text.contains(MARK)) {
                let found = exchange.find(&token, patient, birth_date.as_deref()).await?;
                let Some(id) = found.id else { return Ok(found.answer) };
                path = path.replace(MARK, &id);
                if text.contains(MARK) {
                    body = Some(text.replace(MARK, &id).into_bytes());
                }
            }
            exchange.request(&token, &args.method, &path, &headers, body).await
        })
    };
    shown(done(), args.include)
}

const MARK: &str = "{patient}";

fn shown(answer: Done<Answer>, include: bool) -> Ended {
    match answer {
        Ok(answer) => {
            if include {
                print::out(format_args!("HTTP {}", answer.status));
                for (name, value) in &answer.headers {
                    print::out(format_args!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
                }
                print::out("");
            }
            print::out(String::from_utf8_lossy(&answer.body));
            if answer.status < 400 { Ended::Well } else { Ended::Refused }
        }
        Err(ended) => ended,
    }
}

fn run<T>(work: impl Future<Output = Done<T>>) -> Done<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| failed(e.to_string()))?.block_on(work)
}

/// A sandbox's folder, as an outsider reads it.
struct Sandbox {
    dir: PathBuf,
    region: Value,
}

/// Somebody who asks, with everything an EHR has of its own.
struct Asker {
    exchange: String,
    ca: Vec<u8>,
    certificate: Vec<u8>,
    key: Vec<u8>,
    jwk: Value,
    client: String,
    audience: String,
    scope: Option<String>,
    extensions: Value,
    /// What time it is where the exchange lives.
    now: jiff::Timestamp,
}

impl Sandbox {
    fn read(dir: &Path) -> Done<Self> {
        let file = dir.join("region.json");
        let text = std::fs::read(&file).map_err(|e| failed(format!("{}: {e}", file.display())))?;
        let region = serde_json::from_slice(&text).map_err(|e| failed(format!("{}: {e}", file.display())))?;
        Ok(Self { dir: dir.to_owned(), region })
    }

    /// A sandbox's clock may stand elsewhere than ours.
    fn now(&self) -> jiff::Timestamp {
        let mut told = None;
        let asked = call(&self.dir, &Command::Clock { forward: None }, |frame| {
            if let Frame::Out(line) = frame {
                told = line.parse().ok();
            }
        });
        asked.ok().and(told).unwrap_or_else(jiff::Timestamp::now)
    }

    fn list(&self, name: &str) -> &[Value] {
        self.region.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn by(&self, list: &str, member: &str, value: &str) -> Option<&Value> {
        self.list(list).iter().find(|v| text(v, member) == value)
    }

    fn birth_date(&self, patient: &str) -> Option<String> {
        let value = patient.rsplit('|').next().unwrap_or(patient);
        self.by("patients", "bsn", value).map(|p| text(p, "birthDate"))
    }

    fn asker(&self, who: &As, patient: Option<&str>, scope: Option<&str>) -> Done<Asker> {
        let (participant, person) = self.resolve(who)?;
        let staff = self.list("people").iter().filter(|p| text(p, "participant") == text(participant, "id"));
        let named = person.clone().or_else(|| who.person.clone());
        let staff = match &named {
            Some(id) => self.by("people", "id", id),
            None => staff.clone().next(),
        };
        let first = |list: &Value, name: &str| {
            let first = list.get(name).and_then(Value::as_array).and_then(|l| l.first());
            first.map(|v| v.as_str().map_or_else(|| text(v, "code"), str::to_owned))
        };
        let purpose = match (&who.purpose, &who.reason) {
            (Some(purpose), _) => purpose.clone(),
            // An officer has one purpose.
            (None, None) if who.participant.starts_with("officer:") => "HCOMPL".to_owned(),
            // A reason breaks the glass, and only this purpose goes with it.
            (None, Some(_)) => "ETREAT".to_owned(),
            (None, None) => first(participant, "purposes")
                .ok_or_else(|| failed("this participant has no purpose: it cannot ask"))?,
        };
        let own = purpose == "PATRQT";
        let function = who
            .function
            .clone()
            .or_else(|| staff.and_then(|p| first(p, "functions")))
            .or_else(|| first(participant, "functions"))
            .filter(|_| !own && purpose != "HCOMPL");
        let identifier = participant.get("identifier").cloned().unwrap_or_default();
        let mut b2b = json!({
            "version": "1",
            "organization_id": format!("{}#{}", text(&identifier, "system"), text(&identifier, "value")),
            "organization_name": text(participant, "name"),
            "purpose_of_use": [format!("urn:oid:2.16.840.1.113883.5.8#{purpose}")],
        });
        let subject = match (staff, &named, own) {
            (_, Some(id), true) => json!({"subject_id": format!("urn:sluis:person#{id}")}),
            (Some(staff), _, _) => {
                let role = staff.get("role").cloned().unwrap_or_default();
                json!({
                    "subject_id": format!("urn:sluis:person#{}", text(staff, "id")),
                    "subject_name": text(staff, "name"),
                    "subject_role": format!("{}#{}", text(&role, "system"), text(&role, "code")),
                })
            }
            (None, Some(id), false) => {
                json!({"subject_id": format!("urn:sluis:person#{id}")})
            }
            (None, None, _) => json!({}),
        };
        merge(&mut b2b, &subject);
        let mut sluis = json!({});
        if let Some(function) = &function {
            merge(&mut sluis, &json!({"function": function}));
        }
        if let Some(reason) = &who.reason {
            let patient =
                patient.ok_or_else(|| failed("--reason breaks the glass for one person: give --patient"))?;
            let responsible = self.responsible(participant);
            merge(
                &mut sluis,
                &json!({"break-glass": {
                    "patient": full_identifier(patient),
                    "reason_code": who.reason_code,
                    "reason_text": reason,
                    "could_not_be_asked": true,
                }}),
            );
            if let Some(responsible) = responsible {
                merge(&mut sluis, &json!({"responsible": format!("urn:sluis:person#{responsible}")}));
            }
        }
        self.equip(participant, scope, json!({"hl7-b2b": b2b, "sluis": sluis}))
    }

    /// `patient:ID` goes through the person's app, `officer:ID` is a login's user at its participant.
    fn resolve(&self, who: &As) -> Done<(&Value, Option<String>)> {
        let unknown = |what: &str| failed(format!("region.json knows no {what}"));
        match who.participant.split_once(':') {
            Some(("patient", id)) => {
                let app = self.list("participants").iter().find(|p| {
                    p.get("purposes")
                        .and_then(Value::as_array)
                        .is_some_and(|l| l.iter().any(|v| v == "PATRQT"))
                });
                Ok((app.ok_or_else(|| unknown("app of the person"))?, Some(id.to_owned())))
            }
            Some(("officer", user)) => {
                let login = self.by("logins", "user", user).ok_or_else(|| unknown("such login"))?;
                let participant = self.by("participants", "id", &text(login, "participant"));
                Ok((participant.ok_or_else(|| unknown("participant of this login"))?, Some(user.to_owned())))
            }
            _ => {
                let participant = self.by("participants", "id", &who.participant);
                Ok((participant.ok_or_else(|| unknown("such participant"))?, None))
            }
        }
    }

    /// A triagist acts for a named doctor: in the sandbox the doctor of the out-of-hours post.
    fn responsible(&self, participant: &Value) -> Option<String> {
        let functions = participant.get("functions").and_then(Value::as_array)?;
        let triage = functions.iter().any(|f| f == "triage" || text(f, "code") == "triage");
        let doctor = self.list("people").iter().find(|p| {
            p.get("functions")
                .and_then(Value::as_array)
                .is_some_and(|l| l.iter().any(|f| f == "gp-out-of-hours"))
        });
        doctor.filter(|_| triage).map(|p| text(p, "id"))
    }

    fn equip(&self, participant: &Value, scope: Option<&str>, extensions: Value) -> Done<Asker> {
        let read = |member: &str| {
            let path = self.dir.join(text(participant, member));
            std::fs::read(&path).map_err(|e| failed(format!("{}: {e}", path.display())))
        };
        let exchange = self.region.get("exchange").and_then(Value::as_str).unwrap_or_default().to_owned();
        let audience = match text(participant, "audience").as_str() {
            "fapi" => exchange.clone(),
            _ => format!("{exchange}/oauth/token"),
        };
        let ca = self.dir.join("pki").join("ca.pem");
        Ok(Asker {
            ca: std::fs::read(&ca).map_err(|e| failed(format!("{}: {e}", ca.display())))?,
            certificate: read("certificate")?,
            key: read("key")?,
            jwk: serde_json::from_slice(&read("jwk")?).map_err(|e| failed(format!("jwk.json: {e}")))?,
            client: text(participant, "id"),
            audience,
            scope: scope.map(str::to_owned).or_else(|| {
                let scopes = participant.get("scopes").and_then(Value::as_array)?;
                Some(scopes.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "))
            }),
            exchange,
            extensions,
            now: self.now(),
        })
    }
}

fn text(value: &Value, member: &str) -> String {
    value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn merge(into: &mut Value, from: &Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from.clone());
    }
}

/// `system|value`; nine digits are a BSN.
fn full_identifier(patient: &str) -> String {
    if patient.contains('|') { patient.to_owned() } else { format!("{}|{patient}", KnownSystem::Bsn.uri()) }
}

impl Asker {
    fn assertion(&self) -> Done<String> {
        use jsonwebtoken::{Algorithm, EncodingKey, Header};
        let bad = || failed("jwk.json is no private ES256 key");
        let now = self.now.as_second();
        let claims = json!({
            "iss": self.client, "sub": self.client, "aud": self.audience,
            "jti": uuid::Uuid::new_v4().to_string(), "iat": now, "exp": now + 240,
            "extensions": self.extensions,
        });
        let mut header = Header::new(Algorithm::ES256);
        header.kid = self.jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
        let der = certs_dev::pkcs8_der(&self.jwk).map_err(|_| bad())?;
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ec_der(&der)).map_err(|_| bad())
    }

    async fn connect(&self) -> Done<Exchange> {
        let url: http::Uri = self.exchange.parse().map_err(|_| failed("region.json: no exchange URL"))?;
        let (host, port) = (url.host().unwrap_or("127.0.0.1").to_owned(), url.port_u16().unwrap_or(443));
        let mut roots = rustls::RootCertStore::empty();
        for ca in CertificateDer::pem_slice_iter(&self.ca) {
            let ca = ca.map_err(|_| failed("pki/ca.pem is no certificate"))?;
            roots.add(ca).map_err(|_| failed("pki/ca.pem is no certificate"))?;
        }
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.map_err(|_| failed("cert.pem is no certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| failed("key.pem is no key"))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|e| failed(e.to_string()))?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(|e| failed(e.to_string()))?;
        let name = ServerName::try_from(host.clone()).map_err(|_| failed("region.json: no exchange host"))?;
        let unreachable = |e: std::io::Error| failed(format!("{} does not answer: {e}", self.exchange));
        let tcp = TcpStream::connect((host.as_str(), port)).await.map_err(unreachable)?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let tls = connector.connect(name, tcp).await.map_err(unreachable)?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls))
            .await
            .map_err(|e| failed(format!("{}: {e}", self.exchange)))?;
        tokio::spawn(async move {
            if let Err(e) = connection.await {
                tracing::debug!(error = %e, "the connection ended");
            }
        });
        Ok(Exchange { sender, host: format!("{host}:{port}") })
    }
}

/// A connection to the exchange.
struct Exchange {
    sender: hyper::client::conn::http1::SendRequest<Full<Bytes>>,
    host: String,
}

/// An answer of the exchange.
struct Answer {
    status: u16,
    headers: http::HeaderMap,
    body: Bytes,
}

/// What a look-up gave.
struct Found {
    id: Option<String>,
    answer: Answer,
}

impl Exchange {
    async fn exchange(&mut self, request: http::request::Builder, body: Vec<u8>) -> Done<Answer> {
        let request = request.header(http::header::HOST, &self.host);
        let request = request.body(Full::new(Bytes::from(body))).map_err(|e| Ended::Usage(e.to_string()))?;
        let response = self.sender.send_request(request).await.map_err(|e| failed(e.to_string()))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|e| failed(e.to_string()))?.to_bytes();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    async fn token(&mut self, asker: &Asker) -> Done<Value> {
        let form = [
            ("grant_type", "client_credentials".to_owned()),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned()),
            ("client_assertion", asker.assertion()?),
            ("scope", asker.scope.clone().unwrap_or_default()),
        ];
        let request = http::Request::post("/oauth/token")
            .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = self.exchange(request, form_of(&form).into_bytes()).await?;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status == 200 {
            return Ok(body);
        }
        let words = [text(&body, "error"), text(&body, "error_description")].join(": ");
        Err(failed(format!("no token ({}): {words}", answer.status)))
    }

    async fn access(&mut self, asker: &Asker) -> Done<String> {
        Ok(text(&self.token(asker).await?, "access_token"))
    }

    /// The only way in: a look-up by form.
    async fn find(&mut self, token: &str, patient: &str, birth_date: Option<&str>) -> Done<Found> {
        let identifier = full_identifier(patient);
        let (system, value) = identifier.split_once('|').unwrap_or_default();
        if Identifier::new(system, value).is_none() {
            return Err(Ended::Usage("a patient is a BSN, or system|value".into()));
        }
        let mut form = vec![("identifier", identifier.clone())];
        form.extend(birth_date.map(|date| ("birthdate", date.to_owned())));
        let headers = [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
        let body = Some(form_of(&form).into_bytes());
        let answer = self.request(token, "POST", "/fhir/Patient/_search", &headers, body).await?;
        let bundle: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let id = bundle.pointer("/entry/0/resource/id").and_then(Value::as_str).map(str::to_owned);
        Ok(Found { id: id.filter(|_| answer.status == 200), answer })
    }

    async fn request(
        &mut self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: Option<Vec<u8>>,
    ) -> Done<Answer> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(path.replace('|', "%7C").replace(' ', "%20"))
            .header(http::header::AUTHORIZATION, format!("Bearer {token}"));
        let has = |name: &str| headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        if body.is_some() && !has("content-type") {
            let media = if path.ends_with("_search") {
                "application/x-www-form-urlencoded"
            } else {
                "application/fhir+json"
            };
            request = request.header(http::header::CONTENT_TYPE, media);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        self.exchange(request, body.unwrap_or_default()).await
    }
}

fn form_of(pairs: &[(&str, String)]) -> String {
    let encode = |text: &str| {
        let mut out = String::with_capacity(text.len());
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
        out
    };
    pairs.iter().map(|(n, v)| format!("{n}={}", encode(v))).collect::<Vec<_>>().join("&")
}
