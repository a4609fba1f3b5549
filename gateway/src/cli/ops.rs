//! Commands to the running gateway.

use super::args::{
    CertificateCommand, Common, ConsentCommand, EndpointCommand, Erase, Explain, Import, IndexCommand,
    KeysCommand, ParticipantCommand, RelationCommand, RetentionCommand,
};
use super::{Ended, files, print};
use crate::control::{Command, Frame, Query, call};
use crate::trust::Fingerprint;
use indicatif::{ProgressBar, ProgressStyle};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::path::Path;

/// Sends a command and prints what comes back.
fn tell(dir: &Path, command: &Command) -> Ended {
    match call(dir, command, show) {
        Ok(code) => Ended::code(code),
        Err(e) => unreachable_gateway(dir, &e),
    }
}

fn show(frame: Frame) {
    match frame {
        Frame::Out(line) => print::out(line.trim_end_matches('\n')),
        Frame::Note(line) => print::note(line),
        Frame::End(_) => {}
    }
}

pub(super) fn unreachable_gateway(dir: &Path, e: &std::io::Error) -> Ended {
    Ended::Failed(format!("no gateway answers in {}: {e}. Is it running?", dir.display()))
}

/// A command, or why it cannot be sent.
fn told(dir: &Path, command: Result<Command, Ended>) -> Ended {
    match command {
        Ok(command) => tell(dir, &command),
        Err(ended) => ended,
    }
}

