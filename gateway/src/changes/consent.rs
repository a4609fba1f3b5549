//! Privacy consents: recorded, withdrawn, given a second key, and read back by who may (CONTRACT.md 7).

use super::{OURSELVES, Visible, fence, known_subject, may_record, outward, subject_of};
use crate::notice::About;
use crate::refusal::{NoGrant, Refusal};
use crate::road::authorise::Authorised;
use crate::road::decide::party;
use crate::road::locate::{Subject, acting_for, is_self};
use crate::road::record::record_change;
use crate::road::{Minimised, Recorded};
use crate::store::facts::{Change, Fact};
use crate::store::outward::PERSON;
use crate::store::state::StoredConsent;
use crate::trail::Trail;
use crate::trust::Purpose;
use crate::world::World;
use consent::Identifier;
use consent::record::{ConsentRecord, Giver, Reading, Representation, Status};
use consent::standing::age_at;
use fhir_mappings::audit::{self, Kind};
use fhir_mappings::consent_wire::{self, Change as Kindof, Context, Presented, Received, Recorder, Why};
use fhir_mappings::outcome::{Code, Outcome};
use fhir_mappings::release::Ids;

type Done = Result<Option<Recorded<Minimised>>, Refusal>;

/// The register of what is recorded here.
pub(crate) const REGISTER: &str = "sluis";

pub(super) async fn create(asked: &Authorised, world: &World, trail: &mut Trail) -> Done {
    let id = uuid::Uuid::new_v4().to_string();
    let received = read(asked, &id, 1, world)?;
    let subject = subject_of(&received.patient, asked, world, trail)?;
    if !may_record(asked, &subject, world.clock.now()) {
        return Err(Refusal::NoGrant(NoGrant::Recorder));
    }
    evidence_is_own(&received, asked, &subject, world)?;
    givers_are_own(&received, &[], asked, &subject)?;
    let recorder = match asked.session().asker().purpose {
        Purpose::OwnRequest => PERSON_RECORDED,
        _ => asked.participant().id.as_str(),
    };
    if subject.state.bearing(&received.identifiers, recorder).is_some() {
        return Err(Refusal::Recording(consent_wire::taken().outcome()));
    }
    if subject.state.is_full_for(&received.record) {
        return Err(Refusal::Recording(consent_wire::too_many().outcome()));
    }
    store(asked, &subject, received, (201, recorder), world, trail).await
}

pub(super) async fn update(asked: &Authorised, id: &str, world: &World, trail: &mut Trail) -> Done {
    let unknown = || Refusal::NoGrant(NoGrant::UnknownPerson);
    let named = world.outward.open(asked.participant().id.as_str(), id).filter(|n| n.tag != PERSON);
    let named = named.ok_or_else(unknown)?;
    let subject = known_subject(named.person, world, trail)?;
    let mut known = subject.state.consents.iter();
    let stored = known.find(|stored| world.outward.tag(OURSELVES, "Consent", stored.id()) == named.tag);
    let stored = stored.ok_or_else(unknown)?;
    if !sees(asked, &subject, stored, world)? {
        return Err(unknown());
    }
    let received = read(asked, stored.id(), stored.version() + 1, world)?;
    if received.body_id.as_deref().is_some_and(|body| body != id) {
        return Err(Refusal::Recording(Outcome::new(Code::BodyInvalid).at("Consent.id")));
    }
    let same_person =
        subject_of(&received.patient, asked, world, trail).is_ok_and(|s| s.person == named.person);
    if !same_person {
        return Err(unknown());
    }
    if !version_matches(asked.if_match(), stored.version()) {
        return Err(Refusal::Recording(Outcome::new(Code::VersionConflict)));
    }
    let Reading::Readable(old) = &stored.reading else {
        return Err(Refusal::Recording(Outcome::new(Code::Conflict)));
    };
    match consent_wire::change(old, &received.record) {
        Kindof::Withdrawal | Kindof::SecondKey => {}
        Kindof::Nothing if old.given_at == received.record.given_at => {}
        // Given anew, it would undo what was said since.
        Kindof::Nothing => {
            return Err(Refusal::Recording(
                Outcome::new(Code::ConsentRefused).because(NEW_RECORD).at("Consent.dateTime"),
            ));
        }
        Kindof::Revival | Kindof::OtherContent => {
            return Err(Refusal::Recording(
                Outcome::new(Code::ConsentRefused).because(NEW_RECORD).at("Consent"),
            ));
        }
    }
    let bearer = subject.state.bearing(&received.identifiers, &stored.recorder);
    if bearer.is_some_and(|other| other.id() != stored.id()) {
        return Err(Refusal::Recording(consent_wire::taken().outcome()));
    }
    evidence_is_own(&received, asked, &subject, world)?;
    givers_are_own(&received, &old.givers, asked, &subject)?;
    // Who turns a second key, or withdraws, does not become the recorder: whose data an unnamed holder means, and who sees
    // it, stay as they were.
    let record = ConsentRecord { recorded_by: old.recorded_by.clone(), ..received.record };
    let received = Received { record, ..received };
    store(asked, &subject, received, (200, &stored.recorder), world, trail).await
}

