//! Response contents: what a released resource drags along.

use crate::planted::{PERSON, world};
use crate::{linden, outside_the_grammar, twins};
use serde_json::Value;
use sluis_tests::json::{any, has_code, has_words, of_type, resources, visit};
use sluis_tests::{Asker, World};

/// Triage about the planted person: everything, as one value.
fn seen() -> Value {
    valk().everything(PERSON).expect("triage may ask")
}

fn valk() -> Asker<'static> {
    world().staff("valk", "triage")
}

#[track_caller]
fn absent(seen: &Value, words: &[&str]) {
    for word in words {
        assert!(!has_words(seen, word), "{word} travels");
    }
    // Also not inside an id, a link or a number of ours.
    let text = seen.to_string();
    assert!(!text.contains("intern.example"), "an address of the holder travels");
}

#[test]
fn l34_references_to_hidden_things_vanish() {
    let seen = seen();
    absent(&seen, &["LEAK-detail", "LEAK-linked"]);
    visit(&seen, &mut |v| {
        if let Some(reference) = v.get("reference").and_then(Value::as_str) {
            for id in ["Observation/LEAK-detail", "Patient/LEAK-linked", "Encounter/e", "#k", "Patient/p"] {
                assert_ne!(reference, id);
            }
        }
    });
    // Whatever a reference names can be read by the same asker, or is in the same answer.
    let asker = valk();
    let found = asker.search(PERSON, "Condition", "").ok().json();
    for condition in resources(&found) {
        assert!(condition.get("encounter").is_none_or(|e| {
            let target = e["reference"].as_str().unwrap_or_default();
            asker.get(target).status == 200
        }));
    }
}

#[test]
fn l35_display_of_references_is_dropped() {
    absent(
        &seen(),
        &[
            "LEAK-subject-display",
            "LEAK-recorder-display",
            "LEAK-encounter-display",
            "LEAK-GGZ-performer",
            "LEAK-medication-display",
            "LEAK-psychiater",
            "LEAK-managing",
        ],
    );
}

#[test]
fn l37_narrative_of_the_holder_never_travels() {
    absent(&seen(), &["LEAK-patient-div", "LEAK-condition-div", "LEAK-allergy-div", "LEAK-contained-div"]);
}

#[test]
fn l38_the_words_of_a_summary_are_made_after_the_filter() {
    let document = valk().summary(PERSON).ok().json();
    assert!(has_code(&document, "764146007"));
    absent(&document, &["LEAK-"]);
    assert!(!has_code(&document, "35489007"));
}

#[test]
fn l39_withheld_and_absent_sections_look_the_same() {
    let world = world();
    // Vos may not see problems of Jansen, who has many; Jansen's namesake has none of the social team's.
    let withheld = world.staff("vos", "stay-search").summary("jansen").ok().json();
    let problems = section(&withheld, "11450-4");
    let absent = world.staff("dam", "wmo-individual").purpose("CAREMGT").summary("elidrissi").ok().json();
    let none = section(&absent, "11450-4");
    assert_eq!(problems["emptyReason"], none["emptyReason"]);
    assert_eq!(problems["text"], none["text"]);
    assert!(has_code(&problems["emptyReason"], "unavailable"));
    assert!(!has_words(&withheld, "withheld") && !has_words(&withheld, "afgeschermd"));
}

fn section(document: &Value, code: &str) -> Value {
    let composition = of_type(document, "Composition")[0];
    let sections = composition["section"].as_array().unwrap();
    sections
        .iter()
        .find(|s| has_code(&s["code"], code))
        .unwrap_or_else(|| panic!("no section {code}"))
        .clone()
}

#[test]
fn l40_contained_resources_do_not_travel() {
    let seen = seen();
    absent(&seen, &["LEAK-contained"]);
    visit(&seen, &mut |v| {
        assert!(v.get("contained").is_none());
        assert!(!v.get("reference").and_then(Value::as_str).is_some_and(|r| r.starts_with('#')));
    });
}

