//! What the fuzzer was fed and what it found, run again without it, each also bent in every byte: see `tests/fuzz`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unused_must_use,
    reason = "a test that cannot go on fails, with words"
)]

#[path = "../../tests/fuzz/targets.rs"]
mod targets;

use std::path::Path;

fn replay(name: &str, target: fn(&[u8]) -> bool) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus").join(name);
    let mut seeds: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{name} has no corpus");
    for seed in seeds {
        let bytes = std::fs::read(&seed).unwrap();
        let found = seed.file_name().unwrap().to_string_lossy().starts_with("found-");
        assert!(target(&bytes) || found, "{name}: a seed is refused, so that the fuzzer starts at the door");
        // Every seventh place keeps this within seconds; the fuzzer does the rest.
        for at in (0..bytes.len()).step_by(7) {
            let mut bent = bytes.clone();
            bent[at] ^= 1 << (at % 7);
            target(&bent);
            target(&bytes[..at]);
        }
    }
}

#[test]
fn json_reads_as_serde_json_reads_it() {
    replay("json", targets::json);
}

#[test]
fn a_consent_keeps_its_meaning() {
    replay("consent", targets::consent);
}

#[test]
fn relations_and_attestations_are_read_or_refused() {
    replay("relation", targets::relation);
}

#[test]
fn what_leaves_the_filter_is_strict() {
    replay("filter", targets::filter);
}

#[test]
fn requests_are_parsed_or_refused() {
    replay("grammar", targets::grammar);
}

#[test]
fn what_a_server_elsewhere_sends_is_read_or_refused() {
    replay("remote", targets::remote);
}
