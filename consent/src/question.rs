//! One question: who asks, for what, about whom, from which holder, when. Every fact in it comes
//! from what is registered or recorded, never from the caller's word alone.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::identifier::Identifier;
use crate::record::Representation;
use crate::relation::{Attestation, Relation};
use crate::set::ClassSet;
use crate::vocabulary::{Category, Function};

/// Why data are asked for (v3-ActReason).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Purpose {
    /// Treatment.
    #[serde(rename = "TREAT")]
    Treat,
    /// Emergency treatment; needs an attested break-glass.
    #[serde(rename = "ETREAT")]
    Etreat,
    /// Coordination of care.
    #[serde(rename = "COC")]
    Coc,
    /// Social assessment and support.
    #[serde(rename = "CAREMGT")]
    Caremgt,
    /// The person's own request.
    #[serde(rename = "PATRQT")]
    Patrqt,
    /// Health compliance: officers.
    #[serde(rename = "HCOMPL")]
    Hcompl,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Treat, Self::Etreat, Self::Coc, Self::Caremgt, Self::Patrqt, Self::Hcompl];
    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Treat => "TREAT",
            Self::Etreat => "ETREAT",
            Self::Coc => "COC",
            Self::Caremgt => "CAREMGT",
            Self::Patrqt => "PATRQT",
            Self::Hcompl => "HCOMPL",
        }
    }
    /// The purpose of this code; BTG is another word for ETREAT.
    pub fn parse(code: &str) -> Option<Self> {
        if code == "BTG" {
            return Some(Self::Etreat);
        }
        Self::ALL.into_iter().find(|purpose| purpose.code() == code)
    }
}

/// One question about one person and one holder.
#[derive(Clone, Debug)]
pub struct Question {
    /// Who asks.
    pub asker: Asker,
    /// For what.
    pub purpose: Purpose,
    /// About whom.
    pub subject: Subject,
    /// Whose data.
    pub holder: Party,
    /// Which classes; ask for `rules.vocabulary().all_classes()` to hear about all.
    pub classes: ClassSet,
    /// Every recorded relation about this person.
    pub relations: Vec<Relation>,
    /// Every recorded attestation about this person.
    pub attestations: Vec<Attestation>,
    /// What was attested to break the glass, with ETREAT only.
    pub break_glass: Option<BreakGlass>,
    /// When.
    pub at: Timestamp,
}

/// A registered organisation: as asker or as holder.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Party {
    /// Every identifier it is registered under.
    pub identifiers: Vec<Identifier>,
    /// Its categories.
    pub categories: Vec<Category>,
    /// Its functions in force at the instant asked; for a holder they say which law its data fall under.
    pub functions: Vec<Function>,
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Asker {
    /// The organisation.
    pub organisation: Party,
    /// The function asked in; `None` for the person's own app and for officers.
    pub function: Option<Function>,
    /// Identifiers of the asking person; empty: a system.
    pub person: Vec<Identifier>,
    /// Role code of the asking person, as registered.
    pub role: Option<Box<str>>,
    /// The named responsible person (a triagist's doctor).
    pub responsible: Option<Identifier>,
    /// How sure it is that the person is who they say.
    pub assurance: Assurance,
    /// In which capacity.
    pub capacity: Capacity,
}

/// How sure the identity of the asking person is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assurance {
    /// The participant's word for a person we do not know.
    SelfAsserted,
    /// Registered with the participant.
    Registered,
}

/// In which capacity somebody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// As a professional or a system of a participant.
    Professional,
    /// As the person the data are about (PATRQT).
    Person,
    /// For the person (PATRQT): identity in `Asker::person`, mandate in `Subject::representatives` or a consent.
    Representative,
}

/// The person the data are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Birth date; `None` when unknown: then no rule that depends on age lets anything through.
    pub birth_date: Option<Date>,
    /// Who is recorded to act for this person.
    pub representatives: Vec<RecordedRepresentative>,
}

/// A representative as recorded (custody register, court decision), apart from any consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedRepresentative {
    /// Who it is.
    pub person: Identifier,
    /// In which capacity (a parent here has custody).
    pub kind: Representation,
    /// For how long.
    #[serde(default)]
    pub mandate: crate::period::Period,
    /// Which classes (or groups); `None`: all.
    #[serde(default)]
    pub scope: Option<Vec<Box<str>>>,
}

/// An attested breaking of the glass by the asking person for this person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakGlass {
    /// When this asker first used it for this person; `None`: this is the first use.
    pub first_use: Option<Timestamp>,
    /// Whether "could not be asked" was attested.
    pub could_not_be_asked: bool,
    /// Whether the registrations let this asker ask and this holder give.
    pub registered: bool,
    /// Whether notices and the officer's inbox exist, so that it can be followed up.
    pub followed_up: bool,
}
