//! E0451: a person whom nobody looked up.

use gateway::road::Located;

pub fn forge() -> Located {
    Located { asked: todo!(), subject: todo!(), nobody: None }
}
