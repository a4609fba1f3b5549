//! What a check of a folder comes to: what holds, or the first thing that does not.

use crate::tree::Hash;
use std::fmt;
use std::io;

/// What holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Number of records.
    pub records: u64,
    /// Root over them.
    pub root: Hash,
    /// Number of sealed batches.
    pub batches: u64,
    /// Records behind which the checkpoint file or the tiles lag; a crash leaves that, and the next start mends it.
    pub lag: u64,
}

/// The first thing that does not hold.
#[derive(Debug)]
pub struct Finding {
    /// First index that does not hold.
    pub index: u64,
    /// File within the folder.
    pub file: String,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong.
#[derive(Debug)]
pub enum Fault {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// No segment stands where this index should.
    Missing,
    /// Bytes behind the last whole batch: a torn tail, or a change.
    Torn {
        /// Where it begins in the file.
        offset: u64,
        /// Its length up to the last byte that is not zero.
        bytes: u64,
    },
    /// The record is not the one that the tree was built over.
    Leaf,
    /// The records do not lead to the root that their seal names.
    Root,
    /// A seal is not signed by a known key.
    Seal,
    /// A hash of the tree is not what the records make it.
    Tile,
    /// The checkpoint file is not exactly one of ours.
    Checkpoint,
    /// A checkpoint speaks of records that are not there.
    CutAway {
        /// The number of records it speaks of.
        size: u64,
    },
    /// A checkpoint speaks of another tree.
    Fork {
        /// The number of records it speaks of.
        size: u64,
    },
    /// The older checkpoint that was given is not signed by a known key.
    Older,
    /// A file that has no business here.
    Stray,
    /// What the record speaks of, and what lies beside the journal, do not go together: in the words of whoever knows what
    /// records mean.
    Beside(String),
}

impl Finding {
    pub(crate) fn new(index: u64, file: &str, fault: Fault) -> Self {
        Self { index, file: file.to_owned(), fault }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {} does not hold: ", self.index)?;
        if !self.file.is_empty() {
            write!(f, "{}: ", self.file)?;
        }
        match &self.fault {
            Fault::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Fault::Missing => f.write_str("the segment before it is missing or cut"),
            Fault::Torn { offset, bytes } => write!(f, "torn tail of {bytes} bytes at byte {offset}"),
            Fault::Leaf => f.write_str("the record is not the one that was recorded"),
            Fault::Root => f.write_str("the records do not lead to their sealed root"),
            Fault::Seal => f.write_str("the seal is not signed by a known key"),
            Fault::Tile => f.write_str("the tree's hashes do not follow from the records"),
            Fault::Checkpoint => f.write_str("not exactly a checkpoint signed by a known key"),
            Fault::CutAway { size } => write!(f, "a checkpoint speaks of {size} records"),
            Fault::Fork { size } => write!(f, "the checkpoint of {size} records speaks of another tree"),
            Fault::Older => f.write_str("the older checkpoint is not signed by a known key"),
            Fault::Stray => f.write_str("has no business here"),
            Fault::Beside(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for Finding {}
