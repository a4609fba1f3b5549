//! Rules of the intake: one file, one person, all or nothing.

use super::*;
use crate::r4::corpus;

#[test]
fn the_corpus_is_taken_or_refused_for_a_reason() {
    let Some(root) = corpus::folder() else { return };
    let mut tally = std::collections::BTreeMap::new();
    for path in corpus::files(&root) {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        let bytes = std::fs::read(&path).unwrap();
        let verdict = match read(&bytes, Format::Json) {
            Ok(intake) => match intake.person {
                Person::Nobody => "accepted, about nobody",
                Person::Unidentified => "accepted with --patient",
                Person::Identified(_) => "accepted",
            },
            Err(refusal) => {
                if !name.starts_with("invalid") {
                    println!("{name}: {refusal:?}");
                }
                refusal.reason.as_str()
            }
        };
        *tally.entry(verdict).or_insert(0) += 1;
    }
    println!("{tally:#?}");
}

#[test]
fn every_expectation_of_the_corpus_is_met() {
    let Some(root) = corpus::folder() else { return };
    let root = root.join("invalid");
    let list = std::fs::read(root.join("EXPECTED.json")).unwrap();
    let list: serde_json::Value = serde_json::from_slice(&list).unwrap();
    let mut met = 0;
    for case in list.as_array().unwrap() {
        let file = case["file"].as_str().unwrap();
        let bytes = std::fs::read(root.join(file)).unwrap();
        let verdict = read(&bytes, Format::Json);
        let due = match TRAPS.iter().find(|(name, _)| file.ends_with(name)) {
            Some((_, due)) => *due,
            None => {
                assert!(
                    case["expected"].as_str().unwrap().starts_with("refuse"),
                    "{file}: no expectation known"
                );
                assert!(verdict.is_err(), "{file}: taken, though {}", case["fault"]);
                met += 1;
                continue;
            }
        };
        assert_eq!(verdict.err().map(|refusal| refusal.reason), due, "{file}");
        met += 1;
    }
    println!("{met} expectations met");
}

/// Files that keep to R4's structure, and what the import makes of each.
const TRAPS: &[(&str, Option<Reason>)] = &[
    ("second-patient-inside.summary.json", Some(Reason::SecondPerson)),
    // Nothing is ever resolved outside the file.
    ("reference-to-internal-host.summary.json", None),
    ("40-nested-provisions.consent.json", Some(Reason::PrivacyConsent)),
    ("unknown-modifierExtension.consent.json", Some(Reason::PrivacyConsent)),
    ("implicitRules.consent.json", Some(Reason::UnknownModifier)),
    ("valid-but-entered-in-error.consent.json", Some(Reason::PrivacyConsent)),
    ("bidi-and-zero-width-name.patient.json", None),
    ("bsn-fails-eleven-test.patient.json", None),
];

const PATIENT: &str = r#"{"resourceType":"Patient","id":"p","identifier":[{"system":"urn:oid:2.16.840.1.113883.2.4.6.3","value":"111222333"},{"system":"http://ehr.example/mrn","value":"7"}]}"#;

fn flag(subject: &str) -> String {
    format!(r#"{{"resourceType":"Flag","status":"active","code":{{"text":"x"}},"subject":{subject}}}"#)
}

fn bundle(kind: &str, resources: &[&str]) -> String {
    let entry = |(i, r): (usize, &&str)| {
        let request = if kind == "transaction" { r#","request":{"method":"POST","url":"x"}"# } else { "" };
        format!(r#"{{"fullUrl":"urn:uuid:{i}","resource":{r}{request}}}"#)
    };
    let entries: Vec<String> = resources.iter().enumerate().map(entry).collect();
    format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{}]}}"#, entries.join(","))
}

#[track_caller]
fn refused(text: &str, reason: Reason, expression: &str) {
    let refusal = read(text.as_bytes(), Format::Json).unwrap_err();
    assert_eq!((refusal.reason, refusal.expression.as_str()), (reason, expression));
}

#[track_caller]
fn about(text: &str, person: &str) {
    let intake = read(text.as_bytes(), Format::Json).unwrap();
    let got = match &intake.person {
        Person::Nobody => "nobody".to_owned(),
        Person::Unidentified => "unidentified".to_owned(),
        Person::Identified(list) => list.iter().map(Identifier::value).collect::<Vec<_>>().join(","),
    };
    assert_eq!(got, person);
}

