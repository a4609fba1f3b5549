//! The package that comes with the program reads, and overlays reach the engine without code.

use consent::Rules;

#[test]
fn the_national_package_reads() {
    let rules = Rules::national().unwrap();
    assert_eq!(rules.vocabulary().all_classes().len(), 18);
    assert!(rules.vocabulary().classes("acute-summary").unwrap().len() == 12);
}
