//! Facts of several holders brought together: equal ones in one row, different ones side by side, none merged.
//!
//! Linear but for sorting, since a holder may send as many facts as fit.

use super::fact::{self, Fact};
use super::gather::Read;
use crate::json::Value;
use crate::outcome::Language;
use std::collections::BTreeMap;

/// One line of a section's table: one fact, and everyone who recorded it.
pub(super) struct Row<'r> {
    pub(super) cells: [String; 3],
    pub(super) reads: Vec<&'r Read<'r>>,
    /// Whether another holder says something else about the same thing.
    pub(super) disputed: bool,
}

/// The rows in a stable order: by name, one thing together, newest first.
///
/// A holder that states the same twice has two rows: only the facts of different holders share one.
pub(super) fn rows<'r>(
    reads: &[&'r Read<'r>],
    language: Language,
    find: &dyn Fn(&str) -> Option<Value<'r>>,
) -> Vec<Row<'r>> {
    let facts = sorted(reads, language, find);
    let disputed = disputed(&facts);
    let mut rows: Vec<Row<'r>> = Vec::new();
    let mut stated: BTreeMap<(&str, &[String; 3], &str), usize> = BTreeMap::new();
    let mut row_of: BTreeMap<(&str, &[String; 3], usize), usize> = BTreeMap::new();
    for (fact, read) in &facts {
        let times = stated.entry((&fact.key, &fact.cells, read.item.holder)).or_default();
        let at = *row_of.entry((&fact.key, &fact.cells, *times)).or_insert(rows.len());
        *times += 1;
        match rows.get_mut(at) {
            Some(row) => row.reads.push(read),
            None => rows.push(Row {
                cells: fact.cells.clone(),
                reads: vec![read],
                disputed: disputed.get(fact.key.as_str()).copied().unwrap_or(false),
            }),
        }
    }
    rows
}

fn sorted<'r>(
    reads: &[&'r Read<'r>],
    language: Language,
    find: &dyn Fn(&str) -> Option<Value<'r>>,
) -> Vec<(Fact, &'r Read<'r>)> {
    let read_fact = |read: &'r Read<'r>| fact::read(read.item.resource_type, read.doc.root(), language, find);
    let mut facts: Vec<_> = reads.iter().map(|read| (read_fact(read), *read)).collect();
    // One thing has one place, under the first of its names, also when holders name it differently.
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for (fact, _) in &facts {
        let name = fact.cells[0].to_lowercase();
        let first = names.entry(fact.key.clone()).or_insert_with(|| name.clone());
        *first = std::mem::take(first).min(name);
    }
    facts.sort_by(|(a, ra), (b, rb)| {
        let place = names.get(&a.key).cmp(&names.get(&b.key)).then_with(|| a.key.cmp(&b.key));
        let source = |read: &Read<'r>| (read.item.resource_type, read.item.id);
        place.then_with(|| b.when.cmp(&a.when)).then_with(|| source(ra).cmp(&source(rb)))
    });
    facts
}

/// By key: whether two holders speak of it and not all say the same. Then every row of it has an opponent.
fn disputed<'f>(facts: &'f [(Fact, &Read<'_>)]) -> BTreeMap<&'f str, bool> {
    let mut first: BTreeMap<&str, (&[String; 3], &str, bool, bool)> = BTreeMap::new();
    for (fact, read) in facts {
        let known = first.entry(&fact.key).or_insert((&fact.cells, read.item.holder, false, false));
        known.2 |= *known.0 != fact.cells;
        known.3 |= known.1 != read.item.holder;
    }
    first.into_iter().map(|(key, (_, _, facts, holders))| (key, facts && holders)).collect()
}
