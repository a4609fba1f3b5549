//! Several holders about one person: what they say alike in one row with each of them, what they say otherwise side by side.

use super::*;

#[test]
fn the_same_fact_of_two_holders_is_one_row_with_both_sources_and_two_entries() {
    let other = String::from_utf8(LEVODOPA.to_vec()).unwrap().replace("m1", "m2");
    let items = [
        item("MedicationStatement", "m1", "Linde", LEVODOPA),
        item("MedicationStatement", "m2", "Thuis", other.as_bytes()),
    ];
    let medication = section(&composed(&items, &frame()), "10160-0").unwrap();
    assert_eq!(div(&medication).matches("<tr>").count(), 2, "a heading and one row");
    assert!(div(&medication).contains("Linde, 2026-09-01; Thuis, 2026-09-01"));
    let entries = medication["entry"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    let fact = |n: usize| entries[n]["extension"][0]["extension"][0]["valuePositiveInt"].clone();
    assert_eq!(fact(0), fact(1));
}

#[test]
fn one_holder_that_states_a_fact_twice_keeps_two_rows() {
    let again = String::from_utf8(LEVODOPA.to_vec()).unwrap().replace("m1", "m2");
    let items = [
        item("MedicationStatement", "m1", "Linde", LEVODOPA),
        item("MedicationStatement", "m2", "Linde", again.as_bytes()),
    ];
    let medication = section(&composed(&items, &frame()), "10160-0").unwrap();
    assert_eq!(div(&medication).matches("<tr>").count(), 3);
    assert!(!div(&medication).contains("bronnen verschillen"));
}

#[test]
fn one_holder_that_says_two_things_is_no_dispute_between_sources() {
    let other = String::from_utf8(LEVODOPA.to_vec()).unwrap().replace("m1", "m2").replace("3 keer", "4 keer");
    let items = [
        item("MedicationStatement", "m1", "Linde", LEVODOPA),
        item("MedicationStatement", "m2", "Linde", other.as_bytes()),
    ];
    let medication = section(&composed(&items, &frame()), "10160-0").unwrap();
    assert!(!div(&medication).contains("bronnen verschillen"));
}

/// Forty thousand facts about one thing: a walk over pairs would take minutes.
#[test]
fn many_facts_about_one_thing_stay_cheap() {
    let bodies: Vec<(String, String)> = (0..40_000)
        .map(|n| (format!("c{n}"), format!(r#"{{"resourceType":"Condition","id":"c{n}","code":{{"coding":[{{"code":"x"}}]}},"onsetDateTime":"{n:05}"}}"#)))
        .collect();
    let items: Vec<Item<'_>> = bodies
        .iter()
        .enumerate()
        .map(|(n, (id, body))| item("Condition", id, if n % 2 == 0 { "a" } else { "b" }, body.as_bytes()))
        .collect();
    let started = std::time::Instant::now();
    assert!(compose(&items, &frame()).left_out.is_empty());
    println!("composed 40,000 facts in {:?} (unoptimised)", started.elapsed());
}

#[test]
fn conflicting_facts_stand_side_by_side_and_say_so() {
    let other = String::from_utf8(LEVODOPA.to_vec()).unwrap().replace("m1", "m2").replace("3 keer", "4 keer");
    let items = [
        item("MedicationStatement", "m1", "Linde", LEVODOPA),
        item("MedicationStatement", "m2", "Thuis", other.as_bytes()),
    ];
    let medication = section(&composed(&items, &frame()), "10160-0").unwrap();
    assert_eq!(div(&medication).matches("<tr>").count(), 3);
    assert_eq!(div(&medication).matches("bronnen verschillen").count(), 2);
}

/// A code and its translation are one thing, whichever a holder writes first.
#[test]
fn the_same_codes_in_another_order_are_the_same_fact() {
    let problem = |id: &str, codes: &[&str]| {
        let codings: Vec<String> = codes
            .iter()
            .map(|code| format!(r#"{{"system":"urn:x:{code}","code":"{code}","display":"Woord {code}"}}"#))
            .collect();
        let codings = codings.join(",");
        format!(
            r#"{{"resourceType":"Condition","id":"{id}","code":{{"coding":[{codings}]}},"subject":{{"reference":"Patient/p1"}}}}"#
        )
    };
    let rows = |first: &[&str], second: &[&str]| {
        let (one, other) = (problem("c1", first), problem("c2", second));
        let items = [
            item("Condition", "c1", "Linde", one.as_bytes()),
            item("Condition", "c2", "Oever", other.as_bytes()),
        ];
        let turned = [items[1], items[0]];
        let document = composed(&items, &frame());
        assert_eq!(document, composed(&turned, &frame()), "the order of arrival shows");
        let problems = section(&document, "11450-4").unwrap();
        let text = div(&problems).to_owned();
        (text.matches("<tr>").count() - 1, text.contains("bronnen verschillen"))
    };
    assert_eq!(rows(&["a", "b"], &["b", "a"]), (1, false));
    // One code shared: one thing, side by side.
    assert_eq!(rows(&["a", "b"], &["c", "b"]), (2, true));
    assert_eq!(rows(&["a"], &["b", "a"]), (2, true));
    // None shared: two things.
    assert_eq!(rows(&["a"], &["b"]), (2, false));
}

#[test]
fn of_two_patients_one_stands_in_the_document_and_both_are_told() {
    let other =
        br#"{"resourceType":"Patient","id":"p1","name":[{"text":"E. Kaya-Yilmaz"}],"birthDate":"1950-01-01","deceasedBoolean":true}"#;
    let items = [item("Patient", "p1", "Linde", PATIENT), item("Patient", "p1", "Thuis", other)];
    let document = composed(&items, &frame());
    let bundle: serde_json::Value = serde_json::from_str(&document).unwrap();
    let entries = bundle["entry"].as_array().unwrap();
    assert_eq!(entries.iter().filter(|e| e["resource"]["resourceType"] == "Patient").count(), 1);
    let overview = bundle["entry"][0]["resource"]["text"]["div"].as_str().unwrap();
    for word in ["Emine Kaya", "1954-09-09", "(Linde", "E. Kaya-Yilmaz", "1950-01-01", "overleden", "(Thuis"]
    {
        assert!(overview.contains(word), "{word} in {overview}");
    }
    assert!(compose(&items, &frame()).left_out.is_empty(), "what is told is not left out");
}
