//! A holder's server as it may be met: well, slow, wrong, hostile. It keeps what it was asked.

use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use sluis_tests::ask::BSN;
use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Well,
    /// Three pages for each search.
    Paged,
    /// Packs what it sends.
    Packed,
    /// Narrative, attributes and words with markup in them.
    Markup,
    /// Never answers a search.
    Slow,
    /// Answers each search in its own good time, and well.
    Late,
    /// Answers everything about a person well, each after [`PACE`].
    Paced,
    /// Closes each connection.
    Down,
    OtherName,
    Expired,
    NotYet,
    OtherAuthority,
    Says(u16),
    Garbage,
    /// A stranger's resource among the person's.
    Stranger,
    /// Somebody else where the person was asked.
    OtherPatient,
    /// The person's resource that is about another Patient of this server.
    CrossReference,
    /// About the Patient of the same id of another server.
    SameIdElsewhere,
    Endless,
    Drip,
    Bomb,
    /// Of the person a few kB that unpack to 15 MiB, and then nothing more; of [`OTHER`] as it is.
    Swollen,
    Deep,
    Doubled,
    BadText,
    NoSearchset,
    Stu3,
    R5,
    Redirect,
    NextElsewhere,
    NextForEver,
    /// It does not find the person.
    Nobody,
    /// Well about the person; of [`OTHER`] it has what leads elsewhere.
    OneSpoilt,
    /// It knows the number of persons in its other written form only.
    OtherForm,
    /// Its order names the medicine by a whole address, or a version of it.
    WholeMedicine,
    VersionedMedicine,
    /// Its order names a medicine of another server, one that is gone, or one that cannot be read there.
    MedicineElsewhere,
    MedicineGone,
    MedicineUnreadable,
    /// What it refers to comes along with it: a medicine, an aid.
    Along,
    /// It says that nothing but Patient can be searched there.
    PatientsOnly,
    /// It says that there are more matches than it sends.
    Fewer,
    /// Its next page has no address.
    NextNowhere,
    /// It says in the answer that part of it is missing; or only warns of something.
    Partial,
    Warns,
    /// The next page's address holds the person's number, plainly or encoded twice.
    NextNumber,
    NextNumberEncoded,
    /// The person's number is its id there.
    NumberAsId,
    /// The Patient bears the person's number and somebody else's.
    TwoNumbers,
    /// Says where the person lives; and in the second, with a label on another resource, that nobody may be told.
    Lives,
    Hides,
    /// Wants an access token: SMART backend services.
    Smart,
    /// As before; its tokens are said to last for ever.
    SmartForEver,
    /// As before; it says that tokens are given at another host.
    SmartElsewhere,
    /// As before; its token is good for Patients alone, and it says so.
    SmartNarrow,
    /// As before; its token answer is large.
    SmartLarge,
    /// Lets allergies be searched by nobody.
    Denied,
    /// Gives allergies of somebody else for whoever is asked.
    Careless,
    /// Answers this status to `/metadata`.
    Statement(u16),
    /// Does not say which version it speaks.
    NoVersion,
    /// Wants a token that it was told beforehand.
    Bearer,
}

/// A server on loopback.
pub struct Server {
    /// Its base address.
    pub url: String,
    /// The authority of its certificate.
    pub ca_pem: String,
    /// Our keys, as the portal publishes them: what an assertion must be signed with.
    pub client_keys: Arc<Mutex<Value>>,
    asked: Arc<Mutex<Vec<String>>>,
    there: Arc<There>,
    tokens: Arc<Mutex<usize>>,
    /// Whether it has trouble saying what it can (503).
    pub trouble: Arc<AtomicBool>,
    _runtime: tokio::runtime::Runtime,
}

