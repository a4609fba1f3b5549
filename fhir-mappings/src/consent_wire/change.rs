//! What a PUT changes: a withdrawal and a second key keep the content; anything else is a new content.

use consent::record::{ConsentRecord, Status};

/// The kind of change between two versions of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing that matters.
    Nothing,
    /// Same content, no longer in force.
    Withdrawal,
    /// Same content, and one more giver behind those who had given it.
    SecondKey,
    /// Same content, in force again: not allowed without a new record.
    Revival,
    /// Other content: not allowed; a change of mind is a new record.
    OtherContent,
}

/// Compares two versions. Id and version are not content; nor is who recorded or when it was given for a second key.
#[must_use]
pub fn change(old: &ConsentRecord, new: &ConsentRecord) -> Change {
    let same_words = old.provision == new.provision
        && old.policy == new.policy
        && old.source == new.source
        && old.register == new.register;
    let same_givers = old.givers == new.givers;
    let added =
        new.givers.len() == old.givers.len() + 1 && old.givers.iter().all(|giver| new.givers.contains(giver));
    let in_force = |record: &ConsentRecord| record.status == Status::Active;
    match (same_words && (same_givers || added), in_force(old), in_force(new)) {
        (false, _, _) => Change::OtherContent,
        (true, true, true) if added => Change::SecondKey,
        (true, true, true) => Change::Nothing,
        (true, true, false) if same_givers => Change::Withdrawal,
        (true, true, false) => Change::OtherContent,
        (true, false, true) => Change::Revival,
        (true, false, false) => Change::Nothing,
    }
}
