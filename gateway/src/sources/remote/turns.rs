//! Who is next at one holder: so many requests run there at once, askers take turns, and the time in which the holder
//! works for a question is told apart from the time in which the question stands in our own line.

use super::fault::RemoteFault;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The turns at one holder.
pub(super) struct Turns(Mutex<State>);

struct State {
    /// Turns that nobody waits for.
    free: usize,
    /// Rounds and requests so far: by these numbers they stand in line.
    counted: u64,
    /// One line for each participant that waits; the first is next, and goes to the end when it got a turn.
    lines: VecDeque<Line>,
}

struct Line {
    asker: String,
    /// By round, so that a question that was begun is ended before the next of the same asker begins.
    waiting: BTreeMap<(u64, u64), oneshot::Sender<Taken>>,
}

impl State {
    fn next_number(&mut self) -> u64 {
        self.counted += 1;
        self.counted
    }

    fn next(&mut self) -> Option<oneshot::Sender<Taken>> {
        let mut line = self.lines.pop_front()?;
        let (_, next) = line.waiting.pop_first()?;
        if !line.waiting.is_empty() {
            self.lines.push_back(line);
        }
        Some(next)
    }

    fn enter(&mut self, asker: &str, round: u64) -> oneshot::Receiver<Taken> {
        let (gives, comes) = oneshot::channel();
        let place = (round, self.next_number());
        match self.lines.iter_mut().find(|line| line.asker == asker) {
            Some(line) => {
                line.waiting.insert(place, gives);
            }
            None => self
                .lines
                .push_back(Line { asker: asker.to_owned(), waiting: BTreeMap::from([(place, gives)]) }),
        }
        comes
    }
}

impl Turns {
    pub(super) fn new(at_once: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { free: at_once, counted: 0, lines: VecDeque::new() })))
    }

    /// One question of this participant.
    pub(super) fn round(self: &Arc<Self>, asker: &str) -> Round {
        let number = self.state().next_number();
        Round { turns: Arc::clone(self), asker: asker.to_owned(), number, works: Mutex::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(self: &Arc<Self>, asker: &str, round: u64) -> Result<Taken, RemoteFault> {
        let coming = {
            let mut state = self.state();
            if state.free > 0 {
                // INVARIANT: a turn is free only while nobody waits.
                state.free -= 1;
                return Ok(Taken(Some(Arc::clone(self))));
            }
            state.enter(asker, round)
        };
        coming.await.map_err(|_| RemoteFault::Late)
    }

    /// A turn has ended: the next takes it. Who has gone away meanwhile is passed over.
    fn pass_on(self: Arc<Self>) {
        loop {
            let next = {
                let mut state = self.state();
                let Some(next) = state.next() else {
                    state.free += 1;
                    return;
                };
                next
            };
            match next.send(Taken(Some(Arc::clone(&self)))) {
                Ok(()) => return,
                // Emptied, so that its own end passes nothing on.
                Err(mut refused) => drop(refused.0.take()),
            }
        }
    }
}

/// A turn; it is passed on at its end, also when it was given to somebody who has gone away.
struct Taken(Option<Arc<Turns>>);

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.pass_on();
        }
    }
}

/// One question, all its requests.
pub(super) struct Round {
    turns: Arc<Turns>,
    asker: String,
    number: u64,
    works: Mutex<Works>,
}

/// How long the holder has worked for a question.
#[derive(Default)]
struct Works {
    /// Requests that are there now, and since when there is one at least.
    there: usize,
    since: Option<Instant>,
    before: Duration,
}

