//! The writer's side of the store: fences, the view that follows, and how it is built from the truth.
//!
//! What is judged here runs on the single writer, in order, so that a change and a disclosure of one person share one
//! total order (DESIGN.md 2).

use super::facts::Change;
use super::forgetting::Tags;
use super::keys::{Keys, PersonNo};
use super::leaf::Leaf;
use super::passing::{BLOCK, LIVES, Passing};
use super::seal::Key;
use super::view::{Batch, Index, Reflects, View, ViewError};
use super::whole::{Whole, Word};
use super::{Fence, Found, StoreError, apply};
use crate::trust::{Trust, TrustCell};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use sluis_journal::{Placed, ReadError, Records, Rejected, Verdict};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What requests and the writer share.
pub(super) struct Inner {
    pub(super) keys: Keys,
    pub(super) view: View,
    /// What pseudonyms are made with, newest first: those made before a rotation still find.
    pub(super) pseudonyms: ArcSwap<Vec<Key>>,
    pub(super) trust: Arc<TrustCell>,
    pub(super) fences: Mutex<Fences>,
    pub(super) next_person: AtomicU64,
    pub(super) records: Records,
    pub(super) holdings: Records,
    /// The view could not follow, or is being built: nothing is decided until it stands.
    pub(super) view_broken: AtomicBool,
    /// How often the view was built anew while it served.
    pub(super) builds: AtomicU64,
    /// How far the view has followed; held while it follows and while it is built, so that neither folds a fact twice.
    pub(super) followed: Mutex<Reflects>,
    /// What is counted while records pass: as far as the view has followed, and only while that is held.
    pub(super) passing: Mutex<Passing>,
}

/// What moved since the start, as the writer counts it.
#[derive(Default)]
pub(super) struct Fences {
    pub(super) people: HashMap<PersonNo, u64>,
    /// Pseudonyms of identifiers that entered and that the view does not show yet: whose they will be.
    pub(super) claimed: HashMap<[u8; 32], PersonNo>,
    pub(super) trust: u64,
}

pub(super) const MOVED: Rejected = Rejected(1);

