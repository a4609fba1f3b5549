//! A FHIR date or dateTime as the stretch of time its precision covers. Without a zone it is Amsterdam's.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// A moment as written, with the instants it covers (FHIR R4 search 3.1.1.4.5).
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    written: String,
    first: Timestamp,
    last: Timestamp,
}

impl Moment {
    /// Reads `YYYY`, `YYYY-MM`, `YYYY-MM-DD` or a dateTime with minutes, seconds or fractions and an optional zone.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let (first, width) = match raw.split_once('T') {
            Some((day, time)) => with_time(day, time)?,
            None => {
                let (date, width) = day(raw)?;
                (amsterdam(date.to_datetime(jiff::civil::Time::midnight()))?, width)
            }
        };
        let end = match width {
            Width::Calendar(span) => first.to_zoned(zone()?).checked_add(span).ok()?.timestamp(),
            Width::Exact(span) => first.checked_add(span).ok()?,
        };
        let last = end.checked_sub(Span::new().nanoseconds(1)).ok()?;
        Some(Self { written: raw.to_owned(), first, last })
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The first instant covered.
    #[must_use]
    pub fn first(&self) -> Timestamp {
        self.first
    }

    /// The last instant covered.
    #[must_use]
    pub fn last(&self) -> Timestamp {
        self.last
    }

    /// FHIR's `ge`: the target reaches beyond this moment, or lies within it.
    #[must_use]
    pub fn reached_by(&self, first: Timestamp, last: Timestamp) -> bool {
        last > self.last || first >= self.first
    }
}

enum Width {
    Calendar(Span),
    Exact(Span),
}

fn day(raw: &str) -> Option<(Date, Width)> {
    if !raw.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return None;
    }
    let (padded, span) = match raw.len() {
        4 => (format!("{raw}-01-01"), Span::new().years(1)),
        7 => (format!("{raw}-01"), Span::new().months(1)),
        10 => (raw.to_owned(), Span::new().days(1)),
        _ => return None,
    };
    let date: Date = padded.parse().ok()?;
    (date.to_string() == padded).then_some((date, Width::Calendar(span)))
}

fn with_time(date: &str, time: &str) -> Option<(Timestamp, Width)> {
    let (date, _) = day(date).filter(|_| date.len() == 10)?;
    let (clock, offset) = match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at_checked(at)?,
        None => (time, ""),
    };
    let shape_holds = clock.bytes().all(|b| b.is_ascii_digit() || b == b':' || b == b'.');
    let width = match clock.len() {
        5 => Span::new().minutes(1),
        8 => Span::new().seconds(1),
        10..=18 => Span::new().nanoseconds(10_i64.checked_pow(u32::try_from(18 - clock.len()).ok()?)?),
        _ => return None,
    };
    let time = clock.parse::<jiff::civil::Time>().ok().filter(|_| shape_holds)?;
    let local = date.to_datetime(time);
    let first = match offset {
        "" => amsterdam(local)?,
        "Z" => local.to_zoned(TimeZone::UTC).ok()?.timestamp(),
        offset => format!("{local}{offset}").parse().ok()?,
    };
    Some((first, Width::Exact(width)))
}

fn amsterdam(local: DateTime) -> Option<Timestamp> {
    local.to_zoned(zone()?).ok().map(|zoned| zoned.timestamp())
}

fn zone() -> Option<TimeZone> {
    TimeZone::get("Europe/Amsterdam").ok()
}
