//! What is counted while records pass, in order, and lies in the view: between which times the records of a block stand, how
//! long an assertion burnt in it may still count, and which questions have no end yet. So a start and a search by time need
//! no order of time: clocks are set back and forth, and records stand where they were written.

use super::Store;
use super::inner::Inner;
use super::leaf::Leaf;
use super::view::{Batch, Index, ViewError};
use consent::Period;
use fhir_mappings::audit::Kind;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::ops::Range;

/// Records of a block.
pub(super) const BLOCK: u64 = 1024;

/// The blocks and questions that are not closed yet.
#[derive(Default)]
pub(super) struct Passing {
    block: Times,
    /// Clients choose request ids: they pair within one participant, and each end closes one question.
    asked: BTreeMap<Pair, Vec<u64>>,
    /// Whether the questions without an end are others than the view knows.
    moved: bool,
}

type Pair = (Option<String>, String);

fn pair(leaf: &Leaf) -> Pair {
    (leaf.asker.clone(), leaf.request_id.clone())
}

/// The times of some records, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Times {
    first: i64,
    last: i64,
    /// Until when the last of the assertions burnt there must be remembered.
    burnt: i64,
}

impl Default for Times {
    /// Of no records.
    fn default() -> Self {
        Self { first: i64::MAX, last: i64::MIN, burnt: i64::MIN }
    }
}

impl Times {
    fn hear(&mut self, leaf: &Leaf) {
        let time = leaf.time.as_second();
        self.first = self.first.min(time);
        self.last = self.last.max(time);
        self.burnt = leaf.burnt.iter().fold(self.burnt, |burnt, (_, until)| burnt.max(*until));
    }

    fn write(self) -> Vec<u8> {
        [self.first, self.last, self.burnt].map(i64::to_be_bytes).concat()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (numbers, []) = bytes.as_chunks::<8>() else { return None };
        let [first, last, burnt] = <[[u8; 8]; 3]>::try_from(numbers).ok()?.map(i64::from_be_bytes);
        Some(Self { first, last, burnt })
    }

    /// Whether a record may stand there whose time is from the one instant on and before the other.
    fn touches(self, from: Option<Timestamp>, before: Option<Timestamp>) -> bool {
        from.is_none_or(|from| self.last >= from.as_second())
            && before.is_none_or(|before| self.first <= before.as_second())
    }
}

impl Passing {
    /// Goes on with questions that the view says have no end.
    pub(super) fn after(open: impl IntoIterator<Item = (u64, Leaf)>) -> Self {
        let mut passing = Self::default();
        for (index, leaf) in open {
            passing.asked.entry(pair(&leaf)).or_default().push(index);
        }
        passing
    }

    /// Counts a record of a block that is not whole yet, and that the view reflects.
    pub(super) fn again(&mut self, leaf: &Leaf) {
        self.block.hear(leaf);
    }

    /// Counts the next record, and says into the batch what is whole.
    pub(super) fn next(&mut self, index: u64, leaf: &Leaf, batch: &mut Batch) {
        self.block.hear(leaf);
        if (index + 1).is_multiple_of(BLOCK) {
            batch.set(Index::Times, (index / BLOCK).to_be_bytes(), std::mem::take(&mut self.block).write());
        }
        match leaf.kind {
            Kind::Asked => {
                self.asked.entry(pair(leaf)).or_default().push(index);
                self.moved = true;
            }
            Kind::Answered | Kind::Refused => {
                let pair = pair(leaf);
                if let Some(open) = self.asked.get_mut(&pair) {
                    open.pop();
                    if open.is_empty() {
                        self.asked.remove(&pair);
                    }
                    self.moved = true;
                }
            }
            _ => {}
        }
    }

    /// Says into the batch which questions have no end, where that has changed.
    pub(super) fn settle(&mut self, batch: &mut Batch) {
        if std::mem::take(&mut self.moved) {
            let open: Vec<u8> = self.open().into_iter().flat_map(u64::to_be_bytes).collect();
            batch.set(Index::Registry, OPEN, open);
        }
    }

    /// The questions that have no end.
    pub(super) fn open(&self) -> Vec<u64> {
        self.asked.values().flatten().copied().collect()
    }
}

/// Where the indexes of questions without an end stand.
const OPEN: [u8; 1] = *b"q";

impl Inner {
    /// The questions that the view says have no end.
    pub(super) fn open_questions(&self) -> Result<Vec<u64>, ViewError> {
        let open = self.view.get(Index::Registry, &OPEN)?.unwrap_or_default();
        let (open, []) = open.as_chunks::<8>() else { return Err(ViewError::Damaged) };
        Ok(open.iter().map(|index| u64::from_be_bytes(*index)).collect())
    }

