//! Rules of the definitions and the check.
use super::*;

#[test]
fn the_tables_hold_what_r4_says() {
    let d = Definitions::get();
    assert_eq!(d.resource_types().len(), 148);
    let onset = d.element("Condition", "onset").unwrap();
    assert!(onset.choice && onset.types.len() == 5);
    assert!(d.resolve("Condition.onsetAge.value").is_some());
    assert!(d.resolve("Condition.onset[x]").is_some());
    assert!(d.resolve("Condition.stage.summary.coding.display").is_some());
    assert!(d.resolve("Questionnaire.item.item.linkId").is_some());
    assert!(d.resolve("Condition.colour").is_none());
    assert!(d.paths("Condition").iter().any(|(p, _)| p == "Condition.stage.summary"));
}
