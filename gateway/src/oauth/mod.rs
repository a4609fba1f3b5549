//! OAuth 2 as CONTRACT.md 3 has it: client assertions in, certificate-bound access tokens out.
//!
//! The order for the caller: [`assertion::check`] -> [`replay::ReplayGuard::reserve`] -> a durable record of the
//! burnt `jti` -> [`replay::Reserved::commit`] -> [`access_token::mint`]. Each consumes what the one before
//! made, so that no token exists for an assertion that could be used again.
//! Nothing here opens a connection: keys come from the registration only.

pub mod access_token;
pub mod asker;
pub mod assertion;
pub mod discovery;
pub(crate) mod form;
pub mod issuer;
pub mod jwt;
pub mod key;
pub mod oidc;
pub mod refusal;
pub mod replay;
pub mod scope;
pub mod signing;
mod statement;

pub use asker::{Asker, Session};
pub use issuer::Issuer;
pub use refusal::{Cause, TokenInvalid, TokenRefusal};

#[cfg(test)]
mod tests;
