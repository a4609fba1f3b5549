//! private-fields: data that no holder sent under a grant.

use gateway::road::Fetched;

pub fn forge() -> Fetched {
    Fetched {}
}
