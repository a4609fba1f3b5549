//! Stage 6: what the permitted holders have, all at once, each within its time. A holder that fails is a gap.

use super::decide::{Decided, Granted};
use crate::refusal::Refusal;
use crate::sources::{Sent, SourceAsk, SourceFailure};
use crate::world::World;
use std::sync::Arc;

/// A granted question with what holders sent.
pub struct Fetched {
    pub(super) granted: Granted,
    /// In the order of the decisions; `None` where nothing was permitted, so that nothing was asked.
    pub(super) contributions: Vec<Option<Result<Sent, SourceFailure>>>,
}

/// Asks every permitted holder.
///
/// # Errors
/// [`Refusal::SourceUnavailable`] when every one of them failed.
pub async fn fetch(granted: Granted, world: &World) -> Result<Fetched, Refusal> {
    let person = granted.located.subject.person;
    let ask = |decided: &Decided| SourceAsk {
        holder: Arc::clone(&decided.holder),
        person,
        classes: decided.decision.permitted_classes(),
    };
    let coming = granted.decisions.iter().map(|decided| {
        let ask = decided.decision.any_permit().then(|| ask(decided));
        async move {
            let ask = ask?;
            let coming = world.source.fetch(&ask);
            Some(match tokio::time::timeout(world.settings.holder_budget, coming).await {
                Ok(contribution) => contribution,
                Err(_) => Err(SourceFailure::Late),
            })
        }
    });
    let contributions = all(coming.collect()).await;
    let asked = contributions.iter().flatten();
    if asked.clone().all(Result::is_err) {
        return Err(Refusal::SourceUnavailable);
    }
    Ok(Fetched { granted, contributions })
}

/// Waits for all, in order; all make progress at once.
async fn all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        let mut waiting = false;
        for (future, output) in running.iter_mut().zip(done.iter_mut()).filter(|(_, output)| output.is_none())
        {
            match future.as_mut().poll(context) {
                std::task::Poll::Ready(value) => *output = Some(value),
                std::task::Poll::Pending => waiting = true,
            }
        }
        if waiting { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    done.into_iter().flatten().collect()
}
