//! A record of the journal as `audit dump` prints it (CONTRACT.md 6).

use crate::store::keys::Keys;
use crate::store::leaf::Leaf;
use data_encoding::BASE64;
use fhir_mappings::audit::{Place, render};
use serde_json::{Value, json};
use sluis_journal::tree::leaf_hash;

/// One line: the stored leaf, its hash, and the AuditEvent rendered from it where it is one and not forgotten.
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
        if let Some(event) = event {
            members.insert("event".into(), event);
        }
    }
    line
}
