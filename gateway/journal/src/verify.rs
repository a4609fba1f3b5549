//! Checking a whole folder of evidence, a segment at a time: every byte but the lock has to be what the records, the
//! tree and our signatures make it. It changes nothing and stops at the first thing that does not hold.

use crate::finding::{Checked, Fault, Finding};
use crate::frame::{Frame, Kind};
use crate::journal::{CHECKPOINT, unseal};
use crate::log::LOCK;
use crate::note::{Checkpoint, VerifierKey};
use crate::port::{Access, Port};
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
    /// Which seals' signatures are checked.
    pub signatures: Signatures,
}

/// Which seals' signatures are checked; their roots always are. A signature costs about fifty times what a record does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signatures {
    /// The last of every segment, which speaks of all before it.
    OfSegments,
    /// Each.
    OfBatches,
}

/// How far a check goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound<'a> {
    /// To the last byte.
    Cold,
    /// To this checkpoint, while somebody appends.
    Live { size: u64, note: &'a str },
}

/// A checkpoint that the tree has to pass through.
struct Milestone {
    size: u64,
    root: Hash,
    file: String,
}

struct Check<'a> {
    question: &'a Question<'a>,
    tiles: TileFiles,
    milestones: Vec<Milestone>,
    peaks: Peaks,
    batches: u64,
    /// Rows of the levels above the leaves, as the records make them.
    upper: Vec<Vec<Hash>>,
    /// Leaves of the tile being filled.
    leaves: Vec<Hash>,
    /// Leaf hashes on disk.
    tiled: u64,
}

