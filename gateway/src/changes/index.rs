//! A holder with a server of its own enters what it has of whom, and withdraws it: `POST` and `DELETE /fhir/List`
//! (NVI; DOMAIN.md 1.5).

use super::{OURSELVES, fence, known_subject, outward};
use crate::localisation;
use crate::refusal::{NoGrant, Refusal};
use crate::road::authorise::Authorised;
use crate::road::locate::Subject;
use crate::road::record::record_change;
use crate::road::{Minimised, Recorded};
use crate::store::facts::{Change, Fact, pair};
use crate::store::outward::{Named, PERSON};
use crate::trail::Trail;
use crate::trust::participant::Holder;
use crate::world::World;
use fhir_mappings::audit::Kind;
use fhir_mappings::identifiers::{Bsn, Identifier, KnownSystem};
use fhir_mappings::index_wire::{self, PSEUDONYM_SYSTEM};
use fhir_mappings::outcome::{Code, Outcome, Reason};
use fhir_mappings::release::Ids;

type Done = Result<Option<Recorded<Minimised>>, Refusal>;

/// Enters. The same again is the same entry: its address comes back.
pub(super) async fn create(asked: &Authorised, world: &World, trail: &mut Trail) -> Done {
    let received = index_wire::read(asked.body(), &world.tables).map_err(Refusal::Recording)?;
    let participant = asked.participant();
    if participant.holder != Some(Holder::Remote) {
        return Err(Refusal::NoGrant(NoGrant::Recorder));
    }
    let (system, value) = (participant.identifier.system.as_str(), participant.identifier.value.as_str());
    if (received.custodian.0.as_str(), received.custodian.1.as_str()) != (system, value) {
        let outcome = Outcome::new(Code::ConsentRefused).because(NOT_YOURS).at("List.extension");
        return Err(Refusal::Recording(outcome));
    }
    let (system, value) = (received.subject.0.as_str(), received.subject.1.as_str());
    let unclear = || Refusal::Recording(Outcome::new(Code::BodyInvalid).at("List.subject.identifier"));
    let unavailable = |_| Refusal::ConsentUnavailable;
    let mut change = Change::default();
    let person = if system == PSEUDONYM_SYSTEM {
        let named = world.outward.open(participant.id.as_str(), value);
        named.filter(|named| named.tag == PERSON).map(|named| named.person).ok_or_else(unclear)?
    } else {
        // A BSN that can be one: any other text would make a person of whatever somebody writes.
        let is_bsn = KnownSystem::of(system) == Some(KnownSystem::Bsn) && Bsn::parse(value).is_some();
        let identifier = Identifier::new(system, value).filter(|_| is_bsn).ok_or_else(unclear)?;
        change.facts.push(Fact::Identity { identifiers: vec![pair(&identifier)], birth_date: None });
        let known = world.store.find_person(&identifier).map_err(unavailable)?;
        known.unwrap_or_else(|| world.store.new_person())
    };
    let state = world.store.person(person).map_err(unavailable)?;
    trail.person = Some(person);
    let vocabulary = world.rules.vocabulary();
    let classes = received.classes.iter().map(|class| vocabulary.class_code(class).to_owned());
    let entry = state.entry(participant.id.as_str(), classes.collect());
    let subject = Subject { person, state };
    let ids = outward(asked, person, world);
    let id = ids.outward(OURSELVES, "List", &entry.id);
    let codes: Vec<&str> = entry.classes.iter().map(String::as_str).collect();
    let shown = localisation::shown(&id, participant, &ids.patient(), &codes);
    let location = format!("{}List/{id}", world.settings.base);
    let answer =
        Minimised::authored(Kind::Import, 201, shown.to_string().into_bytes(), Some(fence(asked, &subject)))
            .at(Some(location), 1);
    trail.entry.changes = vec![localisation::changed(&entry.id)];
    change.person = Some(person);
    change.facts.push(entry.into());
    record_change(answer, change, world, trail).await
}

/// Withdraws an entry of one's own; from the next question on this holder is not asked for it.
pub(super) async fn delete(asked: &Authorised, id: &str, world: &World, trail: &mut Trail) -> Done {
    let unknown = || Refusal::NoGrant(NoGrant::OutsideGrant);
    let participant = asked.participant();
    let named: Option<Named> = world.outward.open(participant.id.as_str(), id).filter(|n| n.tag != PERSON);
    let named = named.ok_or_else(unknown)?;
    let subject = known_subject(named.person, world, trail)?;
    let own = subject.state.registrations.iter().filter(|entry| entry.holder == participant.id.as_str());
    let mut own = own.filter(|entry| world.outward.tag(OURSELVES, "List", &entry.id) == named.tag);
    let entry = own.next().ok_or_else(unknown)?;
    trail.entry.changes = vec![localisation::changed(&entry.id)];
    let change = Change::about(subject.person, Fact::RegistrationEnded { id: entry.id.clone() });
    let answer = Minimised::authored(Kind::Import, 204, Vec::new(), Some(fence(asked, &subject)));
    record_change(answer, change, world, trail).await
}

const NOT_YOURS: Reason = Reason {
    code: "not-your-entry",
    nl: "Een houder schrijft alleen zichzelf in de index.",
    en: "A holder enters itself in the index, and nobody else.",
};
