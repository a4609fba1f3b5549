//! The minimise stage against the rules of REGION.md, one table per rule.

mod corpus;
mod markers;
mod naive;
mod odd;
mod world;

use super::{Bound, IncidentKind, Reader};
use proptest::prelude::*;
use world::{PATIENT, World, text_of};

const CONDITION: &str = r#"{"resourceType":"Condition","id":"c1","meta":{"profile":["x"],"security":[]},
 "text":{"status":"generated","div":"<div>GEHEIM</div>"},
 "clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},
 "code":{"coding":[{"system":"http://snomed.info/sct","code":"84114007","display":"Hartfalen"}],"text":"Hartfalen vrij"},
 "subject":{"reference":"Patient/p1","display":"Naam"},"onsetDateTime":"2018-11-01","note":[{"text":"NOTITIE"}]}"#;

const LITHIUM: &str = r#"{"resourceType":"MedicationRequest","id":"m1","status":"active","intent":"order",
 "medicationCodeableConcept":{"coding":[{"system":"http://www.whocc.no/atc","code":"N05AN01","display":"lithium"}]},
 "subject":{"reference":"Patient/p1"},"authoredOn":"2026-01-01",
 "reasonCode":[{"coding":[{"system":"http://snomed.info/sct","code":"13746004","display":"bipolair"}],"text":"bipolair"}],
 "dosageInstruction":[{"text":"2x per dag 1 tablet","doseAndRate":[{"doseQuantity":{"value":400.0,"unit":"mg"}}]}]}"#;

#[track_caller]
fn check(world: &World, function: &str, shown: &[&str], hidden: &[&str]) -> String {
    let text = text_of(&world.release(function));
    for word in shown {
        assert!(text.contains(word), "{function} must see {word} in {text}");
    }
    for word in hidden {
        assert!(!text.contains(word), "{function} must not see {word} in {text}");
    }
    text
}

#[test]
fn narrative_meta_and_the_holders_ids_reach_nobody_and_numbers_stay_verbatim() {
    let world = World::new("gp", &[PATIENT, CONDITION, LITHIUM]).clear("PSY");
    check(
        &world,
        "gp-own",
        &["Hartfalen vrij", "NOTITIE", "400.0", "\"subject\":{\"reference\":\"Patient/pseudo\"}"],
        &["GEHEIM", "\"meta\"", "\"c1\"", "Patient/p1", "\"display\":\"Naam\""],
    );
}

#[test]
fn free_text_stays_inside_gp_and_ggz() {
    let world = World::new("gp", &[PATIENT, CONDITION]);
    check(&world, "triage", &["84114007", "\"display\":\"Hartfalen\""], &["NOTITIE", "Hartfalen vrij"]);
    check(&world, "district-nursing", &["84114007"], &["NOTITIE", "Hartfalen vrij"]);
    check(&world, "wmo-individual", &[], &["84114007", "NOTITIE"]);
}

#[test]
fn a_medicine_that_betrays_passes_only_when_cleared_and_never_with_a_reason_that_is_shut() {
    let shut = World::new("ggz", &[PATIENT, LITHIUM]);
    check(&shut, "gp-own", &[], &["N05AN01"]);
    let cleared = World::new("ggz", &[PATIENT, LITHIUM]).clear("PSY").without("mental-health");
    check(&cleared, "gp-own", &["N05AN01", "2x per dag 1 tablet"], &["bipolair", "13746004"]);
}

#[test]
fn dosing_words_pass_to_care_only_as_a_known_phrase() {
    let strange = LITHIUM.replace("2x per dag 1 tablet", "als de buurman komt").replace("N05AN01", "C07AB02");
    let known = LITHIUM.replace("N05AN01", "C07AB02");
    check(&World::new("gp", &[PATIENT, &known]), "district-nursing", &["2x per dag 1 tablet"], &[]);
    check(&World::new("gp", &[PATIENT, &strange]), "district-nursing", &["dosering: zie bron"], &["buurman"]);
    check(&World::new("gp", &[PATIENT, &strange]), "gp-out-of-hours", &["als de buurman komt"], &[]);
}

