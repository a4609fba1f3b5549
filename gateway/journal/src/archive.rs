//! A folder of evidence that nobody writes to: a cold copy. Reads, proves and verifies without a lock, a key or a
//! change to any byte.

use crate::error::{OpenError, ReadError};
use crate::finding::{Checked, Fault, Finding};
use crate::journal::CHECKPOINT;
use crate::note::{Checkpoint, VerifierKey};
use crate::port::{Access, Disk, Port};
use crate::proof::{self, Proof};
use crate::records::Records;
use crate::segment;
use crate::store::{Found, SEGMENT, TornBytes};
use crate::tiles::TileFiles;
use crate::verify::{self, Bound, Question};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A cold copy of a `journal/` folder.
#[derive(Debug)]
pub struct Archive {
    records: Records,
    tiles: TileFiles,
    head: Checkpoint,
    note: String,
}

impl Archive {
    /// Opens a copy for reading and proving; its checkpoint must be signed by one of `keys`. What else stands there is
    /// for [`Archive::verify`] to judge.
    ///
    /// # Errors
    /// When the folder cannot be read or has no such checkpoint.
    pub fn open(folder: &Path, keys: &[VerifierKey]) -> Result<Self, OpenError> {
        let port: Arc<dyn Port> = Arc::new(Disk);
        let found = Found::look(&*port, folder)?;
        let note = segment::read_all(&*port.open(&folder.join(CHECKPOINT), Access::Read)?)?;
        let broken = || OpenError::Broken {
            index: found.scan.next,
            file: CHECKPOINT.to_owned(),
            fault: "the checkpoint is not one of ours",
        };
        let note = String::from_utf8(note).map_err(|_| broken())?;
        let head = Checkpoint::open(&note, keys).map_err(|_| broken())?;
        let records = Records::new(port.clone(), folder.to_owned(), &found.firsts, found.scan.next);
        let tiles = TileFiles::open(port, folder, Access::Read)?;
        Ok(Self { records, tiles, head, note })
    }

    /// Records of any folder of segments, for instance a cold copy of `holdings/`.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn records_of(folder: &Path) -> Result<Records, OpenError> {
        let port: Arc<dyn Port> = Arc::new(Disk);
        let found = Found::read(&*port, folder)?;
        Ok(Records::new(port, PathBuf::from(folder), &found.firsts, found.scan.next))
    }

    /// What a copy lacks at its end, as far as it shows: bytes behind the last whole batch, or fewer records than its
    /// checkpoint, signed by one of `keys`, speaks of. Nothing before its last segment is looked at: see
    /// [`Archive::verify`].
    #[must_use]
    pub fn lacks(folder: &Path, keys: &[VerifierKey]) -> Option<Finding> {
        Self::end(folder, keys).err()
    }

    fn end(folder: &Path, keys: &[VerifierKey]) -> Result<(), Finding> {
        let unreadable = |error| Finding::new(0, CHECKPOINT, Fault::Unreadable(error));
        let found = Found::read(&Disk, folder)
            .map_err(|error| Finding::new(0, "", Fault::Unreadable(io::Error::other(error))))?;
        let next = found.scan.next;
        if let Some(TornBytes { file, offset, bytes }) = &found.torn {
            let fault = Fault::Torn { offset: *offset, bytes: bytes.len() as u64 };
            return Err(Finding::new(next, file, fault));
        }
        let note = Disk.open(&folder.join(CHECKPOINT), Access::Read).map_err(unreadable)?;
        let note = segment::read_all(&*note).map_err(unreadable)?;
        let head = str::from_utf8(&note).ok().and_then(|note| Checkpoint::open(note, keys).ok());
        let head = head.ok_or_else(|| Finding::new(next, CHECKPOINT, Fault::Checkpoint))?;
        let whole = head.size <= next;
        whole.then_some(()).ok_or_else(|| Finding::new(next, CHECKPOINT, Fault::CutAway { size: head.size }))
    }

    /// The records.
    #[must_use]
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The signed checkpoint that lies with the copy.
    #[must_use]
    pub fn checkpoint(&self) -> &str {
        &self.note
    }

    /// That the record of this index stands in that checkpoint's tree.
    ///
    /// # Errors
    /// When there is no such record under that checkpoint, or it cannot be read.
    pub fn prove(&self, index: u64) -> Result<Proof, ReadError> {
        proof::prove(&self.records, &self.tiles, index, self.head.size, self.note.clone())
    }

    /// Checks every byte of a folder that nobody writes to, but for its lock. `progress` hears the number of records
    /// checked so far.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn verify(
        folder: &Path,
        question: &Question<'_>,
        progress: impl FnMut(u64),
    ) -> Result<Checked, Finding> {
        let port: Arc<dyn Port> = Arc::new(Disk);
        verify::verify(&port, folder, question, Bound::Cold, SEGMENT, progress)
    }
}
