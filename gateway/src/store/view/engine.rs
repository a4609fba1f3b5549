//! The two engines that can carry a view, behind one port: sled, which the owner of the project chose and which serves
//! a sandbox and a small region well, and redb for a region (`gateway/docs/decisions/0001-sled-as-view.md`).

use super::{Index, ViewError};
use redb::ReadableDatabase;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

/// Which engine carries the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// sled 0.34.
    Sled,
    /// redb 4.
    Redb,
}

impl EngineKind {
    /// The engine of a sandbox: sled, but for one whose view lies on redb, as `consent_figures grow` leaves it.
    #[must_use]
    pub fn of_sandbox(root: &Path) -> Self {
        if root.join("view").join(REDB_FILE).exists() { Self::Redb } else { Self::Sled }
    }
}

const REDB_FILE: &str = "view.redb";
const SLED_FOLDER: &str = "sled";

/// Sealed pairs that an index holds.
pub(super) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// What a view needs of its engine. Values are sealed above; an engine sees bytes.
pub(super) trait Engine: Send + Sync {
    fn get(&self, index: Index, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError>;
    fn scan(&self, index: Index, prefix: &[u8]) -> Result<Pairs, ViewError>;
    fn last_key(&self, index: Index) -> Result<Option<Vec<u8>>, ViewError>;
    /// Writes become visible together as far as the engine can; the notes (position, clean mark) last.
    fn apply(
        &self,
        writes: Vec<(Index, Vec<u8>, Vec<u8>)>,
        notes: &[(&[u8], &[u8])],
    ) -> Result<(), ViewError>;
    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>, ViewError>;
    fn flush(&self) -> Result<(), ViewError>;
}

pub(super) fn open(kind: EngineKind, folder: &Path) -> Result<Box<dyn Engine>, ViewError> {
    std::fs::create_dir_all(folder).map_err(|e| ViewError::Io(folder.to_owned(), e))?;
    Ok(match kind {
        EngineKind::Sled => Box::new(Sled::open(&folder.join(SLED_FOLDER))?),
        EngineKind::Redb => Box::new(Redb::open(&folder.join(REDB_FILE))?),
    })
}

const INDEXES: [(Index, &str); 7] = [
    (Index::Pseudonyms, "pseudonyms"),
    (Index::People, "people"),
    (Index::Hosted, "hosted"),
    (Index::Registry, "registry"),
    (Index::Timeline, "timeline"),
    (Index::Facets, "facets"),
    (Index::Times, "times"),
];

fn name(index: Index) -> &'static str {
    INDEXES.iter().find(|(i, _)| *i == index).map_or("", |(_, name)| name)
}

struct Sled {
    db: sled::Db,
    trees: Vec<(Index, sled::Tree)>,
}

impl Sled {
    fn open(path: &Path) -> Result<Self, ViewError> {
        // A small cache: the operating system's own holds the rest. Flushing is ours to call.
        let db = sled::Config::new().path(path).cache_capacity(CACHE_BYTES).flush_every_ms(None).open()?;
        let trees = INDEXES.iter().map(|(index, name)| Ok((*index, db.open_tree(name)?)));
        Ok(Self { trees: trees.collect::<Result<_, sled::Error>>()?, db })
    }

    fn tree(&self, index: Index) -> Result<&sled::Tree, ViewError> {
        self.trees.iter().find(|(i, _)| *i == index).map(|(_, tree)| tree).ok_or(ViewError::Damaged)
    }
}

impl Engine for Sled {
    fn get(&self, index: Index, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        Ok(self.tree(index)?.get(key)?.map(|value| value.to_vec()))
    }

    fn scan(&self, index: Index, prefix: &[u8]) -> Result<Pairs, ViewError> {
        let pairs = self.tree(index)?.scan_prefix(prefix);
        pairs.map(|pair| pair.map(|(k, v)| (k.to_vec(), v.to_vec())).map_err(ViewError::from)).collect()
    }

    fn last_key(&self, index: Index) -> Result<Option<Vec<u8>>, ViewError> {
        Ok(self.tree(index)?.last()?.map(|(key, _)| key.to_vec()))
    }

    fn apply(
        &self,
        writes: Vec<(Index, Vec<u8>, Vec<u8>)>,
        notes: &[(&[u8], &[u8])],
    ) -> Result<(), ViewError> {
        for (index, key, value) in writes {
            self.tree(index)?.insert(key, value)?;
        }
        for (name, value) in notes {
            self.db.insert(name, *value)?;
        }
        Ok(())
    }

    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        Ok(self.db.get(name)?.map(|value| value.to_vec()))
    }

    fn flush(&self) -> Result<(), ViewError> {
        self.db.flush()?;
        Ok(())
    }
}

