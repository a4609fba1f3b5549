//! What REGION.md section 3 says of what happens to a person in time: relations that begin, statements that end, birthdays.

use super::{acting, attestation, consent, group, organisation, permit, related};
use serde_json::json;
use sluis_tests::ask::{Asker, BSN};
use sluis_tests::world::World;

/// Classes of a holder's data that an asker is permitted, by the program's own account, at an instant or now.
fn reached(world: &World, patient: &str, asker: &[&str], holder: &str, at: Option<&str>) -> Vec<String> {
    let bsn = world.bsn(patient);
    let mut args = vec!["explain", "--patient", &bsn, "--json"];
    args.extend(asker);
    args.extend(at.iter().flat_map(|at| ["--at", at]));
    let lines = world.sluis(args).ok().json()["decisions"].as_array().expect("decisions").clone();
    let permitted = lines.iter().filter(|line| line["holder"] == holder && line["verdict"] == "permit");
    permitted.map(|line| line["class"].as_str().expect("class").to_owned()).collect()
}

const KUIPER: [&str; 8] =
    ["--as", "jeugd-ggz-de-oever", "--function", "youth-ggz", "--purpose", "TREAT", "--person", "kuiper"];
const OMAR: [&str; 8] = [
    "--as",
    "sociaal-team-west",
    "--function",
    "youth-individual",
    "--purpose",
    "CAREMGT",
    "--person",
    "omar",
];
const LINDEN: [&str; 8] =
    ["--as", "huisarts-de-linde", "--function", "gp-own", "--purpose", "TREAT", "--person", "linden"];

fn has(classes: &[String], class: &str) -> bool {
    classes.iter().any(|known| known == class)
}

#[test]
fn elidrissi_a_referral_opens_its_senders_data_to_its_receiver_for_its_term() {
    let world = World::fresh();
    let oever = ["--as", "ggz-de-oever", "--function", "ggz-treatment", "--purpose", "TREAT"];
    let of = |holder: &str, at: Option<&str>| reached(&world, "elidrissi", &oever, holder, at);
    assert!(of("huisarts-de-linde", None).is_empty());
    let referral = json!({
        "resourceType": "ServiceRequest", "status": "active", "intent": "order",
        "subject": {"type": "Patient", "identifier": {"system": BSN, "value": world.bsn("elidrissi")}},
        "requester": organisation(&world, "huisarts-de-linde"), "performer": [organisation(&world, "ggz-de-oever")],
        "occurrencePeriod": {"start": "2026-11-01", "end": "2027-02-28"},
    });
    world.sluis_with(["relation", "add", "-"], referral.to_string().as_bytes()).ok();
    let opened = of("huisarts-de-linde", None);
    assert!(has(&opened, "problems") && has(&opened, "medication"), "{opened:?}");
    for other in ["wijkverpleging-thuis", "sociaal-team-west", "huisartsenpost-heuvelrijk"] {
        assert!(of(other, None).is_empty(), "{other} referred nobody");
    }
    assert!(!of("huisarts-de-linde", Some("2027-02-28T23:59:00+01:00")).is_empty());
    assert!(of("huisarts-de-linde", Some("2027-03-01T00:00:00+01:00")).is_empty());
    let home = ["--as", "wijkverpleging-thuis", "--function", "district-nursing", "--purpose", "TREAT"];
    assert!(
        reached(&world, "elidrissi", &home, "huisarts-de-linde", None).is_empty(),
        "nobody else's referral"
    );
}

#[test]
fn elidrissi_a_yes_spoken_at_the_post_is_a_basis_for_that_contact_only() {
    let world = World::fresh();
    let brug = || world.staff("brug", "gp-out-of-hours");
    assert_eq!(brug().summary("elidrissi").status, 403);
    let mut spoken = attestation("spoken", "x", "brug", &json!({"start": "2026-11-21"}));
    spoken["subject"] =
        json!({"type": "Patient", "identifier": {"system": BSN, "value": world.bsn("elidrissi")}});
    // By somebody else, or in a function that has no desk, it is not taken.
    let triage = world.staff("valk", "triage").create(&spoken);
    assert_ne!(triage.status, 201, "{}", triage.text());
    let taken = brug().create(&spoken);
    assert_eq!(taken.status, 201, "{}", taken.text());
    assert_eq!(brug().summary("elidrissi").status, 200);
    assert_eq!(world.staff("steen", "district-nursing").summary("elidrissi").status, 403);
    world.advance(24 * 3_600 + 60);
    assert_eq!(brug().summary("elidrissi").status, 403, "the contact is over");
}

#[test]
fn sem_youth_help_goes_on_after_eighteen_where_it_was_extended() {
    let world = World::fresh();
    let after = || reached(&world, "sem", &OMAR, "jeugd-ggz-de-oever", Some("2026-12-21T00:00:00+01:00"));
    assert!(after().is_empty());
    let asker = world.staff("omar", "youth-individual");
    let id = asker.id("sem");
    let extended =
        attestation("extended-help", &id, "omar", &json!({"start": "2026-12-21", "end": "2027-12-20"}));
    let taken = asker.create(&extended);
    assert_eq!(taken.status, 201, "{}", taken.text());
    assert!(has(&after(), "plan"), "{:?}", after());
    let later = reached(&world, "sem", &OMAR, "jeugd-ggz-de-oever", Some("2027-12-21T00:00:00+01:00"));
    assert!(later.is_empty(), "{later:?}");
}

