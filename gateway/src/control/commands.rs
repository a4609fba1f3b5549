//! What each command does. Words go out as they are: this end is an operator's.

use super::wire::{Command, Frame};
use super::{elsewhere, explain, people, preview, recorded};
use crate::backup::{self, ArchiveError, Snapshot};
use crate::beginning;
use crate::desk::{self, Origin, Refused};
use crate::localisation;
use crate::register;
use crate::replay::{Past, Present};
use crate::retention::{self, Forgotten};
use crate::rotation::{self, Turn};
use crate::store::Lacks;
use crate::store::facts::Hold;
use crate::store::keys::Use;
use crate::trust::{Fingerprint, Participant, Person, State};
use crate::world::World;
use fhir_mappings::audit::{Action, Detail, Kind};
use fhir_mappings::identifiers::{Identifier, KnownSystem};
use fhir_mappings::intake::Format;
use serde_json::json;
use sluis_journal::Finding;
use std::path::Path;

pub(super) type Say<'s> = &'s dyn Fn(Frame) -> bool;
pub(super) type Done = Result<(), Refused>;

/// Runs a command and gives its exit status: 0, 1 on a refusal, 2 on wrong usage.
pub(super) fn run(command: &Command, world: &World, say: Say<'_>) -> Frame {
    if world.store.is_held_back() && !matches!(command, Command::AuditAcknowledgeGap { .. }) {
        let whose =
            if world.store.lacks().is_some() { "was seen here" } else { "this journal's witness saw" };
        note(say, &format!("nothing is recorded here: `/readyz` says what {whose}"));
    }
    match recorded::around(command, world, || perform(command, world, say)) {
        Ok(ended) => ended,
        Err(refused) => {
            note(say, &format!("{}: {refused}", refused.reason));
            Frame::End(if refused.reason == "usage" { 2 } else { 1 })
        }
    }
}

