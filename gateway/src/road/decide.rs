//! Stage 5: what of it may this asker see, by consent or another basis, holder by holder and class by class.

use super::authorise::{Ask, Authorised};
use super::locate::{Located, acting_for, is_self, representative};
use crate::oauth::asker::{self, AskingPerson, PERSON_URN};
use crate::refusal::{NoGrant, Refusal, reason_code};
use crate::store::Fence;
use crate::store::keys::PersonNo;
use crate::store::state::{PersonState, Registration};
use crate::trail::Trail;
use crate::trust::{Participant, Purpose};
use crate::world::World;
use consent::answer::{Permit, ReceiverBasis, SenderBasis};
use consent::question::{Asker, Assurance, BreakGlass, Capacity, Party, Question, Subject};
use consent::trace::Step;
use consent::{DataClass, Decision, Dossier, Identifier, Level, Reason, Rules, Verdict};
use fhir_mappings::audit;
use fhir_mappings::grammar::Query;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A question of which at least one class of one holder is permitted.
pub struct Granted {
    pub(crate) located: Located,
    pub(super) decisions: Vec<Decided>,
    pub(super) at: Timestamp,
    pub(super) fence: Fence,
}

impl Granted {
    /// Whom it is about.
    pub(crate) fn person(&self) -> PersonNo {
        self.located.subject.person
    }

    /// The state that it was decided on.
    pub(crate) fn state(&self) -> &PersonState {
        &self.located.subject.state
    }

    /// What it was decided on: an answer made of it stands only while that holds.
    pub(crate) fn fence(&self) -> Fence {
        self.fence
    }

    /// The entries of a holder in the index.
    pub(crate) fn entries_of<'g>(
        &'g self,
        holder: &'g Participant,
    ) -> impl Iterator<Item = &'g Registration> {
        self.state().registrations.iter().filter(|entry| entry.holder == holder.id.as_str())
    }
}

/// One holder's decision.
pub struct Decided {
    pub(super) holder: Arc<Participant>,
    pub(super) decision: Decision,
}

/// Decides.
///
/// # Errors
/// [`Refusal::NoGrant`], whatever the cause.
pub fn decide(mut located: Located, world: &World, trail: &mut Trail) -> Result<Granted, Refusal> {
    let at = world.clock.now();
    let decisions = judge(&located, world, at);
    let fence = Fence {
        person: Some((located.subject.person, located.subject.state.version)),
        trust: located.asked.trust().epoch(),
    };
    if let Some(why) = located.nobody {
        return Err(Refusal::NoGrant(why));
    }
    note(&decisions, world, &mut trail.entry);
    stamp(located.subject.state.version, at, &mut trail.entry);
    if !decisions.iter().any(|decided| decided.decision.any_permit()) && !reads_back(&located, world)? {
        return Err(Refusal::NoGrant(NoGrant::Decided(leading_reason(&decisions))));
    }
    located.found();
    Ok(Granted { located, decisions, at, fence })
}

/// Whether this is a question for consents some of which this asker may see: that needs no data.
fn reads_back(located: &Located, world: &World) -> Result<bool, Refusal> {
    let (Ask::Disclosure(query), Some(subject)) = (located.asked.ask(), located.subject()) else {
        return Ok(false);
    };
    match query {
        Query::Search(search) if search.resource == "Consent" => {}
        Query::Read { resource: "Consent", .. } => {}
        _ => return Ok(false),
    }
    crate::changes::consent::sees_any(&located.asked, subject, world)
}

/// The decisions about every holder with data of this person.
fn judge(located: &Located, world: &World, at: Timestamp) -> Vec<Decided> {
    judge_as(located, world, at, None, None)
}

