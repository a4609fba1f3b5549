//! The forms of R4's primitive types, written out by hand after the specification's expressions.

use super::moment::Moment;
use crate::json::{Kind, Value};

/// Whether a JSON value has the form of the primitive type `code`. An unknown type has no form.
pub(super) fn is_well_formed(code: &str, value: Value<'_>) -> bool {
    match code {
        "boolean" => matches!(value.kind(), Kind::True | Kind::False),
        "integer" => integer(value).is_some(),
        "unsignedInt" => integer(value).is_some_and(|n| n >= 0),
        "positiveInt" => integer(value).is_some_and(|n| n > 0),
        "decimal" => value.as_number().and_then(|n| n.parse::<f64>().ok()).is_some_and(f64::is_finite),
        _ => value.as_str().is_some_and(|text| is_text_of(code, &text)),
    }
}

fn is_text_of(code: &str, text: &str) -> bool {
    if text.is_empty() || text.chars().any(|c| c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r')) {
        return false;
    }
    match code {
        "string" | "markdown" => true,
        "code" => is_code(text),
        "id" => is_id(text),
        "uri" | "url" | "canonical" => !text.chars().any(char::is_whitespace),
        "oid" => text.strip_prefix("urn:oid:").is_some_and(is_oid),
        "uuid" => text.strip_prefix("urn:uuid:").is_some_and(is_uuid),
        "base64Binary" => is_base64(text),
        "date" => Moment::parse(text).is_some_and(|m| !m.has_time()),
        "dateTime" => Moment::parse(text).is_some(),
        "instant" => Moment::parse(text).is_some_and(|m| m.has_time()),
        "time" => Moment::is_time(text),
        _ => false,
    }
}

/// `[A-Za-z0-9.-]{1,64}`
pub(super) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

fn integer(value: Value<'_>) -> Option<i32> {
    let text = value.as_number()?;
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'-') && text != "-0";
    plain.then(|| text.parse().ok()).flatten()
}

/// `[^\s]+(\s[^\s]+)*`
fn is_code(text: &str) -> bool {
    let ends = text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace);
    let mut previous = false;
    let doubled = text.chars().any(|c| {
        let white = c.is_whitespace();
        let pair = white && previous;
        previous = white;
        pair
    });
    !ends && !doubled
}

fn is_oid(text: &str) -> bool {
    let arc = |arc: &str| {
        let digits = !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit());
        digits && (arc == "0" || !arc.starts_with('0'))
    };
    text.contains('.') && text.starts_with(['0', '1', '2']) && text.split('.').all(arc)
}

fn is_uuid(text: &str) -> bool {
    let parts = [8, 4, 4, 4, 12];
    text.split('-').count() == parts.len()
        && text.split('-').zip(parts).all(|(p, n)| p.len() == n && p.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_base64(text: &str) -> bool {
    let mut signs = 0_usize;
    let mut padding = 0_usize;
    for b in text.bytes().filter(|b| !b.is_ascii_whitespace()) {
        signs += 1;
        match b {
            b'=' => padding += 1,
            b'+' | b'/' if padding == 0 => {}
            _ if b.is_ascii_alphanumeric() && padding == 0 => {}
            _ => return false,
        }
    }
    signs > 0 && signs.is_multiple_of(4) && padding <= 2
}