fn perform(command: &Command, world: &World, say: Say<'_>) -> Result<Frame, Refused> {
    let done = match command {
        Command::Import { holder, name, ndjson, patient, text, json } => {
            import(world, holder, name, *ndjson, patient.as_deref(), text, *json, say)
        }
        Command::Erase { holder, patient, names, json } => {
            erase(world, holder, patient.as_deref(), names, *json, say)
        }
        Command::Explain(query) => explain::explain(world, query, say),
        Command::ConsentRecord { text, register, json } => {
            let origin = register.as_deref().map_or(Origin::Desk, Origin::Register);
            desk::record_consent(world, text.as_bytes(), origin)
                .map(|id| out(say, recorded("consent", &id, *json)))
        }
        Command::ConsentList { patient, json } => people::consents(world, patient, *json, say),
        Command::ConsentUnasked { holder, json } => desk::unasked(world, holder).map(|persons| {
            for person in persons {
                out(say, if *json { json!({"patient": person}).to_string() } else { person });
            }
        }),
        Command::ConsentWithdraw { patient, id } => identifier(patient)
            .and_then(|p| desk::withdraw_consent(world, &p, id))
            .map(|()| note(say, "withdrawn")),
        Command::RelationAdd { text, json } => {
            desk::add_relation(world, text.as_bytes()).map(|id| out(say, recorded("relation", &id, *json)))
        }
        Command::RelationList { patient, json } => people::relations(world, patient, *json, say),
        Command::RelationEnd { patient, id } => {
            identifier(patient).and_then(|p| desk::end_relation(world, &p, id)).map(|()| note(say, "ended"))
        }
        Command::ParticipantList { json } => participant_list(world, *json, say),
        Command::ParticipantShow { id } => participant_show(world, id, say),
        Command::ParticipantAdd { text } => participant_add(world, text, say),
        Command::ParticipantPerson { text } => participant_person(world, text, say),
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
        Command::EndpointSet { id, text } => elsewhere::set(world, id, text, say),
        Command::EndpointTest { id, json } => return Ok(elsewhere::test(world, id, *json, say)),
        Command::EndpointShow { id } => elsewhere::show(world, id, say),
        Command::IndexAdd { holder, patient, birth_date, classes, json } => {
            let entry = localisation::Entry { holder, birth_date: birth_date.as_deref(), classes };
            identifier(patient)
                .and_then(|p| localisation::register(world, &p, &entry))
                .map(|id| out(say, recorded("entry", &id, *json)))
        }
        Command::IndexList { patient, json } => people::index(world, patient, *json, say),
        Command::IndexWithdraw { patient, id } => identifier(patient)
            .and_then(|p| localisation::withdraw(world, &p, id))
            .map(|()| note(say, "withdrawn: from the next question on this holder is not asked for it")),
        Command::AuditDump { details } => audit_read(world, "dump").and_then(|()| dump(world, *details, say)),
        Command::AuditVerify { older, json } => return Ok(verify(world, older.as_deref(), *json, say)),
        Command::AuditProve { index } => audit_read(world, "prove").and_then(|()| prove(world, *index, say)),
        Command::AuditReplay { index, json } => return Ok(replay(world, *index, *json, say)),
        Command::ConsentPreview { text, json } => preview::preview(world, text, *json, say),
        Command::AuditCheckpoint => {
            out(say, world.checkpoint());
            Ok(())
        }
        Command::AuditKey { json } => world
            .store
            .journal_key(&world.settings.origin)
            .map_err(|e| Refused::new("keys", e.to_string()))
            .map(|key| out(say, crate::cli::journal_key(&world.settings.origin, &key, *json))),
        Command::AuditAcknowledgeGap { witnessed, json } => acknowledge_gap(world, *witnessed, *json, say),
        Command::RebuildView => world
            .store
            .rebuild_view()
            .map_err(|e| Refused::new("consent-unavailable", e.to_string()))
            .map(|records| note(say, &format!("rebuilt from {records} records"))),
        Command::RetentionRun { keep_years, json } => retention_run(world, *keep_years, *json, say),
        Command::RetentionHold { patient, lift } => identifier(patient)
            .and_then(|p| retention::hold(world, &p, if *lift { Hold::Lifted } else { Hold::Set }))
            .map(|()| {
                note(
                    say,
                    if *lift {
                        "the hold is lifted"
                    } else {
                        "nothing of this person is forgotten from now on"
                    },
                )
            }),
        Command::KeysList { json } => {
            keys_list(world, *json, say);
            Ok(())
        }
        Command::KeysRotate { kind, new_master, json } => {
            keys_rotate(world, kind, new_master.as_deref(), *json, say)
        }
        Command::AuditExport { of, format, to, json } => {
            of.made(world, *format).and_then(|made| made.keep(to, *json)).map(|line| out(say, line))
        }
        Command::Backup { to, keys_to, json } => backup(world, to, keys_to, *json, say),
        Command::Clock { forward } => clock(world, *forward, say),
        Command::Fault { holder, mode } => fault(world, holder, mode, say),
    };
    done.map(|()| Frame::End(0))
}

/// A caller that went away hears nothing more; what was done stays done.
pub(super) fn out(say: Say<'_>, line: String) {
    let _heard = say(Frame::Out(line));
}

pub(super) fn note(say: Say<'_>, line: &str) {
    let _heard = say(Frame::Note(line.to_owned()));
}

fn recorded(what: &str, id: &str, json: bool) -> String {
    if json { json!({ what: id }).to_string() } else { id.to_owned() }
}

