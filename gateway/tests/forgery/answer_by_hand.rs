//! E0616: the bytes of an answer, sent without their record.

use gateway::road::Minimised;
use gateway::road::respond::{FHIR_JSON, Response, public};
use gateway::{trail::Trail, world::World};

pub fn forge(minimised: Minimised, world: &World, trail: &Trail) -> Response {
    public(FHIR_JSON, minimised.bytes, world, Some(trail))
}
