//! A FHIR R4 Consent to a [`ConsentRecord`] and back, exactly as CONTRACT.md section 7.
//!
//! Every element is either understood or refused: ignoring one on a permit could widen it. What a feed sends and
//! cannot be read is kept as an objection that refuses. Decides nothing and knows no clock: `now` is given.

pub(crate) mod at;
mod change;
mod codes;
pub(crate) mod contents;
mod feed;
mod performer;
mod present;
mod provision;
mod read;
mod refusal;
mod write;

pub use change::{Change, change};
pub use codes::{DirectiveKind, directive, is_privacy_category};
pub use feed::{FeedEntry, as_others_read, named, read_feed};
pub use performer::{ReceivedRepresentative, read_representative};
pub use present::{Presented, present};
pub use refusal::{Refusal, Why};
pub use write::write;

pub(crate) use read::patient_ref;
pub(crate) use write::period as write_period;

use crate::identifiers::Identifier as PersonIdentifier;
use consent::record::ConsentRecord;
use consent::{Identifier, Vocabulary};
use jiff::Timestamp;

/// What a reader must know besides the bytes.
pub struct Context<'a> {
    /// Our id for the record.
    pub id: &'a str,
    /// The version it will have; 1 means a new record, which must be active.
    pub version: u32,
    /// The register it stands in.
    pub register: &'a str,
    /// Who records it.
    pub recorder: Recorder<'a>,
    /// The present instant; a `dateTime` behind it is refused.
    pub now: Timestamp,
    /// Codes of classes, groups, labels, categories and functions.
    pub vocabulary: &'a Vocabulary,
    /// Whether an organisation takes part; only such can be named as holder.
    pub takes_part: &'a dyn Fn(&Identifier) -> bool,
}

/// Who records a consent.
#[derive(Debug, Clone, Copy)]
pub enum Recorder<'a> {
    /// A participant, under any of these identifiers; `Consent.organization` must be one of them.
    Organisation(&'a [Identifier]),
    /// The person, in the portal or an own app.
    Person,
    /// An outside register; `Consent.organization` is taken as it stands.
    Register,
}

/// A consent that was read, with what the gateway must still hold against its own knowledge.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The record.
    pub record: ConsentRecord,
    /// Whom it is about.
    pub patient: PatientRef,
    /// The `id` in the body, if any: on a PUT it must be the one in the path.
    pub body_id: Option<String>,
    /// Business identifiers, none twice: one that another record holds is a conflict.
    pub identifiers: Vec<Identifier>,
    /// References to evidence outside the body: they must be about the same person.
    pub evidence: Vec<String>,
}

/// Whom a Consent is about, as its sender knows the person.
#[derive(Clone, PartialEq, Eq)]
pub enum PatientRef {
    /// `Patient/{id}`: the pseudonym for the sender.
    Id(String),
    /// By identifier.
    Identifier(PersonIdentifier),
}

impl std::fmt::Debug for PatientRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PatientRef(hidden)")
    }
}

/// That a record in force bears the identifier of a new one.
#[must_use]
pub fn taken() -> Refusal {
    Refusal::new(Why::IdentifierTaken, "Consent.identifier")
}

/// That a person has so many statements on record that deciding over them would take what others need.
#[must_use]
pub fn too_many() -> Refusal {
    Refusal::new(Why::TooMany, "Consent.provision")
}

/// Reads a Consent as a participant or person sends it.
///
/// # Errors
/// A [`Refusal`] with its reason and place; nothing was recorded.
pub fn read(bytes: &[u8], context: &Context<'_>) -> Result<Received, Refusal> {
    read::read(bytes, context)
}

/// Largest Consent read, in bytes.
pub const BYTES_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests;
