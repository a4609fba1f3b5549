//! Where in the journal a stretch of time lies: records stand in order of time, so it is found by halving.

use super::Store;
use super::inner::Inner;
use super::leaf::Leaf;
use consent::Period;
use jiff::{SignedDuration, Timestamp};

/// A record bears the time at which it was drawn up and stands where it was written: so much later at the most.
const DRAWN_UP_BEFORE: SignedDuration = SignedDuration::from_mins(10);

impl Inner {
    /// The first index of the journal at or after an instant, as far as records stand in order of time.
    pub(super) fn index_at(&self, instant: Timestamp) -> u64 {
        let (mut low, mut high) = (0, self.records.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.time_of(middle).is_some_and(|time| time < instant) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// From where on the journal has everything of the time that lies so much before its last record.
    pub(super) fn since(&self, before_last: SignedDuration) -> u64 {
        let last = self.records.len().checked_sub(1).and_then(|last| self.time_of(last));
        let instant = last.and_then(|last| last.checked_sub(before_last + DRAWN_UP_BEFORE).ok());
        instant.map_or(0, |instant| self.index_at(instant))
    }

    fn time_of(&self, index: u64) -> Option<Timestamp> {
        Leaf::parse(&self.records.read(index).ok()?).ok().map(|leaf| leaf.time)
    }
}

impl Store {
    /// The first index of the journal at or after an instant, as far as records stand in order of time.
    #[must_use]
    pub fn index_at(&self, instant: Timestamp) -> u64 {
        self.inner.index_at(instant)
    }

    /// The indexes among which all records of a period stand; some before and after it may be among them.
    pub(crate) fn around(&self, period: &Period) -> std::ops::Range<u64> {
        let edge = |instant: Result<Timestamp, jiff::Error>| instant.ok().map(|at| self.index_at(at));
        let first = period.start.as_ref().map(|start| start.first().checked_sub(DRAWN_UP_BEFORE));
        let after = period.end.as_ref().map(|end| end.after().checked_add(DRAWN_UP_BEFORE));
        let all = 0..self.records().len();
        first.and_then(edge).unwrap_or(all.start)..after.and_then(edge).unwrap_or(all.end)
    }
}
