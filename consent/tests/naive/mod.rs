//! A second, deliberately naive reading of the rules: one resource at a time, on the records as they
//! were given, by lists and loops. Shares the vocabulary's data with the engine and none of its code.
//! Covers explicit consent, presumption by referral, the emergency road, and what a holder asks back of its own.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::indexing_slicing)]

use consent::Rules;
use consent::answer::Item;
use consent::question::*;
use consent::record::*;
use consent::relation::*;
use consent::vocabulary::*;
use jiff::tz::TimeZone;

/// One provision with what it inherits, in words.
#[derive(Clone)]
struct Said {
    record: usize,
    parent: Option<usize>,
    kind: Kind,
    holders: Vec<Holder>,
    users: Vec<User>,
    purposes: Vec<Purpose>,
    purposes_stated: bool,
    classes: Vec<Box<str>>,
    labels: Vec<Box<str>>,
    items: Vec<consent::Identifier>,
    data: Option<consent::Period>,
    context: Vec<consent::Identifier>,
    periods: Vec<consent::Period>,
}

pub struct Naive<'a> {
    rules: &'a Rules,
    q: &'a Question,
    records: Vec<&'a ConsentRecord>,
    said: Vec<Said>,
    unreadable: bool,
}

fn write_out(record: usize, from: &ConsentRecord, p: &Provision, parent: Option<usize>, out: &mut Vec<Said>) {
    let above = parent.map(|index| out[index].clone());
    let root_permit = from.provision.kind == Kind::Permit;
    let mut said = above.clone().unwrap_or(Said {
        record,
        parent: None,
        kind: p.kind,
        holders: if !root_permit {
            vec![Holder::Any]
        } else {
            from.recorded_by.iter().cloned().map(Holder::Organisation).collect()
        },
        users: vec![],
        purposes: if root_permit {
            vec![Purpose::Treat, Purpose::Coc, Purpose::Caremgt]
        } else {
            vec![Purpose::Treat, Purpose::Etreat, Purpose::Coc, Purpose::Caremgt, Purpose::Hcompl]
        },
        purposes_stated: false,
        classes: vec![],
        labels: vec![],
        items: vec![],
        data: None,
        context: vec![],
        periods: vec![],
    });
    if above.is_some_and(|above| above.kind != p.kind) {
        said.labels = vec![];
    }
    said.parent = parent;
    said.kind = p.kind;
    if said.kind == Kind::Deny && said.holders.is_empty() {
        said.holders = vec![Holder::Any];
    }
    if !p.holders.is_empty() {
        said.holders = p.holders.clone();
    }
    if !p.users.is_empty() {
        said.users = p.users.clone();
    }
    if !p.purposes.is_empty() {
        said.purposes = p.purposes.clone();
        said.purposes_stated = true;
    }
    if !p.classes.is_empty() {
        said.classes = p.classes.clone();
    }
    if !p.labels.is_empty() {
        said.labels = p.labels.clone();
    }
    if !p.items.is_empty() {
        said.items = p.items.clone();
    }
    if p.data_period.is_some() {
        said.data = p.data_period.clone();
    }
    if !p.context.is_empty() {
        said.context = p.context.clone();
    }
    if let Some(period) = &p.period {
        said.periods.push(period.clone());
    }
    out.push(said);
    let here = out.len() - 1;
    for child in &p.exceptions {
        write_out(record, from, child, Some(here), out);
    }
}

impl<'a> Naive<'a> {
    pub fn new(rules: &'a Rules, q: &'a Question, readings: &'a [Reading]) -> Self {
        let mut records = vec![];
        let mut said = vec![];
        let mut unreadable = false;
        for reading in readings {
            match reading {
                Reading::Unreadable { .. } => unreadable = true,
                Reading::Readable(record) if record.status == Status::Active => {
                    write_out(records.len(), record, &record.provision, None, &mut said);
                    records.push(record);
                }
                Reading::Readable(_) => {}
            }
        }
        Self { rules, q, records, said, unreadable }
    }

    fn years(&self, at: jiff::Timestamp) -> Option<i32> {
        let birth = self.q.subject.birth_date?;
        let day = at.to_zoned(TimeZone::get("Europe/Amsterdam").unwrap()).date();
        let mut years = 0;
        // Count birthdays one by one; 29 February is kept on 1 March in common years.
        for year in birth.year() + 1..=day.year() {
            let birthday = jiff::civil::Date::new(year, birth.month(), birth.day())
                .unwrap_or_else(|_| jiff::civil::Date::new(year, 3, 1).unwrap());
            if birthday <= day {
                years += 1;
            }
        }
        Some(years)
    }