/// How many questions about persons are there now, and were there at once at most.
#[derive(Debug, Default)]
struct There {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// What nobody may see: it stands in what is not the person's, and in what is broken.
pub const MARKER: &str = "MARKER-elsewhere";
/// The medicine that a well server gives, behind a reference.
pub const MEDICINE: &str = "N02BE01";
/// Where the person lives, in [`Mode::Lives`].
pub const STREET: &str = "Elzenstraat 12";
/// The aid that comes along in [`Mode::Along`]: a walking frame.
pub const AID: &str = "404946006";
/// The bearer token of [`Mode::Bearer`].
pub const SECRET: &str = "s3cret-of-the-holder";
/// Another person: [`Mode::OneSpoilt`] has nothing of them that can be used.
pub const OTHER: &str = "999990160";
/// The allergy that a well server gives.
pub const ALLERGY: &str = "91935009";

impl Server {
    /// Starts one that knows the person with this number.
    pub fn start(mode: Mode, bsn: &str) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        // Before anybody waits for it: packing takes longer than a budget on a busy machine.
        match mode {
            Mode::Bomb => drop(bomb()),
            Mode::Swollen => drop(swollen()),
            _ => {}
        }
        let (tls, ca_pem) = certificate(mode);
        let tls = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let place = listener.local_addr().unwrap();
        let url = format!("https://localhost:{}/fhir", place.port());
        let client_keys: Arc<Mutex<Value>> = Arc::default();
        let there: Arc<There> = Arc::default();
        let (tokens, trouble): (Arc<Mutex<usize>>, Arc<AtomicBool>) = Default::default();
        let world = Arc::new(Persona {
            mode,
            bsn: bsn.to_owned(),
            base: url.clone(),
            asked: Arc::clone(&asked),
            client_keys: Arc::clone(&client_keys),
            tokens: Arc::clone(&tokens),
            trouble: Arc::clone(&trouble),
            there: Arc::clone(&there),
        });
        runtime.spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (tls, world) = (tls.clone(), Arc::clone(&world));
                tokio::spawn(async move {
                    if world.mode == Mode::Down {
                        return;
                    }
                    let Ok(stream) = tls.accept(tcp).await else { return };
                    let service = service_fn(move |request| {
                        let world = Arc::clone(&world);
                        async move { Ok::<_, Infallible>(world.answer(request).await) }
                    });
                    let served = hyper::server::conn::http1::Builder::new();
                    let _ended = served.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { url, ca_pem, client_keys, asked, there, tokens, trouble, _runtime: runtime }
    }

    /// The endpoint as an operator registers it.
    pub fn endpoint(&self) -> Value {
        json!({"url": self.url, "ca_pem": self.ca_pem, "networks": ["127.0.0.0/8", "::1/128"], "budget_ms": BUDGET,
            "max_bytes": 2 * 1024 * 1024})
    }

    /// Forgets every token that it gave.
    pub fn revoke(&self) {
        *self.tokens.lock().unwrap() += 1;
    }

    /// How many questions about persons were there at once, at most.
    pub fn most_at_once(&self) -> usize {
        self.there.most.load(Relaxed)
    }

    /// What it was asked: method and target of each request, and the form behind it.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// How long each answer of [`Mode::Paced`] takes.
pub const PACE: Duration = Duration::from_millis(60);
/// Milliseconds that one question may take there.
pub const BUDGET: u64 = 1_500;

/// TLS for a server of this mode, and the authority that vouches for it.
pub fn certificate(mode: Mode) -> (rustls::ServerConfig, String) {
    let authority = || {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Another name than the server's: OpenSSL takes a certificate that names itself as issuer for its own authority.
        params.distinguished_name.push(rcgen::DnType::CommonName, "Some authority");
        let pem = params.self_signed(&key).unwrap().pem();
        (Issuer::new(params, key), pem)
    };
    let (issuer, ca_pem) = authority();
    let name = if mode == Mode::OtherName { "other.example" } else { "localhost" };
    let mut leaf = CertificateParams::new([name.to_owned()]).unwrap();
    let years = |from: i32, to: i32| (rcgen::date_time_ymd(from, 1, 1), rcgen::date_time_ymd(to, 1, 1));
    (leaf.not_before, leaf.not_after) = match mode {
        Mode::Expired => years(2020, 2021),
        Mode::NotYet => years(2090, 2099),
        _ => years(2020, 2099),
    };
    let key = KeyPair::generate().unwrap();
    let signer = if mode == Mode::OtherAuthority { authority().0 } else { issuer };
    let der = leaf.signed_by(&key, &signer).unwrap().der().to_vec();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(der)],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    (tls, ca_pem)
}

/// The certificate of a server at `localhost`, its key and its authority, as files.
pub fn certificate_files(folder: &std::path::Path) {
    let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(rcgen::DnType::CommonName, "A holder's authority");
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let issuer = Issuer::new(ca, ca_key);
    let leaf = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    for (name, text) in [("ca.pem", ca_pem), ("cert.pem", leaf.pem()), ("key.pem", key.serialize_pem())] {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

struct Persona {
    mode: Mode,
    bsn: String,
    base: String,
    asked: Arc<Mutex<Vec<String>>>,
    client_keys: Arc<Mutex<Value>>,
    /// How many tokens were given: only the newest counts.
    tokens: Arc<Mutex<usize>>,
    trouble: Arc<AtomicBool>,
    there: Arc<There>,
}

type Body = BoxBody<Bytes, Infallible>;

fn body(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed()
}

fn json_answer(value: &Value) -> Response<Body> {
    Response::builder().header("content-type", "application/fhir+json").body(body(value.to_string())).unwrap()
}

impl Persona {
    fn is_smart(&self) -> bool {
        matches!(
            self.mode,
            Mode::Smart | Mode::SmartForEver | Mode::SmartElsewhere | Mode::SmartNarrow | Mode::SmartLarge
        )
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, incoming) = request.into_parts();
        let form = incoming.collect().await.map(|whole| whole.to_bytes()).unwrap_or_default();
        let target = head.uri.to_string();
        let said = format!("{} {target} {}", head.method, String::from_utf8_lossy(&form));
        self.asked.lock().unwrap().push(said.trim().to_owned());
        let path = head.uri.path().trim_start_matches("/fhir").to_owned();
        if let Mode::Says(status) = self.mode
            && path != "/metadata"
        {
            let status = StatusCode::from_u16(status).unwrap();
            let text = format!("{MARKER}: a stack trace of ours");
            let mut said = Response::builder().status(status);
            if status == 429 || status == 503 {
                said = said.header("retry-after", "60");
            }
            return said.body(body(text)).unwrap();
        }
        match path.as_str() {
            "/.well-known/smart-configuration" if self.is_smart() => {
                let mut base = self.base.clone();
                if self.mode == Mode::SmartElsewhere {
                    base = base.replace("localhost", "127.0.0.1");
                }
                return json_answer(&json!({"token_endpoint": format!("{base}/token")}));
            }
            "/token" if self.is_smart() => return self.token(&String::from_utf8_lossy(&form)),
            _ => {}
        }
        let shown =
            head.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let wanted = match self.mode {
            _ if self.is_smart() => Some(format!("Bearer token-{}", self.tokens.lock().unwrap())),
            Mode::Bearer => Some(format!("Bearer {SECRET}")),
            _ => None,
        };
        if wanted.is_some_and(|wanted| wanted != shown) {
            return Response::builder().status(401).body(body("")).unwrap();
        }
        if self.mode == Mode::Paced && path != "/metadata" {
            let now = self.there.now.fetch_add(1, Relaxed) + 1;
            self.there.most.fetch_max(now, Relaxed);
            tokio::time::sleep(PACE).await;
            self.there.now.fetch_sub(1, Relaxed);
        }
        match path.as_str() {
            "/metadata" if self.trouble.load(Relaxed) => {
                Response::builder().status(503).body(body("")).unwrap()
            }
            "/metadata" => match self.mode {
                Mode::Statement(status) => {
                    let answer =
                        Response::builder().status(status).header("location", "https://127.0.0.1:9/login");
                    answer.body(body("")).unwrap()
                }
                _ => json_answer(&self.statement()),
            },
            "/Patient/_search" => json_answer(&self.patients(&String::from_utf8_lossy(&form))),
            "/Medication/m1" if self.mode == Mode::MedicineGone => {
                Response::builder().status(410).body(body("")).unwrap()
            }
            "/Medication/m1" => json_answer(&json!({
                "resourceType": "Medication", "id": "m1",
                "code": {"coding": [{"system": "http://www.whocc.no/atc", "code": MEDICINE, "display": "Paracetamol"}]},
            })),
            _ => self.search(&path, head.uri.query().unwrap_or_default()).await,
        }
    }

    /// The token endpoint: RFC 7523 client authentication, judged by the keys that the portal publishes.
    fn token(&self, form: &str) -> Response<Body> {
        let field = |name: &str| form.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        let judged = (|| {
            let assertion = field("client_assertion")?;
            let (signed, signature) = assertion.rsplit_once('.')?;
            let (header, claims) = signed.split_once('.')?;
            let read = |part: &str| -> Option<Value> {
                serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).ok()?).ok()
            };
            let (header, claims) = (read(header)?, read(claims)?);
            let keys = self.client_keys.lock().unwrap().clone();
            let key = keys["keys"].as_array()?.iter().find(|key| key["kid"] == header["kid"])?.clone();
            let decode =
                |name: &str| data_encoding::BASE64URL_NOPAD.decode(key[name].as_str()?.as_bytes()).ok();
            let point = [vec![4], decode("x")?, decode("y")?].concat();
            let key =
                ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_FIXED, point);
            let signature = data_encoding::BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?;
            key.verify(signed.as_bytes(), &signature).ok()?;
            let fits = claims["iss"] == "sluis-here"
                && claims["sub"] == "sluis-here"
                && claims["aud"] == format!("{}/token", self.base)
                && claims["jti"].is_string()
                && field("grant_type")? == "client_credentials"
                && field("scope")? == "system%2F%2A.rs";
            fits.then_some(())
        })();
        if judged.is_none() {
            let refused = json!({"error": "invalid_client"});
            return Response::builder().status(401).body(body(refused.to_string())).unwrap();
        }
        let mut tokens = self.tokens.lock().unwrap();
        *tokens += 1;
        if self.mode == Mode::SmartLarge {
            return Response::new(body(vec![b' '; 100_000]));
        }
        let scope = if self.mode == Mode::SmartNarrow { "system/Patient.rs" } else { "system/*.rs" };
        let lasts = if self.mode == Mode::SmartForEver { u64::MAX } else { 300 };
        json_answer(
            &json!({"access_token": format!("token-{tokens}"), "token_type": "bearer", "expires_in": lasts, "scope": scope}),
        )
    }

