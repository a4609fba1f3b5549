//! Runs persons.txt: every consent assertion of REGION.md section 3.
#![allow(clippy::panic)]

mod world;

#[test]
fn every_person_of_the_region_is_served_as_written() {
    let mut person = ("", "");
    let mut said: Vec<&str> = Vec::new();
    let mut cases = 0;
    let mut wrong = Vec::new();
    for line in include_str!("persons.txt").lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix("== ") {
            person = header.split_once(' ').unwrap_or_else(|| panic!("name and birth date: {line}"));
            said.clear();
        } else if let Some(consent) = line.strip_prefix("said ") {
            said.push(consent);
        } else {
            let fields: Vec<&str> = line.split('|').map(str::trim).collect();
            let [asker, purpose, holder, facts, expected] = fields.as_slice() else {
                panic!("five fields, please: {line}");
            };
            let said = if said.is_empty() { "nothing".to_owned() } else { said.join(";") };
            cases += 1;
            let case = world::case(asker, purpose, person.1, holder, &said, facts);
            if let Err(instead) = case.holds(expected) {
                wrong.push(format!("{}: {line}; {instead}", person.0));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cases}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cases > 80, "only {cases} cases");
}
