//! A dated version of the rules: the vocabulary and every switch of law. Read from the national
//! package and overlays; the engine never reads a file itself.

use serde::{Deserialize, Serialize};

use crate::vocabulary::{Vocabulary, VocabularyError, VocabularySpec};

/// The package that comes with the program.
pub const NATIONAL: &str = include_str!("../rules/national.toml");

/// The rules as written.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesSpec {
    /// Version of the package; an overlay's is appended with `+`.
    pub version: Box<str>,
    /// Date of the package.
    pub date: Box<str>,
    /// Classes, labels, categories, functions, cells.
    #[serde(default)]
    pub vocabulary: VocabularySpec,
}

/// The rules, ready to decide with.
#[derive(Clone, Debug)]
pub struct Rules {
    version: Box<str>,
    date: Box<str>,
    vocabulary: Vocabulary,
}

impl Rules {
    /// The national package alone.
    ///
    /// # Errors
    /// [`VocabularyError`] if the package were broken; a test guards that it is not.
    pub fn national() -> Result<Self, VocabularyError> {
        Self::from_toml(&[])
    }
    /// The national package with overlays (TOML text) laid over it, in order.
    ///
    /// # Errors
    /// [`VocabularyError`] for text that cannot be read or codes that nothing defines.
    pub fn from_toml(overlays: &[&str]) -> Result<Self, VocabularyError> {
        let read = |text: &str| {
            toml::from_str::<RulesSpec>(text).map_err(|error| VocabularyError::Syntax(error.to_string()))
        };
        let mut spec = read(NATIONAL)?;
        for overlay in overlays {
            let over = read(overlay)?;
            spec.version = format!("{}+{}", spec.version, over.version).into();
            spec.date = over.date;
            spec.vocabulary = spec.vocabulary.overlaid(over.vocabulary);
        }
        Self::build(spec)
    }
    /// From the written form.
    ///
    /// # Errors
    /// [`VocabularyError`] for codes that nothing defines.
    pub fn build(spec: RulesSpec) -> Result<Self, VocabularyError> {
        Ok(Self { version: spec.version, date: spec.date, vocabulary: Vocabulary::build(spec.vocabulary)? })
    }
    /// The version, to stand in every decision and record.
    pub fn version(&self) -> &str {
        &self.version
    }
    /// The date of the youngest package laid in.
    pub fn date(&self) -> &str {
        &self.date
    }
    /// The vocabulary.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }
}
