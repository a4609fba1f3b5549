//! What `sluis import` takes from one file: its resources, and whom they are about. Pure: bytes in, a verdict out.
//!
//! All or nothing: a file is refused at its first fault. Nothing here stores, and no refusal repeats a value.

use crate::identifiers::Identifier;

/// How the bytes of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON resource, a Bundle included.
    Json,
    /// One JSON resource a line.
    Ndjson,
}

/// What one file holds, ready to be stored whole.
pub struct Intake<'a> {
    /// The resources in written order; a Bundle stands for its entries, but for its own links and metadata.
    pub resources: Vec<IntakeResource<'a>>,
    /// Whom the file is about.
    pub person: Person,
    /// What was taken as it is but deserves a word.
    pub warnings: Vec<Warning>,
}

/// One resource of the file.
pub struct IntakeResource<'a> {
    /// The R4 type.
    pub resource_type: &'static str,
    /// What makes it the same resource when it comes again.
    pub key: Key,
    /// The bytes exactly as written.
    pub bytes: &'a [u8],
    /// Whom it is about.
    pub about: About,
    /// The entry's `fullUrl`, when it had one.
    pub full_url: Option<String>,
    /// Its own `id`, when it had one.
    pub id: Option<String>,
}

/// What identifies a resource of a holder besides its type, so that importing again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// The resource's own id.
    Id(String),
    /// The entry's full URL (no id).
    FullUrl(String),
    /// SHA-256 of the bytes, in base64url without padding (neither id nor full URL).
    Digest(String),
}

/// Whom one resource is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// The one person of the file.
    Person,
    /// Nobody (a directory entry, a device, a medication).
    Nobody,
}

/// Whom a file is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    /// No resource is about a person.
    Nobody,
    /// About one person whom nothing in the file identifies: `--patient` is needed.
    Unidentified,
    /// About one person with these identifiers, a valid BSN first.
    Identified(Vec<Identifier>),
}

/// Why a file is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The kind of fault.
    pub reason: Reason,
    /// Where, as a path without values; `line[3].` before it in NDJSON.
    pub expression: String,
    /// The rule, in words or by its key.
    pub detail: &'static str,
}

/// The kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Not JSON as we read it.
    NotJson,
    /// No FHIR resource.
    NotFhir,
    /// Departs from base R4.
    NotR4,
    /// About more than one person.
    SecondPerson,
    /// About a person whom nothing identifies, and none was given.
    NeedsPatient,
    /// The person given is not the person of the file.
    OtherPerson,
    /// A privacy Consent: those are recorded, not imported.
    PrivacyConsent,
    /// A Bundle that deletes, patches or answers.
    NotData,
    /// A modifier or implicit rule that we do not know.
    UnknownModifier,
}

/// What was taken as it is but deserves a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where, as a path without values.
    pub expression: String,
    /// What about it.
    pub detail: &'static str,
}

/// Reads one file.
///
/// # Errors
/// The first fault that makes the whole file unusable.
pub fn read(bytes: &[u8], format: Format) -> Result<Intake<'_>, Refusal> {
    let _ = (bytes, format);
    Err(Refusal { reason: Reason::NotFhir, expression: String::new(), detail: "not read yet" })
}

impl Intake<'_> {
    /// The person's identifiers once `--patient` is taken into account; empty when the file is about nobody.
    ///
    /// # Errors
    /// [`Reason::NeedsPatient`] or [`Reason::OtherPerson`].
    pub fn settle(&self, given: Option<&Identifier>) -> Result<Vec<Identifier>, Refusal> {
        let _ = given;
        Err(Refusal { reason: Reason::NeedsPatient, expression: String::new(), detail: "not read yet" })
    }

    /// The resource of this file that a reference written in `resources[from]` points to.
    #[must_use]
    pub fn resolve(&self, from: usize, reference: &str) -> Option<usize> {
        let _ = (from, reference);
        None
    }
}
