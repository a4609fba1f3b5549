//! What a composed document must be, whoever asks and whatever was released.

use super::*;
use crate::json;
use proptest::prelude::*;

const PATIENT: &[u8] =
    br#"{"resourceType":"Patient","id":"p1","name":[{"text":"Emine Kaya"}],"birthDate":"1954-09-09"}"#;
const LEVODOPA: &[u8] = br#"{"resourceType":"MedicationStatement","id":"m1","status":"active","medicationCodeableConcept":{"coding":[{"system":"http://www.whocc.no/atc","code":"N04BA02","display":"levodopa"}]},"subject":{"reference":"Patient/p1"},"dosage":[{"text":"3 keer per dag 1.50 tablet"}]}"#;

fn frame<'a>() -> Frame<'a> {
    Frame {
        base: "https://gateway.example/fhir/",
        document_id: "0b0f4a7e-8a3f-4d6c-9d1e-0123456789ab",
        now: "2026-10-01T10:00:00+02:00",
        patient_id: "p1",
        custodian_name: "Zorgregio Heuvelrijk",
        language: Language::Nl,
        gaps: &[],
    }
}

fn item<'a>(resource_type: &'a str, id: &'a str, holder: &'a str, bytes: &'a [u8]) -> Item<'a> {
    Item {
        resource_type,
        id,
        classes: &[],
        holder,
        holder_name: Some(holder),
        recorded: Some("2026-09-01T08:00:00Z"),
        bytes,
    }
}

/// Composes, and insists that the document passes our own rules.
#[track_caller]
fn composed(items: &[Item<'_>], frame: &Frame<'_>) -> String {
    let made = compose(items, frame);
    let text = String::from_utf8(made.bytes).unwrap();
    let doc = json::parse(text.as_bytes()).unwrap();
    assert_eq!(errors(&check_ips(&doc)), Vec::<&str>::new());
    drop(doc);
    text
}

fn errors(issues: &[Issue]) -> Vec<&'static str> {
    issues.iter().filter(|issue| issue.severity == Severity::Error).map(|issue| issue.rule).collect()
}

/// The section with this code, as JSON.
fn section(document: &str, code: &str) -> Option<serde_json::Value> {
    let bundle: serde_json::Value = serde_json::from_str(document).unwrap();
    let sections = bundle["entry"][0]["resource"]["section"].as_array().unwrap().clone();
    sections.into_iter().find(|section| section["code"]["coding"][0]["code"] == code)
}

fn div(section: &serde_json::Value) -> &str {
    section["text"]["div"].as_str().unwrap()
}

#[test]
fn a_required_section_with_nothing_released_says_unavailable_and_never_none() {
    let document = composed(&[item("Patient", "p1", "linde", PATIENT)], &frame());
    for code in ["11450-4", "48765-2", "10160-0"] {
        let section = section(&document, code).unwrap();
        assert_eq!(section["emptyReason"]["coding"][0]["code"], "unavailable");
        assert!(div(&section).contains("niets beschikbaar"));
    }
    assert!(!document.contains("nilknown"));
    assert!(section(&document, "30954-2").is_none(), "an optional section without content is left out");
}

#[test]
fn every_medicine_list_carries_the_same_line_for_everybody() {
    let line = "Deze lijst kan onvolledig zijn. Vraag het ook aan de persoon of de apotheek.";
    let empty = composed(&[], &frame());
    let full = composed(&[item("MedicationStatement", "m1", "linde", LEVODOPA)], &frame());
    assert!(div(&section(&empty, "10160-0").unwrap()).contains(line));
    assert!(div(&section(&full, "10160-0").unwrap()).contains(line));
}

