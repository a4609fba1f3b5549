//! Which data classes and labels a resource bears: by type, codes, author, holder and labels, never by profile.
//!
//! The rules are lines of `tables/`; here stands only where in a resource a code speaks for the whole of it. A
//! reason (`reasonCode`) does not: it is judged element by element, so that lithium may pass without its why.

pub(crate) mod codes;
pub(crate) mod words;

use crate::json::{Kind, Value};
use crate::tables::{Tables, TypeKind};
use codes::{Mark, System};
use consent::{ClassSet, LabelSet};
use std::borrow::Cow;

/// Where a resource comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Codes of the holder's categories (`gp`, `ggz`).
    pub categories: &'a [&'a str],
}

/// What a resource is marked with. All classes and all labels must be allowed for it to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Classification {
    /// Its classes.
    pub classes: ClassSet,
    /// Its labels.
    pub labels: LabelSet,
    /// Bears what reaches nobody (REGION.md 1, rule 6).
    pub never: bool,
    /// The tables know no class for it: treated as the most sensitive.
    pub unclassified: bool,
}

/// A classification with what only the release needs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Marked {
    pub(crate) class: Classification,
    /// Classes that only the holder's domain added (REGION.md 1, rule 2).
    pub(crate) by_domain: ClassSet,
    /// Code sets that a coding of it is in.
    pub(crate) sets: u64,
}

impl Tables {
    /// Classifies one resource.
    #[must_use]
    pub fn classify(&self, resource: Value<'_>, origin: &Origin<'_>) -> Classification {
        self.mark(resource, origin).class
    }

    pub(crate) fn mark(&self, resource: Value<'_>, origin: &Origin<'_>) -> Marked {
        let resource_type = resource.get_str("resourceType").unwrap_or_default();
        let Some(rule) = self.types.get(&*resource_type) else {
            return Marked { class: withheld(), ..Marked::default() };
        };
        let mut reading = Reading {
            tables: self,
            mark: Mark::default(),
            unknown_label: false,
            sets: 0,
            told: false,
            known: false,
            coded: false,
        };
        for member in resource.members() {
            reading.member(member);
        }
        let known = reading.coded;
        let mut mark = reading.mark;
        let sets = reading.sets | mark.sets;
        if !reading.told && rule.kind != TypeKind::Closed {
            mark.add(Mark { sets: 0, ..self.words_of(resource) });
        }
        let mut by_domain = ClassSet::EMPTY;
        for origin_rule in &self.origins {
            let here = origin.categories.iter().any(|c| **c == *origin_rule.category);
            let applies = here && origin_rule.types.iter().any(|t| **t == *resource_type);
            if !applies || (!mark.classes.is_empty() && !origin_rule.always) {
                continue;
            }
            if origin_rule.always {
                by_domain = by_domain.union(origin_rule.mark.classes.minus(mark.classes));
            } else {
                mark.add(origin_rule.mark);
            }
        }
        if mark.classes.is_empty() && (known || !rule.if_coded) {
            mark.add(rule.mark);
        }
        if &*resource_type == "Organization" {
            // What an organisation is tells its domain, and only that.
            by_domain = by_domain.union(mark.classes);
        }
        let mut classes = mark.classes.union(by_domain);
        let open = rule.kind == TypeKind::Open;
        let unclassified = (open && mark.classes.is_empty() && !mark.never) || reading.unknown_label;
        if unclassified {
            classes = classes.union(self.notes);
        }
        let nobody = self.vocabulary.never_released().minus(self.whereabouts);
        let nobody = !mark.labels.intersection(nobody).is_empty();
        let never = mark.never || nobody || rule.kind == TypeKind::Closed;
        Marked {
            class: Classification { classes, labels: mark.labels, never, unclassified },
            by_domain,
            sets,
        }
    }

    /// What one coding says; `None` when the tables do not know its system.
    pub(crate) fn coding(&self, coding: Value<'_>) -> Option<Mark> {
        let (mut system, mut code) = (None, None);
        for member in coding.members() {
            match member.name() {
                "system" => system = member.as_str(),
                "code" => code = member.as_str(),
                _ => {}
            }
        }
        let system = self.codes.system(system.as_deref()?)?;
        Some(code.map(|code| self.codes.mark(system, &code)).unwrap_or_default())
    }

    /// What the words of a resource without a telling code say.
    fn words_of(&self, resource: Value<'_>) -> Mark {
        let mut mark = Mark::default();
        for name in
            ["code", "medicationCodeableConcept", "type", "category", "title", "description", "valueString"]
        {
            for value in resource.each(name) {
                self.words_in(value, 0, &mut mark);
            }
        }
        mark
    }

