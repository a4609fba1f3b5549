//! What the recorder wrote, given back to the recorder: their bytes, with id, version and person as ours.

use crate::json::{self, Value};
use serde_json::json;

/// Envelope of a stored body.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// Our id for the reader.
    pub id: &'a str,
    /// Version, as in the ETag.
    pub version: u32,
    /// When this version was stored (FHIR instant).
    pub last_updated: &'a str,
    /// The reader's `{id}` for the person.
    pub patient: &'a str,
}

/// The stored body with `id`, `meta`, and every reference to the person replaced; everything else byte for byte.
/// `None` when the bytes are no Consent that was accepted.
#[must_use]
pub fn present(original: &[u8], envelope: Presented<'_>) -> Option<Vec<u8>> {
    let doc = json::parse(original).ok()?;
    let root = doc.root();
    let patient = json!({"reference": format!("Patient/{}", envelope.patient)}).to_string();
    let meta = json!({"versionId": envelope.version.to_string(), "lastUpdated": envelope.last_updated});
    let mut out = format!(
        "{{\"resourceType\":\"Consent\",\"id\":{},\"meta\":{meta},\"patient\":{patient}",
        json!(envelope.id)
    );
    for member in root.members() {
        let text = match member.name() {
            "resourceType" | "id" | "meta" | "patient" | "text" => continue,
            "performer" => {
                array(member, |item| if is_local(item) { item.raw().to_owned() } else { patient.clone() })
            }
            "contained" => array(member, |item| with_patient(item, &patient)),
            _ => member.raw().to_owned(),
        };
        out.push_str(&format!(",\"{}\":{text}", member.name()));
    }
    out.push('}');
    Some(out.into_bytes())
}

fn array(list: Value<'_>, each: impl Fn(Value<'_>) -> String) -> String {
    format!("[{}]", list.items().map(each).collect::<Vec<_>>().join(","))
}

fn is_local(reference: Value<'_>) -> bool {
    reference.get_str("reference").is_some_and(|text| text.starts_with('#'))
}

fn with_patient(resource: Value<'_>, patient: &str) -> String {
    let member = |m: Value<'_>| {
        let text = if matches!(m.name(), "patient" | "subject") { patient } else { m.raw() };
        format!("\"{}\":{text}", m.name())
    };
    let kept = resource.members().filter(|m| m.name() != "text");
    format!("{{{}}}", kept.map(member).collect::<Vec<_>>().join(","))
}
