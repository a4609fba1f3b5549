//! What a desk, a migration or an operator does through the control socket: import, record, relate, register.
//!
//! Everything goes the ordinary roads: the same readers, the same store, a record for each change. Blocking.

mod consents;
mod erase;
mod import;
mod relations;

pub(crate) use consents::named_in;
#[cfg(feature = "sandbox")]
pub use consents::record_own_consent;
pub use consents::{Origin, read_choice, record_consent, unasked, withdraw_consent};
pub use erase::{Erased, erase};
pub use import::{Taken, import};
#[cfg(feature = "sandbox")]
pub use relations::add_attestation;
pub use relations::{add_relation, end_relation, represent};

use crate::store::RecordError;
use crate::store::facts::{Change, Fact};
use crate::store::keys::PersonNo;
use crate::store::leaf::Draft;
use crate::trail::organisation;
use crate::trust::{Participant, Trust};
use crate::world::World;
use consent::Identifier as ConsentIdentifier;
use fhir_mappings::audit::{self, Action, Entry, Interaction, Kind, Outcome};
use fhir_mappings::consent_wire::PatientRef;
use fhir_mappings::identifiers::Identifier;
use fhir_mappings::json;
use fhir_mappings::outcome::{self, Language};
use std::sync::Arc;

/// Why a command did not do what was asked. Words for an operator; never a value of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// A code for scripts.
    pub reason: String,
    /// Where, as a path in what was sent.
    pub expression: String,
    /// In words.
    pub detail: String,
}

impl Refused {
    /// A refusal without a place.
    pub(crate) fn new(reason: &str, detail: impl Into<String>) -> Self {
        Self { reason: reason.to_owned(), expression: String::new(), detail: detail.into() }
    }

    fn outcome(outcome: &outcome::Outcome) -> Self {
        let body =
            serde_json::from_slice::<serde_json::Value>(&outcome.to_json(Language::En)).unwrap_or_default();
        let issue = body.pointer("/issue/0").cloned().unwrap_or_default();
        let text = |path: &str| issue.pointer(path).and_then(|t| t.as_str()).unwrap_or_default().to_owned();
        let reason = text("/details/coding/1/code");
        Self {
            reason: if reason.is_empty() { text("/details/coding/0/code") } else { reason },
            expression: text("/expression/0"),
            detail: text("/details/text"),
        }
    }
}

impl From<RecordError> for Refused {
    fn from(e: RecordError) -> Self {
        match e {
            RecordError::Moved => Self::new("conflict", "something else changed at the same time: try again"),
            RecordError::Unavailable => {
                Self::new("audit-unavailable", "the journal takes no record: nothing was changed")
            }
            RecordError::Unfit => {
                Self::new("too-large", "this cannot be made into one record: nothing was changed")
            }
        }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.detail)?;
        if self.expression.is_empty() { Ok(()) } else { write!(f, " ({})", self.expression) }
    }
}

type Done<T> = Result<T, Refused>;

/// The person whom these identifiers name; a new one when nobody is known by any of them.
pub(crate) fn person_for(world: &World, identifiers: &[Identifier]) -> Done<PersonNo> {
    let mut found = None;
    for identifier in identifiers {
        let known = world.store.find_person(identifier).map_err(|_| view_down())?;
        match (found, known) {
            (None, Some(person)) => found = Some(person),
            (Some(one), Some(other)) if one != other => {
                return Err(Refused::new(
                    "conflict",
                    "the identifiers in this file belong to two different persons",
                ));
            }
            _ => {}
        }
    }
    Ok(found.unwrap_or_else(|| world.store.new_person()))
}

pub(crate) fn view_down() -> Refused {
    Refused::new("consent-unavailable", "the present state cannot be read: run `sluis rebuild-view`")
}

/// Whom a command is about.
///
/// # Errors
/// When nobody is known by this identifier.
pub fn known_person(world: &World, identifier: &Identifier) -> Done<PersonNo> {
    let found = world.store.find_person(identifier).map_err(|_| view_down())?;
    found.ok_or_else(|| Refused::new("unknown-person", "nobody is known by this identifier"))
}

fn as_sent(world: &World, record: u64, id: &str) -> Done<String> {
    world.store.as_sent(record, id).map_err(|e| Refused::new("consent-unavailable", e.to_string()))
}

