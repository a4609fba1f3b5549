//! The forms of each class, the facts, the code index: everything of the tables that is not an element.

use super::automaton::{FULL, PERSON, REDUCED, REPRESENTATIVE, Shapes, count};
use super::line::TableError;
use super::source::{Marks, ShapeLine, Sources};
use crate::classify::codes::{Codes, Mark};
use consent::{Level, Vocabulary};
use std::collections::HashMap;

/// One form of a class for some functions.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(crate) name: String,
    pub(crate) reason: String,
    pub(crate) bit: Shapes,
    pub(crate) level: Option<Level>,
    pub(crate) functions: u64,
    pub(crate) when: When,
    pub(crate) filters: Vec<(Option<Box<str>>, Filter)>,
}

/// In which circumstances a form is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum When {
    /// The decision gives the treating team only.
    TreatingTeam,
    /// The glass is broken.
    Emergency,
    /// Only an organisation's name may show.
    Organisation,
    Always,
}

/// Which resources of a class a form lets out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    Active,
    InForce,
    Severe,
    Concluded,
    Months(i64),
    Latest(usize),
    Holder(Box<str>),
    Coded(u64),
    NotCoded(u64),
    FirstOr(u64),
    /// This role of the asking person sees the class in full.
    Unless(Box<str>),
}

/// A yes-or-no fact that we derive and author.
#[derive(Debug, Clone)]
pub(crate) struct Fact {
    pub(crate) code: Box<str>,
    pub(crate) display: Box<str>,
    /// The form that holds it, and the functions that read it there.
    pub(crate) shape: Shapes,
    pub(crate) readers: u64,
    pub(crate) set: u64,
    pub(crate) rule: FactRule,
}

/// How a fact is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FactRule {
    /// Yes where a record says so, no where one says no.
    Stated,
    /// Yes where an active record of the set stands, no where only others stand.
    Listed,
    /// As listed, where being in force counts as active.
    InForce,
}

impl Form {
    pub(crate) fn fits(&self, level: Level, function: u64) -> bool {
        let reads = self.functions == u64::MAX || self.functions & function != 0;
        reads && self.level.is_none_or(|own| own == level)
    }
}

/// Everything read from levels.txt, readers.txt and the names of sets.
#[derive(Debug, Default)]
pub(super) struct Forms {
    pub(super) by_class: Vec<Vec<Form>>,
    pub(super) bits: HashMap<String, Shapes>,
    pub(super) all: Shapes,
    pub(super) readers: HashMap<String, u64>,
    pub(super) sets: HashMap<String, u64>,
}

/// The reader bit of a function. Two bits are the person's and the representative's; functions beyond the room
/// share none, so they see only what is for every reader.
pub(crate) fn function_bit(index: u8) -> u64 {
    if index < 62 { 1 << index } else { 0 }
}

pub(super) fn read(sources: &Sources, vocabulary: &Vocabulary, errors: &mut Vec<TableError>) -> Forms {
    let mut forms = Forms { all: FULL | REDUCED, ..Forms::default() };
    for (at, name) in sources.sets.keys().enumerate() {
        let bit = 1_u64.checked_shl(count(at)).unwrap_or(0);
        if bit == 0 {
            errors.push(TableError { file: "sets.txt".into(), line: 0, why: "more than 64 sets".into() });
        }
        forms.sets.insert(name.clone(), bit);
    }
    for (name, functions) in &sources.readers {
        let bits = functions.iter().fold(0, |bits, code| bits | reader(vocabulary, code));
        forms.readers.insert(name.clone(), bits);
    }
    forms.by_class = vec![Vec::new(); vocabulary.all_classes().len()];
    for line in &sources.shapes {
        if let Err(error) = forms.add(line, vocabulary) {
            errors.push(error);
        }
    }
    for list in &mut forms.by_class {
        list.sort_by_key(|form| (form.when, form.functions == u64::MAX));
    }
    forms
}

fn reader(vocabulary: &Vocabulary, code: &str) -> u64 {
    match code {
        "person" => PERSON,
        "representative" => REPRESENTATIVE,
        // A function that this region's vocabulary does not have reads nothing here either.
        code => vocabulary.function(code).map_or(0, |function| function_bit(function.index())),
    }
}

