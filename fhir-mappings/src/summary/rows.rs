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
    let mut stated: BTreeMap<(usize, &[String; 3], &str), usize> = BTreeMap::new();
    let mut row_of: BTreeMap<(usize, &[String; 3], usize), usize> = BTreeMap::new();
    for Placed { fact, read, thing } in &facts {
        let times = stated.entry((*thing, &fact.cells, read.item.holder)).or_default();
        let at = *row_of.entry((*thing, &fact.cells, *times)).or_insert(rows.len());
        *times += 1;
        match rows.get_mut(at) {
            Some(row) => row.reads.push(read),
            None => rows.push(Row {
                cells: fact.cells.clone(),
                reads: vec![read],
                disputed: disputed.get(thing).copied().unwrap_or(false),
            }),
        }
    }
    rows
}

/// A fact with the thing that it is about: those that share a code are about one.
struct Placed<'r> {
    fact: Fact,
    read: &'r Read<'r>,
    thing: usize,
}

fn sorted<'r>(
    reads: &[&'r Read<'r>],
    language: Language,
    find: &dyn Fn(&str) -> Option<Value<'r>>,
) -> Vec<Placed<'r>> {
    let read_fact = |read: &'r Read<'r>| fact::read(read.item.resource_type, read.doc.root(), language, find);
    let mut facts: Vec<Fact> = reads.iter().map(|read| read_fact(read)).collect();
    name_alike(&mut facts);
    let things = things(&facts);
    // One thing has one place, under the first of its names, also when holders name it differently.
    let mut places: BTreeMap<usize, (String, &str)> = BTreeMap::new();
    for (fact, thing) in facts.iter().zip(&things) {
        let name = fact.cells.first().map(|name| name.to_lowercase()).unwrap_or_default();
        let key = fact.keys.first().map_or("", String::as_str);
        let first = places.entry(*thing).or_insert_with(|| (name.clone(), key));
        *first = std::mem::take(first).min((name, key));
    }
    // Things by their place, so that numbers are places and none hangs on the order of arrival.
    let mut order: Vec<(&(String, &str), usize)> =
        places.iter().map(|(thing, place)| (place, *thing)).collect();
    order.sort_unstable();
    let rank: BTreeMap<usize, usize> =
        order.into_iter().enumerate().map(|(at, (_, thing))| (thing, at)).collect();
    let mut placed: Vec<Placed<'r>> = facts
        .into_iter()
        .zip(reads)
        .zip(things)
        .map(|((fact, read), thing)| Placed { fact, read, thing: rank.get(&thing).copied().unwrap_or(thing) })
        .collect();
    placed.sort_by(|a, b| {
        let source = |placed: &Placed<'r>| (placed.read.item.resource_type, placed.read.item.id);
        let newest_first = || b.fact.when.cmp(&a.fact.when);
        a.thing.cmp(&b.thing).then_with(newest_first).then_with(|| source(a).cmp(&source(b)))
    });
    placed
}

/// Gives facts of the same codes one name, whichever code a holder writes first.
fn name_alike(facts: &mut [Fact]) {
    let mut names: BTreeMap<Vec<String>, String> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| fact.by_code && fact.keys.len() > 1) {
        let name = fact.cells.first().cloned().unwrap_or_default();
        let known = names.entry(fact.keys.clone()).or_insert_with(|| name.clone());
        *known = std::mem::take(known).min(name);
    }
    for fact in facts.iter_mut().filter(|fact| fact.by_code) {
        if let (Some(name), Some(cell)) = (names.get(&fact.keys), fact.cells.first_mut()) {
            cell.clone_from(name);
        }
    }
}

/// A number for each fact, the same for those that share a code, directly or by way of another.
fn things(facts: &[Fact]) -> Vec<usize> {
    let mut parents: Vec<usize> = (0..facts.len()).collect();
    let mut of_key: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, fact) in facts.iter().enumerate() {
        for key in &fact.keys {
            let other = *of_key.entry(key).or_insert(at);
            let (one, other) = (root(&mut parents, at), root(&mut parents, other));
            if let Some(parent) = parents.get_mut(one.max(other)) {
                *parent = one.min(other);
            }
        }
    }
    (0..facts.len()).map(|at| root(&mut parents, at)).collect()
}

/// The first of those that `at` is one with; each look halves the way.
fn root(parents: &mut [usize], mut at: usize) -> usize {
    while let Some(parent) = parents.get(at).copied().filter(|parent| *parent != at) {
        let next = parents.get(parent).copied().unwrap_or(parent);
        if let Some(slot) = parents.get_mut(at) {
            *slot = next;
        }
        at = next;
    }
    at
}

/// By thing: whether two holders speak of it and not all say the same. Then every row of it has an opponent.
fn disputed(facts: &[Placed<'_>]) -> BTreeMap<usize, bool> {
    let mut first: BTreeMap<usize, (&[String; 3], &str, bool, bool)> = BTreeMap::new();
    for Placed { fact, read, thing } in facts {
        let known = first.entry(*thing).or_insert((&fact.cells, read.item.holder, false, false));
        known.2 |= *known.0 != fact.cells;
        known.3 |= known.1 != read.item.holder;
    }
    first.into_iter().map(|(thing, (_, _, facts, holders))| (thing, facts && holders)).collect()
}
