//! What travels over the control socket.

use crate::export::Format;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// A command to the running gateway.
#[derive(Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs)]
pub enum Command {
    Import { holder: String, name: String, ndjson: bool, patient: Option<String>, text: String, json: bool },
    Erase { holder: String, patient: Option<String>, names: Vec<String>, json: bool },
    Explain(Box<Query>),
    ConsentRecord { text: String, register: Option<String>, json: bool },
    ConsentList { patient: String, json: bool },
    ConsentUnasked { holder: String, json: bool },
    ConsentWithdraw { patient: String, id: String },
    RelationAdd { text: String, json: bool },
    RelationList { patient: String, json: bool },
    RelationEnd { patient: String, id: String },
    ParticipantList { json: bool },
    ParticipantShow { id: String },
    ParticipantAdd { text: String },
    ParticipantPerson { text: String },
    ParticipantState { id: String, suspend: bool },
    CertificateBlock { fingerprint: String },
    EndpointSet { id: String, text: String },
    EndpointTest { id: String, json: bool },
    EndpointShow { id: String },
    IndexAdd { holder: String, patient: String, birth_date: Option<String>, classes: Vec<String>, json: bool },
    IndexList { patient: String, json: bool },
    IndexWithdraw { patient: String, id: String },
    AuditDump { details: bool },
    AuditVerify { older: Option<String>, json: bool },
    AuditProve { index: u64 },
    AuditReplay { index: u64, json: bool },
    ConsentPreview { text: String, json: bool },
    AuditCheckpoint,
    AuditKey { json: bool },
    AuditAcknowledgeGap { witnessed: u64, json: bool },
    RebuildView,
    AuditExport { of: Exported, format: Format, to: PathBuf, json: bool },
    RetentionRun { keep_years: u16, json: bool },
    RetentionHold { patient: String, lift: bool },
    KeysList { json: bool },
    KeysRotate { kind: String, new_master: Option<PathBuf>, json: bool },
    Backup { to: PathBuf, keys_to: PathBuf, json: bool },
    Clock { forward: Option<i64> },
    Fault { holder: String, mode: String },
}

/// Whose part of the journal is exported, and for whom.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Exported {
    Person { patient: String },
    Officer { patient: String, participant: String },
    Supervisor { name: String, participant: String, from: String, until: String },
    Regional { name: String, from: String, until: String },
}

/// The question of `sluis explain`.
#[derive(Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Query {
    pub patient: String,
    pub r#as: String,
    pub person: Option<String>,
    pub function: Option<String>,
    pub purpose: String,
    pub reason: Option<String>,
    pub label: Option<String>,
    pub at: Option<String>,
    pub json: bool,
    pub language: String,
}

/// One line of an answer.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Frame {
    /// For standard output.
    Out(String),
    /// For standard error.
    Note(String),
    /// The exit status; nothing follows.
    End(u8),
}

/// Calls the gateway that runs on this folder. `on` gets each line as it comes; the result is the exit status.
///
/// # Errors
/// When no gateway runs there, or it broke off.
pub fn call(root: &Path, command: &Command, mut on: impl FnMut(Frame)) -> io::Result<u8> {
    let mut stream = UnixStream::connect(root.join(super::NAME))?;
    let mut line = serde_json::to_vec(command)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    for line in BufReader::new(stream).lines() {
        match serde_json::from_str(&line?)? {
            Frame::End(code) => return Ok(code),
            frame => on(frame),
        }
    }
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the gateway broke off"))
}
