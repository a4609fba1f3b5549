//! Appending, reading back and starting again.

use super::{fill, record, settings, small, whole};
use crate::entry::{Entry, Rejected, Verdict};
use crate::error::{AppendError, OpenError};
use crate::log::Log;
use crate::note::Checkpoint;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

#[test]
fn what_was_appended_is_read_back_before_and_after_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let log = small(folder.path());
    fill(&log, 0, 700);
    let check = |log: &Log| {
        assert_eq!(log.records().len(), 700);
        for n in [0, 1, 15, 16, 17, 255, 256, 511, 699] {
            assert_eq!(log.records().read(n).unwrap(), record(n));
        }
        let onwards: Vec<_> = log.records().from(100).map(Result::unwrap).collect();
        assert_eq!(onwards, (100..700).map(|n| (n, record(n))).collect::<Vec<_>>());
        assert!(log.records().read(700).is_err());
    };
    check(&log);
    drop(log);
    let log = small(folder.path());
    check(&log);
    fill(&log, 700, 710);
}

#[test]
fn every_record_proves_itself_against_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let log = small(folder.path());
    fill(&log, 0, 600);
    let checkpoint = Checkpoint::open(&log.checkpoint(), &super::keys()).unwrap();
    assert_eq!(checkpoint.size, 600);
    for n in 0..600 {
        let proof = log.prove(n).unwrap();
        assert_eq!((proof.index, &proof.leaf), (n, &record(n)));
        assert_eq!(proof.root(), Some(checkpoint.root));
    }
    assert!(log.prove(600).is_err());
}

#[test]
fn a_second_process_on_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = small(folder.path());
    assert!(matches!(Log::open(settings(folder.path())), Err(OpenError::InUse)));
    drop(log);
    whole(Log::open(settings(folder.path())).unwrap());
}

#[test]
fn a_condition_turns_away_its_own_entry_only_and_sees_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let log = small(folder.path());
    fill(&log, 0, 3);
    let refused = Entry::of(vec![record(9)]).when(|next| {
        assert_eq!((next.record, next.holding), (3, 0));
        Verdict::Reject(Rejected(42))
    });
    assert_eq!(log.append_blocking(refused).unwrap_err(), AppendError::Rejected(Rejected(42)));
    let placed = log.append_blocking(Entry::of(vec![record(3)]).when(|_| Verdict::Enter)).unwrap();
    assert_eq!(placed.records, 3..4);
}

#[test]
fn conditions_and_applications_run_in_the_order_of_the_records() {
    let folder = tempfile::tempdir().unwrap();
    let log = small(folder.path());
    let version = Arc::new(AtomicU64::new(0));
    let applied = Arc::new(Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let (version, applied) = (version.clone(), applied.clone());
                    let entry = Entry::of(vec![record(1)])
                        .with_holdings(vec![b"sealed".to_vec()])
                        .when(move |next| {
                            assert_eq!(version.fetch_add(1, Ordering::Relaxed), next.record);
                            Verdict::Enter
                        })
                        .then(move |placed| applied.lock().unwrap().push(placed.records.start));
                    log.append_blocking(entry).unwrap();
                }
            });
        }
    });
    assert_eq!(*applied.lock().unwrap(), (0..400).collect::<Vec<_>>());
    assert_eq!(log.holdings().len(), 400);
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let log = small(folder.path());
    assert_eq!(log.append_blocking(Entry::of(vec![])).unwrap_err(), AppendError::Unfit);
    assert_eq!(log.append_blocking(Entry::of(vec![vec![0; 60_001]])).unwrap_err(), AppendError::Unfit);
    log.append_blocking(Entry::of(vec![vec![1; 60_000], vec![]])).unwrap();
    assert_eq!(log.records().read(0).unwrap(), vec![1; 60_000]);
    assert_eq!(log.records().read(1).unwrap(), b"");
}
