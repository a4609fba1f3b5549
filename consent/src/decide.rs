//! The one decision function. First the gates (purpose, emergency, unreadable), then per class: the
//! cell, the statements that speak, the bases beside consents, precedence, and what is needed beside.

use jiff::civil::Date;

use crate::answer::{
    Basis, ConsentRef, Decision, Duty, Level, Obligations, Part, Permit, Reason, ReceiverBasis, Refusal,
    SenderBasis, Verdict,
};
use crate::basis::{self, Ground};
use crate::dossier::{Confidentiality, Dossier};
use crate::hearing::{Fitted, FittedRecord, Listener};
use crate::period::day_of;
use crate::question::{Capacity, Party, Purpose, Question};
use crate::record::{Kind, Reading};
use crate::rules::{RuleKind, Rules};
use crate::set::{ClassSet, LabelSet};
use crate::sieve::{Sieve, Specificity, Voice};
use crate::standing::Facts;
use crate::trace::{Step, StepCode};
use crate::vocabulary::{CeilingSpec, Cell, DataClass, Function};

/// Decides one question. Never panics; what is unknown is refused. Compile a [`Dossier`] and use
/// [`decide_with`] to decide often about one person.
pub fn decide(rules: &Rules, question: &Question, readings: &[Reading]) -> Decision {
    decide_with(rules, question, &Dossier::compile(rules, readings))
}

/// Decides one question over a compiled dossier.
pub fn decide_with(rules: &Rules, question: &Question, dossier: &Dossier) -> Decision {
    Case::open(rules, question, &question.holder, dossier).decide(&mut None)
}

/// Decides the same question for several holders, in their order; `question.holder` is not used.
pub fn decide_all(rules: &Rules, question: &Question, holders: &[Party], dossier: &Dossier) -> Vec<Decision> {
    holders.iter().map(|holder| Case::open(rules, question, holder, dossier).decide(&mut None)).collect()
}

/// The same decision with its trace: the steps of each class asked, in the order of the decision.
pub fn explain(
    rules: &Rules,
    question: &Question,
    dossier: &Dossier,
) -> (Decision, Vec<(DataClass, Vec<Step>)>) {
    let mut traces = Some(Vec::new());
    let decision = Case::open(rules, question, &question.holder, dossier).decide(&mut traces);
    (decision, traces.unwrap_or_default())
}

type Traces = Option<Vec<(DataClass, Vec<Step>)>>;

/// How far the asker may see a class, before anybody's choice.
#[derive(Clone, Copy)]
enum Gate {
    Open(Level),
    ByName(Level),
    Shut,
}

/// On which road the question comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Road {
    Ordinary,
    OwnData,
    Emergency,
    Person,
    Representative,
}

struct Case<'a> {
    rules: &'a Rules,
    question: &'a Question,
    dossier: &'a Dossier,
    holder: &'a Party,
    facts: Facts<'a>,
    listener: Listener<'a>,
    own: bool,
    day: Date,
    explicit: bool,
    alone: ClassSet,
}

impl<'a> Case<'a> {
    fn open(rules: &'a Rules, question: &'a Question, holder: &'a Party, dossier: &'a Dossier) -> Self {
        let day = day_of(question.at);
        let own = rules.live(RuleKind::OwnData, day).is_some()
            && holder.identifiers.iter().any(|own| question.asker.organisation.identifiers.contains(own));
        let facts = Facts::of(rules, question, holder, day);
        Self {
            rules,
            question,
            dossier,
            holder,
            alone: facts.alone(),
            facts,
            listener: Listener::of(rules, question, holder, day),
            own,
            day,
            explicit: rules.live(RuleKind::ExplicitConsent, day).is_some(),
        }
    }

    fn decide(&self, traces: &mut Traces) -> Decision {
        let road = match self.road() {
            Ok(road) => road,
            Err(reason) => return self.refuse_all(reason, &[]),
        };
        let own = road == Road::OwnData || road == Road::Person;
        if let (false, Some(refusal)) = (own, self.unheard()) {
            return self.refuse_all(refusal.reason, &refusal.consents);
        }
        let heard = self.listener.hear(&self.facts, self.dossier);
        let grounds = self.grounds(road);
        let missing = self.missing(road);
        let mut classes = Vec::with_capacity(self.question.classes.len());
        for class in self.question.classes.iter() {
            let mut steps = traces.as_ref().map(|_| Vec::new());
            let verdict = self.class(road, class, &heard, &grounds, missing, &mut steps);
            classes.push((class, verdict));
            if let (Some(traces), Some(steps)) = (traces.as_mut(), steps) {
                traces.push((class, steps));
            }
        }
        let mut decision = Decision { rules: self.rules.version().into(), classes };
        self.go_along(road, &heard, &grounds, missing, &mut decision);
        decision
    }

