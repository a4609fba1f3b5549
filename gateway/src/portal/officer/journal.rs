//! Whether the journal holds: checked from the first record to the last when the page is asked for, at most once a minute.

use super::Desk;
use crate::portal::tell::moment;
use axum::body::Body;
use data_encoding::BASE64;
use http::Response;
use jiff::{SignedDuration, Timestamp};
use maud::html;
use std::sync::Arc;

/// What a check found.
#[derive(Clone)]
pub(in crate::portal) struct Checked {
    at: Timestamp,
    /// Records and root, or the first thing that does not hold.
    found: Result<(u64, String), String>,
}

/// The last check. One at a time: who comes meanwhile waits for it.
#[derive(Default)]
pub(in crate::portal) struct LastCheck(tokio::sync::Mutex<Option<Checked>>);

impl LastCheck {
    async fn get(&self, desk: &Desk<'_>) -> Option<Checked> {
        let world = Arc::clone(&desk.visit.house.world);
        let mut last = self.0.lock().await;
        let now = world.clock.now();
        let fresh = |checked: &&Checked| {
            let age = now.duration_since(checked.at);
            !age.is_negative() && age < FRESH
        };
        if let Some(checked) = last.as_ref().filter(fresh) {
            return Some(checked.clone());
        }
        let verified =
            tokio::task::spawn_blocking(move || world.store.log().verify(None, |_| {})).await.ok()?;
        let found = verified
            .map(|checked| (checked.records, BASE64.encode(&checked.root.0)))
            .map_err(|finding| finding.to_string());
        let checked = Checked { at: now, found };
        *last = Some(checked.clone());
        Some(checked)
    }
}

/// The page.
pub(super) async fn page(desk: &Desk<'_>) -> Response<Body> {
    let words = desk.visit.words;
    let Some(checked) = desk.visit.house.verified.get(desk).await else {
        return desk.visit.trouble(503, "busy");
    };
    let content = html! {
        p class="lead" { (words.say("journal-lead")) }
        @match &checked.found {
            Ok((records, root)) => {
                p class="note" { strong { (words.say("journal-holds")) } }
                dl class="facts" {
                    dt { (words.code("column", "records")) } dd { (records) }
                    dt { (words.code("column", "root")) } dd { code { (root) } }
                    dt { (words.code("column", "checked")) } dd { (moment(checked.at, words)) }
                }
            }
            Err(finding) => { p class="error" role="alert" { strong { (words.say("journal-broken")) } " " (finding) } }
        }
        h2 { (words.say("journal-head")) }
        p { (words.say("journal-head-text")) }
        pre tabindex="0" { (desk.visit.world.store.log().checkpoint()) }
        p { (words.say("journal-yourself")) " " code { "sluis audit verify" } }
    };
    desk.show(words.say("journal"), content, &desk.trail("journal", None)).await
}

const FRESH: SignedDuration = SignedDuration::from_secs(60);
