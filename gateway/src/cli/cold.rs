//! The journal's commands on a folder that no gateway serves. Nothing in it is written, made or locked: the copy may lie on a
//! medium that cannot be written. Whoever has the journal's verifier key needs `journal/` and nothing else of it.

use super::audit::{journal_key, not_whole, replayed, verdict};
use super::{Ended, print};
use crate::control::Exported;
use crate::desk::Refused;
use crate::export::{Copy, Format};
use crate::store::keys::{Keys, master_key};
use crate::store::whole;
use crate::{dump, replay, store};
use indicatif::{ProgressBar, ProgressStyle};
use sluis_journal::{Archive, Checked, Fault, Finding, OpenError, Question, Records, VerifierKey};
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

fn failed(e: impl Display) -> Ended {
    Ended::Failed(e.to_string())
}

fn ended(done: Result<(), Ended>) -> Ended {
    done.map_or_else(|ended| ended, |()| Ended::Well)
}

/// The keys of a cold folder: its own master key, or that of `SLUIS_MASTER_KEY_FILE`.
pub(super) fn keys(dir: &Path) -> Result<Keys, Ended> {
    let file = std::env::var_os("SLUIS_MASTER_KEY_FILE")
        .map_or_else(|| dir.join("keys").join("master.key"), PathBuf::from);
    let bytes =
        fs::read(&file).map_err(|e| failed(format_args!("the master key {}: {e}", file.display())))?;
    let master =
        master_key(&bytes).ok_or_else(|| failed(format_args!("{}: no master key", file.display())))?;
    Keys::read_only(&dir.join("keys"), &master).map_err(failed)
}

fn checkpoint_of(dir: &Path) -> Result<String, Ended> {
    let file = dir.join("journal").join("checkpoint");
    fs::read_to_string(&file).map_err(|e| failed(format_args!("{}: {e}", file.display())))
}

/// The origin that the folder's own checkpoint names.
fn origin(dir: &Path) -> Result<String, Ended> {
    let note = checkpoint_of(dir)?;
    note.lines().next().map(str::to_owned).ok_or_else(|| failed("journal/checkpoint: empty"))
}

/// The keys whose signatures count: those that were given, else those of the folder's own ring.
fn verifiers(dir: &Path, given: &[String]) -> Result<Vec<VerifierKey>, Ended> {
    if given.is_empty() {
        let keys = keys(dir).map_err(|ended| match ended {
            Ended::Failed(why) => {
                failed(format_args!("{why}. Without this folder's keys, give the journal's with --key"))
            }
            other => other,
        })?;
        return store::journal_keys(&keys, &origin(dir)?).map_err(failed);
    }
    let read = |key: &String| {
        VerifierKey::parse(key.trim()).map_err(|e| {
            Ended::Usage(format!("--key: {e}; it is one line, NAME+HASH+KEY, as `sluis audit key` prints it"))
        })
    };
    given.iter().map(read).collect()
}

fn records_of(folder: &Path) -> Result<Records, Ended> {
    Archive::records_of(folder).map_err(failed)
}

pub(super) fn dump(dir: &Path, details: bool) -> Ended {
    let done = || -> Result<(), Ended> {
        let (keys, origin, journal) = (keys(dir)?, origin(dir)?, dir.join("journal"));
        let verifiers = store::journal_keys(&keys, &origin).map_err(failed)?;
        let out = |line: String| {
            print::out(line);
            true
        };
        let unreadable = dump::dump(&records_of(&journal)?, &keys, &origin, details, out, print::note);
        if unreadable > 0 {
            return Err(failed(not_whole(unreadable)));
        }
        // What a damaged end holds is not read: without this the lines before it would pass for all.
        let lacking = Archive::lacks(&journal, &verifiers);
        lacking
            .map_or(Ok(()), |finding| Err(failed(format_args!("this is not the whole journal: {finding}"))))
    };
    ended(done())
}

pub(super) fn verify(dir: &Path, given: &[String], older: Option<&str>, json: bool) -> Ended {
    let verifiers = match verifiers(dir, given) {
        Ok(verifiers) => verifiers,
        Err(ended) => return ended,
    };
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} records") {
        bar.set_style(style);
    }
    let question = Question { keys: &verifiers, older };
    let checked = Archive::verify(&dir.join("journal"), &question, |n| bar.set_position(n));
    let checked = match (checked, given.is_empty().then(|| keys(dir))) {
        (Ok(checked), Some(Ok(keys))) => beside(dir, &keys).map(|()| checked),
        (checked, _) => checked,
    };
    bar.finish_and_clear();
    print::out(verdict(&checked, json));
    checked.iter().for_each(left_over);
    if checked.is_ok() { Ended::Well } else { Ended::Refused }
}

