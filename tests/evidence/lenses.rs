//! The three lenses on one journal: each shows what its reader may see, and nothing else.

use crate::session::PERSON;
use serde_json::{Value, json};
use sluis_tests::json::{has_words, of_type};
use sluis_tests::{Asker, World, proof};
use std::collections::BTreeSet;

/// Every event that a reader sees, over all pages.
fn all(reader: &Asker<'_>, id: &str, count: usize) -> Vec<Value> {
    let mut page = reader.get(&format!("AuditEvent?patient={id}&_count={count}")).ok().json();
    let mut events = Vec::new();
    for _ in 0..200 {
        events.extend(of_type(&page, "AuditEvent").into_iter().cloned());
        let links = page["link"].as_array().unwrap();
        let Some(next) = links.iter().find(|l| l["relation"] == "next") else { return events };
        let next = next["url"].as_str().unwrap();
        let (_, path) = next.split_once("/fhir/").unwrap();
        page = reader.get(path).ok().json();
    }
    panic!("pages without end");
}

fn ids(events: &[Value]) -> Vec<&str> {
    events.iter().map(|e| e["id"].as_str().unwrap()).collect()
}

#[test]
fn a_timeline_is_paged_newest_first_and_nothing_is_missed_or_seen_twice() {
    let world = World::fresh();
    let linden = world.staff("linden", "gp-own");
    for _ in 0..7 {
        let _answer = linden.summary(PERSON).ok();
    }
    let own = world.own(PERSON);
    let id = own.id(PERSON);
    let whole = all(&own, &id, 200);
    // Every page is itself recorded meanwhile: it stands before the first page and shifts nothing.
    let paged = all(&own, &id, 3);
    let (whole, paged) = (ids(&whole), ids(&paged));
    assert_eq!(paged.iter().collect::<BTreeSet<_>>().len(), paged.len(), "seen twice");
    assert!(whole.iter().all(|id| paged.contains(id)), "missed");
    let numbers: Vec<u64> = paged.iter().map(|id| id.trim_start_matches('r').parse().unwrap()).collect();
    assert!(numbers.is_sorted_by(|a, b| a > b), "newest first: {numbers:?}");
}

#[test]
fn a_person_sees_every_use_of_their_data_and_each_look_at_their_log() {
    let world = World::fresh();
    let linden = world.staff("linden", "gp-own");
    let id = linden.id(PERSON);
    let answer = linden.summary(PERSON).ok();
    let refused = world.asker("coordinatiepunt-verblijf").find(PERSON);
    assert_eq!(refused.status, 403);
    let _looked =
        world.officer("huisarts-de-linde", "officer-linde").get(&format!("AuditEvent?patient={id}")).ok();
    let own = world.own(PERSON);
    let own_id = own.id(PERSON);
    let events = all(&own, &own_id, 50);
    let with = |request: &str| events.iter().find(|e| e.to_string().contains(request));
    let given = with(answer.request_id()).expect("the disclosure");
    for word in ["given", "withheld", "basis", "Huisartsenpraktijk De Linde", "M. van der Linden"] {
        assert!(has_words(given, word), "{word}: {given}");
    }
    let tried = with(refused.request_id()).expect("the refusal");
    assert_eq!(tried["outcome"], "8");
    assert!(events.iter().any(|e| e.to_string().contains("officer-linde")), "the officer's look");
    // The person stands there by the reader's own id: the tag of the year would join two readers.
    let number = world.bsn(PERSON);
    for event in &events {
        let text = event.to_string();
        assert!(!text.contains(&number), "a BSN");
        let subject = event["entity"].as_array().unwrap().iter().find(|e| e["role"]["code"] == "1").unwrap();
        assert_eq!(subject["what"]["identifier"]["value"], own_id.as_str());
    }
}

#[test]
fn another_persons_log_is_refused_like_everything_else() {
    let world = World::shared();
    let own = world.own(PERSON);
    let id = own.id(PERSON);
    let other = world.own("jansen");
    other.get(&format!("AuditEvent?patient={id}")).is(403, "not-permitted");
    // Nor does a professional's purpose open it.
    let linden = world.staff("linden", "gp-own");
    let id = linden.id(PERSON);
    linden.get(&format!("AuditEvent?patient={id}")).is(403, "not-permitted");
}

