//! One record whole, with how its decision came about: decided again on the state of then, and told class by class as far
//! as this officer may know it.

use super::list::kind;
use super::{Desk, Row};
use crate::control::operator::OPERATOR;
use crate::portal::tell::{moment, officer_reason, result};
use crate::replay::{NoReplay, Past, Present, Replayed, replay, trace};
use axum::body::Body;
use consent::Reason;
use consent::explain::{Line, Outcome as Decided, sentences};
use fhir_mappings::audit::{Entry, Outcome, Share};
use http::Response;
use maud::{Markup, html};
use std::sync::Arc;

/// The page; who may not see the record hears that there is none.
pub(super) async fn page(desk: &Desk<'_>, index: u64) -> Response<Body> {
    let words = desk.visit.words;
    let row = match desk.row(index) {
        Ok(Some(row)) => row,
        Ok(None) => return desk.visit.trouble(404, "not-found"),
        // Whose it is cannot be told; that one does not hold stands on the journal's page for every officer.
        Err(_) => return desk.visit.trouble(503, "unreadable"),
    };
    let mut trail = desk.trail("record", Some(format!("record={index}")));
    trail.person = row.person.as_ref().map(|(person, _)| *person);
    let again = again(desk, index).await;
    let content = html! {
        (facts(desk, &row))
        @if !row.seen.entry.shares.is_empty() { (shares(desk, &row.seen.entry.shares)) }
        h2 { (words.say("decision")) }
        (decision(desk, &row.seen.entry, again))
    };
    let title = words.with("record-number", [("number", index.into())]);
    desk.show(title, content, &trail).await
}

type Again = Result<(Replayed, Vec<Line>), NoReplay>;

/// Decided again from journal and holdings, on a thread of its own: it reads the past from the beginning.
async fn again(desk: &Desk<'_>, index: u64) -> Option<Again> {
    let world = Arc::clone(&desk.visit.house.world);
    let told = tokio::task::spawn_blocking(move || {
        let past = Past {
            keys: world.store.keys(),
            journal: world.store.records(),
            holdings: world.store.holdings(),
        };
        let present = Present {
            rules: &world.rules,
            sha256: &world.settings.rules_sha256,
            followed_up: world.settings.break_glass_followed_up,
        };
        Ok((replay(&past, &present, index)?, trace(&past, &present, index)?))
    });
    told.await.ok()
}

fn facts(desk: &Desk<'_>, row: &Row) -> Markup {
    let words = desk.visit.words;
    let entry = &row.seen.entry;
    let mut facts: Vec<(&str, String)> = vec![("when", moment(row.seen.leaf.time, words))];
    let mut add = |name: &'static str, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    let (result, _) = result(entry);
    add(
        "what-happened",
        Some(format!("{} – {}", words.code("act", &kind(entry)), words.code("result", result))),
    );
    add("outcome", code(&entry.outcome).map(|code| officer_reason(words, code)));
    add("organisation", entry.organisation.as_ref().map(|o| o.name.clone()));
    let person = |p: &fhir_mappings::audit::Person| match (&p.name, &p.role) {
        (Some(name), Some(role)) => format!("{name} ({})", role_name(desk, &role.code)),
        (Some(name), None) => name.clone(),
        (None, Some(role)) => role_name(desk, &role.code),
        (None, None) if p.id.starts_with(OPERATOR) => words.say("by-administrator"),
        (None, None) => words.say("not-named"),
    };
    add("who-looked", entry.person.as_ref().map(person));
    add("on-behalf", entry.responsible.as_ref().map(person));
    add("function", entry.function.as_deref().map(|code| function_name(desk, code)));
    add("purpose", entry.purpose.as_deref().map(|code| words.code("purpose", code)));
    add("person-tag", row.person.as_ref().map(|(_, name)| name.clone()));
    add("emergency", entry.emergency.as_ref().map(|e| words.code("glass", &e.reason)));
    add("relation", entry.relation.as_ref().map(|r| r.kind.clone()));
    add("asked-for", entry.resource_type.clone());
    add("query", entry.query.clone());
    add("network", entry.network.as_ref().map(|n| n.address.clone()));
    add("request", Some(row.seen.leaf.request_id.clone()));
    let rules = entry.protocols.iter().map(|p| format!("{} {}", p.name, p.version)).collect::<Vec<_>>();
    add("rules", (!rules.is_empty()).then(|| rules.join(", ")));
    html! {
        dl class="facts" { @for (name, value) in facts { dt { (words.code("column", name)) } dd { (value) } } }
    }
}

