//! The bytes of a segment: frames of a 16-byte header and a payload, little-endian.
//!
//! ```text
//! word   u32   kind << 24 | payload length      zero: nothing was written from here on
//! check  u32   CRC-32 over word, index, payload
//! index  u64   birth: first index of the segment; record: its index; seal: number of records so far
//! ```
//! A batch is its records, at least one, and one seal; what no seal follows was never acknowledged. The index in every frame shows a
//! swap, move or repetition, the check shows every change of up to 32 bits in a row.

/// Bytes before a payload.
pub(crate) const HEADER: usize = 16;
/// Payload of the frame that opens each segment: what it is and which version of this page it follows.
pub(crate) const BIRTH: &[u8] = b"sluis segment, format 1\n";

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Opens a segment.
    Birth = 1,
    /// One record.
    Record = 2,
    /// Closes a batch.
    Seal = 3,
}

/// One frame as read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: Kind,
    pub(crate) index: u64,
    pub(crate) payload: &'a [u8],
}

/// A frame's header as read; nothing is checked yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) length: usize,
    pub(crate) index: u64,
    check: u32,
}

/// What stands at some place of a segment.
#[derive(Debug)]
pub(crate) enum Taken<'a> {
    /// A whole frame.
    Frame(Frame<'a>),
    /// A zero word: nothing was written here.
    Nothing,
    /// Bytes that are no whole frame.
    Broken,
}

/// Bytes that a payload of this length takes up.
pub(crate) fn framed(length: usize) -> usize {
    HEADER + length
}

pub(crate) fn put(out: &mut Vec<u8>, kind: Kind, index: u64, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX) & 0x00ff_ffff;
    let word = ((kind as u32) << 24 | length).to_le_bytes();
    let index = index.to_le_bytes();
    out.extend_from_slice(&word);
    out.extend_from_slice(&check(&word, &index, payload).to_le_bytes());
    out.extend_from_slice(&index);
    out.extend_from_slice(payload);
}

impl Header {
    /// Reads a header; nothing when the word is zero or of no kind.
    pub(crate) fn read(bytes: &[u8; HEADER]) -> Option<Self> {
        let [a, b, c, kind, d, e, f, g, index @ ..] = *bytes;
        let kind = match kind {
            1 => Kind::Birth,
            2 => Kind::Record,
            3 => Kind::Seal,
            _ => return None,
        };
        let length = usize::try_from(u32::from_le_bytes([a, b, c, 0])).ok()?;
        Some(Self { kind, length, index: u64::from_le_bytes(index), check: u32::from_le_bytes([d, e, f, g]) })
    }

    /// Whether this payload is the one that the header was made for.
    pub(crate) fn fits(&self, payload: &[u8]) -> bool {
        let length = u32::try_from(self.length).unwrap_or(u32::MAX);
        let word = ((self.kind as u32) << 24 | length).to_le_bytes();
        payload.len() == self.length && check(&word, &self.index.to_le_bytes(), payload) == self.check
    }
}

/// Reads what stands at the start of `bytes`.
pub(crate) fn take(bytes: &[u8]) -> Taken<'_> {
    let Some((head, rest)) = bytes.split_first_chunk::<HEADER>() else {
        return if bytes.iter().all(|&b| b == 0) { Taken::Nothing } else { Taken::Broken };
    };
    if head.starts_with(&[0; 4]) {
        return Taken::Nothing;
    }
    let Some(header) = Header::read(head) else { return Taken::Broken };
    match rest.get(..header.length) {
        Some(payload) if header.fits(payload) => {
            Taken::Frame(Frame { kind: header.kind, index: header.index, payload })
        }
        Some(_) | None => Taken::Broken,
    }
}

fn check(word: &[u8; 4], index: &[u8; 8], payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(word);
    crc.update(index);
    crc.update(payload);
    crc.finalize()
}
