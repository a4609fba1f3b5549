//! The journal's commands: through the running gateway where there is one, else on the folder as it lies there.

use super::args::{AuditCommand, Common, ExportOf};
use super::{Ended, files, print};
use crate::control::{Command, Exported, Frame, NAME, call};
use crate::export::Format;
use crate::replay::{self, NoReplay, Replayed};
use crate::store::keys::{Keys, master_key};
use crate::{dump, store};
use data_encoding::BASE64;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use sluis_journal::Archive;
use sluis_journal::{Checked, Finding, Question, Signatures};
use std::path::Path;

pub(super) fn run(command: &AuditCommand) -> Ended {
    match command {
        AuditCommand::Dump { common } => match running(common) {
            true => tell(common, &Command::AuditDump),
            false => cold_dump(&common.dir),
        },
        AuditCommand::Verify { checkpoint, common } => {
            let older = match checkpoint.as_ref().map(|path| files::text(&path.to_string_lossy())).transpose()
            {
                Ok(older) => older,
                Err(ended) => return ended,
            };
            match running(common) {
                true => tell(common, &Command::AuditVerify { older, json: common.json }),
                false => cold_verify(&common.dir, older.as_deref(), common.json),
            }
        }
        AuditCommand::Prove { index, common } => match running(common) {
            true => tell(common, &Command::AuditProve { index: *index }),
            false => cold_prove(&common.dir, *index),
        },
        AuditCommand::Replay { index, common } => match running(common) {
            true => tell(common, &Command::AuditReplay { index: *index, json: common.json }),
            false => cold_replay(&common.dir, *index, common.json),
        },
        AuditCommand::Export { of, format, to, common } => {
            let format = match format.as_str() {
                "bundle" => Format::Bundle,
                "csv" => Format::Csv,
                "pdf" => Format::Pdf,
                _ => Format::Ndjson,
            };
            match exported(of) {
                Ok(of) => {
                    let to = std::path::absolute(to).unwrap_or_else(|_| to.clone());
                    tell(common, &Command::AuditExport { of, format, to, json: common.json })
                }
                Err(ended) => ended,
            }
        }
        AuditCommand::Checkpoint { common } => tell(common, &Command::AuditCheckpoint),
        AuditCommand::Key { common } => match running(common) {
            true => tell(common, &Command::AuditKey { json: common.json }),
            false => cold_key(&common.dir, common.json),
        },
        AuditCommand::AcknowledgeGap { witnessed, common } => {
            tell(common, &Command::AuditAcknowledgeGap { witnessed: *witnessed, json: common.json })
        }
    }
}

fn exported(of: &ExportOf) -> Result<Exported, Ended> {
    let of_period = |text: &Option<String>| text.clone().unwrap_or_default();
    let (from, until) = (of_period(&of.from), of_period(&of.until));
    match (&of.patient, &of.officer, &of.supervisor, &of.regional) {
        (Some(patient), None, None, None) => Ok(Exported::Person { patient: files::value(patient)? }),
        (Some(patient), Some(participant), None, None) => {
            Ok(Exported::Officer { patient: files::value(patient)?, participant: participant.clone() })
        }
        (None, None, Some(name), None) => Ok(Exported::Supervisor {
            name: name.clone(),
            participant: of.participant.clone().unwrap_or_default(),
            from,
            until,
        }),
        (None, None, None, Some(name)) => Ok(Exported::Regional { name: name.clone(), from, until }),
        _ => {
            Err(Ended::Usage("name --patient (with --officer or without), --supervisor or --regional".into()))
        }
    }
}

/// Whether a gateway answers here; a socket that nobody listens on is a cold copy's.
pub(super) fn running(common: &Common) -> bool {
    std::os::unix::net::UnixStream::connect(common.dir.join(NAME)).is_ok()
}

