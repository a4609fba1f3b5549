//! Numbers, names and clinical words that went through a session stand nowhere in the clear.

use crate::session::{self, NAME, NUMBER, WORDS};
use data_encoding::BASE64;
use sluis_tests::World;
use std::path::Path;

/// The words, and how they look inside base64 at each of three positions.
fn faces(word: &str) -> Vec<Vec<u8>> {
    let shifted = (0..3).map(|shift| {
        let padded = [" ".repeat(shift), word.to_owned()].concat();
        let encoded = BASE64.encode(padded.as_bytes());
        // Characters that mix with what stands before or behind are left out.
        let (from, to) = (if shift == 0 { 0 } else { 4 }, padded.len() / 3 * 4);
        encoded.as_bytes()[from..to].to_vec()
    });
    shifted.chain([word.as_bytes().to_vec()]).filter(|face| face.len() >= 8).collect()
}

fn find(bytes: &[u8], planted: &[Vec<u8>]) -> Option<String> {
    let hit = |face: &&Vec<u8>| memchr::memmem::find(bytes, face).is_some();
    planted.iter().find(hit).map(|face| String::from_utf8_lossy(face).into_owned())
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
    let planted = faces(WORDS);
    for shift in 0..3 {
        let hidden = BASE64.encode([&vec![b'x'; 30 + shift], WORDS.as_bytes(), b"tail"].concat().as_slice());
        assert!(find(hidden.as_bytes(), &planted).is_some(), "shift {shift}");
    }
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
