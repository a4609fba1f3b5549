//! Entries of the index of who holds what, on the wire: FHIR `List` in the shape of the national index (NVI; GF
//! localisation, DOMAIN.md 1.5): a custodian, a subject by identifier, a kind of data, and nothing in it.

use crate::json::{self, Kind, Value};
use crate::outcome::{Code, Outcome, Reason};
use crate::r4;
use crate::tables::Tables;
use consent::ClassSet;
use serde_json::json;

/// An entry as it was sent.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceivedEntry {
    /// The custodian's identifier: system and value.
    pub custodian: (String, String),
    /// The person's identifier: system and value.
    pub subject: (String, String),
    /// What kind of data.
    pub classes: ClassSet,
}

impl std::fmt::Debug for ReceivedEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReceivedEntry(hidden)")
    }
}

/// Our own codes for kinds of data.
pub const CLASS_SYSTEM: &str = "https://sluis.example/fhir/CodeSystem/data-class";
/// The national ones: names of FHIR types.
pub const CATEGORY_SYSTEM: &str =
    "http://minvws.github.io/generiekefuncties-docs/CodeSystem/nl-gf-data-categories-cs";
/// The naming system of a person's pseudonym for the asker: the `id` of the Patient that a look-up gave.
pub const PSEUDONYM_SYSTEM: &str = "https://sluis.example/fhir/NamingSystem/pseudonym";
const CUSTODIAN: &str =
    "http://minvws.github.io/generiekefuncties-docs/StructureDefinition/nl-gf-localization-custodian";
const EMPTY_REASON: &str = "http://terminology.hl7.org/CodeSystem/list-empty-reason";

/// The classes that a code of the index means; `None` when it means none.
#[must_use]
pub fn classes_of(system: Option<&str>, code: &str, tables: &Tables) -> Option<ClassSet> {
    let own = || tables.class_of(code).map(ClassSet::only);
    let national = || Some(tables.classes_elsewhere(code)).filter(|classes| !classes.is_empty());
    match system {
        Some(CLASS_SYSTEM) => own(),
        Some(CATEGORY_SYSTEM) => national(),
        None => own().or_else(national),
        Some(_) => None,
    }
}

/// Reads an entry.
///
/// # Errors
/// The outcome for the sender: what is wrong, and where.
pub fn read(bytes: &[u8], tables: &Tables) -> Result<ReceivedEntry, Outcome> {
    let shape = |place: &str| Outcome::new(Code::BodyInvalid).because(SHAPE).at(place);
    let doc = json::parse(bytes).map_err(|_| Outcome::new(Code::BodyInvalid).at("List"))?;
    let root = doc.root();
    if root.get_str("resourceType").as_deref() != Some("List") {
        return Err(shape("List"));
    }
    let unknown = root.members().find(|member| !MEMBERS.contains(&member.name()));
    if unknown.is_some() {
        return Err(shape("List"));
    }
    if root.get_str("status").as_deref() != Some("current") {
        return Err(shape("List.status"));
    }
    if root.get_str("mode").as_deref() != Some("working") {
        return Err(shape("List.mode"));
    }
    if let Some(issue) = r4::check(root).into_iter().next() {
        return Err(Outcome::new(Code::BodyInvalid).at(issue.expression));
    }
    let custodian = root
        .each("extension")
        .find(|extension| extension.get_str("url").as_deref() == Some(CUSTODIAN))
        .and_then(|extension| identifier(extension.get("valueReference")?))
        .ok_or_else(|| shape("List.extension"))?;
    let subject = root.get("subject").and_then(identifier).ok_or_else(|| shape("List.subject.identifier"))?;
    let mut classes = ClassSet::EMPTY;
    let codings = root.get("code").into_iter().flat_map(|code| code.each("coding"));
    for coding in codings {
        let system = coding.get_str("system");
        let code = coding.get_str("code").unwrap_or_default();
        let found = classes_of(system.as_deref(), &code, tables).filter(|_| system.is_some());
        classes =
            classes.union(found.ok_or_else(|| {
                Outcome::new(Code::BodyInvalid).because(CODE_UNKNOWN).at("List.code.coding")
            })?);
    }
    if classes.is_empty() {
        return Err(Outcome::new(Code::BodyInvalid).because(CODE_UNKNOWN).at("List.code"));
    }
    Ok(ReceivedEntry { custodian, subject, classes })
}

fn identifier(reference: Value<'_>) -> Option<(String, String)> {
    let identifier = reference.get("identifier").filter(|found| found.kind() == Kind::Object)?;
    let text = |name: &str| identifier.get_str(name).filter(|text| !text.trim().is_empty());
    Some((text("system")?.into_owned(), text("value")?.into_owned()))
}

/// An entry as one asker sees it.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'s> {
    /// Its id for the asker.
    pub id: &'s str,
    /// The holder's identifier: system and value.
    pub custodian: (&'s str, &'s str),
    /// The holder's client id.
    pub source: &'s str,
    /// The asker's pseudonym of the person.
    pub pseudonym: &'s str,
    /// Our codes of the data classes, as far as the asker may know them.
    pub classes: &'s [&'s str],
}

