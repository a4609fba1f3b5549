//! The journal's commands: through the running gateway where there is one, else on the folder as it lies there.

use super::args::{AuditCommand, Common};
use super::{Ended, files, print};
use crate::control::{Command, Frame, NAME, call};
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
        AuditCommand::Checkpoint { common } => tell(common, &Command::AuditCheckpoint),
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
    Keys::open(&dir.join("keys"), master).map_err(|e| Ended::Failed(e.to_string()))
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
        let (keys, origin) = (keys(dir)?, origin(dir)?);
        let records = Archive::records_of(&dir.join("journal")).map_err(|e| Ended::Failed(e.to_string()))?;
        for index in 0..records.len() {
            let record = records.read(index).map_err(|e| Ended::Failed(e.to_string()))?;
            print::out(dump::line(index, &record, &keys, &origin));
        }
        Ok(())
    };
    done().map_or_else(|ended| ended, |()| Ended::Well)
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
