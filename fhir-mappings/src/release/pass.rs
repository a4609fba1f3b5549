//! The order of the minimise stage: read, find the person, mark, judge, write until references hold. It holds no
//! rule of its own: `select` says what may leave, `emit` how much of it.

use super::emit::{Emitted, Ground, emit};
use super::person::{Keys, Person, Whom};
use super::select::{Access, Judged, Thing, reader_bit};
use super::{Bound, Contribution, Given, Incident, IncidentKind, Release, Released, View, facts, stay};
use crate::classify::{Marked, Origin};
use crate::json::{Doc, Kind, Value, parse};
use crate::tables::{Tables, TypeKind};
use consent::LabelSet;
use std::collections::BTreeMap;

/// One contribution as read.
struct Parsed<'a> {
    docs: Vec<Doc<'a>>,
    unreadable: Option<usize>,
}

pub(super) fn all(tables: &Tables, view: &View<'_>, contributions: &[Contribution<'_>]) -> Release {
    let mut release = Release { holders: vec![Given::default(); contributions.len()], ..Release::default() };
    let parsed: Vec<Parsed<'_>> = contributions.iter().map(|c| read(tables, c)).collect();
    let marked: Vec<Vec<Marked>> =
        contributions.iter().zip(&parsed).map(|(c, parsed)| mark(tables, c, parsed)).collect();
    let secret = tables.whereabouts;
    let labels = marked.iter().flatten().fold(LabelSet::EMPTY, |all, m| all.union(m.class.labels));
    let protected = view.protected || !labels.intersection(secret).is_empty();
    for (at, ((contribution, parsed), marked)) in contributions.iter().zip(&parsed).zip(&marked).enumerate() {
        if let Some(resource) = parsed.unreadable {
            release.incidents.push(Incident { holder: at, resource, kind: IncidentKind::Unreadable });
            continue;
        }
        let holder = OneHolder { tables, view, contribution, at, protected };
        holder.release(parsed, marked, &mut release);
    }
    release
}

fn read<'a>(tables: &Tables, contribution: &Contribution<'a>) -> Parsed<'a> {
    let mut docs = Vec::with_capacity(contribution.resources.len());
    for (at, raw) in contribution.resources.iter().enumerate() {
        let doc = parse(raw.bytes).ok().filter(|doc| {
            let root = doc.root();
            root.kind() == Kind::Object
                && root.get_str("resourceType").is_some_and(|name| tables.types.contains_key(&*name))
        });
        match doc {
            Some(doc) => docs.push(doc),
            None => return Parsed { docs: Vec::new(), unreadable: Some(at) },
        }
    }
    Parsed { docs, unreadable: None }
}

fn mark(tables: &Tables, contribution: &Contribution<'_>, parsed: &Parsed<'_>) -> Vec<Marked> {
    let origin = Origin { categories: contribution.holder.categories };
    parsed.docs.iter().map(|doc| tables.mark(doc.root(), &origin)).collect()
}

struct OneHolder<'a> {
    tables: &'a Tables,
    view: &'a View<'a>,
    contribution: &'a Contribution<'a>,
    at: usize,
    protected: bool,
}

