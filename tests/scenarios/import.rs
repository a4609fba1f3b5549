//! `sluis import`: all or nothing per file, one person per file, and the whole corpus beside this checkout.

use crate::refusals::permit;
use serde_json::{Value, json};
use sluis_tests::ask::BSN;
use sluis_tests::json::has_code;
use sluis_tests::{Run, World, all_hold, shared};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn patient(bsn: &str) -> Value {
    json!({"resourceType": "Patient", "id": "p", "identifier": [{"system": BSN, "value": bsn}], "birthDate": "1942-06-11"})
}

fn condition(id: &str, code: &str) -> Value {
    json!({"resourceType": "Condition", "id": id, "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": code}]}})
}

fn bundle(resources: &[Value]) -> String {
    let entry: Vec<Value> = resources.iter().map(|r| json!({"resource": r})).collect();
    json!({"resourceType": "Bundle", "type": "collection", "entry": entry}).to_string()
}

fn one(run: &Run) -> Value {
    run.json_lines_until_summary().remove(0)
}

trait Lines {
    fn json_lines_until_summary(&self) -> Vec<Value>;
}

impl Lines for Run {
    fn json_lines_until_summary(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .filter_map(|l| serde_json::from_str::<Value>(l).ok())
            .filter(Value::is_object)
            .collect()
    }
}

