//! The scanner: bytes to tape, iterative, so that depth never becomes stack.

#![allow(
    clippy::cast_possible_truncation,
    reason = "`parse` refuses bytes that a u32 cannot count, names that a u16 cannot"
)]

use super::{Doc, Kind, Node, name};

/// How deep objects and arrays may nest: deeper than any real FHIR resource (40 nested provisions need 82),
/// shallow enough to bound every walk over the tape.
pub const DEPTH_MAX: usize = 128;

/// How many values a document of this many bytes may hold. A value costs as much on the tape as twenty-four bytes of text, so
/// that a page of nothing but one-digit numbers would cost ten times what its sender paid; FHIR, which names its values
/// and has no arrays of numbers, stays far below this also without white space.
#[must_use]
pub const fn values_most(bytes: usize) -> usize {
    bytes / 6 + 4_096
}

/// Where and why bytes are no JSON that we read. Carries no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonError {
    /// Byte offset of the first fault.
    pub offset: usize,
    /// What is wrong there.
    pub kind: ErrorKind,
}

/// The faults a document can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Nothing but white space.
    Empty,
    /// Not UTF-8, or a byte order mark.
    Encoding,
    /// A token that JSON (RFC 8259) does not have here.
    Syntax,
    /// The bytes end inside a value.
    Truncated,
    /// Something follows the value.
    Trailing,
    /// An object names a member twice, or has more members than any in FHIR (512).
    DuplicateKey,
    /// A member name is written with an escape, is empty, or longer than 1,024 bytes.
    OddKey,
    /// A `\u` escape that is half of a surrogate pair.
    LoneSurrogate,
    /// Deeper than [`DEPTH_MAX`].
    TooDeep,
    /// Larger than 4 GiB.
    TooLarge,
    /// More values than [`values_most`] allows of its length.
    TooDense,
}

impl ErrorKind {
    /// The fault in words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Empty => "no content",
            Self::Encoding => "not UTF-8, or a byte order mark",
            Self::Syntax => "not JSON",
            Self::Truncated => "ends inside a value",
            Self::Trailing => "something follows the value",
            Self::DuplicateKey => "an object names a member twice, or too many",
            Self::OddKey => "a member name is empty, escaped or too long",
            Self::LoneSurrogate => "half of a surrogate pair",
            Self::TooDeep => "nested too deeply",
            Self::TooLarge => "too large",
            Self::TooDense => "too many values for its length",
        }
    }
}

impl std::fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

impl std::fmt::Display for JsonError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (byte {})", self.kind, self.offset)
    }
}

impl std::error::Error for JsonError {}

/// Reads one JSON value, whole and strictly.
///
/// # Errors
/// The first fault, with its offset.
pub fn parse(bytes: &[u8]) -> Result<Doc<'_>, JsonError> {
    if u32::try_from(bytes.len()).is_err() {
        return Err(JsonError { offset: 0, kind: ErrorKind::TooLarge });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|e| JsonError { offset: e.valid_up_to(), kind: ErrorKind::Encoding })?;
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(JsonError { offset: 0, kind: ErrorKind::Encoding });
    }
    let mut scanner = Scanner {
        bytes,
        nodes: Vec::with_capacity(bytes.len() / 16 + 8),
        most: values_most(bytes.len()),
        outer: Vec::with_capacity(16),
    };
    match scanner.document() {
        Ok(()) => Ok(Doc { text, nodes: scanner.nodes }),
        Err(fault) => Err(fault),
    }
}

/// An object or array whose end has not been seen yet.
#[derive(Clone, Copy)]
struct Open {
    node: u32,
    object: bool,
    /// The [`name::bit`]s of its members so far.
    names: u64,
}

/// Place and number of the name that the next value stands under.
#[derive(Clone, Copy, Default)]
struct Label {
    start: u32,
    length: u16,
    number: u32,
}

/// Places travel by value, so that they stay in registers: the scanner itself holds only what outlives a value.
struct Scanner<'a> {
    bytes: &'a [u8],
    nodes: Vec<Node>,
    most: usize,
    /// The containers around the innermost.
    outer: Vec<Open>,
}

#[cold]
const fn fault(offset: usize, kind: ErrorKind) -> JsonError {
    JsonError { offset, kind }
}

