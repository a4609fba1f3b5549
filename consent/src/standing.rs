//! Who may decide: ages, keys, mandates and attested overrides (DOMAIN.md 2.6 items 3 to 6).
//! Answers for which classes the givers of one consent count; knows nothing of scopes or precedence.

use jiff::{Timestamp, civil::Date};

use crate::answer::Reason;
use crate::dossier::{Compiled, Mandate, scope_classes};
use crate::period::day_of;
use crate::question::{Party, Question, RecordedRepresentative};
use crate::record::Representation;
use crate::relation::AttestationKind;
use crate::rules::{RuleKind, Rules};
use crate::set::ClassSet;
use crate::vocabulary::Law;

/// Age in whole years on a day. Who was born on 29 February is a year older on 1 March in common years.
pub fn age_on(birth: Date, day: Date) -> i16 {
    let before_birthday = (day.month(), day.day()) < (birth.month(), birth.day());
    day.year() - birth.year() - i16::from(before_birthday)
}

/// Age in whole years at an instant, by the calendar of Amsterdam; `None` when the birth date is unknown.
pub fn age_at(birth: Option<Date>, at: Timestamp) -> Option<i16> {
    birth.map(|birth| age_on(birth, day_of(at)))
}

/// What the ages of law make of a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    Unknown,
    Child,
    TwoKeys,
    Youth,
    Adult,
}

impl Stage {
    pub(crate) fn of(age: Option<i16>) -> Self {
        match age {
            None => Self::Unknown,
            Some(..12) => Self::Child,
            Some(12..16) => Self::TwoKeys,
            Some(16..18) => Self::Youth,
            Some(18..) => Self::Adult,
        }
    }
}

