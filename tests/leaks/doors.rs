//! Other doors.

use crate::{linden, outside_the_grammar};
use serde_json::json;
use sluis_tests::{Request, World};

#[test]
fn l78_operations_are_refused_unless_listed() {
    let (asker, id) = linden(World::shared(), "kaya");
    let operations = [
        "$meta",
        "$validate",
        "$match",
        "$document",
        "$docref",
        "$expand",
        "$export",
        "$graphql",
        "$lastn",
        "$stats",
        "$diff",
        "$reindex",
        "$member-match",
        "$closure",
        "$process-message",
        "$convert",
        "$everything",
        "$purge",
        "$merge",
    ];
    let mut targets = Vec::new();
    for operation in operations {
        targets.extend([
            operation.to_owned(),
            format!("Patient/{operation}"),
            format!("Patient/{id}/{operation}"),
            format!("Composition/{id}/{operation}"),
        ]);
    }
    outside_the_grammar(&asker, &targets);
    for operation in operations {
        let body = json!({"resourceType": "Parameters"}).to_string();
        let answer = asker.send(Request::fhir("POST", &format!("/fhir/Patient/{id}/{operation}"), body));
        answer.is(400, "query-not-supported");
    }
}

#[test]
fn l79_there_is_no_second_api() {
    let (asker, id) = linden(World::shared(), "kaya");
    let token = asker.token();
    for path in [
        "/graphql",
        "/fhir/$graphql",
        "/api/Patient",
        "/r4/Patient",
        "/v1/Patient",
        "/baseR4/Patient",
        "/admin",
        "/metrics",
        "/readyz",
        "/debug/pprof",
        "/.git/config",
        "/actuator",
        "/fhir-raw/Patient",
        "/control.sock",
        "/swagger",
        "/hl7",
        "/dicom-web",
        "/",
    ] {
        for method in ["GET", "POST"] {
            let answer = asker.client().send(&Request::new(method, path).bearer(&token));
            assert!(matches!(answer.status, 400 | 404 | 415), "{method} {path}: {}", answer.status);
            assert!(!answer.text().contains(&id));
        }
    }
}

#[test]
fn l81_there_are_no_subscriptions() {
    let (asker, id) = linden(World::shared(), "kaya");
    let subscription = json!({"resourceType": "Subscription", "status": "requested", "reason": "x", "criteria": format!("Condition?patient={id}"),
        "channel": {"type": "rest-hook", "endpoint": "https://127.0.0.1:1/", "payload": "application/fhir+json"}});
    asker
        .send(Request::fhir("POST", "/fhir/Subscription", subscription.to_string()))
        .is(400, "query-not-supported");
    outside_the_grammar(
        &asker,
        &[format!("Subscription?patient={id}"), "Subscription".into(), "SubscriptionTopic".into()],
    );
}

#[test]
fn l83_other_formats_are_not_acceptable() {
    let (asker, id) = linden(World::shared(), "kaya");
    for accept in [
        "application/fhir+xml",
        "application/xml",
        "text/xml",
        "application/fhir+ndjson",
        "application/fhir+turtle",
        "text/turtle",
        "text/html",
        "application/octet-stream",
        "application/fhir+json; fhirVersion=3.0",
        "application/fhir+json; fhirVersion=5.0",
        "image/*",
    ] {
        for path in [
            format!("/fhir/Patient/{id}"),
            format!("/fhir/Patient/{id}/$summary"),
            format!("/fhir/Condition?patient={id}"),
        ] {
            asker.send(Request::get(&path).header("Accept", accept)).is(406, "not-acceptable");
        }
    }
    outside_the_grammar(
        &asker,
        &[
            format!("Condition?patient={id}&_format=xml"),
            format!("Condition?patient={id}&_format=json"),
            format!("Patient/{id}?_format=ttl"),
        ],
    );
    for accept in [
        "*/*",
        "application/json",
        "application/fhir+json; fhirVersion=4.0",
        "application/fhir+json;q=0.9, text/html",
    ] {
        let answer = asker.send(Request::get(&format!("/fhir/Patient/{id}")).header("Accept", accept)).ok();
        assert_eq!(answer.header("content-type"), Some("application/fhir+json; fhirVersion=4.0"), "{accept}");
    }
}
