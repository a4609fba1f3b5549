//! Whom we trust: participants, the people who work there, and blocked certificates.
//!
//! A [`Trust`] is one immutable snapshot with an epoch; every change makes a new one, and [`TrustCell`] swaps it
//! in, so that the next request sees it, on open connections too. It knows no storage and no journal: the
//! writer that owns those calls the changes here and keeps them.

pub mod certificate;
pub mod code;
pub mod participant;
pub mod person;
pub mod term;

pub use certificate::{Certificate, Organisation};
pub use code::{CategoryCode, Fingerprint, FunctionCode, Identifier, ParticipantId, PersonId, Purpose, Role};
pub use participant::{FieldMistake, Participant, Standing, State};
pub use person::Person;

use arc_swap::ArcSwap;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// One snapshot of the trust list.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    epoch: u64,
    by_id: HashMap<ParticipantId, Arc<Participant>>,
    by_certificate: HashMap<Fingerprint, ParticipantId>,
    by_identifier: HashMap<Identifier, ParticipantId>,
    people: HashMap<PersonId, Arc<Person>>,
    blocked: HashSet<Fingerprint>,
}

/// A change that the trust list refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustRefusal {
    /// Another participant has this certificate.
    CertificateTaken(ParticipantId),
    /// Another participant has this identifier.
    IdentifierTaken(ParticipantId),
    /// The certificate is blocked.
    CertificateBlocked,
    /// There is no such participant.
    UnknownParticipant,
    /// The person already works at another participant.
    PersonTaken(ParticipantId),
}

impl Trust {
    /// Nobody.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Counts changes; rises with each.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Makes this snapshot continue at `epoch`: for start-up, so that epochs never repeat in the records.
    #[must_use]
    pub fn at_epoch(mut self, epoch: u64) -> Self {
        self.epoch = epoch;
        self
    }

    /// The participant of a client id.
    #[must_use]
    pub fn participant(&self, id: &str) -> Option<&Arc<Participant>> {
        self.by_id.get(id)
    }

    /// The participant that a certificate belongs to; `None` also when it is blocked.
    #[must_use]
    pub fn by_certificate(&self, fingerprint: &Fingerprint) -> Option<&Arc<Participant>> {
        let id = self.by_certificate.get(fingerprint).filter(|_| !self.is_blocked(fingerprint))?;
        self.by_id.get(id)
    }

    /// The participant registered under an organisation's identifier, in its URI or OID form.
    #[must_use]
    pub fn by_identifier(&self, identifier: &Identifier) -> Option<&Arc<Participant>> {
        self.by_id.get(self.by_identifier.get(&certificate::canonical(identifier))?)
    }

    /// A registered person.
    #[must_use]
    pub fn person(&self, id: &str) -> Option<&Arc<Person>> {
        self.people.get(id)
    }

    /// Whether a certificate is blocked.
    #[must_use]
    pub fn is_blocked(&self, fingerprint: &Fingerprint) -> bool {
        self.blocked.contains(fingerprint)
    }

    /// Every participant, in no order.
    pub fn participants(&self) -> impl Iterator<Item = &Arc<Participant>> {
        self.by_id.values()
    }

    /// Every person, in no order.
    pub fn people(&self) -> impl Iterator<Item = &Arc<Person>> {
        self.people.values()
    }

    /// Every blocked certificate, in no order.
    pub fn blocked(&self) -> impl Iterator<Item = &Fingerprint> {
        self.blocked.iter()
    }

    /// Adds a participant, or replaces the one with its id.
    ///
    /// # Errors
    /// [`TrustRefusal`] when its certificate or identifier belongs to another, or the certificate is blocked.
    pub fn with_participant(&self, participant: Participant) -> Result<Self, TrustRefusal> {
        let identifier = certificate::canonical(&participant.identifier);
        let other = |taken: Option<&ParticipantId>| taken.filter(|id| **id != participant.id).cloned();
        if let Some(id) = other(self.by_identifier.get(&identifier)) {
            return Err(TrustRefusal::IdentifierTaken(id));
        }
        if let Some(fingerprint) = participant.certificate_sha256 {
            if self.is_blocked(&fingerprint) {
                return Err(TrustRefusal::CertificateBlocked);
            }
            if let Some(id) = other(self.by_certificate.get(&fingerprint)) {
                return Err(TrustRefusal::CertificateTaken(id));
            }
        }
        let mut next = self.next();
        next.by_certificate.retain(|_, id| *id != participant.id);
        next.by_identifier.retain(|_, id| *id != participant.id);
        next.by_identifier.insert(identifier, participant.id.clone());
        if let Some(fingerprint) = participant.certificate_sha256 {
            next.by_certificate.insert(fingerprint, participant.id.clone());
        }
        next.by_id.insert(participant.id.clone(), Arc::new(participant));
        Ok(next)
    }

    /// Adds a person, or replaces the one with this id.
    ///
    /// # Errors
    /// [`TrustRefusal`] when the participant is unknown or the id belongs to somebody elsewhere.
    pub fn with_person(&self, person: Person) -> Result<Self, TrustRefusal> {
        if !self.by_id.contains_key(&person.participant) {
            return Err(TrustRefusal::UnknownParticipant);
        }
        if let Some(seen) = self.people.get(&person.id).filter(|p| p.participant != person.participant) {
            return Err(TrustRefusal::PersonTaken(seen.participant.clone()));
        }
        let mut next = self.next();
        next.people.insert(person.id.clone(), Arc::new(person));
        Ok(next)
    }

    /// Suspends a participant: refused on its next request.
    ///
    /// # Errors
    /// [`TrustRefusal::UnknownParticipant`].
    pub fn suspend(&self, id: &str) -> Result<Self, TrustRefusal> {
        self.with_state(id, State::Suspended)
    }

    /// Lets a suspended participant ask again.
    ///
    /// # Errors
    /// [`TrustRefusal::UnknownParticipant`].
    pub fn resume(&self, id: &str) -> Result<Self, TrustRefusal> {
        self.with_state(id, State::Active)
    }

    /// Blocks a certificate, known or not: refused in the handshake and on open connections.
    #[must_use]
    pub fn block(&self, fingerprint: Fingerprint) -> Self {
        let mut next = self.next();
        next.blocked.insert(fingerprint);
        next
    }

    fn with_state(&self, id: &str, state: State) -> Result<Self, TrustRefusal> {
        let mut participant =
            Participant::clone(self.participant(id).ok_or(TrustRefusal::UnknownParticipant)?);
        participant.state = state;
        let mut next = self.next();
        next.by_id.insert(participant.id.clone(), Arc::new(participant));
        Ok(next)
    }

    /// A copy with the next epoch. Cheap enough: participants and people are shared.
    fn next(&self) -> Self {
        Self { epoch: self.epoch + 1, ..self.clone() }
    }
}

/// The current snapshot, swapped whole.
#[derive(Debug, Default)]
pub struct TrustCell(ArcSwap<Trust>);

impl TrustCell {
    /// Starts with a snapshot.
    #[must_use]
    pub fn new(trust: Trust) -> Self {
        Self(ArcSwap::from_pointee(trust))
    }

    /// The current snapshot: load it once per request and judge by that one.
    #[must_use]
    pub fn load(&self) -> Arc<Trust> {
        self.0.load_full()
    }

    /// Makes a snapshot current. Only the one writer of the trust list calls this.
    pub fn replace(&self, trust: Trust) {
        self.0.store(Arc::new(trust));
    }
}

#[cfg(test)]
mod tests;