struct Redb {
    db: redb::Database,
    /// One table for each of [`INDEXES`], opened by the first reader after a commit: to open one costs as much as to look
    /// a person up. A table sees the state of its commit, so that every commit closes them.
    open: [RwLock<Option<ReadTable>>; INDEXES.len()],
}

type ReadTable = redb::ReadOnlyTable<&'static [u8], &'static [u8]>;

const NOTES: redb::TableDefinition<'static, &[u8], &[u8]> = redb::TableDefinition::new("notes");

fn table(index: Index) -> redb::TableDefinition<'static, &'static [u8], &'static [u8]> {
    redb::TableDefinition::new(name(index))
}

fn engine(e: impl Into<redb::Error>) -> ViewError {
    ViewError::Redb(Box::new(e.into()))
}

impl Redb {
    fn open(path: &Path) -> Result<Self, ViewError> {
        let mut builder = redb::Builder::new();
        let db = builder.set_cache_size(REDB_CACHE_BYTES).create(path).map_err(engine)?;
        let made = Self { db, open: Default::default() };
        made.write(|transaction| {
            transaction.open_table(NOTES).map_err(engine)?;
            INDEXES
                .iter()
                .try_for_each(|(index, _)| transaction.open_table(table(*index)).map(|_| ()).map_err(engine))
        })?;
        Ok(made)
    }

    /// One transaction. Nothing here is the only copy of anything, so that no commit waits for the disk.
    fn write(
        &self,
        work: impl FnOnce(&redb::WriteTransaction) -> Result<(), ViewError>,
    ) -> Result<(), ViewError> {
        let mut transaction = self.db.begin_write().map_err(engine)?;
        transaction.set_durability(redb::Durability::None).map_err(engine)?;
        work(&transaction)?;
        let done = transaction.commit().map_err(engine);
        for open in &self.open {
            *open.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
        done
    }

    /// Reads a table as the last commit left it.
    fn read<T>(
        &self,
        index: Index,
        work: impl FnOnce(&ReadTable) -> Result<T, ViewError>,
    ) -> Result<T, ViewError> {
        let place = INDEXES.iter().position(|(i, _)| *i == index).ok_or(ViewError::Damaged)?;
        let open = self.open.get(place).ok_or(ViewError::Damaged)?;
        if let Some(table) = &*open.read().unwrap_or_else(PoisonError::into_inner) {
            return work(table);
        }
        let mut open = open.write().unwrap_or_else(PoisonError::into_inner);
        let fresh = self.db.begin_read().map_err(engine)?.open_table(table(index)).map_err(engine)?;
        work(open.insert(fresh))
    }
}

impl Engine for Redb {
    fn get(&self, index: Index, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        self.read(index, |table| Ok(table.get(key).map_err(engine)?.map(|value| value.value().to_vec())))
    }

    fn scan(&self, index: Index, prefix: &[u8]) -> Result<Pairs, ViewError> {
        self.read(index, |table| {
            let mut pairs = Vec::new();
            for pair in table.range(prefix..).map_err(engine)? {
                let (key, value) = pair.map_err(engine)?;
                if !key.value().starts_with(prefix) {
                    break;
                }
                pairs.push((key.value().to_vec(), value.value().to_vec()));
            }
            Ok(pairs)
        })
    }

    fn last_key(&self, index: Index) -> Result<Option<Vec<u8>>, ViewError> {
        use redb::ReadableTable;
        self.read(index, |table| Ok(table.last().map_err(engine)?.map(|(key, _)| key.value().to_vec())))
    }

    fn apply(
        &self,
        writes: Vec<(Index, Vec<u8>, Vec<u8>)>,
        notes: &[(&[u8], &[u8])],
    ) -> Result<(), ViewError> {
        self.write(|transaction| {
            for (index, key, value) in &writes {
                let mut open = transaction.open_table(table(*index)).map_err(engine)?;
                open.insert(key.as_slice(), value.as_slice()).map_err(engine)?;
            }
            let mut open = transaction.open_table(NOTES).map_err(engine)?;
            for (name, value) in notes {
                open.insert(*name, *value).map_err(engine)?;
            }
            Ok(())
        })
    }

    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        let read = self.db.begin_read().map_err(engine)?;
        let table = read.open_table(NOTES).map_err(engine)?;
        Ok(table.get(name).map_err(engine)?.map(|value| value.value().to_vec()))
    }

    fn flush(&self) -> Result<(), ViewError> {
        // A commit with the default durability makes everything before it durable.
        self.db.begin_write().map_err(engine)?.commit().map_err(engine)
    }
}

const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// What stays in a core's own cache. The pages lie in the operating system's anyway: the more of them are copied here, the
/// more new memory a person not looked up before costs (decision 0001, and the command that measures it).
const REDB_CACHE_BYTES: usize = 2 * 1024 * 1024;
