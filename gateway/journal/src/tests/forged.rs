//! Changes by somebody who knows the form: every checksum made good, seals and checkpoints made of older ones, files put
//! beside. Cold and while the log is written to.

use super::sim::Sim;
use super::tamper::{Frames, check_within, files, fill_batches, one_segment, rewrite};
use super::{fill, keys, whole};
use crate::error::OpenError;
use crate::finding::{Fault, Finding};
use crate::frame::Kind;
use crate::journal::unseal;
use crate::log::{Log, Opened};
use crate::note::Checkpoint;
use crate::segment;
use crate::store::SEGMENT;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Places of the seals.
fn seals(frames: &Frames) -> Vec<usize> {
    (0..frames.len()).filter(|at| frames[*at].0 == Kind::Seal).collect()
}

fn unsign(frames: &mut Frames, which: usize) {
    let at = seals(frames)[which];
    frames[at].2[32..96].fill(0);
}

/// A checkpoint made of a seal, as anybody can.
fn note_of((_, size, payload): &(Kind, u64, Vec<u8>)) -> Vec<u8> {
    let seal = unseal(payload).unwrap();
    let signer = &keys()[0];
    let head = Checkpoint { origin: signer.name().to_owned(), size: *size, root: seal.root };
    head.note(signer, seal.signature).into_bytes()
}

fn cut(sim: &Sim, path: &str, bytes: usize) {
    let path = Path::new(path);
    sim.put(path, sim.content(path)[..bytes].to_vec());
}

#[test]
fn seals_doubled_left_out_or_unsigned_are_seen() {
    let (sim, _log) = one_segment(200);
    #[track_caller]
    fn seen(sim: &Sim, change: impl FnOnce(&mut Frames)) -> Finding {
        let bent = rewrite(sim, change);
        check_within(&bent, None, SEGMENT).unwrap_err()
    }
    for which in [19, 5] {
        let doubled = seen(&sim, |frames| {
            let at = seals(frames)[which];
            frames.insert(at, frames[at].clone());
        });
        assert!(matches!(doubled.fault, Fault::Torn { .. }), "{doubled}");
    }
    let left_out = seen(&sim, |frames| drop(frames.remove(seals(frames)[5])));
    assert!(matches!((left_out.index, left_out.fault), (50, Fault::Batch)));
    // The seal behind it says so; with that left out as before seals said it, the ones before and behind do.
    let unlinked = seen(&sim, |frames| {
        frames.remove(seals(frames)[5]);
        let at = seals(frames)[5];
        frames[at].2.truncate(96);
    });
    assert!(matches!((unlinked.index, unlinked.fault), (50, Fault::Batch)));
    for which in [5, 19] {
        let unsigned = seen(&sim, |frames| unsign(frames, which));
        assert!(matches!(unsigned.fault, Fault::Seal), "{unsigned}");
        assert_eq!(unsigned.index, which as u64 * 10);
    }
}

#[test]
fn seals_as_they_were_before_they_named_their_batch_still_hold() {
    let (sim, log) = one_segment(200);
    drop(log);
    let before = rewrite(&sim, |frames| {
        for at in seals(frames) {
            frames[at].2.truncate(96);
        }
    });
    assert_eq!(check_within(&before, None, SEGMENT).unwrap().records, 200);
    let log = whole(Log::open_on(Arc::new(before.clone()), super::settings(Path::new("")), SEGMENT).unwrap());
    fill(&log, 200, 210);
    drop(log);
    assert_eq!(check_within(&before, None, SEGMENT).unwrap().batches, 30);
}