/// Writes an entry. It has no date: when somebody came somewhere is not the index's to tell.
#[must_use]
pub fn write(shown: &Shown<'_>) -> serde_json::Value {
    let (system, value) = shown.custodian;
    let codings: Vec<_> =
        shown.classes.iter().map(|class| json!({"system": CLASS_SYSTEM, "code": class})).collect();
    json!({
        "resourceType": "List", "id": shown.id,
        "extension": [{"url": CUSTODIAN, "valueReference": {"identifier": {"system": system, "value": value}}}],
        "status": "current", "mode": "working",
        "code": {"coding": codings},
        "subject": {"identifier": {"system": PSEUDONYM_SYSTEM, "value": shown.pseudonym}},
        "source": {"type": "Device", "identifier": {"system": "https://sluis.example/fhir/NamingSystem/participant", "value": shown.source}},
        "emptyReason": {"coding": [{"system": EMPTY_REASON, "code": "withheld"}]},
    })
}

const MEMBERS: &[&str] =
    &["resourceType", "meta", "extension", "subject", "source", "status", "mode", "code", "emptyReason"];

const SHAPE: Reason = Reason {
    code: "entry-shape",
    nl: "Een ingang van de index is een List zonder inhoud: custodian, subject.identifier, status current, mode working, code.",
    en: "An entry of the index is a List with nothing in it: custodian, subject.identifier, status current, mode working, code.",
};

const CODE_UNKNOWN: Reason = Reason {
    code: "code-unknown",
    nl: "Deze soort gegevens is niet bekend: gebruik een gegevensklasse van Sluis of een nationale categorie.",
    en: "This kind of data is not known: use a data class of Sluis or a national category.",
};

#[cfg(test)]
mod tests {
    use super::{CATEGORY_SYSTEM, CLASS_SYSTEM, Shown, read, write};
    use crate::outcome::Language;
    use crate::tables::Tables;
    use consent::Rules;
    use serde_json::{Value, json};

    fn tables() -> (Rules, Tables) {
        let rules = Rules::from_toml(&[]).unwrap();
        let tables = Tables::national(rules.vocabulary()).unwrap();
        (rules, tables)
    }

    fn entry(system: &str, code: &str) -> Value {
        let (shown, custodian) = ("x", ("http://fhir.nl/fhir/NamingSystem/ura", "90000308"));
        let mut entry =
            write(&Shown { id: shown, custodian, source: "s", pseudonym: "p", classes: &["medication"] });
        entry.as_object_mut().unwrap().remove("id");
        entry["subject"]["identifier"] =
            json!({"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": "999990032"});
        entry["code"]["coding"][0] = json!({"system": system, "code": code});
        entry
    }

    #[test]
    fn an_entry_names_custodian_person_and_kind_by_our_codes_or_the_national_ones() {
        let (rules, tables) = tables();
        let classes = |codes: &[&str]| {
            let vocabulary = rules.vocabulary();
            codes.iter().map(|code| vocabulary.class(code).unwrap()).collect::<Vec<_>>()
        };
        for (system, code, expected) in [
            (CLASS_SYSTEM, "medication", &["medication"][..]),
            (CATEGORY_SYSTEM, "MedicationRequest", &["medication"]),
            (CATEGORY_SYSTEM, "AllergyIntolerance", &["allergies"]),
        ] {
            let read = read(entry(system, code).to_string().as_bytes(), &tables).unwrap();
            assert_eq!(read.classes.iter().collect::<Vec<_>>(), classes(expected), "{code}");
            assert_eq!(read.custodian.1, "90000308");
            assert_eq!(read.subject.1, "999990032");
        }
    }

    #[test]
    fn what_is_no_entry_is_refused_where_it_fails() {
        let (_rules, tables) = tables();
        let good = entry(CLASS_SYSTEM, "medication");
        let with = |pointer: &str, value: Value| {
            let mut bad = good.clone();
            match bad.pointer_mut(pointer) {
                Some(place) => *place = value,
                None => bad[pointer.trim_start_matches('/')] = value,
            }
            bad
        };
        let cases = [
            (with("/status", json!("retired")), "List.status"),
            (with("/mode", json!("snapshot")), "List.mode"),
            (with("/date", json!("2026-01-01")), "List"),
            (with("/entry", json!([{"item": {"reference": "Condition/1"}}])), "List"),
            (with("/extension", json!([])), "List.extension"),
            (with("/subject", json!({"reference": "Patient/1"})), "List.subject.identifier"),
            (with("/code/coding/0/code", json!("horoscope")), "List.code.coding"),
            (with("/code/coding/0/system", json!("http://loinc.org")), "List.code.coding"),
            (with("/code", json!({"text": "alles"})), "List.code"),
        ];
        for (bad, place) in cases {
            let outcome = read(bad.to_string().as_bytes(), &tables).unwrap_err();
            let said: Value = serde_json::from_slice(&outcome.to_json(Language::En)).unwrap();
            assert_eq!(said["issue"][0]["expression"][0], place, "{bad}");
            assert!(!said.to_string().contains("999990032"));
        }
        assert!(read(b"{", &tables).is_err());
    }
}
