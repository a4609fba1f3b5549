//! E0451: a body that no table filtered.

use gateway::road::Minimised;

pub fn forge() -> Minimised {
    Minimised {
        status: 200,
        bytes: Vec::new(),
        location: None,
        etag: None,
        kind: todo!(),
        outcome: todo!(),
        fence: None,
        begins: None,
    }
}
