//! What a hosted holder corrects or erases reaches every answer and the index with the next question, and stays so.

use serde_json::{Value, json};
use sluis_tests::ask::BSN;
use sluis_tests::{Run, World, until};

const HOLDER: &str = "huisarts-de-linde";
const PSEUDONYM: &str = "https://sluis.example/fhir/NamingSystem/pseudonym";
/// Passes the eleven-test, and is nobody's yet.
const NUMBER: &str = "999990184";

fn condition(id: &str, code: &str) -> Value {
    json!({"resourceType": "Condition", "id": id, "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": code}]}})
}

fn import(world: &World, resources: &[Value]) {
    let patient = json!({"resourceType": "Patient", "id": "p", "birthDate": "1942-06-11",
        "identifier": [{"system": BSN, "value": NUMBER}]});
    let entry: Vec<Value> =
        std::iter::once(&patient).chain(resources).map(|resource| json!({"resource": resource})).collect();
    let path = world.dir().join("file.json");
    std::fs::write(
        &path,
        json!({"resourceType": "Bundle", "type": "collection", "entry": entry}).to_string(),
    )
    .unwrap();
    world.sluis(["import", "--holder", HOLDER, path.to_str().unwrap()]).ok();
}

fn erase(world: &World, names: &[&str]) -> Run {
    let args = ["erase", "--holder", HOLDER, "--patient", "-", "--json"];
    world.sluis_with(args.into_iter().chain(names.iter().copied()), NUMBER.as_bytes())
}

/// The codes of all conditions that an answer holds.
fn codes(answer: &Value) -> Vec<String> {
    let entries = answer["entry"].as_array().cloned().unwrap_or_default();
    let codes = entries.iter().filter(|e| e["resource"]["resourceType"] == "Condition");
    let mut codes: Vec<String> = codes
        .map(|e| e["resource"]["code"]["coding"][0]["code"].as_str().unwrap_or("-").to_owned())
        .collect();
    codes.sort();
    codes
}

#[test]
fn what_its_holder_corrects_and_erases_is_in_no_answer_and_no_index_any_more() {
    let world = World::fresh();
    import(&world, &[condition("c1", "38341003"), condition("c2", "73211009")]);
    let linden = world.staff("linden", "gp-own");
    let id = linden.id(NUMBER);
    let conditions = || codes(&linden.search_id(&id, "Condition", "").ok().json());
    let index = format!("List?subject:identifier={PSEUDONYM}%7C{id}");
    let listed = || linden.get(&index).ok().json()["total"].as_u64().unwrap();
    assert_eq!(conditions(), ["38341003", "73211009"]);
    assert!(listed() > 0);
    let found = linden.search_id(&id, "Condition", "").ok().json();
    let mut first = found["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]);
    let first = first.find(|resource| resource.to_string().contains("38341003")).unwrap();
    let first = format!("Condition/{}", first["id"].as_str().unwrap());
    linden.get(&first).ok();
    // Corrected: imported again under its id.
    import(&world, &[condition("c1", "195967001")]);
    assert_eq!(conditions(), ["195967001", "73211009"]);
    // Erased by name: all of it or nothing.
    for names in [&["Condition/c1", "Condition/none"][..], &["Observation/c1"], &["c1"]] {
        let refused = erase(&world, names);
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{names:?}");
        assert!(refused.stderr.contains("nothing was erased") && !refused.stderr.contains("c1"), "{names:?}");
    }
    assert_eq!(conditions().len(), 2);
    let done = erase(&world, &["Condition/c1"]).ok().json();
    assert_eq!(done, json!({"holder": HOLDER, "erased": 1, "left": 2}));
    assert_eq!(conditions(), ["73211009"]);
    linden.get(&first).is(403, "not-permitted");
    assert!(!linden.summary(NUMBER).ok().text().contains("195967001"));
    // It stands in the journal, as a deletion of this holder's, with the number left.
    let dump = world.dump();
    let record = dump.iter().rfind(|r| r["kind"] == "import").unwrap();
    assert_eq!(record["event"]["action"], "D");
    assert!(record["event"].to_string().contains(HOLDER) && !record.to_string().contains(NUMBER));
    // All of it: nothing is found of this person any more, in the index neither.
    assert_eq!(erase(&world, &[]).ok().json()["left"], 0);
    linden.find(NUMBER).is(403, "not-permitted");
    linden.get(&index).is(403, "not-permitted");
    linden.search_id(&id, "Condition", "").is(403, "not-permitted");
    let unasked = world.sluis(["consent", "unasked", "--holder", HOLDER]).ok().stdout;
    assert!(!unasked.contains(NUMBER), "{unasked}");
    assert_eq!(erase(&world, &[]).code, 1, "there is nothing to erase");
    // A view that is built anew knows no more of it.
    assert_eq!(world.terminate().0, 0);
    std::fs::remove_dir_all(world.dir().join("view")).unwrap();
    let again = World::on(world.dir()).unwrap();
    let linden = again.staff("linden", "gp-own");
    linden.find(NUMBER).is(403, "not-permitted");
    // Whom it meets again it holds again.
    import(&again, &[condition("c3", "38341003")]);
    until("it is known again", || linden.find(NUMBER).status == 200);
    assert_eq!(codes(&linden.search(NUMBER, "Condition", "").ok().json()), ["38341003"]);
    again.verify();
}

#[test]
fn an_erasure_needs_a_holder_and_somebody_it_is_about() {
    let world = World::fresh();
    let usage = world.sluis(["erase", "--holder", HOLDER]);
    assert_eq!(usage.code, 2, "{}", usage.stderr);
    let unknown = world.bsn("unknown");
    for args in [
        &["erase", "--holder", "nobody", "--patient", &unknown][..],
        &["erase", "--holder", HOLDER, "--patient", &unknown],
        &["erase", "--holder", HOLDER, "Organization/none"],
    ] {
        assert_eq!(world.sluis(args.iter().copied()).code, 1, "{args:?}");
    }
    // What is about nobody is named without a person.
    let path = world.dir().join("org.json");
    std::fs::write(&path, r#"{"resourceType":"Organization","id":"o1","name":"Ergens"}"#).unwrap();
    world.sluis(["import", "--holder", HOLDER, path.to_str().unwrap()]).ok();
    world.sluis(["erase", "--holder", HOLDER, "Organization/o1"]).ok();
    assert_eq!(world.sluis(["erase", "--holder", HOLDER, "Organization/o1"]).code, 1);
}
