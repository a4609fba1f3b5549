//! What may be asked of the exchange: one closed list, and everything made from it.
//!
//! The list ([`ROWS`]) is data. The parser, the evaluation of search parameters, `/fhir/metadata`, `/openapi.json`
//! and the table in the docs are made from it, so they cannot disagree. Whatever the list does not name is refused
//! and never dropped in silence (CONTRACT.md 3; LEAKS.md L01 to L29).

mod bsn;
mod filter;
mod form;
mod list;
mod matching;
mod moment;
mod negotiate;
mod newest;
mod parameters;
mod parse;
mod path;
mod query;
mod table;

pub use bsn::{bsn_in_url, url_holds};
pub use filter::{Filter, Test, Token};
pub use form::pairs as form_pairs;
pub use list::{About, Interaction, ListForm, Origin, Param, ROWS, Row, Shape, row};
pub use matching::{matches, stable_order};
pub use moment::Moment;
pub use negotiate::{Acceptable, BodyForm, ReadableBody, accept, body_form, content_type, header_refused};
pub use newest::newest_per_code;
pub use parse::parse;
pub use query::{DirectorySearch, Id, Include, LastN, PageToken, PersonIdentifier, Query, Search};
pub use table::markdown;

use crate::outcome::{Code, Outcome};

/// Why a request is not one of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrammarError {
    /// The outward code.
    pub code: Code,
    /// The place, as `http.<parameter>` or a path in the body; never a value the sender gave.
    pub expression: Option<String>,
}

impl GrammarError {
    pub(crate) fn new(code: Code) -> Self {
        Self { code, expression: None }
    }

    pub(crate) fn unsupported() -> Self {
        Self::new(Code::QueryNotSupported)
    }

    /// An unsupported parameter. Its name is echoed only when it cannot hide a number of a person.
    pub(crate) fn parameter(name: &str) -> Self {
        let harmless = (1..=64).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-' | b':' | b'.' | b'$'));
        Self { code: Code::QueryNotSupported, expression: harmless.then(|| format!("http.{name}")) }
    }

    pub(crate) fn body(expression: &str) -> Self {
        Self { code: Code::BodyInvalid, expression: Some(expression.to_owned()) }
    }

    /// The OperationOutcome to send.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let outcome = Outcome::new(self.code);
        match &self.expression {
            Some(expression) => outcome.at(expression.clone()),
            None => outcome,
        }
    }
}

#[cfg(test)]
mod tests;
