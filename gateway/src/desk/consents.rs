//! Consents at a desk, in a migration or from an outside register: recorded, mended, withdrawn, and who was not asked.

use super::{
    Done, Refused, apply, as_sent, draft, known_person, named_person, own_identifier, recorder_of,
    trust_identifier, view_down,
};
use crate::changes::consent::{PERSON_RECORDED, REGISTER};
use crate::store::facts::Fact;
use crate::store::keys::PersonNo;
use crate::trust::{State, Trust};
use crate::world::World;
use consent::Identifier as ConsentIdentifier;
use consent::record::Reading;
use fhir_mappings::audit::{self, Action, Kind, Outcome};
use fhir_mappings::consent_wire::{self, Context, FeedEntry, Recorder};
use fhir_mappings::identifiers::Identifier;
use fhir_mappings::json;
use std::cmp::Ordering;

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
    let person = named_in(world, bytes);
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

/// Whom a Consent names, if anybody known.
pub(crate) fn named_in(world: &World, bytes: &[u8]) -> Option<PersonNo> {
    let (patient, _) = consent_wire::named(bytes)?;
    named_person(world, &patient).ok()
}

fn from_desk(world: &World, bytes: &[u8]) -> Done<String> {
    let trust = world.store.trust();
    let recorder = recorder_of(bytes, "organization", &trust);
    if recorder.as_ref().is_some_and(|p| !p.recorder || p.state != State::Active) {
        return Err(Refused::new(
            "recorder",
            "this organisation may not record consents, or does not take part now",
        ));
    }
    let own: Vec<ConsentIdentifier> = recorder.iter().map(|p| own_identifier(p)).collect();
    let id = uuid::Uuid::new_v4().to_string();
    let takes_part = takes_part(&trust);
    let context = context(world, (&id, 1), REGISTER, Recorder::Organisation(&own), &takes_part);
    let received =
        consent_wire::read(bytes, &context).map_err(|refusal| Refused::outcome(&refusal.outcome()))?;
    let person = named_person(world, &received.patient)?;
    let recorder_id = recorder.as_ref().map_or(REGISTER, |p| p.id.as_str());
    let state = world.store.person(person).map_err(|_| view_down())?;
    match state.bearing(&received.identifiers, recorder_id).map(|stored| (&stored.reading, stored.id())) {
        None => {}
        Some((Reading::Readable(old), id)) if same(old, &received.record) => return Ok(id.to_owned()),
        Some(_) => return Err(Refused::outcome(&consent_wire::taken().outcome())),
    }
    if state.is_full_for(&received.record) {
        return Err(Refused::outcome(&consent_wire::too_many().outcome()));
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
    if ["", REGISTER, PERSON_RECORDED].contains(&register) || trust.participant(register).is_some() {
        return Err(Refused::new(
            "register-unknown",
            "an outside register has a name of its own: not empty, not `sluis` or `person`, and no participant's",
        ));
    }
    let recorder = recorder_of(bytes, "organization", &trust);
    // No participant's id has a colon: who comes later under the register's name has recorded none of this.
    let recorder_id = recorder.as_ref().map_or_else(|| format!("register:{register}"), |p| p.id.to_string());
    let named = consent_wire::named(bytes);
    let (person, identifiers) = match &named {
        Some((patient, identifiers)) => (Some(named_person(world, patient)?), identifiers.clone()),
        None => (None, Vec::new()),
    };
    let state = person.map(|person| world.store.person(person)).transpose().map_err(|_| view_down())?;
    let state = state.unwrap_or_default();
    let mut known = state.consents.iter().filter(|stored| stored.reading.register() == register);
    let known = known.find(|stored| stored.is_known_by(&identifiers));
    let fresh = uuid::Uuid::new_v4().to_string();
    let (id, version) = known.map_or((fresh.as_str(), 1), |stored| (stored.id(), stored.version() + 1));
    let takes_part = takes_part(&trust);
    let context = context(world, (id, version), register, Recorder::Register, &takes_part);
    let unreadable = || Reading::Unreadable { id: id.into(), version, register: register.into() };
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
    if let Some(stored) = known {
        let before = as_sent(world, stored.record, stored.id())?;
        let order = age(bytes, before.as_bytes());
        // Of two that say of themselves no order, a permit does not come back to life.
        let revives = order == Ordering::Equal && !stored.is_in_force() && may_permit(&reading);
        if order == Ordering::Less || revives {
            return Err(Refused::new(
                "older-version",
                "a newer version of this record came before it: nothing was changed",
            ));
        }
    }
    let person = person.ok_or_else(|| Refused::new("patient-unclear", "nobody can tell whom it is about"))?;
    let fact = Fact::Consent {
        recorder: known.map_or(recorder_id, |stored| stored.recorder.clone()),
        reading,
        wire: String::from_utf8_lossy(bytes).into_owned(),
        identifiers,
    };
    apply(world, Kind::Consent, "Consent", id, person, fact, recorder.as_deref())?;
    Ok(id.to_owned())
}

/// Which of two versions of a register's record is the later, by what they say: when each was last changed, its version,
/// when it was given. It does not count which came first.
fn age(one: &[u8], other: &[u8]) -> Ordering {
    let (one, other) = (consent_wire::as_others_read(one), consent_wire::as_others_read(other));
    let (Ok(one), Ok(other)) = (json::parse(&one), json::parse(&other)) else { return Ordering::Equal };
    let meta = |doc: &json::Doc<'_>, name: &str| {
        let text = doc.root().get("meta").and_then(|meta| meta.get_str(name));
        text.map(std::borrow::Cow::into_owned)
    };
    let updated = |doc| meta(doc, "lastUpdated").and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let version = |doc| meta(doc, "versionId").and_then(|text| text.parse::<u64>().ok());
    let given = |doc: &json::Doc<'_>| {
        let text = doc.root().get_str("dateTime").map(std::borrow::Cow::into_owned);
        text.and_then(|text| consent::Moment::parse(&text).ok()).map(|moment| moment.first())
    };
    let by_time = updated(&one).zip(updated(&other)).map(|(one, other)| one.cmp(&other));
    let by_version = version(&one).zip(version(&other)).map(|(one, other)| one.cmp(&other));
    let by_giving = given(&one).zip(given(&other)).map(|(one, other)| one.cmp(&other));
    let decides = |order: &Ordering| *order != Ordering::Equal;
    let mut orders = [by_time, by_version, by_giving].into_iter().flatten();
    orders.find(decides).unwrap_or(Ordering::Equal)
}

