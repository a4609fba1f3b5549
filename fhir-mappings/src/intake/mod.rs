//! What `sluis import` takes from one file: its resources, and whom they are about. Pure: bytes in, a verdict out.
//!
//! All or nothing: a file is refused at its first fault. Nothing here stores, and no refusal repeats a value.
//!
//! What stands where: `split` cuts a file into resources and turns away what is no data; `subject` reads
//! whom each is about; `person` finds the one
//! person they are about. A Bundle stands for its entries, nested Bundles included, whatever its type:
//! - transaction and batch: POST and PUT entries are data, conditional or not (a condition is the receiver's to
//!   judge, and upserting by our own key serves both); GET, HEAD, PATCH and DELETE make the file no data.
//! - history: the first version of a resource (the newest, as FHIR orders them) stands for all; what is deleted
//!   is left out with its older versions, and a warning says that earlier imports of it stay.
//! - searchset: entries with mode `outcome` are about the search and are left out.
//! - responses: entries that only answer hold nothing and are left out.
//!
//! A modifier extension is kept with a warning: what it changes is for the release to judge, which must not give
//! out what it cannot understand. Implicit rules are refused, for they may change every element.

mod person;
mod split;
mod subject;

use crate::identifiers::Identifier;
use crate::r4::Issue;
use std::collections::HashMap;

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
    names: Names,
}

impl std::fmt::Debug for Intake<'_> {
    /// Content is personal: only counts print.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Intake({} resources, {} warnings)", self.resources.len(), self.warnings.len())
    }
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
    /// An instruction (DELETE, PATCH, Parameters), or one id twice with different content.
    NotData,
    /// Implicit rules that we do not know.
    UnknownModifier,
}

impl Refusal {
    fn new(reason: Reason, expression: impl Into<String>, detail: &'static str) -> Self {
        Self { reason, expression: expression.into(), detail }
    }

    /// The first issue of a check. What is no R4 resource at all is no FHIR to us.
    fn of_issue(issue: Issue, before: &str) -> Self {
        let reason = if issue.expression == "Resource" { Reason::NotFhir } else { Reason::NotR4 };
        Self { reason, expression: format!("{before}{}", issue.expression), detail: issue.detail }
    }
}

impl Reason {
    /// The reason as `sluis import --json` writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not-json",
            Self::NotFhir => "not-fhir",
            Self::NotR4 => "not-r4",
            Self::SecondPerson => "second-person",
            Self::NeedsPatient => "needs-patient",
            Self::OtherPerson => "other-person",
            Self::PrivacyConsent => "privacy-consent",
            Self::NotData => "not-data",
            Self::UnknownModifier => "unknown-modifier",
        }
    }
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
    let split = match format {
        Format::Json => split::json(bytes)?,
        Format::Ndjson => split::ndjson(bytes)?,
    };
    let (found, mut warnings) = (split.found, split.warnings);
    let names = Names::of(&found);
    let judged = person::find(&found, &names)?;
    let resources = found.into_iter().zip(judged.about).map(|(f, about)| f.into_resource(about)).collect();
    warnings.extend(judged.warnings);
    Ok(Intake { resources, person: judged.person, warnings, names })
}

impl Intake<'_> {
    /// The person's identifiers once `--patient` is taken into account, that one first; empty when the file is
    /// about nobody. An identifier of a system that the file does not use adds to the file's own.
    ///
    /// # Errors
    /// [`Reason::NeedsPatient`], or [`Reason::OtherPerson`] when the file has another value in the same system.
    pub fn settle(&self, given: Option<&Identifier>) -> Result<Vec<Identifier>, Refusal> {
        let own = match &self.person {
            Person::Nobody => return Ok(Vec::new()),
            Person::Unidentified => &[][..],
            Person::Identified(own) => own.as_slice(),
        };
        let Some(given) = given else {
            let needs = Refusal::new(Reason::NeedsPatient, "", "nothing in the file identifies the person");
            return if own.is_empty() { Err(needs) } else { Ok(own.to_vec()) };
        };
        let others = own.iter().filter(|i| *i != given);
        if !own.contains(given) && own.iter().any(|i| i.system() == given.system()) {
            return Err(Refusal::new(
                Reason::OtherPerson,
                "",
                "the person given is not the person of the file",
            ));
        }
        Ok(std::iter::once(given).chain(others).cloned().collect())
    }

    /// The resource of this file that a reference written in `resources[from]` points to.
    #[must_use]
    pub fn resolve(&self, from: usize, reference: &str) -> Option<usize> {
        let base = self.resources.get(from).and_then(|r| r.full_url.as_deref());
        self.names.resolve(base, reference)
    }
}

/// How resources of one file name each other.
struct Names {
    by_url: HashMap<String, usize>,
    by_id: HashMap<String, usize>,
}

impl Names {
    fn of(found: &[split::Found<'_>]) -> Self {
        let (mut by_url, mut by_id) = (HashMap::new(), HashMap::new());
        for (index, one) in found.iter().enumerate() {
            if let Some(url) = &one.full_url {
                by_url.entry(url.clone()).or_insert(index);
            }
            if let Some(id) = &one.id {
                by_id.entry(format!("{}/{id}", one.resource_type)).or_insert(index);
            }
        }
        Self { by_url, by_id }
    }

    /// FHIR's rule for Bundles (bundle.html#references): a full URL as it is; a relative reference on the base
    /// of the entry that holds it, then by type and id.
    fn resolve(&self, from_url: Option<&str>, reference: &str) -> Option<usize> {
        let reference = reference.split_once("/_history/").map_or(reference, |(plain, _)| plain);
        if let Some(found) = self.by_url.get(reference) {
            return Some(*found);
        }
        let mut steps = reference.rsplit('/');
        let (id, kind) = (steps.next()?, steps.next()?);
        let relative = steps.next().is_none();
        let base =
            from_url.and_then(|url| url.rsplitn(3, '/').nth(2)).filter(|base| base.starts_with("http"));
        let based =
            base.filter(|_| relative).and_then(|base| self.by_url.get(&format!("{base}/{reference}")));
        based.or_else(|| self.by_id.get(&format!("{kind}/{id}")).filter(|_| relative)).copied()
    }
}

#[cfg(test)]
mod tests;