/// As [`judge`], with another registered purpose or function tried on.
pub(crate) fn judge_as(
    located: &Located,
    world: &World,
    at: Timestamp,
    purpose: Option<&Purpose>,
    function: Option<&str>,
) -> Vec<Decided> {
    let holders = located.holders();
    let rules = &world.rules;
    let mut question = question(&Asking::from(&located.asked), &located.subject.state, &world.law(), at);
    if let Some(purpose) = purpose {
        question.purpose = self::purpose(*purpose);
    }
    if let Some(function) = function {
        question.asker.function = rules.vocabulary().function(function);
    }
    over(&holders, question, &located.subject.state.dossier(rules), rules)
}

/// Whether this asker is granted anything about a person.
pub(crate) fn has_grant(asked: &Authorised, subject: &crate::road::locate::Subject, world: &World) -> bool {
    let located = Located::of(asked.again(), subject);
    judge(&located, world, world.clock.now()).iter().any(|decided| decided.decision.any_permit())
}

/// The classes of any holder that are permitted to this asker.
pub(crate) fn classes_reached(
    asked: &Authorised,
    subject: &crate::road::locate::Subject,
    world: &World,
) -> consent::ClassSet {
    let located = Located::of(asked.again(), subject);
    let decisions = judge(&located, world, world.clock.now());
    let permitted = decisions.iter().map(|decided| decided.decision.permitted_classes());
    permitted.fold(consent::ClassSet::EMPTY, consent::ClassSet::union)
}

/// The decisions about a question that is only tried on, over every holder.
pub(crate) fn judge_asking(
    asking: &Asking<'_>,
    state: &PersonState,
    holders: &[Arc<Participant>],
    law: &Law<'_>,
    at: Timestamp,
) -> Vec<Decided> {
    let question = question(asking, state, law, at);
    over(holders, question, &state.dossier(law.rules), law.rules)
}

/// One question over every holder. A broken glass opens nothing at a holder that is registered not to give.
fn over(
    holders: &[Arc<Participant>],
    mut question: Question,
    dossier: &Dossier,
    rules: &Rules,
) -> Vec<Decided> {
    let asks = question.break_glass.is_some_and(|glass| glass.registered);
    let decided = holders.iter().map(|holder| {
        question.holder = party(holder, rules, question.at);
        if let Some(glass) = &mut question.break_glass {
            glass.registered = asks && holder.emergency.gives;
        }
        Decided { holder: Arc::clone(holder), decision: consent::decide_with(rules, &question, dossier) }
    });
    decided.collect()
}

/// The same over every holder, with how it came about, for those who may know.
pub(crate) fn explain_over(
    asking: &Asking<'_>,
    state: &PersonState,
    holders: &[Arc<Participant>],
    law: &Law<'_>,
    at: Timestamp,
    mut tell: impl FnMut(&Participant, &mut Decision, &[(DataClass, Vec<Step>)]),
) {
    let mut question = question(asking, state, law, at);
    let asks = question.break_glass.is_some_and(|glass| glass.registered);
    let dossier = state.dossier(law.rules);
    for holder in holders {
        question.holder = party(holder, law.rules, at);
        if let Some(glass) = &mut question.break_glass {
            glass.registered = asks && holder.emergency.gives;
        }
        let (mut decision, traces) = consent::explain(law.rules, &question, &dossier);
        tell(holder, &mut decision, &traces);
    }
}

/// By what a question is decided.
pub(crate) struct Law<'a> {
    /// The rules.
    pub(crate) rules: &'a Rules,
    /// Whether notices and the officer's inbox exist, so that a broken glass is followed up.
    pub(crate) followed_up: bool,
}

/// Who asks, whatever road they came by: a session, or a command that tries a question on.
pub(crate) struct Asking<'a> {
    /// Nobody's system: the person's own way in, the portal.
    pub(crate) participant: Option<&'a Participant>,
    pub(crate) asker: &'a asker::Asker,
}

impl<'a> From<&'a Authorised> for Asking<'a> {
    fn from(asked: &'a Authorised) -> Self {
        Self { participant: Some(asked.participant()), asker: asked.session().asker() }
    }
}

