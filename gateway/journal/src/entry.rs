//! One append: what goes into the two folders together, under which condition, and what follows once it stands.
//! An entry is all or nothing and takes its place in one total order.

use std::fmt;
use std::ops::Range;

/// One unit of appending. Its records stand together or not at all.
///
/// Order of a commit: holdings written and synced, journal written and synced, `apply` run, the waiter woken.
#[derive(Default)]
pub struct Entry {
    pub(crate) records: Vec<Vec<u8>>,
    pub(crate) holdings: Vec<Vec<u8>>,
    pub(crate) condition: Option<Condition>,
    pub(crate) apply: Option<Apply>,
}

pub(crate) type Condition = Box<dyn FnOnce(Next) -> Verdict + Send>;
pub(crate) type Apply = Box<dyn FnOnce(&Placed) + Send>;

/// The places that an entry will take if it is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// Index of the entry's first journal record.
    pub record: u64,
    /// Index of the entry's first holdings record.
    pub holding: u64,
}

/// What a condition says about its own entry, and about no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The entry takes the place offered.
    Enter,
    /// What the entry was decided on has moved: nothing of it is written.
    Reject(Rejected),
}

/// Why a condition turned its entry away; the number is the caller's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected(pub u32);

/// Where an entry stands, on stable storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Indices of its journal records.
    pub records: Range<u64>,
    /// Indices of its holdings records.
    pub holdings: Range<u64>,
}

impl Entry {
    /// An entry of journal records, each at most [`crate::log::MAX_RECORD`] bytes.
    #[must_use]
    pub fn of(records: Vec<Vec<u8>>) -> Self {
        Self { records, ..Self::default() }
    }

    /// Adds sealed holdings records. They are synced before the journal records of this entry are written, so a
    /// journal record never speaks of a holdings record that is not there; a crash between the two leaves holdings
    /// that no journal record names, which a reader skips by hash.
    #[must_use]
    pub fn with_holdings(mut self, holdings: Vec<Vec<u8>>) -> Self {
        self.holdings = holdings;
        self
    }

    /// Runs on the single writer, in order, just before the entry enters a batch and after room for it is certain.
    /// A change bumps what it changes here and a disclosure compares here; both then share one total order. Must be
    /// quick and must not wait for this log. If the entry enters and its batch then fails, the log has stopped.
    #[must_use]
    pub fn when(mut self, condition: impl FnOnce(Next) -> Verdict + Send + 'static) -> Self {
        self.condition = Some(Box::new(condition));
        self
    }

    /// Runs on the single writer, in order, once the entry is durable and before its waiter is woken (the view).
    /// Must not wait for this log.
    #[must_use]
    pub fn then(mut self, apply: impl FnOnce(&Placed) + Send + 'static) -> Self {
        self.apply = Some(Box::new(apply));
        self
    }
}

impl fmt::Debug for Entry {
    /// Counts only: what is recorded is personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("records", &self.records.len())
            .field("holdings", &self.holdings.len())
            .finish_non_exhaustive()
    }
}
