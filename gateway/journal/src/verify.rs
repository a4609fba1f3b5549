//! Checking a whole folder of evidence, a segment at a time: every byte but the lock has to be what the records, the
//! tree and our signatures make it. It changes nothing and stops at the first thing that does not hold. What lies beside
//! the segments is judged in `beside`.

use crate::beside::{self, Noted};
use crate::finding::{Checked, Fault, Finding};
use crate::frame::{Frame, Kind};
use crate::journal::unseal;
use crate::note::{Checkpoint, VerifierKey};
use crate::port::{Access, Port};
use crate::records::Records;
use crate::segment::{self, Scan};
use crate::tiles::{TileFiles, WIDTH, hashes_at, row_root};
use crate::tree::{Hash, Peaks, leaf_hash};
use std::path::Path;
use std::sync::Arc;

/// What a check is made with.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Keys whose signatures count: the present one and retired ones.
    pub keys: &'a [VerifierKey],
    /// An older signed checkpoint, to prove that nothing before it changed or vanished.
    pub older: Option<&'a str>,
}

/// How far a check goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound<'a> {
    /// To the last byte.
    Cold,
    /// To this checkpoint, while somebody appends to these records.
    Live { size: u64, note: &'a str, records: &'a Records },
}

/// A checkpoint that the tree has to pass through.
pub(crate) struct Milestone {
    pub(crate) size: u64,
    pub(crate) root: Hash,
    pub(crate) file: String,
}

struct Check<'a> {
    question: &'a Question<'a>,
    tiles: TileFiles,
    milestones: Vec<Milestone>,
    peaks: Peaks,
    batches: u64,
    /// Where the last whole batch began, and where it ended.
    begun: u64,
    sealed: u64,
    /// Whether a seal said where its batch began: from then on each does.
    linked: bool,
    /// Rows of the levels above the leaves, as the records make them.
    upper: Vec<Vec<Hash>>,
    /// Leaves of the tile being filled.
    leaves: Vec<Hash>,
    /// Leaf hashes on disk, up to the first that a loss of power left unwritten.
    tiled: u64,
    /// From here on the tiles may be unwritten: those of the last segment.
    durable: u64,
}

/// Checks a folder whose segments do not grow beyond `limit`.
pub(crate) fn verify(
    port: &Arc<dyn Port>,
    folder: &Path,
    question: &Question<'_>,
    bound: Bound<'_>,
    limit: u64,
    mut progress: impl FnMut(u64),
) -> Result<Checked, Finding> {
    let names = port.list(folder).map_err(|error| Finding::new(0, "", Fault::Unreadable(error)))?;
    let firsts = segment::firsts(&names);
    let mut check = Check::new(port, folder, question)?;
    // Read now, so that it cannot be younger than the records; its own fault is told last: what it guards comes first.
    let noted = beside::checkpoints(port, folder, question.keys, bound, &names);
    if let Ok(noted) = &noted {
        check.milestones.extend(noted.milestones.iter().map(Milestone::same));
    }
    check.pass()?;
    let unfinished = check.segments(port, folder, &firsts, bound, limit, &mut progress)?;
    let records = check.peaks.size();
    let Noted { size: noted, unfinished: next_note, .. } =
        noted.map_err(|finding| Finding { index: records, ..finding })?;
    if let Some(missed) = check.milestones.iter().min_by_key(|milestone| milestone.size) {
        return Err(Finding::new(records, &missed.file, Fault::CutAway { size: missed.size }));
    }
    match bound {
        Bound::Cold => beside::strays(port, folder, &names, records)?,
        Bound::Live { records: all, .. } => beside::live(port, folder, records, all, limit)?,
    }
    let lag = check.lag(bound, noted)?;
    let unfinished = unfinished.or(next_note);
    Ok(Checked { records, root: check.peaks.root(), batches: check.batches, lag, unfinished })
}

