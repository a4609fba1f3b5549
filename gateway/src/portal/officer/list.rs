//! Accesses and refusals, newest first, by person, employee, day, organisation, purpose, outcome and emergency.
//!
//! A day is found by halving, a person by the person's own timeline, the rest by the index of the journal; what is found is
//! opened and judged by the lens, until a page is full.

use super::{Desk, Row};
use crate::portal::acts::peculiar;
use crate::portal::tell::{moment, result, short};
use crate::portal::words::Words;
use crate::store::facets::{Ended, Wanted, is_access, is_emergency};
use crate::store::outward::PERSON;
use crate::store::view::ViewError;
use axum::body::Body;
use consent::period::start_of;
use fhir_mappings::audit::Entry;
use http::Response;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use maud::{Markup, html};

/// What is asked for.
struct Filter<'f> {
    person: Option<&'f str>,
    day: Option<Date>,
    organisation: Option<&'f str>,
    employee: Option<&'f str>,
    purpose: Option<&'f str>,
    result: Option<Ended>,
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
            employee: query.get("employee"),
            purpose: query.get("purpose"),
            result: query
                .get("result")
                .and_then(|code| RESULTS.iter().find(|(known, _)| *known == code))
                .map(|(_, is)| *is),
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
            ("employee", self.employee),
            ("purpose", self.purpose),
            ("result", self.result.and_then(code_of)),
            ("emergency", flag(self.emergency)),
            ("all", flag(self.everything)),
        ];
        let set: Vec<_> = fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        crate::outbound::form(&set)
    }

    /// The same for the index.
    fn wanted<'w>(&'w self, own: &'w str, employee: Option<&'w str>) -> Wanted<'w> {
        Wanted {
            own: Some(own),
            other: self.organisation,
            employee,
            purpose: self.purpose,
            ended: self.result,
            emergency: self.emergency,
            accesses: !self.everything,
        }
    }

    /// Whether what the lens shows of a record is asked for.
    fn takes(&self, row: &Row) -> bool {
        let entry = &row.seen.entry;
        let organisation = self.organisation.is_none_or(|wanted| {
            let asked = entry.organisation.as_ref().is_some_and(|o| o.id == wanted);
            asked || entry.shares.iter().any(|share| share.holder.id == wanted)
        });
        let employee = self.employee.is_none_or(|wanted| {
            let mut acted = entry.person.iter().chain(&entry.responsible);
            acted.any(|person| person.id == person_id(wanted))
        });
        organisation
            && employee
            && (self.everything || is_access(entry.kind))
            && (!self.emergency || is_emergency(entry))
            && self.purpose.is_none_or(|wanted| entry.purpose.as_deref() == Some(wanted))
            && self.result.is_none_or(|wanted| Ended::of(entry) == wanted)
    }
}

/// What a form calls how a question ended.
const RESULTS: [(&str, Ended); 3] =
    [("given", Ended::Given), ("given-part", Ended::Part), ("not-given", Ended::Nothing)];

fn code_of(result: Ended) -> Option<&'static str> {
    RESULTS.iter().find(|(_, is)| *is == result).map(|(code, _)| *code)
}

/// Somebody who works here, as records name them.
fn person_id(id: &str) -> String {
    format!("urn:sluis:person#{id}")
}

/// A page of rows, and from where to go on.
struct Found {
    rows: Vec<Row>,
    next: Option<u64>,
}

