//! What one function sees, line by line, for people who review the tables. It reads the same lines as the automaton and
//! decides nothing: consent may still close every class.

use super::automaton::{FULL, REDUCED, Shapes};
use super::{Form, Row, Tables, When, function_bit};
use crate::r4::Definitions;
use crate::tables::TypeKind;
use consent::vocabulary::Cell;
use consent::{ClassSet, DataClass, Level};
use std::collections::{BTreeSet, HashMap};

/// Names that lines use, kept for pages.
#[derive(Default)]
pub(super) struct Names {
    /// Bit of each form.
    pub(super) forms: HashMap<String, Shapes>,
    /// What `all` means for a resource type.
    pub(super) all: Shapes,
    /// Functions of each group of readers, as bits.
    pub(super) readers: HashMap<String, u64>,
}

/// What a function may see at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its code.
    pub function: String,
    /// Every class, in the order of the vocabulary.
    pub classes: Vec<ClassLine>,
    /// Every resource type that is ever released, and the datatypes behind, in the order of their names.
    pub types: Vec<TypePage>,
}

/// One class on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassLine {
    /// Code of the class.
    pub class: String,
    /// How much of it at most.
    pub cell: Cell,
    /// The form in which it comes out at that level; empty where it never does.
    pub form: String,
    /// Why, or what that form means.
    pub reason: String,
}

/// One type on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypePage {
    /// Resource type or datatype.
    pub name: String,
    /// How it takes part; `None` for a datatype.
    pub kind: Option<TypeKind>,
    /// Classes that it can belong to and that are not shut for this function.
    pub classes: Vec<String>,
    /// Its lines.
    pub elements: Vec<ElementLine>,
}

/// One element on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementLine {
    /// Path below the type.
    pub path: String,
    /// In a resource of which classes it comes out at the level that this function has.
    pub gets: Vec<String>,
    /// The same, had every class been given in full.
    pub full: Vec<String>,
    /// The same, had every class been given reduced.
    pub reduced: Vec<String>,
    /// Further conditions, as the line has them.
    pub conditions: Vec<String>,
    /// Why.
    pub reason: String,
}

impl Tables {
    /// The page of a function; `None` for a code that the vocabulary does not have.
    #[must_use]
    pub fn page(&self, function: &str) -> Option<Page> {
        let words = &self.vocabulary;
        let asked = words.function(function)?;
        let classes = words.all_classes().iter().map(|class| {
            let cell = words.cell(asked, class);
            let (form, reason) = match level_of(cell) {
                Some(level) => self.form(class, level, function),
                None => ("", ""),
            };
            let class = words.class_code(class).to_owned();
            ClassLine { class, cell, form: form.to_owned(), reason: reason.to_owned() }
        });
        let mut types: Vec<TypePage> = Vec::new();
        for row in &self.rows {
            let known = types.last().is_some_and(|page| page.name == row.resource_type);
            if !known {
                types.push(self.type_page(&row.resource_type, asked));
            }
            if let Some(page) = types.last_mut() {
                let line = self.element(row, page, asked);
                page.elements.push(line);
            }
        }
        let met = met(&types);
        for page in types.iter_mut().filter(|page| page.kind.is_none() && !met.contains(&page.name)) {
            page.elements.iter_mut().for_each(|line| line.gets.clear());
        }
        Some(Page { function: function.to_owned(), classes: classes.collect(), types })
    }

    fn type_page(&self, name: &str, function: consent::Function) -> TypePage {
        let classes = self.possible(name).iter();
        let open = classes.filter(|class| self.vocabulary.cell(function, *class) != Cell::Shut);
        TypePage {
            name: name.to_owned(),
            kind: self.kind(name),
            classes: open.map(|class| self.vocabulary.class_code(class).to_owned()).collect(),
            elements: Vec::new(),
        }
    }

