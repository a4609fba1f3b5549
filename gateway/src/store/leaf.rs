//! The stored leaf of the journal: what stands in the clear, and the sealed entry behind it (CONTRACT.md 6).
//!
//! In the clear: when, what kind, which request, the person's tag of the year, the hashes of holdings records that
//! it vouches for, and a burnt assertion. Everything else is sealed, so that a year can be forgotten.

use super::keys::{KeyError, Keys, PersonNo, Tag, Use};
use super::seal::open_with;
use data_encoding::{BASE64, HEXLOWER};
use fhir_mappings::audit::{Entry, Kind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One record of the journal, as it is hashed into the tree.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// Version of this form.
    pub v: u8,
    /// When it was recorded.
    pub time: Timestamp,
    /// What happened.
    pub kind: Kind,
    /// Which request, or which run for what the program does by itself.
    pub request_id: String,
    /// Tag of the person it is about, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Participant that asked, so that its officer's lens needs no unsealing of others' records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asker: Option<String>,
    /// SHA-256 of holdings records, hex.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holdings: Vec<String>,
    /// A burnt client assertion: keyed hash of issuer and `jti`, and when it may be forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burnt: Option<(String, i64)>,
    /// The sealed entry, base64.
    pub sealed: String,
}

/// What a record is made from.
#[derive(Clone)]
pub struct Draft {
    /// The content to seal.
    pub entry: Entry,
    /// When.
    pub time: Timestamp,
    /// Which request.
    pub request_id: String,
    /// Whom it is about.
    pub person: Option<PersonNo>,
    /// A burnt assertion.
    pub burnt: Option<(String, i64)>,
}

/// A record, and the notices that stand with it or not at all.
pub struct Drafts {
    /// The record.
    pub main: Draft,
    /// What goes with it.
    pub beside: Vec<Draft>,
}

impl From<Draft> for Drafts {
    fn from(main: Draft) -> Self {
        Self { main, beside: Vec::new() }
    }
}

/// Why a leaf could not be made or read.
#[derive(Debug)]
pub enum LeafError {
    /// No key.
    Key(KeyError),
    /// The entry is too large for one record.
    TooLarge,
    /// Not what we wrote.
    Unreadable,
    /// Its key was shredded: forgotten on purpose.
    Forgotten,
}

impl From<KeyError> for LeafError {
    fn from(e: KeyError) -> Self {
        Self::Key(e)
    }
}

impl std::fmt::Display for LeafError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(e) => write!(f, "{e}"),
            Self::TooLarge => f.write_str("the entry is too large for one record"),
            Self::Unreadable => f.write_str("the record cannot be read"),
            Self::Forgotten => f.write_str("the record was forgotten on purpose"),
        }
    }
}

impl std::error::Error for LeafError {}

impl Draft {
    /// Seals the draft into the bytes to append.
    ///
    /// # Errors
    /// See [`LeafError`].
    pub fn seal(mut self, keys: &Keys, holdings: Vec<String>) -> Result<Vec<u8>, LeafError> {
        let (tag, key) = match self.person {
            Some(person) => {
                let (tag, key) = keys.person(person, year(self.time))?;
                (Some(HEXLOWER.encode(&tag)), key)
            }
            None => (None, keys.symmetric(Use::General)?),
        };
        self.entry.subject.clone_from(&tag);
        let plain = self.entry.encode().map_err(|_| LeafError::TooLarge)?;
        let asker = self.entry.organisation.as_ref().map(|o| o.id.clone());
        let mut leaf = Leaf {
            v: 1,
            time: self.time,
            kind: self.entry.kind,
            request_id: self.request_id,
            tag,
            asker,
            holdings,
            burnt: self.burnt,
            sealed: String::new(),
        };
        let sealed = key.seal(&leaf.place(), &plain).map_err(KeyError::from)?;
        leaf.sealed = BASE64.encode(&sealed);
        serde_json::to_vec(&leaf).map_err(|_| LeafError::Unreadable)
    }
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Leaf({:?})", self.kind)
    }
}

impl Leaf {
    /// Reads stored bytes.
    ///
    /// # Errors
    /// [`LeafError::Unreadable`].
    pub fn parse(bytes: &[u8]) -> Result<Self, LeafError> {
        serde_json::from_slice::<Self>(bytes).ok().filter(|leaf| leaf.v == 1).ok_or(LeafError::Unreadable)
    }

    /// The tag's bytes.
    #[must_use]
    pub fn tag_bytes(&self) -> Option<Tag> {
        HEXLOWER.decode(self.tag.as_ref()?.as_bytes()).ok()?.try_into().ok()
    }

    /// Opens the sealed entry.
    ///
    /// # Errors
    /// See [`LeafError`].
    pub fn open(&self, keys: &Keys) -> Result<Entry, LeafError> {
        let opening = match self.tag_bytes() {
            Some(tag) => vec![keys.key_of(&tag).ok_or(LeafError::Forgotten)?],
            None if self.tag.is_some() => return Err(LeafError::Unreadable),
            None => keys.opening(Use::General)?,
        };
        let sealed = BASE64.decode(self.sealed.as_bytes()).map_err(|_| LeafError::Unreadable)?;
        let plain = open_with(&opening, &self.place(), &sealed).ok_or(LeafError::Unreadable)?;
        Entry::decode(&plain).map_err(|_| LeafError::Unreadable)
    }

    /// Binds the sealed part to all that stands in the clear.
    fn place(&self) -> Vec<u8> {
        let clear = Self { sealed: String::new(), ..self.clone() };
        serde_json::to_vec(&clear).unwrap_or_default()
    }
}

/// The calendar year of a record, Europe/Amsterdam: a person's records of one year share a key.
pub(crate) fn year(time: Timestamp) -> u16 {
    let zone = jiff::tz::TimeZone::get("Europe/Amsterdam").unwrap_or(jiff::tz::TimeZone::UTC);
    u16::try_from(time.to_zoned(zone).year()).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Draft, Leaf, LeafError};
    use crate::store::keys::{Keys, PersonNo};
    use fhir_mappings::audit::{Action, Entry, Interaction, Kind, Outcome};

    #[test]
    fn a_leaf_opens_whole_and_not_after_its_year_was_shredded() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::open(dir.path(), &crate::store::seal::Key::random().unwrap()).unwrap();
        let mut entry = Entry::new(Kind::Answered, Action::Read, Interaction::Read, Outcome::Success);
        entry.function = Some("marker-function".into());
        let draft = Draft {
            entry,
            time: "2026-12-31T23:30:00Z".parse().unwrap(),
            request_id: "r1".into(),
            person: Some(PersonNo(9)),
            burnt: None,
        };
        let bytes = draft.seal(&keys, Vec::new()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("marker-function"));
        let leaf = Leaf::parse(&bytes).unwrap();
        assert_eq!(leaf.open(&keys).unwrap().function.as_deref(), Some("marker-function"));
        let moved = Leaf { request_id: "r2".into(), ..leaf.clone() };
        assert!(matches!(moved.open(&keys), Err(LeafError::Unreadable)));
        // 23:30 UTC on 31 December is already the next year in Amsterdam.
        assert_eq!(keys.tags(PersonNo(9)).first().map(|(year, _)| *year), Some(2027));
        keys.shred(PersonNo(9), 2027).unwrap();
        assert!(matches!(leaf.open(&keys), Err(LeafError::Forgotten)));
    }
}