#[test]
fn edges_of_import() {
    let world = World::fresh();
    let folder = tempfile::tempdir().unwrap();
    let import = |name: &str, text: &str, more: &[&str]| {
        let path = file(&folder, name, text);
        let args = ["import", "--holder", "huisarts-de-linde", &path, "--json"];
        world.sluis(args.iter().copied().chain(more.iter().copied()))
    };
    let new = "999990184";
    let ndjson = format!("{}\n{}\n", patient(new), condition("c", "38341003"));
    let nobody = json!({"resourceType": "Condition", "id": "c2", "subject": {"display": "iemand"}, "code": {"text": "x"}}).to_string();
    let other =
        json!({"resourceType": "Patient", "id": "q", "identifier": [{"system": BSN, "value": "999990196"}]});
    let other_condition = json!({"resourceType": "Condition", "id": "o", "subject": {"reference": "Patient/q"}, "code": {"text": "x"}});
    let cases: Vec<(&str, Run, i32)> = vec![
        ("a bundle", import("a.json", &bundle(&[patient(new), condition("c", "38341003")]), &[]), 0),
        ("the same again", import("a.json", &bundle(&[patient(new), condition("c", "38341003")]), &[]), 0),
        ("NDJSON", import("a.ndjson", &ndjson, &[]), 0),
        (
            "two persons",
            import("two.json", &bundle(&[patient(new), condition("c", "1"), other, other_condition]), &[]),
            1,
        ),
        ("no person named", import("none.json", &nobody, &[]), 1),
        (
            "no person named, --patient",
            import("none.json", &nobody, &["--patient", &format!("{BSN}|{new}")]),
            0,
        ),
        (
            "--patient contradicts",
            import("a.json", &bundle(&[patient(new)]), &["--patient", &format!("{BSN}|999990196")]),
            1,
        ),
        (
            "BSN by OID",
            import(
                "oid.json",
                &bundle(&[
                    json!({"resourceType": "Patient", "id": "p", "identifier": [{"system": "urn:oid:2.16.840.1.113883.2.4.6.3", "value": new}]}),
                ]),
                &[],
            ),
            0,
        ),
        ("a BSN that fails the eleven-test", import("eleven.json", &bundle(&[patient("999990185")]), &[]), 0),
        (
            "a privacy consent",
            import("consent.json", &permit(&world, new, "huisarts-de-linde").to_string(), &[]),
            1,
        ),
        ("about nobody", import("org.json", r#"{"resourceType":"Organization","name":"Ergens"}"#, &[]), 0),
        ("no FHIR", import("no.json", r#"{"hello":"world"}"#, &[]), 1),
        ("no JSON", import("no.txt.json", "hello", &[]), 1),
        ("a key twice", import("twice.json", r#"{"resourceType":"Patient","id":"a","id":"b"}"#, &[]), 1),
        (
            "STU3",
            import(
                "stu3.json",
                r#"{"resourceType":"MedicationStatement","status":"active","taken":"y","subject":{"reference":"Patient/p"}}"#,
                &[],
            ),
            1,
        ),
        (
            "one of two is no R4",
            import(
                "half.json",
                &bundle(&[patient(new), json!({"resourceType": "Condition", "id": "z"})]),
                &[],
            ),
            1,
        ),
    ];
    all_hold(cases.iter().map(|(name, run, code)| {
        let line = one(run);
        let shape = ["file", "accepted", "patient", "resources", "reason", "expression"]
            .iter()
            .all(|m| line.get(m).is_some());
        let right = run.code == *code && shape && line["accepted"] == (*code == 0);
        (
            format!("import: {name}"),
            right.then_some(()).ok_or(format!("exit {} {}{}", run.code, run.stdout, run.stderr)),
        )
    }));
    assert!(one(&cases[10].1)["patient"].is_null(), "a resource about nobody");
    // Importing again changed nothing, and nothing of a refused file was taken.
    let linden = world.staff("linden", "gp-own");
    let found = linden.search(new, "Condition", "").ok().json();
    assert_eq!(found["total"], 2, "the condition once, and the one given with --patient: {found}");
    // A holder that is none, a folder, plain output.
    let path = file(&folder, "a.json", &bundle(&[patient(new)]));
    assert_eq!(world.sluis(["import", "--holder", "zorgcoordinatie-heuvelrijk", &path]).code, 1);
    assert_eq!(world.sluis(["import", "--holder", "nobody", &path]).code, 1);
    let last = world.sluis(["import", "--holder", "huisarts-de-linde", &path]).ok().stdout;
    assert_eq!(last.lines().last(), Some("1 accepted, 0 refused"));
    let whole = world.sluis(["import", "--holder", "huisarts-de-linde", folder.path().to_str().unwrap()]);
    assert_eq!(whole.code, 1);
    assert!(whole.stdout.lines().last().unwrap().ends_with(" refused"), "{}", whole.stdout);
    world.verify();
}

#[test]
fn two_identifiers_of_two_persons_never_become_one() {
    let world = World::fresh();
    let folder = tempfile::tempdir().unwrap();
    let both = json!({"resourceType": "Patient", "id": "p", "identifier": [
        {"system": BSN, "value": world.bsn("jansen")}, {"system": BSN, "value": world.bsn("jansen2")}]});
    let path = file(&folder, "both.json", &bundle(&[both]));
    assert_eq!(world.sluis(["import", "--holder", "huisarts-de-linde", &path]).code, 1);
    assert!(!has_code(&world.staff("valk", "triage").everything("jansen2").unwrap(), "B01AF02"));
}

/// Every file of the corpus, its path below the corpus folder first.
fn corpus() -> Option<Vec<(String, PathBuf)>> {
    let root = shared::folder()?.join("corpus");
    let mut files = Vec::new();
    walk(&root, &root, &mut files);
    files.sort();
    Some(files)
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(root, &path, files);
        } else if path.extension().is_some_and(|e| e == "json" || e == "ndjson") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if !["INDEX.json", "invalid/EXPECTED.json"].contains(&name.as_str()) {
                files.push((name, path));
            }
        }
    }
}

/// The birth date of the first Patient in a file, if whole.
fn birth_date(path: &str) -> Option<String> {
    let value: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let mut found = None;
    sluis_tests::json::visit(&value, &mut |v| {
        if v["resourceType"] == "Patient" && found.is_none() {
            found = v["birthDate"].as_str().filter(|d| d.len() == 10).map(str::to_owned);
        }
    });
    found
}

#[test]
fn the_corpus_goes_in_as_expected_and_is_asked_back() {
    let Some(files) = corpus().filter(|f| !f.is_empty()) else {
        eprintln!("corpus: ../shared/corpus is not beside this checkout: nothing of it was imported");
        return;
    };
    let root = shared::folder().unwrap().join("corpus");
    let expected: Value =
        serde_json::from_slice(&std::fs::read(root.join("invalid/EXPECTED.json")).unwrap()).unwrap();
    let expected: BTreeMap<String, String> = expected
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            (format!("invalid/{}", e["file"].as_str().unwrap()), e["expected"].as_str().unwrap().to_owned())
        })
        .collect();
    let world = World::fresh();
    // Who is about nobody that a number names is given one of its own, made so that the eleven-test fails: opaque.
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut wrong, mut patients) = (Vec::new(), Vec::new());
    let mut born_on = BTreeMap::new();
    for (index, (name, path)) in files.iter().enumerate() {
        let path = path.to_str().unwrap();
        let base = ["import", "--holder", "huisarts-de-linde", path, "--json"];
        let mut run = world.sluis(base);
        let mut line = one(&run);
        let given = format!("https://corpus.example/person|{index}");
        if line["reason"] == "needs-patient" {
            *numbers.entry("needed --patient").or_default() += 1;
            run = world.sluis(base.into_iter().chain(["--patient", given.as_str()]));
            line = one(&run);
            patients.push(given);
        } else if let Some(patient) = line["patient"].as_str().filter(|p| p.contains('|')) {
            patients.push(patient.to_owned());
        }
        let accepted = line["accepted"] == true;
        if accepted && let Some(born) = birth_date(path) {
            born_on.insert(patients.last().cloned().unwrap_or_default(), born);
        }
        *numbers.entry(if accepted { "accepted" } else { "refused" }).or_default() += 1;
        let reason = line["reason"].as_str().unwrap_or_default().to_owned();
        let must = match expected.get(name) {
            Some(due) if due.starts_with("refuse") => Some(false),
            Some(due) if due.starts_with("accept") => Some(true),
            Some(_) => None,
            // Real files that break R4 stand there without a word of their own.
            None if name.starts_with("invalid/") => Some(false),
            // Refused by rule, not for their form: privacy consents, two persons in a file, what is no FHIR resource.
            None if ["privacy-consent", "not-data", "second-person", "not-fhir"]
                .contains(&reason.as_str()) =>
            {
                None
            }
            None => Some(true),
        };
        if must.is_some_and(|must| must != accepted) {
            wrong.push(format!("{name}: accepted {accepted} ({reason} {})", line["expression"]));
        }
    }
    for line in &wrong {
        eprintln!("corpus: not as expected: {line}");
    }
    eprintln!("corpus: {} files, {numbers:?}, {} not as expected", files.len(), wrong.len());
    // Each patient is asked back under a blanket consent.
    patients.sort();
    patients.dedup();
    let organisation =
        |id: &str| json!({"type": "Organization", "identifier": world.participant(id)["identifier"]});
    let askers = [
        ("mulder", "ggz-treatment", "TREAT"),
        ("dam", "wmo-individual", "CAREMGT"),
        ("valk", "triage", "TREAT"),
        ("linden", "gp-own", "TREAT"),
    ];
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for patient in &patients {
        let (system, value) = patient.rsplit_once('|').unwrap();
        let mut consent = permit(&world, value, "huisarts-de-linde");
        let identifier = json!({"system": system, "value": value});
        consent["patient"]["identifier"] = identifier.clone();
        consent["performer"] = json!([{"type": "Patient", "identifier": identifier}]);
        let role = consent["provision"]["actor"][0]["role"].clone();
        let users: Vec<Value> = ["ggz-de-oever", "sociaal-team-west", "zorgcoordinatie-heuvelrijk"]
            .iter()
            .map(|id| json!({"role": role, "reference": organisation(id)}))
            .collect();
        consent["provision"]["actor"] = json!(users);
        let recorded = world.sluis_with(["consent", "record", "-"], consent.to_string().as_bytes());
        *answers.entry(format!("consent recorded: {}", recorded.code == 0)).or_default() += 1;
        for (staff, function, purpose) in askers {
            let mut parameter =
                vec![json!({"name": "identifier", "valueIdentifier": {"system": system, "value": value}})];
            if let Some(born) = born_on.get(patient) {
                parameter.push(json!({"name": "birthdate", "valueDate": born}));
            }
            let parameters = json!({"resourceType": "Parameters", "parameter": parameter});
            let asker = world.staff(staff, function).purpose(purpose);
            let answer = asker.send(sluis_tests::Request::fhir(
                "POST",
                "/fhir/Patient/$summary",
                parameters.to_string(),
            ));
            *answers.entry(format!("{function} {}", answer.status)).or_default() += 1;
            if answer.status == 200 {
                assert_eq!(answer.json()["type"], "document");
            }
            assert!(answer.status < 500, "{patient} {function}: {}", answer.text());
        }
    }
    eprintln!("corpus: {} persons asked back: {answers:?}", patients.len());
    world.verify();
    sluis_tests::known_red("corpus: every file as expected", || {
        assert!(wrong.is_empty(), "{} files", wrong.len())
    });
}

#[test]
fn a_practice_lists_whom_it_has_not_asked_and_who_was_asked_leaves_the_list() {
    let world = World::fresh();
    let unasked = |holder: &str| -> Vec<String> {
        let lines = world.sluis(["consent", "unasked", "--holder", holder, "--json"]).ok().json_lines();
        lines
            .iter()
            .map(|line| line["patient"].as_str().unwrap().rsplit('|').next().unwrap().to_owned())
            .collect()
    };
    let (never, asked) = (world.bsn("elidrissi"), world.bsn("jansen"));
    let list = unasked("huisarts-de-linde");
    assert!(list.contains(&never) && !list.contains(&asked), "{list:?}");
    // A no is an answer too.
    let mut objection = crate::refusals::permit(&world, &never, "huisarts-de-linde");
    objection["provision"] = serde_json::json!({"type": "deny"});
    world.sluis_with(["consent", "record", "-"], objection.to_string().as_bytes()).ok();
    assert!(!unasked("huisarts-de-linde").contains(&never));
    assert_eq!(world.sluis(["consent", "unasked", "--holder", "nobody"]).code, 1);
    let told = world.dump().into_iter().filter(|record| record["kind"] == "dry-run").count();
    assert_eq!(told, 2, "each list stands in the journal");
}
