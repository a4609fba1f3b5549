//! What a change says, as it lies sealed in `holdings/`: facts, and the bytes of resources behind them.
//!
//! INVARIANT: what version 1 wrote stays readable; variants and fields are only added.

use super::keys::{DATA, KeyError, Keys, PersonNo, Use};
use super::seal::open_with;
use crate::rulebook::Rulebook;
use consent::question::RecordedRepresentative;
use consent::record::Reading;
use consent::relation::{Attestation, Relation};
use fhir_mappings::identifiers::Identifier;
use serde::{Deserialize, Serialize};

/// One thing that is true from now on.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant, reason = "few are in memory at once, each for the length of one change")]
pub enum Fact {
    /// Who a person is to the outside, and when born as a holder says.
    Identity {
        /// `system|value`, URI form.
        identifiers: Vec<(String, String)>,
        /// The holder that says so, and the date it gives.
        birth_date: Option<(String, String)>,
    },
    /// Resources of one person (or of nobody) at one hosted holder, written or replaced.
    Resources {
        /// The holder.
        holder: String,
        /// What and where in the change's bytes.
        items: Vec<Item>,
    },
    /// Resources that a hosted holder has no more, of one person or of nobody.
    ResourcesErased {
        /// The holder.
        holder: String,
        /// Type and key of each.
        items: Vec<(String, String)>,
        /// Whether it still has others of them.
        left: bool,
    },
    /// A privacy consent in its newest version.
    Consent {
        /// Participant that recorded it, or `person`.
        recorder: String,
        /// What it means.
        reading: Reading,
        /// The resource as recorded, its id and version ours.
        wire: String,
        /// Its business identifiers, by which its sender knows it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        identifiers: Vec<consent::Identifier>,
    },
    /// A relation in its newest version.
    Relation {
        /// Our id of it.
        id: String,
        /// Counts from 1.
        version: u32,
        /// Participant that recorded it.
        recorder: String,
        /// What it means.
        relation: Relation,
        /// The resource as recorded.
        wire: String,
    },
    /// A professional's statement.
    Attestation {
        /// Our id of it.
        id: String,
        /// Participant that recorded it.
        recorder: String,
        /// What it means.
        attestation: Attestation,
        /// The resource as recorded.
        wire: String,
    },
    /// Somebody recorded to act for the person.
    Representative {
        /// Who, in which capacity, how long.
        representative: RecordedRepresentative,
        /// Names on the paper that shows it, so that every act can show both.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        names: Option<Names>,
        /// What shows it: a paper by name, or where it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<String>,
    },
    /// A first breaking of the glass: the hour runs from here.
    GlassBroken {
        /// Who asked: participant and person.
        asker: (String, String),
        /// When.
        at: jiff::Timestamp,
        /// The reason in the asker's words, kept here alone: it may say what ails the person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        words: Option<String>,
    },
    /// A holder elsewhere has data of the person, of these classes: an entry of the index (NVI; DOMAIN.md 1.5).
    Registration {
        /// Our id of it.
        id: String,
        /// The holder.
        holder: String,
        /// The data classes; no dates stand in the index.
        classes: Vec<String>,
    },
    /// An entry of the index is withdrawn.
    RegistrationEnded {
        /// Our id of it.
        id: String,
    },
    /// A consent that cannot be read, and has no identifier, is withdrawn: there is no content that could stand on as withdrawn.
    UnreadableEnded {
        /// Our id of it.
        id: String,
    },
    /// A legal hold on everything about the person.
    Hold {
        /// Whether it is set from now on.
        hold: Hold,
    },
    /// A participant as registered, or changed.
    Participant {
        /// The document of `participant add`, with its state.
        document: serde_json::Value,
    },
    /// Somebody who works for a participant.
    Staff {
        /// As in `region.json`, `people`.
        document: serde_json::Value,
    },
    /// A certificate that is not to be let in.
    Blocked {
        /// SHA-256 of the certificate, hex.
        fingerprint: String,
    },
    /// By what is decided from now on, whole, so that it can be decided again once others are in force.
    Rules {
        /// The rules as written.
        book: Rulebook,
        /// Whether a broken glass is followed up.
        followed_up: bool,
    },
}

impl Fact {
    /// The id of a consent, relation or attestation, and the resource as it was recorded.
    #[must_use]
    pub fn resource(&self) -> Option<(&str, &str)> {
        match self {
            Self::Consent { reading, wire, .. } => Some((reading.id(), wire)),
            Self::Relation { id, wire, .. } | Self::Attestation { id, wire, .. } => Some((id, wire)),
            _ => None,
        }
    }
}

/// Who acts and for whom, as the paper names them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// Who acts.
    pub acting: String,
    /// For whom.
    pub acted_for: String,
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names(hidden)")
    }
}

/// Whether a person's records may be forgotten when their term is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// They may not.
    Set,
    /// They may.
    #[default]
    Lifted,
}

/// One stored resource.
#[derive(Clone, Serialize, Deserialize)]
pub struct Item {
    /// R4 type.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// What makes it the same resource when it comes again: id, full URL or digest.
    pub key: String,
    /// The entry's full URL, by which others refer to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_url: Option<String>,
    /// When it was recorded with us.
    pub recorded: jiff::Timestamp,
    /// Span in the change's bytes.
    pub span: (usize, usize),
}

