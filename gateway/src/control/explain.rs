//! `sluis explain`: what would be decided, without reading data. For an operator who may know; each run stands in the
//! journal as a dry run.

use super::commands::{Done, Say, identifier, out};
use super::wire::Query;
use crate::desk::{self, Refused};
use crate::oauth::asker::{Asker, AskingPerson, Assurance, BreakGlass, BreakGlassReason, PERSON_URN};
use crate::replay::{TRIED_AS, TRIED_ASSURANCE, TRIED_PERSON};
use crate::road::authenticate;
use crate::road::decide::{Asking, explain_over, judge_asking, note, stamp};
use crate::store::keys::PersonNo;
use crate::store::state::PersonState;
use crate::trust::{FunctionCode, Participant, Purpose, Trust};
use crate::world::World;
use consent::answer::{Item, Refusal};
use consent::explain::{Line, Outcome, lines, sentences};
use consent::{Decision, Label, LabelSet, Reason, Verdict, Vocabulary};
use fhir_mappings::audit::{Action, Detail, Kind};
use jiff::Timestamp;
use serde_json::json;
use std::sync::Arc;

pub(super) fn explain(world: &World, query: &Query, say: Say<'_>) -> Done {
    let (person, state) = known(world, &query.patient)?;
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
    let vocabulary = world.rules.vocabulary();
    let unknown_label = || Refused::new("usage", "--label is no label that the rules know");
    let label =
        query.label.as_deref().map(|code| vocabulary.label(code).ok_or_else(unknown_label)).transpose()?;
    let asker = asker(world, participant, query)?;
    let asking = Asking { participant: Some(participant), asker: &asker };
    let holders: Vec<Arc<Participant>> =
        state.holders.iter().filter_map(|id| trust.participant(id).cloned()).collect();
    record(world, person, &state, &asking, &holders, at)?;
    let mut decisions = Vec::new();
    explain_over(&asking, &state, &holders, &world.law(), at, |holder, decision, traces| {
        if let Some(label) = label {
            with_label(decision, label, vocabulary, at);
        }
        decisions.extend(lines(&world.rules, holder.id.as_str(), decision, traces));
    });
    if query.json {
        let document = json!({
            "patient": query.patient, "asker": query.r#as, "purpose": query.purpose, "at": at.to_string(),
            "rules": world.rules.version(), "decisions": decisions,
        });
        out(say, document.to_string());
        return Ok(());
    }
    for line in &decisions {
        out(say, in_words(line, &query.language));
    }
    Ok(())
}

fn known(world: &World, patient: &str) -> Result<(PersonNo, PersonState), Refused> {
    let person = desk::known_person(world, &identifier(patient)?)?;
    let state = world.store.person(person);
    state
        .map(|state| (person, state))
        .map_err(|_| Refused::new("consent-unavailable", "the view cannot be read"))
}

/// A dry run is recorded with all that is needed to decide it again.
fn record(
    world: &World,
    person: PersonNo,
    state: &PersonState,
    asking: &Asking<'_>,
    holders: &[Arc<Participant>],
    at: Timestamp,
) -> Done {
    let Asking { participant, asker } = asking;
    let tried_as = participant.map_or("", |tried| tried.id.as_str());
    let mut draft = desk::draft(Kind::DryRun, Action::Execute, world, Some(person));
    let entry = &mut draft.entry;
    entry.purpose = Some(asker.purpose.code().to_owned());
    entry.function = asker.function.as_ref().map(|f| f.as_str().to_owned());
    entry.responsible =
        asker.responsible.as_ref().map(|doctor| authenticate::person(doctor, asker.purpose, world));
    entry.emergency = asker.break_glass.as_ref().map(authenticate::emergency);
    let detail = |name: &str, value: String| Detail { name: name.into(), value };
    entry.details.extend([
        detail(TRIED_AS, tried_as.to_owned()),
        detail(TRIED_PERSON, format!("{}#{}", asker.person.system, asker.person.id)),
        detail(TRIED_ASSURANCE, asker.person.assurance.code().to_owned()),
    ]);
    let decisions = judge_asking(asking, state, holders, &world.law(), at);
    note(&decisions, world, entry);
    stamp(state.version, at, entry);
    world.store.record_blocking(draft, None)?;
    Ok(())
}