/// What a process that was killed leaves: no finding, and said.
fn left_over(checked: &Checked) {
    if checked.lag > 0 {
        print::note(format!(
            "checkpoint or tiles lag by {} records: a process that was killed leaves that, the next start makes it good",
            checked.lag
        ));
    }
    if let Some(file) = &checked.unfinished {
        print::note(format!("{file} was begun and not finished: the next start goes over it"));
    }
}

/// What the records speak of beside the journal. A copy of the journal alone is checked for what it is.
fn beside(dir: &Path, keys: &Keys) -> Result<(), Finding> {
    let records = |name: &str| {
        let unreadable = |e: OpenError| Finding {
            index: 0,
            file: name.to_owned(),
            fault: Fault::Unreadable(std::io::Error::other(e.to_string())),
        };
        Archive::records_of(&dir.join(name)).map_err(unreadable)
    };
    if !dir.join("holdings").is_dir() {
        print::note(
            "this copy has no holdings: whether the changes stand that its records vouch for was not checked",
        );
        return Ok(());
    }
    Ok(whole::check(&records("journal")?, &records("holdings")?, Some(keys)).map(drop)?)
}

fn archive(dir: &Path, given: &[String]) -> Result<Archive, Ended> {
    Archive::open(&dir.join("journal"), &verifiers(dir, given)?).map_err(failed)
}

pub(super) fn prove(dir: &Path, given: &[String], index: u64) -> Ended {
    let done = || -> Result<(), Ended> {
        let proof = archive(dir, given)?.prove(index).map_err(failed)?;
        print::out(serde_json::to_string(&proof).unwrap_or_default());
        Ok(())
    };
    ended(done())
}

/// The checkpoint that lies with the copy, signed by a key that counts.
pub(super) fn checkpoint(dir: &Path, given: &[String]) -> Ended {
    ended(archive(dir, given).map(|archive| print::out(archive.checkpoint().trim_end_matches('\n'))))
}

pub(super) fn key(dir: &Path, json: bool) -> Ended {
    let done = || -> Result<(), Ended> {
        let (keys, origin) = (keys(dir)?, origin(dir)?);
        let all = store::journal_keys(&keys, &origin).map_err(failed)?;
        let current = all.first().ok_or_else(|| failed("this ring has no key of a journal"))?;
        print::out(journal_key(&origin, &current.to_string(), json));
        Ok(())
    };
    ended(done())
}

/// What an export of a copy says: it takes no record.
const UNRECORDED: &str = "nothing is written to a cold copy: that this was exported is recorded nowhere";

pub(super) fn export(dir: &Path, of: &Exported, format: Format, to: &Path, json: bool) -> Ended {
    let refused = |e: Refused| match e.reason.as_str() {
        "usage" => Ended::Usage(e.to_string()),
        reason => failed(format_args!("{reason}: {e}")),
    };
    let done = || -> Result<(), Ended> {
        let copy = Copy::open(dir, keys(dir)?, origin(dir)?).map_err(refused)?;
        let made = of.made(&copy, format).map_err(refused)?;
        print::out(made.keep(to, json).map_err(refused)?);
        print::note(UNRECORDED);
        Ok(())
    };
    ended(done())
}

/// The rules that are loaded here are the national ones, with the region's overlay where the folder has one.
pub(super) fn replay(dir: &Path, index: u64, json: bool) -> Ended {
    let done = || -> Result<u8, Ended> {
        let keys = keys(dir)?;
        let (journal, holdings) = (records_of(&dir.join("journal"))?, records_of(&dir.join("holdings"))?);
        let overlay = dir.join("tables");
        let overlay = overlay.is_dir().then_some(overlay);
        let (rules, _, book) = crate::boot::load_rules(overlay.as_deref()).map_err(failed)?;
        let sha256 = book.sha256();
        let past = replay::Past { keys: &keys, journal: &journal, holdings: &holdings };
        let present = replay::Present { rules: &rules, sha256: &sha256, followed_up: true };
        let (line, code) = replayed(index, &replay::replay(&past, &present, index), json);
        print::out(line);
        Ok(code)
    };
    done().map_or_else(|ended| ended, Ended::code)
}
