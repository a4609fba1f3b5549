//! The view in `view/`: present state and indexes on sled, built from `holdings/` and `journal/`, thrown away at will.
//!
//! It carries the position it reflects. At start it counts as good only if it was closed cleanly, or within the
//! same boot, and reflects exactly the records that stand; else it is rebuilt (DESIGN.md 1). sled's `flush` is not
//! power-safe on Linux, and need not be: nothing here is the only copy. Values are sealed.

use super::seal::Key;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

/// A failure of the view. The truth is elsewhere: the answer is to refuse, and to rebuild.
#[derive(Debug)]
pub enum ViewError {
    /// The engine failed.
    Engine(sled::Error),
    /// A value does not open or parse: the view is damaged.
    Damaged,
    /// The folder could not be made or removed.
    Io(PathBuf, std::io::Error),
}

impl std::fmt::Display for ViewError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Engine(e) => write!(f, "view: {e}"),
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
}

/// Changes that become visible together.
#[derive(Default)]
pub struct Batch {
    writes: Vec<(Index, Vec<u8>, Vec<u8>)>,
}

impl Batch {
    /// Sets a value.
    pub fn set(&mut self, index: Index, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.writes.push((index, key.into(), value.into()));
    }
}

/// The embedded view.
pub struct View {
    /// Replaced whole when the view is built anew: an engine that met a full disk stays broken.
    engine: RwLock<Option<Engine>>,
    folder: PathBuf,
    key: Key,
}

struct Engine {
    db: sled::Db,
    trees: [sled::Tree; 5],
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
    pub fn open(folder: &Path, key: Key) -> Result<(Self, Option<Reflects>), ViewError> {
        let (engine, reflects) = match Engine::open(folder) {
            Ok(engine) => {
                let reflects = engine.reflects();
                (Some(engine).filter(|_| reflects.is_some()), reflects)
            }
            Err(_) => (None, None),
        };
        let engine = match engine {
            Some(engine) => engine,
            None => {
                remove(folder)?;
                Engine::open(folder)?
            }
        };
        engine.db.insert(CLEAN, boot_id().as_bytes())?;
        Ok((Self { engine: RwLock::new(Some(engine)), folder: folder.to_owned(), key }, reflects))
    }

    /// Throws the view away and begins with an empty one, also when the engine has failed.
    ///
    /// # Errors
    /// See [`ViewError`]; then there is no view until it succeeds.
    pub fn renew(&self) -> Result<(), ViewError> {
        let mut engine = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        drop(engine.take());
        remove(&self.folder)?;
        let fresh = Engine::open(&self.folder)?;
        fresh.db.insert(CLEAN, boot_id().as_bytes())?;
        *engine = Some(fresh);
        Ok(())
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

    fn with<T>(&self, work: impl FnOnce(&Engine) -> Result<T, ViewError>) -> Result<T, ViewError> {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        work(engine.as_ref().ok_or(ViewError::Damaged)?)
    }

    fn place(index: Index, key: &[u8]) -> Vec<u8> {
        [&[index as u8], key].concat()
    }

    /// One value.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn get(&self, index: Index, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        let Some(sealed) = self.with(|engine| Ok(engine.tree(index).get(key)?))? else { return Ok(None) };
        self.key.open(&Self::place(index, key), &sealed).map(Some).map_err(|_| ViewError::Damaged)
    }

