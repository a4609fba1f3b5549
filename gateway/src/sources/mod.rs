//! Where holders' data comes from: a port that is asynchronous and may fail, so that a remote FHIR server is a second
//! implementation and not a rewrite.

mod hosted;

pub use hosted::HostedSource;

use crate::store::keys::PersonNo;
use crate::trust::Participant;
use bytes::Bytes;
use consent::ClassSet;
use fhir_mappings::release::Bound;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What one holder is asked for: only what was permitted.
pub struct SourceAsk {
    /// Who holds it.
    pub holder: Arc<Participant>,
    /// Whom it is about.
    pub person: PersonNo,
    /// The classes permitted of this holder.
    pub classes: ClassSet,
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
    /// When it was recorded, as FHIR writes it.
    pub recorded: String,
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
        }
    }
}

/// What a holder contributes, when it comes.
pub type Coming<'a> = Pin<Box<dyn Future<Output = Result<Sent, SourceFailure>> + Send + 'a>>;

/// What one holder sent.
pub struct Sent {
    /// How it is tied to the person: a fetched contribution with one stranger in it falls whole.
    pub bound: Bound,
    /// Its resources.
    pub resources: Vec<Held>,
}

/// A way to a holder's data.
pub trait Source: Send + Sync {
    /// Asks one holder. INVARIANT: called only with classes that were permitted.
    fn fetch<'a>(&'a self, ask: &'a SourceAsk) -> Coming<'a>;

    /// Makes a holder fail in a rehearsed way.
    ///
    /// # Errors
    /// Words for the operator: only a sandbox rehearses.
    fn script(&self, _holder: &str, _mode: &str) -> Result<(), String> {
        Err("faults are rehearsed in a sandbox".to_owned())
    }
}