impl Inner {
    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, Fences> {
        self.fences.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn followed(&self) -> std::sync::MutexGuard<'_, Reflects> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn passing(&self) -> std::sync::MutexGuard<'_, Passing> {
        self.passing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands now. The journal first: whatever it vouches for is then among the holdings, also while somebody appends.
    pub(super) fn truth(&self) -> Reflects {
        let journal = self.records.len();
        Reflects { journal, holdings: self.holdings.len(), tags: self.keys.living() }
    }

    /// Builds the view anew while its position is held.
    pub(super) fn build(&self, followed: &mut Reflects) -> Result<u64, StoreError> {
        let mut found = Found::default();
        // Nobody decides on a half-built view; the writer waits at `follow` for what it has committed since.
        self.view_broken.store(true, Ordering::Release);
        self.builds.fetch_add(1, Ordering::AcqRel);
        let truth = self.truth();
        self.view.renew()?;
        *followed = self.catch_up(Reflects::default(), truth, &mut found)?;
        // INVARIANT: whatever was decided on the view before is decided again: its versions count anew.
        let mut fences = self.lock();
        fences.people.clear();
        fences.claimed.clear();
        fences.trust += 1;
        let trust = self.trust.load();
        self.trust.replace(Trust::clone(&trust).at_epoch(fences.trust));
        drop(fences);
        self.view_broken.store(false, Ordering::Release);
        Ok(found.caught_up)
    }

    /// Reads the view. What was read while it was built anew is not believed: nobody is taken for unknown then.
    pub(super) fn reading<T>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, ViewError>,
    ) -> Result<T, ViewError> {
        let builds = self.builds.load(Ordering::Acquire);
        let sound = || {
            let same = self.builds.load(Ordering::Acquire) == builds;
            if same && !self.view_broken.load(Ordering::Acquire) { Ok(()) } else { Err(ViewError::Damaged) }
        };
        sound()?;
        let found = read(self)?;
        sound().map(|()| found)
    }

    pub(super) fn find_person(&self, system: &str, value: &str) -> Result<Option<PersonNo>, ViewError> {
        for key in self.pseudonyms.load().iter() {
            if let Some(person) = self.whose(&apply::pseudonym(key, system, value))? {
                return Ok(Some(person));
            }
        }
        Ok(None)
    }

    fn whose(&self, pseudonym: &[u8; 32]) -> Result<Option<PersonNo>, ViewError> {
        let Some(number) = self.view.get(Index::Pseudonyms, pseudonym)? else { return Ok(None) };
        let number: [u8; 8] = number.try_into().map_err(|_| ViewError::Damaged)?;
        Ok(Some(PersonNo(u64::from_be_bytes(number))))
    }

    pub(super) fn timeline(&self, lens: u8, who: &[u8]) -> Result<Vec<u64>, ViewError> {
        let rows = self.view.scan(Index::Timeline, &apply::timeline_prefix(lens, who))?;
        Ok(rows.iter().filter_map(|(key, _)| key.last_chunk::<8>()).map(|i| u64::from_be_bytes(*i)).collect())
    }

    /// Whether what was decided on still stands. Runs on the writer, in order.
    pub(super) fn judge(&self, fence: Option<Fence>) -> Verdict {
        let Some(fence) = fence else { return Verdict::Enter };
        let fences = self.lock();
        let moved = |(person, version)| fences.people.get(&person).is_some_and(|now| *now != version);
        if fences.trust != fence.trust || fence.person.is_some_and(moved) {
            return Verdict::Reject(MOVED);
        }
        Verdict::Enter
    }

    /// As [`Inner::judge`], and then moves what it changes: whoever enters later was decided on older facts.
    pub(super) fn judge_and_move(
        &self,
        fence: Option<Fence>,
        person: Option<PersonNo>,
        claims: &[[u8; 32]],
        trust: bool,
    ) -> Verdict {
        if let Verdict::Reject(why) = self.judge(fence) {
            return Verdict::Reject(why);
        }
        let mut fences = self.lock();
        // Two who meet the same unknown person at once must not make two persons of them.
        if let Some(person) = person {
            for claim in claims {
                let claimed = fences.claimed.get(claim).copied();
                let Ok(known) = claimed.map_or_else(|| self.whose(claim), |claimed| Ok(Some(claimed))) else {
                    return Verdict::Reject(MOVED);
                };
                if known.is_some_and(|known| known != person) {
                    return Verdict::Reject(MOVED);
                }
            }
            fences.claimed.extend(claims.iter().map(|claim| (*claim, person)));
        }
        if let Some(person) = person {
            let known = fences.people.get(&person).copied();
            let Some(version) = known.or_else(|| Some(apply::person_state(&self.view, person).ok()?.version))
            else {
                return Verdict::Reject(MOVED);
            };
            fences.people.insert(person, version + 1);
        }
        if trust {
            fences.trust += 1;
        }
        Verdict::Enter
    }

    /// Lets the view follow what is durable. A view that cannot follow is no error of the change: it stands.
    pub(super) fn follow(&self, placed: &Placed, change: Option<&Change>, leaves: &[Leaf]) {
        let tags = self.keys.living();
        let reflects = Reflects { holdings: placed.holdings.end, journal: placed.records.end, tags };
        let mut followed = self.followed();
        // A view that was just built has read it already; a broken one is built from the truth.
        if placed.records.end <= followed.journal || self.view_broken.load(Ordering::Acquire) {
            return;
        }
        let done = change
            .map_or_else(
                || Ok(Batch::default()),
                |c| apply::change(&self.view, &self.pseudonyms.load(), c, placed.holdings.start),
            )
            .and_then(|mut batch| {
                let mut passing = self.passing();
                for (leaf, index) in leaves.iter().zip(placed.records.clone()) {
                    apply::record(&mut batch, &self.keys, leaf, index);
                    passing.next(index, leaf, &mut batch);
                }
                passing.settle(&mut batch);
                drop(passing);
                self.view.apply(batch, reflects)
            });
        match done {
            Ok(()) => {
                *followed = reflects;
                let claims =
                    change.map(|change| apply::claims(&self.pseudonyms.load(), change)).unwrap_or_default();
                let mut fences = self.lock();
                for claim in &claims {
                    fences.claimed.remove(claim);
                }
            }
            Err(_) => self.view_broken.store(true, Ordering::Release),
        }
    }

    /// Folds what stands behind `from` into the view, and finds the highest person number. Gives how far the view has come:
    /// changes that no record names are not behind it yet, for their record may be on its way.
    pub(super) fn catch_up(
        &self,
        from: Reflects,
        truth: Reflects,
        found: &mut Found,
    ) -> Result<Reflects, StoreError> {
        let (mut whole, mut tags) = (Whole::default(), Tags::default());
        let mut batch = Batch::default();
        let open = if from.journal > 0 { self.open_questions()? } else { Vec::new() };
        let open = open.into_iter().map(|index| Ok((index, self.leaf(index)?)));
        let mut passing = Passing::after(open.collect::<Result<Vec<_>, StoreError>>()?);
        // The whole journal when rebuilding, else what the view lacks, and what its last block had until then.
        let start = from.journal - from.journal % BLOCK;
        for read in self.records.from(start).take_while(|read| before(read, truth.journal)) {
            let (index, record) = read?;
            let leaf = Leaf::parse(&record).map_err(|_| StoreError::Record(index))?;
            tags.record(index, &leaf, &self.keys)?;
            if index < from.journal {
                passing.again(&leaf);
                continue;
            }
            apply::record(&mut batch, &self.keys, &leaf, index);
            passing.next(index, &leaf, &mut batch);
            whole.record(index, &leaf)?;
            if batch.len() >= BATCH {
                self.view.apply(std::mem::take(&mut batch), from)?;
            }
        }
        passing.settle(&mut batch);
        self.view.apply(batch, from)?;
        *self.passing() = passing;
        self.explained(&mut tags, from, truth)?;
        let holdings = self.fold(from, truth, &mut whole)?;
        let reached = Reflects { journal: truth.journal, holdings, tags: self.keys.living() };
        found.caught_up = (truth.journal - from.journal) + (truth.holdings - from.holdings);
        self.view.apply(Batch::default(), reached)?;
        let highest =
            self.view.last_key(Index::People)?.and_then(|key| Some(u64::from_be_bytes(key.try_into().ok()?)));
        // Never back: a number may have been handed out for a change that is on its way.
        self.next_person.fetch_max(highest.unwrap_or(0), Ordering::Relaxed);
        Ok(reached)
    }

    fn leaf(&self, index: u64) -> Result<Leaf, StoreError> {
        Leaf::parse(&self.records.read(index)?).map_err(|_| StoreError::Record(index))
    }

    /// What whoever starts has to know of before: questions without an end, and assertions that may still count: those of the
    /// last records in any case, and of every block in which one does. By the earlier of the clock and the last record,
    /// for the one or the other may have run ahead.
    pub(super) fn remember(&self, now: Timestamp, found: &mut Found) -> Result<(), StoreError> {
        let open = self.passing().open();
        found.open = open.into_iter().map(|index| self.leaf(index)).collect::<Result<_, _>>()?;
        let all = self.records.len();
        let Some(last) = all.checked_sub(1).map(|last| self.leaf(last)).transpose()? else { return Ok(()) };
        let since = now.min(last.time).checked_sub(LIVES).unwrap_or(Timestamp::MIN);
        let tail = (all - all % BLOCK).saturating_sub(BLOCK);
        let blocks =
            self.burnt_in(since)?.into_iter().map(|block| block * BLOCK).filter(|first| *first < tail);
        let spans = blocks.map(|first| first..first + BLOCK).chain(std::iter::once(tail..all));
        for span in spans {
            for read in self.records.from(span.start).take_while(|read| before(read, span.end)) {
                let (index, record) = read?;
                let leaf = Leaf::parse(&record).map_err(|_| StoreError::Record(index))?;
                found.burnt.extend(leaf.burnt.filter(|(_, until)| *until >= since.as_second()));
            }
        }
        Ok(())
    }

    /// That no key is gone but on purpose. Fewer than the view has seen, or a record that lacks its own, is looked for in the
    /// whole journal: that takes long, and follows a forgetting (once) or a loss.
    fn explained(&self, tags: &mut Tags, from: Reflects, truth: Reflects) -> Result<(), StoreError> {
        if tags.end().is_ok() && self.keys.living() >= from.tags {
            return Ok(());
        }
        for read in self.records.from(0).take_while(|read| before(read, from.journal)) {
            let (index, record) = read?;
            tags.record(index, &Leaf::parse(&record).map_err(|_| StoreError::Record(index))?, &self.keys)?;
        }
        tags.hear_on(&self.records, truth.journal, &self.keys)?;
        Ok(tags.end()?)
    }

    /// Folds the changes that the journal vouches for, each of which must be there; gives the place behind the last one.
    fn fold(&self, from: Reflects, truth: Reflects, whole: &mut Whole) -> Result<u64, StoreError> {
        let mut reached = from.holdings;
        for read in self.holdings.from(from.holdings).take_while(|read| before(read, truth.holdings)) {
            let (index, record) = read?;
            let Word::Vouched(_) = whole.holding(&record)? else { continue };
            reached = index + 1;
            let change = Change::open(&self.keys, &record).map_err(|_| StoreError::Holdings(index))?;
            let batch = apply::change(&self.view, &self.pseudonyms.load(), &change, index)?;
            self.view.apply(batch, from)?;
        }
        whole.end()?;
        Ok(reached)
    }

    pub(super) fn read_trust(&self) -> Result<Trust, StoreError> {
        let mut trust = Trust::empty();
        let broken = || StoreError::View(ViewError::Damaged);
        for (_, document) in self.view.scan(Index::Registry, b"p")? {
            let participant = serde_json::from_slice(&document).map_err(|_| broken())?;
            trust = trust.with_participant(participant).map_err(|_| broken())?;
        }
        for (_, document) in self.view.scan(Index::Registry, b"s")? {
            let person = serde_json::from_slice(&document).map_err(|_| broken())?;
            trust = trust.with_person(person).map_err(|_| broken())?;
        }
        for (_, document) in self.view.scan(Index::Registry, b"x")? {
            let fingerprint = serde_json::from_slice(&document).map_err(|_| broken())?;
            trust = trust.block(fingerprint);
        }
        Ok(trust)
    }
}

/// Whether what was read stands before an index; what cannot be read is for whoever reads.
fn before(read: &Result<(u64, Vec<u8>), ReadError>, end: u64) -> bool {
    read.as_ref().map_or(true, |(index, _)| *index < end)
}

/// Writes of a batch while a view is built: a journal of millions must not stand in memory.
const BATCH: usize = 65_536;
