//! Tests that stand as the contract says although the program does not yet do so. Each is listed in `known-red.md`;
//! one that turns green fails until its line is gone.

use std::panic::{AssertUnwindSafe, catch_unwind};

const LIST: &str = include_str!("../known-red.md");

/// Runs a test that `known-red.md` may list by this name.
///
/// # Panics
/// When it fails and is not listed, or passes and is.
#[track_caller]
pub fn known_red(name: &str, test: impl FnOnce()) {
    let listed = LIST.lines().any(|line| line.starts_with(&format!("- `{name}`")));
    let ended = catch_unwind(AssertUnwindSafe(test));
    match (ended, listed) {
        (Ok(()), false) => {}
        (Ok(()), true) => panic!("`{name}` holds by now: remove it from known-red.md"),
        (Err(why), false) => std::panic::resume_unwind(why),
        (Err(_), true) => eprintln!("known red: {name}"),
    }
}

/// Checks a table of assertions: each has a name, and holds or says what it saw instead. Those that `known-red.md`
/// lists may fail, and must.
///
/// # Panics
/// With every assertion that does not do as listed.
#[track_caller]
pub fn all_hold(assertions: impl IntoIterator<Item = (String, Result<(), String>)>) {
    let listed = |name: &str| LIST.lines().any(|line| line.starts_with(&format!("- `{name}`")));
    let wrong: Vec<String> = assertions
        .into_iter()
        .filter_map(|(name, held)| match (held, listed(&name)) {
            (Ok(()), false) => None,
            (Ok(()), true) => Some(format!("`{name}` holds by now: remove it from known-red.md")),
            (Err(_), true) => {
                eprintln!("known red: {name}");
                None
            }
            (Err(why), false) => Some(format!("`{name}`: {why}")),
        })
        .collect();
    assert!(wrong.is_empty(), "{} assertions:\n{}", wrong.len(), wrong.join("\n"));
}
