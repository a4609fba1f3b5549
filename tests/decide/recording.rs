//! Whose word counts, who sees what was recorded, and how records of practices and registers come in and go.

use super::{acting, consent, group, id_of, organisation, permit, refused, related};
use serde_json::{Value, json};
use sluis_tests::ask::BSN;
use sluis_tests::world::World;

/// What this organisation is permitted of a holder's data, by the program's own account.
fn reached(world: &World, patient: &str, asker: &str, purpose: &str, holder: &str) -> Vec<String> {
    let bsn = world.bsn(patient);
    let said = world.sluis(["explain", "--patient", &bsn, "--as", asker, "--purpose", purpose, "--json"]);
    let lines = said.ok().json()["decisions"].as_array().expect("decisions").clone();
    let permitted = lines.iter().filter(|line| line["holder"] == holder && line["verdict"] == "permit");
    permitted.map(|line| line["class"].as_str().expect("class").to_owned()).collect()
}

fn care_team(world: &World, patient: &str, members: &[&str]) -> Value {
    let members = members.iter().map(|id| json!({"member": organisation(world, id)}));
    json!({
        "resourceType": "CareTeam", "status": "active", "period": {"start": "2026-11-01"},
        "subject": {"type": "Patient", "identifier": {"system": BSN, "value": world.bsn(patient)}},
        "participant": members.collect::<Vec<_>>(),
    })
}

