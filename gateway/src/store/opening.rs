//! How the store is opened: log, view and keys, in an order in which nothing is mended before it is known to be no more
//! than what a crash leaves.

use super::inner::Inner;
use super::keys::{Keys, Use};
use super::leaf::Draft;
use super::view::{self, Reflects, View};
use super::{Folders, Found, Store, StoreError, signers, view_keys, whole};
use arc_swap::ArcSwap;
use sluis_journal::{Log, LogSettings, Opened, Torn, TornLog};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};

impl Store {
    /// Opens the four folders, making them when absent, and brings the view up to the truth.
    /// `torn` words the record that closes torn tails, from what is torn.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(folders: &Folders, torn: impl FnOnce(&[Torn]) -> Draft) -> Result<(Self, Found), StoreError> {
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
        // A view ahead of the truth reflects records that a power loss took back: not ours.
        let (view, reflects) = match reflects {
            Some(r) if r.holdings <= truth.holdings && r.journal <= truth.journal => (view, r),
            Some(_) => {
                drop(view);
                view::remove(&view_folder)?;
                found.rebuilt = true;
                (View::open(folders.engine, &view_folder, &view_keys(&keys)?)?.0, Reflects::default())
            }
            None => {
                found.rebuilt = truth.journal > 0;
                (view, Reflects::default())
            }
        };
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
        };
        *inner.followed() = inner.catch_up(reflects, truth, &mut found)?;
        let trust = inner.read_trust()?.at_epoch(truth.holdings + 1);
        inner.lock().trust = trust.epoch();
        inner.trust.replace(trust);
        Ok((Self { inner: Arc::new(inner), log, held_back: AtomicBool::new(false) }, found))
    }
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
