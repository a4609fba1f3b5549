//! private-fields: an access token that nobody verified.

use gateway::oauth::asker::Session;

pub fn forge() -> Session {
    Session {}
}
