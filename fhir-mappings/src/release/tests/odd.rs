//! What a holder writes against the form of R4, or against itself.

use super::world::{PATIENT, World, text_of};
use super::{CONDITION, check};
use crate::release::Bound;

/// Whether all of it falls when it was fetched, and nothing of this word leaves when it was imported.
#[track_caller]
fn is_somebody_else(resources: &[&str], word: &str) {
    let mut world = World::new("gp", resources);
    let imported = world.release("gp-own");
    assert!(!text_of(&imported).contains(word), "imported");
    assert_eq!(imported.incidents.len(), 1, "imported");
    world.bound = Bound::Fetched;
    let fetched = world.release("gp-own");
    assert!(fetched.resources.is_empty(), "a fetched answer with a stranger in it falls whole");
}

#[test]
fn a_reference_by_another_number_is_somebody_else() {
    let other = CONDITION.replace(
        r#"{"reference":"Patient/p1","display":"Naam"}"#,
        r#"{"identifier":{"system":"urn:oid:2.16.840.1.113883.2.4.6.3","value":"999990160"}}"#,
    );
    let released = World::new("gp", &[PATIENT, &other]).release("gp-own");
    assert_eq!(released.incidents.len(), 1);
    assert!(!text_of(&released).contains("84114007"));
}

