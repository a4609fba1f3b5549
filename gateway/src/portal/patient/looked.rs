//! Who looked: every line answers when, who, for whom, why, on what ground, what was given and what was not, and whether it
//! was a person. A second rendering of `lens::Seen`. Like lines of one day stand once, with their number.

use super::About;
use super::sharing::{capital, lower};
use crate::control::operator::OPERATOR;
use crate::lens::{NOT_SHOWN, see};
use crate::portal::acts::{by_administrator, detail, is_trial, peculiar};
use crate::portal::tell::{clock, date_words, moment, reason, result};
use crate::replay::TRIED_AS;
use crate::road::authenticate::TAGGED;
use crate::road::locate::REPRESENTING;
use axum::body::Body;
use consent::period::day_of;
use fhir_mappings::audit::{Entry, Kind, Outcome, Person};
use http::Response;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use std::collections::BTreeSet;

/// Like lines of one day.
struct Line {
    entry: Entry,
    first: Timestamp,
    last: Timestamp,
    count: usize,
}

/// What happened lately, for the first page.
pub(super) struct Lately {
    pub(super) places: usize,
    pub(super) emergencies: usize,
}

/// # Errors
/// When not all of it can be read.
pub(super) fn lately(about: &About<'_>) -> Result<Lately, Unread> {
    let since = about.visit.world.clock.now() - SignedDuration::from_hours(24 * 30);
    let mut places = BTreeSet::new();
    let mut emergencies = 0;
    for line in seen(about, None)? {
        let (_, time, entry) = line?;
        if time < since {
            break;
        }
        if entry.kind == Kind::Answered {
            places.extend(entry.organisation.as_ref().map(|o| o.id.clone()));
        }
        emergencies +=
            usize::from(entry.emergency.is_some() && matches!(entry.kind, Kind::Answered | Kind::Refused));
    }
    Ok(Lately { places: places.len(), emergencies })
}

/// A part of the log cannot be read: what is left of it would look whole.
#[derive(Debug)]
pub(super) struct Unread;

type Seen = (u64, Timestamp, Entry);

/// The records that this reader may see, newest first, from below an index.
fn seen<'a>(
    about: &'a About<'_>,
    below: Option<u64>,
) -> Result<impl Iterator<Item = Result<Seen, Unread>> + 'a, Unread> {
    let world = about.visit.world;
    let (lens, name) = (about.lens(), about.name());
    let indexes = world.store.timeline(about.person).map_err(|_| Unread)?;
    let indexes = indexes.into_iter().rev().filter(move |index| below.is_none_or(|below| *index < below));
    Ok(indexes.filter_map(move |index| match see(index, &lens, &name, world) {
        // How it ended stands in a record of its own: one line for people.
        Ok(seen) => seen
            .filter(|seen| seen.entry.kind != Kind::Asked)
            .map(|seen| Ok((index, seen.leaf.time, seen.entry))),
        Err(_) => Some(Err(Unread)),
    }))
}

/// Which lines are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Only {
    All,
    Emergency,
    Refused,
}

impl Only {
    fn takes(self, entry: &Entry) -> bool {
        match self {
            Self::All => true,
            Self::Emergency => entry.emergency.is_some(),
            Self::Refused => entry.kind == Kind::Refused,
        }
    }
}

