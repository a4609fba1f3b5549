//! The IPS rules of `docs/ips-rules.md`, checked.

use crate::json::Doc;

/// How much an issue weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Not an IPS document.
    Error,
    /// Allowed, but a reader may stumble.
    Warning,
}

/// A rule that a document does not keep. Carries no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The rule's name in `docs/ips-rules.md`.
    pub rule: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// Where: `entry[3]`, `section[2]`; empty for the document.
    pub place: String,
}

/// Every rule that this document does not keep; empty for a good one.
#[must_use]
pub fn check_ips(doc: &Doc<'_>) -> Vec<Issue> {
    let _ = doc;
    vec![Issue { rule: "unchecked", severity: Severity::Error, place: String::new() }]
}
