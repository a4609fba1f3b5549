//! Appending, reading back and starting again.

use super::{fill, record, settings, small, whole};
use crate::archive::Archive;
use crate::entry::{Entry, Rejected, Verdict};
use crate::error::{AppendError, OpenError, ReadError};
use crate::finding::Fault;
use crate::log::{Log, LogSettings, State};
use crate::note::{Checkpoint, Signer};
use crate::verify::Question;
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
fn no_proof_is_made_over_a_bent_tile_or_record() {
    let folder = tempfile::tempdir().unwrap();
    let log = small(folder.path());
    fill(&log, 0, 300);
    let tile = folder.path().join("journal/tile/0");
    let whole = std::fs::read(&tile).unwrap();
    let mut bent = whole.clone();
    bent[32 * 20] ^= 1;
    std::fs::write(&tile, &bent).unwrap();
    let refused = log.prove(50).unwrap_err();
    assert!(matches!(refused, ReadError::Broken { index: 50, .. }), "{refused}");
    std::fs::write(&tile, &whole).unwrap();
    assert!(log.prove(50).is_ok());
}

#[test]
fn a_copy_says_what_it_lacks_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let log = small(folder.path());
    fill(&log, 0, 30);
    drop(log);
    let journal = folder.path().join("journal");
    let lacks = || Archive::lacks(&journal, &super::keys()).map(|finding| finding.fault);
    assert!(lacks().is_none());
    let note = std::fs::read_to_string(journal.join("checkpoint")).unwrap();
    let signer = super::signer();
    let longer = Checkpoint { size: 31, ..Checkpoint::of_note(&note).unwrap() };
    let ahead = longer.note(signer.verifier(), &signer.seal(&longer));
    std::fs::write(journal.join("checkpoint"), ahead).unwrap();
    assert!(matches!(lacks(), Some(Fault::CutAway { size: 31 })));
    std::fs::write(journal.join("checkpoint"), note.replace("30", "29")).unwrap();
    assert!(matches!(lacks(), Some(Fault::Checkpoint)));
    std::fs::write(journal.join("checkpoint"), &note).unwrap();
    let segment = journal.join(crate::segment::name(0));
    let mut bytes = std::fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    assert!(matches!(lacks(), Some(Fault::Torn { .. })));
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

#[test]
fn a_change_and_a_disclosure_of_one_person_stand_in_one_order() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(small(folder.path()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let version = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let (log, version) = (log.clone(), version.clone());
            runtime.spawn(async move {
                let mut turned_away = 0;
                for _ in 0..40 {
                    let decided_on = version.load(Ordering::Relaxed);
                    let version = version.clone();
                    let entry = if n % 4 == 0 {
                        Entry::of(vec![b"change".to_vec()]).when(move |_| {
                            version.fetch_add(1, Ordering::Relaxed);
                            Verdict::Enter
                        })
                    } else {
                        Entry::of(vec![decided_on.to_string().into_bytes()]).when(move |_| {
                            let stands = version.load(Ordering::Relaxed) == decided_on;
                            if stands { Verdict::Enter } else { Verdict::Reject(Rejected(0)) }
                        })
                    };
                    match log.append(entry).await {
                        Ok(_) => {}
                        Err(AppendError::Rejected(_)) => turned_away += 1,
                        Err(other) => panic!("{other}"),
                    }
                }
                turned_away
            })
        })
        .collect();
    let turned_away: u64 = tasks.into_iter().map(|task| runtime.block_on(task).unwrap()).sum();
    let mut changes = 0u64;
    for read in log.records().from(0) {
        match read.unwrap().1.as_slice() {
            b"change" => changes += 1,
            decided_on => assert_eq!(decided_on, changes.to_string().as_bytes()),
        }
    }
    assert_eq!((changes, log.records().len() + turned_away), (160, 640));
}

#[test]
fn readers_and_verifiers_go_on_while_appends_do() {
    let folder = tempfile::tempdir().unwrap();
    let log = small(folder.path());
    fill(&log, 0, 20);
    let older = log.checkpoint();
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            fill(&log, 20, 500);
            done.store(1, Ordering::Release);
        });
        while done.load(Ordering::Acquire) == 0 {
            let len = log.records().len();
            assert_eq!(log.records().read(len - 1).unwrap(), record(len - 1));
            assert!(log.verify(Some(&older), |_| {}).unwrap().records >= 20);
            assert!(log.prove(7).unwrap().root().is_some());
            let read: Vec<u64> = log.records().from(len - 20).map(|read| read.unwrap().0).collect();
            assert!(read.starts_with(&(len - 20..len).collect::<Vec<_>>()));
        }
    });
}