/// The page.
pub(super) async fn page(about: &About<'_>) -> Response<Body> {
    let (visit, words) = (about.visit, about.visit.words);
    let only = match visit.query.get("only") {
        Some("emergency") => Only::Emergency,
        Some("refused") => Only::Refused,
        _ => Only::All,
    };
    let below = visit.query.get("before").and_then(|index| index.parse().ok());
    // It reads and opens records: not on a thread that answers others.
    let Ok((days, next)) = tokio::task::block_in_place(|| days(about, only, below)) else {
        return visit.trouble(503, "unreadable");
    };
    let here = format!("{}/looked", about.base);
    let filter = |code: &str, name: String, on: bool| {
        let path = if code.is_empty() { here.clone() } else { format!("{here}?only={code}") };
        html! { li { a href=(path) aria-current=[on.then_some("true")] { (name) } } }
    };
    let now = visit.world.clock.now();
    let content = html! {
        p class="lead" { (about.say("looked-lead")) }
        p { (words.with("coverage", [("time", moment(now, words).into())])) }
        nav aria-label=(words.say("filter")) { ul {
            (filter("", words.say("only-all"), only == Only::All))
            (filter("emergency", words.say("only-emergency"), only == Only::Emergency))
            (filter("refused", words.say("only-refused"), only == Only::Refused))
        } }
        @if days.is_empty() { p { (words.say("looked-nobody")) } }
        @for (date, others, own) in &days {
            h2 { (date_words(*date, words)) }
            @for line in others { (one(about, line)) }
            @if !own.is_empty() {
                details { summary { (words.with("own-acts", [("count", own.iter().map(|l| l.count).sum::<usize>().into())])) }
                    ul { @for line in own { li {
                        (clock(line.first)) " – " (words.code("act", act(&line.entry)))
                        @if line.count > 1 { " " span class="count" { (words.with("times", [("count", line.count.into())])) } }
                    } } }
                }
            }
        }
        @if let Some(next) = next { p { a href=(format!("{here}?before={next}")) { (words.say("older")) } } }
    };
    about.show("looked", words.say("looked"), content).await
}

type Day = (Date, Vec<Line>, Vec<Line>);

/// Whole days from the newest on, until enough lines; where to go on from.
fn days(about: &About<'_>, only: Only, below: Option<u64>) -> Result<(Vec<Day>, Option<u64>), Unread> {
    let mut days: Vec<Day> = Vec::new();
    let mut lines = 0;
    for line in seen(about, below)? {
        let (index, time, entry) = line?;
        if !only.takes(&entry) || act(&entry) == "not-told" {
            continue;
        }
        let date = day_of(time);
        if days.last().is_none_or(|(last, _, _)| *last != date) {
            if lines >= LINES {
                return Ok((days, Some(index + 1)));
            }
            days.push((date, Vec::new(), Vec::new()));
        }
        let Some((_, others, own)) = days.last_mut() else { continue };
        let own_act = by_reader(about, &entry);
        let lane = if own_act { own } else { others };
        match lane.iter_mut().find(|line| alike(&line.entry, &entry, own_act)) {
            Some(line) => {
                line.first = line.first.min(time);
                line.count += 1;
            }
            None => {
                lines += 1;
                lane.push(Line { entry, first: time, last: time, count: 1 });
            }
        }
    }
    Ok((days, None))
}

/// Whether the reader did it: the person, or who acts for them and reads here.
fn by_reader(about: &About<'_>, entry: &Entry) -> bool {
    let Some(person) = &entry.person else { return false };
    let quiet = matches!(entry.kind, Kind::Portal | Kind::AuditRead | Kind::Consent | Kind::Token);
    let own = match &about.acting {
        None => format!("{TAGGED}{}", entry.subject.as_deref().unwrap_or_default()),
        Some(_) => format!("{REPRESENTING}{}", about.signed.who().asker.person.id),
    };
    quiet && person.id == own
}

fn alike(one: &Entry, other: &Entry, own: bool) -> bool {
    let who = |entry: &Entry| {
        let person = entry.person.as_ref().map(|p| p.id.clone());
        (
            entry.organisation.as_ref().map(|o| o.id.clone()),
            person,
            entry.function.clone(),
            entry.purpose.clone(),
        )
    };
    let (kind, emergency) = (one.kind == other.kind, one.emergency.is_some() || other.emergency.is_some());
    // An emergency is never folded away.
    kind && !emergency
        && act(one) == act(other)
        && (own || (who(one) == who(other) && one.outcome == other.outcome && shares(one) == shares(other)))
}

/// What was given and not, without counts.
fn shares(entry: &Entry) -> Vec<(String, Vec<String>, Vec<String>)> {
    let one = |share: &fhir_mappings::audit::Share| {
        let given = share.given.iter().flat_map(|given| given.classes.clone()).collect();
        let withheld = share.withheld.iter().flat_map(|withheld| withheld.classes.clone()).collect();
        (share.holder.id.clone(), given, withheld)
    };
    entry.shares.iter().map(one).collect()
}

