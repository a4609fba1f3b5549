//! The present state of one person, as the view keeps it: folded from facts in the order they were written.

use super::facts::{Fact, Hold, Item, Names};
use consent::question::RecordedRepresentative;
use consent::record::Reading;
use consent::relation::{Attestation, Relation};
use consent::{ClassSet, Dossier, Rules, Vocabulary};
use fhir_mappings::json;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Everything about one person but the resources.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct PersonState {
    /// Moves with every change; a disclosure is fenced by it.
    pub version: u64,
    /// `system|value`.
    pub identifiers: Vec<(String, String)>,
    /// Holder and date: holders may disagree.
    pub birth_dates: Vec<(String, String)>,
    /// Newest version of each consent.
    pub consents: Vec<StoredConsent>,
    /// Newest version of each relation.
    pub relations: Vec<StoredRelation>,
    /// Attestations.
    pub attestations: Vec<StoredAttestation>,
    /// Who is recorded to act for this person.
    pub representatives: Vec<StoredRepresentative>,
    /// First uses of break-glass: participant, person, instant.
    pub glass_broken: Vec<((String, String), Timestamp)>,
    /// Holders with data of this person: by import, or by an entry of the index.
    pub holders: Vec<String>,
    /// Entries of the index: which holder elsewhere has which classes.
    #[serde(default)]
    pub registrations: Vec<Registration>,
    /// Whether a legal hold keeps everything.
    #[serde(default)]
    pub hold: Hold,
    /// Hosted resources that say that nothing may show where the person lives: holder, type and key.
    #[serde(default)]
    pub secret_places: Vec<(String, String, String)>,
}

/// A consent as it stands. The resource as it was sent lies in `holdings/` alone: no decision reads it.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct StoredConsent {
    pub recorder: String,
    pub reading: Reading,
    /// Its business identifiers.
    pub identifiers: Vec<consent::Identifier>,
    /// Index of the holdings record that says it.
    pub record: u64,
}

/// A relation as it stands.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct StoredRelation {
    pub id: String,
    pub version: u32,
    pub recorder: String,
    pub relation: Relation,
    /// Index of the holdings record that says it.
    pub record: u64,
}

/// An attestation as it stands.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct StoredAttestation {
    pub id: String,
    pub recorder: String,
    pub attestation: Attestation,
    /// Index of the holdings record that says it.
    pub record: u64,
}

/// Somebody who acts for the person, as it stands.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct StoredRepresentative {
    pub recorded: RecordedRepresentative,
    #[serde(default)]
    pub names: Option<Names>,
}

/// An entry of the index.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Registration {
    pub id: String,
    pub holder: String,
    pub classes: Vec<String>,
}

impl Registration {
    /// The classes that it names; one that no rule knows any more counts for nothing.
    #[must_use]
    pub fn classes(&self, vocabulary: &Vocabulary) -> ClassSet {
        let known = self.classes.iter().filter_map(|code| vocabulary.class(code));
        known.fold(ClassSet::EMPTY, |all, class| all.union(ClassSet::only(class)))
    }
}

impl From<Registration> for Fact {
    fn from(entry: Registration) -> Self {
        let Registration { id, holder, classes } = entry;
        Self::Registration { id, holder, classes }
    }
}

/// Where one hosted resource lies.
#[derive(Clone, Serialize, Deserialize)]
pub struct Hosted {
    /// Index of the holdings record.
    pub record: u64,
    /// What and where in its bytes.
    pub item: Item,
}

impl std::fmt::Debug for PersonState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonState(hidden)")
    }
}

impl StoredConsent {
    /// Our id of it.
    #[must_use]
    pub fn id(&self) -> &str {
        self.reading.id()
    }

    /// Whether it bears one of these business identifiers.
    #[must_use]
    pub fn is_known_by(&self, identifiers: &[consent::Identifier]) -> bool {
        self.identifiers.iter().any(|own| identifiers.contains(own))
    }

    /// Whether it stands: an unreadable one does, for it may be an objection.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        match &self.reading {
            Reading::Readable(record) => record.status == consent::record::Status::Active,
            Reading::Unreadable { .. } => true,
        }
    }

    /// Its version, from 1.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.reading.version()
    }
}

