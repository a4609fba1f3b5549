//! What a command leaves in the journal. Most are recorded by what they do; here stand those that only read what is known
//! of somebody, and what was refused: whether a number is known is told to nobody without a record.

use super::commands::identifier;
use super::wire::{Command, Exported};
use crate::desk::{self, Refused};
use crate::store::keys::PersonNo;
use crate::world::World;
use fhir_mappings::audit::{self, Action, Detail, Kind, Outcome};

/// How a command is recorded.
enum Trace<'c> {
    /// It tells nothing of anybody and changes nothing, or it records its refusals itself.
    Elsewhere,
    /// What it does records itself; its refusal is recorded here, with the person it names, if it names one.
    Done(&'static str, Named<'c>),
    /// It reads what is known of somebody: recorded here, before the first line of it is said.
    Read(&'static str, &'c str),
}

/// By what a command names a person.
enum Named<'c> {
    Nobody,
    /// An identifier.
    Patient(&'c str),
    /// A Consent.
    Consent(&'c str),
}

/// No wildcard: a new command must say what it leaves.
fn trace(command: &Command) -> Trace<'_> {
    use Named::{Consent, Nobody, Patient};
    use Trace::{Done, Elsewhere, Read};
    match command {
        Command::ConsentList { patient, .. } => Read("consent list", patient),
        Command::RelationList { patient, .. } => Read("relation list", patient),
        Command::IndexList { patient, .. } => Read("index list", patient),
        Command::Erase { patient, .. } => Done("erase", patient.as_deref().map_or(Nobody, Patient)),
        Command::Explain(query) => Done("explain", Patient(&query.patient)),
        Command::ConsentPreview { text, .. } => Done("consent preview", Consent(text)),
        Command::ConsentUnasked { .. } => Done("consent unasked", Nobody),
        Command::ConsentWithdraw { patient, .. } => Done("consent withdraw", Patient(patient)),
        Command::RelationAdd { .. } => Done("relation add", Nobody),
        Command::RelationEnd { patient, .. } => Done("relation end", Patient(patient)),
        Command::ParticipantAdd { .. } => Done("participant add", Nobody),
        Command::ParticipantPerson { .. } => Done("participant person", Nobody),
        Command::ParticipantState { suspend: true, .. } => Done("participant suspend", Nobody),
        Command::ParticipantState { suspend: false, .. } => Done("participant resume", Nobody),
        Command::CertificateBlock { .. } => Done("certificate block", Nobody),
        Command::EndpointSet { .. } => Done("participant endpoint set", Nobody),
        Command::IndexAdd { patient, .. } => Done("index add", Patient(patient)),
        Command::IndexWithdraw { patient, .. } => Done("index withdraw", Patient(patient)),
        Command::AuditExport { of: Exported::Person { patient } | Exported::Officer { patient, .. }, .. } => {
            Done("export", Patient(patient))
        }
        Command::AuditExport { of: Exported::Supervisor { .. } | Exported::Regional { .. }, .. } => {
            Done("export", Nobody)
        }
        Command::RetentionRun { .. } => Done("retention run", Nobody),
        Command::RetentionHold { patient, .. } => Done("retention hold", Patient(patient)),
        Command::KeysRotate { .. } => Done("keys rotate", Nobody),
        Command::Backup { .. } => Done("backup", Nobody),
        // A file at a time, each with its own refusal; a journal that was read, whatever came of it.
        Command::Import { .. }
        | Command::ConsentRecord { .. }
        | Command::AuditDump { .. }
        | Command::AuditVerify { .. }
        | Command::AuditProve { .. }
        | Command::AuditReplay { .. }
        | Command::AuditAcknowledgeGap { .. }
        // Nothing of anybody.
        | Command::ParticipantList { .. }
        | Command::ParticipantShow { .. }
        | Command::EndpointTest { .. }
        | Command::EndpointShow { .. }
        | Command::AuditCheckpoint
        | Command::AuditKey { .. }
        | Command::KeysList { .. }
        | Command::RebuildView
        | Command::Clock { .. }
        | Command::Fault { .. } => Elsewhere,
    }
}

/// Does what a command asks, with its record, and with a record of its refusal.
pub(super) fn around<T>(
    command: &Command,
    world: &World,
    work: impl FnOnce() -> Result<T, Refused>,
) -> Result<T, Refused> {
    let (name, named, begun) = match trace(command) {
        Trace::Elsewhere => return work(),
        Trace::Done(name, named) => (name, named, Ok(())),
        Trace::Read(name, patient) => (name, Named::Patient(patient), read(world, name, patient)),
    };
    begun.and_then(|()| work()).map_err(|refused| {
        let person = match named {
            Named::Nobody => None,
            Named::Patient(patient) => identifier(patient).and_then(|p| desk::known_person(world, &p)).ok(),
            Named::Consent(text) => desk::named_in(world, text.as_bytes()),
        };
        refusal(world, name, person, refused)
    })
}

/// Records that what is known of somebody is read.
fn read(world: &World, name: &str, patient: &str) -> Result<(), Refused> {
    let person = desk::known_person(world, &identifier(patient)?)?;
    // No kind of its own: those of consents and relations are changes (CONTRACT.md 6). As a dry run it changes nothing, and
    // its action tells it from a decision that was tried.
    let mut draft = desk::draft(Kind::DryRun, Action::Read, world, Some(person));
    draft.entry.details.push(command(name));
    world.store.record_blocking(draft, None)?;
    Ok(())
}

/// Records a refusal, and gives what is to be told: without a record nothing but that there is none. Wrong usage looked
/// at nobody.
pub(super) fn refusal(world: &World, name: &str, person: Option<PersonNo>, refused: Refused) -> Refused {
    if ["usage", "audit-unavailable"].contains(&refused.reason.as_str()) {
        return refused;
    }
    let mut draft = desk::draft(Kind::Refused, Action::Execute, world, person);
    draft.entry.outcome = Outcome::Refused(refused.reason.clone());
    draft.entry.details.push(command(name));
    world.store.record_blocking(draft, None).err().map_or(refused, Refused::from)
}

/// Which command a record is of.
fn command(name: &str) -> Detail {
    audit::Detail { name: "command".into(), value: name.into() }
}
