//! E0308: a holder asked before consent was.

use gateway::road::fetch::fetch;
use gateway::road::{Fetched, Located};
use gateway::{refusal::Refusal, trail::Trail, world::World};

pub async fn forge(located: Located, world: &World, trail: &mut Trail) -> Result<Fetched, Refusal> {
    fetch(located, world, trail).await
}
