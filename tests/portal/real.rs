//! In real use: no sandbox, no development provider, and people signed in by an OpenID Connect provider that nobody here wrote.

use serde_json::json;
use sluis_tests::client::{Answer, Client, Request};
use sluis_tests::real::{OIN, Real};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Official test numbers and invented people.
const BSN: &str = "999990159";

fn register(real: &Real) {
    let pem = std::fs::read_to_string(real.path("client.pem")).unwrap();
    let practice = json!({
        "id": "praktijk-noord", "name": "Praktijk Noord", "categories": ["gp"],
        "functions": [{"code": "gp-own", "from": "2026-01-01", "to": null}],
        "identifier": {"system": "http://fhir.nl/fhir/NamingSystem/oin", "value": OIN},
        "purposes": ["TREAT", "HCOMPL"], "scopes": ["system/Patient.rs"], "certificate_pem": pem,
        "jwks": {"keys": [{"kty": "EC", "kid": "k", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]},
        "audience": "smart", "holder": "hosted", "recorder": true, "emergency": {"asks": false, "gives": true},
        "endpoint": null, "agreement": {"version": "1", "from": "2026-01-01", "to": "2036-01-01"},
    });
    real.sluis(&["participant", "add", "--file", "-"], practice.to_string().as_bytes()).ok();
    let officer = json!({
        "id": "fg-noord", "name": "F. Noord", "functions": [], "participant": "praktijk-noord",
        "role": {"system": "https://sluis.example/fhir/CodeSystem/person-role", "code": "officer"},
    });
    real.sluis(&["participant", "person", "--file", "-"], officer.to_string().as_bytes()).ok();
    let patient = json!({"resourceType": "Bundle", "type": "collection", "entry": [
        {"resource": {"resourceType": "Patient", "id": "p", "birthDate": "1976-10-05",
            "identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": BSN}]}},
        {"resource": {"resourceType": "AllergyIntolerance", "id": "a", "patient": {"reference": "Patient/p"},
            "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]},
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "764146007"}]}}},
    ]});
    let file = real.path("bundle.json");
    std::fs::write(&file, patient.to_string()).unwrap();
    real.sluis(&["import", "--holder", "praktijk-noord", file.to_str().unwrap()], b"").ok();
}

#[test]
fn in_real_use_nothing_of_the_sandbox_answers_and_nobody_signs_in_unasked() {
    let mut real = Real::new();
    real.configure("");
    real.check().ok();
    real.start();
    register(&real);
    let portal = real.client(&real.portal(), false);
    for path in ["/dev/authorize", "/dev/token", "/dev/jwks.json", "/dev/.well-known/openid-configuration"] {
        assert_eq!(portal.send(&Request::get(path)).status, 404, "{path}");
    }
    let answer = portal.send(&Request::get("/login/patient"));
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("Inloggen kan hier nog niet"));
    assert!(answer.header("x-environment").is_none());
    // The exchange asks for a certificate, and knows this one.
    let exchange = real.client(&real.exchange(), true);
    assert_eq!(exchange.send(&Request::get("/fhir/metadata")).status, 200);
    assert!(real.client(&real.exchange(), false).try_send(&Request::get("/fhir/metadata")).is_err());
    for command in [&["clock", "+60"][..], &["fault", "--holder", "praktijk-noord", "--mode", "down"]] {
        assert_ne!(real.sluis(command, b"").code, 0, "{command:?} is the sandbox's");
    }
    real.sluis(&["audit", "verify"], b"").ok();
    assert!(!real.log().contains(BSN));
    // The view is on redb: what the sandbox keeps in sled is not there.
    assert!(real.data().join("view").exists());
}

#[test]
fn what_a_sandbox_made_is_refused_at_the_start() {
    let world = sluis_tests::World::shared();
    let real = Real::new();
    real.configure("");
    std::fs::copy(world.dir().join("pki/ca.pem"), real.path("ca.pem")).unwrap();
    let said = real.check();
    assert_eq!(said.code, 1);
    assert!(said.stdout.contains("is of the sandbox"), "{}", said.stdout);
    let run = sluis_tests::sluis(["serve", "--config", real.path("sluis.toml").to_str().unwrap()]);
    assert_eq!(run.code, 1, "{}", run.stderr);
}

/// oidc-provider, running; `None`, with a line that says so, where node or the registry is not at hand.
struct Provider {
    process: Child,
    issuer: String,
}

