//! A directory elsewhere, followed by its history: its entries stand beside ours, and make nobody a participant.

use super::server::{Mode, certificate};
use data_encoding::BASE64URL_NOPAD;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sluis_tests::client::{Answer, Request};
use sluis_tests::real::{OIN, Real};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A server of a directory as it may be met, on loopback.
struct Elsewhere {
    url: String,
    ca_pem: String,
    told: Arc<Mutex<Told>>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Default)]
struct Told {
    base: String,
    /// Newest last: instant, entry of a history.
    changes: Vec<(jiff::Timestamp, Value)>,
    /// It closes each connection.
    down: bool,
    /// It keeps no history from before the newest change.
    forgetful: bool,
    /// It answers every history with this.
    says: Option<String>,
    asked: Vec<String>,
}

impl Elsewhere {
    fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (tls, ca_pem) = certificate(Mode::Well);
        let tls = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("https://localhost:{}/fhir", listener.local_addr().unwrap().port());
        let told = Arc::new(Mutex::new(Told { base: url.clone(), ..Told::default() }));
        let world = Arc::clone(&told);
        runtime.spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (tls, world) = (tls.clone(), Arc::clone(&world));
                tokio::spawn(async move {
                    let Ok(stream) = tls.accept(tcp).await else { return };
                    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                        let answer = world.lock().unwrap().answer(&request.uri().to_string());
                        async move {
                            // One answer for each connection: who is down is down at once.
                            let (status, body) = answer.ok_or(std::io::ErrorKind::ConnectionReset)?;
                            let answer =
                                http::Response::builder().status(status).header("connection", "close");
                            Ok::<_, std::io::Error>(answer.body(Full::new(Bytes::from(body))).unwrap())
                        }
                    });
                    let served = hyper::server::conn::http1::Builder::new();
                    let _ended = served.serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Ok::<_, Infallible>(())
        });
        Self { url, ca_pem, told, _runtime: runtime }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap()
    }

    /// The next version of an organisation.
    fn put(&self, id: &str, version: u64, name: &str, more: &Value) {
        let mut told = self.told();
        let at = jiff::Timestamp::now();
        let mut resource = json!({"resourceType": "Organization", "id": id, "name": name, "active": true,
            "meta": {"versionId": version.to_string(), "lastUpdated": at.to_string()}});
        resource.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let request = json!({"method": "PUT", "url": format!("Organization/{id}")});
        told.changes.push((at, json!({"resource": resource, "request": request})));
    }

    fn delete(&self, id: &str, version: u64) {
        let at = jiff::Timestamp::now();
        let request = json!({"method": "DELETE", "url": format!("Organization/{id}")});
        let response =
            json!({"status": "204", "lastModified": at.to_string(), "etag": format!("W/\"{version}\"")});
        self.told().changes.push((at, json!({"request": request, "response": response})));
    }
}

impl Told {
    fn answer(&mut self, target: &str) -> Option<(u16, String)> {
        self.asked.push(target.to_owned());
        if self.down {
            return None;
        }
        let (path, query) = target.trim_start_matches("/fhir").split_once('?').unwrap_or((target, ""));
        let field = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        let bundle = match path {
            "/Organization/_history" => {
                if let Some(said) = &self.says {
                    return Some((200, said.clone()));
                }
                let since =
                    field("_since").map(|at| at.replace("%3A", ":").parse::<jiff::Timestamp>().unwrap());
                if self.forgetful && since.is_some() {
                    return Some((410, String::new()));
                }
                let asked =
                    self.changes.iter().rev().filter(|(at, _)| since.is_none_or(|since| *at >= since));
                self.page(path, query, "history", asked.map(|(_, entry)| entry.clone()).collect())
            }
            "/Organization" => {
                let mut standing: Vec<Value> = Vec::new();
                for (_, entry) in &self.changes {
                    let id = entry["request"]["url"].as_str().unwrap().to_owned();
                    standing.retain(|other| other["request"]["url"] != id.as_str());
                    standing.extend(entry["resource"].is_object().then(|| entry.clone()));
                }
                for entry in &mut standing {
                    entry.as_object_mut().unwrap().remove("request");
                }
                self.page(path, query, "searchset", standing)
            }
            _ if target == "/fhir/metadata" => {
                let interaction = json!([{"code": "search-type"}, {"code": "history-type"}]);
                json!({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [{"mode": "server",
                    "resource": [{"type": "Organization", "interaction": interaction}]}]})
            }
            _ => return Some((404, String::new())),
        };
        Some((200, bundle.to_string()))
    }

