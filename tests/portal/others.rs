//! Who acts for somebody: their own part, both names in the record, and nothing of what is kept apart.

use sluis_tests::{Page, Visitor, World};

/// The one person this login acts for: the path of their pages.
#[track_caller]
fn ward(visitor: &Visitor<'_>) -> String {
    let page = visitor.open("/patient").ok();
    let found = page.links().into_iter().find(|link| link.starts_with("/patient/for/"));
    found.unwrap_or_else(|| panic!("acts for nobody: {}", page.text()))
}

#[track_caller]
fn pages(visitor: &Visitor<'_>, base: &str) -> Vec<Page> {
    ["", "/sharing", "/sharing/gp", "/sharing/social", "/sharing/ggz", "/looked"]
        .iter()
        .map(|path| visitor.open(&format!("{base}{path}")).ok())
        .collect()
}

#[test]
fn each_act_of_a_daughter_shows_both_names_and_after_her_mandate_there_is_no_page() {
    let world = World::fresh();
    let elif = world.signed_in("elif", "patient");
    let base = ward(&elif);
    let page = elif.open(&base).ok();
    page.says("Je kijkt nu voor Emine Kaya.");
    let record = &world.records_of(page.answer.request_id())[0];
    let agents = record["event"]["agent"].to_string();
    assert!(agents.contains("Elif Kaya") && agents.contains("Emine Kaya"), "{agents}");
    let kaya = world.signed_in("kaya", "patient");
    kaya.open("/patient/looked").ok().says("Elif Kaya");
    kaya.open("/patient").ok().says("Elif Kaya, mantelzorger");
    // She chooses nothing here.
    for path in ["/choices", "/choice", "/emergency"] {
        assert_eq!(elif.open(&format!("{base}{path}")).answer.status, 404, "{path}");
    }
    world.advance(366 * 86_400);
    let elif = world.signed_in("elif", "patient");
    elif.open("/patient").ok().says("Je mag nu voor niemand kijken.");
    assert_eq!(elif.open(&base).answer.status, 404);
}

#[test]
fn a_mother_sees_plan_and_circle_as_her_son_wrote_and_nothing_beyond() {
    let world = World::fresh();
    world.staff("linden", "gp-own").summary("sem").ok();
    let ingrid = world.signed_in("ingrid", "patient");
    let base = ward(&ingrid);
    for page in pages(&ingrid, &base) {
        let said = page.content().to_lowercase();
        for hidden in ["medicijnen", "psychische klachten", "alcohol", "uitslagen", "verslagen"] {
            assert!(!said.contains(hidden), "{hidden} in {}: {said}", page.path);
        }
    }
    ingrid.open(&format!("{base}/sharing/social")).ok().says("Je plan en waar je recht op hebt");
    world.advance(400 * 86_400);
    let ingrid = world.signed_in("ingrid", "patient");
    assert_eq!(ingrid.open(&base).answer.status, 404);
}

