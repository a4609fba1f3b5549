//! A person's or an officer's part of the journal as a file, with a signature that anybody can check without us: a C2SP
//! signed note under the journal's key. Its first line is never a log's origin, so that no note of an export passes for
//! a checkpoint. Blocking.

use crate::desk::{self, Refused};
use crate::lens::{Lens, Seen, see};
use crate::store::keys::Use;
use crate::store::outward::{Named, PERSON};
use crate::world::World;
use data_encoding::{BASE64, HEXLOWER};
use fhir_mappings::audit::{Action, Detail, Entry, Kind, Outcome};
use fhir_mappings::identifiers::Identifier;
use ring::digest::{SHA256, digest};
use ring::signature::Ed25519KeyPair;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write;

/// The forms that an export may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// One line a record: position, stored leaf, its proof, the AuditEvent.
    Ndjson,
    /// A FHIR Bundle (collection) of AuditEvents.
    Bundle,
    /// A table for people.
    Csv,
}

impl Format {
    /// The word for records and notes.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Bundle => "bundle",
            Self::Csv => "csv",
        }
    }
}

/// A file and the note that signs it.
pub struct Export {
    /// The content.
    pub content: String,
    /// The signed note about the content: count of records and SHA-256.
    pub note: String,
    /// How many records.
    pub records: usize,
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Export({} records)", self.records)
    }
}

/// Exports what the journal says about one person: to that person, or to the officer of `officer` within the own tenancy.
/// The record that it was done is durable before anything is handed out.
///
/// # Errors
/// When nobody is known by this identifier or there is no such participant; when the journal takes no record.
pub fn export(
    world: &World,
    identifier: &Identifier,
    officer: Option<&str>,
    format: Format,
) -> Result<Export, Refused> {
    let unreadable = |e: &dyn std::fmt::Display| Refused::new("unreadable", e.to_string());
    let person = desk::known_person(world, identifier)?;
    if officer.is_some_and(|id| world.store.trust().participant(id).is_none()) {
        return Err(Refused::new("unknown-participant", "there is no such participant"));
    }
    let lens = officer.map_or(Lens::Person, Lens::Officer);
    // Made for this reader alone: an id that nobody else can join on.
    let name = world.outward.seal(officer.unwrap_or("export"), Named { person, tag: PERSON });
    let indexes = world.store.timeline(person).map_err(|e| unreadable(&e))?;
    let seen: Vec<(u64, Seen)> =
        indexes.iter().filter_map(|index| Some((*index, see(*index, &lens, &name, world)?))).collect();
    let mut draft = desk::draft(Kind::AuditRead, Action::Read, world, Some(person));
    let detail = |name: &str, value: &str| Detail { name: name.into(), value: value.into() };
    draft.entry.details.extend([
        detail("command", "export"),
        detail("format", format.code()),
        detail("records", &seen.len().to_string()),
        detail("for", officer.unwrap_or("person")),
    ]);
    world.store.record_blocking(draft, None)?;
    let content = match format {
        Format::Ndjson => ndjson(&seen, world)?,
        Format::Bundle => bundle(&seen, world),
        Format::Csv => csv(&seen),
    };
    let note = sign(&content, seen.len(), format, world)?;
    Ok(Export { content, note, records: seen.len() })
}

fn event(index: u64, seen: &Seen, world: &World) -> Option<Value> {
    seen.render(index, world).and_then(|(_, bytes)| serde_json::from_slice(&bytes).ok())
}

