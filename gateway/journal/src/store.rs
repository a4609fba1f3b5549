//! A folder of segments with one writer: batches go to reserved, zeroed space, one write and one sync each.
//! It knows neither trees nor meanings; `journal/` and `holdings/` are both made of it.

use crate::error::OpenError;
use crate::frame::{self, Kind, framed};
use crate::port::{Access, Port, PortFile};
use crate::records::{Live, Records};
use crate::segment::{self, Scan};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A segment is left for a new one when a batch would grow it beyond this (bytes). A start reads one segment whole,
/// so this is also the most that a start reads.
pub(crate) const SEGMENT: u64 = 8 << 20;
/// Space zeroed ahead at a time (bytes).
const RESERVE: u64 = 256 << 10;

/// The writing end of a folder.
#[derive(Debug)]
pub(crate) struct Store {
    port: Arc<dyn Port>,
    folder: PathBuf,
    limit: u64,
    /// Bytes zeroed ahead at a time.
    step: u64,
    records: Records,
    file: Option<Box<dyn PortFile>>,
    /// Where the next batch goes in the current segment.
    at: u64,
    /// Up to where the current segment is known to be zeroed.
    reserved: u64,
    /// Indices within the current segment start here.
    first: u64,
}

/// What a folder of segments was found to hold; nothing in it was changed.
#[derive(Debug)]
pub(crate) struct Found {
    /// First index of every segment, ascending.
    pub(crate) firsts: Vec<u64>,
    /// First index of the last segment with records.
    pub(crate) first: u64,
    /// Scan of that segment.
    pub(crate) scan: Scan,
    pub(crate) torn: Option<TornBytes>,
    /// More than one whole batch stands behind the damage.
    whole_behind: bool,
    /// Of the very last segment: first index, end of its batches, length of its file.
    current: Option<(u64, u64, u64)>,
}

/// Bytes behind the last whole batch of a store.
#[derive(Debug, Clone)]
pub(crate) struct TornBytes {
    pub(crate) file: String,
    pub(crate) offset: u64,
    pub(crate) bytes: Vec<u8>,
}

/// What making room for a batch came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// It fits.
    Made,
    /// The disk is full; nothing that was written is touched.
    Full,
}

impl Found {
    /// As [`Found::read`], where nothing stands behind the last whole batch but what a crash leaves.
    pub(crate) fn look(port: &dyn Port, folder: &Path) -> Result<Self, OpenError> {
        let found = Self::read(port, folder)?;
        match found.current {
            Some((last, ..)) if found.whole_behind => {
                let why = "whole batches stand behind it: no crash leaves that";
                Err(broken(found.scan.next, segment::name(last), why))
            }
            _ => Ok(found),
        }
    }

    /// Reads a folder's last segment, or the last two when the last holds no batch yet, up to the last whole batch: for who
    /// changes nothing, and tells of what is behind it.
    pub(crate) fn read(port: &dyn Port, folder: &Path) -> Result<Self, OpenError> {
        let firsts = segment::firsts(&port.list(folder)?);
        let load = |first: u64| -> io::Result<Scan> {
            let file = port.open(&folder.join(segment::name(first)), Access::Read)?;
            Ok(Scan::of(first, segment::read_all(&*file)?))
        };
        let mut from_last = firsts.iter().rev().copied();
        let Some(last) = from_last.next() else {
            let scan = Scan::of(0, Vec::new());
            return Ok(Self { firsts, first: 0, scan, torn: None, whole_behind: false, current: None });
        };
        if firsts.first() != Some(&0) {
            return Err(broken(0, segment::name(0), "the first segment is missing"));
        }
        let scan = load(last)?;
        let whole_behind = scan.seals_behind() > 1;
        let torn = TornBytes::of(last, &scan);
        let current = Some((last, scan.end as u64, scan.bytes.len() as u64));
        let (first, scan) = match from_last.next() {
            // A segment that was begun but never held a batch: the log ends with the one before it.
            Some(first) if scan.end == 0 => {
                let before = load(first)?;
                if before.next != last || before.torn().is_some() {
                    return Err(broken(
                        before.next,
                        segment::name(first),
                        "it does not reach the next segment",
                    ));
                }
                (first, before)
            }
            Some(_) | None => (last, scan),
        };
        Ok(Self { firsts, first, scan, torn, whole_behind, current })
    }
}

impl Store {
    /// Opens a folder for writing. Changes nothing that stands there.
    pub(crate) fn open(port: Arc<dyn Port>, folder: &Path, limit: u64, found: &Found) -> io::Result<Self> {
        let file = match found.current {
            Some((first, ..)) => Some(port.open(&folder.join(segment::name(first)), Access::Write)?),
            None => None,
        };
        let (first, at, reserved) = found.current.unwrap_or_default();
        let records = Records::new(port.clone(), folder.to_owned(), &found.firsts, found.scan.next);
        let step = RESERVE.min(limit / 4).max(1);
        Ok(Self { port, folder: folder.to_owned(), limit, step, records, file, at, reserved, first })
    }

