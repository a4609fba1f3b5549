//! The demonstration region (feature `sandbox`). Packages for real use leave this module out.

pub mod demo;
pub mod ehr;
mod pki;
pub(crate) mod preview;
mod provider;
pub mod region;
pub mod scripted;
mod seed;