const NEW_RECORD: fhir_mappings::outcome::Reason = fhir_mappings::outcome::Reason {
    code: "new-record-needed",
    nl: "Een wijziging van inhoud is een nieuwe toestemming; met PUT kan alleen worden ingetrokken of een tweede sleutel worden toegevoegd.",
    en: "Other content is a new consent; PUT only withdraws or adds a second key.",
};

fn read(asked: &Authorised, id: &str, version: u32, world: &World) -> Result<Received, Refusal> {
    let participant = asked.participant();
    let own =
        [Identifier::new(participant.identifier.system.as_str(), participant.identifier.value.as_str())];
    let trust = asked.trust();
    let takes_part = |identifier: &Identifier| {
        let identifier = crate::trust::Identifier {
            system: identifier.system.to_string(),
            value: identifier.value.to_string(),
        };
        trust.by_identifier(&identifier).is_some()
    };
    let recorder = if asked.session().asker().purpose == Purpose::OwnRequest {
        Recorder::Person
    } else {
        Recorder::Organisation(&own)
    };
    let context = Context {
        id,
        version,
        register: REGISTER,
        recorder,
        now: world.clock.now(),
        vocabulary: world.rules.vocabulary(),
        takes_part: &takes_part,
    };
    consent_wire::read(asked.body(), &context).map_err(|refusal| Refusal::Recording(refusal.outcome()))
}

/// Evidence that names another person's document is refused.
fn evidence_is_own(
    received: &Received,
    asked: &Authorised,
    subject: &Subject,
    world: &World,
) -> Result<(), Refusal> {
    let organisation = asked.participant().id.as_str();
    let foreign = received.evidence.iter().any(|reference| {
        let id = reference.rsplit('/').next().unwrap_or_default();
        world.outward.open(organisation, id).is_some_and(|named| named.person != subject.person)
    });
    if foreign {
        let outcome =
            Outcome::new(Why::OtherPersonsEvidence.code()).because(Why::OtherPersonsEvidence.reason());
        return Err(Refusal::Recording(outcome.at("Consent.sourceReference")));
    }
    Ok(())
}

/// Through their own app a person turns their own key and a representative theirs: nobody signs for somebody else.
fn givers_are_own(
    received: &Received,
    before: &[Giver],
    asked: &Authorised,
    subject: &Subject,
) -> Result<(), Refusal> {
    let asker = asked.session().asker();
    if asker.purpose != Purpose::OwnRequest {
        return Ok(());
    }
    let acting = acting_for(asker, &subject.state).map(|known| &known.recorded);
    let own = |giver: &Giver| match giver {
        Giver::Person => is_self(asker, &subject.state),
        Giver::Representative(representative) => acting.is_some_and(|known| {
            representative.person.as_ref() == Some(&known.person) && representative.kind == known.kind
        }),
    };
    if received.record.givers.iter().all(|giver| before.contains(giver) || own(giver)) {
        return Ok(());
    }
    let outcome = Outcome::new(Code::ConsentRefused).because(NOT_YOURS).at("Consent.performer");
    Err(Refusal::Recording(outcome))
}

const NOT_YOURS: fhir_mappings::outcome::Reason = fhir_mappings::outcome::Reason {
    code: "performer-is-somebody-else",
    nl: "Je kunt alleen zelf tekenen, niet voor een ander.",
    en: "You can sign for yourself only, not for somebody else.",
};

async fn store(
    asked: &Authorised,
    subject: &Subject,
    received: Received,
    (status, recorder): (u16, &str),
    world: &World,
    trail: &mut Trail,
) -> Done {
    let wire = String::from_utf8_lossy(asked.body()).into_owned();
    let Received { record, identifiers, .. } = received;
    let reading = Reading::Readable(record.clone());
    trail.entry.changes = vec![audit::Change {
        what: "Consent".into(),
        id: record.id.to_string(),
        version: Some(record.version.to_string()),
        sha256: None,
    }];
    trail.entry.consents =
        vec![audit::ConsentUsed { id: record.id.to_string(), version: record.version.to_string() }];
    let shown = show(asked, subject, &reading, &wire, world);
    let location = format!("{}Consent/{}", world.settings.base, shown.id);
    let answer = Minimised::authored(Kind::Consent, status, shown.bytes, Some(fence(asked, subject)))
        .at((status == 201).then_some(location), record.version)
        .noticed(for_review(&record));
    let fact = Fact::Consent { recorder: recorder.to_owned(), reading, wire, identifiers };
    record_change(answer, Change::about(subject.person, fact), world, trail).await
}

