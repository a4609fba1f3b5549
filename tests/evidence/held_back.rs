//! Behind its witness a gateway answers nobody, at any door; and a release never waits for a witness. In the sandbox, with
//! a witness that nobody there wrote.

use serde_json::json;
use sluis_tests::witness::{Script, Scripted};
use sluis_tests::world::Start;
use sluis_tests::{Request, World, until};
use std::time::{Duration, Instant};

fn witnessed(scripted: &Scripted) -> World {
    let start = Start::default().arg("--witness").arg(&scripted.url).arg("--witness-key").arg(&scripted.key);
    World::fresh_with(start)
}

#[test]
fn behind_its_witness_no_door_opens_until_an_operator_knows() {
    // Silent at the start: it serves. Then it comes back, and saw more.
    let scripted = Scripted::start(Script::Say(500));
    let world = witnessed(&scripted);
    assert_eq!(world.management("/readyz").0, 503);
    let linden = world.staff("linden", "gp-own");
    let jansen = world.signed_in("jansen", "patient");
    let _answer = linden.summary("kaya").ok();
    let id = linden.id("kaya");
    let officer = world.officer("huisarts-de-linde", "officer-linde");
    let events = || officer.get(&format!("AuditEvent?patient={id}"));
    let _read = events().ok();

    scripted.now(Script::Saw(1_000_000));
    until("it is held back", || linden.summary("kaya").status == 503);
    let checkpoint = world.management("/checkpoint").1;
    linden.summary("kaya").is(503, "audit-unavailable");
    linden.get(&format!("Condition?patient={id}")).is(503, "audit-unavailable");
    linden.find("kaya").is(503, "audit-unavailable");
    linden.find("unknown").is(503, "audit-unavailable");
    linden.get("Condition?patient=x&_sort=date").is(503, "audit-unavailable");
    linden.explain(&id).is(503, "audit-unavailable");
    events().is(503, "audit-unavailable");
    assert_eq!(linden.ask_token().status, 503);
    let consent = json!({"resourceType": "Consent", "status": "active"});
    linden.create(&consent).is(503, "audit-unavailable");
    let never = world.dir().join("never");
    let page = jansen.open("/patient/sharing");
    assert_eq!(page.answer.status, 503, "{}", page.text());
    assert!(!page.text().contains("Huisarts"), "{}", page.text());
    for command in [
        &["audit", "dump"][..],
        &["audit", "verify"],
        &["participant", "suspend", "huisarts-de-linde"],
        &["backup", "--to", never.to_str().unwrap()],
        &["retention", "run"],
    ] {
        let run = world.sluis(command.iter().copied());
        // Nothing on standard output: a journal that could not be verified is no finding.
        assert!(run.code == 1 && run.stdout.is_empty(), "{command:?}: {} {}", run.code, run.stdout);
        assert!(run.stderr.contains("witness"), "{command:?}: {}", run.stderr);
    }
    // What says nothing about anybody is still answered, and nothing of all that was recorded.
    assert_eq!(linden.client().send(&Request::get("/fhir/metadata")).status, 200);
    let said = world.management("/readyz").1;
    assert!(said.contains("acknowledge-gap --witnessed 1000000"), "{said}");
    assert_eq!(world.management("/checkpoint").1, checkpoint, "something was recorded");

    world.sluis(["audit", "acknowledge-gap", "--witnessed", "1000000"]).ok();
    let _answer = linden.summary("kaya").ok();
    assert_eq!(jansen.open("/patient/sharing").answer.status, 200);
    let told = |record: &serde_json::Value| record["event"].to_string().contains("acknowledge-gap");
    assert_eq!(world.dump().iter().filter(|record| told(record)).count(), 1);
    assert_eq!(world.management("/readyz").0, 503, "the witness still saw more");
    world.verify();
}

#[test]
fn a_release_does_not_wait_for_a_witness_that_hangs() {
    let scripted = Scripted::start(Script::Cosign(0));
    let world = witnessed(&scripted);
    assert_eq!(world.management("/readyz").0, 200);
    scripted.now(Script::Hang);
    let linden = world.staff("linden", "gp-own");
    let begun = Instant::now();
    let (mut slowest, mut released) = (Duration::ZERO, 0);
    // Longer than it takes until the witness is asked again, and until nobody waits for it any more.
    while begun.elapsed() < Duration::from_secs(12) {
        let asked = Instant::now();
        let _answer = linden.summary("kaya").ok();
        slowest = slowest.max(asked.elapsed());
        released += 1;
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("{released} released, the slowest in {slowest:?}");
    assert!(slowest < Duration::from_secs(3), "a release waited {slowest:?}");
    world.verify();
}
