//! One line of a table: fields between bars, the last one the reason. Must not know what a table means.

use std::fmt;

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

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.why)
    }
}

impl std::error::Error for TableError {}

/// Where a line stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) file: &'a str,
    pub(super) line: u32,
}

impl Place<'_> {
    pub(super) fn error(self, why: impl Into<String>) -> TableError {
        TableError { file: self.file.to_owned(), line: self.line, why: why.into() }
    }
}

/// One line that says something.
#[derive(Debug, Clone)]
pub(super) struct Line<'a> {
    pub(super) place: Place<'a>,
    pub(super) fields: Vec<&'a str>,
}

impl<'a> Line<'a> {
    /// Field `at`, or nothing; `-` stands for nothing.
    pub(super) fn field(&self, at: usize) -> &'a str {
        match self.fields.get(at) {
            Some(&"-") | None => "",
            Some(text) => text,
        }
    }

    /// The words of field `at`.
    pub(super) fn words(&self, at: usize) -> impl Iterator<Item = &'a str> + use<'a> {
        self.field(at).split_whitespace()
    }

    /// Refuses a line that has not exactly `count` fields or whose last one, the reason, is empty.
    pub(super) fn expect(&self, count: usize) -> Result<(), TableError> {
        if self.fields.len() != count {
            return Err(self.place.error(format!("{count} fields belong here, found {}", self.fields.len())));
        }
        if self.field(count.saturating_sub(1)).is_empty() {
            return Err(self.place.error("a line carries its reason"));
        }
        Ok(())
    }
}

/// The lines of one file that say something: no comments, no blanks.
pub(super) fn lines<'a>(file: &'a str, text: &'a str) -> impl Iterator<Item = Line<'a>> {
    text.lines().zip(1_u32..).filter_map(move |(raw, line)| {
        let said = raw.trim();
        if said.is_empty() || said.starts_with('#') {
            return None;
        }
        let fields = said.split(" | ").map(str::trim).collect();
        Some(Line { place: Place { file, line }, fields })
    })
}
