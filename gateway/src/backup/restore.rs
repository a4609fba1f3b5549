//! The way back: both archives into an empty folder, and the proof that what lies there now can be served.

use super::{ArchiveError, Volume, archive};
use crate::store;
use crate::store::keys::Keys;
use crate::store::seal::Key;
use crate::store::whole;
use sluis_journal::{Archive, Question};
use std::fs;
use std::path::Path;

/// What a checked folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// Records of the journal, each checked against the signed tree, and open under its key unless it was forgotten.
    pub records: u64,
    /// Changes that those records vouch for, each there under its digest and open under its key.
    pub changes: u64,
    /// Years of persons that were forgotten on purpose, as the journal says.
    pub forgotten: u64,
}

/// Unpacks both archives into a folder that is empty or not there yet.
///
/// # Errors
/// See [`ArchiveError`]; what was begun is left for the operator to look at, and is not ready to serve.
pub fn unpack(data: &Path, keys: &Path, master: &Key, to: &Path) -> Result<(), ArchiveError> {
    fs::create_dir_all(to).map_err(|e| ArchiveError::Io(to.to_owned(), e))?;
    let mut inside = fs::read_dir(to).map_err(|e| ArchiveError::Io(to.to_owned(), e))?;
    if inside.next().is_some() {
        return Err(ArchiveError::Unsound(format!("{}: not empty; give a new folder", to.display())));
    }
    archive::read(keys, &Volume::Keys.key(master), Volume::Keys, to)?;
    archive::read(data, &Volume::Data.key(master), Volume::Data, to)?;
    // An archive carries files: of a gateway where nothing was changed yet it brings no holdings, and no folder for them.
    let holdings = to.join("holdings");
    fs::create_dir_all(&holdings).map_err(|e| ArchiveError::Io(holdings, e))
}

/// Checks a folder as a start would need it: every byte of the journal, and every change that it vouches for.
///
/// # Errors
/// [`ArchiveError::Unsound`] with the first thing that does not hold.
pub fn check(root: &Path, master: &Key) -> Result<Restored, ArchiveError> {
    let unsound = |what: &dyn std::fmt::Display| ArchiveError::Unsound(what.to_string());
    let (journal, holdings) = (root.join("journal"), root.join("holdings"));
    if !root.join("keys/ring.json").is_file() {
        return Err(ArchiveError::Unsound("keys: there is no key ring".into()));
    }
    let keys = Keys::open(&root.join("keys"), master).map_err(|e| unsound(&e))?;
    let note = fs::read_to_string(journal.join("checkpoint"))
        .map_err(|e| ArchiveError::Io(journal.join("checkpoint"), e))?;
    let origin = note.lines().next().unwrap_or_default();
    let verifiers = store::journal_keys(&keys, origin).map_err(|e| unsound(&e))?;
    let question = Question { keys: &verifiers, older: None };
    let checked = Archive::verify(&journal, &question, |_| {}).map_err(|e| unsound(&e))?;
    let records = |folder: &Path| Archive::records_of(folder).map_err(|e| unsound(&e));
    let recorded = records(&journal)?;
    let held = whole::check(&recorded, &records(&holdings)?, Some(&keys)).map_err(|e| unsound(&e))?;
    whole::opens(&recorded, &keys).map_err(|e| unsound(&e))?;
    Ok(Restored { records: checked.records, changes: held.changes, forgotten: held.forgotten })
}
