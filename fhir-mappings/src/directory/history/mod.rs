//! An outside directory as a history of changes (IHE mCSD ITI-91, FHIR R4 `_history`), and the replica that follows it.
//!
//! A replica ends in the same state however often the reading was interrupted: what it knows of an entry is the newest
//! version by (`lastUpdated`, `versionId`), and nothing is newer for having come later. It asks again from before the newest
//! change that it saw ([`OVERLAP`]), so that what was committed late is not missed, and remembers a deletion for as long as
//! an older version of the same entry may still come.

mod offer;
mod page;
mod replica;

pub use offer::{Feed, NoOffer, Offer, read_offer};
pub use page::{NoPage, Page, read_history, read_search};
pub use replica::{Bounds, Full, OVERLAP, Replica, Round};

#[cfg(test)]
mod tests;
