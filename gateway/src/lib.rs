//! Sluis: a secure exchange gateway for health and social care. The map is `gateway/ARCHITECTURE.md`.

pub mod answer;
pub mod backup;
pub mod boot;
pub mod changes;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod desk;
pub mod directory;
pub mod dump;
pub mod exchange;
pub mod explain;
pub mod export;
pub mod lens;
pub mod limits;
pub mod listen;
pub mod notice;
pub mod oauth;
pub mod portal;
mod reach;
pub mod refusal;
pub mod register;
pub mod replay;
pub mod retention;
pub mod road;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod sources;
pub mod store;
pub mod token;
pub mod trail;
pub mod trust;
pub mod witness;
pub mod world;
