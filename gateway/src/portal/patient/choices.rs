//! The choices that stand, in words, and taking one back.

use super::About;
use super::choice::blank;
use super::proposal::{Proposal, summary};
use super::second_key;
use super::sharing::{capital, lower};
use crate::portal::page::see_other;
use crate::portal::tell::{date_words, day};
use axum::body::Body;
use consent::Identifier;
use consent::record::{ConsentRecord, Giver, Holder, Kind, Provision, Reading, Status, User};
use consent::renewal::{Renewal, to_ask_anew};
use http::Response;
use jiff::{SignedDuration, Timestamp};
use maud::html;

/// A choice in words.
pub(super) struct Said {
    pub(super) permit: bool,
    pub(super) answer: String,
    pub(super) who: String,
    pub(super) what: String,
    pub(super) whose: String,
    pub(super) purpose: Option<String>,
    pub(super) how_long: String,
    pub(super) except: Vec<Said>,
}

pub(super) fn describe(about: &About<'_>, record: &ConsentRecord) -> Said {
    say(about, &record.provision)
}

/// An exception speaks of what it does not state as its parent does (CONTRACT.md 7).
fn inherited(child: &Provision, parent: &Provision) -> Provision {
    let mut whole = child.clone();
    let (same, from) = (&mut whole, parent);
    if same.holders.is_empty() {
        same.holders.clone_from(&from.holders);
    }
    if same.users.is_empty() {
        same.users.clone_from(&from.users);
    }
    if same.purposes.is_empty() {
        same.purposes.clone_from(&from.purposes);
    }
    if same.classes.is_empty() && same.labels.is_empty() {
        same.classes.clone_from(&from.classes);
    }
    if same.period.is_none() {
        same.period.clone_from(&from.period);
    }
    whole
}

fn say(about: &About<'_>, said: &Provision) -> Said {
    let words = about.visit.words;
    let permit = said.kind == Kind::Permit;
    let list = |all: Vec<String>, none: &str| if all.is_empty() { words.say(none) } else { all.join(", ") };
    let emergency = said.purposes.as_slice() == [consent::Purpose::Etreat];
    let nobody_named = match (permit, emergency) {
        (_, true) => "who-emergency",
        (true, false) => "everyone",
        (false, false) => "nobody",
    };
    let all_holders = said.holders.contains(&Holder::Any) || !permit;
    let none_held = if all_holders { "whose-all" } else { "whose-recorder" };
    Said {
        permit,
        answer: words.say(if permit { "answer-yes" } else { "answer-no" }),
        who: list(said.users.iter().map(|user| user_name(about, user)).collect(), nobody_named),
        what: list(what(about, said), if permit && !emergency { "everything-usual" } else { "everything" }),
        whose: list(said.holders.iter().filter_map(|holder| holder_name(about, holder)).collect(), none_held),
        purpose: (!said.purposes.is_empty()).then(|| {
            said.purposes.iter().map(|p| words.code("purpose", p.code())).collect::<Vec<_>>().join(", ")
        }),
        how_long: how_long(about, said),
        except: said.exceptions.iter().map(|child| say(about, &inherited(child, said))).collect(),
    }
}

fn what(about: &About<'_>, said: &Provision) -> Vec<String> {
    let vocabulary = about.visit.world.rules.vocabulary();
    let one = |code: &str| match vocabulary.class(code) {
        Some(class) => lower(about.class_name(class)),
        None => about.visit.words.code("group", code),
    };
    let labels = said.labels.iter().map(|code| {
        let spec = vocabulary.label(code).and_then(|label| vocabulary.label_spec(label));
        spec.map_or_else(|| code.to_string(), |spec| about.visit.words.pick(&spec.nl, &spec.en).to_owned())
    });
    said.classes.iter().map(|code| one(code)).chain(labels).collect()
}

fn how_long(about: &About<'_>, said: &Provision) -> String {
    let words = about.visit.words;
    let Some(period) = &said.period else { return words.say("until-changed") };
    let end = period.end.as_ref().map(|end| end.as_str().to_owned());
    end.map_or_else(|| words.say("until-changed"), |end| words.with("until-day", [("day", end.into())]))
}

