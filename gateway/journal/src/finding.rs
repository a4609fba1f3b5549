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
    /// Records by which the checkpoint file or the tiles lag: of the last batch at most. A process that was killed leaves
    /// that, and the next start mends it.
    pub lag: u64,
    /// A file that was begun and not finished: the next checkpoint, or a segment without a batch. The same leaves it.
    pub unfinished: Option<String>,
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
    /// A seal names another beginning of its batch: one before it was left out.
    Batch,
    /// Tiles or checkpoint end by more than a batch before the records. What a loss of power or a full disk may leave of a
    /// journal that was not closed, and whoever cuts them too.
    Lag {
        /// The number of records that stand; those from the finding's index on are lacking.
        records: u64,
    },
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
        if let Fault::Lag { records } = self.fault {
            // No record is called false: what is lacking can be made of those that stand.
            return write!(
                f,
                "lag from record {} on: {} ends there, and {records} records stand. A loss of power or a full disk may leave \
                 that, and the next start makes it good; of a journal that was closed it was cut",
                self.index, self.file
            );
        }
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
            Fault::Batch => f.write_str("a seal before that of its batch is left out"),
            Fault::Lag { .. } => Ok(()),
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