#[test]
fn what_nobody_may_see_reaches_nobody() {
    for label in ["PSYTHPN", "about-others"] {
        let system = if label == "PSYTHPN" {
            "http://terminology.hl7.org/CodeSystem/v3-ActCode"
        } else {
            "https://sluis.example/fhir/CodeSystem/label"
        };
        let marked = format!(r#""security":[{{"system":"{system}","code":"{label}"}}]"#);
        let condition = CONDITION.replace(r#""security":[]"#, &marked);
        check(&World::new("gp", &[PATIENT, &condition]).clear(label), "gp-own", &[], &["84114007"]);
    }
}

#[test]
fn a_label_we_do_not_know_withholds() {
    let marked =
        r#""security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"NEWLABEL"}]"#;
    let condition = CONDITION.replace(r#""security":[]"#, marked);
    check(&World::new("gp", &[PATIENT, &condition]).without("notes"), "gp-own", &[], &["84114007"]);
}

#[test]
fn the_search_for_a_place_sees_a_case_and_facts() {
    let apixaban = LITHIUM.replace("N05AN01", "B01AF02").replace("lithium", "apixaban");
    let wlz = r#"{"resourceType":"Observation","id":"w","status":"final","code":{"coding":[
     {"system":"https://sluis.example/fhir/CodeSystem/social-record","code":"wlz-decision"}]},
     "subject":{"reference":"Patient/p1"},"valueBoolean":false}"#;
    let world = World::new("gp", &[PATIENT, CONDITION, &apixaban, wlz]);
    check(
        &world,
        "stay-search",
        &[
            "\"code\":\"anticoagulant\"",
            "\"valueBoolean\":true",
            "\"code\":\"wlz-decision\"",
            "1942",
            "9032",
            "Casus ",
        ],
        &["apixaban", "B01AF02", "84114007", "Jansen", "999990032", "1942-06", "9032 AB"],
    );
}

#[test]
fn the_number_of_the_person_goes_only_where_the_law_orders_it() {
    let world = World::new("gp", &[PATIENT]);
    check(&world, "gp-own", &["999990032", "Jansen"], &[]);
    check(&world, "wmo-individual", &["999990032"], &[]);
    check(&world, "triage", &["Jansen"], &["999990032"]);
    check(&world, "debt-help", &["Jansen"], &["999990032"]);
}

#[test]
fn whereabouts_that_are_protected_show_nowhere() {
    let patient = PATIENT.replacen(
        "{",
        r#"{"meta":{"security":[{"system":"https://sluis.example/fhir/CodeSystem/label","code":"protected-address"}]},"#,
        1,
    );
    let world = World::new("gp", &[&patient, CONDITION]);
    for function in ["gp-own", "triage", "stay-search", "wmo-individual"] {
        check(
            &world,
            function,
            &["\"resourceType\":\"Patient\""],
            &["Lindelaan", "9032", "Heuvelrijk", "06-99", "NOTITIE"],
        );
    }
    check(&world, "gp-own", &["Jansen", "84114007"], &[]);
}

#[test]
fn a_reference_to_what_does_not_leave_vanishes_without_a_hole() {
    let encounter = r#"{"resourceType":"Encounter","id":"e","status":"finished","class":{"system":
     "http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"subject":{"reference":"Patient/p1"},
     "reasonReference":[{"reference":"Condition/c1"},{"reference":"Condition/c2"}],
     "participant":[{"individual":{"reference":"Practitioner/unknown","display":"WIE"}}]}"#;
    let depression = CONDITION.replace("\"c1\"", "\"c2\"").replace("84114007", "35489007");
    let world = World::new("gp", &[PATIENT, CONDITION, &depression, encounter]).without("mental-health");
    let text = check(
        &world,
        "gp-own",
        &["\"reasonReference\":[{\"reference\":\"Condition/"],
        &["35489007", "WIE", "[]"],
    );
    assert_eq!(text.matches("\"reference\":\"Condition/").count(), 1);
}

