use super::{Capability, Misfit, PageFault, Unfit, patients, read_page, searches};
use crate::tables::Tables;
use consent::{ClassSet, Rules};

fn statement(version: &str, resources: &str) -> String {
    format!(
        r#"{{"resourceType":"CapabilityStatement","fhirVersion":"{version}","format":["application/fhir+json"],"rest":[{{"mode":"server","resource":[{resources}]}}]}}"#
    )
}

fn can(name: &str, parameters: &[&str]) -> String {
    let parameters: Vec<_> = parameters.iter().map(|p| format!(r#"{{"name":"{p}"}}"#)).collect();
    format!(
        r#"{{"type":"{name}","interaction":[{{"code":"search-type"}},{{"code":"read"}}],"searchInclude":["{name}:medication"],"searchParam":[{}]}}"#,
        parameters.join(",")
    )
}

fn server(more: &[String]) -> Capability {
    let all = [&[can("Patient", &["identifier"])], more].concat().join(",");
    Capability::read(statement("4.0.1", &all).as_bytes()).unwrap()
}

fn tables() -> (Rules, Tables) {
    let rules = Rules::from_toml(&[]).unwrap();
    let tables = Tables::national(rules.vocabulary()).unwrap();
    (rules, tables)
}

#[test]
fn a_server_that_cannot_be_asked_is_told_apart() {
    let patient = can("Patient", &["identifier"]);
    let read = |version: &str, resources: &str| Capability::read(statement(version, resources).as_bytes());
    assert_eq!(read("3.0.2", &patient).err(), Some(Misfit::Stu3));
    assert_eq!(read("5.0.0", &patient).err(), Some(Misfit::Version("5.0.0".into())));
    assert_eq!(read("4.0.1", &can("Patient", &["name"])).err(), Some(Misfit::NoPatientSearch));
    assert_eq!(read("4.0.1", "").err(), Some(Misfit::NoPatientSearch));
    assert!(read("4.0.1", &patient).is_ok() && read("4.3.0", &patient).is_ok());
    // What an operator is told has nothing in it that a terminal would obey.
    let odd = read("4.0.1\\u001b]0;x\\u0007\\nbad", &patient).unwrap();
    assert_eq!(odd.version, "4.0.10xbad");
    let xml = statement("4.0.1", &patient).replace("application/fhir+json", "application/fhir+xml");
    assert_eq!(Capability::read(xml.as_bytes()).err(), Some(Misfit::NoJson));
    for other in ["", "{}", "<html>", r#"{"resourceType":"OperationOutcome"}"#] {
        assert_eq!(Capability::read(other.as_bytes()).err(), Some(Misfit::NoStatement), "{other}");
    }
}

#[test]
fn only_types_of_permitted_classes_are_asked_and_only_of_who_can() {
    let (rules, tables) = tables();
    let holder = server(&[
        can("Condition", &["patient"]),
        can("MedicationRequest", &["subject", "patient"]),
        can("AllergyIntolerance", &["patient"]),
        can("Observation", &["patient", "category"]),
        can("Flag", &["date"]),
    ]);
    let asked = |class: &str, promised: &[&str]| {
        let promised: Vec<String> = promised.iter().map(|p| (*p).to_owned()).collect();
        let class = rules.vocabulary().class(class).unwrap();
        searches(&tables, ClassSet::only(class), &holder, &promised)
    };
    let names = |class: &str| asked(class, &[]).into_iter().map(|s| s.resource).collect::<Vec<_>>();
    assert_eq!(names("allergies"), ["AllergyIntolerance"]);
    assert_eq!(names("medication"), ["MedicationRequest"]);
    assert_eq!(names("identity"), Vec::<String>::new());
    assert_eq!(names("alerts"), ["Observation"], "Flag cannot be searched for a person there");
    assert_eq!(asked("medication", &[])[0].includes, ["MedicationRequest:medication"]);
    assert_eq!(asked("results", &[])[0].categories, Vec::<String>::new());
    let narrowed = &asked("results", &["Observation"])[0];
    assert!(
        narrowed
            .categories
            .contains(&"http://terminology.hl7.org/CodeSystem/observation-category|laboratory".to_owned())
    );
    // What is observed of life has no category to go by: with it the whole type is asked.
    assert!(asked("living", &["Observation"]).iter().all(|s| s.categories.is_empty()));
    assert!(searches(&tables, ClassSet::EMPTY, &holder, &[]).is_empty());
}

#[test]
fn directives_are_asked_by_category_and_privacy_consents_never() {
    let (rules, tables) = tables();
    let holder = server(&[can("Consent", &["patient", "category"])]);
    let directives = ClassSet::only(rules.vocabulary().class("directives").unwrap());
    let asked = searches(&tables, directives, &holder, &[]);
    let consent = asked.iter().find(|s| s.resource == "Consent").unwrap();
    assert!(consent.categories.contains(&"http://snomed.info/sct|129125009".to_owned()));
    assert!(consent.categories.iter().all(|token| !token.contains("59284-0")));
    // Who cannot tell the one from the other is not asked for either; what it may have of the one is missed.
    let all = server(&[can("Consent", &["patient"]), can("DocumentReference", &["patient"])]);
    let asked = searches(&tables, directives, &all, &[]);
    assert_eq!(asked.iter().map(|s| s.resource.as_str()).collect::<Vec<_>>(), ["DocumentReference"]);
    assert_eq!(super::unfound(&tables, directives, &all, &asked), directives);
    let none = server(&[can("DocumentReference", &["patient"])]);
    let asked = searches(&tables, directives, &none, &[]);
    assert!(super::unfound(&tables, directives, &none, &asked).is_empty());
}

#[test]
fn a_page_gives_its_resources_and_the_next_address() {
    let page = br#"{"resourceType":"Bundle","type":"searchset","link":[{"relation":"self","url":"https://h/a"},{"relation":"next","url":"https://h/b"}],
        "entry":[{"fullUrl":"https://h/Condition/1","resource":{"resourceType":"Condition","id":"1","meta":{"lastUpdated":"2026-01-02T03:04:05Z"}},"search":{"mode":"match"}},
                 {"resource":{"resourceType":"OperationOutcome","id":"o"},"search":{"mode":"outcome"}}]}"#;
    let read = read_page(page).unwrap();
    assert_eq!(read.next.as_deref(), Some("https://h/b"));
    assert_eq!(read.entries.len(), 1);
    let entry = &read.entries[0];
    assert_eq!((entry.resource_type.as_str(), entry.id.as_str()), ("Condition", "1"));
    assert_eq!(entry.recorded.as_deref(), Some("2026-01-02T03:04:05Z"));
    assert!(page[entry.span.0..entry.span.1].starts_with(b"{\"resourceType\":\"Condition\""));
}

/// A page that holds what its server says of it.
fn outcome(severity: &str, code: &str) -> &'static [u8] {
    let text = format!(
        r#"{{"resourceType":"Bundle","type":"searchset","entry":[{{"resource":{{"resourceType":"OperationOutcome","issue":[{{"severity":"{severity}","code":"{code}"}}]}},"search":{{"mode":"outcome"}}}}]}}"#
    );
    Box::leak(text.into_bytes().into_boxed_slice())
}

