//! Sluis: a secure exchange gateway for health and social care. The map is `gateway/ARCHITECTURE.md`.

pub mod clock;
pub mod config;
pub mod limits;
pub mod listen;
pub mod oauth;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod store;
pub mod trust;
