//! The person's portal: what is shared and why, one's own choices, and who looked.
//!
//! Whom a page is about comes from the session, or from an id that was made for this very login; what a representative sees
//! is judged on every page, and when it is nothing, there is no such page.

mod choice;
mod choices;
mod emergency;
mod looked;
mod proposal;
mod second_key;
mod sharing;
mod told;

pub(super) use second_key::Tries;

use super::page::Frame;
use super::session::{Patient, SignedIn};
use super::visit::Visit;
use super::{page, ways};
use crate::lens::{Lens, Whereabouts, whereabouts};
use crate::road::authenticate;
use crate::road::decide::{Asking, judge_asking};
use crate::road::locate::{acting_for, is_self, name_both};
use crate::store::facts::Names;
use crate::store::keys::PersonNo;
use crate::store::outward::{Named, PERSON};
use crate::store::state::PersonState;
use crate::trail::Trail;
use crate::trust::Participant;
use axum::body::Body;
use consent::ClassSet;
use consent::record::Representation;
use fhir_mappings::audit::{Action, Assurance, Entry, Interaction, Kind, Outcome};
use http::{Method, Response};
use maud::{Markup, html};
use std::sync::Arc;

/// Somebody at a page, and whom it is about.
pub(super) struct About<'v> {
    visit: &'v Visit<'v>,
    signed: &'v SignedIn<Patient>,
    person: PersonNo,
    state: PersonState,
    /// Who acts for the person, and how far.
    acting: Option<Acting>,
    /// Where this person's pages are.
    base: String,
}

struct Acting {
    names: Option<Names>,
    reach: ClassSet,
    whereabouts: Whereabouts,
}

/// Answers a request under `/patient`.
pub(super) async fn answer(visit: &Visit<'_>, path: &[&str]) -> Response<Body> {
    let Some(signed) = visit.house.sessions.check::<Patient>(visit.headers, visit.world) else {
        return page::see_other("/login/patient");
    };
    let (handle, rest) = match path {
        ["for", handle, rest @ ..] => (Some(*handle), rest),
        _ => (None, path),
    };
    if handle.is_none() && rest.is_empty() && signed.who().own.is_none() {
        return others(visit, &signed).await;
    }
    let Some(about) = About::find(visit, &signed, handle) else { return visit.trouble(404, "not-found") };
    let (get, post) = (visit.method == Method::GET, visit.method == Method::POST);
    if post && !signed.sent_by_us(visit.form.get("token")) {
        return visit.trouble(403, "form-expired");
    }
    match rest {
        [] if get => home(&about).await,
        ["sharing"] if get => sharing::overview(&about).await,
        ["sharing", category] if get => sharing::category(&about, category).await,
        ["looked"] if get => looked::page(&about).await,
        ["second-key"] if get && !about.is_own() => second_key::page(&about, false).await,
        ["second-key"] if post && !about.is_own() => second_key::turn(&about).await,
        ["choices"] if get && about.is_own() => choices::page(&about).await,
        ["choices", "renew"] if post && about.is_own() => choices::renew(&about).await,
        ["choices", "withdraw"] if post && about.is_own() => choices::withdraw(&about).await,
        ["choice"] if about.is_own() && (get || post) => choice::answer(&about, post).await,
        ["emergency"] if about.is_own() && (get || post) => emergency::answer(&about, post).await,
        _ => visit.trouble(404, "not-found"),
    }
}

impl<'v> About<'v> {
    fn find(visit: &'v Visit<'v>, signed: &'v SignedIn<Patient>, handle: Option<&str>) -> Option<Self> {
        let who = signed.who();
        let Some(handle) = handle else {
            let person = who.own?;
            let state = visit.world.store.person(person).ok()?;
            let fits = is_self(&who.asker, &state);
            let base = "/patient".to_owned();
            let about = Self { visit, signed, person, state, acting: None, base };
            // By the rules a young child's own way in opens nothing (DOMAIN.md 2.6).
            return (fits && about.reach() != ClassSet::EMPTY).then_some(about);
        };
        let named = visit.world.outward.open(&login(who), handle)?;
        let person =
            who.acts_for.iter().copied().find(|person| *person == named.person && named.tag == PERSON)?;
        let state = visit.world.store.person(person).ok()?;
        let names = acting_for(&who.asker, &state)?.names.clone();
        let base = format!("/patient/for/{handle}");
        let mut about = Self { visit, signed, person, state, acting: None, base };
        let reach = about.reach();
        let whereabouts = whereabouts(&about.state, visit.world);
        about.acting = Some(Acting { names, reach, whereabouts });
        (reach != ClassSet::EMPTY).then_some(about)
    }

