//! private-fields: a grant that no consent gave.

use gateway::road::Granted;

pub fn forge() -> Granted {
    Granted {}
}
