//! Backups and their way back, and what the operator is told.

use sluis_tests::{World, sluis};
use std::path::Path;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_backup_taken_while_serving_comes_back_whole_and_serves() {
    let world = World::fresh();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (data, keys, master) = (path("data"), path("keys"), world.dir().join("keys/master.key"));
    let linden = world.staff("linden", "gp-own");
    let before = linden.summary("kaya").ok();
    // Others ask meanwhile: the backup is one moment all the same.
    std::thread::scope(|scope| {
        let asks = scope.spawn(|| {
            for _ in 0..30 {
                let _answer = linden.summary("kaya").ok();
            }
        });
        let _made = world.sluis(["backup", "--to", text(&data), "--keys-to", text(&keys)]).ok();
        asks.join().unwrap();
    });
    let after = linden.summary("kaya").ok();
    // Never over an older one.
    assert_eq!(world.sluis(["backup", "--to", text(&data), "--keys-to", text(&path("k2"))]).code, 1);
    let restore = |more: &[&str]| {
        let mut args =
            vec!["restore", "--from", text(&data), "--keys-from", text(&keys), "--master-key", text(&master)];
        args.extend(more);
        sluis(args)
    };
    // The drill leaves nothing behind.
    let drilled = restore(&["--verify", "--json"]).ok().json();
    assert!(drilled["records"].as_u64().unwrap() > 100 && drilled["verified"] == true, "{drilled}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    let to = path("restored");
    let _said = restore(&["--verify", "--to", text(&to)]).ok();
    assert_eq!(restore(&["--to", text(&to)]).code, 1, "never into a folder that is not empty");
    // Neither archive holds the master key; with it beside them the copy serves.
    assert!(!to.join("keys/master.key").exists());
    std::fs::copy(&master, to.join("keys/master.key")).unwrap();
    let again = World::on(&to).unwrap();
    again.verify();
    assert!(!again.records_of(before.request_id()).is_empty(), "a record from before");
    assert!(again.records_of(after.request_id()).is_empty(), "a record from after");
    let answer = again.staff("linden", "gp-own").summary("kaya").ok();
    assert_eq!(answer.json()["type"], "document");
}

#[test]
fn a_backup_lies_outside_the_folder_and_holds_what_is_ours_alone() {
    let world = World::fresh();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let records = world.dump().len();
    let way_in = path("way-in");
    std::os::unix::fs::symlink(world.dir(), &way_in).unwrap();
    let inside = [world.dir().join("data"), world.dir().join("keys/data"), way_in.join("data")];
    for to in &inside {
        let run = world.sluis(["backup", "--to", text(to), "--keys-to", text(&path("k"))]);
        assert!(run.code == 1 && run.stderr.contains("lies in the data folder"), "{}", run.stderr);
        let run = world.sluis(["backup", "--to", text(&path("d")), "--keys-to", text(to)]);
        assert!(run.code == 1 && !to.exists() && !path("d").exists(), "{}", run.stderr);
    }
    // What somebody laid there is in no archive: it may be a master key, or an archive of keys.
    let strangers = ["old.key", "keys/old.key", "journal/checkpoint.new", "archive/keys1"];
    std::fs::create_dir(world.dir().join("archive")).unwrap();
    std::fs::create_dir(world.dir().join("tables")).unwrap();
    std::fs::write(world.dir().join("tables/levels.txt"), "").unwrap();
    for stranger in strangers {
        std::fs::write(world.dir().join(stranger), "x").unwrap();
    }
    // The record of one dump, and of each refusal; no backup is on record that was not made.
    let lines = world.dump();
    assert_eq!(lines.len(), records + 1 + 2 * inside.len());
    assert!(lines[records..lines.len() - 1].iter().all(|line| line["kind"] == "refused"));
    let master = world.dir().join("keys/master.key");
    let made = |name: &str| {
        let (data, keys) = (path(&format!("{name}.data")), path(&format!("{name}.keys")));
        let said = world.sluis(["backup", "--to", text(&data), "--keys-to", text(&keys)]).ok();
        for left in ["old.key", "keys/old.key", "journal/checkpoint.new", "archive"] {
            assert!(said.stderr.contains(&format!("left out: {left} ")), "{left}: {}", said.stderr);
        }
        assert_eq!(said.stderr.matches("left out").count(), 4, "{}", said.stderr);
        let to = path(name);
        let from = ["restore", "--from", text(&data), "--keys-from", text(&keys)];
        sluis(from.into_iter().chain(["--master-key", text(&master), "--verify", "--to", text(&to)])).ok();
        assert!(strangers.iter().all(|stranger| !to.join(stranger).exists()));
        for ours in ["region.json", "sandbox.json", "pki/ca.pem", "tables/levels.txt", "keys/ring.json"] {
            assert!(to.join(ours).is_file(), "{ours}");
        }
    };
    made("serving");
    let _ended = world.terminate();
    made("stopped");
    let run = world.sluis(["backup", "--to", text(&inside[0]), "--keys-to", text(&path("k"))]);
    assert!(run.code == 1 && run.stderr.contains("lies in the data folder"), "{}", run.stderr);
}

#[test]
fn a_bent_backup_and_another_master_key_are_refused() {
    let world = World::fresh();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (data, keys) = (path("data"), path("keys"));
    let _made = world.sluis(["backup", "--to", text(&data), "--keys-to", text(&keys)]).ok();
    let master = world.dir().join("keys/master.key");
    let restore = |data: &Path, master: &Path| {
        let from = ["restore", "--from", text(data), "--keys-from", text(&keys)];
        sluis(from.into_iter().chain(["--master-key", text(master), "--verify"]))
    };
    let mut bytes = std::fs::read(&data).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path("bent"), &bytes).unwrap();
    bytes[middle] ^= 1;
    std::fs::write(path("cut"), &bytes[..bytes.len() - 1]).unwrap();
    std::fs::write(path("other.key"), "00".repeat(32)).unwrap();
    for (data, master, what) in [
        (path("bent"), master.clone(), "bent"),
        (path("cut"), master.clone(), "cut"),
        (data.clone(), path("other.key"), "another master key"),
    ] {
        let run = restore(&data, &master);
        assert_eq!(run.code, 1, "{what}: {}", run.stdout);
        assert!(!run.stderr.is_empty(), "{what} is said");
    }
    let _good = restore(&data, &master).ok();
}

