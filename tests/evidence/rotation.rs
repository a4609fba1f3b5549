//! Every kind of key changes while requests go on, and nothing made before is lost.

use sluis_tests::ask::Asker;
use sluis_tests::client::Request;
use sluis_tests::json::resources;
use sluis_tests::seen::link;
use sluis_tests::{World, proof};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const KINDS: [&str; 8] =
    ["pseudonym", "outward-id", "page", "view", "general", "token-signing", "journal-signing", "person"];

/// What somebody holds of us from before.
struct Before {
    patient: String,
    condition: String,
    page: String,
    request_id: String,
}

impl Before {
    fn of(asker: &Asker<'_>) -> Self {
        let patient = asker.id("kaya");
        let found = asker.search_id(&patient, "Condition", "").ok();
        let page = asker.search_id(&patient, "Observation", "_count=1").ok().json();
        let next = link(&page, "next").unwrap();
        Self {
            condition: resources(&found.json())[0]["id"].as_str().unwrap().to_owned(),
            page: next.split_once("/fhir/").map(|(_, t)| format!("/fhir/{t}")).unwrap(),
            request_id: found.request_id().to_owned(),
            patient,
        }
    }

    /// Ids, page link and token of before still do what they did.
    #[track_caller]
    fn still_counts(&self, asker: &Asker<'_>, when: &str) {
        let read = asker.get(&format!("Condition/{}", self.condition));
        assert_eq!(read.status, 200, "{when}: {}", read.text());
        assert!(
            !resources(&asker.search_id(&self.patient, "Condition", "").ok().json()).is_empty(),
            "{when}"
        );
        assert_eq!(asker.send(Request::get(&self.page)).status, 200, "{when}");
        assert!(
            !asker.world().records_of(&self.request_id)[0]["event"].is_null(),
            "{when}: the record opens"
        );
    }
}

fn persons(world: &World) -> usize {
    let said = world.sluis(["consent", "unasked", "--holder", "huisarts-de-linde", "--json"]).ok();
    said.stdout.lines().count()
}

/// Ends who asks meanwhile, also when something does not hold: else they would be waited for.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn every_kind_of_key_changes_while_requests_go_on() {
    let world = World::fresh();
    let linden = world.staff("linden", "gp-own");
    let before = Before::of(&linden);
    let (known, old_key) = (persons(&world), world.region()["journal_key"].as_str().unwrap().to_owned());
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let _when_done = Stops(&stop);
        for _ in 0..2 {
            scope.spawn(|| {
                // A token and a connection of its own: one from before all of it.
                let asker = world.staff("linden", "gp-own");
                while !stop.load(Ordering::Relaxed) {
                    asker.summary("kaya").ok();
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for kind in KINDS {
            let said = world.sluis(["keys", "rotate", kind, "--json"]).ok().json();
            let number = if kind == "person" { serde_json::Value::Null } else { 2.into() };
            assert_eq!((&said["kind"], &said["number"]), (&kind.into(), &number), "{said}");
            assert_eq!(said["journal_key"].is_string(), kind == "journal-signing");
            before.still_counts(&linden, kind);
            world.verify();
            let seen = answered.load(Ordering::Relaxed);
            sluis_tests::until("requests go on", || answered.load(Ordering::Relaxed) > seen + 2);
        }
    });
    // What is made now is made with the new ones.
    let fresh = world.staff("linden", "gp-own");
    let after = Before::of(&fresh);
    assert!(after.patient != before.patient && after.condition != before.condition);
    assert_ne!(fresh.token().split('.').next(), linden.token().split('.').next(), "another kid");
    // The same person, not a second one; and each change has a record of its own.
    assert_eq!(persons(&world), known);
    let turned: Vec<String> = world
        .dump()
        .iter()
        .filter(|record| record["kind"] == "key")
        .flat_map(|record| record["event"]["entity"].as_array().cloned().unwrap_or_default())
        .map(|entity| entity.to_string())
        .collect();
    for kind in KINDS {
        assert!(turned.iter().any(|entity| entity.contains(kind)), "{kind}: {turned:?}");
    }
    // Whoever knows the journal's former key checks the newest checkpoint, and so does who knows the new one.
    let note = world.sluis(["audit", "checkpoint"]).ok().stdout;
    let new_key = world.sluis(["audit", "key"]).ok().stdout.trim().to_owned();
    assert_ne!(new_key, old_key);
    for key in [&old_key, &new_key] {
        proof::open(&note, key).unwrap();
    }
    // A view built anew and a start find everything as well.
    let _built = world.sluis(["rebuild-view"]).ok();
    before.still_counts(&linden, "a view built anew");
    assert_eq!(world.terminate().0, 0);
    let again = World::on(world.dir()).unwrap();
    assert_eq!(again.region()["journal_key"], new_key.as_str());
    before.still_counts(&again.staff("linden", "gp-own"), "a start");
    assert_eq!(persons(&again), known);
    again.verify();
}

#[test]
fn another_master_key_counts_from_then_on_and_the_former_no_more() {
    let world = World::fresh();
    let linden = world.staff("linden", "gp-own");
    let before = Before::of(&linden);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let former = path("former.key");
    std::fs::copy(world.dir().join("keys/master.key"), &former).unwrap();
    for (bytes, code) in [("too short", 1), (&*std::fs::read_to_string(&former).unwrap(), 1)] {
        std::fs::write(path("next.key"), bytes).unwrap();
        assert_eq!(world.sluis(["keys", "rotate", "master", "--new-master", &path("next.key")]).code, code);
    }
    assert_eq!(world.sluis(["keys", "rotate", "master"]).code, 2);
    assert_eq!(world.sluis(["keys", "rotate", "page", "--new-master", &former]).code, 2);
    assert_eq!(world.sluis(["keys", "rotate", "cupboard"]).code, 2);
    std::fs::write(path("next.key"), "5a".repeat(32)).unwrap();
    let _old = world.sluis(["backup", "--to", &path("d1"), "--keys-to", &path("k1")]).ok();
    let _turned = world.sluis(["keys", "rotate", "master", "--new-master", &path("next.key")]).ok();
    before.still_counts(&linden, "another master key");
    let _new = world.sluis(["backup", "--to", &path("d2"), "--keys-to", &path("k2")]).ok();
    // A backup opens with the master key of its day, and with no other.
    for (n, key, code) in
        [(1, &former, 0), (1, &path("next.key"), 1), (2, &path("next.key"), 0), (2, &former, 1)]
    {
        let (data, keys) = (path(&format!("d{n}")), path(&format!("k{n}")));
        let args = ["restore", "--from", &data, "--keys-from", &keys, "--master-key", key, "--verify"];
        assert_eq!(sluis_tests::sluis(args).code, code, "{n} {key}");
    }
    world.kill();
    let again = World::on(world.dir()).unwrap();
    before.still_counts(&again.staff("linden", "gp-own"), "a start after a kill");
    assert_eq!(again.terminate().0, 0);
    std::fs::copy(&former, world.dir().join("keys/master.key")).unwrap();
    let said = World::on(world.dir()).err().expect("the former master key opens nothing");
    assert!(said.contains("master key"), "{said}");
}
