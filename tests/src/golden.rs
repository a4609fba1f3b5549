//! Golden files: stored answers that a change of behaviour must change too. `SLUIS_BLESS=1` rewrites them.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The folder of golden files.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// Compares with `golden/NAME`, or writes it. Returns what differs.
///
/// # Errors
/// The first line that differs.
pub fn check(name: &str, value: &Value) -> Result<(), String> {
    let path = folder().join(name);
    let now = serde_json::to_string_pretty(&settled(value)).expect("JSON") + "\n";
    if std::env::var_os("SLUIS_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, now).expect("written");
        return Ok(());
    }
    let stored =
        std::fs::read_to_string(&path).map_err(|e| format!("{name}: {e}; SLUIS_BLESS=1 writes it"))?;
    if stored == now {
        return Ok(());
    }
    let (mut old, mut new) = (stored.lines(), now.lines());
    let mut number = 1;
    loop {
        match (old.next(), new.next()) {
            (Some(a), Some(b)) if a == b => number += 1,
            (a, b) => {
                return Err(format!(
                    "{name}:{number}\n  stored {}\n  now    {}",
                    a.unwrap_or("-"),
                    b.unwrap_or("-")
                ));
            }
        }
    }
}

/// Golden files that no test asked for.
#[must_use]
pub fn unused(used: &BTreeSet<String>) -> Vec<String> {
    let mut left = Vec::new();
    for folder_entry in std::fs::read_dir(folder()).into_iter().flatten().flatten() {
        let Ok(files) = std::fs::read_dir(folder_entry.path()) else { continue };
        for file in files.flatten() {
            let name = format!(
                "{}/{}",
                folder_entry.file_name().to_string_lossy(),
                file.file_name().to_string_lossy()
            );
            if !used.contains(&name) {
                left.push(name);
            }
        }
    }
    left
}

/// The same with ids of ours, instants of the run and sealed links replaced by placeholders, numbered as they come.
fn settled(value: &Value) -> Value {
    let mut names = BTreeMap::new();
    collect(value, &mut names);
    replace(value, "", &names)
}

fn collect(value: &Value, names: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            for name in ["id", "fullUrl"] {
                if let Some(id) = members.get(name).and_then(Value::as_str) {
                    let id = id.rsplit(['/', ':']).next().unwrap_or(id);
                    let number = names.len() + 1;
                    names.entry(id.to_owned()).or_insert_with(|| format!("<id {number}>"));
                }
            }
            members.values().for_each(|v| collect(v, names));
        }
        Value::Array(all) => all.iter().for_each(|v| collect(v, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn replace(value: &Value, member: &str, names: &BTreeMap<String, String>) -> Value {
    match value {
        Value::Object(members) => {
            let of_run = members.get("resourceType").and_then(Value::as_str);
            let replaced = members.iter().map(|(name, v)| {
                let instant = matches!(name.as_str(), "timestamp" | "lastUpdated")
                    || (name == "date" && of_run == Some("Composition"));
                let v = if instant { Value::from("<now>") } else { replace(v, name, names) };
                (name.clone(), v)
            });
            Value::Object(replaced.collect())
        }
        Value::Array(all) => Value::Array(all.iter().map(|v| replace(v, member, names)).collect()),
        Value::String(text) => Value::from(words(text, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn words(text: &str, names: &BTreeMap<String, String>) -> String {
    let mut text = text.to_owned();
    // Longest first, so that an id that begins another one does not cut it.
    let mut all: Vec<_> = names.iter().filter(|(id, _)| id.len() > 8).collect();
    all.sort_by_key(|(id, _)| std::cmp::Reverse(id.len()));
    for (id, name) in all {
        if text.contains(id.as_str()) {
            text = text.replace(id.as_str(), name);
        }
    }
    if let Some(at) = text.find("https://127.0.0.1:") {
        let rest = &text[at + 18..];
        let port = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        text = format!("{}<exchange>{}", &text[..at], &rest[port..]);
    }
    text
}