#[test]
fn a_reference_that_contradicts_itself_is_somebody_else() {
    let other = CONDITION.replace(
        r#"{"reference":"Patient/p1","display":"Naam"}"#,
        r#"{"reference":"Patient/p1","identifier":{"system":"urn:oid:2.16.840.1.113883.2.4.6.3","value":"999990160"}}"#,
    );
    is_somebody_else(&[PATIENT, &other], "84114007");
    // The same number beside is no contradiction, nor is one of the holder's own making.
    for number in [
        r#""system":"urn:oid:2.16.840.1.113883.2.4.6.3","value":"999990032""#,
        r#""system":"urn:x:local","value":"17""#,
    ] {
        let same = CONDITION.replace(r#""display":"Naam""#, &format!(r#""identifier":{{{number}}}"#));
        let mut world = World::new("gp", &[PATIENT, &same]);
        world.bound = Bound::Fetched;
        check(&world, "gp-own", &["84114007"], &[]);
    }
}

#[test]
fn a_patient_with_another_bsn_beside_is_somebody_else() {
    let number = r#""identifier":[{"#;
    assert!(PATIENT.contains(number));
    let two = PATIENT.replace(
        number,
        r#""identifier":[{"use":"official","system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"999990160"},{"#,
    );
    let mut world = World::new("gp", &[&two, CONDITION]);
    world.bound = Bound::Fetched;
    let released = world.release("gp-own");
    assert!(released.resources.is_empty() && !released.incidents.is_empty());
}

#[test]
fn a_device_of_somebody_else_is_no_device_of_this_person() {
    let used = r#"{"resourceType":"DeviceUseStatement","id":"u1","status":"active","subject":{"reference":"Patient/p1"},
     "device":{"reference":"Device/d1"}}"#;
    let device = |patient: &str| {
        format!(
            r#"{{"resourceType":"Device","id":"d1",{patient}
             "type":{{"coding":[{{"system":"http://snomed.info/sct","code":"266731002","display":"ROLLATOR"}}]}}}}"#
        )
    };
    let mut own = World::new("gp", &[PATIENT, used, &device(r#""patient":{"reference":"Patient/p1"},"#)]);
    check(&own, "gp-own", &["266731002"], &[]);
    own.bound = Bound::Fetched;
    check(&own, "gp-own", &["266731002"], &[]);
    let mut nobodys = World::new("gp", &[PATIENT, used, &device("")]);
    nobodys.bound = Bound::Fetched;
    check(&nobodys, "gp-own", &["266731002"], &[]);
    for number in ["999990160", "999990093"] {
        let bsn = r#""system":"http://fhir.nl/fhir/NamingSystem/bsn""#;
        let theirs = device(&format!(r#""patient":{{"identifier":{{{bsn},"value":"{number}"}}}},"#));
        is_somebody_else(&[PATIENT, used, &theirs], "266731002");
    }
}

/// A medicine is the same medicine written out in its order, inside it or beside it.
#[test]
fn a_labelled_medicine_beside_its_order_passes_where_it_would_within() {
    let code =
        r#"{"coding":[{"system":"http://www.whocc.no/atc","code":"N06BA04","display":"Methylfenidaat"}]}"#;
    let order = |medicine: &str| {
        format!(
            r#"{{"resourceType":"MedicationRequest","id":"m1","status":"active","intent":"order",
             "subject":{{"reference":"Patient/p1"}},{medicine}}}"#
        )
    };
    let within = order(&format!(r#""medicationCodeableConcept":{code}"#));
    let beside = order(r#""medicationReference":{"reference":"Medication/d1"}"#);
    let medicine = format!(r#"{{"resourceType":"Medication","id":"d1","code":{code}}}"#);
    for resources in [&[PATIENT, &within][..], &[PATIENT, &beside, &medicine][..]] {
        check(&World::new("gp", resources).clear("PSY"), "gp-own", &["N06BA04", "Methylfenidaat"], &[]);
        check(&World::new("gp", resources), "gp-own", &[], &["N06BA04", "Methylfenidaat"]);
    }
}

/// R4 wants a part or somebody of everyone who takes part (app-1).
#[test]
fn who_takes_part_without_part_or_name_falls_from_the_appointment() {
    let visit = r#"{"resourceType":"Appointment","id":"v1","status":"booked","start":"2026-12-01T10:00:00Z","participant":[
     {"actor":{"reference":"Patient/p1"},"status":"accepted"},{"actor":{"reference":"Device/none"},"status":"tentative"}]}"#;
    check(&World::new("gp", &[PATIENT, visit]), "gp-own", &["booked", "Patient/pseudo"], &["tentative"]);
}

/// A display survives exactly when its code does (DESIGN.md 9), and a value of another kind than R4 has is none.
#[test]
fn a_value_of_another_kind_is_no_value() {
    let medicine = |code: &str, status: &str| {
        format!(
            r#"{{"resourceType":"MedicationRequest","id":"m1","status":{status},"intent":"order","subject":{{"reference":"Patient/p1"}},
             "medicationCodeableConcept":{{"coding":[{{"system":"http://www.whocc.no/atc","code":{code},"display":"WOORD"}}]}}}}"#
        )
    };
    let released = |code: &str, status: &str| World::new("gp", &[PATIENT, &medicine(code, status)]);
    check(&released(r#""C07AB02""#, r#""active""#), "triage", &["C07AB02", "WOORD"], &[]);
    for code in [r#"["C07AB02"]"#, "12345", "true", r#"{"code":"C07AB02"}"#, "null", r#"[["C07AB02"]]"#] {
        check(&released(code, r#""active""#), "triage", &[], &["WOORD", "C07AB02"]);
    }
    for status in ["7", "true", r#"["active"]"#] {
        check(&released(r#""C07AB02""#, status), "triage", &[], &["MedicationRequest"]);
    }
    let result = |value: &str, unit: &str| {
        format!(
            r#"{{"resourceType":"Observation","id":"o1","status":"final","subject":{{"reference":"Patient/p1"}},
             "effectiveDateTime":"2026-11-01","code":{{"coding":[{{"system":"http://loinc.org","code":"718-7"}}]}},
             "valueQuantity":{{"value":{value},"unit":{unit}}}}}"#
        )
    };
    let released = |value: &str, unit: &str| World::new("gp", &[PATIENT, &result(value, unit)]);
    check(&released("7.40", r#""mmol/L""#), "gp-own", &["7.40", "mmol/L"], &[]);
    check(&released(r#""7.41""#, "12"), "gp-own", &[], &["7.41", "12}"]);
}
