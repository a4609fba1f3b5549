//! The scanner: bytes to tape, iterative, so that depth never becomes stack.

#![allow(
    clippy::cast_possible_truncation,
    reason = "`parse` refuses bytes that a u32 cannot count, names that a u16 cannot"
)]

use super::{Doc, Kind, Node};

/// How deep objects and arrays may nest: deeper than any real FHIR resource (40 nested provisions need 82),
/// shallow enough to bound every walk over the tape.
pub const DEPTH_MAX: usize = 128;

/// How many values a document of this many bytes may hold. A value costs as much on the tape as twenty bytes of text, so
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
    /// An object names a member twice.
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
            Self::DuplicateKey => "an object names a member twice",
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
    let most = values_most(bytes.len());
    let mut scanner = Scanner { bytes, at: 0, nodes: Vec::with_capacity(bytes.len() / 24 + 4), most };
    scanner.document()?;
    Ok(Doc { text, nodes: scanner.nodes })
}

/// An object or array whose end has not been seen yet.
struct Open {
    node: u32,
    object: bool,
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    most: usize,
}

impl Scanner<'_> {
    fn fail<T>(&self, kind: ErrorKind) -> Result<T, JsonError> {
        Err(JsonError { offset: self.at, kind })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_white(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        match self.peek() {
            Some(b) if b == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => self.fail(ErrorKind::Syntax),
            None => self.fail(ErrorKind::Truncated),
        }
    }

    fn document(&mut self) -> Result<(), JsonError> {
        self.skip_white();
        if self.peek().is_none() {
            return self.fail(ErrorKind::Empty);
        }
        let mut open: Vec<Open> = Vec::with_capacity(16);
        let mut name = (0_u32, 0_u16);
        loop {
            // A value stands here.
            if let Some(container) = self.value(name, open.len())? {
                open.push(container);
                let object = open.last().is_some_and(|o| o.object);
                self.skip_white();
                let close = if object { b'}' } else { b']' };
                if self.peek() != Some(close) {
                    name = if object { self.member_name(&open)? } else { (0, 0) };
                    continue;
                }
            }
            // A value ended, or an empty container waits for its end.
            loop {
                self.skip_white();
                let Some(innermost) = open.last() else {
                    return if self.at == self.bytes.len() { Ok(()) } else { self.fail(ErrorKind::Trailing) };
                };
                let object = innermost.object;
                match self.peek() {
                    Some(b',') if self.has_child(innermost.node) => {
                        self.at += 1;
                        self.skip_white();
                        name = if object { self.member_name(&open)? } else { (0, 0) };
                        break;
                    }
                    Some(b'}') if object => self.close(&mut open),
                    Some(b']') if !object => self.close(&mut open),
                    Some(_) => return self.fail(ErrorKind::Syntax),
                    None => return self.fail(ErrorKind::Truncated),
                }
            }
        }
    }

    fn has_child(&self, node: u32) -> bool {
        self.nodes.len() > node as usize + 1
    }

    fn close(&mut self, open: &mut Vec<Open>) {
        self.at += 1;
        if let Some(done) = open.pop() {
            let next = self.nodes.len() as u32;
            if let Some(node) = self.nodes.get_mut(done.node as usize) {
                node.end = self.at as u32;
                node.next = next;
            }
        }
    }

    /// Reads `"name" :` and refuses a name this object already has.
    fn member_name(&mut self, open: &[Open]) -> Result<(u32, u16), JsonError> {
        let from = self.at;
        self.expect(b'"')?;
        let start = self.at;
        if self.string_rest()? {
            self.at = from;
            return self.fail(ErrorKind::OddKey);
        }
        let len = self.at - 1 - start;
        if len == 0 || len > 1_024 {
            self.at = from;
            return self.fail(ErrorKind::OddKey);
        }
        let name = (start as u32, len as u16);
        if open.last().is_some_and(|object| self.taken(object.node, name)) {
            self.at = from;
            return self.fail(ErrorKind::DuplicateKey);
        }
        self.skip_white();
        self.expect(b':')?;
        self.skip_white();
        Ok(name)
    }

    /// Whether the open object at `parent` already has a member of this name. Real objects have a dozen
    /// members, so a walk over siblings is cheapest; a hostile one is bounded by `MEMBERS_MAX`.
    fn taken(&self, parent: u32, (start, len): (u32, u16)) -> bool {
        let wanted = self.slice(start, len);
        let mut at = parent as usize + 1;
        let mut seen = 0_u32;
        while let Some(node) = self.nodes.get(at) {
            if node.name_len == len && self.slice(node.name_start, node.name_len) == wanted {
                return true;
            }
            seen += 1;
            if seen > MEMBERS_MAX {
                return true;
            }
            at = node.next as usize;
        }
        false
    }

    fn slice(&self, start: u32, len: u16) -> &[u8] {
        self.bytes.get(start as usize..start as usize + usize::from(len)).unwrap_or_default()
    }

    /// Reads the value that starts here; a container is pushed open and returned.
    fn value(&mut self, name: (u32, u16), depth: usize) -> Result<Option<Open>, JsonError> {
        let start = self.at;
        let Some(first) = self.peek() else { return self.fail(ErrorKind::Truncated) };
        if self.nodes.len() >= self.most {
            return self.fail(ErrorKind::TooDense);
        }
        let (kind, escaped) = match first {
            b'{' | b'[' => {
                if depth >= DEPTH_MAX {
                    return self.fail(ErrorKind::TooDeep);
                }
                self.at += 1;
                let object = first == b'{';
                let kind = if object { Kind::Object } else { Kind::Array };
                let node = self.push(name, start, kind, false);
                return Ok(Some(Open { node, object }));
            }
            b'"' => {
                self.at += 1;
                (Kind::String, self.string_rest()?)
            }
            b't' => (self.literal(b"true", Kind::True)?, false),
            b'f' => (self.literal(b"false", Kind::False)?, false),
            b'n' => (self.literal(b"null", Kind::Null)?, false),
            b'-' | b'0'..=b'9' => {
                self.number()?;
                (Kind::Number, false)
            }
            _ => return self.fail(ErrorKind::Syntax),
        };
        self.push(name, start, kind, escaped);
        Ok(None)
    }

    fn push(&mut self, (name_start, name_len): (u32, u16), start: usize, kind: Kind, escaped: bool) -> u32 {
        let index = self.nodes.len() as u32;
        self.nodes.push(Node {
            start: start as u32,
            end: self.at as u32,
            next: index + 1,
            name_start,
            name_len,
            kind,
            escaped,
        });
        index
    }

    fn literal(&mut self, word: &[u8], kind: Kind) -> Result<Kind, JsonError> {
        let end = self.at + word.len();
        match self.bytes.get(self.at..end) {
            Some(found) if found == word => {
                self.at = end;
                Ok(kind)
            }
            Some(_) => self.fail(ErrorKind::Syntax),
            None => self.fail(ErrorKind::Truncated),
        }
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        match self.peek() {
            _ if self.at > from => Ok(()),
            None => self.fail(ErrorKind::Truncated),
            Some(_) => self.fail(ErrorKind::Syntax),
        }
    }

    fn number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return self.fail(ErrorKind::Syntax);
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// Reads up to and over the closing quote; true when an escape was seen.
    fn string_rest(&mut self) -> Result<bool, JsonError> {
        let mut escaped = false;
        loop {
            self.at += plain(self.bytes.get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return self.fail(ErrorKind::Syntax),
                None => return self.fail(ErrorKind::Truncated),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                self.at += 1;
                match self.hex4()? {
                    0xDC00..=0xDFFF => self.fail(ErrorKind::LoneSurrogate),
                    0xD800..=0xDBFF => {
                        if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
                            return self.fail(ErrorKind::LoneSurrogate);
                        }
                        self.at += 2;
                        match self.hex4()? {
                            0xDC00..=0xDFFF => Ok(()),
                            _ => self.fail(ErrorKind::LoneSurrogate),
                        }
                    }
                    _ => Ok(()),
                }
            }
            Some(_) => self.fail(ErrorKind::Syntax),
            None => self.fail(ErrorKind::Truncated),
        }
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let Some(four) = self.bytes.get(self.at..self.at + 4) else { return self.fail(ErrorKind::Truncated) };
        let mut code = 0;
        for byte in four {
            let Some(digit) = char::from(*byte).to_digit(16) else { return self.fail(ErrorKind::Syntax) };
            code = code * 16 + digit;
        }
        self.at += 4;
        Ok(code)
    }
}

