//! The journal's commands: through the running gateway where there is one, else on the folder as it lies there.

use super::args::{AuditCommand, CheckedBy, Common, ExportOf};
use super::{Ended, cold, files, print};
use crate::control::{Command, Exported, Frame, NAME, call};
use crate::export::Format;
use crate::replay::{NoReplay, Replayed};
use data_encoding::BASE64;
use serde_json::json;
use sluis_journal::{Checked, Finding};

pub(super) fn run(command: &AuditCommand) -> Ended {
    match command {
        AuditCommand::Dump { details, common } => match running(common) {
            true => tell(common, &Command::AuditDump { details: *details }),
            false => cold::dump(&common.dir, *details),
        },
        AuditCommand::Verify { checkpoint, by, common } => {
            let older = match checkpoint.as_ref().map(|path| files::text(&path.to_string_lossy())).transpose()
            {
                Ok(older) => older,
                Err(ended) => return ended,
            };
            match serving(common, by) {
                Ok(true) => tell(common, &Command::AuditVerify { older, json: common.json }),
                Ok(false) => cold::verify(&common.dir, &by.keys, older.as_deref(), common.json),
                Err(ended) => ended,
            }
        }
        AuditCommand::Prove { index, by, common } => match serving(common, by) {
            Ok(true) => tell(common, &Command::AuditProve { index: *index }),
            Ok(false) => cold::prove(&common.dir, &by.keys, *index),
            Err(ended) => ended,
        },
        AuditCommand::Replay { index, common } => match running(common) {
            true => tell(common, &Command::AuditReplay { index: *index, json: common.json }),
            false => cold::replay(&common.dir, *index, common.json),
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
                    if !running(common) {
                        return cold::export(&common.dir, &of, format, &to, common.json);
                    }
                    tell(common, &Command::AuditExport { of, format, to, json: common.json })
                }
                Err(ended) => ended,
            }
        }
        AuditCommand::Checkpoint { by, common } => match serving(common, by) {
            Ok(true) => tell(common, &Command::AuditCheckpoint),
            Ok(false) => cold::checkpoint(&common.dir, &by.keys),
            Err(ended) => ended,
        },
        AuditCommand::Key { common } => match running(common) {
            true => tell(common, &Command::AuditKey { json: common.json }),
            false => cold::key(&common.dir, common.json),
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

/// Whether a gateway answers here, which checks with its own keys: others' are for a copy.
fn serving(common: &Common, by: &CheckedBy) -> Result<bool, Ended> {
    let running = running(common);
    if running && !by.keys.is_empty() {
        let words =
            "--key is for a cold copy, and a gateway runs on this folder: copy its journal/ elsewhere";
        return Err(Ended::Usage(words.into()));
    }
    Ok(running)
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

/// What a dump says that lacks records.
pub(crate) fn not_whole(unreadable: u64) -> String {
    format!(
        "{unreadable} records do not read as they were written: this is not the whole journal. `sluis audit verify` names the first"
    )
}

/// What `audit verify` says, on a running and on a cold folder.
pub(crate) fn verdict(checked: &Result<Checked, Finding>, as_json: bool) -> String {
    match checked {
        Ok(checked) => {
            let root = BASE64.encode(&checked.root.0);
            if as_json {
                json!({"records": checked.records, "root": root, "lag": checked.lag}).to_string()
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

/// What `audit key` says, on a running and on a cold folder.
pub(crate) fn journal_key(origin: &str, key: &str, as_json: bool) -> String {
    if as_json { json!({"origin": origin, "key": key}).to_string() } else { key.to_owned() }
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