    fn words_in(&self, value: Value<'_>, depth: u8, mark: &mut Mark) {
        if depth > 3 {
            return;
        }
        match value.kind() {
            Kind::Object => {
                for member in value.members() {
                    if matches!(member.name(), "coding" | "text" | "display") {
                        self.words_in(member, depth + 1, mark);
                    }
                }
            }
            Kind::Array => value.items().for_each(|item| self.words_in(item, depth + 1, mark)),
            Kind::String => {
                let text: Cow<'_, str> = value.as_str().unwrap_or_default();
                self.words.found_in(&text).for_each(|says| mark.add(Mark { told: true, ..says }));
            }
            Kind::Number | Kind::True | Kind::False | Kind::Null => {}
        }
    }
}

/// What a thing of no known type is.
fn withheld() -> Classification {
    Classification { never: true, unclassified: true, ..Classification::default() }
}

/// One walk over the members that speak for a whole resource.
struct Reading<'t> {
    tables: &'t Tables,
    mark: Mark,
    unknown_label: bool,
    sets: u64,
    /// A code other than a category tells.
    told: bool,
    /// A coding of a system that the tables know was read since this was last cleared.
    known: bool,
    /// `code` has one.
    coded: bool,
}

impl Reading<'_> {
    fn member(&mut self, member: Value<'_>) {
        match member.name() {
            "meta" => self.labels(member),
            "category" => self.concepts(member),
            "code" => {
                self.known = false;
                self.telling(member);
                self.coded |= self.known;
            }
            "type"
            | "class"
            | "scope"
            | "serviceType"
            | "serviceCategory"
            | "specialty"
            | "vaccineCode"
            | "medicationCodeableConcept"
            | "valueCodeableConcept"
            | "codeCodeableConcept"
            | "appointmentType"
            | "relationship" => self.telling(member),
            "component" | "qualification" | "participant" => {
                // A member of a team speaks for itself: the line about it falls, not the team.
                let speaks = member.name() != "participant";
                for part in member.items() {
                    for name in ["code", "role", "valueCodeableConcept"] {
                        part.each(name).for_each(|c| self.concept(c, speaks));
                    }
                }
            }
            "ingredient" => {
                for part in member.items() {
                    part.each("itemCodeableConcept").for_each(|c| self.concept(c, true));
                }
            }
            "contained" => {
                // What is inside never leaves, and still tells what it is about: a medicine most of all.
                for inner in member.items() {
                    for name in ["code", "ingredient"] {
                        if let Some(member) = inner.get(name) {
                            self.member(member);
                        }
                    }
                }
            }
            "provision" => member.each("code").for_each(|c| self.concept(c, true)),
            "activity" => {
                for part in member.items() {
                    if let Some(detail) = part.get("detail") {
                        detail.each("code").for_each(|c| self.concept(c, false));
                    }
                }
            }
            _ => {}
        }
    }

    fn telling(&mut self, member: Value<'_>) {
        let before = std::mem::take(&mut self.mark);
        self.concepts(member);
        self.told |= self.mark.told;
        self.mark.add(before);
    }

    fn concepts(&mut self, member: Value<'_>) {
        match member.kind() {
            Kind::Array => member.items().for_each(|item| self.concept(item, true)),
            _ => self.concept(member, true),
        }
    }

    /// A CodeableConcept, or a bare Coding (`Encounter.class`).
    fn concept(&mut self, concept: Value<'_>, speaks: bool) {
        if concept.kind() != Kind::Object {
            return;
        }
        for member in concept.members() {
            match member.name() {
                "coding" if member.kind() == Kind::Object => self.coding(member, speaks),
                "coding" => member.items().for_each(|coding| self.coding(coding, speaks)),
                "system" => self.coding(concept, speaks),
                _ => {}
            }
        }
    }

    fn coding(&mut self, coding: Value<'_>, speaks: bool) {
        if let Some(mark) = self.tables.coding(coding) {
            self.known = true;
            self.sets |= mark.sets;
            if speaks {
                self.mark.add(mark);
            }
        }
    }

    fn labels(&mut self, meta: Value<'_>) {
        for label in meta.each("security") {
            let uri = label.get_str("system").unwrap_or_default();
            let system: Option<System> = self.tables.codes.system(&uri);
            let code = label.get_str("code").unwrap_or_default();
            let mark = system.map(|system| self.tables.codes.mark(system, &code)).unwrap_or_default();
            let label_system = uri.ends_with("/v3-ActCode") || uri.ends_with("/v3-Confidentiality");
            if !mark.told && (label_system || uri.ends_with("/CodeSystem/label")) {
                self.unknown_label = true;
            }
            self.mark.labels = self.mark.labels.union(mark.labels);
            self.mark.never |= mark.never;
        }
    }
}

#[cfg(test)]
mod tests;
