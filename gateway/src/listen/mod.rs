//! Listeners: TCP, TLS and HTTP up to the point where a request is a value.
//!
//! Never panics, never stops accepting, knows nothing of FHIR. A service gets `Request<axum::body::Body>` with
//! [`RemoteAddress`], and over mutual TLS [`Peer`], among its extensions; an axum `Router` is one.

mod accept;
pub mod body;
mod connection;
pub mod management;
pub mod metrics;
pub mod peer;
mod stream;
pub mod tls;

pub use accept::{Caps, Listener, Shutdown, Transport, shutdown};
pub use body::BodyFault;
pub use peer::{Peer, RemoteAddress};
pub use tls::{ClientAuthorities, MutualTls, ServerIdentity, TlsFault};

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests;
