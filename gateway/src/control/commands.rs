//! What each command does. Words go out as they are: this end is an operator's.

use super::wire::{Command, Frame, Query};
use crate::backup::{self, ArchiveError, Snapshot};
use crate::desk::{self, Refused};
use crate::oauth::asker::{Asker, AskingPerson, Assurance, BreakGlass, BreakGlassReason};
use crate::register;
use crate::road::decide::{Asking, party, question};
use crate::trust::{Fingerprint, FunctionCode, Participant, Purpose, State};
use crate::world::World;
use consent::explain::lines;
use fhir_mappings::audit::{Action, Detail, Kind};
use fhir_mappings::identifiers::{Identifier, KnownSystem};
use fhir_mappings::intake::Format;
use serde_json::json;
use std::path::Path;

type Say<'s> = &'s dyn Fn(Frame) -> bool;
type Done = Result<(), Refused>;

/// Runs a command and gives its exit status: 0, 1 on a refusal, 2 on wrong usage.
pub(super) fn run(command: &Command, world: &World, say: Say<'_>) -> Frame {
    let done = match command {
        Command::Import { holder, name, ndjson, patient, text, json } => {
            import(world, holder, name, *ndjson, patient.as_deref(), text, *json, say)
        }
        Command::Explain(query) => explain(world, query, say),
        Command::ConsentRecord { text, feed, json } => desk::record_consent(world, text.as_bytes(), *feed)
            .map(|id| out(say, recorded("consent", &id, *json))),
        Command::ConsentList { patient, json } => consent_list(world, patient, *json, say),
        Command::ConsentWithdraw { patient, id } => identifier(patient)
            .and_then(|p| desk::withdraw_consent(world, &p, id))
            .map(|()| note(say, "withdrawn")),
        Command::RelationAdd { text, json } => {
            desk::add_relation(world, text.as_bytes()).map(|id| out(say, recorded("relation", &id, *json)))
        }
        Command::RelationList { patient, json } => relation_list(world, patient, *json, say),
        Command::RelationEnd { patient, id } => {
            identifier(patient).and_then(|p| desk::end_relation(world, &p, id)).map(|()| note(say, "ended"))
        }
        Command::ParticipantList { json } => participant_list(world, *json, say),
        Command::ParticipantShow { id } => participant_show(world, id, say),
        Command::ParticipantAdd { text } => participant_add(world, text, say),
        Command::ParticipantState { id, suspend } => {
            let state = if *suspend { State::Suspended } else { State::Active };
            register::set_state(world, id, state).map(|()| {
                note(
                    say,
                    &format!(
                        "{id} is {} from the next request on",
                        if *suspend { "refused" } else { "let in" }
                    ),
                )
            })
        }
        Command::CertificateBlock { fingerprint } => Fingerprint::parse(fingerprint)
            .map_err(|e| Refused::new("usage", format!("the fingerprint {e}")))
            .and_then(|fingerprint| register::block(world, fingerprint))
            .map(|()| note(say, "blocked from the next request on")),
        Command::AuditDump => audit_read(world, "dump").map(|()| dump(world, say)),
        Command::AuditVerify { older, json } => return verify(world, older.as_deref(), *json, say),
        Command::AuditProve { index } => audit_read(world, "prove").and_then(|()| prove(world, *index, say)),
        Command::AuditCheckpoint => {
            out(say, world.store.log().checkpoint());
            Ok(())
        }
        Command::RebuildView => world
            .store
            .rebuild_view()
            .map_err(|e| Refused::new("consent-unavailable", e.to_string()))
            .map(|records| note(say, &format!("rebuilt from {records} records"))),
        Command::Backup { to, keys_to, json } => backup(world, to, keys_to, *json, say),
        Command::Clock { forward } => clock(world, *forward, say),
        Command::Fault { holder, mode } => fault(world, holder, mode, say),
    };
    match done {
        Ok(()) => Frame::End(0),
        Err(refused) => {
            note(say, &format!("{}: {refused}", refused.reason));
            Frame::End(if refused.reason == "usage" { 2 } else { 1 })
        }
    }
}

/// A caller that went away hears nothing more; what was done stays done.
fn out(say: Say<'_>, line: String) {
    let _heard = say(Frame::Out(line));
}

fn note(say: Say<'_>, line: &str) {
    let _heard = say(Frame::Note(line.to_owned()));
}

