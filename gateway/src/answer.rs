//! The road of one request, whole: read this first.
//!
//! Each stage consumes the previous value and returns one that only it can make; the body of an answer can only be
//! made from a value that owns its committed record. Swap two stages, or leave one out, and it does not compile.

use crate::refusal::Refusal;
use crate::road::authenticate::authenticate;
use crate::road::authorise::{Ask, authorise};
use crate::road::decide::decide;
use crate::road::fetch::fetch;
use crate::road::identify::{Inbound, identify};
use crate::road::locate::locate;
use crate::road::minimise::minimise;
use crate::road::record::{Recorded, record_disclosure, record_refusal};
use crate::road::respond::{self, Response};
use crate::road::{Authorised, Minimised};
use crate::trail::Trail;
use crate::world::World;

/// Answers one request to the exchange, whatever happens.
pub async fn answer(inbound: Inbound, world: &World) -> Response {
    let mut trail = Trail::begin(inbound.headers());
    let ended = match admit(inbound, world, &mut trail).await {
        Ok(admitted) => match admitted.ask() {
            Ask::Disclosure(_) => disclose(admitted, world, &mut trail).await,
            Ask::Record(_) => crate::changes::record(admitted, world, &mut trail).await,
            Ask::Explain(_) => crate::explain::dry_run(admitted, world, &mut trail).await,
            Ask::Index(_) => crate::localisation::search(admitted, world, &mut trail).await,
            Ask::Journal(_) => crate::lens::read(admitted, world, &mut trail).await,
            Ask::Directory(_) => return crate::directory::answer(&admitted, world, &trail),
        },
        Err(refusal) => Err(refusal),
    };
    match ended {
        Ok(recorded) => {
            trail.ended();
            let empty = recorded.value().is_empty();
            let response = respond::release(recorded, world, &trail);
            if empty {
                world.next_tick().await;
            }
            response
        }
        Err(refusal) => refuse(refusal, world, &mut trail).await,
    }
}

/// Who asks, and may they ask this at all.
async fn admit(inbound: Inbound, world: &World, trail: &mut Trail) -> Result<Authorised, Refusal> {
    let identified = identify(inbound, world, trail)?;
    let session = authenticate(identified, world, trail)?;
    authorise(session, world, trail).await
}

/// From an admitted question to a recorded disclosure. What it was decided on may move before the record stands: then
/// it is decided again, so that a withdrawal acknowledged before release always wins (DESIGN.md 2).
async fn disclose(
    mut asked: Authorised,
    world: &World,
    trail: &mut Trail,
) -> Result<Recorded<Minimised>, Refusal> {
    for _ in 0..TRIES {
        let located = locate(asked.again(), world, trail)?;
        let granted = decide(located, world, trail)?;
        let fetched = fetch(granted, world, trail).await?;
        let minimised = minimise(fetched, world, trail)?;
        if let Some(recorded) = record_disclosure(minimised, world, trail).await? {
            return Ok(recorded);
        }
        asked = asked.anew(world)?;
    }
    Err(Refusal::Contended)
}

/// Refusals take the same road through the record; those that depend on a person leave on a common tick.
async fn refuse(refusal: Refusal, world: &World, trail: &mut Trail) -> Response {
    // Counted once a minute instead (CONTRACT.md 6).
    if let Refusal::RateLimited(seconds) = refusal {
        return respond::limited(seconds, world, trail);
    }
    let alike = refusal.depends_on_person();
    let response = match record_refusal(refusal, world, trail).await {
        Ok(recorded) => {
            trail.ended();
            respond::refuse(&recorded, world, trail)
        }
        Err(unavailable) => respond::unavailable(unavailable, world, trail),
    };
    if alike {
        world.next_tick().await;
    }
    response
}

/// How often something may be decided anew under one request.
pub(crate) const fn answer_tries() -> usize {
    TRIES
}

/// How often a decision may move under one request before it is refused.
const TRIES: usize = 4;
