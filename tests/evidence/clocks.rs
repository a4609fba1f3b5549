//! Clocks that jump: what is found in the journal does not hang on the order of times in it.

use serde_json::json;
use sluis_tests::{Assertion, World};

const LINDE: &str = "huisarts-de-linde";

#[test]
fn a_burnt_jti_stays_burnt_over_a_jump_of_the_clock_and_a_restart() {
    let world = World::fresh();
    let assertion = Assertion::of(&world, LINDE).claim("/exp", json!(world.now().as_second() + 290));
    assertion.send(&world.client(LINDE)).ok();
    assertion.send(&world.client(LINDE)).is(401, "invalid_client");
    world.advance(4_000);
    world.verify();
    assert_eq!(world.terminate().0, 0);
    for _ in 0..2 {
        // The machine's clock again, which did not jump.
        let again = World::on(world.dir()).unwrap();
        // The exchange has another port: the same jti for another audience is the same.
        let audience = format!("{}/oauth/token", again.exchange());
        let same = assertion.clone().claim("/aud", json!(audience));
        same.send(&again.client(LINDE)).is(401, "invalid_client");
        let fresh = same.clone().claim("/jti", json!(uuid::Uuid::new_v4().to_string()));
        fresh.send(&again.client(LINDE)).ok();
        again.kill();
    }
}

#[test]
fn an_export_of_a_day_leaves_nothing_out_that_a_jump_of_the_clock_set_apart() {
    let world = World::fresh();
    let before = world.staff("linden", "gp-own").summary("kaya").ok();
    world.advance(40_000_000);
    // So many that halving would look for the day among those of another.
    (0..60).for_each(|_| drop(world.sluis(["audit", "prove", "--index", "3"]).ok()));
    assert_eq!(world.terminate().0, 0);
    let again = World::on(world.dir()).unwrap();
    let after = again.staff("linden", "gp-own").summary("kaya").ok();
    let folder = tempfile::tempdir().unwrap();
    let zone = jiff::tz::TimeZone::get("Europe/Amsterdam").unwrap();
    let today = again.now().to_zoned(zone).date().to_string();
    let to = folder.path().join("supervisor.ndjson");
    let to = to.to_str().unwrap();
    let args = ["audit", "export", "--supervisor", "IGJ", "--participant", LINDE, "--to", to];
    let _made = again.sluis(args.into_iter().chain(["--from", &today, "--until", &today])).ok();
    let exported = std::fs::read_to_string(to).unwrap();
    for (what, answer) in [("before the jump", &before), ("after it", &after)] {
        let index = again.records_of(answer.request_id())[0]["index"].as_u64().unwrap();
        let lines = exported.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        assert!(lines.into_iter().any(|line| line["index"] == index), "{what}: record {index} is left out");
    }
}
