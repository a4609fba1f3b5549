//! Sluis, the secure exchange gateway for health and social care.

#[cfg(feature = "sandbox")]
pub mod sandbox;