/// The question that consent answers: registered and recorded facts only, never the caller's word alone.
pub(crate) fn question(asking: &Asking<'_>, state: &PersonState, law: &Law<'_>, at: Timestamp) -> Question {
    let rules = law.rules;
    Question {
        asker: consent_asker(asking, state, rules, at),
        purpose: purpose(asking.asker.purpose),
        subject: Subject {
            birth_date: state.birth_date(),
            representatives: state.representatives.iter().map(|known| known.recorded.clone()).collect(),
        },
        holder: Party::default(),
        classes: rules.vocabulary().all_classes(),
        // A relation is somebody else's word than the asker's: what an organisation recorded opens nothing for itself.
        relations: state
            .relations
            .iter()
            .filter(|stored| asking.participant.is_none_or(|asker| stored.recorder != asker.id.as_str()))
            .map(|stored| stored.relation.clone())
            .collect(),
        attestations: state.attestations.iter().map(|stored| stored.attestation.clone()).collect(),
        break_glass: break_glass(asking, state, law, at),
        at,
    }
}

fn consent_asker(asking: &Asking<'_>, state: &PersonState, rules: &Rules, at: Timestamp) -> Asker {
    let asker = asking.asker;
    let capacity = match asker.purpose {
        Purpose::OwnRequest if is_self(asker, state) => Capacity::Person,
        Purpose::OwnRequest => Capacity::Representative,
        Purpose::Treatment
        | Purpose::Emergency
        | Purpose::Coordination
        | Purpose::Support
        | Purpose::Compliance => Capacity::Professional,
    };
    Asker {
        organisation: asking.participant.map(|asker| party(asker, rules, at)).unwrap_or_default(),
        function: asker.function.as_ref().and_then(|f| rules.vocabulary().function(f.as_str())),
        person: match capacity {
            Capacity::Representative => {
                let mut known = person_identifiers(&asker.person);
                known.push(representative(&asker.person));
                known
            }
            Capacity::Person | Capacity::Professional => person_identifiers(&asker.person),
        },
        role: asker.person.role.as_ref().map(|role| role.code.as_str().into()),
        responsible: asker.responsible.as_ref().and_then(|p| person_identifiers(p).into_iter().next()),
        assurance: match asker.person.assurance {
            asker::Assurance::Registered => Assurance::Registered,
            // Recorded with the person they act for: no stranger's word.
            asker::Assurance::SelfAsserted if acting_for(asker, state).is_some() => Assurance::Registered,
            asker::Assurance::SelfAsserted => Assurance::SelfAsserted,
        },
        capacity,
    }
}

/// A person as consents may name them: by our own register, else as asserted.
pub(crate) fn person_identifiers(person: &AskingPerson) -> Vec<Identifier> {
    if person.system == PERSON_URN {
        vec![Identifier::new(PERSON_SYSTEM, person.id.as_str())]
    } else {
        vec![Identifier::new(person.system.as_str(), person.id.as_str())]
    }
}

/// Naming system of persons in consents (CONTRACT.md 7).
pub(crate) const PERSON_SYSTEM: &str = "https://sluis.example/fhir/NamingSystem/person";

/// A registered organisation, as a decision sees it at an instant.
pub(crate) fn party(participant: &Participant, rules: &Rules, at: Timestamp) -> Party {
    let vocabulary = rules.vocabulary();
    let identifier = &participant.identifier;
    Party {
        identifiers: vec![Identifier::new(identifier.system.as_str(), identifier.value.as_str())],
        categories: participant.categories.iter().filter_map(|c| vocabulary.category(c.as_str())).collect(),
        functions: participant
            .functions_at(at)
            .filter_map(|f| vocabulary.function(f.code.as_str()))
            .collect(),
    }
}

/// The same purpose in the vocabulary of consent.
pub(crate) fn purpose(purpose: Purpose) -> consent::Purpose {
    match purpose {
        Purpose::Treatment => consent::Purpose::Treat,
        Purpose::Emergency => consent::Purpose::Etreat,
        Purpose::Coordination => consent::Purpose::Coc,
        Purpose::Support => consent::Purpose::Caremgt,
        Purpose::OwnRequest => consent::Purpose::Patrqt,
        Purpose::Compliance => consent::Purpose::Hcompl,
    }
}

