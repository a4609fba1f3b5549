//! What a desk, a migration or an operator does through the control socket: import, record, relate, register.
//!
//! Everything goes the ordinary roads: the same readers, the same store, a record for each change. Blocking.

use crate::changes::consent::REGISTER;
use crate::store::facts::{Change, Fact, Item, pair};
use crate::store::keys::PersonNo;
use crate::store::leaf::Draft;
use crate::store::state::StoredConsent;
use crate::store::{Fence, RecordError};
use crate::trail::organisation;
use crate::trust::{Participant, Trust};
use crate::world::World;
use consent::Identifier as ConsentIdentifier;
use consent::record::Reading;
use fhir_mappings::audit::{self, Action, Entry, Interaction, Kind, Outcome};
use fhir_mappings::consent_wire::{self, Context, FeedEntry, PatientRef, Recorder};
use fhir_mappings::identifiers::Identifier;
use fhir_mappings::intake::{self, Format, Key};
use fhir_mappings::outcome::{self, Language};
use fhir_mappings::{json, relation_wire};
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

/// A file that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Whom it is about, `system|value`; nobody for resources about none.
    pub patient: Option<String>,
    /// How many resources.
    pub resources: usize,
    /// What deserves a word: place and words.
    pub warnings: Vec<String>,
}

/// Takes one file as data of a hosted holder: all of it or nothing.
///
/// # Errors
/// See [`Refused`].
pub fn import(
    world: &World,
    holder: &str,
    bytes: &[u8],
    format: Format,
    patient: Option<&Identifier>,
) -> Done<Taken> {
    let holder = hosted_holder(world, holder)?;
    let read = intake::read(bytes, format).map_err(|e| intake_refusal(&e))?;
    let identifiers = read.settle(patient).map_err(|e| intake_refusal(&e))?;
    let now = world.clock.now();
    let mut change = Change::default();
    let mut items = Vec::with_capacity(read.resources.len());
    let mut birth_date = None;
    for resource in &read.resources {
        let start = change.blob.len();
        change.blob.extend_from_slice(resource.bytes);
        let key = match &resource.key {
            Key::Id(key) | Key::FullUrl(key) | Key::Digest(key) => key.clone(),
        };
        if resource.resource_type == "Patient" {
            birth_date = birth_date.or_else(|| birth_date_of(resource.bytes));
        }
        items.push(Item {
            resource_type: resource.resource_type.to_owned(),
            key,
            full_url: resource.full_url.clone(),
            recorded: now,
            span: (start, change.blob.len()),
        });
    }
    let resources = items.len();
    let mut fence = Fence { person: None, trust: world.store.trust().epoch() };
    if !identifiers.is_empty() {
        let person = person_for(world, &identifiers)?;
        let state = world.store.person(person).map_err(|_| view_down())?;
        fence.person = Some((person, state.version));
        change.person = Some(person);
        change.facts.push(Fact::Identity {
            identifiers: identifiers.iter().map(pair).collect(),
            birth_date: birth_date.map(|date| (holder.id.as_str().to_owned(), date)),
        });
    }
    change.facts.push(Fact::Resources { holder: holder.id.as_str().to_owned(), items });
    let mut draft = draft(Kind::Import, Action::Create, world, change.person);
    draft.entry.organisation = Some(organisation(&holder));
    draft.entry.changes = vec![audit::Change {
        what: "import".into(),
        id: holder.id.as_str().to_owned(),
        version: None,
        sha256: None,
    }];
    draft.entry.details.push(audit::Detail { name: "resources".into(), value: resources.to_string() });
    world.store.change_blocking(draft, change, Some(fence), None)?;
    let warnings = read.warnings.iter().map(|w| format!("{}: {}", w.expression, w.detail)).collect();
    let patient = identifiers.first().map(|i| format!("{}|{}", i.system(), i.value()));
    Ok(Taken { patient, resources, warnings })
}