    fn statement(&self) -> Value {
        let version = match self.mode {
            Mode::Stu3 => "3.0.2",
            Mode::R5 => "5.0.0",
            Mode::NoVersion => "",
            _ => "4.0.1",
        };
        let search = |name: &str, by: &str| {
            json!({"type": name, "interaction": [{"code": "search-type"}, {"code": "read"}],
                "searchParam": [{"name": by, "type": "token"}]})
        };
        let mut resources = vec![search("Patient", "identifier")];
        if self.mode != Mode::PatientsOnly {
            resources.extend(
                ["AllergyIntolerance", "MedicationRequest", "Observation"].map(|n| search(n, "patient")),
            );
        }
        match self.mode {
            Mode::MedicineUnreadable => {}
            Mode::Along => {
                let mut aids = search("DeviceUseStatement", "patient");
                aids["searchInclude"] = json!(["DeviceUseStatement:device"]);
                resources.push(aids);
                resources[2]["searchInclude"] = json!(["MedicationRequest:medication"]);
            }
            _ => resources.push(json!({"type": "Medication", "interaction": [{"code": "read"}]})),
        }
        json!({"resourceType": "CapabilityStatement", "status": "active", "date": "2026-01-01", "kind": "instance",
        "fhirVersion": version, "format": ["json"], "rest": [{"mode": "server", "resource": resources}]})
    }

