//! What may happen when there is an emergency and the person cannot be asked (CONTRACT.md 7, emergency choice).

use super::About;
use super::choice::blank;
use super::proposal::Proposal;
use axum::body::Body;
use consent::Purpose;
use consent::record::{ConsentRecord, Giver, Holder, Kind, Provision, Reading, Status};
use http::Response;
use maud::html;

/// The form, or what was sent with it.
pub(super) async fn answer(about: &About<'_>, sent: bool) -> Response<Body> {
    let picked = about.visit.form.get("emergency").filter(|_| sent);
    match picked.and_then(provision) {
        Some(provision) => {
            let record = ConsentRecord { provision, ..blank(about) };
            let fields = picked.map(|choice| ("emergency", choice)).into_iter().collect();
            let action = format!("{}/emergency", about.base);
            let instead = instead(about, &record.id);
            Proposal { record, action, fields, instead }.check_or_keep(about).await
        }
        None => form(about, sent).await,
    }
}

fn provision(choice: &str) -> Option<Provision> {
    let (kind, classes) = match choice {
        "none" => (Kind::Deny, Vec::new()),
        "summary" => (Kind::Permit, vec!["acute-summary".into()]),
        "everything" => (Kind::Permit, Vec::new()),
        _ => return None,
    };
    let every = Provision::new(kind);
    Some(Provision { holders: vec![Holder::Any], purposes: vec![Purpose::Etreat], classes, ..every })
}

/// The emergency choices in force that the person made, newest last.
fn standing<'a>(about: &'a About<'_>) -> Vec<&'a ConsentRecord> {
    let records = about.state.consents.iter().filter_map(|stored| match &stored.reading {
        Reading::Readable(record) if record.status == Status::Active => Some(record),
        Reading::Readable(_) | Reading::Unreadable { .. } => None,
    });
    let mut found: Vec<_> = records
        .filter(|record| record.provision.purposes.as_slice() == [Purpose::Etreat])
        .filter(|record| record.givers.as_slice() == [Giver::Person])
        .collect();
    found.sort_by_key(|record| record.given_at);
    found
}

/// One answer out of three: the one before is taken back, for of two that stand the more precise would win.
fn instead(about: &About<'_>, id: &str) -> Vec<ConsentRecord> {
    let before = standing(about).into_iter().filter(|record| &*record.id != id);
    before
        .map(|record| ConsentRecord {
            status: Status::Inactive,
            version: record.version + 1,
            ..record.clone()
        })
        .collect()
}

fn word(record: &ConsentRecord) -> &'static str {
    match (record.provision.kind, record.provision.classes.is_empty()) {
        (Kind::Deny, _) => "none",
        (Kind::Permit, false) => "summary",
        (Kind::Permit, true) => "everything",
    }
}

async fn form(about: &About<'_>, sent: bool) -> Response<Body> {
    let words = about.visit.words;
    let content = html! {
        @if sent { div class="error" role="alert" { p { a href="#emergency" { (words.say("missing-emergency")) } } } }
        p class="lead" { (words.say("emergency-lead")) }
        p { strong { (words.say("now")) } " " (words.code("emergency-now", standing(about).last().map_or("never", |record| word(record)))) }
        form method="post" action=(format!("{}/emergency", about.base)) {
            input type="hidden" name="token" value=(about.signed.form_token());
            fieldset id="emergency" {
                legend { (words.say("emergency-question")) }
                @for choice in ["none", "summary", "everything"] {
                    label { input type="radio" name="emergency" value=(choice); (words.code("emergency-choice", choice)) }
                }
            }
            button { (words.say("look-first")) }
        }
        p { (words.say("emergency-told")) }
    };
    about.show("emergency", words.say("emergency"), content).await
}
