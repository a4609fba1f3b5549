//! Relations and attestations: recorded by those who are part of them, seen by the same (CONTRACT.md 3).
//!
//! A relation opens doors, so its word must be somebody else's than the asker's: a referral is recorded by its
//! sender, and no relation counts for the organisation that recorded it (see `road/decide.rs`).

use super::{OURSELVES, Visible, fence, known_subject, may_record, outward, subject_of};
use crate::notice::About;
use crate::refusal::{NoGrant, Refusal};
use crate::road::authorise::Authorised;
use crate::road::decide::{has_grant, person_identifiers};
use crate::road::locate::{Subject, is_self};
use crate::road::record::record_change;
use crate::road::{Minimised, Recorded};
use crate::store::facts::{Change, Fact};
use crate::store::outward::PERSON;
use crate::store::state::StoredAttestation;
use crate::trail::Trail;
use crate::trust::Purpose;
use crate::world::World;
use consent::Identifier;
use consent::relation::{Attestation, AttestationKind, Relation, RelationKind};
use fhir_mappings::audit::{self, Kind};
use fhir_mappings::consent_wire::Refusal as WireRefusal;
use fhir_mappings::outcome::{Code, Outcome};
use fhir_mappings::relation_wire::{
    AttestationContext, Envelope, read_attestation, read_relation, write_attestation, write_relation,
};
use fhir_mappings::release::Ids;

type Done = Result<Option<Recorded<Minimised>>, Refusal>;

fn recording(refusal: &WireRefusal) -> Refusal {
    Refusal::Recording(refusal.outcome())
}

pub(super) async fn create(asked: &Authorised, resource: &str, world: &World, trail: &mut Trail) -> Done {
    let received = read_relation(resource, asked.body()).map_err(|e| recording(&e))?;
    // Before the person is looked for: what is wrong with the words alone says nothing about anybody.
    if !is_part(asked, &received.relation) {
        return Err(Refusal::Recording(Outcome::new(Code::ConsentRefused).because(NOT_PART).at(resource)));
    }
    let subject = subject_of(&received.patient, asked, world, trail)?;
    if !may_record(asked, &subject, world.clock.now()) && !has_grant(asked, &subject, world) {
        return Err(Refusal::NoGrant(NoGrant::Recorder));
    }
    let id = uuid::Uuid::new_v4().to_string();
    let new = New { id, version: 1, relation: received.relation };
    store(asked, &subject, new, 201, world, trail).await
}

pub(super) async fn update(
    asked: &Authorised,
    resource: &str,
    id: &str,
    world: &World,
    trail: &mut Trail,
) -> Done {
    let unknown = || Refusal::NoGrant(NoGrant::UnknownPerson);
    let received = read_relation(resource, asked.body()).map_err(|e| recording(&e))?;
    let named = world.outward.open(asked.participant().id.as_str(), id).filter(|n| n.tag != PERSON);
    let named = named.ok_or_else(unknown)?;
    let subject = known_subject(named.person, world, trail)?;
    let known = subject
        .state
        .relations
        .iter()
        .find(|r| world.outward.tag(OURSELVES, resource, &r.id) == named.tag)
        .filter(|r| r.recorder == asked.participant().id.as_str())
        .ok_or_else(unknown)?;
    if received.body_id.as_deref().is_some_and(|body| body != id) {
        return Err(Refusal::Recording(Outcome::new(Code::BodyInvalid).at(format!("{resource}.id"))));
    }
    if !super::consent::version_matches(asked.if_match(), known.version) {
        return Err(Refusal::Recording(Outcome::new(Code::VersionConflict)));
    }
    let same_person =
        subject_of(&received.patient, asked, world, trail).is_ok_and(|s| s.person == named.person);
    if !same_person {
        return Err(unknown());
    }
    if !is_part(asked, &received.relation) {
        return Err(Refusal::Recording(Outcome::new(Code::ConsentRefused).because(NOT_PART).at(resource)));
    }
    let next = New { id: known.id.clone(), version: known.version + 1, relation: received.relation };
    store(asked, &subject, next, 200, world, trail).await
}

/// A referral is its sender's to make; the other kinds are any member's.
fn is_part(asked: &Authorised, relation: &Relation) -> bool {
    let own = own(asked);
    match relation.kind {
        RelationKind::Referral => relation.sender.as_ref().is_some_and(|sender| *sender == own),
        RelationKind::CareTeam | RelationKind::Plan | RelationKind::Episode | RelationKind::Encounter => {
            relation.has_party(std::slice::from_ref(&own))
        }
    }
}

fn own(asked: &Authorised) -> Identifier {
    let identifier = &asked.participant().identifier;
    Identifier::new(identifier.system.as_str(), identifier.value.as_str())
}

const NOT_PART: fhir_mappings::outcome::Reason = fhir_mappings::outcome::Reason {
    code: "not-part-of-relation",
    nl: "Alleen wie deel is van een relatie legt die vast; een verwijzing alleen haar verwijzer.",
    en: "Only who is part of a relation records it; a referral only its requester.",
};

/// A relation as it will stand.
struct New {
    id: String,
    version: u32,
    relation: Relation,
}

async fn store(
    asked: &Authorised,
    subject: &Subject,
    new: New,
    status: u16,
    world: &World,
    trail: &mut Trail,
) -> Done {
    let resource = resource_of(new.relation.kind);
    trail.entry.changes = vec![audit::Change {
        what: resource.into(),
        id: new.id.clone(),
        version: Some(new.version.to_string()),
        sha256: None,
    }];
    let shown = show(asked, subject, (&new.id, new.version), &new.relation, world);
    let location = format!("{}{resource}/{}", world.settings.base, shown.id);
    let answer = Minimised::authored(Kind::Relation, status, shown.bytes, Some(fence(asked, subject)))
        .at((status == 201).then_some(location), new.version);
    let New { id, version, relation } = new;
    let relation = Relation { recorded_by: Some(own(asked)), ..relation };
    let (recorder, wire) = (asked.participant().id.as_str().to_owned(), sent(asked));
    let fact = Fact::Relation { id, version, recorder, relation, wire };
    record_change(answer, Change::about(subject.person, fact), world, trail).await
}