fn break_glass(asking: &Asking<'_>, state: &PersonState, law: &Law<'_>, at: Timestamp) -> Option<BreakGlass> {
    let broken = asking.asker.break_glass.as_ref()?;
    Some(BreakGlass {
        first_use: first_use(state, &glass_key(asking.asker), at),
        could_not_be_asked: broken.could_not_be_asked,
        // Breaking the glass is the act of somebody whom we know: no colleague on the organisation's word.
        registered: asking.participant.is_some_and(|asker| asker.emergency.asks)
            && asking.asker.person.assurance == asker::Assurance::Registered,
        followed_up: law.followed_up,
    })
}

/// When the emergency that this person is in about this patient began: the hour runs from there. One that began a day ago or
/// longer is over, and a new one is a new attestation, told to person and officers like the first; until then a second hour
/// would be the first one made longer.
pub(crate) fn first_use(state: &PersonState, key: &(String, String), at: Timestamp) -> Option<Timestamp> {
    let last = state.glass_broken.iter().rev().find(|(asker, _)| asker == key).map(|(_, at)| *at);
    last.filter(|last| at.duration_since(*last) < ONE_EMERGENCY)
}

const ONE_EMERGENCY: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// Who broke the glass: the hour runs per person who asks and person asked about.
pub(crate) fn glass_key(asker: &asker::Asker) -> (String, String) {
    (asker.participant.as_str().to_owned(), format!("{}#{}", asker.person.system, asker.person.id))
}

/// Of several reasons the most telling: something said outweighs nothing asked.
fn leading_reason(decisions: &[Decided]) -> Reason {
    let verdicts = decisions.iter().flat_map(|d| d.decision.classes.iter());
    let reasons = verdicts.filter_map(|(_, verdict)| match verdict {
        Verdict::Refuse(refusal) => Some(refusal.reason),
        Verdict::Permit(_) => None,
    });
    let ordered = [
        Reason::Unreadable,
        Reason::Refused,
        Reason::Emergency,
        Reason::Age,
        Reason::Representation,
        Reason::Lapsed,
        Reason::NoRelation,
        Reason::Purpose,
        Reason::Ceiling,
        Reason::Unreachable,
        Reason::NotAsked,
    ];
    let found: Vec<_> = reasons.collect();
    ordered.into_iter().find(|reason| found.contains(reason)).unwrap_or(Reason::NotAsked)
}

/// Writes into the record what was decided: withheld by reason, and the consents that counted.
pub(crate) fn note(decisions: &[Decided], world: &World, entry: &mut audit::Entry) {
    entry.shares = decisions
        .iter()
        .map(|decided| audit::Share {
            holder: audit_holder(&decided.holder),
            given: Vec::new(),
            withheld: decided.withheld(&world.rules),
            resources: 0,
            failed: None,
        })
        .collect();
    entry.consents = consents_used(decisions);
}

/// The consents that counted, each once.
pub(crate) fn consents_used(decisions: &[Decided]) -> Vec<audit::ConsentUsed> {
    let mut consents = Vec::new();
    for (_, verdict) in decisions.iter().flat_map(|decided| &decided.decision.classes) {
        let used = match verdict {
            Verdict::Permit(permit) => &permit.consents,
            Verdict::Refuse(refusal) => &refusal.consents,
        };
        for consent in used {
            let used =
                audit::ConsentUsed { id: consent.id.to_string(), version: consent.version.to_string() };
            if !consents.contains(&used) {
                consents.push(used);
            }
        }
    }
    consents
}

/// Writes into the record on which state and instant it was decided, so that it can be decided again (`audit replay`).
pub(crate) fn stamp(version: u64, at: Timestamp, entry: &mut audit::Entry) {
    entry.details.retain(|detail| detail.name != STATE_VERSION && detail.name != DECIDED_AT);
    let detail = |name: &str, value: String| audit::Detail { name: name.into(), value };
    entry.details.push(detail(STATE_VERSION, version.to_string()));
    entry.details.push(detail(DECIDED_AT, at.to_string()));
}

