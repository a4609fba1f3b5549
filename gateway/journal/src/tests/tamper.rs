//! Every change to a folder of evidence is seen, and an unchanged one raises no alarm.

use super::sim::{Chance, Sim};
use super::{fill, keys, long, open_on, record, whole};
use crate::entry::Entry;
use crate::error::OpenError;
use crate::finding::{Checked, Fault, Finding};
use crate::frame::Kind;
use crate::journal::unseal;
use crate::log::{Log, Opened};
use crate::note::Checkpoint;
use crate::port::Port;
use crate::segment::{self, Scan};
use crate::store::SEGMENT;
use crate::verify::{Bound, Question, verify};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn check(sim: &Sim, older: Option<&str>) -> Result<Checked, Finding> {
    check_within(sim, older, super::SMALL)
}

fn check_within(sim: &Sim, older: Option<&str>, limit: u64) -> Result<Checked, Finding> {
    let port: Arc<dyn Port> = Arc::new(sim.clone());
    let keys = keys();
    let question = Question { keys: &keys, older };
    verify(&port, Path::new("journal"), &question, Bound::Cold, limit, |_| {})
}

fn log_on(sim: &Sim) -> Log {
    whole(open_on(Arc::new(sim.clone()), Path::new("")))
}

/// A closed journal of this many records, in a few batches: every check of it checks every signature.
fn journal(records: u64) -> Sim {
    let sim = Sim::default();
    fill_batches(&log_on(&sim), records, 5);
    sim
}

/// One of twenty batches in one segment, and open.
fn one_segment(records: u64) -> (Sim, Log) {
    let sim = Sim::default();
    let log = whole(Log::open_on(Arc::new(sim.clone()), super::settings(Path::new("")), SEGMENT).unwrap());
    fill_batches(&log, records, 20);
    (sim, log)
}

fn fill_batches(log: &Log, records: u64, batches: u64) {
    let batch = records / batches;
    for from in (0..records).step_by(usize::try_from(batch).unwrap()) {
        log.append_blocking(Entry::of((from..from + batch).map(record).collect())).unwrap();
    }
}

fn files(sim: &Sim) -> Vec<PathBuf> {
    sim.names().into_iter().filter(|path| path.starts_with("journal")).collect()
}

fn segments(sim: &Sim) -> Vec<PathBuf> {
    files(sim).into_iter().filter(|path| path.extension().is_some()).collect()
}

#[test]
fn every_flipped_byte_is_seen() {
    let records = if long() { 2000 } else { 200 };
    let sim = journal(records);
    assert_eq!(check(&sim, None).unwrap().records, records);
    let flip = |seed: u64, path: &Path, places: std::ops::Range<usize>| {
        let sim = sim.copy();
        let mut chance = Chance(seed);
        let whole = sim.content(path);
        for place in places {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << chance.below(8);
            sim.put(path, bytes);
            let seen = check(&sim, None);
            assert!(seen.is_err(), "{} byte {place} of {}", path.display(), whole.len());
            assert!(seen.unwrap_err().index <= records);
        }
    };
    let paths = files(&sim);
    let mut bytes = 0;
    std::thread::scope(|scope| {
        for (seed, path) in (0..).zip(&paths) {
            let size = sim.content(path).len();
            bytes += size;
            scope.spawn(move || flip(seed, path, 0..size));
        }
    });
    println!("{bytes} flips seen in {} files", paths.len());
}

#[test]
fn a_clean_journal_raises_no_alarm_at_any_length() {
    let sim = Sim::default();
    let mut older: Option<String> = None;
    for n in 0..600 {
        let log = log_on(&sim);
        fill(&log, n, n + 1);
        let note = log.checkpoint();
        // Each length near where something begins, and some of the others: every check checks every signature.
        let looked = n < 40 || n % 13 == 0 || (n + 3) % 256 < 6;
        if looked {
            assert_eq!(log.verify(older.as_deref(), |_| {}).unwrap().records, n + 1);
        }
        drop(log);
        if looked {
            let checked = check(&sim, older.as_deref()).unwrap();
            assert_eq!((checked.records, checked.batches, checked.lag), (n + 1, n + 1, 0));
            assert_eq!(checked.unfinished, None);
        }
        if n % 50 == 0 {
            older = Some(note);
        }
    }
}

type Frames = Vec<(Kind, u64, Vec<u8>)>;

/// Rewrites the frames of the first segment, making every frame's check good again.
fn rewrite(sim: &Sim, change: impl FnOnce(&mut Frames)) -> Sim {
    let sim = sim.copy();
    let path = segments(&sim)[0].clone();
    let bytes = sim.content(&path);
    let length = bytes.len();
    let scan = Scan::of(0, bytes);
    let mut frames: Vec<_> =
        scan.frames(0).map(|(frame, _)| (frame.kind, frame.index, frame.payload.to_vec())).collect();
    change(&mut frames);
    let mut out = Vec::new();
    for (kind, index, payload) in frames {
        crate::frame::put(&mut out, kind, index, &payload);
    }
    out.resize(length.max(out.len()), 0);
    sim.put(&path, out);
    sim
}

