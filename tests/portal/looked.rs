//! Who looked, with what was given and withheld.

use sluis_tests::World;

/// The labels of the facts of a line (EXPERIENCE.md P-5).
const SEVEN: [&str; 8] = [
    "Wanneer",
    "Wie",
    "Namens",
    "Waarvoor",
    "Waarom mocht het",
    "Gekregen",
    "Niet gekregen",
    "Mens of computer",
];

#[test]
fn every_line_says_when_who_why_on_what_ground_what_was_given_and_what_not() {
    let world = World::fresh();
    world.staff("valk", "triage").summary("jansen").ok();
    world.staff("hoek", "arranger").search("jansen", "CarePlan", "").ok();
    let page = world.signed_in("jansen", "patient").open("/patient/looked").ok();
    let html = page.html();
    let line = html
        .split("<details")
        .find(|part| part.contains("Zorgcoördinatiecentrum") && part.contains("vroeg gegevens"));
    let line = line.expect("a line");
    for label in SEVEN {
        assert!(line.contains(&format!("<dt>{label}</dt>")), "{label}: {line}");
    }
    page.says("T. Valk (triagist)").says("behandeling").says("je zei ja");
    page.says("Huisartsenpraktijk De Linde: psychische klachten en behandeling");
    page.says("Sociaal Team West");
}

#[test]
fn who_objects_sees_each_refused_try_with_organisation_and_time() {
    let world = World::fresh();
    world.staff("steen", "district-nursing").summary("devries").is(403, "not-permitted");
    world
        .staff("valk", "triage")
        .responsible("brug")
        .break_glass("devries", "marker-reason")
        .summary("devries")
        .is(403, "not-permitted");
    let devries = world.signed_in("devries", "patient");
    let page = devries.open("/patient/looked?only=refused").ok();
    page.says("niet gegeven – Wijkverpleging Thuis").says("(jij zei nee)").hides("marker-reason");
    page.says("niet gegeven – SPOED – Zorgcoördinatiecentrum Heuvelrijk");
    devries.open("/patient").ok().says("Er was");
}

#[test]
fn like_lines_of_a_day_stand_once_and_an_emergency_is_never_folded() {
    let world = World::fresh();
    let linden = world.staff("linden", "gp-own");
    let id = linden.id("amrani");
    for _ in 0..40 {
        linden.search_id(&id, "Condition", "").ok();
    }
    let page = world.signed_in("amrani", "patient").open("/patient/looked").ok();
    page.says("40 keer");
    assert!(page.html().matches("Huisartsenpraktijk De Linde, huisarts").count() <= 2, "{}", page.text());
}

#[test]
fn each_page_with_personal_data_has_its_record_and_without_one_there_is_no_page() {
    let world = World::fresh();
    let peters = world.signed_in("peters", "patient");
    for path in [
        "/patient",
        "/patient/sharing",
        "/patient/sharing/ggz",
        "/patient/looked",
        "/patient/choices",
        "/patient/choice",
        "/patient/emergency",
    ] {
        let page = peters.open(path).ok();
        let records = world.records_of(page.answer.request_id());
        assert_eq!(records.len(), 1, "{path}");
        assert_eq!(records[0]["kind"], "portal", "{path}");
        assert!(records[0]["event"]["purposeOfEvent"].to_string().contains("PATRQT"), "{path}");
    }
    // Own views stand in a lane of their own, with their number.
    peters.open("/patient/looked").ok().says("Jij zelf,");
    world.fill_disk();
    for path in ["/patient", "/patient/sharing", "/patient/looked", "/patient/choices"] {
        let page = peters.open(path);
        assert_eq!(page.answer.status, 503, "{path}");
        page.says("Alles wat je ziet, schrijven we op. Dat lukt nu niet.").hides("Oever");
    }
}

#[test]
fn what_the_administrator_did_or_tried_is_told_as_such_and_nobody_else_is_named_for_it() {
    let world = World::fresh();
    let bakker = world.bsn("bakker");
    let listed = world.sluis(["consent", "list", "--patient", &bakker, "--json"]).ok().json_lines();
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    world.sluis(["consent", "withdraw", &id, "--patient", &bakker]).ok();
    world.sluis(["explain", "--patient", &bakker, "--as", "wijkverpleging-thuis", "--purpose", "TREAT"]).ok();
    assert_eq!(world.sluis(["consent", "withdraw", "nothing", "--patient", &bakker]).code, 1);
    let page = world.signed_in("bakker", "patient").open("/patient/looked").ok();
    let lines: Vec<&str> =
        page.html().leak().split("<details").filter(|l| l.contains("de beheerder")).collect();
    let line = |words: &str| {
        *lines.iter().find(|l| l.contains(words)).unwrap_or_else(|| panic!("{words}: {}", page.text()))
    };
    for words in [
        "gelezen wat over jou is genoteerd",
        "een keuze opgeschreven",
        "maar dat kon niet",
        "(proef: er is niets bekeken)",
    ] {
        let line = line(words);
        assert!(!line.contains("via dit portaal") && !line.contains("iemand<"), "{words}: {line}");
    }
    // Home care did nothing, and got nothing: it stands there as who was tried alone.
    let trial = line("(proef: er is niets bekeken)");
    let (summary, facts) = trial.split_once("</summary>").unwrap();
    assert!(summary.contains("de beheerder van Sluis") && !summary.contains("ijkverpleg"), "{summary}");
    assert!(facts.contains("<dt>Uitgeprobeerd als</dt><dd>Wijkverpleging Thuis"), "{facts}");
    assert!(!facts.contains("Gekregen"), "{facts}");
}
