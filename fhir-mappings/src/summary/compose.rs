//! Composes the document: Composition, the person, the author, then what was released, each copied as it is.

use super::gather::{Gathered, Read, gather, is_moment, person_line};
use super::narrative::Narrative;
use super::rows::rows;
use super::section::{LOINC, OURS, Section};
use super::written::{CompositionOut, EntryOut, Extension, Part, Reference, SectionOut, Text};
use super::{Composed, Frame, Item, fact};
use crate::bundle::push_entry;
use crate::json::Value;
use serde_json::json;
use std::collections::BTreeMap;

/// The IPS document of these items. The same input gives the same bytes, in whatever order it comes.
#[must_use]
pub fn compose(items: &[Item<'_>], frame: &Frame<'_>) -> Composed {
    let gathered = gather(items, frame.patient_id);
    let mut out = format!(
        "{{\"resourceType\":\"Bundle\",\"id\":{id},\"meta\":{{\"profile\":[\"{BUNDLE_PROFILE}\"]}},\
         \"identifier\":{identifier},\"type\":\"document\",\"timestamp\":{now},\"entry\":[",
        id = json!(frame.document_id),
        identifier = identifier(frame),
        now = json!(frame.now),
    )
    .into_bytes();
    let composition = composition(&gathered, frame);
    entry(&mut out, frame, "Composition", frame.document_id, composition.as_bytes());
    out.push(b',');
    entry(&mut out, frame, "Patient", frame.patient_id, patient(gathered.patients.first(), frame).as_bytes());
    for (kind, id, resource) in support(frame) {
        out.push(b',');
        entry(&mut out, frame, kind, id, resource.as_bytes());
    }
    for read in &gathered.reads {
        out.push(b',');
        entry(&mut out, frame, read.item.resource_type, read.item.id, read.doc.root().raw().as_bytes());
    }
    out.extend_from_slice(b"]}");
    Composed { bytes: out, left_out: gathered.left_out }
}

fn entry(out: &mut Vec<u8>, frame: &Frame<'_>, kind: &str, id: &str, bytes: &[u8]) {
    push_entry(out, frame.base, kind, id, bytes);
    out.push(b'}');
}

/// The person as released. IPS wants a name and a birth date: what is not there is said to be `unknown`, the same
/// for withheld and absent.
fn patient(read: Option<&Read<'_>>, frame: &Frame<'_>) -> String {
    let bare = json!({"resourceType": "Patient", "id": frame.patient_id}).to_string();
    let root = read.map(|read| read.doc.root());
    let mut text = root.map_or(bare, |root| root.raw().to_owned());
    let lacks = |name: &str| root.is_none_or(|root| root.get(name).is_none());
    for (name, other, wrap) in [("name", "_name", ["[{", "}]"]), ("birthDate", "_birthDate", ["{", "}"])] {
        if lacks(name) && lacks(other) {
            text.pop();
            let member = if name == "name" { name } else { other };
            text.push_str(&format!(",\"{member}\":{}{ABSENT}{}}}", wrap[0], wrap[1]));
        }
    }
    text
}

/// Author and custodian: this gateway and who runs it.
fn support(frame: &Frame<'_>) -> [(&'static str, &'static str, String); 2] {
    let device = json!({
        "resourceType": "Device", "id": DEVICE, "status": "active",
        "deviceName": [{"name": "Sluis", "type": "user-friendly-name"}],
        "owner": {"reference": format!("Organization/{ORGANIZATION}")}
    });
    let organization = json!({
        "resourceType": "Organization", "id": ORGANIZATION, "active": true, "name": frame.custodian_name
    });
    [("Device", DEVICE, device.to_string()), ("Organization", ORGANIZATION, organization.to_string())]
}

fn identifier(frame: &Frame<'_>) -> serde_json::Value {
    json!({"system": "urn:ietf:rfc:3986", "value": format!("urn:uuid:{}", frame.document_id)})
}

fn composition(gathered: &Gathered<'_>, frame: &Frame<'_>) -> String {
    let language = frame.language;
    let mut by_section: BTreeMap<Section, Vec<&Read<'_>>> = BTreeMap::new();
    for read in &gathered.reads {
        if let Some(section) = read.section() {
            by_section.entry(section).or_default().push(read);
        }
    }
    let by_reference: BTreeMap<String, Value<'_>> =
        gathered.reads.iter().map(|read| (read.reference(), read.doc.root())).collect();
    let find = |reference: &str| by_reference.get(reference).copied();
    let mut sections: Vec<SectionOut<'_>> = Section::ALL
        .into_iter()
        .filter_map(|section| match by_section.get(&section) {
            Some(reads) => Some(filled(section, reads, frame, &find)),
            None => section.is_required().then(|| empty(section, frame)),
        })
        .collect();
    sections.extend(gap(frame));
    let ages = ages(gathered);
    let written = CompositionOut {
        author: [Reference { reference: format!("Device/{DEVICE}") }],
        custodian: Reference { reference: format!("Organization/{ORGANIZATION}") },
        date: frame.now,
        extension: ages.iter().map(Age::extension).collect(),
        id: frame.document_id,
        identifier: identifier(frame),
        language: language.as_str(),
        meta: json!({"profile": [COMPOSITION_PROFILE]}),
        resource_type: "Composition",
        section: sections,
        status: "final",
        subject: Reference { reference: format!("Patient/{}", frame.patient_id) },
        text: Text::of(overview(gathered, &ages, frame)),
        title: language.title(),
        kind: json!({"coding": [{"system": LOINC, "code": "60591-5", "display": "Patient summary Document"}]}),
    };
    serde_json::to_string(&written).unwrap_or_default()
}

fn filled<'r>(
    section: Section,
    reads: &[&'r Read<'r>],
    frame: &Frame<'_>,
    find: &dyn Fn(&str) -> Option<Value<'r>>,
) -> SectionOut<'r> {
    let language = frame.language;
    let rows = rows(reads, language, find);
    let [what, how, when] = section.columns(language);
    // Measurements, plans and contacts differ by nature.
    let may_conflict = matches!(
        section,
        Section::Allergies | Section::Medication | Section::Problems | Section::PastProblems
    );
    let mut narrative = Narrative::new(language);
    let lines: Vec<[String; 4]> = rows
        .iter()
        .map(|row| {
            let [name, second, third] = row.cells.clone();
            let mut sources: Vec<String> = row.reads.iter().map(|read| lineage(read, frame)).collect();
            sources.extend((row.disputed && may_conflict).then(|| language.sources_differ().to_owned()));
            [name, second, third, sources.join("; ")]
        })
        .collect();
    narrative.table([what, how, when, language.source()], &lines);
    if section == Section::Medication {
        narrative.paragraph(language.medicines_line());
    }
    let numbered = rows.iter().zip(1_u32..);
    let entries: Vec<_> = numbered
        .flat_map(|(row, number)| row.reads.iter().map(move |read| entry_reference(read, number)))
        .collect();
    SectionOut { entry: entries, ..SectionOut::of(section, frame, narrative) }
}

