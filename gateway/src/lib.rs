//! Sluis: a secure exchange gateway for health and social care. The map is `gateway/ARCHITECTURE.md`.

pub mod answer;
pub mod boot;
pub mod changes;
pub mod clock;
pub mod config;
pub mod control;
pub mod desk;
pub mod directory;
pub mod exchange;
pub mod explain;
pub mod lens;
pub mod limits;
pub mod listen;
pub mod oauth;
pub mod portal;
pub mod refusal;
pub mod register;
pub mod road;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod sources;
pub mod store;
pub mod token;
pub mod trail;
pub mod trust;
pub mod world;
