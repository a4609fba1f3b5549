//! E0624: a body said to be about our own records.

use gateway::road::Minimised;

pub fn forge() -> Minimised {
    Minimised::authored(todo!(), 200, Vec::new(), None)
}
