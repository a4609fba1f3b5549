//! One choice: who may see what, yes or no. Nothing is chosen beforehand.

use super::About;
use super::proposal::Proposal;
use super::sharing::capital;
use crate::changes::consent::{POLICY, REGISTER};
use crate::trust::Participant;
use axum::body::Body;
use consent::record::{ConsentRecord, Giver, Holder, Kind, Provision, Source, Status, User};
use consent::{Identifier, Period};
use http::Response;
use maud::html;
use std::sync::Arc;

/// The form, or what was sent with it.
pub(super) async fn answer(about: &About<'_>, sent: bool) -> Response<Body> {
    let form = &about.visit.form;
    if !sent {
        return show_form(about, &[]).await;
    }
    let (record, missing) = match read(about) {
        Ok(record) => (record, Vec::new()),
        Err(missing) => (blank(about), missing),
    };
    if !missing.is_empty() {
        return show_form(about, &missing).await;
    }
    let fields = ["who", "what", "answer", "until"];
    let fields: Vec<_> = fields.into_iter().filter_map(|name| Some((name, form.get(name)?))).collect();
    let proposal = Proposal { record, action: format!("{}/choice", about.base), fields, instead: Vec::new() };
    proposal.check_or_keep(about).await
}

/// Fields that say nothing yet, or nothing that can be meant.
fn read(about: &About<'_>) -> Result<ConsentRecord, Vec<&'static str>> {
    let form = &about.visit.form;
    let mut missing = Vec::new();
    let who = form.get("who").and_then(|who| user(about, who));
    let what = form.get("what").and_then(|what| classes(about, what));
    let kind = match form.get("answer") {
        Some("yes") => Some(Kind::Permit),
        Some("no") => Some(Kind::Deny),
        _ => None,
    };
    let until = match form.get("until") {
        None => Some(None),
        Some(day) => day.parse::<jiff::civil::Date>().ok().and_then(|day| {
            let future = day >= consent::period::day_of(about.visit.world.clock.now());
            Period::parse("", &day.to_string()).ok().filter(|_| future).map(Some)
        }),
    };
    for (name, there) in [
        ("who", who.is_some()),
        ("what", what.is_some()),
        ("answer", kind.is_some()),
        ("until", until.is_some()),
    ] {
        if !there {
            missing.push(name);
        }
    }
    let (Some(users), Some(classes), Some(kind), Some(period)) = (who, what, kind, until) else {
        return Err(missing);
    };
    let general = kind == Kind::Deny && users.is_empty();
    let mut record = blank(about);
    record.provision = Provision {
        holders: if general { Vec::new() } else { vec![Holder::Any] },
        users,
        classes,
        period,
        ..Provision::new(kind)
    };
    Ok(record)
}

/// A choice of the person that says nothing yet. Its id comes back with the form, so that sending it twice is one choice.
pub(super) fn blank(about: &About<'_>) -> ConsentRecord {
    let sent = about.visit.form.get("id").and_then(|id| uuid::Uuid::try_parse(id).ok());
    ConsentRecord {
        id: sent.unwrap_or_else(uuid::Uuid::new_v4).to_string().into(),
        version: 1,
        status: Status::Active,
        givers: vec![Giver::Person],
        register: REGISTER.into(),
        recorded_by: None,
        given_at: about.visit.world.clock.now(),
        source: Source { title: Some("portal".into()), reference: None },
        policy: POLICY.into(),
        provision: Provision::new(Kind::Deny),
    }
}

fn user(about: &About<'_>, who: &str) -> Option<Vec<User>> {
    let vocabulary = about.visit.world.rules.vocabulary();
    if who == "everyone" {
        return Some(Vec::new());
    }
    let (kind, code) = who.split_once(':')?;
    match kind {
        "category" => vocabulary.category(code).map(|_| vec![User::Category(code.into())]),
        "function" => vocabulary.function(code).map(|_| vec![User::Function(code.into())]),
        "organisation" => {
            let found = organisations(about).into_iter().find(|p| p.id.as_str() == code)?;
            let number = &found.identifier;
            Some(vec![User::Organisation(Identifier::new(number.system.as_str(), number.value.as_str()))])
        }
        _ => None,
    }
}

fn classes(about: &About<'_>, what: &str) -> Option<Vec<Box<str>>> {
    if what == "all" {
        return Some(Vec::new());
    }
    about.visit.world.rules.vocabulary().class(what).map(|_| vec![what.into()])
}

/// Participants that work in some function, by name.
fn organisations(about: &About<'_>) -> Vec<Arc<Participant>> {
    let (trust, now) = (about.visit.world.store.trust(), about.visit.world.clock.now());
    let mut all: Vec<_> =
        trust.participants().filter(|p| p.functions_at(now).next().is_some()).cloned().collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

async fn show_form(about: &About<'_>, missing: &[&str]) -> Response<Body> {
    let (words, form) = (about.visit.words, &about.visit.form);
    let vocabulary = about.visit.world.rules.vocabulary();
    let picked = |field: &str, value: &str| form.get(field) == Some(value);
    let whom = |value: String, name: String| {
        html! { option value=(value) selected[picked("who", &value)] { (name) } }
    };
    let fault = |field: &str| missing.contains(&field).then(|| words.code("missing", field));
    let content = html! {
        @if !missing.is_empty() {
            div class="error" role="alert" {
                p { strong { (words.say("mend")) } }
                ul { @for field in missing { li { a href=(format!("#{field}")) { (words.code("missing", field)) } } } }
            }
        }
        p class="lead" { (words.say("choice-lead")) }
        form method="post" action=(format!("{}/choice", about.base)) {
            input type="hidden" name="token" value=(about.signed.form_token());
            label for="who" { (words.say("who")) }
            select id="who" name="who" aria-invalid=[fault("who").map(|_| "true")] {
                option value="" { (words.say("pick")) }
                (whom("everyone".into(), words.say("everyone")))
                optgroup label=(words.say("kinds")) {
                    @for category in vocabulary.all_categories() {
                        (whom(format!("category:{}", vocabulary.category_code(category)), capital(about.category_name(category))))
                    }
                }
                optgroup label=(words.say("organisations")) {
                    @for one in organisations(about) { (whom(format!("organisation:{}", one.id.as_str()), one.name.clone())) }
                }
                optgroup label=(words.say("functions")) {
                    @for function in vocabulary.all_functions() {
                        (whom(format!("function:{}", vocabulary.function_code(function)), capital(about.function_name(function))))
                    }
                }
            }
            label for="what" { (words.say("what")) }
            select id="what" name="what" aria-invalid=[fault("what").map(|_| "true")] {
                option value="" { (words.say("pick")) }
                option value="all" selected[picked("what", "all")] { (words.say("everything-usual")) }
                @for class in vocabulary.all_classes().iter() {
                    @let code = vocabulary.class_code(class);
                    option value=(code) selected[picked("what", code)] { (about.class_name(class)) }
                }
            }
            fieldset id="answer" aria-invalid=[fault("answer").map(|_| "true")] {
                legend { (words.say("answer")) }
                label { input type="radio" name="answer" value="yes" checked[picked("answer", "yes")]; (words.say("answer-yes")) }
                label { input type="radio" name="answer" value="no" checked[picked("answer", "no")]; (words.say("answer-no")) }
            }
            label for="until" { (words.say("until")) }
            input type="date" id="until" name="until" value=(form.get("until").unwrap_or_default()) aria-invalid=[fault("until").map(|_| "true")];
            p { button { (words.say("look-first")) } }
        }
        p { a href=(format!("{}/emergency", about.base)) { (words.say("emergency-apart")) } }
    };
    about.show("choice", words.say("choice"), content).await
}
