//! A period with an inclusive end, as agreements and functions carry it.
//!
//! A bound is a date (a whole day in Amsterdam) or an instant; it is kept as written.

use super::code::BadCode;
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// A day or an instant. Days run by the clock of Amsterdam (CONTRACT.md 7, "Period").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bound {
    written: String,
    first: Timestamp,
    /// The first instant that is no longer in it.
    behind: Timestamp,
}

impl Bound {
    /// Reads `2026-11-21` or an instant with an offset.
    ///
    /// # Errors
    /// [`BadCode`] for anything else.
    pub fn parse(raw: &str) -> Result<Self, BadCode> {
        let bad = BadCode { expected: "a date (2026-11-21) or an instant (2026-11-21T12:00:00Z)" };
        let (first, behind) = match raw.parse::<Timestamp>() {
            Ok(instant) => (instant, instant.checked_add(1.second()).map_err(|_| bad)?),
            Err(_) => day(raw).ok_or(bad)?,
        };
        Ok(Self { written: raw.to_owned(), first, behind })
    }

    /// The first instant of the bound.
    #[must_use]
    pub fn first(&self) -> Timestamp {
        self.first
    }

    /// The first instant after the bound.
    #[must_use]
    pub fn behind(&self) -> Timestamp {
        self.behind
    }
}

fn day(raw: &str) -> Option<(Timestamp, Timestamp)> {
    // INVARIANT: ten characters, so that a date-time without an offset is not taken for its day.
    let date: Date = (raw.len() == 10).then(|| raw.parse().ok()).flatten()?;
    let amsterdam = TimeZone::get("Europe/Amsterdam").ok()?;
    let next = date.tomorrow().ok()?;
    let start = |day: Date| Some(day.to_zoned(amsterdam.clone()).ok()?.timestamp());
    Some((start(date)?, start(next)?))
}

impl TryFrom<String> for Bound {
    type Error = BadCode;
    fn try_from(raw: String) -> Result<Self, BadCode> {
        Self::parse(&raw)
    }
}

impl From<Bound> for String {
    fn from(bound: Bound) -> String {
        bound.written
    }
}

/// From a bound to a bound, both inclusive; without an end it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Where it starts; nothing is in date without a start.
    pub from: Bound,
    /// Where it ends.
    pub to: Option<Bound>,
}

impl Term {
    /// Whether `at` lies within.
    #[must_use]
    pub fn holds_at(&self, at: Timestamp) -> bool {
        self.from.first <= at && self.to.as_ref().is_none_or(|to| at < to.behind)
    }

    /// The first instant after the term; the calendar's end when it goes on.
    #[must_use]
    pub fn behind(&self) -> Timestamp {
        self.to.as_ref().map_or(Timestamp::MAX, |to| to.behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: &str, to: Option<&str>, at: &str, holds: bool) {
        let term = Term { from: Bound::parse(from).unwrap(), to: to.map(|t| Bound::parse(t).unwrap()) };
        assert_eq!(term.holds_at(at.parse().unwrap()), holds, "{from}..{to:?} at {at}");
    }

    #[test]
    fn days_run_by_amsterdam_and_end_inclusive() {
        check("2026-01-01", Some("2026-12-20"), "2026-12-20T23:59:59+01:00", true);
        check("2026-01-01", Some("2026-12-20"), "2026-12-21T00:00:00+01:00", false);
        check("2026-01-01", Some("2026-12-20"), "2025-12-31T23:59:59+01:00", false);
        check("2026-01-01", None, "2025-12-31T23:00:00Z", true);
        check("2026-07-01", Some("2026-07-01"), "2026-07-01T21:59:59Z", true);
        check("2026-07-01", Some("2026-07-01"), "2026-07-01T22:00:00Z", false);
    }

    #[test]
    fn an_instant_ends_with_its_second() {
        check("2026-01-01T00:00:00Z", Some("2026-01-02T00:00:00Z"), "2026-01-02T00:00:00.5Z", true);
        check("2026-01-01T00:00:00Z", Some("2026-01-02T00:00:00Z"), "2026-01-02T00:00:01Z", false);
    }

    #[test]
    fn what_is_no_bound_is_refused() {
        for bad in ["", "2026", "2026-13-01", "2026-02-30", "2026-01-01T00:00:00", "tomorrow", "20260101"] {
            assert!(Bound::parse(bad).is_err(), "{bad}");
        }
    }
}