/// Detail: version of the person's state that was read.
pub(crate) const STATE_VERSION: &str = "state-version";
/// Detail: the instant of the decision.
pub(crate) const DECIDED_AT: &str = "decided-at";

/// A holder as the record names it.
pub(crate) fn audit_holder(holder: &Participant) -> audit::Holder {
    audit::Holder {
        id: holder.id.as_str().to_owned(),
        identifier: audit::Coding {
            system: holder.identifier.system.clone(),
            code: holder.identifier.value.clone(),
        },
        country: "NL".into(),
    }
}

impl Decided {
    /// Whose data.
    pub(crate) fn holder(&self) -> &Participant {
        &self.holder
    }

    /// What was decided.
    pub(crate) fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Refused classes, grouped by reason as the record carries them.
    pub(crate) fn withheld(&self, rules: &Rules) -> Vec<audit::Withheld> {
        let mut withheld: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (class, verdict) in &self.decision.classes {
            if let Verdict::Refuse(refusal) = verdict {
                let code = rules.vocabulary().class_code(*class).to_owned();
                withheld.entry(reason_code(refusal.reason)).or_default().push(code);
            }
        }
        let group =
            |(reason, classes): (&str, Vec<String>)| audit::Withheld { classes, reason: reason.into() };
        withheld.into_iter().map(group).collect()
    }

    /// Permitted classes of which something was given, grouped as the record carries them.
    pub(crate) fn given(&self, classes: consent::ClassSet, rules: &Rules) -> Vec<audit::Given> {
        let vocabulary = rules.vocabulary();
        let mut groups: Vec<audit::Given> = Vec::new();
        for (class, permit) in self.decision.permits().filter(|(class, _)| classes.contains(*class)) {
            let code = vocabulary.class_code(class).to_owned();
            let (level, sender, receiver) = words(permit);
            let same =
                |g: &&mut audit::Given| g.level == level && g.sender == sender && g.receiver == receiver;
            match groups.iter_mut().find(same) {
                Some(group) => group.classes.push(code),
                None => groups.push(audit::Given {
                    classes: vec![code],
                    level: level.into(),
                    sender: sender.into(),
                    receiver: receiver.into(),
                }),
            }
        }
        groups
    }
}

fn words(permit: &Permit) -> (&'static str, &'static str, &'static str) {
    let level = match permit.level {
        Level::Full => "full",
        Level::Reduced => "reduced",
    };
    (level, sender_code(permit.basis.sender), receiver_code(permit.basis.receiver))
}

/// The code of a sender's basis (issue vocabulary; DOMAIN.md 2.3).
fn sender_code(basis: SenderBasis) -> &'static str {
    match basis {
        SenderBasis::ExplicitConsent => "explicit-consent",
        SenderBasis::PresumedReferral => "presumed-referral",
        SenderBasis::DirectlyInvolved => "directly-involved",
        SenderBasis::Acute => "acute",
        SenderBasis::SpokenAtDesk => "spoken-at-desk",
        SenderBasis::Emergency => "emergency",
        SenderBasis::OwnAccess => "own-access",
        SenderBasis::OwnData => "own-data",
        SenderBasis::Default => "default",
        SenderBasis::Statutory => "statutory",
    }
}

/// The code of a receiver's basis.
fn receiver_code(basis: ReceiverBasis) -> &'static str {
    match basis {
        ReceiverBasis::Treatment => "treatment",
        ReceiverBasis::Wmo => "wmo",
        ReceiverBasis::Jeugdwet => "jeugdwet",
        ReceiverBasis::Participatiewet => "participatiewet",
        ReceiverBasis::Schuldhulp => "schuldhulp",
        ReceiverBasis::Coordination => "coordination",
        ReceiverBasis::Placement => "placement",
        ReceiverBasis::Person => "person",
    }
}
