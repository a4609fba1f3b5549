//! The thread that owns both folders. It lets entries in one by one, in order, and commits them together. An error of
//! the disk ends it: nothing is ever tried again and called good.

use crate::entry::{Entry, Next, Placed, Verdict};
use crate::error::AppendError;
use crate::journal::{Journal, SEAL};
use crate::log::{MAX_HOLDING, MAX_RECORD, State};
use crate::port::Held;
use crate::store::{Room, Store};
use crate::tree::{Hash, leaf_hash};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// An entry on its way, its leaves hashed by whoever handed it in.
pub(crate) struct Job {
    entry: Entry,
    leaves: Vec<Hash>,
    reply: Reply,
}

/// Who waits, and how.
pub(crate) enum Reply {
    Task(oneshot::Sender<Result<Placed, AppendError>>),
    Thread(mpsc::SyncSender<Result<Placed, AppendError>>),
}

/// Entries that wait for the writer.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: Vec<Job>,
    phase: Phase,
    /// Number of jobs that is worth waking the writer for.
    enough: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Serving,
    Full,
    Closing,
    Stopped,
}

/// Longest wait for others to join a batch.
const LINGER: Duration = Duration::from_millis(1);
/// Bytes that a batch may come to before it is committed, and then one entry more.
pub(crate) const BATCH: u64 = 4 << 20;

impl Job {
    /// Checks and hashes an entry.
    pub(crate) fn new(entry: Entry, reply: Reply) -> Result<Self, AppendError> {
        let fits = entry.records.iter().all(|record| record.len() <= MAX_RECORD)
            && entry.holdings.iter().all(|holding| holding.len() <= MAX_HOLDING);
        if !fits || (entry.records.is_empty() && entry.holdings.is_empty()) {
            return Err(AppendError::Unfit);
        }
        let leaves = entry.records.iter().map(|record| leaf_hash(record)).collect();
        Ok(Self { entry, leaves, reply })
    }
}

impl Reply {
    /// Answers; whoever stopped waiting does not hear it.
    fn send(self, answer: Result<Placed, AppendError>) {
        match self {
            Self::Task(to) => drop(to.send(answer)),
            Self::Thread(to) => drop(to.send(answer)),
        }
    }
}