fn user_name(about: &About<'_>, user: &User) -> String {
    let vocabulary = about.visit.world.rules.vocabulary();
    let named = match user {
        User::Person(identifier) => person_name(about, identifier),
        User::Organisation(identifier) => organisation_name(about, identifier),
        User::Category(code) => vocabulary.category(code).map(|one| capital(about.category_name(one))),
        User::Function(code) => vocabulary.function(code).map(|one| capital(about.function_name(one))),
    };
    named.unwrap_or_else(|| about.visit.words.say("somebody"))
}

fn holder_name(about: &About<'_>, holder: &Holder) -> Option<String> {
    let vocabulary = about.visit.world.rules.vocabulary();
    match holder {
        Holder::Any => None,
        Holder::Organisation(identifier) => organisation_name(about, identifier),
        Holder::Category(code) => vocabulary.category(code).map(|one| capital(about.category_name(one))),
        Holder::Function(code) => vocabulary.function(code).map(|one| capital(about.function_name(one))),
    }
}

pub(super) fn organisation_name(about: &About<'_>, identifier: &Identifier) -> Option<String> {
    let identifier = crate::trust::Identifier {
        system: identifier.system.to_string(),
        value: identifier.value.to_string(),
    };
    about.visit.world.store.trust().by_identifier(&identifier).map(|p| p.name.clone())
}

/// A professional of our register, or who acts for the person.
fn person_name(about: &About<'_>, identifier: &Identifier) -> Option<String> {
    let trust = about.visit.world.store.trust();
    let known = about.state.representatives.iter().find(|r| r.recorded.person.value == identifier.value);
    let acting = known.and_then(|known| known.names.as_ref()).map(|names| names.acting.clone());
    acting.or_else(|| trust.person(&identifier.value).map(|person| person.name.clone()))
}

/// The list.
pub(super) async fn page(about: &About<'_>) -> Response<Body> {
    let words = about.visit.words;
    let mut records: Vec<&ConsentRecord> = Vec::new();
    let mut unreadable = 0_usize;
    for stored in &about.state.consents {
        match &stored.reading {
            Reading::Readable(record) => records.push(record),
            Reading::Unreadable { .. } => unreadable += 1,
        }
    }
    records.sort_by_key(|record| std::cmp::Reverse(record.given_at));
    let (live, past): (Vec<_>, Vec<_>) =
        records.into_iter().partition(|record| record.status == Status::Active);
    let content = html! {
        (second_key::codes(about))
        (to_renew(about))
        @if unreadable > 0 { p class="urgent" { (words.say("unreadable-choice")) } }
        @if live.is_empty() { p class="lead" { (words.say("no-choices")) } }
        @for record in live {
            (one(about, record))
            @if record.givers.contains(&Giver::Person) {
                form method="post" action=(format!("{}/choices/withdraw", about.base)) {
                    input type="hidden" name="token" value=(about.signed.form_token());
                    input type="hidden" name="choice" value=(record.id);
                    button class="second" { (words.say("withdraw")) }
                }
            }
        }
        p { a href=(format!("{}/choice", about.base)) { (words.say("choice")) } }
        @if !past.is_empty() {
            details { summary { (words.with("withdrawn-choices", [("count", past.len().into())])) }
                @for record in past { (one(about, record)) }
            }
        }
    };
    about.show("choices", words.say("choices"), content).await
}

/// What must be asked anew soon, and what ended by itself in the last year: put to the person, who may choose it again.
fn to_renew(about: &About<'_>) -> maud::Markup {
    let words = about.visit.words;
    let now = about.visit.world.clock.now();
    let soon = ending(about, now, SOON_DAYS);
    let ended = ending(about, now - SignedDuration::from_hours(24 * i64::from(ENDED_DAYS)), ENDED_DAYS);
    html! {
        @if !soon.is_empty() {
            div class="note" {
                p { strong { (words.say("renew")) } }
                ul { @for (ends, record) in &soon {
                    li { (words.with("renew-by", [("day", date_words(ends.on, words).into())])) " " (why(about, ends)) " (" (describe(about, record).who) ")" }
                } }
                p { (words.say("renew-kept")) }
            }
        }
        @if !ended.is_empty() {
            h2 { (words.say("ended")) }
            p { (words.say("ended-lead")) }
            @for (ends, record) in &ended {
                (summary(about, &describe(about, record)))
                p { (words.with("ended-on", [("day", date_words(ends.on, words).into())])) " " (why(about, ends)) }
                form method="post" action=(format!("{}/choices/renew", about.base)) {
                    input type="hidden" name="token" value=(about.signed.form_token());
                    input type="hidden" name="choice" value=(record.id);
                    button class="second" { (words.say("choose-again")) }
                }
            }
        }
    }
}