#[test]
fn parents_see_no_trace_of_what_a_young_person_keeps_apart() {
    let world = World::fresh();
    // Kuiper of the youth mental health care sees it; that is a line of hers, and of nobody else's.
    let kuiper = world.staff("kuiper", "youth-ggz");
    let id = kuiper.id("noor");
    kuiper.search_id(&id, "MedicationRequest", "").ok();
    let lines = |page: &Page| page.text().matches("vroeg gegevens").count();
    let own = world.signed_in("noor", "patient").open("/patient/looked").ok();
    for parent in ["els", "mark"] {
        let parent = world.signed_in(parent, "patient");
        let base = ward(&parent);
        for page in pages(&parent, &base) {
            for trace in ["G03AA07", "anticonceptie", "pil,", "X02", "W11"] {
                page.hides(trace);
            }
        }
        let looked = parent.open(&format!("{base}/looked")).ok();
        assert!(lines(&looked) <= lines(&own));
    }
    // Nor where a practice brought such a thing in and erased it again: those lines are hers alone.
    let (holder, bsn) = ("huisarts-de-linde", world.bsn("noor"));
    let apart = serde_json::json!({"resourceType": "Condition", "id": "apart",
        "subject": {"identifier": {"system": sluis_tests::ask::BSN, "value": bsn}},
        "meta": {"security": [{"system": "https://sluis.example/fhir/CodeSystem/label", "code": "young-person-only"}]},
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icpc-1-nl", "code": "W11"}]}});
    let file = world.dir().join("apart.json");
    std::fs::write(&file, apart.to_string()).unwrap();
    world.sluis(["import", "--holder", holder, file.to_str().unwrap()]).ok();
    world.sluis(["erase", "--holder", holder, "--patient", &bsn, "Condition/apart"]).ok();
    world.signed_in("noor", "patient").open("/patient/looked").ok().says("gegevens uit het delen gehaald");
    let els = world.signed_in("els", "patient");
    els.open(&format!("{}/looked", ward(&els))).ok().hides("gegevens uit het delen gehaald");
}

#[test]
fn a_father_learns_that_he_has_a_say_and_no_place_of_a_protected_child() {
    let world = World::fresh();
    world.staff("linden", "gp-own").summary("yara").ok();
    world.staff("omar", "youth-individual").search("yara", "Flag", "").ok();
    let bram = world.signed_in("bram", "patient");
    let base = ward(&bram);
    bram.open(&base).ok().says("Je hebt gezag. Je mag meebeslissen.");
    let places: Vec<String> = world.region()["participants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["name"].as_str().unwrap().to_owned())
        .collect();
    for page in pages(&bram, &base) {
        for place in &places {
            page.hides(place);
        }
        for hidden in ["Veiligheid", "VZ-", "school"] {
            assert!(!page.content().contains(hidden) || hidden == "school", "{hidden} in {}", page.content());
        }
    }
    bram.open(&format!("{base}/looked")).ok().says("een organisatie (naam niet getoond)");
}

#[test]
fn a_mentors_page_shows_no_money_and_an_administrators_no_care() {
    let world = World::shared();
    let anna = world.signed_in("anna", "patient");
    let base = ward(&anna);
    for page in pages(&anna, &base) {
        page.hides("Geld en schulden").hides("geld en schulden");
    }
    let kroon = world.signed_in("kroon", "patient").open("/patient").ok();
    let base = kroon.links().into_iter().find(|link| link.starts_with("/patient/for/"));
    if let Some(base) = base {
        let kroon = world.signed_in("kroon", "patient");
        for page in pages(&kroon, &base) {
            for care in ["Medicijnen", "Ziektes en klachten", "Psychische klachten"] {
                assert!(!page.content().contains(care), "{care}");
            }
        }
    }
}

/// Noor says yes to the social team; answers the choice's number and its code.
fn noor_says_yes(world: &World) -> (String, String) {
    let noor = world.signed_in("noor", "patient");
    let token = noor.open("/patient/choice").ok().token();
    let fields = [
        ("token", token.as_str()),
        ("who", "function:youth-individual"),
        ("what", "living"),
        ("answer", "yes"),
    ];
    let check = noor.submit("/patient/choice", &fields).ok();
    let id = check.hidden()["id"].clone();
    let mut sure = fields.to_vec();
    sure.extend([("id", id.as_str()), ("sure", "yes")]);
    let kept = noor.submit("/patient/choice", &sure).ok();
    kept.says("Wacht op een tweede ja");
    let code = kept.html().split("code: <strong>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert_eq!(code.len(), 6, "{code}");
    noor.open("/patient").ok().says(&code);
    (id, code)
}

#[test]
fn a_young_persons_yes_counts_once_a_parent_gives_the_code_and_says_yes_too() {
    let world = World::fresh();
    let sees = || {
        let omar = world.staff("omar", "youth-individual");
        omar.search("noor", "Observation", "").status
    };
    let before = sees();
    let (id, code) = noor_says_yes(&world);
    assert_eq!(sees(), before, "one key opens nothing");
    let els = world.signed_in("els", "patient");
    let base = ward(&els);
    els.open(&base).ok().says("Een keuze wacht op jouw ja");
    let page = els.open(&format!("{base}/second-key")).ok();
    page.hides(&code);
    let token = page.token();
    let path = format!("{base}/second-key");
    let give = |code: &str, sure: bool| {
        let mut fields = vec![("token", token.as_str()), ("choice", id.as_str()), ("code", code)];
        fields.extend(sure.then_some(("sure", "yes")));
        els.submit(&path, &fields)
    };
    give("000000", true).ok().says("Deze code klopt niet.");
    assert_eq!(sees(), before);
    give(&code, false).ok().says("Klopt dit?").says("Ziet erbij");
    assert_eq!(sees(), before, "seen is not said");
    give(&code, true).ok().says("Je keuze is bewaard");
    assert_eq!(sees(), 200);
    // The code is used up, and both names stand in the record.
    assert_eq!(give(&code, true).answer.status, 404);
    world.signed_in("noor", "patient").open("/patient/looked").ok().says("Els Hendriks");
}

#[test]
fn a_code_ends_after_three_days_and_after_five_wrong_tries_and_is_nobody_elses() {
    let world = World::fresh();
    let (id, code) = noor_says_yes(&world);
    let try_code = |user: &str, code: &str| {
        let visitor = world.signed_in(user, "patient");
        let path = format!("{}/second-key", ward(&visitor));
        let token = visitor.open("/patient").ok().token();
        visitor.submit(&path, &[("token", &token), ("choice", &id), ("code", code)])
    };
    for stranger in ["ingrid", "elif", "bram", "anna"] {
        assert_eq!(try_code(stranger, &code).answer.status, 404, "{stranger}");
    }
    for _ in 0..5 {
        try_code("mark", "111111").ok().says("Deze code klopt niet.");
    }
    try_code("mark", &code).ok().says("De code werkt niet meer.");
    let world = World::fresh();
    let (id, code) = noor_says_yes(&world);
    world.advance(73 * 3_600);
    let mark = world.signed_in("mark", "patient");
    let path = format!("{}/second-key", ward(&mark));
    let token = mark.open("/patient").ok().token();
    let page = mark.submit(&path, &[("token", &token), ("choice", &id), ("code", &code)]).ok();
    page.says("De code werkt niet meer.");
}
