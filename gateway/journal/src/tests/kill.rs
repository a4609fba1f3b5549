//! A process killed in mid-write, again and again, on one folder of the real disk.

use super::sim::Chance;
use super::{keys, long, open_on, record};
use crate::entry::Entry;
use crate::finding::{Checked, Fault, Finding};
use crate::log::Opened;
use crate::port::{Disk, Port};
use crate::verify::{Bound, Question, verify};
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

/// Four threads hand in three records at a time.
const MOST: u64 = 12;

fn check(folder: &Path) -> Result<Checked, Finding> {
    let port: Arc<dyn Port> = Arc::new(Disk);
    let keys = keys();
    let question = Question { keys: &keys, older: None };
    verify(&port, &folder.join("journal"), &question, Bound::Cold, super::SMALL, |_| {})
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
        // What a kill leaves is no alarm, before anything was opened: a tail that is torn in the middle of a write is named,
        // and what lags does so by a batch at most.
        match check(folder.path()) {
            Ok(checked) => assert!(checked.records >= acknowledged && checked.lag <= MOST, "round {round}"),
            Err(Finding { fault: Fault::Torn { .. }, .. }) => {}
            Err(finding) => panic!("round {round}: {finding}"),
        }
        let log = open(folder.path());
        assert!(log.records().len() >= acknowledged, "round {round}");
        drop(log);
        let checked = check(folder.path()).unwrap();
        assert!(checked.records >= acknowledged && checked.lag == 0, "round {round}");
    }
    assert!(acknowledged > rounds);
    println!("{rounds} rounds, {acknowledged} acknowledged");
}