impl<'a> OneHolder<'a> {
    fn release(&self, parsed: &Parsed<'_>, marked: &[Marked], release: &mut Release) {
        let types: Vec<&str> = parsed.docs.iter().map(|doc| self.type_of(doc.root())).collect();
        let triples: Vec<(&str, Keys<'_>, Value<'_>)> = types
            .iter()
            .zip(self.contribution.resources)
            .zip(&parsed.docs)
            .map(|((resource_type, raw), doc)| {
                let keys = Keys { key: raw.key, full_url: raw.full_url };
                (*resource_type, keys, doc.root())
            })
            .collect();
        let person =
            Person::read(&triples, self.view, self.contribution.bound, self.contribution.patient_references);
        let strangers = self.strangers(&triples, &person);
        let incident = |resource| Incident { holder: self.at, resource, kind: IncidentKind::WrongPerson };
        release.incidents.extend(strangers.iter().copied().map(incident));
        if !strangers.is_empty() && self.contribution.bound == Bound::Fetched {
            return;
        }
        let things = self.things(&triples, marked, &person);
        let reader = reader_bit(self.tables, self.view);
        let access =
            Access::new(self.tables, self.view, self.contribution.holder, self.contribution.decision, reader);
        let mut judged: Vec<Option<Judged<'_>>> = things
            .iter()
            .enumerate()
            .map(|(at, thing)| {
                let named = types.get(at).is_some_and(|name| (self.view.types)(name));
                if strangers.contains(&at) || !named { None } else { access.judge(*thing) }
            })
            .collect();
        keep_latest(&mut judged);
        let clinical = self.tables.clinical & reader != 0;
        // Words of a GGZ holder tell of GGZ, whatever they are about.
        let told = self
            .tables
            .origins
            .iter()
            .filter(|origin| self.contribution.holder.categories.iter().any(|c| **c == *origin.category));
        let words = told
            .flat_map(|o| o.mark.classes.iter())
            .filter(|class| self.tables.vocabulary.sensitive_classes().contains(*class));
        let text =
            clinical && !self.protected && words.into_iter().all(|class| access.shape_of(class).is_some());
        let written = self.write(&things, &judged, &person, &access, reader, clinical, text);
        self.collect(&things, &judged, written, release);
        self.author_facts(&things, &strangers, &access, reader, release);
    }

