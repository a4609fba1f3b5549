//! When disks, processes and calls fail: nothing is answered that is not recorded, and nothing recorded is lost.

use serde_json::Value;
use sluis_tests::{Answer, Request, World};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn long() -> bool {
    std::env::var_os("SLUIS_LONG").is_some()
}

/// A small generator: where to kill differs from round to round, and the same seed kills at the same places.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Asks until the process is gone; every answer that came back whole is an acknowledgement.
fn ask_until_gone(world: &World, acknowledged: &Mutex<BTreeSet<String>>, count: &AtomicUsize) {
    let linden = world.staff("linden", "gp-own");
    let Ok(token) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| linden.token())) else { return };
    for n in 0.. {
        let id = uuid::Uuid::new_v4().to_string();
        let request = if n % 4 == 3 {
            Request::get("/fhir/Condition?patient=x&_sort=date")
        } else {
            Request::form(
                "/fhir/Patient/_search",
                &[("identifier", "http://fhir.nl/fhir/NamingSystem/bsn|999990111")],
            )
        };
        let request = request.header("X-Request-Id", &id).bearer(&token);
        match linden.client().try_send(&request) {
            Ok(answer) if answer.status == 503 => {}
            Ok(_) => {
                acknowledged.lock().unwrap().insert(id);
                count.fetch_add(1, Ordering::SeqCst);
            }
            Err(_) => return,
        }
    }
}

fn request_ids(dump: &[Value]) -> BTreeSet<String> {
    dump.iter().map(|r| r["request_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn killed_at_random_under_load_nothing_acknowledged_is_lost() {
    let rounds = if long() { 1_000 } else { 50 };
    let first = World::fresh();
    let dir = first.dir().to_owned();
    let acknowledged = Mutex::new(BTreeSet::new());
    let mut dice = Dice(20_261_125);
    let mut slowest = Duration::ZERO;
    let mut torn = 0;
    let mut later: Option<World> = None;
    for round in 0..rounds {
        let world = later.as_ref().unwrap_or(&first);
        let count = AtomicUsize::new(0);
        let at = 1 + dice.below(25) as usize;
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| ask_until_gone(world, &acknowledged, &count));
            }
            let begun = Instant::now();
            while count.load(Ordering::SeqCst) < at && begun.elapsed() < Duration::from_secs(30) {
                std::thread::yield_now();
            }
            // Somewhere within the next request.
            let offset = Instant::now() + Duration::from_micros(dice.below(3_000));
            while Instant::now() < offset {
                std::hint::spin_loop();
            }
            world.kill();
        });
        let begun = Instant::now();
        let world = World::on(&dir).unwrap_or_else(|e| panic!("round {round}: {e}"));
        slowest = slowest.max(begun.elapsed());
        world.verify();
        if round % 10 == 9 || round + 1 == rounds {
            let dump = world.dump();
            let there = request_ids(&dump);
            let lost: Vec<_> = acknowledged.lock().unwrap().difference(&there).cloned().collect();
            assert!(lost.is_empty(), "round {round}: {} acknowledged records lost: {lost:?}", lost.len());
            torn = dump.iter().filter(|r| r["kind"] == "restart").count();
        }
        later = Some(world);
    }
    println!(
        "{rounds} kills, {} acknowledged answers, {torn} restarts recorded, slowest start {slowest:?}",
        acknowledged.lock().unwrap().len()
    );
    assert!(torn > rounds, "each start is recorded");
}

