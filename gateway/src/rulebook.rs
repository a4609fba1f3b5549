//! The rules as they were written: kept in `holdings/`, so that a decision can be made again under the rules of then.

use crate::store::sha256_hex;
use consent::Rules;
use consent::rules::NATIONAL;
use consent::vocabulary::VocabularyError;
use serde::{Deserialize, Serialize};

/// Every text that a decision was made by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rulebook {
    /// The national package.
    national: String,
    /// What the region lays over it, in order.
    overlays: Vec<String>,
}

impl Rulebook {
    /// The package of this program, with these overlays.
    #[must_use]
    pub fn of(overlays: &[&str]) -> Self {
        let overlays = overlays.iter().map(|text| (*text).to_owned()).collect();
        Self { national: NATIONAL.to_owned(), overlays }
    }

    /// The digest by which records name it.
    #[must_use]
    pub fn sha256(&self) -> String {
        sha256_hex((self.national.clone() + &self.overlays.concat()).as_bytes())
    }

    /// Ready to decide with.
    ///
    /// # Errors
    /// For text that this program cannot read any more, or could not yet.
    pub fn rules(&self) -> Result<Rules, VocabularyError> {
        let overlays: Vec<&str> = self.overlays.iter().map(String::as_str).collect();
        Rules::from_texts(&self.national, &overlays)
    }
}
