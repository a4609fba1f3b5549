//! E0624: what was recorded, taken out of its proof.

use gateway::road::{Minimised, Recorded};

pub fn forge(recorded: Recorded<Minimised>) -> Minimised {
    recorded.into_value()
}
