//! Stage 6: what the permitted holders have, all at once, each within its time. A holder that fails is a gap.

use super::decide::{Decided, Granted};
use super::record::{draft, record_asked};
use crate::refusal::Refusal;
use crate::sources::{Sent, SourceAsk, SourceFailure};
use crate::trail::{OpenQuestion, Trail};
use crate::trust::participant::Holder;
use crate::world::World;
use consent::ClassSet;
use fhir_mappings::audit::{Kind, Outcome};
use futures_util::future::{join, join_all};
use std::sync::Arc;

/// A granted question with what holders sent.
pub struct Fetched {
    pub(super) granted: Granted,
    /// In the order of the decisions; `None` where nothing was permitted, so that nothing was asked.
    pub(super) contributions: Vec<Option<Result<Sent, SourceFailure>>>,
}

impl Fetched {
    /// What it was fetched for.
    pub(crate) fn granted(&self) -> &Granted {
        &self.granted
    }
}

/// Asks every permitted holder. Where one is elsewhere, it is recorded first that it is asked (DESIGN.md 2).
///
/// # Errors
/// [`Refusal::SourceUnavailable`] when every one of them failed; [`Refusal::AuditUnavailable`].
pub async fn fetch(granted: Granted, world: &World, trail: &mut Trail) -> Result<Fetched, Refusal> {
    let asks: Vec<_> = granted.decisions.iter().map(|decided| ask(decided, &granted, world)).collect();
    let elsewhere = asks.iter().flatten().any(is_elsewhere);
    let coming = ask_all(&asks, world);
    let contributions = if elsewhere && trail.asked.is_none() {
        let asking = draft(trail, Kind::Asked, Outcome::Success, world);
        trail.asked = Some(OpenQuestion::of(asking.clone(), world));
        // Polled in this order: the record has entered the journal's queue before anybody is asked.
        let (recorded, contributions) = join(record_asked(asking, world), coming).await;
        recorded?;
        contributions
    } else {
        coming.await
    };
    for (share, contribution) in trail.entry.shares.iter_mut().zip(&contributions) {
        let failed = contribution.as_ref().and_then(|contribution| contribution.as_ref().err());
        share.failed = failed.map(|failure| failure.code().to_owned());
    }
    let mut asked = contributions.iter().flatten().peekable();
    if asked.peek().is_some() && asked.all(Result::is_err) {
        return Err(Refusal::SourceUnavailable);
    }
    Ok(Fetched { granted, contributions })
}

/// What lies here, of the permitted holders; nobody elsewhere is asked.
///
/// # Errors
/// [`Refusal::SourceUnavailable`] when any of it cannot be read.
pub(crate) async fn fetch_here(granted: Granted, world: &World) -> Result<Fetched, Refusal> {
    let here = |decided: &Decided| ask(decided, &granted, world).filter(|ask| !is_elsewhere(ask));
    let asks: Vec<_> = granted.decisions.iter().map(here).collect();
    let contributions = ask_all(&asks, world).await;
    if contributions.iter().flatten().any(Result::is_err) {
        return Err(Refusal::SourceUnavailable);
    }
    Ok(Fetched { granted, contributions })
}

/// All at once, each within its time.
async fn ask_all(asks: &[Option<SourceAsk>], world: &World) -> Vec<Option<Result<Sent, SourceFailure>>> {
    join_all(asks.iter().map(|ask| async move {
        let coming = world.source.fetch(ask.as_ref()?);
        Some(match tokio::time::timeout(world.settings.holder_budget, coming).await {
            Ok(contribution) => contribution,
            Err(_) => Err(SourceFailure::Late),
        })
    }))
    .await
}

/// What this holder is asked for: of one elsewhere no more than it registered to have.
fn ask(decided: &Decided, granted: &Granted, world: &World) -> Option<SourceAsk> {
    let subject = &granted.located.subject;
    let vocabulary = world.rules.vocabulary();
    let mut classes = decided.decision.permitted_classes();
    let mut named = ClassSet::EMPTY;
    if decided.holder.holder == Some(Holder::Remote) {
        let registered = subject.state.registered(decided.holder.id.as_str(), vocabulary);
        classes = classes.intersection(registered.union(vocabulary.going_along()));
        // Who enters every class there is says where to look, not what is there.
        if !vocabulary.all_classes().minus(registered).is_empty() {
            named = registered.intersection(classes);
        }
    }
    let asks = !classes.minus(vocabulary.going_along()).is_empty();
    let any =
        if decided.holder.holder == Some(Holder::Remote) { asks } else { decided.decision.any_permit() };
    any.then(|| SourceAsk {
        asker: Arc::clone(granted.located.asked.participant()),
        holder: Arc::clone(&decided.holder),
        person: subject.person,
        classes,
        named,
        at: granted.at,
        identifiers: subject.state.identifiers.clone(),
    })
}

fn is_elsewhere(ask: &SourceAsk) -> bool {
    ask.holder.holder == Some(Holder::Remote)
}