#[test]
fn fewer_matches_than_there_are_is_no_whole_and_what_comes_along_does_not_count() {
    let page = |total: &str, entries: &[(&str, &str)]| {
        let entries: Vec<String> = entries
            .iter()
            .map(|(id, mode)| {
                format!(r#"{{"resource":{{"resourceType":"Condition","id":"{id}"}},"search":{{"mode":"{mode}"}}}}"#)
            })
            .collect();
        let text = format!(
            r#"{{"resourceType":"Bundle","type":"searchset"{total},"entry":[{}]}}"#,
            entries.join(",")
        );
        read_page(text.as_bytes()).unwrap()
    };
    let whole = |pages: &[super::Page]| {
        let mut whole = super::Whole::default();
        pages.iter().for_each(|page| whole.count(page));
        whole.judge().is_ok()
    };
    let (one, two) = (&[("1", "match")][..], &[("2", "match")][..]);
    assert!(whole(&[page("", one)]) && whole(&[page(r#","total":1"#, one)]));
    assert!(whole(&[page(r#","total":0"#, one)]), "an estimate");
    assert!(!whole(&[page(r#","total":2"#, one)]));
    assert!(whole(&[page(r#","total":2"#, one), page(r#","total":2"#, two)]));
    assert!(whole(&[page(r#","total":2"#, one), page("", two)]));
    assert!(!whole(&[page(r#","total":2"#, one), page(r#","total":2"#, one)]), "the same page again");
    assert!(!whole(&[page(r#","total":2"#, &[("1", "match"), ("2", "include")])]));
    // What a server warns of leaves the page whole.
    assert!(
        read_page(outcome("warning", "processing")).is_ok() && read_page(outcome("information", "x")).is_ok()
    );
}

#[test]
fn a_class_is_found_where_one_of_its_types_can_be_searched() {
    let (rules, tables) = tables();
    let all = rules.vocabulary().all_classes();
    let lacks = |types: &[&str]| {
        let types: Vec<String> = types.iter().map(|name| can(name, &["patient"])).collect();
        let holder = server(&types);
        let plan = searches(&tables, all, &holder, &[]);
        let left = super::unfound(&tables, all, &holder, &plan);
        left.iter().map(|class| rules.vocabulary().class_code(class).to_owned()).collect::<Vec<_>>()
    };
    assert!(!lacks(&[]).contains(&"identity".to_owned()) && lacks(&[]).contains(&"medication".to_owned()));
    let some = lacks(&["AllergyIntolerance", "Observation", "MedicationRequest", "Condition"]);
    assert!(
        ["medication", "allergies", "problems", "legal", "results"]
            .iter()
            .all(|c| !some.contains(&(*c).to_owned()))
    );
    assert!(["plan", "directives", "circle"].iter().all(|c| some.contains(&(*c).to_owned())), "{some:?}");
    let enough = [
        "AllergyIntolerance",
        "Observation",
        "MedicationRequest",
        "Condition",
        "CarePlan",
        "DocumentReference",
        "Encounter",
    ];
    assert_eq!(lacks(&enough), Vec::<String>::new());
}

#[test]
fn what_is_no_page_counts_for_nothing() {
    let faults: [(&[u8], Unfit); 13] = [
        (b"", Unfit::Json),
        (b"{\"resourceType\":", Unfit::Json),
        (b"{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"type\":\"searchset\"}", Unfit::Json),
        (b"{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"x\":\"\xff\"}", Unfit::Json),
        (b"{\"resourceType\":\"Bundle\",\"type\":\"history\"}", Unfit::NoSearchset),
        (b"{\"resourceType\":\"Patient\"}", Unfit::NoSearchset),
        (b"[]", Unfit::NoSearchset),
        (outcome("error", "processing"), Unfit::Partial),
        (outcome("fatal", "processing"), Unfit::Partial),
        (outcome("warning", "incomplete"), Unfit::Partial),
        (br#"{"resourceType":"Bundle","type":"searchset","link":[{"relation":"next"}]}"#, Unfit::Partial),
        (b"{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":[{}]}", Unfit::Entry),
        (b"{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":[{\"resource\":{\"resourceType\":\"Condition\"}}]}", Unfit::Entry),
    ];
    for (bytes, fault) in faults {
        assert_eq!(read_page(bytes), Err(PageFault(fault)), "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_patient_counts_by_its_number_and_a_stranger_spoils_the_page() {
    let page = |value: &str| {
        format!(
            r#"{{"resourceType":"Bundle","type":"searchset","entry":[{{"resource":{{"resourceType":"Patient","id":"17","identifier":[{{"system":"urn:oid:2.16.840.1.113883.2.4.6.3","value":"{value}"}}]}}}}]}}"#
        )
    };
    let own = [("http://fhir.nl/fhir/NamingSystem/bsn", "999990032")];
    let found = |text: &str| patients(text.as_bytes(), &read_page(text.as_bytes()).unwrap(), &own);
    assert_eq!(found(&page("999990032")), Some(vec!["17".to_owned()]));
    assert_eq!(found(&page("999990160")), None);
    let two = page("999990032").replace(
        "\"identifier\":[",
        "\"identifier\":[{\"system\":\"http://fhir.nl/fhir/NamingSystem/bsn\",\"value\":\"999990160\"},",
    );
    assert_eq!(found(&two), None, "two people in one");
    let local = two.replace("http://fhir.nl/fhir/NamingSystem/bsn", "urn:local");
    assert_eq!(found(&local), Some(vec!["17".to_owned()]));
    assert_eq!(found(r#"{"resourceType":"Bundle","type":"searchset"}"#), Some(Vec::new()));
}
