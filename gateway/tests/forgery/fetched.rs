//! E0451: data that no holder sent under a grant.

use gateway::road::Fetched;

pub fn forge() -> Fetched {
    Fetched { granted: todo!(), contributions: Vec::new() }
}
