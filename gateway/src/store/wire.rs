//! The resource as it was recorded: kept with a person's state and hardly ever read, so that it lies behind the state in the
//! view and costs a decision nothing.

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};
use std::fmt;
use std::sync::Arc;

/// A recorded resource.
#[derive(Clone)]
pub struct Wire(Held);

#[derive(Clone)]
enum Held {
    Text(Arc<str>),
    /// A span of the bytes behind the state; without them until [`Wire::attach`].
    Behind {
        bytes: Option<Arc<[u8]>>,
        start: usize,
        end: usize,
    },
}

impl Wire {
    /// The text; nothing when the bytes behind it are not there, or are none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Held::Text(text) => text,
            Held::Behind { bytes, start, end } => {
                let bytes = bytes.as_deref().and_then(|bytes| bytes.get(*start..*end)).unwrap_or_default();
                std::str::from_utf8(bytes).unwrap_or_default()
            }
        }
    }

    /// Moves the text behind the state.
    pub(super) fn put_behind(&mut self, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        bytes.extend_from_slice(self.as_str().as_bytes());
        self.0 = Held::Behind { bytes: None, start, end: bytes.len() };
    }

    /// Gives the bytes back; `false` when the span is not among them.
    pub(super) fn attach(&mut self, behind: &Arc<[u8]>) -> bool {
        match &mut self.0 {
            Held::Text(_) => true,
            Held::Behind { bytes, start, end } => {
                let fits = behind.get(*start..*end).is_some();
                *bytes = fits.then(|| Arc::clone(behind));
                fits
            }
        }
    }
}

impl From<&str> for Wire {
    fn from(text: &str) -> Self {
        Self(Held::Text(text.into()))
    }
}

impl From<String> for Wire {
    fn from(text: String) -> Self {
        Self(Held::Text(text.into()))
    }
}

impl From<Wire> for String {
    fn from(wire: Wire) -> Self {
        wire.as_str().to_owned()
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire(hidden)")
    }
}

impl Serialize for Wire {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Held::Text(text) => serializer.serialize_str(text),
            Held::Behind { start, end, .. } => {
                let mut span = serializer.serialize_tuple(2)?;
                span.serialize_element(start)?;
                span.serialize_element(end)?;
                span.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Wire {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Read)
    }
}

struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = Wire;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or where it lies")
    }

    fn visit_str<E>(self, text: &str) -> Result<Wire, E> {
        Ok(Wire::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut span: A) -> Result<Wire, A::Error> {
        let missing = || serde::de::Error::custom("half a span");
        let start = span.next_element()?.ok_or_else(missing)?;
        let end = span.next_element()?.ok_or_else(missing)?;
        Ok(Wire(Held::Behind { bytes: None, start, end }))
    }
}