#[test]
fn an_officer_sees_the_own_tenancy_alone() {
    let world = World::fresh();
    // Linden asks: De Linde, the social team and home care give. Peters is known at the GGZ as well.
    let linden = world.staff("linden", "gp-own");
    let id = linden.id(PERSON);
    let asked = linden.summary(PERSON).ok();
    let asked = asked.request_id();
    let at_home = world.officer("wijkverpleging-thuis", "officer-thuis");
    let staff_at_home = world.asker("wijkverpleging-thuis");
    let home_id = staff_at_home.id(PERSON);
    let events = all(&at_home, &home_id, 50);
    let seen = events.iter().find(|e| e.to_string().contains(asked)).expect("what was asked of its data");
    let text = seen.to_string();
    assert!(text.contains("wijkverpleging-thuis") && text.contains("Huisartsenpraktijk De Linde"));
    for hidden in ["sociaal-team-west", "van der Linden", "#linden", "system/Patient"] {
        assert!(!text.contains(hidden), "{hidden} is none of this officer's: {text}");
    }
    assert!(!has_words(seen, "Consent/"), "consents of others");
    // The asker's own officer sees who gave, and nothing of what others withheld.
    let own_officer = world.officer("huisarts-de-linde", "officer-linde");
    let events = all(&own_officer, &id, 50);
    let seen = events.iter().find(|e| e.to_string().contains(asked)).expect("what the own staff asked");
    assert!(seen.to_string().contains("van der Linden"));
    for share in seen["entity"].as_array().unwrap().iter().filter(|e| e["type"]["code"] == "holder") {
        if share["name"] != "huisarts-de-linde" {
            let withheld = share["detail"].as_array().unwrap().iter().any(|d| d["type"] == "withheld");
            assert!(!withheld, "{share}");
        }
    }
    // Two officers cannot join what they see of one person.
    let people = |events: &[Value]| -> BTreeSet<String> {
        let entities = events.iter().flat_map(|e| e["entity"].as_array().unwrap());
        let subjects = entities.filter(|e| e["role"]["code"] == "1");
        subjects.map(|e| e["what"]["identifier"]["value"].as_str().unwrap().to_owned()).collect()
    };
    let (mine, theirs) = (people(&events), people(&all(&at_home, &home_id, 50)));
    assert_eq!((mine.len(), theirs.len()), (1, 1));
    assert!(mine.is_disjoint(&theirs));
}

#[test]
fn an_officer_elsewhere_sees_nothing_and_cannot_tell_it_from_nobody() {
    let world = World::fresh();
    let linden = world.staff("linden", "gp-own");
    let _answer = linden.summary(PERSON).ok();
    // The GGZ holds nothing of this person and never asked: its pseudonym of her cannot be had, a foreign id is refused.
    let elsewhere = world.officer("ggz-de-oever", "officer-oever");
    let foreign = elsewhere.get(&format!("AuditEvent?patient={}", linden.id(PERSON)));
    let made_up = elsewhere.get(&format!("AuditEvent?patient={}", "a".repeat(53)));
    foreign.is(403, "not-permitted");
    assert_eq!(foreign.face(), made_up.face());
}

