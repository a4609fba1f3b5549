//! Failure, cache, storage.

use crate::{linden, planted, twins};
use sluis_tests::json::has_code;
use sluis_tests::{Asker, Request, World};

fn withdraw(world: &World, patient: &str) {
    let bsn = world.bsn(patient);
    for consent in world.sluis(["consent", "list", "--patient", &bsn, "--json"]).ok().json_lines() {
        world.sluis(["consent", "withdraw", consent["id"].as_str().unwrap(), "--patient", &bsn]).ok();
    }
}

/// Every road that gives data, with an id at hand.
fn roads(asker: &Asker<'_>, id: &str, patient: &str) -> Vec<sluis_tests::Answer> {
    vec![
        asker.find(patient),
        asker.summary(patient),
        asker.get(&format!("Patient/{id}")),
        asker.get(&format!("Patient/{id}/$summary")),
        asker.search_id(id, "Condition", ""),
        asker.search_id(id, "AllergyIntolerance", ""),
        asker.get(&format!("Observation/$lastn?patient={id}&category=laboratory&max=1")),
        asker.explain(id),
    ]
}

#[test]
fn l85_an_entry_that_cannot_be_filtered_takes_its_holder_along() {
    let world = World::fresh();
    let valk = world.staff("valk", "triage");
    for mode in ["garbage", "wrong-person"] {
        world.fault("wijkverpleging-thuis", mode);
        let answer = valk.summary("jansen").ok();
        let document = answer.json();
        assert!(!has_code(&document, "38341003") || has_code(&document, "B01AF02"));
        assert!(!has_code(&document, "404946006"), "{mode}: nothing of this holder");
        assert!(!answer.text().contains("spoilt") && !answer.text().contains("999990160"));
        let records = world.records_of(answer.request_id());
        assert!(
            records.iter().any(|r| r["event"].to_string().contains("wijkverpleging-thuis")),
            "{mode}: recorded"
        );
    }
}

#[test]
fn l86_a_state_that_was_lost_gives_no_stale_permit() {
    let world = World::fresh();
    let valk = world.staff("valk", "triage");
    valk.summary("jansen2").ok();
    withdraw(&world, "jansen2");
    world.kill();
    // The view is spoilt: what stands in the journal and the holdings decides.
    for entry in std::fs::read_dir(world.dir().join("view")).unwrap().flatten() {
        if entry.path().is_file() {
            std::fs::write(entry.path(), b"spoilt").unwrap();
        }
    }
    let again = World::on(world.dir()).unwrap();
    again.staff("valk", "triage").summary("jansen2").is(403, "not-permitted");
    again.staff("valk", "triage").summary("jansen").ok();
    again.verify();
}

#[test]
fn l87_nothing_is_sent_before_it_is_decided() {
    let world = World::fresh();
    let valk = world.staff("valk", "triage");
    let id = valk.id("jansen2");
    let token = valk.token();
    world.fault("huisarts-de-linde", "slow");
    let request = Request::get(&format!("/fhir/Patient/{id}/$summary")).bearer(&token);
    let answer = std::thread::scope(|scope| {
        let asked = scope.spawn(|| world.client("zorgcoordinatie-heuvelrijk").send(&request));
        withdraw(&world, "jansen2");
        asked.join().unwrap()
    });
    assert!(matches!(answer.status, 403 | 503), "{}: {}", answer.status, answer.text());
    assert!(!answer.text().contains("Jansen"));
}

#[test]
fn l89_no_answer_is_kept_over_a_change() {
    let world = World::fresh();
    let valk = world.staff("valk", "triage");
    assert!(has_code(&valk.summary("jansen2").ok().json(), "44588005"));
    assert!(has_code(&valk.summary("jansen2").ok().json(), "44588005"));
    let relabelled = serde_json::json!([
        {"resourceType": "Patient", "id": "p9", "identifier": [{"system": sluis_tests::ask::BSN, "value": world.bsn("jansen2")}],
         "name": [{"family": "Jansen"}], "birthDate": world.birth_date("jansen2")},
        {"resourceType": "AllergyIntolerance", "id": "new", "patient": {"reference": "Patient/p9"},
         "meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}]},
         "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]},
         "code": {"coding": [{"system": "http://snomed.info/sct", "code": "91935009"}]}},
    ]);
    planted::import(&world, "huisarts-de-linde", &relabelled);
    assert!(!has_code(&valk.summary("jansen2").ok().json(), "91935009"), "labelled: withheld");
    withdraw(&world, "jansen2");
    valk.summary("jansen2").is(403, "not-permitted");
}

