//! Append-only evidence that can be checked by anyone: segments of checksummed records, an RFC 6962 tree over them,
//! signed checkpoints, and one writer that commits in groups. It does not know what a record means, and it never
//! repairs anything unasked.
//!
//! ```text
//! log (one writer) -> journal (evidence: store + tiles + checkpoint)
//!                  -> store   (holdings: the same segments, opaque sealed records)
//! ```

pub mod archive;
pub mod entry;
pub mod error;
pub mod finding;
pub mod log;
pub mod note;
pub mod port;
pub mod proof;
pub mod tree;
pub mod verify;

mod frame;
mod journal;
mod records;
mod segment;
mod store;
mod tiles;
mod writer;

pub use archive::Archive;
pub use entry::{Entry, Next, Placed, Rejected, Verdict};
pub use error::{AppendError, OpenError, ReadError};
pub use finding::{Checked, Fault, Finding};
pub use log::{Folder, Log, LogSettings, Opened, State, Torn, TornLog};
pub use note::{Checkpoint, Signer, VerifierKey};
pub use proof::Proof;
pub use records::{Records, RecordsFrom};
pub use tree::Hash;
pub use verify::{Question, Signatures};

#[cfg(test)]
mod tests;