/// Gives a known person one more identifier: in a sandbox the name by which the person's own app asks.
///
/// # Errors
/// See [`Refused`].
#[cfg(feature = "sandbox")]
pub fn know_as(world: &World, identifier: &Identifier, more: (&str, &str)) -> Done<()> {
    let person = known_person(world, identifier)?;
    let state = world.store.person(person).map_err(|_| view_down())?;
    let more = (more.0.to_owned(), more.1.to_owned());
    if state.identifiers.contains(&more) {
        return Ok(());
    }
    let fact = Fact::Identity { identifiers: vec![more], birth_date: None };
    apply(world, Kind::Import, "identity", "sandbox", person, fact, None)
}

/// Whether these very words were recorded about this person already.
#[cfg(feature = "sandbox")]
#[must_use]
pub fn stands_already(world: &World, identifier: &Identifier, wire: &str) -> bool {
    let state = known_person(world, identifier).ok().and_then(|p| world.store.person(p).ok());
    state.is_some_and(|state| {
        let consents = state.consents.iter().map(|c| (c.record, c.id()));
        let relations = state.relations.iter().map(|r| (r.record, r.id.as_str()));
        let mut all = consents.chain(relations).chain(state.attestations.iter().map(|a| (a.record, &*a.id)));
        all.any(|(record, id)| world.store.as_sent(record, id).is_ok_and(|sent| sent == wire))
    })
}

fn named_person(world: &World, patient: &PatientRef) -> Done<PersonNo> {
    match patient {
        PatientRef::Identifier(identifier) => known_person(world, identifier),
        PatientRef::Id(_) => Err(Refused::new(
            "patient-unclear",
            "name the person by identifier: a Patient/{id} is one asker's pseudonym",
        )),
    }
}

/// The participant that a resource names as its recorder.
fn recorder_of(bytes: &[u8], member: &str, trust: &Trust) -> Option<Arc<Participant>> {
    let doc = json::parse(bytes).ok()?;
    let identifier = doc.root().each(member).next()?.get("identifier")?;
    let (system, value) = (identifier.get_str("system")?, identifier.get_str("value")?);
    let identifier = crate::trust::Identifier { system: system.into_owned(), value: value.into_owned() };
    trust.by_identifier(&identifier).cloned()
}

fn own_identifier(participant: &Participant) -> ConsentIdentifier {
    ConsentIdentifier::new(participant.identifier.system.as_str(), participant.identifier.value.as_str())
}

fn trust_identifier(identifier: &ConsentIdentifier) -> crate::trust::Identifier {
    crate::trust::Identifier { system: identifier.system.to_string(), value: identifier.value.to_string() }
}

fn apply(
    world: &World,
    kind: Kind,
    what: &str,
    id: &str,
    person: PersonNo,
    fact: Fact,
    recorder: Option<&Participant>,
) -> Done<()> {
    let version = match &fact {
        Fact::Consent { reading, .. } => Some(reading.version()),
        Fact::Relation { version, .. } => Some(*version),
        Fact::Attestation { .. } => Some(1),
        Fact::Identity { .. }
        | Fact::Resources { .. }
        | Fact::ResourcesErased { .. }
        | Fact::Representative { .. }
        | Fact::GlassBroken { .. }
        | Fact::Registration { .. }
        | Fact::RegistrationEnded { .. }
        | Fact::UnreadableEnded { .. }
        | Fact::Hold { .. }
        | Fact::Participant { .. }
        | Fact::Staff { .. }
        | Fact::Blocked { .. }
        | Fact::Rules { .. } => None,
    };
    let action = if version == Some(1) { Action::Create } else { Action::Update };
    let mut draft = draft(kind, action, world, Some(person));
    draft.entry.organisation = recorder.map(organisation);
    draft.entry.changes = vec![audit::Change {
        what: what.to_owned(),
        id: id.to_owned(),
        version: version.map(|v| v.to_string()),
        sha256: None,
    }];
    world.store.change_blocking(draft, Change::about(person, fact), None, None)?;
    Ok(())
}

/// The draft of a record about something an operator or the program itself did.
pub(crate) fn draft(kind: Kind, action: Action, world: &World, person: Option<PersonNo>) -> Draft {
    let mut entry = Entry::new(kind, action, Interaction::Operation, Outcome::Success);
    entry.protocols = world.protocols();
    crate::control::operator::sign(&mut entry);
    Draft {
        entry,
        time: world.clock.now(),
        request_id: uuid::Uuid::new_v4().to_string(),
        person,
        burnt: None,
    }
}
