//! Throw-away client certificates with one flaw each, for tests of the handshake. Nothing here may ever be
//! accepted.

use crate::MintError;
use crate::certificate::{Authority, Pair, Party, Use, Validity};

/// What is wrong with a throw-away certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It may only be used by servers.
    ServerUseOnly,
    /// Another CA of the same name signed it.
    ForeignAuthority,
}

impl Flaw {
    /// Every flaw there is.
    pub const ALL: [Self; 4] =
        [Self::Expired, Self::NotYetValid, Self::ServerUseOnly, Self::ForeignAuthority];
}

/// A client certificate for `party` that must be refused because of `flaw`, and of nothing else.
pub fn flawed(
    authority: &Authority,
    party: &Party,
    flaw: Flaw,
    now: jiff::Timestamp,
) -> Result<Pair, MintError> {
    match flaw {
        Flaw::Expired => authority.client_with(party, Use::Client, Validity::Over, now),
        Flaw::NotYetValid => authority.client_with(party, Use::Client, Validity::NotYet, now),
        Flaw::ServerUseOnly => authority.client_with(party, Use::Server, Validity::Now, now),
        Flaw::ForeignAuthority => Authority::new("Sluis development CA", now)?.client(party, now),
    }
}
