//! Nobody pays for another's holder: who is left alone and for whom, who is next, how much may come in at once.

use super::matrix::{ALONE, HOLDER, entered, moved, recorded};
use super::server::{ALLERGY, BUDGET, Mode, OTHER, Server};
use serde_json::{Value, json};
use sluis_tests::World;
use sluis_tests::json::has_code;
use std::time::{Duration, Instant};

/// Registers it as the holder's endpoint.
fn set(world: &World, endpoint: &Value) -> sluis_tests::Run {
    let set = ["participant", "endpoint", "set", HOLDER, "--file", "-"];
    world.sluis_with(set, endpoint.to_string().as_bytes())
}

#[test]
fn a_holder_that_fails_is_left_alone_and_nobody_waits_for_it() {
    let world = World::fresh();
    let server = Server::start(Mode::Slow, ALONE);
    moved(&world, &server);
    entered(&world, ALONE);
    let asker = world.asker(HOLDER);
    let timed = || {
        let began = Instant::now();
        asker.summary(ALONE).is(503, "source-unavailable");
        began.elapsed()
    };
    for _ in 0..5 {
        assert!(timed() >= Duration::from_millis(BUDGET));
    }
    let asked = server.asked().len();
    assert!(timed() < Duration::from_millis(BUDGET / 2), "somebody waited for a holder that is left alone");
    assert_eq!(server.asked().len(), asked, "it was asked");
    // Where it is moved, it is asked again at once.
    let well = Server::start(Mode::Well, ALONE);
    moved(&world, &well);
    assert!(has_code(&asker.summary(ALONE).ok().json(), ALLERGY));
}

#[test]
fn a_budget_longer_than_whoever_asks_waits_is_said_and_does_not_keep_the_breaker_shut() {
    let world = World::fresh();
    let server = Server::start(Mode::Slow, ALONE);
    let mut endpoint = server.endpoint();
    endpoint["budget_ms"] = json!(20_000);
    let run = set(&world, &endpoint);
    assert!((run.stdout.clone() + &run.stderr).contains("no more is used"), "{} {}", run.stdout, run.stderr);
    run.ok();
    entered(&world, ALONE);
    let asker = world.asker(HOLDER);
    for _ in 0..5 {
        asker.summary(ALONE).is(503, "source-unavailable");
    }
    let asked = server.asked().len();
    asker.summary(ALONE).is(503, "source-unavailable");
    assert_eq!(server.asked().len(), asked, "a holder that never answered in time was asked again");
}

#[test]
fn what_a_holder_has_of_one_person_does_not_shut_it_for_the_others() {
    let world = World::fresh();
    let server = Server::start(Mode::OneSpoilt, ALONE);
    moved(&world, &server);
    entered(&world, ALONE);
    entered(&world, OTHER);
    let asker = world.asker(HOLDER);
    for _ in 0..5 {
        let answer = asker.summary(OTHER);
        answer.is(503, "source-unavailable");
        assert!(recorded(&world, answer.request_id()).1.contains("astray"));
    }
    let asked = server.asked().len();
    asker.summary(OTHER).is(503, "source-unavailable");
    assert_eq!(server.asked().len(), asked, "what cannot be used was asked again and again");
    assert!(has_code(&asker.summary(ALONE).ok().json(), ALLERGY), "one person shuts the holder for all");
}

#[test]
fn askers_take_turns_at_a_holder_and_no_more_are_there_at_once_than_it_takes() {
    let world = World::fresh();
    let server = Server::start(Mode::Paced, &world.bsn("jansen"));
    let mut endpoint = server.endpoint();
    endpoint["at_once"] = json!(1);
    set(&world, &endpoint).ok();
    entered(&world, &world.bsn("jansen"));
    let one = world.staff("valk", "triage");
    assert!(has_code(&one.summary("jansen").ok().json(), ALLERGY));
    let many: Vec<_> = (0..20).map(|_| world.staff("steen", "district-nursing")).collect();
    many.iter().for_each(|asker| drop(asker.token()));
    // So few that none is cut off: whoever is, may still be there when the next one comes.
    std::thread::scope(|scope| {
        for asker in &many[..4] {
            scope.spawn(|| asker.summary("jansen").ok());
        }
    });
    assert_eq!(server.most_at_once(), 1);
    std::thread::scope(|scope| {
        for asker in &many {
            scope.spawn(|| asker.summary("jansen"));
        }
        std::thread::sleep(Duration::from_millis(300));
        let document = one.summary("jansen").ok().json();
        assert!(has_code(&document, ALLERGY), "whoever asks once waits for whoever asks much");
    });
    let document = one.summary("jansen").ok().json();
    assert!(has_code(&document, ALLERGY), "a holder is left alone because of our own line");
}

#[test]
fn a_holder_that_says_when_to_come_back_is_not_asked_before() {
    for status in [429, 503] {
        let world = World::fresh();
        let server = Server::start(Mode::Says(status), ALONE);
        moved(&world, &server);
        entered(&world, ALONE);
        let asker = world.asker(HOLDER);
        asker.summary(ALONE).is(503, "source-unavailable");
        let searches = server.asked().iter().filter(|asked| asked.contains("_search")).count();
        assert_eq!(searches, 1, "{status}: asked again at once");
        asker.summary(ALONE).is(503, "source-unavailable");
        let searches = server.asked().iter().filter(|asked| asked.contains("_search")).count();
        assert_eq!(searches, 1, "{status}: asked before its time");
    }
}

#[test]
fn what_comes_in_at_once_stays_within_one_bound_and_whoever_sends_little_gets_through() {
    let world = World::fresh();
    let server = Server::start(Mode::Swollen, ALONE);
    let mut endpoint = server.endpoint();
    (endpoint["at_once"], endpoint["max_bytes"]) = (json!(128), json!(16 * 1024 * 1024));
    set(&world, &endpoint).ok();
    entered(&world, ALONE);
    entered(&world, OTHER);
    let askers: Vec<_> = (0..24).map(|_| world.asker(HOLDER)).collect();
    askers.iter().for_each(|asker| drop(asker.token()));
    let honest = world.asker(HOLDER);
    assert!(has_code(&honest.summary(OTHER).ok().json(), ALLERGY));
    let codes: Vec<String> = std::thread::scope(|scope| {
        let asked: Vec<_> = askers.iter().map(|asker| scope.spawn(|| asker.summary(ALONE))).collect();
        std::thread::sleep(Duration::from_millis(400));
        assert!(has_code(&honest.summary(OTHER).ok().json(), ALLERGY), "whoever sends little pays for it");
        let ended = asked.into_iter().map(|one| recorded(&world, one.join().unwrap().request_id()).1);
        ended.collect()
    });
    assert!(codes.iter().any(|event| event.contains("\"too-large\"")), "nobody was told to end");
    let status = std::fs::read_to_string(format!("/proc/{}/status", world.pid())).unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
    let most: usize = most.unwrap().trim().parse().unwrap();
    assert!(most < 256 * 1024, "{} MB", most / 1024);
}
