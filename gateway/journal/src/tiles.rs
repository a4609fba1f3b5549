//! The tree's hashes on disk: one file per C2SP tile level (height 8), each the level's hashes in a row, so that tile
//! `<L>/<N>` of any width is one slice of file `tile/<L>`, and no start rebuilds a tree.
//! Derived from the records: durable up to the current segment, derived anew from that segment at a start.

use crate::port::{Access, Port, PortFile};
use crate::store::is_full;
use crate::tree::{Hash, Nodes, Peaks, node_hash};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// Hashes in a full tile.
pub(crate) const WIDTH: u64 = 256;
const HASH: u64 = 32;
/// Heights of a tree that one tile level spans.
const HEIGHT: u32 = 8;

/// The writing end.
#[derive(Debug)]
pub(crate) struct Tiles {
    files: TileFiles,
    levels: Vec<Level>,
}

/// One level: what is on disk, what still has to go there, and the tile that is being filled.
#[derive(Debug, Default)]
struct Level {
    /// Bytes on disk that stand.
    written: u64,
    /// Bytes behind those.
    unwritten: Vec<u8>,
    /// Hashes of the partial tile.
    open: Vec<Hash>,
}

/// The reading end: level files, opened once. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct TileFiles {
    port: Arc<dyn Port>,
    folder: PathBuf,
    files: Arc<RwLock<Vec<Arc<dyn PortFile>>>>,
}

/// Number of hashes of a level in a tree of this size.
pub(crate) fn hashes_at(level: usize, size: u64) -> u64 {
    let shift = u32::try_from(level).unwrap_or(u32::MAX).saturating_mul(HEIGHT);
    size.checked_shr(shift).unwrap_or(0)
}

/// Root of a full tile, or of any power-of-two row of hashes.
pub(crate) fn row_root(mut row: Vec<Hash>) -> Option<Hash> {
    while row.len() > 1 {
        row = row.chunks_exact(2).filter_map(|pair| Some(node_hash(pair.first()?, pair.last()?))).collect();
    }
    row.pop()
}

impl Tiles {
    /// Opens the level files of a tree of at least `size` leaves and goes on from there; what stands behind is
    /// overwritten as the leaves from `size` on are pushed again.
    pub(crate) fn open(port: &Arc<dyn Port>, journal: &Path, size: u64) -> io::Result<Self> {
        let files = TileFiles::open(port.clone(), journal, Access::Write)?;
        let mut levels = Vec::new();
        for level in 0.. {
            let hashes = hashes_at(level, size);
            if hashes == 0 {
                break;
            }
            let open = files.row(level, hashes - hashes % WIDTH, hashes % WIDTH)?;
            levels.push(Level { written: hashes * HASH, unwritten: Vec::new(), open });
        }
        Ok(Self { files, levels })
    }

    /// The reading end.
    pub(crate) fn files(&self) -> &TileFiles {
        &self.files
    }

    /// Adds the next leaf; nothing goes to disk yet.
    pub(crate) fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Level::default());
            }
            let Some(row) = self.levels.get_mut(level) else { return };
            row.unwritten.extend_from_slice(&hash.0);
            row.open.push(hash);
            if (row.open.len() as u64) < WIDTH {
                return;
            }
            let Some(root) = row_root(std::mem::take(&mut row.open)) else { return };
            hash = root;
        }
    }

    /// Writes what was pushed, without a sync. `false`: the disk is full; what is left is kept for the next time.
    pub(crate) fn write(&mut self) -> io::Result<bool> {
        for (level, row) in self.levels.iter_mut().enumerate() {
            if row.unwritten.is_empty() {
                continue;
            }
            match self.files.create(level).and_then(|file| file.write_at(&row.unwritten, row.written)) {
                Err(error) if is_full(&error) => return Ok(false),
                written => written?,
            }
            row.written += row.unwritten.len() as u64;
            row.unwritten.clear();
        }
        Ok(true)
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.files.sync()
    }
}

impl TileFiles {
    /// Opens whatever level files there are below the journal's folder.
    pub(crate) fn open(port: Arc<dyn Port>, journal: &Path, access: Access) -> io::Result<Self> {
        let folder = journal.join("tile");
        if access == Access::Write {
            port.create_folder(&folder)?;
            port.sync_folder(journal)?;
        }
        let count = port.list(&folder).map_or(0, |names| names.len());
        let mut files: Vec<Arc<dyn PortFile>> = Vec::new();
        for level in 0..count {
            match port.open(&folder.join(level.to_string()), access) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                file => files.push(file?.into()),
            }
        }
        Ok(Self { port, folder, files: Arc::new(RwLock::new(files)) })
    }

    /// Hashes `from..from + count` of a level.
    pub(crate) fn row(&self, level: usize, from: u64, count: u64) -> io::Result<Vec<Hash>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let file = self.files.read().unwrap_or_else(PoisonError::into_inner).get(level).cloned();
        let Some(file) = file else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        let mut bytes = vec![0; usize::try_from(count * HASH).map_err(|_| io::ErrorKind::FileTooLarge)?];
        if file.read_at(&mut bytes, from * HASH)? < bytes.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes.chunks_exact(32).filter_map(|hash| Some(Hash(hash.try_into().ok()?))).collect())
    }

    /// Number of hashes of a level that are on disk.
    pub(crate) fn hashes(&self, level: usize) -> io::Result<u64> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        files.get(level).map_or(Ok(0), |file| Ok(file.size()? / HASH))
    }

    /// The right edge of the tree of this size.
    pub(crate) fn peaks(&self, size: u64) -> io::Result<Peaks> {
        let mut peaks = Vec::new();
        let mut start = 0;
        while start < size {
            let height = (size - start).ilog2();
            peaks.push(self.node(height, start >> height)?);
            start += 1 << height;
        }
        Peaks::from_parts(size, peaks).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn create(&self, level: usize) -> io::Result<Arc<dyn PortFile>> {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(level) {
            return Ok(file.clone());
        }
        let path = self.folder.join(level.to_string());
        let file: Arc<dyn PortFile> = match self.port.create(&path) {
            // A power loss can keep a higher level's name and lose a lower one's.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.port.open(&path, Access::Write)?.into()
            }
            created => created?.into(),
        };
        files.push(file.clone());
        Ok(file)
    }

    fn sync(&self) -> io::Result<()> {
        for file in self.files.read().unwrap_or_else(PoisonError::into_inner).iter() {
            file.sync()?;
        }
        self.port.sync_folder(&self.folder)
    }
}

impl Nodes for TileFiles {
    type Error = io::Error;

    fn node(&self, height: u32, place: u64) -> io::Result<Hash> {
        let level = usize::try_from(height / HEIGHT).unwrap_or(usize::MAX);
        let across = height % HEIGHT;
        let row = self.row(level, place << across, 1 << across)?;
        row_root(row).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}
