//! What is known of an outside directory, and how a reading of it changes that.

use super::page::{Change, Page, Version, What};
use crate::directory::{ALL, Type};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How much a replica may hold.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Entries, deleted ones that are remembered among them.
    pub entries: usize,
    /// Bytes of all their resources.
    pub bytes: usize,
    /// Deletions that are remembered.
    pub deletions: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { entries: 50_000, bytes: 64 * 1024 * 1024, deletions: 10_000 }
    }
}

/// More than the bounds: what was held stays, and nothing of this is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// What is known of an outside directory.
#[derive(Debug, Clone, Default)]
pub struct Replica {
    bounds: Bounds,
    entries: BTreeMap<(Type, String), Known>,
    /// Of each type: the newest change up to which everything was taken.
    cursors: BTreeMap<Type, Timestamp>,
    bytes: usize,
}

#[derive(Debug, Clone)]
struct Known {
    version: Version,
    what: What,
}

/// One reading of a history or of searches, over all its pages. Only its end moves the cursor.
#[derive(Debug)]
pub struct Round {
    types: Vec<Type>,
    /// What was changed before was all taken; by type, where anything was.
    horizon: BTreeMap<Type, Timestamp>,
    history: bool,
    now: Timestamp,
    newest: Option<Timestamp>,
    numbers: BTreeMap<(Type, String), Numbers>,
    doubt: bool,
    /// Whether anything that is known became another.
    pub changed: bool,
    /// What was passed over as unreadable, dated in the future included.
    pub skipped: usize,
}

/// Which version numbers of one entry came by, where versions are numbers.
#[derive(Debug, Default)]
struct Numbers {
    before: Option<u64>,
    seen: BTreeSet<u64>,
}

impl Replica {
    /// An empty one with these bounds.
    #[must_use]
    pub fn within(bounds: Bounds) -> Self {
        Self { bounds, ..Self::default() }
    }

    /// An empty one that is filled by searches next, and follows the history from `cursor`: an instant of the other
    /// side's own clock from before the first search.
    #[must_use]
    pub fn anew(bounds: Bounds, types: &[Type], cursor: Option<Timestamp>) -> Self {
        let cursors = cursor.iter().flat_map(|at| types.iter().map(|kind| (*kind, *at))).collect();
        Self { cursors, ..Self::within(bounds) }
    }

    /// From when the history of these types must be asked; none means from the beginning.
    #[must_use]
    pub fn since(&self, types: &[Type]) -> Option<Timestamp> {
        let horizons: Option<Vec<_>> = types.iter().map(|kind| self.horizon(*kind)).collect();
        horizons?.into_iter().min()
    }

    fn horizon(&self, kind: Type) -> Option<Timestamp> {
        self.cursors.get(&kind).map(|cursor| cursor.checked_sub(OVERLAP).unwrap_or(Timestamp::MIN))
    }

    /// Begins a reading of the history of these types, at `now`.
    #[must_use]
    pub fn follow(&self, types: &[Type], now: Timestamp) -> Round {
        let horizon = types.iter().filter_map(|kind| Some((*kind, self.horizon(*kind)?))).collect();
        Round { horizon, history: true, ..Round::of(types, now) }
    }

    /// Begins a reading of searches, into a replica that was made [`Replica::anew`].
    #[must_use]
    pub fn fill(types: &[Type], now: Timestamp) -> Round {
        Round::of(types, now)
    }

    /// Takes a page. Taking it again, or a part of it, changes nothing.
    ///
    /// # Errors
    /// [`Full`].
    pub fn take(&mut self, round: &mut Round, page: Page) -> Result<(), Full> {
        round.skipped += page.skipped;
        round.doubt |= page.doubt;
        let ahead = round.now.checked_add(AHEAD).unwrap_or(Timestamp::MAX);
        for change in page.changes {
            if !round.types.contains(&change.kind) {
                continue;
            }
            // It would stand above everything that comes after it.
            if change.version.at > ahead {
                round.skipped += 1;
                continue;
            }
            round.newest = round.newest.max(Some(change.version.at));
            let horizon = round.horizon.get(&change.kind).copied();
            self.apply(change, horizon, round)?;
        }
        Ok(())
    }

    fn apply(&mut self, change: Change, horizon: Option<Timestamp>, round: &mut Round) -> Result<(), Full> {
        let Change { kind, id, version, what } = change;
        let key = (kind, id);
        let known = self.entries.get(&key);
        // What was deleted long enough ago is not remembered, and what was before that does not come back.
        if known.is_none() && horizon.is_some_and(|horizon| version.at < horizon) {
            return Ok(());
        }
        round.note(&key, known, version.number);
        if known.is_some_and(|known| known.version >= version) {
            return Ok(());
        }
        self.bytes -= known.map_or(0, |known| known.what.len());
        self.bytes += what.len();
        self.entries.insert(key, Known { version, what });
        round.changed = true;
        if self.entries.len() > self.bounds.entries || self.bytes > self.bounds.bytes {
            return Err(Full);
        }
        Ok(())
    }