#[test]
fn tiles_cut_or_removed_are_seen_also_in_the_only_segment() {
    let sim = Sim::default();
    let log = whole(Log::open_on(Arc::new(sim.clone()), super::settings(Path::new("")), SEGMENT).unwrap());
    fill_batches(&log, 600, 20);
    drop(log);
    assert_eq!(check_within(&sim, None, SEGMENT).unwrap().lag, 0);
    #[track_caller]
    fn lags(sim: &Sim, bend: impl FnOnce(&Sim), size: u64) {
        let bent = sim.copy();
        bend(&bent);
        let found = check_within(&bent, None, SEGMENT).unwrap_err();
        assert!(
            matches!((found.index, &found.fault), (at, Fault::Lag { records: 600 }) if at == size),
            "{found}"
        );
    }
    lags(&sim, |sim| cut(sim, "journal/tile/0", 320), 10);
    lags(&sim, |sim| cut(sim, "journal/tile/1", 32), 256);
    lags(&sim, |sim| sim.remove(Path::new("journal/tile/0")), 0);
    lags(&sim, |sim| sim.remove(Path::new("journal/tile/1")), 0);
    let all = |sim: &Sim| {
        let tiles: Vec<_> = files(sim).into_iter().filter(|path| path.starts_with("journal/tile")).collect();
        tiles.iter().for_each(|path| sim.remove(path));
    };
    lags(&sim, all, 0);
    // A batch of thirty behind, as a process leaves them that was killed: said, and no alarm.
    let killed = sim.copy();
    cut(&killed, "journal/tile/0", 570 * 32);
    assert_eq!(check_within(&killed, None, SEGMENT).unwrap().lag, 30);
    cut(&killed, "journal/tile/0", 569 * 32);
    assert!(check_within(&killed, None, SEGMENT).is_err());
}

#[test]
fn an_older_checkpoint_and_batches_rolled_back_are_seen() {
    let (sim, log) = one_segment(200);
    let at_200 = log.checkpoint();
    drop(log);
    let mut all = Frames::new();
    rewrite(&sim, |frames| all.clone_from(frames));
    let older = sim.copy();
    let at = seals(&all)[16];
    older.put(Path::new("journal/checkpoint"), note_of(&all[at]));
    let found = check_within(&older, None, SEGMENT).unwrap_err();
    assert!(matches!((found.index, &found.fault), (170, Fault::Lag { records: 200 })), "{found}");
    // The records and hashes behind it cut as well, no key needed: the journal alone is content, whoever saw more is not.
    let rolled = rewrite(&older, |frames| frames.truncate(at + 1));
    cut(&rolled, "journal/tile/0", 170 * 32);
    assert_eq!(check_within(&rolled, None, SEGMENT).unwrap().records, 170);
    let found = check_within(&rolled, Some(&at_200), SEGMENT).unwrap_err();
    assert!(matches!((found.index, found.fault), (170, Fault::CutAway { size: 200 })));
}

#[test]
fn what_was_begun_and_not_finished_is_said_and_what_was_put_there_is_seen() {
    let (sim, log) = one_segment(200);
    let note = log.checkpoint().into_bytes();
    drop(log);
    let (next, segment) =
        (Path::new("journal/checkpoint.new"), PathBuf::from("journal").join(segment::name(200)));
    for content in [Vec::new(), vec![0; note.len()], note.clone()] {
        let left = sim.copy();
        left.put(next, content);
        let checked = check_within(&left, None, SEGMENT).unwrap();
        assert_eq!((checked.lag, checked.unfinished.as_deref()), (0, Some("checkpoint.new")));
        // The next start goes over it.
        drop(whole(Log::open_on(Arc::new(left.clone()), super::settings(Path::new("")), SEGMENT).unwrap()));
        assert_eq!(check_within(&left, None, SEGMENT).unwrap().unfinished, None);
    }
    for content in [b"x".to_vec(), note[1..].to_vec()] {
        let put = sim.copy();
        put.put(next, content);
        assert!(matches!(check_within(&put, None, SEGMENT).unwrap_err().fault, Fault::Stray));
    }
    // A segment is begun where a batch has no room in the one before: here it had.
    let empty = sim.copy();
    empty.put(&segment, Vec::new());
    assert!(matches!(check_within(&empty, None, SEGMENT).unwrap_err().fault, Fault::Stray));
    let checked = check_within(&empty, None, super::SMALL).unwrap();
    assert_eq!(checked.unfinished.as_deref(), segment.file_name().unwrap().to_str());
}

