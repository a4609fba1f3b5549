//! The harness: the real program in a small world, and an outsider's means to talk to it.
//!
//! It knows CONTRACT.md and nothing of the source: names, headers, files and commands as an outsider meets them.

pub mod ask;
pub mod assertion;
pub mod browser;
pub mod client;
pub mod golden;
pub mod json;
pub mod program;
pub mod proof;
pub mod real;
pub mod red;
pub mod seen;
pub mod shared;
pub mod visitor;
pub mod witness;
pub mod world;

pub use ask::Asker;
pub use assertion::Assertion;
pub use client::{Answer, Client, Request};
pub use program::{Run, sluis};
pub use red::{all_hold, known_red};
pub use visitor::{Page, Visitor};
pub use world::World;

/// Waits until something holds that happens beside the test, for a minute at most.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "never: {what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
