//! E0277: one record that vouches for two answers.

use gateway::road::{Minimised, Recorded};

pub fn forge(recorded: &Recorded<Minimised>) -> Recorded<Minimised> {
    Recorded::clone(recorded)
}
