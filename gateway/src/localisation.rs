//! The index of who holds what of whom, for holders with a server of their own (NVI; DOMAIN.md 1.5). Data lying here
//! needs no entry.
//!
//! An entry says holder and data classes, no dates and no content; the person is known by pseudonym. Without one a
//! holder is not asked: nobody's number is sent around to find out who knows it.

use crate::answer::answer_tries;
use crate::changes::OURSELVES;
use crate::desk::{self, Refused, draft, person_for, view_down};
use crate::lens::hides_places;
use crate::refusal::{NoGrant, Refusal};
use crate::road::authorise::{Ask, Authorised};
use crate::road::decide::{Granted, decide};
use crate::road::fetch::fetch_here;
use crate::road::locate::locate;
use crate::road::minimise::{OutwardFor, holdings};
use crate::road::record::record_disclosure;
use crate::road::{Minimised, Recorded};
use crate::store::Fence;
use crate::store::facts::{Change, Fact, pair};
use crate::store::state::Registration;
use crate::trail::{Trail, organisation};
use crate::trust::Participant;
use crate::trust::participant::Holder;
use crate::world::World;
use consent::ClassSet;
use fhir_mappings::audit::{self, Action, Detail, Kind};
use fhir_mappings::grammar::{Query, Token};
use fhir_mappings::identifiers::Identifier;
use fhir_mappings::index_wire;
use fhir_mappings::release::Ids;
use serde_json::json;
use std::sync::Arc;

type Done<T> = Result<T, Refused>;

/// What is entered.
pub struct Entry<'e> {
    /// The holder's id.
    pub holder: &'e str,
    /// The person's birth date, as the holder knows it.
    pub birth_date: Option<&'e str>,
    /// Data classes; all that can be switched when there is none.
    pub classes: &'e [String],
}

/// Enters that a holder has data of a person; the id of the entry. The same again is the same entry.
///
/// # Errors
/// See [`Refused`].
pub fn register(world: &World, person: &Identifier, entry: &Entry<'_>) -> Done<String> {
    let holder = remote_holder(world, entry.holder)?;
    let vocabulary = world.rules.vocabulary();
    let all =
        || vocabulary.all_classes().iter().map(|class| vocabulary.class_code(class).to_owned()).collect();
    let classes: Vec<String> = if entry.classes.is_empty() { all() } else { entry.classes.to_vec() };
    if let Some(unknown) = classes.iter().find(|code| vocabulary.class(code).is_none()) {
        return Err(Refused::new("usage", format!("{unknown} is no data class")));
    }
    let born = entry.birth_date.map(str::parse::<jiff::civil::Date>).transpose();
    let born = born.map_err(|_| Refused::new("usage", "a birth date is YYYY-MM-DD"))?;
    let number = person_for(world, std::slice::from_ref(person))?;
    let state = world.store.person(number).map_err(|_| view_down())?;
    let made = state.entry(entry.holder, classes);
    let id = made.id.clone();
    if state.registrations.contains(&made) {
        return Ok(id);
    }
    let mut change = Change { person: Some(number), ..Change::default() };
    change.facts.push(Fact::Identity {
        identifiers: vec![pair(person)],
        birth_date: born.map(|date| (entry.holder.to_owned(), date.to_string())),
    });
    change.facts.push(made.into());
    let fence = Fence { person: Some((number, state.version)), trust: world.store.trust().epoch() };
    record(world, change, &holder, &id, Action::Create, fence)?;
    Ok(id)
}

/// Withdraws an entry.
///
/// # Errors
/// See [`Refused`].
pub fn withdraw(world: &World, person: &Identifier, id: &str) -> Done<()> {
    let number = desk::known_person(world, person)?;
    let state = world.store.person(number).map_err(|_| view_down())?;
    let found = state.registrations.iter().find(|entry| entry.id == id);
    let found = found.ok_or_else(|| Refused::new("unknown-entry", "there is no such entry in the index"))?;
    let trust = world.store.trust();
    let holder = trust.participant(&found.holder).cloned();
    let holder = holder.ok_or_else(|| Refused::new("unknown-participant", "there is no such participant"))?;
    let fence = Fence { person: Some((number, state.version)), trust: trust.epoch() };
    let change = Change::about(number, Fact::RegistrationEnded { id: id.to_owned() });
    record(world, change, &holder, id, Action::Delete, fence)
}

/// The entries of a person.
///
/// # Errors
/// See [`Refused`].
pub fn entries(world: &World, person: &Identifier) -> Done<Vec<Registration>> {
    let number = desk::known_person(world, person)?;
    Ok(world.store.person(number).map_err(|_| view_down())?.registrations)
}