#[test]
fn every_way_of_naming_the_patient_leads_to_one_person() {
    for subject in [
        r#"{"reference":"Patient/p"}"#,
        r#"{"reference":"Patient/p/_history/3"}"#,
        r#"{"reference":"urn:uuid:0"}"#,
        r#"{"identifier":{"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"111222333"}}"#,
        r#"{"reference":"Patient?identifier=http://ehr.example/mrn|7"}"#,
    ] {
        about(&bundle("transaction", &[PATIENT, &flag(subject)]), "111222333,7");
        let last = subject.replace("urn:uuid:0", "urn:uuid:1");
        about(&bundle("collection", &[&flag(&last), PATIENT]), "111222333,7");
    }
    let logical = flag(r#"{"identifier":{"system":"http://ehr.example/mrn","value":"7"}}"#);
    about(&logical, "7");
    about(&flag(r#"{"reference":"Patient/elsewhere"}"#), "unidentified");
    about(&flag(r#"{"display":"x"}"#), "unidentified");
    about(&flag(r#"{"reference":"Group/g"}"#), "nobody");
    about(r#"{"resourceType":"Organization","name":"x"}"#, "nobody");
}

#[test]
fn a_second_person_ends_the_import() {
    let other = PATIENT.replace(r#""id":"p""#, r#""id":"q""#);
    let at = "Bundle.entry[1].resource";
    refused(&bundle("collection", &[PATIENT, &other]), Reason::SecondPerson, at);
    let at = "Bundle.entry[1].resource.subject";
    for subject in [
        r#"{"reference":"Patient/q"}"#,
        r#"{"reference":"urn:uuid:9"}"#,
        r#"{"reference":"https://other.example/Patient/p"}"#,
        r#"{"display":"x"}"#,
        r#"{"identifier":{"system":"http://ehr.example/mrn","value":"8"}}"#,
        r#"{"reference":"Patient/p","identifier":{"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"123456782"}}"#,
    ] {
        refused(&bundle("collection", &[PATIENT, &flag(subject)]), Reason::SecondPerson, at);
    }
    let (one, two) = (flag(r#"{"reference":"Patient/1"}"#), flag(r#"{"reference":"Patient/2"}"#));
    refused(&bundle("collection", &[&one, &two]), Reason::SecondPerson, at);
    let unnamed = flag(r#"{"display":"x"}"#);
    refused(&bundle("collection", &[&unnamed, &flag(r#"{"display":"y"}"#)]), Reason::SecondPerson, at);
    let nested = bundle("collection", &[PATIENT, &bundle("collection", &[&other])]);
    refused(&nested, Reason::SecondPerson, "Bundle.entry[1].resource.entry[0].resource");
}

#[test]
fn people_around_the_person_are_no_second_person() {
    let linked = PATIENT.replace(
        r#""id":"p""#,
        r#""id":"p","link":[{"other":{"reference":"Patient/old"},"type":"replaces"}]"#,
    );
    let related = r#"{"resourceType":"RelatedPerson","patient":{"reference":"Patient/p"},"identifier":[{"system":"urn:oid:2.16.840.1.113883.2.4.6.3","value":"123456782"}]}"#;
    let observed = r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},"performer":[{"reference":"Patient/mother"}]}"#;
    about(&bundle("collection", &[&linked, related, observed]), "111222333,7");
}

#[test]
fn a_reference_of_many_kinds_means_the_person_only_where_it_leads_there() {
    let meeting = |actor: &str| {
        format!(
            r#"{{"resourceType":"Appointment","status":"proposed","participant":[{{"status":"accepted","actor":{{"reference":"{actor}"}}}}]}}"#
        )
    };
    let is_about = |actor: &str| {
        let text = bundle("collection", &[PATIENT, &meeting(actor)]);
        read(text.as_bytes(), Format::Json).unwrap().resources[1].about
    };
    assert_eq!(is_about("urn:uuid:0"), About::Person);
    assert_eq!(is_about("Patient/p"), About::Person);
    assert_eq!(is_about("urn:uuid:9"), About::Nobody);
    assert_eq!(is_about("Practitioner/p"), About::Nobody);
    let text = bundle("collection", &[PATIENT, &meeting("Patient/q")]);
    refused(&text, Reason::SecondPerson, "Bundle.entry[1].resource.participant");
}

#[test]
fn hostile_size_is_bounded() {
    let start = std::time::Instant::now();
    let many = |each: &dyn Fn(usize) -> String| (0..20_000).map(each).collect::<Vec<_>>().join(",");
    let ids = many(&|i| format!(r#"{{"system":"s","value":"{i}"}}"#));
    refused(&format!(r#"{{"resourceType":"Patient","identifier":[{ids}]}}"#), Reason::NotData, "Patient");
    let contained = many(&|i| format!(r#"{{"resourceType":"Patient","id":"c{i}","active":true}}"#));
    let members = many(&|i| format!(r##"{{"entity":{{"reference":"#c{i}"}}}}"##));
    let group = format!(
        r#"{{"resourceType":"Group","type":"person","actual":true,"contained":[{contained}],"member":[{members}]}}"#
    );
    refused(&group, Reason::SecondPerson, "Group.member");
    let flags = many(&|i| {
        format!(
            r#"{{"resource":{}}}"#,
            flag(&format!(r#"{{"reference":"Patient/x","identifier":{{"system":"s","value":"{i}"}}}}"#))
        )
    });
    let text = format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{flags}]}}"#);
    let intake = read(text.as_bytes(), Format::Json).unwrap();
    assert!(matches!(intake.person, Person::Identified(ids) if ids.len() == 50));
    println!("three hostile files: {:?}", start.elapsed());
}

#[test]
fn patient_given_and_patient_found_must_not_disagree() {
    let given = |text: &str| Identifier::parse(text).unwrap();
    let settle = |text: &str, with: Option<&str>| {
        let intake = read(text.as_bytes(), Format::Json).unwrap();
        let with = with.map(given);
        let ids = intake.settle(with.as_ref()).map_err(|refusal| refusal.reason)?;
        Ok::<_, Reason>(ids.iter().map(Identifier::value).collect::<Vec<_>>().join(","))
    };
    let nameless = flag(r#"{"reference":"Patient/x"}"#);
    assert_eq!(settle(PATIENT, None), Ok("111222333,7".into()));
    assert_eq!(
        settle(PATIENT, Some("http://fhir.nl/fhir/NamingSystem/bsn|111222333")),
        Ok("111222333,7".into())
    );
    assert_eq!(
        settle(PATIENT, Some("http://fhir.nl/fhir/NamingSystem/bsn|123456782")),
        Err(Reason::OtherPerson)
    );
    assert_eq!(settle(PATIENT, Some("http://else.example|9")), Ok("9,111222333,7".into()));
    assert_eq!(settle(&nameless, None), Err(Reason::NeedsPatient));
    assert_eq!(settle(&nameless, Some("s|1")), Ok("1".into()));
    assert_eq!(settle(r#"{"resourceType":"Organization","name":"x"}"#, Some("s|1")), Ok(String::new()));
}

#[test]
fn a_bsn_that_fails_the_test_stays_opaque_with_a_warning() {
    let text = PATIENT.replace("111222333", "111222334");
    let intake = read(text.as_bytes(), Format::Json).unwrap();
    let Person::Identified(ids) = &intake.person else { panic!("no person") };
    assert!(ids[0].claims_bsn() && ids[0].bsn().is_none());
    assert_eq!(intake.warnings[0].expression, "Patient.identifier");
}

#[test]
fn privacy_consents_are_refused_and_directives_are_data() {
    let consent = |scope: &str, category: &str| {
        format!(
            r#"{{"resourceType":"Consent","status":"active","scope":{{"coding":[{{"code":"{scope}"}}]}},"category":[{{"coding":[{{"code":"{category}"}}]}}],"patient":{{"reference":"Patient/p"}},"policy":[{{"uri":"x:y"}}]}}"#
        )
    };
    for (scope, category) in [("patient-privacy", "59284-0"), ("unknown", "x")] {
        refused(&consent(scope, category), Reason::PrivacyConsent, "Consent");
        let inside = bundle("collection", &[PATIENT, &consent(scope, category)]);
        refused(&inside, Reason::PrivacyConsent, "Bundle.entry[1].resource");
    }
    for (scope, category) in [("treatment", "x"), ("adr", "x"), ("patient-privacy", "11291000146105")] {
        about(&consent(scope, category), "unidentified");
    }
}

#[test]
fn instructions_are_no_data() {
    let with = |kind: &str, request: &str| {
        format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{{"request":{request}}}]}}"#)
    };
    for method in ["DELETE", "GET", "PATCH", "HEAD"] {
        let request = format!(r#"{{"method":"{method}","url":"Flag/1"}}"#);
        refused(&with("transaction", &request), Reason::NotData, "Bundle.entry[0].request.method");
    }
    refused(r#"{"resourceType":"Parameters"}"#, Reason::NotData, "Parameters");
    let ruled = r#"{"resourceType":"Organization","name":"x","implicitRules":"x:y"}"#;
    refused(ruled, Reason::UnknownModifier, "Organization.implicitRules");
    refused(r#"[]"#, Reason::NotFhir, "Resource");
    refused("{", Reason::NotJson, "byte[1]");
}

#[test]
fn a_modifier_extension_is_kept_with_a_warning() {
    let modified = r#"{"resourceType":"List","status":"current","mode":"working","entry":[{"modifierExtension":[{"url":"x:y","valueBoolean":true}],"item":{"display":"x"}}]}"#;
    let intake = read(modified.as_bytes(), Format::Json).unwrap();
    assert_eq!(intake.warnings[0].expression, "List.entry[0].modifierExtension");
    let text = bundle("collection", &[PATIENT, modified]);
    let intake = read(text.as_bytes(), Format::Json).unwrap();
    assert_eq!(intake.warnings.len(), 1);
    assert_eq!(intake.warnings[0].expression, "Bundle.entry[1].resource.entry[0].modifierExtension");
    let on_entry = text.replacen(
        r#"{"fullUrl""#,
        r#"{"modifierExtension":[{"url":"x:y","valueBoolean":true}],"fullUrl""#,
        1,
    );
    refused(&on_entry, Reason::UnknownModifier, "Bundle.entry[0].modifierExtension");
}

#[test]
fn a_history_gives_the_newest_and_leaves_out_the_deleted() {
    let entry = |method: &str, id: &str, name: Option<&str>| {
        let resource = name
            .map(|n| format!(r#""resource":{{"resourceType":"Organization","id":"{id}","name":"{n}"}},"#));
        format!(
            r#"{{{}"request":{{"method":"{method}","url":"Organization/{id}"}},"response":{{"status":"200"}}}}"#,
            resource.unwrap_or_default()
        )
    };
    let entries = [
        entry("PUT", "a", Some("new")),
        entry("DELETE", "b", None),
        entry("POST", "b", Some("gone")),
        entry("POST", "a", Some("old")),
    ];
    let text = format!(r#"{{"resourceType":"Bundle","type":"history","entry":[{}]}}"#, entries.join(","));
    let intake = read(text.as_bytes(), Format::Json).unwrap();
    assert_eq!(intake.resources.len(), 1);
    assert!(std::str::from_utf8(intake.resources[0].bytes).unwrap().contains("new"));
    assert_eq!(intake.warnings.len(), 1);
}

#[test]
fn keys_are_stable_and_references_inside_keep_working() {
    let text = bundle("collection", &[PATIENT, &flag(r#"{"reference":"urn:uuid:0"}"#)]);
    let intake = read(text.as_bytes(), Format::Json).unwrap();
    assert_eq!(intake.resources[0].key, Key::Id("p".into()));
    assert_eq!(intake.resources[1].key, Key::FullUrl("urn:uuid:1".into()));
    assert_eq!(intake.resolve(1, "urn:uuid:0"), Some(0));
    assert_eq!(intake.resolve(1, "Patient/p"), Some(0));
    assert_eq!(intake.resolve(1, "Patient/q"), None);
    assert_eq!(intake.resources[0].bytes, PATIENT.as_bytes());

    let lines = format!("{PATIENT}\n\n{}\n", flag(r#"{"reference":"Patient/p"}"#));
    let once = read(lines.as_bytes(), Format::Ndjson).unwrap();
    let again = read(lines.as_bytes(), Format::Ndjson).unwrap();
    assert!(matches!(once.resources[1].key, Key::Digest(_)));
    assert_eq!(once.resources[1].key, again.resources[1].key);
    let bad = format!("{PATIENT}\n{{}}\n");
    let refusal = read(bad.as_bytes(), Format::Ndjson).unwrap_err();
    assert_eq!(refusal.expression, "line[1].Resource");
    let twice = format!("{PATIENT}\n{}\n", PATIENT.replace('7', "8"));
    assert_eq!(read(twice.as_bytes(), Format::Ndjson).unwrap_err().reason, Reason::NotData);
}

proptest::proptest! {
    #[test]
    fn torn_and_spliced_input_gets_a_verdict(at in 0_usize..2_000, len in 0_usize..40, with in "[\\[\\]{}\":,a-z0-9\\\\#/|]{0,12}") {
        let text = bundle("transaction", &[PATIENT, &flag(r##"{"reference":"Patient/p"}"##), &bundle("collection", &[PATIENT])]);
        let mut bytes = text.into_bytes();
        let start = at.min(bytes.len());
        let end = (start + len).min(bytes.len());
        bytes.splice(start..end, with.into_bytes());
        for format in [Format::Json, Format::Ndjson] {
            if let Ok(intake) = read(&bytes, format) {
                let people = intake.resources.iter().filter(|r| r.resource_type == "Patient").count();
                proptest::prop_assert!(people <= 1);
            }
        }
    }
}
