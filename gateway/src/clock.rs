//! The one clock that everything asks for the time of day.
//!
//! Real, or a sandbox clock with an offset that can be moved while the program runs. Nothing else in the
//! gateway may read the wall clock; what measures durations (time-outs, budgets) uses `std::time::Instant`.

use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A cheap handle: clones of a sandbox clock move together.
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Real,
    /// Offset from the real clock in seconds.
    Sandbox(Arc<AtomicI64>),
    /// Seconds and nanoseconds since the epoch, moved by hand only.
    Still(Arc<(AtomicI64, AtomicI64)>),
}

/// The clock of a real gateway cannot be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotMovable;

impl Clock {
    /// The machine's own time.
    #[must_use]
    pub fn real() -> Self {
        Self(Kind::Real)
    }

    /// The machine's time plus `offset_seconds`; see [`Clock::advance`].
    #[must_use]
    pub fn sandbox(offset_seconds: i64) -> Self {
        Self(Kind::Sandbox(Arc::new(AtomicI64::new(offset_seconds))))
    }

    /// A clock that stands still at `at` until [`Clock::advance`] moves it: for tests.
    #[must_use]
    pub fn still(at: Timestamp) -> Self {
        let nanos = i64::from(at.subsec_nanosecond());
        Self(Kind::Still(Arc::new((AtomicI64::new(at.as_second()), AtomicI64::new(nanos)))))
    }

    /// Now. An offset that leads out of the calendar gives the calendar's end, so that nothing is in date.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::Real => Timestamp::now(),
            Kind::Sandbox(offset) => {
                let offset = SignedDuration::from_secs(offset.load(Ordering::SeqCst));
                Timestamp::now().checked_add(offset).unwrap_or(Timestamp::MAX)
            }
            Kind::Still(at) => {
                let nanos = i32::try_from(at.1.load(Ordering::SeqCst)).unwrap_or(0);
                Timestamp::new(at.0.load(Ordering::SeqCst), nanos).unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// Moves a sandbox clock forward (or, with a negative number, back) and answers its new instant.
    ///
    /// # Errors
    /// [`NotMovable`] for a real clock.
    pub fn advance(&self, seconds: i64) -> Result<Timestamp, NotMovable> {
        match &self.0 {
            Kind::Real => return Err(NotMovable),
            Kind::Sandbox(offset) => add(offset, seconds),
            Kind::Still(at) => add(&at.0, seconds),
        }
        Ok(self.now())
    }
}

/// Adds without wrapping round: an absurd step ends at the end of the calendar, not in the past.
fn add(cell: &AtomicI64, seconds: i64) {
    let mut seen = cell.load(Ordering::SeqCst);
    while let Err(now) =
        cell.compare_exchange(seen, seen.saturating_add(seconds), Ordering::SeqCst, Ordering::SeqCst)
    {
        seen = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_sandbox_clock_move_together() {
        let clock = Clock::sandbox(0);
        let clone = clock.clone();
        let before = clone.now();
        clock.advance(3600).unwrap();
        assert!(clone.now().duration_since(before) >= SignedDuration::from_secs(3600));
    }

    #[test]
    fn a_real_clock_cannot_be_moved() {
        assert_eq!(Clock::real().advance(1), Err(NotMovable));
    }

    #[test]
    fn an_absurd_offset_ends_at_the_end_of_the_calendar() {
        let clock = Clock::sandbox(0);
        clock.advance(i64::MAX).unwrap();
        clock.advance(i64::MAX).unwrap();
        assert_eq!(clock.now(), Timestamp::MAX);
    }

    #[test]
    fn a_still_clock_moves_by_hand_only() {
        let at: Timestamp = "2026-11-21T11:00:00Z".parse().unwrap();
        let clock = Clock::still(at);
        assert_eq!(clock.now(), at);
        assert_eq!(clock.advance(60).unwrap(), "2026-11-21T11:01:00Z".parse().unwrap());
    }
}
