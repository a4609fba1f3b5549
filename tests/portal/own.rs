//! A person signs in, sees what is shared and why, and changes it.

use serde_json::Value;
use sluis_tests::{Visitor, World};
use std::collections::BTreeSet;

#[test]
fn a_person_sees_per_category_and_class_what_is_shared_now_and_why() {
    let world = World::shared();
    let jansen = world.signed_in("jansen", "patient");
    let page = jansen.open("/patient/sharing").ok();
    for category in ["Huisarts en huisartsenpost", "Sociaal team en gemeente", "Zorgcoördinatie bij spoed"] {
        page.says(category);
    }
    let nurse = jansen.open("/patient/sharing/home-care").ok();
    nurse.says("Medicijnen Ja – van Huisartsenpraktijk De Linde je zei ja, op 5 mei 2026");
    nurse.says("Psychische klachten en behandeling Nog niet gevraagd nog niet gevraagd");
    // She was never asked about the social team: that is not a no.
    let social = jansen.open("/patient/sharing/social").ok();
    social.says("Medicijnen Nee hoort niet bij het werk van deze functie");
    social.says("Je plan en waar je recht op hebt Nog niet gevraagd");
    assert_eq!(jansen.open("/patient/sharing/no-such-category").answer.status, 404);
}

#[test]
fn who_was_never_asked_reads_not_asked_and_nowhere_no() {
    let page = World::shared().signed_in("elidrissi", "patient").open("/patient/sharing").ok();
    page.says("Nog niet gevraagd – ziet nu niets van anderen");
    assert!(!page.content().contains("Nee –"), "{}", page.content());
}

#[test]
fn what_the_page_says_is_what_a_question_would_get() {
    let world = World::shared();
    for (person, participant, function, category, purpose) in [
        ("jansen", "zorgcoordinatie-heuvelrijk", "triage", "acute-coordination", "TREAT"),
        ("jansen", "wijkverpleging-thuis", "district-nursing", "home-care", "TREAT"),
        ("kaya", "huisarts-de-linde", "gp-own", "gp", "TREAT"),
        ("kaya", "sociaal-team-west", "arranger", "social", "CAREMGT"),
        ("amrani", "buurtnetwerk-samen", "neighbourhood-network", "informal", "COC"),
        ("bakker", "wijkverpleging-thuis", "district-nursing", "home-care", "TREAT"),
    ] {
        let explained = world.sluis([
            "explain",
            "--patient",
            &world.bsn(person),
            "--as",
            participant,
            "--function",
            function,
            "--purpose",
            purpose,
            "--json",
        ]);
        if explained.code != 0 {
            panic!("{person} {participant}: {}", explained.stderr);
        }
        let decisions = explained.json();
        let permitted: BTreeSet<String> = decisions["decisions"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|line| line["verdict"] == "permit" && line["holder"] != participant)
            .map(|line| line["class"].as_str().unwrap().to_owned())
            .collect();
        let page = world.signed_in(person, "patient").open(&format!("/patient/sharing/{category}")).ok();
        let shown = shown(&page.html(), &heading(world, participant, function));
        let shown = shown.unwrap_or_else(|| panic!("{person}: no table of {participant} in {}", page.text()));
        assert_eq!(shown, names(&permitted), "{person} as {participant}");
    }
}

/// How the page may head the table of somebody in a function: by name where it differs from others, else by function.
fn heading(world: &World, participant: &str, function: &str) -> [String; 2] {
    let name = world.participant(participant)["name"].as_str().unwrap().to_owned();
    let word = FUNCTIONS.iter().find(|(code, _)| *code == function).unwrap().1;
    [format!("{name} ({word})"), word.to_owned()]
}

/// The classes that a table says yes to.
fn shown(html: &str, headings: &[String; 2]) -> Option<BTreeSet<String>> {
    let sections: Vec<&str> = html.split("<h2>").skip(1).collect();
    let of = |heading: &String| {
        sections.iter().find(|section| {
            let head = section.split("</h2>").next().unwrap_or_default();
            head.split(", ").any(|part| part == heading)
        })
    };
    let section = headings.iter().find_map(of)?;
    let rows = section.split("<tr>").skip(2);
    let yes = rows.filter(|row| row.contains("class=\"yes\"") || row.contains("class=\"part\">Deels"));
    Some(
        yes.map(|row| {
            row.split("<th scope=\"row\">").nth(1).unwrap().split("</th>").next().unwrap().to_owned()
        })
        .collect(),
    )
}

fn names(codes: &BTreeSet<String>) -> BTreeSet<String> {
    codes
        .iter()
        .map(|code| CLASSES.iter().find(|(c, _)| c == code).unwrap_or_else(|| panic!("{code}")).1.to_owned())
        .collect()
}

const FUNCTIONS: [(&str, &str); 5] = [
    ("triage", "Triage"),
    ("district-nursing", "Wijkverpleging"),
    ("gp-own", "Huisarts"),
    ("arranger", "Arrangeur"),
    ("neighbourhood-network", "Buurtnetwerk"),
];

