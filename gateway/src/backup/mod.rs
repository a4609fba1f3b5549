//! Backups: an encrypted archive of the data folder, taken while the gateway serves, and its way back.
//!
//! `keys/` goes into an archive of its own, for it is what makes forgetting possible: it must expire sooner than the
//! rest (DESIGN.md 4). The view is not kept: it is built anew. The master key is in neither archive.

mod archive;
mod restore;
mod snapshot;

pub use archive::ArchiveError;
pub use restore::{Restored, check, unpack};
pub use snapshot::{Part, Snapshot};

use crate::store::seal::Key;
use std::path::Path;

/// The two archives of one backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volume {
    /// `journal/`, `holdings/` and the small files beside them.
    Data,
    /// `keys/`, wrapped as they lie.
    Keys,
}

impl Volume {
    /// The name under which its frames are sealed.
    fn label(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Keys => "keys",
        }
    }

    /// The key that seals this volume, derived from the master key: who can restore can also open, and nobody else.
    fn key(self, master: &Key) -> Key {
        master.derive(&format!("backup {}", self.label()))
    }
}

/// Refuses an archive below the data folder: it would be lost with it, and lie among what is ours.
///
/// # Errors
/// [`ArchiveError::Inside`]; [`ArchiveError::Io`] when a folder on the way there is missing.
pub fn outside(root: &Path, archives: [&Path; 2]) -> Result<(), ArchiveError> {
    let real = |path: &Path| path.canonicalize().map_err(|e| ArchiveError::Io(path.to_owned(), e));
    let root = real(root)?;
    for archive in archives {
        let folder = archive.parent().filter(|parent| !parent.as_os_str().is_empty());
        if real(folder.unwrap_or(Path::new(".")))?.starts_with(&root) {
            return Err(ArchiveError::Inside(archive.to_owned()));
        }
    }
    Ok(())
}

/// Writes both archives of a snapshot. Neither file may exist yet; each is whole and synced, or gone again.
///
/// # Errors
/// See [`ArchiveError`].
pub fn write(
    root: &Path,
    snapshot: &Snapshot,
    master: &Key,
    data: &Path,
    keys: &Path,
) -> Result<(u64, u64), ArchiveError> {
    outside(root, [data, keys])?;
    let written = archive::write(data, &Volume::Data.key(master), Volume::Data, root, &snapshot.parts)?;
    // Read after the records: every key that they need is there by now.
    let parts = snapshot::keys(root)?;
    match archive::write(keys, &Volume::Keys.key(master), Volume::Keys, root, &parts) {
        Ok(with_keys) => Ok((written, with_keys)),
        Err(e) => {
            // A backup without its keys is none: half of it is not left behind to be trusted.
            drop(std::fs::remove_file(data));
            Err(e)
        }
    }
}
