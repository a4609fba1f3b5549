//! Holders' servers that nobody here wrote, fed with data that nobody here wrote: the valid files of `shared/corpus`,
//! half of them one person's and half another's. What comes is what comes when the gateway itself holds the same.

use super::real::answers;
use super::real_files::{Files, HIDDEN, marker};
use super::real_servers::{Maker, Outsider, enter, patient, say, spare_numbers};
use serde_json::{Value, json};
use sluis_tests::World;
use sluis_tests::ask::Asker;
use sluis_tests::json::{any, markers, resources};
use std::collections::BTreeSet;

/// A practice: its own system reads the words of a note, in which each resource says whose it is.
const HOLDER: &str = "huisarts-de-linde";

#[test]
fn what_fhirstarter_holds_of_the_corpus_comes_for_whom_it_is_about() {
    the_corpus_comes_for_whom_it_is_about(Maker::Fhirstarter);
}

#[test]
fn what_medplum_holds_of_the_corpus_comes_for_whom_it_is_about_and_medplum_finds_it_valid() {
    let released = the_corpus_comes_for_whom_it_is_about(Maker::Medplum { page: 100 });
    if released.is_empty() {
        return;
    }
    assert!(released.len() > 500, "too little to tell: {}", released.len());
    // What leaves is R4 by the word of somebody else's checks too.
    let judge = Outsider::start(Maker::Medplum { page: 1 }, &released).expect("it started before");
    assert!(judge.refused().is_empty(), "not R4: {:?}", judge.refused());
}

/// Gives all that was released of it; nothing where it could not run.
fn the_corpus_comes_for_whom_it_is_about(maker: Maker) -> Vec<Value> {
    let Some(files) = Files::read() else {
        say("skipped: ../shared/corpus is absent");
        return Vec::new();
    };
    let world = World::fresh();
    let asker = world.asker(HOLDER);
    let people = people(&world, &asker, &files);
    let mut released = Vec::new();
    for pair in people.chunks(2) {
        let held: Vec<Value> = pair.iter().flat_map(|person| person.held.clone()).collect();
        let Some(server) = Outsider::start(maker, &held) else { return Vec::new() };
        assert!(server.refused().len() < held.len() / 20, "hardly anything is held: {:?}", server.refused());
        server.serves(&world, HOLDER);
        for person in pair {
            enter(&world, HOLDER, &person.number);
            let answers = answers(&asker, &person.number, &KINDS).expect("an answer");
            person.check(&answers, &server);
            released.extend(answers.iter().flat_map(|(_, bundle)| resources(bundle)).cloned());
        }
    }
    world.verify();
    released
}

struct Person {
    patient: String,
    number: String,
    held: Vec<Value>,
    /// The markers in each answer while the gateway itself holds the same.
    from_here: BTreeSet<String>,
}

/// Two for each server, each with files of their own.
fn people(world: &World, asker: &Asker<'_>, files: &Files) -> Vec<Person> {
    let person = |(part, number): (usize, String)| {
        let patient_id = format!("person{part}");
        let mut held = files.about(&patient_id, part, PEOPLE);
        held.push(patient(world, &patient_id, &number));
        import(world, &held);
        let answers = answers(asker, &number, &KINDS).expect("an answer");
        Person { patient: patient_id, number, held, from_here: seen(&answers) }
    };
    (0..PEOPLE).zip(spare_numbers(world)).map(person).collect()
}

fn import(world: &World, held: &[Value]) {
    // Privacy consents are recorded, not imported; that a holder has them must not matter elsewhere.
    let imported = held.iter().filter(|one| one["resourceType"] != "Consent");
    let entry: Vec<Value> = imported.map(|one| json!({"resource": one})).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("held.json");
    let bundle = json!({"resourceType": "Bundle", "type": "collection", "entry": entry});
    std::fs::write(&path, bundle.to_string()).unwrap();
    world.sluis(["import", "--holder", HOLDER, path.to_str().unwrap()]).ok();
}

impl Person {
    #[track_caller]
    fn check(&self, answers: &[(&str, Value)], server: &Outsider) {
        let seen = seen(answers);
        let own = format!("MRK-{}-", self.patient);
        let strange: Vec<_> = seen.iter().filter(|place| !place.contains(&own)).collect();
        assert!(strange.is_empty(), "of another person, or of nobody's to see: {strange:?}");
        let is_hidden = |value: &Value| value.as_str().is_some_and(|text| text.contains(HIDDEN));
        assert!(!answers.iter().any(|(_, bundle)| any(bundle, &is_hidden)), "a narrative came along");
        let is_held =
            |place: &&String| !server.refused().iter().any(|one| place.ends_with(&self.marker_of(one)));
        let from_here: BTreeSet<String> = self.from_here.iter().filter(is_held).cloned().collect();
        let differing: Vec<_> = from_here.symmetric_difference(&seen).collect();
        assert!(differing.is_empty(), "other from there than from here, {}: {differing:?}", self.patient);
        for one in &self.held {
            let kind = one["resourceType"].as_str().unwrap();
            if ["AllergyIntolerance", "MedicationRequest", "MedicationStatement"].contains(&kind) {
                let marker = marker(&self.patient, one["id"].as_str().unwrap());
                let comes = seen.contains(&format!("{kind} {marker}"))
                    && seen.contains(&format!("$summary {marker}"));
                assert!(comes, "{kind} {marker} did not come");
            }
        }
    }

    /// The marker of a resource that a server does not take.
    fn marker_of(&self, refused: &Value) -> String {
        let (_, id) = refused["which"].as_str().unwrap().split_once('/').unwrap();
        marker(&self.patient, id)
    }
}

/// The markers in each answer, with what was asked.
fn seen(answers: &[(&str, Value)]) -> BTreeSet<String> {
    let of = |(place, bundle): &(&str, Value)| -> Vec<String> {
        markers(bundle).into_iter().map(|marker| format!("{place} {marker}")).collect()
    };
    answers.iter().flat_map(of).collect()
}

/// Two at a server: one that held everything would search longer than a holder is given.
const PEOPLE: usize = 8;
/// What is searched besides the summary.
const KINDS: [&str; 3] = ["AllergyIntolerance", "MedicationRequest", "MedicationStatement"];
