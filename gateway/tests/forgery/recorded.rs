//! E0451: a record that never reached stable storage.

use gateway::road::{Minimised, Recorded};

pub fn forge(value: Minimised) -> Recorded<Minimised> {
    Recorded { value, index: 0 }
}