#[test]
fn the_doctor_is_content_with_a_healthy_folder_and_names_what_is_not() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::fresh();
    let healthy = world.sluis(["doctor", "--json"]).ok().json_lines();
    assert!(healthy.iter().all(|f| f["state"] == "good"), "{healthy:?}");
    let ring = world.dir().join("keys/ring.json");
    std::fs::set_permissions(&ring, std::fs::Permissions::from_mode(0o644)).unwrap();
    let run = world.sluis(["doctor"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("ring.json") && run.stdout.contains("chmod 600"), "{}", run.stdout);
    std::fs::set_permissions(&ring, std::fs::Permissions::from_mode(0o600)).unwrap();
    world.kill();
    let run = world.sluis(["doctor"]).ok();
    assert!(run.stdout.contains("did not end by itself"), "{}", run.stdout);
}

#[test]
fn an_organisation_that_keeps_its_records_longer_does_so_for_what_it_took_part_in() {
    let world = World::fresh();
    let theirs = world.staff("steen", "district-nursing").summary("jansen").ok();
    let others = world.asker("ggz-de-oever").purpose("TREAT").summary("devries");
    let mut thuis = world.sluis(["participant", "show", "wijkverpleging-thuis"]).ok().json();
    for (years, code) in [(4, 1), (10, 0)] {
        thuis["keep_years"] = years.into();
        let run = world.sluis_with(["participant", "add", "--file", "-"], thuis.to_string().as_bytes());
        assert_eq!(run.code, code, "{}", run.stderr);
    }
    let forgotten = |request: &str| world.records_of(request).iter().all(|record| record["event"].is_null());
    world.advance(7 * 366 * 86_400);
    let ran = world.sluis(["retention", "run", "--json"]).ok().json();
    assert!(ran["longer"].as_u64().unwrap() > 0 && ran["forgotten"].as_u64().unwrap() > 0, "{ran}");
    assert!(!forgotten(theirs.request_id()) && forgotten(others.request_id()));
    world.advance(5 * 366 * 86_400);
    let _ran = world.sluis(["retention", "run"]).ok();
    assert!(forgotten(theirs.request_id()));
}