    /// The whole blocks in which an assertion was burnt that may still count at this instant.
    pub(super) fn burnt_in(&self, now: Timestamp) -> Result<Vec<u64>, ViewError> {
        let times = self.times()?.into_iter();
        Ok(times.filter(|(_, times)| times.burnt >= now.as_second()).map(|(block, _)| block).collect())
    }

    fn times(&self) -> Result<Vec<(u64, Times)>, ViewError> {
        let rows = self.view.scan(Index::Times, &[])?.into_iter().map(|(key, value)| {
            let block: [u8; 8] = key.try_into().map_err(|_| ViewError::Damaged)?;
            Ok((u64::from_be_bytes(block), Times::read(&value).ok_or(ViewError::Damaged)?))
        });
        rows.collect()
    }

    /// Ascending ranges of indexes among which every record stands whose time is from the one instant on and before the
    /// other, wherever clocks went meanwhile; others may be among them.
    fn spans(
        &self,
        from: Option<Timestamp>,
        before: Option<Timestamp>,
    ) -> Result<Vec<Range<u64>>, ViewError> {
        let (mut spans, mut next) = (Vec::<Range<u64>>::new(), 0);
        let times = self.times()?;
        // The view may be a moment behind: what it lacks is all looked at.
        let all = self.records.len();
        for (block, times) in times {
            let whole = block * BLOCK..(block + 1) * BLOCK;
            // What a hole hides would be left out unseen.
            if block != next {
                return Err(ViewError::Damaged);
            }
            if times.touches(from, before) {
                match spans.last_mut() {
                    Some(last) if last.end == whole.start => last.end = whole.end,
                    _ => spans.push(whole),
                }
            }
            next = block + 1;
        }
        if next * BLOCK < all {
            spans.push(next * BLOCK..all);
        }
        Ok(spans)
    }
}

impl Store {
    /// Ascending ranges of indexes among which every record of a stretch of time stands; others may be among them.
    ///
    /// # Errors
    /// When the view cannot be read: nobody may take a part of the journal for all of it.
    pub fn spans(
        &self,
        from: Option<Timestamp>,
        before: Option<Timestamp>,
    ) -> Result<Vec<Range<u64>>, ViewError> {
        self.inner.reading(|inner| inner.spans(from, before))
    }

    /// The time of a record; `None` when it cannot be read.
    #[must_use]
    pub fn time_of(&self, index: u64) -> Option<Timestamp> {
        Leaf::parse(&self.inner.records.read(index).ok()?).ok().map(|leaf| leaf.time)
    }

    /// The indexes among which all records of a period stand; others may be among them. All, while the view cannot say.
    pub(crate) fn around(&self, period: &Period) -> Vec<Range<u64>> {
        let from = period.start.as_ref().map(|start| start.first());
        let before = period.end.as_ref().map(|end| end.after());
        let all = || std::iter::once(0..self.records().len()).collect();
        self.spans(from, before).unwrap_or_else(|_| all())
    }
}

/// Assertions live five minutes; so much earlier a start looks for them, should its own clock run ahead.
pub(super) const LIVES: SignedDuration = SignedDuration::from_mins(15);

#[cfg(test)]
mod tests {
    use super::{BLOCK, Passing};
    use crate::store::leaf::{Draft, Drafts};
    use crate::store::seal::Key;
    use crate::store::view::EngineKind;
    use crate::store::{Folders, Found, Store};
    use fhir_mappings::audit::{Action, Entry, Interaction, Kind, Outcome};
    use jiff::{SignedDuration, Timestamp};

    fn now() -> Timestamp {
        "2026-11-21T11:00:00Z".parse().unwrap()
    }

    fn draft(kind: Kind, after: i64, request: &str) -> Draft {
        let entry = Entry::new(kind, Action::Read, Interaction::Operation, Outcome::Success);
        let time = now().checked_add(SignedDuration::from_secs(after)).unwrap();
        Draft { entry, time, request_id: request.into(), person: None, burnt: None }
    }

    fn open(dir: &std::path::Path, key: &Key) -> (Store, Found) {
        let folders = Folders {
            root: dir.to_owned(),
            master_key: key.clone(),
            origin: "sluis.example/times".into(),
            engine: EngineKind::Redb,
        };
        Store::open(&folders, now(), |_| draft(Kind::Restart, 0, "torn")).unwrap()
    }

