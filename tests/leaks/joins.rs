//! Joins and scope escape.

use crate::{linden, outside_the_grammar};
use sluis_tests::json::{markers, resources};
use sluis_tests::seen::link;
use sluis_tests::{Request, World};

#[test]
fn l13_no_include_but_medication() {
    let (asker, id) = linden(World::shared(), "kaya");
    outside_the_grammar(
        &asker,
        &[
            format!("Observation?patient={id}&_include=Observation:focus"),
            format!("Condition?patient={id}&_include=Condition:patient"),
            format!("Condition?patient={id}&_include=*"),
            format!("MedicationRequest?patient={id}&_include=MedicationRequest:*"),
            format!("MedicationRequest?patient={id}&_include:iterate=MedicationRequest:medication"),
            format!("MedicationRequest?patient={id}&_include=MedicationDispense:medication"),
            format!("Patient?_id={id}&_include=Patient:link"),
        ],
    );
    let included = asker
        .get(&format!("MedicationRequest?patient={id}&_include=MedicationRequest:medication"))
        .ok()
        .json();
    for resource in resources(&included) {
        assert!(["MedicationRequest", "Medication"].contains(&resource["resourceType"].as_str().unwrap()));
    }
}

#[test]
fn l14_no_revinclude() {
    let (asker, id) = linden(World::shared(), "kaya");
    outside_the_grammar(
        &asker,
        &[
            format!("Patient?_id={id}&_revinclude=Condition:patient"),
            format!("Condition?patient={id}&_revinclude=Observation:focus"),
            format!("Condition?patient={id}&_revinclude=Provenance:target"),
            format!("MedicationRequest?patient={id}&_revinclude=*"),
            format!("Patient/{id}?_revinclude=Condition:patient"),
        ],
    );
}

#[test]
fn l16_no_include_on_an_operation() {
    let (asker, id) = linden(World::shared(), "kaya");
    outside_the_grammar(
        &asker,
        &[
            format!("Observation/$lastn?patient={id}&category=laboratory&_revinclude=Provenance:target"),
            format!("Observation/$lastn?patient={id}&category=laboratory&_include=Observation:subject"),
            format!("Patient/{id}/$summary?_include=Patient:link"),
            format!("Patient/{id}/$summary?profile=x"),
        ],
    );
}

#[test]
fn l17_a_page_is_decided_anew_and_belongs_to_one_organisation() {
    let world = World::shared();
    let (asker, id) = linden(world, "kaya");
    let page = asker.get(&format!("Observation?patient={id}&_count=1")).ok().json();
    let next = link(&page, "next").expect("a second page");
    let target = next.split_once("/fhir/").map(|(_, t)| format!("/fhir/{t}")).unwrap();
    asker.send(Request::get(&target)).ok();
    let steen = world.staff("steen", "district-nursing");
    let foreign = steen.send(Request::get(&target));
    foreign.is(403, "not-permitted");
    assert!(!foreign.text().contains("Kaya"));
}

#[test]
fn l18_everything_is_refused() {
    let (asker, id) = linden(World::shared(), "kaya");
    outside_the_grammar(
        &asker,
        &[
            format!("Patient/{id}/$everything"),
            "Patient/$everything".into(),
            format!("Patient/{id}/%24everything"),
            format!("Encounter/{id}/$everything"),
        ],
    );
    asker
        .send(Request::fhir("POST", &format!("/fhir/Patient/{id}/$everything"), "{}"))
        .is(400, "query-not-supported");
}

#[test]
fn l19_compartments_are_refused() {
    let (asker, id) = linden(World::shared(), "kaya");
    outside_the_grammar(
        &asker,
        &[
            format!("Patient/{id}/Condition"),
            format!("Patient/{id}/*"),
            format!("Patient/{id}/Observation?code=1"),
            format!("Patient/{id}/Condition/_search"),
            format!("Encounter/{id}/Observation"),
        ],
    );
}

#[test]
fn l21_two_patients_in_one_question_are_refused() {
    let (asker, id) = linden(World::shared(), "kaya");
    let other = asker.id("jansen");
    outside_the_grammar(
        &asker,
        &[
            format!("Condition?patient={id}&subject=Patient/{other}"),
            format!("Condition?patient={id}&patient={other}"),
            format!("Condition?patient={id}&patient={id}"),
            format!("Condition?patient={id}&asserter={other}"),
            format!("Condition?subject={id}"),
            format!("Appointment?patient={id}&actor=Patient/{other}"),
            format!("Appointment?patient={id}&practitioner=x"),
        ],
    );
}

#[test]
fn l22_lists_of_patients_are_refused() {
    let (asker, id) = linden(World::shared(), "kaya");
    let other = asker.id("jansen");
    let refused = [
        format!("Condition?patient={id},{other}"),
        format!("Condition?patient={id}%2C{other}"),
        format!("Condition?patient=Patient/{id},Group/g"),
        format!("Condition?subject=Patient/{id},Patient/{other}"),
        format!("Condition?patient=Group/{id}"),
        "Condition".into(),
        "Condition?patient=".into(),
        "Condition?patient=*".into(),
    ];
    outside_the_grammar(&asker, &refused);
    let one = asker.get(&format!("Condition?patient=Patient/{id}")).ok().json();
    assert!(markers(&one).iter().all(|m| m.starts_with("MRK-kaya-")));
}
