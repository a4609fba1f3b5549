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
