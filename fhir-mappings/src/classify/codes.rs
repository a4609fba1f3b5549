//! The code index: which classes, labels and sets a coding belongs to. Must not know where codings stand.

use crate::tables::known::Known;
use consent::{ClassSet, LabelSet};
use std::collections::HashMap;

/// What a code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    pub(crate) classes: ClassSet,
    pub(crate) labels: LabelSet,
    /// Code sets of `sets.txt` it is in, one bit each.
    pub(crate) sets: u64,
    pub(crate) never: bool,
    /// Stands in a table, if only to say that it tells nothing.
    pub(crate) told: bool,
}

impl Mark {
    pub(crate) fn add(&mut self, other: Self) {
        self.classes = self.classes.union(other.classes);
        self.labels = self.labels.union(other.labels);
        self.sets |= other.sets;
        self.never |= other.never;
        self.told |= other.told;
    }
}

/// A system of codes that the tables know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct System(pub(crate) u8);

/// How far the tables know a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum SystemKind {
    /// What stands nowhere tells nothing.
    #[default]
    Flat,
    /// Codes form a tree by prefix (ATC, ICPC, ICD-10): a line speaks for all codes below it.
    Tree,
    /// It has far more codes than the tables can list (SNOMED CT, LOINC): what stands nowhere may be anything.
    Open,
}

#[derive(Debug, Default)]
struct Book {
    kind: SystemKind,
    codes: Known<Mark>,
}

/// All systems and codes.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    exact: Known<System>,
    /// URI beginnings, longest first.
    beginnings: Vec<(Box<str>, System)>,
    books: Vec<Book>,
    shorts: HashMap<String, System>,
}

impl Codes {
    /// Adds a URI for the system called `short`; a final `*` stands for whatever follows.
    pub(crate) fn add_system(&mut self, short: &str, uri: &str, kind: SystemKind) {
        let next = System(u8::try_from(self.books.len()).unwrap_or(u8::MAX));
        let system = *self.shorts.entry(short.to_owned()).or_insert(next);
        if system == next {
            self.books.push(Book { kind, codes: Known::default() });
        }
        match uri.strip_suffix('*') {
            Some(beginning) => {
                self.beginnings.push((beginning.into(), system));
                self.beginnings.sort_by_key(|(uri, _)| std::cmp::Reverse(uri.len()));
            }
            None => {
                self.exact.insert(uri.into(), system);
            }
        }
    }

    pub(crate) fn short(&self, short: &str) -> Option<System> {
        self.shorts.get(short).copied()
    }

    /// Adds what a code says to what it says already.
    pub(crate) fn add(&mut self, system: System, code: &str, mark: Mark) {
        if let Some(book) = self.books.get_mut(usize::from(system.0)) {
            let (letters, length) = in_tree(code);
            let bare = letters.get(..length).and_then(|code| std::str::from_utf8(code).ok());
            let code = bare.filter(|_| book.kind == SystemKind::Tree).unwrap_or(code);
            book.codes.entry(code.into()).or_default().add(mark);
        }
    }

    /// The system behind a URI, or `None` when the tables do not know it.
    pub(crate) fn system(&self, uri: &str) -> Option<System> {
        if let Some(system) = self.exact.get(uri) {
            return Some(*system);
        }
        self.beginnings.iter().find(|(beginning, _)| uri.starts_with(&**beginning)).map(|(_, system)| *system)
    }

    /// Whether the system has codes that the tables cannot list.
    pub(crate) fn is_open(&self, system: System) -> bool {
        self.books.get(usize::from(system.0)).is_some_and(|book| book.kind == SystemKind::Open)
    }

    /// What `code` of `system` says. In a tree the longest line that tells a class or label speaks; sets gather.
    pub(crate) fn mark(&self, system: System, code: &str) -> Mark {
        let Some(book) = self.books.get(usize::from(system.0)) else { return Mark::default() };
        if book.kind != SystemKind::Tree {
            let found = book.codes.get(code).copied();
            // An expression of SNOMED CT tells what each concept in it tells.
            let parts =
                || code.split(|c: char| !c.is_ascii_alphanumeric()).filter_map(|part| book.codes.get(part));
            let all = || {
                parts().fold(Mark::default(), |mut all, part| {
                    all.add(*part);
                    all
                })
            };
            return found
                .unwrap_or_else(|| if book.kind == SystemKind::Open { all() } else { Mark::default() });
        }
        let (letters, length) = in_tree(code);
        let code = letters.get(..length).and_then(|code| std::str::from_utf8(code).ok()).unwrap_or_default();
        let mut found = Mark::default();
        let mut end = code.len();
        while end > 0 {
            if let Some(mark) = code.get(..end).and_then(|part| book.codes.get(part)) {
                found.sets |= mark.sets;
                if mark.told && !found.told {
                    let sets = found.sets;
                    found = Mark { sets, ..*mark };
                }
            }
            end -= 1;
        }
        // A tree is covered whole: what no line marks tells nothing more in its words. What is no code of a tree tells
        // nothing at all, and leaves it to the words.
        found.told |= code.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        found
    }
}

/// A code of a tree as its book has it: some systems send it in small letters, with spaces or without its point. At most
/// twelve characters: none is longer.
fn in_tree(code: &str) -> ([u8; 12], usize) {
    let mut letters = [0; 12];
    let written =
        code.bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'.').map(|b| b.to_ascii_uppercase());
    let length = letters.iter_mut().zip(written).map(|(to, from)| *to = from).count();
    (letters, length)
}
