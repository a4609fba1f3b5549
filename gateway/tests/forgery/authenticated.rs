//! private-fields: a session without a token.

use gateway::road::Authenticated;

pub fn forge() -> Authenticated {
    Authenticated {}
}