#[test]
fn a_torn_tail_is_named_and_closed_with_a_record() {
    let world = World::fresh();
    let (code, _) = world.terminate();
    assert_eq!(code, 0);
    let segment = world.dir().join("journal/00000000000000000000.seg");
    let bytes = fs::read(&segment).unwrap();
    // The last batch may itself end in zeros: a checksum does, one time in some hundreds.
    let end = bytes.iter().rposition(|b| *b != 0).unwrap() + 1 + 8;
    // What a write leaves that power cut short: some bytes behind the last whole batch.
    let mut torn = bytes.clone();
    torn[end.next_multiple_of(8)..end.next_multiple_of(8) + 40].fill(0x5a);
    fs::write(&segment, &torn).unwrap();
    let cold = world.sluis(["audit", "verify"]);
    assert_eq!(cold.code, 1, "a cold copy says so: {}", cold.stdout);
    let again = World::on(world.dir()).unwrap();
    let dump = again.sluis(["audit", "dump", "--details"]).ok().json_lines();
    let tear = dump.iter().find(|r| r["details"]["why"] == "torn-tail").expect("the tear is recorded");
    let said = serde_json::json!({
        "why": "torn-tail", "journal-file": "00000000000000000000.seg",
        "journal-offset": tear["details"]["journal-offset"], "journal-bytes": tear["details"]["journal-bytes"],
        "journal-sha256": tear["details"]["journal-sha256"],
    });
    assert_eq!(tear["details"], said, "where it stood and what it was");
    let number = |name: &str| tear["details"][name].as_str().unwrap().parse::<usize>().unwrap();
    let (offset, length) = (number("journal-offset"), number("journal-bytes"));
    assert_eq!(offset + length, end.next_multiple_of(8) + 40);
    let digest = ring::digest::digest(&ring::digest::SHA256, &torn[offset..offset + length]);
    assert_eq!(tear["details"]["journal-sha256"], data_encoding::HEXLOWER.encode(digest.as_ref()));
    again.verify();
}

/// A file system of so many MiB, gone at the end.
struct Small(PathBuf);