#[test]
fn a_log_that_is_written_to_is_checked_to_its_last_byte_too() {
    let (sim, log) = one_segment(200);
    let seen = |what: &str| {
        let found = log.verify(None, |_| {});
        found.map_or_else(|found| found, |checked| panic!("{what}: {} records hold", checked.records))
    };
    assert_eq!(log.verify(None, |_| {}).unwrap().records, 200);
    let path = PathBuf::from("journal").join(segment::name(0));
    let bend = |path: &Path, what: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let whole = sim.content(path);
        let mut bent = whole.clone();
        change(&mut bent);
        sim.put(path, bent);
        let found = seen(what);
        sim.put(path, whole);
        found
    };
    let checkpoint = Path::new("journal/checkpoint");
    let bent = bend(checkpoint, "checkpoint", &|bytes| bytes[30] ^= 1);
    assert!(matches!(bent.fault, Fault::Checkpoint), "{bent}");
    let mut all = Frames::new();
    rewrite(&sim, |frames| all.clone_from(frames));
    let older = bend(checkpoint, "older checkpoint", &|bytes| *bytes = note_of(&all[seals(&all)[10]]));
    assert!(matches!((older.index, &older.fault), (110, Fault::Lag { .. })), "{older}");
    let tail = bend(&path, "tail", &|bytes| *bytes.last_mut().unwrap() = 1);
    assert!(matches!((tail.index, tail.fault), (200, Fault::Torn { .. })));
    let tiles = bend(Path::new("journal/tile/0"), "tiles", &|bytes| bytes.truncate(3200));
    assert!(matches!((tiles.index, &tiles.fault), (100, Fault::Lag { .. })), "{tiles}");
    let unsigned = bend(&path, "unsigned seal", &|bytes| {
        *bytes = {
            let bent = rewrite(&sim, |frames| unsign(frames, 5));
            bent.content(&path)
        }
    });
    assert!(matches!(unsigned.fault, Fault::Seal), "{unsigned}");
    for stray in ["stray", "checkpoint.new", "tile/7", "00000000000000000200.seg", "00000000000000000999.seg"]
    {
        let path = Path::new("journal").join(stray);
        sim.put(&path, vec![7; 64]);
        let found = seen(stray);
        assert!(matches!(found.fault, Fault::Stray | Fault::Torn { .. }), "{stray}: {found}");
        sim.remove(&path);
    }
    assert_eq!(log.verify(None, |_| {}).unwrap().records, 200);
}

#[test]
fn whole_batches_behind_damage_are_not_taken_for_a_torn_tail() {
    let open = |sim: &Sim| Log::open_on(Arc::new(sim.clone()), super::settings(Path::new("")), SEGMENT);
    let (sim, log) = one_segment(200);
    drop(log);
    let mut all = Frames::new();
    rewrite(&sim, |frames| all.clone_from(frames));
    for (damaged, clears) in [(190, true), (175, false), (20, false)] {
        // The checkpoint put back to before the damage: nothing else tells that there was more.
        let bent = sim.copy();
        let seal = all.iter().rev().find(|(kind, size, _)| *kind == Kind::Seal && *size <= damaged);
        bent.put(Path::new("journal/checkpoint"), note_of(seal.unwrap()));
        let path = PathBuf::from("journal").join(segment::name(0));
        let mut bytes = sim.content(&path);
        let at =
            bytes.windows(16).position(|window| window.starts_with(format!("record {damaged} ").as_bytes()));
        bytes[at.unwrap()] ^= 1;
        bent.put(&path, bytes.clone());
        match open(&bent) {
            Ok(Opened::Torn(_)) => assert!(clears, "{damaged}"),
            Err(OpenError::Broken { .. }) => assert!(!clears, "{damaged}"),
            other => panic!("{damaged}: {other:?}"),
        }
        assert_eq!(bent.content(&path), bytes);
    }
}