impl<'a> Check<'a> {
    fn new(port: &Arc<dyn Port>, folder: &Path, question: &'a Question<'a>) -> Result<Self, Finding> {
        let unreadable = |error| Finding::new(0, "tile", Fault::Unreadable(error));
        let tiles = TileFiles::open(port.clone(), folder, Access::Read).map_err(unreadable)?;
        let mut milestones = Vec::new();
        if let Some(older) = question.older {
            let older =
                Checkpoint::open(older, question.keys).map_err(|_| Finding::new(0, "", Fault::Older))?;
            milestones.push(Milestone { size: older.size, root: older.root, file: String::new() });
        }
        let tiled = tiles.hashes(0).map_err(unreadable)?;
        Ok(Self {
            question,
            tiles,
            milestones,
            peaks: Peaks::default(),
            batches: 0,
            begun: 0,
            sealed: 0,
            linked: false,
            upper: Vec::new(),
            leaves: Vec::new(),
            tiled,
            durable: 0,
        })
    }

    /// Checks the segments in a row; gives the name of one that was begun and holds no batch.
    fn segments(
        &mut self,
        port: &Arc<dyn Port>,
        folder: &Path,
        firsts: &[u64],
        bound: Bound<'_>,
        limit: u64,
        progress: &mut impl FnMut(u64),
    ) -> Result<Option<String>, Finding> {
        let (mut end, mut unfinished) = (0, None);
        for &first in firsts {
            let file = segment::name(first);
            if self.done(bound) {
                break;
            }
            if first != self.peaks.size() {
                return Err(Finding::new(self.peaks.size(), &file, Fault::Missing));
            }
            let unreadable = |error| Finding::new(first, &file, Fault::Unreadable(error));
            let opened = port.open(&folder.join(&file), Access::Read).map_err(unreadable)?;
            let scan = Scan::of(first, segment::read_all(&*opened).map_err(unreadable)?);
            if scan.next > first {
                self.durable = first;
            }
            self.segment(first, &file, &scan, bound)?;
            if !self.done(bound)
                && let Some(torn) = scan.torn()
            {
                let fault = Fault::Torn { offset: scan.end as u64, bytes: torn.len() as u64 };
                return Err(Finding::new(scan.next, &file, fault));
            }
            if scan.next == first {
                beside::begun_in_time(first, end, limit)?;
                unfinished = Some(file);
            }
            end = scan.end as u64;
            progress(self.peaks.size());
        }
        Ok(unfinished)
    }

    fn done(&self, bound: Bound<'_>) -> bool {
        matches!(bound, Bound::Live { size, .. } if self.peaks.size() >= size)
    }

