//! What can go wrong, by the boundary at which a caller meets it. Messages name files and places, never content.

use crate::entry::Rejected;
use std::fmt;
use std::io;

/// Why an append did not take place. In every case nothing of the entry is durable as far as the caller may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendError {
    /// The entry's own condition turned it away; decide again.
    Rejected(Rejected),
    /// No room; nothing was written. The next append tries again by itself.
    Full,
    /// A write or sync failed earlier or just now. The log serves no append any more until it is opened anew.
    Stopped,
    /// A record is longer than the log takes, or the entry is empty.
    Unfit,
}

/// Why a folder was not opened.
#[derive(Debug)]
pub enum OpenError {
    /// Another process holds the folder.
    InUse,
    /// There is no key to sign with.
    NoKey,
    /// The disk refused.
    Disk(io::Error),
    /// What stands there does not hold together: first index concerned, and in which file.
    Broken {
        /// First index that does not hold.
        index: u64,
        /// File within the folder.
        file: String,
        /// What is wrong with it.
        fault: &'static str,
    },
}

/// Why a record or proof could not be read.
#[derive(Debug)]
pub enum ReadError {
    /// No record of that index.
    Absent,
    /// The disk refused.
    Disk(io::Error),
    /// What stands at that index does not hold together.
    Broken {
        /// The index.
        index: u64,
        /// What is wrong with it.
        fault: &'static str,
    },
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(Rejected(code)) => write!(f, "the entry's condition no longer holds ({code})"),
            Self::Full => f.write_str("no room on the disk"),
            Self::Stopped => f.write_str("the log has stopped after a disk error"),
            Self::Unfit => f.write_str("a record is too long, or the entry is empty"),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse => f.write_str("the folder is in use by another process"),
            Self::NoKey => f.write_str("there is no key to sign with"),
            Self::Disk(error) => write!(f, "the disk refused: {error}"),
            Self::Broken { index, file, fault } => write!(f, "{file}: record {index}: {fault}"),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("no such record"),
            Self::Disk(error) => write!(f, "the disk refused: {error}"),
            Self::Broken { index, fault } => write!(f, "record {index}: {fault}"),
        }
    }
}

impl std::error::Error for AppendError {}
impl std::error::Error for OpenError {}
impl std::error::Error for ReadError {}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}