fn empty(section: Section, frame: &Frame<'_>) -> SectionOut<'static> {
    let mut narrative = Narrative::new(frame.language);
    narrative.paragraph(frame.language.nothing_here());
    if section == Section::Medication {
        narrative.paragraph(frame.language.medicines_line());
    }
    SectionOut { empty_reason: Some(unavailable()), ..SectionOut::of(section, frame, narrative) }
}

/// The section that says what is missing; a name only where the input gives one.
fn gap(frame: &Frame<'_>) -> Option<SectionOut<'static>> {
    let language = frame.language;
    let lines = gap_lines(frame);
    if lines.is_empty() {
        return None;
    }
    let mut narrative = Narrative::new(language);
    narrative.list(lines.iter().map(String::as_str));
    Some(SectionOut {
        code: json!({"coding": [{"system": OURS, "code": "gap"}]}),
        empty_reason: Some(unavailable()),
        entry: Vec::new(),
        text: Text::of(narrative.close()),
        title: language.gap_title(),
    })
}

fn gap_lines(frame: &Frame<'_>) -> Vec<String> {
    let language = frame.language;
    let mut names: Vec<&str> = frame.gaps.iter().filter_map(|gap| gap.holder_name).collect();
    names.sort_unstable();
    names.dedup();
    let named = names.into_iter().map(|name| format!("{} {name}", language.gap_named()));
    let unnamed = frame.gaps.iter().any(|gap| gap.holder_name.is_none());
    named.chain(unnamed.then(|| language.gap_unnamed().to_owned())).collect()
}

fn unavailable() -> serde_json::Value {
    json!({"coding": [{
        "system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": "unavailable"
    }]})
}

/// Who recorded it and when, in words.
fn lineage(read: &Read<'_>, frame: &Frame<'_>) -> String {
    let language = frame.language;
    let holder = read.item.holder_name.unwrap_or(language.other_source());
    let day = read.item.recorded.map_or_else(|| language.no_date().to_owned(), fact::day);
    format!("{holder}, {day}")
}

/// A section's entry with its lineage as our documented extension; equal `fact` numbers are one row of the table.
fn entry_reference<'r>(read: &Read<'r>, number: u32) -> EntryOut<'r> {
    let mut parts = Vec::with_capacity(3);
    parts.push(Part::Number { url: "fact", value: number });
    parts.extend(read.item.holder_name.map(|name| Part::Text { url: "holder", value: name }));
    parts.extend(recorded(read).map(|at| Part::Moment { url: "recorded", value: at }));
    EntryOut { extension: [Extension { extension: parts, url: LINEAGE }], reference: read.reference() }
}

