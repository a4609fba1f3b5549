//! The journal as `audit dump` prints it (CONTRACT.md 6), on a running gateway and on a cold copy.

use crate::store::keys::Keys;
use crate::store::leaf::{Leaf, LeafError};
use data_encoding::BASE64;
use fhir_mappings::audit::{Entry, Outcome, Place, render};
use serde_json::{Map, Value, json};
use sluis_journal::Records;
use sluis_journal::tree::leaf_hash;

/// Hands every record to `out` as a line, in order, until it wants no more. Gives how many of them could not be read, or
/// were not what was written: `note` hears of each. A dump that lacks one must not pass for whole. The members of a line
/// are fixed: what a record without event says comes only where `details` are asked for.
pub fn dump(
    records: &Records,
    keys: &Keys,
    origin: &str,
    details: bool,
    mut out: impl FnMut(String) -> bool,
    mut note: impl FnMut(String),
) -> u64 {
    let mut unreadable = 0;
    for index in 0..records.len() {
        let record = match records.read(index) {
            Ok(record) => record,
            Err(e) => {
                note(format!("record {index} cannot be read: {e}"));
                unreadable += 1;
                continue;
            }
        };
        let line = line(index, &record, keys, origin, details);
        if let Err(why) = line.event {
            note(format!("record {index} is not what was written: {why}"));
            unreadable += 1;
        }
        if !out(line.json.to_string()) {
            break;
        }
    }
    unreadable
}

/// A record as a line.
struct Line {
    json: Value,
    /// Whether it opened, or was forgotten on purpose.
    event: Result<(), LeafError>,
}

/// The stored leaf, its hash, and, unless it was forgotten, the AuditEvent rendered from it; where it is none, on request
/// what it says: counts, why a start closed something, whom a notice is for.
fn line(index: u64, record: &[u8], keys: &Keys, origin: &str, details: bool) -> Line {
    let mut json = json!({
        "index": index,
        "origin": origin,
        "leaf_hash": BASE64.encode(&leaf_hash(record).0),
        "record": BASE64.encode(record),
    });
    let event = tell(record, keys, Place { index, origin, time: "", request_id: "" }, details, &mut json);
    Line { json, event }
}

fn tell(
    record: &[u8],
    keys: &Keys,
    place: Place<'_>,
    details: bool,
    line: &mut Value,
) -> Result<(), LeafError> {
    let Some(members) = line.as_object_mut() else { return Ok(()) };
    let leaf = Leaf::parse(record)?;
    let time = leaf.time.to_string();
    members.insert("time".into(), json!(time));
    members.insert("kind".into(), json!(leaf.kind));
    members.insert("request_id".into(), json!(leaf.request_id));
    let entry = match leaf.open(keys) {
        Ok(entry) => entry,
        Err(LeafError::Forgotten) => return Ok(()),
        Err(e) => return Err(e),
    };
    let place = Place { time: &time, request_id: &leaf.request_id, ..place };
    let event = render(&entry, place).and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    match event {
        Some(event) => {
            members.insert("event".into(), event);
        }
        None if details => members.extend(told(&entry)),
        None => {}
    }
    Ok(())
}

/// What an entry says that is no event: its reason, the organisation it is for, its coded details.
fn told(entry: &Entry) -> Map<String, Value> {
    let mut told = Map::new();
    let reason = match &entry.outcome {
        Outcome::Success => None,
        Outcome::Partial(reason) | Outcome::Refused(reason) | Outcome::Failed(reason) => Some(reason),
    };
    told.extend(reason.map(|reason| ("reason".into(), json!(reason))));
    told.extend(entry.organisation.as_ref().map(|of| ("organisation".into(), json!(of.id))));
    let details = entry.details.iter().map(|detail| (detail.name.clone(), json!(detail.value)));
    told.insert("details".into(), Value::Object(details.collect()));
    told
}
