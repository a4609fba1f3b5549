//! Decides a recorded decision again, on the state and under the rules that it was decided on, and compares.
//!
//! The past is told from `journal/` and `holdings/` alone, so that a cold copy answers too: changes that the journal
//! vouches for before the record, folded in order. It reads no data of a person but what decisions read.

mod kept;
#[cfg(test)]
mod tests;

use crate::oauth::asker::{Asker, AskingPerson, Assurance, BreakGlass, BreakGlassReason, PERSON_URN};
use crate::road::authenticate::TAGGED;
use crate::road::decide::{
    Asking, DECIDED_AT, Decided, Law, STATE_VERSION, consents_used, explain_over, judge_asking,
};
use crate::road::locate::REPRESENTING;
use crate::store::facts::{Change, Fact, whose};
use crate::store::keys::{Keys, PersonNo};
use crate::store::leaf::{Leaf, LeafError};
use crate::store::sha256_hex;
use crate::store::state::PersonState;
use crate::trust::{FunctionCode, Participant, Purpose, Role};
use consent::Rules;
use consent::explain::{self, Line};
use fhir_mappings::audit::{self, Entry, Share};
use jiff::Timestamp;
use kept::{Kept, decided_by};
use serde::Serialize;
use sluis_journal::Records;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Where the past stands.
pub struct Past<'a> {
    /// The key ring.
    pub keys: &'a Keys,
    /// The journal.
    pub journal: &'a Records,
    /// The holdings.
    pub holdings: &'a Records,
}

/// The rules loaded here: for decisions under them, and for those of before rules were kept.
pub struct Present<'a> {
    /// The rules loaded here.
    pub rules: &'a Rules,
    /// Their digest, as records name it.
    pub sha256: &'a str,
    /// Whether a broken glass was followed up.
    pub followed_up: bool,
}

/// A decision that was made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Which record.
    pub index: u64,
    /// Version of the rules.
    pub rules: String,
    /// The instant of the decision.
    pub at: String,
    /// Version of the person's state.
    pub state: u64,
    /// Whether the same came out.
    pub equal: bool,
    /// What did not, by holder; codes only.
    pub differences: Vec<String>,
}

/// Why it cannot be told again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoReplay {
    /// There is no such record, or it cannot be read.
    Unreadable,
    /// It was forgotten on purpose, or whom it is about was.
    Forgotten,
    /// It holds no decision about a person.
    NoDecision,
    /// Rules were in force that are neither loaded nor kept here: their version.
    OtherRules(String),
}

impl std::fmt::Display for NoReplay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable => f.write_str("there is no such record, or it cannot be read"),
            Self::Forgotten => f.write_str("this record, or whom it is about, was forgotten on purpose"),
            Self::NoDecision => f.write_str("this record holds no decision about a person"),
            Self::OtherRules(version) => {
                write!(f, "it was decided under rules {version}, which are neither loaded nor kept here")
            }
        }
    }
}

impl std::error::Error for NoReplay {}

/// Decides the decision of a record again.
///
/// # Errors
/// See [`NoReplay`].
pub fn replay(past: &Past<'_>, present: &Present<'_>, index: u64) -> Result<Replayed, NoReplay> {
    let again = Again::read(past, present, index)?;
    let law = again.law();
    let decisions = judge_asking(&again.asking(), &again.told.state, &again.holders(), &law, again.at);
    let differences = compare(&again.entry, &decisions, law.rules);
    Ok(Replayed {
        index,
        rules: law.rules.version().to_owned(),
        at: again.at.to_string(),
        state: again.told.state.version,
        equal: differences.is_empty(),
        differences,
    })
}

/// How the decision of a record came about, holder by holder and class by class.
///
/// # Errors
/// See [`NoReplay`].
pub fn trace(past: &Past<'_>, present: &Present<'_>, index: u64) -> Result<Vec<Line>, NoReplay> {
    let again = Again::read(past, present, index)?;
    let law = again.law();
    let mut lines = Vec::new();
    explain_over(
        &again.asking(),
        &again.told.state,
        &again.holders(),
        &law,
        again.at,
        |holder, decision, traces| {
            lines.extend(explain::lines(law.rules, holder.id.as_str(), decision, traces));
        },
    );
    Ok(lines)
}

/// Everything that a recorded decision was made from.
struct Again<'p> {
    entry: Entry,
    told: Told,
    participant: Arc<Participant>,
    asker: Asker,
    at: Timestamp,
    rules: Cow<'p, Rules>,
    followed_up: bool,
}

