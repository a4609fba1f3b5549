//! The minimisation tables: data that a privacy officer reads, compiled once into what filter and classifier walk.
//!
//! `fhir-mappings/tables/README.md` tells how to read and write them. Nothing here looks at a resource.

pub(crate) mod automaton;
mod compile;
mod forms;
pub(crate) mod known;
mod line;
mod national;
mod page;
pub(crate) mod searches;
mod source;

pub use line::TableError;
pub use page::{ClassLine, ElementLine, Page, TypePage};
pub use source::TypeKind;

pub(crate) use forms::{Fact, FactRule, Filter, Form, When, function_bit};

use crate::classify::codes::{Codes, Mark, System};
use crate::classify::words::Words;
use automaton::{Automaton, Shapes};
use consent::{ClassSet, DataClass, LabelSet, Level, Vocabulary};
use known::Known;
use source::{Layer, Sources};
use std::collections::{HashMap, HashSet};

/// Compiled tables of one package with its overlay.
pub struct Tables {
    pub(crate) vocabulary: Vocabulary,
    /// The label under which whereabouts are protected: it withholds elements, never a resource.
    pub(crate) whereabouts: LabelSet,
    /// The class of safety at home, and that of notes, as which counts what no table knows.
    pub(crate) safety: ClassSet,
    pub(crate) notes: ClassSet,
    pub(crate) codes: Codes,
    /// Systems of labels.
    pub(crate) labels: Vec<System>,
    pub(crate) atc: Option<System>,
    pub(crate) words: Words,
    pub(crate) types: Known<TypeRule>,
    pub(crate) origins: Vec<Origin>,
    pub(crate) automaton: Automaton,
    /// Forms of each class, by class index, the one to be tried first in front.
    pub(crate) forms: Vec<Vec<Form>>,
    /// Bit of the form that lets only an organisation's name out.
    pub(crate) organisation_only: Shapes,
    pub(crate) identity_stay: Shapes,
    pub(crate) facts: Vec<Fact>,
    pub(crate) dosing: HashSet<Box<str>>,
    pub(crate) searches: Vec<searches::Asked>,
    pub(crate) identifiers: Known<Vec<Box<str>>>,
    /// Functions inside gp and ggz, and the person: where free text may pass.
    pub(crate) clinical: u64,
    rows: Vec<Row>,
    names: page::Names,
    package: HashMap<String, String>,
    hash: String,
}

/// Systems of labels, by their short names in `systems.txt`.
const LABELS: [&str; 3] = ["LABEL", "ACTCODE", "CONF"];

/// How one resource type takes part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TypeRule {
    pub(crate) kind: TypeKind,
    pub(crate) mark: Mark,
    /// The class stands only where `code` has a coding of a known system.
    pub(crate) if_coded: bool,
    /// A code that stands in no table and comes without words makes it unclassified.
    pub(crate) if_told: bool,
    /// Codes that stand in no table and come without words pass: to miss them would harm.
    pub(crate) wordless: bool,
    /// It is, or names, a medicine.
    pub(crate) medicine: bool,
    /// On which class the labels of a thing without a class of its own must be cleared.
    pub(crate) labels_by: ClassSet,
}

/// What a holder's category adds.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) category: Box<str>,
    pub(crate) types: Vec<Box<str>>,
    pub(crate) mark: Mark,
    pub(crate) always: bool,
}

