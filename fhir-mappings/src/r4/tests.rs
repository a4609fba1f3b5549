//! Rules of the definitions and the check.
use super::*;

#[test]
fn the_tables_hold_what_r4_says() {
    let start = std::time::Instant::now();
    let d = Definitions::get();
    println!("definitions read in {:?}", start.elapsed());
    // 148 in the specification, Resource and DomainResource counted.
    assert_eq!(d.resource_types().len(), 146);
    let onset = d.element("Condition", "onset").unwrap();
    assert!(onset.choice && onset.types.len() == 5);
    assert!(d.resolve("Condition.onsetAge.value").is_some());
    assert!(d.resolve("Condition.onset[x]").is_some());
    assert!(d.resolve("Condition.stage.summary.coding.display").is_some());
    assert!(d.resolve("Questionnaire.item.item.linkId").is_some());
    assert!(d.resolve("Condition.colour").is_none());
    assert!(d.paths("Condition").iter().any(|(p, _)| p == "Condition.stage.summary"));
}

/// Checks `text` and compares the places and kinds of what is found.
#[track_caller]
fn finds<const N: usize>(text: &str, due: [(&str, IssueCode); N]) {
    let doc = crate::json::parse(text.as_bytes()).unwrap();
    let found = check(doc.root());
    let found: Vec<(&str, IssueCode)> = found.iter().map(|i| (i.expression.as_str(), i.code)).collect();
    assert_eq!(found, due);
}

