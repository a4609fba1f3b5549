//! One structural fault at a time, planted in valid files wherever it fits: each is refused where it stands.

use super::corpus::{files, folder};
use super::{Definitions, check};
use crate::json;
use serde_json::{Value, json};

/// A fault that fits any member of an object.
struct Fault {
    name: &'static str,
    /// The faulty value in place of the right one; `None` where the fault does not fit.
    plant: fn(&Value) -> Option<Value>,
}

const FAULTS: &[Fault] = &[
    Fault { name: "null", plant: |_| Some(Value::Null) },
    Fault { name: "empty array", plant: |_| Some(json!([])) },
    Fault { name: "array for single", plant: |v| (!v.is_array()).then(|| json!([v])) },
    Fault { name: "single for array", plant: |v| v.as_array()?.first().cloned() },
    Fault { name: "empty string", plant: |v| v.is_string().then(|| json!("")) },
    Fault {
        name: "object for primitive",
        plant: |v| (!v.is_array() && !v.is_object()).then(|| json!({"id": "x"})),
    },
    Fault { name: "number for string", plant: |v| v.is_string().then(|| json!(7)) },
    Fault { name: "empty object", plant: |v| v.is_object().then(|| json!({})) },
];

/// Every member of every object as (pointer, expression).
fn members(value: &Value, pointer: &str, expression: &str, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (name, inner) in
                map.iter().filter(|(name, _)| *name != "resourceType" && !name.starts_with('_'))
            {
                let (pointer, expression) = (format!("{pointer}/{name}"), format!("{expression}.{name}"));
                members(inner, &pointer, &expression, out);
                out.push((pointer, expression));
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                members(item, &format!("{pointer}/{i}"), &format!("{expression}[{i}]"), out);
            }
        }
        _ => {}
    }
}

#[track_caller]
fn refused_at(faulty: &Value, expression: &str, fault: &str, file: &str) {
    let text = faulty.to_string();
    let doc = json::parse(text.as_bytes()).unwrap();
    let found = check(doc.root());
    let hit = found.iter().any(|issue| issue.expression.starts_with(expression));
    assert!(hit, "{file}: {fault} at {expression} gave {found:?}");
}

/// Valid files small enough to be checked many times.
fn valid() -> Vec<(String, Value)> {
    let Some(corpus) = folder() else { return Vec::new() };
    let read = |path: std::path::PathBuf| {
        let name = path.strip_prefix(&corpus).unwrap().display().to_string();
        let value: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).ok()?;
        let fits = !name.starts_with("invalid") && value.get("resourceType").is_some();
        (fits && value.to_string().len() < 8_000).then_some((name, value))
    };
    files(&corpus).into_iter().filter_map(read).collect()
}

#[test]
fn a_planted_fault_is_refused_where_it_stands() {
    let mut planted = 0;
    for (number, (file, value)) in valid().iter().enumerate() {
        let root = value["resourceType"].as_str().unwrap();
        let mut places = Vec::new();
        members(value, "", root, &mut places);
        for (at, (pointer, expression)) in places.iter().enumerate() {
            // Another fault at each place, another start in each file: all pairs are met over the corpus.
            let fault = &FAULTS[(at + number) % FAULTS.len()];
            let mut faulty = value.clone();
            let target = faulty.pointer_mut(pointer).unwrap();
            let Some(wrong) = (fault.plant)(target) else { continue };
            *target = wrong;
            planted += 1;
            refused_at(&faulty, expression, fault.name, file);
        }
    }
    println!("planted {planted} faults of {} kinds", FAULTS.len());
}

#[test]
fn a_renamed_element_is_refused_where_it_stands() {
    let mut planted = 0;
    for (file, value) in valid() {
        let root = value["resourceType"].as_str().unwrap();
        let mut places = Vec::new();
        members(&value, "", root, &mut places);
        for (pointer, expression) in places.iter().step_by(5) {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            let mut faulty = value.clone();
            let map = faulty.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            let moved = map.remove(name).unwrap();
            map.insert(format!("{name}Oops"), moved);
            planted += 1;
            refused_at(&faulty, &format!("{expression}Oops"), "renamed", &file);
        }
    }
    println!("planted {planted} renamed elements");
}

#[test]
fn a_missing_element_and_a_doubled_choice_are_refused() {
    let (mut missing, mut doubled) = (0, 0);
    for (file, value) in valid() {
        let root = value["resourceType"].as_str().unwrap();
        let def = Definitions::get().type_def(root).unwrap();
        for element in &def.elements {
            let names: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
            let own = |name: &&String| {
                let bare = name.trim_start_matches('_');
                def.member(bare).is_some_and(|(e, _)| e.name == element.name)
            };
            let present: Vec<&String> = names.iter().filter(own).collect();
            if element.min > 0 {
                let mut faulty = value.clone();
                present.iter().for_each(|name| drop(faulty.as_object_mut().unwrap().remove(*name)));
                missing += 1;
                refused_at(&faulty, &format!("{root}.{}", element.name), "missing", &file);
            }
            if let (true, Some(first)) = (element.choice, present.first()) {
                let other = element.types.iter().map(|t| {
                    let (head, tail) = t.code.split_at(1);
                    format!("{}{}{tail}", element.name, head.to_ascii_uppercase())
                });
                let Some(other) = other.into_iter().find(|o| o != first.trim_start_matches('_')) else {
                    continue;
                };
                let mut faulty = value.clone();
                faulty.as_object_mut().unwrap().insert(other, json!("x"));
                doubled += 1;
                refused_at(&faulty, &format!("{root}.{}", element.name), "doubled", &file);
            }
        }
    }
    println!("left out {missing} required elements, doubled {doubled} choices");
}