impl<'p> Again<'p> {
    fn read(past: &Past<'_>, present: &Present<'p>, index: u64) -> Result<Self, NoReplay> {
        let leaf = leaf(past.journal, index)?;
        let entry = leaf.open(past.keys).map_err(|e| match e {
            LeafError::Forgotten => NoReplay::Forgotten,
            LeafError::Key(_) | LeafError::TooLarge | LeafError::Unreadable => NoReplay::Unreadable,
        })?;
        let (state_version, at) = stamped(&entry).ok_or(NoReplay::NoDecision)?;
        let tag = leaf.tag_bytes().ok_or(NoReplay::NoDecision)?;
        let (person, _) = past.keys.by_tag(&tag).ok_or(NoReplay::Forgotten)?;
        let told = tell(past, index, person, state_version)?;
        let (participant, asker) = asker(&entry, &told).ok_or(NoReplay::NoDecision)?;
        let (rules, followed_up) = decided_by(past, present, index, &entry, &told)?;
        Ok(Self { entry, told, participant, asker, at, rules, followed_up })
    }

    fn law(&self) -> Law<'_> {
        Law { rules: &self.rules, followed_up: self.followed_up }
    }

    fn asking(&self) -> Asking<'_> {
        Asking { participant: Some(&self.participant), asker: &self.asker }
    }

    fn holders(&self) -> Vec<Arc<Participant>> {
        self.told.state.holders.iter().filter_map(|id| self.told.participants.get(id).cloned()).collect()
    }
}

fn leaf(journal: &Records, index: u64) -> Result<Leaf, NoReplay> {
    if index >= journal.len() {
        return Err(NoReplay::Unreadable);
    }
    let record = journal.read(index).map_err(|_| NoReplay::Unreadable)?;
    Leaf::parse(&record).map_err(|_| NoReplay::Unreadable)
}

fn detail<'e>(entry: &'e Entry, name: &str) -> Option<&'e str> {
    entry.details.iter().find(|detail| detail.name == name).map(|detail| detail.value.as_str())
}

fn stamped(entry: &Entry) -> Option<(u64, Timestamp)> {
    Some((detail(entry, STATE_VERSION)?.parse().ok()?, detail(entry, DECIDED_AT)?.parse().ok()?))
}

/// What was true.
#[derive(Default)]
struct Told {
    state: PersonState,
    participants: BTreeMap<String, Arc<Participant>>,
    /// By what was decided, in the order that it came into force.
    rules: Vec<Kept>,
}

/// Folds what the journal vouches for before `index`: participants, and the person up to the version that was read.
fn tell(past: &Past<'_>, index: u64, person: PersonNo, version: u64) -> Result<Told, NoReplay> {
    let mut vouched = HashSet::new();
    for before in 0..index {
        vouched.extend(leaf(past.journal, before)?.holdings);
    }
    let mut told = Told::default();
    for place in 0..past.holdings.len() {
        if vouched.is_empty() {
            break;
        }
        let record = past.holdings.read(place).map_err(|_| NoReplay::Unreadable)?;
        if !vouched.remove(&sha256_hex(&record)) {
            continue;
        }
        match whose(&record) {
            Some(Some(other)) if other != person => continue,
            Some(Some(_)) if told.state.version == version => continue,
            Some(_) => {}
            None => return Err(NoReplay::Unreadable),
        }
        let change = Change::open(past.keys, &record).map_err(|_| NoReplay::Forgotten)?;
        if change.person.is_some() {
            told.state.version += 1;
        }
        for fact in &change.facts {
            if let Fact::Participant { document } = fact {
                let participant: Participant =
                    serde_json::from_value(document.clone()).map_err(|_| NoReplay::Unreadable)?;
                told.participants.insert(participant.id.as_str().to_owned(), Arc::new(participant));
            }
            told.rules.extend(Kept::of(fact));
            if change.person.is_some() {
                told.state.fold(fact, place);
            }
        }
    }
    if told.state.version == version { Ok(told) } else { Err(NoReplay::Unreadable) }
}