#[test]
fn an_export_is_signed_recorded_and_checked_without_us() {
    let world = World::fresh();
    let linden = world.staff("linden", "gp-own");
    let asked = linden.summary(PERSON).ok();
    let folder = tempfile::tempdir().unwrap();
    let number = world.bsn(PERSON);
    let key = world.region()["journal_key"].as_str().unwrap().to_owned();
    let export = |format: &str, officer: Option<&str>| {
        let name = format!("{format}-{}", officer.unwrap_or("person"));
        let to = folder.path().join(&name);
        let mut args = vec![
            "audit",
            "export",
            "--patient",
            "-",
            "--format",
            format,
            "--to",
            to.to_str().unwrap(),
            "--json",
        ];
        args.extend(officer.iter().flat_map(|o| ["--officer", *o]));
        let said = world.sluis_with(args, number.as_bytes()).ok().json();
        let content = std::fs::read(&to).unwrap();
        let note = std::fs::read_to_string(folder.path().join(format!("{name}.note"))).unwrap();
        let (count, hash) = proof::open(&note, &key).unwrap();
        assert_eq!(said["records"], count);
        assert_eq!(ring::digest::digest(&ring::digest::SHA256, &content).as_ref(), hash, "{name}");
        assert!(proof::open(&note.replacen(&count.to_string(), "1", 1), &key).is_err(), "a bent note");
        String::from_utf8(content).unwrap()
    };
    let lines = export("ndjson", None);
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        proof::check(&line["proof"], &key).unwrap();
        assert_eq!(line["event"]["resourceType"], "AuditEvent");
    }
    assert!(lines.contains(asked.request_id()) && lines.contains("van der Linden"));
    let bundle: Value = serde_json::from_str(&export("bundle", Some("wijkverpleging-thuis"))).unwrap();
    let seen = bundle.to_string();
    assert!(
        seen.contains(asked.request_id())
            && !seen.contains("van der Linden")
            && !seen.contains("sociaal-team-west")
    );
    let table = export("csv", None);
    assert!(table.starts_with("index,time,kind,") && table.contains("not-asked"));
    for text in [&lines, &seen, &table] {
        assert!(!text.contains(&number), "a BSN");
    }
    // That it was done stands in the person's own log.
    let exports = world
        .dump()
        .into_iter()
        .filter(|r| r["kind"] == "audit-read" && r["event"].to_string().contains("export"));
    assert_eq!(exports.count(), 3);
}

#[test]
fn a_printed_export_says_what_the_table_says() {
    let world = World::fresh();
    let asked = world.staff("linden", "gp-own").summary(PERSON).ok();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.pdf");
    let args = ["audit", "export", "--patient", "-", "--format", "pdf", "--to", file.to_str().unwrap()];
    world.sluis_with(args, world.bsn(PERSON).as_bytes()).ok();
    let printed = std::fs::read(&file).unwrap();
    let has = |text: &str| printed.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(printed.starts_with(b"%PDF-") && has("%%EOF"));
    let index = world.records_of(asked.request_id())[0]["index"].to_string();
    assert!(has(&format!("({index} ")) && has("van der Linden") && has("not-asked"));
    assert!(!has(&world.bsn(PERSON)));
    let note = std::fs::read_to_string(folder.path().join("log.pdf.note")).unwrap();
    let (_, hash) = proof::open(&note, world.region()["journal_key"].as_str().unwrap()).unwrap();
    assert_eq!(ring::digest::digest(&ring::digest::SHA256, &printed).as_ref(), hash);
}