/// What stands where a token was missed.
#[cold]
fn missed(bytes: &[u8], at: usize) -> JsonError {
    fault(at, if at < bytes.len() { ErrorKind::Syntax } else { ErrorKind::Truncated })
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), JsonError> {
        let bytes = self.bytes;
        let mut at = white(bytes, 0);
        if at == bytes.len() {
            return Err(fault(at, ErrorKind::Empty));
        }
        // The innermost container, and none at the outermost value.
        let mut inner: Option<Open> = None;
        loop {
            // A member, an item or the whole document stands here.
            let label = match &mut inner {
                Some(container) if container.object => {
                    let (label, value) = self.label(container, at)?;
                    at = value;
                    label
                }
                _ => Label::default(),
            };
            let Some(&first) = bytes.get(at) else { return Err(fault(at, ErrorKind::Truncated)) };
            if self.nodes.len() >= self.most {
                return Err(fault(at, ErrorKind::TooDense));
            }
            let mut ended = true;
            if first == b'"' {
                let (end, escaped) = string(bytes, at + 1)?;
                self.push(label, at, end, Kind::String, escaped);
                at = end;
            } else if first == b'{' || first == b'[' {
                let object = first == b'{';
                if self.outer.len() + usize::from(inner.is_some()) >= DEPTH_MAX {
                    return Err(fault(at, ErrorKind::TooDeep));
                }
                self.outer.extend(inner);
                inner = Some(Open { node: self.nodes.len() as u32, object, names: 0 });
                let (kind, close) = if object { (Kind::Object, b'}') } else { (Kind::Array, b']') };
                self.push(label, at, at + 1, kind, false);
                at = white(bytes, at + 1);
                ended = bytes.get(at) == Some(&close);
            } else {
                let (end, kind) = plain_value(bytes, at, first)?;
                self.push(label, at, end, kind, false);
                at = end;
            }
            // Behind a value, or at the end of a container without any.
            while ended {
                at = white(bytes, at);
                let Some(container) = &inner else {
                    let whole = at == bytes.len();
                    return if whole { Ok(()) } else { Err(fault(at, ErrorKind::Trailing)) };
                };
                let close = if container.object { b'}' } else { b']' };
                match bytes.get(at) {
                    Some(b',') if self.nodes.len() > container.node as usize + 1 => {
                        at = white(bytes, at + 1);
                        ended = false;
                    }
                    Some(found) if *found == close => {
                        at += 1;
                        self.close(container.node, at);
                        inner = self.outer.pop();
                    }
                    _ => return Err(missed(bytes, at)),
                }
            }
        }
    }

    /// Reads `"name" :`; a name that the object already has is refused.
    #[inline(always)]
    fn label(&self, container: &mut Open, at: usize) -> Result<(Label, usize), JsonError> {
        let bytes = self.bytes;
        if bytes.get(at) != Some(&b'"') {
            return Err(missed(bytes, at));
        }
        let start = at + 1;
        let (end, escaped) = string(bytes, start)?;
        let name = bytes.get(start..end - 1).unwrap_or_default();
        if escaped || name.is_empty() || name.len() > 1_024 {
            return Err(fault(at, ErrorKind::OddKey));
        }
        let number = name::number(name);
        let bit = name::bit(number);
        if container.names & bit != 0 && self.taken(container.node, number, name) {
            return Err(fault(at, ErrorKind::DuplicateKey));
        }
        container.names |= bit;
        let colon = white(bytes, end);
        if bytes.get(colon) != Some(&b':') {
            return Err(missed(bytes, colon));
        }
        let label = Label { start: start as u32, length: name.len() as u16, number };
        Ok((label, white(bytes, colon + 1)))
    }

    /// Whether the open object at `parent` already has a member of this name. A hostile one is bounded by
    /// [`MEMBERS_MAX`], which the 64 bits cannot hide: the sixty-fifth member is always looked for.
    fn taken(&self, parent: u32, number: u32, name: &[u8]) -> bool {
        let mut at = parent as usize + 1;
        let mut seen = 0_u32;
        while let Some(node) = self.nodes.get(at) {
            seen += 1;
            if seen > MEMBERS_MAX || (node.number == number && node.name(self.bytes) == name) {
                return true;
            }
            at = node.next as usize;
        }
        false
    }

    #[inline]
    fn push(&mut self, label: Label, start: usize, end: usize, kind: Kind, escaped: bool) {
        let next = self.nodes.len() as u32 + 1;
        self.nodes.push(Node {
            start: start as u32,
            end: end as u32,
            next,
            name_start: label.start,
            number: label.number,
            name_len: label.length,
            kind,
            escaped,
        });
    }

    #[inline]
    fn close(&mut self, node: u32, end: usize) {
        let next = self.nodes.len() as u32;
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.end = end as u32;
            node.next = next;
        }
    }
}