    /// Why no choice of the person can be relied on: one cannot be read, or the register cannot be reached.
    fn unheard(&self) -> Option<Refusal> {
        if !self.dossier.unreadable.is_empty() {
            return Some(Refusal { reason: Reason::Unreadable, consents: self.dossier.unreadable.clone() });
        }
        self.dossier.unreachable.then(|| Refusal { reason: Reason::Unreachable, consents: Vec::new() })
    }

    /// Which road, or why none.
    fn road(&self) -> Result<Road, Reason> {
        let asker = &self.question.asker;
        match (self.question.purpose, asker.capacity) {
            (Purpose::Hcompl, _) => Err(Reason::Purpose),
            (Purpose::Patrqt, Capacity::Professional) => Err(Reason::Purpose),
            (Purpose::Patrqt, _) if self.rules.live(RuleKind::OwnAccess, self.day).is_none() => {
                Err(Reason::Purpose)
            }
            (Purpose::Patrqt, Capacity::Person) => Ok(Road::Person),
            (Purpose::Patrqt, Capacity::Representative) => Ok(Road::Representative),
            (_, Capacity::Person | Capacity::Representative) => Err(Reason::Purpose),
            (purpose, Capacity::Professional) => {
                let spec =
                    asker.function.and_then(|function| self.rules.vocabulary().function_spec(function));
                if !spec.is_some_and(|spec| spec.purposes.contains(&purpose)) {
                    return Err(Reason::Purpose);
                }
                match purpose {
                    _ if self.own => Ok(Road::OwnData),
                    Purpose::Etreat if basis::glass_is_broken(self.rules, self.question, self.day) => {
                        Ok(Road::Emergency)
                    }
                    Purpose::Etreat => Err(Reason::Emergency),
                    _ => Ok(Road::Ordinary),
                }
            }
        }
    }

    fn grounds(&self, road: Road) -> Vec<Ground> {
        match road {
            Road::Ordinary | Road::Emergency => basis::beside_consent(
                self.rules,
                self.question,
                self.holder,
                self.listener.category,
                self.day,
            ),
            Road::Person => vec![basis::own_access(self.rules, self.facts.stage())],
            Road::Representative => {
                let (classes, _) = self.facts.may_look(self.rules, &self.question.asker.person);
                vec![Ground { basis: SenderBasis::OwnAccess, classes, max_age_days: None, immune: false }]
            }
            Road::OwnData => Vec::new(),
        }
    }

    /// What this function or age needs beside a basis, when it is missing.
    fn missing(&self, road: Road) -> Option<Reason> {
        match road {
            Road::Ordinary | Road::Emergency => {
                basis::missing(self.rules, self.question, self.holder, self.day)
            }
            Road::OwnData | Road::Person | Road::Representative => None,
        }
    }

    fn gate(&self, road: Road, class: DataClass) -> Gate {
        let vocabulary = self.rules.vocabulary();
        let sensitive = vocabulary.sensitive_classes().contains(class);
        let column = |function: Option<Function>| function.map_or(Cell::Shut, |f| vocabulary.cell(f, class));
        match road {
            Road::Person => Gate::Open(Level::Full),
            Road::Representative if sensitive => Gate::ByName(Level::Full),
            Road::Representative => Gate::Open(Level::Full),
            Road::OwnData => match (self.own_within_column(), column(self.question.asker.function)) {
                (false, _) => Gate::Open(Level::Full),
                (true, Cell::Open(level)) => Gate::Open(level),
                (true, Cell::ByName(level)) => Gate::ByName(level),
                (true, Cell::Shut) => {
                    Gate::ByName(vocabulary.class_spec(class).map_or(Level::Reduced, |spec| spec.opened))
                }
            },
            Road::Emergency => {
                let ceiling = match vocabulary.ceiling(class) {
                    None => return Gate::Shut,
                    Some(CeilingSpec::F) => Level::Full,
                    Some(CeilingSpec::R | CeilingSpec::Team) => Level::Reduced,
                };
                match column(self.question.asker.function) {
                    Cell::Open(level) | Cell::ByName(level) => Gate::Open(level.min(ceiling)),
                    Cell::Shut => Gate::Shut,
                }
            }
            Road::Ordinary => match column(self.question.asker.function) {
                Cell::Open(level) => Gate::Open(level),
                Cell::ByName(level) => Gate::ByName(level),
                Cell::Shut => Gate::Shut,
            },
        }
    }

