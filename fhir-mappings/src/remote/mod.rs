//! A holder's own FHIR server as seen from here: what it says it can, what it is asked, what its pages hold. Pure.
//!
//! It trusts nothing: what a server says of itself narrows what it is asked, never what is released.

mod capability;
mod page;
mod plan;

pub use capability::{Capability, Misfit};
pub use page::{Entry, Page, PageFault, Unfit, Whole, patients, read_page};
pub use plan::{PATIENT_INCLUDES, Search, searches, unfound};

#[cfg(test)]
mod tests;
