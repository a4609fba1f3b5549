//! Authority abuse.

use crate::{planted, twins};
use serde_json::json;
use sluis_tests::{Request, World};

#[test]
fn l97_nobody_records_for_a_person_that_is_not_theirs() {
    let world = World::shared();
    let kuiper = world.staff("kuiper", "youth-ggz");
    let consent = |person: &str| {
        let mut consent = planted::consent(world, &world.bsn(person));
        consent["organization"] = json!([{"type": "Organization", "identifier": world.participant("jeugd-ggz-de-oever")["identifier"]}]);
        consent
    };
    let stranger = kuiper.create(&consent("jansen"));
    stranger.is(403, "not-permitted");
    twins(&stranger, &kuiper.create(&consent("unknown")));
    // No recorder at all.
    let mut by_triage = consent("jansen");
    by_triage["organization"] = json!([{"type": "Organization", "identifier": world.participant("zorgcoordinatie-heuvelrijk")["identifier"]}]);
    world.staff("valk", "triage").create(&by_triage).is(403, "not-permitted");
    // In somebody else's name.
    let steen = world.staff("steen", "district-nursing");
    let forged = steen.create(&planted::consent(world, &world.bsn("jansen")));
    assert!(matches!(forged.status, 400 | 403 | 422), "{}: {}", forged.status, forged.text());
    // For its own good.
    let mut own = planted::consent(world, &world.bsn("jansen"));
    let nurse = json!({"type": "Organization", "identifier": world.participant("wijkverpleging-thuis")["identifier"]});
    own["organization"] = json!([nurse]);
    own["provision"]["actor"][0]["reference"] =
        json!({"type": "Organization", "identifier": world.participant("sociaal-team-west")["identifier"]});
    own["provision"]["actor"][1]["reference"] = nurse;
    let _answer = steen.create(&own);
    let seen = steen.everything("jansen").unwrap();
    assert!(
        !sluis_tests::json::has_words(&seen, "Huishoudelijke hulp"),
        "a permit never benefits its recorder"
    );
}

#[test]
fn l99_a_broken_glass_is_for_one_person_one_hour_one_colleague() {
    let world = World::fresh();
    let valk = world.staff("valk", "triage").responsible("brug").break_glass("peters", "verward op straat");
    valk.summary("peters").ok();
    valk.summary("devries").is(403, "not-permitted");
    twins(&valk.find("elidrissi"), &valk.find("unknown"));
    let token = valk.token();
    // By another organisation: the token is bound to a certificate.
    let request = Request::get("/fhir/Condition?patient=aaaaaaaaaaaa").bearer(&token);
    world.client("huisartsenpost-heuvelrijk").send(&request).is(401, "token-invalid");
    // After its time.
    world.advance(330);
    valk.client().send(&request).is(401, "token-invalid");
    // Not by a role that has no emergency, nor without a reason.
    world
        .staff("steen", "district-nursing")
        .break_glass("peters", "x")
        .ask_token()
        .is(400, "unauthorized_client");
    let bare = world.staff("brug", "gp-out-of-hours").purpose("ETREAT");
    bare.ask_token().is(400, "invalid_request");
    world.verify();
}

#[test]
fn l100_the_ceiling_holds_in_an_emergency() {
    let world = World::shared();
    let brug = world.staff("brug", "gp-out-of-hours").break_glass("peters", "verward");
    let seen = brug.everything("peters").expect("an emergency");
    for never in ["180171000146104", "397940009", "rent-arrears", "neighbour-complaint"] {
        assert!(!sluis_tests::json::has_code(&seen, never), "{never}");
    }
    for never in ["Praat over zijn vader", "vier eerdere crises", "Wat er in 2008"] {
        assert!(!sluis_tests::json::has_words(&seen, never), "{never}");
    }
    world
        .staff("dam", "sheltered-living")
        .break_glass("peters", "verward")
        .ask_token()
        .is(400, "unauthorized_client");
}

#[test]
fn l102_who_leaves_is_refused_at_the_next_request() {
    let world = World::fresh();
    let valk = world.staff("valk", "triage");
    let id = valk.id("jansen");
    valk.search_id(&id, "Condition", "").ok();
    world.sluis(["participant", "suspend", "zorgcoordinatie-heuvelrijk"]).ok();
    let request = Request::get(&format!("/fhir/Condition?patient={id}")).bearer(&valk.token());
    valk.client().send(&request).is(401, "token-invalid");
    world.verify();
}