fn why(about: &About<'_>, ends: &Renewal) -> String {
    let why = serde_json::to_value(ends.why).unwrap_or_default();
    about.visit.words.code("renew", why.as_str().unwrap_or_default())
}

/// The permits that end within some days after an instant, each with its own end, one line a permit.
fn ending<'a>(about: &'a About<'_>, from: Timestamp, days: u16) -> Vec<(Renewal, &'a ConsentRecord)> {
    let readings: Vec<_> = about.state.consents.iter().map(|stored| stored.reading.clone()).collect();
    let attestations: Vec<_> =
        about.state.attestations.iter().map(|stored| stored.attestation.clone()).collect();
    let (rules, birth) = (&about.visit.world.rules, about.state.birth_date());
    let mut found = to_ask_anew(rules, birth, &readings, &attestations, from, days);
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|one| seen.insert(one.consent.id.clone()));
    let given = |id: &str| record(about, id);
    found
        .into_iter()
        .filter_map(|one| Some((given(&one.consent.id)?, one)))
        .map(|(r, one)| (one, r))
        .collect()
}

fn record<'a>(about: &'a About<'_>, id: &str) -> Option<&'a ConsentRecord> {
    about.state.consents.iter().find_map(|stored| match &stored.reading {
        Reading::Readable(record) if &*record.id == id => Some(record),
        Reading::Readable(_) | Reading::Unreadable { .. } => None,
    })
}

/// What ended, chosen again by the person: the same words, from now on, until changed.
pub(super) async fn renew(about: &About<'_>) -> Response<Body> {
    let form = &about.visit.form;
    let Some(ended) = form.get("choice").and_then(|id| record(about, id)) else {
        return about.visit.trouble(404, "not-found");
    };
    let provision = Provision { period: None, ..ended.provision.clone() };
    let record = ConsentRecord { provision, ..blank(about) };
    let fields = form.get("choice").map(|id| ("choice", id)).into_iter().collect();
    let action = format!("{}/choices/renew", about.base);
    Proposal { record, action, fields, instead: Vec::new() }.check_or_keep(about).await
}

/// How far back an ending is put to the person.
const ENDED_DAYS: u16 = 365;
const SOON_DAYS: u16 = 90;

fn one(about: &About<'_>, record: &ConsentRecord) -> maud::Markup {
    let words = about.visit.words;
    let recorder = record.recorded_by.as_ref().map(|recorder| {
        let name = organisation_name(about, recorder).unwrap_or_else(|| words.say("somebody"));
        words.with("recorded-by", [("name", name.into())])
    });
    let by_you = record.givers.contains(&Giver::Person);
    html! {
        h2 { (words.with("choice-of", [("day", day(record.given_at, words).into())])) }
        (summary(about, &describe(about, record)))
        p { (words.say(if by_you { "by-you" } else { "by-other" })) @if let Some(recorder) = recorder { " " (recorder) } }
    }
}

/// Taking one back: the same content, no longer in force.
pub(super) async fn withdraw(about: &About<'_>) -> Response<Body> {
    let form = &about.visit.form;
    let found = form.get("choice").and_then(|id| record(about, id)).cloned();
    let found = found.filter(|record| record.givers.contains(&Giver::Person));
    let Some(mut record) = found else { return about.visit.trouble(404, "not-found") };
    if record.status == Status::Active {
        record.status = Status::Inactive;
        record.version += 1;
    } else if form.get("sure").is_none() {
        return see_other(&format!("{}/choices", about.base));
    }
    let fields = form.get("choice").map(|id| ("choice", id)).into_iter().collect();
    let action = format!("{}/choices/withdraw", about.base);
    Proposal { record, action, fields, instead: Vec::new() }.check_or_keep(about).await
}
