//! Codes to classes and labels, one line per rule.

use super::Origin;
use crate::json::parse;
use crate::tables::Tables;
use consent::Rules;
use std::sync::LazyLock;

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::national().unwrap());
static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables::national(RULES.vocabulary()).unwrap());

#[track_caller]
fn check(resource: &str, category: &str, wanted: &str) {
    let doc = parse(resource.as_bytes()).unwrap();
    let found = TABLES.classify(doc.root(), &Origin { categories: &[category] });
    let words = RULES.vocabulary();
    let mut said: Vec<String> = found.classes.iter().map(|c| words.class_code(c).to_owned()).collect();
    said.extend(found.labels.iter().map(|l| words.label_code(l).to_owned()));
    said.extend(found.never.then(|| "never".to_owned()));
    said.extend(found.unclassified.then(|| "unclassified".to_owned()));
    assert_eq!(said.join(" "), wanted);
}

#[track_caller]
fn coded(resource_type: &str, system: &str, code: &str, category: &str, wanted: &str) {
    let name = if resource_type.starts_with("Medication") { "medicationCodeableConcept" } else { "code" };
    let text = format!(
        r#"{{"resourceType":"{resource_type}","{name}":{{"coding":[{{"system":"{system}","code":"{code}"}}]}}}}"#
    );
    check(&text, category, wanted);
}

const SCT: &str = "http://snomed.info/sct";
const LOINC: &str = "http://loinc.org";
const ATC: &str = "http://www.whocc.no/atc";
const ICPC: &str = "http://hl7.org/fhir/sid/icpc-1-nl";

#[test]
fn codes_tell_classes() {
    coded("Condition", ICPC, "P76.01", "gp", "mental-health");
    coded("Condition", ICPC, "P15", "gp", "substance-use");
    coded("Condition", ICPC, "P12", "gp", "problems");
    coded("Condition", ICPC, "T90.02", "gp", "problems");
    coded("Condition", ICPC, "Z01", "gp", "money");
    coded("Condition", ICPC, "Z25", "gp", "safety VIO");
    coded("Condition", ICPC, "B90", "gp", "problems HIV");
    coded("Condition", SCT, "58214004", "gp", "mental-health");
    // A code that stands nowhere and has no words may be anything.
    coded("Condition", SCT, "999999999", "gp", "notes unclassified");
    coded("Condition", SCT, "999999999", "ggz", "mental-health notes unclassified");
    coded("Observation", SCT, "180171000146104", "ggz", "mental-health");
    coded("Observation", LOINC, "44261-6", "gp", "mental-health");
    coded("Observation", SCT, "228273003", "gp", "substance-use");
    coded("Flag", SCT, "397940009", "gp", "safety VIO");
}

#[test]
fn a_code_in_small_letters_or_with_spaces_is_the_same_code() {
    for (code, wanted) in [("p76", "mental-health"), ("P 76.01", "mental-health"), ("b90", "problems HIV")] {
        coded("Condition", ICPC, code, "gp", wanted);
    }
    coded("Condition", "http://hl7.org/fhir/sid/icd-10", "f32.1", "gp", "mental-health");
    for code in ["O98.7", "O987", "o98.70"] {
        coded("Condition", "http://hl7.org/fhir/sid/icd-10", code, "gp", "problems HIV");
    }
    coded("MedicationRequest", ATC, "n06ab03", "gp", "medication PSY");
    coded("MedicationRequest", ATC, "N06 AB 03", "gp", "medication PSY");
    // What is no code of the tree leaves it to the words.
    let words = r#"{"resourceType":"Condition","code":{"coding":[{"system":"http://hl7.org/fhir/sid/icpc-1-nl","code":"geen"}],"text":"depressie"}}"#;
    check(words, "gp", "mental-health");
    coded("Condition", ICPC, "é", "gp", "problems");
}

#[test]
fn medicines_that_betray_are_labelled_neither_more_nor_less() {
    for code in ["N05AH02", "N05AN01", "N06AB03", "N06BA04", "N06CA01"] {
        coded("MedicationRequest", ATC, code, "gp", "medication PSY");
    }
    coded("MedicationRequest", ATC, "J05AR20", "gp", "medication HIV");
    for code in ["N05BA04", "N05CD07", "N06DA02", "N07BA03", "N07CA01", "A10BA02", "J05AB01"] {
        coded("MedicationRequest", ATC, code, "gp", "medication");
    }
    coded("Observation", LOINC, "14334-7", "ggz", "results PSY");
    coded("AllergyIntolerance", ATC, "N05AD01", "ggz", "allergies PSY");
}

#[test]
fn what_tells_nothing_is_most_sensitive() {
    check(r#"{"resourceType":"Observation","code":{"text":"iets"}}"#, "gp", "notes unclassified");
    check(r#"{"resourceType":"Condition","code":{"text":"iets"}}"#, "gp", "notes unclassified");
    check(r#"{"resourceType":"Condition","code":{"text":"depressieve klachten"}}"#, "gp", "mental-health");
    check(
        r#"{"resourceType":"Consent","category":[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}]}"#,
        "gp",
        "never",
    );
    check(r#"{"resourceType":"FamilyMemberHistory"}"#, "gp", "never");
}

#[test]
fn a_member_of_the_ggz_counts_for_its_domain() {
    check(r#"{"resourceType":"CareTeam"}"#, "ggz", "circle mental-health");
    check(r#"{"resourceType":"CareTeam"}"#, "gp", "circle");
    check(r#"{"resourceType":"Patient"}"#, "ggz", "identity");
}

#[test]
fn the_profile_is_never_believed() {
    let said = r#"{"meta":{"profile":["http://nictiz.nl/fhir/StructureDefinition/nl-core-BodyWeight"]},
     "code":{"coding":[{"system":"http://snomed.info/sct","code":"6471006"}]},"resourceType":"Observation"}"#;
    check(said, "gp", "mental-health");
}

#[test]
fn a_medicine_inside_tells_what_it_is() {
    let inside = r##"{"resourceType":"MedicationRequest","contained":[{"resourceType":"Medication","id":"m","code":
     {"coding":[{"system":"http://www.whocc.no/atc","code":"N05AH02"}]}}],"medicationReference":{"reference":"#m"}}"##;
    check(inside, "gp", "medication PSY");
}
