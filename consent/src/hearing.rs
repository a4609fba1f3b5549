//! Which statements of a dossier fit one question, and how specific they are. Class and resource
//! come later: here only holder, user, purpose, context, time, giver and recorder are weighed.

use jiff::civil::Date;

use crate::answer::Reason;
use crate::dossier::{Compiled, Dossier, HolderFacet, Node, UserFacet};
use crate::identifier::Identifier;
use crate::question::{Assurance, Capacity, Party, Purpose, Question};
use crate::record::Kind;
use crate::rules::{RuleKind, Rules};
use crate::set::ClassSet;
use crate::standing::Facts;
use crate::vocabulary::Category;

/// One statement as it fits the question.
#[derive(Debug)]
pub(crate) struct Fitted<'a> {
    pub(crate) node: &'a Node,
    /// Holder, user and context of its specificity; `None`: not about this asker and holder.
    pub(crate) specificity: Option<[u8; 3]>,
    /// Whether its facets hold, so that exceptions are within something.
    pub(crate) holds: bool,
    /// Classes for which it counts by who gave it and was not superseded.
    pub(crate) counts: ClassSet,
    /// Classes for which something newer took its place.
    pub(crate) superseded: ClassSet,
    /// Why a fitting permit does not count where `counts` lacks the class.
    pub(crate) obstacle: Reason,
}

/// One consent with its fitted statements, in the order of its nodes.
#[derive(Debug)]
pub(crate) struct FittedRecord<'a> {
    pub(crate) record: &'a Compiled,
    pub(crate) index: usize,
    pub(crate) nodes: Vec<Fitted<'a>>,
    pub(crate) by_parents_only: bool,
    pub(crate) by_representative_only: bool,
    /// Classes on which any of its statements speaks.
    pub(crate) touches: ClassSet,
}

/// The asker as consents see it.
#[derive(Debug)]
pub(crate) struct Listener<'a> {
    pub(crate) question: &'a Question,
    pub(crate) holder: &'a Party,
    /// The category of the function asked in, else that of the organisation.
    pub(crate) category: Option<Category>,
    /// Whether a permit that names no user reaches this asker.
    pub(crate) reached_unnamed: bool,
    pub(crate) none_passed: bool,
}

impl<'a> Listener<'a> {
    pub(crate) fn of(rules: &Rules, question: &'a Question, holder: &'a Party, day: Date) -> Self {
        let vocabulary = rules.vocabulary();
        let category = question
            .asker
            .function
            .and_then(|function| vocabulary.category_of(function))
            .or_else(|| question.asker.organisation.categories.first().copied());
        let reached_unnamed = question.asker.capacity == Capacity::Professional
            && category
                .and_then(|category| vocabulary.category_spec(category))
                .is_some_and(|spec| spec.reached_unnamed);
        let none_passed = rules.live(RuleKind::VitalInterestPassesNone, day).is_some();
        Self { question, holder, category, reached_unnamed, none_passed }
    }