fn intake_refusal(refusal: &intake::Refusal) -> Refused {
    Refused {
        reason: reason_code(refusal.reason).to_owned(),
        expression: refusal.expression.clone(),
        detail: refusal.detail.to_owned(),
    }
}

fn reason_code(reason: intake::Reason) -> &'static str {
    match reason {
        intake::Reason::NotJson => "not-json",
        intake::Reason::NotFhir => "not-fhir",
        intake::Reason::NotR4 => "not-r4",
        intake::Reason::SecondPerson => "second-person",
        intake::Reason::NeedsPatient => "needs-patient",
        intake::Reason::OtherPerson => "other-person",
        intake::Reason::PrivacyConsent => "privacy-consent",
        intake::Reason::NotData => "not-data",
        intake::Reason::UnknownModifier => "unknown-modifier",
    }
}

fn birth_date_of(patient: &[u8]) -> Option<String> {
    let doc = json::parse(patient).ok()?;
    let date = doc.root().get_str("birthDate")?;
    // A year or month alone tells no age.
    date.parse::<jiff::civil::Date>().ok().filter(|_| date.len() == 10).map(|_| date.into_owned())
}

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

fn hosted_holder(world: &World, id: &str) -> Done<Arc<Participant>> {
    let trust = world.store.trust();
    let participant = trust.participant(id).cloned();
    let participant =
        participant.ok_or_else(|| Refused::new("unknown-participant", "there is no such participant"))?;
    match participant.holder {
        Some(crate::trust::participant::Holder::Hosted) => Ok(participant),
        Some(crate::trust::participant::Holder::Remote) => {
            Err(Refused::new("remote-holder", "this holder keeps its data at its own FHIR server"))
        }
        None => Err(Refused::new("no-holder", "this participant is no holder")),
    }
}

/// Whom a command is about.
///
/// # Errors
/// When nobody is known by this identifier.
pub fn known_person(world: &World, identifier: &Identifier) -> Done<PersonNo> {
    let found = world.store.find_person(identifier).map_err(|_| view_down())?;
    found.ok_or_else(|| Refused::new("unknown-person", "nobody is known by this identifier"))
}

/// Where a consent comes from.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'a> {
    /// A desk or a migration, with the evidence it was given; its recorder is `Consent.organization`.
    Desk,
    /// An outside register of this name, as its records come.
    Register(&'a str),
}

/// Records a consent and gives its id. One that is on record already, in the same words, changes nothing.
///
/// # Errors
/// See [`Refused`]. What is refused is recorded too: an objection must not get lost unseen.
pub fn record_consent(world: &World, bytes: &[u8], origin: Origin<'_>) -> Done<String> {
    let named = consent_wire::named(bytes);
    let person = named.as_ref().and_then(|(patient, _)| named_person(world, patient).ok());
    let done = match origin {
        Origin::Desk => from_desk(world, bytes),
        Origin::Register(register) => from_register(world, bytes, register),
    };
    if let Err(refused) = &done {
        let mut draft = draft(Kind::Refused, Action::Create, world, person);
        draft.entry.outcome = Outcome::Refused(refused.reason.clone());
        draft.entry.details.push(audit::Detail { name: "command".into(), value: "consent record".into() });
        world.store.record_blocking(draft, None)?;
    }
    done
}

