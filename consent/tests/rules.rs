//! The package that comes with the program reads, and overlays reach the engine without code.
#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use consent::answer::Level;
use consent::question::Question;
use consent::vocabulary::{Cell, VocabularyError};
use consent::{Rules, decide, explain};

#[test]
fn the_national_package_reads() {
    let rules = Rules::national().unwrap();
    assert_eq!(rules.vocabulary().all_classes().len(), 18);
    assert_eq!(rules.vocabulary().classes("acute-summary").unwrap().len(), 12);
    assert_eq!(rules.version(), "nl-2026.1");
}

#[test]
fn every_rule_has_its_source_and_both_languages() {
    for rule in Rules::national().unwrap().all() {
        let spec = rule.spec();
        assert!(!spec.source.is_empty() && !spec.nl.is_empty() && !spec.en.is_empty(), "{}", spec.code);
    }
}

#[test]
fn statutory_and_acute_rules_are_present_and_off() {
    let rules = Rules::national().unwrap();
    let off: Vec<_> =
        rules.all().filter(|rule| !rule.spec().on).map(|rule| rule.spec().code.clone()).collect();
    assert_eq!(off.iter().filter(|code| code.starts_with("statutory-")).count(), 7);
    assert!(off.iter().any(|code| &**code == "acute"));
    assert!(off.iter().any(|code| &**code == "vital-interest-passes-none"));
}

const OVERLAY: &str = r#"
version = "heuvelrijk-1"
date = "2026-11-20"

[[vocabulary.class]]
code = "horoscope"
nl = "Horoscoop"
en = "Horoscope"
normality = "sensitive"
opened = "reduced"
cells = { GP = "A", STAR = "F" }

[[vocabulary.function]]
code = "astrologer"
nl = "sterrenwichelaar"
en = "Astrologer"
category = "gp"
column = "STAR"
law = "wgbo"
receiver = "treatment"
purposes = ["TREAT"]
"#;

fn of(rules: &Rules, function: &str, said: &str) -> (Question, Vec<consent::Reading>) {
    let mut question = world::case("gp-own@linde/x", "TREAT", "adult", "oever", "nothing", "-").question;
    question.asker.function = rules.vocabulary().function(function);
    question.classes = rules.vocabulary().all_classes();
    (question, world::consents(rules, said))
}

#[test]
fn a_class_and_a_function_of_an_overlay_alone_work_end_to_end() {
    let rules = Rules::from_toml(&[OVERLAY]).unwrap();
    let class = rules.vocabulary().class("horoscope").unwrap();
    assert_eq!(rules.version(), "nl-2026.1+heuvelrijk-1");
    assert_eq!(rules.date(), "2026-11-20");
    for (function, said, expected) in [
        ("astrologer", "permit holder=any user=astrologer", Some(Level::Full)),
        ("astrologer", "permit holder=any user=astrologer {deny class=horoscope}", None),
        ("gp-own", "permit holder=any user=gp", None),
        ("gp-own", "permit holder=any user=gp class=horoscope", Some(Level::Reduced)),
        ("ggz-treatment", "permit holder=any user=ggz class=horoscope", None),
    ] {
        let (question, readings) = of(&rules, function, said);
        let level = decide(&rules, &question, &readings).permit(class).map(|permit| permit.level);
        assert_eq!(level, expected, "{function}: {said}");
    }
}

#[test]
fn an_overlay_replaces_one_cell_and_leaves_the_others() {
    let rules = Rules::from_toml(&[r#"
version = "one-cell"
date = "2026-11-20"
[[vocabulary.class]]
code = "money"
nl = "Geld en schulden"
en = "Money"
normality = "sensitive"
opened = "full"
cells = { GP = "-" }
"#])
    .unwrap();
    let vocabulary = rules.vocabulary();
    let money = vocabulary.class("money").unwrap();
    assert_eq!(vocabulary.cell(vocabulary.function("gp-own").unwrap(), money), Cell::Shut);
    assert_eq!(vocabulary.cell(vocabulary.function("debt-help").unwrap(), money), Cell::Open(Level::Full));
}

#[test]
fn a_default_can_be_moved_to_another_day() {
    let rules = Rules::from_toml(&[r#"
version = "earlier"
date = "2026-11-20"
[[rule]]
code = "ehds-default"
kind = "default"
on = true
from = "2026-11-01"
nl = "x"
en = "x"
source = "test"
purposes = ["TREAT"]
holders = ["ggz"]
users = ["gp"]
classes = ["medication"]
max_age_days = 90
"#])
    .unwrap();
    let (question, _) = of(&rules, "gp-own", "deny");
    let decision = decide(&rules, &question, &[]);
    let medication = rules.vocabulary().class("medication").unwrap();
    assert_eq!(decision.permit(medication).unwrap().obligations.max_age_days, Some(90));
    assert_eq!(decision.permitted_classes().len(), 2, "medication, and who it is about");
}

#[test]
fn what_cannot_be_read_or_names_nothing_is_an_error() {
    for (overlay, unknown) in [
        ("version = 1", None),
        ("version = \"x\"\ndate = \"x\"\nsurprise = true", None),
        (
            "version = \"x\"\ndate = \"x\"\n[vocabulary.emergency_ceiling]\nhoroscope = \"F\"",
            Some("horoscope"),
        ),
    ] {
        match (Rules::from_toml(&[overlay]), unknown) {
            (Err(VocabularyError::Syntax(_)), None) => {}
            (Err(VocabularyError::Unknown { code, .. }), Some(expected)) => assert_eq!(&*code, expected),
            (other, _) => panic!("{overlay}: {:?}", other.err()),
        }
    }
}

#[test]
fn an_explanation_has_the_shape_of_the_contract() {
    let case = world::case(
        "gp-own@linde/linden",
        "TREAT",
        "adult",
        "oever",
        "permit holder=any user=gp {deny class=notes}",
        "-",
    );
    let (decision, traces) = explain(&case.rules, &case.question, &case.dossier());
    let lines = consent::explain::lines(&case.rules, "ggz-de-oever", &decision, &traces);
    let json = serde_json::to_value(&lines).unwrap();
    let line =
        |class: &str| json.as_array().unwrap().iter().find(|line| line["class"] == class).unwrap().clone();
    let medication = line("medication");
    assert_eq!(medication["holder"], "ggz-de-oever");
    assert_eq!(medication["verdict"], "permit");
    assert_eq!(medication["level"], "full");
    assert_eq!(medication["basis"]["sender"], "explicit-consent");
    assert_eq!(medication["basis"]["receiver"], "treatment");
    assert_eq!(medication["consents"][0]["id"], "c1");
    assert_eq!(medication["consents"][0]["version"], 1);
    assert!(medication["reason"].is_null());
    let notes = line("notes");
    assert_eq!(notes["verdict"], "refuse");
    assert_eq!(notes["reason"], "refused");
    assert!(notes["level"].is_null() && notes["basis"].is_null());
    assert!(notes["trace"].as_array().is_some_and(|steps| !steps.is_empty()));
    for (_, steps) in &traces {
        assert!(consent::explain::sentences(steps, "nl").iter().all(|sentence| !sentence.is_empty()));
    }
}

#[test]
fn what_is_personal_does_not_print() {
    let readings = world::consents(
        &Rules::national().unwrap(),
        "permit holder=@secretname user=~secretname by=mentor:secretname item=secretname",
    );
    assert!(!format!("{readings:?}").contains("secretname"));
}
