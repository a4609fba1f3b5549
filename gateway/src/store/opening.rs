//! How the store is opened: log, view and keys, in an order in which nothing is mended before it is known to be no more
//! than what a crash leaves.

use super::inner::Inner;
use super::keys::{Keys, Use};
use super::leaf::Draft;
use super::view::{Reflects, View, ViewError};
use super::{Folders, Found, Store, StoreError, signers, view_keys, whole};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use sluis_journal::{Checkpoint, Log, LogSettings, Opened, Torn, TornLog};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};

impl Store {
    /// Opens the four folders, making them when absent, and brings the view up to the truth.
    /// `now` is the clock's instant, `torn` words the record that closes torn tails, from what is torn.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(
        folders: &Folders,
        now: Timestamp,
        torn: impl FnOnce(&[Torn]) -> Draft,
    ) -> Result<(Self, Found), StoreError> {
        let keys = Keys::open(&folders.root.join("keys"), &folders.master_key)?;
        let settings = LogSettings {
            journal: folders.root.join("journal"),
            holdings: folders.root.join("holdings"),
            signers: signers(&keys, &folders.origin)?,
        };
        let mut found = Found::default();
        let opened = Log::open(settings)?;
        let view_folder = folders.root.join("view");
        let (view, reflects) = View::open(folders.engine, &view_folder, &view_keys(&keys)?)?;
        let log = match opened {
            Opened::Whole(log) => log,
            Opened::Torn(torn_log) => {
                found.torn = true;
                by_crash(&torn_log, reflects)?;
                let record = torn(torn_log.torn()).seal(&keys, Vec::new()).map_err(|_| StoreError::Origin)?;
                torn_log.close(record)?
            }
        };
        let (records, holdings) = (log.records().clone(), log.holdings().clone());
        let truth = Reflects { holdings: holdings.len(), journal: records.len(), tags: keys.living() };
        found.fresh = records.is_empty();
        let head = Checkpoint::of_note(&log.checkpoint()).map_err(|_| StoreError::Origin)?;
        let gap = match reflects {
            Some(seen) => missed(&view, seen, &log, truth)?,
            None => None,
        };
        let reflects = reflects.filter(|seen| gap.is_none() && seen.holdings <= truth.holdings);
        let gap = gap.or(view.gap()?);
        if reflects.is_none() && truth.journal > 0 {
            found.rebuilt = true;
            view.renew()?;
            view.set_gap(gap)?;
        }
        let gap = gap.map(|seen| Lacks { seen, here: truth.journal });
        // Log and view are locked by now: the folder is ours alone.
        keys.sweep();
        let inner = Inner {
            pseudonyms: ArcSwap::from_pointee(keys.opening(Use::Pseudonym)?),
            keys,
            view,
            trust: Arc::default(),
            fences: Mutex::default(),
            next_person: AtomicU64::new(0),
            records,
            holdings,
            view_broken: AtomicBool::new(false),
            builds: AtomicU64::new(0),
            followed: Mutex::default(),
            passing: Mutex::default(),
        };
        *inner.followed() = inner.catch_up(reflects.unwrap_or_default(), truth, &mut found)?;
        inner.remember(now, &mut found)?;
        inner.view.see(head.size, head.root)?;
        let trust = inner.read_trust()?.at_epoch(truth.holdings + 1);
        inner.lock().trust = trust.epoch();
        inner.trust.replace(trust);
        if let Some(Lacks { seen, here }) = gap {
            tracing::error!(seen, here, "records are missing that were seen here: nothing is answered");
        }
        let (held_back, lacks) = (AtomicBool::new(false), Mutex::new(gap));
        Ok((Self { inner: Arc::new(inner), log, held_back, lacks }, found))
    }

    /// What is missing here and was seen by a view of before, until an operator acknowledges it: no entry is taken meanwhile.
    #[must_use]
    pub fn lacks(&self) -> Option<Lacks> {
        *self.lacks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An operator knows what is missing, and that is recorded: entries are taken again.
    ///
    /// # Errors
    /// When the view cannot forget it; then the next start asks once more.
    pub fn is_acknowledged(&self) -> Result<(), ViewError> {
        *self.lacks.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.inner.view.set_gap(None)
    }

    /// Makes durable what the view has come to: a start after a kill then reads less, and knows how far it saw.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn flush_view(&self) -> Result<(), ViewError> {
        if self.view_is_sound() { self.inner.view.flush() } else { Ok(()) }
    }

    /// Lets the view remember the tree that stands now.
    pub(super) fn see_head(&self) -> Result<(), ViewError> {
        match Checkpoint::of_note(&self.log.checkpoint()) {
            Ok(head) => self.inner.view.see(head.size, head.root),
            Err(_) => Ok(()),
        }
    }
}

/// Records that were seen here and do not stand any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lacks {
    /// How many records were seen.
    pub seen: u64,
    /// How many stood here at the start.
    pub here: u64,
}

/// How many records a view saw that are not those that stand. It follows what is durable, so that no crash leaves that:
/// the folder was put back, or another history in its place.
fn missed(view: &View, seen: Reflects, log: &Log, truth: Reflects) -> Result<Option<u64>, StoreError> {
    if seen.journal > truth.journal {
        return Ok(Some(seen.journal));
    }
    let Some((size, root)) = view.head()? else { return Ok(None) };
    let stands = size <= truth.journal && log.root_at(size)? == root;
    Ok((!stands).then_some(size.max(seen.journal)))
}

/// That a torn tail is no more than a write that never finished. To close it clears its bytes, and those of a change that
/// was acknowledged and then damaged are evidence: the view has seen them, or a record of the journal vouches for them.
fn by_crash(torn: &TornLog, reflects: Option<Reflects>) -> Result<(), StoreError> {
    let (records, holdings) = (torn.records(), torn.holdings());
    match reflects {
        Some(seen) if seen.journal > records.len() || seen.holdings > holdings.len() => Err(StoreError::Torn),
        Some(_) => Ok(()),
        None => Ok(whole::check(records, holdings, None).map(drop)?),
    }
}
