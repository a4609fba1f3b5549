//! `doctor`: what an operator can mend, in plain words, on a running and on a stopped gateway. It reads and changes
//! nothing.

use super::args::Common;
use super::{Ended, audit, cold, print};
use crate::store::keys::master_key;
use crate::store::whole;
use serde_json::json;
use sluis_journal::Checkpoint;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    Look,
    Bad,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Look => "look",
            Self::Bad => "bad",
        }
    }
}

struct Finding {
    what: &'static str,
    state: State,
    words: String,
    mend: &'static str,
}

fn finding(what: &'static str, state: State, words: impl Into<String>, mend: &'static str) -> Finding {
    Finding { what, state, words: words.into(), mend }
}

/// Looks at everything; exit 1 when something is bad.
pub(super) fn run(common: &Common) -> Ended {
    let dir = &common.dir;
    let running = audit::running(common);
    let mut findings = vec![folders(dir), modes(dir), master(dir), gateway(dir, running), room(dir)];
    findings.extend([clock(dir), leftovers(dir), witness(dir, running)]);
    if !running {
        findings.push(tail(dir));
    }
    findings.push(changes(dir, running));
    for Finding { what, state, words, mend } in &findings {
        if common.json {
            print::out(json!({"what": what, "state": state.word(), "words": words, "mend": mend}));
        } else if *state == State::Good {
            print::out(format!("{:<5} {what}: {words}", state.word()));
        } else {
            print::out(format!("{:<5} {what}: {words}. {mend}", state.word()));
        }
    }
    if findings.iter().any(|f| f.state == State::Bad) { Ended::Refused } else { Ended::Well }
}

fn folders(dir: &Path) -> Finding {
    let missing: Vec<_> =
        ["journal", "holdings", "keys"].into_iter().filter(|name| !dir.join(name).is_dir()).collect();
    if missing.is_empty() {
        return finding("folders", State::Good, "journal, holdings and keys are there", "");
    }
    let words = format!("{} is missing in {}", missing.join(" and "), dir.display());
    finding(
        "folders",
        State::Bad,
        words,
        "Is --dir right? If so, restore from a backup; a start would begin anew.",
    )
}

/// Keys and the control socket are their owner's alone.
fn modes(dir: &Path) -> Finding {
    let open = |path: &Path| fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o077 != 0);
    let keys = fs::read_dir(dir.join("keys")).into_iter().flatten().flatten().map(|e| e.path());
    let wide: Vec<_> = keys
        .chain([dir.join(crate::control::NAME)])
        .filter(|path| open(path))
        .map(|path| path.display().to_string())
        .collect();
    if wide.is_empty() {
        return finding("access", State::Good, "keys and control socket are their owner's alone", "");
    }
    let words = format!("others on this machine may read {}", wide.join(", "));
    finding("access", State::Bad, words, "Run `chmod 600` on each, and count what they hold as seen.")
}

fn master(dir: &Path) -> Finding {
    let file = std::env::var_os("SLUIS_MASTER_KEY_FILE")
        .map_or_else(|| dir.join("keys").join("master.key"), std::path::PathBuf::from);
    let mend = "Name the file in SLUIS_MASTER_KEY_FILE; without it nothing here can ever be read again.";
    let Ok(bytes) = fs::read(&file) else {
        return finding("master key", State::Look, format!("{} cannot be read", file.display()), mend);
    };
    let Some(key) = master_key(&bytes) else {
        return finding("master key", State::Bad, format!("{} is no master key", file.display()), mend);
    };
    match crate::store::keys::opens(&dir.join("keys"), &key) {
        Ok(()) => finding("master key", State::Good, "it opens the key ring", ""),
        Err(e) => finding("master key", State::Bad, e.to_string(), "This is the key of another folder."),
    }
}

fn gateway(dir: &Path, running: bool) -> Finding {
    if running {
        return finding("gateway", State::Good, "it runs on this folder", "");
    }
    if dir.join(crate::control::NAME).exists() {
        let words = "it is not running, and did not end by itself";
        return finding(
            "gateway",
            State::Look,
            words,
            "Start it; the start closes what was open, and says so.",
        );
    }
    finding("gateway", State::Look, "it is not running", "Start it when it should run.")
}

