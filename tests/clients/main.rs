//! Clients that nobody here wrote drive the exchange: the quick start is run word for word, and its programs are theirs.

use sluis_tests::program::binary;
use sluis_tests::world::Start;
use sluis_tests::{Run, World};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

/// The shell blocks of the quick start, in order.
fn blocks() -> Vec<String> {
    let text = include_str!("QUICKSTART.md");
    let fences: Vec<&str> = text.split("```").collect();
    let inside = fences.iter().skip(1).step_by(2);
    inside.filter_map(|block| block.strip_prefix("sh\n")).map(str::to_owned).collect()
}

/// A folder that looks like the project's, with the running region in it.
fn folder(world: &World) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("target/release")).expect("a folder");
    std::fs::create_dir_all(at("tests")).expect("a folder");
    symlink(binary(), at("target/release/sluis")).expect("a link");
    symlink(world.dir(), at("sluis-demo")).expect("a link");
    symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients"), at("tests/clients")).expect("a link");
    folder
}

fn run(block: &str, folder: &Path) -> Run {
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", block])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("bash");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

#[test]
fn the_quick_start_holds_word_for_word() {
    let world = World::fresh_with(Start::default().at_this_moment());
    let folder = folder(&world);
    let mut blocks = blocks().into_iter();
    let mut next = || blocks.next().expect("a block");
    let said = |block: &str| run(block, folder.path());
    // `head` closes the pipe early: what counts is what came.
    for by in ["one command", "curl"] {
        let run = said(&next());
        assert!(run.stdout.starts_with("{\"") && run.stdout.contains("document"), "{by}: {run:?}");
    }
    let (install, python) = (next(), next());
    if said(&install).code == 0 {
        let run = said(&python).ok();
        for words in ["patient: ", "read: Jansen", "allergies: Penicilline", "summary: document "] {
            assert!(run.stdout.contains(words), "{words}: {}", run.stdout);
        }
        println!("ran: fhirclient 4.4.0 of PyPI");
    } else {
        println!("skipped: fhirclient could not be installed from PyPI");
    }
    let (install, javascript, refused) = (next(), next(), next());
    if said(&install).code == 0 {
        let run = said(&javascript).ok();
        assert!(run.stdout.contains("summary: document "), "{}", run.stdout);
        let counts =
            run.stdout.lines().find_map(|line| line.strip_prefix("observations: ")).expect("observations");
        let [observations, _on, pages, _pages] = counts.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{counts}")
        };
        let (observations, pages) = (observations.parse::<usize>(), pages.parse::<usize>());
        assert_eq!(pages, observations.map(|all| all.div_ceil(2)), "two on each page, none lost");
        let run = said(&refused);
        assert_eq!(run.code, 1);
        assert!(run.stdout.starts_with("refused: Hiervoor is geen toestemming"), "{run:?}");
        println!("ran: fhir-kit-client 2.0.3 of npm");
    } else {
        println!("skipped: fhir-kit-client could not be installed from npm");
    }
    assert!(blocks.next().is_none(), "a block that nobody runs");
    // What they asked stands in the journal, and no number in any of it.
    let journal = world.sluis(["audit", "dump"]).ok().stdout;
    assert!(!journal.contains("999990032"));
    world.verify();
}