    fn patients(&self, form: &str) -> Value {
        let knows_other = matches!(self.mode, Mode::OneSpoilt | Mode::Swollen);
        if knows_other && form.contains(&format!("bsn%7C{OTHER}")) {
            return searchset(&self.base, &[patient("p2", OTHER)]);
        }
        let bsn = if self.mode == Mode::OtherPatient { "999990160" } else { &self.bsn };
        let form_of_number = if self.mode == Mode::OtherForm { "2.16.840.1.113883.2.4.6.3" } else { "bsn" };
        let asked = form.contains(&format!("{form_of_number}%7C{bsn}")) && self.mode != Mode::Nobody;
        if self.mode != Mode::OtherPatient && !asked {
            return searchset(&self.base, &[]);
        }
        let mut person = patient(if self.mode == Mode::NumberAsId { bsn } else { "p1" }, bsn);
        if self.mode == Mode::TwoNumbers {
            let other = json!({"system": BSN, "value": "999990160"});
            person["identifier"].as_array_mut().expect("numbers").push(other);
        }
        let mut found = searchset(&self.base, &[person]);
        if matches!(self.mode, Mode::Lives | Mode::Hides) {
            let address =
                json!([{"use": "home", "line": [STREET], "city": "Heuvelrijk", "postalCode": "9044 EF"}]);
            found["entry"][0]["resource"]["address"] = address;
        }
        let named = match self.mode {
            Mode::NextNumber => format!("identifier=x%7C{bsn}"),
            Mode::NextNumberEncoded => format!("x=%2539{}", &bsn[1..]),
            _ => return found,
        };
        found["link"] = json!([{"relation": "next", "url": format!("{}/Patient?{named}", self.base)}]);
        found
    }

