//! FHIR's partial dates as stretches of time in Europe/Amsterdam, where they are meant.
//! Ends are inclusive at their own precision: "until 2026-12-20" runs to midnight.

use jiff::{Span, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// The zone in which every Dutch date of this crate is read; UTC if the bundled zone data lack it.
pub fn amsterdam() -> TimeZone {
    static ZONE: std::sync::LazyLock<TimeZone> =
        std::sync::LazyLock::new(|| TimeZone::get("Europe/Amsterdam").unwrap_or(TimeZone::UTC));
    ZONE.clone()
}

/// The calendar day in Amsterdam at an instant.
pub fn day_of(at: Timestamp) -> Date {
    at.to_zoned(amsterdam()).date()
}

/// The first instant of a day in Amsterdam.
pub fn start_of(day: Date) -> Option<Timestamp> {
    day.to_zoned(amsterdam()).ok().map(|zoned| zoned.timestamp())
}

/// A FHIR `date`, `dateTime` or `instant`: kept as written, read as a stretch of time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment {
    text: Box<str>,
    first: Timestamp,
    after: Timestamp,
}

/// A text that is no FHIR date or dateTime.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAMoment;

impl std::fmt::Display for NotAMoment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not a FHIR date or dateTime")
    }
}
impl std::error::Error for NotAMoment {}

impl Moment {
    /// Reads `2026`, `2026-11`, `2026-11-21` or a dateTime with an offset.
    ///
    /// # Errors
    /// [`NotAMoment`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NotAMoment> {
        let (first, after) = stretch(text).ok_or(NotAMoment)?;
        Ok(Self { text: text.into(), first, after })
    }
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// The first instant it covers.
    pub fn first(&self) -> Timestamp {
        self.first
    }
    /// The last millisecond it covers.
    pub fn last(&self) -> Timestamp {
        let last = self.after.checked_sub(jiff::SignedDuration::from_millis(1));
        last.map_or(self.first, |last| last.max(self.first))
    }
    /// The first instant it no longer covers.
    pub fn after(&self) -> Timestamp {
        self.after
    }
}

fn stretch(text: &str) -> Option<(Timestamp, Timestamp)> {
    if text.contains('T') {
        let first: Timestamp = text.parse().ok()?;
        // A whole second is covered when no fraction is written, else a millisecond.
        let step = if text.contains('.') { 1.millisecond() } else { 1.second() };
        return Some((first, first.checked_add(step).ok()?));
    }
    let (day, span) = days(text)?;
    Some((start_of(day)?, start_of(day.checked_add(span).ok()?)?))
}

/// The first day of a date without a time, and how long it is.
fn days(text: &str) -> Option<(Date, Span)> {
    let number = |part: Option<&str>, width: usize| -> Option<i16> {
        let part = part?;
        (part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok())?
    };
    let mut parts = text.split('-');
    let year = number(parts.next(), 4)?;
    Some(match text.len() {
        4 => (Date::new(year, 1, 1).ok()?, 1.year()),
        7 => (Date::new(year, i8::try_from(number(parts.next(), 2)?).ok()?, 1).ok()?, 1.month()),
        10 => {
            let month = i8::try_from(number(parts.next(), 2)?).ok()?;
            let day = i8::try_from(number(parts.next(), 2)?).ok()?;
            (Date::new(year, month, day).ok()?, 1.day())
        }
        _ => return None,
    })
}

/// An instant to which many dates are compared: whole days by the calendar, without the time zone, except its own day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge {
    at: Timestamp,
    day: Date,
}

impl Edge {
    /// The edge at an instant.
    pub fn new(at: Timestamp) -> Self {
        Self { at, day: day_of(at) }
    }
    /// Whether it lies before [`Moment::after`] of this text.
    ///
    /// # Errors
    /// [`NotAMoment`] as [`Moment::parse`].
    pub fn precedes_end_of(&self, text: &str) -> Result<bool, NotAMoment> {
        if text.len() == 10 {
            let (day, _) = days(text).ok_or(NotAMoment)?;
            let order = day.cmp(&self.day);
            if order.is_ne() && day.tomorrow().is_ok() {
                return Ok(order.is_gt());
            }
        }
        stretch(text).map(|(_, after)| self.at < after).ok_or(NotAMoment)
    }
}

impl TryFrom<String> for Moment {
    type Error = NotAMoment;
    fn try_from(text: String) -> Result<Self, NotAMoment> {
        Self::parse(&text)
    }
}
impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.text.into()
    }
}

/// From the first instant of `start` to the last instant of `end`; an absent side is open.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// When it begins; absent: always was.
    #[serde(default)]
    pub start: Option<Moment>,
    /// When it ends, inclusive at its precision; absent: for good.
    #[serde(default)]
    pub end: Option<Moment>,
}

impl Period {
    /// Both sides from text; an empty text is an open side.
    ///
    /// # Errors
    /// [`NotAMoment`] if a side cannot be read.
    pub fn parse(start: &str, end: &str) -> Result<Self, NotAMoment> {
        let side = |text: &str| (!text.is_empty()).then(|| Moment::parse(text)).transpose();
        Ok(Self { start: side(start)?, end: side(end)? })
    }
    /// Whether the instant lies within.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start.as_ref().is_none_or(|start| start.first <= at)
            && self.end.as_ref().is_none_or(|end| at < end.after)
    }
    /// Whether it ended before this instant.
    pub fn is_over(&self, at: Timestamp) -> bool {
        self.end.as_ref().is_some_and(|end| end.after <= at)
    }
    /// Whether it ends before it starts.
    pub fn is_backwards(&self) -> bool {
        matches!((&self.start, &self.end), (Some(start), Some(end)) if end.after <= start.first)
    }
}
