//! private-fields: a question that no scope and no purpose allowed.

use gateway::road::Authorised;

pub fn forge() -> Authorised {
    Authorised {}
}