#[test]
fn a_forger_who_mends_every_checksum_is_seen_at_the_record() {
    let sim = journal(200);
    #[track_caller]
    fn seen(sim: &Sim, index: u64) {
        assert_eq!(check(sim, None).unwrap_err().index, index);
    }
    // The first three frames are the birth and records 0 and 1.
    seen(&rewrite(&sim, |frames| frames[3].2.push(b'x')), 2);
    seen(&rewrite(&sim, |frames| frames[2].2[0] ^= 1), 1);
    seen(
        &rewrite(&sim, |frames| {
            let (one, two) = (frames[2].2.clone(), frames[3].2.clone());
            (frames[2].2, frames[3].2) = (two, one);
        }),
        1,
    );
    // Swapped with their indices, doubled, left out, put in: the frames no longer follow each other.
    seen(&rewrite(&sim, |frames| frames.swap(2, 3)), 0);
    seen(&rewrite(&sim, |frames| frames.insert(3, frames[2].clone())), 0);
    seen(&rewrite(&sim, |frames| drop(frames.remove(2))), 0);
    // The same with indices made good: the tree tells.
    let renumber = |frames: &mut Frames| {
        let mut next = 0;
        for frame in frames {
            frame.1 = next;
            next += u64::from(frame.0 == Kind::Record);
        }
    };
    seen(
        &rewrite(&sim, |frames| {
            frames.insert(3, frames[2].clone());
            renumber(frames);
        }),
        2,
    );
    seen(
        &rewrite(&sim, |frames| {
            frames.remove(2);
            renumber(frames);
        }),
        1,
    );
}

#[test]
fn a_forger_who_has_no_tiles_to_contradict_him_is_seen_at_the_seal() {
    let sim = journal(200);
    sim.remove(Path::new("journal/tile/0"));
    let forged = check(&rewrite(&sim, |frames| frames[3].2.push(b'x')), None).unwrap_err();
    assert!(matches!((forged.index, forged.fault), (0, Fault::Root)));
    // Records and roots left alone, the last signature of a segment made up.
    let unsigned = rewrite(&sim, |frames| frames.last_mut().unwrap().2[32] ^= 1);
    assert!(matches!(check(&unsigned, None).unwrap_err().fault, Fault::Seal));
}

#[test]
fn a_flipped_byte_of_the_tree_s_upper_levels_is_seen() {
    let sim = journal(600);
    let path = Path::new("journal/tile/1");
    let whole = sim.content(path);
    assert_eq!(whole.len(), 2 * 32);
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        sim.put(path, bytes);
        let found = check(&sim, None).unwrap_err();
        assert_eq!(found.index, if place < 32 { 0 } else { 256 });
    }
}

#[test]
fn whole_files_moved_removed_or_added_are_seen() {
    let sim = journal(200);
    for path in files(&sim) {
        let less = sim.copy();
        less.remove(&path);
        if !path.ends_with("lock") {
            assert!(check(&less, None).is_err(), "{}", path.display());
        }
        let more = sim.copy();
        more.put(&path.with_file_name("another"), more.content(&path));
        assert!(matches!(check(&more, None).unwrap_err().fault, Fault::Stray));
    }
    let swapped = sim.copy();
    let paths = segments(&sim);
    swapped.put(&paths[0], sim.content(&paths[1]));
    swapped.put(&paths[1], sim.content(&paths[0]));
    assert_eq!(check(&swapped, None).unwrap_err().index, 0);
}

#[test]
fn a_journal_cut_anywhere_shows_against_its_checkpoint() {
    let sim = journal(200);
    let path = segments(&sim).pop().unwrap();
    let whole = sim.content(&path);
    let written = whole.iter().rposition(|&b| b != 0).unwrap() + 1;
    let first = segment::first_of(path.file_name().unwrap().to_str().unwrap()).unwrap();
    let tiles = Path::new("journal/tile/0");
    for at in 0..written {
        // Cut off, and zeroed as if it had never been written.
        let cut = sim.copy();
        cut.put(&path, whole[..at].to_vec());
        assert!(check(&cut, None).is_err(), "cut at {at}");
        let mut zeroed = whole.clone();
        zeroed[at..].fill(0);
        // The tiles cut to match, so that only the checkpoint can tell where a whole batch is gone.
        let next = Scan::of(first, zeroed.clone()).next;
        cut.put(tiles, sim.content(tiles)[..usize::try_from(next).unwrap() * 32].to_vec());
        cut.put(&path, zeroed);
        assert!(check(&cut, None).is_err(), "zeroed from {at}");
    }
}

#[test]
fn a_folder_rolled_back_or_forked_shows_against_an_older_checkpoint() {
    let sim = Sim::default();
    let log = log_on(&sim);
    fill(&log, 0, 30);
    drop(log);
    let past = sim.copy();
    let log = log_on(&sim);
    fill(&log, 30, 60);
    let at_60 = log.checkpoint();
    drop(log);
    assert!(check(&sim, Some(&at_60)).is_ok());
    // Rolled back as a whole, the folder is content with itself.
    assert!(check(&past, None).is_ok());
    let rolled = check(&past, Some(&at_60)).unwrap_err();
    assert_eq!(rolled.index, 30);
    assert!(matches!(rolled.fault, Fault::CutAway { size: 60 }));
    // Another future from the same past.
    let log = log_on(&past);
    for n in 0..40 {
        log.append_blocking(Entry::of(vec![record(1000 + n)])).unwrap();
    }
    drop(log);
    assert!(check(&past, None).is_ok());
    assert!(matches!(check(&past, Some(&at_60)).unwrap_err().fault, Fault::Fork { size: 60 }));
    assert!(matches!(check(&sim, Some(&at_60.replace("60", "59"))).unwrap_err().fault, Fault::Older));
}

#[test]
fn a_cut_or_rewritten_journal_is_not_opened() {
    let sim = journal(200);
    let path = segments(&sim).pop().unwrap();
    let mut bytes = sim.content(&path);
    let scan =
        Scan::of(segment::first_of(path.file_name().unwrap().to_str().unwrap()).unwrap(), bytes.clone());
    bytes[..scan.end].fill(0);
    sim.put(&path, bytes);
    let opened = Log::open_on(Arc::new(sim.clone()), super::settings(Path::new("")), super::SMALL);
    assert!(matches!(opened, Err(crate::error::OpenError::Broken { .. })));
}

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
