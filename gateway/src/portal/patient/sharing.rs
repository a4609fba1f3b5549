//! What is shared now and why: the decision that a real question would get, for everybody who may ask.
//!
//! Of each function first somebody whom no choice names, then every organisation for which it comes out otherwise.

use super::About;
use super::told::{Told, telling, told};
use crate::preview::{Beside, Outlook, Who};
use crate::trust::Participant;
use axum::body::Body;
use consent::preview;
use consent::record::Reading;
use consent::vocabulary::{Category, Cell, Function};
use consent::{ClassSet, DataClass, Decision, Purpose, Reason, Verdict};
use http::Response;
use maud::{Markup, html};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What somebody would see of every holder.
pub(super) struct Row {
    /// The work they do; nothing for who acts for the person.
    pub(super) category: Option<Category>,
    pub(super) function: Option<Function>,
    /// Whom it is about; nobody: whoever works in this function.
    pub(super) who: Option<Who>,
    /// Whose data, and what of it.
    pub(super) decisions: Vec<(Arc<Participant>, Decision)>,
}

/// When they ask: people are told apart what may be seen in an emergency.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Usually,
    InEmergency,
}

/// Everybody's row with these choices, equal or not, in an order that no choice changes: of each function first nobody by
/// name. What either of two purposes gives, is given.
pub(super) fn every_row(outlook: &Outlook<'_>, readings: &[Reading], when: When) -> Vec<Row> {
    let mut rows: Vec<(Option<usize>, Row)> = Vec::new();
    for told in outlook.rows(readings) {
        let emergency = told.purpose == Purpose::Etreat;
        let Some(holder) = outlook.holder(&told).filter(|_| emergency == (when == When::InEmergency)) else {
            continue;
        };
        let who = outlook.who(&told);
        let own = who.and_then(Who::organisation).is_some_and(|own| own.id == holder.id);
        let preview::Row { named, function, category, decision, .. } = told;
        let last = rows.last_mut().filter(|(of, row)| (*of, row.function) == (named, function));
        let decisions = match last {
            Some((_, row)) => &mut row.decisions,
            None => {
                let row = Row { category, function, who: who.cloned(), decisions: Vec::new() };
                rows.push((named, row));
                let Some((_, row)) = rows.last_mut() else { continue };
                &mut row.decisions
            }
        };
        // Its own data are no news to a holder.
        if own {
            continue;
        }
        match decisions.iter_mut().find(|(of, _)| of.id == holder.id) {
            Some((_, known)) => widen(known, decision),
            None => decisions.push((Arc::clone(holder), decision)),
        }
    }
    rows.sort_by_key(|(_, row)| row.function.map_or(u8::MAX, Function::index));
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Of the rows before one, the one of others with the same work: of the same organisation, else of nobody by name.
pub(super) fn others_like(before: &[Row], row: &Row) -> Option<usize> {
    before.iter().rposition(|other| {
        other.function == row.function
            && match (&other.who, &row.who) {
                (None, Some(Who::Organisation(_) | Who::Person(..))) => true,
                (Some(Who::Organisation(house)), Some(Who::Person(place, _))) => house.id == place.id,
                (Some(_) | None, _) => false,
            }
    })
}

impl Row {
    /// Whether it comes out the same, class for class, for the holders that both speak of.
    fn same_as(&self, other: &Self) -> bool {
        self.decisions.iter().all(|(holder, decision)| {
            let same = other.decisions.iter().find(|(of, _)| of.id == holder.id);
            same.is_some_and(|(_, of)| told_alike(decision, of))
        })
    }

    /// Why what is refused is refused.
    fn reasons(&self) -> impl Iterator<Item = Reason> {
        let verdicts = self.decisions.iter().flat_map(|(_, decision)| &decision.classes);
        verdicts.filter_map(|(_, verdict)| match verdict {
            Verdict::Refuse(refusal) => Some(refusal.reason),
            Verdict::Permit(_) => None,
        })
    }

    /// Classes of which something may be seen.
    pub(super) fn sees(&self) -> ClassSet {
        self.sees_like(self)
    }

    /// The same of those holders only of which another row speaks.
    pub(super) fn sees_like(&self, other: &Self) -> ClassSet {
        let spoken_of = |holder: &Participant| other.decisions.iter().any(|(of, _)| of.id == holder.id);
        let permitted = self.decisions.iter().filter(|(holder, _)| spoken_of(holder));
        permitted.fold(ClassSet::EMPTY, |all, (_, decision)| all.union(decision.permitted_classes()))
    }
}

/// Adds what another purpose gives.
fn widen(one: &mut Decision, other: Decision) {
    for ((_, verdict), (_, or)) in one.classes.iter_mut().zip(other.classes) {
        let wider = match (&*verdict, &or) {
            (Verdict::Refuse(_), Verdict::Permit(_)) => true,
            (Verdict::Refuse(one), Verdict::Refuse(or)) => telling(or.reason) > telling(one.reason),
            (Verdict::Permit(one), Verdict::Permit(or)) => or.level > one.level,
            (Verdict::Permit(_), Verdict::Refuse(_)) => false,
        };
        if wider {
            *verdict = or;
        }
    }
}

fn told_alike(one: &Decision, other: &Decision) -> bool {
    use Verdict::{Permit, Refuse};
    one.classes.iter().zip(&other.classes).all(|((_, a), (_, b))| match (a, b) {
        (Permit(a), Permit(b)) => (a.level, a.basis) == (b.level, b.basis),
        (Refuse(a), Refuse(b)) => a.reason == b.reason,
        (Permit(_), Refuse(_)) | (Refuse(_), Permit(_)) => false,
    })
}

impl About<'_> {
    /// The rows as things stand. Equal ones of one function stand once.
    pub(super) fn rows(&self) -> Vec<Row> {
        let readings = self.readings();
        let every = every_row(&self.outlook(&readings), &readings, When::Usually);
        let told: Vec<bool> = (0..)
            .zip(&every)
            .map(|(at, row)| {
                let before = every.get(..at).unwrap_or_default();
                let like = others_like(before, row).and_then(|other| before.get(other));
                row.function.is_some() && like.is_none_or(|like| !row.same_as(like))
            })
            .collect();
        every.into_iter().zip(told).filter(|(_, told)| *told).map(|(row, _)| row).collect()
    }

    /// Who may ask about the person; `readings` are all that any row is to be decided on.
    pub(super) fn outlook(&self, readings: &[Reading]) -> Outlook<'_> {
        Outlook::of(self.visit.world, &self.state, &self.holders(), readings, Beside::Everybody)
    }

    /// Every choice recorded.
    pub(super) fn readings(&self) -> Vec<Reading> {
        self.state.consents.iter().map(|stored| stored.reading.clone()).collect()
    }

    pub(super) fn class_name(&self, class: DataClass) -> &str {
        let spec = self.visit.world.rules.vocabulary().class_spec(class);
        spec.map_or("", |spec| self.visit.words.pick(&spec.nl, &spec.en))
    }

    pub(super) fn category_name(&self, category: Category) -> &str {
        let spec = self.visit.world.rules.vocabulary().category_spec(category);
        spec.map_or("", |spec| self.visit.words.pick(&spec.nl, &spec.en))
    }

    pub(super) fn function_name(&self, function: Function) -> &str {
        let spec = self.visit.world.rules.vocabulary().function_spec(function);
        spec.map_or("", |spec| self.visit.words.pick(&spec.nl, &spec.en))
    }

    /// Who a row is about, in words.
    pub(super) fn who(&self, row: &Row) -> String {
        let function =
            row.function.map_or_else(String::new, |function| capital(self.function_name(function)));
        match &row.who {
            None => function,
            Some(Who::Representative(known)) => {
                let kind = self.visit.words.code("representation", known.recorded.kind.code());
                let name = known.names.as_ref().map(|names| format!("{} ({kind})", names.acting));
                name.unwrap_or_else(|| capital(&kind))
            }
            Some(_) if !self.names_places() => format!("{} ({function})", self.visit.words.say("not-named")),
            Some(Who::Organisation(place)) => format!("{} ({function})", place.name),
            Some(Who::Person(place, person)) => format!("{} ({}, {function})", person.name, place.name),
        }
    }
}