/// An objection that only somebody else gave is put before officers: whether it may stand is theirs to look at.
fn for_review(record: &ConsentRecord) -> Option<About> {
    let objects = record.provision.kind == consent::record::Kind::Deny && record.status == Status::Active;
    (objects && !record.givers.contains(&Giver::Person)).then_some(About::RepresentativeObjected)
}

/// The recorder of what a person chose without an organisation between.
pub(crate) const PERSON_RECORDED: &str = "person";

/// The policy under which a person chooses here.
pub(crate) const POLICY: &str = "https://sluis.example/fhir/policy/2026-11";

/// Who acts for the person sees what they gave themselves, and, with authority over a child under sixteen, what waits for
/// their key; never what speaks of things that a young person keeps apart.
fn may_sign(asked: &Authorised, subject: &Subject, stored: &StoredConsent, world: &World) -> Seen {
    let now = world.clock.now();
    let Some(known) = acting_for(asked.session().asker(), &subject.state).map(|known| &known.recorded) else {
        return Ok(false);
    };
    let Reading::Readable(record) = &stored.reading else { return Ok(false) };
    if !known.mandate.contains(now) {
        return Ok(false);
    }
    let gave = record
        .givers
        .iter()
        .any(|giver| matches!(giver, Giver::Representative(by) if by.person.as_ref() == Some(&known.person)));
    let parental = matches!(known.kind, Representation::Parent | Representation::Guardian);
    let child = age_at(subject.state.birth_date(), now).is_some_and(|age| age < 16);
    Ok(gave || (parental && child && !as_sent(stored, world)?.contains(YOUNG_PERSON_ONLY)))
}

type Seen = Result<bool, Refusal>;

fn as_sent(stored: &StoredConsent, world: &World) -> Result<String, Refusal> {
    world.store.as_sent(stored.record, stored.id()).map_err(|_| Refusal::ConsentUnavailable)
}

const YOUNG_PERSON_ONLY: &str = "young-person-only";

/// A consent is seen by its recorder, by the person, and by officers of the holders it names (CONTRACT.md 7).
fn sees(asked: &Authorised, subject: &Subject, stored: &StoredConsent, world: &World) -> Seen {
    let asker = asked.session().asker();
    if asker.purpose == Purpose::OwnRequest {
        return Ok(is_self(asker, &subject.state) || may_sign(asked, subject, stored, world)?);
    }
    let participant = asked.participant();
    if asker.purpose == Purpose::Compliance {
        // An officer guards a holder: what is chosen about that holder's data of this person.
        let holds = subject.state.holders.iter().any(|id| id == participant.id.as_str());
        let guarded = party(participant, &world.rules, world.clock.now());
        let named = consent::asked::may_concern(world.rules.vocabulary(), &stored.reading, &guarded);
        return Ok(stored.recorder == participant.id.as_str() || (holds && named));
    }
    Ok(stored.recorder == participant.id.as_str())
}

fn show(asked: &Authorised, subject: &Subject, reading: &Reading, wire: &str, world: &World) -> Visible {
    let ids = outward(asked, subject.person, world);
    let id = ids.outward(OURSELVES, "Consent", reading.id());
    let patient = ids.patient();
    let last_updated = world.clock.now().to_string();
    let envelope =
        Presented { id: &id, version: reading.version(), last_updated: &last_updated, patient: &patient };
    let bytes = consent_wire::present(wire.as_bytes(), envelope).unwrap_or_default();
    Visible { resource_type: "Consent", id, bytes, version: reading.version() }
}

/// Whether this asker may see a consent of this person, whatever data may be seen.
pub(crate) fn sees_any(asked: &Authorised, subject: &Subject, world: &World) -> Result<bool, Refusal> {
    for stored in &subject.state.consents {
        if sees(asked, subject, stored, world)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The consents that this asker may see.
pub(super) fn visible(asked: &Authorised, subject: &Subject, world: &World) -> Result<Vec<Visible>, Refusal> {
    let mut shown = Vec::new();
    for stored in &subject.state.consents {
        if sees(asked, subject, stored, world)? {
            let visible = show(asked, subject, &stored.reading, &as_sent(stored, world)?, world);
            shown.extend((!visible.bytes.is_empty()).then_some(visible));
        }
    }
    Ok(shown)
}

/// `If-Match`: absent, `*`, or the version as a weak or strong tag (RFC 9110 13.1.1).
pub(super) fn version_matches(header: Option<&str>, version: u32) -> bool {
    let Some(header) = header else { return true };
    header.split(',').map(str::trim).any(|tag| {
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"') == version.to_string()
    })
}
