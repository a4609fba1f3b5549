//! The demonstration region (feature `sandbox`). Packages for real use leave this module out.

pub mod region;
pub mod scripted;
