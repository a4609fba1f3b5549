//! private-fields: a record that never reached stable storage.

use gateway::road::{Minimised, Recorded};

pub fn forge() -> Recorded<Minimised> {
    Recorded {}
}