/// REGION.md 1 in the words for people.
const CLASSES: [(&str, &str); 18] = [
    ("identity", "Wie je bent"),
    ("circle", "Wie je helpt en wie voor je beslist"),
    ("problems", "Ziektes en klachten van je lichaam"),
    ("mental-health", "Psychische klachten en behandeling"),
    ("substance-use", "Alcohol, drugs en verslaving"),
    ("medication", "Medicijnen"),
    ("allergies", "Allergie en wat je niet mag hebben"),
    ("alerts", "Waarschuwingen"),
    ("results", "Uitslagen, metingen en prikken"),
    ("functioning", "Wat je zelf kunt"),
    ("living", "Wonen, werk, school en mensen om je heen"),
    ("money", "Geld en schulden"),
    ("plan", "Je plan en waar je recht op hebt"),
    ("directives", "Wat je wilt als het misgaat"),
    ("crisis-plan", "Je crisiskaart en crisisplan"),
    ("legal", "Besluiten van rechter of burgemeester over zorg"),
    ("safety", "Veiligheid thuis"),
    ("notes", "Verslagen en brieven"),
];

/// Fills in the form of a choice, looks, and keeps it. Answers the page that showed what would change.
#[track_caller]
fn choose(visitor: &Visitor<'_>, who: &str, what: &str, answer: &str) -> String {
    let form = visitor.open("/patient/choice").ok();
    assert!(
        !form.html().contains("checked") && !form.html().contains("selected"),
        "something is chosen beforehand"
    );
    let fields =
        [("token", form.token()), ("who", who.into()), ("what", what.into()), ("answer", answer.into())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let check = visitor.submit("/patient/choice", &fields).ok();
    check.says("Klopt dit?").says("Er is nog niets bewaard.");
    let hidden = check.hidden();
    let mut fields: Vec<(&str, &str)> = hidden.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    fields.retain(|(name, _)| *name != "lang");
    fields.push(("sure", "yes"));
    let kept = visitor.submit("/patient/choice", &fields).ok();
    kept.says("Je keuze is bewaard");
    // The same form once more is the same choice.
    visitor.submit("/patient/choice", &fields).ok().says("Je keuze is bewaard");
    check.text()
}

#[test]
fn a_choice_is_seen_before_it_is_kept_and_holds_for_the_next_question() {
    let world = World::fresh();
    let (person, nurse) = (world.signed_in("elidrissi", "patient"), world.staff("steen", "district-nursing"));
    nurse.summary("elidrissi").is(403, "not-permitted");
    let check = choose(&person, "category:home-care", "all", "yes");
    assert!(check.contains("Ziet erbij – Wijkverpleging: wie je bent"), "{check}");
    assert!(
        check.contains("Wijkverpleging ziet dan wel je medicijnen, niet waarom je ze krijgt."),
        "{check}"
    );
    nurse.summary("elidrissi").ok();
    let id = nurse.id("elidrissi");
    let before = nurse.search_id(&id, "MedicationRequest", "").ok().json();
    assert_ne!(before["total"], 0);
    let check = choose(&person, "category:home-care", "medication", "no");
    assert!(check.contains("Ziet niet meer – Wijkverpleging: medicijnen"), "{check}");
    let after = nurse.search_id(&id, "MedicationRequest", "").ok().json();
    assert_eq!(after["total"], 0, "the next question, under the same token");
    // Both stand in the list; taken back, they no longer count.
    let list = person.open("/patient/choices").ok();
    list.says("Ja, zij mogen dit zien").says("Nee, zij mogen dit niet zien");
    let html = list.html();
    let ids: Vec<&str> =
        html.split("name=\"choice\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(ids.len(), 2, "sent twice, kept once");
    for id in &ids {
        let token = list.token();
        let fields = [("token", token.as_str()), ("choice", id)];
        person.submit("/patient/choices/withdraw", &fields).ok().says("Je haalt deze keuze weg.");
        let sure = [fields[0], fields[1], ("sure", "yes")];
        person.submit("/patient/choices/withdraw", &sure).ok().says("Je keuze is bewaard");
    }
    nurse.summary("elidrissi").is(403, "not-permitted");
    person.open("/patient/choices").ok().says("2 keuzes die niet meer gelden");
    world.verify();
}

#[test]
fn a_choice_that_says_too_little_is_told_what_is_missing_and_loses_nothing() {
    let person = World::shared().signed_in("amrani", "patient");
    let token = person.open("/patient/choice").ok().token();
    let page = person
        .submit("/patient/choice", &[("token", &token), ("who", "category:ggz"), ("until", "2020-01-01")])
        .ok();
    page.says("Kies wat zij mogen zien.")
        .says("Kies ja of nee.")
        .says("Kies een dag in de toekomst, of laat dit leeg.");
    assert!(page.html().contains("value=\"category:ggz\" selected"), "{}", page.html());
    for (name, value) in
        [("who", "category:nobody"), ("who", "organisation:x"), ("what", "everything"), ("answer", "maybe")]
    {
        let page = person.submit("/patient/choice", &[("token", &token), (name, value)]).ok();
        page.says("Er mist nog iets:");
    }
}

#[test]
fn the_emergency_choice_opens_and_shuts() {
    let world = World::fresh();
    let person = world.signed_in("amrani", "patient");
    let triage = || world.staff("valk", "triage").responsible("brug").break_glass("amrani", "marker-reason");
    triage().summary("amrani").is(403, "not-permitted");
    for (choice, status) in [("summary", 200), ("none", 403)] {
        let token = person.open("/patient/emergency").ok().token();
        let fields = [("token", token.as_str()), ("emergency", choice)];
        let check = person.submit("/patient/emergency", &fields).ok();
        let effect = if choice == "none" { "Ziet niet meer" } else { "Ziet erbij" };
        check.says(&format!("Bij spoed {effect} – Huisartsenpost, GGZ-crisisdienst, Triage: wie je bent"));
        let hidden = check.hidden();
        let sure = [fields[0], fields[1], ("id", hidden["id"].as_str()), ("sure", "yes")];
        person.submit("/patient/emergency", &sure).ok().says("Je keuze is bewaard");
        assert_eq!(triage().summary("amrani").status, status, "{choice}");
    }
    person.open("/patient/emergency").ok().says("Nu: niemand mag iets zien bij spoed.");
    person.open("/patient/looked?only=emergency").ok().says("SPOED").hides("marker-reason");
}

#[test]
fn under_sixteen_a_yes_waits_for_the_second_key_and_the_page_says_so() {
    let noor = World::shared().signed_in("noor", "patient");
    let token = noor.open("/patient/choice").ok().token();
    let fields =
        [("token", token.as_str()), ("who", "category:social"), ("what", "living"), ("answer", "yes")];
    let check = noor.submit("/patient/choice", &fields).ok();
    check.says("Met deze keuze verandert er nu niets.").says("Je bent nog geen 16.");
}

#[test]
fn from_a_month_before_a_birthday_the_page_lists_what_must_be_asked_anew() {
    let sem = World::shared().signed_in("sem", "patient");
    let page = sem.open("/patient/choices").ok();
    page.says("Dit moet binnenkort opnieuw gevraagd worden");
    page.says("Vanaf 21 december 2026 geldt deze keuze niet meer: je wordt 18, dan stopt jeugdhulp");
    page.says("Er wordt niets gewist.");
}

#[test]
fn a_kept_choice_names_the_person_as_who_recorded_it() {
    let world = World::fresh();
    let before = world.dump().len();
    choose(&world.signed_in("bakker", "patient"), "organisation:sociaal-team-west", "plan", "no");
    let records = world.dump();
    let kept: Vec<&Value> = records[before..].iter().filter(|r| r["kind"] == "consent").collect();
    assert_eq!(kept.len(), 1, "one record for one choice");
    let agents = kept[0]["event"]["agent"].as_array().unwrap();
    assert!(agents.iter().any(|a| a["requestor"] == true), "{agents:?}");
    let listed =
        world.sluis(["consent", "list", "--patient", &world.bsn("bakker"), "--json"]).ok().json_lines();
    assert!(listed.iter().any(|c| c["recorder"] == "person" || c["recorded_by"].is_null()), "{listed:?}");
}

#[test]
fn what_somebody_chose_for_a_person_is_put_to_them_when_they_decide_again() {
    let world = World::fresh();
    // She holds data of her own: what counts is what the practice gives beside it.
    let nurse = || {
        let found =
            world.staff("steen", "district-nursing").search("visser", "MedicationRequest", "").ok().json();
        found.to_string().contains("N03AG01")
    };
    assert!(nurse(), "his mentor's yes");
    world.advance(326 * 86_400);
    assert!(!nurse(), "the statement has ended");
    let visser = world.signed_in("visser", "patient");
    let page = visser.open("/patient/choices").ok();
    page.says("Deze keuzes tellen niet meer").says("je beslist dan weer zelf");
    let html = page.html();
    let (_, ended) = html.split_once("Deze keuzes tellen niet meer").unwrap();
    let ids = ended.split("/patient/choices/renew").skip(1).map(|part| {
        part.split("name=\"choice\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    });
    let ids: Vec<String> = ids.collect();
    assert!(ids.len() >= 2, "both ways of his practice and his nurse");
    let token = page.token();
    for id in &ids {
        let fields = [("token", token.as_str()), ("choice", id.as_str())];
        let check = visser.submit("/patient/choices/renew", &fields).ok();
        check.says("Klopt dit?");
        let new = check.hidden()["id"].clone();
        let sure = [fields[0], fields[1], ("id", new.as_str()), ("sure", "yes")];
        visser.submit("/patient/choices/renew", &sure).ok().says("Je keuze is bewaard");
    }
    assert!(nurse());
}
