//! A holder that fails again and again is left alone for a while, so that nobody waits for it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Closed while a holder answers; open after [`IN_A_ROW`] failures; then one question in [`PAUSE`] tries it again.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// When the next question may try, once it is open.
    next: Option<Instant>,
}

impl Breaker {
    /// Whether this question may go there. An open breaker lets one through per pause.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.next {
            None => true,
            Some(next) if now < next => false,
            Some(_) => {
                state.next = Some(now + PAUSE);
                true
            }
        }
    }

    /// Notes how a question ended.
    pub(super) fn note(&self, answered: bool, now: Instant) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answered {
            *state = State::default();
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures >= IN_A_ROW {
            state.next = Some(now + PAUSE);
        }
    }
}

/// So many failures in a row open it.
const IN_A_ROW: u32 = 5;
/// So long it is left alone.
const PAUSE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::{Breaker, IN_A_ROW, PAUSE};
    use std::time::{Duration, Instant};

    #[test]
    fn a_failing_holder_is_left_alone_tried_once_a_pause_and_let_in_when_it_answers() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        for _ in 1..IN_A_ROW {
            assert!(breaker.admits(start));
            breaker.note(false, start);
        }
        assert!(breaker.admits(start), "one failure too few");
        breaker.note(false, start);
        assert!(!breaker.admits(start) && !breaker.admits(start + PAUSE - Duration::from_millis(1)));
        let later = start + PAUSE;
        assert!(breaker.admits(later) && !breaker.admits(later), "one may try");
        breaker.note(false, later);
        assert!(!breaker.admits(later + PAUSE / 2));
        assert!(breaker.admits(later + PAUSE));
        breaker.note(true, later + PAUSE);
        assert!(breaker.admits(later + PAUSE) && breaker.admits(later + PAUSE));
    }

    #[test]
    fn an_answer_in_between_starts_the_count_anew() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..4 * IN_A_ROW {
            for _ in 1..IN_A_ROW {
                breaker.note(false, now);
            }
            breaker.note(true, now);
            assert!(breaker.admits(now));
        }
    }
}