/// What happened, as a code that there are words for.
fn act(entry: &Entry) -> &'static str {
    if let Some(act) = peculiar(entry) {
        return act;
    }
    match entry.kind {
        Kind::Answered | Kind::Asked => "looked",
        Kind::Refused => "refused",
        Kind::Token => "token",
        Kind::TokenRefused => "token-refused",
        Kind::Consent => "consent",
        Kind::Relation => "relation",
        Kind::Attestation => "attestation",
        Kind::Import => "import",
        Kind::DryRun => "dry-run",
        Kind::Portal => "portal",
        Kind::AuditRead => "audit-read",
        Kind::Notice => match detail(entry, "to") {
            Some("person") => "notice",
            _ => "not-told",
        },
        Kind::Participant | Kind::Certificate | Kind::Key | Kind::Rules | Kind::Restart | Kind::Flood => {
            "not-told"
        }
    }
}

fn one(about: &About<'_>, line: &Line) -> Markup {
    let (words, entry) = (about.visit.words, &line.entry);
    let (result, mark) = result(entry);
    html! {
        details class=[entry.emergency.is_some().then_some("urgent")] {
            summary {
                (clock(line.last)) " – "
                span class=(mark) { (words.code("result", result)) }
                @if entry.emergency.is_some() { " – " strong { (words.say("in-emergency")) } }
                " – " (organisation(about, entry))
                @if let Some(function) = function(about, entry) { ", " (function) }
                " – " (words.code("act", act(entry)))
                @if line.count > 1 { " " span class="count" { (words.with("times", [("count", line.count.into())])) } }
            }
            (facts(about, line))
        }
    }
}

fn facts(about: &About<'_>, line: &Line) -> Markup {
    let (words, entry) = (about.visit.words, &line.entry);
    let none = || words.say("none");
    let behalf = entry.responsible.as_ref().map(|person| person_name(about, person));
    let asked = matches!(entry.kind, Kind::Answered | Kind::Asked | Kind::Refused | Kind::DryRun)
        && !by_administrator(entry);
    html! {
        dl class="facts" {
            dt { (words.say("when")) }
            dd {
                (clock(line.first))
                @if line.count > 1 { " – " (clock(line.last)) }
            }
            dt { (words.say("who-looked")) }
            dd {
                (organisation(about, entry))
                @if let Some(person) = acted_there(entry) { ", " (person_name(about, person)) }
            }
            @if let Some(tried) = tried(about, entry) { dt { (words.say("tried-as")) } dd { (tried) } }
            @if asked {
                dt { (words.say("on-behalf")) } dd { (behalf.unwrap_or_else(none)) }
                dt { (words.say("reason")) }
                dd { (entry.purpose.as_deref().map(|code| words.code("purpose", code)).unwrap_or_else(none)) }
                dt { (words.say("basis")) } dd { (basis(about, entry)) }
                dt { (words.say("given-list")) } dd { (list(about, entry, true)) }
                dt { (words.say("withheld-list")) } dd { (list(about, entry, false)) }
            }
            dt { (words.say("by-whom")) }
            dd { (words.say(if entry.person.is_some() { "by-person" } else { "by-machine" })) }
        }
    }
}

fn organisation(about: &About<'_>, entry: &Entry) -> String {
    let words = about.visit.words;
    match &entry.organisation {
        Some(organisation) if organisation.id == NOT_SHOWN => words.say("not-named"),
        Some(organisation) => organisation.name.clone(),
        None if by_administrator(entry) => words.say("by-administrator"),
        None if entry.person.is_some() => words.say("by-portal"),
        None => words.say("by-sluis"),
    }
}

/// Who acted, beside the organisation: the administrator alone stands for themselves.
fn acted_there(entry: &Entry) -> Option<&Person> {
    let alone = entry.organisation.is_none() && by_administrator(entry);
    entry.person.as_ref().filter(|_| !alone)
}

