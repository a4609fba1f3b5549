//! E0423: a token for an assertion that was not used up.

use gateway::oauth::assertion::Checked;
use gateway::oauth::replay::Burnt;

pub fn forge(checked: Checked) -> Burnt {
    Burnt(checked)
}
