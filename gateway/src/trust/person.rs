//! A person who works at a participant.

use super::code::{FunctionCode, ParticipantId, PersonId, Role};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A registered person. `region.json` shows the same members (CONTRACT.md 2).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The id behind `urn:sluis:person#`.
    pub id: PersonId,
    /// The name, as it is shown and as `subject_name` must give it.
    pub name: String,
    /// The role in which this person acts.
    pub role: Role,
    /// The functions in which this person acts; the first is the default.
    #[serde(default)]
    pub functions: Vec<FunctionCode>,
    /// Where this person works.
    pub participant: ParticipantId,
}

/// The role code of a privacy officer: the only people who may ask with HCOMPL.
pub const OFFICER_ROLE: &str = "officer";

impl Person {
    /// Whether this person is a privacy officer.
    #[must_use]
    pub fn is_officer(&self) -> bool {
        self.role.code == OFFICER_ROLE
    }
}

impl fmt::Debug for Person {
    /// A name is personal: only the id prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({} at {})", self.id, self.participant)
    }
}
