//! Numbers, names and clinical words that went through a session stand nowhere in the clear.

use crate::session::{self, NAME, NUMBER, WORDS};
use data_encoding::BASE64;
use sluis_tests::World;
use std::path::Path;
use std::process::Command;

/// Words, and how they look: as they are, and inside base64 at each of three positions.
struct Face {
    word: String,
    bytes: Vec<u8>,
}

fn faces(word: &str) -> Vec<Face> {
    let shifted = (0..3).map(|shift| {
        let padded = [" ".repeat(shift), word.to_owned()].concat();
        let encoded = BASE64.encode(padded.as_bytes());
        // Characters that mix with what stands before or behind are left out.
        let (from, to) = (if shift == 0 { 0 } else { 4 }, padded.len() / 3 * 4);
        encoded.as_bytes()[from..to].to_vec()
    });
    let all = shifted.chain([word.as_bytes().to_vec()]).filter(|bytes| bytes.len() >= 8);
    all.map(|bytes| Face { word: word.to_owned(), bytes }).collect()
}

impl Face {
    /// A face within base64 misses some characters of its word, and six digits in a row stand in many a moment: whether
    /// the word stands there whole is read from what is around it.
    fn stands(&self, bytes: &[u8], at: usize) -> bool {
        if self.bytes == self.word.as_bytes() {
            return true;
        }
        let around = &bytes[at.saturating_sub(4)..(at + self.bytes.len() + 8).min(bytes.len())];
        let around = around.split(|b| !b.is_ascii_alphanumeric() && !b"+/".contains(b));
        around.filter(|run| run.len() >= self.bytes.len()).any(|run| {
            let whole = &run[..run.len() / 4 * 4];
            let read = BASE64.decode(whole).unwrap_or_default();
            memchr::memmem::find(&read, self.word.as_bytes()).is_some()
        })
    }
}

fn find(bytes: &[u8], planted: &[Face]) -> Option<String> {
    let hit = |face: &&Face| memchr::memmem::find_iter(bytes, &face.bytes).any(|at| face.stands(bytes, at));
    planted.iter().find(hit).map(|face| String::from_utf8_lossy(&face.bytes).into_owned())
}

fn every_file(folder: &Path, on: &mut dyn FnMut(&Path, Vec<u8>)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            every_file(&path, on);
        } else if path.is_file() {
            on(&path, std::fs::read(&path).unwrap());
        }
    }
}

#[test]
fn the_search_finds_what_is_there() {
    let planted: Vec<_> = [WORDS, NUMBER].into_iter().flat_map(faces).collect();
    for (shift, word) in (0..3).flat_map(|shift| [(shift, WORDS), (shift, NUMBER)]) {
        let hidden = BASE64.encode([&vec![b'x'; 30 + shift], word.as_bytes(), b"tail"].concat().as_slice());
        assert!(find(hidden.as_bytes(), &planted).is_some(), "shift {shift}");
    }
    // A moment in which six digits of a number stand.
    let moment = BASE64.encode(b"at 2026-11-28T02:16:59.345678Z");
    assert!(find(moment.as_bytes(), &planted).is_none());
    assert!(find(b"nothing here", &planted).is_none());
}

#[test]
fn numbers_names_and_words_stand_nowhere_in_the_clear() {
    let world = World::fresh();
    let _session = session::run(&world);
    let patients = world.region()["patients"].as_array().unwrap().clone();
    let numbers = patients.iter().filter_map(|p| p["bsn"].as_str());
    let mut planted: Vec<_> = numbers.chain([NUMBER, NAME, WORDS]).flat_map(faces).collect();
    planted.extend(patients.iter().filter_map(|p| p["birthDate"].as_str()).flat_map(faces));
    // The banner shows commands to paste, with invented numbers.
    let output = world.output();
    let said: Vec<_> = output.lines().filter(|line| !line.contains(" --patient 9999")).collect();
    for (what, said) in [
        ("metrics", world.management("/metrics").1),
        ("readiness", world.management("/readyz").1),
        ("checkpoint", world.management("/checkpoint").1),
        ("standard output and error", said.join("\n")),
    ] {
        assert_eq!(find(said.as_bytes(), &planted), None, "{what}");
    }
    // What the journal shows to its lawful reader names professionals, and persons by tag alone.
    let dump = world.sluis(["audit", "dump"]).ok().stdout;
    assert_eq!(find(dump.as_bytes(), &planted), None, "audit dump");
    let refused = world.staff("linden", "gp-own").get(&format!("Condition?patient={NUMBER}"));
    assert_eq!(find(refused.face().as_bytes(), &planted), None, "an error");
    // On disk: while it runs, after it was killed, and after a clean end.
    let look = |when: &str| {
        every_file(world.dir(), &mut |path, bytes| {
            // `region.json` shows the invented persons by contract.
            if !path.ends_with("region.json") {
                assert_eq!(find(&bytes, &planted), None, "{when}: {}", path.display());
            }
        });
    };
    look("running");
    world.kill();
    look("killed");
    let again = World::on(world.dir()).unwrap();
    let (code, _) = again.terminate();
    assert_eq!(code, 0);
    look("ended");
}

/// A core of a dead gateway would hold keys, numbers and names. Where the kernel lays cores somewhere else, this says so.
#[test]
fn a_gateway_that_dies_leaves_no_core() {
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    if pattern.is_empty() || pattern.starts_with(['|', '/']) {
        println!("skipped: cores lie elsewhere here ({})", pattern.trim());
        return;
    }
    let world = World::fresh();
    let pid = world.pid().to_string();
    let unlimited = Command::new("prlimit").args(["--pid", &pid, "--core=unlimited"]).status();
    if !unlimited.is_ok_and(|status| status.success()) {
        println!("skipped: prlimit is not here, or may not");
        return;
    }
    let here = std::env::current_dir().unwrap();
    let cores = || -> Vec<_> {
        let all = std::fs::read_dir(&here).unwrap().map(|entry| entry.unwrap().path());
        all.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("core")))
            .collect()
    };
    let before = cores();
    assert!(Command::new("kill").args(["-ABRT", &pid]).status().unwrap().success());
    let state = || std::fs::read_to_string(format!("/proc/{pid}/stat"));
    sluis_tests::until("it dies", || state().map_or(true, |stat| stat.contains(") Z ")));
    let left: Vec<_> = cores().into_iter().filter(|core| !before.contains(core)).collect();
    left.iter().for_each(|core| std::fs::remove_file(core).unwrap());
    assert!(left.is_empty(), "{left:?}");
}