    /// Two on a page, whatever was asked.
    fn page(&self, path: &str, query: &str, kind: &str, entries: Vec<Value>) -> Value {
        let (query, page) = query.split_once("&page=").unwrap_or((query, "0"));
        let page: usize = page.parse().unwrap();
        let mut bundle = json!({"resourceType": "Bundle", "type": kind});
        let shown: Vec<&Value> = entries.iter().skip(page * 2).take(2).collect();
        if !shown.is_empty() {
            bundle["entry"] = json!(shown);
        }
        if entries.len() > page * 2 + 2 {
            let next = format!("{}{path}?{query}&page={}", self.base, page + 1);
            bundle["link"] = json!([{"relation": "next", "url": next}]);
        }
        bundle
    }
}

/// A gateway in real use that follows the directory, with one participant.
struct Gateway {
    real: Real,
    key: EcdsaKeyPair,
}

impl Gateway {
    fn following(elsewhere: &Elsewhere) -> Self {
        let mut real = Real::new();
        std::fs::write(real.path("directory.pem"), &elsewhere.ca_pem).unwrap();
        let section = format!(
            "[directory]\nurl = \"{}\"\nca = [\"directory.pem\"]\nnetworks = [\"127.0.0.0/8\", \"::1/128\"]\ninterval_seconds = 1",
            elsewhere.url
        );
        real.configure_with("", &section);
        real.check().ok();
        real.start();
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random).unwrap();
        let point = key.public_key().as_ref();
        let (x, y) = (BASE64URL_NOPAD.encode(&point[1..33]), BASE64URL_NOPAD.encode(&point[33..]));
        let practice = json!({
            "id": "praktijk-noord", "name": "Praktijk Noord", "categories": ["gp"],
            "functions": [{"code": "gp-own", "from": "2026-01-01", "to": null}],
            "identifier": {"system": OIN_SYSTEM, "value": OIN},
            "purposes": ["TREAT"], "scopes": ["system/Patient.rs"],
            "certificate_pem": std::fs::read_to_string(real.path("client.pem")).unwrap(),
            "jwks": {"keys": [{"kty": "EC", "kid": "k", "alg": "ES256", "crv": "P-256", "x": x, "y": y}]},
            "audience": "smart", "holder": "hosted", "recorder": true, "emergency": {"asks": false, "gives": true},
            "endpoint": null, "agreement": {"version": "1", "from": "2026-01-01", "to": "2036-01-01"},
            "contact": [{"system": "phone", "value": "088-0000001"}], "checked": "2026-10-01",
            "hours": [{"days": ["mon", "fri"], "from": "08:00", "to": "17:00"}],
        });
        for (member, bad) in [
            ("contact", json!([{"system": "smoke", "value": "x"}])),
            ("contact", json!([{"system": "phone", "value": ""}])),
            ("hours", json!([{"days": ["mon"], "from": "17:00", "to": "08:00"}])),
            ("hours", json!([{"days": [], "from": "08:00", "to": "17:00"}])),
            ("hours", json!([{"days": ["mon"], "from": "8", "to": "24:00"}])),
            ("checked", json!("yesterday")),
            ("opening", json!("always")),
        ] {
            let mut worse = practice.clone();
            worse[member] = bad;
            let run = real.sluis(&["participant", "add", "--file", "-"], worse.to_string().as_bytes());
            assert_eq!(run.code, 1, "{worse}");
        }
        real.sluis(&["participant", "add", "--file", "-"], practice.to_string().as_bytes()).ok();
        Self { real, key }
    }

    fn token(&self) -> String {
        let now = jiff::Timestamp::now().as_second();
        let part = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let claims = json!({
            "iss": "praktijk-noord", "sub": "praktijk-noord", "aud": format!("https://{}/oauth/token", self.real.exchange()),
            "jti": uuid::Uuid::new_v4().to_string(), "iat": now, "exp": now + 120,
            "extensions": {"sluis": {"function": "gp-own"}, "hl7-b2b": {"version": "1", "subject_id": "urn:sluis:person#noord",
                "subject_name": "N. Noord", "subject_role": "http://fhir.nl/fhir/NamingSystem/uzi-rolcode#01.015",
                "organization_id": format!("{OIN_SYSTEM}#{OIN}"), "organization_name": "Praktijk Noord",
                "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#TREAT"]}},
        });
        let input = format!("{}.{}", part(json!({"typ": "JWT", "alg": "ES256", "kid": "k"})), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        let assertion = format!("{input}.{}", BASE64URL_NOPAD.encode(signature.as_ref()));
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("scope", "system/Patient.rs"),
            ("client_assertion", &assertion),
        ];
        let answer =
            self.real.client(&self.real.exchange(), true).send(&Request::form("/oauth/token", &form));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    fn get(&self, path: &str, token: &str) -> Answer {
        let request = Request::get(&format!("/fhir/{path}")).bearer(token);
        self.real.client(&self.real.exchange(), true).send(&request)
    }

    /// Ids of the organisations that are shown now.
    fn shown(&self, query: &str) -> Vec<String> {
        let bundle = self.get(&format!("Organization{query}"), &self.token()).ok().json();
        let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| entry["resource"]["id"].as_str().unwrap().to_owned()).collect()
    }

    fn outside(&self) -> Vec<String> {
        self.shown("").into_iter().filter(|id| id.starts_with("outside.")).collect()
    }

    /// Waits until exactly these stand there from outside.
    #[track_caller]
    fn shows(&self, wanted: &[&str]) {
        let began = Instant::now();
        while self.outside() != wanted {
            let log = self.real.log();
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "{:?} and not {wanted:?}\n{log}",
                self.outside()
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn gauge(&self, name: &str) -> f64 {
        let text = self.real.management("/metrics").text();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).expect("a gauge");
        line.parse().expect("a number")
    }

    /// Waits for a number of more readings there.
    fn rounds(elsewhere: &Elsewhere, more: usize) {
        let asked =
            || elsewhere.told().asked.iter().filter(|asked| asked.contains("_history?_count=200")).count();
        let (before, began) = (asked(), Instant::now());
        while asked() < before + more {
            assert!(began.elapsed() < Duration::from_secs(20), "it is not asked any more");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

const OIN_SYSTEM: &str = "http://fhir.nl/fhir/NamingSystem/oin";

#[test]
fn what_a_directory_elsewhere_says_stands_beside_ours_and_outlives_its_server() {
    let elsewhere = Elsewhere::start();
    let none = json!({});
    for (id, name) in [("a", "Ziekenhuis Oost"), ("b", "Apotheek West"), ("c", "Thuiszorg Zuid")] {
        elsewhere.put(id, 1, name, &none);
    }
    let mut gateway = Gateway::following(&elsewhere);
    gateway.shows(&["outside.a", "outside.b", "outside.c"]);
    let token = gateway.token();
    let read = gateway.get("Organization/outside.a", &token).ok().json();
    assert_eq!(read["meta"]["source"], format!("{}/Organization/a", elsewhere.url));
    assert_eq!(gateway.shown("?name=west"), ["outside.b"]);
    assert_eq!(gateway.gauge("sluis_directory_entries"), 3.0);
    // Changed, made and deleted.
    elsewhere.put("b", 2, "Apotheek Noord", &none);
    elsewhere.put("d", 1, "Huisarts Midden", &none);
    elsewhere.delete("a", 2);
    gateway.shows(&["outside.b", "outside.c", "outside.d"]);
    assert_eq!(gateway.shown("?name=noord"), ["praktijk-noord", "outside.b"]);
    gateway.get("Organization/outside.a", &token).is(404, "not-found");
    // Gone: what is known stays, also over a start, and its age says so.
    elsewhere.told().down = true;
    std::thread::sleep(Duration::from_secs(3));
    gateway.shows(&["outside.b", "outside.c", "outside.d"]);
    gateway.real.stop();
    gateway.real.start();
    gateway.shows(&["outside.b", "outside.c", "outside.d"]);
    let age = gateway.gauge("sluis_directory_age_seconds");
    assert!((3.0..600.0).contains(&age), "{age}");
    assert!(gateway.real.log().contains("cannot be followed"));
    // Back, with what happened meanwhile.
    elsewhere.delete("c", 2);
    elsewhere.told().down = false;
    gateway.shows(&["outside.b", "outside.d"]);
    assert!(gateway.gauge("sluis_directory_age_seconds") < 3.0);
    // It does not keep what happened since the last time: everything is read anew.
    elsewhere.delete("d", 2);
    elsewhere.told().forgetful = true;
    gateway.shows(&["outside.b"]);
}

#[test]
fn an_entry_elsewhere_makes_nobody_a_participant_and_what_is_wrong_with_it_stops_nothing() {
    let elsewhere = Elsewhere::start();
    let ours = json!({"identifier": [{"system": OIN_SYSTEM, "value": OIN}], "active": false});
    elsewhere.put("twin", 1, "Another word for ours", &ours);
    elsewhere.put("praktijk-zuid", 1, "Praktijk Zuid", &json!({}));
    elsewhere.put("broken", 1, "Broken", &json!({"active": "perhaps"}));
    elsewhere.put("feigned", 1, "Feigned", &json!({"implicitRules": "https://other.example"}));
    let gateway = Gateway::following(&elsewhere);
    gateway.shows(&["outside.praktijk-zuid"]);
    assert_eq!(gateway.gauge("sluis_directory_left_out"), 2.0);
    // Ours win by business identifier, and their standing is ours to say.
    assert_eq!(gateway.shown(&format!("?identifier={OIN}")), ["praktijk-noord"]);
    let token = gateway.token();
    assert_eq!(gateway.get("Organization/praktijk-noord", &token).ok().json()["active"], true);
    let organization = gateway.get("Organization/praktijk-noord", &token).ok().json();
    assert_eq!(organization["telecom"], json!([{"system": "phone", "value": "088-0000001"}]));
    assert_eq!(organization["extension"][0]["valueDate"], "2026-10-01");
    let service = gateway.get("HealthcareService/praktijk-noord", &token).ok().json();
    let open = json!([{"daysOfWeek": ["mon", "fri"], "availableStartTime": "08:00:00", "availableEndTime": "17:00:00"}]);
    assert_eq!(service["availableTime"], open);
    let listed = gateway.real.sluis(&["participant", "list"], b"").ok();
    assert!(listed.stdout.contains("praktijk-noord") && !listed.stdout.contains("zuid"), "{}", listed.stdout);
    // No page, and pages at another server: what is known stays.
    elsewhere.put("new", 1, "New", &json!({}));
    let astray = json!({"resourceType": "Bundle", "type": "history",
        "link": [{"relation": "next", "url": "https://127.0.0.1:9/fhir/Organization/_history?page=2"}]});
    for said in ["<html>", r#"{"resourceType":"Bundle","type":"searchset"}"#, &astray.to_string()] {
        elsewhere.told().says = Some(said.to_owned());
        Gateway::rounds(&elsewhere, 2);
        assert_eq!(gateway.outside(), ["outside.praktijk-zuid"]);
        assert_eq!(gateway.real.management("/readyz").status, 200, "a directory makes nothing unready");
    }
    elsewhere.told().says = None;
    gateway.shows(&["outside.new", "outside.praktijk-zuid"]);
    // What comes back from nowhere is nobody's data, and nothing of it is recorded.
    gateway.real.sluis(&["audit", "verify"], b"").ok();
}