impl Round {
    /// Waits until it is this question's turn to have one more request there.
    pub(super) async fn turn(&self) -> Result<Turn<'_>, RemoteFault> {
        let taken = self.turns.take(&self.asker, self.number).await?;
        Ok(Turn { _works: self.working(), _taken: taken })
    }

    /// From now on the holder works for this question, until this is dropped.
    pub(super) fn working(&self) -> Working<'_> {
        let mut works = self.works.lock().unwrap_or_else(PoisonError::into_inner);
        if works.there == 0 {
            works.since = Some(Instant::now());
        }
        works.there += 1;
        Working(self)
    }

    /// How long the holder has worked for this question.
    pub(super) fn worked(&self) -> Duration {
        let works = self.works.lock().unwrap_or_else(PoisonError::into_inner);
        works.before + works.since.map(|since| since.elapsed()).unwrap_or_default()
    }

    /// Ends when the holder has worked so long for this question.
    pub(super) async fn spent(&self, budget: Duration) {
        loop {
            let left = budget.saturating_sub(self.worked());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.max(TICK)).await;
        }
    }
}

/// A request that is at the holder.
pub(super) struct Turn<'r> {
    _works: Working<'r>,
    _taken: Taken,
}

/// While this lives the holder works.
pub(super) struct Working<'r>(&'r Round);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        let mut works = self.0.works.lock().unwrap_or_else(PoisonError::into_inner);
        works.there -= 1;
        if works.there == 0
            && let Some(since) = works.since.take()
        {
            works.before += since.elapsed();
        }
    }
}

/// The budget is looked at no more often than this.
const TICK: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use super::Turns;
    use futures_util::FutureExt;
    use std::time::Duration;

    #[tokio::test]
    async fn askers_take_turns_and_a_question_that_was_begun_goes_before_the_next_of_the_same() {
        let turns = Turns::new(1);
        let (first, second, other) = (turns.round("gp"), turns.round("gp"), turns.round("triage"));
        let taken = first.turn().await.unwrap();
        let waiting = [("second", &second), ("first", &first), ("first", &first), ("other", &other)];
        let mut waiting: Vec<_> = waiting.map(|(name, round)| (name, Box::pin(round.turn()))).into();
        // They stand in line in this order.
        for (_, turn) in &mut waiting {
            assert!(turn.as_mut().now_or_never().is_none());
        }
        drop(taken);
        let mut order = Vec::new();
        while !waiting.is_empty() {
            let mut got = None;
            for (at, (name, turn)) in waiting.iter_mut().enumerate() {
                if let Some(taken) = turn.as_mut().now_or_never() {
                    assert!(got.is_none(), "two at once");
                    got = Some((at, *name, taken.unwrap()));
                }
            }
            let (at, name, taken) = got.expect("somebody is next");
            drop(waiting.remove(at));
            order.push(name);
            drop(taken);
        }
        assert_eq!(order, ["first", "other", "first", "second"]);
        assert!(first.turn().now_or_never().is_some(), "the turn is free again");
    }

    #[tokio::test]
    async fn whoever_goes_away_passes_the_turn_on() {
        let turns = Turns::new(1);
        let round = turns.round("gp");
        let taken = round.turn().await.unwrap();
        let mut gone: Vec<_> = (0..3).map(|_| Box::pin(round.turn())).collect();
        for turn in &mut gone {
            assert!(turn.as_mut().now_or_never().is_none());
        }
        let mut stays = Box::pin(round.turn());
        assert!(stays.as_mut().now_or_never().is_none());
        drop(gone.remove(1));
        drop(taken);
        // The first has it without knowing yet, and goes away.
        drop(gone);
        assert!(stays.now_or_never().is_some());
    }

    #[tokio::test]
    async fn the_holders_time_runs_only_while_it_works() {
        let turns = Turns::new(1);
        let (one, other) = (turns.round("gp"), turns.round("gp"));
        let taken = one.turn().await.unwrap();
        let mut waits = Box::pin(other.turn());
        assert!(waits.as_mut().now_or_never().is_none());
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert!(one.worked() >= Duration::from_millis(30));
        assert_eq!(other.worked(), Duration::ZERO, "our own line counts as the holder's time");
        assert!(other.spent(Duration::from_millis(1)).now_or_never().is_none());
        drop(taken);
        let before = one.worked();
        let _taken = waits.await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(other.worked() >= Duration::from_millis(5) && one.worked() == before);
        other.spent(Duration::from_millis(10)).await;
    }
}
