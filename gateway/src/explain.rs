//! `$explain`: the caller's own decision by class. No data is read, and nobody else's consents are shown.

use crate::refusal::{NoGrant, Refusal};
use crate::road::authorise::{Ask, Authorised};
use crate::road::decide::{Decided, judge_as, note, stamp};
use crate::road::locate::locate;
use crate::road::record::record_disclosure;
use crate::road::{Minimised, Recorded};
use crate::trail::Trail;
use crate::trust::Purpose;
use crate::world::World;
use consent::{Level, Verdict};
use fhir_mappings::audit::Kind;
use fhir_mappings::grammar::Query;
use fhir_mappings::outcome::{Code, Outcome};
use serde_json::{Value, json};

/// Decides without fetching, and records it as a dry run.
///
/// # Errors
/// See [`Refusal`]; no grant at all is the one outward answer.
pub async fn dry_run(
    asked: Authorised,
    world: &World,
    trail: &mut Trail,
) -> Result<Recorded<Minimised>, Refusal> {
    trail.entry.kind = Kind::DryRun;
    let Ask::Explain(Query::Explain { purpose, function, .. }) = asked.ask().clone() else {
        return Err(Refusal::NoGrant(NoGrant::OutsideGrant));
    };
    let (purpose, function) =
        (registered_purpose(&asked, purpose)?, registered_function(&asked, function, world)?);
    let located = locate(asked.again(), world, trail)?;
    let now = world.clock.now();
    let decisions = judge_as(&located, world, now, purpose.as_ref(), function.as_deref());
    let version = located.subject().map(|subject| subject.state.version).unwrap_or_default();
    let unknown = located.subject().is_none();
    if !unknown {
        note(&decisions, world, &mut trail.entry);
        stamp(version, now, &mut trail.entry);
    }
    // What was tried on stands in the record, not what the token says.
    if let Some(purpose) = &purpose {
        trail.entry.purpose = Some(purpose.code().to_owned());
    }
    if function.is_some() {
        trail.entry.function.clone_from(&function);
    }
    if unknown || !decisions.iter().any(|d| d.decision().any_permit()) {
        return Err(Refusal::NoGrant(NoGrant::OutsideGrant));
    }
    let body = parameters(&decisions, world);
    let answer = Minimised::authored(Kind::DryRun, 200, body.to_string().into_bytes(), None);
    record_disclosure(answer, world, trail).await?.ok_or(Refusal::Contended)
}

/// Only what the participant is registered for can be tried on.
fn registered_purpose(asked: &Authorised, code: Option<String>) -> Result<Option<Purpose>, Refusal> {
    let Some(code) = code else { return Ok(None) };
    let registered = |p: &Purpose| asked.participant().purposes.contains(p);
    let purpose = Purpose::parse(&code).ok().filter(registered);
    purpose.map(Some).ok_or_else(|| invalid("purpose"))
}

fn registered_function(
    asked: &Authorised,
    code: Option<String>,
    world: &World,
) -> Result<Option<String>, Refusal> {
    let Some(code) = code else { return Ok(None) };
    let now = world.clock.now();
    let has = asked.participant().functions_at(now).any(|f| f.code.as_str() == code);
    has.then_some(Some(code)).ok_or_else(|| invalid("function"))
}

fn invalid(parameter: &str) -> Refusal {
    let place = format!("Parameters.parameter.where(name='{parameter}')");
    Refusal::Recording(Outcome::new(Code::BodyInvalid).at(place))
}

fn parameters(decisions: &[Decided], world: &World) -> Value {
    let vocabulary = world.rules.vocabulary();
    let mut parameter = vec![json!({"name": "rules", "valueString": world.rules.version()})];
    for decided in decisions.iter().filter(|d| d.decision().any_permit()) {
        for (class, verdict) in &decided.decision().classes {
            let mut part = vec![
                json!({"name": "holder", "valueString": decided.holder().name}),
                json!({"name": "class", "valueCode": vocabulary.class_code(*class)}),
            ];
            match verdict {
                Verdict::Permit(permit) => {
                    part.push(json!({"name": "verdict", "valueCode": "permit"}));
                    let level = match permit.level {
                        Level::Full => "full",
                        Level::Reduced => "reduced",
                    };
                    part.push(json!({"name": "level", "valueCode": level}));
                }
                Verdict::Refuse(_) => part.push(json!({"name": "verdict", "valueCode": "refuse"})),
            }
            parameter.push(json!({"name": "decision", "part": part}));
        }
    }
    json!({"resourceType": "Parameters", "parameter": parameter})
}