/// Per category: who sees something of what others keep.
pub(super) async fn overview(about: &About<'_>) -> Response<Body> {
    let words = about.visit.words;
    let rows = about.rows();
    let vocabulary = about.visit.world.rules.vocabulary();
    let content = html! {
        p class="lead" { (about.say("sharing-lead")) }
        p { (about.say("sharing-own")) }
        @for category in vocabulary.all_categories() {
            @let of: Vec<&Row> = rows.iter().filter(|row| row.category == Some(category)).collect();
            @if !of.is_empty() {
                h2 { (capital(about.category_name(category))) }
                (summary(about, &of))
                p { a href=(format!("{}/sharing/{}", about.base, vocabulary.category_code(category))) {
                    (words.with("sharing-see", [("who", about.category_name(category).into())]))
                } }
            }
        }
        @if about.is_own() { p { a href=(format!("{}/choice", about.base)) { (words.say("choice")) } } }
    };
    about.show("sharing", about.say("sharing"), content).await
}

fn summary(about: &About<'_>, rows: &[&Row]) -> Markup {
    let words = about.visit.words;
    let seeing: Vec<_> = rows.iter().map(|row| (*row, row.sees().intersection(about.classes()))).collect();
    let seeing: Vec<_> = seeing.into_iter().filter(|(_, sees)| *sees != ClassSet::EMPTY).collect();
    html! {
        @if seeing.is_empty() {
            @let said = rows.iter().flat_map(|row| row.reasons()).max_by_key(|reason| telling(*reason));
            @if said == Some(Reason::Refused) { p { span class="no" { (words.say("no")) } " – " (words.say("sees-nothing")) } }
            @else { p { span class="part" { (words.say("not-asked")) } " – " (words.say("sees-nothing")) } }
        } @else {
            ul { @for (row, sees) in seeing {
                li {
                    span class="yes" { (words.say("yes")) } " – " (about.who(row)) ": "
                    @for (place, class) in sees.iter().enumerate() { @if place > 0 { ", " } (lower(about.class_name(class))) }
                }
            } }
        }
    }
}

