//! Relations between organisations about one person, and attestations by professionals: facts that
//! were recorded before anybody asked. A caller's word alone never makes one.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::identifier::Identifier;
use crate::period::Period;

/// A recorded relation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relation {
    /// Which kind of resource it was.
    pub kind: RelationKind,
    /// Its business identifiers, by which a consent or a token names it.
    pub identifiers: Vec<Identifier>,
    /// Organisations that are part of it: requester, contributor, managing organisation, members.
    pub parties: Vec<Identifier>,
    /// The organisation that sent it (ServiceRequest.requester).
    pub sender: Option<Identifier>,
    /// The organisations it was sent to (ServiceRequest.performer); also parties.
    pub receivers: Vec<Identifier>,
    /// Whether it stands.
    pub status: RelationStatus,
    /// Its term.
    pub period: Period,
    /// The organisation that recorded it: whose word it is. `None`: not recorded yet, or before this was kept.
    #[serde(default)]
    pub recorded_by: Option<Identifier>,
}

/// Kinds of relations.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelationKind {
    /// ServiceRequest.
    Referral,
    /// CareTeam.
    CareTeam,
    /// CarePlan.
    Plan,
    /// EpisodeOfCare.
    Episode,
    /// Encounter.
    Encounter,
}

/// Whether a relation stands, apart from its term.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelationStatus {
    /// In force.
    Active,
    /// Not begun, on hold, completed, revoked, entered in error, unknown.
    NotActive,
}

impl Relation {
    /// Whether it gives anything at this instant.
    pub fn is_live(&self, at: Timestamp) -> bool {
        self.status == RelationStatus::Active && self.period.contains(at)
    }
    /// Whether one of these identifiers is part of it.
    pub fn has_party(&self, identifiers: &[Identifier]) -> bool {
        self.parties
            .iter()
            .chain(&self.receivers)
            .chain(&self.sender)
            .any(|party| identifiers.contains(party))
    }
}

/// What a professional stated on their own authority; each goes to review.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// What was stated.
    pub kind: AttestationKind,
    /// The organisation of the author.
    pub organisation: Identifier,
    /// The person who stated it.
    pub author: Option<Identifier>,
    /// The function in which it was stated.
    pub function: Option<Box<str>>,
    /// When.
    pub created: Timestamp,
    /// For how long it holds.
    pub period: Period,
    /// Which data classes (or groups) it covers; `None`: all.
    #[serde(default)]
    pub scope: Option<Vec<Box<str>>>,
}

/// `S+CodeSystem/attestation`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttestationKind {
    /// A yes spoken at the desk, for this contact.
    Spoken,
    /// The young person keeps wanting it, well considered (BW 7:450(2)).
    ConsideredWish,
    /// Serious harm to the young person otherwise (BW 7:450(2)).
    SeriousHarm,
    /// Cannot weigh this kind of decision.
    Incapacity,
    /// Youth help goes on after eighteen (Jeugdwet 1.1).
    ExtendedHelp,
}

impl AttestationKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Spoken, Self::ConsideredWish, Self::SeriousHarm, Self::Incapacity, Self::ExtendedHelp];
    /// Its code on the wire.
    pub fn code(self) -> &'static str {
        match self {
            Self::Spoken => "spoken",
            Self::ConsideredWish => "considered-wish",
            Self::SeriousHarm => "serious-harm",
            Self::Incapacity => "incapacity",
            Self::ExtendedHelp => "extended-help",
        }
    }
    /// The kind of this code, if there is one.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

impl fmt::Debug for Attestation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attestation({})", self.kind.code())
    }
}