fn patient(members: &str) -> String {
    format!(r#"{{"resourceType":"Patient",{members}}}"#)
}

#[test]
fn a_place_is_named_and_a_value_never() {
    finds(&patient(r#""colour":"secret""#), [("Patient.colour", IssueCode::Structure)]);
    finds(&patient(r#""123456782":"secret""#), [("Patient.(unnamed)", IssueCode::Structure)]);
    finds(&patient(r#""name":[{"given":["a",""]}]"#), [("Patient.name[0].given[1]", IssueCode::Value)]);
    finds(r#"{"resourceType":"Nothing"}"#, [("Resource", IssueCode::Structure)]);
    finds(r#"[]"#, [("Resource", IssueCode::Structure)]);
}

#[test]
fn a_list_is_an_array_and_a_single_value_is_none() {
    finds(&patient(r#""name":{"family":"x"}"#), [("Patient.name", IssueCode::Structure)]);
    finds(&patient(r#""gender":["male"]"#), [("Patient.gender", IssueCode::Structure)]);
    finds(&patient(r#""name":[]"#), [("Patient.name", IssueCode::Structure)]);
    finds(&patient(r#""name":[{}]"#), [("Patient.name[0]", IssueCode::Invariant)]);
    finds(&patient(r#""active":"true""#), [("Patient.active", IssueCode::Value)]);
}

#[test]
fn null_fills_a_primitive_array_beside_its_sibling_only() {
    let extension = r#"{"extension":[{"url":"u","valueString":"x"}]}"#;
    finds(&patient(&format!(r#""name":[{{"given":["a",null],"_given":[null,{extension}]}}]"#)), []);
    finds(&patient(r#""name":[{"given":["a",null]}]"#), [("Patient.name[0].given[1]", IssueCode::Structure)]);
    finds(&patient(r#""gender":null"#), [("Patient.gender", IssueCode::Structure)]);
    finds(&patient(&format!(r#""_birthDate":{extension}"#)), []);
    finds(&patient(r#""_birthDate":{"id":"x"}"#), [("Patient.birthDate", IssueCode::Invariant)]);
    finds(&patient(&format!(r#""_name":[{extension}]"#)), [("Patient._name", IssueCode::Structure)]);
}

#[test]
fn a_choice_is_made_once() {
    let twice = r#""deceasedBoolean":true,"deceasedDateTime":"2020""#;
    finds(&patient(twice), [("Patient.deceasedDateTime", IssueCode::Structure)]);
    finds(&patient(r#""deceasedString":"x""#), [("Patient.deceasedString", IssueCode::Structure)]);
    finds(&patient(r#""deceased":true"#), [("Patient.deceased", IssueCode::Structure)]);
}

#[test]
fn primitives_have_the_form_of_their_type() {
    let birth = |date: &str| patient(&format!(r#""birthDate":"{date}""#));
    for good in ["1970", "1970-02", "2024-02-29"] {
        finds(&birth(good), []);
    }
    for bad in
        ["70", "1970-13", "2023-02-29", "01-02-1970", "1970-1-1", "0000", "1970-01-01T00:00:00Z", "１９７０"]
    {
        finds(&birth(bad), [("Patient.birthDate", IssueCode::Value)]);
    }
    let updated = |at: &str| patient(&format!(r#""meta":{{"lastUpdated":"{at}"}}"#));
    for good in ["2020-01-01T00:00:00Z", "2020-01-01T23:59:60.001+14:00"] {
        finds(&updated(good), []);
    }
    for bad in [
        "2020-01-01",
        "2020-01-01T00:00:00",
        "2020-01-01T00:00Z",
        "2020-01-01T24:00:00Z",
        "2020-01-01T00:00:00+15:00",
    ] {
        finds(&updated(bad), [("Patient.meta.lastUpdated", IssueCode::Value)]);
    }
    finds(&patient(r#""id":"a/b""#), [("Patient.id", IssueCode::Value)]);
    finds(&patient(r#""multipleBirthInteger":1.0"#), [("Patient.multipleBirthInteger", IssueCode::Value)]);
    finds(
        &patient(r#""photo":[{"contentType":"image/png","data":"!!!!"}]"#),
        [("Patient.photo[0].data", IssueCode::Value)],
    );
}

#[test]
fn required_bindings_hold() {
    finds(&patient(r#""gender":"m""#), [("Patient.gender", IssueCode::CodeInvalid)]);
    let condition = |status: &str| {
        format!(
            r#"{{"resourceType":"Condition","subject":{{"reference":"Patient/1"}},"clinicalStatus":{status}}}"#
        )
    };
    let system = "http://terminology.hl7.org/CodeSystem/condition-clinical";
    finds(&condition(&format!(r#"{{"coding":[{{"system":"{system}","code":"active"}}]}}"#)), []);
    let bad = [("Condition.clinicalStatus", IssueCode::CodeInvalid)];
    finds(&condition(&format!(r#"{{"coding":[{{"system":"{system}","code":"on"}}]}}"#)), bad);
    finds(&condition(r#"{"coding":[{"code":"active"}]}"#), bad);
    finds(&condition(r#"{"text":"active"}"#), bad);
}

#[test]
fn references_point_to_allowed_types_and_inside() {
    let condition = |subject: &str, more: &str| {
        format!(r#"{{"resourceType":"Condition","subject":{{"reference":"{subject}"}}{more}}}"#)
    };
    for good in
        ["Patient/1", "https://x.example/fhir/Group/1/_history/2", "urn:uuid:x", "Patient?identifier=a"]
    {
        finds(&condition(good, ""), []);
    }
    let bad = [("Condition.subject", IssueCode::Value)];
    finds(&condition("Organization/1", ""), bad);
    finds(&condition("https://x.example/Organization/1", ""), bad);
    finds(&condition("#p", ""), [("Condition.subject", IssueCode::Invariant)]);
    let contained = r#","contained":[{"resourceType":"Patient","id":"p","active":true}]"#;
    finds(&condition("#p", contained), []);
    finds(&condition("Patient/1", contained), [("Condition.contained[0]", IssueCode::Invariant)]);
    let wrong = r##","contained":[{"resourceType":"Organization","id":"p","name":"x"}]"##;
    finds(&condition("#p", wrong), bad);
}

#[test]
fn a_narrative_neither_acts_nor_reaches_outside() {
    let div = |inner: &str| {
        let text = format!(r#"<div xmlns="http://www.w3.org/1999/xhtml">{inner}</div>"#).replace('"', "\\\"");
        patient(&format!(r#""text":{{"status":"generated","div":"{text}"}}"#))
    };
    for good in ["x", "<p>a &amp; b<br/></p>", r##"<a href="#x">x</a>"##, "<!-- c -->x"] {
        finds(&div(good), []);
    }
    for bad in [
        "",
        "<script>x</script>",
        "<p onclick=\"x\">x</p>",
        "<a href=\"javascript:x\">x</a>",
        "<a href=\"java&#x73;cript:x\">x</a>",
        "<img src=\"https://x.example/p.png\"/>",
        "<p style=\"background:url(https://x.example/p.png)\">x</p>",
        "<p>x",
        "x</div><div>",
        "<p class=\"a\" class=\"b\">x</p>",
        "<p bgsound=\"a\">x</p>",
        "&lol;",
        "<!DOCTYPE x>x",
        "<?x ?>x",
        "<iframe/>x",
        "<P>x</P>",
        "a & b",
    ] {
        finds(&div(bad), [("Patient.text.div", IssueCode::Invariant)]);
    }
}

#[test]
fn invariants_hold() {
    let identified = |period: &str| patient(&format!(r#""identifier":[{{"value":"x","period":{period}}}]"#));
    finds(&identified(r#"{"start":"2020-02","end":"2020"}"#), []);
    finds(&identified(r#"{"start":"2020-01-01T10:00:00+02:00","end":"2020-01-01T09:00:00Z"}"#), []);
    let bad = [("Patient.identifier[0].period", IssueCode::Invariant)];
    finds(&identified(r#"{"start":"2021","end":"2020-12"}"#), bad);
    finds(&identified(r#"{"start":"2020-01-01T10:00:00Z","end":"2020-01-01T11:00:00+02:00"}"#), bad);
    finds(&patient(r#""contact":[{"gender":"male"}]"#), [("Patient.contact[0]", IssueCode::Invariant)]);
    finds(&patient(r#""telecom":[{"value":"x"}]"#), [("Patient.telecom[0]", IssueCode::Invariant)]);
    finds(&patient(r#""extension":[{"url":"u"}]"#), [("Patient.extension[0]", IssueCode::Invariant)]);
}

#[test]
fn hostile_size_is_bounded() {
    let many = |item: &str| {
        let items = vec![item; 100_000].join(",");
        format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{items}]}}"#)
    };
    let start = std::time::Instant::now();
    let doc = many(r#"{"x":12345678}"#);
    let doc = crate::json::parse(doc.as_bytes()).unwrap();
    assert_eq!(check(doc.root()).len(), 100);
    let doc = many(r#"{"resource":{"resourceType":"Patient","active":true}}"#);
    let doc = crate::json::parse(doc.as_bytes()).unwrap();
    assert!(check(doc.root()).is_empty());
    println!("two hostile bundles of 100,000 entries: {:?}", start.elapsed());
}

#[test]
fn value_sets_are_in_the_order_that_look_up_needs() {
    let table = include_str!("../../r4/codes.txt");
    for line in table.lines().filter(|line| line.contains('\t')) {
        let codes: Vec<&str> = line.split('\t').skip(1).collect();
        assert!(codes.is_sorted());
    }
}
