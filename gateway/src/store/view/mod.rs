//! The view in `view/`: present state and indexes, built from `holdings/` and `journal/`, thrown away at will.
//!
//! It carries the position it reflects. At start it counts as good only if it was closed cleanly, or within the
//! same boot, and reflects exactly the records that stand; else it is rebuilt (DESIGN.md 1). No engine's flush need be
//! power-safe: nothing here is the only copy. Values are sealed.

mod engine;

pub use engine::EngineKind;

use super::seal::{Cipher, Key};
use arc_swap::ArcSwap;
use engine::Engine;
use sluis_journal::Hash;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// Keys with their values, in key order.
pub type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// A failure of the view. The truth is elsewhere: the answer is to refuse, and to rebuild.
#[derive(Debug)]
pub enum ViewError {
    /// sled failed.
    Engine(sled::Error),
    /// redb failed.
    Redb(Box<redb::Error>),
    /// A value does not open or parse: the view is damaged.
    Damaged,
    /// The folder could not be made or removed.
    Io(PathBuf, std::io::Error),
}

impl std::fmt::Display for ViewError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Engine(e) => write!(f, "view: {e}"),
            Self::Redb(e) => write!(f, "view: {e}"),
            Self::Damaged => f.write_str("view: a value does not open"),
            Self::Io(path, e) => write!(f, "{}: {e}", path.display()),
        }
    }
}

impl std::error::Error for ViewError {}

impl From<sled::Error> for ViewError {
    fn from(e: sled::Error) -> Self {
        Self::Engine(e)
    }
}

/// How much of the truth a view reflects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct Reflects {
    /// Records of `holdings/`.
    pub holdings: u64,
    /// Records of `journal/`.
    pub journal: u64,
    /// Tags in `keys/` that had their key.
    pub tags: u64,
}

/// The indexes that the view keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// Pseudonym to person.
    Pseudonyms,
    /// Person to identity, consents, relations and attestations.
    People,
    /// Person and holder to hosted resources.
    Hosted,
    /// Participants, their people and blocked certificates.
    Registry,
    /// Tag and journal index: what a person's timeline is read from.
    Timeline,
    /// Block of journal records to what they are found by.
    Facets,
    /// Block of journal records to the times between which they stand.
    Times,
}

/// Changes that become visible together.
#[derive(Default)]
pub struct Batch {
    writes: Vec<(Index, Vec<u8>, Vec<u8>)>,
}

impl Batch {
    /// How many writes it has.
    pub(super) fn len(&self) -> usize {
        self.writes.len()
    }

    /// Sets a value.
    pub fn set(&mut self, index: Index, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.writes.push((index, key.into(), value.into()));
    }
}

/// The embedded view.
pub struct View {
    /// Replaced whole when the view is built anew: an engine that met a full disk stays broken.
    engine: RwLock<Option<Box<dyn Engine>>>,
    kind: EngineKind,
    folder: PathBuf,
    /// What seals now, last, and what sealed before it: a value ends with the place of its cipher among these.
    ciphers: ArcSwap<Vec<Cipher>>,
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("View")
    }
}

impl View {
    /// Opens the view, and says what it reflects: `None` when it is new, damaged or was closed uncleanly under
    /// another boot, and so must be rebuilt into the empty view returned.
    ///
    /// # Errors
    /// See [`ViewError`]; a damaged view is no error, it is removed.
    pub fn open(
        kind: EngineKind,
        folder: &Path,
        keys: &[Key],
    ) -> Result<(Self, Option<Reflects>), ViewError> {
        let found = engine::open(kind, folder).and_then(|engine| Ok((reflects(&*engine)?, engine)));
        let (engine, reflects) = match found {
            Ok((Some(reflects), engine)) => (engine, Some(reflects)),
            unusable => {
                // A gap that nobody acknowledged outlives the view that knows of it, where it can still be read.
                let gap = unusable.ok().and_then(|(_, engine)| engine.note(GAP).ok().flatten());
                remove(folder)?;
                let engine = engine::open(kind, folder)?;
                gap.map_or(Ok(()), |gap| engine.apply(Vec::new(), &[(GAP, &gap)]))?;
                (engine, None)
            }
        };
        mark(&*engine, boot_id().as_bytes())?;
        let ciphers = ArcSwap::from_pointee(ready(keys)?);
        let view = Self { engine: RwLock::new(Some(engine)), kind, folder: folder.to_owned(), ciphers };
        Ok((view, reflects))
    }

