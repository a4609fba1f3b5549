//! private-fields: an organisation that no certificate proved.

use gateway::road::Identified;

pub fn forge() -> Identified {
    Identified {}
}
