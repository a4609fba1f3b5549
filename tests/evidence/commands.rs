//! What an operator's commands leave in the journal: what they read of a person, and what they were refused.

use serde_json::{Value, json};
use sluis_tests::ask::BSN;
use sluis_tests::{Run, World};

/// What a command left beside it: its run, and its records.
fn left(world: &World, args: &[&str], input: &[u8]) -> (Run, Vec<Value>) {
    let before = world.dump().len();
    let run = world.sluis_with(args.iter().copied(), input);
    let mut records = world.dump().split_off(before);
    let reading = records.pop().expect("the record of the dump");
    assert_eq!(reading["kind"], "audit-read");
    (run, records)
}

/// A no to everybody, as a desk would hand it in.
fn choice(world: &World, bsn: &str) -> String {
    let person = json!({"type": "Patient", "identifier": {"system": BSN, "value": bsn}});
    json!({
        "resourceType": "Consent", "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": person, "performer": [person],
        "dateTime": world.now().to_string(),
        "organization": [{"type": "Organization", "identifier": world.participant("huisarts-de-linde")["identifier"]}],
        "sourceAttachment": {"title": "Gesprek"}, "policy": [{"uri": "https://sluis.example/fhir/policy/1"}],
        "provision": {"type": "deny"},
    })
    .to_string()
}

fn says(record: &Value, words: &str) -> bool {
    record["event"].to_string().contains(words)
}

#[test]
fn what_a_command_reads_of_a_person_is_recorded_before_it_is_said() {
    let world = World::fresh();
    let kaya = world.bsn("kaya");
    let choice = choice(&world, &kaya);
    let reads: [(&[&str], &[u8], &str, &str); 4] = [
        (&["consent", "list", "--patient", &kaya], b"", "R", "consent list"),
        (&["relation", "list", "--patient", &kaya], b"", "R", "relation list"),
        (&["index", "list", "--patient", &kaya], b"", "R", "index list"),
        (&["consent", "preview", "-"], choice.as_bytes(), "E", "consent preview"),
    ];
    for (args, input, action, command) in reads {
        let (run, records) = left(&world, args, input);
        run.ok();
        assert_eq!(records.len(), 1, "{command}");
        assert_eq!(records[0]["kind"], "dry-run", "it changes nothing: {command}");
        assert_eq!(records[0]["event"]["action"], action, "{command}");
        assert!(says(&records[0], command) && says(&records[0], "urn:sluis:operator#uid-"), "{command}");
        // Nothing was decided that could be decided again.
        let index = records[0]["index"].to_string();
        let again = world.sluis(["audit", "replay", "--index", &index]);
        assert!(again.stdout.contains("holds no decision"), "{command}: {}", again.stdout);
        // It stands in the person's own log.
        let own = world.own("kaya");
        let seen = own.get(&format!("AuditEvent?patient={}&_count=200", own.id("kaya"))).ok().json();
        assert!(seen.to_string().contains(&format!("\"r{}\"", records[0]["index"])), "{command}");
    }
    // A journal that takes nothing: nothing is said.
    world.fill_disk();
    let run = world.sluis(["consent", "list", "--patient", &kaya]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{}", run.stderr);
}

#[test]
fn a_refused_command_is_recorded_so_that_nobody_asks_unseen_whether_a_number_is_known() {
    let world = World::fresh();
    let (known, unknown) = (world.bsn("kaya"), world.bsn("unknown"));
    let file = world.dir().join("nothing.json");
    std::fs::write(&file, "no JSON").unwrap();
    let (file, to) = (file.to_str().unwrap().to_owned(), world.dir().join("export.csv"));
    let to = to.to_str().unwrap().to_owned();
    let refusals: [(&[&str], &str, &str); 9] = [
        (&["consent", "list", "--patient", &unknown], "consent list", "unknown-person"),
        (&["relation", "list", "--patient", &unknown], "relation list", "unknown-person"),
        (&["index", "list", "--patient", &unknown], "index list", "unknown-person"),
        (&["consent", "withdraw", "--patient", &known, "nothing"], "consent withdraw", "unknown-consent"),
        (&["audit", "export", "--patient", &unknown, "--to", &to], "export", "unknown-person"),
        (&["retention", "hold", "--patient", &unknown], "retention hold", "unknown-person"),
        (
            &["explain", "--patient", &unknown, "--as", "huisarts-de-linde", "--purpose", "TREAT"],
            "explain",
            "unknown-person",
        ),
        (&["participant", "suspend", "nobody"], "participant suspend", "unknown-participant"),
        (&["import", "--holder", "huisarts-de-linde", &file], "import", "not-json"),
    ];
    for (args, command, reason) in refusals {
        let (run, records) = left(&world, args, b"");
        assert_eq!(run.code, 1, "{command}: {}", run.stderr);
        assert_eq!(records.len(), 1, "{command}: {}", run.stderr);
        assert_eq!(records[0]["kind"], "refused", "{command}");
        assert!(
            says(&records[0], command) && says(&records[0], reason),
            "{command}: {}",
            records[0]["event"]
        );
        assert!(!records[0]["event"].to_string().contains(&unknown), "{command}");
    }
    // What was typed wrongly looked at nobody.
    let (run, records) = left(&world, &["consent", "list", "--patient", "|"], b"");
    assert_eq!((run.code, records.len()), (2, 0));
}

#[test]
fn what_is_counted_says_from_where_how_often_and_why_and_a_wrong_password_counts() {
    let world = World::fresh();
    for _ in 0..3 {
        let page = world.visitor().sign_in("jansen", "patient", "guessed");
        assert_eq!(page.answer.status, 401);
    }
    // A right secret at the wrong door.
    let page = world.visitor().sign_in("jansen", "officer", &world.secret("jansen"));
    assert_eq!(page.answer.status, 403);
    assert_eq!(world.terminate().0, 0);
    let dump = world.sluis(["audit", "dump", "--details"]).ok().json_lines();
    let flood = dump.iter().find(|r| r["reason"] == "failed-sign-in").expect("a count");
    assert_eq!(flood["kind"], "flood");
    assert_eq!((&flood["details"]["count"], &flood["details"]["source"]), (&json!("4"), &json!("127.0.0.1")));
    let started = dump.iter().rfind(|r| r["kind"] == "restart").unwrap();
    assert_eq!(started["details"], json!({"why": "started"}));
    assert!(dump.iter().all(|r| r["event"].is_object() != r["details"].is_object()), "the one or the other");
    // Who does not ask for them gets the lines of before.
    assert!(world.dump().iter().all(|r| r.get("details").is_none() && r.get("reason").is_none()));
}
