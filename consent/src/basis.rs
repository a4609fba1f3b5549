//! Bases beside an explicit consent, each a dated rule: presumed, directly involved, spoken, default,
//! acute, statutory, own access. What a caller says proves nothing here: only relations and
//! attestations that were recorded do.

use jiff::{ToSpan, civil::Date};

use crate::answer::{Reason, SenderBasis};
use crate::question::{Party, Question};
use crate::relation::{AttestationKind, Relation, RelationKind};
use crate::rules::{Rule, RuleKind, Rules};
use crate::set::ClassSet;
use crate::standing::{Stage, age_on};
use crate::vocabulary::{BreaksGlass, Category, Needs};

/// One basis that holds for this question, and for which classes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ground {
    pub(crate) basis: SenderBasis,
    pub(crate) classes: ClassSet,
    pub(crate) max_age_days: Option<u32>,
    /// No objection reaches it.
    pub(crate) immune: bool,
}

/// The bases of a professional's question.
pub(crate) fn beside_consent(
    rules: &Rules,
    question: &Question,
    holder: &Party,
    category: Option<Category>,
    day: Date,
) -> Vec<Ground> {
    let Some(function) = question.asker.function else { return Vec::new() };
    let fits = |rule: &&Rule| {
        rule.serves(question.purpose)
            && rule.opens_data_of(&holder.categories)
            && rule.lets_in(category, function)
    };
    let mut grounds = Vec::new();
    let kinds = [
        (RuleKind::PresumedReferral, SenderBasis::PresumedReferral),
        (RuleKind::DirectlyInvolved, SenderBasis::DirectlyInvolved),
        (RuleKind::SpokenAtDesk, SenderBasis::SpokenAtDesk),
        (RuleKind::Acute, SenderBasis::Acute),
        (RuleKind::Default, SenderBasis::Default),
        (RuleKind::Statutory, SenderBasis::Statutory),
    ];
    for (kind, basis) in kinds {
        for rule in rules.each_live(kind, day).filter(fits) {
            let holds = match basis {
                SenderBasis::PresumedReferral => referred(question, holder),
                SenderBasis::DirectlyInvolved => both_in_team(question, holder),
                SenderBasis::SpokenAtDesk => spoken(rules, question, rule),
                SenderBasis::Acute => question.break_glass.is_some_and(|glass| glass.could_not_be_asked),
                SenderBasis::Default | SenderBasis::Statutory => true,
                SenderBasis::ExplicitConsent
                | SenderBasis::Emergency
                | SenderBasis::OwnAccess
                | SenderBasis::OwnData => false,
            };
            if holds {
                grounds.push(Ground {
                    basis,
                    classes: rule.classes(),
                    max_age_days: rule.spec().max_age_days,
                    immune: basis == SenderBasis::Statutory,
                });
            }
        }
    }
    grounds
}

/// The person's own access, from twelve on; under twelve a parent looks in their stead.
pub(crate) fn own_access(rules: &Rules, stage: Stage) -> Ground {
    let classes = match stage {
        Stage::Unknown | Stage::Child => ClassSet::EMPTY,
        Stage::TwoKeys | Stage::Youth | Stage::Adult => rules.vocabulary().all_classes(),
    };
    Ground { basis: SenderBasis::OwnAccess, classes, max_age_days: None, immune: false }
}

fn live(question: &Question, kind: RelationKind) -> impl Iterator<Item = &Relation> {
    question.relations.iter().filter(move |relation| relation.kind == kind && relation.is_live(question.at))
}

/// A live referral by this holder to the asker.
fn referred(question: &Question, holder: &Party) -> bool {
    let asker = &question.asker.organisation.identifiers;
    live(question, RelationKind::Referral).any(|referral| {
        referral.sender.as_ref().is_some_and(|sender| holder.identifiers.contains(sender))
            && referral.receivers.iter().any(|receiver| asker.contains(receiver))
    })
}

/// A live care team with both organisations in it, on the word of the holder, whose secret it is: a third member's word
/// opens nobody's data to anybody.
fn both_in_team(question: &Question, holder: &Party) -> bool {
    live(question, RelationKind::CareTeam).any(|team| {
        team.recorded_by.as_ref().is_some_and(|by| holder.identifiers.contains(by))
            && team.has_party(&holder.identifiers)
            && team.has_party(&question.asker.organisation.identifiers)
    })
}

/// A yes spoken at this asker's desk, in this function, within its minutes.
fn spoken(rules: &Rules, question: &Question, rule: &Rule) -> bool {
    let asker = &question.asker;
    let code = asker.function.map(|function| rules.vocabulary().function_code(function));
    question.attestations.iter().any(|attestation| {
        let until = rule
            .spec()
            .minutes
            .and_then(|minutes| attestation.created.checked_add(i64::from(minutes).minutes()).ok());
        attestation.kind == AttestationKind::Spoken
            && asker.organisation.identifiers.contains(&attestation.organisation)
            && attestation.function.as_deref() == code
            && attestation.created <= question.at
            && until.is_some_and(|until| question.at < until)
            && attestation.period.contains(question.at)
    })
}

/// Whether the emergency road is open to this asker for this person now.
pub(crate) fn glass_is_broken(rules: &Rules, question: &Question, day: Date) -> bool {
    let (Some(rule), Some(glass), Some(spec)) = (
        rules.live(RuleKind::Emergency, day),
        question.break_glass,
        question.asker.function.and_then(|function| rules.vocabulary().function_spec(function)),
    ) else {
        return false;
    };
    let may = match spec.emergency {
        BreaksGlass::Never => false,
        BreaksGlass::Itself => true,
        BreaksGlass::UnderDoctor => question.asker.responsible.is_some(),
    };
    let within = match (glass.first_use, rule.spec().minutes) {
        (None, Some(_)) => true,
        (Some(first), Some(minutes)) => {
            first <= question.at
                && first.checked_add(i64::from(minutes).minutes()).is_ok_and(|until| question.at < until)
        }
        (_, None) => false,
    };
    // An emergency is somebody's act: a system without a person never has one.
    may && within && glass.registered && glass.followed_up && !question.asker.person.is_empty()
}

/// What the asker needs beside a basis, when it is missing.
pub(crate) fn missing(rules: &Rules, question: &Question, holder: &Party, day: Date) -> Option<Reason> {
    let spec = question.asker.function.and_then(|function| rules.vocabulary().function_spec(function))?;
    let asker = &question.asker.organisation.identifiers;
    let related = match spec.needs {
        Needs::Nothing => true,
        Needs::Referral => live(question, RelationKind::Referral)
            .any(|referral| referral.receivers.iter().any(|receiver| asker.contains(receiver))),
        Needs::ReferralFromHolder => referred(question, holder),
    };
    if !related {
        return Some(Reason::NoRelation);
    }
    let ends = spec.youth && rules.live(RuleKind::YouthEndsAtEighteen, day).is_some();
    let in_time = match question.subject.birth_date.map(|birth| age_on(birth, day)) {
        None => false,
        Some(..18) => true,
        // Jeugdwet 1.1: extended help ends at 23.
        Some(18..23) => question.attestations.iter().any(|attestation| {
            attestation.kind == AttestationKind::ExtendedHelp && attestation.period.contains(question.at)
        }),
        Some(23..) => false,
    };
    (ends && !in_time).then_some(Reason::Age)
}
