//! What somebody is about to choose: shown with what it would change, and kept with its record once it was seen.

use super::About;
use super::choices::{Said, describe};
use super::second_key;
use super::sharing::{Row, When, every_row, lower, others_like};
use crate::changes::consent::PERSON_RECORDED;
use crate::portal::page::PersonalPage;
use crate::road::record::{AuditUnavailable, record_choice};
use crate::road::respond::release_page;
use crate::store::Fence;
use crate::store::facts::{Change, Fact};
use axum::body::Body;
use consent::ClassSet;
use consent::record::{ConsentRecord, Kind, Reading, Status};
use consent::standing::age_at;
use fhir_mappings::audit;
use fhir_mappings::consent_wire;
use http::Response;
use maud::{Markup, html};

/// What somebody is about to choose.
pub(super) struct Proposal<'p> {
    pub(super) record: ConsentRecord,
    /// Where its form goes.
    pub(super) action: String,
    /// What makes it again.
    pub(super) fields: Vec<(&'p str, &'p str)>,
    /// Choices that no longer count once this one is kept.
    pub(super) instead: Vec<ConsentRecord>,
}

impl Proposal<'_> {
    /// Shows what would change, or, when that was seen and agreed to, keeps it.
    pub(super) async fn check_or_keep(self, about: &About<'_>) -> Response<Body> {
        if about.visit.form.get("sure").is_some() { self.keep(about).await } else { self.check(about).await }
    }

    async fn check(self, about: &About<'_>) -> Response<Body> {
        let words = about.visit.words;
        let token = about.signed.form_token();
        let id = self.record.id.to_string();
        let said = describe(about, &self.record);
        let content = html! {
            p class="lead" { (words.say("check-lead")) }
            (summary(about, &said))
            @if self.record.status == Status::Inactive { p class="note" { (words.say("check-withdraw")) } }
            (self.effects(about))
            p { (words.say("always-care")) }
            form method="post" action=(self.action) {
                input type="hidden" name="token" value=(token);
                input type="hidden" name="id" value=(id);
                @for (name, value) in &self.fields { input type="hidden" name=(name) value=(value); }
                button name="sure" value="yes" { (words.say("keep")) }
                a href=(about.base) { (words.say("do-not-keep")) }
            }
        };
        let mut again = self.fields.clone();
        again.push(("token", token));
        again.push(("id", &id));
        let html = about.frame(words.say("check"), &again).around(content);
        about.visit.personal(about.signed, html, &about.trail("choice-check")).await
    }

    /// What each function, and whoever of it differs, would see more or less, in an emergency apart.
    fn effects(&self, about: &About<'_>) -> Markup {
        let (words, world) = (about.visit.words, about.visit.world);
        let [usually, in_emergency] = self.changes(about);
        let age = age_at(about.state.birth_date(), world.clock.now());
        let permit = self.record.provision.kind == Kind::Permit && self.record.status == Status::Active;
        html! {
            h2 { (words.say("then")) }
            @if usually.is_empty() && in_emergency.is_empty() {
                p { (words.say("then-nothing")) }
                @if permit && age.is_some_and(|age| age < 16) { p class="note" { (words.say("second-key")) } }
            }
            @if !usually.is_empty() { (list(about, &usually)) }
            @if !in_emergency.is_empty() {
                h3 { (words.say("emergency")) }
                (list(about, &in_emergency))
            }
        }
    }

    /// Usually, and in an emergency.
    fn changes(&self, about: &About<'_>) -> [Vec<Changed>; 2] {
        let before = about.readings();
        let mut after = before.clone();
        let new = || self.instead.iter().chain([&self.record]);
        after.retain(|reading| new().all(|record| *record.id != *reading.id()));
        after.extend(new().cloned().map(Reading::Readable));
        let outlook = about.outlook(&[before.as_slice(), &after].concat());
        [When::Usually, When::InEmergency].map(|when| {
            changes(about, &every_row(&outlook, &before, when), &every_row(&outlook, &after, when))
        })
    }

    /// Keeps it with its record. Sent twice, it is kept once.
    async fn keep(self, about: &About<'_>) -> Response<Body> {
        let visit = about.visit;
        for _ in 0..crate::answer::answer_tries() {
            let Ok(state) = visit.world.store.person(about.person) else { return visit.trouble(503, "busy") };
            let stands = state
                .consents
                .iter()
                .any(|stored| stored.id() == &*self.record.id && stored.version() >= self.record.version);
            if stands {
                let html = self.receipt(about);
                return visit.personal(about.signed, html, &about.trail("choice-kept")).await;
            }
            let records = self.instead.iter().chain([&self.record]);
            let facts: Vec<Fact> = records.clone().map(|record| fact(about, record)).collect();
            let mut trail = about.trail("choice-kept");
            trail.entry.action =
                if self.record.version == 1 { audit::Action::Create } else { audit::Action::Update };
            for record in records {
                let (id, version) = (record.id.to_string(), record.version.to_string());
                trail.entry.changes.push(audit::Change {
                    what: "Consent".into(),
                    id: id.clone(),
                    version: Some(version.clone()),
                    sha256: None,
                });
                trail.entry.consents.push(audit::ConsentUsed { id, version });
            }
            let fence = Fence {
                person: Some((about.person, state.version)),
                trust: visit.world.store.trust().epoch(),
            };
            let page = PersonalPage::new(about.signed, self.receipt(about));
            let change = Change { person: Some(about.person), facts, blob: Vec::new() };
            match record_choice(page, change, fence, visit.world, &trail).await {
                Ok(Some(recorded)) => return release_page(recorded, &trail),
                Ok(None) => {}
                Err(AuditUnavailable) => return visit.trouble(503, "no-record"),
            }
        }
        visit.trouble(503, "busy")
    }

    fn receipt(&self, about: &About<'_>) -> Markup {
        let words = about.visit.words;
        let said = describe(about, &self.record);
        let content = html! {
            p class="lead" { (words.say("kept-lead")) }
            (summary(about, &said))
            p { (words.say("kept-number")) " " code { (self.record.id) } }
            p { a href=(format!("{}/sharing", about.base)) { (words.say("sharing")) } }
            @if about.is_own() {
                (second_key::code_of(about, &self.record))
                p { a href=(format!("{}/choices", about.base)) { (words.say("choices")) } }
            }
        };
        about.frame(words.say("kept"), &[]).around(content)
    }
}