    /// The classes that reach who acts for the person: of any holder, now.
    fn reach(&self) -> ClassSet {
        let asking = Asking { participant: None, asker: &self.signed.who().asker };
        let (world, holders) = (self.visit.world, self.holders());
        let decisions = judge_asking(&asking, &self.state, &holders, &world.law(), world.clock.now());
        let permitted = decisions.iter().map(|decided| decided.decision().permitted_classes());
        permitted.fold(ClassSet::EMPTY, ClassSet::union)
    }

    fn holders(&self) -> Vec<Arc<Participant>> {
        let trust = self.visit.world.store.trust();
        self.state.holders.iter().filter_map(|id| trust.participant(id).cloned()).collect()
    }

    fn is_own(&self) -> bool {
        self.acting.is_none()
    }

    /// The classes that this page may speak of.
    fn classes(&self) -> ClassSet {
        self.acting
            .as_ref()
            .map_or_else(|| self.visit.world.rules.vocabulary().all_classes(), |acting| acting.reach)
    }

    /// Whether names of organisations may stand here: for who acts for somebody whose whereabouts are protected, none does.
    fn names_places(&self) -> bool {
        self.acting.as_ref().is_none_or(|acting| acting.whereabouts == Whereabouts::Open)
    }

    /// How the journal is read here.
    fn lens(&self) -> Lens<'static> {
        let vocabulary = self.visit.world.rules.vocabulary();
        self.acting.as_ref().map_or(Lens::Person, |acting| Lens::Representative {
            classes: acting.reach.iter().map(|class| vocabulary.class_code(class).to_owned()).collect(),
            whereabouts: acting.whereabouts,
        })
    }

    /// The name of this person here, which nobody else can join on.
    fn name(&self) -> String {
        name(self.visit, self.signed.who(), self.person)
    }

    /// A text about the reader, or about the person they act for.
    fn say(&self, key: &str) -> String {
        if self.is_own() { self.visit.words.say(key) } else { self.visit.words.code("other", key) }
    }

    fn say_with(&self, key: &str, places: usize) -> String {
        let words = self.visit.words;
        if self.is_own() { words.with(key, [("places", places.into())]) } else { words.code("other", key) }
    }

    /// In which capacity somebody decides here too: a parent with custody, a guardian.
    fn has_a_say(&self) -> Option<&'static str> {
        let acting = acting_for(&self.signed.who().asker, &self.state).filter(|_| !self.is_own())?;
        matches!(acting.recorded.kind, Representation::Parent | Representation::Guardian)
            .then(|| acting.recorded.kind.code())
    }

    /// The record of this page.
    fn trail(&self, page: &str) -> Trail {
        let world = self.visit.world;
        let mut entry = Entry::new(Kind::Portal, Action::Read, Interaction::Page, Outcome::Success);
        entry.purpose = Some(self.signed.who().asker.purpose.code().to_owned());
        let asker = &self.signed.who().asker;
        let mut person = authenticate::person(&asker.person, asker.purpose, world);
        person.assurance = Assurance::LoggedIn;
        entry.person = Some(person);
        let mut trail = self.visit.trail(entry, page);
        trail.person = Some(self.person);
        if let Some(acting) = acting_for(asker, &self.state).filter(|_| !self.is_own()) {
            name_both(acting, self.person, world, &mut trail);
        }
        trail
    }

    fn frame<'f>(&'f self, title: String, again: &'f [(&'f str, &'f str)]) -> Frame<'f> {
        let words = self.visit.words;
        let acting = self.acting.as_ref().map(|acting| match &acting.names {
            Some(names) => words.with("acting-for", [("name", names.acted_for.as_str().into())]),
            None => words.say("acting"),
        });
        Frame {
            words,
            title,
            path: self.visit.path,
            again,
            ways: ways::patient(&self.base, !self.is_own(), words),
            acting,
            form_token: Some(self.signed.form_token()),
        }
    }

    /// Records that this page was seen, and sends it.
    async fn show(&self, page: &str, title: String, content: Markup) -> Response<Body> {
        let html = self.frame(title, &[]).around(content);
        self.visit.personal(self.signed, html, &self.trail(page)).await
    }
}

