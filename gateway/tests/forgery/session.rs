//! E0451: an access token that nobody verified.

use gateway::oauth::asker::Session;

pub fn forge() -> Session {
    Session {
        asker: todo!(),
        participant: todo!(),
        scopes: todo!(),
        fingerprint: todo!(),
        token_id: String::new(),
        key_id: String::new(),
        issued_at: todo!(),
        expires_at: todo!(),
        trust_epoch: 0,
    }
}
