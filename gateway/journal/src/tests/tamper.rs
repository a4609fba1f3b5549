//! Every change to a folder of evidence is seen, and an unchanged one raises no alarm.

use super::sim::{Chance, Sim};
use super::{fill, keys, long, open_on, record, whole};
use crate::entry::Entry;
use crate::finding::{Checked, Fault, Finding};
use crate::frame::Kind;
use crate::log::Log;
use crate::port::Port;
use crate::segment::{self, Scan};
use crate::store::SEGMENT;
use crate::verify::{Bound, Question, verify};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn check(sim: &Sim, older: Option<&str>) -> Result<Checked, Finding> {
    check_within(sim, older, super::SMALL)
}

pub(super) fn check_within(sim: &Sim, older: Option<&str>, limit: u64) -> Result<Checked, Finding> {
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
pub(super) fn one_segment(records: u64) -> (Sim, Log) {
    let sim = Sim::default();
    let log = whole(Log::open_on(Arc::new(sim.clone()), super::settings(Path::new("")), SEGMENT).unwrap());
    fill_batches(&log, records, 20);
    (sim, log)
}

pub(super) fn fill_batches(log: &Log, records: u64, batches: u64) {
    let batch = records / batches;
    for from in (0..records).step_by(usize::try_from(batch).unwrap()) {
        log.append_blocking(Entry::of((from..from + batch).map(record).collect())).unwrap();
    }
}

pub(super) fn files(sim: &Sim) -> Vec<PathBuf> {
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

pub(super) type Frames = Vec<(Kind, u64, Vec<u8>)>;

/// Rewrites the frames of the first segment, making every frame's check good again.
pub(super) fn rewrite(sim: &Sim, change: impl FnOnce(&mut Frames)) -> Sim {
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