impl Small {
    fn mount(folder: &Path, mebibytes: u32) -> Option<Self> {
        let path = folder.join("small");
        fs::create_dir(&path).unwrap();
        let size = format!("size={mebibytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path).output();
        mounted.is_ok_and(|m| m.status.success()).then_some(Self(path))
    }

    fn fill(&self) {
        let ballast = self.0.join("ballast");
        let mut ballast = fs::OpenOptions::new().create(true).append(true).open(ballast).unwrap();
        for size in [1 << 16, 4096, 512, 1] {
            while ballast.write_all(&vec![1; size]).is_ok() {}
        }
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _done = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn ready_within(world: &World, patience: Duration) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < patience {
        if world.management("/readyz").0 == 200 {
            return true;
        }
    }
    false
}

#[test]
fn on_a_full_disk_nothing_is_released_and_it_recovers_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let Some(small) = Small::mount(folder.path(), 48) else {
        println!("skipped: no tmpfs can be mounted here (needs root)");
        return;
    };
    let world = World::on(&small.0.join("sandbox")).unwrap();
    let linden = world.staff("linden", "gp-own");
    let mut answered = BTreeSet::new();
    for cycle in 0..if long() { 100 } else { 3 } {
        // The view may give way first and be built anew in the room that its ruins free: fill that too.
        let full = (0..5_000).any(|_| {
            small.fill();
            let answer = linden.summary("kaya");
            let code = answer.code();
            match answer.status {
                200 => drop(answered.insert(answer.request_id().to_owned())),
                status => {
                    assert_eq!(status, 503, "cycle {cycle}: {}", answer.text());
                    assert!(code == "audit-unavailable" || code == "consent-unavailable", "{code}");
                }
            }
            code == "audit-unavailable"
        });
        assert!(full, "cycle {cycle}: the disk is full at some time");
        // Room is judged entry by entry: smaller records may still fit, until none does and readiness says so.
        let said = (0..500).any(|_| {
            small.fill();
            let token = linden.ask_token();
            match token.status {
                200 => drop(answered.insert(token.request_id().to_owned())),
                status => assert_eq!(status, 503, "cycle {cycle}"),
            }
            token.status == 503 && world.management("/readyz").0 == 503
        });
        assert!(said, "cycle {cycle}: readiness says that the disk is full");
        let cause = world.management("/readyz").1;
        assert!(
            cause.contains("by itself") || cause.contains("view"),
            "what mends itself asks for no restart: {cause}"
        );
        // Nothing was verified: no finding, so that nobody takes a full disk for a bent journal.
        let unlooked = world.sluis(["audit", "verify"]);
        let said = unlooked.stdout.is_empty() && unlooked.stderr.contains("nothing was verified");
        assert!(unlooked.code == 0 || said, "{}{}", unlooked.stdout, unlooked.stderr);
        small.empty();
        assert!(
            ready_within(&world, Duration::from_secs(20)),
            "cycle {cycle}: {}",
            world.management("/readyz").1
        );
        answered.insert(linden.summary("kaya").ok().request_id().to_owned());
    }
    world.verify();
    let there = request_ids(&world.dump());
    assert!(answered.is_subset(&there), "an answer without a record");
    let (code, _) = world.terminate();
    assert_eq!(code, 0);
    let again = World::on(&small.0.join("sandbox")).unwrap();
    again.verify();
    assert!(answered.is_subset(&request_ids(&again.dump())));
}

/// `strace` on the program's storage calls, while it lives.
struct Fault(std::process::Child);

impl Fault {
    fn inject(world: &World, call: &str, error: &str) -> Option<Self> {
        let inject = format!("inject={call}:error={error}");
        let trace = format!("trace={call}");
        let child = Command::new("strace")
            .args(["-f", "-q", "-e", &trace, "-e", &inject, "-p", &world.pid().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        // It is in place once it traces the threads.
        let status = format!("/proc/{}/status", world.pid());
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(20) {
            let traced = fs::read_to_string(&status).unwrap_or_default();
            if traced.lines().any(|l| l.starts_with("TracerPid:") && !l.ends_with("\t0")) {
                return Some(Self(child));
            }
        }
        None
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        let _ended = Command::new("kill").arg(self.0.id().to_string()).status();
        let _reaped = self.0.wait();
    }
}

#[test]
fn a_journal_that_cannot_be_written_stops_serving_and_says_so() {
    let have = Command::new("strace").arg("--version").stdout(Stdio::null()).status();
    if !have.is_ok_and(|s| s.success()) {
        println!("skipped: strace is not at hand");
        return;
    }
    for (call, error) in [("fdatasync", "EIO"), ("pwrite64", "EIO")] {
        let world = World::fresh();
        let linden = world.staff("linden", "gp-own");
        let good = linden.summary("kaya").ok();
        let Some(fault) = Fault::inject(&world, call, error) else {
            println!("skipped: strace may not attach here");
            return;
        };
        let unavailable = |answer: &Answer, when: &str| {
            assert_eq!(answer.status, 503, "{call} {when}: {}", answer.text());
            assert!(!answer.text().contains("\"Patient\""), "{call} {when}: something was released");
        };
        unavailable(&linden.summary("kaya"), "while it fails");
        drop(fault);
        // Never "try again and call it good": it takes a restart.
        unavailable(&linden.summary("kaya"), "afterwards");
        unavailable(&linden.find("unknown"), "for a refusal");
        unavailable(&linden.ask_token(), "for a token");
        let (status, said) = world.management("/readyz");
        assert_eq!(status, 503, "{call}: {said}");
        assert!(said.contains("journal"), "{call}: {said}");
        let _ended = world.terminate();
        let again = World::on(world.dir()).unwrap();
        again.verify();
        assert!(!again.records_of(good.request_id()).is_empty(), "{call}");
        let _works = again.staff("linden", "gp-own").summary("kaya").ok();
    }
}

#[test]
fn a_view_that_is_built_anew_while_it_serves_loses_and_doubles_nothing() {
    let world = World::fresh();
    let linden = world.staff("linden", "gp-own");
    let before = linden.summary("kaya").ok().json();
    let failures = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let asks = scope.spawn(|| {
            for _ in 0..60 {
                let answer = linden.find("kaya");
                match answer.status {
                    200 => {}
                    503 => drop(failures.fetch_add(1, Ordering::SeqCst)),
                    other => panic!("{other}: {}", answer.text()),
                }
            }
        });
        for _ in 0..3 {
            let _built = world.sluis(["rebuild-view"]).ok();
            let _said = world.sluis(["participant", "suspend", "buurtnetwerk-samen"]).ok();
            let _said = world.sluis(["participant", "resume", "buurtnetwerk-samen"]).ok();
        }
        asks.join().unwrap();
    });
    let after = linden.summary("kaya").ok().json();
    assert_eq!(before["entry"].as_array().unwrap().len(), after["entry"].as_array().unwrap().len());
    assert_eq!(world.management("/readyz").0, 200);
    world.verify();
}
