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
