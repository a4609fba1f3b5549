//! private-fields: a person whom nobody looked up.

use gateway::road::Located;

pub fn forge() -> Located {
    Located {}
}
