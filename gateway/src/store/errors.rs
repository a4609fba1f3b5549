//! Why the store did not record or did not open.

use super::keys::KeyError;
use super::leaf::LeafError;
use super::view::ViewError;
use super::whole::Unsound;
use sluis_journal::{AppendError, OpenError, ReadError};

/// Why something was not recorded. In every case nothing may be released.
#[derive(Debug)]
pub enum RecordError {
    /// What it was decided on has moved: decide again.
    Moved,
    /// The disk is full, or the log stopped.
    Unavailable,
    /// It cannot be made into a record.
    Unfit,
}

/// Why the store does not open.
#[derive(Debug)]
pub enum StoreError {
    /// The key ring.
    Keys(KeyError),
    /// Journal or holdings.
    Log(OpenError),
    /// The view, after one rebuild.
    View(ViewError),
    /// A record that should be there cannot be read.
    Read(ReadError),
    /// A holdings record does not open under its key.
    Holdings(u64),
    /// A record of the journal is none that this program wrote or knows.
    Record(u64),
    /// Journal and holdings do not go together.
    Unsound(Unsound),
    /// A tail that is torn where the view has seen whole records: no crash leaves that.
    Torn,
    /// The journal's signing key or origin is no good.
    Origin,
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keys(e) => write!(f, "keys: {e}"),
            Self::Log(e) => write!(f, "{e}"),
            Self::View(e) => write!(f, "{e}"),
            Self::Read(e) => write!(f, "{e}"),
            Self::Holdings(index) => write!(f, "holdings: record {index} does not open under its key"),
            Self::Record(index) => write!(
                f,
                "journal: record {index} is in no form that this program knows: was it written by a newer one?"
            ),
            Self::Unsound(found) => write!(f, "{found}; {WAY_OUT}"),
            Self::Torn => write!(f, "bytes are damaged that were whole when the view read them; {WAY_OUT}"),
            Self::Origin => f.write_str("the journal's origin or signing key is no good"),
        }
    }
}

/// Nothing is mended here unasked: what was decided on a half of it would be wrong, and what it shows is evidence.
const WAY_OUT: &str = "nothing was changed: keep this folder as it is, and restore a backup into another";

impl std::error::Error for StoreError {}

impl From<Unsound> for StoreError {
    fn from(found: Unsound) -> Self {
        Self::Unsound(found)
    }
}
impl From<KeyError> for StoreError {
    fn from(e: KeyError) -> Self {
        Self::Keys(e)
    }
}
impl From<OpenError> for StoreError {
    fn from(e: OpenError) -> Self {
        Self::Log(e)
    }
}
impl From<ViewError> for StoreError {
    fn from(e: ViewError) -> Self {
        Self::View(e)
    }
}
impl From<ReadError> for StoreError {
    fn from(e: ReadError) -> Self {
        Self::Read(e)
    }
}

impl From<LeafError> for RecordError {
    fn from(_: LeafError) -> Self {
        Self::Unfit
    }
}

impl From<AppendError> for RecordError {
    fn from(e: AppendError) -> Self {
        match e {
            AppendError::Rejected(_) => Self::Moved,
            AppendError::Full | AppendError::Stopped => Self::Unavailable,
            AppendError::Unfit => Self::Unfit,
        }
    }
}