    async fn search(&self, path: &str, query: &str) -> Response<Body> {
        let page = query.split('&').find_map(|pair| pair.strip_prefix("page="));
        if self.mode == Mode::Late {
            tokio::time::sleep(Duration::from_millis(600)).await;
        }
        if matches!(self.mode, Mode::Denied | Mode::SmartNarrow) && path == "/AllergyIntolerance" {
            return Response::builder().status(403).body(body("")).unwrap();
        }
        if query.contains("sluis-nobody") && self.mode != Mode::Careless {
            return json_answer(&searchset(&self.base, &[]));
        }
        match self.mode {
            Mode::Slow => {
                tokio::time::sleep(Duration::from_secs(3_600)).await;
                json_answer(&json!({}))
            }
            Mode::Endless => Response::new(Stream::of(vec![b' '; 16 * 1024], Duration::ZERO)),
            Mode::Drip => Response::new(Stream::of(vec![b' '], Duration::from_millis(50))),
            Mode::Bomb => Response::builder().header("content-encoding", "gzip").body(body(bomb())).unwrap(),
            Mode::Garbage => Response::new(body(format!("<html>{MARKER}</html>"))),
            Mode::Deep => Response::new(body("[".repeat(200_000))),
            Mode::Doubled => {
                let text = searchset(&self.base, &self.resources(path)).to_string();
                Response::new(body(text.replacen("{", "{\"type\":\"searchset\",", 1)))
            }
            Mode::BadText => {
                let mut text = searchset(&self.base, &self.resources(path)).to_string().into_bytes();
                let at = text.len() - 3;
                text.splice(at..at, *b",\"x\":\"\xff\xfe\"");
                Response::new(body(text))
            }
            Mode::NoSearchset => {
                let mut bundle = searchset(&self.base, &self.resources(path));
                bundle["type"] = json!("history");
                json_answer(&bundle)
            }
            Mode::Fewer | Mode::NextNowhere | Mode::Partial | Mode::Warns => {
                json_answer(&self.half(searchset(&self.base, &self.resources(path))))
            }
            Mode::Along => json_answer(&self.along(path)),
            Mode::Redirect => Response::builder()
                .status(302)
                .header("location", "https://127.0.0.1:9/elsewhere")
                .body(body(""))
                .unwrap(),
            Mode::Swollen if query.contains("p1") && path == "/AllergyIntolerance" => Response::builder()
                .header("content-encoding", "gzip")
                .body(Unended(Some(swollen())).boxed())
                .unwrap(),
            Mode::Swollen if query.contains("p2") => {
                let text = searchset(&self.base, &self.resources(path)).to_string();
                Response::new(body(text.replace("Patient/p1", "Patient/p2")))
            }
            Mode::OneSpoilt if query.contains("p2") => {
                let mut bundle = searchset(&self.base, &[]);
                bundle["link"] = json!([{"relation": "next", "url": "https://127.0.0.1:9/fhir/next"}]);
                json_answer(&bundle)
            }
            Mode::NextElsewhere | Mode::NextForEver => {
                let mut bundle = searchset(&self.base, &self.resources(path));
                let next = match self.mode {
                    Mode::NextElsewhere => "https://127.0.0.1:9/fhir/next".to_owned(),
                    _ => format!("{}{path}?page=again", self.base),
                };
                bundle["link"] = json!([{"relation": "next", "url": next}]);
                json_answer(&bundle)
            }
            Mode::Paged => {
                let number: usize = page.and_then(|n| n.parse().ok()).unwrap_or(0);
                let all = self.resources(path);
                let mut bundle = searchset(&self.base, all.get(number..=number).unwrap_or_default());
                if number < 2 {
                    let next = format!("{}{path}?page={}", self.base, number + 1);
                    bundle["link"] = json!([{"relation": "next", "url": next}]);
                }
                json_answer(&bundle)
            }
            Mode::Packed => {
                let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                packer
                    .write_all(searchset(&self.base, &self.resources(path)).to_string().as_bytes())
                    .unwrap();
                let packed = packer.finish().unwrap();
                Response::builder().header("content-encoding", "gzip").body(body(packed)).unwrap()
            }
            _ => json_answer(&searchset(&self.base, &self.resources(path))),
        }
    }

