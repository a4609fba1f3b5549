//! Moves the invented dates of the data files to the day of the first start, always by whole days.
//! Must not read a clock: the day is given.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};

/// The day the stories are told on: Saturday 21 November 2026.
const T: Date = jiff::civil::date(2026, 11, 21);
const PLACE: &str = "Europe/Amsterdam";

/// Turns the dates of the data files into FHIR dates.
pub(super) struct Calendar {
    shift: Span,
    zone: TimeZone,
}

impl Calendar {
    /// A calendar in which T falls on `first_start`. `None` if time zone data is missing.
    pub(super) fn new(first_start: Date) -> Option<Self> {
        let shift = T.until(first_start).ok()?;
        let zone = TimeZone::get(PLACE).ok()?;
        Some(Self { shift, zone })
    }

    /// Reads `2015`, `2015-03`, `2015-03-09`, `T`, `T-90` or `T+120`, the last four with an optional
    /// `10:40` behind it, and gives the moved FHIR date at the same precision. `None` if it is none of these.
    pub(super) fn fhir(&self, text: &str) -> Option<String> {
        let (day, clock) = match text.split_once(' ') {
            Some((day, clock)) => (day, Some(clock)),
            None => (text, None),
        };
        match (day.len(), clock) {
            // A year or month is moved from its middle, so that it stays the same for small moves.
            (4, None) if !day.starts_with('T') => {
                let moved = self.moved(&format!("{day}-07-01"))?;
                Some(format!("{:04}", moved.year()))
            }
            (7, None) if !day.starts_with('T') => {
                let moved = self.moved(&format!("{day}-15"))?;
                Some(format!("{:04}-{:02}", moved.year(), moved.month()))
            }
            (_, None) => Some(self.day(day)?.to_string()),
            (_, Some(clock)) => {
                let (hour, minute) = clock.split_once(':')?;
                let at: DateTime = self.day(day)?.at(hour.parse().ok()?, minute.parse().ok()?, 0, 0);
                let instant = at.to_zoned(self.zone.clone()).ok()?;
                Some(instant.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
            }
        }
    }

    /// A birth date, moved unless the story needs the very day (29 February).
    pub(super) fn birth(&self, text: &str, fixed: bool) -> Option<String> {
        let day: Date = text.parse().ok()?;
        if fixed { Some(day.to_string()) } else { self.fhir(text) }
    }

    fn day(&self, text: &str) -> Option<Date> {
        match text.strip_prefix('T') {
            Some("") => T.checked_add(self.shift).ok(),
            Some(offset) => {
                let days: i64 = offset.parse().ok()?;
                T.checked_add(self.shift).ok()?.checked_add(days.days()).ok()
            }
            None => self.moved(text),
        }
    }

    fn moved(&self, text: &str) -> Option<Date> {
        text.parse::<Date>().ok()?.checked_add(self.shift).ok()
    }
}
