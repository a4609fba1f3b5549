//! `searches.txt`, checked: each type is one about a person, and each class is asked for.

use super::source::{SearchLine, Sources};
use super::{TableError, TypeKind};
use consent::{ClassSet, Vocabulary};

/// What is asked of a holder elsewhere when one of `classes` is permitted.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) resource: Box<str>,
    pub(crate) classes: ClassSet,
    pub(crate) narrowed: Narrowed,
}

/// Which categories narrow a search; a token is `system|code`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Narrowed {
    /// None.
    Never,
    /// These, wherever the holder can search by category.
    Always(Vec<Box<str>>),
    /// These, where the holder promised that every such resource has its category.
    Promised(Vec<Box<str>>),
}

pub(super) fn read(sources: &Sources, vocabulary: &Vocabulary, errors: &mut Vec<TableError>) -> Vec<Asked> {
    let mut asked = Vec::new();
    let mut covered = ClassSet::EMPTY;
    for line in &sources.searches {
        let classes = classes(line, vocabulary, errors);
        covered = covered.union(classes);
        let narrowed = narrowed(line, sources, errors);
        for name in &line.types {
            if sources.types.get(name).is_none_or(|known| known.kind != TypeKind::Open) {
                errors.push(
                    line.classes.at.error(format!("{name} is not about a person: it is not asked for")),
                );
            }
            asked.push(Asked { resource: name.as_str().into(), classes, narrowed: narrowed.clone() });
        }
    }
    // A class that no line names yet may be anywhere: better everything than a gap that nobody sees.
    let unnamed = vocabulary.all_classes().minus(covered);
    asked.iter_mut().for_each(|one| one.classes = one.classes.union(unnamed));
    asked
}

fn classes(line: &SearchLine, vocabulary: &Vocabulary, errors: &mut Vec<TableError>) -> ClassSet {
    let mut classes = ClassSet::EMPTY;
    for word in &line.classes.words {
        match vocabulary.class(word) {
            Some(class) => classes = classes.union(ClassSet::only(class)),
            None => errors.push(line.classes.at.error(format!("{word} is no data class"))),
        }
    }
    classes
}

fn narrowed(line: &SearchLine, sources: &Sources, errors: &mut Vec<TableError>) -> Narrowed {
    let Some((how, codes)) = line.narrows.split_first() else { return Narrowed::Never };
    let mut tokens = Vec::new();
    for code in codes {
        let (short, code) = code.split_once('#').unwrap_or_default();
        // A system stands under several addresses; each is a system to somebody.
        let before = tokens.len();
        tokens.extend(
            sources
                .systems
                .iter()
                .filter(|(_, system)| system.short == short)
                .map(|(url, _)| format!("{url}|{code}").into_boxed_str()),
        );
        if tokens.len() == before {
            errors.push(line.classes.at.error("a category is SYSTEM#code, its system one of systems.txt"));
        }
    }
    match how.as_str() {
        "always" => Narrowed::Always(tokens),
        "promised" => Narrowed::Promised(tokens),
        _ => {
            errors.push(line.classes.at.error("a search is narrowed `always` or where `promised`"));
            Narrowed::Never
        }
    }
}