    fn attested(&self, kind: AttestationKind, class: &str, at: jiff::Timestamp) -> bool {
        self.q.attestations.iter().any(|a| {
            a.kind == kind
                && a.period.contains(at)
                && a.scope.as_ref().is_none_or(|scope| scope.iter().any(|code| self.stands_for(code, class)))
        })
    }

    fn stands_for(&self, code: &str, class: &str) -> bool {
        code == class
            || self
                .rules
                .vocabulary()
                .spec()
                .group
                .iter()
                .any(|group| &*group.code == code && group.classes.iter().any(|member| &**member == class))
    }

    fn two_keys_law(&self) -> bool {
        let v = self.rules.vocabulary();
        self.q.holder.functions.is_empty()
            || self.q.holder.functions.iter().any(|f| v.function_spec(*f).unwrap().law != Law::Wmo)
    }

    fn person_gave(record: &ConsentRecord) -> bool {
        record.givers.contains(&Giver::Person)
    }

    fn representatives(record: &ConsentRecord) -> Vec<&Representative> {
        record
            .givers
            .iter()
            .filter_map(|giver| match giver {
                Giver::Person => None,
                Giver::Representative(r) => Some(r),
            })
            .collect()
    }

    fn in_scope(&self, r: &Representative, class: &str) -> bool {
        r.scope.as_ref().is_none_or(|scope| scope.iter().any(|code| self.stands_for(code, class)))
    }

    fn parental(r: &Representative) -> bool {
        [Representation::Parent, Representation::Guardian].contains(&r.kind)
    }

    fn for_adults(r: &Representative) -> bool {
        [
            Representation::Mentor,
            Representation::Curator,
            Representation::Attorney,
            Representation::Substitute,
        ]
        .contains(&r.kind)
    }

    fn valid(&self, record: &ConsentRecord, r: &Representative) -> bool {
        r.mandate.contains(record.given_at) && r.mandate.contains(self.q.at)
    }

    /// Whether whoever gave this consent may permit this class.
    fn may_permit(&self, record: &ConsentRecord, class: &str) -> bool {
        if record.given_at > self.q.at {
            return false;
        }
        let Some(age) = self.years(self.q.at) else { return false };
        let reps = Self::representatives(record);
        let a_parent =
            reps.iter().any(|r| Self::parental(r) && self.valid(record, r) && self.in_scope(r, class));
        let attested = self.attested(AttestationKind::ConsideredWish, class, self.q.at)
            || self.attested(AttestationKind::SeriousHarm, class, self.q.at);
        if age < 12 {
            return a_parent;
        }
        if age < 16 {
            return Self::person_gave(record) && (!self.two_keys_law() || a_parent || attested);
        }
        if Self::person_gave(record) {
            let then = self.years(record.given_at).unwrap();
            let able = then >= 16
                || (then >= 12 && (!self.two_keys_law() || reps.iter().any(|r| Self::parental(r))));
            return able && !self.incapable_then(record.given_at, class);
        }
        self.attested(AttestationKind::Incapacity, class, self.q.at)
            && reps.iter().any(|r| Self::for_adults(r) && self.valid(record, r) && self.in_scope(r, class))
    }

    fn incapable_then(&self, at: jiff::Timestamp, class: &str) -> bool {
        self.attested(AttestationKind::Incapacity, class, at)
    }

    fn may_object(&self, record: &ConsentRecord, class: &str) -> bool {
        if Self::person_gave(record) {
            return true;
        }
        let set_aside = self.years(self.q.at).is_some_and(|age| (12..16).contains(&age))
            && (self.attested(AttestationKind::ConsideredWish, class, self.q.at)
                || self.attested(AttestationKind::SeriousHarm, class, self.q.at));
        !set_aside
            && Self::representatives(record).iter().any(|r| {
                (Self::parental(r) || Self::for_adults(r))
                    && (r.mandate.contains(record.given_at) || r.mandate.contains(self.q.at))
                    && self.in_scope(r, class)
            })
    }

    fn category(&self) -> Option<Category> {
        let v = self.rules.vocabulary();
        self.q
            .asker
            .function
            .and_then(|f| v.category_of(f))
            .or_else(|| self.q.asker.organisation.categories.first().copied())
    }

