//! Accesses and refusals, newest first, by person, day, organisation and emergency.
//!
//! The newest records are read until a page is full or so many were passed over; then there is a way further back. A day is
//! found by halving, a person by the person's own timeline.

use super::{Desk, Row};
use crate::portal::tell::{moment, result, short};
use crate::store::outward::PERSON;
use axum::body::Body;
use consent::period::start_of;
use fhir_mappings::audit::{Entry, Kind};
use http::Response;
use jiff::ToSpan;
use jiff::civil::Date;
use maud::{Markup, html};

/// What is asked for.
struct Filter<'f> {
    person: Option<&'f str>,
    day: Option<Date>,
    organisation: Option<&'f str>,
    emergency: bool,
    everything: bool,
    below: Option<u64>,
}

impl<'f> Filter<'f> {
    fn read(desk: &'f Desk<'_>) -> Self {
        let query = &desk.visit.query;
        Self {
            person: query.get("person"),
            day: query.get("day").and_then(|day| day.parse().ok()),
            organisation: query.get("organisation"),
            emergency: query.get("emergency").is_some(),
            everything: query.get("all").is_some(),
            below: query.get("before").and_then(|index| index.parse().ok()),
        }
    }

    /// As it stands in the record and in the way further back.
    fn written(&self) -> String {
        let day = self.day.map(|day| day.to_string());
        let flag = |on: bool| on.then_some("yes");
        let fields = [
            ("person", self.person),
            ("day", day.as_deref()),
            ("organisation", self.organisation),
            ("emergency", flag(self.emergency)),
            ("all", flag(self.everything)),
        ];
        let set: Vec<_> = fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        crate::outbound::form(&set)
    }

    fn takes(&self, row: &Row) -> bool {
        let entry = &row.seen.entry;
        let kind = match entry.kind {
            Kind::Answered | Kind::Asked | Kind::Refused | Kind::TokenRefused => true,
            _ => self.everything,
        };
        let organisation = self.organisation.is_none_or(|wanted| {
            let asked = entry.organisation.as_ref().is_some_and(|o| o.id == wanted);
            asked || entry.shares.iter().any(|share| share.holder.id == wanted)
        });
        let emergency = !self.emergency || entry.emergency.is_some() || row.about_emergency();
        kind && organisation && emergency
    }
}

impl Row {
    fn about_emergency(&self) -> bool {
        let mut details = self.seen.entry.details.iter();
        self.seen.entry.kind == Kind::Notice
            && details.any(|detail| detail.name == "about" && detail.value.starts_with("emergency"))
    }
}

/// A page of rows, and from where to go on.
struct Found {
    rows: Vec<Row>,
    next: Option<u64>,
}

fn find(desk: &Desk<'_>, filter: &Filter<'_>) -> Found {
    let store = &desk.visit.world.store;
    let (first, after) = match filter.day {
        Some(day) => span(desk, day),
        None => (0, store.records().len()),
    };
    let after = filter.below.map_or(after, |below| after.min(below));
    let candidates: Box<dyn Iterator<Item = u64>> = match filter.person {
        Some(id) => {
            let named = desk.visit.world.outward.open(desk.id(), id).filter(|named| named.tag == PERSON);
            let timeline = named.and_then(|named| store.timeline(named.person).ok()).unwrap_or_default();
            Box::new(timeline.into_iter().rev().filter(move |index| (first..after).contains(index)))
        }
        None => Box::new((first..after).rev()),
    };
    let mut found = Found { rows: Vec::new(), next: None };
    for (read, index) in candidates.enumerate() {
        if found.rows.len() == ROWS || read == READ_MAX {
            found.next = Some(index + 1);
            break;
        }
        found.rows.extend(desk.row(index).filter(|row| filter.takes(row)));
    }
    found
}

/// The indexes of a day: records stand in order of time.
fn span(desk: &Desk<'_>, day: Date) -> (u64, u64) {
    let next = day.checked_add(1.day()).ok();
    let at = |day: Option<Date>| {
        day.and_then(start_of).map_or(0, |instant| desk.visit.world.store.index_at(instant))
    };
    (at(Some(day)), at(next))
}

