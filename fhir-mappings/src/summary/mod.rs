//! The patient summary: an IPS document made from released resources of several holders, and the list of IPS
//! rules that every document of ours keeps (`docs/ips-rules.md`).
//!
//! It never decides, filters or hides: what it is given is what may be seen. Resources are copied byte for byte.

mod check;
mod compose;
mod fact;
mod gather;
mod narrative;
mod rows;
mod section;
mod words;
mod written;

pub use crate::outcome::Language;
pub use check::{Issue, Severity, check_ips};
pub use compose::compose;
pub use gather::day_of;

/// One released resource.
#[derive(Clone, Copy)]
pub struct Item<'a> {
    /// Its FHIR type.
    pub resource_type: &'a str,
    /// Its id, ours.
    pub id: &'a str,
    /// Codes of the data classes it belongs to (REGION.md 1).
    pub classes: &'a [&'a str],
    /// The holder's code: groups what came from one holder, and is never shown.
    pub holder: &'a str,
    /// The holder's name, when it may show.
    pub holder_name: Option<&'a str>,
    /// When the holder recorded it: a FHIR date, dateTime or instant.
    pub recorded: Option<&'a str>,
    /// The minimised resource: our id, references rewritten to `Type/id`.
    pub bytes: &'a [u8],
}

/// A holder that was asked and contributed nothing.
#[derive(Clone, Copy)]
pub struct Gap<'a> {
    /// Its name, only when the asker was permitted at least one of its classes (DESIGN.md 6).
    pub holder_name: Option<&'a str>,
}

/// What the document says about itself.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// Where we serve FHIR, with its closing slash: `https://…/fhir/`.
    pub base: &'a str,
    /// A fresh UUID, lower case: identifier of the document and id of Composition and Bundle.
    pub document_id: &'a str,
    /// When the document is made: a FHIR instant.
    pub now: &'a str,
    /// The person's id for this asker.
    pub patient_id: &'a str,
    /// Who runs this gateway, in words: author's owner and custodian.
    pub custodian_name: &'a str,
    /// The language of the asker.
    pub language: Language,
    /// Holders that were asked in vain.
    pub gaps: &'a [Gap<'a>],
}

/// A finished document.
pub struct Composed {
    /// The Bundle, UTF-8 JSON.
    pub bytes: Vec<u8>,
    /// Positions (in the input) of items that are not in the document: not one JSON object of the stated type
    /// and id, a duplicate, or a supporting resource that nothing refers to.
    pub left_out: Vec<usize>,
}

impl std::fmt::Debug for Composed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Composed({} bytes, {} left out)", self.bytes.len(), self.left_out.len())
    }
}

#[cfg(test)]
mod tests;
