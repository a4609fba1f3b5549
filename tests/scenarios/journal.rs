//! The journal, judged from outside: its shape, its proofs, and what never stands in it or anywhere else.

use data_encoding::BASE64;
use serde_json::Value;
use sluis_tests::{Request, World, known_red, proof};
use std::path::Path;

#[test]
fn a_record_stands_when_the_answer_arrives() {
    let world = World::shared();
    let linden = world.staff("linden", "gp-own");
    let answers = [
        (linden.summary("kaya"), "answered"),
        (linden.find("unknown"), "refused"),
        (linden.get("Condition?_has=x"), "refused"),
        (linden.ask_token(), "token"),
        (
            linden.client().send(&Request::form("/oauth/token", &[("grant_type", "password")])),
            "token-refused",
        ),
        (linden.client().send(&Request::get("/fhir/Condition?patient=x")), "refused"),
    ];
    for (answer, kind) in answers {
        let records = world.records_of(answer.request_id());
        assert!(records.iter().any(|r| r["kind"] == kind), "{kind}: {} {records:?}", answer.status);
    }
    // Discovery, metadata and directory leave no record.
    for path in ["/fhir/metadata", "/.well-known/jwks.json", "/fhir/Organization"] {
        let answer = linden.send(Request::get(path));
        assert!(world.records_of(answer.request_id()).is_empty(), "{path}");
    }
}