/// What becomes of a decision for a resource that carries this label.
fn with_label(decision: &mut Decision, label: Label, vocabulary: &Vocabulary, at: Timestamp) {
    let mut labels = LabelSet::EMPTY;
    labels.insert(label);
    let item = Item { labels, identifiers: &[], dated: Some(at) };
    for (_, verdict) in &mut decision.classes {
        let Verdict::Permit(permit) = verdict else { continue };
        if permit.obligations.allows(&item) {
            continue;
        }
        let never = vocabulary.never_released().union(vocabulary.never_to_representatives());
        let cleared = !permit.obligations.cleared().intersection(labels).is_empty();
        let reason = match (cleared, never.intersection(labels).is_empty()) {
            (true, _) => Reason::Refused,
            (false, false) => Reason::Ceiling,
            (false, true) => Reason::NotAsked,
        };
        *verdict = Verdict::Refuse(Refusal { reason, consents: permit.consents.clone() });
    }
}

fn in_words(line: &Line, language: &str) -> String {
    let value = serde_json::to_value(line).unwrap_or_default();
    let text = |path: &str| value.pointer(path).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    let mut words = format!("{:<24} {:<14} {:<7}", line.holder, line.class, text("/verdict"));
    match line.verdict {
        Outcome::Permit => words.push_str(&format!(
            " {:<8} {} / {}",
            text("/level"),
            text("/basis/sender"),
            text("/basis/receiver")
        )),
        Outcome::Refuse => words.push_str(&format!(" {}", text("/reason"))),
    }
    words.push_str(&format!(" ({})", line.text(language, true)));
    for sentence in sentences(&line.trace, language) {
        words.push_str(&format!("\n    {sentence}"));
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
        system: PERSON_URN.into(),
        id: staff
            .as_ref()
            .map_or_else(|| query.person.clone().unwrap_or_default(), |p| p.id.as_str().to_owned()),
        name: staff.as_ref().map(|p| p.name.clone()),
        role: staff.as_ref().map(|p| p.role.clone()),
        assurance: if staff.is_some() { Assurance::Registered } else { Assurance::SelfAsserted },
    };
    let patient = identifier(&query.patient)?;
    if query.reason.is_some() && purpose != Purpose::Emergency {
        return Err(Refused::new("usage", "--reason breaks the glass: it goes with --purpose ETREAT"));
    }
    let break_glass = query.reason.is_some().then(|| BreakGlass {
        patient_system: patient.system().to_owned(),
        patient_value: patient.value().to_owned(),
        reason: BreakGlassReason::Other,
        reason_text: query.reason.clone(),
        could_not_be_asked: true,
    });
    Ok(Asker {
        participant: participant.id.clone(),
        responsible: doctor(function.as_ref(), &trust),
        function,
        purpose,
        person,
        relation: None,
        break_glass,
    })
}

/// A triagist asks under a named doctor: here the first who works in the out-of-hours post.
fn doctor(function: Option<&FunctionCode>, trust: &Trust) -> Option<AskingPerson> {
    let triage = function.is_some_and(|f| f.as_str() == "triage");
    let mut doctors: Vec<_> = trust
        .people()
        .filter(|p| triage && p.functions.iter().any(|f| f.as_str() == "gp-out-of-hours"))
        .collect();
    doctors.sort_by(|a, b| a.id.cmp(&b.id));
    doctors.first().map(|p| AskingPerson {
        system: PERSON_URN.into(),
        id: p.id.as_str().to_owned(),
        name: Some(p.name.clone()),
        role: Some(p.role.clone()),
        assurance: Assurance::Registered,
    })
}
