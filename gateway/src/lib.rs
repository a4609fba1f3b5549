//! Sluis: a secure exchange gateway for health and social care. The map is `gateway/ARCHITECTURE.md`.

#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod store;
