//! What belongs to one moment of a data folder. Everything there only grows, so that lengths make a snapshot; only what
//! is written in place (the last segment, the checkpoint) is read at that moment.

use super::ArchiveError;
use crate::{control, directory, witness};
use std::fs;
use std::path::{Path, PathBuf};

/// One file of a snapshot, by its path below the folder.
#[derive(Clone)]
pub struct Part {
    /// Path below the folder.
    pub path: PathBuf,
    /// Where its bytes are.
    pub bytes: Bytes,
}

/// The bytes of a part.
#[derive(Clone)]
pub enum Bytes {
    /// As they were at the moment.
    Now(Vec<u8>),
    /// The first so many of the file: they do not change any more.
    First(u64),
}

/// Every file of one moment.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// The files.
    pub parts: Vec<Part>,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snapshot({} files)", self.parts.len())
    }
}

impl Snapshot {
    /// Takes the snapshot. Nobody may append meanwhile: on a running gateway this runs on the journal's writer, between
    /// two commits, and takes a few milliseconds.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn take(root: &Path) -> Result<Self, ArchiveError> {
        let mut parts = Vec::new();
        for folder in ["journal", "holdings"] {
            let mut files = files(root, Path::new(folder))?;
            let last = files.iter().filter(|p| is_segment(p)).max().cloned();
            files.retain(|path| path.file_name().is_some_and(|name| name != "lock"));
            for path in files {
                let whole = root.join(&path);
                let in_place = last.as_ref() == Some(&path) || path.ends_with("journal/checkpoint");
                let bytes = if in_place {
                    Bytes::Now(fs::read(&whole).map_err(|e| ArchiveError::Io(whole.clone(), e))?)
                } else {
                    Bytes::First(fs::metadata(&whole).map_err(|e| ArchiveError::Io(whole.clone(), e))?.len())
                };
                parts.push(Part { path, bytes });
            }
        }
        // What a witness was seen to say stays behind: a copy must not bring its own idea of how far it was seen.
        // What a directory elsewhere says is fetched anew.
        // What else lies there (a sandbox's region and certificates, tables of the region) is small and still.
        for path in files(root, Path::new(""))? {
            let top = path.components().next().map(|c| c.as_os_str().to_owned()).unwrap_or_default();
            let apart =
                ["journal", "holdings", "keys", "view", control::NAME, witness::FOLDER, directory::FOLDER];
            if apart.iter().all(|name| top != *name) {
                let whole = root.join(&path);
                let bytes = fs::read(&whole).map_err(|e| ArchiveError::Io(whole.clone(), e))?;
                parts.push(Part { path, bytes: Bytes::Now(bytes) });
            }
        }
        Ok(Self { parts })
    }
}

/// The files of `keys/`, without a sandbox's master key.
pub(super) fn keys(root: &Path) -> Result<Vec<Part>, ArchiveError> {
    let mut parts = Vec::new();
    for path in files(root, Path::new("keys"))? {
        let temporary = path.extension().is_some_and(|e| e == "new");
        if path.ends_with("keys/master.key") || temporary {
            continue;
        }
        let whole = root.join(&path);
        let bytes = fs::read(&whole).map_err(|e| ArchiveError::Io(whole.clone(), e))?;
        parts.push(Part { path, bytes: Bytes::Now(bytes) });
    }
    Ok(parts)
}

fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "seg")
}

/// Regular files below a folder, by their path below `root`, in the order of their names.
fn files(root: &Path, below: &Path) -> Result<Vec<PathBuf>, ArchiveError> {
    let folder = root.join(below);
    let io = |e| ArchiveError::Io(folder.clone(), e);
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let (path, kind) = (below.join(entry.file_name()), entry.file_type().map_err(io)?);
        // The view changes while it is walked, and is not kept.
        if kind.is_dir() && path != Path::new("view") {
            found.extend(files(root, &path)?);
        } else if kind.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