/// One category, class by class.
pub(super) async fn category(about: &About<'_>, code: &str) -> Response<Body> {
    let words = about.visit.words;
    let vocabulary = about.visit.world.rules.vocabulary();
    let rows = about.rows();
    let of: Vec<&Row> = vocabulary
        .category(code)
        .map(|category| rows.iter().filter(|row| row.category == Some(category)).collect())
        .unwrap_or_default();
    let Some(first) = of.first() else { return about.visit.trouble(404, "not-found") };
    let title = first.category.map_or_else(String::new, |category| capital(about.category_name(category)));
    let content = html! {
        p class="lead" { (words.say("category-lead")) }
        @for group in grouped(about, &of) {
            h2 { (group.iter().map(|row| about.who(row)).collect::<Vec<_>>().join(", ")) }
            @if let Some(row) = group.first() { (table(about, row)) }
        }
        @if about.is_own() { p { a href=(format!("{}/choice", about.base)) { (words.say("choice")) } } }
    };
    about.show("sharing-category", title, content).await
}

/// Rows that come out the same stand together.
fn grouped<'r>(about: &About<'_>, rows: &[&'r Row]) -> Vec<Vec<&'r Row>> {
    let vocabulary = about.visit.world.rules.vocabulary();
    let cells = |row: &Row| -> Vec<_> {
        let shut =
            |class| row.function.is_some_and(|function| vocabulary.cell(function, class) == Cell::Shut);
        about.classes().iter().map(shut).collect()
    };
    let mut groups: Vec<Vec<&Row>> = Vec::new();
    for row in rows {
        let alike = groups.iter_mut().find(|group| {
            group
                .first()
                .is_some_and(|first| first.same_as(row) && row.same_as(first) && cells(first) == cells(row))
        });
        match alike {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups
}

fn table(about: &About<'_>, row: &Row) -> Markup {
    let words = about.visit.words;
    html! {
        div class="wide" { table {
            thead { tr {
                th scope="col" { (words.say("what")) } th scope="col" { (words.say("shared")) } th scope="col" { (words.say("why")) }
            } }
            tbody { @for class in about.classes().iter() {
                @let Told { word, mark, from, why } = told(about, row, class);
                tr {
                    th scope="row" { (about.class_name(class)) }
                    td { span class=(mark) { (word) } @if !from.is_empty() { " – " (from.into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")) } }
                    td { (why) }
                }
            } }
        } }
    }
}

pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

pub(super) fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
