//! What the law of consent asks of the gateway around the engine: who acts for a person, emergencies and who is told of
//! them, withdrawal, keys, explanations and decisions made again. Each test has a world of its own: clocks move.

mod recording;
mod region;

use serde_json::{Value, json};
use sluis_tests::ask::{Asker, BSN};
use sluis_tests::client::{Answer, Request};
use sluis_tests::world::World;

/// A participant, as a resource refers to it.
pub(crate) fn organisation(world: &World, id: &str) -> Value {
    json!({"type": "Organization", "identifier": world.participant(id)["identifier"]})
}

/// Who acts for a person: in which capacity, on which paper, since when.
pub(crate) fn related(id: &str, patient: &Value, kind: &str, paper: &str, since: &str) -> Value {
    json!({
        "resourceType": "RelatedPerson", "id": id, "patient": patient,
        "identifier": [{"system": "https://sluis.example/fhir/NamingSystem/representative", "value": id}],
        "extension": [{"url": "https://sluis.example/fhir/StructureDefinition/representation-evidence", "valueString": paper}],
        "relationship": [{"coding": [{"system": "https://sluis.example/fhir/CodeSystem/representation-kind", "code": kind}]}],
        "period": {"start": since},
    })
}

/// Somebody who acts for a person, through the person's app.
fn acting<'w>(world: &'w World, login: &str) -> Asker<'w> {
    world.own("noor").claim("/extensions/hl7-b2b/subject_id", json!(format!("urn:sluis:person#{login}")))
}

fn attestation(kind: &str, patient: &str, author: &str, period: &Value) -> Value {
    json!({
        "resourceType": "Basic", "subject": {"reference": format!("Patient/{patient}")}, "created": "2026-11-21",
        "code": {"coding": [{"system": "https://sluis.example/fhir/CodeSystem/attestation", "code": kind}]},
        "author": {"type": "Practitioner", "identifier": {"system": "https://sluis.example/fhir/NamingSystem/person", "value": author}},
        "extension": [
            {"url": "https://sluis.example/fhir/StructureDefinition/attestation-period", "valuePeriod": period},
            {"url": "https://sluis.example/fhir/StructureDefinition/attestation-text", "valueString": "zo gezegd"},
        ],
    })
}

fn has(answer: &Answer, words: &str) -> bool {
    answer.text().contains(words)
}

#[track_caller]
fn sees(asker: &Asker<'_>, patient: &str, resource_type: &str, plus: &[&str], minus: &[&str]) {
    let found = asker.search(patient, resource_type, "");
    assert_eq!(found.status, 200, "{}", found.text());
    for word in plus {
        assert!(has(&found, word), "{resource_type} should hold {word}");
    }
    for word in minus {
        assert!(!has(&found, word), "{resource_type} should not hold {word}");
    }
}

#[track_caller]
fn refused(answer: &Answer) {
    assert_eq!(answer.status, 403, "{}", answer.text());
}

fn consent(world: &World, patient: &str, recorder: Option<&str>, provision: &Value) -> Value {
    let hl7 = |system: &str, code: &str| json!({"coding": [{"system": format!("http://terminology.hl7.org/CodeSystem/{system}"), "code": code}]});
    let person = json!({"type": "Patient", "identifier": {"system": BSN, "value": world.bsn(patient)}});
    let mut consent = json!({
        "resourceType": "Consent", "status": "active", "scope": hl7("consentscope", "patient-privacy"),
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": person, "performer": [person], "dateTime": "2026-11-20",
        "sourceAttachment": {"title": "gesprek"}, "policy": [{"uri": "https://sluis.example/fhir/policy/2026-11"}],
        "provision": provision,
    });
    if let Some(recorder) = recorder {
        let identifier = world.participant(recorder)["identifier"].clone();
        consent["organization"] = json!([{"type": "Organization", "identifier": identifier}]);
    }
    consent
}

