//! Where holders' data comes from: a port that is asynchronous and may fail, so that a remote FHIR server is a second
//! implementation and not a rewrite.

mod hosted;
pub mod remote;

pub use hosted::HostedSource;

use crate::store::keys::PersonNo;
use crate::trust::participant::Holder;
use crate::trust::{Participant, Standing};
use bytes::Bytes;
use consent::ClassSet;
use fhir_mappings::release::Bound;
use jiff::Timestamp;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What one holder is asked for: only what was permitted.
pub struct SourceAsk {
    /// Who asks: askers take turns at a holder elsewhere.
    pub asker: Arc<Participant>,
    /// Who holds it.
    pub holder: Arc<Participant>,
    /// Whom it is about.
    pub person: PersonNo,
    /// The classes permitted of this holder.
    pub classes: ClassSet,
    /// Of these the holder says by name in the index that it has some: one that cannot be searched there is missed.
    pub named: ClassSet,
    /// The instant of the decision.
    pub at: Timestamp,
    /// By what a holder elsewhere may know the person: (system, value).
    pub identifiers: Vec<(String, String)>,
}

impl SourceAsk {
    /// What names the person outside; our own names lead nowhere there.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.identifiers.iter().map(|(system, value)| (system.as_str(), value.as_str()));
        all.filter(|(system, _)| !system.starts_with("urn:sluis:"))
    }
}

/// One resource as a holder keeps it.
#[derive(Clone)]
pub struct Held {
    /// R4 type.
    pub resource_type: String,
    /// The holder's key of it: what references name, and what our id is made from.
    pub key: String,
    /// The fullUrl beside an id, by which others may refer to it too.
    pub full_url: Option<String>,
    /// When it was recorded, as FHIR writes it; a holder elsewhere may not say.
    pub recorded: Option<String>,
    /// FHIR R4 JSON.
    pub bytes: Bytes,
}

/// Why a holder contributes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceFailure {
    /// It did not answer in time.
    Late,
    /// It could not be reached, or refused us.
    Down,
    /// What it sent, or what stands on disk, cannot be read.
    Unreadable,
    /// More than the cap.
    TooLarge,
    /// What it sent is about somebody else.
    WrongPerson,
    /// It pointed to another server.
    Astray,
    /// It sent us on to somewhere else instead of answering.
    Redirected,
    /// Its name leads to an address that is not connected to.
    ForbiddenAddress,
    /// It sent us to somebody else for a token.
    TokenElsewhere,
    /// Its certificate does not prove that it is who it should be.
    Certificate,
    /// It is no server of FHIR R4.
    Misfit,
    /// It began an answer that did not end in time.
    Unended,
    /// It entered in the index that it has data of a person whom it does not find.
    NotKnown,
    /// It has more of the person than can be got of it.
    Incomplete,
}

impl SourceFailure {
    /// The code that the record carries.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Down => "down",
            Self::Unreadable => "unreadable",
            Self::TooLarge => "too-large",
            Self::WrongPerson => "wrong-person",
            Self::Astray => "astray",
            Self::Redirected => "redirected",
            Self::ForbiddenAddress => "forbidden-address",
            Self::TokenElsewhere => "token-elsewhere",
            Self::Certificate => "certificate",
            Self::Misfit => "misfit",
            Self::Unended => "unended",
            Self::NotKnown => "not-known",
            Self::Incomplete => "incomplete",
        }
    }
}

/// What an operator learns of a holder's endpoint, when it was tried.
pub type Probing<'a> = Pin<Box<dyn Future<Output = Vec<remote::Finding>> + Send + 'a>>;

/// What a holder contributes, when it comes.
pub type Coming<'a> = Pin<Box<dyn Future<Output = Result<Sent, SourceFailure>> + Send + 'a>>;

/// What one holder sent.
pub struct Sent {
    /// How it is tied to the person: a fetched contribution with one stranger in it falls whole.
    pub bound: Bound,
    /// The holder's own names of the person, as its references write them.
    pub patient_references: Vec<String>,
    /// Its resources.
    pub resources: Vec<Held>,
}

/// Every holder, each asked where its data is.
pub struct Everywhere {
    /// In our own `holdings/`.
    pub hosted: HostedSource,
    /// At a server of its own.
    pub remote: remote::RemoteSource,
}

impl Source for Everywhere {
    fn fetch<'a>(&'a self, ask: &'a SourceAsk) -> Coming<'a> {
        match ask.holder.holder {
            Some(Holder::Hosted) | None => self.hosted.fetch(ask),
            // Who is refused is not asked either, and gets nobody's number: suspended, or out of agreement.
            Some(Holder::Remote) if ask.holder.standing_at(ask.at) != Standing::Good => {
                Box::pin(std::future::ready(Err(SourceFailure::Down)))
            }
            Some(Holder::Remote) => self.remote.fetch(ask),
        }
    }

    fn probe<'a>(&'a self, participant: &'a Participant) -> Probing<'a> {
        match participant.holder {
            Some(Holder::Remote) => self.remote.probe(participant),
            Some(Holder::Hosted) | None => self.hosted.probe(participant),
        }
    }
}

/// A way to a holder's data.
pub trait Source: Send + Sync {
    /// Asks one holder. INVARIANT: called only with classes that were permitted.
    fn fetch<'a>(&'a self, ask: &'a SourceAsk) -> Coming<'a>;

    /// Tries a holder's endpoint and says in words what is wrong with it.
    fn probe<'a>(&'a self, participant: &'a Participant) -> Probing<'a>;

    /// Makes a holder fail in a rehearsed way.
    ///
    /// # Errors
    /// Words for the operator: only a sandbox rehearses.
    fn script(&self, _holder: &str, _mode: &str) -> Result<(), String> {
        Err("faults are rehearsed in a sandbox".to_owned())
    }
}
