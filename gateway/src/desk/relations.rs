//! Relations, who acts for somebody, and what professionals attest.

use super::{
    Done, Refused, apply, as_sent, known_person, named_person, own_identifier, trust_identifier, view_down,
};
use crate::store::facts::Fact;
use crate::world::World;
#[cfg(feature = "sandbox")]
use consent::Identifier as ConsentIdentifier;
use fhir_mappings::audit::Kind;
use fhir_mappings::consent_wire::{self, PatientRef};
use fhir_mappings::identifiers::Identifier;
use fhir_mappings::{json, relation_wire};

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