fn recorded(what: &str, id: &str, json: bool) -> String {
    if json { json!({ what: id }).to_string() } else { id.to_owned() }
}

/// `system|value`, or nine digits that are a BSN.
fn identifier(text: &str) -> Result<Identifier, Refused> {
    let found = if text.contains('|') {
        Identifier::parse(text)
    } else {
        Identifier::new(KnownSystem::Bsn.uri(), text)
    };
    found.ok_or_else(|| Refused::new("usage", "a patient is a BSN, or system|value"))
}

#[allow(clippy::too_many_arguments)]
fn import(
    world: &World,
    holder: &str,
    name: &str,
    ndjson: bool,
    patient: Option<&str>,
    text: &str,
    as_json: bool,
    say: Say<'_>,
) -> Done {
    let patient = patient.map(identifier).transpose()?;
    let format = if ndjson { Format::Ndjson } else { Format::Json };
    let taken = desk::import(world, holder, text.as_bytes(), format, patient.as_ref());
    let line = match &taken {
        Ok(taken) => {
            taken.warnings.iter().for_each(|warning| note(say, &format!("{name}: {warning}")));
            json!({"file": name, "accepted": true, "patient": taken.patient, "resources": taken.resources, "reason": null, "expression": null})
        }
        Err(refused) => {
            if !as_json {
                note(say, &format!("{name}: refused, {}: {refused}", refused.reason));
            }
            json!({"file": name, "accepted": false, "patient": null, "resources": 0, "reason": refused.reason, "expression": refused.expression})
        }
    };
    out(say, line.to_string());
    Ok(())
}

