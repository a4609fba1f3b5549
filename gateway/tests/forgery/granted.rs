//! E0451: a grant that no consent gave.

use gateway::road::Granted;

pub fn forge() -> Granted {
    Granted { located: todo!(), decisions: Vec::new(), at: todo!(), fence: todo!() }
}
