//! Base FHIR R4 (4.0.1): HL7's definitions as tables, and whether one resource keeps to them.
//!
//! Profiles, terminology beyond required bindings and the meaning of content are no business of this module.

mod check;
mod definitions;
mod invariants;
mod issue;
mod moment;
mod primitive;
mod whole;
mod xhtml;

pub use check::check;
pub use definitions::{Definitions, Element, ElementType, Max, TypeDef, TypeKind, ValueSet};
pub use issue::{Issue, IssueCode};

#[cfg(test)]
pub(crate) mod corpus;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod tests;
