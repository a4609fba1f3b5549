//! What comes in from elsewhere lies in memory before it is judged, and many questions come in at once: together they
//! stay within one bound. Where they would not, the question that has taken most of all ends; the others wait until its
//! room is free. So whoever sends much and does not end is in nobody's way, however many ask there.

use super::connect::Fault;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// So many bytes for all that comes in at once.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    most: usize,
    state: Mutex<State>,
    /// Somebody gave room back.
    freed: Notify,
}

#[derive(Default)]
struct State {
    used: usize,
    /// What those have who were told to end and have not yet.
    leaving: usize,
    counted: u64,
    takers: HashMap<u64, Taker>,
}

struct Taker {
    taken: usize,
    /// Told to end.
    out: Arc<Out>,
}

#[derive(Default)]
struct Out {
    told: AtomicBool,
    tell: Notify,
}

enum Room {
    There,
    Wait,
    Out,
}

impl State {
    /// Whether this question may take more. May tell another to end.
    fn room(&mut self, number: u64, most: usize) -> Room {
        if self.takers.get(&number).is_none_or(|own| own.out.told.load(Relaxed)) {
            return Room::Out;
        }
        while self.used.saturating_sub(self.leaving) > most {
            let stay = self.takers.iter().filter(|(_, taker)| !taker.out.told.load(Relaxed));
            let Some((most, taker)) = stay.max_by_key(|(number, taker)| (taker.taken, **number)) else {
                break;
            };
            if taker.taken == 0 {
                break;
            }
            self.leaving += taker.taken;
            taker.out.told.store(true, Relaxed);
            taker.out.tell.notify_waiters();
            if *most == number {
                return Room::Out;
            }
        }
        if self.used > most { Room::Wait } else { Room::There }
    }

    fn took(&mut self, number: u64, bytes: usize) {
        self.used += bytes;
        if let Some(taker) = self.takers.get_mut(&number) {
            taker.taken += bytes;
            if taker.out.told.load(Relaxed) {
                self.leaving += bytes;
            }
        }
    }

    fn gave(&mut self, number: u64, bytes: usize) {
        self.used = self.used.saturating_sub(bytes);
        if let Some(taker) = self.takers.get_mut(&number) {
            taker.taken = taker.taken.saturating_sub(bytes);
            if taker.out.told.load(Relaxed) {
                self.leaving = self.leaving.saturating_sub(bytes);
            }
        }
    }
}

impl Pool {
    /// So many bytes in all.
    #[must_use]
    pub fn of(bytes: usize) -> Self {
        Self(Arc::new(Inner { most: bytes, state: Mutex::default(), freed: Notify::new() }))
    }

    pub(super) fn share(&self) -> Share {
        let out = Arc::new(Out::default());
        let mut state = self.state();
        state.counted += 1;
        let number = state.counted;
        state.takers.insert(number, Taker { taken: 0, out: Arc::clone(&out) });
        drop(state);
        Share { pool: self.clone(), number, out }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One question's part.
pub(super) struct Share {
    pool: Pool,
    number: u64,
    out: Arc<Out>,
}

impl Share {
    /// Waits until more may be taken.
    ///
    /// # Errors
    /// [`Fault::TooLarge`] when this question is the one that has taken most.
    pub(super) async fn room(&self) -> Result<(), Fault> {
        loop {
            let freed = self.pool.0.freed.notified();
            let room = self.pool.state().room(self.number, self.pool.0.most);
            match room {
                Room::There => return Ok(()),
                Room::Out => return Err(Fault::TooLarge),
                Room::Wait => freed.await,
            }
        }
    }

    /// Ends when this question is told to end.
    pub(super) async fn told_out(&self) {
        loop {
            let told = self.out.tell.notified();
            if self.out.told.load(Relaxed) {
                return;
            }
            told.await;
        }
    }

    pub(super) fn lease(&self) -> Lease {
        Lease { pool: self.pool.clone(), number: self.number, bytes: 0 }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        if let Some(taker) = state.takers.remove(&self.number)
            && taker.out.told.load(Relaxed)
        {
            state.leaving = state.leaving.saturating_sub(taker.taken);
        }
        drop(state);
        self.pool.0.freed.notify_waiters();
    }
}

/// Room that is taken, until it is dropped; what was read may outlive the question.
pub(super) struct Lease {
    pool: Pool,
    number: u64,
    bytes: usize,
}

impl Lease {
    /// Takes more, beyond the bound if need be: who asked for [`Share::room`] before goes over by a piece at most.
    pub(super) fn grow(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.pool.state().took(self.number, bytes);
    }

    /// Gives a part back.
    pub(super) fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.pool.state().gave(self.number, bytes);
        self.pool.0.freed.notify_waiters();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.state().gave(self.number, self.bytes);
        self.pool.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Pool};
    use futures_util::FutureExt;

    #[test]
    fn the_question_that_took_most_ends_and_the_others_wait_for_its_room() {
        let pool = Pool::of(100);
        let (small, large, last) = (pool.share(), pool.share(), pool.share());
        let (mut one, mut two, mut three) = (small.lease(), large.lease(), last.lease());
        one.grow(20);
        two.grow(60);
        assert_eq!(last.room().now_or_never(), Some(Ok(())));
        three.grow(30);
        let mut waits = Box::pin(small.room());
        assert_eq!(waits.as_mut().now_or_never(), None);
        assert_eq!(large.told_out().now_or_never(), Some(()));
        assert_eq!(large.room().now_or_never(), Some(Err(Fault::TooLarge)));
        assert_eq!(last.told_out().now_or_never(), None, "one is enough");
        drop(two);
        assert_eq!(waits.now_or_never(), Some(Ok(())));
        assert_eq!(last.room().now_or_never(), Some(Ok(())));
        drop(large);
        two = last.lease();
        two.grow(60);
        assert_eq!(last.room().now_or_never(), Some(Err(Fault::TooLarge)), "itself is the one");
        assert_eq!(small.room().now_or_never(), None);
        drop((two, three));
        assert_eq!(small.room().now_or_never(), Some(Ok(())));
    }

    #[test]
    fn what_was_read_counts_until_it_is_dropped_and_who_has_nothing_is_not_told_to_end() {
        let pool = Pool::of(100);
        let ended = pool.share();
        let mut read = ended.lease();
        read.grow(150);
        drop(ended);
        let comes = pool.share();
        let mut waits = Box::pin(comes.room());
        assert_eq!(waits.as_mut().now_or_never(), None);
        drop(read);
        assert_eq!(waits.now_or_never(), Some(Ok(())));
        let state = pool.state();
        assert_eq!((state.used, state.leaving), (0, 0));
    }
}