    /// Classes a type can belong to. Where a code tells, any; else its own, its holder's, and those with a form of their own
    /// that its lines name. A datatype has no class of its own.
    fn possible(&self, name: &str) -> ClassSet {
        let all = self.vocabulary.all_classes();
        let Some(rule) = self.types.get(name).filter(|rule| !rule.if_told && !rule.mark.classes.is_empty())
        else {
            return all;
        };
        let held = self.origins.iter().filter(|origin| origin.types.iter().any(|t| **t == *name));
        let mut classes = held.fold(rule.mark.classes, |all, origin| all.union(origin.mark.classes));
        let of_several =
            |form: &Form| self.forms.iter().flatten().filter(|f| f.name == form.name).count() > 1;
        for (class, forms) in all.iter().zip(&self.forms) {
            let named = |word: &String| forms.iter().any(|form| form.name == *word && !of_several(form));
            if self.rows.iter().any(|row| row.resource_type == name && row.forms.iter().any(named)) {
                classes.insert(class);
            }
        }
        classes
    }

    fn element(&self, row: &Row, page: &TypePage, function: consent::Function) -> ElementLine {
        let bit = function_bit(function.index());
        let reads = row.conditions.iter().all(|condition| match condition.split_once(':') {
            Some(("for", group)) => self.names.readers.get(group).is_some_and(|bits| bits & bit != 0),
            _ if condition == "text" => self.clinical & bit != 0,
            _ => true,
        });
        let other = row.conditions.iter().find_map(|c| c.strip_prefix("class:"));
        let shapes = self.shapes(row, page.kind.is_none());
        let passes = |level: Option<Level>| -> Vec<String> {
            let in_class = |code: &&String| {
                let speaks = self.vocabulary.class(other.unwrap_or(code));
                let Some(class) = speaks else { return false };
                let level = level.or_else(|| level_of(self.vocabulary.cell(function, class)));
                level.is_some_and(|level| self.shape(class, level, bit) & !shapes == 0)
            };
            page.classes.iter().filter(|code| reads && in_class(code)).cloned().collect()
        };
        ElementLine {
            path: row.path.clone(),
            gets: passes(None),
            full: passes(Some(Level::Full)),
            reduced: passes(Some(Level::Reduced)),
            conditions: row.conditions.clone(),
            reason: row.reason.clone(),
        }
    }

    fn shape(&self, class: DataClass, level: Level, bit: u64) -> Shapes {
        let forms = self.forms.get(usize::from(class.index())).map_or(&[][..], Vec::as_slice);
        let plain = match level {
            Level::Full => FULL,
            Level::Reduced => REDUCED,
        };
        let form = forms.iter().find(|form| form.when == When::Always && form.fits(level, bit));
        form.map_or(plain, |form| form.bit)
    }

    fn shapes(&self, row: &Row, datatype: bool) -> Shapes {
        row.forms.iter().fold(0, |shapes, word| match word.as_str() {
            "all" if datatype => Shapes::MAX,
            "all" => shapes | self.names.all,
            "full" => shapes | FULL,
            "reduced" => shapes | REDUCED,
            word => match word.strip_prefix('-') {
                Some(name) => shapes & !self.names.forms.get(name).copied().unwrap_or(0),
                None => shapes | self.names.forms.get(word).copied().unwrap_or(0),
            },
        })
    }
}

/// The datatypes that an element has which comes out, and those inside these.
fn met(types: &[TypePage]) -> BTreeSet<String> {
    let types_of = |page: &TypePage| -> Vec<String> {
        let paths = page.elements.iter().filter(|line| !line.gets.is_empty()).map(|line| {
            let path = line.path.split(['(', ' ']).next().unwrap_or_default();
            format!("{}.{path}", page.name)
        });
        let elements = paths.filter_map(|path| Definitions::get().resolve(&path));
        elements.flat_map(|element| &element.types).map(|t| t.code.to_owned()).collect()
    };
    let mut met = BTreeSet::new();
    let mut todo: Vec<String> = types.iter().filter(|page| page.kind.is_some()).flat_map(types_of).collect();
    while let Some(name) = todo.pop() {
        if met.insert(name.clone()) {
            todo.extend(types.iter().filter(|page| page.name == name).flat_map(types_of));
        }
    }
    met
}

/// The level that a cell gives at most.
fn level_of(cell: Cell) -> Option<Level> {
    match cell {
        Cell::Open(level) | Cell::ByName(level) => Some(level),
        Cell::Shut => None,
    }
}
