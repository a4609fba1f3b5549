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
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};

/// How many bytes may still come: shared by what is asked at once, so that many answers together stay within it too.
pub struct Allowance {
    left: AtomicUsize,
    whole: usize,
    share: Option<Share>,
    /// Whether an answer had begun when nobody read on.
    left_unended: AtomicBool,
}

impl Allowance {
    /// So many bytes, unpacked.
    #[must_use]
    pub fn of(bytes: usize) -> Self {
        Self {
            left: AtomicUsize::new(bytes),
            whole: bytes,
            share: None,
            left_unended: AtomicBool::new(false),
        }
    }

    /// So many bytes, of what the pool has room for.
    #[must_use]
    pub fn within(pool: &Pool, bytes: usize) -> Self {
        Self { share: Some(pool.share()), ..Self::of(bytes) }
    }

    /// Whether somebody stopped reading an answer that had begun and did not end.
    #[must_use]
    pub fn was_left(&self) -> bool {
        self.left_unended.load(Relaxed)
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
    let mut begun = Begun { allowance, unended: false };
    let mut unpacking = Unpacking::of(headers, allowance)?;
    // What unpacks to nothing could go on for ever.
    let (mut packed, most) = (0_usize, allowance.whole);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Fault::BrokenOff)?;
        let Ok(mut data) = frame.into_data() else { continue };
        begun.unended = true;
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
    begun.unended = false;
    unpacking.end()
}

/// Notes when an answer that had begun is read no further.
struct Begun<'a> {
    allowance: &'a Allowance,
    unended: bool,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if self.unended {
            self.allowance.left_unended.store(true, Relaxed);
        }
    }
}

/// A buffer that takes no more than it may hold: what unpacks to more fails at the bound, not after it. It lies in parts
/// until it is whole: what grows as one piece is copied again and again, and the holes that it leaves are no bound of ours.
struct Bounded<'a> {
    parts: Vec<Vec<u8>>,
    allowance: &'a Allowance,
    lease: Option<Lease>,
}

impl<'a> Bounded<'a> {
    fn of(announced: usize, allowance: &'a Allowance) -> Self {
        let lease = allowance.share.as_ref().map(Share::lease);
        let mut own = Self { parts: Vec::new(), allowance, lease };
        own.lay_out(if announced == 0 { LITTLE } else { announced });
        own
    }

    /// One more part; it counts, filled or not.
    fn lay_out(&mut self, bytes: usize) {
        if let Some(lease) = &mut self.lease {
            lease.grow(bytes);
        }
        self.parts.push(Vec::with_capacity(bytes));
    }

    fn end(mut self) -> Bytes {
        let mut parts = std::mem::take(&mut self.parts).into_iter();
        let mut whole = parts.next().unwrap_or_default();
        if parts.len() > 0 {
            let laid_out = whole.capacity() + parts.as_slice().iter().map(Vec::capacity).sum::<usize>();
            let length = whole.len() + parts.as_slice().iter().map(Vec::len).sum::<usize>();
            if let Some(lease) = &mut self.lease {
                lease.grow(length);
            }
            whole.reserve_exact(length - whole.len());
            parts.for_each(|part| whole.extend_from_slice(&part));
            if let Some(lease) = &mut self.lease {
                lease.shrink(laid_out);
            }
        }
        match self.lease {
            Some(lease) => Bytes::from_owner(Leased { bytes: whole, _lease: lease }),
            None => whole.into(),
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
        let room = self.parts.last().map_or(0, |part| part.capacity() - part.len());
        let (here, beyond) = more.split_at_checked(room).unwrap_or((more, &[]));
        if let Some(part) = self.parts.last_mut() {
            part.extend_from_slice(here);
        }
        if !beyond.is_empty() {
            self.lay_out(PART.max(beyond.len()));
            if let Some(part) = self.parts.last_mut() {
                part.extend_from_slice(beyond);
            }
        }
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
/// What is laid out where nothing is announced, and then at a time.
const LITTLE: usize = 8 * 1024;
const PART: usize = 64 * 1024;
