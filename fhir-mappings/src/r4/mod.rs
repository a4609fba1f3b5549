//! Base FHIR R4 (4.0.1): HL7's definitions as tables, and whether one resource keeps to them.
//!
//! Profiles, terminology beyond required bindings and the meaning of content are no business of this module.

mod check;
mod definitions;

pub use check::{Issue, IssueCode, check};
pub use definitions::{Definitions, Element, ElementType, Max, TypeDef, TypeKind, ValueSet};

#[cfg(test)]
mod tests;