/// The facts about deciding that hold for one question and one holder.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    at: Timestamp,
    day: Date,
    birth: Option<Date>,
    stage: Stage,
    /// Whether all that the holder keeps falls under the Wmo, where a child of 12 decides alone.
    wmo_only: bool,
    all: ClassSet,
    /// Classes for which a clinician attested that the parents' refusal is set aside.
    reopened: ClassSet,
    /// Classes for which incapacity is attested now.
    incapable: ClassSet,
    attested_incapacity: Vec<(&'a crate::period::Period, ClassSet)>,
    /// Who is recorded to act for the person, and about which classes.
    recorded: Vec<(&'a RecordedRepresentative, ClassSet)>,
    parents_lapse: bool,
}

impl<'a> Facts<'a> {
    pub(crate) fn of(rules: &Rules, question: &'a Question, holder: &Party, day: Date) -> Self {
        let vocabulary = rules.vocabulary();
        let covered = |kinds: &[AttestationKind]| {
            question
                .attestations
                .iter()
                .filter(|attestation| kinds.contains(&attestation.kind))
                .filter(|attestation| attestation.period.contains(question.at))
                .fold(ClassSet::EMPTY, |set, attestation| {
                    set.union(scope_classes(vocabulary, attestation.scope.as_deref()))
                })
        };
        let law = |law| {
            !holder.functions.is_empty()
                && holder
                    .functions
                    .iter()
                    .all(|function| vocabulary.function_spec(*function).is_some_and(|spec| spec.law == law))
        };
        let overrides_on = rules.live(RuleKind::AttestedOverride, day).is_some();
        Self {
            at: question.at,
            day,
            birth: question.subject.birth_date,
            stage: Stage::of(question.subject.birth_date.map(|birth| age_on(birth, day))),
            wmo_only: law(Law::Wmo),
            all: vocabulary.all_classes(),
            reopened: if overrides_on {
                covered(&[AttestationKind::ConsideredWish, AttestationKind::SeriousHarm])
            } else {
                ClassSet::EMPTY
            },
            incapable: covered(&[AttestationKind::Incapacity]),
            attested_incapacity: question
                .attestations
                .iter()
                .filter(|attestation| attestation.kind == AttestationKind::Incapacity)
                .map(|attestation| {
                    (&attestation.period, scope_classes(vocabulary, attestation.scope.as_deref()))
                })
                .collect(),
            recorded: question
                .subject
                .representatives
                .iter()
                .map(|entry| (entry, scope_classes(vocabulary, entry.scope.as_deref())))
                .collect(),
            parents_lapse: rules.live(RuleKind::ParentsLapseAtSixteen, day).is_some(),
        }
    }

    pub(crate) fn all(&self) -> ClassSet {
        self.all
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    /// Classes on which an attested override was needed and given.
    pub(crate) fn reopened(&self) -> ClassSet {
        if self.stage == Stage::TwoKeys { self.reopened } else { ClassSet::EMPTY }
    }

    /// Classes on which the person decides alone, so that a representative's older objection yields.
    pub(crate) fn alone(&self) -> ClassSet {
        match self.stage {
            Stage::Adult | Stage::Youth => self.all.minus(self.incapable),
            Stage::TwoKeys if self.wmo_only => self.all,
            Stage::TwoKeys | Stage::Child | Stage::Unknown => ClassSet::EMPTY,
        }
    }

    /// For which classes a permit of this consent counts, and why not for the others.
    pub(crate) fn permits(&self, record: &Compiled) -> (ClassSet, Reason) {
        if record.given_at > self.at {
            return (ClassSet::EMPTY, Reason::NotAsked);
        }
        let parents = self.mandates(record, is_parental);
        match self.stage {
            Stage::Unknown => (ClassSet::EMPTY, Reason::Age),
            Stage::Child => (parents, if record.by_person { Reason::Age } else { Reason::Representation }),
            Stage::TwoKeys if !record.by_person => (ClassSet::EMPTY, self.why_not(record)),
            Stage::TwoKeys if self.wmo_only => (self.all, Reason::Age),
            Stage::TwoKeys => (parents.union(self.reopened), Reason::Age),
            Stage::Youth | Stage::Adult if record.by_person => self.own_permit(record),
            Stage::Youth | Stage::Adult => self.permit_for_adult(record, parents),
        }
    }

    /// Why somebody else's consent does not count for a young person.
    fn why_not(&self, record: &Compiled) -> Reason {
        if record.representatives.iter().any(|mandate| is_parental(mandate.kind)) {
            Reason::Age
        } else {
            Reason::Representation
        }
    }

    /// What the person gave: stays, if the person could give it then.
    fn own_permit(&self, record: &Compiled) -> (ClassSet, Reason) {
        let with_parent = record.representatives.iter().any(|mandate| is_parental(mandate.kind));
        let could = match Stage::of(self.birth.map(|birth| age_on(birth, record.given_day))) {
            Stage::Adult | Stage::Youth => true,
            Stage::TwoKeys => with_parent || self.wmo_only,
            Stage::Child | Stage::Unknown => false,
        };
        if !could {
            return (ClassSet::EMPTY, Reason::Age);
        }
        let unable = self
            .attested_incapacity
            .iter()
            .filter(|(period, _)| period.contains(record.given_at))
            .fold(ClassSet::EMPTY, |set, (_, classes)| set.union(*classes));
        (self.all.minus(unable), Reason::Representation)
    }

    fn permit_for_adult(&self, record: &Compiled, parents: ClassSet) -> (ClassSet, Reason) {
        let stands_in = self.mandates(record, decides_for_adults).intersection(self.incapable);
        if self.stage == Stage::Youth && !self.parents_lapse {
            return (stands_in.union(parents), Reason::Age);
        }
        (stands_in, self.why_not(record))
    }

    /// For which classes an objection of this consent counts. It never lapses by age.
    pub(crate) fn objects(&self, record: &Compiled) -> ClassSet {
        if record.by_person {
            return self.all;
        }
        let counts = |mandate: &&Mandate| {
            (is_parental(mandate.kind) || decides_for_adults(mandate.kind))
                && (mandate.period.contains(record.given_at) || mandate.period.contains(self.at))
        };
        let scope = record
            .representatives
            .iter()
            .filter(counts)
            .fold(ClassSet::EMPTY, |set, mandate| set.union(mandate.scope));
        scope.minus(self.reopened())
    }

    /// Classes covered by mandates of some kinds, in force both when given and now.
    fn mandates(&self, record: &Compiled, of: fn(Representation) -> bool) -> ClassSet {
        record
            .representatives
            .iter()
            .filter(|mandate| of(mandate.kind))
            .filter(|mandate| mandate.period.contains(record.given_at) && mandate.period.contains(self.at))
            .fold(ClassSet::EMPTY, |set, mandate| set.union(self.as_recorded(mandate)))
    }

    /// Whether only those with parental authority gave it.
    pub(crate) fn is_by_parents_only(&self, record: &Compiled) -> bool {
        !record.by_person && record.representatives.iter().all(|mandate| is_parental(mandate.kind))
    }

    /// What the register leaves of a mandate as a consent states it. Of somebody it knows: what stands in this capacity now,
    /// and no wider (custody that ended; a bewindvoerder who is called a mentor). Of somebody it does not know: all, unless
    /// it knows who acts in this capacity, for then it is none of them.
    fn as_recorded(&self, mandate: &Mandate) -> ClassSet {
        let known =
            || self.recorded.iter().filter(|(entry, _)| Some(&entry.person) == mandate.person.as_ref());
        if known().next().is_none() {
            let mut same = self.recorded.iter().filter(|(entry, _)| entry.kind == mandate.kind);
            // Somebody who is not named may be anybody, also one whose time is over.
            let taken = same.any(|(entry, _)| mandate.person.is_none() || entry.mandate.contains(self.at));
            return if taken { ClassSet::EMPTY } else { mandate.scope };
        }
        known()
            .filter(|(entry, _)| entry.kind == mandate.kind && entry.mandate.contains(self.at))
            .fold(ClassSet::EMPTY, |set, (_, scope)| set.union(*scope))
            .intersection(mandate.scope)
    }

    /// What a recorded representative may look into for the person, and why not further.
    pub(crate) fn may_look(&self, rules: &Rules, asking: &[crate::Identifier]) -> (ClassSet, Reason) {
        let mut seen = ClassSet::EMPTY;
        let mut reason = Reason::NotAsked;
        for (entry, scope) in self.recorded.iter().filter(|(entry, _)| asking.contains(&entry.person)) {
            if !entry.mandate.contains(self.at) {
                reason = Reason::Lapsed;
                continue;
            }
            let withheld = rules.withheld_from(entry.kind, self.day);
            let allowed = match (is_parental(entry.kind), decides_for_adults(entry.kind), self.stage) {
                (true, _, Stage::Child | Stage::TwoKeys) => *scope,
                (true, _, Stage::Youth | Stage::Adult | Stage::Unknown) => {
                    reason = Reason::Age;
                    ClassSet::EMPTY
                }
                (false, true, _) => scope.intersection(self.incapable),
                (false, false, _) => ClassSet::EMPTY,
            };
            if reason == Reason::NotAsked {
                reason = Reason::Representation;
            }
            seen = seen.union(allowed.minus(withheld));
        }
        (seen, reason)
    }
}

fn is_parental(kind: Representation) -> bool {
    match kind {
        Representation::Parent | Representation::Guardian => true,
        Representation::Mentor
        | Representation::Curator
        | Representation::Attorney
        | Representation::InformalCarer
        | Representation::Substitute
        | Representation::Bewindvoerder => false,
    }
}

/// BW 1:453, 7:465(3). A bewindvoerder and an informal carer as such decide nothing about care data.
fn decides_for_adults(kind: Representation) -> bool {
    match kind {
        Representation::Mentor
        | Representation::Curator
        | Representation::Attorney
        | Representation::Substitute => true,
        Representation::Parent
        | Representation::Guardian
        | Representation::InformalCarer
        | Representation::Bewindvoerder => false,
    }
}
