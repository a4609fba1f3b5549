//! The one writer: callers hand in entries, a thread of its own takes all that wait, lets each in or turns it away in
//! order, and commits them together: one write and sync per folder concerned, one signature, then everyone is woken.

use crate::entry::{Entry, Placed};
use crate::error::{AppendError, OpenError};
use crate::note::{Signer, VerifierKey};
use crate::tree::Hash;
use std::path::PathBuf;

/// Longest journal record in bytes (DESIGN.md 3: C2SP entry bundles carry 16-bit lengths).
pub const MAX_RECORD: usize = 60_000;
/// Longest holdings record in bytes.
pub const MAX_HOLDING: usize = 16 * 1024 * 1024 - 1;

/// What a log is opened with.
#[derive(Debug)]
pub struct LogSettings {
    /// The folder of evidence.
    pub journal: PathBuf,
    /// The folder of sealed state, in the same order as the journal.
    pub holdings: PathBuf,
    /// Signs checkpoints; its name is the log's origin.
    pub signer: Signer,
    /// Retired keys whose signatures still stand.
    pub retired: Vec<VerifierKey>,
}

/// A folder opened: whole, or with a tail that a crash tore and someone must close.
#[derive(Debug)]
pub enum Opened {
    /// Everything written is whole.
    Whole(Log),
    /// Bytes behind the last whole batch; nothing acknowledged is among them.
    Torn(TornLog),
}

/// A log that takes no appends until its torn tails are closed with a record.
#[derive(Debug)]
pub struct TornLog {
    torn: Vec<Torn>,
}

/// Bytes behind the last whole batch: what a write left that never finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// Which folder.
    pub folder: Folder,
    /// File within the folder.
    pub file: String,
    /// Where the tail begins in it, in bytes.
    pub offset: u64,
    /// Length up to the last byte that is not zero.
    pub bytes: u64,
    /// SHA-256 of those bytes.
    pub digest: Hash,
    /// Index of the next record, which is also the number of whole ones.
    pub next: u64,
}

/// One of the two folders of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folder {
    /// Evidence.
    Journal,
    /// Sealed state.
    Holdings,
}

impl TornLog {
    /// What is torn, at most one tail a folder.
    #[must_use]
    pub fn torn(&self) -> &[Torn] {
        &self.torn
    }

    /// Clears the torn bytes and appends `record`, the caller's words about it, as the next journal record.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn close(self, _record: Vec<u8>) -> Result<Log, OpenError> {
        Err(OpenError::InUse)
    }
}

/// An open log. Cheap to share behind an `Arc`; dropping the last one commits what waits and closes it.
#[derive(Debug)]
pub struct Log {}

impl Log {
    /// Opens both folders, creating them when absent.
    ///
    /// # Errors
    /// When another process holds them, the disk refuses, or what stands there does not hold.
    pub fn open(_settings: LogSettings) -> Result<Opened, OpenError> {
        Err(OpenError::InUse)
    }

    /// Appends and waits, on a task, until the entry is durable and applied.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append(&self, _entry: Entry) -> Result<Placed, AppendError> {
        Err(AppendError::Stopped)
    }

    /// Appends and waits, blocking this thread.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub fn append_blocking(&self, _entry: Entry) -> Result<Placed, AppendError> {
        Err(AppendError::Stopped)
    }
}
