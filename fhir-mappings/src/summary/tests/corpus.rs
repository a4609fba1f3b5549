//! Real documents of many makers: our rules judge them, and our composer takes their resources.

use super::*;
use std::collections::BTreeMap;
use std::path::PathBuf;

fn files() -> Option<Vec<PathBuf>> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = here
        .ancestors()
        .map(|up| up.join("shared/corpus/patient-summaries"))
        .find(|folder| folder.is_dir())?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    Some(files)
}

#[test]
fn most_real_documents_keep_the_rules() {
    let Some(files) = files() else {
        println!("skipped: shared/corpus/patient-summaries is absent");
        return;
    };
    let (mut good, mut documents, mut rules) = (0, 0, BTreeMap::<(&str, bool), usize>::new());
    for file in &files {
        let bytes = std::fs::read(file).unwrap();
        let doc = json::parse(&bytes).unwrap();
        if doc.root().get_str("type").is_none_or(|kind| kind != "document") {
            continue;
        }
        documents += 1;
        let issues = check_ips(&doc);
        good += usize::from(errors(&issues).is_empty());
        let of_file: std::collections::BTreeSet<_> =
            issues.iter().map(|issue| (issue.rule, issue.severity == Severity::Error)).collect();
        of_file.into_iter().for_each(|rule| *rules.entry(rule).or_default() += 1);
    }
    println!("IPS rules: {good} of {documents} real documents have no error ({} files)", files.len());
    rules.iter().for_each(|((rule, error), n)| {
        println!("  {n:3} documents, {} {rule}", if *error { "error" } else { "warning" })
    });
    assert!(good * 2 > documents, "a checker that refuses most real documents misreads the standard");
}

#[test]
fn resources_of_real_documents_compose_into_valid_ones() {
    let Some(files) = files() else {
        println!("skipped: shared/corpus/patient-summaries is absent");
        return;
    };
    let (mut placed, mut given) = (0, 0);
    for file in &files {
        let bytes = std::fs::read(file).unwrap();
        let doc = json::parse(&bytes).unwrap();
        let resources: Vec<_> = doc.root().each("entry").filter_map(|entry| entry.get("resource")).collect();
        let text = |name: &str, value: &json::Value<'_>| value.get_str(name).unwrap_or_default().into_owned();
        let owned: Vec<(String, String, &str)> =
            resources.iter().map(|r| (text("resourceType", r), text("id", r), r.raw())).collect();
        let person = owned.iter().find(|(kind, _, _)| kind == "Patient").map_or("p1", |(_, id, _)| id);
        let items: Vec<Item<'_>> =
            owned.iter().map(|(kind, id, raw)| item(kind, id, "h", raw.as_bytes())).collect();
        let frame = Frame { patient_id: if person.is_empty() { "p1" } else { person }, ..frame() };
        placed += items.len() - compose(&items, &frame).left_out.len();
        given += items.len();
        composed(&items, &frame);
    }
    println!(
        "composed: {placed} of {given} resources of {} real files stand in {} valid documents",
        files.len(),
        files.len()
    );
}
