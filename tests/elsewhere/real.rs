//! A holder's server that nobody here wrote: fhirstarter of PyPI, with its own routes, forms, checks and capability
//! statement, fed with a person of the demonstration.

use super::server::certificate_files;
use serde_json::{Value, json};
use sluis_tests::World;
use sluis_tests::ask::BSN;
use sluis_tests::json::{resources, visit};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const HOLDER: &str = "wijkverpleging-thuis";
const ALONE: &str = "999990184";

struct Ehr(Child);

impl Drop for Ehr {
    fn drop(&mut self) {
        let _killed = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// A Python with fhirstarter, made once and kept beside the build; `None` where it cannot be had.
fn python() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fhirstarter-4.2.0");
    let python = folder.join("bin/python");
    let has = || Command::new(&python).args(["-c", "import fhirstarter, uvicorn"]).output();
    if !has().is_ok_and(|run| run.status.success()) {
        let made = Command::new("python3").args(["-m", "venv"]).arg(&folder).output().ok()?;
        let pip = folder.join("bin/pip");
        let install = ["install", "--quiet", "fhirstarter==4.2.0", "uvicorn==0.38.0"];
        let installed = made.status.success().then(|| Command::new(pip).args(install).output().ok());
        installed??.status.success().then_some(())?;
    }
    has().is_ok_and(|run| run.status.success()).then_some(python)
}

fn start(python: &Path, port: u16, folder: &Path, held: &Value) -> Ehr {
    std::fs::write(folder.join("held.json"), held.to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("elsewhere/servers/ehr.py");
    let child = Command::new(python)
        .arg(script)
        .arg(port.to_string())
        .args([folder.join("cert.pem"), folder.join("key.pem"), folder.join("held.json")])
        .stdout(Stdio::piped())
        .spawn()
        .expect("python runs");
    let mut ehr = Ehr(child);
    let mut line = String::new();
    BufReader::new(ehr.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line.trim(), "ready", "fhirstarter does not start");
    for _ in 0..200 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return ehr;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("fhirstarter does not listen");
}

/// What a document says of health: type, system and code.
fn codes(document: &Value) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for resource in resources(document) {
        let kind = resource["resourceType"].as_str().unwrap_or_default();
        if !["AllergyIntolerance", "Condition", "MedicationRequest", "Medication", "Observation"]
            .contains(&kind)
        {
            continue;
        }
        visit(resource, &mut |value| {
            if let (Some(system), Some(code)) = (value["system"].as_str(), value["code"].as_str()) {
                codes.insert(format!("{kind} {system}|{code}"));
            }
        });
    }
    codes
}

#[test]
fn fhirstarter_is_asked_and_everything_of_the_person_comes() {
    let Some(python) = python() else {
        println!("skipped: fhirstarter 4.2.0 could not be installed from PyPI");
        return;
    };
    println!("ran: fhirstarter 4.2.0 of PyPI (this test drives no HAPI FHIR)");
    let world = World::fresh();
    let document = world.asker(HOLDER).summary("jansen").ok().json();
    let mut held: Vec<Value> = resources(&document).into_iter().cloned().collect();
    held.retain(|one| {
        one["resourceType"] != "Composition" && !one["id"].as_str().unwrap_or_default().starts_with("sluis.")
    });
    for one in held.iter_mut().filter(|one| one["resourceType"] == "Patient") {
        one["identifier"] = json!([{"system": BSN, "value": ALONE}]);
    }
    // Somebody else lives there too.
    held.push(json!({"resourceType": "Patient", "id": "other", "identifier": [{"system": BSN, "value": "999990160"}]}));
    held.push(json!({"resourceType": "AllergyIntolerance", "id": "of-other", "patient": {"reference": "Patient/other"},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "418689008"}]}}));
    let folder = tempfile::tempdir().unwrap();
    certificate_files(folder.path());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let _ehr = start(&python, port, folder.path(), &json!(held));
    let endpoint = json!({"url": format!("https://localhost:{port}"), "networks": ["127.0.0.0/8"], "budget_ms": 20_000,
        "ca_pem": std::fs::read_to_string(folder.path().join("ca.pem")).unwrap()});
    let set = ["participant", "endpoint", "set", HOLDER, "--file", "-"];
    world.sluis_with(set, endpoint.to_string().as_bytes()).ok();
    let tried = world.sluis(["participant", "endpoint", "test", HOLDER]);
    assert_eq!(tried.code, 0, "{}", tried.stdout);
    let add = ["index", "add", "--holder", HOLDER, "--birthdate", "1942-06-11", "--patient", "-"];
    world.sluis_with(add, ALONE.as_bytes()).ok();
    let answer = world.asker(HOLDER).summary(ALONE).ok().json();
    let (before, after) = (codes(&document), codes(&answer));
    assert!(before.len() > 20, "too little to tell: {}", before.len());
    assert_eq!(before, after);
    assert!(!answer.to_string().contains("418689008"), "another person's allergy came along");
    world.verify();
}
