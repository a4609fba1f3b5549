//! A privacy consent as it was given: what CONTRACT.md section 7 can say on the wire, without FHIR.
//! Codes stay text, so that a stored record outlives the vocabulary that read it. Decides nothing.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::identifier::Identifier;
use crate::period::Period;
use crate::question::Purpose;

/// What one entry of the consent feed turned out to be.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant, reason = "nearly every reading is the large one")]
pub enum Reading {
    /// Understood in full.
    Readable(ConsentRecord),
    /// Not understood. Refuses everything for this person until mended: it may be an objection.
    Unreadable {
        /// The record's id as its register gave it.
        id: Box<str>,
        /// Its version, 0 if unknown.
        version: u32,
        /// The register it came from: no other mends it. Empty in a record of before this was kept: nobody mends that one,
        /// and it refuses.
        #[serde(default)]
        register: Box<str>,
    },
}

impl Reading {
    /// The record's id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Readable(record) => &record.id,
            Self::Unreadable { id, .. } => id,
        }
    }

    /// The register it stands in.
    #[must_use]
    pub fn register(&self) -> &str {
        match self {
            Self::Readable(record) => &record.register,
            Self::Unreadable { register, .. } => register,
        }
    }

    /// Its version, from 1.
    #[must_use]
    pub fn version(&self) -> u32 {
        match self {
            Self::Readable(record) => record.version,
            Self::Unreadable { version, .. } => *version,
        }
    }
}

/// One version of one consent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentRecord {
    /// Our id of it.
    pub id: Box<str>,
    /// 1 for the first version.
    pub version: u32,
    /// Only `Active` counts in a decision.
    pub status: Status,
    /// Who gave it; both keys stand here when there are two.
    pub givers: Vec<Giver>,
    /// Which register it stands in: "newest wins" holds within one register only.
    pub register: Box<str>,
    /// The organisation that recorded it; `None` when the person did so (portal, own app).
    pub recorded_by: Option<Identifier>,
    /// When it was given, as stated; decides which of two is the newest.
    pub given_at: Timestamp,
    /// What was shown as evidence.
    pub source: Source,
    /// Absolute URI of the policy it was given under.
    pub policy: Box<str>,
    /// What it says.
    pub provision: Provision,
}

/// FHIR's Consent.status.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Not yet given.
    Draft,
    /// Not yet given.
    Proposed,
    /// In force.
    Active,
    /// Turned down.
    Rejected,
    /// Withdrawn.
    Inactive,
    /// Should never have been.
    EnteredInError,
}

/// A title or a reference to evidence; at least one is present on the wire.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// `sourceAttachment.title`.
    #[serde(default)]
    pub title: Option<Box<str>>,
    /// `sourceReference`.
    #[serde(default)]
    pub reference: Option<Box<str>>,
}

/// Who gave a consent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Giver {
    /// The person it is about.
    Person,
    /// Somebody for the person.
    Representative(Representative),
}

/// Who acts for a person, in which capacity, how long and about what.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Representative {
    /// Who it is; `None` when the record does not say (then nobody is the same giver).
    pub person: Option<Identifier>,
    /// In which capacity.
    pub kind: Representation,
    /// From when to when the mandate runs.
    pub mandate: Period,
    /// Which data classes (or groups) the mandate covers; `None`: all.
    #[serde(default)]
    pub scope: Option<Vec<Box<str>>>,
    /// What proves it; required on the wire.
    pub evidence: Box<str>,
}

/// `S+CodeSystem/representation-kind`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Representation {
    /// A parent with custody.
    Parent,
    /// Voogd.
    Guardian,
    /// Mentor: care, while incapacity is attested.
    Mentor,
    /// Curator: care too, while incapacity is attested.
    Curator,
    /// Schriftelijk gemachtigde.
    Attorney,
    /// Mantelzorger.
    InformalCarer,
    /// Partner, parent, child or sibling of BW 7:465(3).
    Substitute,
    /// Money only: never counts for care.
    Bewindvoerder,
}

impl Representation {
    /// All of them, in the code system's order.
    pub const ALL: [Self; 8] = [
        Self::Parent,
        Self::Guardian,
        Self::Mentor,
        Self::Curator,
        Self::Attorney,
        Self::InformalCarer,
        Self::Substitute,
        Self::Bewindvoerder,
    ];
    /// Its code on the wire.
    pub fn code(self) -> &'static str {
        match self {
            Self::Parent => "parent",
            Self::Guardian => "guardian",
            Self::Mentor => "mentor",
            Self::Curator => "curator",
            Self::Attorney => "attorney",
            Self::InformalCarer => "informal-carer",
            Self::Substitute => "substitute",
            Self::Bewindvoerder => "bewindvoerder",
        }
    }
    /// The kind of this code, if there is one.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// Permit or objection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Opens.
    Permit,
    /// Closes.
    Deny,
}

/// One provision; an empty list is an absent facet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provision {
    /// Permit or objection.
    pub kind: Kind,
    /// Whose data (actors with role CST).
    #[serde(default)]
    pub holders: Vec<Holder>,
    /// Who may see them or not (actors with role IRCP).
    #[serde(default)]
    pub users: Vec<User>,
    /// For what.
    #[serde(default)]
    pub purposes: Vec<Purpose>,
    /// Codes of data classes or groups.
    #[serde(default)]
    pub classes: Vec<Box<str>>,
    /// Codes of labels.
    #[serde(default)]
    pub labels: Vec<Box<str>>,
    /// Single items, by business identifier (`data` meaning `instance`).
    #[serde(default)]
    pub items: Vec<Identifier>,
    /// How old or young the data may be.
    #[serde(default)]
    pub data_period: Option<Period>,
    /// Relations within which it holds (`data` meaning `related`).
    #[serde(default)]
    pub context: Vec<Identifier>,
    /// When it holds.
    #[serde(default)]
    pub period: Option<Period>,
    /// Nested provisions; the whole tree is at most [`MAX_DEPTH`] deep.
    #[serde(default)]
    pub exceptions: Vec<Provision>,
}

/// How deep provisions may nest, the outermost counted.
pub const MAX_DEPTH: usize = 4;

impl Provision {
    /// How many statements it makes: itself and its exceptions.
    pub fn statements(&self) -> usize {
        self.exceptions.iter().fold(1, |all, exception| all + exception.statements())
    }

    /// A provision of this kind without any facet.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            holders: Vec::new(),
            users: Vec::new(),
            purposes: Vec::new(),
            classes: Vec::new(),
            labels: Vec::new(),
            items: Vec::new(),
            data_period: None,
            context: Vec::new(),
            period: None,
            exceptions: Vec::new(),
        }
    }
}

/// Whose data a provision speaks of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holder {
    /// Every holder, said in so many words (`any`).
    Any,
    /// One organisation.
    Organisation(Identifier),
    /// All of a category.
    Category(Box<str>),
    /// All data kept under a function.
    Function(Box<str>),
}

/// Who a provision lets in or keeps out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum User {
    /// One person.
    Person(Identifier),
    /// One organisation.
    Organisation(Identifier),
    /// Everyone of a category.
    Category(Box<str>),
    /// Everyone who asks in this function.
    Function(Box<str>),
}

impl fmt::Debug for ConsentRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsentRecord")
            .field("id", &self.id)
            .field("version", &self.version)
            .field("status", &self.status)
            .field("givers", &self.givers)
            .field("provision", &self.provision)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Representative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Representative({})", self.kind.code())
    }
}
