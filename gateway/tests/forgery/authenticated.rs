//! E0451: a session without a token.

use gateway::road::Authenticated;

pub fn forge() -> Authenticated {
    Authenticated { inbound: todo!(), participant: todo!(), trust: todo!(), session: todo!() }
}