fn from_desk(world: &World, bytes: &[u8]) -> Done<String> {
    let trust = world.store.trust();
    let recorder = recorder_of(bytes, "organization", &trust);
    let own: Vec<ConsentIdentifier> = recorder.iter().map(|p| own_identifier(p)).collect();
    let id = uuid::Uuid::new_v4().to_string();
    let takes_part = |named: &ConsentIdentifier| trust.by_identifier(&trust_identifier(named)).is_some();
    let context = context(world, (&id, 1), REGISTER, Recorder::Organisation(&own), &takes_part);
    let received =
        consent_wire::read(bytes, &context).map_err(|refusal| Refused::outcome(&refusal.outcome()))?;
    let person = named_person(world, &received.patient)?;
    let recorder_id = recorder.as_ref().map_or(REGISTER, |p| p.id.as_str());
    let state = world.store.person(person).map_err(|_| view_down())?;
    let mut known = state.consents.iter().filter(|stored| stored.recorder == recorder_id);
    let known = known.find(|stored| stored.is_in_force() && stored.is_known_by(&received.identifiers));
    match known.map(|stored| (&stored.reading, stored.id())) {
        None => {}
        Some((Reading::Readable(old), id)) if same(old, &received.record) => return Ok(id.to_owned()),
        Some(_) => return Err(Refused::outcome(&consent_wire::taken().outcome())),
    }
    let fact = Fact::Consent {
        recorder: recorder_id.to_owned(),
        reading: Reading::Readable(received.record),
        wire: String::from_utf8_lossy(bytes).into_owned(),
        identifiers: received.identifiers,
    };
    apply(world, Kind::Consent, "Consent", &id, person, fact, recorder.as_deref())?;
    Ok(id)
}

/// A register's record takes the place of the one that it knows by the same identifier, withdrawn or mended as it may be.
/// What cannot be read refuses: where it may object, and where it says something new of a record that stands.
fn from_register(world: &World, bytes: &[u8], register: &str) -> Done<String> {
    let trust = world.store.trust();
    let recorder = recorder_of(bytes, "organization", &trust);
    let recorder_id = recorder.as_ref().map_or(register, |p| p.id.as_str());
    let named = consent_wire::named(bytes);
    let (person, identifiers) = match &named {
        Some((patient, identifiers)) => (Some(named_person(world, patient)?), identifiers.clone()),
        None => (None, Vec::new()),
    };
    let state = person.map(|person| world.store.person(person)).transpose().map_err(|_| view_down())?;
    let state = state.unwrap_or_default();
    let of_register = |stored: &&StoredConsent| match &stored.reading {
        Reading::Readable(record) => &*record.register == register,
        Reading::Unreadable { .. } => true,
    };
    let known = state.consents.iter().filter(of_register).find(|stored| stored.is_known_by(&identifiers));
    let fresh = uuid::Uuid::new_v4().to_string();
    let (id, version) = known.map_or((fresh.as_str(), 1), |stored| (stored.id(), stored.version() + 1));
    let takes_part = |named: &ConsentIdentifier| trust.by_identifier(&trust_identifier(named)).is_some();
    let context = context(world, (id, version), register, Recorder::Register, &takes_part);
    let unreadable = || Reading::Unreadable { id: id.into(), version };
    let reading = match (consent_wire::read_feed(bytes, &context), known) {
        (FeedEntry::Read(received), _) => Reading::Readable(received.record),
        (FeedEntry::MayObject { reading, .. }, _) => *reading,
        (_, Some(_)) => unreadable(),
        (other, None) => return Err(feed_refusal(&other)),
    };
    match (known.map(|stored| &stored.reading), &reading) {
        (Some(Reading::Readable(old)), Reading::Readable(new)) if same(old, new) => return Ok(id.to_owned()),
        (Some(Reading::Unreadable { .. }), Reading::Unreadable { .. }) => return Ok(id.to_owned()),
        _ => {}
    }
    let person = person.ok_or_else(|| Refused::new("patient-unclear", "nobody can tell whom it is about"))?;
    let fact = Fact::Consent {
        recorder: known.map_or(recorder_id, |stored| &stored.recorder).to_owned(),
        reading,
        wire: String::from_utf8_lossy(bytes).into_owned(),
        identifiers,
    };
    apply(world, Kind::Consent, "Consent", id, person, fact, recorder.as_deref())?;
    Ok(id.to_owned())
}

/// Whether two versions say the same, and of the same moment.
fn same(old: &consent::ConsentRecord, new: &consent::ConsentRecord) -> bool {
    consent_wire::change(old, new) == consent_wire::Change::Nothing
        && (old.given_at, old.status) == (new.given_at, new.status)
}