fn tell(common: &Common, command: &Command) -> Ended {
    let shown = call(&common.dir, command, |frame| match frame {
        Frame::Out(line) => print::out(line.trim_end_matches('\n')),
        Frame::Note(line) => print::note(line),
        Frame::End(_) => {}
    });
    match shown {
        Ok(code) => Ended::code(code),
        Err(e) => Ended::Failed(format!("no gateway answers in {}: {e}", common.dir.display())),
    }
}

/// The keys of a cold folder: its own master key, or that of `SLUIS_MASTER_KEY_FILE`.
fn keys(dir: &Path) -> Result<Keys, Ended> {
    let file = std::env::var_os("SLUIS_MASTER_KEY_FILE")
        .map_or_else(|| dir.join("keys").join("master.key"), std::path::PathBuf::from);
    let bytes = std::fs::read(&file).map_err(|e| Ended::Failed(format!("{}: {e}", file.display())))?;
    let master =
        master_key(&bytes).ok_or_else(|| Ended::Failed(format!("{}: no master key", file.display())))?;
    // Opening makes a ring where there is none; a cold copy is only read.
    let ring = dir.join("keys").join("ring.json");
    if !ring.exists() {
        return Err(Ended::Failed(format!("{}: this copy has no key ring", ring.display())));
    }
    Keys::open(&dir.join("keys"), &master).map_err(|e| Ended::Failed(e.to_string()))
}

/// The origin that the folder's own checkpoint names.
fn origin(dir: &Path) -> Result<String, Ended> {
    let file = dir.join("journal").join("checkpoint");
    let note =
        std::fs::read_to_string(&file).map_err(|e| Ended::Failed(format!("{}: {e}", file.display())))?;
    note.lines().next().map(str::to_owned).ok_or_else(|| Ended::Failed(format!("{}: empty", file.display())))
}

fn cold_dump(dir: &Path) -> Ended {
    let done = || -> Result<(), Ended> {
        let (keys, origin, journal) = (keys(dir)?, origin(dir)?, dir.join("journal"));
        let verifiers = store::journal_keys(&keys, &origin).map_err(|e| Ended::Failed(e.to_string()))?;
        let records = Archive::records_of(&journal).map_err(|e| Ended::Failed(e.to_string()))?;
        let out = |line: String| {
            print::out(line);
            true
        };
        let unreadable = dump::dump(&records, &keys, &origin, out, print::note);
        if unreadable > 0 {
            return Err(Ended::Failed(not_whole(unreadable)));
        }
        // What a damaged end holds is not read: without this the lines before it would pass for all.
        let lacking = Archive::lacks(&journal, &verifiers);
        lacking
            .map_or(Ok(()), |finding| Err(Ended::Failed(format!("this is not the whole journal: {finding}"))))
    };
    done().map_or_else(|ended| ended, |()| Ended::Well)
}

/// What a dump says that lacks records.
pub(crate) fn not_whole(unreadable: u64) -> String {
    format!(
        "{unreadable} records do not read as they were written: this is not the whole journal. `sluis audit verify` names the first"
    )
}

fn cold_verify(dir: &Path, older: Option<&str>, json: bool) -> Ended {
    let verifiers = keys(dir)
        .and_then(|keys| store::journal_keys(&keys, &origin(dir)?).map_err(|e| Ended::Failed(e.to_string())));
    let verifiers = match verifiers {
        Ok(verifiers) => verifiers,
        Err(ended) => return ended,
    };
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} records") {
        bar.set_style(style);
    }
    let question = Question { keys: &verifiers, older, signatures: Signatures::OfSegments };
    let checked = Archive::verify(&dir.join("journal"), &question, |n| bar.set_position(n));
    bar.finish_and_clear();
    print::out(verdict(&checked, json));
    if checked.is_ok() { Ended::Well } else { Ended::Refused }
}