#[test]
fn dump_has_the_shape_of_the_contract() {
    let world = World::shared();
    let answer = world.staff("linden", "gp-own").summary("kaya");
    let dump = world.dump();
    let kinds = [
        "asked",
        "answered",
        "refused",
        "token",
        "token-refused",
        "consent",
        "relation",
        "attestation",
        "import",
        "dry-run",
        "participant",
        "certificate",
        "key",
        "rules",
        "portal",
        "audit-read",
        "notice",
        "restart",
        "flood",
    ];
    for (index, line) in dump.iter().enumerate() {
        assert_eq!(line["index"], index);
        assert_eq!(line["origin"], world.region()["origin"]);
        assert!(line["time"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
        assert!(kinds.contains(&line["kind"].as_str().unwrap()), "{}", line["kind"]);
        let record = BASE64.decode(line["record"].as_str().unwrap().as_bytes()).unwrap();
        assert_eq!(line["leaf_hash"], BASE64.encode(&proof::leaf_hash(&record)));
        let record: Value = serde_json::from_slice(&record).unwrap();
        for member in ["time", "kind", "request_id"] {
            assert_eq!(record[member], line[member], "record {index}");
        }
        let members = ["index", "origin", "time", "kind", "request_id", "leaf_hash", "record", "event"];
        assert!(line.as_object().unwrap().keys().all(|k| members.contains(&k.as_str())));
    }
    let answered =
        dump.iter().find(|l| l["request_id"] == answer.request_id() && l["kind"] == "answered").unwrap();
    let event = &answered["event"];
    assert_eq!(event["resourceType"], "AuditEvent");
    let text = event.to_string();
    for stands in ["90000371", "TREAT", "linden"] {
        assert!(text.contains(stands), "{stands}: {text}");
    }
}

#[test]
fn a_proof_holds_with_sha_256_and_the_journal_key_alone() {
    let world = World::shared();
    let key = world.region()["journal_key"].as_str().unwrap();
    world.verify();
    let dump = world.dump();
    for index in [0, 1, dump.len() / 2, dump.len() - 1] {
        let number = index.to_string();
        let mut one = world.sluis(["audit", "prove", "--index", &number]).ok().json();
        proof::check(&one, key).unwrap();
        assert_eq!(one["leaf"], dump[index]["record"], "the proof speaks of this line");
        // Any other leaf, index or path does not hold.
        let leaf = one["leaf"].clone();
        one["leaf"] = Value::from(BASE64.encode(b"something else"));
        assert!(proof::check(&one, key).is_err());
        one["leaf"] = leaf;
        one["index"] = Value::from(index + 1);
        assert!(proof::check(&one, key).is_err());
    }
    // The whole tree, rebuilt from the dump, is the tree of the checkpoint.
    let note = world.sluis(["audit", "checkpoint"]).ok().stdout;
    let (size, root) = proof::open(&note, key).unwrap();
    let dump = world.dump();
    let leaves: Vec<_> = dump
        .iter()
        .take(usize::try_from(size).unwrap())
        .map(|l| BASE64.decode(l["leaf_hash"].as_str().unwrap().as_bytes()).unwrap())
        .collect();
    assert_eq!(proof::tree(&leaves), root);
    assert!(world.management("/checkpoint").1.contains(world.region()["origin"].as_str().unwrap()));
}

#[test]
fn every_byte_that_changes_is_found() {
    let world = World::fresh();
    world.staff("linden", "gp-own").summary("kaya").ok();
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(world.terminate().0, 0);
    let copy = folder.path().join("copy");
    copy_folder(world.dir(), &copy);
    let verify = || sluis_tests::sluis(["audit", "verify", "--dir", copy.to_str().unwrap()]);
    assert_eq!(verify().code, 0, "{}", verify().stderr);
    let segment = copy.join("journal/00000000000000000000.seg");
    let whole = std::fs::read(&segment).unwrap();
    let written = whole.iter().rposition(|b| *b != 0).unwrap();
    for place in [0, 7, written / 3, written / 2, written - 1, written, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        std::fs::write(&segment, &changed).unwrap();
        assert_eq!(verify().code, 1, "byte {place} of {written}");
    }
    std::fs::write(&segment, &whole[..written / 2]).unwrap();
    assert_eq!(verify().code, 1, "cut in the middle");
    std::fs::write(&segment, &whole).unwrap();
    assert_eq!(verify().code, 0);
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn the_view_may_vanish() {
    let world = World::fresh();
    let linden = world.staff("linden", "gp-own");
    let before = linden.everything("kaya").unwrap();
    assert_eq!(world.terminate().0, 0);
    std::fs::remove_dir_all(world.dir().join("view")).unwrap();
    let again = World::on(world.dir()).unwrap();
    let after = again.staff("linden", "gp-own").everything("kaya").unwrap();
    let count = |all: &Value| {
        all.as_array().unwrap().iter().map(|b| b["entry"].as_array().map_or(0, Vec::len)).sum::<usize>()
    };
    assert_eq!(count(&before), count(&after));
    again.verify();
}

#[test]
fn no_bsn_name_or_content_in_the_clear_anywhere() {
    let world = World::fresh();
    let linden = world.staff("linden", "gp-own");
    let bsn = world.bsn("devries");
    linden.everything("devries").unwrap();
    linden.find("unknown").is(403, "not-permitted");
    linden.get(&format!("Patient/{bsn}")).is(400, "bsn-in-url");
    world
        .sluis_with(
            ["explain", "--patient", "-", "--as", "huisarts-de-linde", "--purpose", "TREAT"],
            bsn.as_bytes(),
        )
        .ok();
    let output = world.output();
    let metrics = world.management("/metrics").1;
    assert_eq!(world.terminate().0, 0);
    let mut places =
        vec![("output".to_owned(), output.into_bytes()), ("metrics".to_owned(), metrics.into_bytes())];
    // region.json is the sandbox's own list of invented persons (CONTRACT.md 2).
    files(world.dir(), &mut |path, bytes| {
        if path.file_name().is_some_and(|n| n != "region.json") {
            places.push((path.display().to_string(), bytes));
        }
    });
    assert!(places.len() > 10);
    let needles =
        [bsn.as_str(), "999990160", "999990172", "Vries", "Petra", "MRK-devries", "Bictegravir", "86406008"];
    for (place, bytes) in &places {
        for needle in needles {
            let found = bytes.windows(needle.len()).any(|w| w == needle.as_bytes());
            assert!(!found, "{needle} stands in {place}");
        }
    }
}

fn files(folder: &Path, on: &mut dyn FnMut(&Path, Vec<u8>)) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, on);
        } else if let Ok(bytes) = std::fs::read(&path) {
            on(&path, bytes);
        }
    }
}

#[test]
fn what_the_person_sees_of_the_journal_is_their_own() {
    known_red("audit: own app", || {
        let world = World::shared();
        world.staff("linden", "gp-own").summary("kaya").ok();
        let own = world.own("kaya");
        let id = own.id("kaya");
        let events = own.get(&format!("AuditEvent?patient={id}")).ok().json();
        assert!(!events["entry"].as_array().unwrap().is_empty());
        // A clinician gets none, not even of their own look.
        let linden = world.staff("linden", "gp-own");
        let theirs = linden.id("kaya");
        linden.get(&format!("AuditEvent?patient={theirs}")).is(403, "not-permitted");
    });
}