/// The journal takes no record on a full disk, and then nothing is answered.
fn room(dir: &Path) -> Finding {
    let mend = "Make room before it is full: on a full disk the gateway answers 503 and nothing else.";
    let asked = std::process::Command::new("df").args(["-Pk", "--"]).arg(dir).output();
    let text = asked.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default();
    let free =
        text.lines().nth(1).and_then(|l| l.split_whitespace().nth(3)).and_then(|n| n.parse::<u64>().ok());
    match free.map(|kilobytes| kilobytes / 1024) {
        None => finding("disk", State::Look, "`df` does not say how much room is left", mend),
        Some(megabytes @ ..256) => finding("disk", State::Bad, format!("{megabytes} MiB are left"), mend),
        Some(megabytes @ 256..2048) => {
            finding("disk", State::Look, format!("{megabytes} MiB are left"), mend)
        }
        Some(megabytes) => finding("disk", State::Good, format!("{megabytes} MiB are left"), ""),
    }
}

/// Files from the future mean a clock that was set back: tokens and periods are judged by it.
fn clock(dir: &Path) -> Finding {
    let newest = fs::metadata(dir.join("journal").join("checkpoint")).and_then(|m| m.modified());
    let ahead = newest.ok().and_then(|at| at.duration_since(SystemTime::now()).ok());
    match ahead {
        Some(ahead) if ahead > Duration::from_secs(60) => {
            let words = format!("the journal was written {} seconds from now", ahead.as_secs());
            finding("clock", State::Bad, words, "Set the clock (NTP) before anything else.")
        }
        _ => finding("clock", State::Good, "the journal was not written in the future", ""),
    }
}

/// What an interrupted drill or write left.
fn leftovers(dir: &Path) -> Finding {
    let new = dir.join("keys").join("ring.new");
    if new.exists() {
        let words = format!("{} was left by a write that did not finish", new.display());
        return finding("leftovers", State::Look, words, "The ring itself is whole; remove the file.");
    }
    finding("leftovers", State::Good, "none", "")
}

/// What is remembered of the witness against what stands: a start finds out the same, but then nothing is answered.
fn witness(dir: &Path, running: bool) -> Finding {
    let remembered = dir.join(crate::witness::FOLDER).join("cosigned");
    let size = |file: &Path| Checkpoint::of_note(&fs::read_to_string(file).ok()?).ok().map(|c| c.size);
    if !remembered.exists() {
        let words = "none has cosigned this journal; [witness] in the configuration names one";
        return finding("witness", State::Good, words, "");
    }
    let Some(seen) = size(&remembered) else {
        let words = format!("{} is no checkpoint", remembered.display());
        let mend = "Ask the witness itself how many records it saw; a start does, where one is named.";
        return finding("witness", State::Look, words, mend);
    };
    let here = size(&dir.join("journal").join("checkpoint")).unwrap_or_default();
    if seen > here {
        let words = format!("it saw {seen} records, and {here} stand here");
        let mend = "Look what is missing; the gateway answers nothing until `sluis audit acknowledge-gap`.";
        return finding("witness", State::Bad, words, mend);
    }
    let age = fs::metadata(&remembered).and_then(|m| m.modified()).ok().and_then(|at| at.elapsed().ok());
    let age = age.unwrap_or_default().as_secs();
    if running && age > 60 {
        let words = format!("it cosigned {age} seconds ago, and not since");
        return finding(
            "witness",
            State::Look,
            words,
            "Does it run, and can it be reached? `/readyz` says more.",
        );
    }
    finding("witness", State::Good, format!("it has seen {seen} of {here} records"), "")
}

/// A tail that a crash tore is closed by the next start; anything else is not for us to mend.
fn tail(dir: &Path) -> Finding {
    match sluis_journal::Archive::records_of(&dir.join("journal")) {
        Ok(records) => finding(
            "journal",
            State::Good,
            format!("{} records; `sluis audit verify` checks each", records.len()),
            "",
        ),
        Err(e) => finding(
            "journal",
            State::Bad,
            e.to_string(),
            "Keep the folder as it is; restore a backup elsewhere.",
        ),
    }
}

/// Every change that the journal vouches for and every key that it needs, as `audit verify` checks them and a start without
/// a view. While a gateway runs it makes keys: those are for `audit verify`, which asks it.
fn changes(dir: &Path, running: bool) -> Finding {
    let records = |name: &str| sluis_journal::Archive::records_of(&dir.join(name)).map_err(|e| e.to_string());
    let keys = if running { None } else { cold::keys(dir).ok() };
    // The journal first: while a gateway runs, a change is there before the record that vouches for it.
    let held = records("journal").and_then(|journal| {
        let holdings = records("holdings")?;
        whole::check(&journal, &holdings, keys.as_ref()).map_err(|e| e.to_string())
    });
    match held {
        Ok(held) => {
            let words = format!("{} changes stand as their records say", held.changes);
            finding("changes", State::Good, words, "")
        }
        Err(words) => {
            finding("changes", State::Bad, words, "Keep the folder as it is; restore a backup elsewhere.")
        }
    }
}