pub(super) async fn attest(asked: &Authorised, world: &World, trail: &mut Trail) -> Done {
    let asker = asked.session().asker();
    let (organisation, person) = ([own(asked)], person_identifiers(&asker.person));
    let context = AttestationContext {
        organisation: &organisation,
        person: &person,
        function: asker.function.as_ref().map(|f| f.as_str()),
        now: world.clock.now(),
        vocabulary: world.rules.vocabulary(),
    };
    let received = read_attestation(asked.body(), &context).map_err(|e| recording(&e))?;
    let subject = subject_of(&received.patient, asked, world, trail)?;
    if !may_attest(asked, &received.attestation, &subject, world) {
        return Err(Refusal::NoGrant(NoGrant::Recorder));
    }
    let id = uuid::Uuid::new_v4().to_string();
    trail.entry.changes =
        vec![audit::Change { what: "Basic".into(), id: id.clone(), version: Some("1".into()), sha256: None }];
    let shown =
        show_attestation(asked, &subject, &id, &received.attestation, received.text.as_deref(), world);
    let location = format!("{}Basic/{}", world.settings.base, shown.id);
    let answer = Minimised::authored(Kind::Attestation, 201, shown.bytes, Some(fence(asked, &subject)))
        .at(Some(location), 1)
        .noticed(Some(About::Attested));
    let (recorder, wire) = (asked.participant().id.as_str().to_owned(), sent(asked));
    let fact = Fact::Attestation { id, recorder, attestation: received.attestation, wire };
    record_change(answer, Change::about(subject.person, fact), world, trail).await
}

/// Which functions may state what (DOMAIN.md 2.6 items 2, 3, 5 and 6). A yes spoken at the desk is said where nothing
/// is held yet; the others are for who treats or helps the person.
fn may_attest(asked: &Authorised, attestation: &Attestation, subject: &Subject, world: &World) -> bool {
    let function = asked.session().asker().function.as_ref().map(|f| f.as_str()).unwrap_or_default();
    let registered: &[&str] = match attestation.kind {
        AttestationKind::Spoken => &["gp-out-of-hours"],
        AttestationKind::ConsideredWish | AttestationKind::SeriousHarm | AttestationKind::Incapacity => {
            &["gp-own", "gp-out-of-hours", "ggz-treatment", "ggz-crisis", "youth-ggz"]
        }
        AttestationKind::ExtendedHelp => &["youth-individual"],
    };
    if !registered.contains(&function) {
        return false;
    }
    // A yes that opens nothing is taken down of nobody: whether it is taken would say who has data here.
    if attestation.kind == AttestationKind::Spoken {
        let mut with = subject.clone();
        with.state.attestations.push(StoredAttestation {
            id: String::new(),
            recorder: asked.participant().id.as_str().to_owned(),
            attestation: attestation.clone(),
            record: 0,
        });
        return has_grant(asked, &with, world);
    }
    may_record(asked, subject, world.clock.now()) || has_grant(asked, subject, world)
}

/// The relations and attestations that this asker is part of, or that are about the asker.
pub(super) fn visible(asked: &Authorised, subject: &Subject, world: &World) -> Vec<Visible> {
    let asker = asked.session().asker();
    let own_request = asker.purpose == Purpose::OwnRequest && is_self(asker, &subject.state);
    let own = own(asked);
    let relations = subject.state.relations.iter();
    let mine = relations.filter(|r| own_request || r.relation.has_party(std::slice::from_ref(&own)));
    let mut seen: Vec<Visible> =
        mine.map(|r| show(asked, subject, (&r.id, r.version), &r.relation, world)).collect();
    let attestations = subject.state.attestations.iter();
    let mine = attestations.filter(|a| own_request || a.recorder == asked.participant().id.as_str());
    seen.extend(mine.map(|a| show_attestation(asked, subject, &a.id, &a.attestation, None, world)));
    seen
}

fn show(
    asked: &Authorised,
    subject: &Subject,
    (id, version): (&str, u32),
    relation: &Relation,
    world: &World,
) -> Visible {
    let resource_type = resource_of(relation.kind);
    let ids = outward(asked, subject.person, world);
    let id = ids.outward(OURSELVES, resource_type, id);
    let patient = ids.patient();
    let envelope = Envelope { id: &id, version, patient: &patient };
    let bytes = write_relation(relation, envelope);
    Visible { resource_type, id, bytes, version }
}

fn sent(asked: &Authorised) -> String {
    String::from_utf8_lossy(asked.body()).into_owned()
}

fn show_attestation(
    asked: &Authorised,
    subject: &Subject,
    id: &str,
    attestation: &Attestation,
    text: Option<&str>,
    world: &World,
) -> Visible {
    let ids = outward(asked, subject.person, world);
    let id = ids.outward(OURSELVES, "Basic", id);
    let patient = ids.patient();
    let envelope = Envelope { id: &id, version: 1, patient: &patient };
    let bytes = write_attestation(attestation, text, envelope);
    Visible { resource_type: "Basic", id, bytes, version: 1 }
}

fn resource_of(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Referral => "ServiceRequest",
        RelationKind::CareTeam => "CareTeam",
        RelationKind::Plan => "CarePlan",
        RelationKind::Episode => "EpisodeOfCare",
        RelationKind::Encounter => "Encounter",
    }
}
