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

/// The same with ids of ours replaced by the type they name, instants of the run by a placeholder, and everything whose
/// order is chance (it follows ids, which differ from sandbox to sandbox) put in the order of its content.
fn settled(value: &Value) -> Value {
    let mut names = BTreeMap::new();
    crate::json::visit(value, &mut |v| {
        let kind = v.get("resourceType").and_then(Value::as_str);
        if let (Some(kind), Some(id)) = (kind, v.get("id").and_then(Value::as_str))
            && id.len() > 20
        {
            names.insert(id.to_owned(), format!("<{kind}>"));
        }
    });
    let mut settled = replace(value, &names);
    sort(&mut settled);
    settled
}

/// Lists of objects in the order of their content; the first entry of a document, its Composition, stays first.
fn sort(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(sort),
        Value::Array(all) => {
            all.iter_mut().for_each(sort);
            if all.iter().all(Value::is_object) {
                all.sort_by_key(|v| (v["resource"]["resourceType"] != "Composition", v.to_string()));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn replace(value: &Value, names: &BTreeMap<String, String>) -> Value {
    match value {
        Value::Object(members) => {
            // The number of a fact follows the order of the list, and that follows ids.
            let numbered = members.get("url").is_some_and(|url| url == "fact");
            let kept = members.iter().filter(|(name, _)| !numbered || *name == "url");
            Value::Object(kept.map(|(name, v)| (name.clone(), replace(v, names))).collect())
        }
        Value::Array(all) => Value::Array(all.iter().map(|v| replace(v, names)).collect()),
        Value::String(text) => Value::from(words(text, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn words(text: &str, names: &BTreeMap<String, String>) -> String {
    let mut text = text.to_owned();
    for (id, name) in names {
        text = text.replace(id.as_str(), name);
    }
    if let Some(at) = text.find("https://127.0.0.1:") {
        let rest = &text[at + 18..];
        let port = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        text = format!("{}<exchange>{}", &text[..at], &rest[port..]);
    }
    let mut parts = text.split("Casus ");
    let first = parts.next().unwrap_or_default().to_owned();
    text = parts.fold(first, |before, rest| {
        let number = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        format!("{before}Casus <number>{}", &rest[number..])
    });
    text = sorted_sources(&text);
    for tag in ["tr", "li"] {
        text = sorted_rows(&text, tag);
    }
    // An instant with a fraction of a second is the run's: the region's own have none.
    if text.len() > 20
        && text.as_bytes()[10] == b'T'
        && text.ends_with('Z')
        && text.parse::<jiff::Timestamp>().is_ok()
    {
        return "<now>".into();
    }
    text
}

/// The rows of a narrative in the order of their words.
fn sorted_rows(text: &str, tag: &str) -> String {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let mut rows: Vec<&str> =
        text.split(open.as_str()).skip(1).filter_map(|r| r.split(close.as_str()).next()).collect();
    if rows.len() < 2 {
        return text.to_owned();
    }
    // The head of a table has a row of its own, before all others.
    let head = usize::from(rows[0].contains("<th>"));
    rows[head..].sort_unstable();
    let mut rows = rows.into_iter();
    let mut parts = text.split(open.as_str());
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.split_once(close.as_str()).map_or("", |(_, rest)| rest);
        out.push_str(&format!("{open}{}{close}{rest}", rows.next().unwrap_or_default()));
    }
    out
}

/// The sources in a cell, `A; B`, in the order of their names.
fn sorted_sources(text: &str) -> String {
    let cells = text.split("<td>").map(|cell| match cell.split_once("</td>") {
        Some((words, rest)) => {
            let mut sources: Vec<&str> = words.split("; ").collect();
            sources.sort_unstable();
            format!("{}</td>{rest}", sources.join("; "))
        }
        None => cell.to_owned(),
    });
    cells.collect::<Vec<_>>().join("<td>")
}