fn listed(world: &World, patient: &str) -> Vec<Value> {
    let bsn = world.bsn(patient);
    let said = world.sluis(["consent", "list", "--patient", &bsn, "--json"]).ok().stdout;
    said.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn a_third_members_word_opens_nobodys_data_to_another() {
    let world = World::fresh();
    let closed = || reached(&world, "kaya", "jeugd-ggz-de-oever", "TREAT", "huisarts-de-linde").is_empty();
    assert!(closed());
    let team = care_team(&world, "kaya", &["sociaal-team-west", "huisarts-de-linde", "jeugd-ggz-de-oever"]);
    let recorded = world.staff("dam", "wmo-individual").create(&team);
    assert_eq!(recorded.status, 201, "{}", recorded.text());
    assert!(closed(), "a social team makes nobody directly involved");
    // The practice's own word does, for the practice's own data and not the other way round.
    let own = care_team(&world, "kaya", &["huisarts-de-linde", "jeugd-ggz-de-oever"]);
    assert_eq!(world.staff("linden", "gp-own").create(&own).status, 201);
    assert!(!closed());
}

#[test]
fn a_relation_that_ended_lets_nobody_record() {
    let world = World::fresh();
    let (bsn, oever) = (world.bsn("elidrissi"), world.asker("ggz-de-oever").purpose("TREAT"));
    let body = consent(&world, "elidrissi", Some("ggz-de-oever"), &permit(&group("category", "home-care")));
    refused(&oever.create(&body));
    let referral = json!({
        "resourceType": "ServiceRequest", "status": "active", "intent": "order",
        "subject": {"type": "Patient", "identifier": {"system": BSN, "value": bsn}},
        "requester": organisation(&world, "huisarts-de-linde"), "performer": [organisation(&world, "ggz-de-oever")],
        "occurrencePeriod": {"start": "2026-11-01", "end": "2027-06-01"},
    });
    let added = world.sluis_with(["relation", "add", "-", "--json"], referral.to_string().as_bytes());
    let id = added.ok().json()["relation"].as_str().expect("id").to_owned();
    let while_it_lives = oever.create(&body);
    assert_eq!(while_it_lives.status, 201, "{}", while_it_lives.text());
    world.sluis(["relation", "end", &id, "--patient", &bsn]).ok();
    refused(&oever.create(&body));
}

/// A parent's key as it stands in a Consent.
fn parent(world: &World, name: &str) -> Value {
    let person = json!({"type": "Patient", "identifier": {"system": BSN, "value": world.bsn("noor")}});
    related(name, &person, "parent", "gezagsregister", "2012-02-29")
}

#[test]
fn who_turns_a_second_key_does_not_become_the_recorder() {
    let world = World::fresh();
    let linde = world.staff("linden", "gp-own");
    // No holder named: the data of whoever recorded it.
    let mut provision = permit(&group("function", "youth-individual"));
    provision["actor"].as_array_mut().expect("actors").remove(0);
    provision["code"] = json!([{"coding": [{"system": "https://sluis.example/fhir/CodeSystem/data-class", "code": "living"}]}]);
    let created = linde.create(&consent(&world, "noor", Some("huisarts-de-linde"), &provision));
    assert_eq!(created.status, 201, "{}", created.text());
    let reaches = || {
        let bsn = world.bsn("noor");
        let args =
            ["explain", "--patient", &bsn, "--as", "sociaal-team-west", "--function", "youth-individual"];
        let more = ["--purpose", "CAREMGT", "--person", "omar", "--json"];
        let said = world.sluis(args.into_iter().chain(more)).ok().json();
        let lines = said["decisions"].as_array().expect("decisions").clone();
        let living = |line: &&Value| line["holder"] == "huisarts-de-linde" && line["class"] == "living";
        lines.iter().find(living).expect("a line")["verdict"] == "permit"
    };
    assert!(!reaches());
    let els = acting(&world, "els");
    let id = els.id("noor");
    let found = els.get(&format!("Consent?patient={id}")).ok().json();
    let waits = |c: &Value| {
        c["performer"].as_array().is_some_and(|p| p.len() == 1) && c.to_string().contains("living")
    };
    let all = found["entry"].as_array().expect("entries").iter().map(|e| e["resource"].clone());
    let mut signed = all.into_iter().find(waits).expect("it waits for a parent");
    let mut key = parent(&world, "els");
    key["patient"] = signed["patient"].clone();
    signed["contained"] = json!([key]);
    signed["performer"].as_array_mut().expect("performers").push(json!({"reference": "#els"}));
    let turned = els.update(signed["id"].as_str().expect("id"), &signed);
    assert_eq!(turned.status, 200, "{}", turned.text());
    assert!(reaches(), "whose data it means has not changed");
    assert_eq!(linde.get(&format!("Consent/{}", id_of(&created))).status, 200, "its recorder still sees it");
    let line =
        listed(&world, "noor").into_iter().find(|line| line["version"] == 2).expect("the second version");
    assert_eq!(line["recorder"], "huisarts-de-linde");
}

#[test]
fn officers_see_the_consents_about_the_data_they_guard() {
    let world = World::fresh();
    let mut oever_only = permit(&group("category", "home-care"));
    oever_only["actor"][0]["reference"] = organisation(&world, "ggz-de-oever");
    let mut recorded = consent(&world, "bakker", Some("huisarts-de-linde"), &oever_only);
    recorded["sourceAttachment"]["title"] = json!("about De Oever alone");
    assert_eq!(world.staff("linden", "gp-own").create(&recorded).status, 201);
    let seen = |participant: &str, user: &str| {
        let id = world.asker(participant).purpose("TREAT").id("bakker");
        let found = world.officer(participant, user).get(&format!("Consent?patient={id}"));
        (found.status, found.text().contains("about De Oever alone"))
    };
    assert_eq!(seen("ggz-de-oever", "officer-oever"), (200, true));
    // What says nothing about that holder's data is none of its officer's.
    assert!(!seen("wijkverpleging-thuis", "officer-thuis").1);
}

#[test]
fn a_registers_record_is_withdrawn_and_mended_by_its_next_version() {
    let world = World::fresh();
    let open = || !reached(&world, "kaya", "jeugd-ggz-de-oever", "TREAT", "huisarts-de-linde").is_empty();
    let feed = |record: &Value| {
        world.sluis_with(["consent", "record", "-", "--feed=mitz"], record.to_string().as_bytes())
    };
    let numbered = |number: &str, provision: &Value| {
        let mut record = consent(&world, "kaya", Some("huisarts-de-linde"), provision);
        record["identifier"] = json!([{"system": "urn:example:register", "value": number}]);
        record["dateTime"] = json!("2026-11-10");
        record
    };
    let mut yes = numbered("1", &permit(&group("category", "ggz")));
    assert!(!open());
    feed(&yes).ok();
    feed(&yes).ok();
    assert_eq!(
        listed(&world, "kaya").iter().filter(|line| line["version"] == 1).count(),
        listed(&world, "kaya").len(),
        "the same again changes nothing"
    );
    assert!(open());
    yes["status"] = json!("inactive");
    feed(&yes).ok();
    assert!(!open(), "withdrawn in the register, withdrawn here");
    // A record that cannot be read refuses everything, until the register sends it readable.
    yes["status"] = json!("active");
    yes["identifier"][0]["value"] = json!("2");
    feed(&yes).ok();
    let mut no = numbered("3", &json!({"type": "deny"}));
    no["provision"]["code"] = json!([{"coding": [{"system": "urn:example", "code": "unheard-of"}]}]);
    feed(&no).ok();
    assert!(!open());
    no["provision"] = json!({"type": "deny", "actor": [
        permit(&group("category", "home-care"))["actor"][1].clone()]});
    feed(&no).ok();
    assert!(open(), "mended: it objects to home care alone");
    // An older objection in that register and a newer permit here: registers in conflict, the objection wins.
    no["provision"] = json!({"type": "deny", "actor": permit(&group("category", "ggz"))["actor"].clone()});
    no["identifier"][0]["value"] = json!("4");
    no["dateTime"] = json!("2026-11-12");
    feed(&no).ok();
    let local = consent(&world, "kaya", Some("huisarts-de-linde"), &permit(&group("category", "ggz")));
    world.sluis_with(["consent", "record", "-"], local.to_string().as_bytes()).ok();
    assert!(!open());
}

#[test]
fn a_register_mends_its_own_records_alone_and_bears_a_name_of_its_own() {
    let world = World::fresh();
    let feed = |register: &str, record: &Value| {
        let register = format!("--feed={register}");
        world.sluis_with(["consent", "record", "-", &register], record.to_string().as_bytes())
    };
    let yes = consent(&world, "kaya", Some("huisarts-de-linde"), &permit(&group("category", "ggz")));
    feed("mitz", &yes).ok();
    let open = || !reached(&world, "kaya", "jeugd-ggz-de-oever", "TREAT", "huisarts-de-linde").is_empty();
    assert!(open());
    let numbered = |provision: Value| {
        let mut record = consent(&world, "kaya", Some("huisarts-de-linde"), &provision);
        record["identifier"] = json!([{"system": "urn:example:register", "value": "1"}]);
        record
    };
    let mut unheard = numbered(json!({"type": "deny"}));
    unheard["provision"]["code"] = json!([{"coding": [{"system": "urn:example", "code": "unheard-of"}]}]);
    feed("mitz", &unheard).ok();
    assert!(!open(), "what cannot be read refuses");
    let bsn = world.bsn("kaya");
    let unread = || {
        let line = listed(&world, "kaya").into_iter().find(|line| line["status"] == "unreadable");
        line.expect("it stands")["id"].as_str().expect("its id").to_owned()
    };
    // Its register mends it; ended here, the permit before it would count again when it is sent again.
    assert_eq!(world.sluis(["consent", "withdraw", &unread(), "--patient", &bsn]).code, 1);
    assert!(!open(), "it still refuses");
    // The same number in another register is another record.
    let mild = numbered(
        json!({"type": "deny", "actor": [permit(&group("category", "home-care"))["actor"][1].clone()]}),
    );
    feed("vecozo", &mild).ok();
    assert!(!open(), "another register's record does not stand in for it");
    feed("mitz", &mild).ok();
    assert!(open(), "mended by its own");
    // Without a number nothing that comes later is known to mend it: the desk ends it, on record.
    let mut nameless = unheard.clone();
    nameless.as_object_mut().expect("an object").remove("identifier");
    feed("mitz", &nameless).ok();
    assert!(!open());
    let id = &unread();
    world.sluis(["consent", "withdraw", id, "--patient", &bsn]).ok();
    assert!(open() && listed(&world, "kaya").iter().all(|line| line["status"] != "unreadable"));
    let record = world.dump().into_iter().rfind(|record| record["kind"] == "consent").expect("a record");
    assert!(record["event"].to_string().contains(id), "{record}");
    assert_eq!(
        world.sluis(["consent", "withdraw", id, "--patient", &bsn]).code,
        1,
        "there is no such consent now"
    );
    // A register is none of us: a name that would make it the desk, a person or a participant is refused.
    let stands = listed(&world, "kaya");
    for taken in ["", "sluis", "person", "huisarts-de-linde"] {
        let said = feed(taken, &numbered(json!({"type": "deny"})));
        assert_eq!(said.code, 1, "{taken}: {}", said.stderr);
        assert!(said.stderr.contains("a name of its own"), "{}", said.stderr);
        assert_eq!(listed(&world, "kaya"), stands, "{taken}");
    }
    // Nor does a participant that comes later under a register's name, or under one of ours, become a recorder by it.
    let own = consent(
        &world,
        "kaya",
        None,
        &json!({"type": "deny", "actor": permit(&group("category", "home-care"))["actor"]}),
    );
    feed("mitz", &own).ok();
    assert!(listed(&world, "kaya").iter().any(|line| line["recorder"] == "register:mitz"));
    let mut late = world.sluis(["participant", "show", "huisarts-de-linde"]).ok().json();
    for reserved in ["sluis", "person", "register:mitz"] {
        late["id"] = json!(reserved);
        late["identifier"]["value"] = json!("99990001");
        late["certificate_sha256"] = json!(format!("{:064x}", 77));
        let said = world.sluis_with(["participant", "add", "--file", "-"], late.to_string().as_bytes());
        assert_eq!(said.code, 1, "{reserved}");
    }
    late["id"] = json!("mitz");
    world.sluis_with(["participant", "add", "--file", "-"], late.to_string().as_bytes()).ok();
}

#[test]
fn a_practice_hands_in_all_that_it_has_and_once_more_changes_nothing() {
    let world = World::fresh();
    let folder = tempfile::tempdir().expect("a folder");
    let record = |patient: &str, number: &str| {
        let mut record =
            consent(&world, patient, Some("huisarts-de-linde"), &permit(&group("category", "home-care")));
        record["identifier"] = json!([{"system": "urn:example:practice", "value": number}]);
        record
    };
    let (first, second, third) = (record("kaya", "1"), record("elidrissi", "2"), record("bakker", "3"));
    let mut bad = record("bakker", "4");
    bad["provision"]["type"] = json!("perhaps");
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).expect("a file");
    write("a.ndjson", format!("{first}\n{second}\n"));
    write("b.json", json!({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": third}, {"resource": bad}]}).to_string());
    let hand_in = || world.sluis(["consent", "record", folder.path().to_str().expect("a path"), "--json"]);
    let before = listed(&world, "kaya").len();
    let records = world.dump().len();
    let run = hand_in();
    assert_eq!((run.code, run.stdout.lines().count()), (1, 3), "{}", run.stderr);
    assert!(
        run.stderr.contains("b.json#2: ")
            && run.stderr.contains("3 recorded or on record already, 1 refused"),
        "{}",
        run.stderr
    );
    let refusal = &world.dump()[records..];
    assert!(
        refusal.iter().any(|record| record["kind"] == "refused"),
        "what was refused stands in the journal"
    );
    assert_eq!(listed(&world, "kaya").len(), before + 1);
    let again = hand_in();
    assert_eq!((again.code, &again.stdout), (1, &run.stdout), "the same ids");
    assert_eq!(listed(&world, "kaya").len(), before + 1);
    // Other content under a number in force is somebody's mistake, at the desk and over FHIR.
    let mut other = record("kaya", "1");
    other["provision"]["type"] = json!("deny");
    let desk = world.sluis_with(["consent", "record", "-"], other.to_string().as_bytes());
    assert!(desk.code == 1 && desk.stderr.contains("identifier"), "{}", desk.stderr);
    let linde = world.staff("linden", "gp-own");
    for body in [&other, &record("kaya", "1")] {
        let answer = linde.create(body);
        assert_eq!(answer.status, 409, "{}", answer.text());
        assert!(answer.text().contains("identifier-taken"), "{}", answer.text());
    }
    // Once it is withdrawn, the number is free.
    let id =
        run.stdout.lines().next().and_then(|line| serde_json::from_str::<Value>(line).ok()).expect("a line");
    let bsn = world.bsn("kaya");
    world.sluis(["consent", "withdraw", id["consent"].as_str().expect("id"), "--patient", &bsn]).ok();
    assert_eq!(linde.create(&other).status, 201);
}

#[test]
fn who_acts_for_a_person_is_recorded_at_the_desk_and_ended_there() {
    let world = World::fresh();
    let guardian = |until: Option<&str>| {
        let mut paper = parent(&world, "oom");
        paper["relationship"][0]["coding"][0]["code"] = json!("guardian");
        paper["patient"]["display"] = json!("Noor Hendriks");
        paper["name"] = json!([{"text": "Oom Kees"}]);
        paper["period"]["end"] = until.map_or(Value::Null, |until| json!(until));
        if until.is_none() {
            paper["period"].as_object_mut().expect("a period").remove("end");
        }
        paper
    };
    let add =
        |paper: &Value| world.sluis_with(["relation", "add", "-", "--json"], paper.to_string().as_bytes());
    let looks = || acting(&world, "oom").find("noor").status;
    assert_eq!(looks(), 403);
    let mut without_paper = guardian(None);
    without_paper.as_object_mut().expect("an object").remove("extension");
    assert_eq!(add(&without_paper).code, 1);
    let recorded = add(&guardian(None)).ok().json();
    assert_eq!(recorded["relation"], "oom");
    assert_eq!(looks(), 200);
    let acted = world.dump().into_iter().rev().find(|r| r.to_string().contains("representative#oom"));
    assert!(acted.expect("his look").to_string().contains("Oom Kees"), "both names stand in the record");
    add(&guardian(Some("2026-11-01"))).ok();
    assert_eq!(looks(), 403);
}

#[test]
fn a_paper_gives_nobody_more_than_the_register_knows() {
    let world = World::fresh();
    // Kroon is recorded as bewindvoerder: money alone. The consent calls him a mentor.
    let mut claimed =
        consent(&world, "visser", Some("huisarts-de-linde"), &permit(&group("category", "ggz")));
    let mut kroon = parent(&world, "kroon");
    kroon["patient"] = claimed["patient"].clone();
    kroon["relationship"][0]["coding"][0]["code"] = json!("mentor");
    claimed["contained"] = json!([kroon]);
    claimed["performer"] = json!([{"reference": "#kroon"}]);
    let linde = world.staff("linden", "gp-own");
    let medication = || {
        let reached = reached(&world, "visser", "ggz-de-oever", "TREAT", "huisarts-de-linde");
        reached.iter().any(|class| class == "medication")
    };
    assert!(!medication());
    assert_eq!(linde.create(&claimed).status, 201);
    assert!(!medication());
    // The same paper of somebody whom no register contradicts would open it.
    claimed["contained"][0]["identifier"][0]["value"] = json!("anna");
    claimed["contained"][0]["id"] = json!("anna");
    claimed["performer"] = json!([{"reference": "#anna"}]);
    assert_eq!(linde.create(&claimed).status, 201);
    assert!(medication());
}

#[test]
fn a_new_emergency_on_another_day_has_an_hour_of_its_own() {
    let world = World::fresh();
    let breaks = || {
        let valk = world
            .staff("valk", "triage")
            .purpose("ETREAT")
            .break_glass("peters", "verward, niet aanspreekbaar");
        valk.responsible("brug").summary("peters").status
    };
    assert_eq!(breaks(), 200);
    world.advance(3_700);
    assert_eq!(breaks(), 403, "the hour is over");
    world.advance(20 * 3_600);
    assert_eq!(breaks(), 403, "one emergency is not made longer by attesting it again");
    world.advance(4 * 3_600);
    assert_eq!(breaks(), 200);
    world.advance(3_700);
    assert_eq!(breaks(), 403);
}

#[test]
fn what_was_said_is_not_said_again_later_by_an_update_or_an_old_message() {
    let world = World::fresh();
    let open = || !reached(&world, "kaya", "jeugd-ggz-de-oever", "TREAT", "huisarts-de-linde").is_empty();
    // An update with another date would be newer than the objection between.
    let steen = world.staff("steen", "district-nursing");
    let mut yes = consent(&world, "kaya", Some("wijkverpleging-thuis"), &permit(&group("category", "ggz")));
    yes["provision"]["actor"][0]["reference"] = organisation(&world, "huisarts-de-linde");
    yes["dateTime"] = json!("2026-10-01T09:00:00+02:00");
    let made = steen.create(&yes);
    assert_eq!(made.status, 201, "{}", made.text());
    assert!(open());
    let mut no = consent(&world, "kaya", Some("huisarts-de-linde"), &yes["provision"]);
    no["provision"]["type"] = json!("deny");
    no["dateTime"] = json!("2026-11-01T09:00:00+01:00");
    world.sluis_with(["consent", "record", "-"], no.to_string().as_bytes()).ok();
    assert!(!open());
    yes["id"] = json!(id_of(&made));
    yes["dateTime"] = json!("2026-11-20T09:00:00+01:00");
    let again = steen.update(&id_of(&made), &yes);
    assert_eq!((again.status, open()), (422, false), "{}", again.text());
    // Of a register's messages the order of writing counts, not that of arrival.
    let world = World::fresh();
    let open = || !reached(&world, "kaya", "jeugd-ggz-de-oever", "TREAT", "huisarts-de-linde").is_empty();
    let message = |version: &str, updated: &str, status: &str| {
        let mut record =
            consent(&world, "kaya", Some("huisarts-de-linde"), &permit(&group("category", "ggz")));
        record["identifier"] = json!([{"system": "urn:example:register", "value": "1"}]);
        record["meta"] = json!({"versionId": version, "lastUpdated": updated});
        record["status"] = json!(status);
        record.to_string()
    };
    let feed = |text: &str| world.sluis_with(["consent", "record", "-", "--feed=mitz"], text.as_bytes()).code;
    let first = message("1", "2026-10-01T09:00:00Z", "active");
    assert_eq!((feed(&first), open()), (0, true));
    assert_eq!((feed(&message("2", "2026-11-01T09:00:00Z", "inactive")), open()), (0, false));
    assert_eq!((feed(&first), open()), (1, false), "the first message once more");
    assert_eq!((feed(&message("3", "2026-11-02T09:00:00Z", "active")), open()), (0, true));
    // One that says something twice is not read, and may object; what is older does not take its place.
    let twice = message("4", "2026-11-03T09:00:00Z", "active").replacen('{', "{\"status\":\"inactive\",", 1);
    assert_eq!((feed(&twice), open()), (0, false), "two statuses");
    assert_eq!((feed(&first), open()), (1, false), "the first after what cannot be read");
    assert_eq!((feed(&message("5", "2026-11-04T09:00:00Z", "active")), open()), (0, true));
}

#[test]
fn its_own_word_makes_nobody_a_recorder_and_who_may_not_record_does_not_at_the_desk() {
    let world = World::fresh();
    let (oever, linde) =
        (organisation(&world, "jeugd-ggz-de-oever"), organisation(&world, "huisarts-de-linde"));
    let referral = |requester: &Value, end: &str| {
        json!({
            "resourceType": "ServiceRequest", "status": "active", "intent": "order",
            "subject": {"type": "Patient", "identifier": {"system": BSN, "value": world.bsn("elidrissi")}},
            "requester": requester, "performer": [oever], "occurrencePeriod": {"start": "2026-11-01", "end": end},
        })
    };
    let made = world.sluis_with(
        ["relation", "add", "-", "--json"],
        referral(&linde, "2027-02-28").to_string().as_bytes(),
    );
    let made = made.ok().json()["relation"].as_str().expect("an id").to_owned();
    let kuiper = world.staff("kuiper", "youth-ggz");
    assert_eq!(kuiper.create(&referral(&oever, "2099-01-01")).status, 201);
    world.sluis(["relation", "end", &made, "--patient", &world.bsn("elidrissi")]).ok();
    let yes =
        consent(&world, "elidrissi", Some("jeugd-ggz-de-oever"), &permit(&group("category", "home-care")));
    assert_eq!(kuiper.create(&yes).status, 403, "only its own word is left");
    let suspended = world.region()["participants"]
        .as_array()
        .expect("participants")
        .iter()
        .find(|p| p["recorder"] == false)
        .map(|p| p["id"].as_str().expect("id").to_owned())
        .expect("one that may not");
    let no = consent(&world, "kaya", Some(&suspended), &permit(&group("category", "home-care")));
    let said = world.sluis_with(["consent", "record", "-"], no.to_string().as_bytes());
    assert_eq!(said.code, 1, "{suspended}: {}", said.stdout);
}

#[test]
fn a_large_consent_is_decided_on_as_fast_as_it_is_read() {
    let world = World::fresh();
    let mut yes = consent(&world, "kaya", Some("huisarts-de-linde"), &permit(&group("category", "ggz")));
    let actors: Vec<Value> = (0..190)
        .map(|n| json!({"role": yes["provision"]["actor"][1]["role"], "reference": {"type": "Organization", "identifier": {"system": "http://fhir.nl/fhir/NamingSystem/ura", "value": format!("{}", 90_100_000 + n)}}}))
        .collect();
    let exceptions: Vec<Value> = (0..90)
        .map(|n| json!({"type": "deny", "dataPeriod": {"start": format!("20{:02}-{:02}-01", n / 12, n % 12 + 1)}}))
        .collect();
    yes["provision"]["actor"].as_array_mut().expect("actors").extend(actors);
    yes["provision"]["provision"] = json!(exceptions);
    let record = |number: usize| {
        let mut yes = yes.clone();
        yes["identifier"] = json!([{"system": "urn:example", "value": number.to_string()}]);
        world.sluis_with(["consent", "record", "-"], yes.to_string().as_bytes())
    };
    (0..3).for_each(|number| drop(record(number).ok()));
    let fourth = record(3);
    assert!(fourth.code == 1 && fourth.stderr.contains("too-many"), "{}", fourth.stderr);
    let begun = std::time::Instant::now();
    reached(&world, "kaya", "jeugd-ggz-de-oever", "TREAT", "huisarts-de-linde");
    // It took minutes; a debug build on a busy machine has far to go to these.
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}