/// Checks a folder.
pub(crate) fn verify(
    port: &Arc<dyn Port>,
    folder: &Path,
    question: &Question<'_>,
    bound: Bound<'_>,
    mut progress: impl FnMut(u64),
) -> Result<Checked, Finding> {
    let names = port.list(folder).map_err(|error| Finding::new(0, "", Fault::Unreadable(error)))?;
    let mut firsts: Vec<u64> = names.iter().filter_map(|name| segment::first_of(name)).collect();
    firsts.sort_unstable();
    let mut check = Check::new(port, folder, question)?;
    let noted = check.checkpoint(port, folder, bound);
    let mut last = 0;
    for &first in &firsts {
        let file = segment::name(first);
        if check.done(bound) {
            break;
        }
        if first != check.peaks.size() {
            return Err(Finding::new(check.peaks.size(), &file, Fault::Missing));
        }
        let unreadable = |error| Finding::new(first, &file, Fault::Unreadable(error));
        let opened = port.open(&folder.join(&file), Access::Read).map_err(unreadable)?;
        let scan = Scan::of(first, segment::read_all(&*opened).map_err(unreadable)?);
        if scan.next > first {
            last = first;
        }
        check.segment(first, &file, &scan, bound)?;
        if !check.done(bound)
            && let Some(torn) = scan.torn()
        {
            let fault = Fault::Torn { offset: scan.end as u64, bytes: torn.len() as u64 };
            return Err(Finding::new(scan.next, &file, fault));
        }
        progress(check.peaks.size());
    }
    let records = check.peaks.size();
    check.upper_tiles(records, last)?;
    let noted = noted.map_err(|finding| Finding { index: records, ..finding })?;
    if let Some(missed) = check.milestones.iter().min_by_key(|milestone| milestone.size) {
        return Err(Finding::new(records, &missed.file, Fault::CutAway { size: missed.size }));
    }
    let tiled = match bound {
        Bound::Cold => {
            check.strays(port, folder, &names, records)?;
            if check.tiled < last {
                return Err(Finding::new(check.tiled, "tile/0", Fault::Tile));
            }
            check.tiled
        }
        Bound::Live { .. } => records,
    };
    let lag = records - noted.min(tiled).min(records);
    Ok(Checked { records, root: check.peaks.root(), batches: check.batches, lag })
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
            upper: Vec::new(),
            leaves: Vec::new(),
            tiled,
        })
    }

    /// Reads the latest checkpoint, which becomes a milestone; gives its size. Its own fault is told last: what it
    /// guards comes first.
    fn checkpoint(&mut self, port: &Arc<dyn Port>, folder: &Path, bound: Bound<'_>) -> Result<u64, Finding> {
        let note = match bound {
            Bound::Cold => port
                .open(&folder.join(CHECKPOINT), Access::Read)
                .and_then(|file| segment::read_all(&*file))
                .map_err(|error| Finding::new(0, CHECKPOINT, Fault::Unreadable(error)))?,
            Bound::Live { note, .. } => note.as_bytes().to_vec(),
        };
        let ours = str::from_utf8(&note).ok().and_then(|note| {
            let head = Checkpoint::open(note, self.question.keys).ok()?;
            Checkpoint::is_bare(note).then_some(head)
        });
        let Some(head) = ours else { return Err(Finding::new(0, CHECKPOINT, Fault::Checkpoint)) };
        let size = head.size;
        self.milestones.push(Milestone { size, root: head.root, file: CHECKPOINT.to_owned() });
        self.pass()?;
        Ok(size)
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
        let mut begun = first;
        for (frame, after) in scan.frames(first) {
            match frame.kind {
                Kind::Birth => {}
                Kind::Record => {
                    let leaf = leaf_hash(frame.payload);
                    if stored.next().is_some_and(|tile| tile != leaf) {
                        return Err(Finding::new(frame.index, file, Fault::Leaf));
                    }
                    self.push(leaf)?;
                }
                Kind::Seal => {
                    self.seal(frame, begun, file, after == scan.end)?;
                    begun = frame.index;
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

    fn seal(&mut self, seal: Frame<'_>, begun: u64, file: &str, closes: bool) -> Result<(), Finding> {
        self.batches += 1;
        let root = self.peaks.root();
        let Some((sealed, signature)) = unseal(seal.payload).filter(|(sealed, _)| *sealed == root) else {
            return Err(Finding::new(begun, file, Fault::Root));
        };
        if !closes && self.question.signatures == Signatures::OfSegments {
            return Ok(());
        }
        let signed = self.question.keys.iter().any(|key| {
            let head = Checkpoint { origin: key.name().to_owned(), size: seal.index, root: sealed };
            head.sealed_by(std::slice::from_ref(key), signature).is_some()
        });
        if signed { Ok(()) } else { Err(Finding::new(begun, file, Fault::Seal)) }
    }

    /// Holds the levels above the leaves against what the records make them.
    fn upper_tiles(&self, records: u64, last: u64) -> Result<(), Finding> {
        for (level, made) in (1..).zip(&self.upper) {
            let file = format!("tile/{level}");
            let unreadable = |error| Finding::new(records, &file, Fault::Unreadable(error));
            let there = self.tiles.hashes(level).map_err(unreadable)?;
            if there < hashes_at(level, last) {
                return Err(Finding::new(records, &file, Fault::Tile));
            }
            let count = there.min(made.len() as u64);
            let stored = self.tiles.row(level, 0, count).map_err(unreadable)?;
            if let Some(differs) = stored.iter().zip(made).position(|(stored, made)| stored != made) {
                let under = u32::try_from(level).unwrap_or(u32::MAX).saturating_mul(8);
                let index = (differs as u64).checked_shl(under).unwrap_or(records);
                return Err(Finding::new(index, &file, Fault::Tile));
            }
        }
        Ok(())
    }

    /// Nothing else may lie in the folder, and no level may go on beyond the tree.
    fn strays(
        &self,
        port: &Arc<dyn Port>,
        folder: &Path,
        names: &[String],
        records: u64,
    ) -> Result<(), Finding> {
        let known =
            |name: &str| [LOCK, CHECKPOINT, "tile"].contains(&name) || segment::first_of(name).is_some();
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
}
