//! Takes what names a person out of a query before it is recorded. What is kept is a list; all else goes.

/// The query with its names, and only those values that say nothing about who is asked for.
///
/// `patient=abc&category=x` becomes `patient=…&category=x`. A value that is not on the list, or that hides a
/// number that could be a BSN after decoding twice, becomes `…`; `code` and `category` are exempt from the
/// number test as in CONTRACT.md 3 (SNOMED 275711006 passes the eleven-test).
#[must_use]
pub fn scrub(query: &str) -> String {
    let pairs = query.trim_start_matches('?').split('&').filter(|pair| !pair.is_empty()).take(PAIRS_MAX);
    pairs.map(one).collect::<Vec<_>>().join("&")
}

fn one(pair: &str) -> String {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    let plain = name.split([':', '.']).next().unwrap_or_default();
    let known =
        name.len() <= NAME_MAX && name.bytes().all(|b| b.is_ascii_alphabetic() || b"_-:.$".contains(&b));
    let coded = matches!(plain, "code" | "category");
    let kept = KEPT.contains(&plain) && value.len() <= VALUE_MAX && (coded || !hides_number(value));
    format!("{}={}", if known { name } else { HIDDEN }, if kept { value } else { HIDDEN })
}

/// Whether eight or nine digits stand together, at any of two depths of percent-encoding.
fn hides_number(value: &str) -> bool {
    let once = decode(value.as_bytes());
    let twice = decode(&once);
    [value.as_bytes(), &once, &twice]
        .into_iter()
        .any(|bytes| bytes.split(|b| !b.is_ascii_digit()).any(|run| (8..=9).contains(&run.len())))
}

fn decode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail
            .get(..2)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

const HIDDEN: &str = "…";
const PAIRS_MAX: usize = 32;
const NAME_MAX: usize = 64;
const VALUE_MAX: usize = 512;

/// Parameters of the grammar whose values speak of kinds and times, never of a person.
const KEPT: [&str; 11] = [
    "category",
    "code",
    "status",
    "clinical-status",
    "class",
    "date",
    "_count",
    "max",
    "_include",
    "list",
    "type",
];