/// How many bytes stand before the first that is a quote, a backslash or below the space. Names and codes end within two
/// words; of longer text sixteen bytes are looked at together, without an early way out, which becomes vectors.
fn plain(bytes: &[u8]) -> usize {
    let (near, far) = bytes.split_at(bytes.len().min(16));
    let short = plain_words(near);
    if short < near.len() {
        return short;
    }
    let clean = |block: &&[u8; 16]| !block.iter().fold(false, |any, byte| any | stops(*byte));
    let blocks = far.as_chunks::<16>().0.iter().take_while(clean).count() * 16;
    short + blocks + plain_words(far.get(blocks..).unwrap_or_default())
}

/// The same, eight bytes at a time.
fn plain_words(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let found = stops_in(u64::from_le_bytes(*word));
        if found != 0 {
            return at * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    words.len() * 8 + rest.iter().position(|byte| stops(*byte)).unwrap_or(rest.len())
}

const fn stops(byte: u8) -> bool {
    (byte < b' ') | (byte == b'"') | (byte == b'\\')
}

/// The high bit of the first byte of `word` that ends plain text; of bytes behind it, it may be set wrongly.
const fn stops_in(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xFF;
    const HIGH: u64 = ONES << 7;
    const fn below(word: u64, limit: u64) -> u64 {
        word.wrapping_sub(ONES * limit) & !word & HIGH
    }
    below(word, 0x20) | below(word ^ (ONES * 0x22), 1) | below(word ^ (ONES * 0x5C), 1)
}

/// More members than any FHIR element has; above it an object counts as hostile.
const MEMBERS_MAX: u32 = 512;
