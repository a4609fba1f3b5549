//! A copy of the folder that nobody serves: read where nothing can be written, and checked by whoever has no key of ours.

use crate::damaged::cold;
use crate::session::PERSON;
use sluis_tests::program::{Run, binary, sluis};
use sluis_tests::{World, proof};
use std::path::Path;
use std::process::Command;

fn on(dir: &Path, args: &[&str]) -> Run {
    sluis(args.iter().copied().chain(["--dir", dir.to_str().unwrap()]).map(str::to_owned))
}

/// Runs a command while the folder is mounted so that nothing in it can be written; `None` where nothing can be mounted.
fn unwritable(dir: &Path, args: &[&str]) -> Option<Run> {
    let script = r#"mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || exit 97
        touch "$1/x" 2>/dev/null && exit 98
        dir=$1; shift; exec "$@" --dir "$dir""#;
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", script, "sh"]).arg(dir).arg(binary()).args(args);
    let ended = command.output().ok()?;
    let code = ended.status.code().unwrap_or(-1);
    assert_ne!(code, 98, "it can be written");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let run = Run { code, stdout: text(&ended.stdout), stderr: text(&ended.stderr) };
    let refused = code == 97 || run.stderr.contains("unshare");
    (!refused).then_some(run)
}

#[test]
fn a_copy_is_read_where_nothing_can_be_written() {
    let world = World::fresh();
    let asked = world.staff("linden", "gp-own").summary(PERSON).ok();
    let index = world.records_of(asked.request_id())[0]["index"].to_string();
    let _ended = world.terminate();
    let folder = tempfile::tempdir().unwrap();
    cold(&world, folder.path());
    for args in [
        ["audit", "dump"].as_slice(),
        &["audit", "verify"],
        &["audit", "prove", "--index", "50"],
        &["audit", "replay", "--index", &index],
        &["audit", "checkpoint"],
        &["audit", "key"],
    ] {
        let Some(run) = unwritable(folder.path(), args) else {
            println!("skipped: nothing can be mounted here");
            return;
        };
        let run = run.ok();
        assert!(!run.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn an_outsider_checks_a_copy_of_the_journal_alone() {
    let world = World::fresh();
    let former = world.sluis(["audit", "key"]).ok().stdout.trim().to_owned();
    let _answer = world.staff("linden", "gp-own").summary(PERSON).ok();
    let used = world.sluis(["audit", "verify", "--key", &former]);
    assert_eq!(used.code, 2, "a running gateway checks with its own keys: {}", used.stderr);
    let older = world.dir().join("older.txt");
    std::fs::write(&older, world.sluis(["audit", "checkpoint"]).ok().stdout).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let _turned = world.sluis(["keys", "rotate", "journal-signing"]).ok();
    let _answer = world.staff("linden", "gp-own").summary(PERSON).ok();
    let current = world.sluis(["audit", "key"]).ok().stdout.trim().to_owned();
    let _ended = world.terminate();
    cold(&world, &copy);
    for of_ours in ["holdings", "keys"] {
        std::fs::remove_dir_all(copy.join(of_ours)).unwrap();
    }
    let both = ["--key", &current, "--key", &former];
    let with = |args: &[&str], keys: &[&str]| on(&copy, &[args, keys].concat());
    let verified = with(&["audit", "verify"], &both).ok();
    assert!(verified.stdout.contains("root "), "{}", verified.stdout);
    let _since = with(&["audit", "verify", "--checkpoint", older.to_str().unwrap()], &both).ok();
    let proven = with(&["audit", "prove", "--index", "50"], &both).ok().json();
    proof::check(&proven, &current).unwrap();
    let note = with(&["audit", "checkpoint"], &["--key", &current]).ok().stdout;
    assert!(proof::open(&note, &current).is_ok());
    // A former key alone does not know what was sealed since, and what is no key is no usage.
    let no_key = current.replacen('+', "+0", 1);
    for args in
        [["audit", "verify"].as_slice(), &["audit", "prove", "--index", "50"], &["audit", "checkpoint"]]
    {
        assert_eq!(with(args, &["--key", &no_key]).code, 2, "{args:?}");
        assert_eq!(with(args, &["--key", &former]).code, 1, "{args:?}");
        let without = with(args, &[]);
        assert!(without.code == 1 && without.stderr.contains("--key"), "{}", without.stderr);
    }
    // It is not a matter of keys alone: what was bent does not hold.
    let tile = copy.join("journal/tile/0");
    let mut bytes = std::fs::read(&tile).unwrap();
    bytes[7] ^= 1;
    std::fs::write(&tile, bytes).unwrap();
    assert_eq!(with(&["audit", "verify"], &both).code, 1);
}