/// A class shows in the index only where something of it would leave: else whoever sees `problems` there, and no problem in
/// the answer, has learnt that there is a hidden one.
#[test]
fn the_index_betrays_no_label() {
    let world = World::fresh();
    let person = planted::PERSON;
    let valk = world.staff("valk", "triage");
    let secret = serde_json::json!({"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}]});
    let condition = |meta: serde_json::Value| {
        serde_json::json!([
            {"resourceType": "Patient", "id": "p", "identifier": [{"system": sluis_tests::ask::BSN, "value": person}],
             "name": [{"family": "Planted"}], "birthDate": "1942-06-11"},
            {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p"}, "meta": meta,
             "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]},
             "code": {"coding": [{"system": "http://snomed.info/sct", "code": "38341003"}]}},
        ])
    };
    let known = |meta| {
        planted::import(&world, "huisarts-de-linde", &condition(meta));
        let consent = planted::consent(&world, person).to_string();
        world.sluis_with(["consent", "record", "-"], consent.as_bytes()).ok();
        let number = format!("{}|{person}", sluis_tests::ask::BSN);
        let found = valk.send(Request::form(
            "/fhir/Patient/_search",
            &[("identifier", number.as_str()), ("birthdate", "1942-06-11")],
        ));
        let bundle = found.ok().json();
        let id = bundle["entry"][0]["resource"]["id"].as_str().expect("an id").to_owned();
        let asked =
            format!("List?subject:identifier=https://sluis.example/fhir/NamingSystem/pseudonym%7C{id}");
        let text = valk.get(&asked).ok().text();
        let shown = valk.search_id(&id, "Condition", "").ok().json()["total"] != 0;
        (text.contains("\"problems\""), shown)
    };
    assert_eq!(known(secret), (false, false), "labelled: neither in the index nor in an answer");
    assert_eq!(known(serde_json::json!({"source": "urn:x"})), (true, true));
}

#[test]
fn l90_after_a_withdrawal_every_road_is_shut_at_once() {
    let world = World::fresh();
    let valk = world.staff("valk", "triage");
    let id = valk.id("jansen2");
    for answer in roads(&valk, &id, "jansen2") {
        answer.ok();
    }
    withdraw(&world, "jansen2");
    for (index, answer) in roads(&valk, &id, "jansen2").into_iter().enumerate() {
        assert_eq!(answer.status, 403, "road {index}: {}", answer.text());
    }
    world.verify();
}

#[test]
fn l91_nothing_may_be_cached() {
    let (asker, id) = linden(World::shared(), "kaya");
    let token = asker.token();
    for target in [
        format!("/fhir/Patient/{id}"),
        format!("/fhir/Condition?patient={id}"),
        "/fhir/metadata".into(),
        "/nothing".into(),
        "/fhir/Condition?_has=1".into(),
        format!("/fhir/Patient/{id}/$summary"),
        "/.well-known/jwks.json".into(),
    ] {
        let answer = asker.client().send(&Request::get(&target).bearer(&token));
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{target}");
        assert!(answer.header("vary").is_some(), "{target}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{target}");
    }
    let token = asker.ask_token();
    assert_eq!(token.header("cache-control"), Some("no-store"));
}

#[test]
fn l92_no_number_or_code_in_logs_and_metrics() {
    let world = World::fresh();
    let linden = world.staff("linden", "gp-own");
    let bsn = world.bsn("devries");
    let id = linden.id("devries");
    linden.everything("devries").unwrap();
    linden.get(&format!("Patient/{bsn}")).is(400, "bsn-in-url");
    linden.search_id(&id, "Condition", "code=86406008").ok();
    world.staff("valk", "triage").find("devries").is(403, "not-permitted");
    world.fault("ggz-de-oever", "garbage");
    linden.summary("devries").ok();
    let sinks =
        format!("{}\n{}\n{:?}", world.output(), world.management("/metrics").1, world.management("/readyz"));
    for needle in [bsn.as_str(), "86406008", "Vries", "J05AR20", &id, "MRK-", &linden.token()] {
        assert!(!sinks.contains(needle), "{needle}");
    }
}

#[test]
fn l93_the_journal_holds_no_clinical_content() {
    let world = planted::world();
    let (asker, _) = linden(world, "kaya");
    asker.everything("kaya").unwrap();
    let dump = world.sluis(["audit", "dump"]).ok().stdout;
    for needle in
        ["49049000", "Parkinson", "N04BA02", "MRK-", "LEAK-", "Kaya", "999990111", "1954-09-09", "Emine"]
    {
        assert!(!dump.contains(needle), "{needle}");
    }
}

#[test]
fn l94_without_a_journal_nothing_is_released() {
    let world = World::fresh();
    let linden = world.staff("linden", "gp-own");
    let id = linden.id("kaya");
    linden.search_id(&id, "Condition", "").ok();
    world.fill_disk();
    for _ in 0..3 {
        // It says 503 or ends: what it never does is answer.
        let request = Request::get(&format!("/fhir/Condition?patient={id}")).bearer(&linden.token());
        match linden.client().try_send(&request) {
            Ok(answer) => answer.is(503, "audit-unavailable"),
            Err(_) => break,
        }
    }
    world.kill();
    let again = World::on(world.dir()).unwrap();
    again.verify();
    again.staff("linden", "gp-own").summary("kaya").ok();
}

#[test]
fn l96_nobody_is_exempt() {
    let world = World::shared();
    let bsn = world.bsn("elidrissi");
    // The gateway's own commands go the same road, and leave the same record.
    let before = world.dump().len();
    let run = world.sluis(["summary", "--patient", &bsn, "--as", "zorgcoordinatie-heuvelrijk"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    let new: Vec<_> = world.dump().into_iter().skip(before).collect();
    assert!(new.iter().any(|r| r["kind"] == "refused"), "{new:?}");
    // Reading the journal is recorded, and so is an explanation.
    assert!(new.iter().any(|r| r["kind"] == "audit-read"));
    world.sluis(["explain", "--patient", &bsn, "--as", "ggz-de-oever", "--purpose", "TREAT"]).ok();
    assert!(world.dump().iter().any(|r| r["kind"] == "dry-run"));
    let (asker, _) = linden(world, "kaya");
    twins(&asker.get("Condition?_has=1"), &asker.get("Condition?_has=2"));
}