fn recorded<'a>(read: &Read<'a>) -> Option<&'a str> {
    read.item.recorded.filter(|at| is_moment(at))
}

/// How old the data of one holder is: its newest item.
struct Age {
    holder: Option<String>,
    newest: String,
}

impl Age {
    fn extension(&self) -> Extension<'_> {
        let mut parts = vec![Part::Moment { url: "newest", value: &self.newest }];
        parts.extend(self.holder.as_deref().map(|name| Part::Text { url: "holder", value: name }));
        Extension { extension: parts, url: AGE }
    }
}

/// Per holder that may be named; the others count as one.
fn ages(gathered: &Gathered<'_>) -> Vec<Age> {
    let mut newest: BTreeMap<Option<&str>, &str> = BTreeMap::new();
    for read in gathered.reads.iter().chain(&gathered.patients) {
        if let Some(at) = recorded(read) {
            let known = newest.entry(read.item.holder_name).or_insert(at);
            *known = (*known).max(at);
        }
    }
    newest
        .into_iter()
        .map(|(holder, at)| Age { holder: holder.map(str::to_owned), newest: at.to_owned() })
        .collect()
}

/// The document's own text: the person by every source, how old the data is, what is missing.
fn overview(gathered: &Gathered<'_>, ages: &[Age], frame: &Frame<'_>) -> String {
    let language = frame.language;
    let mut narrative = Narrative::new(language);
    narrative.paragraph(language.limits());
    let person: Vec<String> = gathered
        .patients
        .iter()
        .map(|read| format!("{} ({})", person_line(read.doc.root(), language), lineage(read, frame)))
        .collect();
    narrative.list(person.iter().map(String::as_str));
    let old: Vec<String> = ages
        .iter()
        .map(|age| {
            let holder = age.holder.as_deref().unwrap_or(language.other_source());
            format!("{}: {holder}, {}", language.newest(), fact::day(&age.newest))
        })
        .collect();
    narrative.list(old.iter().map(String::as_str));
    let gaps = gap_lines(frame);
    narrative.list(gaps.iter().map(String::as_str));
    narrative.close()
}

const BUNDLE_PROFILE: &str = "http://hl7.org/fhir/uv/ips/StructureDefinition/Bundle-uv-ips";
const COMPOSITION_PROFILE: &str = "http://hl7.org/fhir/uv/ips/StructureDefinition/Composition-uv-ips";
const LINEAGE: &str = "https://sluis.example/fhir/StructureDefinition/summary-lineage";
const AGE: &str = "https://sluis.example/fhir/StructureDefinition/summary-holder-age";

/// Ids of the gateway's own resources. They hold a `.`, which no id that we seal has.
const DEVICE: &str = "sluis.gateway";
const ORGANIZATION: &str = "sluis.custodian";

const ABSENT: &str = "\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/data-absent-reason\",\
                      \"valueCode\":\"unknown\"}]";