/// What `audit verify` says, on a running and on a cold folder.
pub(crate) fn verdict(checked: &Result<Checked, Finding>, as_json: bool) -> String {
    match checked {
        Ok(checked) => {
            let root = BASE64.encode(&checked.root.0);
            if as_json {
                json!({"records": checked.records, "root": root}).to_string()
            } else {
                format!("{} records, root {root}", checked.records)
            }
        }
        Err(finding) if as_json => {
            json!({"index": finding.index, "file": finding.file, "fault": finding.to_string()}).to_string()
        }
        Err(finding) => finding.to_string(),
    }
}

fn cold_prove(dir: &Path, index: u64) -> Ended {
    let done = || -> Result<(), Ended> {
        let keys = keys(dir)?;
        let verifiers =
            store::journal_keys(&keys, &origin(dir)?).map_err(|e| Ended::Failed(e.to_string()))?;
        let archive =
            Archive::open(&dir.join("journal"), &verifiers).map_err(|e| Ended::Failed(e.to_string()))?;
        let proof = archive.prove(index).map_err(|e| Ended::Failed(e.to_string()))?;
        print::out(serde_json::to_string(&proof).unwrap_or_default());
        Ok(())
    };
    done().map_or_else(|ended| ended, |()| Ended::Well)
}

fn cold_key(dir: &Path, json: bool) -> Ended {
    let done = || -> Result<(), Ended> {
        let (keys, origin) = (keys(dir)?, origin(dir)?);
        let all = store::journal_keys(&keys, &origin).map_err(|e| Ended::Failed(e.to_string()))?;
        let current = all.first().ok_or_else(|| Ended::Failed("this ring has no key of a journal".into()))?;
        print::out(journal_key(&origin, &current.to_string(), json));
        Ok(())
    };
    done().map_or_else(|ended| ended, |()| Ended::Well)
}

/// What `audit key` says, on a running and on a cold folder.
pub(crate) fn journal_key(origin: &str, key: &str, as_json: bool) -> String {
    if as_json { json!({"origin": origin, "key": key}).to_string() } else { key.to_owned() }
}

/// On a cold copy the rules that are loaded are the national ones, with the region's overlay where the folder has one.
fn cold_replay(dir: &Path, index: u64, json: bool) -> Ended {
    let done = || -> Result<u8, Ended> {
        let keys = keys(dir)?;
        let records =
            |name: &str| Archive::records_of(&dir.join(name)).map_err(|e| Ended::Failed(e.to_string()));
        let (journal, holdings) = (records("journal")?, records("holdings")?);
        let overlay = dir.join("tables");
        let overlay = overlay.is_dir().then_some(overlay);
        let (rules, _, book) =
            crate::boot::load_rules(overlay.as_deref()).map_err(|e| Ended::Failed(e.to_string()))?;
        let sha256 = book.sha256();
        let past = replay::Past { keys: &keys, journal: &journal, holdings: &holdings };
        let present = replay::Present { rules: &rules, sha256: &sha256, followed_up: true };
        let (line, code) = replayed(index, &replay::replay(&past, &present, index), json);
        print::out(line);
        Ok(code)
    };
    done().map_or_else(|ended| ended, Ended::code)
}

/// What `audit replay` says, on a running and on a cold folder, and its exit status.
pub(crate) fn replayed(index: u64, replayed: &Result<Replayed, NoReplay>, as_json: bool) -> (String, u8) {
    let code = u8::from(!replayed.as_ref().is_ok_and(|replayed| replayed.equal));
    let line = match replayed {
        Ok(replayed) if as_json => serde_json::to_string(replayed).unwrap_or_default(),
        Err(why) if as_json => json!({"index": index, "equal": null, "reason": why.to_string()}).to_string(),
        Ok(replayed) if replayed.equal => {
            format!("record {index}: equal, under rules {} as of {}", replayed.rules, replayed.at)
        }
        Ok(replayed) => format!("record {index}: different\n{}", replayed.differences.join("\n")),
        Err(why) => format!("record {index}: {why}"),
    };
    (line, code)
}
