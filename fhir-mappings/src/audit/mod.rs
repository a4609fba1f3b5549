//! What one journal record says, and how it reads as a FHIR AuditEvent.
//!
//! [`Entry`] is the typed, versioned content of the sealed part of a record (NEN 7513 complete); [`render`]
//! shows it as an IHE BALP AuditEvent by the rule in `docs/audit-rendering.md`. Never clinical content, never
//! a BSN; nothing here reads a clock or decides.

mod entry;
mod render;
mod scrub;

pub use entry::{
    Action, Assurance, Change, Coding, ConsentUsed, Detail, ENTRY_MAX, Emergency, Entry, EntryError, Given,
    Holder, Interaction, Kind, Network, Organisation, Outcome, Person, Protocol, Relation, Share, TokenUse,
    VERSION, Withheld,
};
pub use render::{Place, RULE, Side, render, render_for, rendered_profile};
pub use scrub::scrub;

#[cfg(test)]
mod tests;