impl Provider {
    fn start(real: &Real) -> Option<Self> {
        let modules = installed()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/portal/oidc-provider.mjs");
        let mut process = Command::new("node")
            .arg(script)
            .arg(port.to_string())
            .args([real.path("server.pem"), real.path("server.key")])
            .args([format!("{}/callback", real.portal()), format!("{}/.well-known/jwks.json", real.portal())])
            .env("NODE_EXTRA_CA_CERTS", real.path("ca.pem"))
            .current_dir(&modules)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .ok()?;
        let mut lines = BufReader::new(process.stdout.take()?).lines();
        let ready = lines.by_ref().map_while(Result::ok).any(|line| line == "ready");
        assert!(ready, "oidc-provider does not start");
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Some(Self { process, issuer: format!("https://localhost:{port}") })
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _killed = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// A folder whose `node_modules` has oidc-provider: installed once, kept beside the build.
fn installed() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("oidc-provider");
    let there = folder.join("node_modules/oidc-provider/package.json");
    if !there.exists() {
        std::fs::create_dir_all(&folder).ok()?;
        std::fs::write(folder.join("package.json"), "{\"private\": true}").ok()?;
        let run = Command::new("npm")
            .args([
                "install",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--silent",
                "oidc-provider@9.13.3",
            ])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .status();
        if !run.is_ok_and(|status| status.success()) || !there.exists() {
            eprintln!("skipped: oidc-provider cannot be installed here (npm or its registry is not at hand)");
            return None;
        }
    }
    Some(folder)
}

/// A browser that goes from one site to another.
struct Traveller<'r> {
    real: &'r Real,
    cookies: BTreeMap<String, BTreeMap<String, String>>,
    at: String,
}

impl Traveller<'_> {
    fn send(&mut self, mut request: Request, site: &str) -> Answer {
        let client: Client = self.real.client(site, false);
        let jar = self.cookies.entry(site.to_owned()).or_default();
        if !jar.is_empty() {
            let line = jar.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("; ");
            request = request.header("Cookie", &line);
        }
        request = request.header("Host", site.trim_start_matches("https://"));
        let answer = client.send(&request);
        for (_, line) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            jar.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    /// Goes to an address and on from there.
    fn go(&mut self, url: &str) -> Answer {
        let mut url = url.to_owned();
        for _ in 0..12 {
            let (site, path) = split(&url);
            let answer = self.send(Request::get(&path), &site);
            self.at.clone_from(&url);
            match answer.header("location").filter(|_| matches!(answer.status, 302 | 303)) {
                Some(to) if to.starts_with('/') => url = format!("{site}{to}"),
                Some(to) => to.clone_into(&mut url),
                None => return answer,
            }
        }
        panic!("goes round in circles at {}", self.at)
    }

    fn submit(&mut self, fields: &[(&str, &str)]) -> Answer {
        let (site, path) = split(&self.at.clone());
        let answer = self.send(Request::form(&path, fields), &site);
        let to = answer
            .header("location")
            .unwrap_or_else(|| panic!("{}: {}", answer.status, answer.text()))
            .to_owned();
        let to = if to.starts_with('/') { format!("{site}{to}") } else { to };
        self.go(&to)
    }

    /// Through the door, and through the provider's own two pages.
    fn sign_in(&mut self, door: &str, user: &str) -> Answer {
        let page = self.go(&format!("{}/login/{door}", self.real.portal()));
        assert_eq!(page.status, 200, "{} {}", self.at, page.text());
        let _consent = self.submit(&[("prompt", "login"), ("login", user), ("password", "any")]);
        self.submit(&[("prompt", "consent")])
    }
}

fn split(url: &str) -> (String, String) {
    let at = url.char_indices().filter(|(_, letter)| *letter == '/').nth(2).map_or(url.len(), |(at, _)| at);
    let (site, path) = url.split_at(at);
    (site.to_owned(), if path.is_empty() { "/".to_owned() } else { path.to_owned() })
}

#[test]
fn a_provider_that_nobody_here_wrote_signs_in_a_person_and_an_officer() {
    let mut real = Real::new();
    let Some(provider) = Provider::start(&real) else { return };
    real.configure(&format!(
        "sign_in.url = \"{}\"\nsign_in.issuer = \"{}\"\nsign_in.client_id = \"sluis-portal\"\n\
         sign_in.person_system = \"http://fhir.nl/fhir/NamingSystem/bsn\"\nsign_in.ca = [\"ca.pem\"]",
        real.portal(),
        provider.issuer
    ));
    real.check().ok();
    real.start();
    register(&real);
    let traveller = || Traveller { real: &real, cookies: BTreeMap::new(), at: String::new() };
    let mut person = traveller();
    let page = person.sign_in("patient", BSN);
    assert_eq!(
        (page.status, split(&person.at).1.as_str()),
        (200, "/patient"),
        "{} {}",
        page.text(),
        real.log()
    );
    assert!(page.text().contains("Overzicht"), "{}", page.text());
    assert!(!page.text().contains(BSN) && !person.at.contains(BSN));
    let sharing = person.go(&format!("{}/patient/sharing", real.portal()));
    assert!(sharing.text().contains("Huisarts en huisartsenpost"));
    let mut officer = traveller();
    let page = officer.sign_in("officer", "fg-noord");
    assert!(page.text().contains("Privacyfunctionaris van Praktijk Noord"), "{}", page.text());
    // Somebody whom the provider knows and we do not.
    let mut stranger = traveller();
    assert_eq!(stranger.sign_in("patient", "999990160").status, 403);
    assert_eq!(traveller().sign_in("officer", "somebody").status, 403);
    real.sluis(&["audit", "verify"], b"").ok();
    assert!(!real.log().contains(BSN), "a number in the log");
    let dump = real.sluis(&["audit", "dump"], b"").ok().stdout;
    assert!(!dump.contains(BSN) && dump.contains("\"kind\":\"portal\""));
}