fn context<'a>(
    world: &'a World,
    (id, version): (&'a str, u32),
    register: &'a str,
    recorder: Recorder<'a>,
    takes_part: &'a dyn Fn(&ConsentIdentifier) -> bool,
) -> Context<'a> {
    let vocabulary = world.rules.vocabulary();
    Context { id, version, register, recorder, now: world.clock.now(), vocabulary, takes_part }
}

/// A choice as it would be recorded, and whom it is about; nothing is recorded. Without `organization` it is the
/// person's own.
///
/// # Errors
/// See [`Refused`].
pub fn read_choice(world: &World, bytes: &[u8]) -> Done<(PersonNo, Reading)> {
    let trust = world.store.trust();
    let own: Vec<ConsentIdentifier> =
        recorder_of(bytes, "organization", &trust).iter().map(|p| own_identifier(p)).collect();
    let takes_part =
        |identifier: &ConsentIdentifier| trust.by_identifier(&trust_identifier(identifier)).is_some();
    let id = uuid::Uuid::new_v4().to_string();
    let recorder = if own.is_empty() { Recorder::Person } else { Recorder::Organisation(&own) };
    let context = context(world, (&id, 1), REGISTER, recorder, &takes_part);
    let received =
        consent_wire::read(bytes, &context).map_err(|refusal| Refused::outcome(&refusal.outcome()))?;
    Ok((named_person(world, &received.patient)?, Reading::Readable(received.record)))
}

/// A consent that the person gave without an organisation between, as their own app or portal hands it in.
///
/// # Errors
/// See [`Refused`].
#[cfg(feature = "sandbox")]
pub fn record_own_consent(world: &World, bytes: &[u8]) -> Done<()> {
    let (person, reading) = read_choice(world, bytes)?;
    let id = reading.id().to_owned();
    let recorder = crate::changes::consent::PERSON_RECORDED.to_owned();
    let wire = String::from_utf8_lossy(bytes).into_owned();
    let fact = Fact::Consent { recorder, reading, wire, identifiers: Vec::new() };
    apply(world, Kind::Consent, "Consent", &id, person, fact, None)
}

/// Records who acts for a person, with the paper that shows it and the names on it. The same again changes nothing; another
/// mandate in the same capacity takes the place of the one before, also to end it.
///
/// # Errors
/// See [`Refused`].
pub fn represent(
    world: &World,
    identifier: &Identifier,
    representative: consent::question::RecordedRepresentative,
    names: Option<crate::store::facts::Names>,
    evidence: Option<String>,
) -> Done<()> {
    let person = known_person(world, identifier)?;
    let state = world.store.person(person).map_err(|_| view_down())?;
    if state.representatives.iter().any(|known| known.recorded == representative) {
        return Ok(());
    }
    let id = representative.person.value.to_string();
    let fact = Fact::Representative { representative, names, evidence };
    apply(world, Kind::Relation, "RelatedPerson", &id, person, fact, None)
}

/// As [`represent`], from a RelatedPerson.
fn record_representative(world: &World, bytes: &[u8]) -> Done<String> {
    let received = consent_wire::read_representative(bytes).map_err(|e| Refused::outcome(&e.outcome()))?;
    let PatientRef::Identifier(patient) = &received.patient else {
        return Err(Refused::new("patient-unclear", "name the person by identifier"));
    };
    let who = received.representative;
    let person = who.person.ok_or_else(|| Refused::new("body-invalid", "nobody is named who acts"))?;
    let id = person.value.to_string();
    let names = received.acting.zip(received.acted_for);
    let names = names.map(|(acting, acted_for)| crate::store::facts::Names { acting, acted_for });
    let recorded = consent::question::RecordedRepresentative {
        person,
        kind: who.kind,
        mandate: who.mandate,
        scope: who.scope,
    };
    represent(world, patient, recorded, names, Some(who.evidence.into()))?;
    Ok(id)
}

