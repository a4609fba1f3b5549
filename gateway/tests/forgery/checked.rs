//! E0451: an assertion that nobody checked.

use gateway::oauth::assertion::Checked;

pub fn forge() -> Checked {
    Checked { asker: todo!(), scopes: todo!(), fingerprint: todo!(), burn: todo!() }
}