    /// The reading end.
    pub(crate) fn records(&self) -> &Records {
        &self.records
    }

    /// Index of the next record.
    pub(crate) fn next(&self) -> u64 {
        self.records.len()
    }

    /// Bytes that a batch of these payload lengths takes at most.
    pub(crate) fn batch_bytes(payloads: impl Iterator<Item = usize>, seal: usize) -> u64 {
        (payloads.map(framed).sum::<usize>() + framed(seal) + framed(frame::BIRTH.len())) as u64
    }

    /// First index of the segment that the next batch goes to.
    pub(crate) fn segment(&self) -> u64 {
        self.first
    }

    /// The size beyond which a segment does not grow.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Makes certain that a batch of this many bytes can be written, beginning a new segment where it must.
    pub(crate) fn make_room(&mut self, bytes: u64) -> io::Result<Room> {
        if (self.file.is_none() || (self.at > 0 && self.at + bytes > self.limit))
            && self.begin()? == Room::Full
        {
            return Ok(Room::Full);
        }
        if self.at + bytes <= self.reserved { Ok(Room::Made) } else { self.reserve(self.at + bytes) }
    }

    /// Zeroes more space when little is left, outside anyone's wait. A full disk is no error here: [`Self::make_room`]
    /// says so when it matters.
    pub(crate) fn reserve_ahead(&mut self) -> io::Result<()> {
        if self.file.is_none() || self.at + self.step / 2 < self.reserved || self.reserved >= self.limit {
            return Ok(());
        }
        self.reserve(self.reserved + self.step).map(|_| ())
    }

    /// Writes one batch and its seal and makes them durable. Room must have been made. After an error nothing may be
    /// appended any more: how much of the batch is on disk is unknown.
    pub(crate) fn append<'a>(
        &mut self,
        records: impl Iterator<Item = &'a [u8]>,
        seal: &[u8],
    ) -> io::Result<()> {
        let Some(file) = &self.file else { return Err(io::ErrorKind::NotFound.into()) };
        let mut batch = Vec::new();
        let mut next = self.records.len();
        if self.at == 0 {
            frame::put(&mut batch, Kind::Birth, self.first, frame::BIRTH);
        }
        let mut places = Vec::new();
        for record in records {
            places.push(self.at + batch.len() as u64);
            frame::put(&mut batch, Kind::Record, next, record);
            next += 1;
        }
        frame::put(&mut batch, Kind::Seal, next, seal);
        file.write_at(&batch, self.at)?;
        file.sync()?;
        self.at += batch.len() as u64;
        self.records.publish(&Live { first: self.first, places, len: next });
        Ok(())
    }

    /// Zeroes what stands behind the last whole batch.
    pub(crate) fn clear(&mut self, torn: &TornBytes) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        file.write_at(&vec![0; torn.bytes.len()], torn.offset)?;
        file.sync()
    }

    fn begin(&mut self) -> io::Result<Room> {
        let first = self.records.len();
        match self.port.create(&self.folder.join(segment::name(first))) {
            Err(error) if is_full(&error) => return Ok(Room::Full),
            created => self.file = Some(created?),
        }
        (self.first, self.at, self.reserved) = (first, 0, 0);
        self.records.begin(first);
        self.port.sync_folder(&self.folder)?;
        Ok(Room::Made)
    }

    /// Zeroes space at least up to here. It becomes durable with the batch that uses it.
    fn reserve(&mut self, up_to: u64) -> io::Result<Room> {
        let Some(file) = &self.file else { return Ok(Room::Full) };
        let more = up_to.next_multiple_of(self.step).saturating_sub(self.reserved);
        let zeros = vec![0; usize::try_from(more).map_err(|_| io::ErrorKind::FileTooLarge)?];
        match file.write_at(&zeros, self.reserved) {
            Err(error) if is_full(&error) => return Ok(Room::Full),
            written => written?,
        }
        self.reserved += more;
        Ok(Room::Made)
    }
}

impl TornBytes {
    fn of(first: u64, scan: &Scan) -> Option<Self> {
        let bytes = scan.torn()?.to_vec();
        Some(Self { file: segment::name(first), offset: scan.end as u64, bytes })
    }
}

fn broken(index: u64, file: String, fault: &'static str) -> OpenError {
    OpenError::Broken { index, file, fault }
}

/// Whether an error says that there is no space (also by quota).
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