fn feed_refusal(entry: &FeedEntry) -> Refused {
    match entry {
        FeedEntry::Read(_) | FeedEntry::MayObject { .. } => Refused::new("conflict", "this was read"),
        FeedEntry::Refused(refusal) => Refused::outcome(&refusal.outcome()),
        FeedEntry::Directive(_) => {
            Refused::new("other-scope", "a clinical directive is data of its holder: use `sluis import`")
        }
    }
}

/// Of whom a holder has data and nobody asked about sharing them: one identifier each. It stands in the journal that the
/// list was made.
///
/// # Errors
/// See [`Refused`].
pub fn unasked(world: &World, holder: &str) -> Done<Vec<String>> {
    let trust = world.store.trust();
    let participant = trust.participant(holder).filter(|participant| participant.holder.is_some());
    let participant = participant.ok_or_else(|| Refused::new("no-holder", "there is no such holder"))?;
    let mut draft = draft(Kind::DryRun, Action::Execute, world, None);
    draft.entry.details.extend(
        [("command", "unasked"), ("holder", holder)]
            .map(|(name, value)| audit::Detail { name: name.into(), value: value.into() }),
    );
    world.store.record_blocking(draft, None)?;
    let now = world.clock.now();
    let party = crate::road::decide::party(participant, &world.rules, now);
    let mut found = Vec::new();
    world
        .store
        .each_person(|_, state| {
            let readings: Vec<Reading> = state.consents.iter().map(|stored| stored.reading.clone()).collect();
            let held = state.holders.iter().any(|id| id == holder);
            if held && !consent::asked::was_asked(world.rules.vocabulary(), &readings, &party, now) {
                found.extend(state.identifiers.first().map(|(system, value)| format!("{system}|{value}")));
            }
        })
        .map_err(|_| view_down())?;
    Ok(found)
}

/// Withdraws a consent as it stands: the same content, no longer in force.
///
/// # Errors
/// See [`Refused`].
pub fn withdraw_consent(world: &World, identifier: &Identifier, id: &str) -> Done<()> {
    let person = known_person(world, identifier)?;
    let state = world.store.person(person).map_err(|_| view_down())?;
    let stored = state.consents.iter().find(|stored| stored.id() == id);
    let stored = stored.ok_or_else(|| Refused::new("unknown-consent", "this person has no such consent"))?;
    let Reading::Readable(mut record) = stored.reading.clone() else {
        return Err(Refused::new("unreadable", "an unreadable record is mended by recording a readable one"));
    };
    record.status = consent::record::Status::Inactive;
    record.version += 1;
    let wire = with_status(&as_sent(world, stored.record, id)?, "inactive");
    let fact = Fact::Consent {
        recorder: stored.recorder.clone(),
        reading: Reading::Readable(record),
        wire,
        identifiers: stored.identifiers.clone(),
    };
    let recorder = world.store.trust().participant(&stored.recorder).cloned();
    apply(world, Kind::Consent, "Consent", id, person, fact, recorder.as_deref())
}

fn as_sent(world: &World, record: u64, id: &str) -> Done<String> {
    world.store.as_sent(record, id).map_err(|e| Refused::new("consent-unavailable", e.to_string()))
}

/// The same bytes with another status.
fn with_status(wire: &str, status: &str) -> String {
    let Ok(doc) = json::parse(wire.as_bytes()) else { return wire.to_owned() };
    let Some((start, end)) = doc.root().get("status").map(|s| s.span()) else { return wire.to_owned() };
    let (before, after) = (wire.get(..start).unwrap_or_default(), wire.get(end..).unwrap_or_default());
    format!("{before}\"{status}\"{after}")
}

