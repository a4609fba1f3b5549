//! Consents of the developers' corpus: each has a documented meaning or a documented refusal.
//!
//! The table stands in `docs/corpus-consents.md`; this test reads it there, so the page cannot go stale. Where the
//! corpus is not beside the checkout the test says so and ends.

use super::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn corpus() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = here.ancestors().flat_map(|up| [up.join("shared"), up.join("../shared")]);
    found.map(|shared| shared.join("corpus")).find(|corpus| corpus.join("consents").is_dir())
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|ext| ext == "json") {
            out.push(path);
        }
    }
}

/// What a file means as it stands, once its references are identifiers, and in a feed, in the words of the page.
fn verdict(bytes: &[u8]) -> String {
    let Ok(doc) = json::parse(bytes) else { return "no JSON".to_owned() };
    let kind = doc.root().get_str("resourceType").unwrap_or_default().into_owned();
    if kind != "Consent" {
        return format!("{kind}: no consent | | ");
    }
    let identified = by_identifier(serde_json::from_slice(bytes).unwrap()).to_string();
    let (as_is, named) = (reading(bytes), reading(identified.as_bytes()));
    let named = if as_is == named { "the same".to_owned() } else { named };
    let in_feed = match read_feed(identified.as_bytes(), &context(rules().vocabulary())) {
        FeedEntry::Read(_) => "read".to_owned(),
        FeedEntry::MayObject { .. } => "kept, refuses everything".to_owned(),
        FeedEntry::Directive(kind) => format!("{kind:?} directive: data of class directives"),
        FeedEntry::Refused(_) => "refused, cannot object".to_owned(),
    };
    format!("{as_is} | {named} | {in_feed}")
}

fn context(vocabulary: &consent::Vocabulary) -> Context<'_> {
    Context {
        id: "c1",
        version: 1,
        register: "corpus",
        recorder: Recorder::Register,
        now: now(),
        vocabulary,
        takes_part: &|_| true,
    }
}

fn reading(bytes: &[u8]) -> String {
    match read(bytes, &context(rules().vocabulary())) {
        Ok(received) => meaning(&received.record.provision),
        Err(refusal) => format!("refused: {} at `{}`", refusal.why.reason().code, refusal.expression),
    }
}

/// The facets that are set, and the exceptions below.
fn meaning(provision: &Provision) -> String {
    let mut words = vec![if provision.kind == Kind::Permit { "permit" } else { "deny" }.to_owned()];
    let purposes: Vec<_> = provision.purposes.iter().map(|p| p.code()).collect();
    words.extend((!purposes.is_empty()).then(|| format!("for {}", purposes.join(" "))));
    words.extend((!provision.labels.is_empty()).then(|| format!("labels {}", provision.labels.join(" "))));
    words.extend((!provision.users.is_empty()).then(|| format!("to {} named", provision.users.len())));
    words.extend((!provision.items.is_empty()).then(|| format!("{} items", provision.items.len())));
    words.extend((!provision.context.is_empty()).then(|| "within a relation".to_owned()));
    words.extend(provision.data_period.is_some().then(|| "of a data period".to_owned()));
    words.extend(provision.exceptions.iter().map(|inner| format!("except ({})", meaning(inner))));
    words.join(" ")
}

/// References by address as references by identifier, as the sender of a feed must write them.
fn by_identifier(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(by_identifier).collect(),
        Value::Object(members) => {
            let address = members.get("reference").and_then(Value::as_str).unwrap_or_default();
            match address.split_once('/') {
                Some((kind, id))
                    if !matches!(kind, "Patient" | "RelatedPerson") && !address.starts_with('#') =>
                {
                    let system = if kind == "Practitioner" { codes::PERSON } else { "urn:corpus" };
                    json!({"type": kind, "identifier": {"system": system, "value": id}})
                }
                _ => Value::Object(
                    members.into_iter().map(|(name, member)| (name, by_identifier(member))).collect(),
                ),
            }
        }
        other => other,
    }
}

#[test]
fn every_consent_of_the_corpus_has_its_meaning_or_refusal() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus beside this checkout");
        return;
    };
    let mut found = Vec::new();
    files(&corpus.join("consents"), &mut found);
    let invalid =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().contains(".consent."));
    let mut odd = Vec::new();
    files(&corpus.join("invalid"), &mut odd);
    found.extend(odd.into_iter().filter(invalid));
    let mut written = BTreeMap::new();
    for path in &found {
        let name = path.strip_prefix(&corpus).unwrap().to_string_lossy().into_owned();
        written.insert(name, verdict(&std::fs::read(path).unwrap()));
    }
    let lines: Vec<_> = written.iter().map(|(name, verdict)| format!("| {name} | {verdict} |")).collect();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/corpus-consents.md");
    let page = std::fs::read_to_string(page).unwrap_or_default();
    let documented: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with("| consents/") || line.starts_with("| invalid/"))
        .collect();
    assert_eq!(documented, lines, "docs/corpus-consents.md should hold:\n{}", lines.join("\n"));
    assert!(found.len() >= 54);
}

#[test]
fn our_own_reading_of_the_corpus_never_permits_what_is_not_written_as_a_permit() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus beside this checkout");
        return;
    };
    let mut found = Vec::new();
    files(&corpus, &mut found);
    for path in found {
        let bytes = std::fs::read(&path).unwrap();
        let verdict = verdict(&bytes);
        let says_permit = String::from_utf8_lossy(&bytes).contains("\"permit\"");
        assert!(says_permit || !verdict.contains("permit"), "{}", path.display());
    }
}
