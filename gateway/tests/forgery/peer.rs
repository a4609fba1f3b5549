//! E0624: a connection that showed no certificate.

use gateway::listen::Peer;

pub fn forge() -> Peer {
    Peer::new(todo!(), todo!())
}