/// The page.
pub(super) async fn page(desk: &Desk<'_>) -> Response<Body> {
    let words = desk.visit.words;
    let filter = Filter::read(desk);
    // It reads and opens records: not on a thread that answers others.
    let found = tokio::task::block_in_place(|| find(desk, &filter));
    let written = filter.written();
    let trail = desk.trail("accesses", (!written.is_empty()).then(|| written.clone()));
    let content = html! {
        p class="lead" { (words.say("accesses-lead")) }
        (form(desk, &filter))
        @if found.rows.is_empty() { p { (words.say("accesses-none")) } } @else {
            div class="wide" { table {
                caption { (words.with("accesses-count", [("count", found.rows.len().into())])) }
                thead { tr {
                    @for key in ["when", "what-happened", "who-looked", "purpose", "person-tag", "record"] {
                        th scope="col" { (words.code("column", key)) }
                    }
                } }
                tbody { @for row in &found.rows { (line(desk, row)) } }
            } }
        }
        @if let Some(next) = found.next {
            p { a href=(format!("/officer?before={next}&{written}")) { (words.say("older")) } }
        }
        p { (words.say("logged-too")) }
    };
    desk.show(words.say("accesses"), content, &trail).await
}

fn form(desk: &Desk<'_>, filter: &Filter<'_>) -> Markup {
    let words = desk.visit.words;
    let trust = desk.visit.world.store.trust();
    let mut houses: Vec<_> = trust.participants().collect();
    houses.sort_by(|a, b| a.name.cmp(&b.name));
    html! {
        form method="get" action="/officer" class="filters" {
            div { label for="person" { (words.code("column", "person-tag")) }
                input type="text" id="person" name="person" autocomplete="off" value=(filter.person.unwrap_or_default()); }
            div { label for="day" { (words.say("day")) }
                input type="date" id="day" name="day" value=(filter.day.map(|day| day.to_string()).unwrap_or_default()); }
            div { label for="organisation" { (words.say("organisation")) }
                select id="organisation" name="organisation" {
                    option value="" { (words.say("any")) }
                    @for house in houses {
                        option value=(house.id.as_str()) selected[filter.organisation == Some(house.id.as_str())] { (house.name) }
                    }
                } }
            div { label for="emergency" { (words.say("only-emergency")) }
                input type="checkbox" id="emergency" name="emergency" value="yes" checked[filter.emergency]; }
            div { label for="all" { (words.say("other-records")) }
                input type="checkbox" id="all" name="all" value="yes" checked[filter.everything]; }
            button { (words.say("search")) }
        }
    }
}

fn line(desk: &Desk<'_>, row: &Row) -> Markup {
    let words = desk.visit.words;
    let entry = &row.seen.entry;
    let (result, mark) = result(entry);
    html! {
        tr {
            td { (moment(row.seen.leaf.time, words)) }
            td {
                (words.code("act", &kind(entry))) " – " span class=(mark) { (words.code("result", result)) }
                @if entry.emergency.is_some() || row.about_emergency() { " – " strong { (words.say("in-emergency")) } }
            }
            td {
                @if let Some(organisation) = &entry.organisation { (organisation.name) }
                @if let Some(name) = entry.person.as_ref().and_then(|person| person.name.as_ref()) { ", " (name) }
            }
            td { (entry.purpose.as_deref().map(|code| words.code("purpose", code)).unwrap_or_default()) }
            td {
                @if let Some((_, name)) = &row.person {
                    a href=(format!("/officer?person={name}")) { code { (short(name)) } }
                }
            }
            td { a href=(format!("/officer/record/{}", row.index)) { (words.with("record-number", [("number", row.index.into())])) } }
        }
    }
}

pub(super) fn kind(entry: &Entry) -> String {
    serde_json::to_value(entry.kind)
        .ok()
        .and_then(|kind| kind.as_str().map(str::to_owned))
        .unwrap_or_default()
}

const ROWS: usize = 50;
/// Records read for one page at most.
const READ_MAX: usize = 10_000;
