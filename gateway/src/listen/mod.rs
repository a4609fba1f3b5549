//! Listeners: TCP, TLS and HTTP up to the point where a request is a value. Never panics, never stops
//! accepting, knows nothing of FHIR.

pub mod peer;

pub use peer::Peer;