#[test]
fn l41_contained_is_no_parameter() {
    let (asker, id) = linden(World::shared(), "kaya");
    outside_the_grammar(
        &asker,
        &[
            format!("Condition?patient={id}&_contained=both"),
            format!("Condition?patient={id}&_containedType=container"),
            "Medication?_contained=true".into(),
        ],
    );
}

#[test]
fn l45_words_beside_a_masked_code_go_with_it() {
    let seen = seen();
    absent(&seen, &["LEAK-code-text", "LEAK-local-code", "LEAK-depression", "LEAK-allergy-text"]);
    assert!(has_code(&seen, "38341003"), "what is permitted is there");
}

#[test]
fn l46_free_text_is_dropped_for_coordination() {
    absent(
        &seen(),
        &[
            "LEAK-note",
            "LEAK-reason",
            "LEAK-prescriber-note",
            "LEAK-dosage",
            "LEAK-instruction",
            "LEAK-lab-note",
            "LEAK-conclusion",
            "LEAK-allergy-note",
            "LEAK-note-author",
        ],
    );
}

#[test]
fn l48_labels_tags_and_sources_of_the_holder_are_stripped() {
    let seen = seen();
    absent(&seen, &["LEAK-label", "LEAK-tag", "LEAK-source", "LEAK-version", "LEAK-extension"]);
    assert!(!any(&seen, &|v| v.get("security").is_some_and(Value::is_array)
        || v.get("tag").is_some_and(Value::is_array)));
}

#[test]
fn l50_all_labels_must_be_cleared() {
    let seen = seen();
    absent(&seen, &["LEAK-labelled", "LEAK-fluoxetine"]);
    assert!(!has_code(&seen, "40930008") && !has_code(&seen, "N06AB03"));
}

#[test]
fn l51_what_is_sensitive_without_a_label_is_withheld() {
    let seen = seen();
    absent(&seen, &["LEAK-unclassified", "LEAK-schizophrenia", "LEAK-lithium"]);
    assert!(!has_code(&seen, "58214004") && !has_code(&seen, "14334-7"));
}

#[test]
fn l52_provenance_does_not_travel() {
    let asker = valk();
    let id = asker.id(PERSON);
    outside_the_grammar(
        &asker,
        &[
            format!("Provenance?patient={id}"),
            format!("Provenance?target=Condition/{id}"),
            format!("Condition?patient={id}&_revinclude=Provenance:target"),
        ],
    );
    assert!(matches!(asker.get(&format!("Provenance/{id}")).status, 400 | 403));
    absent(&seen(), &["LEAK-agent", "LEAK-why"]);
}

#[test]
fn l54_a_clinician_reads_no_audit() {
    let asker = valk();
    let id = asker.id(PERSON);
    let never: String = id.chars().rev().collect();
    let own = asker.get(&format!("AuditEvent?patient={id}"));
    own.is(403, "not-permitted");
    twins(&own, &asker.get(&format!("AuditEvent?patient={never}")));
    outside_the_grammar(
        &asker,
        &[
            "AuditEvent".into(),
            format!("AuditEvent?entity=Patient/{id}"),
            format!("AuditEvent?patient={id}&agent=x"),
        ],
    );
}

#[test]
fn l55_metadata_of_work_items_tells_no_kind_of_care() {
    absent(
        &seen(),
        &[
            "LEAK-team-name",
            "LEAK-role",
            "LEAK-appointment",
            "LEAK-comment",
            "LEAK-service",
            "LEAK-task",
            "LEAK-visit",
            "LEAK-document",
            "LEAK-letter",
            "LEAK-title",
        ],
    );
    let asker = valk();
    let id = asker.id(PERSON);
    outside_the_grammar(
        &asker,
        &[
            format!("List?patient={id}"),
            format!("Group?member={id}"),
            format!("Communication?patient={id}"),
            format!("Composition?patient={id}"),
        ],
    );
}

#[test]
fn l56_a_binary_follows_its_document() {
    absent(&seen(), &["LEAK-binary", "LEAK-form", "LEAK-photo"]);
    let asker = valk();
    let never = asker.get("Binary/aaaaaaaaaaaa");
    twins(&never, &asker.get("Binary/LEAK-binary"));
    assert_eq!(never.status, 403);
}
