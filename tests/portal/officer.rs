//! Officers: accesses and refusals of the own organisation, one record with its trace, and the journal's soundness.

use sluis_tests::{Page, World};

fn rows(page: &Page) -> Vec<String> {
    let html = page.html();
    let rows = html.split("<tbody>").nth(1).unwrap_or_default().split("<tr>").skip(1);
    rows.map(|row| row.split("</tr>").next().unwrap().to_owned()).collect()
}

fn record(row: &str) -> String {
    row.split("href=\"/officer/record/").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

fn tag(row: &str) -> String {
    row.split("href=\"/officer?person=").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[test]
fn an_officer_lists_accesses_and_refusals_by_person_day_organisation_and_emergency() {
    let world = World::fresh();
    world.staff("valk", "triage").summary("jansen").ok();
    world.staff("steen", "district-nursing").summary("kaya").ok();
    world
        .staff("valk", "triage")
        .responsible("brug")
        .break_glass("peters", "marker-reason")
        .summary("peters")
        .ok();
    world.staff("steen", "district-nursing").summary("devries").is(403, "not-permitted");
    let officer = world.signed_in("officer-linde", "officer");
    let all = officer.open("/officer").ok();
    let found = rows(&all);
    assert!(found.len() >= 4, "{}", all.text());
    all.hides("marker-reason");
    for name in ["Jansen", "Kaya", "Peters", "T. Valk", "999990"] {
        all.hides(name);
    }
    let of = |query: &str| rows(&officer.open(&format!("/officer?{query}")).ok());
    let emergency = of("emergency=yes");
    assert!(!emergency.is_empty() && emergency.len() < found.len());
    assert!(emergency.iter().all(|row| row.contains("SPOED")));
    let nurse = of("organisation=wijkverpleging-thuis");
    assert!(!nurse.is_empty() && nurse.iter().all(|row| row.contains("Wijkverpleging Thuis")), "{nurse:?}");
    let one = tag(found.last().unwrap());
    let person = of(&format!("person={one}"));
    assert!(!person.is_empty() && person.len() < found.len() && person.iter().all(|row| tag(row) == one));
    let today = world.now().to_zoned(jiff::tz::TimeZone::get("Europe/Amsterdam").unwrap()).date();
    assert_eq!(of(&format!("day={today}")).len(), found.len());
    assert!(of("day=2026-01-05").is_empty());
    // What was searched for is recorded too.
    let page = officer.open(&format!("/officer?person={one}&emergency=yes")).ok();
    let record = &world.records_of(page.answer.request_id())[0];
    assert_eq!(record["kind"], "portal");
    let query = record["event"]["entity"].to_string();
    assert!(!query.contains("999990"), "{query}");
}

#[test]
fn an_officer_finds_by_employee_purpose_and_outcome_and_an_old_record_among_thousands() {
    let world = World::fresh();
    world.staff("valk", "triage").summary("jansen").ok();
    world.staff("linden", "gp-own").summary("bakker").ok();
    world.staff("steen", "district-nursing").summary("devries").is(403, "not-permitted");
    let officer = world.signed_in("officer-linde", "officer");
    let of = |query: &str| rows(&officer.open(&format!("/officer?{query}")).ok());
    let own = of("employee=linden");
    assert!(!own.is_empty() && own.iter().all(|row| row.contains("van der Linden")), "{own:?}");
    // Who works elsewhere is not this officer's to look for.
    assert!(of("employee=valk").is_empty());
    let refused = of("result=not-given");
    assert!(!refused.is_empty() && refused.iter().all(|row| row.contains("niet gegeven")), "{refused:?}");
    let part = of("result=given-part");
    assert!(!part.is_empty() && part.iter().all(|row| row.contains("deels gegeven")));
    assert!(of("purpose=CAREMGT").is_empty());
    assert_eq!(of("purpose=TREAT").len(), of("").len());
    assert_eq!(of("purpose=nonsense&result=nonsense").len(), 0);
    let page = officer.open("/officer?employee=linden&result=given").ok();
    page.says("Medewerker").says("Uitkomst");
    let query = world.records_of(page.answer.request_id())[0]["event"]["entity"].to_string();
    let written = data_encoding::BASE64.encode(b"employee=linden&result=given");
    assert!(query.contains(&written), "{query}");
    // Three thousand records of others later there are whole blocks in the index, and what was found is found still.
    let others = world.asker("sociaal-team-west");
    let dam = others.purpose("CAREMGT").person("dam");
    let before = of("employee=linden");
    let mut made = 0;
    while made < 3_000 {
        assert_eq!(dam.summary("amrani").status, 200);
        made += 1;
    }
    assert_eq!(of("employee=linden"), before);
    let nurse = of("organisation=wijkverpleging-thuis&result=not-given");
    assert_eq!(nurse, refused);
}

#[test]
fn one_record_opens_with_how_it_was_decided_and_decides_the_same_again() {
    let world = World::fresh();
    world.staff("valk", "triage").summary("jansen").ok();
    world.staff("steen", "district-nursing").summary("devries").is(403, "not-permitted");
    let officer = world.signed_in("officer-linde", "officer");
    let list = officer.open("/officer").ok();
    let (mut given, mut refused) = (0, 0);
    for row in rows(&list) {
        let page = officer.open(&format!("/officer/record/{}", record(&row))).ok();
        page.says("Hoe is dit besloten?").says("er komt hetzelfde uit");
        page.says("Huisartsenpraktijk De Linde – Medicijnen:");
        given += usize::from(page.text().contains("een toestemming geldt"));
        refused += usize::from(
            page.text().contains("de persoon zei nee") && page.text().contains("een bezwaar geldt"),
        );
    }
    assert!(given > 0 && refused > 0, "{given} {refused}");
}

#[test]
fn an_askers_officer_reads_no_reason_of_others_and_a_third_reads_nothing() {
    let world = World::fresh();
    world.staff("steen", "district-nursing").summary("devries").is(403, "not-permitted");
    let officer = world.signed_in("officer-linde", "officer");
    let index = record(&rows(&officer.open("/officer").ok())[0]);
    let asker = world.signed_in("officer-thuis", "officer");
    let list = rows(&asker.open("/officer").ok());
    let own = asker.open(&format!("/officer/record/{}", record(&list[0]))).ok();
    own.says("De uitleg van deze weigering hoort bij de functionaris van wie de gegevens heeft.");
    own.hides("de persoon zei nee").hides("De Linde").hides("Oever");
    let third = world.signed_in("officer-buurt", "officer");
    for at in [index.as_str(), "0", "1", "999999", "-1", "x", "18446744073709551615", "18446744073709551616"]
    {
        assert_eq!(third.open(&format!("/officer/record/{at}")).answer.status, 404, "{at}");
    }
    // A person's tag is one organisation's: with another's, nothing is found.
    let tag = tag(&rows(&officer.open("/officer").ok())[0]);
    assert!(rows(&asker.open(&format!("/officer?person={tag}")).ok()).is_empty());
}

#[test]
fn the_journal_is_computed_again_and_its_head_shown() {
    let world = World::fresh();
    let officer = world.signed_in("officer-oever", "officer");
    let page = officer.open("/officer/journal").ok();
    page.says("Het logboek klopt.").says("sluis.example/heuvelrijk");
    let root = world.sluis(["audit", "checkpoint"]).ok().stdout;
    assert_eq!(root.lines().next(), Some("sluis.example/heuvelrijk"));
    let ready = world.management("/readyz");
    assert_eq!(ready.0, 200);
}

#[test]
fn the_officer_of_a_suspended_participant_is_out_at_once() {
    let world = World::fresh();
    let officer = world.signed_in("officer-oever", "officer");
    let _page = officer.open("/officer").ok();
    world.sluis(["participant", "suspend", "ggz-de-oever"]).ok();
    let page = officer.open("/officer");
    assert_eq!(page.path, "/dev/authorize", "{}", page.text());
}

#[test]
fn what_was_erased_by_command_reads_so_and_names_the_administrator() {
    let world = World::fresh();
    world.sluis(["erase", "--holder", "huisarts-de-linde", "--patient", &world.bsn("jansen")]).ok();
    let officer = world.signed_in("officer-linde", "officer");
    let all = officer.open("/officer?all=yes").ok();
    let row =
        rows(&all).into_iter().find(|row| row.contains("gegevens uit het delen gehaald")).expect("a row");
    let page = officer.open(&format!("/officer/record/{}", record(&row))).ok();
    page.says("de beheerder van Sluis").hides("naam niet getoond");
}
