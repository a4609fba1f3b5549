//! The second key: from twelve to sixteen a young person's yes counts once a parent or guardian says yes too.
//!
//! The young person's page shows a code with each choice that waits; who gives the code shows that they talked about it. It
//! is made from the choice and our own key, so that it is kept nowhere; it opens for three days and after five wrong tries no
//! more, and then the choice is made anew.

use super::About;
use super::choices::describe;
use super::proposal::{Proposal, summary};
use axum::body::Body;
use consent::record::{ConsentRecord, Giver, Kind, Reading, Representation, Representative, Status};
use consent::standing::age_at;
use http::Response;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Wrong tries, by choice. A restart forgives them: three days remain.
#[derive(Default)]
pub(in crate::portal) struct Tries(Mutex<HashMap<String, u8>>);

impl Tries {
    fn left(&self, choice: &str) -> bool {
        let tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tries.get(choice).is_none_or(|wrong| *wrong < TRIES)
    }

    fn wrong(&self, choice: &str) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() >= CHOICES_MAX && !tries.contains_key(choice) {
            tries.clear();
        }
        let wrong = tries.entry(choice.to_owned()).or_default();
        *wrong = wrong.saturating_add(1);
    }
}

/// Whether this is the person's own yes, at an age at which it takes two.
fn waits(about: &About<'_>, record: &ConsentRecord) -> bool {
    let now = about.visit.world.clock.now();
    age_at(about.state.birth_date(), now).is_some_and(|age| (12..16).contains(&age))
        && record.status == Status::Active
        && record.provision.kind == Kind::Permit
        && record.givers.as_slice() == [Giver::Person]
        && !apart(record)
}

fn waiting<'a>(about: &'a About<'_>) -> Vec<&'a ConsentRecord> {
    let records = about.state.consents.iter().filter_map(|stored| match &stored.reading {
        Reading::Readable(record) => Some(record),
        Reading::Unreadable { .. } => None,
    });
    records.filter(|record| waits(about, record)).collect()
}

/// Whether it speaks of what a young person keeps apart: no parent hears that there is such a choice.
fn apart(record: &ConsentRecord) -> bool {
    fn named(provision: &consent::record::Provision) -> bool {
        provision.labels.iter().any(|label| &**label == "young-person-only")
            || provision.exceptions.iter().any(named)
    }
    named(&record.provision)
}

fn is_open(record: &ConsentRecord, now: Timestamp) -> bool {
    now.duration_since(record.given_at) <= OPEN
}

/// Six digits.
fn code(about: &About<'_>, record: &ConsentRecord) -> String {
    let tag =
        about.visit.world.outward.tag("second-key", "Consent", &format!("{}/{}", record.id, record.version));
    format!("{:06}", u64::from_be_bytes(tag) % 1_000_000)
}

/// On the young person's page: the codes of what waits.
pub(super) fn codes(about: &About<'_>) -> Markup {
    told(about, &waiting(about))
}

/// On the page that says that a choice was kept: its code, if it waits.
pub(super) fn code_of(about: &About<'_>, record: &ConsentRecord) -> Markup {
    let waits: Vec<_> = [record].into_iter().filter(|record| waits(about, record)).collect();
    told(about, &waits)
}

fn told(about: &About<'_>, records: &[&ConsentRecord]) -> Markup {
    let words = about.visit.words;
    let now = about.visit.world.clock.now();
    let open: Vec<_> = records.iter().filter(|record| is_open(record, now)).collect();
    html! {
        @if !open.is_empty() {
            div class="note" {
                p { strong { (words.say("waits")) } }
                p { (words.say("waits-how")) }
                ul { @for record in open {
                    @let said = describe(about, record);
                    li { (said.who) ": " (said.what) " – " (words.say("waits-code")) " " strong { (code(about, record)) } }
                } }
            }
        }
    }
}

/// Whether who acts here has the second key.
pub(super) fn has_key(about: &About<'_>) -> bool {
    about.has_a_say().is_some() && !waiting(about).is_empty()
}

/// The parent's page: what waits, and a field for the code of each.
pub(super) async fn page(about: &About<'_>, wrong: bool) -> Response<Body> {
    let words = about.visit.words;
    let now = about.visit.world.clock.now();
    let waiting = waiting(about);
    if about.has_a_say().is_none() {
        return about.visit.trouble(404, "not-found");
    }
    let content = html! {
        @if wrong { div class="error" role="alert" { p { (words.say("code-wrong")) } } }
        p class="lead" { (words.say("second-key-lead")) }
        @if waiting.is_empty() { p { (words.say("second-key-none")) } }
        @for record in waiting {
            (summary(about, &describe(about, record)))
            @if !is_open(record, now) || !about.visit.house.tries.left(&record.id) {
                p class="note" { (words.say("code-over")) }
            } @else {
                form method="post" action=(format!("{}/second-key", about.base)) {
                    input type="hidden" name="token" value=(about.signed.form_token());
                    input type="hidden" name="choice" value=(record.id);
                    label for=(format!("code-{}", record.id)) { (words.say("code")) }
                    input type="text" id=(format!("code-{}", record.id)) name="code" inputmode="numeric" autocomplete="off";
                    button { (words.say("look-first")) }
                }
            }
        }
    };
    about.show("second-key", words.say("second-key-title"), content).await
}

/// The code was given: the choice with both keys, shown and then kept.
pub(super) async fn turn(about: &About<'_>) -> Response<Body> {
    let (visit, form) = (about.visit, &about.visit.form);
    let now = visit.world.clock.now();
    let found = form.get("choice").and_then(|id| waiting(about).into_iter().find(|record| &*record.id == id));
    let (Some(record), Some(key)) = (found, key(about)) else { return visit.trouble(404, "not-found") };
    if !is_open(record, now) || !visit.house.tries.left(&record.id) {
        return page(about, false).await;
    }
    if form.get("code").map(str::trim) != Some(code(about, record).as_str()) {
        visit.house.tries.wrong(&record.id);
        return page(about, true).await;
    }
    let mut both = record.clone();
    both.version += 1;
    both.givers.push(Giver::Representative(key));
    let fields: Vec<_> =
        ["choice", "code"].into_iter().filter_map(|name| Some((name, form.get(name)?))).collect();
    let action = format!("{}/second-key", about.base);
    Proposal { record: both, action, fields, instead: Vec::new() }.check_or_keep(about).await
}

/// Who acts here, as the giver of a second key: by the mandate on record.
fn key(about: &About<'_>) -> Option<Representative> {
    let known = crate::road::locate::acting_for(&about.signed.who().asker, &about.state)?;
    let recorded = &known.recorded;
    matches!(recorded.kind, Representation::Parent | Representation::Guardian).then(|| Representative {
        person: Some(recorded.person.clone()),
        kind: recorded.kind,
        mandate: recorded.mandate.clone(),
        scope: recorded.scope.clone(),
        evidence: "portal".into(),
    })
}

const OPEN: SignedDuration = SignedDuration::from_hours(72);
const TRIES: u8 = 5;
const CHOICES_MAX: usize = 10_000;
