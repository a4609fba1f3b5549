//! A holder that fails again and again is left alone for a while, so that nobody waits for it.
//!
//! What it does to one person is kept apart: a record that cannot be used, asked for again and again, shuts the holder
//! for questions about that person and for nobody else.

use crate::store::keys::PersonNo;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How a question ended, as far as it says something about the holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It answered well, or well about somebody whom it does not have.
    Well,
    /// It answered, and what it has of this person cannot be used.
    Unfit,
    /// It serves nobody now: late, unreachable, or it turns us down.
    Failed,
}

/// Closed while a holder answers; open after [`IN_A_ROW`] failures; then one question in [`PAUSE`] tries it again.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<Both>);

#[derive(Debug, Default)]
struct Both {
    all: State,
    persons: HashMap<PersonNo, State>,
    /// It said that it is too busy until then.
    rests: Option<Instant>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// When the next question may try, once it is open.
    next: Option<Instant>,
}

impl State {
    fn admits(&self, now: Instant) -> bool {
        self.next.is_none_or(|next| now >= next)
    }

    /// One tries; the others wait another pause.
    fn tried(&mut self, now: Instant) {
        if self.next.is_some() {
            self.next = Some(now + PAUSE);
        }
    }

    fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= IN_A_ROW {
            self.next = Some(now + PAUSE);
        }
    }
}

impl Breaker {
    /// Whether a question about this person may go there. An open breaker lets one through per pause.
    pub(super) fn admits(&self, person: PersonNo, now: Instant) -> bool {
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let admits = both.rests.is_none_or(|until| now >= until)
            && both.all.admits(now)
            && both.persons.get(&person).is_none_or(|one| one.admits(now));
        if admits {
            both.all.tried(now);
            both.persons.entry(person).and_modify(|one| one.tried(now));
        }
        admits
    }

    /// It said that it is too busy, and for how long: so long it is not asked, but no longer than [`REST`].
    pub(super) fn rest(&self, after: Duration, now: Instant) {
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        both.rests = both.rests.max(Some(now + after.min(REST)));
    }

    /// Notes how a question about this person ended.
    pub(super) fn note(&self, person: PersonNo, ended: Ended, now: Instant) {
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match ended {
            Ended::Failed => both.all.failed(now),
            Ended::Well => {
                both.all = State::default();
                both.persons.remove(&person);
            }
            Ended::Unfit => {
                both.all = State::default();
                // Whose number of failures is forgotten is asked for some more times: no harm but work.
                if both.persons.len() >= PERSONS_MOST {
                    both.persons.retain(|_, one| !one.admits(now));
                }
                if both.persons.len() < PERSONS_MOST {
                    both.persons.entry(person).or_default().failed(now);
                }
            }
        }
    }
}

/// So many failures in a row open it.
const IN_A_ROW: u32 = 5;
/// So long it is left alone.
const PAUSE: Duration = Duration::from_secs(10);
/// So long at most it is let alone on its own word.
const REST: Duration = Duration::from_secs(60);
/// Of so many persons of one holder it is remembered that what it has cannot be used.
const PERSONS_MOST: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::{Breaker, Ended, IN_A_ROW, PAUSE, PERSONS_MOST, REST};
    use crate::store::keys::PersonNo;
    use std::time::{Duration, Instant};

    const ONE: PersonNo = PersonNo(1);
    const OTHER: PersonNo = PersonNo(2);

    #[test]
    fn a_failing_holder_is_left_alone_tried_once_a_pause_and_let_in_when_it_answers() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        for _ in 1..IN_A_ROW {
            assert!(breaker.admits(ONE, start));
            breaker.note(ONE, Ended::Failed, start);
        }
        assert!(breaker.admits(ONE, start), "one failure too few");
        breaker.note(ONE, Ended::Failed, start);
        assert!(!breaker.admits(OTHER, start));
        assert!(!breaker.admits(ONE, start + PAUSE - Duration::from_millis(1)));
        let later = start + PAUSE;
        assert!(breaker.admits(ONE, later) && !breaker.admits(OTHER, later), "one may try");
        breaker.note(ONE, Ended::Failed, later);
        assert!(!breaker.admits(ONE, later + PAUSE / 2));
        assert!(breaker.admits(ONE, later + PAUSE));
        breaker.note(ONE, Ended::Well, later + PAUSE);
        assert!(breaker.admits(ONE, later + PAUSE) && breaker.admits(OTHER, later + PAUSE));
    }

    #[test]
    fn an_answer_in_between_starts_the_count_anew() {
        for ended in [Ended::Well, Ended::Unfit] {
            let (breaker, now) = (Breaker::default(), Instant::now());
            for person in 0..u64::from(4 * IN_A_ROW) {
                for _ in 1..IN_A_ROW {
                    breaker.note(ONE, Ended::Failed, now);
                }
                breaker.note(PersonNo(100 + person), ended, now);
                assert!(breaker.admits(ONE, now));
            }
        }
    }

    #[test]
    fn what_cannot_be_used_of_one_person_shuts_the_holder_for_that_person_alone() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        for _ in 0..IN_A_ROW {
            assert!(breaker.admits(ONE, start));
            breaker.note(ONE, Ended::Unfit, start);
        }
        assert!(!breaker.admits(ONE, start), "it is asked for what cannot be used again and again");
        assert!(breaker.admits(OTHER, start), "one person shuts the holder for all");
        assert!(breaker.admits(ONE, start + PAUSE) && !breaker.admits(ONE, start + PAUSE));
        breaker.note(ONE, Ended::Well, start + PAUSE);
        assert!(breaker.admits(ONE, start + PAUSE));
    }

    #[test]
    fn one_that_says_it_is_too_busy_is_let_alone_so_long_and_no_longer_than_a_minute() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        breaker.rest(Duration::from_secs(20), now);
        breaker.rest(Duration::from_secs(5), now);
        breaker.note(ONE, Ended::Well, now);
        assert!(!breaker.admits(ONE, now + Duration::from_secs(19)));
        assert!(breaker.admits(ONE, now + Duration::from_secs(20)));
        breaker.rest(Duration::from_secs(86_400), now);
        assert!(breaker.admits(ONE, now + REST));
    }

    #[test]
    fn it_remembers_so_many_persons_and_no_more() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for person in 0..10 * PERSONS_MOST as u64 {
            breaker.note(PersonNo(person), Ended::Unfit, now);
        }
        assert!(breaker.0.lock().unwrap().persons.len() <= PERSONS_MOST);
    }
}