    /// An answer that says of itself that it is not whole, or that something else is odd.
    fn half(&self, mut bundle: Value) -> Value {
        let severity = match self.mode {
            Mode::Fewer => {
                bundle["total"] = json!(500);
                return bundle;
            }
            Mode::NextNowhere => {
                bundle["link"] = json!([{"relation": "next"}]);
                return bundle;
            }
            Mode::Partial => "error",
            _ => "warning",
        };
        let said = json!({"resourceType": "OperationOutcome", "id": "o1",
            "issue": [{"severity": severity, "code": "processing", "diagnostics": MARKER}]});
        let entries = bundle["entry"].as_array_mut().unwrap();
        entries.push(json!({"resource": said, "search": {"mode": "outcome"}}));
        bundle
    }

    /// An answer with what it refers to.
    fn along(&self, path: &str) -> Value {
        let (matches, code) = match path {
            "/MedicationRequest" => {
                (self.resources(path), ("Medication", "m1", "http://www.whocc.no/atc", MEDICINE))
            }
            "/DeviceUseStatement" => {
                let worn = json!({"resourceType": "DeviceUseStatement", "id": "u1", "status": "active",
                    "subject": {"reference": "Patient/p1"}, "device": {"reference": "Device/d1"}});
                (vec![worn], ("Device", "d1", "http://snomed.info/sct", AID))
            }
            _ => return searchset(&self.base, &self.resources(path)),
        };
        let (kind, id, system, code) = code;
        let coded = json!({"coding": [{"system": system, "code": code}]});
        let member = if kind == "Device" { "type" } else { "code" };
        let mut bundle = searchset(&self.base, &matches);
        let entries = bundle["entry"].as_array_mut().unwrap();
        entries.push(json!({"fullUrl": format!("{}/{kind}/{id}", self.base), "search": {"mode": "include"},
            "resource": {"resourceType": kind, "id": id, member: coded}}));
        bundle
    }

