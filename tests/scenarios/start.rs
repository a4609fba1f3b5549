//! The program as a process: it starts, refuses what it must, ends, and starts again with nothing lost.

use sluis_tests::{World, sluis};
use std::time::Duration;

#[test]
fn the_world_is_ready_when_it_says_so() {
    let world = World::shared();
    assert_eq!(world.management("/readyz").0, 200);
    for member in ["exchange", "portal", "management", "origin", "journal_key", "started"] {
        assert!(world.region()[member].is_string(), "{member}");
    }
    for (list, least) in [("participants", 13), ("people", 16), ("patients", 11), ("logins", 11)] {
        assert!(world.region()[list].as_array().unwrap().len() >= least, "{list}");
    }
}

#[test]
fn an_address_that_is_not_loopback_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("sandbox");
    for listener in ["--exchange", "--portal", "--management"] {
        let run = sluis(["demo", "--dir", dir.to_str().unwrap(), listener, "0.0.0.0:0"]);
        assert_eq!(run.code, 2, "{listener}: {} {}", run.stdout, run.stderr);
    }
}

#[test]
fn a_folder_in_use_is_refused() {
    let world = World::shared();
    let refused = World::on(world.dir()).err().expect("a second process on the folder");
    assert!(refused.contains("exit 1"), "{refused}");
    assert!(world.is_alive());
}

#[test]
fn it_ends_within_five_seconds_and_starts_again_with_nothing_lost() {
    let world = World::fresh();
    let linden = world.staff("linden", "gp-own");
    let before = linden.summary("kaya").ok().json();
    let id = linden.id("kaya");
    let (code, took) = world.terminate();
    assert_eq!(code, 0, "SIGTERM is a clean end");
    assert!(took < Duration::from_secs(5), "{took:?}");
    let again = World::on(world.dir()).unwrap();
    assert_eq!(again.region()["started"], world.region()["started"]);
    let linden = again.staff("linden", "gp-own");
    assert_eq!(linden.id("kaya"), id, "pseudonyms are stable");
    let after = linden.summary("kaya").ok().json();
    assert_eq!(after["entry"].as_array().unwrap().len(), before["entry"].as_array().unwrap().len());
    again.verify();
}
