//! A copy of the folder that nobody serves: read where nothing can be written, and checked by whoever has no key of ours.

use crate::damaged::cold;
use crate::session::PERSON;
use sluis_tests::program::{Run, binary, sluis, sluis_with};
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
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    cold(&world, folder.path());
    let to = elsewhere.path().join("counts.csv");
    let counts = ["--regional", "x", "--from", "2026-11-01", "--until", "2026-12-31", "--to"];
    for args in [
        ["audit", "dump"].as_slice(),
        &[["audit", "export"].as_slice(), &counts, &[to.to_str().unwrap()]].concat(),
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

#[test]
fn a_copy_is_exported_like_the_gateway_it_is_of() {
    let world = World::fresh();
    let _answer = world.staff("linden", "gp-own").summary(PERSON).ok();
    let (folder, number) = (tempfile::tempdir().unwrap(), world.bsn(PERSON));
    let key = world.region()["journal_key"].as_str().unwrap().to_owned();
    let today = world.now().in_tz("Europe/Amsterdam").unwrap().strftime("%Y-%m-%d").to_string();
    let period = ["--from", &today, "--until", &today];
    let supervised =
        [["--supervisor", "igj", "--participant", "huisarts-de-linde"].as_slice(), &period].concat();
    let regional = [["--regional", "heuvelrijk"].as_slice(), &period].concat();
    let readers: [&[&str]; 4] =
        [&["--patient", "-"], &["--patient", "-", "--officer", "huisarts-de-linde"], &supervised, &regional];
    let export = |dir: &Path, name: &str, format: &str, reader: &[&str]| {
        let to = folder.path().join(format!("{name}.{format}"));
        let fixed = ["audit", "export", "--format", format, "--to", to.to_str().unwrap()];
        let args = [fixed.as_slice(), reader, &["--dir", dir.to_str().unwrap()]].concat();
        let run = sluis_with(args, number.as_bytes());
        if run.code == 0 {
            let content = std::fs::read(&to).unwrap();
            let note = std::fs::read_to_string(to.with_extension(format!("{format}.note"))).unwrap();
            let (_, hash) = proof::open(&note, &key).unwrap();
            assert_eq!(ring::digest::digest(&ring::digest::SHA256, &content).as_ref(), hash, "{name}");
        }
        (run, std::fs::read_to_string(&to).unwrap_or_default())
    };
    let serving: Vec<String> = (0..)
        .zip(readers)
        .map(|(n, reader)| {
            let (run, table) = export(world.dir(), &format!("serving{n}"), "csv", reader);
            assert!(!run.ok().stderr.contains("recorded nowhere") && table.lines().count() > 1);
            table
        })
        .collect();
    let _ended = world.terminate();
    let copy = folder.path().join("copy");
    cold(&world, &copy);
    let journal = || std::fs::read(copy.join("journal/00000000000000000000.seg")).unwrap();
    let before = journal();
    for (n, (reader, serving)) in readers.into_iter().zip(&serving).enumerate() {
        let (run, table) = export(&copy, &format!("cold{n}"), "csv", reader);
        assert!(run.ok().stderr.contains("recorded nowhere"), "it is said");
        // What came since, of these very exports, stands behind.
        assert!(table.starts_with(serving.as_str()), "{reader:?}:\n{table}\n{serving}");
    }
    let (run, lines) = export(&copy, "proven", "ndjson", readers[0]);
    let _well = run.ok();
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        proof::check(&line["proof"], &key).unwrap();
    }
    let (run, bundle) = export(&copy, "bundle", "bundle", readers[1]);
    assert!(run.ok().stderr.contains("recorded nowhere") && bundle.contains("urn:sluis:record#"));
    assert_eq!(journal(), before, "nothing is written to it");
    let nobody = ["--supervisor", "igj", "--participant", "nobody", "--from", &today, "--until", &today];
    assert_eq!(export(&copy, "nobody", "csv", &nobody).0.code, 1);
    // Of what is not whole nothing is signed.
    std::fs::write(copy.join("journal/00000000000000000000.seg"), &before[..before.len() / 4]).unwrap();
    let (run, table) = export(&copy, "cut", "csv", readers[0]);
    assert!(run.code == 1 && table.is_empty(), "{}", run.stderr);
}