    fn burn(store: &Store, after: i64, digest: &str) {
        let mut draft = draft(Kind::Token, after, "token");
        draft.burnt = Some((digest.into(), draft.time.as_second() + 300));
        store.record_blocking(draft, None).unwrap();
    }

    /// So many records in one entry.
    fn fill(store: &Store, count: u64, after: i64) {
        let one = || draft(Kind::AuditRead, after, "fill");
        let beside = (1..count).map(|_| one()).collect();
        store.record_blocking(Drafts { main: one(), beside }, None).unwrap();
    }

    #[test]
    fn a_start_and_a_search_find_what_they_look_for_wherever_the_clock_went() {
        let dir = tempfile::tempdir().unwrap();
        let key = Key::random().unwrap();
        let (store, _) = open(dir.path(), &key);
        burn(&store, 0, "before");
        store.record_blocking(draft(Kind::Asked, 0, "open"), None).unwrap();
        store.record_blocking(draft(Kind::Asked, 0, "closed"), None).unwrap();
        // Back by a day for two blocks, then ahead by a year, then right again.
        fill(&store, 2 * BLOCK, -86_400);
        store.record_blocking(draft(Kind::Answered, -86_400, "closed"), None).unwrap();
        burn(&store, 366 * 86_400, "ahead");
        fill(&store, BLOCK, 366 * 86_400);
        burn(&store, -400, "over");
        fill(&store, 3 * BLOCK, 60);
        let marked = store.records().len();
        fill(&store, 1, 500);
        let check = |store: &Store, found: &Found, what: &str| {
            let mut burnt: Vec<_> = found.burnt.iter().map(|(digest, _)| digest.as_str()).collect();
            burnt.sort_unstable();
            let kept = ["ahead", "before"];
            assert!(kept.iter().all(|digest| burnt.contains(digest)), "{what}: {burnt:?}");
            let open: Vec<_> = found.open.iter().map(|leaf| leaf.request_id.as_str()).collect();
            assert_eq!(open, ["open"], "{what}");
            let in_second = |after: i64| {
                let from = now().checked_add(SignedDuration::from_secs(after)).unwrap();
                let before = from.checked_add(SignedDuration::from_secs(1)).unwrap();
                store.spans(Some(from), Some(before)).unwrap()
            };
            for (after, first, last) in [
                (0, 0, 2),
                (-86_400, 3, 2 * BLOCK),
                (366 * 86_400, 2 * BLOCK + 4, 3 * BLOCK),
                (60, 4 * BLOCK, 6 * BLOCK),
            ] {
                let spans = in_second(after);
                assert!(
                    (first..=last).all(|n| spans.iter().any(|span| span.contains(&n))),
                    "{what} {after}: {spans:?}"
                );
            }
            // The tail is always looked at; no block is that need not be.
            assert!(!in_second(-86_400).iter().any(|span| span.contains(&(4 * BLOCK))), "{what}");
        };
        store.close().unwrap();
        drop(store);
        let (store, found) = open(dir.path(), &key);
        assert!(!found.rebuilt && found.caught_up == 0, "{found:?}");
        check(&store, &found, "with a view");
        // The block that was not whole when the store was closed still knows what it had.
        fill(&store, BLOCK, 60);
        store.close().unwrap();
        drop(store);
        let (store, found) = open(dir.path(), &key);
        let at = now().checked_add(SignedDuration::from_secs(500)).unwrap();
        let spans = store.spans(Some(at), Some(at)).unwrap();
        assert!(spans.iter().any(|span| span.contains(&marked)), "{spans:?}");
        check(&store, &found, "with a view once more");
        drop(store);
        std::fs::remove_dir_all(dir.path().join("view")).unwrap();
        let (store, found) = open(dir.path(), &key);
        assert!(found.rebuilt);
        check(&store, &found, "without");
        store.rebuild_view().unwrap();
        check(&store, &found, "built anew while it serves");
    }

    #[test]
    fn what_ended_more_often_than_it_was_asked_is_no_question() {
        let keys_dir = tempfile::tempdir().unwrap();
        let (store, _) = open(keys_dir.path(), &Key::random().unwrap());
        for kind in [Kind::Answered, Kind::Asked, Kind::Asked, Kind::Refused] {
            store.record_blocking(draft(kind, 0, "same"), None).unwrap();
        }
        assert_eq!(store.inner.open_questions().unwrap(), [1]);
        assert!(Passing::default().open().is_empty());
    }
}