#[test]
fn a_year_over_its_term_is_forgotten_and_nothing_else() {
    let world = World::fresh();
    let linden = world.staff("linden", "gp-own");
    let (old, kept) = (linden.summary("kaya").ok(), linden.summary("jansen").ok());
    let (old, kept) = (old.request_id(), kept.request_id());
    let checkpoint = world.dir().join("kept-elsewhere.txt");
    std::fs::write(&checkpoint, world.sluis(["audit", "checkpoint"]).ok().stdout).unwrap();
    let number = |patient: &str| world.bsn(patient);
    let patient =
        |command: &str| ["retention".to_owned(), command.to_owned(), "--patient".to_owned(), "-".to_owned()];
    let hold = |command: &str, of: &str| {
        let args = patient(command);
        world.sluis_with(args.iter().map(String::as_str), number(of).as_bytes())
    };
    let _said = hold("hold", "jansen").ok();
    let forgotten = |world: &World, request: &str| {
        let records = world.records_of(request);
        assert_eq!(records.len(), 1, "the record stands, readable or not");
        records[0]["event"].is_null()
    };
    // Too early, nothing goes; fewer years than the law's is wrong usage.
    assert_eq!(world.sluis(["retention", "run", "--json"]).ok().json()["forgotten"], 0);
    assert_eq!(world.sluis(["retention", "run", "--keep-years", "4"]).code, 2);
    assert!(!forgotten(&world, old));
    let folder = tempfile::tempdir().unwrap();
    let master = world.dir().join("keys/master.key");
    let drill = |name: &str| {
        let (data, keys) = (folder.path().join(name), folder.path().join(format!("{name}.keys")));
        let _made = world.sluis(["backup", "--to", text(&data), "--keys-to", text(&keys)]).ok();
        let args = ["--from", text(&data), "--keys-from", text(&keys), "--master-key", text(&master)];
        sluis(["restore"].into_iter().chain(args).chain(["--verify", "--json"])).ok().json()
    };
    let before = drill("before");
    world.advance(6 * 366 * 86_400);
    let explain = ["explain", "--as", "huisarts-de-linde", "--purpose", "TREAT", "--patient", "-"];
    let _young = world.sluis_with(explain, number("kaya").as_bytes()).ok();
    let ran = world.sluis(["retention", "run", "--json"]).ok().json();
    assert!(ran["forgotten"].as_u64().unwrap() > 5 && ran["held"] == 1, "{ran}");
    assert!(forgotten(&world, old), "the old year");
    assert!(!forgotten(&world, kept), "a legal hold");
    let dump = world.dump();
    let young = dump.iter().rfind(|r| r["kind"] == "dry-run").unwrap();
    assert!(young["event"].is_object(), "a younger year");
    assert!(dump.iter().any(|r| r["kind"] == "key" && r["event"]["action"] == "D"), "forgetting is recorded");
    // The tree is whole, and still the one of before.
    world.verify();
    let _same = world.sluis(["audit", "verify", "--checkpoint", text(&checkpoint)]).ok();
    let _lifted = hold("lift", "jansen").ok();
    let _ran = world.sluis(["retention", "run"]).ok();
    assert!(forgotten(&world, kept));
    // What is forgotten is the past: no change is gone with it.
    let after = drill("after");
    let number = |drilled: &serde_json::Value, name: &str| drilled[name].as_u64().unwrap();
    assert!(number(&after, "forgotten") > 5 && number(&before, "forgotten") == 0, "{after}");
    assert!(number(&after, "changes") >= number(&before, "changes"), "{before} {after}");
    world.kill();
    let again = World::on(world.dir()).unwrap();
    assert!(forgotten(&again, old) && forgotten(&again, kept), "for good");
    again.verify();
    // What is held about the person now is not a record of the past: it serves as before.
    let _answer = again.staff("linden", "gp-own").summary("kaya").ok();
}
