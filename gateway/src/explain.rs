//! `$explain`: the caller's own decision by class, in codes and in the words of `sluis explain`. No data is read, and
//! nobody else's consents are shown; why something is refused, only the person hears.

use crate::refusal::{NoGrant, Refusal};
use crate::road::authorise::{Ask, Authorised};
use crate::road::decide::{Decided, judge_as, note, stamp};
use crate::road::locate::{is_self, locate};
use crate::road::record::record_disclosure;
use crate::road::{Minimised, Recorded};
use crate::trail::Trail;
use crate::trust::Purpose;
use crate::world::World;
use consent::explain::{Line, lines};
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
    let asker = asked.session().asker();
    // On a participant's word alone anybody could be the person: only the person's own app asks with this purpose.
    let own = asker.purpose == Purpose::OwnRequest
        && located.subject().is_some_and(|subject| is_self(asker, &subject.state));
    let body = parameters(&decisions, own, trail.language.as_str(), world);
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

fn parameters(decisions: &[Decided], own: bool, language: &str, world: &World) -> Value {
    let mut parameter = vec![json!({"name": "rules", "valueString": world.rules.version()})];
    for decided in decisions.iter().filter(|d| d.decision().any_permit()) {
        for line in lines(&world.rules, &decided.holder().name, decided.decision(), &[]) {
            parameter.push(json!({"name": "decision", "part": parts(&line, own, language)}));
        }
    }
    json!({"resourceType": "Parameters", "parameter": parameter})
}

fn parts(line: &Line, own: bool, language: &str) -> Vec<Value> {
    let coded = |name: &str, code: Value| json!({"name": name, "valueCode": code});
    let mut part = vec![
        json!({"name": "holder", "valueString": line.holder}),
        coded("class", json!(line.class)),
        coded("verdict", json!(line.verdict)),
    ];
    part.extend(line.level.map(|level| coded("level", json!(level))));
    part.extend(line.basis.map(|basis| {
        let legs = [coded("sender", json!(basis.sender)), coded("receiver", json!(basis.receiver))];
        json!({"name": "basis", "part": legs})
    }));
    part.extend(line.reason.filter(|_| own).map(|reason| coded("reason", json!(reason))));
    part.push(json!({"name": "text", "valueString": line.text(language, own)}));
    part
}
