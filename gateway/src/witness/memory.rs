//! What a gateway remembers of its witness, in `DIR/witness/`: the newest cosigned checkpoint, and the gap that an operator
//! acknowledged. Not in backups: what comes back from one must not bring its own idea of how far it was seen.

use super::watch::Gap;
use crate::store::keys::write_secret_in;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use sluis_journal::tree::leaf_hash;
use sluis_journal::{Cosigned, Hash, Records, WitnessKey};
use std::io;
use std::path::{Path, PathBuf};

/// The folder's name in the data folder.
pub(crate) const FOLDER: &str = "witness";

/// The folder.
pub(super) struct Memory(PathBuf);

/// A gap that was acknowledged: with the record that says so, without which the file means nothing.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Acknowledged {
    size: u64,
    root: Option<String>,
    record: u64,
    leaf_hash: String,
}

impl Memory {
    pub(super) fn of(root: &Path) -> Self {
        Self(root.join(FOLDER))
    }

    /// The newest checkpoint of this log that this witness cosigned, as note and as read. What another witness signed
    /// before says nothing that we could check.
    pub(super) fn cosigned(&self, key: &WitnessKey, origin: &str) -> Option<(String, Cosigned)> {
        let note = std::fs::read_to_string(self.0.join(COSIGNED)).ok()?;
        match Cosigned::open(&note, key) {
            Ok(cosigned) if cosigned.checkpoint.origin == origin => Some((note, cosigned)),
            Ok(_) | Err(_) => {
                tracing::warn!("the remembered cosignature is not of this witness and log: passed over");
                None
            }
        }
    }

    pub(super) fn keep(&self, note: &str) -> io::Result<()> {
        write_secret_in(&self.0, COSIGNED, note.as_bytes())
    }

    /// Whether an operator acknowledged this very gap, by a record that still stands in the journal.
    pub(super) fn acknowledged(&self, gap: &Gap, records: &Records) -> bool {
        let kept = std::fs::read(self.0.join(ACKNOWLEDGED)).ok();
        let Some(kept) = kept.and_then(|kept| serde_json::from_slice::<Acknowledged>(&kept).ok()) else {
            return false;
        };
        let root = gap.root.map(|root| BASE64.encode(&root.0));
        let same = kept.size == gap.witnessed && (root.is_none() || kept.root.is_none() || root == kept.root);
        let record = || records.read(kept.record).ok().map(|record| BASE64.encode(&leaf_hash(&record).0));
        same && record() == Some(kept.leaf_hash)
    }

    pub(super) fn acknowledge(&self, gap: &Gap, record: u64, leaf: Hash) -> io::Result<()> {
        let root = gap.root.map(|root| BASE64.encode(&root.0));
        let leaf_hash = BASE64.encode(&leaf.0);
        let text = serde_json::to_vec(&Acknowledged { size: gap.witnessed, root, record, leaf_hash })?;
        write_secret_in(&self.0, ACKNOWLEDGED, &text)
    }

    /// Forgets what was acknowledged, if anything was.
    pub(super) fn settle(&self) {
        match std::fs::remove_file(self.0.join(ACKNOWLEDGED)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "an acknowledged gap cannot be forgotten");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

const COSIGNED: &str = "cosigned";
const ACKNOWLEDGED: &str = "acknowledged";