/// Who asked, as the record says. A command that tried a question on names its asker in details.
fn asker(entry: &Entry, told: &Told) -> Option<(Arc<Participant>, Asker)> {
    let id = detail(entry, TRIED_AS).or(entry.organisation.as_ref().map(|o| o.id.as_str()))?;
    let participant = told.participants.get(id)?.clone();
    let person = match (detail(entry, TRIED_AS), detail(entry, TRIED_PERSON)) {
        (Some(_), id) => {
            let sure = match detail(entry, TRIED_ASSURANCE) {
                Some("registered") => Assurance::Registered,
                _ => Assurance::SelfAsserted,
            };
            asking_person(id.unwrap_or_default(), None, sure)
        }
        (None, _) => person(entry, told)?,
    };
    let responsible = entry.responsible.as_ref().filter(|p| !p.id.starts_with(TAGGED));
    Some((
        participant.clone(),
        Asker {
            participant: participant.id.clone(),
            function: entry.function.as_deref().and_then(|code| FunctionCode::parse(code).ok()),
            purpose: Purpose::parse(entry.purpose.as_deref()?).ok()?,
            person,
            responsible: responsible.map(|p| asking_person(&p.id, p.role.as_ref(), sureness(p))),
            relation: None,
            break_glass: entry.emergency.as_ref().map(|emergency| BreakGlass {
                patient_system: String::new(),
                patient_value: String::new(),
                reason: BreakGlassReason::Other,
                reason_text: None,
                could_not_be_asked: emergency.could_not_be_asked,
            }),
        },
    ))
}

fn person(entry: &Entry, told: &Told) -> Option<AskingPerson> {
    let person = entry.person.as_ref()?;
    let own = entry.subject.as_ref().map(|tag| format!("{TAGGED}{tag}"));
    if own.as_deref() == Some(person.id.as_str()) {
        let (system, id) = told.state.identifiers.first()?;
        return Some(asking_person(&format!("{system}#{id}"), None, sureness(person)));
    }
    // A representative is known by the mandate, not by the word of the app.
    if let Some(id) = person.id.strip_prefix(REPRESENTING) {
        return Some(asking_person(&format!("urn:sluis:person#{id}"), None, Assurance::SelfAsserted));
    }
    Some(asking_person(&person.id, person.role.as_ref(), sureness(person)))
}

fn asking_person(id: &str, role: Option<&audit::Coding>, assurance: Assurance) -> AskingPerson {
    let (system, id) = id.rsplit_once('#').unwrap_or((PERSON_URN, id));
    AskingPerson {
        system: system.to_owned(),
        id: id.to_owned(),
        name: None,
        role: role.map(|role| Role { system: role.system.clone(), code: role.code.clone() }),
        assurance,
    }
}

fn sureness(person: &audit::Person) -> Assurance {
    match person.assurance {
        audit::Assurance::SelfAsserted => Assurance::SelfAsserted,
        audit::Assurance::Registered | audit::Assurance::OwnRole | audit::Assurance::LoggedIn => {
            Assurance::Registered
        }
    }
}

/// What was withheld, must be withheld again for the same reasons; what was given, given on the same grounds; by the
/// same consents. Of what was permitted and not there, a record is silent.
fn compare(entry: &Entry, decisions: &[Decided], rules: &Rules) -> Vec<String> {
    let mut differences = Vec::new();
    let recorded: Vec<&str> = entry.shares.iter().map(|share| share.holder.id.as_str()).collect();
    let again: Vec<&str> = decisions.iter().map(|decided| decided.holder().id.as_str()).collect();
    if recorded != again {
        differences.push(format!("holders: recorded {}, now {}", recorded.join(" "), again.join(" ")));
        return differences;
    }
    for (share, decided) in entry.shares.iter().zip(decisions) {
        if share.withheld != decided.withheld(rules) {
            differences.push(format!("{}: withheld otherwise", share.holder.id));
        }
        if !given_again(share, decided, rules) {
            differences.push(format!("{}: given on other grounds", share.holder.id));
        }
    }
    if entry.consents != consents_used(decisions) {
        differences.push("other consents counted".to_owned());
    }
    differences
}

fn given_again(share: &Share, decided: &Decided, rules: &Rules) -> bool {
    let again = decided.given(rules.vocabulary().all_classes(), rules);
    share.given.iter().all(|given| {
        again
            .iter()
            .filter(|g| (&g.level, &g.sender, &g.receiver) == (&given.level, &given.sender, &given.receiver))
            .any(|g| given.classes.iter().all(|class| g.classes.contains(class)))
    })
}

/// Detail of a dry run: the participant that was tried on.
pub(crate) const TRIED_AS: &str = "tried-as";
/// Detail of a dry run: the person that was tried on.
pub(crate) const TRIED_PERSON: &str = "tried-person";
/// Detail of a dry run: how sure that person's identity would be.
pub(crate) const TRIED_ASSURANCE: &str = "tried-assurance";
