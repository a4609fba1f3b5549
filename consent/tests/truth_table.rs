//! Runs truth-table.txt, one case a line.

#![allow(clippy::panic)]

mod world;

use std::collections::BTreeSet;

#[test]
fn every_case_of_the_truth_table_holds() {
    let mut names = BTreeSet::new();
    let mut wrong = Vec::new();
    for line in include_str!("truth-table.txt").lines() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let [name, asker, purpose, about, holder, said, facts, expected, source] = fields.as_slice() else {
            panic!("nine fields, please: {line}");
        };
        assert!(names.insert(*name), "two cases are called {name}");
        assert!(!source.is_empty(), "{name} has no source");
        if let Err(instead) = world::case(asker, purpose, about, holder, said, facts).holds(expected) {
            wrong.push(format!("{name}: expected {expected}; {instead}"));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
    assert!(names.len() >= 250, "only {} cases", names.len());
}