    fn type_of(&self, root: Value<'_>) -> &'a str {
        let name = root.get_str("resourceType").unwrap_or_default();
        self.tables.types.get_key_value(&*name).map_or("", |(name, _)| name)
    }

    fn strangers(&self, triples: &[(&str, Keys<'_>, Value<'_>)], person: &Person<'_>) -> Vec<usize> {
        triples
            .iter()
            .enumerate()
            .filter(|(at, (resource_type, _, value))| match self.tables.kind(resource_type) {
                Some(TypeKind::Open) => person.is_about_another(*at, resource_type, *value),
                Some(TypeKind::Directory) => person.belongs_to_another(*value),
                Some(TypeKind::Closed) | None => false,
            })
            .map(|(at, _)| at)
            .collect()
    }

    /// Every resource with its marks, where a medicine's labels count for what refers to it too (rule 3), and a result's for
    /// its report: one that stands without its results says that there were some.
    fn things<'d>(
        &self,
        triples: &[(&'d str, Keys<'d>, Value<'d>)],
        marked: &[Marked],
        person: &Person<'_>,
    ) -> Vec<Thing<'d>> {
        let mut marks = marked.to_vec();
        climb(&mut marks, triples, person);
        let mut seen: Vec<&str> = Vec::new();
        let mut things: Vec<Thing<'d>> = Vec::with_capacity(triples.len());
        for (at, (resource_type, _, value)) in triples.iter().enumerate() {
            let first = !seen.contains(resource_type);
            if first {
                seen.push(resource_type);
            }
            let whole = marks.get(at).copied().unwrap_or_default();
            things.push(Thing { resource_type, value: *value, marked: whole, first });
        }
        // Who has a role is what the role is, also where only the person is named.
        let roles = triples.iter().zip(marked).filter(|((name, ..), _)| *name == "PractitionerRole");
        for ((_, _, role), mark) in roles {
            let who = role.get("practitioner").map(|reference| person.whom(reference));
            if let Some(Whom::Thing(at)) = who
                && let Some(thing) = things.get_mut(at)
            {
                thing.marked.class.classes = thing.marked.class.classes.union(mark.class.classes);
                thing.marked.by_domain = thing.marked.by_domain.union(mark.by_domain);
            }
        }
        things
    }

    /// Writes what may leave, again and again until no reference leads to what fell.
    #[allow(clippy::too_many_arguments, reason = "one private call")]
    fn write(
        &self,
        things: &[Thing<'_>],
        judged: &[Option<Judged<'_>>],
        person: &Person<'_>,
        access: &Access<'_>,
        reader: u64,
        clinical: bool,
        text: bool,
    ) -> Vec<Option<(String, Emitted)>> {
        let mut alive: Vec<Option<(&str, String)>> = things
            .iter()
            .zip(judged)
            .zip(self.contribution.resources)
            .map(|((thing, judged), raw)| {
                judged.as_ref()?;
                let id = match thing.resource_type {
                    "Patient" => self.view.patient_id.to_owned(),
                    other => self.view.ids.outward(self.contribution.holder.code, other, raw.key),
                };
                Some((thing.resource_type, id))
            })
            .collect();
        let mut written: Vec<Option<Emitted>> = things.iter().map(|_| None).collect();
        let mut stale: Vec<usize> = (0..things.len()).collect();
        while !stale.is_empty() {
            let mut fallen = Vec::new();
            {
                let ground = Ground {
                    tables: self.tables,
                    access,
                    person,
                    reader,
                    clinical,
                    text,
                    protected: self.protected,
                    patient_id: self.view.patient_id,
                    alive: &alive,
                };
                for at in stale.drain(..) {
                    let (Some(thing), Some(Some(judged)), Some(Some((_, id)))) =
                        (things.get(at), judged.get(at), alive.get(at))
                    else {
                        continue;
                    };
                    let new = if judged.need & self.tables.identity_stay != 0 {
                        (thing.resource_type == "Patient").then(|| Emitted {
                            bytes: stay::case(thing.value, id, self.protected),
                            refers: Vec::new(),
                        })
                    } else {
                        emit(&ground, thing.value, judged, id)
                    };
                    if new.is_none() {
                        fallen.push(at);
                    }
                    if let Some(slot) = written.get_mut(at) {
                        *slot = new;
                    }
                }
            }
            for at in &fallen {
                if let Some(slot) = alive.get_mut(*at) {
                    *slot = None;
                }
            }
            stale = written
                .iter()
                .enumerate()
                .filter(|(_, w)| w.as_ref().is_some_and(|w| w.refers.iter().any(|r| fallen.contains(r))))
                .map(|(at, _)| at)
                .collect();
        }
        self.only_reached(things, &mut written);
        written.into_iter().zip(alive).map(|(written, alive)| Some((alive?.1, written?))).collect()
    }

    /// Directory resources stay only where something that is about the person leads to them (DESIGN.md 6).
    fn only_reached(&self, things: &[Thing<'_>], written: &mut [Option<Emitted>]) {
        let is_directory = |at: usize| {
            things
                .get(at)
                .is_some_and(|thing| self.tables.kind(thing.resource_type) == Some(TypeKind::Directory))
        };
        let mut reached: Vec<bool> = (0..written.len()).map(|at| !is_directory(at)).collect();
        let mut todo: Vec<usize> = (0..written.len()).filter(|at| !is_directory(*at)).collect();
        while let Some(at) = todo.pop() {
            let Some(Some(from)) = written.get(at) else { continue };
            for to in &from.refers {
                if let Some(flag) = reached.get_mut(*to).filter(|flag| !**flag) {
                    *flag = true;
                    todo.push(*to);
                }
            }
        }
        for (slot, reached) in written.iter_mut().zip(reached) {
            if !reached {
                *slot = None;
            }
        }
    }

    fn collect(
        &self,
        things: &[Thing<'_>],
        judged: &[Option<Judged<'_>>],
        written: Vec<Option<(String, Emitted)>>,
        release: &mut Release,
    ) {
        let Some(account) = release.holders.get_mut(self.at) else { return };
        for (((thing, written), raw), judged) in
            things.iter().zip(written).zip(self.contribution.resources).zip(judged)
        {
            let classes = thing.marked.class.classes;
            let Some((id, emitted)) = written else {
                account.withheld = account.withheld.union(classes);
                continue;
            };
            account.given = account.given.union(classes);
            account.resources += 1;
            let narrowed = judged.as_ref().is_some_and(|j| j.need == self.tables.organisation_only);
            let classes = if narrowed { classes.minus(thing.marked.by_domain) } else { classes };
            release.resources.push(Released {
                resource_type: thing.resource_type.to_owned(),
                id,
                classes,
                labels: thing.marked.class.labels,
                holder: self.at,
                key: Some(raw.key.to_owned()),
                recorded: raw.recorded.map(str::to_owned),
                bytes: emitted.bytes,
            });
        }
    }

    fn author_facts(
        &self,
        things: &[Thing<'_>],
        strangers: &[usize],
        access: &Access<'_>,
        reader: u64,
        release: &mut Release,
    ) {
        for fact in self.tables.facts.iter().filter(|fact| fact.readers & reader != 0) {
            let usable = things.iter().enumerate().filter(|(at, thing)| {
                !strangers.contains(at)
                    && self.tables.kind(thing.resource_type) == Some(TypeKind::Open)
                    && access.may_ground(fact.shape, **thing)
            });
            let mut classes = consent::ClassSet::EMPTY;
            let usable = usable.map(|(_, thing)| (*thing, thing.marked.sets)).inspect(|(thing, sets)| {
                if sets & fact.set != 0 {
                    classes = classes.union(thing.marked.class.classes);
                }
            });
            let Some(yes) = facts::holds(fact, usable, self.view.at) else { continue };
            let key = format!("derived/{}", fact.code);
            let id = self.view.ids.outward(self.contribution.holder.code, "Observation", &key);
            let classes = if classes.is_empty() { access.classes_of(fact.shape) } else { classes };
            if let Some(account) = release.holders.get_mut(self.at) {
                account.given = account.given.union(classes);
                account.resources += 1;
            }
            release.resources.push(Released {
                resource_type: "Observation".to_owned(),
                bytes: facts::observation(fact, yes, &id, self.view.patient_id, self.view.at),
                id,
                classes,
                labels: consent::LabelSet::EMPTY,
                holder: self.at,
                key: None,
                recorded: None,
            });
        }
    }
}

/// Lets what parts are labelled with climb to what is made of them, however deep.
fn climb(marks: &mut [Marked], triples: &[(&str, Keys<'_>, Value<'_>)], person: &Person<'_>) {
    let mut wholes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (whole, (_, _, value)) in triples.iter().enumerate() {
        parts(*value, person, |part| wholes.entry(part).or_default().push(whole));
    }
    // A mark only grows, and has few bits: each edge is gone along a few times at most, whatever a holder sends.
    let mut grown: Vec<usize> = wholes.keys().copied().collect();
    while let Some(at) = grown.pop() {
        let Some(part) = marks.get(at).copied() else { continue };
        // A set tells what a resource is about; a report is not its result.
        let sets =
            if triples.get(at).is_some_and(|(name, ..)| *name == "Observation") { 0 } else { part.sets };
        for whole in wholes.get(&at).into_iter().flatten() {
            let Some(mark) = marks.get_mut(*whole) else { continue };
            let before = (mark.class.labels, mark.class.never, mark.sets);
            mark.class.labels = mark.class.labels.union(part.class.labels);
            mark.class.never |= part.class.never;
            mark.sets |= sets;
            if before != (mark.class.labels, mark.class.never, mark.sets) {
                grown.push(*whole);
            }
        }
    }
}

/// What a resource is made of: the medicine or device that it names, the prescription it follows, the results it brings
/// together, and what a medicine is mixed from.
fn parts(value: Value<'_>, person: &Person<'_>, mut found: impl FnMut(usize)) {
    let mut refers = |reference: Value<'_>| {
        if let Whom::Thing(part) = person.whom(reference) {
            found(part);
        }
    };
    for member in value.members() {
        match member.name() {
            "medicationReference" | "device" => refers(member),
            "authorizingPrescription" | "result" | "hasMember" => member.items().for_each(&mut refers),
            "ingredient" => member.items().filter_map(|part| part.get("itemReference")).for_each(&mut refers),
            _ => {}
        }
    }
}

/// Of the resources that a form limits to the newest, keeps those.
fn keep_latest(judged: &mut [Option<Judged<'_>>]) {
    let mut limited: Vec<(u8, Option<jiff::Timestamp>, usize, usize)> = judged
        .iter()
        .enumerate()
        .filter_map(|(at, j)| j.as_ref()?.latest.map(|(class, count, when)| (class, when, at, count)))
        .collect();
    limited.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)).then(a.2.cmp(&b.2)));
    for of_class in limited.chunk_by(|a, b| a.0 == b.0) {
        for (rank, (.., at, count)) in of_class.iter().enumerate() {
            if rank >= *count
                && let Some(slot) = judged.get_mut(*at)
            {
                *slot = None;
            }
        }
    }
}