#[test]
fn a_report_bears_the_labels_of_its_results() {
    let result = r#"{"resourceType":"Observation","id":"o","status":"final","effectiveDateTime":"2026-10-01",
     "category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],
     "code":{"coding":[{"system":"http://loinc.org","code":"718-7","display":"Hemoglobine"}]},
     "subject":{"reference":"Patient/p1"},"valueQuantity":{"value":8.1,"unit":"mmol/L"}}"#;
    let panel = result.replace("\"o\"", "\"panel\"").replace("Hemoglobine", "Paneel").replace(
        r#","valueQuantity":{"value":8.1,"unit":"mmol/L"}"#,
        r#","hasMember":[{"reference":"Observation/labelled"}]"#,
    );
    let labelled = result.replace("\"o\"", "\"labelled\"").replacen(
        "\"status\"",
        r#""meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]},"status""#,
        1,
    );
    let report = |id: &str, results: &[&str]| {
        let results: Vec<_> =
            results.iter().map(|of| format!(r#"{{"reference":"Observation/{of}"}}"#)).collect();
        format!(
            r#"{{"resourceType":"DiagnosticReport","id":"{id}","status":"final","issued":"2026-10-01T10:00:00Z",
             "code":{{"coding":[{{"system":"http://loinc.org","code":"11502-2","display":"Laboratory report"}}]}},
             "subject":{{"reference":"Patient/p1"}},"conclusion":"SLOT {id}","result":[{}]}}"#,
            results.join(",")
        )
    };
    let (free, mixed, nested) =
        (report("free", &["o"]), report("mixed", &["o", "labelled"]), report("nested", &["panel"]));
    let resources = [PATIENT, result, &panel, &labelled, &free, &mixed, &nested];
    let shut = World::new("gp", &resources);
    check(&shut, "gp-own", &["Hemoglobine", "SLOT free"], &["SLOT mixed", "SLOT nested", "Paneel"]);
    check(&shut.clear("HIV"), "gp-own", &["SLOT free", "SLOT mixed", "SLOT nested", "Paneel"], &[]);
}

#[test]
fn a_modifier_we_do_not_know_takes_the_resource_along() {
    let modified = CONDITION.replacen(
        "\"onsetDateTime\"",
        r#""modifierExtension":[{"url":"x","valueBoolean":true}],"onsetDateTime""#,
        1,
    );
    check(&World::new("gp", &[PATIENT, &modified]), "gp-own", &[], &["84114007"]);
    let implicit =
        CONDITION.replacen("\"onsetDateTime\"", r#""implicitRules":"http://x","onsetDateTime""#, 1);
    check(&World::new("gp", &[PATIENT, &implicit]), "gp-own", &[], &["84114007"]);
}

#[test]
fn somebody_else_never_passes() {
    let other = CONDITION.replace("Patient/p1", "Patient/p2");
    let patient2 =
        PATIENT.replace("\"p1\"", "\"p2\"").replace("999990032", "999990044").replace("Jansen", "Ander");
    let mut world = World::new("gp", &[PATIENT, CONDITION, &patient2, &other]);
    world.bound = Bound::AtImport;
    let released = world.release("gp-own");
    assert_eq!(released.incidents.iter().filter(|i| i.kind == IncidentKind::WrongPerson).count(), 2);
    let text = text_of(&released);
    assert!(text.contains("84114007") && !text.contains("Ander"));
    world.bound = Bound::Fetched;
    let released = world.release("gp-own");
    assert!(released.resources.is_empty(), "a fetched answer with a stranger in it falls whole");
}

/// What a Reference means does not hang on which was read before it: an empty one is judged by the rest it says.
#[test]
fn an_empty_reference_means_the_same_first_and_later() {
    let named = r#"{"reference":"Patient/p1","display":"Naam"}"#;
    let empty = CONDITION.replace(named, r#"{"reference":"","type":"Patient"}"#).replace("c1", "c2");
    let seen = |resources: &[&str]| {
        let released = World::new("gp", resources).release("gp-own");
        released.resources.iter().any(|r| r.key.as_deref() == Some("c2"))
    };
    assert_eq!(seen(&[PATIENT, &empty]), seen(&[PATIENT, CONDITION, &empty]));
}

#[test]
fn an_unreadable_resource_takes_its_holder_along() {
    let world = World::new("gp", &[PATIENT, CONDITION, "{\"resourceType\":\"Condition\",\"id\":1,\"id\":2}"]);
    let released = world.release("gp-own");
    assert!(released.resources.is_empty());
    assert_eq!(released.incidents[0].kind, IncidentKind::Unreadable);
}

#[test]
fn a_ggz_circle_shows_the_organisation_and_nothing_of_the_domain() {
    let team = r#"{"resourceType":"CareTeam","id":"t","status":"active","name":"FACT-TEAM","subject":{"reference":"Patient/p1"},
     "participant":[{"role":[{"coding":[{"system":"http://fhir.nl/fhir/NamingSystem/uzi-rolcode","code":"01.035","display":"psychiater"}]}],
     "member":{"reference":"PractitionerRole/r"}}],"managingOrganization":[{"reference":"Organization/o"}]}"#;
    let role = r#"{"resourceType":"PractitionerRole","id":"r","organization":{"reference":"Organization/o"},
     "code":[{"coding":[{"system":"http://fhir.nl/fhir/NamingSystem/uzi-rolcode","code":"01.035","display":"psychiater"}]}]}"#;
    let organisation = r#"{"resourceType":"Organization","id":"o","name":"GGZ De Oever","telecom":[{"system":"phone","value":"088-1"}],
     "type":[{"text":"kliniek"}]}"#;
    let world = World::new("ggz", &[PATIENT, team, role, organisation]).without("mental-health");
    check(
        &world,
        "gp-own",
        &["GGZ De Oever", "088-1"],
        &["psychiater", "FACT-TEAM", "kliniek", "01.035", "PractitionerRole"],
    );
}