/// As whom the administrator tried what would be allowed; a place is named only where the record still names it.
fn tried(about: &About<'_>, entry: &Entry) -> Option<String> {
    let id = detail(entry, TRIED_AS).filter(|_| is_trial(entry))?;
    let trust = about.visit.world.store.trust();
    let name = trust.participant(id)?.name.clone();
    let work = function_named(about, entry);
    Some(work.map_or_else(|| name.clone(), |work| format!("{name}, {work}")))
}

/// In which function somebody acted. Who was only tried did not.
fn function(about: &About<'_>, entry: &Entry) -> Option<String> {
    if is_trial(entry) { None } else { function_named(about, entry) }
}

fn function_named(about: &About<'_>, entry: &Entry) -> Option<String> {
    let code = entry.function.as_deref()?;
    let vocabulary = about.visit.world.rules.vocabulary();
    Some(vocabulary.function(code).map_or_else(|| code.to_owned(), |one| about.function_name(one).to_owned()))
}

/// The name if the record has one, else the role, else that it was somebody.
fn person_name(about: &About<'_>, person: &Person) -> String {
    let words = about.visit.words;
    if person.id.starts_with(OPERATOR) {
        return words.say("by-administrator");
    }
    if person.id.starts_with(TAGGED) && person.name.is_none() {
        return words.say(if about.is_own() { "yourself" } else { "the-person" });
    }
    let role = person.role.as_ref().and_then(|role| {
        let spec = about.visit.world.rules.vocabulary().role(&role.code)?;
        Some(words.pick(&spec.nl, &role.code).to_owned())
    });
    match (&person.name, role) {
        (Some(name), Some(role)) => format!("{name} ({role})"),
        (Some(name), None) => name.clone(),
        (None, Some(role)) => role,
        (None, None) => words.say("somebody"),
    }
}

fn basis(about: &About<'_>, entry: &Entry) -> String {
    let words = about.visit.words;
    let senders: BTreeSet<&str> =
        entry.shares.iter().flat_map(|share| share.given.iter().map(|given| given.sender.as_str())).collect();
    if senders.is_empty() {
        return words.say("none");
    }
    senders.into_iter().map(|sender| words.code("basis", sender)).collect::<Vec<_>>().join("; ")
}

/// What was given, or withheld and why, holder by holder.
fn list(about: &About<'_>, entry: &Entry, given: bool) -> Markup {
    let words = about.visit.words;
    let names = |codes: &[String]| {
        let vocabulary = about.visit.world.rules.vocabulary();
        let names = codes.iter().map(|code| match vocabulary.class(code) {
            Some(class) => lower(about.class_name(class)),
            None => code.clone(),
        });
        names.collect::<Vec<_>>().join(", ")
    };
    let trust = about.visit.world.store.trust();
    let holder = |id: &str| trust.participant(id).map_or_else(|| words.say("not-named"), |p| p.name.clone());
    let mut parts: Vec<(String, String)> = Vec::new();
    for share in &entry.shares {
        if given {
            parts.extend(share.given.iter().map(|given| {
                let level = if given.level == "reduced" { words.say("in-short") } else { String::new() };
                (holder(&share.holder.id), format!("{} {level}", names(&given.classes)))
            }));
        } else {
            let withheld = share.withheld.iter();
            parts.extend(withheld.map(|withheld| {
                (
                    holder(&share.holder.id),
                    format!("{} ({})", names(&withheld.classes), reason(words, &withheld.reason)),
                )
            }));
            if share.failed.is_some() {
                parts.push((holder(&share.holder.id), words.say("could-not")));
            }
        }
    }
    let refused = match &entry.outcome {
        Outcome::Refused(why) if !given && parts.is_empty() => {
            Some(reason(words, why.rsplit('/').next().unwrap_or(why)))
        }
        _ => None,
    };
    html! {
        @if let Some(refused) = refused { (capital(&refused)) }
        @else if parts.is_empty() { (words.say("nothing")) }
        @else { ul { @for (holder, what) in parts { li { (holder) ": " (what) } } } }
    }
}

const LINES: usize = 50;
