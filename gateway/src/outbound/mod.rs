//! Where this gateway is itself a client: over TLS 1.3, to addresses that were looked at before they are connected to, in
//! bounded time and size, following nothing. Must not know what is asked or for whom.

mod address;
mod base;
mod body;
mod client;
mod connect;
mod form;
mod once;
mod pool;

pub use address::forbidden;
pub use base::{BadBase, Base};
pub use body::Allowance;
pub use client::{Answer, Client, Ours, Question};
pub use connect::{Fault, TlsFault};
pub use form::form;
pub(crate) use once::{Over, Unreached, send};
pub use pool::Pool;

#[cfg(test)]
mod tests;