impl Forms {
    fn add(&mut self, line: &ShapeLine, vocabulary: &Vocabulary) -> Result<(), TableError> {
        let next = 1_u64.checked_shl(count(self.bits.len() + 2)).unwrap_or(0);
        if next == 0 {
            return Err(line.at.error("more than 62 forms"));
        }
        let bit = *self.bits.entry(line.name.clone()).or_insert(next);
        let Some(class) = vocabulary.class(&line.class) else {
            return Err(line.at.error(format!("no data class is called {}", line.class)));
        };
        let level = match line.level.as_str() {
            "full" => Some(Level::Full),
            "reduced" => Some(Level::Reduced),
            "any" => None,
            _ => return Err(line.at.error("a level is full, reduced or any")),
        };
        let (mut functions, mut when) = (0, When::Always);
        for code in &line.functions {
            match code.as_str() {
                "*" => functions = u64::MAX,
                "treating-team" => (functions, when) = (u64::MAX, When::TreatingTeam),
                "emergency" => (functions, when) = (u64::MAX, When::Emergency),
                "organisation" => (functions, when) = (u64::MAX, When::Organisation),
                code => functions |= reader(vocabulary, code),
            }
        }
        let mut filters = Vec::new();
        let mut bespoke = false;
        for word in &line.filters {
            if word == "bespoke" {
                bespoke = true;
                continue;
            }
            filters
                .push(self.filter(word).ok_or_else(|| line.at.error(format!("no filter is called {word}")))?);
        }
        if !bespoke {
            self.all |= bit;
        }
        let form = Form {
            name: line.name.clone(),
            reason: line.reason.clone(),
            bit,
            level,
            functions,
            when,
            filters,
        };
        if let Some(list) = self.by_class.get_mut(usize::from(class.index())) {
            list.push(form);
        }
        Ok(())
    }

    fn filter(&self, word: &str) -> Option<(Option<Box<str>>, Filter)> {
        let (only, word) = match word.split_once(':') {
            Some((only, word)) => (Some(only.into()), word),
            None => (None, word),
        };
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let set = || self.sets.get(value).copied();
        let filter = match name {
            "active" => Filter::Active,
            "in-force" => Filter::InForce,
            "severe" => Filter::Severe,
            "concluded" => Filter::Concluded,
            "months" => Filter::Months(value.parse().ok()?),
            "latest" => Filter::Latest(value.parse().ok()?),
            "holder" => Filter::Holder(value.into()),
            "coded" => Filter::Coded(set()?),
            "not-coded" => Filter::NotCoded(set()?),
            "first-or" => Filter::FirstOr(set()?),
            "unless" => Filter::Unless(value.into()),
            _ => return None,
        };
        Some((only, filter))
    }
}

/// Class and label words to a mark.
pub(super) fn mark(vocabulary: &Vocabulary, marks: &Marks, errors: &mut Vec<TableError>) -> Mark {
    let mut mark = Mark { told: true, ..Mark::default() };
    for word in &marks.words {
        if let Some(label) = word.strip_prefix("label:") {
            match vocabulary.label(label) {
                Some(label) => mark.labels.insert(label),
                None => errors.push(marks.at.error(format!("no label is called {label}"))),
            }
            continue;
        }
        if let Some(class) = word.strip_prefix("labels:") {
            // Read apart: it gives the type no class.
            if vocabulary.class(class).is_none() {
                errors.push(marks.at.error(format!("no data class is called {class}")));
            }
            continue;
        }
        match (word.as_str(), vocabulary.class(word)) {
            ("never", _) => mark.never = true,
            ("nothing" | "if-coded" | "if-told" | "wordless", _) => {}
            (_, Some(class)) => mark.classes.insert(class),
            (word, None) => errors.push(marks.at.error(format!("no data class is called {word}"))),
        }
    }
    mark
}

pub(super) fn codes(
    sources: &Sources,
    vocabulary: &Vocabulary,
    sets: &HashMap<String, u64>,
    errors: &mut Vec<TableError>,
) -> Codes {
    let mut codes = Codes::default();
    for (uri, line) in &sources.systems {
        codes.add_system(&line.short, uri, line.kind);
    }
    for ((short, code), marks) in &sources.codes {
        let mark = mark(vocabulary, marks, errors);
        match codes.short(short) {
            Some(system) => codes.add(system, code, mark),
            None => errors.push(marks.at.error(format!("systems.txt has no {short}"))),
        }
    }
    for (name, members) in &sources.sets {
        let bit = sets.get(name).copied().unwrap_or(0);
        for (short, code, at) in members {
            match codes.short(short) {
                Some(system) => codes.add(system, code, Mark { sets: bit, ..Mark::default() }),
                None => errors.push(at.error(format!("systems.txt has no {short}"))),
            }
        }
    }
    codes
}

pub(super) fn facts(
    sources: &Sources,
    forms: &Forms,
    vocabulary: &Vocabulary,
    errors: &mut Vec<TableError>,
) -> Vec<Fact> {
    let mut facts = Vec::new();
    for line in sources.facts.values() {
        let rule = match line.rule.as_str() {
            "stated" => FactRule::Stated,
            "listed" => FactRule::Listed,
            "in-force" => FactRule::InForce,
            _ => {
                errors.push(line.at.error("a fact is read as stated, listed or in-force"));
                continue;
            }
        };
        let (form, functions) = line.shape.split_once('@').unwrap_or((&line.shape, ""));
        let readers = functions.split(',').fold(0, |bits, code| bits | reader(vocabulary, code));
        let (Some(shape), Some(set)) = (forms.bits.get(form), forms.sets.get(&line.set)) else {
            errors.push(line.at.error("levels.txt must have the form, and sets.txt the set"));
            continue;
        };
        facts.push(Fact {
            code: line.code.as_str().into(),
            display: line.display.as_str().into(),
            shape: *shape,
            readers,
            set: *set,
            rule,
        });
    }
    facts
}
