//! What is kept of a directory elsewhere, in `DIR/directory/`: one file, written whole or not at all.
//!
//! No fact of ours (`holdings/` is what must not be lost, in the order in which it happened) and no evidence: a copy of what
//! somebody else publishes, which can be fetched anew. It stands apart from `view/` because it outlives a view that is thrown
//! away while its server is down, and is left out of backups.

use crate::store::keys::write_secret_in;
use fhir_mappings::directory::history::{Bounds, Replica};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// The folder's name in the data folder.
pub(crate) const FOLDER: &str = "directory";

#[derive(Clone)]
pub(super) struct Memory(PathBuf);

/// What is known, and since when.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) replica: Replica,
    pub(super) synced: Option<Timestamp>,
    pub(super) filled: Option<Timestamp>,
}

/// The first line; the replica follows.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    url: String,
    synced: Option<String>,
    filled: Option<String>,
}

impl Memory {
    pub(super) fn of(root: &Path) -> Self {
        Self(root.join(FOLDER))
    }

    /// What was kept of the directory at `url`; nothing when it was another, or cannot be read: then it is fetched anew.
    pub(super) fn kept(&self, url: &str) -> Kept {
        let Ok(bytes) = std::fs::read(self.0.join(FILE)) else { return Kept::default() };
        let kept = read(&bytes, url);
        if kept.is_none() {
            tracing::warn!(
                "what was kept of a directory elsewhere is not of this one, or broken: fetched anew"
            );
        }
        kept.unwrap_or_default()
    }

    pub(super) fn keep(&self, url: &str, kept: &Kept) -> io::Result<()> {
        let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let head = Head { url: url.to_owned(), synced: text(kept.synced), filled: text(kept.filled) };
        let mut bytes = serde_json::to_vec(&head)?;
        bytes.push(b'\n');
        bytes.extend(kept.replica.write());
        write_secret_in(&self.0, FILE, &bytes)
    }
}

fn read(bytes: &[u8], url: &str) -> Option<Kept> {
    let end = memchr::memchr(b'\n', bytes)?;
    let head: Head = serde_json::from_slice(bytes.get(..end)?).ok().filter(|head: &Head| head.url == url)?;
    let replica = Replica::read(bytes.get(end + 1..)?, Bounds::default())?;
    let instant = |text: Option<String>| text.and_then(|text| text.parse().ok());
    Some(Kept { replica, synced: instant(head.synced), filled: instant(head.filled) })
}

const FILE: &str = "elsewhere";
