//! Dates and times of R4 at their own precision, and when one certainly lies after another.

use std::cmp::Ordering;

/// A year, month, day or full date-time.
pub(super) struct Moment {
    /// Year, month, day as far as given.
    date: Vec<i64>,
    /// Seconds since 0000-03-01 in UTC and the fraction's digits, when a time is given.
    instant: Option<(i64, String)>,
}

impl Moment {
    /// Reads a `date` or `dateTime`: a real day, and with a time also seconds and a zone.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (day, time) = match text.split_once('T') {
            Some((day, time)) => (day, Some(time)),
            None => (text, None),
        };
        let widths = [4, 2, 2];
        let parts: Vec<&str> = day.split('-').collect();
        let shaped = parts.len() <= 3 && parts.iter().zip(widths).all(|(p, w)| p.len() == w);
        let date: Vec<i64> = parts.iter().map(|p| digits(p)).collect::<Option<_>>()?;
        let (year, month) = (*date.first()?, date.get(1).copied().unwrap_or(1));
        let day = date.get(2).copied().unwrap_or(1);
        let real = year > 0 && (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
        if !shaped || !real || (time.is_some() && date.len() != 3) {
            return None;
        }
        let instant = match time {
            Some(time) => {
                let (clock, offset_s) = split_zone(time)?;
                let (seconds, fraction) = read_clock(clock)?;
                Some((day_number(year, month, day) * 86_400 + seconds - offset_s, fraction))
            }
            None => None,
        };
        Some(Self { date, instant })
    }

    /// Whether the text is a `time`: `hh:mm:ss` with an optional fraction, no zone.
    pub(super) fn is_time(text: &str) -> bool {
        read_clock(text).is_some()
    }

    /// Whether a time of day and a zone are given.
    pub(super) fn has_time(&self) -> bool {
        self.instant.is_some()
    }

    /// Whether this lies after `other` at the precision that both have.
    pub(super) fn is_certainly_after(&self, other: &Self) -> bool {
        match (&self.instant, &other.instant) {
            (Some(a), Some(b)) => a > b,
            // Without both zones a day either way proves nothing: only a whole common prefix decides.
            _ => {
                let shared = self.date.len().min(other.date.len());
                let (a, b) = (self.date.iter().take(shared), other.date.iter().take(shared));
                a.cmp(b) == Ordering::Greater
            }
        }
    }
}

fn digits(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// `hh:mm:ss(.f+)?` as seconds and the fraction without trailing zeros.
fn read_clock(text: &str) -> Option<(i64, String)> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    if fraction.is_some_and(|f| f.is_empty() || !f.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let parts: Vec<&str> = whole.split(':').collect();
    let [h, m, s] = parts.as_slice() else { return None };
    if [h, m, s].iter().any(|p| p.len() != 2) {
        return None;
    }
    let (h, m, s) = (digits(h)?, digits(m)?, digits(s)?);
    let fraction = fraction.unwrap_or_default().trim_end_matches('0').to_owned();
    (h < 24 && m < 60 && s <= 60).then_some((h * 3600 + m * 60 + s, fraction))
}

/// Cuts the zone off a time and gives its offset in seconds; `None` without a zone.
fn split_zone(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix('Z') {
        return Some((clock, 0));
    }
    let at = time.rfind(['+', '-'])?;
    let (clock, zone) = time.split_at_checked(at)?;
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (h, m) = zone.get(1..)?.split_once(':')?;
    if h.len() != 2 || m.len() != 2 {
        return None;
    }
    let (h, m) = (digits(h)?, digits(m)?);
    (h < 14 && m < 60 || h == 14 && m == 0).then_some((clock, sign * (h * 3600 + m * 60)))
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 0000-03-01 (Gregorian).
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day - 1
}