/// What is kept. Who wrote a choice down first stays its recorder, and sees that it was taken back.
fn fact(about: &About<'_>, record: &ConsentRecord) -> Fact {
    let wire = consent_wire::write(record, PERSON_RECORDED, about.visit.world.rules.vocabulary());
    let known = about.state.consents.iter().find(|stored| stored.id() == &*record.id);
    Fact::Consent {
        recorder: known.map_or(PERSON_RECORDED, |stored| &stored.recorder).to_owned(),
        reading: Reading::Readable(record.clone()),
        wire: String::from_utf8_lossy(&wire).into_owned(),
        identifiers: known.map(|stored| stored.identifiers.clone()).unwrap_or_default(),
    }
}

/// The choice in four lines.
pub(super) fn summary(about: &About<'_>, said: &Said) -> Markup {
    let words = about.visit.words;
    html! {
        dl class="facts" {
            dt { (words.say("answer")) } dd { span class=(if said.permit { "yes" } else { "no" }) { (said.answer) } }
            dt { (words.say("who")) } dd { (said.who) }
            dt { (words.say("what")) } dd { (said.what) }
            dt { (words.say("whose")) } dd { (said.whose) }
            @if let Some(purpose) = &said.purpose { dt { (words.say("purpose")) } dd { (purpose) } }
            dt { (words.say("how-long")) } dd { (said.how_long) }
            @if !said.except.is_empty() {
                dt { (words.say("except")) }
                dd { ul { @for but in &said.except { li {
                    span class=(if but.permit { "yes" } else { "no" }) { (but.answer) } ": " (but.what) " (" (but.who) ")"
                } } } }
            }
        }
    }
}

/// What a choice changes for some.
struct Changed {
    who: Vec<String>,
    more: ClassSet,
    less: ClassSet,
    /// See medicines from now on, and of the mind not what they are for.
    without_reason: bool,
}

fn list(about: &About<'_>, changes: &[Changed]) -> Markup {
    let words = about.visit.words;
    let names = |classes: ClassSet| {
        classes.iter().map(|class| lower(about.class_name(class))).collect::<Vec<_>>().join(", ")
    };
    html! {
        ul { @for Changed { who, more, less, without_reason } in changes {
            @let all = who.join(", ");
            @if *more != ClassSet::EMPTY { li { span class="yes" { (words.say("more")) } " – " (all) ": " (names(*more)) } }
            @if *less != ClassSet::EMPTY { li { span class="no" { (words.say("less")) } " – " (all) ": " (names(*less)) } }
            @if *more == ClassSet::EMPTY && *less == ClassSet::EMPTY { li { span class="part" { (words.say("no-change")) } " – " (all) } }
            @if *without_reason { @for one in who { li { (words.with("without-reason", [("who", one.as_str().into())])) } } }
        } }
    }
}

/// Who would see which classes more, and which less, than now. Somebody for whom the same changes as for others with the
/// same work is not named apart; who are told the same, are told it together.
fn changes(about: &About<'_>, before: &[Row], after: &[Row]) -> Vec<Changed> {
    let vocabulary = about.visit.world.rules.vocabulary();
    let mut changes: Vec<Changed> = Vec::new();
    for (at, (was, is)) in before.iter().zip(after).enumerate() {
        let more_or_less = |was: ClassSet, sees: ClassSet| (sees.minus(was), was.minus(sees));
        let changed = more_or_less(was.sees(), is.sees());
        let others = others_like(after.get(..at).unwrap_or_default(), is);
        let usual = others.and_then(|other| {
            Some(more_or_less(before.get(other)?.sees_like(was), after.get(other)?.sees_like(is)))
        });
        if changed == usual.unwrap_or((ClassSet::EMPTY, ClassSet::EMPTY)) {
            continue;
        }
        let (more, less) = changed;
        let sees_of = |code, of: ClassSet| vocabulary.class(code).is_some_and(|class| of.contains(class));
        let without_reason = sees_of("medication", more) && !sees_of("mental-health", is.sees());
        let who = about.who(is);
        let same = |other: &&mut Changed| {
            (other.more, other.less, other.without_reason) == (more, less, without_reason)
        };
        match changes.iter_mut().find(same) {
            Some(other) => other.who.push(who),
            None => changes.push(Changed { who: vec![who], more, less, without_reason }),
        }
    }
    changes
}
