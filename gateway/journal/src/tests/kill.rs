//! A process killed in mid-write, again and again, on one folder of the real disk.

use super::sim::Chance;
use super::{keys, long, open_on, record};
use crate::archive::Archive;
use crate::entry::Entry;
use crate::log::Opened;
use crate::port::Disk;
use crate::verify::{Question, Signatures};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Names the folder to the child; without it the child's half is no test.
const FOLDER: &str = "SLUIS_JOURNAL_KILL_FOLDER";

fn open(folder: &Path) -> crate::log::Log {
    match open_on(Arc::new(Disk), folder) {
        Opened::Whole(log) => log,
        Opened::Torn(torn) => torn.close(b"closed".to_vec()).unwrap(),
    }
}

#[test]
fn the_half_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let log = open(&PathBuf::from(folder));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    // The number is known only to the writer, which is why the record is made of a fixed text.
                    let placed = log.append_blocking(Entry::of(vec![record(5); 3])).unwrap();
                    println!("acknowledged {}", placed.records.end);
                }
            });
        }
    });
}

#[test]
fn a_killed_process_loses_nothing_acknowledged() {
    let rounds = if long() { 1000 } else { 50 };
    let folder = tempfile::tempdir().unwrap();
    let mut chance = Chance(3);
    let mut acknowledged = 0;
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::kill::the_half_that_is_killed", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut heard = |line: std::io::Result<String>| {
            if let Some((_, number)) = line.unwrap().split_once("acknowledged ") {
                acknowledged = acknowledged.max(number.parse().unwrap_or(0));
            }
        };
        let after = 8 + chance.below(60);
        (0..after).filter_map(|_| lines.next()).for_each(&mut heard);
        child.kill().unwrap();
        child.wait().unwrap();
        lines
            .filter(|line| line.as_ref().is_ok_and(|line| line.starts_with("acknowledged")))
            .for_each(&mut heard);
        let log = open(folder.path());
        assert!(log.records().len() >= acknowledged, "round {round}");
        drop(log);
        let keys = keys();
        let question = Question { keys: &keys, older: None, signatures: Signatures::OfBatches };
        let checked = Archive::verify(&folder.path().join("journal"), &question, |_| {}).unwrap();
        assert!(checked.records >= acknowledged, "round {round}");
    }
    assert!(acknowledged > rounds);
    println!("{rounds} rounds, {acknowledged} acknowledged");
}
