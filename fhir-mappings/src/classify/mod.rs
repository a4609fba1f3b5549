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
            blind: false,
            seen: false,
            sighted: false,
            silent: false,
            medicine: rule.medicine,
        };
        for member in resource.members() {
            reading.member(member);
        }
        let known = reading.coded;
        let mut mark = reading.mark;
        let coded = mark.classes;
        let sets = reading.sets | mark.sets;
        if !reading.told && rule.kind != TypeKind::Closed {
            mark.add(Mark { sets: 0, ..self.words_of(resource, rule.medicine) });
        }
        let mut by_domain = ClassSet::EMPTY;
        for origin_rule in &self.origins {
            let here = origin.categories.iter().any(|c| **c == *origin_rule.category);
            let applies = here && origin_rule.types.iter().any(|t| **t == *resource_type);
            if !applies || (!mark.classes.is_empty() && !origin_rule.always) {
                continue;
            }
            if origin_rule.always {
                // What words say of the holder's own domain is no more than its domain.
                by_domain = by_domain.union(origin_rule.mark.classes.minus(coded));
            } else {
                mark.add(origin_rule.mark);
            }
        }
        if mark.classes.is_empty() && (known || !rule.if_coded) {
            mark.add(rule.mark);
        }
        if &*resource_type == "Organization" {
            // What the holder's own house is tells its domain, and only that.
            let own = self.origins.iter().filter(|o| origin.categories.iter().any(|c| **c == *o.category));
            let own = own.fold(ClassSet::EMPTY, |all, origin| all.union(origin.mark.classes));
            by_domain = by_domain.union(mark.classes.intersection(own));
        }
        let mut classes = mark.classes.union(by_domain);
        let open = rule.kind == TypeKind::Open;
        let blind = rule.if_told && reading.blind;
        let unclassified = (open && mark.classes.is_empty() && !mark.never) || reading.unknown_label || blind;
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

    /// What one coding says; `medicine`: it names one, or may.
    pub(crate) fn coding<'v>(&self, coding: Value<'v>, medicine: bool) -> Said<'v> {
        let (mut system, mut code, mut display) = (None, None, None);
        for member in coding.members() {
            match member.name() {
                "system" => system = member.as_str(),
                "code" => code = member.as_str(),
                "display" => display = Some(member),
                _ => {}
            }
        }
        let system = system.and_then(|uri| self.codes.system(&uri));
        let listed =
            system.zip(code).map(|(system, code)| self.codes.mark(system, &code)).unwrap_or_default();
        if listed.told {
            return Said { listed, words: Mark::default(), known: true, blind: false, display };
        }
        let read = display.and_then(|display| display.as_str()).filter(|display| !display.trim().is_empty());
        let words = read.as_ref().map(|display| self.words.tell(display, medicine)).unwrap_or_default();
        let nowhere = listed == Mark::default();
        Said {
            listed,
            words: Mark { told: false, sets: 0, ..words },
            known: system.is_some(),
            blind: nowhere && read.is_none() && system.is_some_and(|system| self.codes.is_open(system)),
            display,
        }
    }

    /// Whether a coding of this concept names the substance of a medicine in the ATC, to its last level: then no name beside
    /// it tells more (a patch of buprenorphine is for pain).
    pub(crate) fn names_substance(&self, concept: Value<'_>) -> bool {
        let full = |coding: Value<'_>| {
            let system = coding.get_str("system").and_then(|uri| self.codes.system(&uri));
            let code = || {
                coding.get_str("code").is_some_and(|code| code.bytes().filter(|b| *b != b' ').count() == 7)
            };
            system.is_some() && system == self.atc && code()
        };
        concept.each("coding").any(full)
    }

    /// What the words of a resource without a telling code say.
    fn words_of(&self, resource: Value<'_>, medicine: bool) -> Mark {
        let mut mark = Mark::default();
        for name in
            SPEAKING.iter().chain(&["medicationCodeableConcept", "title", "description", "valueString"])
        {
            for value in resource.each(name) {
                self.words_in(value, 0, medicine, &mut mark);
            }
        }
        for inner in resource.each("contained") {
            for value in inner.each("code").chain(inner.each("ingredient")) {
                self.words_in(value, 0, medicine, &mut mark);
            }
        }
        for part in resource.each("participant").chain(resource.each("ingredient")) {
            self.words_in(part, 0, medicine, &mut mark);
        }
        // A person's name tells nothing, but for what stands before and behind it; a team's or a house's may.
        for name in resource.each("name") {
            match name.kind() {
                Kind::String => self.words_in(name, 0, medicine, &mut mark),
                _ => {
                    for title in ["prefix", "suffix"].iter().flat_map(|part| name.each(part)) {
                        self.words_in(title, 0, medicine, &mut mark);
                    }
                }
            }
        }
        mark
    }

    fn words_in(&self, value: Value<'_>, depth: u8, medicine: bool, mark: &mut Mark) {
        if depth > 3 {
            return;
        }
        match value.kind() {
            Kind::Object => {
                for member in value.members() {
                    if matches!(member.name(), "coding" | "text" | "display" | "itemCodeableConcept") {
                        self.words_in(member, depth + 1, medicine, mark);
                    }
                }
            }
            Kind::Array => value.items().for_each(|item| self.words_in(item, depth + 1, medicine, mark)),
            Kind::String => {
                let text: Cow<'_, str> = value.as_str().unwrap_or_default();
                mark.add(self.words.tell(&text, medicine));
            }
            Kind::Number | Kind::True | Kind::False | Kind::Null => {}
        }
    }
}