/// A permit from every holder to whoever `user` names.
fn permit(user: &Value) -> Value {
    let role = |code: &str| json!({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": code}]});
    json!({"type": "permit", "actor": [
        {"role": role("CST"), "reference": group("category", "any")},
        {"role": role("IRCP"), "reference": user},
    ]})
}

fn group(kind: &str, code: &str) -> Value {
    let system = format!("https://sluis.example/fhir/NamingSystem/{kind}");
    json!({"type": "Group", "identifier": {"system": system, "value": code}})
}

fn id_of(answer: &Answer) -> String {
    answer.json()["id"].as_str().expect("an id").to_owned()
}

fn kinds(records: &[Value]) -> Vec<&str> {
    records.iter().filter_map(|record| record["kind"].as_str()).collect()
}

fn events(asker: &Asker<'_>, patient: &str) -> Vec<Value> {
    let found = asker.search(patient, "AuditEvent", "_count=200").json();
    let entries = found["entry"].as_array().cloned().unwrap_or_default();
    entries.into_iter().map(|entry| entry["resource"].clone()).collect()
}

#[test]
fn who_acts_for_a_person_sees_as_far_as_the_law_or_the_paper_says() {
    let world = World::fresh();
    sees(&world.own("noor"), "noor", "MedicationRequest", &["R03AC02", "G03AA07"], &[]);
    for parent in ["els", "mark"] {
        sees(&acting(&world, parent), "noor", "MedicationRequest", &["R03AC02"], &["G03AA07"]);
        sees(&acting(&world, parent), "noor", "Condition", &["195967001"], &["X02"]);
    }
    sees(&acting(&world, "bram"), "yara", "Condition", &["43116000"], &["Z25"]);
    refused(&acting(&world, "els").find("yara"));
    sees(&acting(&world, "ingrid"), "sem", "Condition", &[], &["P76", "P99", "P21"]);
    sees(&acting(&world, "ingrid"), "sem", "MedicationRequest", &[], &["N06AB03", "N06BA04"]);
    sees(&acting(&world, "elif"), "kaya", "MedicationRequest", &["N04BA02"], &[]);
    sees(&acting(&world, "elif"), "kaya", "Condition", &[], &["P20", "N87"]);
    sees(&acting(&world, "anna"), "visser", "MedicationRequest", &["N03AG01"], &[]);
    refused(&acting(&world, "kroon").find("visser"));
    world.advance(366 * 86_400);
    refused(&acting(&world, "elif").find("kaya"));
}

/// An organisation's name tells where a protected person goes, whoever wrote the data.
#[test]
fn who_acts_for_a_person_with_a_secret_address_learns_of_no_organisation() {
    let world = World::fresh();
    let index = |asker: &Asker<'_>, patient: &str| {
        let system = "https://sluis.example/fhir/NamingSystem/pseudonym";
        asker.get(&format!("List?subject:identifier={system}%7C{}", asker.id(patient))).ok().json()
    };
    let named = |answer: &str| {
        let all = world.region()["participants"].as_array().expect("participants").clone();
        all.into_iter().any(|one| {
            [&one["name"], &one["identifier"]["value"]]
                .into_iter()
                .filter_map(Value::as_str)
                .any(|word| answer.contains(word))
        })
    };
    let els = acting(&world, "els");
    assert!(named(&els.summary("noor").text()));
    assert!(named(&index(&els, "noor").to_string()));
    let bram = acting(&world, "bram");
    let summary = bram.summary("yara").text();
    assert!(summary.contains("43116000") && !named(&summary), "{summary}");
    let found = index(&bram, "yara");
    assert!(found["total"] == 0 && !named(&found.to_string()), "{found}");
}

#[test]
fn a_representative_reads_the_journal_without_what_a_young_person_keeps_apart_and_stands_in_it_with_both_names()
 {
    let world = World::fresh();
    let gp = world.staff("linden", "gp-own");
    let id = gp.id("noor");
    let pill = gp.search_id(&id, "MedicationRequest", "").json();
    let entries = pill["entry"].as_array().expect("entries").clone();
    let pill =
        entries.iter().map(|e| &e["resource"]).find(|r| r.to_string().contains("G03AA07")).expect("the pill");
    let read = gp.get(&format!("MedicationRequest/{}", pill["id"].as_str().expect("id")));
    assert_eq!(read.status, 200);
    let looked = events(&world.own("noor"), "noor").len();
    let _own = acting(&world, "els").search("noor", "Condition", "");
    let told = events(&acting(&world, "els"), "noor");
    // Els sees her own look-up and search beside, Noor's three acts as well; the reading of the pill is no line.
    let read_id = read.request_id().to_owned();
    assert!(!read_id.is_empty() && !json!(told).to_string().contains(&read_id), "the line of the pill shows");
    let mine = json!(events(&world.own("noor"), "noor")).to_string();
    assert!(mine.contains(&read_id) && looked > 0);
    assert!(
        json!(told).to_string().contains("Els Hendriks") && json!(told).to_string().contains("Noor Hendriks")
    );
}

/// Somebody whom we do not know, at the word of the organisation.
fn colleague(asker: Asker<'_>) -> Asker<'_> {
    asker
        .claim("/extensions/hl7-b2b/subject_id", json!("urn:sluis:person#collega"))
        .claim("/extensions/hl7-b2b/subject_name", Value::Null)
        .claim("/extensions/hl7-b2b/subject_role", Value::Null)
}

#[test]
fn an_emergency_lasts_an_hour_for_one_person_and_one_patient_and_all_are_told() {
    let world = World::fresh();
    let valk =
        || world.staff("valk", "triage").responsible("brug").break_glass("peters", "politie brengt hem");
    let opened = valk().summary("peters");
    assert_eq!(opened.status, 200, "{}", opened.text());
    let request = opened.request_id().to_owned();
    let records = world.records_of(&request);
    // Told in the same append: the person, the officers of the asker and of three holders.
    assert_eq!(kinds(&records), ["answered", "notice", "notice", "notice", "notice", "notice"]);
    refused(&world.staff("valk", "triage").summary("peters"));
    refused(&valk().summary("jansen"));
    refused(&colleague(world.staff("valk", "triage")).summary("peters"));
    let flagged = colleague(valk()).summary("peters");
    refused(&flagged);
    assert!(kinds(&world.records_of(flagged.request_id())).contains(&"notice"), "a colleague is flagged");
    world.advance(59 * 60);
    assert_eq!(valk().summary("peters").status, 200);
    world.advance(2 * 60);
    let late = valk().summary("peters");
    refused(&late);
    let records = world.records_of(late.request_id());
    assert_eq!(kinds(&records).iter().filter(|kind| **kind == "notice").count(), 5, "a late one is flagged");
    let social = world.staff("dam", "sheltered-living").break_glass("peters", "nood");
    assert!(social.ask_token().status >= 400);
    let seen = json!(events(&world.own("peters"), "peters")).to_string();
    assert!(seen.contains("token-refused") && seen.contains("Sociaal Team West"));
    world.verify();
}

#[test]
fn none_refuses_in_an_emergency_and_she_sees_the_try() {
    let world = World::fresh();
    let tried =
        world.staff("brug", "gp-out-of-hours").break_glass("devries", "bewusteloos").summary("devries");
    refused(&tried);
    let records = world.records_of(tried.request_id());
    assert!(kinds(&records).contains(&"notice"), "nobody was told: {records:?}");
    assert!(
        json!(events(&world.own("devries"), "devries")).to_string().contains("Huisartsenpost Heuvelrijk")
    );
}

#[test]
fn a_withdrawal_binds_the_very_next_answer_and_a_stale_version_changes_nothing() {
    let world = World::fresh();
    let post = world.staff("brug", "gp-out-of-hours");
    refused(&post.find("elidrissi"));
    let linde = world.staff("linden", "gp-own");
    let identifier = world.participant("huisartsenpost-heuvelrijk")["identifier"].clone();
    let user = json!({"type": "Organization", "identifier": identifier});
    let given = consent(&world, "elidrissi", Some("huisarts-de-linde"), &permit(&user));
    let created = linde.create(&given);
    assert_eq!(created.status, 201, "{}", created.text());
    let id = post.id("elidrissi");
    assert_eq!(post.search_id(&id, "Condition", "").status, 200);
    let consent_id = id_of(&created);
    let mut withdrawn = created.json();
    withdrawn["status"] = json!("inactive");
    let put = |tag: &str| {
        let path = format!("/fhir/Consent/{consent_id}");
        linde.send(Request::fhir("PUT", &path, withdrawn.to_string()).header("if-match", tag))
    };
    let stale = put("W/\"7\"");
    assert_eq!(stale.status, 412, "{}", stale.text());
    assert_eq!(post.search_id(&id, "Condition", "").status, 200);
    assert_eq!(put("W/\"1\"").status, 200);
    refused(&post.search_id(&id, "Condition", ""));
    refused(&post.find("elidrissi"));
}

#[test]
fn who_records_a_permit_gains_nothing_by_it() {
    let world = World::fresh();
    let linde = world.staff("linden", "gp-own");
    let user =
        json!({"type": "Organization", "identifier": world.participant("huisarts-de-linde")["identifier"]});
    let mut provision = permit(&user);
    provision["code"] = json!([{"coding": [{"system": "https://sluis.example/fhir/CodeSystem/data-class", "code": "living"}]}]);
    let before = linde.search("elidrissi", "Observation", "").json()["total"].clone();
    assert_eq!(
        linde.create(&consent(&world, "elidrissi", Some("huisarts-de-linde"), &provision)).status,
        201
    );
    assert_eq!(linde.search("elidrissi", "Observation", "").json()["total"], before);
    let explained = world
        .sluis([
            "explain",
            "--patient",
            &world.bsn("elidrissi"),
            "--as",
            "huisarts-de-linde",
            "--purpose",
            "TREAT",
            "--json",
        ])
        .ok()
        .json();
    let decisions = explained["decisions"].as_array().expect("decisions").clone();
    let others = decisions.iter().filter(|d| d["holder"] == "sociaal-team-west" && d["class"] == "living");
    assert!(others.clone().count() == 1 && others.clone().all(|d| d["verdict"] == "refuse"));
}

#[test]
fn the_second_key_opens_and_nobody_turns_it_for_somebody_else() {
    let world = World::fresh();
    let omar = world.staff("omar", "youth-individual");
    let sees_living = |world: &World| {
        let explained = world
            .sluis([
                "explain",
                "--patient",
                &world.bsn("noor"),
                "--as",
                "sociaal-team-west",
                "--person",
                "omar",
                "--purpose",
                "CAREMGT",
                "--json",
            ])
            .ok()
            .json();
        let decisions = explained["decisions"].as_array().expect("decisions").clone();
        decisions
            .iter()
            .any(|d| d["holder"] == "huisarts-de-linde" && d["class"] == "living" && d["verdict"] == "permit")
    };
    assert!(!sees_living(&world));
    let _asked = omar.find("noor");
    let linde = world.staff("linden", "gp-own");
    let id = linde.id("noor");
    let found = linde.get(&format!("Consent?patient={id}")).json();
    let waiting = found["entry"].as_array().expect("entries").iter().map(|e| e["resource"].clone());
    let waiting = waiting
        .filter(|c| c.to_string().contains("youth-individual"))
        .find(|c| c["performer"].as_array().is_some_and(|p| p.len() == 1))
        .expect("the consent that waits");
    let other = found["entry"].as_array().expect("entries").iter().map(|e| e["resource"].clone());
    let both = other.into_iter().find(|c| c["contained"].is_array()).expect("one with both keys");
    let mut signed = waiting.clone();
    signed["contained"] = both["contained"].clone();
    signed["performer"] =
        json!([waiting["performer"][0], both["performer"].as_array().and_then(|p| p.get(1))]);
    // Noor herself cannot turn her mother's key.
    let hers = world.own("noor");
    let hers_id = hers.id("noor");
    let mine = hers.get(&format!("Consent?patient={hers_id}")).json();
    let mine = mine["entry"].as_array().expect("entries").iter().map(|e| e["resource"].clone());
    let mut mine = mine
        .filter(|c| c.to_string().contains("youth-individual"))
        .find(|c| c["performer"].as_array().is_some_and(|p| p.len() == 1))
        .expect("hers");
    mine["contained"] = both["contained"].clone();
    mine["performer"] = json!([mine["performer"][0], both["performer"].as_array().and_then(|p| p.get(1))]);
    let forged = hers.update(mine["id"].as_str().expect("id"), &mine);
    assert_eq!(forged.status, 422, "{}", forged.text());
    assert!(!sees_living(&world));
    let turned = linde.update(waiting["id"].as_str().expect("id"), &signed);
    assert_eq!(turned.status, 200, "{}", turned.text());
    assert!(sees_living(&world));
}

/// BW 7:450(2): either statement re-opens what a parent shut; that she cannot weigh it does not.
#[test]
fn a_parents_objection_stops_sharing_on_the_next_request_and_an_attested_statement_opens_it_again() {
    for kind in ["considered-wish", "serious-harm"] {
        let world = World::fresh();
        let kuiper = world.staff("kuiper", "youth-ggz");
        sees(&kuiper, "noor", "AllergyIntolerance", &["91935009"], &[]);
        let mark = acting(&world, "mark");
        let person = json!({"type": "Patient", "identifier": {"system": BSN, "value": world.bsn("noor")}});
        let mut no = consent(&world, "noor", None, &json!({"type": "deny"}));
        no["contained"] = json!([related("mark", &person, "parent", "gezagsregister", "2012-02-29")]);
        no["performer"] = json!([{"reference": "#mark"}]);
        let said = mark.create(&no);
        assert_eq!(said.status, 201, "{}", said.text());
        assert_eq!(
            kinds(&world.records_of(said.request_id())),
            ["consent", "notice", "notice", "notice", "notice"]
        );
        let open = || has(&kuiper.search("noor", "AllergyIntolerance", ""), "91935009");
        assert!(!open());
        let patient = kuiper.id("noor");
        let state = |kind: &str| {
            let statement = attestation(kind, &patient, "kuiper", &json!({"start": "2026-11-21"}));
            kuiper.create(&statement)
        };
        let another = state("incapacity");
        assert_eq!((another.status, open()), (201, false), "{}", another.text());
        let attested = state(kind);
        assert_eq!(attested.status, 201, "{}", attested.text());
        assert!(
            kinds(&world.records_of(attested.request_id())).contains(&"notice"),
            "no officer hears of it"
        );
        assert!(open(), "{kind}");
    }
}

#[test]
fn explain_judges_at_another_instant_and_for_a_label_and_says_no_with_exit_0() {
    let world = World::fresh();
    let ask = |patient: &str, more: &[&str]| {
        let bsn = world.bsn(patient);
        let mut args = vec!["explain", "--patient", &bsn, "--json"];
        args.extend(more);
        world.sluis(args)
    };
    let permits = |run: sluis_tests::program::Run, holder: &str| {
        let document = run.ok().json();
        let decisions = document["decisions"].as_array().expect("decisions").clone();
        decisions.iter().filter(|d| d["holder"] == holder && d["verdict"] == "permit").count()
    };
    let omar = ["--as", "sociaal-team-west", "--person", "omar", "--purpose", "CAREMGT"];
    let at = |instant: &'static str| [omar.as_slice(), &["--at", instant]].concat();
    assert!(permits(ask("sem", &at("2026-12-20T23:59:00+01:00")), "jeugd-ggz-de-oever") > 0);
    assert_eq!(permits(ask("sem", &at("2026-12-21T00:00:00+01:00")), "jeugd-ggz-de-oever"), 0);
    let gp = ["--as", "huisarts-de-linde", "--purpose", "TREAT"];
    let never = permits(ask("bakker", &[gp.as_slice(), &["--label", "PSYTHPN"]].concat()), "ggz-de-oever");
    assert_eq!(never, 0);
    assert!(permits(ask("bakker", &gp), "ggz-de-oever") > 0);
    assert_eq!(ask("bakker", &[gp.as_slice(), &["--label", "NONE-SUCH"]].concat()).code, 2);
    assert_eq!(ask("bakker", &[gp.as_slice(), &["--at", "gisteren"]].concat()).code, 2);
    assert_eq!(ask("bakker", &[gp.as_slice(), &["--reason", "x"]].concat()).code, 2);
    let triage = ["--as", "zorgcoordinatie-heuvelrijk", "--purpose", "ETREAT"];
    assert_eq!(permits(ask("peters", &triage), "ggz-de-oever"), 0);
    assert!(
        permits(ask("peters", &[triage.as_slice(), &["--reason", "politie"]].concat()), "ggz-de-oever") > 0
    );
}

#[test]
fn every_recorded_decision_comes_out_the_same_when_it_is_made_again_also_on_a_cold_copy() {
    let world = World::fresh();
    let asked: [(&str, &str, &str); 6] = [
        ("linden", "gp-own", "bakker"),
        ("valk", "triage", "jansen"),
        ("brug", "gp-out-of-hours", "devries"),
        ("dam", "wmo-individual", "kaya"),
        ("omar", "youth-individual", "sem"),
        ("steen", "district-nursing", "visser"),
    ];
    for (staff, function, patient) in asked {
        let _answer = world.staff(staff, function).summary(patient);
    }
    let _glass =
        world.staff("valk", "triage").responsible("brug").break_glass("peters", "nood").summary("peters");
    let _glass =
        world.staff("valk", "triage").responsible("brug").break_glass("peters", "nood").summary("peters");
    let _own = world.own("noor").summary("noor");
    let _parent = acting(&world, "els").summary("noor");
    // What changes later changes nothing about then.
    let listed =
        world.sluis(["consent", "list", "--patient", &world.bsn("bakker"), "--json"]).ok().json_lines();
    for consent in &listed {
        let id = consent["id"].as_str().expect("id");
        let _withdrawn = world.sluis(["consent", "withdraw", id, "--patient", &world.bsn("bakker")]).ok();
    }
    world.advance(400 * 86_400);
    let decided = decided(&world);
    assert!(decided.len() >= 10, "{decided:?}");
    for index in &decided {
        let run = world.sluis(["audit", "replay", "--index", &index.to_string(), "--json"]);
        assert_eq!(run.json()["equal"], true, "record {index}: {}", run.stdout);
    }
    assert_eq!(world.sluis(["audit", "replay", "--index", "0"]).code, 1);
    let _ended = world.terminate();
    for index in decided.iter().take(3) {
        let run = world.sluis(["audit", "replay", "--index", &index.to_string(), "--json"]).ok();
        assert_eq!(run.json()["equal"], true, "record {index}, cold: {}", run.stdout);
    }
}

/// The parts of one class at one holder of an own decision.
fn part_of(asker: &Asker<'_>, patient: &str, language: &str, holder: &str, class: &str) -> Value {
    let path = format!("/fhir/Patient/{}/$explain", asker.id(patient));
    let body = json!({"resourceType": "Parameters"}).to_string();
    let answer =
        asker.send(Request::fhir("POST", &path, body).header("accept-language", language)).ok().json();
    let all = answer["parameter"].as_array().expect("parameters").iter();
    let named = |one: &&Value, name: &str, value: &str| {
        one["part"].as_array().is_some_and(|parts| {
            parts.iter().any(|p| p["name"] == name && (p["valueString"] == value || p["valueCode"] == value))
        })
    };
    let mut found = all.filter(|one| named(one, "holder", holder) && named(one, "class", class));
    let parts = found.next().expect("a decision")["part"].as_array().expect("parts").clone();
    parts.into_iter().map(|part| (part["name"].as_str().unwrap_or_default().to_owned(), part)).collect()
}

#[test]
fn the_own_decision_comes_with_its_basis_and_in_words_and_why_not_is_for_the_person_alone() {
    let world = World::fresh();
    let triage = world.staff("valk", "triage");
    let practice = world.participant("huisarts-de-linde")["name"].as_str().expect("a name").to_owned();
    for (language, permitted, refused) in [
        ("nl", "alles: toestemming van de persoon; zorg op elkaar afstemmen", "niet gedeeld"),
        ("en", "in full: consent of the person; coordination of care", "not shared"),
    ] {
        let part = part_of(&triage, "jansen", language, &practice, "medication");
        assert_eq!(part["verdict"]["valueCode"], "permit");
        let legs = json!([{"name": "sender", "valueCode": "explicit-consent"}, {"name": "receiver", "valueCode": "coordination"}]);
        assert_eq!(part["basis"]["part"], legs, "{part}");
        assert_eq!(part["text"]["valueString"], permitted);
        let part = part_of(&triage, "jansen", language, &practice, "mental-health");
        assert_eq!(
            (&part["verdict"]["valueCode"], &part["text"]["valueString"]),
            (&json!("refuse"), &json!(refused))
        );
        assert!(part["reason"].is_null() && part["basis"].is_null(), "{part}");
    }
    // Her own app, after she shut a class to herself too, says why not.
    let mut provision = json!({"type": "deny"});
    provision["purpose"] =
        json!([{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "PATRQT"}]);
    provision["code"] = json!([{"coding": [{"system": "https://sluis.example/fhir/CodeSystem/data-class", "code": "medication"}]}]);
    let own = world.own("jansen");
    let created = own.create(&consent(&world, "jansen", None, &provision));
    assert_eq!(created.status, 201, "{}", created.text());
    let part = part_of(&own, "jansen", "nl", &practice, "medication");
    assert_eq!(
        (&part["reason"]["valueCode"], &part["text"]["valueString"]),
        (&json!("refused"), &json!("jij zei nee")),
        "{part}"
    );
    let part = part_of(&own, "jansen", "en", &practice, "allergies");
    assert_eq!(part["text"]["valueString"], "in full: own access; the person, or who acts for them");
    // Who only says to be her hears no more than any other.
    let number = format!("{BSN}#{}", world.bsn("jansen"));
    let pretends = world.staff("valk", "triage").claim("/extensions/hl7-b2b/subject_id", json!(number));
    let part = part_of(&pretends, "jansen", "nl", &practice, "mental-health");
    assert_eq!((&part["text"]["valueString"], &part["reason"]), (&json!("niet gedeeld"), &Value::Null));
}

/// Indices of the records that hold a decision.
fn decided(world: &World) -> Vec<u64> {
    let decisions = world.dump();
    let kinds = ["answered", "refused"];
    let of_kind = decisions.iter().filter(|r| kinds.contains(&r["kind"].as_str().unwrap_or_default()));
    of_kind.filter_map(|r| r["index"].as_u64()).collect()
}

#[test]
fn a_decision_from_before_a_change_of_rules_is_made_again_under_the_rules_of_then() {
    #[track_caller]
    fn made_again(world: &World, indices: &[u64], rules: &str) {
        for index in indices {
            let run = world.sluis(["audit", "replay", "--index", &index.to_string(), "--json"]);
            let told = run.json();
            assert_eq!((&told["equal"], &told["rules"]), (&json!(true), &json!(rules)), "{index}: {told}");
        }
    }
    // Who may look changes, by consent and in an emergency.
    let ask = |world: &World| {
        let triage = world.staff("valk", "triage").responsible("brug").break_glass("peters", "nood");
        [world.staff("valk", "triage").summary("jansen").status, triage.summary("peters").status]
    };
    let world = World::fresh();
    assert_eq!(ask(&world), [200, 200]);
    let before = decided(&world);
    let bsn = world.bsn("bakker");
    let explained =
        ["explain", "--patient", &bsn, "--as", "huisarts-de-linde", "--purpose", "TREAT", "--json"];
    let version = world.sluis(explained).ok().json()["rules"].as_str().expect("a version").to_owned();
    let _ended = world.terminate();
    let tables = world.dir().join("tables");
    std::fs::create_dir_all(&tables).unwrap();
    let off = |code: &str| {
        let words = "nl = \"uit\"\nen = \"off\"\nsource = \"test\"";
        format!("[[rule]]\ncode = \"{code}\"\nkind = \"{code}\"\non = false\n{words}\n")
    };
    let rules = format!(
        "version = \"strenger\"\ndate = \"2026-11-21\"\n{}{}",
        off("explicit-consent"),
        off("emergency")
    );
    std::fs::write(tables.join("rules.toml"), rules).unwrap();
    let stricter = World::on(world.dir()).unwrap();
    assert_eq!(ask(&stricter), [403, 403]);
    let after: Vec<u64> = decided(&stricter).into_iter().filter(|index| !before.contains(index)).collect();
    assert!(before.len() >= 2 && after.len() >= 2, "{before:?} {after:?}");
    let new = format!("{version}+strenger");
    made_again(&stricter, &before, &version);
    made_again(&stricter, &after, &new);
    stricter.verify();
    let _ended = stricter.terminate();
    // On a cold copy, with the region's rules beside it and without.
    made_again(&stricter, &before, &version);
    made_again(&stricter, &after, &new);
    std::fs::remove_dir_all(&tables).unwrap();
    made_again(&stricter, &before, &version);
    made_again(&stricter, &after, &new);
}

#[test]
fn a_preview_shows_what_then_comes_true() {
    let world = World::fresh();
    let choice = consent(&world, "elidrissi", None, &permit(&group("category", "ggz")));
    let shown = world
        .sluis_with(["consent", "preview", "-", "--json"], choice.to_string().as_bytes())
        .ok()
        .json_lines();
    let row = shown
        .iter()
        .find(|row| row["function"] == "ggz-treatment" && row["holder"] == "huisarts-de-linde")
        .expect("a row");
    let promised: Vec<&str> =
        row["sees"].as_array().expect("sees").iter().filter_map(Value::as_str).collect();
    assert!(!promised.is_empty() && row["less"] == json!([]));
    assert_eq!(world.own("elidrissi").create(&choice).status, 201);
    let explained = world
        .sluis([
            "explain",
            "--patient",
            &world.bsn("elidrissi"),
            "--as",
            "ggz-de-oever",
            "--function",
            "ggz-treatment",
            "--purpose",
            "TREAT",
            "--json",
        ])
        .ok()
        .json();
    let decisions = explained["decisions"].as_array().expect("decisions").clone();
    let permitted: Vec<&str> = decisions
        .iter()
        .filter(|d| d["holder"] == "huisarts-de-linde" && d["verdict"] == "permit")
        .filter_map(|d| d["class"].as_str())
        .collect();
    assert_eq!(promised, permitted);
}

/// What a preview promises somebody of the doctor's data: whoever asks by name, else whoever does this work.
#[track_caller]
fn promised(shown: &[Value], participant: &str, function: &str, purpose: &str) -> Vec<String> {
    let rows = shown.iter().filter(|row| {
        row["function"] == function && row["purpose"] == purpose && row["holder"] == "huisarts-de-linde"
    });
    let (by_name, general): (Vec<&Value>, Vec<&Value>) = rows.partition(|row| row["asker"].is_object());
    let own = |row: &&&Value| row["asker"] == json!({"participant": participant});
    let row = by_name.iter().find(own).or(general.first()).expect("a row");
    row["sees"].as_array().expect("sees").iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn permitted(world: &World, participant: &str, function: &str, purpose: &str) -> Vec<String> {
    let bsn = world.bsn("elidrissi");
    let mut command = vec!["explain", "--patient", &bsn, "--as", participant, "--function", function];
    command.extend(["--purpose", purpose, "--json"]);
    if purpose == "ETREAT" {
        command.extend(["--reason", "gevallen"]);
    }
    let explained = world.sluis(command).ok().json();
    let decisions = explained["decisions"].as_array().expect("decisions").iter();
    let of_the_doctor = decisions.filter(|d| d["holder"] == "huisarts-de-linde" && d["verdict"] == "permit");
    of_the_doctor.filter_map(|d| d["class"].as_str()).map(str::to_owned).collect()
}

#[test]
fn a_preview_answers_for_every_purpose_for_who_is_named_and_for_an_emergency() {
    let for_purpose = |user: &str, purpose: &str| {
        let mut provision = permit(&group("category", user));
        provision["purpose"] =
            json!([{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": purpose}]);
        provision
    };
    let world = World::fresh();
    let thuis = json!({"type": "Organization", "identifier": world.participant("wijkverpleging-thuis")["identifier"]});
    let (nurse, triage) =
        (("wijkverpleging-thuis", "district-nursing"), ("zorgcoordinatie-heuvelrijk", "triage"));
    let choices = [
        (for_purpose("home-care", "COC"), nurse, "COC"),
        (permit(&thuis), nurse, "TREAT"),
        (for_purpose("acute-coordination", "ETREAT"), triage, "ETREAT"),
    ];
    for (provision, (participant, function), purpose) in choices {
        let choice = consent(&world, "elidrissi", None, &provision);
        let text = choice.to_string();
        assert_eq!(permitted(&world, participant, function, purpose), Vec::<String>::new());
        let words = world.sluis_with(["consent", "preview", "-"], text.as_bytes()).ok().stdout;
        let shown =
            world.sluis_with(["consent", "preview", "-", "--json"], text.as_bytes()).ok().json_lines();
        assert_eq!(world.own("elidrissi").create(&choice).status, 201);
        let all: Vec<(&str, &str, &str)> = vec![
            ("wijkverpleging-thuis", "district-nursing", "TREAT"),
            ("wijkverpleging-thuis", "district-nursing", "COC"),
            ("zorgcoordinatie-heuvelrijk", "triage", "TREAT"),
            ("zorgcoordinatie-heuvelrijk", "triage", "ETREAT"),
            ("huisartsenpost-heuvelrijk", "gp-out-of-hours", "ETREAT"),
            ("ggz-de-oever", "ggz-treatment", "TREAT"),
        ];
        for (participant, function, purpose) in all {
            let real = permitted(&world, participant, function, purpose);
            let told = promised(&shown, participant, function, purpose);
            assert_eq!(told, real, "{participant} {function} {purpose}: {provision}");
        }
        let opened = permitted(&world, participant, function, purpose);
        assert!(!opened.is_empty(), "{participant} {purpose}: nothing was opened");
        let line = words.lines().find(|line| line.contains(function)).expect("a line");
        assert!(opened.iter().all(|class| line.contains(&format!("+{class}"))), "{line}");
        assert!(words.lines().count() <= 4, "more than a person reads: {words}");
        let bsn = world.bsn("elidrissi");
        let listed = world.sluis(["consent", "list", "--patient", &bsn, "--json"]).ok().json_lines();
        let standing = listed.iter().find(|consent| consent["status"] == "active").expect("it stands");
        let id = standing["id"].as_str().expect("id");
        let _withdrawn = world.sluis(["consent", "withdraw", id, "--patient", &bsn]).ok();
    }
}