#[test]
fn yara_a_father_who_objects_stops_what_a_mother_gave() {
    let world = World::fresh();
    let safety = |asker: &Asker<'_>| asker.search("yara", "Condition", "").text().contains("Z25");
    assert!(safety(&world.staff("omar", "youth-individual")));
    let mut no = consent(&world, "yara", None, &json!({"type": "deny"}));
    no["contained"] = json!([related("bram", &no["patient"], "parent", "gezagsregister", "2017-03-03")]);
    no["performer"] = json!([{"reference": "#bram"}]);
    let said = acting(&world, "bram").create(&no);
    assert_eq!(said.status, 201, "{}", said.text());
    assert!(!safety(&world.staff("omar", "youth-individual")));
}

#[test]
fn visser_his_own_no_stands_and_what_his_mentor_gave_ends_with_the_statement() {
    let world = World::fresh();
    let home = [
        "--as",
        "wijkverpleging-thuis",
        "--function",
        "district-nursing",
        "--purpose",
        "TREAT",
        "--person",
        "steen",
    ];
    assert!(has(&reached(&world, "visser", &home, "huisarts-de-linde", None), "medication"));
    // The statement runs to 325 days after the region's day: a year later her permits are inert.
    let later = reached(&world, "visser", &home, "huisarts-de-linde", Some("2027-11-27T12:00:00+01:00"));
    assert!(!has(&later, "medication"), "{later:?}");
    let network = ["--as", "buurtnetwerk-samen", "--function", "neighbourhood-network", "--purpose", "COC"];
    let referral = json!({
        "resourceType": "ServiceRequest", "status": "active", "intent": "order",
        "subject": {"type": "Patient", "identifier": {"system": BSN, "value": world.bsn("visser")}},
        "requester": organisation(&world, "sociaal-team-west"), "performer": [organisation(&world, "buurtnetwerk-samen")],
        "occurrencePeriod": {"start": "2026-11-01", "end": "2027-06-01"},
    });
    world.sluis_with(["relation", "add", "-"], referral.to_string().as_bytes()).ok();
    let mut yes = consent(
        &world,
        "visser",
        Some("sociaal-team-west"),
        &permit(&organisation(&world, "buurtnetwerk-samen")),
    );
    yes["contained"] = json!([related("anna", &yes["patient"], "mentor", "beschikking", "2020-01-01")]);
    yes["performer"] = json!([{"reference": "#anna"}]);
    world.sluis_with(["consent", "record", "-"], yes.to_string().as_bytes()).ok();
    let still = reached(&world, "visser", &network, "sociaal-team-west", None);
    assert!(still.is_empty(), "his own no stands: {still:?}");
}

/// What Els alone said when her daughter was eleven ends as the girl turns twelve, on the leap day itself.
#[test]
fn noor_at_twelve_a_parent_alone_no_longer_says_yes() {
    let world = World::fresh();
    let seen = |at: &str| reached(&world, "noor", &KUIPER, "huisarts-de-linde", Some(at));
    let mut yes = consent(
        &world,
        "noor",
        Some("huisarts-de-linde"),
        &permit(&organisation(&world, "jeugd-ggz-de-oever")),
    );
    yes["contained"] = json!([related("els", &yes["patient"], "parent", "gezagsregister", "2012-02-29")]);
    yes["performer"] = json!([{"reference": "#els"}]);
    yes["dateTime"] = json!("2024-01-10T09:00:00+01:00");
    world.sluis_with(["consent", "record", "-"], yes.to_string().as_bytes()).ok();
    assert!(seen("2024-01-10T08:59:00+01:00").is_empty(), "before she said it");
    assert!(has(&seen("2024-02-28T23:59:59+01:00"), "problems"));
    assert!(seen("2024-02-29T00:00:00+01:00").is_empty(), "from twelve it takes two keys");
}

/// Born on a leap day: sixteen in a leap year is on the day itself, eighteen in a common year on the first of March.
#[test]
fn noor_at_sixteen_her_parents_are_out_and_at_eighteen_youth_help_is() {
    let world = World::fresh();
    let until = |at: &str| {
        let at: jiff::Timestamp = at.parse().expect("an instant");
        world.advance(at.as_second() - world.now().as_second());
    };
    let mother = || super::acting(&world, "els").summary("noor").status;
    let youth = || has(&reached(&world, "noor", &KUIPER, "huisarts-de-linde", None), "problems");
    let gp = || has(&reached(&world, "noor", &LINDEN, "jeugd-ggz-de-oever", None), "mental-health");
    let mut both =
        consent(&world, "noor", Some("huisarts-de-linde"), &permit(&group("function", "youth-individual")));
    both["contained"] = json!([related("els", &both["patient"], "parent", "gezagsregister", "2012-02-29")]);
    both["performer"] = json!([both["patient"], {"reference": "#els"}]);
    world.sluis_with(["consent", "record", "-"], both.to_string().as_bytes()).ok();
    let help = || has(&reached(&world, "noor", &OMAR, "huisarts-de-linde", None), "functioning");
    until("2028-02-28T23:59:00+01:00");
    assert_eq!((mother(), youth(), gp(), help()), (200, true, true, true));
    until("2028-02-29T00:00:30+01:00");
    assert_eq!(
        (mother(), youth(), gp(), help()),
        (403, true, true, true),
        "what two keys opened goes on with hers"
    );
    until("2030-02-28T23:59:00+01:00");
    assert_eq!((youth(), gp(), help()), (true, true, true));
    until("2030-03-01T00:00:30+01:00");
    assert_eq!(
        (youth(), gp(), help()),
        (true, true, false),
        "a common year has no leap day: the first of March"
    );
}
