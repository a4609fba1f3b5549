//! What we say of ourselves: CapabilityStatement and OpenAPI, made from the one list of [`crate::grammar`].
//!
//! Equal for every caller and naming no source behind us (LEAKS.md L77).

mod openapi;
mod schemas;
mod statement;

pub use openapi::openapi;
pub use statement::{search_parameters, statement};

/// What the documents say about the service; the rest comes from the list.
#[derive(Debug, Clone, Copy)]
pub struct Service<'a> {
    /// The exchange's own URL without a trailing slash, `https://127.0.0.1:8443`.
    pub base: &'a str,
    /// Version of the software.
    pub version: &'a str,
    /// Date of the release (FHIR dateTime).
    pub date: &'a str,
}

#[cfg(test)]
mod tests;