/// `system|value`, or nine digits that are a BSN.
pub(super) fn identifier(text: &str) -> Result<Identifier, Refused> {
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
    let taken = desk::import(world, holder, text.as_bytes(), format, patient.as_ref()).map_err(|refused| {
        let person = patient.as_ref().and_then(|patient| desk::known_person(world, patient).ok());
        recorded::refusal(world, "import", person, refused)
    });
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

fn erase(
    world: &World,
    holder: &str,
    patient: Option<&str>,
    names: &[String],
    as_json: bool,
    say: Say<'_>,
) -> Done {
    let person = patient.map(identifier).transpose()?;
    let done = desk::erase(world, holder, person.as_ref(), names)?;
    let line = if as_json {
        json!({"holder": holder, "erased": done.resources, "left": done.left}).to_string()
    } else {
        format!(
            "{} erased, {} left: from the next question on they are in no answer",
            done.resources, done.left
        )
    };
    out(say, line);
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

fn participant_person(world: &World, text: &str, say: Say<'_>) -> Done {
    let person: Person =
        serde_json::from_str(text).map_err(|e| Refused::new("body-invalid", format!("the person: {e}")))?;
    register::add_person(world, &person)?;
    note(say, &format!("{} works for {} from the next request on", person.id, person.participant));
    Ok(())
}

fn dump(world: &World, details: bool, say: Say<'_>) -> Done {
    let (records, keys) = (world.store.records(), world.store.keys());
    let out = |line| say(Frame::Out(line));
    let unreadable =
        crate::dump::dump(records, keys, &world.settings.origin, details, out, |line| note(say, &line));
    match unreadable {
        0 => Ok(()),
        some => Err(Refused::new("unreadable", crate::cli::not_whole(some))),
    }
}

fn verify(world: &World, older: Option<&str>, as_json: bool, say: Say<'_>) -> Frame {
    if let Err(refused) = audit_read(world, "verify") {
        note(say, &format!("{}: {refused}; nothing was verified", refused.reason));
        return Frame::End(1);
    }
    let checked = world.store.log().verify(older, |_| {});
    let checked = checked.and_then(|checked| world.store.check().map(|_| checked).map_err(Finding::from));
    out(say, crate::cli::verdict(&checked, as_json));
    Frame::End(u8::from(checked.is_err()))
}

fn prove(world: &World, index: u64, say: Say<'_>) -> Done {
    let proof = world.store.log().prove(index).map_err(|e| Refused::new("unknown-record", e.to_string()))?;
    out(say, serde_json::to_string(&proof).unwrap_or_default());
    Ok(())
}

/// An operator knows that records are missing which the witness saw, or this gateway itself: each gap of that size.
fn acknowledge_gap(world: &World, seen: u64, as_json: bool, say: Say<'_>) -> Done {
    let own = world.store.lacks();
    let witnessed = world.witness.as_ref().filter(|watch| watch.open_gap().is_some());
    let here = match (own, witnessed) {
        (Some(own), None) if own.seen != seen => {
            return Err(Refused::new(
                "other-gap",
                format!("{} records were seen here, not {seen}", own.seen),
            ));
        }
        (Some(own), _) if own.seen == seen => {
            acknowledge_own(world, own)?;
            if let Some(watch) =
                witnessed.filter(|watch| watch.open_gap().is_some_and(|gap| gap.witnessed == seen))
            {
                watch.acknowledge(seen, world)?;
            }
            own.here
        }
        (_, Some(watch)) => watch.acknowledge(seen, world)?.here,
        (_, None) if world.witness.is_none() => {
            return Err(Refused::new("no-witness", "nothing is missing here, and no witness is configured"));
        }
        (_, None) => return Err(Refused::new("no-gap", "nothing is missing here")),
    };
    let line = if as_json {
        json!({"witnessed": seen, "here": here}).to_string()
    } else {
        let now = match world.store.is_held_back() {
            true => "another gap is still open",
            false => "from now on everything is answered",
        };
        format!("recorded: {seen} records were seen, {here} stood here; {now}")
    };
    out(say, line);
    Ok(())
}

/// Recorded first, then entries are taken again.
fn acknowledge_own(world: &World, lacks: Lacks) -> Done {
    let mut draft = desk::draft(Kind::AuditRead, Action::Execute, world, None);
    let (seen, here) = (lacks.seen.to_string(), lacks.here.to_string());
    let details = [("command", "acknowledge-gap"), ("seen-size", &seen), ("found-size", &here)];
    let details = details.map(|(name, value)| Detail { name: name.into(), value: value.into() });
    draft.entry.details.extend(details);
    world.store.record_held_back(draft)?;
    if let Err(error) = world.store.is_acknowledged() {
        tracing::warn!(%error, "the acknowledged gap cannot be forgotten: the next start asks once more");
    }
    if !world.store.is_held_back()
        && let Err(error) = beginning::write(world)
    {
        tracing::error!(%error, "the start cannot be recorded");
    }
    Ok(())
}

fn retention_run(world: &World, keep_years: u16, as_json: bool, say: Say<'_>) -> Done {
    let Forgotten { before, years, held, longer } = retention::run(world, keep_years)?;
    let line = if as_json {
        json!({"before": before, "forgotten": years, "held": held, "longer": longer}).to_string()
    } else {
        format!(
            "{years} years of persons from before {before} are forgotten, {held} are held back, {longer} are kept longer \
             by an organisation's own term"
        )
    };
    out(say, line);
    Ok(())
}

fn keys_list(world: &World, as_json: bool, say: Say<'_>) {
    let mut all = world.store.keys().named();
    all.sort_by_key(|(which, number)| (which.name(), *number));
    for (which, number) in &all {
        let current = !all.iter().any(|(other, later)| other == which && later > number);
        let (kind, word) = (which.name(), if current { "in use" } else { "opens and verifies what it made" });
        let line = json!({"kind": kind, "number": number, "current": current}).to_string();
        out(say, if as_json { line } else { format!("{kind} {number}: {word}") });
    }
}

fn keys_rotate(world: &World, kind: &str, new_master: Option<&Path>, as_json: bool, say: Say<'_>) -> Done {
    let turn = Turn::parse(kind, new_master)?;
    let turned = rotation::run(world, turn)?;
    let number = turned.number.map(|number| format!(" {number}")).unwrap_or_default();
    if as_json {
        let told = json!({"kind": kind, "number": turned.number, "journal_key": turned.journal_key});
        out(say, told.to_string());
    } else {
        out(say, format!("{kind}{number} is in use"));
    }
    if let Some(key) = turned.journal_key.filter(|_| !as_json) {
        out(say, key);
    }
    match turn {
        Turn::Named(Use::JournalSigning) => {
            note(
                say,
                "give the new key to whoever checks this journal and to its witness; until then the former key signs beside it",
            );
        }
        Turn::Named(Use::View) => {
            note(
                say,
                "what the view holds stays sealed as it was until it is written again: `sluis rebuild-view` does all of it",
            );
        }
        Turn::Master(_) => {
            note(
                say,
                "the next start needs the new master key; backups made before open with the former one",
            );
        }
        Turn::Named(_) | Turn::Persons => {}
    }
    Ok(())
}

/// The snapshot is taken on the journal's writer with the record that says so; the archive is written beside it.
fn backup(world: &World, to: &Path, keys_to: &Path, as_json: bool, say: Say<'_>) -> Done {
    let failed = |e: ArchiveError| Refused::new("backup-failed", e.to_string());
    backup::outside(&world.settings.root, [to, keys_to]).map_err(failed)?;
    let mut draft = desk::draft(Kind::AuditRead, Action::Read, world, None);
    draft.entry.details.push(Detail { name: "command".into(), value: "backup".into() });
    let root = world.settings.root.clone();
    // Both archives and what is in them go with one master key, and no key is wiped between the one and the other.
    let _still = world.store.keys().still();
    let snapshot = world.store.record_at(draft, move || Snapshot::take(&root))?.map_err(failed)?;
    let master = world.store.keys().master();
    let (data, keys) =
        backup::write(&world.settings.root, &snapshot, &master, to, keys_to).map_err(failed)?;
    snapshot.left_out.iter().for_each(|path| note(say, &crate::cli::left_out(path)));
    out(say, crate::cli::said(to, data, keys_to, keys, as_json));
    Ok(())
}

/// Decides a recorded decision again; exit 1 when another answer comes out, or none.
fn replay(world: &World, index: u64, as_json: bool, say: Say<'_>) -> Frame {
    if let Err(refused) = audit_read(world, "replay") {
        note(say, &format!("{}: {refused}", refused.reason));
        return Frame::End(1);
    }
    let past =
        Past { keys: world.store.keys(), journal: world.store.records(), holdings: world.store.holdings() };
    let present = Present {
        rules: &world.rules,
        sha256: &world.settings.rules_sha256,
        followed_up: world.settings.break_glass_followed_up,
    };
    let replayed = crate::replay::replay(&past, &present, index);
    let (line, code) = crate::cli::replayed(index, &replayed, as_json);
    out(say, line);
    Frame::End(code)
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