#[test]
fn resources_are_copied_byte_for_byte() {
    let document = composed(&[item("MedicationStatement", "m1", "linde", LEVODOPA)], &frame());
    assert!(document.contains(std::str::from_utf8(LEVODOPA).unwrap()));
    assert!(document.contains(r#""fullUrl":"https://gateway.example/fhir/MedicationStatement/m1""#));
}

#[test]
fn a_person_of_whom_nothing_is_released_still_makes_a_valid_document() {
    let document = composed(&[], &frame());
    assert!(document.contains("data-absent-reason"));
}

#[test]
fn a_recorded_no_known_allergy_is_data() {
    let none = br#"{"resourceType":"AllergyIntolerance","id":"a1","code":{"coding":[{"system":"http://snomed.info/sct","code":"716186003","display":"Geen bekende allergie"}]},"patient":{"reference":"Patient/p1"}}"#;
    let allergies =
        section(&composed(&[item("AllergyIntolerance", "a1", "linde", none)], &frame()), "48765-2").unwrap();
    assert!(allergies.get("emptyReason").is_none());
    assert!(div(&allergies).contains("Geen bekende allergie"));
}

#[test]
fn a_gap_names_a_holder_only_where_the_input_does() {
    let gaps =
        [Gap { holder_name: Some("De Linde & co") }, Gap { holder_name: None }, Gap { holder_name: None }];
    let document = composed(&[], &Frame { gaps: &gaps, ..frame() });
    let gap = section(&document, "gap").unwrap();
    assert!(div(&gap).contains("De Linde &amp; co"));
    assert_eq!(div(&gap).matches("<li>").count(), 2, "how many unnamed sources there are is not told");
    let bundle: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert!(bundle["entry"][0]["resource"]["text"]["div"].as_str().unwrap().contains("De Linde &amp; co"));
    assert!(section(&composed(&[], &frame()), "gap").is_none());
}

#[test]
fn a_holder_that_may_not_show_is_nowhere_in_the_document() {
    let hidden = Item { holder_name: None, ..item("MedicationStatement", "m1", "ggz-de-oever", LEVODOPA) };
    let document = composed(&[hidden], &frame());
    assert!(!document.contains("ggz-de-oever"));
    assert!(document.contains("andere bron, 2026-09-01"));
}

#[test]
fn nothing_about_another_person_stands_in_a_document() {
    let other =
        br#"{"resourceType":"Condition","id":"c1","code":{"text":"x"},"subject":{"reference":"Patient/p2"}}"#;
    let items = [
        item("Condition", "c1", "linde", other),
        item("Patient", "p2", "linde", br#"{"resourceType":"Patient","id":"p2"}"#),
    ];
    let made = compose(&items, &frame());
    assert_eq!(made.left_out, vec![0, 1]);
    composed(&items, &frame());
}

#[test]
fn support_stands_in_the_document_only_when_something_refers_to_it() {
    let request = br#"{"resourceType":"MedicationRequest","id":"r1","status":"active","medicationReference":{"reference":"Medication/d1"},"subject":{"reference":"Patient/p1"}}"#;
    let drug = br#"{"resourceType":"Medication","id":"d1","code":{"text":"lithium"}}"#;
    let stray = br#"{"resourceType":"Organization","id":"o1","name":"x"}"#;
    let items = [
        item("MedicationRequest", "r1", "h", request),
        item("Medication", "d1", "h", drug),
        item("Organization", "o1", "h", stray),
    ];
    assert_eq!(compose(&items, &frame()).left_out, vec![2]);
    let medication = section(&composed(&items, &frame()), "10160-0").unwrap();
    assert!(div(&medication).contains("<td>lithium</td><td>dosering: zie bron</td><td>actief</td>"));
}

#[track_caller]
fn stands_in(resource_type: &str, class: &str, body: &str, code: &str) {
    let bytes = format!(r#"{{"resourceType":"{resource_type}","id":"x1"{body}}}"#);
    let classes = [class];
    let it = Item { classes: &classes, ..item(resource_type, "x1", "h", bytes.as_bytes()) };
    let document = composed(&[it], &frame());
    let section = section(&document, code).unwrap_or_else(|| panic!("no section {code} for {resource_type}"));
    assert_eq!(section["entry"][0]["reference"], format!("{resource_type}/x1"));
}

#[test]
fn each_resource_stands_in_its_section() {
    stands_in("Condition", "problems", "", "11450-4");
    stands_in("Condition", "problems", r#","clinicalStatus":{"coding":[{"code":"resolved"}]}"#, "11348-0");
    stands_in("Condition", "legal", "", "legal");
    stands_in("Condition", "money", "", "money");
    stands_in("Condition", "circle", "", "85847-2");
    stands_in("CarePlan", "crisis-plan", "", "crisis-plan");
    stands_in("CarePlan", "plan", "", "18776-5");
    stands_in("Flag", "alerts", "", "104605-1");
    stands_in("Flag", "safety", "", "safety");
    stands_in("Immunization", "results", "", "11369-6");
    stands_in("Observation", "results", "", "30954-2");
    stands_in("Observation", "results", r#","code":{"coding":[{"code":"85354-9"}]}"#, "8716-3");
    stands_in("Observation", "problems", r#","code":{"coding":[{"code":"82810-3"}]}"#, "10162-6");
    stands_in("Observation", "problems", r#","code":{"coding":[{"code":"72166-2"}]}"#, "29762-2");
    stands_in("Observation", "functioning", "", "47420-5");
    stands_in("Observation", "living", "", "living");
    stands_in("Procedure", "problems", "", "47519-4");
    stands_in("DeviceUseStatement", "functioning", "", "46264-8");
    stands_in("Consent", "directives", "", "42348-3");
    stands_in("CareTeam", "circle", "", "85847-2");
    stands_in("Encounter", "problems", "", "46240-8");
    stands_in("DocumentReference", "notes", "", "34109-9");
}

#[test]
fn words_follow_the_language() {
    let document = composed(
        &[item("MedicationStatement", "m1", "linde", LEVODOPA)],
        &Frame { language: Language::En, ..frame() },
    );
    let medication = section(&document, "10160-0").unwrap();
    assert!(div(&medication).contains(r#"lang="en""#));
    assert!(div(&medication).contains("This list may be incomplete."));
    assert!(div(&medication).contains("<td>active</td>"));
}

#[test]
fn a_structured_dosage_is_put_in_words_and_keeps_its_digits() {
    let request = br#"{"resourceType":"MedicationRequest","id":"r1","status":"active","medicationCodeableConcept":{"text":"x"},"dosageInstruction":[{"doseAndRate":[{"doseQuantity":{"value":1.50,"unit":"tablet"}}],"timing":{"repeat":{"frequency":2,"period":1,"periodUnit":"d"}},"asNeededBoolean":true}]}"#;
    let document = composed(&[item("MedicationRequest", "r1", "h", request)], &frame());
    assert!(div(&section(&document, "10160-0").unwrap()).contains("1.50 tablet, 2 keer per dag, zo nodig"));
}

#[track_caller]
fn reads(resource_type: &str, members: &str, row: &str) {
    let bytes = format!(r#"{{"resourceType":"{resource_type}","id":"x1",{members}}}"#);
    let gp = br#"{"resourceType":"Practitioner","id":"g1","name":[{"family":"Linden"}]}"#;
    let items = [item(resource_type, "x1", "h", bytes.as_bytes()), item("Practitioner", "g1", "h", gp)];
    let document = composed(&items, &frame());
    assert!(document.contains(row), "{row} not in {document}");
}

#[test]
fn each_kind_reads_as_ordinary_words() {
    reads(
        "RelatedPerson",
        r#""name":[{"given":["Elif"],"family":"Kaya"}],"relationship":[{"text":"dochter"}],"telecom":[{"value":"06-0"}]"#,
        "<td>Elif Kaya</td><td>dochter</td><td>06-0</td>",
    );
    reads(
        "CareTeam",
        r#""name":"Team","participant":[{"role":[{"text":"huisarts"}],"member":{"reference":"Practitioner/g1"}},{"member":{"display":"Steen"}}]"#,
        "<td>Team</td><td>huisarts Linden; Steen</td>",
    );
    reads(
        "CarePlan",
        r#""title":"Plan","status":"active","activity":[{"detail":{"description":"dinsdag samen eten"}}]"#,
        "<td>Plan</td><td>actief; dinsdag samen eten</td>",
    );
    reads(
        "Consent",
        r#""status":"active","provision":{"type":"deny","code":[{"text":"reanimatie"}]},"dateTime":"2026-01-02""#,
        "<td>reanimatie</td><td>niet, actief</td><td>2026-01-02</td>",
    );
    reads(
        "Observation",
        r#""code":{"text":"bloeddruk"},"component":[{"code":{"text":"boven"},"valueQuantity":{"value":120.0,"unit":"mmHg"}}]"#,
        "<td>bloeddruk</td><td>boven 120.0 mmHg</td>",
    );
    reads(
        "Goal",
        r#""description":{"text":"thuis blijven"},"lifecycleStatus":"active""#,
        "<td>thuis blijven</td><td>actief</td>",
    );
    reads(
        "Condition",
        r#""code":{"coding":[{"code":"N87"}]},"onsetDateTime":"2019-05""#,
        "<td>N87</td><td></td><td>2019-05</td>",
    );
}

#[test]
fn what_takes_a_fact_back_always_shows() {
    let refuted = r#""code":{"text":"x"},"clinicalStatus":{"coding":[{"code":"active"}]},"verificationStatus":{"coding":[{"code":"refuted"}]}"#;
    reads("Condition", refuted, "<td>actief, blijkt niet zo te zijn</td>");
    reads("AllergyIntolerance", refuted, "<td>actief, blijkt niet zo te zijn</td>");
    reads("Immunization", r#""vaccineCode":{"text":"x"},"status":"not-done""#, "<td>niet gedaan</td>");
    reads(
        "MedicationRequest",
        r#""medicationCodeableConcept":{"text":"x"},"status":"active","doNotPerform":true"#,
        "<td>NIET geven, actief</td>",
    );
}

#[test]
fn a_whole_document_is_valid_base_r4() {
    let gaps = [Gap { holder_name: Some("x") }];
    let items = [item("Patient", "p1", "h", PATIENT), item("MedicationStatement", "m1", "h", LEVODOPA)];
    for document in [composed(&items, &Frame { gaps: &gaps, ..frame() }), composed(&[], &frame())] {
        let doc = json::parse(document.as_bytes()).unwrap();
        let issues = crate::r4::check(doc.root());
        assert!(issues.is_empty(), "{issues:?}");
    }
}

/// A document of ours with one thing changed, and the rule that must notice.
#[track_caller]
fn planted(from: &str, to: &str, rule: &str) {
    let document = composed(
        &[item("Patient", "p1", "h", PATIENT), item("MedicationStatement", "m1", "h", LEVODOPA)],
        &frame(),
    );
    assert!(document.contains(from), "nothing to plant: {from}");
    let broken = document.replacen(from, to, 1);
    let doc = json::parse(broken.as_bytes()).unwrap();
    let issues = check_ips(&doc);
    assert!(issues.iter().any(|issue| issue.rule == rule), "{rule} not among {issues:?}");
}

#[test]
fn each_rule_is_red_on_a_planted_fault() {
    planted(r#""type":"document""#, r#""type":"collection""#, "bundle-is-document");
    planted(r#""value":"urn:uuid:"#, r#""worth":"urn:uuid:"#, "bundle-identifier");
    planted(r#""timestamp":"2026-10-01T10"#, r#""timestamp":"2026-10-01 10"#, "bundle-timestamp");
    planted(r#""resourceType":"Composition""#, r#""resourceType":"Basic""#, "first-is-composition");
    planted(r#""fullUrl":"https://"#, r#""fullUrl":"ftp://"#, "entry-full-url");
    planted("fhir/Patient/p1", "fhir/MedicationStatement/m1", "full-url-unique");
    planted("fhir/Patient/p1", "fhir/Patient/p9", "full-url-agrees-with-id");
    planted(
        r#""resource":{"resourceType":"Patient""#,
        r#""search":{},"resource":{"resourceType":"Patient""#,
        "no-transport",
    );
    planted("60591-5", "60591-6", "composition-type");
    planted(r#""status":"final""#, r#""state":"final""#, "composition-members");
    planted(
        r#""subject":{"reference":"Patient/p1"},"text""#,
        r#""subject":{"reference":"Patient/p9"},"text""#,
        "subject-is-patient",
    );
    planted("Device/sluis.gateway\"}]", "Device/other\"}]", "author-resolves");
    planted("11450-4", "11450-5", "required-sections");
    planted("unavailable", "nil", "empty-reason-code");
    planted(r#""emptyReason""#, r#""reason""#, "empty-needs-reason");
    planted(
        r#""reference":"MedicationStatement/m1""#,
        r#""reference":"MedicationStatement/m9""#,
        "section-entry-resolves",
    );
    planted(r#""reference":"MedicationStatement/m1""#, r#""reference":"Patient/p1""#, "section-entry-type");
    planted(r#"<p>Dit overzicht"#, r#"<script>Dit overzicht"#, "narrative-passive");
    planted("http://www.w3.org/1999/xhtml", "http://www.w3.org/1999/html", "section-text");
    planted(r#""birthDate":"#, r#""bornDate":"#, "patient-birth-date");
    planted(r#""name":[{"text":"Emine"#, r#""called":[{"text":"Emine"#, "patient-name");
    planted(
        r#""subject":{"reference":"Patient/p1"},"dosage""#,
        r#""subject":{"reference":"Patient/p9"},"dosage""#,
        "references-resolve",
    );
    planted(
        r#""entry":[{"extension""#,
        r#""emptyReason":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/list-empty-reason","code":"unavailable"}]},"entry":[{"extension""#,
        "empty-reason-only-when-empty",
    );
}

/// Odd JSON under the names that the composer reads.
fn odd_value() -> impl Strategy<Value = String> {
    let text = prop_oneof![Just("Patient/p1".to_owned()), Just("<b>&\"".to_owned()), ".*"]
        .prop_map(|t| serde_json::json!(t).to_string());
    let leaf = prop_oneof![Just("null".to_owned()), Just("1.50".to_owned()), Just("true".to_owned()), text];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let names = prop::sample::select(vec![
            "code",
            "coding",
            "text",
            "status",
            "subject",
            "reference",
            "value",
            "unit",
            "dosage",
            "timing",
            "repeat",
            "name",
            "extension",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::btree_map(names, inner, 0..4).prop_map(|members| {
                let members: Vec<_> =
                    members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

fn odd_resource() -> impl Strategy<Value = (String, String, Vec<u8>)> {
    let kinds = prop::sample::select(vec![
        "Patient",
        "Condition",
        "AllergyIntolerance",
        "MedicationRequest",
        "Medication",
        "Observation",
        "CarePlan",
        "Consent",
        "Bundle",
        "Organization",
    ]);
    let ids = prop::sample::select(vec!["p1", "a1", "b2", "", "bad id"]);
    let names = prop::sample::select(vec![
        "name",
        "birthDate",
        "_birthDate",
        "code",
        "clinicalStatus",
        "subject",
        "patient",
        "valueString",
        "valueQuantity",
        "dosage",
        "dosageInstruction",
        "medicationReference",
        "reaction",
        "component",
        "effectiveDateTime",
        "period",
        "category",
        "text",
        "telecom",
        "address",
    ]);
    (
        kinds,
        ids,
        prop::collection::btree_map(names, odd_value(), 0..6),
        prop::collection::vec(any::<u8>(), 0..3),
        any::<bool>(),
    )
        .prop_map(|(kind, id, members, noise, noisy)| {
            let members: String =
                members.iter().map(|(name, value)| format!(",\"{name}\":{value}")).collect();
            let mut bytes = format!("{{\"resourceType\":\"{kind}\",\"id\":\"{id}\"{members}}}").into_bytes();
            if noisy {
                bytes.extend(noise);
            }
            (kind.to_owned(), id.to_owned(), bytes)
        })
}

proptest! {
    #[test]
    fn whatever_is_released_the_document_is_whole_and_keeps_the_rules(
        resources in prop::collection::vec(odd_resource(), 0..8), holder in ".*", recorded in prop_oneof![Just("2026-01-01".to_owned()), ".*"],
    ) {
        let items: Vec<Item<'_>> = resources.iter().map(|(kind, id, bytes)| Item {
            recorded: Some(&recorded), ..item(kind, id, &holder, bytes)
        }).collect();
        let document = composed(&items, &frame());
        let mut turned = items.clone();
        turned.reverse();
        prop_assert_eq!(document, composed(&turned, &frame()));
    }

    #[test]
    fn hostile_text_never_becomes_markup(hostile in ".*") {
        let text = format!("<img src=x onerror=alert(1)>{hostile}</td><script>");
        let body = serde_json::json!({"resourceType": "Condition", "id": "c1", "code": {"text": text}}).to_string();
        let document = composed(&[item("Condition", "c1", &hostile, body.as_bytes())], &frame());
        let problems = section(&document, "11450-4").unwrap();
        let tags = div(&problems).matches('<').count();
        prop_assert_eq!(tags, 28, "a table of one row has this many tags, whatever its text");
    }
}

mod corpus;
mod sources;
