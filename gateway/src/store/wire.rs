//! The resource as it was recorded: kept with a person's state and hardly ever read, so that it lies behind the state in the
//! view and costs a decision nothing.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
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
    /// Where it lies; the text itself is never written here.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Held::Text(_) => Err(serde::ser::Error::custom("a resource that was not put behind its state")),
            Held::Behind { start, end, .. } => (start, end).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Wire {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (start, end) = Deserialize::deserialize(deserializer)?;
        Ok(Self(Held::Behind { bytes: None, start, end }))
    }
}
