//! Real documents of others through every function's table: what comes out is valid R4 and exactly what the plain
//! filter gives. Skipped, plainly, where the corpus is not at hand.

use super::world::{PATIENT, TABLES, World};
use super::{Bound, markers};
use crate::json::parse;
use crate::tables::TypeKind;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn shared() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.ancestors().skip(1).map(|dir| dir.join("shared")).find(|dir| dir.join("CONTRACT.md").exists())
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() && !path.ends_with("invalid") {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "json") && !path.ends_with("INDEX.json") {
            found.push(path);
        }
    }
}

/// The resources of a file, and each file's own person renamed to ours.
fn resources(path: &Path) -> Vec<Value> {
    let Ok(value) = serde_json::from_slice::<Value>(&std::fs::read(path).unwrap()) else { return Vec::new() };
    let entries = value["entry"].as_array().cloned().unwrap_or_default();
    let inner: Vec<Value> = entries.iter().map(|e| e["resource"].clone()).filter(Value::is_object).collect();
    if inner.is_empty() { vec![value] } else { inner }
}

#[test]
fn what_comes_out_of_real_documents_is_valid_and_listed() {
    let Some(shared) = shared() else {
        println!("skipped: no shared/corpus beside this checkout");
        return;
    };
    let mut paths = Vec::new();
    files(&shared.join("corpus"), &mut paths);
    let long = std::env::var_os("SLUIS_LONG").is_some();
    let functions =
        ["gp-own", "ggz-treatment", "district-nursing", "wmo-individual", "triage", "stay-search"];
    let (mut given, mut out, mut faults) = (0, 0, Vec::new());
    for (at, path) in paths.iter().enumerate() {
        if !long && at % 12 != 0 {
            continue;
        }
        let all = resources(path);
        let valid: Vec<String> = all
            .iter()
            .filter(|r| r["resourceType"].as_str().is_some_and(|t| TABLES.kind(t).is_some()))
            .map(|r| r.to_string())
            .filter(|text| parse(text.as_bytes()).is_ok_and(|doc| crate::r4::check(doc.root()).is_empty()))
            .collect();
        for function in functions {
            let mut texts: Vec<&str> = valid.iter().map(String::as_str).collect();
            if !all.iter().any(|r| r["resourceType"] == "Patient") {
                texts.push(PATIENT);
            }
            let mut world =
                ["PSY", "HIV", "SEX", "STD", "SUD"].into_iter().fold(World::new("gp", &texts), World::clear);
            world.bound = Bound::AtImport;
            world.identify_by(&all);
            given += texts.len();
            for released in world.release(function).resources {
                out += 1;
                let doc = parse(&released.bytes).expect("what leaves is JSON");
                for issue in crate::r4::check(doc.root()) {
                    faults.push(format!(
                        "{} {function} {} {}: {}",
                        path.display(),
                        released.resource_type,
                        issue.expression,
                        issue.detail
                    ));
                }
            }
        }
        for resource in &all {
            let open = resource["resourceType"].as_str().and_then(|t| TABLES.kind(t)) == Some(TypeKind::Open);
            if open && resource["resourceType"] != "Patient" && parse(resource.to_string().as_bytes()).is_ok()
            {
                for function in ["gp-own", "triage", "wmo-individual"] {
                    markers::compare(resource, function, "gp", false);
                }
            }
        }
    }
    faults.sort();
    faults.dedup();
    assert!(faults.is_empty(), "{} faults in {out} of {given}:\n{}", faults.len(), faults.join("\n"));
    assert!(out > 500, "only {out} of {given} resources came out");
}
