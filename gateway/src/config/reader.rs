//! Walks a TOML file, notes every mistake with its line, and knows which keys nobody asked for.

use super::Mistake;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A file being read.
pub(super) struct Reader<'t> {
    text: &'t str,
    file: PathBuf,
    mistakes: Vec<Mistake>,
    /// Every key that stands in the file, and what was asked for.
    values: BTreeMap<String, Entry<'t>>,
}

struct Entry<'t> {
    offset: usize,
    value: DeValue<'t>,
    asked: bool,
}

impl<'t> Reader<'t> {
    /// Parses a file; what is no TOML is a mistake.
    pub(super) fn new(text: &'t str, file: &Path) -> Self {
        let mut reader = Self { text, file: file.to_owned(), mistakes: Vec::new(), values: BTreeMap::new() };
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let offset = error.span().map_or(0, |span| span.start);
            reader.mistake_at(offset, "", error.message().to_owned(), "mend the TOML");
        }
        reader.flatten("", table.into_inner());
        reader
    }

    fn flatten(&mut self, prefix: &str, table: DeTable<'t>) {
        for (key, value) in table {
            let offset = key.span().start;
            let name = key.into_inner();
            let name = if prefix.is_empty() { name.into_owned() } else { format!("{prefix}.{name}") };
            match value.into_inner() {
                DeValue::Table(table) => self.flatten(&name, table),
                value => {
                    self.values.insert(name, Entry { offset, value, asked: false });
                }
            }
        }
    }

    /// The folder from which relative paths start.
    pub(super) fn base(&self) -> PathBuf {
        self.file.parent().map(Path::to_owned).unwrap_or_default()
    }

    /// Notes a mistake at a key, or at the file's start when the key is not there.
    pub(super) fn mistake(&mut self, key: &str, what: impl Into<String>, mend: &str) {
        let offset = self.values.get(key).map_or(0, |entry| entry.offset);
        self.mistake_at(offset, key, what.into(), mend);
    }

    fn mistake_at(&mut self, offset: usize, key: &str, what: String, mend: &str) {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        let (file, key, mend) = (self.file.clone(), key.to_owned(), mend.to_owned());
        self.mistakes.push(Mistake { file, line, key, what, mend });
    }

    /// Whether there is such a key, or a section with any key.
    pub(super) fn has(&self, name: &str) -> bool {
        let within = |rest: &str| rest.is_empty() || rest.starts_with('.');
        self.values.keys().any(|key| key.strip_prefix(name).is_some_and(within))
    }

    /// An optional value, parsed by `parse`; `expected` finishes "must be ...".
    pub(super) fn optional<T>(
        &mut self,
        key: &str,
        expected: &str,
        parse: impl FnOnce(&DeValue<'t>) -> Option<T>,
    ) -> Option<T> {
        let entry = self.values.get_mut(key)?;
        entry.asked = true;
        let parsed = parse(&entry.value);
        if parsed.is_none() {
            let mend = format!("write {expected}");
            self.mistake(key, format!("must be {expected}"), &mend);
        }
        parsed
    }

    /// A value that must be there.
    pub(super) fn required<T>(
        &mut self,
        key: &str,
        expected: &str,
        parse: impl FnOnce(&DeValue<'t>) -> Option<T>,
    ) -> Option<T> {
        if !self.values.contains_key(key) {
            let mend = format!("add {key}: {expected}");
            self.mistake(key, "is missing", &mend);
            return None;
        }
        self.optional(key, expected, parse)
    }

    /// All mistakes, unknown keys among them, by line.
    pub(super) fn into_mistakes(mut self) -> Vec<Mistake> {
        let unknown = self.values.iter().filter(|(_, entry)| !entry.asked);
        let unknown: Vec<_> = unknown.map(|(key, entry)| (key.clone(), entry.offset)).collect();
        for (key, offset) in unknown {
            self.mistake_at(offset, &key, "is not a key we know".to_owned(), "take it out or mend its name");
        }
        self.mistakes.sort_by_key(|mistake| mistake.line);
        self.mistakes
    }
}

/// Text.
pub(super) fn text<'v>(value: &'v DeValue<'_>) -> Option<&'v str> {
    match value {
        DeValue::String(text) => Some(text),
        _ => None,
    }
}

/// A whole number from nought.
pub(super) fn whole(value: &DeValue<'_>) -> Option<u32> {
    match value {
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
        _ => None,
    }
}

/// A list of texts.
pub(super) fn texts<'v>(value: &'v DeValue<'_>) -> Option<Vec<&'v str>> {
    match value {
        DeValue::Array(items) => {
            items.iter().map(|item: &Spanned<DeValue<'_>>| text(item.get_ref())).collect()
        }
        _ => None,
    }
}
