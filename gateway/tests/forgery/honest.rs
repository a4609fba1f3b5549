//! What an honest user writes: this must compile, or the attempts beside it would fail for the wrong reason.

use gateway::answer::answer;
use gateway::road::identify::{Inbound, identify};
use gateway::road::respond::{Response, release};
use gateway::road::{Identified, Minimised, Recorded};
use gateway::{refusal::Refusal, trail::Trail, world::World};

pub async fn whole(inbound: Inbound, world: &World) -> Response {
    answer(inbound, world).await
}

pub fn first(inbound: Inbound, world: &World, trail: &mut Trail) -> Result<Identified, Refusal> {
    identify(inbound, world, trail)
}

pub fn last(recorded: Recorded<Minimised>, world: &World, trail: &Trail) -> Response {
    release(recorded, world, trail)
}
