//! FHIR R4 bytes to data classes, minimised summaries and consent records.
//!
//! Pure: no clock, network, storage, logging or async. Everything works on [`json::Doc`], a flat tape over
//! the caller's bytes, so that what survives is copied span by span and a number stays as its author wrote it.

pub mod audit;
pub mod bundle;
pub mod capability;
pub mod classify;
pub mod consent_wire;
pub mod directory;
pub mod grammar;
pub mod identifiers;
pub mod index_wire;
pub mod intake;
pub mod json;
pub mod outcome;
pub mod r4;
pub mod relation_wire;
pub mod release;
pub mod remote;
pub mod summary;
pub mod tables;