    fn own_within_column(&self) -> bool {
        let spec = self.question.asker.function.and_then(|f| self.rules.vocabulary().function_spec(f));
        spec.is_none_or(|spec| spec.own_within_column)
    }

    /// Labels that pass on no class, on this road.
    fn never(&self, road: Road) -> LabelSet {
        let vocabulary = self.rules.vocabulary();
        match road {
            Road::Representative => vocabulary.never_released().union(vocabulary.never_to_representatives()),
            Road::Ordinary | Road::OwnData | Road::Emergency | Road::Person => vocabulary.never_released(),
        }
    }

    fn class(
        &self,
        road: Road,
        class: DataClass,
        heard: &[FittedRecord<'_>],
        grounds: &[Ground],
        missing: Option<Reason>,
        steps: &mut Option<Vec<Step>>,
    ) -> Verdict {
        let gate = self.gate(road, class);
        note(
            steps,
            match gate {
                Gate::Open(_) => StepCode::CellOpen,
                Gate::ByName(_) => StepCode::CellByName,
                Gate::Shut => StepCode::CellShut,
            },
            None,
        );
        if let (Road::OwnData, Gate::Open(level)) = (road, gate) {
            note(steps, StepCode::OwnData, None);
            return self.own_permit(road, level);
        }
        // What a function may see of its own only by name rests on a choice of the person, and falls with it.
        if let (Road::OwnData, Some(refusal)) = (road, self.unheard()) {
            return Verdict::Refuse(refusal);
        }
        let mut hearing = Hearing { voices: Vec::with_capacity(8), inert: Vec::new() };
        for record in heard.iter().filter(|record| record.touches.contains(class)) {
            self.add_record(road, class, gate, record, &mut hearing, steps);
        }
        for ground in grounds.iter().filter(|ground| ground.classes.contains(class)) {
            if let Gate::Open(_) = gate {
                note(steps, StepCode::BasisHolds(ground.basis), None);
                hearing.voices.push(self.ground_voice(road, class, ground));
            }
        }
        self.judge(road, class, gate, hearing, missing, grounds, steps)
    }

    fn own_permit(&self, road: Road, level: Level) -> Verdict {
        let mut voice = self.bare_voice(Kind::Permit, SenderBasis::OwnData);
        voice.labels = Some(self.rules.vocabulary().all_labels());
        Verdict::Permit(Permit {
            level,
            basis: Basis { sender: SenderBasis::OwnData, receiver: self.receiver() },
            obligations: Obligations {
                part: Part::Whole,
                max_age_days: None,
                duties: Vec::new(),
                sieve: Sieve::of(voice, self.never(road)),
            },
            consents: Vec::new(),
        })
    }

    /// The statements of one consent on one class.
    fn add_record(
        &self,
        road: Road,
        class: DataClass,
        gate: Gate,
        record: &FittedRecord<'_>,
        hearing: &mut Hearing,
        steps: &mut Option<Vec<Step>>,
    ) {
        if road == Road::Person && !record.record.by_person {
            // Nobody else can shut a person out of their own data.
            return;
        }
        if road == Road::Representative && record.by_parents_only {
            // A parent's no stops what is shared, not the authority of the other.
            return;
        }
        // Whoever acts for a person opens nothing of it to themselves, nor to each other: only the person does.
        let grants = road != Road::Representative || record.record.by_person;
        let first = hearing.voices.len();
        let explicit = self.explicit || road == Road::Emergency;
        for fitted in &record.nodes {
            let named = fitted.node.classes.is_some_and(|classes| classes.contains(class));
            // A group is a name for an emergency; in all else it opens no class that has to be named, and of the mind nothing.
            let grouped = road != Road::Emergency && fitted.node.by_group.contains(class);
            let team = grouped && self.rules.vocabulary().ceiling(class) == Some(CeilingSpec::Team);
            let in_class = named || fitted.node.classes.is_none();
            let about = fitted.specificity.is_some() && in_class && self.level_fits(class, fitted);
            let counts = fitted.counts.contains(class);
            let speaks = match (fitted.node.kind, gate) {
                (Kind::Deny, _) => about && counts,
                (Kind::Permit, Gate::Open(_)) => about && counts && explicit && grants && !team,
                (Kind::Permit, Gate::ByName(_)) => about && counts && explicit && grants && named && !grouped,
                (Kind::Permit, Gate::Shut) => false,
            };
            if about && !speaks && fitted.node.kind == Kind::Permit {
                let why = if fitted.superseded.contains(class) {
                    note(steps, StepCode::Superseded, Some(&record.record.reference));
                    Reason::NotAsked
                } else if counts {
                    Reason::Ceiling
                } else {
                    fitted.obstacle
                };
                note(steps, StepCode::PermitInert(why), Some(&record.record.reference));
                hearing.inert.push((why, record.index));
            }
            if !speaks && record.nodes.len() == 1 {
                continue;
            }
            let specificity =
                fitted.specificity.map_or_else(Specificity::default, |[holder, user, context]| {
                    Specificity([holder, user, context, resource(fitted)])
                });
            hearing.voices.push(Voice {
                record: Some(record.index),
                parent: fitted.node.parent.map(|parent| first + parent),
                kind: fitted.node.kind,
                basis: match road {
                    Road::Emergency => SenderBasis::Emergency,
                    Road::Person | Road::Representative => SenderBasis::OwnAccess,
                    Road::Ordinary | Road::OwnData => SenderBasis::ExplicitConsent,
                },
                speaks,
                holds: fitted.holds && in_class,
                specificity,
                givers: record.record.givers,
                given_at: record.record.given_at,
                overruled_by_person: record.by_representative_only && self.alone.contains(class),
                immune: false,
                labels: self.labels(road, class, fitted),
                items: fitted.node.items.clone(),
                data_period: fitted.node.data_period.clone(),
            });
        }
        let silent =
            hearing.voices.get(first..).is_none_or(|voices| voices.iter().all(|voice| !voice.speaks));
        if silent {
            hearing.voices.truncate(first);
        }
    }

    /// Whether the confidentiality named lets a permit reach a class at all.
    fn level_fits(&self, class: DataClass, fitted: &Fitted<'_>) -> bool {
        let sensitive = self.rules.vocabulary().sensitive_classes().contains(class);
        match (fitted.node.kind, fitted.node.labels.confidentiality) {
            (Kind::Permit, Some(Confidentiality::BelowNormal)) => false,
            (Kind::Permit, Some(Confidentiality::Normal)) => !sensitive,
            (Kind::Permit, Some(Confidentiality::Restricted) | None) | (Kind::Deny, _) => true,
        }
    }

    /// For a permit what it clears, for an objection what it hits (`None`: every resource).
    fn labels(&self, road: Road, class: DataClass, fitted: &Fitted<'_>) -> Option<LabelSet> {
        let vocabulary = self.rules.vocabulary();
        let named = fitted.node.labels;
        let implied = vocabulary.implied(class);
        match fitted.node.kind {
            Kind::Permit if road == Road::Emergency => {
                Some(named.codes.union(implied).union(vocabulary.emergency_labels(class)))
            }
            Kind::Permit => Some(named.codes.union(implied)),
            Kind::Deny if !named.named => None,
            Kind::Deny => {
                let sensitive = vocabulary.sensitive_classes().contains(class);
                match named.confidentiality {
                    Some(Confidentiality::BelowNormal | Confidentiality::Normal) => None,
                    Some(Confidentiality::Restricted) if sensitive => None,
                    Some(Confidentiality::Restricted) => Some(vocabulary.all_labels()),
                    // A class that implies the label is hit as a whole.
                    None if !implied.intersection(named.codes).is_empty() => None,
                    None => Some(named.codes),
                }
            }
        }
    }

    fn ground_voice(&self, road: Road, class: DataClass, ground: &Ground) -> Voice {
        let vocabulary = self.rules.vocabulary();
        let cleared = match road {
            Road::Person | Road::Representative => vocabulary.all_labels(),
            Road::Emergency => vocabulary.implied(class).union(vocabulary.emergency_labels(class)),
            Road::Ordinary | Road::OwnData => vocabulary.implied(class),
        };
        let mut voice = self.bare_voice(Kind::Permit, ground.basis);
        voice.labels = Some(cleared);
        voice.immune = ground.immune;
        voice
    }

    fn bare_voice(&self, kind: Kind, basis: SenderBasis) -> Voice {
        Voice {
            record: None,
            parent: None,
            kind,
            basis,
            speaks: true,
            holds: true,
            specificity: Specificity::default(),
            givers: 0,
            given_at: self.question.at,
            overruled_by_person: false,
            immune: false,
            labels: None,
            items: Vec::new(),
            data_period: None,
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one call, and a struct for it would only rename them")]
    fn judge(
        &self,
        road: Road,
        class: DataClass,
        gate: Gate,
        hearing: Hearing,
        missing: Option<Reason>,
        grounds: &[Ground],
        steps: &mut Option<Vec<Step>>,
    ) -> Verdict {
        let sieve = Sieve { voices: hearing.voices, never: self.never(road) };
        let found = sieve.first_passing();
        let (Gate::Open(level) | Gate::ByName(level), Some((sender, heard))) = (gate, found) else {
            return self.refusal(road, &sieve, &hearing.inert, steps);
        };
        let consents =
            self.references(heard.permits.iter().filter_map(|index| sieve.voices.get(*index)?.record));
        for consent in &consents {
            note(steps, StepCode::PermitSpeaks, Some(consent));
        }
        for objection in
            self.references(heard.objections.iter().filter_map(|index| sieve.voices.get(*index)?.record))
        {
            note(steps, StepCode::ObjectionSpeaks, Some(&objection));
        }
        if let Some(reason) = missing {
            note(steps, StepCode::NeedMissing(reason), None);
            return Verdict::Refuse(Refusal { reason, consents });
        }
        note(steps, StepCode::PermitStands, None);
        let mut duties = Vec::new();
        let notified =
            matches!(sender, SenderBasis::Emergency | SenderBasis::Acute | SenderBasis::SpokenAtDesk);
        if notified {
            duties.push(Duty::NotifyPerson);
        }
        if notified || self.facts.reopened().contains(class) {
            duties.push(Duty::Review);
        }
        let team =
            road == Road::Emergency && self.rules.vocabulary().ceiling(class) == Some(CeilingSpec::Team);
        let max_age_days = grounds
            .iter()
            .find(|ground| ground.basis == sender && ground.classes.contains(class))
            .and_then(|ground| ground.max_age_days);
        Verdict::Permit(Permit {
            level,
            basis: Basis { sender, receiver: self.receiver() },
            obligations: Obligations {
                part: if team { Part::TreatingTeam } else { Part::Whole },
                max_age_days,
                duties,
                sieve,
            },
            consents,
        })
    }

    fn refusal(
        &self,
        road: Road,
        sieve: &Sieve,
        inert: &[(Reason, usize)],
        steps: &mut Option<Vec<Step>>,
    ) -> Verdict {
        let objections = || sieve.voices.iter().filter(|voice| voice.kind == Kind::Deny && voice.speaks);
        if objections().next().is_some() {
            let consents = self.references(objections().filter_map(|voice| voice.record));
            for consent in &consents {
                note(steps, StepCode::ObjectionSpeaks, Some(consent));
            }
            note(steps, StepCode::ObjectionStands, None);
            return Verdict::Refuse(Refusal { reason: Reason::Refused, consents });
        }
        let Some(reason) = inert.iter().map(|(reason, _)| *reason).min_by_key(|reason| rank(*reason)) else {
            let reason = match road {
                Road::Person => Reason::Age,
                Road::Representative => self.facts.may_look(self.rules, &self.question.asker.person).1,
                Road::OwnData => Reason::Ceiling,
                Road::Ordinary | Road::Emergency => Reason::NotAsked,
            };
            return Verdict::Refuse(Refusal { reason, consents: Vec::new() });
        };
        let those = inert.iter().filter(|(other, _)| *other == reason).map(|(_, record)| *record);
        let consents = if reason == Reason::NotAsked { Vec::new() } else { self.references(those) };
        Verdict::Refuse(Refusal { reason, consents })
    }

    /// What goes along with any other class: permitted exactly when another class is.
    fn go_along(
        &self,
        road: Road,
        heard: &[FittedRecord<'_>],
        grounds: &[Ground],
        missing: Option<Reason>,
        decision: &mut Decision,
    ) {
        let along = self.rules.vocabulary().going_along();
        if along.intersection(self.question.classes).is_empty() || road == Road::OwnData {
            return;
        }
        let asked =
            decision.permits().find(|(class, _)| !along.contains(*class)).map(|(_, permit)| permit.clone());
        // The caller may have asked for identity alone: then the others are looked at for it.
        let carrier = asked.or_else(|| {
            let others = self.rules.vocabulary().all_classes().minus(along).minus(self.question.classes);
            others.iter().find_map(|class| {
                match self.class(road, class, heard, grounds, missing, &mut None) {
                    Verdict::Permit(permit) => Some(permit),
                    Verdict::Refuse(_) => None,
                }
            })
        });
        let other_refusal = decision.classes.iter().find_map(|(class, verdict)| match verdict {
            Verdict::Refuse(refusal) if !along.contains(*class) => Some(refusal.clone()),
            Verdict::Refuse(_) | Verdict::Permit(_) => None,
        });
        for (class, verdict) in &mut decision.classes {
            if !along.contains(*class) {
                continue;
            }
            *verdict = match (&carrier, self.gate(road, *class)) {
                (Some(carrier), Gate::Open(level) | Gate::ByName(level)) => {
                    let mut voice = self.bare_voice(Kind::Permit, carrier.basis.sender);
                    voice.labels = Some(LabelSet::EMPTY);
                    let obligations = Obligations {
                        part: Part::Whole,
                        max_age_days: None,
                        duties: carrier.obligations.duties.clone(),
                        sieve: Sieve::of(voice, self.never(road)),
                    };
                    Verdict::Permit(Permit { level, obligations, ..carrier.clone() })
                }
                (Some(_), Gate::Shut) => {
                    Verdict::Refuse(Refusal { reason: Reason::Ceiling, consents: Vec::new() })
                }
                (None, _) => Verdict::Refuse(
                    other_refusal
                        .clone()
                        .unwrap_or(Refusal { reason: Reason::NotAsked, consents: Vec::new() }),
                ),
            };
        }
    }

    fn receiver(&self) -> ReceiverBasis {
        match self.question.asker.capacity {
            Capacity::Person | Capacity::Representative => ReceiverBasis::Person,
            Capacity::Professional => self
                .question
                .asker
                .function
                .and_then(|function| self.rules.vocabulary().function_spec(function))
                .map_or(ReceiverBasis::Treatment, |spec| spec.receiver),
        }
    }

    fn references(&self, records: impl Iterator<Item = usize>) -> Vec<ConsentRef> {
        let mut references: Vec<ConsentRef> = records
            .filter_map(|index| self.dossier.records.get(index))
            .map(|record| record.reference.clone())
            .collect();
        references.sort();
        references.dedup();
        references
    }

    fn refuse_all(&self, reason: Reason, consents: &[ConsentRef]) -> Decision {
        let mut decision = Decision::refuse_all(self.rules, self.question.classes, reason);
        for (_, verdict) in &mut decision.classes {
            *verdict = Verdict::Refuse(Refusal { reason, consents: consents.to_vec() });
        }
        decision
    }
}

/// What was heard on one class.
struct Hearing {
    voices: Vec<Voice>,
    inert: Vec<(Reason, usize)>,
}

/// How specific a statement is about the resource: item, then class, label or data period, then all.
fn resource(fitted: &Fitted<'_>) -> u8 {
    let node = fitted.node;
    if !node.items.is_empty() {
        2
    } else {
        u8::from(node.classes.is_some() || node.labels.named || node.data_period.is_some())
    }
}

/// Which of several obstacles is told: the one nearest to a permit first.
fn rank(reason: Reason) -> u8 {
    match reason {
        Reason::Refused => 0,
        Reason::Ceiling => 1,
        Reason::Age => 2,
        Reason::Representation => 3,
        Reason::NoRelation => 4,
        Reason::Lapsed => 5,
        Reason::Purpose => 6,
        Reason::Emergency => 7,
        Reason::Unreadable => 8,
        Reason::Unreachable => 9,
        Reason::NotAsked => 10,
    }
}

fn note(steps: &mut Option<Vec<Step>>, step: StepCode, consent: Option<&ConsentRef>) {
    if let Some(steps) = steps {
        steps.push(Step { step, consent: consent.cloned() });
    }
}