impl PersonState {
    /// The bytes that the view keeps, in binary: every decision begins by reading them.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn encode(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_allocvec(self)
    }

    /// Reads what [`PersonState::encode`] wrote; `None` for anything else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (state, rest): (Self, &[u8]) = postcard::take_from_bytes(bytes).ok()?;
        rest.is_empty().then_some(state)
    }

    /// What every decision reads: all consents, compiled.
    #[must_use]
    pub fn dossier(&self, rules: &Rules) -> Dossier {
        let readings: Vec<_> = self.consents.iter().map(|stored| stored.reading.clone()).collect();
        Dossier::compile(rules, &readings)
    }

    /// The consent in force that this recorder knows by one of these business identifiers: it is changed or withdrawn, not
    /// recorded beside itself, for withdrawing the one would leave the other.
    #[must_use]
    pub fn bearing(&self, identifiers: &[consent::Identifier], recorder: &str) -> Option<&StoredConsent> {
        let mut own = self.consents.iter().filter(|stored| stored.recorder == recorder);
        own.find(|stored| stored.is_in_force() && stored.is_known_by(identifiers))
    }

    /// Whether one more consent would make more statements than a decision should weigh. Each is weighed against each; what
    /// registers send counts, and is never turned away for it.
    #[must_use]
    pub fn is_full_for(&self, record: &consent::ConsentRecord) -> bool {
        let stand = self.consents.iter().filter(|stored| stored.is_in_force());
        let statements = stand.map(|stored| match &stored.reading {
            Reading::Readable(record) => record.provision.statements(),
            Reading::Unreadable { .. } => 1,
        });
        statements.sum::<usize>() + record.provision.statements() > STATEMENTS_MAX
    }

    /// The youngest birth date that a holder gives: where they disagree, the stricter age holds.
    #[must_use]
    pub fn birth_date(&self) -> Option<jiff::civil::Date> {
        self.birth_dates.iter().filter_map(|(_, date)| date.parse().ok()).max()
    }

    /// Notes of a hosted resource whether it says that nothing may show where the person lives: it binds every holder's
    /// answer, also one that this resource is no part of (REGION.md 1, rule 6).
    pub(super) fn fold_place(&mut self, holder: &str, item: &Item, bytes: &[u8]) {
        let of = (holder.to_owned(), item.resource_type.clone(), item.key.clone());
        self.secret_places.retain(|known| *known != of);
        if hides_place(bytes) {
            self.secret_places.push(of);
        }
    }

    fn holds(&mut self, holder: &str) {
        if !self.holders.iter().any(|known| known == holder) {
            self.holders.push(holder.to_owned());
            self.holders.sort_unstable();
        }
    }

    /// The entry by which a holder has these classes: the one that stands, or a new one.
    #[must_use]
    pub fn entry(&self, holder: &str, mut classes: Vec<String>) -> Registration {
        classes.sort_unstable();
        classes.dedup();
        let same = |known: &&Registration| known.holder == holder && known.classes == classes;
        self.registrations.iter().find(same).cloned().unwrap_or_else(|| Registration {
            id: uuid::Uuid::new_v4().to_string(),
            holder: holder.to_owned(),
            classes,
        })
    }

    /// The classes that a holder elsewhere registered of this person.
    #[must_use]
    pub fn registered(&self, holder: &str, vocabulary: &Vocabulary) -> ClassSet {
        let entries = self.registrations.iter().filter(|entry| entry.holder == holder);
        entries.fold(ClassSet::EMPTY, |all, entry| all.union(entry.classes(vocabulary)))
    }

    /// Folds one fact in, which stands in this record of `holdings/`.
    pub fn fold(&mut self, fact: &Fact, record: u64) {
        match fact {
            Fact::Identity { identifiers, birth_date } => {
                for identifier in identifiers {
                    if !self.identifiers.contains(identifier) {
                        self.identifiers.push(identifier.clone());
                    }
                }
                if let Some((holder, date)) = birth_date {
                    self.birth_dates.retain(|(h, _)| h != holder);
                    self.birth_dates.push((holder.clone(), date.clone()));
                }
            }
            Fact::Resources { holder, .. } => self.holds(holder),
            Fact::ResourcesErased { holder, items, left } => {
                self.secret_places.retain(|(of, kind, key)| {
                    of != holder || !items.iter().any(|(k, i)| (k, i) == (kind, key))
                });
                let elsewhere = self.registrations.iter().any(|known| known.holder == *holder);
                if !left && !elsewhere {
                    self.holders.retain(|known| known != holder);
                }
                // What it says of the birth date goes with the Patient that said it.
                if !elsewhere && (!left || items.iter().any(|(kind, _)| kind == "Patient")) {
                    self.birth_dates.retain(|(of, _)| of != holder);
                }
            }
            Fact::Registration { id, holder, classes } => {
                self.registrations.retain(|known| known.id != *id);
                self.registrations.push(Registration {
                    id: id.clone(),
                    holder: holder.clone(),
                    classes: classes.clone(),
                });
                self.holds(holder);
            }
            Fact::RegistrationEnded { id } => {
                let ended = self.registrations.iter().position(|known| known.id == *id);
                if let Some(ended) = ended.map(|at| self.registrations.remove(at)) {
                    let still = self.registrations.iter().any(|known| known.holder == ended.holder);
                    self.holders.retain(|holder| still || *holder != ended.holder);
                }
            }
            Fact::Consent { recorder, reading, wire: _, identifiers } => {
                let stored = StoredConsent {
                    recorder: recorder.clone(),
                    reading: reading.clone(),
                    identifiers: identifiers.clone(),
                    record,
                };
                self.consents.retain(|other| other.id() != stored.id());
                self.consents.push(stored);
            }
            Fact::UnreadableEnded { id } => {
                let ended = |stored: &StoredConsent| {
                    stored.id() == *id && matches!(stored.reading, Reading::Unreadable { .. })
                };
                self.consents.retain(|stored| !ended(stored));
            }
            Fact::Relation { id, version, recorder, relation, wire: _ } => {
                self.relations.retain(|other| other.id != *id);
                self.relations.push(StoredRelation {
                    id: id.clone(),
                    version: *version,
                    recorder: recorder.clone(),
                    relation: relation.clone(),
                    record,
                });
            }
            Fact::Attestation { id, recorder, attestation, wire: _ } => {
                self.attestations.retain(|other| other.id != *id);
                self.attestations.push(StoredAttestation {
                    id: id.clone(),
                    recorder: recorder.clone(),
                    attestation: attestation.clone(),
                    record,
                });
            }
            Fact::Representative { representative, names, evidence: _ } => {
                self.representatives.retain(|r| {
                    r.recorded.person != representative.person || r.recorded.kind != representative.kind
                });
                self.representatives
                    .push(StoredRepresentative { recorded: representative.clone(), names: names.clone() });
            }
            Fact::Hold { hold } => self.hold = *hold,
            Fact::GlassBroken { asker, at, .. } => self.glass_broken.push((asker.clone(), *at)),
            // About participants, not about a person.
            Fact::Participant { .. } | Fact::Staff { .. } | Fact::Blocked { .. } | Fact::Rules { .. } => {}
        }
    }
}

/// Whether a resource bears the label, in whatever letters JSON writes it; its code anywhere else counts too.
fn hides_place(bytes: &[u8]) -> bool {
    let escaped = || {
        let doc = json::parse(bytes).ok()?;
        let meta = doc.root().get("meta")?;
        let mut labels = meta.each("security").chain(meta.each("tag"));
        Some(labels.any(|label| label.get_str("code").as_deref() == Some(PROTECTED)))
    };
    memchr::memmem::find(bytes, PROTECTED.as_bytes()).is_some() || escaped().unwrap_or(false)
}

/// The code of the label.
const PROTECTED: &str = "protected-address";

/// Statements of one person: some hundred times what people have.
const STATEMENTS_MAX: usize = 300;

/// Folds resources into what a holder is known to hold: the same type and key is the same resource.
pub fn fold_hosted(hosted: &mut Vec<Hosted>, record: u64, items: &[Item]) {
    for item in items {
        hosted.retain(|h| h.item.resource_type != item.resource_type || h.item.key != item.key);
        hosted.push(Hosted { record, item: item.clone() });
    }
}

#[cfg(test)]
mod tests;
