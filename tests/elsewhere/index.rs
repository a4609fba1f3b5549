//! The index of who holds what (`/fhir/List`): holders enter and withdraw, and nobody learns from it what they may not
//! know.

use super::server::{ALLERGY, Mode, Server};
use serde_json::{Value, json};
use sluis_tests::ask::BSN;
use sluis_tests::json::has_code;
use sluis_tests::{Answer, Asker, Request, World};
use std::collections::BTreeSet;

const HOLDER: &str = "wijkverpleging-thuis";
const CLASSES: &str = "https://sluis.example/fhir/CodeSystem/data-class";
const PSEUDONYM: &str = "https://sluis.example/fhir/NamingSystem/pseudonym";

fn entry(world: &World, holder: &str, bsn: &str, code: &str) -> Value {
    json!({
        "resourceType": "List",
        "extension": [{"url": "http://minvws.github.io/generiekefuncties-docs/StructureDefinition/nl-gf-localization-custodian",
            "valueReference": {"identifier": world.participant(holder)["identifier"]}}],
        "subject": {"identifier": {"system": BSN, "value": bsn}},
        "source": {"type": "Device", "identifier": {"system": "urn:ietf:rfc:3986", "value": "EHR-1"}},
        "status": "current", "mode": "working",
        "emptyReason": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": "withheld"}]},
        "code": {"coding": [{"system": "http://minvws.github.io/generiekefuncties-docs/CodeSystem/nl-gf-data-categories-cs", "code": code}]},
    })
}

fn post(asker: &Asker<'_>, entry: &Value) -> Answer {
    asker.send(Request::fhir("POST", "/fhir/List", entry.to_string()))
}

fn delete(asker: &Asker<'_>, id: &str) -> Answer {
    asker.send(Request::new("DELETE", &format!("/fhir/List/{id}")))
}

/// (holder, class) of each entry that this asker sees of the person.
fn seen(asker: &Asker<'_>, patient: &str, code: Option<&str>) -> BTreeSet<(String, String)> {
    let code = code.map(|code| format!("&code={}", sluis_tests::client::encoded(code))).unwrap_or_default();
    let id = asker.id(patient);
    entries(&asker.get(&format!("List?subject:identifier={PSEUDONYM}%7C{id}{code}")).ok().json())
}

