//! E0451: an organisation that no certificate proved.

use gateway::road::Identified;

pub fn forge() -> Identified {
    Identified { inbound: todo!(), participant: todo!(), trust: todo!() }
}
