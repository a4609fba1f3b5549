//! The reading end of a folder of segments: by index, or onwards from one. Shared, concurrent with the writer, and
//! never beyond what is durable.

use crate::error::ReadError;
use crate::frame::{HEADER, Header, Kind};
use crate::port::{Access, Port, PortFile};
use crate::segment;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// A place is remembered for every such many records.
const STRIDE: u64 = 16;
/// Bytes read at a time when going onwards.
const CHUNK: usize = 256 << 10;

/// Records of one folder, up to what is durable. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Records(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    port: Arc<dyn Port>,
    folder: PathBuf,
    len: AtomicU64,
    /// Segments by first index.
    segments: RwLock<BTreeMap<u64, Arc<Marks>>>,
}

/// Places of some records of one segment: (index, offset), ascending; filled as they become known.
#[derive(Debug, Default)]
struct Marks(RwLock<Vec<(u64, u64)>>);

/// A segment, and a place in it at or before some record.
struct Near {
    file: Box<dyn PortFile>,
    at: u64,
}

/// A batch that just became durable.
pub(crate) struct Live {
    /// First index of its segment.
    pub(crate) first: u64,
    /// Where each of its records begins.
    pub(crate) places: Vec<u64>,
    /// Number of records from now on.
    pub(crate) len: u64,
}

impl Records {
    pub(crate) fn new(port: Arc<dyn Port>, folder: PathBuf, firsts: &[u64], len: u64) -> Self {
        let segments = firsts.iter().map(|&first| (first, Arc::default())).collect();
        Self(Arc::new(Shared { port, folder, len: AtomicU64::new(len), segments: RwLock::new(segments) }))
    }

    /// Number of durable records.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.len.load(Ordering::Acquire)
    }

    /// Whether there is no record yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The record of this index.
    ///
    /// # Errors
    /// When there is none, it cannot be read, or what stands there is not it.
    pub fn read(&self, index: u64) -> Result<Vec<u8>, ReadError> {
        let Near { file, mut at } = self.near(index)?;
        loop {
            let header = header_at(&*file, at, index)?;
            if header.kind == Kind::Record && header.index == index {
                let payload = exactly(&*file, at + HEADER as u64, header.length, index)?;
                let whole = header.fits(&payload);
                return whole.then_some(payload).ok_or(ReadError::Broken { index, fault: "its check fails" });
            }
            if header.index > index {
                return Err(ReadError::Broken { index, fault: "another record stands in its place" });
            }
            at += (HEADER + header.length) as u64;
        }
    }

    /// All records from this index on, up to what is durable now.
    #[must_use]
    pub fn from(&self, index: u64) -> RecordsFrom {
        RecordsFrom { records: self.clone(), next: index, end: self.len(), segment: None }
    }

    pub(crate) fn begin(&self, first: u64) {
        self.0.segments.write().unwrap_or_else(PoisonError::into_inner).insert(first, Arc::default());
    }

    pub(crate) fn publish(&self, live: &Live) {
        if let Some(marks) = self.0.segments.read().unwrap_or_else(PoisonError::into_inner).get(&live.first) {
            let from = live.len - live.places.len() as u64;
            for (index, &at) in (from..).zip(&live.places) {
                marks.learn(index, at);
            }
        }
        self.0.len.store(live.len, Ordering::Release);
    }

    /// The segment of an index, and a place at or before its record.
    fn near(&self, index: u64) -> Result<Near, ReadError> {
        if index >= self.len() {
            return Err(ReadError::Absent);
        }
        let (first, marks) = {
            let segments = self.0.segments.read().unwrap_or_else(PoisonError::into_inner);
            let found = segments.range(..=index).next_back().map(|(first, marks)| (*first, marks.clone()));
            found.ok_or(ReadError::Broken { index, fault: "its segment is missing" })?
        };
        let file = self.0.port.open(&self.0.folder.join(segment::name(first)), Access::Read)?;
        let (mut known, mut at) = marks.before(index).unwrap_or((first, 0));
        if index - known >= STRIDE {
            marks.survey(&segment::read_all(&*file)?, self.len());
            (known, at) = marks.before(index).unwrap_or((first, 0));
        }
        if index - known >= STRIDE {
            return Err(ReadError::Broken { index, fault: "no frame stands before it" });
        }
        Ok(Near { file, at })
    }
}

