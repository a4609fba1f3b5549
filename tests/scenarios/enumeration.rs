//! Trying numbers until one answers: what finds nothing spends a budget, and the officer hears of it (LEAKS.md L11).

use serde_json::json;
use sluis_tests::World;
use sluis_tests::ask::BSN;
use sluis_tests::world::Start;

#[test]
fn look_ups_that_find_nothing_trip_the_budget_and_the_officer_hears_of_it() {
    let world = World::fresh_with(Start::default().with_budgets());
    let valk = world.staff("valk", "triage");
    // A person found costs nothing, however often.
    for _ in 0..130 {
        valk.find("jansen").ok();
    }
    let mut fruitless = 0;
    let limited = loop {
        let answer = valk.find("unknown");
        if answer.status == 429 {
            break answer;
        }
        answer.is(403, "not-permitted");
        fruitless += 1;
        assert!(fruitless < 400, "the budget never ends");
    };
    // A burst of 120, and one a second while they were tried.
    assert!(fruitless >= 120, "{fruitless}");
    assert!(limited.header("retry-after").is_some_and(|wait| wait.parse::<u64>().is_ok_and(|s| s >= 1)));
    // Who is known is not to be found either until the budget refills: the answer says nothing about the person.
    let face = |answer: sluis_tests::Answer| {
        let face = answer.face();
        face.lines().filter(|line| !line.starts_with("retry-after")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(face(valk.find("jansen")), face(limited));
    // The counts are written once a minute, and at the end.
    let (code, _) = world.terminate();
    assert_eq!(code, 0);
    let dump = world.dump();
    let flood = dump.iter().find(|r| r["kind"] == "flood").expect("a counted record");
    let notices: Vec<_> =
        dump.iter().filter(|r| r["request_id"] == flood["request_id"] && r["kind"] == "notice").collect();
    assert_eq!(notices.len(), 1, "one word to the officer");
    assert!(!dump.iter().any(|r| r.to_string().contains("999990160")), "no number in the journal");
}

#[test]
fn recording_about_numbers_that_are_nobodys_spends_the_same_budget() {
    let world = World::fresh_with(Start::default().with_budgets());
    let linden = world.staff("linden", "gp-own");
    let consent = |number: &str| {
        let mut consent = json!({
            "resourceType": "Consent", "status": "active", "dateTime": "2026-11-20T10:00:00+01:00",
            "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
            "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
            "patient": {"type": "Patient", "identifier": {"system": BSN, "value": number}},
            "performer": [{"type": "Patient", "identifier": {"system": BSN, "value": number}}],
            "policy": [{"uri": "https://sluis.example/policy"}], "sourceAttachment": {"title": "gesprek"},
            "provision": {"type": "deny"},
        });
        consent["organization"] = json!([{"type": "Organization", "identifier": world.participant("huisarts-de-linde")["identifier"]}]);
        linden.create(&consent)
    };
    let first = (0..400).map(|_| consent(&world.bsn("unknown")).status).position(|status| status == 429);
    // A burst of 120, and one a second while they were tried.
    assert!(first.is_some_and(|n| n >= 120), "{first:?}: {}", consent(&world.bsn("unknown")).text());
    // A mistake about somebody who is known costs nothing: it is told what is wrong.
    let other = World::fresh_with(Start::default().with_budgets());
    let steen = other.staff("steen", "district-nursing");
    let wrong = json!({"resourceType": "Consent", "status": "active"});
    assert!((0..200).all(|_| steen.create(&wrong).status != 429));
}
