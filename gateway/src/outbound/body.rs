//! A body as it comes in: counted as sent and as unpacked, and cut off at the bound.

use super::connect::Fault;
use super::pool::{Lease, Pool, Share};
use bytes::{Buf, Bytes};
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::io::{self, Write};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// How many bytes may still come: shared by what is asked at once, so that many answers together stay within it too.
pub struct Allowance {
    left: AtomicUsize,
    whole: usize,
    share: Option<Share>,
}

impl Allowance {
    /// So many bytes, unpacked.
    #[must_use]
    pub fn of(bytes: usize) -> Self {
        Self { left: AtomicUsize::new(bytes), whole: bytes, share: None }
    }

    /// So many bytes, of what the pool has room for.
    #[must_use]
    pub fn within(pool: &Pool, bytes: usize) -> Self {
        Self { share: Some(pool.share()), ..Self::of(bytes) }
    }

    /// Ends when this question has taken most of all and there is no more room.
    pub(super) async fn told_out(&self) {
        match &self.share {
            Some(share) => share.told_out().await,
            None => std::future::pending().await,
        }
    }

    async fn room(&self) -> Result<(), Fault> {
        match &self.share {
            Some(share) => share.room().await,
            None => Ok(()),
        }
    }

    fn take(&self, bytes: usize) -> bool {
        let taken = self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(bytes));
        taken.is_ok()
    }
}

/// Reads a body within the allowance.
pub(super) async fn read(
    mut body: Incoming,
    headers: &HeaderMap,
    allowance: &Allowance,
) -> Result<Bytes, Fault> {
    let mut unpacking = Unpacking::of(headers, allowance)?;
    // What unpacks to nothing could go on for ever.
    let (mut packed, most) = (0_usize, allowance.whole);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Fault::BrokenOff)?;
        let Ok(mut data) = frame.into_data() else { continue };
        packed = packed.saturating_add(data.remaining());
        if packed > most {
            return Err(Fault::TooLarge);
        }
        while data.has_remaining() {
            allowance.room().await?;
            let chunk = data.chunk();
            let piece = chunk.chunks(PIECE).next().unwrap_or_default();
            unpacking.take(piece)?;
            let length = piece.len();
            data.advance(length);
        }
    }
    unpacking.end()
}

/// A buffer that takes no more than it may hold: what unpacks to more fails at the bound, not after it.
struct Bounded<'a> {
    bytes: Vec<u8>,
    allowance: &'a Allowance,
    lease: Option<Lease>,
}

impl<'a> Bounded<'a> {
    fn of(announced: usize, allowance: &'a Allowance) -> Self {
        let lease = allowance.share.as_ref().map(Share::lease);
        let mut own = Self { bytes: Vec::new(), allowance, lease };
        own.make_room(announced);
        own
    }

    /// Room for so many more; what is laid out counts, filled or not.
    fn make_room(&mut self, more: usize) {
        let before = self.bytes.capacity();
        let needed = self.bytes.len().saturating_add(more);
        if needed > before {
            let grown = (before + before / 2).min(self.allowance.whole);
            self.bytes.reserve_exact(needed.max(grown) - self.bytes.len());
            if let Some(lease) = &mut self.lease {
                lease.grow(self.bytes.capacity() - before);
            }
        }
    }

    fn end(self) -> Bytes {
        match self.lease {
            Some(lease) => Bytes::from_owner(Leased { bytes: self.bytes, _lease: lease }),
            None => self.bytes.into(),
        }
    }
}

/// Bytes with the room that they take.
struct Leased {
    bytes: Vec<u8>,
    _lease: Lease,
}

impl AsRef<[u8]> for Leased {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Write for Bounded<'_> {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if !self.allowance.take(more.len()) {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.make_room(more.len());
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Unpacking<'a> {
    Plain(Bounded<'a>),
    Gzip(MultiGzDecoder<Bounded<'a>>),
    Deflate(ZlibDecoder<Bounded<'a>>),
}

impl<'a> Unpacking<'a> {
    fn of(headers: &HeaderMap, allowance: &'a Allowance) -> Result<Self, Fault> {
        let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        // No more than so much on its word alone: who announces much may send nothing.
        let bounded = Bounded::of(announced.unwrap_or(0).min(ON_ITS_WORD), allowance);
        let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
        let encoding = encodings.next().map(|value| value.as_bytes().to_ascii_lowercase());
        // A second coding would be a bomb within a bomb.
        if encodings.next().is_some() {
            return Err(Fault::Encoding);
        }
        match encoding.as_deref() {
            None | Some(b"identity") => Ok(Self::Plain(bounded)),
            Some(b"gzip" | b"x-gzip") => Ok(Self::Gzip(MultiGzDecoder::new(bounded))),
            Some(b"deflate") => Ok(Self::Deflate(ZlibDecoder::new(bounded))),
            Some(_) => Err(Fault::Encoding),
        }
    }

    fn take(&mut self, chunk: &[u8]) -> Result<(), Fault> {
        let taken = match self {
            Self::Plain(bounded) => bounded.write_all(chunk),
            Self::Gzip(decoder) => decoder.write_all(chunk),
            Self::Deflate(decoder) => decoder.write_all(chunk),
        };
        taken.map_err(|e| fault(&e))
    }

    fn end(self) -> Result<Bytes, Fault> {
        let ended = match self {
            Self::Plain(bounded) => Ok(bounded),
            Self::Gzip(decoder) => decoder.finish(),
            Self::Deflate(decoder) => decoder.finish(),
        };
        ended.map(Bounded::end).map_err(|e| fault(&e))
    }
}

fn fault(error: &io::Error) -> Fault {
    if error.kind() == io::ErrorKind::FileTooLarge { Fault::TooLarge } else { Fault::Encoding }
}

/// Bytes that are taken before it is asked again whether there is room: packed as tightly as can be, a megabyte.
const PIECE: usize = 1024;
/// Bytes that are laid out before they come.
const ON_ITS_WORD: usize = 128 * 1024;
