//! What is shared now and why: the decision that a real question would get, for everybody who may ask.
//!
//! Of each function first somebody whom no choice names, then every organisation for which it comes out otherwise.

use super::About;
use super::told::{Told, telling, told};
use crate::road::decide::{party, purpose};
use crate::store::state::PersonState;
use crate::trust::{Participant, Trust};
use crate::world::World;
use axum::body::Body;
use consent::question::{Asker, Assurance, Capacity, Party, Question, Subject};
use consent::vocabulary::{Category, Cell, Function};
use consent::{ClassSet, DataClass, Decision, Dossier, Reason, Verdict};
use http::Response;
use jiff::Timestamp;
use maud::{Markup, html};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What somebody would see of every holder.
pub(super) struct Row {
    pub(super) category: Category,
    pub(super) function: Function,
    /// Whom it is about; nobody: whoever works in this function.
    pub(super) asker: Option<Arc<Participant>>,
    /// Whose data, and what of it.
    pub(super) decisions: Vec<(Arc<Participant>, Decision)>,
}

/// Everything that is decided from, once.
pub(super) struct Form<'f> {
    pub(super) world: &'f World,
    pub(super) state: &'f PersonState,
    pub(super) holders: &'f [Arc<Participant>],
    pub(super) at: Timestamp,
}

impl Form<'_> {
    /// The rows with these choices. Equal ones of one function stand once.
    pub(super) fn rows(&self, dossier: &Dossier) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        for row in self.every_row(dossier) {
            let general = rows.iter().rev().find(|other| other.asker.is_none());
            if row.asker.is_none() || general.is_none_or(|general| !row.same_as(general)) {
                rows.push(row);
            }
        }
        rows
    }

    /// Everybody's row, equal or not, in an order that no choice changes: of each function first nobody by name.
    pub(super) fn every_row(&self, dossier: &Dossier) -> Vec<Row> {
        let vocabulary = self.world.rules.vocabulary();
        let trust = self.world.store.trust();
        let mut rows = Vec::new();
        for function in vocabulary.all_functions() {
            let Some(category) = vocabulary.category_of(function) else { continue };
            rows.push(self.row(category, function, None, dossier));
            rows.extend(
                self.named(function, &trust).map(|asker| self.row(category, function, Some(asker), dossier)),
            );
        }
        rows
    }

    /// The participants that work in a function now, by name.
    fn named<'t>(
        &self,
        function: Function,
        trust: &'t Trust,
    ) -> impl Iterator<Item = Arc<Participant>> + use<'t> {
        let code = self.world.rules.vocabulary().function_code(function).to_owned();
        let mut found: Vec<&'t Arc<Participant>> = trust
            .participants()
            .filter(|p| p.functions_at(self.at).any(|own| own.code.as_str() == code))
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found.into_iter().cloned()
    }

    fn row(
        &self,
        category: Category,
        function: Function,
        asker: Option<Arc<Participant>>,
        dossier: &Dossier,
    ) -> Row {
        let rules = &self.world.rules;
        let mut question = self.question(category, function, asker.as_deref());
        let purposes = self.purposes(function, asker.as_deref());
        let of_others =
            self.holders.iter().filter(|holder| asker.as_ref().is_none_or(|own| own.id != holder.id));
        let decisions = of_others
            .map(|holder| {
                question.holder = party(holder, rules, self.at);
                let decided = purposes.iter().map(|purpose| {
                    consent::decide_with(rules, &Question { purpose: *purpose, ..question.clone() }, dossier)
                });
                let nothing = Decision::refuse_all(rules, question.classes, Reason::Purpose);
                (Arc::clone(holder), decided.reduce(widest).unwrap_or(nothing))
            })
            .collect();
        Row { category, function, asker, decisions }
    }

    /// What they may ask for but in an emergency, of which people are told apart.
    fn purposes(&self, function: Function, asker: Option<&Participant>) -> Vec<consent::Purpose> {
        let spec = self.world.rules.vocabulary().function_spec(function);
        let open = spec.map(|spec| spec.purposes.clone()).unwrap_or_default();
        let registered = |wanted: consent::Purpose| {
            asker.is_none_or(|asker| asker.purposes.iter().any(|own| purpose(*own) == wanted))
        };
        let usual = open.into_iter().filter(|wanted| *wanted != consent::Purpose::Etreat);
        usual.filter(|wanted| registered(*wanted)).collect()
    }

    fn question(&self, category: Category, function: Function, asker: Option<&Participant>) -> Question {
        let rules = &self.world.rules;
        let anybody =
            Party { identifiers: Vec::new(), categories: vec![category], functions: vec![function] };
        Question {
            asker: Asker {
                organisation: asker.map_or(anybody, |asker| party(asker, rules, self.at)),
                function: Some(function),
                person: Vec::new(),
                role: None,
                responsible: None,
                assurance: Assurance::Registered,
                capacity: Capacity::Professional,
            },
            // Set for each purpose.
            purpose: consent::Purpose::Treat,
            subject: Subject {
                birth_date: self.state.birth_date(),
                representatives: self
                    .state
                    .representatives
                    .iter()
                    .map(|known| known.recorded.clone())
                    .collect(),
            },
            holder: Party::default(),
            classes: rules.vocabulary().all_classes(),
            relations: self
                .state
                .relations
                .iter()
                .filter(|stored| asker.is_none_or(|asker| stored.recorder != asker.id.as_str()))
                .map(|stored| stored.relation.clone())
                .collect(),
            attestations: self.state.attestations.iter().map(|stored| stored.attestation.clone()).collect(),
            break_glass: None,
            at: self.at,
        }
    }
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
        let permitted = self.decisions.iter().map(|(_, decision)| decision.permitted_classes());
        permitted.fold(ClassSet::EMPTY, ClassSet::union)
    }
}

/// What either of two purposes gives.
fn widest(mut one: Decision, other: Decision) -> Decision {
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
    one
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
    pub(super) fn rows(&self) -> Vec<Row> {
        let world = self.visit.world;
        let holders = self.holders();
        let form = Form { world, state: &self.state, holders: &holders, at: world.clock.now() };
        form.rows(&self.state.dossier(&world.rules))
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
        let function = capital(self.function_name(row.function));
        match &row.asker {
            Some(asker) if self.names_places() => format!("{} ({function})", asker.name),
            Some(_) => format!("{} ({function})", self.visit.words.say("not-named")),
            None => function,
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
            @let of: Vec<&Row> = rows.iter().filter(|row| row.category == category).collect();
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
        .map(|category| rows.iter().filter(|row| row.category == category).collect())
        .unwrap_or_default();
    let Some(first) = of.first() else { return about.visit.trouble(404, "not-found") };
    let title = capital(about.category_name(first.category));
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
        about.classes().iter().map(|class| vocabulary.cell(row.function, class) == Cell::Shut).collect()
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