/// Ids on these pages are made for one login.
fn login(who: &Patient) -> String {
    format!("portal/{}#{}", who.asker.person.system, who.asker.person.id)
}

fn name(visit: &Visit<'_>, who: &Patient, person: PersonNo) -> String {
    visit.world.outward.seal(&login(who), Named { person, tag: PERSON })
}

async fn home(about: &About<'_>) -> Response<Body> {
    let (visit, words) = (about.visit, about.visit.words);
    let lately = tokio::task::block_in_place(|| looked::lately(about));
    let content = html! {
        @match &lately {
            Ok(lately) => { p class="lead" { (about.say_with("lately", lately.places)) } }
            Err(_) => { p class="error" role="alert" { (words.code("trouble-text", "unreadable")) } }
        }
        @if about.is_own() { (second_key::codes(about)) }
        @if second_key::has_key(about) {
            p class="note" { a href=(format!("{}/second-key", about.base)) { (words.say("second-key-title")) } }
        }
        @if let Some(kind) = about.has_a_say() { p class="note" { (words.code("say", kind)) } }
        @if let Some(lately) = lately.iter().find(|lately| lately.emergencies > 0) {
            p class="urgent" {
                (words.with("lately-emergency", [("times", lately.emergencies.into())])) " "
                a href=(format!("{}/looked", about.base)) { (words.say("see-why")) }
            }
        }
        ul class="cards" {
            li { a href=(format!("{}/sharing", about.base)) { (about.say("sharing")) } p { (words.say("sharing-text")) } }
            li { a href=(format!("{}/looked", about.base)) { (words.say("looked")) } p { (words.say("looked-text")) } }
            @if about.is_own() {
                li { a href=(format!("{}/choice", about.base)) { (words.say("choice")) } p { (words.say("choice-text")) } }
            }
        }
        (helped(about))
        @if about.is_own() { (persons(visit, about.signed)) }
        p { (words.say("always-care")) }
    };
    about.show("overview", words.say("overview"), content).await
}

/// Who acts for this person.
fn helped(about: &About<'_>) -> Markup {
    let words = about.visit.words;
    let now = about.visit.world.clock.now();
    let live = about.state.representatives.iter().filter(|known| known.recorded.mandate.contains(now));
    let live: Vec<_> = live.filter(|_| about.is_own()).collect();
    html! {
        @if !live.is_empty() {
            h2 { (words.say("helped")) }
            ul { @for known in live {
                li {
                    @if let Some(names) = &known.names { (names.acting) ", " }
                    (words.code("representation", known.recorded.kind.code()))
                }
            } }
        }
    }
}

/// For whom this login may act.
fn persons(visit: &Visit<'_>, signed: &SignedIn<Patient>) -> Markup {
    let words = visit.words;
    let who = signed.who();
    let live: Vec<(String, Option<String>)> = who
        .acts_for
        .iter()
        .filter_map(|person| {
            let handle = name(visit, who, *person);
            let about = About::find(visit, signed, Some(&handle))?;
            let names = about.acting.and_then(|acting| acting.names);
            Some((about.base, names.map(|names| names.acted_for)))
        })
        .collect();
    html! {
        @if !live.is_empty() {
            h2 { (words.say("you-act-for")) }
            ul { @for (base, name) in live {
                li { a href=(base) { (name.unwrap_or_else(|| words.say("somebody"))) } }
            } }
        }
    }
}

/// The first page of somebody who is nobody's data here but acts for others. It names them, so that it is recorded.
async fn others(visit: &Visit<'_>, signed: &SignedIn<Patient>) -> Response<Body> {
    let words = visit.words;
    let live = persons(visit, signed);
    let any = !live.0.is_empty();
    let frame = Frame {
        words,
        title: words.say("overview"),
        path: visit.path,
        again: &[],
        ways: Vec::new(),
        acting: None,
        form_token: Some(signed.form_token()),
    };
    let content = html! {
        @if any { (live) } @else { p class="lead" { (words.say("acts-for-nobody")) } }
    };
    let mut entry = Entry::new(Kind::Portal, Action::Read, Interaction::Page, Outcome::Success);
    entry.purpose = Some(signed.who().asker.purpose.code().to_owned());
    let trail = visit.trail(entry, "persons");
    visit.personal(signed, frame.around(content), &trail).await
}
