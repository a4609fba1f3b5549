//! The replay guard: a `jti` counts once (RFC 7523 3, THREATS.md row 4).
//!
//! Two steps: reserve in memory, let the caller record the use durably, commit. An uncommitted reservation
//! falls back when it is dropped; nobody else can use the `jti` in between. At start the caller hands back
//! the recorded uses that have not ended yet.

use super::assertion::Checked;
use super::jwt::SKEW;
use super::refusal::{Cause, TokenRefusal};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One use of an assertion, as it is recorded: a digest, no claim in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burn {
    /// SHA-256 over issuer and `jti`.
    pub digest: [u8; 32],
    /// Until when it must be remembered.
    pub until: Timestamp,
}

/// The uses that have not ended. Clones share them.
#[derive(Debug, Clone)]
pub struct ReplayGuard {
    seen: Arc<Mutex<Seen>>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Seen {
    digests: HashSet<[u8; 32]>,
    ends: BTreeSet<(Timestamp, [u8; 32])>,
}

impl ReplayGuard {
    /// Remembers at most `capacity` uses at once; a further one is refused rather than one forgotten.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { seen: Arc::default(), capacity }
    }

    /// Puts recorded uses back at start.
    pub fn restore(&self, burns: impl IntoIterator<Item = Burn>) {
        let mut seen = self.lock();
        for burn in burns {
            seen.insert(burn);
        }
    }

    /// Takes an assertion's `jti` for this request.
    ///
    /// # Errors
    /// A refusal with [`Cause::Replay`], or [`Cause::Busy`] when the guard is full.
    #[allow(clippy::result_large_err, reason = "refusals are rare, and the record needs all of it")]
    pub fn reserve(&self, checked: Checked, now: Timestamp) -> Result<Reserved, TokenRefusal> {
        let burn = checked.burn();
        let mut seen = self.lock();
        seen.forget_before(now);
        let cause = if seen.digests.contains(&burn.digest) {
            Some(Cause::Replay)
        } else if seen.digests.len() >= self.capacity {
            Some(Cause::Busy)
        } else {
            None
        };
        if let Some(cause) = cause {
            return Err(checked.refuse(cause));
        }
        seen.insert(burn);
        drop(seen);
        Ok(Reserved { hold: Hold { guard: Some(self.clone()), burn }, checked })
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // A poisoned set is still a set: every insertion is whole.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn insert(&mut self, burn: Burn) {
        if self.digests.insert(burn.digest) {
            self.ends.insert((burn.until, burn.digest));
        }
    }

    fn forget_before(&mut self, now: Timestamp) {
        while let Some((until, digest)) = self.ends.first().copied().filter(|(until, _)| *until < now) {
            self.ends.remove(&(until, digest));
            self.digests.remove(&digest);
        }
    }
}

/// A reserved use; it falls back unless committed.
#[derive(Debug)]
pub struct Reserved {
    hold: Hold,
    checked: Checked,
}

impl Reserved {
    /// What to record durably before [`Reserved::commit`].
    #[must_use]
    pub fn burn(&self) -> Burn {
        self.hold.burn
    }

    /// The checked assertion.
    #[must_use]
    pub fn checked(&self) -> &Checked {
        &self.checked
    }

    /// Keeps the use. Call this only after [`Reserved::burn`] is on stable storage.
    #[must_use]
    pub fn commit(self) -> Burnt {
        let Self { mut hold, checked } = self;
        hold.guard = None;
        Burnt(checked)
    }
}

/// The place taken in the guard; given back on drop while `guard` is there.
#[derive(Debug)]
struct Hold {
    guard: Option<ReplayGuard>,
    burn: Burn,
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(guard) = &self.guard {
            let mut seen = guard.lock();
            seen.digests.remove(&self.burn.digest);
            seen.ends.remove(&(self.burn.until, self.burn.digest));
        }
    }
}

/// An assertion whose `jti` is burnt: what a token may be minted for. Made by [`Reserved::commit`] only.
#[derive(Debug)]
pub struct Burnt(Checked);

impl Burnt {
    /// The checked assertion.
    #[must_use]
    pub fn checked(&self) -> &Checked {
        &self.0
    }
}

/// How long after `exp` a use is remembered: an assertion is taken until its end plus the skew.
pub(super) fn remembered_until(expires: Timestamp) -> Timestamp {
    expires.checked_add(SKEW + SKEW).unwrap_or(Timestamp::MAX)
}
