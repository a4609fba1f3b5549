//! Times and coded reasons in words.

use super::words::Words;
use crate::store::facets::Ended;
use consent::period::{amsterdam, day_of};
use fhir_mappings::audit::Entry;
use jiff::Timestamp;
use jiff::civil::Date;

/// A coded reason of the record: the last part is the telling one.
pub(super) fn reason(words: &Words, code: &str) -> String {
    let code = code.rsplit('/').next().unwrap_or(code);
    let known = serde_json::from_value::<consent::Reason>(code.into());
    known.map_or_else(|_| words.code("refusal", code), |reason| reason.text(words.tag()).to_owned())
}

/// The same for an officer, who is not the one who said no.
pub(super) fn officer_reason(words: &Words, code: &str) -> String {
    let code = code.rsplit('/').next().unwrap_or(code);
    words.code("because", code)
}

/// 21 november 2026.
pub(super) fn date_words(date: Date, words: &Words) -> String {
    let month = words.code("month", &date.month().to_string());
    format!("{} {month} {}", date.day(), date.year())
}

/// The day of an instant, Europe/Amsterdam.
pub(super) fn day(at: Timestamp, words: &Words) -> String {
    date_words(day_of(at), words)
}

/// 09:12.
pub(super) fn clock(at: Timestamp) -> String {
    let local = at.to_zoned(amsterdam());
    format!("{:02}:{:02}", local.hour(), local.minute())
}

/// Day and clock.
pub(super) fn moment(at: Timestamp, words: &Words) -> String {
    format!("{}, {}", day(at, words), clock(at))
}

/// The beginning of a long id, for a table; the whole stands in the link.
pub(super) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// In one word, and its colour.
pub(super) fn result(entry: &Entry) -> (&'static str, &'static str) {
    match Ended::of(entry) {
        Ended::Nothing => ("not-given", "no"),
        Ended::Part => ("given-part", "part"),
        Ended::Given => ("given", "yes"),
        Ended::Done => ("done", ""),
    }
}
