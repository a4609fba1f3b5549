//! What is damaged in the journal is told: no lens, export, dump or proof shows less in silence.

use crate::session::{PERSON, stored};
use serde_json::Value;
use sluis_tests::{World, proof, sluis};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The only segment of a young journal.
fn segment(dir: &Path) -> PathBuf {
    dir.join("journal/00000000000000000000.seg")
}

/// Bends one byte in place: somebody may be writing elsewhere in the file.
fn flip(file: &Path, at: usize) {
    let file = std::fs::OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at as u64).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at as u64).unwrap();
}

/// Bends the last byte of a record where it lies.
fn bend(dir: &Path, record: &Value) {
    let (file, record) = (segment(dir), stored(record));
    let bytes = std::fs::read(&file).unwrap();
    let at = bytes.windows(record.len()).position(|window| window == record).expect("the record");
    flip(&file, at + record.len() - 1);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The folders of a stopped gateway, elsewhere.
pub(crate) fn cold(world: &World, to: &Path) {
    for folder in ["journal", "holdings", "keys"] {
        copy(&world.dir().join(folder), &to.join(folder));
    }
}

#[test]
fn a_damaged_record_stops_every_lens_export_and_dump_that_would_lack_it() {
    let world = World::fresh();
    let linden = world.staff("linden", "gp-own");
    let asked = linden.summary(PERSON).ok();
    let (own, id) = (world.own(PERSON), linden.id(PERSON));
    let own_id = own.id(PERSON);
    let officer = world.officer("huisarts-de-linde", "officer-linde");
    let (patient_pages, officer_pages) =
        (world.signed_in(PERSON, "patient"), world.signed_in("officer-linde", "officer"));
    let whole = world.dump();
    let bent = whole.iter().find(|r| r["request_id"] == asked.request_id()).unwrap();
    let _before = own.get(&format!("AuditEvent?patient={own_id}")).ok();
    bend(world.dir(), bent);

    own.get(&format!("AuditEvent?patient={own_id}")).is(503, "audit-unavailable");
    officer.get(&format!("AuditEvent?patient={id}")).is(503, "audit-unavailable");
    // Who has no part in this person's log learns nothing of it, also not this.
    let elsewhere = world.officer("ggz-de-oever", "officer-oever");
    elsewhere.get(&format!("AuditEvent?patient={id}")).is(403, "not-permitted");
    for (pages, path) in [
        (&patient_pages, "/patient/looked".to_owned()),
        (&officer_pages, "/officer".to_owned()),
        (&officer_pages, format!("/officer/record/{}", bent["index"])),
    ] {
        let page = pages.open(&path);
        assert_eq!(page.answer.status, 503, "{path}: {}", page.text());
    }
    // The way to the own choices stays open; that the log cannot be read is said there.
    let home = patient_pages.open("/patient").ok();
    assert!(home.html().contains("role=\"alert\"") && home.html().contains("/patient/choice"));

    let folder = tempfile::tempdir().unwrap();
    let today = world.now().in_tz("Europe/Amsterdam").unwrap().strftime("%Y-%m-%d").to_string();
    let of_person = ["--patient", "-"];
    let of_officer = ["--patient", "-", "--officer", "huisarts-de-linde"];
    let supervised =
        ["--supervisor", "igj", "--participant", "huisarts-de-linde", "--from", &today, "--until", &today];
    let regional = ["--regional", "heuvelrijk", "--from", &today, "--until", &today];
    let readers: [&[&str]; 4] = [&of_person, &of_officer, &supervised, &regional];
    for (n, reader) in readers.into_iter().enumerate() {
        let to = folder.path().join(format!("{n}.csv"));
        let args = ["audit", "export", "--format", "csv", "--to", to.to_str().unwrap()];
        let args = args.into_iter().chain(reader.iter().copied());
        let run = world.sluis_with(args, world.bsn(PERSON).as_bytes());
        assert_eq!(run.code, 1, "{reader:?}");
        assert!(run.stderr.contains(&format!("record {} cannot be read", bent["index"])), "{}", run.stderr);
        assert!(!to.exists(), "{reader:?}");
    }
    let dumped = world.sluis(["audit", "dump"]);
    assert_eq!(dumped.code, 1);
    let named = format!("record {} cannot be read", bent["index"]);
    assert!(dumped.stderr.contains(&named) && dumped.stderr.contains("not the whole journal"));
    assert!(dumped.json_lines().len() >= whole.len(), "what can be read stands there");
    assert_eq!(world.sluis(["audit", "prove", "--index", &bent["index"].to_string()]).code, 1);
}

#[test]
fn a_cold_copy_says_what_it_lacks() {
    let world = World::fresh();
    let _answer = world.staff("linden", "gp-own").summary(PERSON).ok();
    let lines = world.dump();
    let _ended = world.terminate();
    let folder = tempfile::tempdir().unwrap();
    let copied = |name: &str| {
        let dir = folder.path().join(name);
        cold(&world, &dir);
        dir
    };
    let run = |dir: &Path, args: &[&str]| {
        sluis(args.iter().copied().chain(["--dir", dir.to_str().unwrap()]).map(str::to_owned))
    };
    let whole = copied("whole");
    assert!(run(&whole, &["audit", "dump"]).ok().json_lines().len() >= lines.len());

    let bent = copied("bent");
    bend(&bent, &lines[lines.len() / 2]);
    let dumped = run(&bent, &["audit", "dump"]);
    assert_eq!(dumped.code, 1, "{} lines", dumped.json_lines().len());
    assert!(dumped.stderr.contains("torn tail"), "{}", dumped.stderr);
    assert!(!dumped.json_lines().is_empty());

    // Cut at the end of a batch: nothing but the checkpoint speaks of what came behind.
    let cut = copied("cut");
    let bytes = std::fs::read(segment(&cut)).unwrap();
    let last = stored(run(&whole, &["audit", "dump"]).json_lines().last().unwrap());
    let at = bytes.windows(last.len()).rposition(|window| window == last).unwrap() - 16;
    std::fs::write(segment(&cut), &bytes[..at]).unwrap();
    let dumped = run(&cut, &["audit", "dump"]);
    assert_eq!(dumped.code, 1);
    assert!(dumped.stderr.contains("a checkpoint speaks of"), "{}", dumped.stderr);
}

#[test]
fn a_proof_that_does_not_hold_is_not_handed_out() {
    let world = World::fresh();
    let prove = |dir: &Path, index: &str| {
        sluis(["audit", "prove", "--index", index, "--dir", dir.to_str().unwrap()].map(str::to_owned))
    };
    let key = world.region()["journal_key"].as_str().unwrap().to_owned();
    proof::check(&prove(world.dir(), "50").ok().json(), &key).unwrap();
    let tiles = world.dir().join("journal/tile/0");
    flip(&tiles, 32 * 20);
    let refused = prove(world.dir(), "50");
    assert_eq!(refused.code, 1, "{}", refused.stdout);
    assert!(refused.stdout.is_empty() && refused.stderr.contains("do not lead to"), "{}", refused.stderr);
    flip(&tiles, 32 * 20);
    let _ended = world.terminate();
    let folder = tempfile::tempdir().unwrap();
    cold(&world, folder.path());
    proof::check(&prove(folder.path(), "50").ok().json(), &key).unwrap();
    flip(&folder.path().join("journal/tile/0"), 32 * 20);
    assert_eq!(prove(folder.path(), "50").code, 1);
}
