//! The tables as read: every line kept with its reason and place, an overlay laid over the national package.
//! Must not judge whether a line makes sense against R4: `compile` does that.

use super::line::{Line, Place, TableError, lines};
use crate::classify::codes::SystemKind;
use std::collections::BTreeMap;

/// A system of codes, under each of its URIs.
#[derive(Debug, Clone)]
pub(super) struct SystemLine {
    pub(super) short: String,
    pub(super) kind: SystemKind,
}

/// What a marked code, word or origin stands for: class and label codes.
#[derive(Debug, Clone)]
pub(super) struct Marks {
    pub(super) words: Vec<String>,
    pub(super) at: At,
}

/// What a word tells, and whether it tells nothing in the name of a medicine.
#[derive(Debug, Clone)]
pub(super) struct WordLine {
    pub(super) marks: Marks,
    pub(super) not_medicines: bool,
}

/// An owned place, for errors found later.
#[derive(Debug, Clone, Default)]
pub(super) struct At {
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) layer: Layer,
}

impl At {
    pub(super) fn error(&self, why: impl Into<String>) -> TableError {
        Place { file: &self.file, line: self.line }.error(why)
    }
}

impl From<Place<'_>> for At {
    fn from(place: Place<'_>) -> Self {
        Self { file: place.file.to_owned(), line: place.line, layer: Layer::default() }
    }
}

/// How a resource type takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeKind {
    /// About the person: released by its classes.
    Open,
    /// Has no patient: released only when a released resource refers to it.
    Directory,
    /// Never released.
    Closed,
}

#[derive(Debug, Clone)]
pub(super) struct TypeLine {
    pub(super) kind: TypeKind,
    pub(super) classes: Marks,
}

/// Types that tell a domain by their holder's category alone (REGION.md 1, rule 2).
#[derive(Debug, Clone)]
pub(super) struct OriginLine {
    pub(super) category: String,
    pub(super) types: Vec<String>,
    pub(super) marks: Marks,
    /// Added even where codes already tell a class.
    pub(super) always: bool,
}

/// One reduced (or otherwise particular) form of a class for some functions.
#[derive(Debug, Clone)]
pub(super) struct ShapeLine {
    pub(super) name: String,
    pub(super) class: String,
    pub(super) level: String,
    pub(super) functions: Vec<String>,
    pub(super) filters: Vec<String>,
    pub(super) reason: String,
    pub(super) at: At,
}

/// One element that may survive.
#[derive(Debug, Clone)]
pub(super) struct RowLine {
    pub(super) shapes: Vec<String>,
    pub(super) flags: Vec<String>,
    pub(super) reason: String,
    pub(super) at: At,
}

/// What a holder elsewhere is asked for.
#[derive(Debug, Clone)]
pub(super) struct SearchLine {
    pub(super) types: Vec<String>,
    pub(super) classes: Marks,
    /// `always` or `promised`, and the categories; empty where nothing narrows.
    pub(super) narrows: Vec<String>,
}

/// One yes-or-no fact that we derive and author.
#[derive(Debug, Clone)]
pub(super) struct FactLine {
    pub(super) code: String,
    pub(super) shape: String,
    pub(super) set: String,
    pub(super) rule: String,
    pub(super) display: String,
    pub(super) at: At,
}

/// All lines, overlay applied.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) package: BTreeMap<String, String>,
    pub(super) systems: BTreeMap<String, SystemLine>,
    pub(super) identifiers: BTreeMap<String, Vec<String>>,
    pub(super) codes: BTreeMap<(String, String), Marks>,
    pub(super) sets: BTreeMap<String, Vec<(String, String, At)>>,
    pub(super) words: BTreeMap<String, WordLine>,
    pub(super) types: BTreeMap<String, TypeLine>,
    pub(super) origins: Vec<OriginLine>,
    pub(super) shapes: Vec<ShapeLine>,
    pub(super) readers: BTreeMap<String, Vec<String>>,
    /// (type, path) -> row; a path may carry `(A B)` after a choice and ` url` after an extension.
    /// Several lines about one element are alternatives.
    pub(super) rows: BTreeMap<(String, String), Vec<RowLine>>,
    pub(super) facts: BTreeMap<String, FactLine>,
    pub(super) dosing: BTreeMap<String, Vec<String>>,
    pub(super) searches: Vec<SearchLine>,
    pub(super) errors: Vec<TableError>,
    layer: Layer,
}