/// Members whose words speak for a whole resource where no code does.
const SPEAKING: [&str; 8] =
    ["code", "type", "category", "class", "serviceType", "serviceCategory", "specialty", "appointmentType"];

/// What one coding says.
#[derive(Clone, Copy)]
pub(crate) struct Said<'v> {
    /// By its code.
    pub(crate) listed: Mark,
    /// By its display, read where the code stands in no table.
    pub(crate) words: Mark,
    /// Its system is one that the tables know.
    pub(crate) known: bool,
    /// It stands in no table, of a system with far more codes than those, and has no words: it may be anything.
    pub(crate) blind: bool,
    /// Its display.
    pub(crate) display: Option<Value<'v>>,
}

impl Said<'_> {
    /// By its code, and where that stands in no table by its words.
    pub(crate) fn mark(&self) -> Mark {
        let mut mark = self.listed;
        mark.add(self.words);
        mark
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
    /// `code` has codings, and none of them tells anything at all.
    blind: bool,
    /// A coding was read since this was last cleared, and one that is not blind.
    seen: bool,
    sighted: bool,
    /// The concept at hand names a substance by its code: names beside it tell nothing.
    silent: bool,
    /// The resource is, or names, a medicine.
    medicine: bool,
}

impl Reading<'_> {
    fn member(&mut self, member: Value<'_>) {
        match member.name() {
            "meta" => self.labels(member),
            "category" => self.concepts(member),
            "code" => {
                (self.known, self.sighted, self.seen) = (false, false, false);
                self.telling(member);
                self.coded |= self.known;
                let worded = || member.get_str("text").is_some_and(|text| !text.trim().is_empty());
                self.blind = self.seen && !self.sighted && !worded();
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
        self.silent = self.medicine && self.tables.names_substance(concept);
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
        let said = self.tables.coding(coding, self.medicine);
        self.known |= said.known && !said.blind;
        self.seen = true;
        self.sighted |= !said.blind;
        self.sets |= said.listed.sets;
        if speaks {
            self.mark.add(if self.silent { said.listed } else { said.mark() });
        }
    }

    fn labels(&mut self, meta: Value<'_>) {
        for label in meta.each("security") {
            let read = self.label(label);
            self.unknown_label |= read.is_none();
            let mark = read.unwrap_or_default();
            self.mark.labels = self.mark.labels.union(mark.labels);
            self.mark.never |= mark.never;
        }
        // A tag is no label; who writes a label there means one all the same.
        let of_label = |tag: &Value<'_>| {
            tag.get_str("code")
                .is_some_and(|code| self.tables.labels.iter().any(|s| self.tables.codes.mark(*s, &code).told))
        };
        let tags: Vec<Value<'_>> = meta.each("tag").filter(of_label).collect();
        for tag in tags {
            let mark = self.label(tag).unwrap_or_default();
            self.mark.labels = self.mark.labels.union(mark.labels);
            self.mark.never |= mark.never;
        }
    }

    /// What a label says. `None`: it restricts in a way that nobody here can read, which withholds (DESIGN.md 6).
    fn label(&self, label: Value<'_>) -> Option<Mark> {
        let codes = &self.tables.codes;
        let uri = label.get_str("system").unwrap_or_default();
        let code = label.get_str("code").or_else(|| label.get_str("display")).unwrap_or_default();
        let in_system = |system: System| Some(codes.mark(system, &code)).filter(|mark| mark.told);
        match codes.system(uri.trim_end_matches('/')) {
            Some(system) => in_system(system),
            // Without a system it is one of ours, or nobody's.
            None if uri.is_empty() => self.tables.labels.iter().find_map(|system| in_system(*system)),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests;