#[test]
fn what_is_for_the_young_person_only_holds_for_representatives() {
    let marked =
        r#""security":[{"system":"https://sluis.example/fhir/CodeSystem/label","code":"young-person-only"}]"#;
    let condition = CONDITION.replace(r#""security":[]"#, marked);
    let mut world = World::new("gp", &[PATIENT, &condition]).clear("young-person-only");
    world.reader = Reader::Representative;
    assert!(!text_of(&world.release("gp-own")).contains("84114007"));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let world = World::new("gp", &[PATIENT, CONDITION, LITHIUM]);
    assert_eq!(text_of(&world.release("triage")), text_of(&world.release("triage")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn spoilt_bytes_never_panic_and_never_leave_as_they_are(at in 0_usize..700, byte in any::<u8>()) {
        let mut bytes = CONDITION.as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
        let out = text_of(&World::new("gp", &[PATIENT, &text]).release("triage"));
        prop_assert!(!out.contains("GEHEIM") && !out.contains("NOTITIE") && !out.contains("Hartfalen vrij"));
    }
}

#[test]
fn a_type_that_the_token_does_not_name_stays_although_it_is_judged() {
    let world = World::new("gp", &[PATIENT, CONDITION]).only("Patient");
    check(&world, "gp-own", &["Johanna"], &["84114007"]);
}

/// One hole of `plantings.sh` a row: what must be seen, and what must not.
#[test]
fn each_hole_that_can_be_planted_shows_something() {
    let condition = |code: &str, more: &str| {
        format!(
            r#"{{"resourceType":"Condition","id":"c2","subject":{{"reference":"Patient/p1"}},"clinicalStatus":{{"coding":
             [{{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}}]}},"code":{code}{more}}}"#
        )
    };
    let coded = |codings: &str| format!(r#"{{"coding":[{codings}]}}"#);
    let icpc = |code: &str, display: &str| {
        format!(r#"{{"system":"http://hl7.org/fhir/sid/icpc-1-nl","code":"{code}","display":"{display}"}}"#)
    };
    let person = |id: &str, name: &str| {
        format!(
            r#"{{"resourceType":"Practitioner","id":"{id}","identifier":[{{"system":"urn:intern","value":"INTERN"}}],"name":[{{"family":"{name}"}}]}}"#
        )
    };
    let recorder = r#","recorder":{"reference":"Practitioner/melder"}"#;
    let melder = person("melder", "MELDER");
    // Who reported a worry about safety; who recorded anything else may be asked.
    let world = |resources: &[&str]| World::new("gp", &[&[PATIENT], resources].concat());
    let safety = condition(&coded(&icpc("Z25", "Geweld")), recorder);
    check(&world(&[&safety, &melder]), "gp-own", &["Z25"], &["MELDER"]);
    let heart = condition(&coded(&icpc("K77", "Hartfalen")), recorder);
    check(&world(&[&heart, &melder]), "gp-own", &["K77", "MELDER"], &["INTERN"]);
    // A code of a system that nobody here knows; a display that tells more than its code.
    let local =
        condition(&coded(&format!(r#"{},{{"system":"urn:intern","code":"LOKAAL"}}"#, icpc("K77", "x"))), "");
    check(&world(&[&local]), "gp-own", &["K77", "LOKAAL"], &[]);
    check(&world(&[&local]), "triage", &["K77"], &["LOKAAL"]);
    let telling = condition(&coded(&icpc("K77", "Hartfalen en een depressie")), "");
    check(&world(&[&telling]).without("mental-health"), "district-nursing", &["K77"], &["depressie"]);
    // A member of a team by the role.
    let team = r#"{"resourceType":"CareTeam","id":"t","status":"active","subject":{"reference":"Patient/p1"},"participant":[
     {"role":[{"coding":[{"system":"http://snomed.info/sct","code":"5555555","display":"Psychiatric nurse"}]}],"member":{"reference":"Practitioner/n"}},
     {"role":[{"coding":[{"system":"http://snomed.info/sct","code":"5555556","display":"Huisarts"}]}],"member":{"reference":"Practitioner/h"}}]}"#;
    let (nurse, doctor) = (person("n", "ZUSTER"), person("h", "DOKTER"));
    let circle = world(&[team, &nurse, &doctor]).without("mental-health");
    check(&circle, "gp-own", &["DOKTER"], &["ZUSTER"]);
    // Somebody else; what nothing leads to; a privacy consent.
    let other = condition(&coded(&icpc("K77", "VREEMD")), "").replace("Patient/p1", "Patient/p2");
    let stranger = PATIENT.replace("p1", "p2").replace("999990032", "999990044");
    check(&world(&[&stranger, &other]), "gp-own", &[], &["VREEMD", "999990044"]);
    check(&world(&[&person("los", "LOS")]), "gp-own", &[], &["LOS"]);
    let absent = condition(&coded(&icpc("K77", "ELDERS")), "").replace("Patient/p1", "Patient/elders");
    let mut fetched = world(&[&absent]);
    fetched.bound = Bound::Fetched;
    check(&fetched, "gp-own", &[], &["ELDERS"]);
    let consent = r#"{"resourceType":"Consent","id":"k","status":"active","patient":{"reference":"Patient/p1"},
     "scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},
     "category":[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}],"provision":{"type":"permit"}}"#;
    check(&world(&[consent]), "gp-own", &[], &["59284-0", "patient-privacy"]);
    // Results of long ago, where four months are asked for.
    let result = |id: &str, when: &str| {
        format!(
            r#"{{"resourceType":"Observation","id":"{id}","status":"final","subject":{{"reference":"Patient/p1"}},"effectiveDateTime":"{when}",
             "code":{{"coding":[{{"system":"http://loinc.org","code":"62238-1","display":"eGFR van {when}"}}]}},"valueQuantity":{{"value":38}}}}"#
        )
    };
    let results = [result("o1", "2026-10-21"), result("o2", "2020-10-21")];
    check(&world(&[&results[0], &results[1]]), "triage", &["van 2026-10-21"], &["van 2020-10-21"]);
    // A labelled directory entry.
    let visit = r#"{"resourceType":"Encounter","id":"e","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},
     "subject":{"reference":"Patient/p1"},"serviceProvider":{"reference":"Organization/o"}}"#;
    let house = |label: &str| {
        format!(
            r#"{{"resourceType":"Organization","id":"o","name":"KLINIEK","meta":{{"security":[{{"system":
             "http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"{label}"}}]}}}}"#
        )
    };
    let (open, labelled) = (house("x").replace(r#""security""#, r#""nothing""#), house("HIV"));
    check(&world(&[visit, &open]), "gp-own", &["KLINIEK"], &[]);
    check(&world(&[visit, &labelled]), "gp-own", &[], &["KLINIEK"]);
}