fn entries(bundle: &Value) -> BTreeSet<(String, String)> {
    let all = bundle["entry"].as_array().into_iter().flatten().map(|entry| &entry["resource"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    all.flat_map(|list| {
        let holder = text(&list["source"]["identifier"]["value"]);
        codes(list).into_iter().map(move |code| (holder.clone(), code))
    })
    .collect()
}

fn codes(list: &Value) -> BTreeSet<String> {
    let codings = list["code"]["coding"].as_array().into_iter().flatten();
    codings.map(|coding| coding["code"].as_str().unwrap_or_default().to_owned()).collect()
}

/// (name of the holder, class) of what is permitted to this asker about the person.
fn permitted(asker: &Asker<'_>, patient: &str) -> BTreeSet<(String, String)> {
    let bundle = asker.send(Request::fhir(
        "POST",
        &format!("/fhir/Patient/{}/$explain", asker.id(patient)),
        json!({"resourceType": "Parameters"}).to_string(),
    ));
    let explained = bundle.ok().json();
    explained["parameter"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|p| p["name"] == "decision")
        .filter_map(|p| {
            let part = |name: &str, value: &str| {
                p["part"].as_array()?.iter().find(|part| part["name"] == name)?[value]
                    .as_str()
                    .map(str::to_owned)
            };
            (part("verdict", "valueCode")? == "permit")
                .then_some((part("holder", "valueString")?, part("class", "valueCode")?))
        })
        .collect()
}

#[test]
fn a_holder_enters_what_it_has_is_asked_for_it_and_withdraws() {
    let world = World::fresh();
    let bsn = world.bsn("jansen");
    let server = Server::start(Mode::Well, &bsn);
    let endpoint = server.endpoint().to_string();
    let nurse = world.asker(HOLDER);
    // Who has no server of its own has no entry to make.
    post(&nurse, &entry(&world, HOLDER, &bsn, "AllergyIntolerance")).is(403, "not-permitted");
    world.sluis_with(["participant", "endpoint", "set", HOLDER, "--file", "-"], endpoint.as_bytes()).ok();
    // A holder enters itself, and nobody else.
    post(&nurse, &entry(&world, "huisarts-de-linde", &bsn, "AllergyIntolerance")).is(422, "consent-refused");
    post(&nurse, &entry(&world, HOLDER, &bsn, "Horoscope")).is(400, "body-invalid");
    // Nobody becomes a person here by a number that no person has.
    for (system, value) in
        [(BSN, "123456789"), (BSN, ""), ("urn:anything", "999990184"), (PSEUDONYM, "nobody")]
    {
        let mut odd = entry(&world, HOLDER, &bsn, "AllergyIntolerance");
        odd["subject"]["identifier"] = json!({"system": system, "value": value});
        assert_eq!(post(&nurse, &odd).status, 400, "{system}");
    }
    let made = post(&nurse, &entry(&world, HOLDER, &bsn, "AllergyIntolerance"));
    assert_eq!(made.status, 201, "{}", made.text());
    let location = made.header("location").expect("Location").to_owned();
    let id = location.rsplit('/').next().unwrap().to_owned();
    assert!(!made.text().contains(&bsn), "the number comes back");
    // The same again is the same entry.
    let again = post(&nurse, &entry(&world, HOLDER, &bsn, "AllergyIntolerance"));
    assert_eq!(again.header("location"), Some(location.as_str()));
    let valk = world.staff("valk", "triage");
    assert!(has_code(&valk.summary("jansen").ok().json(), ALLERGY));
    assert!(server.asked().iter().all(|asked| !asked.contains("MedicationRequest")));
    // An entry of one's own making gives no right to record about the person.
    let objection = json!({
        "resourceType": "Consent", "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"identifier": {"system": BSN, "value": "999990184"}}, "dateTime": "2026-11-20",
        "performer": [{"type": "Patient", "identifier": {"system": BSN, "value": "999990184"}}],
        "organization": [{"type": "Organization", "identifier": world.participant(HOLDER)["identifier"]}],
        "sourceAttachment": {"contentType": "text/plain", "title": "gesproken"},
        "policy": [{"uri": "https://sluis.example/fhir/policy/2026-11"}], "provision": {"type": "deny"},
    });
    assert_eq!(post(&nurse, &entry(&world, HOLDER, "999990184", "AllergyIntolerance")).status, 201);
    nurse.send(Request::fhir("POST", "/fhir/Consent", objection.to_string())).is(403, "not-permitted");
    // Nobody else's to withdraw; and an id of another asker is none here.
    delete(&valk, &id).is(403, "not-permitted");
    let shown = valk.get(&format!("List?subject:identifier={PSEUDONYM}%7C{}", valk.id("jansen"))).ok().json();
    let lists = shown["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]);
    let of_holder = lists.filter(|list| list["source"]["identifier"]["value"] == HOLDER);
    let theirs: Vec<&str> = of_holder.filter_map(|list| list["id"].as_str()).collect();
    assert!(!theirs.is_empty(), "the entry shows");
    theirs.iter().for_each(|id| delete(&valk, id).is(403, "not-permitted"));
    let gone = delete(&nurse, &id);
    assert_eq!((gone.status, gone.text()), (204, String::new()));
    delete(&nurse, &id).is(403, "not-permitted");
    assert!(!has_code(&valk.summary("jansen").ok().json(), ALLERGY));
    world.verify();
}

#[test]
fn the_index_says_no_more_than_the_asker_may_know() {
    let world = World::fresh();
    let valk = world.staff("valk", "triage");
    let linden = world.staff("linden", "gp-own");
    // What an asker sees in the index it also gets, and nothing beside it.
    for (asker, patient) in [(&valk, "jansen"), (&linden, "jansen"), (&linden, "bakker")] {
        let shown = seen(asker, patient, None);
        let permitted = permitted(asker, patient);
        let named = |id: &str| world.participant(id)["name"].as_str().unwrap().to_owned();
        let beyond: Vec<_> = shown
            .iter()
            .filter(|(holder, class)| !permitted.contains(&(named(holder), class.clone())))
            .collect();
        assert!(!shown.is_empty() && beyond.is_empty(), "{patient}: {beyond:?}");
    }
    // Nobody who is granted nothing learns that there is anything.
    let identifier = format!("{BSN}|{}", world.bsn("devries"));
    let nurse = world.asker(HOLDER);
    let about = |id: &str| nurse.send(Request::form("/fhir/List/_search", &[("subject:identifier", id)]));
    let face = about(&identifier).face();
    assert_eq!(face, about(&format!("{BSN}|999990160")).face(), "unknown and refused look alike");
    about(&identifier).is(403, "not-permitted");
}

#[test]
fn an_entry_over_several_classes_is_one_list_and_shows_each_asker_its_own_part() {
    let world = World::fresh();
    let server = Server::start(Mode::Well, &world.bsn("jansen"));
    let endpoint = server.endpoint().to_string();
    world.sluis_with(["participant", "endpoint", "set", HOLDER, "--file", "-"], endpoint.as_bytes()).ok();
    let nurse = world.asker(HOLDER);
    let made = post(&nurse, &entry(&world, HOLDER, &world.bsn("jansen"), "Condition"));
    assert_eq!(made.status, 201, "{}", made.text());
    let entered = codes(&made.json());
    assert!(entered.len() > 3 && entered.contains("problems"), "one class of many comes back: {entered:?}");
    // Another entry of the same holder that says a class again.
    let more = json!([{"system": CLASSES, "code": "problems"}, {"system": CLASSES, "code": "allergies"}]);
    let mut again = entry(&world, HOLDER, &world.bsn("jansen"), "Condition");
    again["code"]["coding"] = more;
    assert_eq!(post(&nurse, &again).status, 201);
    for (asker, sees) in [(world.staff("valk", "triage"), 2), (world.staff("linden", "gp-own"), 2)] {
        let id = asker.id("jansen");
        let bundle = asker.get(&format!("List?subject:identifier={PSEUDONYM}%7C{id}")).ok().json();
        let all = bundle["entry"].as_array().unwrap();
        let urls: BTreeSet<&str> = all.iter().filter_map(|entry| entry["fullUrl"].as_str()).collect();
        assert_eq!(urls.len(), all.len(), "one fullUrl stands twice (bdl-7)");
        assert_eq!(bundle["total"], all.len());
        let lists = all.iter().map(|entry| &entry["resource"]);
        let theirs: Vec<&Value> =
            lists.filter(|list| list["source"]["identifier"]["value"] == HOLDER).collect();
        assert_eq!(theirs.len(), sees, "{theirs:?}");
        // What an asker may not have of this holder, its entry does not say either.
        let permitted = permitted(&asker, "jansen");
        let named = world.participant(HOLDER)["name"].as_str().unwrap();
        for list in &theirs {
            assert!(!codes(list).is_empty());
            let beyond: Vec<_> = codes(list)
                .into_iter()
                .filter(|code| !permitted.contains(&(named.to_owned(), code.clone())))
                .collect();
            assert!(beyond.is_empty(), "{beyond:?}");
        }
        let coded =
            asker.get(&format!("List?subject:identifier={PSEUDONYM}%7C{id}&code=allergies")).ok().json();
        let mut lists = coded["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]);
        let one = lists.find(|list| list["source"]["identifier"]["value"] == HOLDER).expect("the entry");
        assert!(codes(one).contains("allergies"));
        assert!(
            lists.all(|list| list["source"]["identifier"]["value"] != HOLDER),
            "an entry without allergies"
        );
    }
}

#[test]
fn the_directory_shows_how_to_reach_whom_and_where_a_holder_elsewhere_is_asked() {
    let world = World::fresh();
    let linden = world.staff("linden", "gp-own");
    let shown = |path: &str| linden.get(path).ok().json();
    assert_eq!(shown("Endpoint?_count=50")["total"], 0);
    // How to reach whom, when, and on which day that was checked.
    let services = shown("HealthcareService?_count=50");
    let service = |id: &str| {
        let mut all = services["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]);
        all.find(|one| one["id"] == id).unwrap_or_else(|| panic!("no service of {id}"))
    };
    for id in ["huisarts-de-linde", HOLDER] {
        assert_eq!(service(id)["telecom"][0]["system"], "phone", "{id}");
        assert!(service(id)["extension"][0]["valueDate"].is_string(), "{id}");
    }
    assert_eq!(service("huisarts-de-linde")["availableTime"][0]["availableStartTime"], "08:00:00");
    assert!(service(HOLDER)["availableTime"].is_null(), "it says nothing of hours");
    let server = Server::start(Mode::Well, "999990184");
    let mut endpoint = server.endpoint();
    endpoint["authentication"] = json!({"kind": "smart", "client_id": "sluis-here"});
    let set = ["participant", "endpoint", "set", HOLDER, "--file", "-"];
    world.sluis_with(set, endpoint.to_string().as_bytes()).ok();
    let bundle = shown("Endpoint?_count=50");
    assert_eq!(bundle["total"], 1, "{bundle}");
    let found = &bundle["entry"][0]["resource"];
    assert_eq!((&found["address"], &found["status"]), (&json!(server.url), &json!("active")));
    assert!(!bundle.to_string().contains("sluis-here") && !bundle.to_string().contains("CERTIFICATE"));
    let id = found["id"].as_str().unwrap();
    assert_eq!(shown(&format!("Endpoint/{id}"))["address"], json!(server.url));
    let organization = shown(&format!("Organization/{id}"));
    assert_eq!(organization["endpoint"][0]["reference"], format!("Endpoint/{id}"));
    world.sluis(["participant", "suspend", HOLDER]).ok();
    assert_eq!(shown(&format!("Endpoint/{id}"))["status"], "suspended");
}

#[test]
fn it_is_asked_by_pseudonym_in_an_address_and_by_number_in_a_form_only() {
    let world = World::fresh();
    let valk = world.staff("valk", "triage");
    let (bsn, id) = (world.bsn("jansen"), valk.id("jansen"));
    let by_pseudonym = valk.get(&format!("List?subject:identifier={PSEUDONYM}%7C{id}")).ok().json();
    assert_eq!(entries(&by_pseudonym), seen(&valk, "jansen", None));
    assert!(!by_pseudonym.to_string().contains(&bsn));
    let coded = seen(&valk, "jansen", Some("https://sluis.example/fhir/CodeSystem/data-class|medication"));
    assert!(!coded.is_empty() && coded.iter().all(|(_, class)| class == "medication"));
    assert_eq!(seen(&valk, "jansen", Some("no-such-kind")), BTreeSet::new());
    valk.get(&format!("List?subject:identifier={BSN}%7C{bsn}")).is(400, "bsn-in-url");
    // A number alone finds people for care; outside it the birth date comes first, by the look-up.
    let number = format!("{BSN}|{bsn}");
    let by_number = |asker: &Asker<'_>| {
        asker.send(Request::form("/fhir/List/_search", &[("subject:identifier", &number)]))
    };
    by_number(&valk).is(400, "query-not-supported");
    let linden = world.staff("linden", "gp-own");
    assert_eq!(entries(&by_number(&linden).ok().json()), seen(&linden, "jansen", None));
    for query in [
        "List",
        "List?code=medication",
        "List?subject=x",
        "List?subject:identifier=x&subject:identifier=y",
        "List?subject:identifier=a%7Cb&_sort=date",
    ] {
        valk.get(query).is(400, "query-not-supported");
    }
    valk.get("List/abc").is(400, "query-not-supported");
    // Another asker's pseudonym is nobody here.
    let other = world.staff("linden", "gp-own");
    other.get(&format!("List?subject:identifier={PSEUDONYM}%7C{id}")).is(403, "not-permitted");
}

#[test]
fn holders_that_enter_the_same_new_person_at_once_enter_one_person() {
    let world = World::fresh();
    let server = Server::start(Mode::Well, "999990184");
    let endpoint = server.endpoint().to_string();
    let holders = [HOLDER, "huisarts-de-linde", "ggz-de-oever", "sociaal-team-west"];
    for holder in holders {
        world.sluis_with(["participant", "endpoint", "set", holder, "--file", "-"], endpoint.as_bytes()).ok();
    }
    let askers: Vec<_> = holders.iter().map(|holder| world.asker(holder)).collect();
    let barrier = std::sync::Barrier::new(holders.len());
    for bsn in ["999990160", "999990184", "123456782", "111222333"] {
        std::thread::scope(|threads| {
            for (holder, asker) in holders.iter().zip(&askers) {
                let (world, barrier) = (&world, &barrier);
                threads.spawn(move || {
                    let entry = entry(world, holder, bsn, "AllergyIntolerance");
                    barrier.wait();
                    assert_eq!(post(asker, &entry).status, 201);
                });
            }
        });
        let listed = world.sluis_with(["index", "list", "--patient", "-"], bsn.as_bytes()).ok().stdout;
        assert_eq!(listed.lines().count(), holders.len(), "an entry was lost: {listed}");
    }
}

#[test]
fn what_changes_in_the_trust_list_while_a_holder_is_asked_takes_no_answer_from_others() {
    let world = World::fresh();
    let server = Server::start(Mode::Late, &world.bsn("jansen"));
    let endpoint = server.endpoint().to_string();
    world.sluis_with(["participant", "endpoint", "set", HOLDER, "--file", "-"], endpoint.as_bytes()).ok();
    let nurse = world.asker(HOLDER);
    assert_eq!(post(&nurse, &entry(&world, HOLDER, &world.bsn("jansen"), "AllergyIntolerance")).status, 201);
    let valk = world.staff("valk", "triage");
    let asked = |what: &str| {
        std::thread::scope(|threads| {
            let before = server.asked().len();
            let answer = threads.spawn(|| valk.summary("jansen"));
            while server.asked().len() == before {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            world.sluis(["participant", what, "buurtnetwerk-samen"]).ok();
            answer.join().unwrap()
        })
    };
    assert!(has_code(&asked("suspend").ok().json(), ALLERGY));
    assert!(has_code(&asked("resume").ok().json(), ALLERGY));
    // Who is refused meanwhile gets nothing of what was under way.
    let waiting = std::thread::scope(|threads| {
        let before = server.asked().len();
        let answer = threads.spawn(|| valk.summary("jansen"));
        while server.asked().len() == before {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        world.sluis(["participant", "suspend", "zorgcoordinatie-heuvelrijk"]).ok();
        answer.join().unwrap()
    });
    waiting.is(401, "token-invalid");
}

#[test]
fn a_person_of_whom_a_holder_lacks_something_does_not_have_it_left_alone_for_others() {
    let world = World::fresh();
    for mode in [Mode::Nobody, Mode::MedicineElsewhere] {
        let server = Server::start(mode, &world.bsn("jansen"));
        let endpoint = server.endpoint().to_string();
        let nurse = world.asker(HOLDER);
        let set = ["participant", "endpoint", "set", HOLDER, "--file", "-"];
        world.sluis_with(set, endpoint.as_bytes()).ok();
        for class in ["AllergyIntolerance", "MedicationRequest"] {
            assert_eq!(post(&nurse, &entry(&world, HOLDER, &world.bsn("jansen"), class)).status, 201);
        }
        let valk = world.staff("valk", "triage");
        for _ in 0..8 {
            let before = server.asked().len();
            assert!(valk.summary("jansen").status < 600);
            assert!(server.asked().len() > before, "{mode:?}: it is not asked any more");
        }
    }
}