    fn holder_rank(&self, said: &Said) -> Option<u8> {
        let v = self.rules.vocabulary();
        let mut best = None;
        for holder in &said.holders {
            let rank = match holder {
                Holder::Any => Some(0),
                Holder::Organisation(id) if self.q.holder.identifiers.contains(id) => Some(2),
                Holder::Category(code)
                    if v.category(code).is_some_and(|c| self.q.holder.categories.contains(&c)) =>
                {
                    Some(1)
                }
                Holder::Function(code)
                    if v.function(code).is_some_and(|f| self.q.holder.functions.contains(&f)) =>
                {
                    Some(1)
                }
                _ => None,
            };
            best = best.max(rank);
        }
        best
    }

    fn user_rank(&self, said: &Said) -> Option<u8> {
        let v = self.rules.vocabulary();
        let asker = &self.q.asker;
        if said.users.is_empty() {
            return Some(0);
        }
        let mut best = None;
        for user in &said.users {
            let fits = match user {
                User::Person(id) => {
                    asker.person.contains(id)
                        && (said.kind == Kind::Deny || asker.assurance == Assurance::Registered)
                }
                User::Organisation(id) => asker.organisation.identifiers.contains(id),
                User::Category(code) => v.category(code).is_some_and(|c| {
                    self.category() == Some(c)
                        || (said.kind == Kind::Deny && asker.organisation.categories.contains(&c))
                }),
                User::Function(code) => v.function(code).is_some() && v.function(code) == asker.function,
            };
            let rank = match user {
                User::Person(_) => 3,
                User::Organisation(_) => 2,
                _ => 1,
            };
            if fits {
                best = best.max(Some(rank));
            }
        }
        best
    }

    fn purpose_context_time(&self, said: &Said) -> bool {
        let context = said.context.is_empty()
            || self.q.relations.iter().any(|r| {
                r.is_live(self.q.at)
                    && r.has_party(&self.q.asker.organisation.identifiers)
                    && (said.kind == Kind::Deny || r.has_party(&self.q.holder.identifiers))
                    && r.identifiers.iter().any(|id| said.context.contains(id))
            });
        context
            && said.purposes.contains(&self.q.purpose)
            && said.periods.iter().all(|period| period.contains(self.q.at))
    }

    /// Whether this provision takes the floor on this class, whatever else was said.
    fn counts(&self, said: &Said, class: &str) -> bool {
        let record = self.records[said.record];
        let about = self.holder_rank(said).is_some() && self.user_rank(said).is_some();
        if !about || !self.purpose_context_time(said) {
            return false;
        }
        match said.kind {
            Kind::Deny => self.may_object(record, class),
            Kind::Permit => {
                let reached = !said.users.is_empty()
                    || self
                        .category()
                        .and_then(|c| self.rules.vocabulary().category_spec(c))
                        .is_some_and(|c| c.reached_unnamed);
                let own_record = record
                    .recorded_by
                    .as_ref()
                    .is_some_and(|by| self.q.asker.organisation.identifiers.contains(by));
                reached && !own_record && self.may_permit(record, class)
            }
        }
    }

    fn same_scope(a: &Said, b: &Said) -> bool {
        fn set<T: PartialEq>(a: &[T], b: &[T]) -> bool {
            a.iter().all(|x| b.contains(x)) && b.iter().all(|x| a.contains(x))
        }
        set(&a.holders, &b.holders)
            && set(&a.users, &b.users)
            && a.purposes_stated == b.purposes_stated
            && (!a.purposes_stated || set(&a.purposes, &b.purposes))
            && set(&a.classes, &b.classes)
            && set(&a.labels, &b.labels)
            && set(&a.items, &b.items)
            && a.data == b.data
            && set(&a.context, &b.context)
    }

    fn same_giver(a: &ConsentRecord, b: &ConsentRecord) -> bool {
        let names = |record: &ConsentRecord| -> Option<Vec<consent::Identifier>> {
            Self::representatives(record).iter().map(|r| r.person.clone()).collect()
        };
        let (Some(x), Some(y)) = (names(a), names(b)) else { return false };
        Self::person_gave(a) == Self::person_gave(b)
            && x.iter().all(|n| y.contains(n))
            && y.iter().all(|n| x.contains(n))
    }

    fn replaced(&self, index: usize, class: &str) -> bool {
        let old = &self.said[index];
        self.said.iter().any(|new| {
            let (a, b) = (self.records[old.record], self.records[new.record]);
            let later = b.given_at > a.given_at
                || (b.given_at == a.given_at && new.kind == Kind::Deny && old.kind == Kind::Permit);
            new.record != old.record
                && later
                && a.register == b.register
                && Self::same_giver(a, b)
                && Self::same_scope(old, new)
                && (new.parent.is_none() || new.kind == Kind::Deny)
                && self.counts(new, class)
        })
    }