pub(super) fn import(args: &Import) -> Ended {
    let patient = match args.patient.as_deref().map(files::value).transpose() {
        Ok(patient) => patient,
        Err(ended) => return ended,
    };
    let paths = match files::all(&args.paths) {
        Ok(paths) => paths,
        Err(ended) => return ended,
    };
    let bar = ProgressBar::new(paths.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    let (mut accepted, mut refused) = (0_usize, 0_usize);
    for path in &paths {
        let name = path.display().to_string();
        let mut verdict = None;
        let text = std::fs::read(path).map_err(|e| e.to_string());
        let line = match text.map(String::from_utf8) {
            Ok(Ok(text)) => {
                let ndjson = path.extension().is_some_and(|e| e == "ndjson");
                let (holder, patient) = (args.holder.clone(), patient.clone());
                let command = Command::Import { holder, name, ndjson, patient, text, json: args.json };
                let code = call(&args.dir.dir, &command, |frame| match frame {
                    Frame::Out(line) => verdict = Some(line),
                    Frame::Note(line) => bar.suspend(|| print::note(line)),
                    Frame::End(_) => {}
                });
                match (code, verdict.take()) {
                    (Ok(0), Some(line)) => line,
                    (Ok(code), _) => return Ended::code(code),
                    (Err(e), _) => return unreachable_gateway(&args.dir.dir, &e),
                }
            }
            Ok(Err(_)) => refusal(&name, "not-json", "not UTF-8", args.json, &bar),
            Err(why) => refusal(&name, "not-readable", &why, args.json, &bar),
        };
        let taken = serde_json::from_str::<serde_json::Value>(&line)
            .is_ok_and(|v| v.get("accepted").is_some_and(|a| a == true));
        if taken {
            accepted += 1;
        } else {
            refused += 1;
        }
        if args.json {
            bar.suspend(|| print::out(&line));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    print::out(format_args!("{accepted} accepted, {refused} refused"));
    if refused == 0 { Ended::Well } else { Ended::Refused }
}

fn refusal(name: &str, reason: &str, words: &str, json: bool, bar: &ProgressBar) -> String {
    if !json {
        bar.suspend(|| print::note(format_args!("{name}: refused, {reason}: {words}")));
    }
    serde_json::json!({"file": name, "accepted": false, "patient": null, "resources": 0, "reason": reason, "expression": ""})
        .to_string()
}

pub(super) fn explain(args: &Explain) -> Ended {
    let command = files::value(&args.patient).map(|patient| {
        Command::Explain(Box::new(Query {
            patient,
            r#as: args.participant.clone(),
            person: args.person.clone(),
            function: args.function.clone(),
            purpose: args.purpose.clone(),
            reason: args.reason.clone(),
            label: args.label.clone(),
            at: args.at.clone(),
            json: args.json,
            language: args.lang.clone(),
        }))
    });
    told(&args.dir.dir, command)
}

pub(super) fn consent(command: &ConsentCommand) -> Ended {
    match command {
        ConsentCommand::Record { files, feed, common } => {
            super::consent::record(files, feed.as_deref(), &common.dir, common.json)
        }
        ConsentCommand::Preview { file, common } => told(
            &common.dir,
            files::text(file).map(|text| Command::ConsentPreview { text, json: common.json }),
        ),
        ConsentCommand::List { of, common } => told(
            &common.dir,
            files::value(&of.patient).map(|patient| Command::ConsentList { patient, json: common.json }),
        ),
        ConsentCommand::Unasked { holder, common } => {
            tell(&common.dir, &Command::ConsentUnasked { holder: holder.clone(), json: common.json })
        }
        ConsentCommand::Withdraw { id, of, common } => told(
            &common.dir,
            files::value(&of.patient).map(|patient| Command::ConsentWithdraw { patient, id: id.clone() }),
        ),
    }
}

pub(super) fn relation(command: &RelationCommand) -> Ended {
    match command {
        RelationCommand::Add { file, common } => {
            told(&common.dir, files::text(file).map(|text| Command::RelationAdd { text, json: common.json }))
        }
        RelationCommand::List { of, common } => told(
            &common.dir,
            files::value(&of.patient).map(|patient| Command::RelationList { patient, json: common.json }),
        ),
        RelationCommand::End { id, of, common } => told(
            &common.dir,
            files::value(&of.patient).map(|patient| Command::RelationEnd { patient, id: id.clone() }),
        ),
    }
}

fn endpoint(command: &EndpointCommand) -> Ended {
    match command {
        EndpointCommand::Set { id, file, common } => {
            told(&common.dir, files::text(file).map(|text| Command::EndpointSet { id: id.clone(), text }))
        }
        EndpointCommand::Test { id, common } => {
            tell(&common.dir, &Command::EndpointTest { id: id.clone(), json: common.json })
        }
        EndpointCommand::Show { id, common } => tell(&common.dir, &Command::EndpointShow { id: id.clone() }),
    }
}

pub(super) fn erase(args: &Erase) -> Ended {
    let patient = args.patient.as_deref().map(files::value).transpose();
    let (holder, names, json) = (args.holder.clone(), args.names.clone(), args.common.json);
    told(&args.common.dir, patient.map(|patient| Command::Erase { holder, patient, names, json }))
}

pub(super) fn index(command: &IndexCommand) -> Ended {
    match command {
        IndexCommand::Add { holder, of, birthdate, classes, common } => told(
            &common.dir,
            files::value(&of.patient).map(|patient| Command::IndexAdd {
                holder: holder.clone(),
                patient,
                birth_date: birthdate.clone(),
                classes: classes.clone(),
                json: common.json,
            }),
        ),
        IndexCommand::List { of, common } => told(
            &common.dir,
            files::value(&of.patient).map(|patient| Command::IndexList { patient, json: common.json }),
        ),
        IndexCommand::Withdraw { id, of, common } => told(
            &common.dir,
            files::value(&of.patient).map(|patient| Command::IndexWithdraw { patient, id: id.clone() }),
        ),
    }
}

pub(super) fn participant(command: &ParticipantCommand) -> Ended {
    let state = |id: &str, common: &Common, suspend| {
        tell(&common.dir, &Command::ParticipantState { id: id.to_owned(), suspend })
    };
    match command {
        ParticipantCommand::Endpoint(group) => endpoint(&group.command),
        ParticipantCommand::List { common } => {
            tell(&common.dir, &Command::ParticipantList { json: common.json })
        }
        ParticipantCommand::Show { id, common } => {
            tell(&common.dir, &Command::ParticipantShow { id: id.clone() })
        }
        ParticipantCommand::Add { file, common } => {
            told(&common.dir, files::text(file).map(|text| Command::ParticipantAdd { text }))
        }
        ParticipantCommand::Person { file, common } => {
            told(&common.dir, files::text(file).map(|text| Command::ParticipantPerson { text }))
        }
        ParticipantCommand::Suspend { id, common } => state(id, common, true),
        ParticipantCommand::Resume { id, common } => state(id, common, false),
    }
}

pub(super) fn certificate(command: &CertificateCommand) -> Ended {
    let CertificateCommand::Block { certificate, common } = command;
    let fingerprint = match Fingerprint::parse(certificate) {
        Ok(fingerprint) => Ok(fingerprint.to_string()),
        Err(_) => match files::bytes(certificate).map(|pem| CertificateDer::from_pem_slice(&pem)) {
            Ok(Ok(der)) => Ok(Fingerprint::of_der(&der).to_string()),
            Ok(Err(_)) => Err(Ended::Failed(format!("{certificate}: no PEM certificate"))),
            Err(_) => Err(Ended::Usage(format!("{certificate} is neither a SHA-256 fingerprint nor a file"))),
        },
    };
    told(&common.dir, fingerprint.map(|fingerprint| Command::CertificateBlock { fingerprint }))
}

pub(super) fn retention(command: &RetentionCommand) -> Ended {
    let hold = |of: &super::args::Of, common: &Common, lift| {
        told(&common.dir, files::value(&of.patient).map(|patient| Command::RetentionHold { patient, lift }))
    };
    match command {
        RetentionCommand::Run { keep_years, common } => {
            tell(&common.dir, &Command::RetentionRun { keep_years: *keep_years, json: common.json })
        }
        RetentionCommand::Hold { of, common } => hold(of, common, false),
        RetentionCommand::Lift { of, common } => hold(of, common, true),
    }
}

pub(super) fn keys(command: &KeysCommand) -> Ended {
    match command {
        KeysCommand::List { common } => tell(&common.dir, &Command::KeysList { json: common.json }),
        KeysCommand::Rotate { kind, new_master, common } => {
            // The gateway reads the file, from a folder of its own.
            let absolute = new_master.as_deref().map(std::path::absolute).transpose();
            let absolute = absolute.map_err(|e| Ended::Failed(e.to_string()));
            let (kind, json) = (kind.clone(), common.json);
            told(&common.dir, absolute.map(|new_master| Command::KeysRotate { kind, new_master, json }))
        }
    }
}

/// On a running gateway the view is built anew while it serves; on a stopped one the next start does it.
pub(super) fn rebuild_view(dir: &super::args::Dir) -> Ended {
    let dir = &dir.dir;
    match call(dir, &Command::RebuildView, show) {
        Ok(code) => Ended::code(code),
        Err(_) if dir.join("journal").is_dir() => match crate::store::forget_view(dir) {
            Ok(()) => {
                print::note(format_args!("no gateway runs here; the next start builds the view anew"));
                Ended::Well
            }
            Err(e) => Ended::Failed(e.to_string()),
        },
        Err(e) => unreachable_gateway(dir, &e),
    }
}

#[cfg(feature = "sandbox")]
pub(super) fn clock(args: &super::args::Clock) -> Ended {
    let forward = match args.forward.as_deref().map(|text| text.trim_start_matches('+').parse::<i64>()) {
        None => None,
        Some(Ok(seconds)) => Some(seconds),
        Some(Err(_)) => return Ended::Usage("give whole seconds forward, such as +3600".into()),
    };
    tell(&args.common.dir, &Command::Clock { forward })
}

#[cfg(feature = "sandbox")]
pub(super) fn fault(args: &super::args::Fault) -> Ended {
    tell(&args.dir.dir, &Command::Fault { holder: args.holder.clone(), mode: args.mode.clone() })
}