/// Why there is no page: the code of what is told.
struct NoPage(&'static str);

impl From<ViewError> for NoPage {
    fn from(_: ViewError) -> Self {
        Self("busy")
    }
}

fn find(desk: &Desk<'_>, filter: &Filter<'_>) -> Result<Found, NoPage> {
    let store = &desk.visit.world.store;
    let (from, before) = filter.day.map_or((None, None), edges);
    let below = filter.below.unwrap_or(u64::MAX);
    // Clocks go back and forth: a day may lie in several places, among records of others.
    let spans = store.spans(from, before)?.into_iter().map(|span| span.start..span.end.min(below));
    let spans: Vec<_> = spans.filter(|span| !span.is_empty()).collect();
    let of_day = |index: u64| {
        let Some(day) = filter.day else { return true };
        let (from, before) = edges(day);
        store
            .time_of(index)
            .is_none_or(|time| from <= Some(time) && before.is_none_or(|before| time < before))
    };
    let (mut found, mut read) = (Found { rows: Vec::new(), next: None }, 0);
    let mut unreadable = false;
    let mut take = |index: u64| {
        if !of_day(index) {
            return true;
        }
        match desk.row(index) {
            Ok(row) => found.rows.extend(row.filter(|row| filter.takes(row))),
            Err(_) => unreadable = true,
        }
        read += 1;
        found.rows.len() < ROWS && read < READ_MAX && !unreadable
    };
    found.next = match filter.person {
        Some(id) => {
            let named = desk.visit.world.outward.open(desk.id(), id).filter(|named| named.tag == PERSON);
            let timeline = named.map(|named| store.timeline(named.person)).transpose()?.unwrap_or_default();
            let within = |index: &u64| spans.iter().any(|span| span.contains(index));
            let mut theirs = timeline.into_iter().rev().filter(within);
            theirs.find(|index| !take(*index))
        }
        None => {
            let employee = filter.employee.map(person_id);
            let wanted = filter.wanted(desk.id(), employee.as_deref());
            let mut searched = spans.into_iter().rev().map(|span| store.search(&wanted, span, &mut take));
            searched.find_map(Result::transpose).transpose()?
        }
    };
    // A list that lacks a line would look whole.
    if unreadable { Err(NoPage("unreadable")) } else { Ok(found) }
}

/// The first instant of a day, and the first behind it.
fn edges(day: Date) -> (Option<Timestamp>, Option<Timestamp>) {
    (start_of(day), day.checked_add(1.day()).ok().and_then(start_of))
}

/// The page.
pub(super) async fn page(desk: &Desk<'_>) -> Response<Body> {
    let words = desk.visit.words;
    let filter = Filter::read(desk);
    // It reads and opens records: not on a thread that answers others.
    let found = match tokio::task::block_in_place(|| find(desk, &filter)) {
        Ok(found) => found,
        Err(NoPage(why)) => return desk.visit.trouble(503, why),
    };
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
    let mut houses: Vec<_> = trust.participants().map(|p| (p.id.as_str(), p.name.clone())).collect();
    houses.sort_by(|a, b| a.1.cmp(&b.1));
    let own = trust.people().filter(|person| person.participant.as_str() == desk.id());
    let mut staff: Vec<_> = own.map(|person| (person.id.as_str(), person.name.clone())).collect();
    staff.sort_by(|a, b| a.1.cmp(&b.1));
    let purposes = ["TREAT", "ETREAT", "COC", "CAREMGT", "PATRQT", "HCOMPL"];
    let purposes: Vec<_> = purposes.iter().map(|code| (*code, words.code("purpose", code))).collect();
    let results: Vec<_> = RESULTS.iter().map(|(code, _)| (*code, words.code("result", code))).collect();
    html! {
        form method="get" action="/officer" class="filters" {
            div { label for="person" { (words.code("column", "person-tag")) }
                input type="text" id="person" name="person" autocomplete="off" value=(filter.person.unwrap_or_default()); }
            div { label for="day" { (words.say("day")) }
                input type="date" id="day" name="day" value=(filter.day.map(|day| day.to_string()).unwrap_or_default()); }
            (choice(words, "organisation", words.say("organisation"), &houses, filter.organisation))
            (choice(words, "employee", words.say("employee"), &staff, filter.employee))
            (choice(words, "purpose", words.code("column", "purpose"), &purposes, filter.purpose))
            (choice(words, "result", words.say("result"), &results, filter.result.and_then(code_of)))
            div { label for="emergency" { (words.say("only-emergency")) }
                input type="checkbox" id="emergency" name="emergency" value="yes" checked[filter.emergency]; }
            div { label for="all" { (words.say("other-records")) }
                input type="checkbox" id="all" name="all" value="yes" checked[filter.everything]; }
            button { (words.say("search")) }
        }
    }
}

/// One of some, or any.
fn choice(
    words: &Words,
    name: &str,
    label: String,
    options: &[(&str, String)],
    chosen: Option<&str>,
) -> Markup {
    html! {
        div { label for=(name) { (label) }
            select id=(name) name=(name) {
                option value="" { (words.say("any")) }
                @for (code, text) in options {
                    option value=(code) selected[chosen == Some(*code)] { (text) }
                }
            } }
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
                @if is_emergency(entry) { " – " strong { (words.say("in-emergency")) } }
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

/// What happened, as a code that there are words for.
pub(super) fn kind(entry: &Entry) -> String {
    if let Some(act) = peculiar(entry) {
        return act.to_owned();
    }
    serde_json::to_value(entry.kind)
        .ok()
        .and_then(|kind| kind.as_str().map(str::to_owned))
        .unwrap_or_default()
}

const ROWS: usize = 50;
/// Records opened for one page at most.
const READ_MAX: usize = 10_000;
