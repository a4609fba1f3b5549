//! Append-only evidence that can be checked by anyone: segments of checksummed records, an RFC 6962 tree over them,
//! signed checkpoints, and one writer that commits in groups. It does not know what a record means, and it never
//! repairs anything unasked.
//!
//! On disk, `journal/` is: `<first index>.seg` (frames of records, each batch closed by a seal with the tree's root, our
//! signature and where the batch began; zeroed ahead), `tile/<level>` (the hashes of C2SP tile level 0, 1, …, in a row), `checkpoint` (the latest C2SP
//! signed note, which may lag behind the seals and never leads them; `checkpoint.new` while one that is longer is written) and `lock`. `holdings/` is segments alone. Assumed of a
//! disk: a sector of 512 bytes is written whole or not at all, and what a sync confirmed stays.
//!
//! A witness (C2SP tlog-witness) is handed [`Log::checkpoint`] and [`Log::consistency`], and judges them by [`witness`];
//! [`cosign`] is its signature. Co-signed notes are kept elsewhere, because every byte here is ours.
//!
//! ```text
//! log (one writer) -> journal (evidence: store + tiles + checkpoint)
//!                  -> store   (holdings: the same segments, opaque sealed records)
//! ```

pub mod archive;
pub mod cosign;
pub mod entry;
pub mod error;
pub mod finding;
pub mod log;
pub mod note;
pub mod port;
pub mod proof;
pub mod tree;
pub mod verify;
pub mod witness;

mod beside;
mod frame;
mod journal;
mod records;
mod segment;
mod store;
mod tiles;
mod writer;

pub use archive::Archive;
pub use cosign::{Cosigned, Cosigner, WitnessKey};
pub use entry::{Entry, Next, Placed, Rejected, Verdict};
pub use error::{AppendError, OpenError, ReadError};
pub use finding::{Checked, Fault, Finding};
pub use log::{Folder, Log, LogSettings, Opened, State, Torn, TornLog};
pub use note::{COUNTERSIGNERS, Checkpoint, Signer, VerifierKey};
pub use proof::Proof;
pub use records::{Records, RecordsFrom};
pub use tree::Hash;
pub use verify::Question;

#[cfg(test)]
mod tests;