/// Which package a file belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Layer {
    #[default]
    National,
    Overlay,
}

fn owned<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    words.map(str::to_owned).collect()
}

impl Sources {
    /// Reads one file; what it says replaces what an earlier file said about the same thing.
    pub(super) fn read(&mut self, layer: Layer, file: &str, text: &str) {
        self.layer = layer;
        let mut section = String::new();
        for line in lines(file, text) {
            if let Err(error) = self.line(file, &line, &mut section) {
                self.errors.push(error);
            }
        }
    }

    fn line(&mut self, file: &str, line: &Line<'_>, section: &mut String) -> Result<(), TableError> {
        let (folder, stem) = file.rsplit_once('/').unwrap_or(("", file));
        match (folder.rsplit('/').next().unwrap_or(folder), stem) {
            (_, "package.txt") => self.package(line),
            (_, "systems.txt") => self.system(line),
            (_, "identifiers.txt") => self.identifier(line),
            (_, "sets.txt") => self.set(line),
            (_, "words.txt") => self.word(line),
            (_, "types.txt") => self.kind(line),
            (_, "levels.txt") => self.shape(line),
            (_, "readers.txt") => self.reader(line),
            (_, "facts.txt") => self.fact(line),
            (_, "dosing.txt") => self.dose(line),
            (_, "searches.txt") => self.search(line),
            ("codes", _) => self.code(line),
            ("elements", _) => self.row(line, section),
            _ => Err(line.place.error("no table is called so")),
        }
    }

    fn package(&mut self, line: &Line<'_>) -> Result<(), TableError> {
        line.expect(2)?;
        self.package.insert(line.field(0).to_owned(), line.field(1).to_owned());
        Ok(())
    }

    fn system(&mut self, line: &Line<'_>) -> Result<(), TableError> {
        line.expect(4)?;
        let kind = match line.field(2) {
            "tree" => SystemKind::Tree,
            "flat" => SystemKind::Flat,
            "open" => SystemKind::Open,
            _ => return Err(line.place.error("a system is `tree`, `flat` or `open`")),
        };
        self.systems.insert(line.field(1).to_owned(), SystemLine { short: line.field(0).to_owned(), kind });
        Ok(())
    }

    fn identifier(&mut self, line: &Line<'_>) -> Result<(), TableError> {
        line.expect(3)?;
        self.identifiers.insert(line.field(0).to_owned(), owned(line.words(1)));
        Ok(())
    }

    fn code(&mut self, line: &Line<'_>) -> Result<(), TableError> {
        line.expect(3)?;
        let Some((system, codes)) = line.field(0).split_once(' ') else {
            return Err(line.place.error("a line names a system and at least one code"));
        };
        for code in codes.split_whitespace() {
            let marks = Marks { words: owned(line.words(1)), at: line.place.into() };
            self.codes.insert((system.to_owned(), code.to_owned()), marks);
        }
        Ok(())
    }

    fn set(&mut self, line: &Line<'_>) -> Result<(), TableError> {
        line.expect(3)?;
        let members = self.sets.entry(line.field(0).to_owned()).or_default();
        let Some((system, codes)) = line.field(1).split_once(' ') else {
            return Err(line.place.error("a line names a system and at least one code"));
        };
        members.extend(
            codes.split_whitespace().map(|code| (system.to_owned(), code.to_owned(), line.place.into())),
        );
        Ok(())
    }

    fn word(&mut self, line: &Line<'_>) -> Result<(), TableError> {
        line.expect(4)?;
        let not_medicines = match line.field(2) {
            "all" => false,
            "not-medicines" => true,
            _ => return Err(line.place.error("a word is read in `all` or `not-medicines`")),
        };
        for word in line.words(0) {
            let marks = Marks { words: owned(line.words(1)), at: line.place.into() };
            self.words.insert(word.to_lowercase(), WordLine { marks, not_medicines });
        }
        Ok(())
    }