/// Facts that become true together, about one person or about none.
#[derive(Clone, Default)]
pub struct Change {
    /// Whom it is about.
    pub person: Option<PersonNo>,
    /// What is true from now on.
    pub facts: Vec<Fact>,
    /// The bytes of resources.
    pub blob: Vec<u8>,
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Change({} facts, {} bytes)", self.facts.len(), self.blob.len())
    }
}

/// A change that cannot be read: damaged, or its person was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactsError {
    /// Not what we wrote, or under another key.
    Unreadable,
    /// The person's key is gone.
    Forgotten,
}

impl std::fmt::Display for FactsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "it is damaged, or sealed under another key",
            Self::Forgotten => "the key of its person is gone, and none of these is wiped on purpose",
        })
    }
}

impl Change {
    /// A change about nobody.
    #[must_use]
    pub fn of(fact: Fact) -> Self {
        Self { person: None, facts: vec![fact], blob: Vec::new() }
    }

    /// A change about one person.
    #[must_use]
    pub fn about(person: PersonNo, fact: Fact) -> Self {
        Self { person: Some(person), facts: vec![fact], blob: Vec::new() }
    }

    /// Seals the change: version, person, then the sealed facts and bytes.
    ///
    /// # Errors
    /// When there is no key to seal with.
    pub fn seal(&self, keys: &Keys) -> Result<Vec<u8>, KeyError> {
        let facts = serde_json::to_vec(&self.facts).map_err(|_| KeyError::Missing(Use::General))?;
        let mut plain = Vec::with_capacity(8 + facts.len() + self.blob.len());
        plain.extend_from_slice(&(facts.len() as u64).to_be_bytes());
        plain.extend_from_slice(&facts);
        plain.extend_from_slice(&self.blob);
        let head = header(self.person);
        let key = match self.person {
            Some(person) => keys.person(person, DATA)?.1,
            None => keys.symmetric(Use::General)?,
        };
        let sealed = key.seal(&head, &plain)?;
        Ok([head.as_slice(), &sealed].concat())
    }

    /// Reads what [`Change::seal`] wrote.
    ///
    /// # Errors
    /// See [`FactsError`].
    pub fn open(keys: &Keys, record: &[u8]) -> Result<Self, FactsError> {
        let (head, sealed) = record.split_at_checked(HEADER).ok_or(FactsError::Unreadable)?;
        let (version, number) = head.split_first().ok_or(FactsError::Unreadable)?;
        let number: [u8; 8] = number.try_into().map_err(|_| FactsError::Unreadable)?;
        let person = match (version, u64::from_be_bytes(number)) {
            (1, 0) => None,
            (1, number) => Some(PersonNo(number)),
            _ => return Err(FactsError::Unreadable),
        };
        let opening = match person {
            Some(person) => keys.existing(person, DATA),
            None => keys.opening(Use::General).map_err(|_| FactsError::Unreadable)?,
        };
        if opening.is_empty() {
            return Err(FactsError::Forgotten);
        }
        let mut plain = open_with(&opening, head, sealed).ok_or(FactsError::Unreadable)?;
        let (length, rest) = plain.split_first_chunk::<8>().ok_or(FactsError::Unreadable)?;
        let length = usize::try_from(u64::from_be_bytes(*length)).map_err(|_| FactsError::Unreadable)?;
        let facts = rest.get(..length).ok_or(FactsError::Unreadable)?;
        let facts = serde_json::from_slice(facts).map_err(|_| FactsError::Unreadable)?;
        let blob = plain.split_off(8 + length);
        Ok(Self { person, facts, blob })
    }
}

/// Whom a holdings record is about, without opening it: somebody, or (`Some(None)`) nobody.
#[must_use]
pub fn whose(record: &[u8]) -> Option<Option<PersonNo>> {
    let (version, number) = record.get(..HEADER)?.split_first()?;
    let number = u64::from_be_bytes(number.try_into().ok()?);
    (*version == 1).then_some((number != 0).then_some(PersonNo(number)))
}

/// Version and person number; persons count from 1, so 0 is nobody.
fn header(person: Option<PersonNo>) -> [u8; HEADER] {
    let mut head = [1; HEADER];
    let number = person.map_or(0, |p| p.0).to_be_bytes();
    for (to, from) in head.iter_mut().skip(1).zip(number) {
        *to = from;
    }
    head
}

const HEADER: usize = 9;

/// The stored form of an identifier.
#[must_use]
pub fn pair(identifier: &Identifier) -> (String, String) {
    (identifier.system().to_owned(), identifier.value().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Change, Fact, FactsError};
    use crate::store::keys::{DATA, Keys, PersonNo};

    #[test]
    fn a_change_reads_back_until_its_person_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::open(dir.path(), &crate::store::seal::Key::random().unwrap()).unwrap();
        let fact = Fact::Identity { identifiers: vec![("s".into(), "v-marker".into())], birth_date: None };
        let mut change = Change::about(PersonNo(4), fact);
        change.blob = b"{}".to_vec();
        let record = change.seal(&keys).unwrap();
        assert!(!record.windows(8).any(|w| w == b"v-marker"));
        let read = Change::open(&keys, &record).unwrap();
        assert_eq!(
            (read.person, read.blob.as_slice(), read.facts.len()),
            (Some(PersonNo(4)), b"{}".as_slice(), 1)
        );
        for at in 0..record.len() {
            let mut bent = record.clone();
            bent[at] ^= 1;
            assert!(Change::open(&keys, &bent).is_err());
        }
        keys.shred(PersonNo(4), DATA).unwrap();
        assert_eq!(Change::open(&keys, &record).err(), Some(FactsError::Forgotten));
    }
}