impl Marks {
    /// The last place known at or before an index.
    fn before(&self, index: u64) -> Option<(u64, u64)> {
        let marks = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = marks.partition_point(|&(marked, _)| marked <= index);
        known.checked_sub(1).and_then(|last| marks.get(last)).copied()
    }

    /// Learns the places in a segment by hopping from header to header, up to what is durable: behind that somebody may
    /// be writing. What is read by them is checked then.
    fn survey(&self, bytes: &[u8], len: u64) {
        let mut at = 0;
        while let Some(header) = bytes.get(at..).and_then(|rest| rest.first_chunk()).and_then(Header::read) {
            if header.index >= len {
                return;
            }
            if header.kind == Kind::Record {
                self.learn(header.index, at as u64);
            }
            at += HEADER + header.length;
        }
    }

    fn learn(&self, index: u64, at: u64) {
        if !index.is_multiple_of(STRIDE) {
            return;
        }
        let mut marks = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Err(place) = marks.binary_search_by_key(&index, |&(marked, _)| marked) {
            marks.insert(place, (index, at));
        }
    }
}

fn header_at(file: &dyn PortFile, at: u64, index: u64) -> Result<Header, ReadError> {
    let mut bytes = [0; HEADER];
    let read = file.read_at(&mut bytes, at)?;
    let header = if read == HEADER { Header::read(&bytes) } else { None };
    header.ok_or(ReadError::Broken { index, fault: "no frame stands before it" })
}

fn exactly(file: &dyn PortFile, at: u64, length: usize, index: u64) -> Result<Vec<u8>, ReadError> {
    let mut payload = vec![0; length];
    if file.read_at(&mut payload, at)? < length {
        return Err(ReadError::Broken { index, fault: "it is cut off" });
    }
    Ok(payload)
}

/// Records in order; ends at the first that cannot be read, which it reports.
#[derive(Debug)]
pub struct RecordsFrom {
    records: Records,
    next: u64,
    end: u64,
    segment: Option<Onwards>,
}

/// A segment being read onwards in chunks.
#[derive(Debug)]
struct Onwards {
    file: Box<dyn PortFile>,
    /// Place in the file of `buffer`'s first byte.
    base: u64,
    /// Bytes of `buffer` already used.
    used: usize,
    buffer: Vec<u8>,
}

impl Iterator for RecordsFrom {
    type Item = Result<(u64, Vec<u8>), ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let index = self.next;
        let read = self.advance(index);
        self.next = if read.is_ok() { index + 1 } else { self.end };
        Some(read.map(|payload| (index, payload)))
    }
}

impl RecordsFrom {
    fn advance(&mut self, index: u64) -> Result<Vec<u8>, ReadError> {
        let begins_segment =
            self.records.0.segments.read().unwrap_or_else(PoisonError::into_inner).contains_key(&index);
        let mut segment = match self.segment.take() {
            Some(segment) if !begins_segment => segment,
            Some(_) | None => {
                let Near { file, at } = self.records.near(index)?;
                Onwards { file, base: at, used: 0, buffer: Vec::new() }
            }
        };
        let payload = segment.seek(index)?;
        self.segment = Some(segment);
        Ok(payload)
    }
}

impl Onwards {
    fn seek(&mut self, index: u64) -> Result<Vec<u8>, ReadError> {
        loop {
            self.fill(HEADER)?;
            let bytes = self.buffer.get(self.used..).and_then(|rest| rest.first_chunk::<HEADER>());
            let Some(header) = bytes.and_then(Header::read) else {
                return Err(ReadError::Broken { index, fault: "no frame stands in its place" });
            };
            self.fill(HEADER + header.length)?;
            let from = self.used + HEADER;
            let payload = self.buffer.get(from..from + header.length);
            self.used = from + header.length;
            if header.kind != Kind::Record || header.index < index {
                continue;
            }
            return match payload {
                Some(payload) if header.index == index && header.fits(payload) => Ok(payload.to_vec()),
                Some(_) | None => Err(ReadError::Broken { index, fault: "its check fails" }),
            };
        }
    }

    /// Makes `wanted` bytes available behind `used`, if the file has them.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        if self.buffer.len() - self.used.min(self.buffer.len()) >= wanted {
            return Ok(());
        }
        self.base += self.used as u64;
        self.used = 0;
        self.buffer = vec![0; wanted.max(CHUNK)];
        let read = self.file.read_at(&mut self.buffer, self.base)?;
        self.buffer.truncate(read);
        Ok(())
    }
}
