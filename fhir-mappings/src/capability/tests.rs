//! Both documents say what the list says, and nothing dangles.

use super::*;
use crate::grammar::{About, Interaction, Query, ROWS, parse};
use serde_json::Value;
use std::collections::BTreeSet;

const SERVICE: Service<'static> =
    Service { base: "https://127.0.0.1:8443", version: "0.1.0", date: "2026-11-21" };

fn api() -> Value {
    serde_json::from_slice(&openapi(SERVICE)).unwrap()
}

#[test]
fn the_statement_keeps_to_base_r4_and_names_every_type() {
    let bytes = statement(SERVICE);
    let doc = crate::json::parse(&bytes).unwrap();
    assert_eq!(crate::r4::check(doc.root()), []);
    let statement: Value = serde_json::from_slice(&bytes).unwrap();
    let named: Vec<_> = statement["rest"][0]["resource"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["type"].as_str().unwrap())
        .collect();
    assert_eq!(named, ROWS.iter().map(|row| row.resource).collect::<Vec<_>>());
}

#[test]
fn our_search_parameters_keep_to_base_r4_and_are_those_of_the_contract() {
    let written = search_parameters(SERVICE);
    let mut ids = BTreeSet::new();
    for bytes in &written {
        let doc = crate::json::parse(bytes).unwrap();
        assert_eq!(crate::r4::check(doc.root()), []);
        ids.insert(doc.root().get_str("id").unwrap().into_owned());
    }
    let expected = ["DeviceUseStatement-status", "Flag-status", "Goal-status", "MedicationDispense-category"];
    assert!(ids.iter().eq(expected.iter()), "{ids:?}");
}

#[test]
fn openapi_has_every_interaction_and_every_reference_resolves() {
    let api = api();
    for row in ROWS {
        let base = format!("/fhir/{}", row.resource);
        for interaction in row.interactions {
            let (path, method) = match interaction {
                Interaction::Search => (format!("{base}/_search"), "post"),
                Interaction::Read => (format!("{base}/{{id}}"), "get"),
                Interaction::Create => (base.clone(), "post"),
                Interaction::Update => (format!("{base}/{{id}}"), "put"),
                Interaction::Delete => (format!("{base}/{{id}}"), "delete"),
                Interaction::LastN => (format!("{base}/$lastn"), "get"),
                Interaction::Summary => (format!("{base}/{{id}}/$summary"), "post"),
                Interaction::SummaryByIdentifier => (format!("{base}/$summary"), "post"),
                Interaction::Explain => (format!("{base}/{{id}}/$explain"), "post"),
            };
            assert!(api["paths"][&path][method].is_object(), "{method} {path}");
        }
    }
    assert!(api["paths"]["/fhir/Patient"].is_null());
    let mut references = Vec::new();
    collect(&api, &mut references);
    assert!(references.len() > 500);
    for reference in references {
        assert!(api.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

fn collect(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get("$ref") {
                out.push(target.clone());
            }
            members.values().for_each(|member| collect(member, out));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, out)),
        _ => {}
    }
}

#[test]
fn what_openapi_describes_is_parsed() {
    let api = api();
    let mut operations = BTreeSet::new();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(operations.insert(operation["operationId"].as_str().unwrap().to_owned()));
            if path == "/oauth/token" {
                continue;
            }
            let path = path.replace("{id}", "abc");
            let form = path.ends_with("/_search");
            let person = path.starts_with("/fhir/Patient/_search");
            let needed = needed(operation, person);
            let media = if form { "application/x-www-form-urlencoded" } else { "application/fhir+json" };
            let body = match (form, path.as_str()) {
                (true, _) => needed.clone(),
                (_, "/fhir/Patient/$summary") => SUMMARY.to_owned(),
                _ => String::new(),
            };
            let has_body = form || !body.is_empty() || operation.get("requestBody").is_some();
            let query = (!form && !needed.is_empty()).then_some(needed);
            let found = parse(
                &method.to_uppercase(),
                &path,
                query.as_deref(),
                has_body.then_some(media),
                has_body.then_some(body.as_bytes()),
            );
            assert!(found.is_ok(), "{method} {path} {query:?}: {found:?}");
        }
    }
}

const SUMMARY: &str =
    r#"{"resourceType":"Parameters","parameter":[{"name":"identifier","valueString":"s:1|v"}]}"#;

fn needed(operation: &Value, person: bool) -> String {
    let form =
        &operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]["required"];
    let by_form = form.as_array().into_iter().flatten().map(|name| name.as_str().unwrap().to_owned());
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let by_query = parameters.filter(|p| p["in"] == "query" && p["required"] == true);
    let names: Vec<_> = by_form.chain(by_query.map(|p| p["name"].as_str().unwrap().to_owned())).collect();
    let value = if person { "s:1|v" } else { "abc" };
    let value = |name: &str| if name == "subject:identifier" { "s:1|v" } else { value };
    names.iter().map(|name| format!("{name}={}", value(name))).collect::<Vec<_>>().join("&")
}

#[test]
fn no_document_differs_by_caller_or_names_a_source() {
    let text = String::from_utf8(statement(SERVICE)).unwrap();
    assert_eq!(text.as_bytes(), statement(SERVICE));
    assert!(ROWS.iter().any(|row| row.about == About::Directory) && !text.contains("linde"));
    assert_eq!(parse("GET", "/openapi.json", None, None, None), Ok(Query::OpenApi));
}
