//! One segment file: its name, and a scan that tells whole batches from what stands behind them.
//! A scan judges and changes nothing.

use crate::frame::{self, Frame, HEADER, Header, Kind, Taken};
use crate::journal::SEAL;
use crate::port::PortFile;
use std::io;

/// A segment in memory, scanned from its first byte.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) bytes: Vec<u8>,
    /// Number of records of the whole log up to the last whole batch here.
    pub(crate) next: u64,
    /// Where the last whole batch ends.
    pub(crate) end: usize,
    /// The last seal's payload.
    pub(crate) seal: Option<Vec<u8>>,
    /// One past the last byte that is not zero.
    pub(crate) written: usize,
}

/// File name of the segment that starts at this index.
pub(crate) fn name(first: u64) -> String {
    format!("{first:020}.seg")
}

/// Index in a segment's file name.
pub(crate) fn first_of(file: &str) -> Option<u64> {
    let first = file.strip_suffix(".seg")?.parse().ok()?;
    (name(first) == file).then_some(first)
}

/// First indices of the segments among these names, ascending.
pub(crate) fn firsts(names: &[String]) -> Vec<u64> {
    let mut firsts: Vec<u64> = names.iter().filter_map(|name| first_of(name)).collect();
    firsts.sort_unstable();
    firsts
}

/// Reads a whole file.
pub(crate) fn read_all(file: &dyn PortFile) -> io::Result<Vec<u8>> {
    let size = usize::try_from(file.size()?).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = vec![0; size];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

impl Scan {
    /// Scans the bytes of the segment that starts at index `first`.
    pub(crate) fn of(first: u64, bytes: Vec<u8>) -> Self {
        let written = bytes.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
        let (mut end, mut next, mut seal) = (0, first, None);
        for (frame, after) in whole_frames(first, &bytes) {
            if frame.kind == Kind::Seal {
                (end, next, seal) = (after, frame.index, Some(frame.payload.to_vec()));
            }
        }
        Self { bytes, next, end, seal, written }
    }

    /// The frames of whole batches, each with the place behind it.
    pub(crate) fn frames(&self, first: u64) -> impl Iterator<Item = (Frame<'_>, usize)> {
        whole_frames(first, self.bytes.get(..self.end).unwrap_or_default())
    }

    /// How many batches end in what stands behind the last whole one. A batch is synced before the next is written, so that a
    /// crash leaves one at most.
    pub(crate) fn seals_behind(&self) -> usize {
        let torn = self.torn().unwrap_or_default();
        let seals = |at: &usize| {
            let (head, rest) = torn.get(*at..)?.split_first_chunk::<HEADER>()?;
            let header =
                Header::read(head).filter(|header| header.kind == Kind::Seal && header.length <= SEAL)?;
            header.fits(rest.get(..header.length)?).then_some(())
        };
        (0..torn.len()).filter(|at| seals(at).is_some()).count()
    }

    /// Bytes behind the last whole batch that should not be there.
    pub(crate) fn torn(&self) -> Option<&[u8]> {
        self.bytes.get(self.end..self.written).filter(|torn| !torn.is_empty())
    }
}

/// Frames from the start for as long as each is whole and in its place. A seal closes at least one record.
fn whole_frames(first: u64, bytes: &[u8]) -> impl Iterator<Item = (Frame<'_>, usize)> {
    let (mut at, mut next, mut sealed) = (0, first, first);
    std::iter::from_fn(move || {
        let Taken::Frame(frame) = frame::take(bytes.get(at..)?) else { return None };
        let in_place = match frame.kind {
            Kind::Birth => at == 0 && frame.payload == frame::BIRTH,
            Kind::Record => at != 0,
            Kind::Seal => sealed < next,
        };
        if !in_place || frame.index != next {
            return None;
        }
        at += HEADER + frame.payload.len();
        match frame.kind {
            Kind::Birth => {}
            Kind::Record => next += 1,
            Kind::Seal => sealed = next,
        }
        Some((frame, at))
    })
}