#[test]
fn a_retired_key_s_seals_still_stand() {
    let folder = tempfile::tempdir().unwrap();
    let log = small(folder.path());
    fill(&log, 0, 30);
    drop(log);
    let origin = super::signer().verifier().name().to_owned();
    let next = || Signer::from_seed(&origin, &[8; 32]).unwrap();
    let rotated = |signers| LogSettings { signers, ..settings(folder.path()) };
    assert!(matches!(Log::open(rotated(vec![next()])), Err(OpenError::Broken { .. })));
    assert!(matches!(Log::open(rotated(Vec::new())), Err(OpenError::NoKey)));
    let log = whole(Log::open(rotated(vec![next(), super::signer()])).unwrap());
    fill(&log, 30, 60);
    let keys = [super::keys(), vec![next().verifier().clone()]].concat();
    drop(log);
    let question = |keys| Question { keys, older: None };
    let journal = folder.path().join("journal");
    assert_eq!(Archive::verify(&journal, &question(&keys), |_| {}).unwrap().records, 60);
    assert_eq!(Archive::verify(&journal, &question(&keys[1..]), |_| {}).unwrap_err().index, 0);
}

#[test]
fn a_key_turned_while_it_serves_seals_from_the_next_batch_on() {
    let folder = tempfile::tempdir().unwrap();
    let log = small(folder.path());
    fill(&log, 0, 30);
    let next = Signer::from_seed("sluis.example/test", &[9; 32]).unwrap();
    let (old, new) = (super::keys(), vec![next.verifier().clone()]);
    assert!(Checkpoint::open(&log.checkpoint(), &new).is_err());
    log.sign_with(next);
    // Also before anything is sealed with it, the tree that stands can be checked with either.
    for filled in [30, 60] {
        fill(&log, 30, filled);
        let note = log.checkpoint();
        let head = Checkpoint::open(&note, &old).unwrap();
        assert_eq!((head.clone(), head.size), (Checkpoint::open(&note, &new).unwrap(), filled));
        let proof = log.prove(filled - 1).unwrap();
        assert!(Checkpoint::open(&proof.checkpoint, &old).is_ok_and(|_| proof.root() == Some(head.root)));
        assert!(log.verify(Some(&note), |_| {}).is_ok());
    }
    drop(log);
    let journal = folder.path().join("journal");
    let question = |keys| Question { keys, older: None };
    let both = [old.clone(), new].concat();
    assert_eq!(Archive::verify(&journal, &question(&both), |_| {}).unwrap().records, 60);
    assert_eq!(Archive::verify(&journal, &question(&old), |_| {}).unwrap_err().index, 30);
}

#[test]
fn a_cold_copy_reads_proves_and_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let log = small(folder.path());
    fill(&log, 0, 300);
    log.append_blocking(Entry::of(vec![record(300)]).with_holdings(vec![b"sealed".to_vec()])).unwrap();
    drop(log);
    let cold = Archive::open(&folder.path().join("journal"), &super::keys()).unwrap();
    assert_eq!(cold.records().len(), 301);
    let head = Checkpoint::open(cold.checkpoint(), &super::keys()).unwrap();
    assert_eq!(cold.prove(123).unwrap().root(), Some(head.root));
    assert_eq!(cold.records().read(300).unwrap(), record(300));
    let holdings = Archive::records_of(&folder.path().join("holdings")).unwrap();
    assert_eq!(holdings.read(0).unwrap(), b"sealed");
    assert!(Archive::open(&folder.path().join("holdings"), &super::keys()).is_err());
}

#[test]
fn a_condition_that_panics_stops_the_log_and_leaves_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let log = small(folder.path());
    let entry = Entry::of(vec![record(0)]).when(|_| panic!("planted"));
    assert_eq!(log.append_blocking(entry).unwrap_err(), AppendError::Stopped);
    assert_eq!(log.append_blocking(Entry::of(vec![record(0)])).unwrap_err(), AppendError::Stopped);
    assert_eq!(log.state(), State::Stopped);
    drop(log);
    assert!(small(folder.path()).records().is_empty());
}