impl Waiting {
    fn over(&self) -> bool {
        match self.phase {
            Phase::Serving | Phase::Full => false,
            Phase::Closing | Phase::Stopped => true,
        }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn put(&self, job: Job) -> Result<(), AppendError> {
        let mut waiting = self.lock();
        if waiting.over() {
            return Err(AppendError::Stopped);
        }
        waiting.jobs.push(job);
        if waiting.jobs.len() == waiting.enough {
            self.filled.notify_one();
        }
        Ok(())
    }

    pub(crate) fn state(&self) -> State {
        match self.lock().phase {
            Phase::Serving => State::Serving,
            Phase::Full => State::Full,
            Phase::Closing | Phase::Stopped => State::Stopped,
        }
    }

    pub(crate) fn close(&self) {
        let mut waiting = self.lock();
        if waiting.phase != Phase::Stopped {
            waiting.phase = Phase::Closing;
        }
        self.filled.notify_one();
    }

    /// All that wait; nothing once closed or stopped. Those just woken are often back at once with the next entry:
    /// committing the first of them alone would make the rest wait for two syncs, so the writer lingers for as many as
    /// `last` time, briefly.
    fn take(&self, last: usize, linger: Duration) -> Option<Vec<Job>> {
        let mut waiting = self.lock();
        waiting.enough = 1;
        while waiting.jobs.is_empty() {
            if waiting.over() {
                return None;
            }
            waiting = self.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.enough = last;
        let lacking = |waiting: &mut Waiting| waiting.jobs.len() < last && !waiting.over();
        let (mut waiting, _) =
            self.filled.wait_timeout_while(waiting, linger, lacking).unwrap_or_else(PoisonError::into_inner);
        waiting.enough = 1;
        Some(std::mem::take(&mut waiting.jobs))
    }

    fn found_room(&self, room: Room) {
        let mut waiting = self.lock();
        waiting.phase = match (waiting.phase, room) {
            (Phase::Serving | Phase::Full, Room::Made) => Phase::Serving,
            (Phase::Serving | Phase::Full, Room::Full) => Phase::Full,
            (over @ (Phase::Closing | Phase::Stopped), Room::Made | Room::Full) => over,
        };
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("phase", &self.lock().phase).finish_non_exhaustive()
    }
}

/// The thread's own.
pub(crate) struct Writer {
    queue: Arc<Queue>,
    journal: Journal,
    holdings: Store,
    _lock: Box<dyn Held>,
}

/// Entries let in and not yet durable.
#[derive(Default)]
struct Batch {
    records: Vec<(Vec<u8>, Hash)>,
    holdings: Vec<Vec<u8>>,
    record_bytes: u64,
    holding_bytes: u64,
    entered: Vec<(Placed, Option<crate::entry::Apply>, Reply)>,
}

impl Drop for Writer {
    /// However the thread ends, also by a panic in a caller's closure, nobody is left waiting or let in.
    fn drop(&mut self) {
        let mut waiting = self.queue.lock();
        waiting.phase = Phase::Stopped;
        waiting.jobs.clear();
    }
}

impl Writer {
    pub(crate) fn new(queue: Arc<Queue>, journal: Journal, holdings: Store, lock: Box<dyn Held>) -> Self {
        Self { queue, journal, holdings, _lock: lock }
    }

    pub(crate) fn run(mut self) {
        let (mut last, mut linger) = (1, Duration::ZERO);
        while let Some(jobs) = self.queue.take(last, linger) {
            let begun = Instant::now();
            last = jobs.len();
            // The waiters of a failed batch hear it by their replies being dropped, after no more are let in.
            if self.serve(jobs).is_err() {
                return;
            }
            linger = (begun.elapsed() / 4).min(LINGER);
        }
        // Nothing acknowledged depends on this: a start derives what it would settle.
        drop(self.journal.settle());
    }

    fn serve(&mut self, jobs: Vec<Job>) -> io::Result<()> {
        let mut batch = Batch::default();
        for job in jobs {
            self.admit(&mut batch, job)?;
            if batch.record_bytes + batch.holding_bytes > BATCH {
                self.commit(std::mem::take(&mut batch))?;
            }
        }
        self.commit(batch)?;
        self.journal.store().reserve_ahead()?;
        self.holdings.reserve_ahead()
    }

    /// Lets one entry into the batch or turns it away.
    fn admit(&mut self, batch: &mut Batch, job: Job) -> io::Result<()> {
        let Job { entry, leaves, reply } = job;
        let record_bytes = batch.record_bytes + Store::batch_bytes(entry.records.iter().map(Vec::len), SEAL);
        let holding_bytes = batch.holding_bytes + Store::batch_bytes(entry.holdings.iter().map(Vec::len), 0);
        let mut room = self.journal.make_room(record_bytes)?;
        if room == Room::Made && !entry.holdings.is_empty() {
            room = self.holdings.make_room(holding_bytes)?;
        }
        self.queue.found_room(room);
        if room == Room::Full {
            reply.send(Err(AppendError::Full));
            return Ok(());
        }
        let record = self.journal.records().len() + batch.records.len() as u64;
        let holding = self.holdings.next() + batch.holdings.len() as u64;
        if let Some(condition) = entry.condition
            && let Verdict::Reject(why) = condition(Next { record, holding })
        {
            reply.send(Err(AppendError::Rejected(why)));
            return Ok(());
        }
        let records = record..record + entry.records.len() as u64;
        let holdings = holding..holding + entry.holdings.len() as u64;
        if !entry.records.is_empty() {
            batch.record_bytes = record_bytes;
        }
        if !entry.holdings.is_empty() {
            batch.holding_bytes = holding_bytes;
        }
        batch.records.extend(entry.records.into_iter().zip(leaves));
        batch.holdings.extend(entry.holdings);
        batch.entered.push((Placed { records, holdings }, entry.apply, reply));
        Ok(())
    }

    /// One write and sync a folder concerned, holdings first; then the view; then everyone is woken.
    fn commit(&mut self, batch: Batch) -> io::Result<()> {
        if !batch.holdings.is_empty() {
            self.holdings.append(batch.holdings.iter().map(Vec::as_slice), &[])?;
        }
        if !batch.records.is_empty() {
            self.journal.append(&batch.records)?;
        }
        let mut replies = Vec::with_capacity(batch.entered.len());
        for (placed, apply, reply) in batch.entered {
            if let Some(apply) = apply {
                apply(&placed);
            }
            replies.push((placed, reply));
        }
        for (placed, reply) in replies {
            reply.send(Ok(placed));
        }
        Ok(())
    }
}
