//! Counting what is not recorded one by one: failed handshakes and what is answered 429.
//!
//! The core takes the counts once a minute and writes one `flood` record per source (CONTRACT.md 6). Bounded:
//! above the cap new sources share one line, so that an attack from many addresses costs no memory.

use crate::trust::Fingerprint;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Where a flood comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// Before a certificate is known.
    Address(IpAddr),
    /// A certificate of the right CA.
    Certificate(Fingerprint),
    /// All that no longer had a place.
    Others,
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FloodKind {
    /// No client certificate.
    NoCertificate,
    /// A certificate that no CA of ours vouches for, or not for this use.
    ForeignCertificate,
    /// Expired or not yet valid.
    OutOfDate,
    /// On a revocation list, or its status unknown.
    Revoked,
    /// Blocked by us.
    Blocked,
    /// No TLS 1.3, no common suite or group.
    Incompatible,
    /// Not TLS, or broken TLS.
    Protocol,
    /// Not done in time.
    Slow,
    /// Above a cap on connections.
    Crowded,
    /// Answered 429: requests.
    TooManyRequests,
    /// Answered 429: look-ups that find nothing.
    TooManyLookUps,
    /// A sign-in at the portal that came to nothing.
    FailedSignIn,
}

impl FloodKind {
    /// The word for records and metrics.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoCertificate => "no-certificate",
            Self::ForeignCertificate => "foreign-certificate",
            Self::OutOfDate => "out-of-date",
            Self::Revoked => "revoked",
            Self::Blocked => "blocked",
            Self::Incompatible => "incompatible",
            Self::Protocol => "protocol",
            Self::Slow => "slow",
            Self::Crowded => "crowded",
            Self::TooManyRequests => "too-many-requests",
            Self::TooManyLookUps => "too-many-look-ups",
            Self::FailedSignIn => "failed-sign-in",
        }
    }
}

/// One line of the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flood {
    /// Where it came from.
    pub source: Source,
    /// What it was.
    pub kind: FloodKind,
    /// How often since the last time.
    pub count: u64,
}

/// The counts since they were last taken. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct FloodCounts(Arc<Mutex<HashMap<(Source, FloodKind), u64>>>);

impl FloodCounts {
    /// Counts one.
    pub fn count(&self, source: Source, kind: FloodKind) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = counts.len() >= SOURCES_MAX && !counts.contains_key(&(source, kind));
        let source = if full { Source::Others } else { source };
        let count = counts.entry((source, kind)).or_default();
        *count = count.saturating_add(1);
    }

    /// Takes the counts and starts again from nothing.
    #[must_use]
    pub fn take(&self) -> Vec<Flood> {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        counts.into_iter().map(|((source, kind), count)| Flood { source, kind, count }).collect()
    }
}

const SOURCES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_per_source_and_taken_once() {
        let counts = FloodCounts::default();
        let (a, b) = (Source::Address([127, 0, 0, 1].into()), Source::Certificate(Fingerprint::of_der(b"b")));
        counts.count(a, FloodKind::Slow);
        counts.clone().count(a, FloodKind::Slow);
        counts.count(b, FloodKind::TooManyRequests);
        let mut taken = counts.take();
        taken.sort_by_key(|flood| flood.count);
        assert_eq!(taken.iter().map(|f| (f.source, f.count)).collect::<Vec<_>>(), [(b, 1), (a, 2)]);
        assert!(counts.take().is_empty());
    }

    #[test]
    fn many_addresses_cost_no_memory_and_no_count_is_lost() {
        let counts = FloodCounts::default();
        for i in 0..10_000_u32 {
            counts.count(Source::Address(std::net::Ipv4Addr::from(i).into()), FloodKind::Slow);
        }
        let taken = counts.take();
        assert!(taken.len() <= SOURCES_MAX + 1);
        assert_eq!(taken.iter().map(|f| f.count).sum::<u64>(), 10_000);
    }
}