    /// Ends a reading of which every page was taken. `true` when something may be missing, so that everything should be
    /// read anew: a version that nobody sent, an entry that could not be read, a deletion that cannot be remembered.
    pub fn end(&mut self, round: Round) -> bool {
        let Round { types, history, now, newest, .. } = &round;
        let newest = newest.map(|newest| newest.min(*now));
        for kind in types.iter().filter(|_| *history) {
            let cursor = self.cursors.get(kind).copied().max(newest);
            self.cursors.extend(cursor.map(|cursor| (*kind, cursor)));
        }
        let horizons: BTreeMap<Type, Timestamp> =
            ALL.iter().filter_map(|kind| Some((*kind, self.horizon(*kind)?))).collect();
        self.entries.retain(|(kind, _), known| {
            let horizon = horizons.get(kind);
            known.what != What::Deleted || horizon.is_none_or(|horizon| known.version.at >= *horizon)
        });
        let forgotten = self.forget_over_bound();
        *history && (round.doubt || round.lacks_versions() || forgotten)
    }

    fn forget_over_bound(&mut self) -> bool {
        let deleted = self.entries.iter().filter(|(_, known)| known.what == What::Deleted);
        let mut deleted: Vec<_> = deleted.map(|(key, known)| (known.version.at, key.clone())).collect();
        let over = deleted.len().saturating_sub(self.bounds.deletions);
        deleted.sort();
        for (_, key) in deleted.into_iter().take(over) {
            self.entries.remove(&key);
        }
        over > 0
    }

    /// Every entry that is shown: type, its id there, its resource. In the order of types and ids.
    pub fn held(&self) -> impl Iterator<Item = (Type, &str, &Arc<str>)> {
        self.entries.iter().filter_map(|((kind, id), known)| match &known.what {
            What::Holds(body) => Some((*kind, id.as_str(), body)),
            What::Unfit | What::Deleted => None,
        })
    }

    /// How many entries are left out because their present version cannot be shown.
    #[must_use]
    pub fn unfit(&self) -> usize {
        self.entries.values().filter(|known| known.what == What::Unfit).count()
    }

    /// How many deletions are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.entries.values().filter(|known| known.what == What::Deleted).count()
    }

    /// As bytes, to be read again after a restart.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let cursors = self.cursors.iter().map(|(kind, at)| (kind.as_str().into(), at.to_string())).collect();
        let entries = self.entries.iter().map(|((kind, id), known)| {
            let (state, body) = match &known.what {
                What::Holds(body) => (State::Held, Some(body.to_string())),
                What::Unfit => (State::Unfit, None),
                What::Deleted => (State::Deleted, None),
            };
            let (at, version) = (known.version.at.to_string(), known.version.text.clone());
            WrittenEntry { r#type: kind.as_str().into(), id: id.clone(), at, version, state, body }
        });
        serde_json::to_vec(&Written { cursors, entries: entries.collect() }).unwrap_or_default()
    }

    /// What [`Replica::write`] wrote; `None` for anything else.
    #[must_use]
    pub fn read(bytes: &[u8], bounds: Bounds) -> Option<Self> {
        let written: Written = serde_json::from_slice(bytes).ok()?;
        let mut read = Self::within(bounds);
        for (kind, at) in &written.cursors {
            read.cursors.insert(Type::parse(kind)?, at.parse().ok()?);
        }
        for entry in written.entries {
            let what = match (entry.state, entry.body) {
                (State::Held, Some(body)) => What::Holds(body.into()),
                (State::Unfit, None) => What::Unfit,
                (State::Deleted, None) => What::Deleted,
                _ => return None,
            };
            let number = entry.version.parse().ok();
            let version = Version { at: entry.at.parse().ok()?, number, text: entry.version };
            read.bytes += what.len();
            read.entries.insert((Type::parse(&entry.r#type)?, entry.id), Known { version, what });
        }
        Some(read)
    }
}

impl Round {
    fn of(types: &[Type], now: Timestamp) -> Self {
        Self {
            types: types.to_vec(),
            horizon: BTreeMap::new(),
            history: false,
            now,
            newest: None,
            numbers: BTreeMap::new(),
            doubt: false,
            changed: false,
            skipped: 0,
        }
    }

    fn note(&mut self, key: &(Type, String), known: Option<&Known>, number: Option<u64>) {
        // The first reading has nothing before it; and where one version is no number, none is judged.
        let Some(number) = number.filter(|_| self.history && self.horizon.contains_key(&key.0)) else {
            return;
        };
        let noted = self.numbers.entry(key.clone()).or_insert_with(|| Numbers {
            before: known.map_or(Some(0), |known| known.version.number),
            seen: BTreeSet::new(),
        });
        noted.seen.insert(number);
    }

    fn lacks_versions(&self) -> bool {
        self.numbers.values().any(|Numbers { before, seen }| {
            let Some(before) = before else { return false };
            let newer = seen.range(before.saturating_add(1)..);
            newer.clone().next_back().is_some_and(|last| last - before != newer.count() as u64)
        })
    }
}

impl What {
    fn len(&self) -> usize {
        match self {
            Self::Holds(body) => body.len(),
            Self::Unfit | Self::Deleted => 0,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    cursors: BTreeMap<String, String>,
    entries: Vec<WrittenEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEntry {
    r#type: String,
    id: String,
    at: String,
    version: String,
    state: State,
    body: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Held,
    Unfit,
    Deleted,
}

/// How far before the newest change a history is asked again: what was begun before it may be committed after.
pub const OVERLAP: SignedDuration = SignedDuration::from_mins(5);
/// How far clocks may be apart.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
