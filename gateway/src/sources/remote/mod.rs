//! Holders that keep their data at a FHIR server of their own.
//!
//! `endpoint` is how one is reached, `holder` what is known of it between questions, `ask` one question from the match of
//! the person to the last page, `referred` what orders refer to, `authorise` our token there, `statement` what it said it
//! can, `breaker` when it is left alone, `turns` who is next there, `probe` and `told` what an operator is told. Everything a
//! server sends is somebody else's: bounded here, judged by the release, never relayed.

mod ask;
mod authorise;
mod breaker;
mod endpoint;
mod fault;
mod holder;
mod probe;
mod referred;
mod statement;
mod told;
mod turns;

pub use endpoint::{Authentication, Endpoint};
pub use probe::Finding;

use super::{Coming, Source, SourceAsk, SourceFailure};
use crate::clock::Clock;
use crate::oauth::signing::SigningKeys;
use crate::outbound::{Ours, Pool};
use crate::trust::Participant;
use arc_swap::ArcSwap;
use fhir_mappings::tables::Tables;
use holder::RemoteHolder;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What every remote holder is asked with.
#[derive(Clone)]
pub struct Means {
    /// Our certificate, and whom we trust where an endpoint names no authority of its own.
    pub ours: Ours,
    /// The keys that sign our assertions there; they rotate while serving.
    pub signing: Arc<ArcSwap<SigningKeys>>,
    /// The clock.
    pub clock: Clock,
    /// Which types bear which classes.
    pub tables: Arc<Tables>,
    /// How long whoever asks waits for one holder: no endpoint's own budget is longer.
    pub budget: Duration,
    /// The room for all that comes from them at once.
    pub pool: Pool,
}

/// Asks remote holders.
pub struct RemoteSource {
    means: Means,
    /// By participant, as registered when last asked: another registration makes another holder.
    holders: Mutex<HashMap<String, Arc<RemoteHolder>>>,
}

impl RemoteSource {
    /// Asks with these means.
    #[must_use]
    pub fn new(means: Means) -> Self {
        Self { means, holders: Mutex::default() }
    }

    /// The holder as it is registered now: a moved endpoint counts from the next question on.
    fn holder(&self, participant: &Participant) -> Result<Arc<RemoteHolder>, SourceFailure> {
        let registered = participant.endpoint.as_ref().ok_or(SourceFailure::Down)?;
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        let id = participant.id.as_str();
        if let Some(known) = holders.get(id).filter(|known| known.registered() == registered) {
            return Ok(Arc::clone(known));
        }
        let made = RemoteHolder::new(registered, &self.means).map_err(|why| {
            tracing::warn!(holder = id, %why, "this endpoint cannot be used");
            SourceFailure::Down
        })?;
        let made = Arc::new(made);
        holders.insert(id.to_owned(), Arc::clone(&made));
        Ok(made)
    }
}

impl Source for RemoteSource {
    fn fetch<'a>(&'a self, ask: &'a SourceAsk) -> Coming<'a> {
        Box::pin(async move {
            let holder = self.holder(&ask.holder)?;
            holder.fetch(ask).await.inspect_err(|failure| {
                tracing::warn!(
                    holder = ask.holder.id.as_str(),
                    failure = failure.code(),
                    "a holder gave nothing"
                );
            })
        })
    }

    fn probe<'a>(&'a self, participant: &'a Participant) -> super::Probing<'a> {
        Box::pin(async move {
            match &participant.endpoint {
                None => vec![Finding::bad(
                    "endpoint",
                    "no endpoint is registered",
                    "sluis participant endpoint set",
                )],
                Some(registered) => probe::probe(registered, &self.means).await,
            }
        })
    }
}

impl std::fmt::Debug for RemoteSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RemoteSource")
    }
}