/// A relation, recorded by the first of its parties that takes part (a referral by its requester); or, as a RelatedPerson,
/// who acts for the person.
///
/// # Errors
/// See [`Refused`].
pub fn add_relation(world: &World, bytes: &[u8]) -> Done<String> {
    let resource = json::parse(bytes)
        .ok()
        .and_then(|doc| doc.root().get_str("resourceType").map(|t| t.into_owned()))
        .unwrap_or_default();
    if resource == "RelatedPerson" {
        return record_representative(world, bytes);
    }
    let received =
        relation_wire::read_relation(&resource, bytes).map_err(|e| Refused::outcome(&e.outcome()))?;
    let person = named_person(world, &received.patient)?;
    let trust = world.store.trust();
    let parties = received.relation.sender.iter().chain(&received.relation.parties);
    let recorder = parties.filter_map(|p| trust.by_identifier(&trust_identifier(p))).next().cloned();
    let recorder = recorder
        .ok_or_else(|| Refused::new("not-part-of-relation", "none of its parties takes part here"))?;
    let id = uuid::Uuid::new_v4().to_string();
    let fact = Fact::Relation {
        id: id.clone(),
        version: 1,
        recorder: recorder.id.as_str().to_owned(),
        relation: consent::relation::Relation {
            recorded_by: Some(own_identifier(&recorder)),
            ..received.relation
        },
        wire: String::from_utf8_lossy(bytes).into_owned(),
    };
    apply(world, Kind::Relation, &resource, &id, person, fact, Some(&recorder))?;
    Ok(id)
}

/// Ends a relation: it gives nothing from now on.
///
/// # Errors
/// See [`Refused`].
pub fn end_relation(world: &World, identifier: &Identifier, id: &str) -> Done<()> {
    let person = known_person(world, identifier)?;
    let state = world.store.person(person).map_err(|_| view_down())?;
    let stored = state.relations.iter().find(|stored| stored.id == id);
    let stored =
        stored.ok_or_else(|| Refused::new("unknown-relation", "this person has no such relation"))?.clone();
    let mut relation = stored.relation;
    relation.status = consent::relation::RelationStatus::NotActive;
    let fact = Fact::Relation {
        id: stored.id,
        version: stored.version + 1,
        recorder: stored.recorder.clone(),
        relation,
        wire: as_sent(world, stored.record, id)?,
    };
    let recorder = world.store.trust().participant(&stored.recorder).cloned();
    apply(world, Kind::Relation, "relation", id, person, fact, recorder.as_deref())
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

/// An attestation of a professional, recorded by the participant it names as organisation of its author.
///
/// # Errors
/// See [`Refused`].
#[cfg(feature = "sandbox")]
pub fn add_attestation(
    world: &World,
    recorder: &str,
    person: &str,
    function: &str,
    bytes: &[u8],
) -> Done<String> {
    let trust = world.store.trust();
    let recorder = trust.participant(recorder).cloned();
    let recorder =
        recorder.ok_or_else(|| Refused::new("unknown-participant", "there is no such participant"))?;
    let organisation = [own_identifier(&recorder)];
    let author = [ConsentIdentifier::new(crate::road::decide::PERSON_SYSTEM, person)];
    let context = relation_wire::AttestationContext {
        organisation: &organisation,
        person: &author,
        function: Some(function),
        now: world.clock.now(),
        vocabulary: world.rules.vocabulary(),
    };
    let received =
        relation_wire::read_attestation(bytes, &context).map_err(|e| Refused::outcome(&e.outcome()))?;
    let about = named_person(world, &received.patient)?;
    let id = uuid::Uuid::new_v4().to_string();
    let fact = Fact::Attestation {
        id: id.clone(),
        recorder: recorder.id.as_str().to_owned(),
        attestation: received.attestation,
        wire: String::from_utf8_lossy(bytes).into_owned(),
    };
    apply(world, Kind::Attestation, "Basic", &id, about, fact, Some(&recorder))?;
    Ok(id)
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
        Fact::Consent { reading: Reading::Readable(record), .. } => Some(record.version),
        Fact::Consent { reading: Reading::Unreadable { version, .. }, .. } => Some(*version),
        Fact::Relation { version, .. } => Some(*version),
        Fact::Attestation { .. } => Some(1),
        Fact::Identity { .. }
        | Fact::Resources { .. }
        | Fact::Representative { .. }
        | Fact::GlassBroken { .. }
        | Fact::Registration { .. }
        | Fact::RegistrationEnded { .. }
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
