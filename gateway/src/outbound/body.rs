//! A body as it comes in: counted as sent and as unpacked, and cut off at the bound.

use super::connect::Fault;
use bytes::Buf;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::io::{self, Write};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// How many bytes may still come: shared by what is asked at once, so that many answers together stay within it too.
#[derive(Debug)]
pub struct Allowance {
    left: AtomicUsize,
    whole: usize,
}

impl Allowance {
    /// So many bytes, unpacked.
    #[must_use]
    pub fn of(bytes: usize) -> Self {
        Self { left: AtomicUsize::new(bytes), whole: bytes }
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
) -> Result<Vec<u8>, Fault> {
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
            let chunk = data.chunk();
            let length = chunk.len();
            unpacking.take(chunk)?;
            data.advance(length);
        }
    }
    unpacking.end()
}

/// A buffer that takes no more than it may hold: what unpacks to more fails at the bound, not after it.
struct Bounded<'a> {
    bytes: Vec<u8>,
    allowance: &'a Allowance,
}

impl Write for Bounded<'_> {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if !self.allowance.take(more.len()) {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
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
        let bytes = Vec::with_capacity(announced.unwrap_or(0).min(ON_ITS_WORD));
        let bounded = Bounded { bytes, allowance };
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

    fn end(self) -> Result<Vec<u8>, Fault> {
        let ended = match self {
            Self::Plain(bounded) => Ok(bounded),
            Self::Gzip(decoder) => decoder.finish(),
            Self::Deflate(decoder) => decoder.finish(),
        };
        ended.map(|bounded| bounded.bytes).map_err(|e| fault(&e))
    }
}

fn fault(error: &io::Error) -> Fault {
    if error.kind() == io::ErrorKind::FileTooLarge { Fault::TooLarge } else { Fault::Encoding }
}

/// Bytes that are laid out before they come.
const ON_ITS_WORD: usize = 128 * 1024;