fn ndjson(seen: &[(u64, Seen)], world: &World) -> Result<String, Refused> {
    let mut lines = String::new();
    for (index, one) in seen {
        let proof = world.store.log().prove(*index).map_err(|e| Refused::new("unreadable", e.to_string()))?;
        let line = json!({"index": index, "proof": proof, "event": event(*index, one, world)});
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    Ok(lines)
}

fn bundle(seen: &[(u64, Seen)], world: &World) -> String {
    let entries = seen.iter().filter_map(|(index, one)| {
        let event = event(*index, one, world)?;
        Some(json!({"fullUrl": format!("{}AuditEvent/r{index}", world.settings.base), "resource": event}))
    });
    let entries: Vec<Value> = entries.collect();
    let mut bundle = json!({"resourceType": "Bundle", "type": "collection"});
    if let (false, Some(members)) = (entries.is_empty(), bundle.as_object_mut()) {
        members.insert("entry".into(), entries.into());
    }
    bundle.to_string()
}

fn csv(seen: &[(u64, Seen)]) -> String {
    let mut table =
        String::from("index,time,kind,organisation,person,role,function,purpose,outcome,given,withheld\r\n");
    for (index, Seen { leaf, entry, .. }) in seen {
        let kind = serde_json::to_value(entry.kind).unwrap_or_default();
        let person = entry.person.as_ref();
        let cells = [
            index.to_string(),
            leaf.time.to_string(),
            kind.as_str().unwrap_or_default().to_owned(),
            entry.organisation.as_ref().map(|o| o.name.clone()).unwrap_or_default(),
            person.map(|p| p.name.clone().unwrap_or_else(|| p.id.clone())).unwrap_or_default(),
            person.and_then(|p| p.role.as_ref()).map(|r| r.code.clone()).unwrap_or_default(),
            entry.function.clone().unwrap_or_default(),
            entry.purpose.clone().unwrap_or_default(),
            outcome(entry),
            given(entry),
            withheld(entry),
        ];
        let row: Vec<String> = cells.iter().map(|text| cell(text)).collect();
        // Writing to a string does not fail.
        let _written = write!(table, "{}\r\n", row.join(",")).is_ok();
    }
    table
}

fn outcome(entry: &Entry) -> String {
    match &entry.outcome {
        Outcome::Success => "success".to_owned(),
        Outcome::Partial(why) | Outcome::Refused(why) | Outcome::Failed(why) => why.clone(),
    }
}

fn given(entry: &Entry) -> String {
    let one = |holder: &str, classes: &[String]| format!("{holder}: {}", classes.join(" "));
    let all = entry.shares.iter().flat_map(|s| s.given.iter().map(|g| one(&s.holder.id, &g.classes)));
    all.collect::<Vec<_>>().join("; ")
}

fn withheld(entry: &Entry) -> String {
    let one = |holder: &str, why: &str, classes: &[String]| format!("{holder}, {why}: {}", classes.join(" "));
    let all =
        entry.shares.iter().flat_map(|s| s.withheld.iter().map(|w| one(&s.holder.id, &w.reason, &w.classes)));
    all.collect::<Vec<_>>().join("; ")
}

/// RFC 4180; a cell that a spreadsheet would run as a formula is marked as text.
fn cell(text: &str) -> String {
    let text = text.replace('"', "\"\"");
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    format!("\"{}{text}\"", if formula { "'" } else { "" })
}

/// The note: `<origin> export`, count, SHA-256 in base64, form, instant; signed as C2SP signs (Ed25519).
fn sign(content: &str, records: usize, format: Format, world: &World) -> Result<String, Refused> {
    let keys = |e: &dyn std::fmt::Display| Refused::new("keys", e.to_string());
    let origin = &world.settings.origin;
    let hash = BASE64.encode(digest(&SHA256, content.as_bytes()).as_ref());
    let text = format!("{origin} export\n{records}\n{hash}\n{}\n{}\n", format.code(), world.clock.now());
    let signing = world.store.keys().current(Use::JournalSigning).map_err(|e| keys(&e))?;
    let pair = Ed25519KeyPair::from_seed_unchecked(signing.secret()).map_err(|e| keys(&e))?;
    let verifier = world.store.journal_key(origin).map_err(|e| keys(&e))?;
    // `<name>+<id, hex>+<key>`: the note's signature line carries the id.
    let id =
        verifier.split('+').nth(1).and_then(|id| HEXLOWER.decode(id.as_bytes()).ok()).unwrap_or_default();
    let signature = [id.as_slice(), pair.sign(text.as_bytes()).as_ref()].concat();
    Ok(format!("{text}\n\u{2014} {origin} {}\n", BASE64.encode(&signature)))
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_cell_is_quoted_and_never_run_as_a_formula() {
        for (text, written) in [
            ("plain", "\"plain\""),
            ("a \"b\", c", "\"a \"\"b\"\", c\""),
            ("=1+1", "\"'=1+1\""),
            ("@x", "\"'@x\""),
            ("", "\"\""),
        ] {
            assert_eq!(cell(text), written);
        }
    }
}