/// One line about one element, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Resource type or datatype.
    pub resource_type: String,
    /// Element path below it, with the types of a choice, or an extension's URL.
    pub path: String,
    /// Forms in which it survives.
    pub forms: Vec<String>,
    /// Further conditions (`text`, `place`, `for:clinical`).
    pub conditions: Vec<String>,
    /// Why.
    pub reason: String,
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
        let mut sources = Sources::default();
        for (file, text) in national::FILES {
            sources.read(Layer::National, file, text);
        }
        for (file, text) in overlay {
            sources.read(Layer::Overlay, file, text);
        }
        Self::build(vocabulary, sources, national::hash(overlay))
    }

    fn build(vocabulary: &Vocabulary, mut sources: Sources, hash: String) -> Result<Self, Vec<TableError>> {
        let mut errors = std::mem::take(&mut sources.errors);
        let forms = forms::read(&sources, vocabulary, &mut errors);
        let codes = forms::codes(&sources, vocabulary, &forms.sets, &mut errors);
        let names = compile::Names {
            vocabulary,
            shapes: &forms.bits,
            all: forms.all,
            readers: &forms.readers,
            sets: &forms.sets,
        };
        let automaton = match compile::compile(&sources, &names) {
            Ok(automaton) => automaton,
            Err(more) => {
                errors.extend(more);
                Automaton::default()
            }
        };
        let mut mark = |marks: &source::Marks| forms::mark(vocabulary, marks, &mut errors);
        let types = sources
            .types
            .iter()
            .map(|(name, line)| {
                let says = |wanted: &str| line.classes.words.iter().any(|word| word == wanted);
                let labels = line.classes.words.iter().filter_map(|word| word.strip_prefix("labels:"));
                let labels_by: ClassSet = labels.filter_map(|class| vocabulary.class(class)).collect();
                let mark = mark(&line.classes);
                let medicines = ["medication", "allergies"].into_iter();
                let medicines: ClassSet = medicines.filter_map(|class| vocabulary.class(class)).collect();
                let rule = TypeRule {
                    kind: line.kind,
                    mark,
                    if_coded: says("if-coded"),
                    if_told: says("if-told"),
                    wordless: says("wordless"),
                    medicine: !mark.classes.union(labels_by).intersection(medicines).is_empty(),
                    labels_by,
                };
                (name.as_str().into(), rule)
            })
            .collect();
        let origins = sources
            .origins
            .iter()
            .map(|line| Origin {
                category: line.category.as_str().into(),
                types: line.types.iter().map(|t| t.as_str().into()).collect(),
                mark: mark(&line.marks),
                always: line.always,
            })
            .collect();
        let words = sources.words.iter();
        let words = words.map(|(word, line)| (word.as_str(), mark(&line.marks), line.not_medicines));
        let words = Words::of(words);
        let words = words.unwrap_or_else(|why| {
            errors.push(TableError { file: "words.txt".into(), line: 0, why: why.to_string() });
            Words::default()
        });
        let searches = searches::read(&sources, vocabulary, &mut errors);
        let facts = forms::facts(&sources, &forms, vocabulary, &mut errors);
        if !errors.is_empty() {
            errors.sort();
            errors.dedup();
            return Err(errors);
        }
        let bit = |name: &str| forms.bits.get(name).copied().unwrap_or(0);
        let boxed = |list: &[String]| list.iter().map(|s| s.as_str().into()).collect::<Vec<Box<str>>>();
        Ok(Self {
            whereabouts: vocabulary.label("protected-address").map(LabelSet::only).unwrap_or_default(),
            safety: vocabulary.class("safety").map(ClassSet::only).unwrap_or_default(),
            notes: vocabulary.classes("notes").unwrap_or_default(),
            vocabulary: vocabulary.clone(),
            labels: LABELS.iter().filter_map(|short| codes.short(short)).collect(),
            atc: codes.short("ATC"),
            codes,
            words,
            types,
            origins,
            automaton,
            organisation_only: bit("organisation-only"),
            identity_stay: bit("identity-stay"),
            facts,
            dosing: sources.dosing.values().flatten().map(|w| w.as_str().into()).collect(),
            searches,
            identifiers: sources.identifiers.iter().map(|(s, t)| (s.as_str().into(), boxed(t))).collect(),
            clinical: forms.readers.get("clinical").copied().unwrap_or(0),
            names: page::Names { forms: forms.bits, all: forms.all, readers: forms.readers },
            forms: forms.by_class,
            rows: sources
                .rows
                .iter()
                .flat_map(|(key, rows)| rows.iter().map(move |row| (key, row)))
                .map(|((section, path), row)| Row {
                    resource_type: section.clone(),
                    path: path.clone(),
                    forms: row.shapes.clone(),
                    conditions: row.flags.clone(),
                    reason: row.reason.clone(),
                })
                .collect(),
            package: sources.package.into_iter().collect(),
            hash,
        })
    }

    /// Version of the package, or of the overlay where it names one.
    #[must_use]
    pub fn version(&self) -> &str {
        self.said("version")
    }

    /// The date of that version.
    #[must_use]
    pub fn dated(&self) -> &str {
        self.said("dated")
    }

    /// SHA-256, in lower-case hex, over the canonical bytes of every table: stands in every record.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The line that every medicine list carries, whoever reads it (REGION.md 1, rule 4).
    #[must_use]
    pub fn medicine_line(&self) -> &str {
        self.said("medicine-line")
    }

    /// What stands for a dosing text that is no known phrase.
    pub(crate) fn dosing_unknown(&self) -> &str {
        self.said("dosing-unknown")
    }

    fn said(&self, name: &str) -> &str {
        self.package.get(name).map_or("", String::as_str)
    }

    /// Every line about an element, by type and path.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// How a class comes out for a function at a level: the name of the form and its reason in words.
    #[must_use]
    pub fn form(&self, class: DataClass, level: Level, function: &str) -> (&str, &str) {
        let bit = self.vocabulary.function(function).map_or(0, |f| function_bit(f.index()));
        let forms = self.forms.get(usize::from(class.index())).map_or(&[][..], Vec::as_slice);
        let plain = match level {
            Level::Full => ("full", "everything that the tables list"),
            Level::Reduced => ("reduced", "what the tables list for every reader"),
        };
        forms
            .iter()
            .find(|form| form.when == When::Always && form.fits(level, bit))
            .map_or(plain, |form| (&form.name, &form.reason))
    }

    /// The types that holders elsewhere are asked for, each once.
    pub fn asked_elsewhere(&self) -> impl Iterator<Item = &str> {
        let names: std::collections::BTreeSet<&str> =
            self.searches.iter().map(|asked| &*asked.resource).collect();
        names.into_iter()
    }

    /// The classes that a type asked elsewhere can bear; empty for any other.
    #[must_use]
    pub fn classes_elsewhere(&self, resource_type: &str) -> consent::ClassSet {
        let asked = self.searches.iter().filter(|asked| &*asked.resource == resource_type);
        asked.fold(consent::ClassSet::EMPTY, |all, asked| all.union(asked.classes))
    }

    /// A data class by its code.
    #[must_use]
    pub fn class_of(&self, code: &str) -> Option<DataClass> {
        self.vocabulary.class(code)
    }

    /// Every data class that these tables know.
    #[must_use]
    pub fn all_classes(&self) -> consent::ClassSet {
        self.vocabulary.all_classes()
    }

    /// How a resource type takes part; `None` when R4 has no such type.
    #[must_use]
    pub fn kind(&self, resource_type: &str) -> Option<TypeKind> {
        self.types.get(resource_type).map(|rule| rule.kind)
    }
}

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tables({}, {})", self.version(), self.hash)
    }
}

#[cfg(test)]
mod tests;