    /// A permit goes when anything above it was replaced; an objection only when it was itself.
    fn gone(&self, index: usize, class: &str) -> bool {
        if self.replaced(index, class) {
            return true;
        }
        let mut above = self.said[index].parent;
        while let (Kind::Permit, Some(parent)) = (self.said[index].kind, above) {
            if self.replaced(parent, class) {
                return true;
            }
            above = self.said[parent].parent;
        }
        false
    }

    fn names_class(&self, said: &Said, class: &str) -> bool {
        said.classes.iter().any(|code| self.stands_for(code, class))
    }

    fn selects(&self, said: &Said, item: &Item<'_>) -> bool {
        let named = said.items.is_empty() || said.items.iter().any(|id| item.identifiers.contains(id));
        let dated = match (&said.data, item.dated) {
            (None, _) => true,
            (Some(period), Some(at)) => period.contains(at),
            (Some(_), None) => said.kind == Kind::Deny,
        };
        named && dated
    }

    /// Whether the holder asks for its own data.
    fn owns(&self) -> bool {
        let asker = &self.q.asker.organisation.identifiers;
        self.q.holder.identifiers.iter().any(|own| asker.contains(own))
    }

    /// F, R, A as the column says, or the emergency ceiling. Of its own a function that keeps within its column gets the
    /// rest by name only, whatever the column says.
    fn open(&self, class: &str) -> (bool, bool) {
        let v = self.rules.vocabulary();
        if self.owns() {
            return (true, true);
        }
        let cell = v.cell(self.q.asker.function.unwrap(), v.class(class).unwrap());
        if self.q.purpose == Purpose::Etreat {
            return (cell != Cell::Shut && v.spec().emergency_ceiling.contains_key(class), false);
        }
        (cell != Cell::Shut, matches!(cell, Cell::ByName(_)))
    }

    fn speaks(&self, index: usize, class: &str, item: &Item<'_>) -> bool {
        let v = self.rules.vocabulary();
        let said = &self.said[index];
        let named = self.names_class(said, class);
        if !(said.classes.is_empty() || named) || !self.counts(said, class) || self.gone(index, class) {
            return false;
        }
        let labels: Vec<&str> = item.labels.iter().map(|l| v.label_code(l)).collect();
        let implied = |label: &str| {
            v.spec().label.iter().any(|l| &*l.code == label && l.implied_by.iter().any(|c| &**c == class))
        };
        let in_emergency = |label: &str| {
            self.q.purpose == Purpose::Etreat
                && !self.owns()
                && v.spec()
                    .label
                    .iter()
                    .any(|l| &*l.code == label && l.emergency.iter().any(|c| &**c == class))
        };
        let says = |label: &str| said.labels.iter().any(|code| &**code == label);
        match said.kind {
            Kind::Permit => {
                let (open, by_name) = self.open(class);
                let itself = said.classes.iter().any(|code| &**code == class);
                let emergency = self.q.purpose == Purpose::Etreat && !self.owns();
                let of_group = named && !itself && !emergency;
                open && (!by_name || (named && !of_group))
                    && !(of_group && class == "mental-health")
                    && labels.iter().all(|l| says(l) || implied(l) || in_emergency(l))
                    && self.selects(said, item)
            }
            Kind::Deny => {
                let hit = said.labels.is_empty()
                    || labels.iter().any(|l| says(l))
                    || said.labels.iter().any(|l| implied(l));
                hit && self.selects(said, item)
            }
        }
    }

    /// What one provision and its exceptions say: the places of those that have the floor.
    fn listen(&self, index: usize, framed: bool, class: &str, item: &Item<'_>) -> Vec<usize> {
        let said = &self.said[index];
        let frame = framed
            && self.holder_rank(said).is_some()
            && self.user_rank(said).is_some()
            && self.purpose_context_time(said)
            && (said.classes.is_empty() || self.names_class(said, class))
            && self.selects(said, item);
        let mut below = vec![];
        for (child, other) in self.said.iter().enumerate() {
            if other.parent == Some(index) {
                below.extend(self.listen(child, frame, class, item));
            }
        }
        if !below.is_empty() {
            if below.iter().any(|i| self.said[*i].kind == Kind::Deny) {
                below.retain(|i| self.said[*i].kind == Kind::Deny);
            }
            return below;
        }
        let allowed_here = framed || said.kind == Kind::Deny;
        if allowed_here && self.speaks(index, class, item) { vec![index] } else { vec![] }
    }

