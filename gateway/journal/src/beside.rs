//! What lies in a folder of evidence beside whole batches: the checkpoint and the one that was being made ready, the tail
//! behind the last batch, and whatever has no business there. Part of checking; it changes nothing.

use crate::finding::{Fault, Finding};
use crate::journal::UNFINISHED;
use crate::log::LOCK;
use crate::note::{Checkpoint, VerifierKey};
use crate::port::{Access, Port};
use crate::records::Records;
use crate::segment::{self, Scan};
use crate::tiles::hashes_at;
use crate::verify::{Bound, Milestone};
use crate::writer::BATCH;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use crate::journal::CHECKPOINT;

/// What the checkpoints of a folder say.
pub(crate) struct Noted {
    /// Size of the latest in its place.
    pub(crate) size: u64,
    /// Where the tree has to pass through.
    pub(crate) milestones: Vec<Milestone>,
    /// The next one, begun and not in its place.
    pub(crate) unfinished: Option<String>,
}

/// Reads the latest checkpoint, and the one that was being made ready where there is one.
pub(crate) fn checkpoints(
    port: &Arc<dyn Port>,
    folder: &Path,
    keys: &[VerifierKey],
    bound: Bound<'_>,
    names: &[String],
) -> Result<Noted, Finding> {
    let milestone =
        |head: &Checkpoint, file: &str| Milestone { size: head.size, root: head.root, file: file.to_owned() };
    let mut milestones = Vec::new();
    let file = settled(
        || {
            let found = read(port, folder, CHECKPOINT)?;
            ours(&found, keys).ok_or_else(|| Finding::new(0, CHECKPOINT, Fault::Checkpoint))
        },
        bound,
    )?;
    match bound {
        Bound::Cold => milestones.push(milestone(&file, CHECKPOINT)),
        Bound::Live { size, note, .. } => {
            let known = ours(note.as_bytes(), keys);
            let known = known.ok_or_else(|| Finding::new(0, CHECKPOINT, Fault::Checkpoint))?;
            milestones.push(milestone(&known, CHECKPOINT));
            // It never lags while it is written to; a younger one than the check goes to is signed, which is enough.
            if file.size <= size {
                milestones.push(milestone(&file, CHECKPOINT));
            }
        }
    }
    let mut unfinished = None;
    if names.iter().any(|name| name == UNFINISHED) {
        // While somebody appends it may be in its place by now.
        let found = read(port, folder, UNFINISHED).unwrap_or_default();
        match ours(&found, keys) {
            Some(head) if matches!(bound, Bound::Cold) => milestones.push(milestone(&head, UNFINISHED)),
            Some(_) => {}
            None if found.iter().all(|byte| *byte == 0) => {}
            None => return Err(Finding::new(0, UNFINISHED, Fault::Stray)),
        }
        unfinished = matches!(bound, Bound::Cold).then(|| UNFINISHED.to_owned());
    }
    Ok(Noted { size: file.size, milestones, unfinished })
}

fn read(port: &Arc<dyn Port>, folder: &Path, file: &str) -> Result<Vec<u8>, Finding> {
    let read = port.open(&folder.join(file), Access::Read).and_then(|file| segment::read_all(&*file));
    read.map_err(|error| Finding::new(0, file, Fault::Unreadable(error)))
}

/// A checkpoint that is exactly one of ours.
fn ours(note: &[u8], keys: &[VerifierKey]) -> Option<Checkpoint> {
    let note = str::from_utf8(note).ok()?;
    let head = Checkpoint::open(note, keys).ok()?;
    Checkpoint::is_bare(note).then_some(head)
}

/// What is read while somebody writes to it may be half of it: it is read again, a moment later.
fn settled<T>(mut look: impl FnMut() -> Result<T, Finding>, bound: Bound<'_>) -> Result<T, Finding> {
    let again = if matches!(bound, Bound::Live { .. }) { AGAIN } else { 0 };
    for _ in 0..again {
        if let Ok(seen) = look() {
            return Ok(seen);
        }
        std::thread::sleep(MOMENT);
    }
    look()
}

const AGAIN: u32 = 20;
const MOMENT: Duration = Duration::from_millis(10);

/// While somebody appends: nothing but whole batches behind those that were checked, and nothing else in the folder.
pub(crate) fn live(
    port: &Arc<dyn Port>,
    folder: &Path,
    checked: u64,
    records: &Records,
    limit: u64,
) -> Result<(), Finding> {
    let bound = Bound::Live { size: checked, note: "", records };
    let names = port.list(folder).map_err(|error| Finding::new(checked, "", Fault::Unreadable(error)))?;
    let firsts = segment::firsts(&names);
    let from = firsts.iter().rposition(|first| *first <= checked).unwrap_or(0);
    let mut end = limit;
    for first in firsts.iter().skip(from).copied() {
        let file = segment::name(first);
        end = settled(
            || {
                let scan = Scan::of(first, read(port, folder, &file)?);
                if first > records.len() {
                    return Err(Finding::new(checked, &file, Fault::Stray));
                }
                if scan.next == first {
                    begun_in_time(first, end, limit)?;
                }
                let offset = scan.end as u64;
                let fault = |bytes| Finding::new(scan.next, &file, Fault::Torn { offset, bytes });
                scan.torn().map_or(Ok(offset), |torn| Err(fault(torn.len() as u64)))
            },
            bound,
        )?;
    }
    // Segments and hashes follow the records: what is there now belongs to at most so many as are durable a moment later.
    settled(|| strays(port, folder, &names, records.len()), bound)
}

/// A segment without a batch is begun where one has no room in the segment before it, which ends here.
pub(crate) fn begun_in_time(first: u64, end: u64, limit: u64) -> Result<(), Finding> {
    let lacks_room = first == 0 || end + BATCH + MOST_OF_AN_ENTRY > limit;
    if lacks_room { Ok(()) } else { Err(Finding::new(first, &segment::name(first), Fault::Stray)) }
}

/// More than the records of one entry come to.
const MOST_OF_AN_ENTRY: u64 = 1 << 20;

/// Nothing else may lie in the folder, and no level may go on beyond the tree.
pub(crate) fn strays(
    port: &Arc<dyn Port>,
    folder: &Path,
    names: &[String],
    records: u64,
) -> Result<(), Finding> {
    let known = |name: &str| {
        [LOCK, CHECKPOINT, UNFINISHED, "tile"].contains(&name) || segment::first_of(name).is_some()
    };
    if let Some(stray) = names.iter().find(|name| !known(name)) {
        return Err(Finding::new(records, stray, Fault::Stray));
    }
    let levels = if names.iter().any(|name| name == "tile") {
        port.list(&folder.join("tile"))
    } else {
        Ok(Vec::new())
    };
    for name in levels.map_err(|error| Finding::new(records, "tile", Fault::Unreadable(error)))? {
        let file = format!("tile/{name}");
        let level = name.parse::<usize>().ok().filter(|level| level.to_string() == name);
        let expected = level.map_or(0, |level| hashes_at(level, records));
        let opened = port.open(&folder.join("tile").join(&name), Access::Read);
        let size = opened.and_then(|opened| opened.size());
        let size = size.map_err(|error| Finding::new(records, &file, Fault::Unreadable(error)))?;
        if expected == 0 || size > expected * 32 || !size.is_multiple_of(32) {
            return Err(Finding::new(records, &file, Fault::Stray));
        }
    }
    Ok(())
}
