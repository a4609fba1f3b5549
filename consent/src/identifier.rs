//! A business identifier: system and value. Must not print its value, since it may be a person's.

use std::fmt;

use serde::{Deserialize, Serialize};

/// System and value, as in FHIR's Identifier.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identifier {
    /// The value within the system. First, so that comparing looks at what differs first.
    pub value: Box<str>,
    /// Absolute URI of the naming system.
    pub system: Box<str>,
}

impl Identifier {
    /// An identifier of these two parts.
    pub fn new(system: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        Self { system: system.into(), value: value.into() }
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identifier({}|…)", self.system)
    }
}
