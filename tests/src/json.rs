//! Looking into answers: codes, words, markers.

use serde_json::Value;
use std::collections::BTreeSet;

/// Members whose value the gateway draws or stamps.
const OF_CHANCE: [&str; 7] = ["id", "fullUrl", "reference", "url", "versionId", "lastUpdated", "timestamp"];

/// Whether a coding with this code stands anywhere.
#[must_use]
pub fn has_code(value: &Value, code: &str) -> bool {
    any(value, &|v| v.get("code").and_then(Value::as_str) == Some(code))
}

/// Whether any string contains these words, whatever their case. Ids, links and stamps of ours are passed over: their
/// letters and figures are chance.
#[must_use]
pub fn has_words(value: &Value, words: &str) -> bool {
    let words = words.to_lowercase();
    match value {
        Value::String(text) => !text.starts_with("urn:uuid:") && text.to_lowercase().contains(&words),
        Value::Array(all) => all.iter().any(|v| has_words(v, &words)),
        Value::Object(all) => all
            .iter()
            .filter(|(name, _)| !OF_CHANCE.contains(&name.as_str()))
            .any(|(_, v)| has_words(v, &words)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Every marker (`MRK-...`) in it.
#[must_use]
pub fn markers(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    visit(value, &mut |v| {
        if let Some(text) = v.as_str() {
            for tail in text.split("MRK-").skip(1) {
                let end = tail.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(tail.len());
                found.insert(format!("MRK-{}", &tail[..end]));
            }
        }
    });
    found
}

/// The resources of a Bundle.
#[must_use]
pub fn resources(bundle: &Value) -> Vec<&Value> {
    let entries = bundle["entry"].as_array();
    entries.map(|all| all.iter().map(|e| &e["resource"]).collect()).unwrap_or_default()
}

/// Resources of one type in a Bundle.
#[must_use]
pub fn of_type<'v>(bundle: &'v Value, kind: &str) -> Vec<&'v Value> {
    resources(bundle).into_iter().filter(|r| r["resourceType"] == kind).collect()
}

/// Whether `test` holds for any value in it.
pub fn any(value: &Value, test: &dyn Fn(&Value) -> bool) -> bool {
    let mut found = false;
    visit(value, &mut |v| found |= test(v));
    found
}

/// Visits every value in it.
pub fn visit(value: &Value, on: &mut dyn FnMut(&Value)) {
    on(value);
    match value {
        Value::Array(all) => all.iter().for_each(|v| visit(v, on)),
        Value::Object(all) => all.values().for_each(|v| visit(v, on)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