    /// Every consent of the dossier that has something to say here.
    pub(crate) fn hear(&self, facts: &Facts<'_>, dossier: &'a Dossier) -> Vec<FittedRecord<'a>> {
        let mut fitted: Vec<_> = dossier
            .records
            .iter()
            .enumerate()
            .filter_map(|(index, record)| self.fit(facts, index, record))
            .collect();
        supersede(&mut fitted);
        fitted
    }

    fn fit(&self, facts: &Facts<'_>, index: usize, record: &'a Compiled) -> Option<FittedRecord<'a>> {
        if record.nodes.iter().all(|node| self.about(node).is_none()) {
            return None;
        }
        let (permits, why_not) = facts.permits(record);
        let objects = facts.objects(record);
        let benefits = record
            .recorded_by
            .as_ref()
            .is_some_and(|recorder| self.question.asker.organisation.identifiers.contains(recorder));
        let nodes = record
            .nodes
            .iter()
            .map(|node| {
                let specificity = self.about(node);
                let timely = node.periods.iter().all(|period| period.contains(self.question.at));
                let purpose = node.purposes.contains(&self.question.purpose);
                let context = self.in_context(node);
                let (counts, obstacle) = match node.kind {
                    _ if !purpose => (ClassSet::EMPTY, Reason::Purpose),
                    _ if !context => (ClassSet::EMPTY, Reason::NoRelation),
                    _ if !timely => (ClassSet::EMPTY, self.untimely(node)),
                    Kind::Deny if self.passes_none(node) => (ClassSet::EMPTY, Reason::NotAsked),
                    Kind::Deny => (objects, Reason::NotAsked),
                    // Nobody can grant itself access.
                    Kind::Permit if benefits => (ClassSet::EMPTY, Reason::NotAsked),
                    Kind::Permit => (permits, why_not),
                };
                Fitted {
                    node,
                    specificity: specificity.filter(|_| node.kind == Kind::Deny || self.reaches(node)),
                    holds: specificity.is_some() && purpose && context && timely,
                    counts,
                    superseded: ClassSet::EMPTY,
                    obstacle,
                }
            })
            .collect();
        let touches =
            record.nodes.iter().try_fold(ClassSet::EMPTY, |set, node| Some(set.union(node.classes?)));
        Some(FittedRecord {
            record,
            index,
            nodes,
            by_representative_only: !record.by_person,
            by_parents_only: facts.is_by_parents_only(record),
            touches: touches.unwrap_or(facts.all()),
        })
    }

    /// How specifically a statement is about this holder, asker and context; `None` if it is not.
    fn about(&self, node: &Node) -> Option<[u8; 3]> {
        let holder = node.holders.iter().filter_map(|holder| self.holder_fits(holder)).max()?;
        let user = if node.users.is_empty() {
            0
        } else {
            node.users.iter().filter_map(|user| self.user_fits(user, node.kind)).max()?
        };
        let emergency_alone = node.purposes.as_slice() == [Purpose::Etreat];
        Some([holder, user, u8::from(emergency_alone || !node.context.is_empty())])
    }

    fn holder_fits(&self, holder: &HolderFacet) -> Option<u8> {
        match holder {
            HolderFacet::Any => Some(0),
            HolderFacet::Organisation(identifier) => {
                self.holder.identifiers.contains(identifier).then_some(2)
            }
            HolderFacet::Category(category) => self.holder.categories.contains(category).then_some(1),
            HolderFacet::Function(function) => self.holder.functions.contains(function).then_some(1),
            HolderFacet::Unknown => None,
        }
    }

    fn user_fits(&self, user: &UserFacet, kind: Kind) -> Option<u8> {
        let asker = &self.question.asker;
        match user {
            // A permit for a person needs that person to be known; a block works on anybody's word.
            UserFacet::Person(identifier) => (asker.person.contains(identifier)
                && (kind == Kind::Deny || asker.assurance == Assurance::Registered))
                .then_some(3),
            UserFacet::Organisation(identifier) => self
                .is_professional(kind)
                .then(|| asker.organisation.identifiers.contains(identifier).then_some(2))?,
            UserFacet::Category(category) => {
                let of_function = self.category == Some(*category);
                let of_organisation = kind == Kind::Deny && asker.organisation.categories.contains(category);
                (self.is_professional(kind) && (of_function || of_organisation)).then_some(1)
            }
            UserFacet::Function(function) => (asker.function == Some(*function)).then_some(1),
            UserFacet::Unknown => None,
        }
    }

    /// A person's app is no organisation that a permit could mean.
    fn is_professional(&self, kind: Kind) -> bool {
        kind == Kind::Deny || self.question.asker.capacity == Capacity::Professional
    }

    /// A permit that names nobody reaches care only (CONTRACT.md 7).
    fn reaches(&self, node: &Node) -> bool {
        !node.users.is_empty() || self.reached_unnamed
    }

    fn in_context(&self, node: &Node) -> bool {
        let asker = &self.question.asker.organisation.identifiers;
        node.context.is_empty()
            || self.question.relations.iter().any(|relation| {
                // For a permit it is the holder's too: what others agreed among themselves opens nothing of its data.
                relation.is_live(self.question.at)
                    && relation.has_party(asker)
                    && (node.kind == Kind::Deny || relation.has_party(&self.holder.identifiers))
                    && relation.identifiers.iter().any(|identifier| named(&node.context, identifier))
            })
    }

    fn untimely(&self, node: &Node) -> Reason {
        if node.periods.iter().any(|period| period.is_over(self.question.at)) {
            Reason::Lapsed
        } else {
            Reason::NotAsked
        }
    }

    /// The emergency choice "none", where vital interest may pass it.
    fn passes_none(&self, node: &Node) -> bool {
        self.none_passed && node.purposes.as_slice() == [Purpose::Etreat]
    }
}

fn named(context: &[Identifier], identifier: &Identifier) -> bool {
    context.contains(identifier)
}

/// Same giver, same scope, same register: the newest wins; at equal times the objection. What was
/// superseded lets nothing through any more, its exceptions included; its objections stay until they
/// are superseded themselves.
fn supersede(records: &mut [FittedRecord<'_>]) {
    if !records.iter().flat_map(|record| &record.nodes).any(|fitted| fitted.node.contested) {
        return;
    }
    let mut verdicts: Vec<(usize, usize, ClassSet)> = Vec::new();
    for (older_index, older) in records.iter().enumerate() {
        for newer in records.iter().filter(|newer| newer.index != older.index) {
            let same_voice =
                newer.record.givers == older.record.givers && newer.record.register == older.record.register;
            if !same_voice || newer.record.given_at < older.record.given_at {
                continue;
            }
            let equal_time = newer.record.given_at == older.record.given_at;
            for (node_index, old) in older.nodes.iter().enumerate().filter(|(_, old)| old.node.contested) {
                for new in newer.nodes.iter().filter(|new| new.node.scope == old.node.scope) {
                    let wins = !equal_time || (new.node.kind == Kind::Deny && old.node.kind == Kind::Permit);
                    // An exception supersedes only where it would speak itself; a permit among
                    // exceptions depends on what stands above it, so it never does.
                    let free = new.node.parent.is_none() || new.node.kind == Kind::Deny;
                    if wins && free && new.specificity.is_some() {
                        verdicts.push((older_index, node_index, new.counts));
                    }
                }
            }
        }
    }
    for (record, node, classes) in verdicts {
        if let Some(fitted) = records.get_mut(record).and_then(|record| record.nodes.get_mut(node)) {
            fitted.superseded = fitted.superseded.union(classes);
        }
    }
    for record in records {
        // Per statement the classes for which something at or above it was superseded.
        let mut gone: Vec<ClassSet> = Vec::with_capacity(record.nodes.len());
        for fitted in &mut record.nodes {
            let above = fitted.node.parent.and_then(|parent| gone.get(parent)).copied().unwrap_or_default();
            gone.push(above.union(fitted.superseded));
            if fitted.node.kind == Kind::Permit {
                fitted.superseded = fitted.superseded.union(above);
            }
            fitted.counts = fitted.counts.minus(fitted.superseded);
        }
    }
}
