//! The tables against R4, and against mistakes that a table can hold.

use super::{Tables, TypeKind, national};
use crate::json::parse;
use consent::{Level, Rules};

fn faults(file: &str, text: &str) -> Vec<String> {
    let rules = Rules::national().unwrap();
    match Tables::with_overlay(rules.vocabulary(), &[(file, text)]) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

#[track_caller]
fn refused(file: &str, text: &str, why: &str) {
    let found = faults(file, text);
    assert!(found.iter().any(|fault| fault.contains(why)), "{why} is not among {found:?}");
}

#[test]
fn the_national_package_names_only_what_r4_has_and_forgets_no_type() {
    let rules = Rules::national().unwrap();
    if let Err(errors) = Tables::national(rules.vocabulary()) {
        panic!("{}", errors.iter().map(|e| format!("{e}\n")).collect::<String>());
    }
}

#[test]
fn every_mistake_is_told_with_file_and_line() {
    let element = |line: &str| format!("= Condition\n{line}\n");
    refused(
        "elements/x.txt",
        &element("colour | all | - | why"),
        "elements/x.txt:2: R4 has no Condition.colour",
    );
    refused("elements/x.txt", &element("code | all | -"), "elements/x.txt:2: 4 fields belong here");
    refused("elements/x.txt", &element("code | all | - | -"), "a line carries its reason");
    refused("elements/x.txt", &element("code | nearly | - | why"), "levels.txt has no form nearly");
    refused("elements/x.txt", &element("code | all | loud | why"), "no flag is called loud");
    refused("elements/x.txt", &element("subject | full | - | why"), "which R4 requires");
    refused("elements/x.txt", &element("evidence | all | - | why"), "is a group: list what survives in it");
    refused("elements/x.txt", "= Kondition\ncode | all | - | why\n", "R4 has no type Kondition");
    refused("elements/x.txt", "= CarePlan\ntitle | all | - | why\n", "free text: say text, words or safe");
    refused("types.txt", "Kondition | open | problems | why", "R4 has no resource type Kondition");
    refused(
        "types.txt",
        "Schedule | open | problems | why",
        "Schedule is open and no row says what survives",
    );
    refused("codes/x.txt", "SCT 1 | no-class | why", "codes/x.txt:1: no data class is called no-class");
    refused("codes/x.txt", "NONE 1 | problems | why", "systems.txt has no NONE");
    refused("levels.txt", "x | problems | half | * | - | why", "a level is full, reduced or any");
    refused("levels.txt", "x | problems | full | * | never | why", "no filter is called never");
    refused("strange.txt", "a | b", "no table is called so");
}

#[test]
fn every_file_of_the_national_folder_is_embedded() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tables/national");
    for inner in ["", "codes", "elements"] {
        for entry in std::fs::read_dir(folder.join(inner)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "txt") {
                let name = path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
                assert!(national::FILES.iter().any(|(file, _)| *file == name), "{name} is not embedded");
            }
        }
    }
}

#[test]
fn a_class_and_a_function_added_by_overlay_alone_work() {
    let words = r#"
        version = "test"
        date = "2026-11-21"
        [[vocabulary.class]]
        code = "sleep"
        nl = "Slapen"
        en = "Sleep"
        normality = "normal"
        opened = "full"
        cells = { NW = "R" }
        [[vocabulary.function]]
        code = "night-watch"
        nl = "Nachtwacht"
        en = "Night watch"
        category = "home-care"
        column = "NW"
        law = "wgbo"
        receiver = "treatment"
        purposes = ["TREAT"]
    "#;
    let rules = Rules::from_toml(&[words]).unwrap();
    let overlay = [
        ("codes/sleep.txt", "SCT 258158006 | sleep | how one sleeps"),
        ("levels.txt", "sleep-week | sleep | reduced | night-watch | months=1 | the last month"),
    ];
    let tables = Tables::with_overlay(rules.vocabulary(), &overlay).unwrap_or_else(|e| panic!("{e:?}"));
    let sleep = rules.vocabulary().class("sleep").unwrap();
    assert_eq!(tables.form(sleep, Level::Reduced, "night-watch").0, "sleep-week");
    let text = r#"{"resourceType":"Observation","code":{"coding":[{"system":"http://snomed.info/sct","code":"258158006"}]}}"#;
    let doc = parse(text.as_bytes()).unwrap();
    let found = tables.classify(doc.root(), &crate::classify::Origin { categories: &["gp"] });
    assert!(found.classes.contains(sleep) && found.classes.len() == 1);
    let national = Tables::national(rules.vocabulary()).unwrap();
    assert_ne!(tables.hash(), national.hash());
}

#[test]
fn the_hash_counts_what_is_said_and_not_how() {
    let plain = national::hash(&[("a.txt", "x | y | z")]);
    assert_eq!(plain, national::hash(&[("a.txt", "# a comment\n\n  x | y | z  \n")]));
    assert_ne!(plain, national::hash(&[("a.txt", "x | y | other")]));
    assert_ne!(plain, national::hash(&[("b.txt", "x | y | z")]));
    assert_eq!(plain.len(), 64);
}

#[test]
fn what_is_about_others_or_is_a_container_is_closed() {
    let rules = Rules::national().unwrap();
    let tables = Tables::national(rules.vocabulary()).unwrap();
    for closed in ["FamilyMemberHistory", "Provenance", "AuditEvent", "Binary", "Bundle"] {
        assert_eq!(tables.kind(closed), Some(TypeKind::Closed), "{closed}");
    }
    assert!(tables.medicine_line().starts_with("Deze lijst kan onvolledig zijn."));
    assert!(!tables.version().is_empty() && !tables.dated().is_empty());
}

#[test]
fn a_page_says_what_the_filter_gives() {
    let rules = consent::Rules::national().unwrap();
    let tables = Tables::national(rules.vocabulary()).unwrap();
    let page = |function: &str| tables.page(function).unwrap();
    let classes =
        |page: &super::Page, name: &str| page.types.iter().find(|t| t.name == name).unwrap().classes.clone();
    let gets = |page: &super::Page, name: &str, path: &str| {
        let of = page.types.iter().find(|t| t.name == name).unwrap();
        of.elements
            .iter()
            .filter(|line| line.path == path)
            .flat_map(|line| line.gets.clone())
            .collect::<Vec<_>>()
    };
    let debts = page("debt-help");
    assert!(classes(&debts, "Condition").contains(&"money".to_owned()), "a code tells: Z01");
    assert!(gets(&debts, "Condition", "recorder").contains(&"money".to_owned()));
    let stay = page("stay-search");
    assert!(
        !classes(&stay, "CarePlan").contains(&"allergies".to_owned()),
        "a form of several classes tells none"
    );
    assert!(gets(&stay, "Address", "line").is_empty(), "no address comes out: the postcode is written by us");
    assert!(!gets(&page("triage"), "Address", "line").is_empty());
}