    fn kind(&mut self, line: &Line<'_>) -> Result<(), TableError> {
        line.expect(4)?;
        let marks = Marks { words: owned(line.words(2)), at: line.place.into() };
        let kind = match line.field(1) {
            "open" => TypeKind::Open,
            "directory" => TypeKind::Directory,
            "closed" => TypeKind::Closed,
            origin => {
                let (category, always) = match origin.split_once(' ') {
                    Some(("held-by", category)) => (category, false),
                    Some(("always-held-by", category)) => (category, true),
                    _ => return Err(line.place.error("open, directory, closed, held-by or always-held-by")),
                };
                let (category, types) = (category.to_owned(), owned(line.words(0)));
                self.origins.push(OriginLine { category, types, marks, always });
                return Ok(());
            }
        };
        for name in line.words(0) {
            self.types.insert(name.to_owned(), TypeLine { kind, classes: marks.clone() });
        }
        Ok(())
    }

    fn shape(&mut self, line: &Line<'_>) -> Result<(), TableError> {
        line.expect(6)?;
        let shape = ShapeLine {
            name: line.field(0).to_owned(),
            class: line.field(1).to_owned(),
            level: line.field(2).to_owned(),
            functions: owned(line.words(3)),
            filters: owned(line.words(4)),
            reason: line.field(5).to_owned(),
            at: line.place.into(),
        };
        // The newest line about a form of a class for the same functions stands; it keeps its rank.
        let same = |s: &ShapeLine| {
            s.name == shape.name
                && s.class == shape.class
                && s.functions == shape.functions
                && s.level == shape.level
        };
        match self.shapes.iter_mut().find(|s| same(s)) {
            Some(older) => *older = shape,
            None => self.shapes.push(shape),
        }
        Ok(())
    }

    fn reader(&mut self, line: &Line<'_>) -> Result<(), TableError> {
        line.expect(3)?;
        self.readers.insert(line.field(0).to_owned(), owned(line.words(1)));
        Ok(())
    }

    fn fact(&mut self, line: &Line<'_>) -> Result<(), TableError> {
        line.expect(6)?;
        let fact = FactLine {
            code: line.field(0).to_owned(),
            shape: line.field(1).to_owned(),
            set: line.field(2).to_owned(),
            rule: line.field(3).to_owned(),
            display: line.field(4).to_owned(),
            at: line.place.into(),
        };
        self.facts.insert(fact.code.clone(), fact);
        Ok(())
    }

    fn dose(&mut self, line: &Line<'_>) -> Result<(), TableError> {
        line.expect(3)?;
        let words = self.dosing.entry(line.field(0).to_owned()).or_default();
        words.extend(line.field(1).split(", ").map(str::to_owned));
        Ok(())
    }

    /// An overlay adds searches: what it names beside is asked for too.
    fn search(&mut self, line: &Line<'_>) -> Result<(), TableError> {
        line.expect(4)?;
        let classes = Marks { words: owned(line.words(1)), at: line.place.into() };
        let (types, narrows) = (owned(line.words(0)), owned(line.words(2)));
        self.searches.push(SearchLine { types, classes, narrows });
        Ok(())
    }

    fn row(&mut self, line: &Line<'_>, section: &mut String) -> Result<(), TableError> {
        if let Some(name) = line.field(0).strip_prefix("= ") {
            name.clone_into(section);
            return Ok(());
        }
        line.expect(4)?;
        if section.is_empty() {
            return Err(line.place.error("no type stands above this line"));
        }
        let row = RowLine {
            shapes: owned(line.words(1)),
            flags: owned(line.words(2)),
            reason: line.field(3).to_owned(),
            at: At { layer: self.layer, ..line.place.into() },
        };
        // A line of an overlay about the same element replaces the older one, whatever types it names.
        let path = line.field(0).to_owned();
        let bare = |path: &str| path.split('(').next().unwrap_or_default().to_owned() + extension_of(path);
        if self.layer == Layer::Overlay {
            for ((of, older), rows) in &mut self.rows {
                if of == section && bare(older) == bare(&path) {
                    rows.retain(|older| older.at.layer == row.at.layer);
                }
            }
            self.rows.retain(|_, rows| !rows.is_empty());
        }
        self.rows.entry((section.clone(), path)).or_default().push(row);
        Ok(())
    }
}

fn extension_of(path: &str) -> &str {
    path.split_once(' ').filter(|_| path.contains("xtension")).map_or("", |(_, url)| url)
}