    /// Checks one segment's whole batches.
    fn segment(&mut self, first: u64, file: &str, scan: &Scan, bound: Bound<'_>) -> Result<(), Finding> {
        let count = scan.next.min(self.tiled).saturating_sub(first);
        let stored = self.tiles.row(0, first, count);
        let stored = stored.map_err(|error| Finding::new(first, "tile/0", Fault::Unreadable(error)))?;
        let mut stored = stored.into_iter();
        for (frame, _) in scan.frames(first) {
            match frame.kind {
                Kind::Birth => {}
                Kind::Record => {
                    let leaf = leaf_hash(frame.payload);
                    match stored.next() {
                        // Never written, and in the last segment: whether that is too much is judged once all is read.
                        Some(UNWRITTEN) => self.tiled = self.tiled.min(frame.index),
                        Some(tile) if tile != leaf => {
                            return Err(Finding::new(frame.index, file, Fault::Leaf));
                        }
                        Some(_) | None => {}
                    }
                    self.push(leaf)?;
                }
                Kind::Seal => {
                    self.seal(frame, file)?;
                    if self.done(bound) {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, leaf: Hash) -> Result<(), Finding> {
        self.peaks.push(leaf);
        self.leaves.push(leaf);
        if self.leaves.len() as u64 == WIDTH
            && let Some(root) = row_root(std::mem::take(&mut self.leaves))
        {
            self.rise(root);
        }
        self.pass()
    }

    /// Adds the root of a full leaf tile to the level above, and on while tiles fill.
    fn rise(&mut self, root: Hash) {
        let mut hash = root;
        for level in 0.. {
            if self.upper.len() == level {
                self.upper.push(Vec::new());
            }
            let Some(row) = self.upper.get_mut(level) else { return };
            row.push(hash);
            if !(row.len() as u64).is_multiple_of(WIDTH) {
                return;
            }
            let tile = row.iter().rev().take(256).rev().copied().collect();
            let Some(root) = row_root(tile) else { return };
            hash = root;
        }
    }

    /// Holds the tree against the checkpoints that speak of its present size.
    fn pass(&mut self) -> Result<(), Finding> {
        let size = self.peaks.size();
        if !self.milestones.iter().any(|milestone| milestone.size == size) {
            return Ok(());
        }
        let root = self.peaks.root();
        for milestone in self.milestones.extract_if(.., |milestone| milestone.size == size) {
            if milestone.root != root {
                return Err(Finding::new(0, &milestone.file, Fault::Fork { size }));
            }
        }
        Ok(())
    }

    /// A seal names the root over all before it, is signed, and says where its batch began.
    fn seal(&mut self, frame: Frame<'_>, file: &str) -> Result<(), Finding> {
        let begun = self.sealed;
        self.batches += 1;
        let root = self.peaks.root();
        let Some(seal) = unseal(frame.payload).filter(|seal| seal.root == root) else {
            return Err(Finding::new(begun, file, Fault::Root));
        };
        if seal.begun.map_or(self.linked, |said| said != begun) {
            return Err(Finding::new(begun, file, Fault::Batch));
        }
        self.linked |= seal.begun.is_some();
        (self.begun, self.sealed) = (begun, frame.index);
        let signed = self.question.keys.iter().any(|key| {
            let head = Checkpoint { origin: key.name().to_owned(), size: frame.index, root };
            head.sealed_by(std::slice::from_ref(key), seal.signature).is_some()
        });
        if signed { Ok(()) } else { Err(Finding::new(begun, file, Fault::Seal)) }
    }

    /// Holds the levels above the leaves against what the records make them, and says by how many records tiles and checkpoint
    /// lag. Where nobody appends any more, a process that was killed leaves them a batch behind at most; while one runs, they
    /// reach the checkpoint that it knows.
    fn lag(&self, bound: Bound<'_>, noted: u64) -> Result<u64, Finding> {
        let records = self.peaks.size();
        let due = match bound {
            Bound::Cold => self.begun,
            Bound::Live { size, .. } => size,
        };
        let short = |file: &str, size: u64| Finding::new(size, file, Fault::Lag { records });
        if self.tiled < due {
            return Err(if self.tiled < self.durable {
                Finding::new(self.tiled, "tile/0", Fault::Tile)
            } else {
                short("tile/0", self.tiled)
            });
        }
        let mut tiled = self.tiled;
        for (level, made) in (1..).zip(&self.upper) {
            let file = format!("tile/{level}");
            let reached = self.upper_tiles(level, made, &file)?;
            let size =
                |hashes: u64| hashes.checked_shl(8 * u32::try_from(level).unwrap_or(8)).unwrap_or(records);
            if reached < hashes_at(level, due) {
                return Err(short(&file, size(reached)));
            }
            if reached < hashes_at(level, records) {
                tiled = tiled.min(size(reached));
            }
        }
        if noted < due {
            return Err(short(beside::CHECKPOINT, noted));
        }
        Ok(records - noted.min(tiled).min(records))
    }

    /// How many hashes of a level above the leaves stand, each of them what the records make it.
    fn upper_tiles(&self, level: usize, made: &[Hash], file: &str) -> Result<u64, Finding> {
        let records = self.peaks.size();
        let unreadable = |error| Finding::new(records, file, Fault::Unreadable(error));
        let there = self.tiles.hashes(level).map_err(unreadable)?;
        let durable = hashes_at(level, self.durable);
        if there < durable {
            return Err(Finding::new(records, file, Fault::Tile));
        }
        let stored = self.tiles.row(level, 0, there.min(made.len() as u64)).map_err(unreadable)?;
        for (place, (stored, made)) in (0..).zip(stored.iter().zip(made)) {
            if *stored == UNWRITTEN && place >= durable {
                return Ok(place);
            }
            if stored != made {
                let under = u32::try_from(level).unwrap_or(u32::MAX).saturating_mul(8);
                let index = place.checked_shl(under).unwrap_or(records);
                return Err(Finding::new(index, file, Fault::Tile));
            }
        }
        Ok(stored.len() as u64)
    }
}

impl Milestone {
    fn same(&self) -> Self {
        Self { size: self.size, root: self.root, file: self.file.clone() }
    }
}

/// What stands where a hash was never written.
const UNWRITTEN: Hash = Hash([0; 32]);
