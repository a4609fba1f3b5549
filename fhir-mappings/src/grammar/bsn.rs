//! Finds a citizen service number in an address, before anything else looks at it.
//!
//! Looks at every path segment and at the values of parameters that name a person, after decoding twice; never at
//! `code` or `category`, whose SNOMED codes may pass the eleven-test too (CONTRACT.md 3).

use super::form::decode_leniently;
use crate::identifiers::passes_eleven_test;

/// Whether path or query carries a number that passes the eleven-test where one could stand for a person.
#[must_use]
pub fn bsn_in_url(raw_path: &str, raw_query: Option<&str>) -> bool {
    holds_bsn(&decode_twice(raw_path)) || raw_query.is_some_and(query_holds_bsn)
}

/// Whether an address that somebody else made holds one of these numbers, as it stands or decoded once or twice.
#[must_use]
pub fn url_holds(raw: &str, numbers: &[&str]) -> bool {
    let holds = |text: &[u8]| {
        let is_in = |number: &&str| {
            !number.is_empty() && text.windows(number.len()).any(|part| part == number.as_bytes())
        };
        numbers.iter().any(is_in)
    };
    let once = decode_leniently(raw.as_bytes());
    holds(raw.as_bytes()) || holds(&decode_leniently(&once)) || holds(&once)
}

fn query_holds_bsn(raw: &str) -> bool {
    raw.split(['&', ';']).any(|piece| {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        let name = decode_twice(name);
        let mut parts = name.split(|&b| !(b.is_ascii_alphanumeric() || b == b'_')).peekable();
        let is_code = parts.peek().is_some_and(|first| CODES.iter().any(|code| code.as_bytes() == *first));
        let known = |part: &[u8]| NAMES.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(part));
        let names_a_person = !is_code && parts.any(known);
        names_a_person && holds_bsn(&decode_twice(value))
    })
}

fn decode_twice(raw: &str) -> Vec<u8> {
    decode_leniently(&decode_leniently(raw.as_bytes()))
}

/// Nine digits that stand alone (or behind the word bsn) and pass the eleven-test. Ids of ours are letters and
/// digits without a break, so they do not trip it.
fn holds_bsn(text: &[u8]) -> bool {
    let words = text.split(|b| !b.is_ascii_alphanumeric());
    words.map(without_prefix).any(passes_eleven_test)
}

fn without_prefix(word: &[u8]) -> &[u8] {
    match word.split_at_checked(3) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(b"bsn") => rest,
        _ => word,
    }
}

const NAMES: [&str; 5] = ["patient", "subject", "identifier", "_id", "entity"];
/// SNOMED codes may pass the eleven-test: 275711006, laboratory, does.
const CODES: [&str; 2] = ["code", "category"];
