//! Medicines that orders refer to and that did not come along.
//!
//! An order without its medicine is not released, and nothing would tell that it was there: so each must be found, or the
//! holder's part is a gap (DESIGN.md 6). What a medicine is mixed from counts too, for its labels count for the mixture.

use super::fault::{Lack, RemoteFault};
use crate::outbound::Base;
use crate::sources::Held;
use fhir_mappings::json::{self, Value};
use std::collections::{BTreeSet, HashSet};

/// Ids under which medicines must still be read there.
///
/// # Errors
/// [`RemoteFault::Incomplete`]: one is referred to in a way by which it cannot be read.
pub(super) fn missing(found: &[Held], base: &Base) -> Result<BTreeSet<String>, RemoteFault> {
    let here = Here::of(found);
    let own = base.url("/");
    let mut missing = BTreeSet::new();
    // A member's name is written plainly or the page was refused: who does not hold it refers to none.
    let finders = ["medicationReference", "itemReference"].map(memchr::memmem::Finder::new);
    let refers = |held: &&Held| {
        held.resource_type.starts_with("Medication")
            && finders.iter().any(|name| name.find(&held.bytes).is_some())
    };
    for held in found.iter().filter(refers) {
        let doc = json::parse(&held.bytes).map_err(|_| UNFOUND)?;
        let root = doc.root();
        // An order that was a mistake is no order, whatever it names.
        if root.get_str("status").as_deref() == Some("entered-in-error") {
            continue;
        }
        if let Some(named) = root.get("medicationReference") {
            missing.extend(here.lacks(named, root, &own)?);
        }
        for part in root.each("ingredient").filter_map(|part| part.get("itemReference")) {
            // A substance is asked for nowhere, and bears no label of its own.
            let target = part.get_str("reference").unwrap_or_default();
            if target.contains("Medication/") {
                missing.extend(here.lacks(part, root, &own)?);
            }
        }
    }
    Ok(missing)
}

/// The medicines that came, by what references may call them. The release looks them up in the same way.
struct Here<'h> {
    ids: HashSet<&'h str>,
    addresses: HashSet<&'h str>,
}

impl<'h> Here<'h> {
    fn of(found: &'h [Held]) -> Self {
        let medicines = || found.iter().filter(|held| held.resource_type == "Medication");
        Self {
            ids: medicines().map(|held| held.key.as_str()).collect(),
            addresses: medicines().filter_map(|held| held.full_url.as_deref()).collect(),
        }
    }

    /// The id of the medicine that a reference names and that is not here.
    fn lacks(&self, named: Value<'_>, within: Value<'_>, own: &str) -> Result<Option<String>, RemoteFault> {
        let written = named.get_str("reference").ok_or(UNFOUND)?;
        if let Some(inner) = written.strip_prefix('#') {
            let mut inside = within.each("contained");
            let stands =
                inside.any(|one| one.get_str("id").as_deref() == Some(inner) && one.get("code").is_some());
            return if stands { Ok(None) } else { Err(UNFOUND) };
        }
        // Its version does not matter: the present one is asked for.
        let target = written.split("/_history/").next().unwrap_or_default();
        let id = target.strip_prefix(own).unwrap_or(target).strip_prefix("Medication/");
        if self.addresses.contains(target)
            || (!target.contains("://") && id.is_some_and(|id| self.ids.contains(id)))
        {
            return Ok(None);
        }
        id.filter(|id| is_id(id)).map(|id| Some(id.to_owned())).ok_or(UNFOUND)
    }
}

/// An id as FHIR has them, that stays where it is in an address.
fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
        && id.bytes().any(|b| b != b'.')
}

const UNFOUND: RemoteFault = RemoteFault::Incomplete(Lack::Medicine);

#[cfg(test)]
mod tests {
    use super::{UNFOUND, missing};
    use crate::outbound::Base;
    use crate::sources::Held;

    fn held(resource_type: &str, key: &str, full_url: Option<&str>, members: &str) -> Held {
        let text = format!(r#"{{"resourceType":"{resource_type}","id":"{key}"{members}}}"#);
        Held {
            resource_type: resource_type.to_owned(),
            key: key.to_owned(),
            full_url: full_url.map(str::to_owned),
            recorded: None,
            bytes: text.into(),
        }
    }

    fn order(named: &str) -> Held {
        held("MedicationRequest", "r1", None, &format!(r#","medicationReference":{named}"#))
    }

    #[test]
    fn each_way_to_name_a_medicine_leads_to_it_or_is_told() {
        let base = Base::parse("https://h.example/fhir").unwrap();
        let ids = |found: &[Held]| missing(found, &base).map(|ids| ids.into_iter().collect::<Vec<_>>());
        let reads = Ok(vec!["m1".to_owned()]);
        for named in [
            r#"{"reference":"Medication/m1"}"#,
            r#"{"reference":"https://h.example/fhir/Medication/m1"}"#,
            r#"{"reference":"Medication/m1/_history/2"}"#,
            r#"{"reference":"https://h.example/fhir/Medication/m1/_history/2"}"#,
        ] {
            assert_eq!(ids(&[order(named)]), reads, "{named}");
            let whole = held("Medication", "m1", Some("https://h.example/fhir/Medication/m1"), "");
            assert_eq!(ids(&[order(named), whole]), Ok(vec![]), "{named}");
        }
        for named in [
            "{}",
            r#"{"display":"Paracetamol"}"#,
            r#"{"identifier":{"value":"1"}}"#,
            r##"{"reference":"#m1"}"##,
            r#"{"reference":"m1"}"#,
            r#"{"reference":"urn:uuid:0b8f3c1e-6a54-4a0e-9a1d-0c5f5a7d1e01"}"#,
            r#"{"reference":"https://other.example/fhir/Medication/m1"}"#,
            r#"{"reference":"http://h.example/fhir/Medication/m1"}"#,
            r#"{"reference":"Medication/.."}"#,
            r#"{"reference":"Medication/m1?x=1"}"#,
            r#"{"reference":"Medication/m1/extra"}"#,
        ] {
            assert_eq!(ids(&[order(named)]), Err(UNFOUND), "{named}");
        }
        let inside = r##","contained":[{"resourceType":"Medication","id":"m","code":{"text":"x"}}],"medicationReference":{"reference":"#m"}"##;
        assert_eq!(ids(&[held("MedicationRequest", "r1", None, inside)]), Ok(vec![]));
        let mistaken = r#","status":"entered-in-error","medicationReference":{"reference":"Medication/m1"}"#;
        assert_eq!(ids(&[held("MedicationRequest", "r1", None, mistaken)]), Ok(vec![]));
        // By another address than the one it came under it is not found by the release either: read under its own.
        let came = held("Medication", "m1", Some("http://inside.example/Medication/m1"), "");
        let absolute = order(r#"{"reference":"https://h.example/fhir/Medication/m1"}"#);
        assert_eq!(ids(&[absolute, came.clone()]), reads);
        assert_eq!(ids(&[order(r#"{"reference":"http://inside.example/Medication/m1"}"#), came]), Ok(vec![]));
        // What one is mixed from counts too.
        let mixed = |of: &str| {
            held(
                "Medication",
                "m2",
                None,
                &format!(r#","ingredient":[{{"itemReference":{{"reference":"{of}"}}}}]"#),
            )
        };
        assert_eq!(ids(&[mixed("Medication/m1")]), reads);
        assert_eq!(ids(&[mixed("Substance/s1")]), Ok(vec![]));
        assert_eq!(ids(&[mixed("https://other.example/Medication/m1")]), Err(UNFOUND));
    }
}
