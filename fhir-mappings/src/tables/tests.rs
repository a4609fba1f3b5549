//! The tables against R4, and against mistakes that a table can hold.

use super::Tables;
use consent::Rules;

#[test]
fn the_national_package_names_only_what_r4_has_and_forgets_no_type() {
    let rules = Rules::national().unwrap();
    if let Err(errors) = Tables::national(rules.vocabulary()) {
        panic!("{}", errors.iter().map(|e| format!("{e}\n")).collect::<String>());
    }
}
