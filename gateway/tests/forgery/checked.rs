//! private-fields: an assertion that nobody checked.

use gateway::oauth::assertion::Checked;

pub fn forge() -> Checked {
    Checked {}
}
