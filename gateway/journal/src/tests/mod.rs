//! What the journal promises, tried on the real disk and on one that fails, drops, reorders and tears.

mod forged;
mod kill;
mod log;
mod note;
mod power;
mod sim;
mod tamper;
mod tree;
mod witness;

use crate::entry::Entry;
use crate::log::{Log, LogSettings, Opened};
use crate::note::{Signer, VerifierKey};
use crate::port::{Disk, Port};
use std::path::Path;
use std::sync::Arc;

/// Small segments, so that a few hundred records cross many.
pub(crate) const SMALL: u64 = 8 << 10;

pub(crate) fn signer() -> Signer {
    Signer::from_seed("sluis.example/test", &[7; 32]).unwrap()
}

pub(crate) fn keys() -> Vec<VerifierKey> {
    vec![signer().verifier().clone()]
}

pub(crate) fn settings(folder: &Path) -> LogSettings {
    LogSettings {
        journal: folder.join("journal"),
        holdings: folder.join("holdings"),
        signers: vec![signer()],
    }
}

pub(crate) fn open_on(port: Arc<dyn Port>, folder: &Path) -> Opened {
    Log::open_on(port, settings(folder), SMALL).unwrap()
}

#[track_caller]
pub(crate) fn whole(opened: Opened) -> Log {
    match opened {
        Opened::Whole(log) => log,
        Opened::Torn(torn) => panic!("torn: {:?}", torn.torn()),
    }
}

pub(crate) fn small(folder: &Path) -> Log {
    whole(open_on(Arc::new(Disk), folder))
}

/// A record that differs from every other and varies in length.
pub(crate) fn record(n: u64) -> Vec<u8> {
    format!("record {n} ").repeat(1 + usize::try_from(n % 7).unwrap()).into_bytes()
}

pub(crate) fn fill(log: &Log, from: u64, to: u64) {
    for n in from..to {
        let placed = log.append_blocking(Entry::of(vec![record(n)])).unwrap();
        assert_eq!(placed.records, n..n + 1);
    }
}

/// Whether the long form of the tests was asked for.
pub(crate) fn long() -> bool {
    std::env::var_os("SLUIS_LONG").is_some_and(|value| value == "1")
}