#[test]
fn a_supervisor_reads_one_participant_of_one_time_and_knows_nobody() {
    let world = World::fresh();
    let linden = world.staff("linden", "gp-own");
    let (kaya, bakker) = (linden.summary("kaya").ok(), linden.summary("bakker").ok());
    let others = world.staff("steen", "district-nursing").summary("jansen").ok();
    let folder = tempfile::tempdir().unwrap();
    let export = |name: &str, more: &[&str]| {
        let to = folder.path().join(name);
        let args = ["audit", "export", "--supervisor", name, "--to", to.to_str().unwrap()];
        let run = world.sluis(args.into_iter().chain(more.iter().copied()));
        (run.code, std::fs::read_to_string(&to).unwrap_or_default())
    };
    let today = world.now().strftime("%Y-%m-%d").to_string();
    let of_linde = ["--participant", "huisarts-de-linde", "--from", &today, "--until", &today];
    let (code, lines) = export("igj", &of_linde);
    assert_eq!(code, 0);
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect();
    let of = |answer: &sluis_tests::client::Answer| {
        let of = events.iter().find(|e| e["event"].to_string().contains(answer.request_id()));
        of.map(|line| line["event"].to_string())
    };
    let (kaya_seen, bakker_seen) = (of(&kaya).unwrap(), of(&bakker).unwrap());
    assert!(kaya_seen.contains("van der Linden"), "its own staff");
    assert!(of(&others).is_none_or(|seen| !seen.contains("steen")), "others' staff is not its");
    assert!(lines.contains("outward-id"), "what was done to the keys");
    // Persons bear ids of this reader: not those of the participant, not those of another reader.
    let (_, other_reader) = export("ap", &of_linde);
    for (text, who) in [(&lines, "kaya"), (&lines, "bakker"), (&other_reader, "kaya")] {
        assert!(!text.contains(&world.bsn(who)) && !text.contains(&linden.id(who)), "{who}");
    }
    let id = |seen: &str| {
        let event: Value = serde_json::from_str(seen).unwrap();
        let tagged = |e: &&Value| {
            e["what"]["identifier"]["system"].as_str().is_some_and(|s| s.ends_with("person-tag"))
        };
        let entity = event["entity"].as_array().unwrap().iter().find(tagged).unwrap().clone();
        entity["what"]["identifier"]["value"].as_str().unwrap().to_owned()
    };
    let (first, second) = (id(&kaya_seen), id(&bakker_seen));
    assert!(first != second && lines.matches(&first).count() > 1, "one id a person");
    assert!(!other_reader.contains(&first));
    assert!(
        !lines.contains(r#""system":"https://sluis.example/fhir/NamingSystem/person-tag"}"#),
        "nobody's id is none"
    );
    let long_ago = ["--participant", "huisarts-de-linde", "--from", "2020-01-01", "--until", "2020-12-31"];
    assert_eq!(export("then", &long_ago), (0, String::new()));
    assert_eq!(export("nobody", &["--participant", "niemand", "--from", &today, "--until", &today]).0, 1);
    assert_eq!(export("half", &["--participant", "huisarts-de-linde"]).0, 2);
    let read = world
        .dump()
        .into_iter()
        .filter(|r| r["kind"] == "audit-read" && r["event"].to_string().contains("igj"));
    assert_eq!(read.count(), 1);
}

#[test]
fn a_table_says_whom_it_is_about_for_whom_on_what_basis_and_from_where() {
    let world = World::fresh();
    let valk = world.staff("valk", "triage").responsible("brug");
    let asked = valk.summary("jansen").ok();
    let index = world.records_of(asked.request_id())[0]["index"].to_string();
    let folder = tempfile::tempdir().unwrap();
    let today = world.now().in_tz("Europe/Amsterdam").unwrap().strftime("%Y-%m-%d").to_string();
    let participant = valk.participant();
    let export = |format: &str| {
        let to = folder.path().join(format);
        let args = ["audit", "export", "--supervisor", "igj", "--participant", participant, "--from", &today];
        let args =
            args.into_iter().chain(["--until", &today, "--format", format, "--to", to.to_str().unwrap()]);
        world.sluis(args).ok();
        String::from_utf8_lossy(&std::fs::read(&to).unwrap()).into_owned()
    };
    let table = export("csv");
    let cells = |row: &str| -> Vec<String> {
        row.split("\",\"").map(|cell| cell.trim_matches(['"', '\r']).to_owned()).collect()
    };
    let columns: Vec<&str> = table.lines().next().unwrap().split(',').collect();
    let row = table.lines().map(cells).find(|cells| cells[0] == index).unwrap();
    let cell = |column: &str| row[columns.iter().position(|name| *name == column).unwrap()].as_str();
    assert!(cell("responsible").contains("Brug"), "{row:?}");
    assert!(cell("basis").contains(" / ") && !cell("given").is_empty(), "{row:?}");
    assert_eq!(cell("network"), "127.0.0.1");
    // The person under an id of this reader: the one of its events.
    let events = export("ndjson");
    let subject = cell("subject");
    assert!(subject.len() > 20 && events.contains(&format!("\"value\":\"{subject}\"")), "{subject}");
    assert!(export("pdf").contains(&format!("about: {subject}")));
}

#[test]
fn an_export_is_checked_by_who_knows_the_key_of_before() {
    let world = World::fresh();
    let former = world.region()["journal_key"].as_str().unwrap().to_owned();
    let _turned = world.sluis(["keys", "rotate", "journal-signing"]).ok();
    let current = world.sluis(["audit", "key"]).ok().stdout.trim().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let today = world.now().in_tz("Europe/Amsterdam").unwrap().strftime("%Y-%m-%d").to_string();
    let of = [
        ["--regional", "heuvelrijk"].as_slice(),
        &["--supervisor", "igj", "--participant", "huisarts-de-linde"],
    ];
    for (name, of) in ["counts", "records"].into_iter().zip(of) {
        let to = folder.path().join(name);
        let args = ["audit", "export", "--from", &today, "--until", &today, "--to", to.to_str().unwrap()];
        let _made = world.sluis(args.into_iter().chain(of.iter().copied())).ok();
        let note = std::fs::read_to_string(folder.path().join(format!("{name}.note"))).unwrap();
        let content = std::fs::read(&to).unwrap();
        for key in [&former, &current] {
            let (_, hash) = proof::open(&note, key).unwrap();
            assert_eq!(ring::digest::digest(&ring::digest::SHA256, &content).as_ref(), hash, "{name}");
        }
    }
}

#[test]
fn a_regional_officer_counts_traffic_and_knows_nobody() {
    let world = World::fresh();
    let linden = world.staff("linden", "gp-own");
    for _ in 0..6 {
        linden.summary("kaya").ok();
    }
    linden.summary("bakker").ok();
    for _ in 0..5 {
        assert_eq!(world.staff("valk", "triage").summary("devries").status, 403);
    }
    let folder = tempfile::tempdir().unwrap();
    let today = world.now().in_tz("Europe/Amsterdam").unwrap().strftime("%Y-%m-%d").to_string();
    let export = |format: &str, from: &str, until: &str| {
        let to = folder.path().join(format!("{from}-{until}.{format}"));
        let args = ["audit", "export", "--regional", "heuvelrijk", "--from", from, "--until", until];
        let run = world.sluis(args.into_iter().chain(["--format", format, "--to", to.to_str().unwrap()]));
        (run, std::fs::read(&to).unwrap_or_default())
    };
    let (run, bytes) = export("ndjson", &today, &today);
    run.ok();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |asker: &str, holder: &str, outcome: &str| {
        let all = rows.iter().filter(|row| row["asker"] == asker && row["holder"] == holder);
        all.filter(|row| row["outcome"] == outcome).map(|row| row["count"].clone()).collect::<Vec<_>>()
    };
    // Kaya's six and Bakker's one, both with data of the practice itself; Bakker's alone has a part of GGZ De Oever.
    let own = count("huisarts-de-linde", "huisarts-de-linde", "given");
    assert!(own.iter().filter_map(Value::as_u64).sum::<u64>() >= 6, "{text}");
    assert_eq!(count("huisarts-de-linde", "ggz-de-oever", "given in part"), [json!("1-4")], "{text}");
    assert_eq!(count("zorgcoordinatie-heuvelrijk", "ggz-de-oever", "withheld"), [json!(5)], "{text}");
    let people = ["kaya", "bakker", "devries"].map(|who| [world.bsn(who), world.birth_date(who)]);
    for secret in
        people.as_flattened().iter().map(String::as_str).chain(["linden", "valk", "refused", "person-tag"])
    {
        assert!(!text.contains(secret), "{secret}");
    }
    let note = std::fs::read_to_string(folder.path().join(format!("{today}-{today}.ndjson.note"))).unwrap();
    let (_, hash) = proof::open(&note, world.region()["journal_key"].as_str().unwrap()).unwrap();
    assert_eq!(ring::digest::digest(&ring::digest::SHA256, &bytes).as_ref(), hash);
    let (run, table) = export("csv", &today, &today);
    run.ok();
    assert_eq!(String::from_utf8(table).unwrap().lines().count(), rows.len() + 1);
    let (run, printed) = export("pdf", &today, &today);
    run.ok();
    assert!(printed.starts_with(b"%PDF-"));
    assert_eq!(export("ndjson", "2020-01-01", "2020-12-31").1, b"");
    assert_eq!(export("bundle", &today, &today).0.code, 2, "counts are no events");
    assert_eq!(export("csv", "2026-12-01", "2026-11-01").0.code, 2, "the last day before the first");
    let read = world.dump();
    let read = read
        .iter()
        .filter(|r| r["kind"] == "audit-read" && r["event"].to_string().contains("regional heuvelrijk"));
    assert_eq!(read.count(), 4);
}