/// The first place from `at` that is no white space.
#[inline]
fn white(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

/// A literal or number, to its end.
#[inline]
fn plain_value(bytes: &[u8], at: usize, first: u8) -> Result<(usize, Kind), JsonError> {
    match first {
        b't' => literal(bytes, at, b"true", Kind::True),
        b'f' => literal(bytes, at, b"false", Kind::False),
        b'n' => literal(bytes, at, b"null", Kind::Null),
        b'-' | b'0'..=b'9' => Ok((number(bytes, at)?, Kind::Number)),
        _ => Err(fault(at, ErrorKind::Syntax)),
    }
}

fn literal(bytes: &[u8], at: usize, word: &[u8], kind: Kind) -> Result<(usize, Kind), JsonError> {
    let end = at + word.len();
    match bytes.get(at..end) {
        Some(found) if found == word => Ok((end, kind)),
        Some(_) => Err(fault(at, ErrorKind::Syntax)),
        None => Err(fault(at, ErrorKind::Truncated)),
    }
}

/// Behind one digit or more.
fn digits(bytes: &[u8], from: usize) -> Result<usize, JsonError> {
    let mut at = from;
    while let Some(b'0'..=b'9') = bytes.get(at) {
        at += 1;
    }
    if at > from { Ok(at) } else { Err(missed(bytes, at)) }
}

fn number(bytes: &[u8], mut at: usize) -> Result<usize, JsonError> {
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    if bytes.get(at) == Some(&b'0') {
        at += 1;
        if let Some(b'0'..=b'9') = bytes.get(at) {
            return Err(fault(at, ErrorKind::Syntax));
        }
    } else {
        at = digits(bytes, at)?;
    }
    if bytes.get(at) == Some(&b'.') {
        at = digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        at = digits(bytes, at)?;
    }
    Ok(at)
}

/// Behind the closing quote of a string whose text begins at `at`, and whether it holds an escape.
#[inline(always)]
fn string(bytes: &[u8], at: usize) -> Result<(usize, bool), JsonError> {
    let stop = plain(bytes, at);
    if bytes.get(stop) == Some(&b'"') { Ok((stop + 1, false)) } else { string_rest(bytes, stop) }
}

/// The same for a string that does not end at its first stop.
#[cold]
fn string_rest(bytes: &[u8], mut at: usize) -> Result<(usize, bool), JsonError> {
    let mut escaped = false;
    loop {
        match bytes.get(at) {
            Some(b'"') => return Ok((at + 1, escaped)),
            Some(b'\\') => {
                escaped = true;
                at = escape(bytes, at + 1)?;
            }
            _ => return Err(missed(bytes, at)),
        }
        at = plain(bytes, at);
    }
}

/// Behind the escape whose backslash stands before `at`.
fn escape(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    match bytes.get(at) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
        Some(b'u') => {
            let high = hex4(bytes, at + 1)?;
            let end = at + 5;
            match high {
                0xDC00..=0xDFFF => Err(fault(end, ErrorKind::LoneSurrogate)),
                0xD800..=0xDBFF => {
                    if bytes.get(end..end + 2) != Some(b"\\u") {
                        return Err(fault(end, ErrorKind::LoneSurrogate));
                    }
                    match hex4(bytes, end + 2)? {
                        0xDC00..=0xDFFF => Ok(end + 6),
                        _ => Err(fault(end, ErrorKind::LoneSurrogate)),
                    }
                }
                _ => Ok(end),
            }
        }
        _ => Err(missed(bytes, at)),
    }
}

fn hex4(bytes: &[u8], at: usize) -> Result<u32, JsonError> {
    let Some(four) = bytes.get(at..at + 4) else { return Err(fault(at, ErrorKind::Truncated)) };
    let mut code = 0;
    for byte in four {
        let Some(digit) = char::from(*byte).to_digit(16) else { return Err(fault(at, ErrorKind::Syntax)) };
        code = code * 16 + digit;
    }
    Ok(code)
}

/// The first place from `at` of a quote, a backslash or a byte below the space; else the end. Names and codes end within
/// two words; of longer text sixteen bytes are looked at together, without an early way out, which becomes vectors.
#[inline(always)]
fn plain(bytes: &[u8], at: usize) -> usize {
    let Some(near) = bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) else {
        return plain_end(bytes, at);
    };
    let (words, _) = near.as_chunks::<8>();
    for (passed, word) in words.iter().enumerate() {
        let found = stops_in(u64::from_le_bytes(*word));
        if found != 0 {
            return at + passed * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    plain_far(bytes, at + 16)
}

/// The same for long text.
#[inline(never)]
fn plain_far(bytes: &[u8], mut at: usize) -> usize {
    // Most that is longer than two words ends within three more.
    for _ in 0..3 {
        let Some(word) = word_at(bytes, at) else { return plain_end(bytes, at) };
        let found = stops_in(word);
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let far = bytes.get(at..).unwrap_or_default();
    let clean = |block: &&[u8; 16]| !block.iter().fold(false, |any, byte| any | stops(*byte));
    at += far.as_chunks::<16>().0.iter().take_while(clean).count() * 16;
    while let Some(word) = word_at(bytes, at) {
        let found = stops_in(word);
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    plain_end(bytes, at)
}

/// The same for the last bytes of a document.
#[cold]
fn plain_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| stops(*byte)).unwrap_or(rest.len())
}

#[inline]
fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk::<8>()?))
}

const fn stops(byte: u8) -> bool {
    (byte < b' ') | (byte == b'"') | (byte == b'\\')
}

/// The high bit of the first byte of `word` that ends plain text; of bytes behind it, it may be set wrongly.
const fn stops_in(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xFF;
    // With bit 1 turned over, the quote takes the place of the space and what stays below 0x21 is exactly what ends text.
    let low = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let backslash = (word ^ (ONES * 0x5C)).wrapping_sub(ONES);
    (low | backslash) & !word & (ONES << 7)
}

/// More members than any FHIR element has; above it an object counts as hostile.
const MEMBERS_MAX: u32 = 512;