    /// Seals with the last of these keys, oldest first, from now on.
    ///
    /// # Errors
    /// [`ViewError::Damaged`]: a key cannot be used.
    pub fn take_keys(&self, keys: &[Key]) -> Result<(), ViewError> {
        self.ciphers.store(Arc::new(ready(keys)?));
        Ok(())
    }

    /// Throws the view away and begins with an empty one, also when the engine has failed.
    ///
    /// # Errors
    /// See [`ViewError`]; then there is no view until it succeeds.
    pub fn renew(&self) -> Result<(), ViewError> {
        let mut engine = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        drop(engine.take());
        remove(&self.folder)?;
        let fresh = engine::open(self.kind, &self.folder)?;
        mark(&*fresh, boot_id().as_bytes())?;
        *engine = Some(fresh);
        Ok(())
    }

    /// The tree of the journal as the view last saw it: its size and root.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn head(&self) -> Result<Option<(u64, Hash)>, ViewError> {
        let head = self.with(|engine| engine.note(HEAD))?.unwrap_or_default();
        let parts = head.split_first_chunk::<8>();
        Ok(parts.and_then(|(size, root)| Some((u64::from_be_bytes(*size), Hash(root.try_into().ok()?)))))
    }

    /// Remembers a tree as seen.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn see(&self, size: u64, root: Hash) -> Result<(), ViewError> {
        let head = [size.to_be_bytes().as_slice(), &root.0].concat();
        self.with(|engine| engine.apply(Vec::new(), &[(HEAD, &head)]))
    }

    /// How many records a view of before saw that do not stand any more, where nobody has acknowledged that.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn gap(&self) -> Result<Option<u64>, ViewError> {
        let gap = self.with(|engine| engine.note(GAP))?.and_then(|gap| gap.try_into().ok());
        Ok(gap.map(u64::from_be_bytes).filter(|seen| *seen > 0))
    }

    /// Remembers such a gap until it is acknowledged, also over a kill.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn set_gap(&self, seen: Option<u64>) -> Result<(), ViewError> {
        let seen = seen.unwrap_or_default().to_be_bytes();
        self.with(|engine| engine.apply(Vec::new(), &[(GAP, &seen)]).and_then(|()| engine.flush()))
    }

    /// Makes durable what the view has come to, so that a process that is killed leaves it so.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn flush(&self) -> Result<(), ViewError> {
        self.with(|engine| engine.flush())
    }

    /// Throws the view away: the next start builds it anew.
    ///
    /// # Errors
    /// [`ViewError::Io`].
    pub fn discard(&self) -> Result<(), ViewError> {
        let mut engine = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        drop(engine.take());
        remove(&self.folder)
    }

    fn with<T>(&self, work: impl FnOnce(&dyn Engine) -> Result<T, ViewError>) -> Result<T, ViewError> {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        work(&**engine.as_ref().ok_or(ViewError::Damaged)?)
    }

    fn place(index: Index, key: &[u8]) -> Vec<u8> {
        [&[index as u8], key].concat()
    }

    /// One value.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn get(&self, index: Index, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        let Some(sealed) = self.with(|engine| engine.get(index, key))? else { return Ok(None) };
        open(&self.ciphers.load(), &Self::place(index, key), sealed).map(Some)
    }

    /// Every value whose key starts with `prefix`, in key order.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn scan(&self, index: Index, prefix: &[u8]) -> Result<Rows, ViewError> {
        let mut found = self.with(|engine| engine.scan(index, prefix))?;
        let ciphers = self.ciphers.load();
        for (key, value) in &mut found {
            *value = open(&ciphers, &Self::place(index, key), std::mem::take(value))?;
        }
        Ok(found)
    }

    /// The highest key of an index.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn last_key(&self, index: Index) -> Result<Option<Vec<u8>>, ViewError> {
        self.with(|engine| engine.last_key(index))
    }

    /// Sets one value that follows from the truth alone, whatever position the view is at.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub(super) fn put(&self, index: Index, key: &[u8], value: &[u8]) -> Result<(), ViewError> {
        let sealed = seal(&self.ciphers.load(), &Self::place(index, key), value)?;
        self.with(|engine| engine.apply(vec![(index, key.to_vec(), sealed)], &[]))
    }

    /// Applies a batch, then moves the position.
    ///
    /// # Errors
    /// See [`ViewError`]; the view may then be half-way and must be rebuilt.
    pub fn apply(&self, batch: Batch, reflects: Reflects) -> Result<(), ViewError> {
        let mut writes = batch.writes;
        let ciphers = self.ciphers.load();
        for (index, key, value) in &mut writes {
            *value = seal(&ciphers, &Self::place(*index, key), value)?;
        }
        let position = [reflects.holdings, reflects.journal, reflects.tags].map(u64::to_be_bytes).concat();
        self.with(|engine| engine.apply(writes, &[(POSITION, &position)]))
    }

    /// Flushes and marks the view as closed cleanly.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn close(&self) -> Result<(), ViewError> {
        self.with(|engine| {
            engine.flush()?;
            mark(engine, b"closed")?;
            engine.flush()
        })
    }
}