    fn ranks(&self, index: usize) -> [u8; 4] {
        let said = &self.said[index];
        let context = !said.context.is_empty() || said.purposes == [Purpose::Etreat];
        let resource = if !said.items.is_empty() {
            2
        } else if !said.classes.is_empty() || !said.labels.is_empty() || said.data.is_some() {
            1
        } else {
            0
        };
        [self.holder_rank(said).unwrap(), self.user_rank(said).unwrap(), u8::from(context), resource]
    }

    fn overrides(&self, permit: usize, objection: usize, class: &str) -> bool {
        let (p, d) = (self.ranks(permit), self.ranks(objection));
        let narrower = (0..4).all(|i| p[i] >= d[i]) && (0..4).any(|i| p[i] > d[i]);
        let (pr, dr) = (self.records[self.said[permit].record], self.records[self.said[objection].record]);
        let everyone = dr.givers.iter().all(|giver| match giver {
            Giver::Person => Self::person_gave(pr),
            Giver::Representative(who) => {
                std::ptr::eq(pr, dr)
                    || (who.person.is_some()
                        && Self::representatives(pr).iter().any(|other| other.person == who.person))
            }
        });
        let age = self.years(self.q.at);
        let alone = age.is_some_and(|age| {
            (age >= 16 && !self.attested(AttestationKind::Incapacity, class, self.q.at))
                || ((12..16).contains(&age) && !self.two_keys_law())
        });
        let by_person = !Self::person_gave(dr) && Self::person_gave(pr) && alone;
        (narrower && everyone) || (by_person && (narrower || pr.given_at > dr.given_at))
    }

    fn presumed(&self, class: &str, item: &Item<'_>) -> bool {
        let v = self.rules.vocabulary();
        let rule = self.rules.all().find(|r| &*r.spec().code == "presumed-referral").unwrap().spec();
        let category = self.category().map(|c| v.category_code(c).to_owned()).unwrap_or_default();
        let (open, by_name) = self.open(class);
        let referred = self.q.relations.iter().any(|r| {
            r.kind == RelationKind::Referral
                && r.is_live(self.q.at)
                && r.sender.as_ref().is_some_and(|s| self.q.holder.identifiers.contains(s))
                && r.receivers.iter().any(|x| self.q.asker.organisation.identifiers.contains(x))
        });
        let implied = |label: &str| {
            v.spec().label.iter().any(|l| &*l.code == label && l.implied_by.iter().any(|c| &**c == class))
        };
        open && !by_name
            && referred
            && rule.purposes.contains(&self.q.purpose)
            && rule
                .holders
                .iter()
                .any(|h| self.q.holder.categories.iter().any(|c| v.category_code(*c) == &**h))
            && rule.users.iter().any(|u| **u == *category)
            && rule.classes.iter().any(|code| self.stands_for(code, class))
            && item.labels.iter().all(|l| implied(v.label_code(l)))
    }

    /// Whether this one resource of this class may be released.
    pub fn allows(&self, class: &str, item: &Item<'_>) -> bool {
        let v = self.rules.vocabulary();
        let never = ["PSYTHPN", "about-others", "protected-address"];
        if item.labels.iter().any(|l| never.contains(&v.label_code(l))) {
            return false;
        }
        if self.owns() {
            let function = self.q.asker.function.unwrap();
            let within = v.function_spec(function).unwrap().own_within_column;
            let cell = v.cell(function, v.class(class).unwrap());
            if !within || matches!(cell, Cell::Open(_)) {
                return true;
            }
        }
        if self.unreadable {
            return false;
        }
        let mut floor = vec![];
        for (index, said) in self.said.iter().enumerate() {
            if said.parent.is_none() {
                floor.extend(self.listen(index, true, class, item));
            }
        }
        let permits: Vec<usize> =
            floor.iter().copied().filter(|i| self.said[*i].kind == Kind::Permit).collect();
        let objections = floor.iter().filter(|i| self.said[**i].kind == Kind::Deny);
        let anything = !permits.is_empty() || (!self.owns() && self.presumed(class, item));
        anything
            && objections
                .into_iter()
                .all(|objection| permits.iter().any(|permit| self.overrides(*permit, *objection, class)))
    }
}
