//! private-fields: a body that no table filtered.

use gateway::road::Minimised;

pub fn forge() -> Minimised {
    Minimised {}
}
