//! Holders' servers that nobody here wrote, fed with the persons of the demonstration: what comes back through them is
//! what was there before, for each person their own.

use super::real_servers::{Maker, Outsider, enter, patient, say, spare_numbers};
use serde_json::{Value, json};
use sluis_tests::ask::{Asker, BSN};
use sluis_tests::json::{any, markers, resources, visit};
use sluis_tests::world::UNKNOWN_BSN;
use sluis_tests::{Request, World};
use std::collections::{BTreeMap, BTreeSet};

const HOLDER: &str = "wijkverpleging-thuis";
/// Stands in what somebody else has, who lives there too.
const OF_ANOTHER: &str = "418689008";

#[test]
fn fhirstarter_is_asked_and_everything_of_each_person_comes() {
    everything_of_each_person_comes(Maker::Fhirstarter);
}

#[test]
fn medplum_is_asked_page_by_page_and_everything_of_each_person_comes() {
    let Some(asked) = everything_of_each_person_comes(Maker::Medplum { page: 8 }) else { return };
    assert!(asked.iter().any(|one| one.contains("_offset=16")), "no third page of anything: {asked:?}");
    assert!(!asked.iter().any(|one| one.contains("99999")), "a number stood in an address");
}

/// Feeds a server with what the holder has, asks again, and gives what the server was asked.
fn everything_of_each_person_comes(maker: Maker) -> Option<Vec<String>> {
    say("not run: HAPI FHIR, which no test drives");
    let world = World::fresh();
    let asker = world.asker(HOLDER);
    let persons = persons(&world, &asker);
    assert!(persons.len() > 1, "too few persons to mix up");
    let mut held: Vec<Value> = persons.iter().flat_map(|person| person.held.clone()).collect();
    let mut seen = BTreeSet::new();
    held.retain(|one| seen.insert((one["resourceType"].to_string(), one["id"].to_string())));
    held.push(patient(&world, "other", UNKNOWN_BSN));
    held.push(allergy_of_another());
    let server = Outsider::start(maker, &held)?;
    assert!(server.refused().is_empty(), "what we give is not taken for R4: {:?}", server.refused());
    server.serves(&world, HOLDER);
    for person in &persons {
        enter(&world, HOLDER, &person.number);
    }
    for person in &persons {
        let after = said(&answers(&asker, &person.number, &KINDS).expect("an answer"));
        assert_eq!(differences(&person.said, &after), [""; 0], "{}", person.id);
    }
    assert!(persons.iter().any(|person| person.said.len() > 20), "too little to tell");
    world.verify();
    Some(server.asked())
}

fn allergy_of_another() -> Value {
    let status = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical";
    json!({"resourceType": "AllergyIntolerance", "id": "of-other", "patient": {"reference": "Patient/other"},
        "clinicalStatus": {"coding": [{"system": status, "code": "active"}]},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": OF_ANOTHER}]}})
}

struct Person {
    id: String,
    /// Under which the server elsewhere knows them: a number of nobody here, so that nothing of here comes along.
    number: String,
    /// What the holder's own system gets to see of them.
    said: BTreeMap<String, usize>,
    held: Vec<Value>,
}

/// Everybody of the demonstration of whom the holder has something.
fn persons(world: &World, asker: &Asker<'_>) -> Vec<Person> {
    let patients = world.region()["patients"].as_array().unwrap();
    let numbered = patients.iter().map(|one| one["id"].as_str().unwrap()).zip(spare_numbers(world));
    let person = |(id, number): (&str, String)| {
        let answers = answers(asker, id, &KINDS)?;
        Some(Person { id: id.to_owned(), said: said(&answers), held: held(&answers, &number), number })
    };
    numbered.filter_map(person).collect()
}

/// The summary and every page of the searches, each with what was asked; `None` where the asker gets nothing.
pub fn answers<'k>(asker: &Asker<'_>, patient: &str, kinds: &[&'k str]) -> Option<Vec<(&'k str, Value)>> {
    let summary = asker.summary(patient);
    if summary.status == 403 {
        return None;
    }
    let mut answers = vec![("$summary", summary.ok().json())];
    let id = asker.id(patient);
    for kind in kinds {
        let mut next = Some(format!("/fhir/{kind}?patient={id}&_count=20"));
        while let Some(path) = next {
            let page = asker.send(Request::get(&path)).ok().json();
            next = next_page(asker, &page);
            answers.push((*kind, page));
        }
    }
    Some(answers)
}

/// The resources of these answers as a server would hold them, about whoever has this number.
fn held(answers: &[(&str, Value)], number: &str) -> Vec<Value> {
    let all = answers.iter().flat_map(|(_, bundle)| resources(bundle)).cloned();
    let mut held: Vec<Value> = all.filter(|one| !is_of_the_gateway(one)).collect();
    for one in held.iter_mut().filter(|one| one["resourceType"] == "Patient") {
        one["identifier"] = json!([{"system": BSN, "value": number}]);
    }
    held
}

/// Derived, written or recorded by the gateway itself: no data of a holder.
fn is_of_the_gateway(one: &Value) -> bool {
    let recorded = |value: &Value| value == "https://sluis.example/fhir/NamingSystem/relation";
    one["resourceType"] == "Composition"
        || one["id"].as_str().unwrap_or_default().starts_with("sluis.")
        || any(&one["identifier"], &recorded)
}

/// How often each type and each code stands in them, and the markers of what is whose.
fn said(answers: &[(&str, Value)]) -> BTreeMap<String, usize> {
    let mut said = BTreeMap::new();
    for (place, bundle) in answers {
        assert!(!any(bundle, &|value| value == OF_ANOTHER), "another person's allergy came along");
        for resource in resources(bundle) {
            let kind = resource["resourceType"].as_str().unwrap_or_default();
            if UNCOUNTED.contains(&kind) || is_of_the_gateway(resource) {
                continue;
            }
            said.extend(markers(resource).into_iter().map(|marker| (format!("{place} {kind} {marker}"), 1)));
            *said.entry(format!("{place} {kind}")).or_default() += 1;
            visit(resource, &mut |value| {
                if let (Some(system), Some(code)) = (value["system"].as_str(), value["code"].as_str()) {
                    *said.entry(format!("{place} {kind} {system}|{code}")).or_default() += 1;
                }
            });
        }
    }
    said
}

/// What stands elsewhere another number of times than before.
fn differences(before: &BTreeMap<String, usize>, after: &BTreeMap<String, usize>) -> Vec<String> {
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let pairs = all.into_iter().map(|code| (code, before.get(code), after.get(code)));
    pairs.filter(|(_, before, after)| before != after).map(|difference| format!("{difference:?}")).collect()
}

fn next_page(asker: &Asker<'_>, page: &Value) -> Option<String> {
    let links = page["link"].as_array()?;
    let next = links.iter().find(|link| link["relation"] == "next")?["url"].as_str()?;
    Some(next.strip_prefix(asker.world().exchange()).expect("a page of ours").to_owned())
}

/// Not compared: what is written anew for each answer, and what comes along only where a server offers `_include`, as
/// neither of these does.
const UNCOUNTED: [&str; 5] = ["Composition", "Location", "Organization", "Practitioner", "PractitionerRole"];
/// What is searched besides the summary.
const KINDS: [&str; 7] = [
    "AllergyIntolerance",
    "Appointment",
    "CarePlan",
    "Condition",
    "MedicationRequest",
    "Observation",
    "Task",
];
