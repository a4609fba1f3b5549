//! E0308: an answer about a person that no record stands for.

use gateway::road::Minimised;
use gateway::road::respond::{Response, release};
use gateway::{trail::Trail, world::World};

pub fn forge(minimised: Minimised, world: &World, trail: &Trail) -> Response {
    release(minimised, world, trail)
}
