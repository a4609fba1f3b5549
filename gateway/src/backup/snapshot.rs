//! What belongs to one moment of a data folder. Everything there only grows, so that lengths make a snapshot; only what
//! is written in place (the last segment, the checkpoint) is read at that moment. What is ours is known by name: a file that
//! somebody laid into the folder (an older archive, a master key) is in no archive, and said to be left out.

use super::ArchiveError;
use crate::store::keys;
use crate::{control, directory, witness};
use std::collections::BTreeSet;
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
    /// What lies in the folder and is not ours, by its path below it.
    pub left_out: BTreeSet<PathBuf>,
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
        let mut taken = Self::default();
        for folder in ["journal", "holdings"] {
            taken.segments(root, Path::new(folder))?;
        }
        for entry in names(root, Path::new(""))? {
            let name = entry.file_name().unwrap_or_default().to_owned();
            if BESIDE.iter().any(|known| name == *known) {
                let found = if root.join(&entry).is_dir() { files(root, &entry)? } else { vec![entry] };
                for path in found {
                    let bytes = Bytes::Now(read(root, &path)?);
                    taken.parts.push(Part { path, bytes });
                }
            } else if APART.iter().all(|known| name != *known) {
                taken.left_out.insert(entry);
            }
        }
        for path in files(root, Path::new("keys"))? {
            if !is_key_file(&path) && !is_own_master(&path) {
                taken.left_out.insert(path);
            }
        }
        Ok(taken)
    }

    /// The records of `journal/` or `holdings/`, and what follows from them.
    fn segments(&mut self, root: &Path, folder: &Path) -> Result<(), ArchiveError> {
        let files = files(root, folder)?;
        let last = files.iter().filter(|p| is_segment(p)).max().cloned();
        for path in files {
            let checkpoint = path == Path::new("journal/checkpoint");
            if !is_segment(&path) && !checkpoint && !path.starts_with("journal/tile") {
                if path.file_name().is_some_and(|name| name != "lock") {
                    self.left_out.insert(path);
                }
                continue;
            }
            let in_place = last.as_ref() == Some(&path) || checkpoint;
            let bytes = if in_place {
                Bytes::Now(read(root, &path)?)
            } else {
                let whole = root.join(&path);
                Bytes::First(fs::metadata(&whole).map_err(|e| ArchiveError::Io(whole.clone(), e))?.len())
            };
            self.parts.push(Part { path, bytes });
        }
        Ok(())
    }
}

/// Small and still: a sandbox's region and certificates, the region's tables.
const BESIDE: [&str; 4] = ["region.json", "sandbox.json", "pki", "tables"];

/// Ours, and in no archive of data. What a witness was seen to say stays behind: a copy must not bring its own idea of how
/// far it was seen. What a directory elsewhere says is fetched anew, and the view is built anew.
const APART: [&str; 7] =
    ["journal", "holdings", "keys", "view", control::NAME, witness::FOLDER, directory::FOLDER];

fn read(root: &Path, path: &Path) -> Result<Vec<u8>, ArchiveError> {
    let whole = root.join(path);
    fs::read(&whole).map_err(|e| ArchiveError::Io(whole.clone(), e))
}

/// The files of `keys/`: ring and slots, and no master key.
pub(super) fn keys(root: &Path) -> Result<Vec<Part>, ArchiveError> {
    let ours = files(root, Path::new("keys"))?.into_iter().filter(|path| is_key_file(path));
    ours.map(|path| Ok(Part { bytes: Bytes::Now(read(root, &path)?), path })).collect()
}

fn is_key_file(path: &Path) -> bool {
    path.strip_prefix("keys").ok().and_then(Path::to_str).is_some_and(keys::is_of_ring)
}

/// A sandbox's own, and what a write that did not end left.
fn is_own_master(path: &Path) -> bool {
    ["keys/master.key", "keys/ring.new", "keys/master.new"].iter().any(|known| path == Path::new(known))
}

fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "seg")
}

/// What lies in a folder, by its path below `root`, in the order of names.
fn names(root: &Path, below: &Path) -> Result<Vec<PathBuf>, ArchiveError> {
    let folder = root.join(below);
    let io = |e| ArchiveError::Io(folder.clone(), e);
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).map_err(io)? {
        found.push(below.join(entry.map_err(io)?.file_name()));
    }
    found.sort();
    Ok(found)
}

/// Regular files below a folder, by their path below `root`, in the order of their names.
fn files(root: &Path, below: &Path) -> Result<Vec<PathBuf>, ArchiveError> {
    let mut found = Vec::new();
    for path in names(root, below)? {
        let whole = root.join(&path);
        let kind = fs::symlink_metadata(&whole).map_err(|e| ArchiveError::Io(whole.clone(), e))?.file_type();
        if kind.is_dir() {
            found.extend(files(root, &path)?);
        } else if kind.is_file() {
            found.push(path);
        }
    }
    Ok(found)
}
