//! Strict JSON as a flat tape over the caller's bytes.
//!
//! One pass validates and notes where each value starts and ends; nothing is copied or converted, so a kept
//! span is byte for byte what the holder wrote (`1.50` stays `1.50`). It refuses whatever two parsers could
//! read differently: duplicate or escaped member names, invalid UTF-8, a byte order mark, lone surrogates,
//! trailing bytes and excessive depth (THREATS.md rows 16 to 18).

pub(crate) mod name;
mod scan;
mod value;

pub use scan::{DEPTH_MAX, ErrorKind, JsonError, parse, values_most};
pub use value::{Items, Kind, Members, Value};

/// One parsed document: the bytes and the tape over them. The root value is [`Doc::root`].
pub struct Doc<'a> {
    /// UTF-8 is checked once, when it is read; every span begins and ends at a character.
    text: &'a str,
    nodes: Vec<Node>,
}

/// A value on the tape. Children follow their parent; `next` is the index behind the whole value.
#[derive(Clone, Copy)]
struct Node {
    /// Span of the value itself.
    start: u32,
    end: u32,
    /// Index of the node behind this value and all that it holds.
    next: u32,
    /// Span of the member name without its quotes; empty for items and the root.
    name_start: u32,
    name_len: u16,
    /// [`name::number`] of it.
    number: u32,
    kind: Kind,
    /// Whether a string holds a backslash escape.
    escaped: bool,
}

impl Node {
    fn name<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let start = self.name_start as usize;
        bytes.get(start..start + usize::from(self.name_len)).unwrap_or_default()
    }
}

impl<'a> Doc<'a> {
    /// The outermost value.
    #[must_use]
    pub fn root(&self) -> Value<'_> {
        Value::new(self, 0)
    }

    /// The bytes this document was read from.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }
}

impl std::fmt::Debug for Doc<'_> {
    /// Content may be personal: only the size prints.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Doc({} bytes, {} values)", self.text.len(), self.nodes.len())
    }
}

#[cfg(test)]
mod tests;
