//! What each function gets about each person, stored: `golden/PERSON/FUNCTION.json`. `SLUIS_BLESS=1` rewrites them.

use serde_json::json;
use sluis_tests::{World, golden};
use std::collections::BTreeSet;

const PERSONS: [&str; 11] =
    ["jansen", "amrani", "peters", "sem", "noor", "yara", "kaya", "devries", "bakker", "elidrissi", "visser"];

const ASKERS: [(&str, &str, &str); 13] = [
    ("linden", "gp-own", "TREAT"),
    ("brug", "gp-out-of-hours", "TREAT"),
    ("mulder", "ggz-treatment", "TREAT"),
    ("kuiper", "youth-ggz", "TREAT"),
    ("steen", "district-nursing", "TREAT"),
    ("dam", "wmo-individual", "CAREMGT"),
    ("omar", "youth-individual", "CAREMGT"),
    ("post", "debt-help", "CAREMGT"),
    ("haan", "household-help", "CAREMGT"),
    ("wit", "school-link", "CAREMGT"),
    ("valk", "triage", "TREAT"),
    ("vos", "stay-search", "COC"),
    ("bos", "neighbourhood-network", "COC"),
];

#[test]
fn every_function_gets_what_is_stored() {
    // A world that nobody else changes.
    let world = World::fresh();
    let mut used = BTreeSet::new();
    let mut wrong = Vec::new();
    let mut refused = serde_json::Map::new();
    for person in PERSONS {
        for (staff, function, purpose) in ASKERS {
            let answer = world.staff(staff, function).purpose(purpose).summary(person);
            if answer.status == 403 {
                refused.insert(format!("{person} {function}"), json!(answer.code()));
                continue;
            }
            let name = format!("{person}/{function}.json");
            if let Err(why) = golden::check(&name, &answer.ok().json()) {
                wrong.push(why);
            }
            used.insert(name);
        }
    }
    used.insert("refused/all.json".into());
    if let Err(why) = golden::check("refused/all.json", &json!(refused)) {
        wrong.push(why);
    }
    assert!(wrong.is_empty(), "{} golden files:\n{}", wrong.len(), wrong.join("\n"));
    let unused = golden::unused(&used);
    assert!(unused.is_empty(), "nobody asks for these golden files: {unused:?}");
}