fn record(
    world: &World,
    change: Change,
    holder: &Participant,
    id: &str,
    action: Action,
    fence: Fence,
) -> Done<()> {
    let mut draft = draft(Kind::Import, action, world, change.person);
    draft.entry.organisation = Some(organisation(holder));
    draft.entry.changes = vec![changed(id)];
    draft.entry.details.push(Detail { name: "holder".into(), value: holder.id.as_str().to_owned() });
    world.store.change_blocking(draft, change, Some(fence), None)?;
    Ok(())
}

/// An entry as records name it.
pub(crate) fn changed(id: &str) -> audit::Change {
    audit::Change { what: "index".into(), id: id.to_owned(), version: None, sha256: None }
}

fn remote_holder(world: &World, id: &str) -> Done<Arc<Participant>> {
    let trust = world.store.trust();
    let participant = trust.participant(id).cloned();
    let participant =
        participant.ok_or_else(|| Refused::new("unknown-participant", "there is no such participant"))?;
    if participant.holder == Some(Holder::Remote) {
        Ok(participant)
    } else {
        let why = "this participant has no server of its own: `sluis participant endpoint set` makes it a remote holder";
        Err(Refused::new("no-remote-holder", why))
    }
}

/// Who holds what of one person, as far as this asker may know: that somebody is a client of a GGZ holder is itself
/// mental health data, so an entry shows exactly where a decision permits its class.
///
/// # Errors
/// See [`Refusal`]; no grant at all is the one outward answer.
pub async fn search(
    mut asked: Authorised,
    world: &World,
    trail: &mut Trail,
) -> Result<Recorded<Minimised>, Refusal> {
    let outside = || Refusal::NoGrant(NoGrant::OutsideGrant);
    let Ask::Index(Query::IndexSearch { code, .. }) = asked.ask().clone() else { return Err(outside()) };
    for _ in 0..answer_tries() {
        let granted = decide(locate(asked.again(), world, trail)?, world, trail)?;
        let fetched = fetch_here(granted, world).await?;
        let granted = fetched.granted();
        let wanted = match &code {
            None => world.tables.all_classes(),
            Some(Token::Code(code) | Token::Bare(code)) => classes(None, code, world),
            Some(Token::In(system, code)) => classes(Some(system), code, world),
            Some(Token::System(_)) => ClassSet::EMPTY,
        };
        let ids = OutwardFor::new(world, &asked, granted.person());
        let pseudonym = ids.patient();
        let mut found = Vec::new();
        // An entry names its holder: where somebody goes.
        let named = !hides_places(&granted.located, world);
        for (holder, classes) in holdings(&fetched, world, trail)?.into_iter().filter(|_| named) {
            for (key, classes) in lists(granted, &holder, classes, wanted, world) {
                let id = ids.outward(OURSELVES, "List", &key);
                let list = shown(&id, &holder, &pseudonym, &codes(classes, world));
                let url = format!("{}List/{id}", world.settings.base);
                found.push(json!({"fullUrl": url, "resource": list, "search": {"mode": "match"}}));
            }
        }
        let body =
            json!({"resourceType": "Bundle", "type": "searchset", "total": found.len(), "entry": &found});
        let answer =
            Minimised::authored(Kind::Answered, 200, body.to_string().into_bytes(), Some(granted.fence()))
                .found(found.len());
        if let Some(recorded) = record_disclosure(answer, world, trail).await? {
            return Ok(recorded);
        }
        asked = asked.anew(world)?;
    }
    Err(Refusal::Contended)
}

/// The entries of one holder, each with what this asker may know of it: one of a holder elsewhere is shown whole that far
/// where any of it is wanted; of what lies here each class stands alone, as nobody entered it.
fn lists(
    granted: &Granted,
    holder: &Participant,
    seen: ClassSet,
    wanted: ClassSet,
    world: &World,
) -> Vec<(String, ClassSet)> {
    if holder.holder != Some(Holder::Remote) {
        let alone = |class| {
            (format!("{}/{}", holder.id, world.rules.vocabulary().class_code(class)), ClassSet::only(class))
        };
        return seen.intersection(wanted).iter().map(alone).collect();
    }
    let entries = granted.entries_of(holder);
    let seen =
        entries.map(|entry| (entry.id.clone(), entry.classes(world.rules.vocabulary()).intersection(seen)));
    seen.filter(|(_, classes)| !classes.intersection(wanted).is_empty()).collect()
}

fn codes(classes: ClassSet, world: &World) -> Vec<&str> {
    classes.iter().map(|class| world.rules.vocabulary().class_code(class)).collect()
}

fn classes(system: Option<&str>, code: &str, world: &World) -> ClassSet {
    index_wire::classes_of(system, code, &world.tables).unwrap_or_default()
}

/// An entry as an asker sees it.
pub(crate) fn shown(id: &str, holder: &Participant, pseudonym: &str, classes: &[&str]) -> serde_json::Value {
    let custodian = (holder.identifier.system.as_str(), holder.identifier.value.as_str());
    index_wire::write(&index_wire::Shown { id, custodian, source: holder.id.as_str(), pseudonym, classes })
}