fn explain(world: &World, query: &Query, say: Say<'_>) -> Done {
    let person = desk::known_person(world, &identifier(&query.patient)?)?;
    let state = world
        .store
        .person(person)
        .map_err(|_| Refused::new("consent-unavailable", "the view cannot be read"))?;
    let trust = world.store.trust();
    let participant = trust
        .participant(&query.r#as)
        .ok_or_else(|| Refused::new("unknown-participant", "there is no such participant"))?;
    let at = match &query.at {
        Some(at) => at
            .parse()
            .map_err(|_| Refused::new("usage", "--at is an instant such as 2026-11-21T12:00:00+01:00"))?,
        None => world.clock.now(),
    };
    let asker = asker(world, participant, query)?;
    let asking = Asking { participant, asker: &asker };
    let mut question = question(&asking, &state, world, at);
    let dossier = state.dossier(&world.rules);
    let mut decisions = Vec::new();
    for holder in state.holders.iter().filter_map(|id| trust.participant(id)) {
        question.holder = party(holder, &world.rules, at);
        let (decision, traces) = consent::decide::explain(&world.rules, &question, &dossier);
        decisions.extend(lines(&world.rules, holder.id.as_str(), &decision, &traces));
    }
    let mut draft = desk::draft(Kind::DryRun, Action::Execute, world, Some(person));
    draft.entry.purpose = Some(query.purpose.clone());
    draft.entry.function = asker.function.as_ref().map(|f| f.as_str().to_owned());
    draft.entry.details.push(Detail { name: "tried-as".into(), value: query.r#as.clone() });
    world.store.record_blocking(draft, None)?;
    if query.json {
        let document = json!({
            "patient": query.patient, "asker": query.r#as, "purpose": query.purpose, "at": at.to_string(),
            "rules": world.rules.version(), "decisions": decisions,
        });
        out(say, document.to_string());
        return Ok(());
    }
    for line in decisions {
        out(say, in_words(&line, &query.language));
    }
    Ok(())
}

fn in_words(line: &consent::explain::Line, language: &str) -> String {
    let value = serde_json::to_value(line).unwrap_or_default();
    let text = |path: &str| value.pointer(path).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    let mut words = format!("{:<24} {:<14} {:<7}", line.holder, line.class, text("/verdict"));
    if text("/verdict") == "permit" {
        words.push_str(&format!(
            " {:<8} {} / {}",
            text("/level"),
            text("/basis/sender"),
            text("/basis/receiver")
        ));
    } else {
        words.push_str(&format!(" {}", text("/reason")));
    }
    for step in &line.trace {
        words.push_str(&format!("\n    {}", step.step.text(language)));
        if let Some(consent) = &step.consent {
            words.push_str(&format!(" [{} v{}]", consent.id, consent.version));
        }
    }
    words
}

/// The asker of a question that is only tried on: as registered.
fn asker(world: &World, participant: &Participant, query: &Query) -> Result<Asker, Refused> {
    let trust = world.store.trust();
    let purpose =
        Purpose::parse(&query.purpose).map_err(|e| Refused::new("usage", format!("--purpose {e}")))?;
    let staff = match &query.person {
        Some(id) => trust.person(id).cloned(),
        None => {
            let mut all: Vec<_> =
                trust.people().filter(|p| p.participant == participant.id).cloned().collect();
            all.sort_by(|a, b| a.id.cmp(&b.id));
            all.into_iter().next()
        }
    };
    let function = match &query.function {
        Some(code) => {
            Some(FunctionCode::parse(code).map_err(|e| Refused::new("usage", format!("--function {e}")))?)
        }
        None => staff
            .as_ref()
            .and_then(|p| p.functions.first().cloned())
            .or_else(|| participant.functions_at(world.clock.now()).next().map(|f| f.code.clone())),
    };
    let person = AskingPerson {
        system: "urn:sluis:person".into(),
        id: staff
            .as_ref()
            .map_or_else(|| query.person.clone().unwrap_or_default(), |p| p.id.as_str().to_owned()),
        name: staff.as_ref().map(|p| p.name.clone()),
        role: staff.as_ref().map(|p| p.role.clone()),
        assurance: if staff.is_some() { Assurance::Registered } else { Assurance::SelfAsserted },
    };
    let patient = identifier(&query.patient)?;
    let break_glass = (purpose == Purpose::Emergency).then(|| BreakGlass {
        patient_system: patient.system().to_owned(),
        patient_value: patient.value().to_owned(),
        reason: BreakGlassReason::Other,
        reason_text: query.reason.clone(),
        could_not_be_asked: true,
    });
    Ok(Asker {
        participant: participant.id.clone(),
        function,
        purpose,
        person,
        responsible: None,
        relation: None,
        break_glass,
    })
}

fn consent_list(world: &World, patient: &str, as_json: bool, say: Say<'_>) -> Done {
    let person = desk::known_person(world, &identifier(patient)?)?;
    let state = world
        .store
        .person(person)
        .map_err(|_| Refused::new("consent-unavailable", "the view cannot be read"))?;
    for stored in &state.consents {
        let (status, kind) = match &stored.reading {
            consent::Reading::Readable(record) => (json!(record.status), json!(record.provision.kind)),
            consent::Reading::Unreadable { .. } => (json!("unreadable"), json!("deny")),
        };
        let line = json!({"id": stored.id(), "version": stored.version(), "status": status, "type": kind, "recorder": stored.recorder});
        let words = format!(
            "{} v{} {} {} recorded by {}",
            stored.id(),
            stored.version(),
            status.as_str().unwrap_or_default(),
            kind.as_str().unwrap_or_default(),
            stored.recorder
        );
        out(say, if as_json { line.to_string() } else { words });
    }
    Ok(())
}

fn relation_list(world: &World, patient: &str, as_json: bool, say: Say<'_>) -> Done {
    let person = desk::known_person(world, &identifier(patient)?)?;
    let state = world
        .store
        .person(person)
        .map_err(|_| Refused::new("consent-unavailable", "the view cannot be read"))?;
    for stored in &state.relations {
        let line = json!({"id": stored.id, "version": stored.version, "kind": stored.relation.kind, "status": stored.relation.status, "recorder": stored.recorder});
        let word = |member: &str| line.get(member).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let words = format!(
            "{} v{} {} {} recorded by {}",
            stored.id,
            stored.version,
            word("kind"),
            word("status"),
            stored.recorder
        );
        out(say, if as_json { line.to_string() } else { words });
    }
    Ok(())
}

fn participant_list(world: &World, as_json: bool, say: Say<'_>) -> Done {
    let trust = world.store.trust();
    let mut all: Vec<_> = trust.participants().collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    for p in all {
        let state = if p.state == State::Active { "active" } else { "suspended" };
        let line = json!({"id": p.id.as_str(), "name": p.name, "state": state, "holder": p.holder});
        out(say, if as_json { line.to_string() } else { format!("{:<28} {:<10} {}", p.id, state, p.name) });
    }
    Ok(())
}

fn participant_show(world: &World, id: &str, say: Say<'_>) -> Done {
    let trust = world.store.trust();
    let found = trust
        .participant(id)
        .ok_or_else(|| Refused::new("unknown-participant", "there is no such participant"))?;
    out(say, serde_json::to_string_pretty(&**found).unwrap_or_default());
    Ok(())
}

fn participant_add(world: &World, text: &str, say: Say<'_>) -> Done {
    match Participant::from_json(text.as_bytes()) {
        Ok(participant) => {
            let id = participant.id.clone();
            register::add(world, participant)?;
            note(say, &format!("{id} takes part from the next request on"));
            Ok(())
        }
        Err(mistakes) => {
            for mistake in &mistakes {
                note(say, &format!("{}: {}: {}", mistake.field, mistake.what, mistake.mend));
            }
            Err(Refused::new("body-invalid", format!("{} mistakes: nothing was changed", mistakes.len())))
        }
    }
}

fn dump(world: &World, say: Say<'_>) {
    let records = world.store.records();
    for index in 0..records.len() {
        let Ok(record) = records.read(index) else {
            note(say, &format!("record {index} cannot be read"));
            continue;
        };
        let line = crate::dump::line(index, &record, world.store.keys(), &world.settings.origin);
        if !say(Frame::Out(line.to_string())) {
            return;
        }
    }
}

fn verify(world: &World, older: Option<&str>, as_json: bool, say: Say<'_>) -> Frame {
    if let Err(refused) = audit_read(world, "verify") {
        note(say, &format!("{}: {refused}", refused.reason));
        return Frame::End(1);
    }
    let checked = world.store.log().verify(older, |_| {});
    out(say, crate::cli::verdict(&checked, as_json));
    Frame::End(u8::from(checked.is_err()))
}

fn prove(world: &World, index: u64, say: Say<'_>) -> Done {
    let proof = world.store.log().prove(index).map_err(|e| Refused::new("unknown-record", e.to_string()))?;
    out(say, serde_json::to_string(&proof).unwrap_or_default());
    Ok(())
}

/// The snapshot is taken on the journal's writer with the record that says so; the archive is written beside it.
fn backup(world: &World, to: &Path, keys_to: &Path, as_json: bool, say: Say<'_>) -> Done {
    let failed = |e: ArchiveError| Refused::new("backup-failed", e.to_string());
    let mut draft = desk::draft(Kind::AuditRead, Action::Read, world, None);
    draft.entry.details.push(Detail { name: "command".into(), value: "backup".into() });
    let root = world.settings.root.clone();
    let snapshot = world.store.record_at(draft, move || Snapshot::take(&root))?.map_err(failed)?;
    let master = world.store.keys().master();
    let (data, keys) = backup::write(&world.settings.root, &snapshot, master, to, keys_to).map_err(failed)?;
    out(say, crate::cli::said(to, data, keys_to, keys, as_json));
    Ok(())
}

/// Reading the journal is recorded like everything else.
fn audit_read(world: &World, what: &str) -> Done {
    let mut draft = desk::draft(Kind::AuditRead, Action::Read, world, None);
    draft.entry.details.push(Detail { name: "command".into(), value: what.to_owned() });
    world.store.record_blocking(draft, None)?;
    Ok(())
}

fn clock(world: &World, forward: Option<i64>, say: Say<'_>) -> Done {
    if !world.settings.sandbox {
        return Err(Refused::new("sandbox-only", "the clock of a real gateway is the machine's"));
    }
    let now = match forward {
        Some(seconds) if seconds < 0 => return Err(Refused::new("usage", "the clock moves forward only")),
        Some(seconds) => world
            .clock
            .advance(seconds)
            .map_err(|_| Refused::new("sandbox-only", "this clock cannot be moved"))?,
        None => world.clock.now(),
    };
    out(say, now.to_string());
    Ok(())
}

#[cfg(feature = "sandbox")]
fn fault(world: &World, holder: &str, mode: &str, say: Say<'_>) -> Done {
    if !world.settings.sandbox {
        return Err(Refused::new("sandbox-only", "faults are rehearsed in a sandbox"));
    }
    world.source.script(holder, mode).map_err(|e| Refused::new("usage", e))?;
    note(say, &format!("{holder}: {mode}"));
    Ok(())
}

#[cfg(not(feature = "sandbox"))]
fn fault(_: &World, _: &str, _: &str, _: Say<'_>) -> Done {
    Err(Refused::new("sandbox-only", "faults are rehearsed in a sandbox"))
}