fn function_name(desk: &Desk<'_>, code: &str) -> String {
    let vocabulary = desk.visit.world.rules.vocabulary();
    let spec = vocabulary.function(code).and_then(|function| vocabulary.function_spec(function));
    spec.map_or_else(|| code.to_owned(), |spec| desk.visit.words.pick(&spec.nl, &spec.en).to_owned())
}

/// Roles have their name in Dutch, as in the national lists.
fn role_name(desk: &Desk<'_>, code: &str) -> String {
    desk.visit.world.rules.vocabulary().role(code).map_or_else(|| code.to_owned(), |role| role.nl.to_string())
}

/// The coded reason of an outcome; a success has none.
fn code(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Success => None,
        Outcome::Partial(code) | Outcome::Refused(code) | Outcome::Failed(code) => Some(code),
    }
}

fn shares(desk: &Desk<'_>, shares: &[Share]) -> Markup {
    let words = desk.visit.words;
    let trust = desk.visit.world.store.trust();
    html! {
        h2 { (words.say("given-and-not")) }
        div class="wide" { table {
            thead { tr { @for key in ["holder", "given", "withheld"] { th scope="col" { (words.code("column", key)) } } } }
            tbody { @for share in shares { tr {
                th scope="row" { (trust.participant(&share.holder.id).map_or(share.holder.id.clone(), |p| p.name.clone())) }
                td { @for given in &share.given {
                    p { (given.classes.join(", ")) " (" (given.level) "; " (words.code("ground", &given.sender)) ")" }
                } }
                td {
                    @for withheld in &share.withheld { p { (withheld.classes.join(", ")) " (" (officer_reason(words, &withheld.reason)) ")" } }
                    @if share.failed.is_some() { p { (words.say("could-not")) } }
                }
            } } }
        } }
    }
}

fn decision(desk: &Desk<'_>, entry: &Entry, again: Option<Again>) -> Markup {
    let words = desk.visit.words;
    let (replayed, lines) = match again {
        Some(Ok(told)) => told,
        Some(Err(NoReplay::NoDecision)) => return html! { p { (words.say("no-decision")) } },
        Some(Err(NoReplay::OtherRules(version))) => {
            return html! { p { (words.with("other-rules", [("version", version.into())])) } };
        }
        Some(Err(NoReplay::Forgotten | NoReplay::Unreadable)) | None => {
            return html! { p { (words.say("not-again")) } };
        }
    };
    let lines: Vec<Line> = lines.into_iter().filter(|line| may_know(desk, entry, line)).collect();
    let trust = desk.visit.world.store.trust();
    let vocabulary = desk.visit.world.rules.vocabulary();
    let class_name = |code: &str| {
        let spec = vocabulary.class(code).and_then(|class| vocabulary.class_spec(class));
        spec.map_or_else(|| code.to_owned(), |spec| words.pick(&spec.nl, &spec.en).to_owned())
    };
    html! {
        @if replayed.equal { p class="note" { (words.say("decided-same")) } }
        @else { p class="error" { (words.say("decided-otherwise")) } }
        p { (words.with("decided-under", [("version", replayed.rules.as_str().into())])) }
        @if lines.is_empty() { p { (words.say("trace-elsewhere")) } }
        @for line in &lines {
            details {
                summary {
                    (trust.participant(&line.holder).map_or(line.holder.to_string(), |p| p.name.clone()))
                    " – " (class_name(&line.class)) ": "
                    @if line.verdict == Decided::Permit { span class="yes" { (words.say("yes")) } }
                    @else {
                        span class="no" { (words.say("no")) }
                        @if let Some(why) = line.reason { " (" (officers(why, desk)) ")" }
                    }
                }
                ol { @for sentence in sentences(&without_ids(line), words.tag()) { li { (sentence) } } }
            }
        }
    }
}

/// A holder's officer knows why of its own data; an asker's why something was given, and of others' refusals nothing.
fn may_know(desk: &Desk<'_>, entry: &Entry, line: &Line) -> bool {
    if *line.holder == *desk.id() {
        return true;
    }
    let asked = entry.organisation.as_ref().is_some_and(|organisation| organisation.id == desk.id());
    let given = entry.shares.iter().filter(|share| share.holder.id == *line.holder).any(|share| {
        share.given.iter().any(|given| given.classes.iter().any(|class| **class == *line.class))
    });
    asked && given && line.verdict == Decided::Permit
}

/// Which choice it was stays between the person, its recorder and the officers of holders that it names.
fn without_ids(line: &Line) -> Vec<consent::trace::Step> {
    line.trace.iter().map(|step| consent::trace::Step { consent: None, ..step.clone() }).collect()
}

fn officers(why: Reason, desk: &Desk<'_>) -> String {
    officer_reason(desk.visit.words, crate::refusal::reason_code(why))
}
