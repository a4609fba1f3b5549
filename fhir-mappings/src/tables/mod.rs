//! The minimisation tables: data that a privacy officer reads, compiled once into what filter and classifier walk.

use consent::Vocabulary;

/// A mistake in a table, where a privacy officer can find it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableError {
    /// Name of the table file, as it was handed in.
    pub file: String,
    /// Line, counted from 1; 0 when the fault is in no single line.
    pub line: u32,
    /// What is wrong, in words.
    pub why: String,
}

impl std::fmt::Display for TableError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.why)
    }
}

impl std::error::Error for TableError {}

/// Compiled tables of one package with its overlay.
pub struct Tables {
    version: String,
    dated: String,
    hash: String,
}

impl Tables {
    /// The national package under these words.
    ///
    /// # Errors
    /// Every mistake found, with file and line.
    pub fn national(vocabulary: &Vocabulary) -> Result<Self, Vec<TableError>> {
        Self::with_overlay(vocabulary, &[])
    }

    /// The national package with a regional overlay of the same format laid over it: (file name, text) pairs,
    /// names as in the national folder (`elements/clinical.txt`).
    ///
    /// # Errors
    /// Every mistake found, with file and line.
    pub fn with_overlay(vocabulary: &Vocabulary, overlay: &[(&str, &str)]) -> Result<Self, Vec<TableError>> {
        let _ = (vocabulary, overlay);
        Ok(Self { version: String::new(), dated: String::new(), hash: String::new() })
    }

    /// Version of the package, or of the overlay where it names one.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The date of that version.
    #[must_use]
    pub fn dated(&self) -> &str {
        &self.dated
    }

    /// SHA-256, in lower-case hex, over the canonical bytes of every table: stands in every record.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The line that every medicine list carries, whoever reads it (REGION.md 1, rule 4).
    #[must_use]
    pub fn medicine_line(&self) -> &str {
        "Deze lijst kan onvolledig zijn. Vraag het ook aan de persoon of de apotheek."
    }
}