    /// Every value whose key starts with `prefix`, in key order.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn scan(&self, index: Index, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, ViewError> {
        self.with(|engine| {
            let mut found = Vec::new();
            for pair in engine.tree(index).scan_prefix(prefix) {
                let (key, sealed) = pair?;
                let place = Self::place(index, &key);
                let value = self.key.open(&place, &sealed).map_err(|_| ViewError::Damaged)?;
                found.push((key.to_vec(), value));
            }
            Ok(found)
        })
    }

    /// The highest key of an index.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn last_key(&self, index: Index) -> Result<Option<Vec<u8>>, ViewError> {
        self.with(|engine| Ok(engine.tree(index).last()?.map(|(key, _)| key.to_vec())))
    }

    /// Applies a batch, then moves the position.
    ///
    /// # Errors
    /// See [`ViewError`]; the view may then be half-way and must be rebuilt.
    pub fn apply(&self, batch: Batch, reflects: Reflects) -> Result<(), ViewError> {
        self.with(|engine| {
            for (index, key, value) in batch.writes {
                let sealed =
                    self.key.seal(&Self::place(index, &key), &value).map_err(|_| ViewError::Damaged)?;
                engine.tree(index).insert(key, sealed)?;
            }
            let position = [reflects.holdings.to_be_bytes(), reflects.journal.to_be_bytes()].concat();
            engine.db.insert(POSITION, position)?;
            Ok(())
        })
    }

    /// Flushes and marks the view as closed cleanly.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn close(&self) -> Result<(), ViewError> {
        self.with(|engine| {
            engine.db.flush()?;
            engine.db.insert(CLEAN, b"closed".as_slice())?;
            engine.db.flush()?;
            Ok(())
        })
    }
}

impl Engine {
    fn open(folder: &Path) -> Result<Self, ViewError> {
        // A small cache: the operating system's own holds the rest. Flushing is ours to call.
        let db = sled::Config::new().path(folder).cache_capacity(CACHE_BYTES).flush_every_ms(None).open()?;
        let tree = |name: &str| db.open_tree(name);
        let trees =
            [tree("pseudonyms")?, tree("people")?, tree("hosted")?, tree("registry")?, tree("timeline")?];
        Ok(Self { db, trees })
    }

    fn reflects(&self) -> Option<Reflects> {
        let mark = self.db.get(CLEAN).ok()??;
        let trusted = mark.as_ref() == b"closed" || mark.as_ref() == boot_id().as_bytes();
        let position = self.db.get(POSITION).ok()??;
        let (holdings, journal) = position.split_first_chunk::<8>()?;
        let journal: &[u8; 8] = journal.try_into().ok()?;
        let reflects =
            Reflects { holdings: u64::from_be_bytes(*holdings), journal: u64::from_be_bytes(*journal) };
        trusted.then_some(reflects)
    }

    fn tree(&self, index: Index) -> &sled::Tree {
        let [pseudonyms, people, hosted, registry, timeline] = &self.trees;
        match index {
            Index::Pseudonyms => pseudonyms,
            Index::People => people,
            Index::Hosted => hosted,
            Index::Registry => registry,
            Index::Timeline => timeline,
        }
    }
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

const POSITION: &[u8] = b"position";
const CLEAN: &[u8] = b"clean";
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::{Batch, Index, Reflects, View};
    use crate::store::seal::Key;

    fn one() -> Batch {
        let mut batch = Batch::default();
        batch.set(Index::People, *b"a", *b"1");
        batch
    }

    #[test]
    fn a_view_says_what_it_reflects_and_is_new_without_that() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("view");
        let key = Key::random().unwrap();
        let (view, reflects) = View::open(&folder, key.clone()).unwrap();
        assert_eq!(reflects, None);
        view.apply(one(), Reflects { holdings: 2, journal: 3 }).unwrap();
        view.close().unwrap();
        drop(view);
        let (view, reflects) = View::open(&folder, key).unwrap();
        assert_eq!(reflects, Some(Reflects { holdings: 2, journal: 3 }));
        assert_eq!(view.get(Index::People, b"a").unwrap().unwrap(), b"1");
        assert_eq!(view.scan(Index::People, b"").unwrap().len(), 1);
    }

    #[test]
    fn a_view_left_open_under_another_boot_is_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("view");
        let key = Key::random().unwrap();
        let (view, _) = View::open(&folder, key.clone()).unwrap();
        view.apply(one(), Reflects { holdings: 2, journal: 3 }).unwrap();
        view.with(|engine| {
            engine.db.insert(super::CLEAN, b"some other boot".as_slice()).unwrap();
            engine.db.flush().unwrap();
            Ok(())
        })
        .unwrap();
        drop(view);
        let (view, reflects) = View::open(&folder, key).unwrap();
        assert_eq!(reflects, None);
        assert!(view.get(Index::People, b"a").unwrap().is_none());
    }
}