fn ready(keys: &[Key]) -> Result<Vec<Cipher>, ViewError> {
    keys.iter().map(|key| key.cipher().map_err(|_| ViewError::Damaged)).collect()
}

fn seal(ciphers: &[Cipher], place: &[u8], value: &[u8]) -> Result<Vec<u8>, ViewError> {
    let (cipher, before) = ciphers.split_last().ok_or(ViewError::Damaged)?;
    let mut sealed = cipher.seal(place, value).map_err(|_| ViewError::Damaged)?;
    sealed.push(u8::try_from(before.len()).map_err(|_| ViewError::Damaged)?);
    Ok(sealed)
}

fn open(ciphers: &[Cipher], place: &[u8], mut sealed: Vec<u8>) -> Result<Vec<u8>, ViewError> {
    let cipher = sealed.pop().and_then(|which| ciphers.get(usize::from(which))).ok_or(ViewError::Damaged)?;
    cipher.open(place, sealed).map_err(|_| ViewError::Damaged)
}

fn mark(engine: &dyn Engine, mark: &[u8]) -> Result<(), ViewError> {
    engine.apply(Vec::new(), &[(CLEAN, mark)])
}

fn reflects(engine: &dyn Engine) -> Result<Option<Reflects>, ViewError> {
    let mark = engine.note(CLEAN)?.unwrap_or_default();
    let trusted = mark == b"closed" || mark == boot_id().as_bytes();
    let position = engine.note(POSITION)?.filter(|_| trusted);
    Ok(position.and_then(|position| {
        let (numbers, []) = position.as_chunks::<8>() else { return None };
        let [holdings, journal, tags] =
            numbers.try_into().map(|all: [[u8; 8]; 3]| all.map(u64::from_be_bytes)).ok()?;
        Some(Reflects { holdings, journal, tags })
    }))
}

/// Removes a view, so that the next start builds it anew.
///
/// # Errors
/// [`ViewError::Io`].
pub fn remove(folder: &Path) -> Result<(), ViewError> {
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(ViewError::Io(folder.to_owned(), e)),
        _ => Ok(()),
    }
}

/// The kernel's id of this boot: after a power loss it differs, and an unclean view is not trusted.
fn boot_id() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    // Without one, no uncleanly closed view is ever trusted.
    if id.trim().is_empty() { uuid::Uuid::new_v4().to_string() } else { id.trim().to_owned() }
}

/// The number is that of the form of the values: a view of another form has no position here, and is built anew.
const POSITION: &[u8] = b"position 8";
const CLEAN: &[u8] = b"clean";
const HEAD: &[u8] = b"head";
const GAP: &[u8] = b"gap";

#[cfg(test)]
mod tests;
