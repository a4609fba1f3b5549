//! `sluis witness` by itself, under a log that nobody of the program wrote: every status of c2sp.org/tlog-witness, two
//! submissions at once, and kills in the middle of them.

use sluis_tests::proof;
use sluis_tests::witness::{OwnLog, Witness};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const ORIGIN: &str = "log.example/own";

fn setting() -> (tempfile::TempDir, OwnLog, Witness) {
    let folder = tempfile::tempdir().unwrap();
    let log = OwnLog::new(ORIGIN, 11);
    let witness = Witness::start(folder.path(), "127.0.0.1:0", ORIGIN, &log.key());
    (folder, log, witness)
}

#[test]
fn each_status_of_the_protocol_is_answered_as_it_says() {
    let (_folder, mut log, witness) = setting();
    log.grow(40, "a");
    let mut fork = OwnLog::new(ORIGIN, 11);
    fork.grow(60, "b");
    let mut stranger = OwnLog::new(ORIGIN, 12);
    stranger.grow(20, "a");
    let mut elsewhere = OwnLog::new("log.example/elsewhere", 11);
    elsewhere.grow(20, "a");
    // From nothing, on, the same again, and from the empty tree's own head.
    for (old, size) in [(0, 0), (0, 7), (7, 7), (7, 8), (8, 20)] {
        let note = log.note(size);
        let answer = witness.add(old, &log.proof(old, size), &note);
        assert_eq!(answer.status, 200, "{old} to {size}: {}", answer.text());
        let note = note + &answer.text();
        proof::cosigned(&note, &witness.key).unwrap();
        assert_eq!(proof::open(&note, &log.key()).unwrap().0, size as u64);
    }
    #[track_caller]
    fn check(answer: &sluis_tests::Answer, status: u16) {
        assert_eq!(answer.status, status, "{}", answer.text());
        let conflict = status == 409;
        assert_eq!(answer.header("content-type") == Some("text/x.tlog.size"), conflict);
        assert_eq!(answer.text() == "20\n", conflict, "{}", answer.text());
    }
    check(&witness.add(20, &[], &elsewhere.note(20)), 404);
    check(&witness.add(20, &[], &stranger.note(20)), 403);
    check(&witness.add(20, &[], &log.note(30).replace("\n30\n", "\n31\n")), 403);
    check(&witness.add(30, &[], &log.note(20)), 400);
    check(&witness.add(20, &[], "no note"), 400);
    check(&witness.add(20, &vec![vec![0; 32]; 64], &log.note(30)), 400);
    check(&witness.add(20, &[vec![0; 31]], &log.note(30)), 400);
    check(&witness.add(19, &log.proof(19, 30), &log.note(30)), 409);
    check(&witness.add(0, &[], &log.note(30)), 409);
    check(&witness.add(7, &log.proof(7, 8), &log.note(8)), 409);
    check(&witness.add(20, &[], &fork.note(20)), 409);
    check(&witness.add(20, &fork.proof(20, 60), &fork.note(60)), 422);
    check(&witness.add(20, &[], &log.note(30)), 422);
    let mut bent = log.proof(20, 30);
    bent[0][0] ^= 1;
    check(&witness.add(20, &bent, &log.note(30)), 422);
    check(&witness.add(20, &[vec![0; 32]], &log.note(20)), 422);
    assert_eq!(
        witness.add(20, &log.proof(20, 30), &log.note(30)).status,
        200,
        "nothing of that took it along"
    );
}

#[test]
fn of_two_submissions_at_once_none_is_taken_back() {
    let (_folder, mut log, witness) = setting();
    log.grow(101, "a");
    assert_eq!(witness.add(0, &[], &log.note(1)).status, 200);
    for at in (1..100).step_by(2) {
        let start = Barrier::new(2);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = [at + 1, at + 2]
                .map(|size| {
                    let (log, witness, start) = (&log, &witness, &start);
                    scope.spawn(move || {
                        let (proof, note) = (log.proof(at, size), log.note(size));
                        start.wait();
                        (size, witness.add(at, &proof, &note))
                    })
                })
                .into_iter()
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let taken: Vec<_> =
            answers.iter().filter(|(_, answer)| answer.status == 200).map(|(s, _)| *s).collect();
        let [size] = taken[..] else { panic!("{taken:?} from {at}") };
        let conflict = answers.iter().find(|(_, answer)| answer.status == 409).unwrap();
        assert_eq!(conflict.1.text(), format!("{size}\n"));
        let next = at + 2;
        assert_eq!(witness.add(size, &log.proof(size, next), &log.note(next)).status, 200);
    }
}

#[test]
fn killed_in_the_middle_it_never_goes_back_behind_what_it_cosigned() {
    let rounds = if std::env::var_os("SLUIS_LONG").is_some() { 300 } else { 20 };
    let (folder, mut log, mut witness) = setting();
    log.grow(4096, "a");
    let (cosigned, handed_in) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut dice = 20_261_126_u64;
    for round in 0..rounds {
        let address = witness.address.clone();
        std::thread::scope(|scope| {
            let (log, cosigned, handed_in) = (&log, &cosigned, &handed_in);
            scope.spawn(move || {
                for _ in 0..4096 / rounds {
                    let (old, size) = (cosigned.load(Ordering::SeqCst), cosigned.load(Ordering::SeqCst) + 1);
                    handed_in.fetch_max(size, Ordering::SeqCst);
                    match Witness::try_add(&address, old, &log.proof(old, size), &log.note(size)) {
                        Some((200, _)) => cosigned.fetch_max(size, Ordering::SeqCst),
                        // What was written and not answered: from there on.
                        Some((409, seen)) => {
                            cosigned.fetch_max(seen.trim().parse().unwrap(), Ordering::SeqCst)
                        }
                        Some((status, words)) => panic!("{status}: {words}"),
                        None => return,
                    };
                }
            });
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let until = Instant::now() + Duration::from_micros((dice >> 33) % 40_000);
            while Instant::now() < until {
                std::thread::yield_now();
            }
            witness.kill();
        });
        witness = Witness::start(folder.path(), "127.0.0.1:0", ORIGIN, &log.key());
        // Asked as by somebody who knows nothing; only a witness that saw nothing yet takes that.
        let answer = witness.add(0, &[], &log.note(1));
        let seen = if answer.status == 200 { 0 } else { answer.text().trim().parse::<usize>().unwrap() };
        let (least, most) = (cosigned.load(Ordering::SeqCst), handed_in.load(Ordering::SeqCst));
        assert!(
            (least..=most).contains(&seen),
            "round {round}: {least} were cosigned, {most} handed in, {seen} kept"
        );
        let kept = seen.max(1);
        assert_eq!(witness.add(kept, &[], &log.note(kept)).status, 200, "round {round}: another root");
        cosigned.store(kept, Ordering::SeqCst);
        handed_in.fetch_max(kept, Ordering::SeqCst);
    }
    println!("{rounds} kills, {} cosigned", cosigned.load(Ordering::SeqCst));
}
