//! private-fields: somebody signed in whom no provider named.

use gateway::portal::session::{Officer, SignedIn};

pub fn forge() -> SignedIn<Officer> {
    SignedIn {}
}
