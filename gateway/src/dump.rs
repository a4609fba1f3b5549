//! A record of the journal as `audit dump` prints it (CONTRACT.md 6), and what it says in codes where it is no AuditEvent.

use crate::store::keys::Keys;
use crate::store::leaf::Leaf;
use data_encoding::BASE64;
use fhir_mappings::audit::{Entry, Outcome, Place, render};
use serde_json::{Map, Value, json};
use sluis_journal::tree::leaf_hash;

/// One line: the stored leaf, its hash, and, unless it was forgotten, the AuditEvent rendered from it; where it is none, what
/// it says: counts, why a start closed something, whom a notice is for.
#[must_use]
pub fn line(index: u64, record: &[u8], keys: &Keys, origin: &str) -> Value {
    let mut line = json!({
        "index": index,
        "origin": origin,
        "leaf_hash": BASE64.encode(&leaf_hash(record).0),
        "record": BASE64.encode(record),
    });
    let Some(members) = line.as_object_mut() else { return line };
    let Ok(leaf) = Leaf::parse(record) else { return line };
    let time = leaf.time.to_string();
    members.insert("time".into(), json!(time));
    members.insert("kind".into(), json!(leaf.kind));
    members.insert("request_id".into(), json!(leaf.request_id));
    if let Ok(entry) = leaf.open(keys) {
        let place = Place { index, origin, time: &time, request_id: &leaf.request_id };
        let event = render(&entry, place).and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        match event {
            Some(event) => {
                members.insert("event".into(), event);
            }
            None => members.extend(told(&entry)),
        }
    }
    line
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