    fn resources(&self, path: &str) -> Vec<Value> {
        let subject = json!({"reference": "Patient/p1"});
        let allergy = |id: &str, code: &str, patient: &Value| {
            json!({"resourceType": "AllergyIntolerance", "id": id, "patient": patient,
                "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]},
                "code": {"coding": [{"system": "http://snomed.info/sct", "code": code, "display": "Pinda"}]}})
        };
        match path {
            "/AllergyIntolerance" => {
                let mut all = vec![
                    allergy("a1", ALLERGY, &subject),
                    allergy("a2", "91936005", &subject),
                    allergy("a3", "294505008", &subject),
                ];
                match self.mode {
                    Mode::Hides => {
                        all[1]["meta"] = json!({"security": [
                        {"system": "https://sluis.example/fhir/CodeSystem/label", "code": "protected-address"}]})
                    }
                    Mode::Stranger => {
                        let stranger =
                            json!({"identifier": {"system": BSN, "value": "999990160"}, "display": MARKER});
                        all.push(allergy("a4", "418689008", &stranger));
                    }
                    Mode::CrossReference => {
                        all.push(allergy(
                            "a4",
                            "418689008",
                            &json!({"reference": "Patient/p2", "display": MARKER}),
                        ));
                    }
                    Mode::SameIdElsewhere => {
                        let other =
                            json!({"reference": "https://other.example/fhir/Patient/p1", "display": MARKER});
                        all.push(allergy("a4", "418689008", &other));
                    }
                    Mode::Markup => {
                        all[0]["text"] = json!({"status": "generated", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\"><script>{MARKER}</script></div>")});
                        all[0]["note"] = json!([{"text": format!("<img src=x onerror=alert(1)>{MARKER}")}]);
                        all[0]["extension"] =
                            json!([{"url": "https://other.example/x", "valueString": MARKER}]);
                    }
                    _ => {}
                }
                all
            }
            "/MedicationRequest" => {
                let medicine = match self.mode {
                    Mode::WholeMedicine => format!("{}/Medication/m1", self.base),
                    Mode::VersionedMedicine => "Medication/m1/_history/2".to_owned(),
                    Mode::MedicineElsewhere => "https://other.example/fhir/Medication/m1".to_owned(),
                    _ => "Medication/m1".to_owned(),
                };
                vec![json!({"resourceType": "MedicationRequest", "id": "r1", "status": "active",
                "intent": "order", "subject": subject, "medicationReference": {"reference": medicine}})]
            }
            _ => Vec::new(),
        }
    }
}

fn patient(id: &str, bsn: &str) -> Value {
    json!({
        "resourceType": "Patient", "id": id, "identifier": [{"system": BSN, "value": bsn}],
        "name": [{"family": "Elders"}], "birthDate": "1942-06-11",
    })
}

/// A quarter of a gigabyte of spaces, packed; once, so that who measures does not measure the packing.
fn bomb() -> Bytes {
    static PACKED: OnceLock<Bytes> = OnceLock::new();
    let pack = || {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let spaces = vec![b' '; 1024 * 1024];
        for _ in 0..256 {
            packer.write_all(&spaces).unwrap();
        }
        packer.finish().unwrap().into()
    };
    PACKED.get_or_init(pack).clone()
}

/// The beginning of a page, packed, with 15 MiB of spaces.
fn swollen() -> Bytes {
    static PACKED: OnceLock<Bytes> = OnceLock::new();
    let pack = || {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(b"{\"resourceType\":\"Bundle\",\"type\":\"searchset\"").unwrap();
        packer.write_all(&vec![b' '; 15 * 1024 * 1024]).unwrap();
        packer.flush().unwrap();
        packer.get_ref().clone().into()
    };
    PACKED.get_or_init(pack).clone()
}

fn searchset(base: &str, resources: &[Value]) -> Value {
    let entries: Vec<Value> = resources
        .iter()
        .map(|one| {
            let url =
                format!("{base}/{}/{}", one["resourceType"].as_str().unwrap(), one["id"].as_str().unwrap());
            json!({"fullUrl": url, "resource": one, "search": {"mode": "match"}})
        })
        .collect();
    json!({"resourceType": "Bundle", "type": "searchset", "total": entries.len(), "entry": entries})
}

/// These bytes, and then no end.
struct Unended(Option<Bytes>);

impl hyper::body::Body for Unended {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.take().map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
    }
}

/// The same bytes again and again, without end.
struct Stream {
    bytes: Bytes,
    pause: Duration,
    wait: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Stream {
    fn of(bytes: Vec<u8>, pause: Duration) -> Body {
        Self { bytes: bytes.into(), pause, wait: None }.boxed()
    }
}

impl hyper::body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let pause = self.pause;
        let wait = self.wait.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
        std::task::ready!(wait.as_mut().poll(cx));
        self.wait = None;
        Poll::Ready(Some(Ok(Frame::data(self.bytes.clone()))))
    }
}
