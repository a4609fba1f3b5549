//! The minimise stage as one pure call: what holders hold, and what was decided about it, to what leaves.
//!
//! Built up from an allow-list, never cut down: a type, element, extension or coding that no table lists does
//! not come out (DESIGN.md 6). It must not decide consent, fetch, record or make a document.

mod dates;
mod dosing;
mod emit;
mod facts;
mod pass;
mod person;
mod select;
mod stay;

pub(crate) use person::names_person;

use crate::tables::Tables;
use consent::{ClassSet, Decision, LabelSet};
use jiff::Timestamp;

/// Who will read what is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A professional, or a system of a participant.
    Professional,
    /// The person the data are about.
    Person,
    /// Somebody who acts for the person: `young-person-only` never reaches them (REGION.md 1, rule 7).
    Representative,
}

/// One question's answer side: who reads, for what, about whom, when.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Code of the function asked in; `None` for the person's own app.
    pub function: Option<&'a str>,
    /// Role code of the asking person, as registered (`01.035`, `triagist`).
    pub role: Option<&'a str>,
    /// Who reads.
    pub reader: Reader,
    /// Whether the glass is broken (purpose ETREAT): forms marked `emergency` take precedence.
    pub emergency: bool,
    /// The instant of the decision.
    pub at: Timestamp,
    /// Every identifier, (system, value), that names the person the answer is about.
    pub identifiers: &'a [(&'a str, &'a str)],
    /// The person's id for this asker.
    pub patient_id: &'a str,
    /// Types that the asker's token names. What is outside them is still judged, for its marks count for what refers to
    /// it (a medicine that betrays), but it does not leave.
    pub types: &'a dyn Fn(&str) -> bool,
    /// Whether the person's whereabouts are known to be protected, beside what the contributions themselves say.
    pub protected: bool,
    /// Ids that leave.
    pub ids: &'a dyn Ids,
}

/// Where outward ids come from (DESIGN.md 5).
pub trait Ids {
    /// The id, for this asker, of what `holder` keeps as `resource_type` under `key`: at most 64 characters of
    /// FHIR's id alphabet, the same for the same input.
    fn outward(&self, holder: &str, resource_type: &str, key: &str) -> String;
}

/// How sure it is that a holder's answer is about this one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Checked when it was imported: a reference to a Patient that is not among the resources is this person's.
    AtImport,
    /// Fresh from a holder: every such reference must lead to a Patient with one of the person's identifiers, to
    /// one of these ids (`Patient/…`), or carry such an identifier.
    Fetched,
}

/// One holder's part.
#[derive(Clone, Copy)]
pub struct Contribution<'a> {
    /// Who holds it.
    pub holder: Holder<'a>,
    /// What was decided about this holder's data.
    pub decision: &'a Decision,
    /// How its resources are tied to the person.
    pub bound: Bound,
    /// The holder's own ids of this person, as references name them (`Patient/17`, and whole under its own address).
    pub patient_references: &'a [&'a str],
    /// Its resources, in the holder's order.
    pub resources: &'a [Raw<'a>],
}

/// A holder, as registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder<'a> {
    /// Participant code.
    pub code: &'a str,
    /// Name that people see.
    pub name: &'a str,
    /// Codes of its categories (`gp`, `ggz`).
    pub categories: &'a [&'a str],
}

/// One resource as its holder keeps it.
#[derive(Clone, Copy)]
pub struct Raw<'a> {
    /// Id or fullUrl, unique within holder and type: what references name, and our id is made from.
    pub key: &'a str,
    /// The fullUrl beside an id, by which others may refer to it too.
    pub full_url: Option<&'a str>,
    /// FHIR R4 JSON.
    pub bytes: &'a [u8],
    /// When the holder recorded it, as FHIR writes it.
    pub recorded: Option<&'a str>,
}

/// What may leave.
#[derive(Debug, Default)]
pub struct Release {
    /// Released resources, in the order of contributions and of the resources in each.
    pub resources: Vec<Released>,
    /// What each holder gave and kept, in the order of contributions.
    pub holders: Vec<Given>,
    /// What went wrong.
    pub incidents: Vec<Incident>,
}

/// One resource that may leave.
pub struct Released {
    /// Its FHIR type.
    pub resource_type: String,
    /// Its id, ours.
    pub id: String,
    /// The data classes it belongs to.
    pub classes: ClassSet,
    /// The labels it carries; none for what we derived.
    pub labels: LabelSet,
    /// Position of its contribution.
    pub holder: usize,
    /// The holder's key for it; `None` for what we derived.
    pub key: Option<String>,
    /// When the holder recorded it.
    pub recorded: Option<String>,
    /// FHIR R4 JSON: our id, no narrative, no meta, references only to what is released.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Released {
    /// Content is personal: only type and size print.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Released({}, {} bytes)", self.resource_type, self.bytes.len())
    }
}

/// One holder's account, for the record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Given {
    /// Classes of which something was released.
    pub given: ClassSet,
    /// Classes of which something was kept back, whole resources only.
    pub withheld: ClassSet,
    /// Resources released.
    pub resources: usize,
}

/// What the officer must hear of. Names positions, never content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Position of the contribution.
    pub holder: usize,
    /// Position of the resource in it.
    pub resource: usize,
    /// What is wrong.
    pub kind: IncidentKind,
}

/// Why a holder's part, or a resource, fell away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncidentKind {
    /// It is about somebody else. A fetched contribution falls whole; of an imported one, this resource.
    WrongPerson,
    /// It is no JSON object with a resource type that R4 has. The whole contribution falls.
    Unreadable,
}

impl Release {
    /// Whether the contribution at `holder` fell away whole: then it is a gap (DESIGN.md 6).
    #[must_use]
    pub fn fell(&self, contributions: &[Contribution<'_>], holder: usize) -> bool {
        self.incidents.iter().any(|i| {
            i.holder == holder
                && (i.kind == IncidentKind::Unreadable
                    || contributions.get(holder).is_none_or(|c| c.bound == Bound::Fetched))
        })
    }
}

/// Releases what the decisions and the tables allow, and nothing else.
#[must_use]
pub fn release(tables: &Tables, view: &View<'_>, contributions: &[Contribution<'_>]) -> Release {
    pass::all(tables, view, contributions)
}

/// Writes a JSON string.
fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend([b'\\', c as u8]),
            c if (c as u32) < 0x20 => out.extend_from_slice(format!("\\u{:04x}", c as u32).as_bytes()),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests;
