//! Which items stand in the document: well-formed, about this person, once, and reachable.

use super::{Item, Language, fact, section::Section};
use crate::json::{self, Doc, Value};
use std::collections::{BTreeMap, BTreeSet};

/// An item that was read.
pub(super) struct Read<'a> {
    /// Position in the input.
    pub(super) position: usize,
    pub(super) item: Item<'a>,
    pub(super) doc: Doc<'a>,
}

impl Read<'_> {
    pub(super) fn reference(&self) -> String {
        format!("{}/{}", self.item.resource_type, self.item.id)
    }

    /// Where it stands; `None` for support.
    pub(super) fn section(&self) -> Option<Section> {
        Section::of(self.item.resource_type, self.item.classes, self.doc.root())
    }
}

/// What the document is made of.
pub(super) struct Gathered<'a> {
    /// Every Patient released for this person, newest first; the first stands in the document, and all in its overview.
    pub(super) patients: Vec<Read<'a>>,
    /// Everything else that stands in the document, in a stable order.
    pub(super) reads: Vec<Read<'a>>,
    /// Positions of what does not, ascending.
    pub(super) left_out: Vec<usize>,
}

/// Sorts the items out. The result does not depend on the order of the input.
pub(super) fn gather<'a>(items: &[Item<'a>], patient_id: &str) -> Gathered<'a> {
    let mut reads: Vec<Read<'a>> =
        items.iter().enumerate().filter_map(|(position, item)| read(position, *item, patient_id)).collect();
    reads.sort_by(|a, b| order(a).cmp(&order(b)));
    let mut seen = BTreeSet::new();
    let (mut patients, others): (Vec<_>, Vec<_>) =
        reads.into_iter().partition(|read| read.item.resource_type == "Patient");
    // By day: what holders recorded within one has no newest. Then they stand by holder.
    patients.sort_by(|a, b| day_of(b.item.recorded).cmp(&day_of(a.item.recorded)));
    let unique: Vec<_> = others.into_iter().filter(|read| seen.insert(read.reference())).collect();
    let reached = reach(&unique, patients.first());
    let reads: Vec<_> = unique
        .into_iter()
        .filter(|read| read.section().is_some() || reached.contains(&read.reference()))
        .collect();
    let mut left_out: BTreeSet<usize> = (0..items.len()).collect();
    // Of further Patients the overview tells what they say.
    for read in reads.iter().chain(&patients) {
        left_out.remove(&read.position);
    }
    Gathered { patients, reads, left_out: left_out.into_iter().collect() }
}

/// The day of an instant as FHIR writes it: of several Patients the one of the latest day stands in a document, and of one
/// day that of the first holder by code.
#[must_use]
pub fn day_of(instant: Option<&str>) -> Option<&str> {
    instant.map(|instant| instant.get(..10).unwrap_or(instant))
}

fn order<'r>(read: &'r Read<'_>) -> (&'r str, &'r str, &'r str, &'r [u8]) {
    (read.item.holder, read.item.resource_type, read.item.id, read.item.bytes)
}

/// One item, if its bytes are what it says they are.
fn read<'a>(position: usize, item: Item<'a>, patient_id: &str) -> Option<Read<'a>> {
    let doc = json::parse(item.bytes).ok()?;
    let root = doc.root();
    let states = root.get_str("resourceType")? == item.resource_type && root.get_str("id")? == item.id;
    let known = is_type(item.resource_type) && is_id(item.id) && !OWN.contains(&item.resource_type);
    let own_person = match item.resource_type {
        "Patient" => item.id == patient_id,
        _ => is_about(root, patient_id),
    };
    (states && known && own_person).then_some(Read { position, item, doc })
}

/// INVARIANT: nothing about another person stands in a document, whatever came before us.
fn is_about(root: Value<'_>, patient_id: &str) -> bool {
    let own = format!("Patient/{patient_id}");
    SUBJECTS.iter().flat_map(|name| root.each(name)).all(|subject| {
        let reference = subject.get_str("reference");
        reference.is_none_or(|reference| reference == own || !reference.contains("Patient/"))
    })
}

/// References to support, followed from what stands in a section and from the person.
fn reach(reads: &[Read<'_>], patient: Option<&Read<'_>>) -> BTreeSet<String> {
    let by_reference: BTreeMap<String, &Read<'_>> =
        reads.iter().map(|read| (read.reference(), read)).collect();
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Read<'_>> =
        reads.iter().filter(|read| read.section().is_some()).chain(patient).collect();
    while let Some(read) = open.pop() {
        for reference in references(read.doc.root()) {
            if let Some(target) = by_reference.get(&reference)
                && reached.insert(reference)
            {
                open.push(target);
            }
        }
    }
    reached
}

/// Every `Reference.reference` below a value. Depth is bounded by the reader.
pub(super) fn references(value: Value<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        if value.name() == "reference"
            && let Some(text) = value.as_str()
        {
            found.push(text.into_owned());
        }
        open.extend(value.members());
        open.extend(value.items());
    }
    found
}

/// A FHIR type name, as far as JSON and URLs are concerned.
fn is_type(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.len() <= 64
        && text.bytes().all(|b| b.is_ascii_alphabetic())
}

/// FHIR's id: 1 to 64 of letters, digits, `-` and `.`.
pub(super) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

/// A FHIR date, dateTime or instant.
pub(super) fn is_moment(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let (date, time) =
        shape.split_once('T').map_or((shape.as_str(), None), |(date, time)| (date, Some(time)));
    match time {
        None => matches!(date, "0000" | "0000-00" | "0000-00-00"),
        Some(time) => {
            let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
            let (clock, zone) = time.split_at(zone_at);
            let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
            date == "0000-00-00"
                && clock == "00:00:00"
                && !fraction.is_empty()
                && fraction.bytes().all(|b| b == b'0')
                && matches!(zone, "Z" | "+00:00" | "-00:00")
        }
    }
}

/// The person's facts in one line: name, birth date, sex, whether dead, how to reach them, where they are.
pub(super) fn person_line(root: Value<'_>, language: Language) -> String {
    let plain = |name: &str| root.get_str(name).map(std::borrow::Cow::into_owned);
    let telecom = root.each("telecom").filter_map(|t| t.get_str("value").map(std::borrow::Cow::into_owned));
    let address = root.each("address").filter_map(|address| {
        let lines = address.each("line").filter_map(|line| line.as_str());
        let parts: Vec<_> =
            lines.chain(address.get_str("postalCode")).chain(address.get_str("city")).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    });
    let dead = root.get("deceasedBoolean").and_then(|member| member.as_bool()) == Some(true)
        || root.get("deceasedDateTime").is_some();
    let dead = dead.then(|| language.deceased().to_owned());
    let parts =
        fact::person_name(root).into_iter().chain(plain("birthDate")).chain(plain("gender")).chain(dead);
    parts.chain(telecom).chain(address).collect::<Vec<_>>().join(", ")
}

/// The elements by which a resource says whom it is about.
const SUBJECTS: [&str; 4] = ["subject", "patient", "beneficiary", "for"];

/// Types that only the document itself makes.
const OWN: [&str; 2] = ["Bundle", "Composition"];