fn may_permit(reading: &Reading) -> bool {
    matches!(reading, Reading::Readable(record) if record.status == consent::record::Status::Active
        && record.provision.kind == consent::record::Kind::Permit)
}

/// Whether two versions say the same, and of the same moment.
fn same(old: &consent::ConsentRecord, new: &consent::ConsentRecord) -> bool {
    consent_wire::change(old, new) == consent_wire::Change::Nothing
        && (old.given_at, old.status) == (new.given_at, new.status)
}

fn takes_part(trust: &Trust) -> impl Fn(&ConsentIdentifier) -> bool {
    |named| trust.by_identifier(&trust_identifier(named)).is_some()
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
    let takes_part = takes_part(&trust);
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
    let recorder = PERSON_RECORDED.to_owned();
    let wire = String::from_utf8_lossy(bytes).into_owned();
    let fact = Fact::Consent { recorder, reading, wire, identifiers: Vec::new() };
    apply(world, Kind::Consent, "Consent", &id, person, fact, None)
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

/// Withdraws a consent as it stands: the same content, no longer in force. One that cannot be read no
/// longer refuses, where its register has no way to mend it.
///
/// # Errors
/// See [`Refused`].
pub fn withdraw_consent(world: &World, identifier: &Identifier, id: &str) -> Done<()> {
    let person = known_person(world, identifier)?;
    let state = world.store.person(person).map_err(|_| view_down())?;
    let stored = state.consents.iter().find(|stored| stored.id() == id);
    let stored = stored.ok_or_else(|| Refused::new("unknown-consent", "this person has no such consent"))?;
    let recorder = world.store.trust().participant(&stored.recorder).cloned();
    let Reading::Readable(mut record) = stored.reading.clone() else {
        // Without what is known by its number, an older permit under that number would count again when it is sent again.
        if !stored.identifiers.is_empty() {
            let why = "its register mends this record by its identifier: only one without is withdrawn here";
            return Err(Refused::new("unreadable", why));
        }
        let ended = Fact::UnreadableEnded { id: id.to_owned() };
        return apply(world, Kind::Consent, "Consent", id, person, ended, recorder.as_deref());
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
    apply(world, Kind::Consent, "Consent", id, person, fact, recorder.as_deref())
}

/// The same bytes with another status.
fn with_status(wire: &str, status: &str) -> String {
    let Ok(doc) = json::parse(wire.as_bytes()) else { return wire.to_owned() };
    let Some((start, end)) = doc.root().get("status").map(|s| s.span()) else { return wire.to_owned() };
    let (before, after) = (wire.get(..start).unwrap_or_default(), wire.get(end..).unwrap_or_default());
    format!("{before}\"{status}\"{after}")
}
