//! Medicines that orders refer to, and aids that somebody is said to use, which did not come along.
//!
//! An order without its medicine is not released, and nothing would tell that it was there: so each must be found, or the
//! holder's part is a gap (DESIGN.md 6). What a medicine is mixed from counts too, for its labels count for the mixture. An
//! aid is read where it can be; that one cannot is no reason to keep back allergies.

use super::fault::{Lack, RemoteFault};
use crate::outbound::Base;
use crate::sources::Held;
use fhir_mappings::json::{self, Value};
use std::collections::{BTreeSet, HashSet};

/// Ids under which medicines must still be read there.
///
/// # Errors
/// [`RemoteFault::Incomplete`]: one is referred to in a way by which it cannot be read.
pub(super) fn medicines(found: &[Held], base: &Base) -> Result<BTreeSet<String>, RemoteFault> {
    let here = Here::of("Medication", found);
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

/// Ids under which aids can still be read there.
pub(super) fn aids(found: &[Held], base: &Base) -> BTreeSet<String> {
    let here = Here::of("Device", found);
    let own = base.url("/");
    let used = found.iter().filter(|held| held.resource_type == "DeviceUseStatement");
    let lacks = used.filter_map(|held| {
        let doc = json::parse(&held.bytes).ok()?;
        here.lacks(doc.root().get("device")?, doc.root(), &own).ok()?
    });
    lacks.collect()
}

/// What came of one type, by what references may call it. The release looks them up in the same way.
struct Here<'h> {
    kind: &'static str,
    ids: HashSet<&'h str>,
    addresses: HashSet<&'h str>,
}

impl<'h> Here<'h> {
    fn of(kind: &'static str, found: &'h [Held]) -> Self {
        let came = || found.iter().filter(|held| held.resource_type == kind);
        Self {
            kind,
            ids: came().map(|held| held.key.as_str()).collect(),
            addresses: came().filter_map(|held| held.full_url.as_deref()).collect(),
        }
    }

    /// The id of what a reference names and that is not here.
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
        let id = target.strip_prefix(own).unwrap_or(target).strip_prefix(self.kind);
        let id = id.and_then(|rest| rest.strip_prefix('/'));
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
    use super::{UNFOUND, aids, medicines};
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
        let ids = |found: &[Held]| medicines(found, &base).map(|ids| ids.into_iter().collect::<Vec<_>>());
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

    #[test]
    fn an_aid_that_did_not_come_along_is_read_and_what_cannot_be_is_left() {
        let base = Base::parse("https://h.example/fhir").unwrap();
        let used = |device: &str| held("DeviceUseStatement", "u1", None, &format!(r#","device":{device}"#));
        let ids = |found: &[Held]| aids(found, &base).into_iter().collect::<Vec<_>>();
        let named = r#"{"reference":"Device/d1"}"#;
        assert_eq!(ids(&[used(named)]), ["d1"]);
        assert_eq!(ids(&[used(r#"{"reference":"https://h.example/fhir/Device/d1/_history/3"}"#)]), ["d1"]);
        assert!(ids(&[used(named), held("Device", "d1", None, "")]).is_empty());
        // A medicine of that id is no device.
        assert_eq!(ids(&[used(named), held("Medication", "d1", None, "")]), ["d1"]);
        for other in
            ["{}", r#"{"reference":"https://other.example/Device/d1"}"#, r#"{"reference":"Device/.."}"#]
        {
            assert!(ids(&[used(other)]).is_empty(), "{other}");
        }
    }
}
