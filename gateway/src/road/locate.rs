//! Stage 4: whose data is asked for, and who holds any.
//!
//! It never refuses an unknown person: that would answer sooner than an objection does. It hands a dummy on instead,
//! and stage 5 refuses both alike (DESIGN.md 8).

use super::authenticate::TAGGED;
use super::authorise::{Ask, Authorised};
use crate::limits::{FloodKind, LookUp, Source};
use crate::oauth::asker::{Asker, AskingPerson};
use crate::refusal::{NoGrant, Refusal};
use crate::store::keys::PersonNo;
use crate::store::leaf;
use crate::store::outward::{Named, PERSON};
use crate::store::state::{PersonState, StoredRepresentative};
use crate::trail::Trail;
use crate::trust::{Participant, Purpose};
use crate::world::World;
use fhir_mappings::audit;
use fhir_mappings::grammar::{LastN, PersonIdentifier, Query};
use fhir_mappings::identifiers::{Identifier, KnownSystem};
use fhir_mappings::index_wire::PSEUDONYM_SYSTEM;
use fhir_mappings::outcome::Code;
use std::sync::Arc;
use std::time::Instant;

/// A question with the person it is about.
pub struct Located {
    pub(super) asked: Authorised,
    pub(super) subject: Subject,
    /// The budget that a look-up by identifier spends unless it leads to somebody.
    pub(super) look_up: Option<LookUp>,
    /// Why nobody is meant although a decision will be made over a dummy.
    pub(super) nobody: Option<NoGrant>,
}

/// The person, with the state that everything is decided on.
#[derive(Clone)]
pub struct Subject {
    /// The number inside.
    pub(crate) person: PersonNo,
    /// The state as read once for this request.
    pub(crate) state: PersonState,
}

/// Finds the person and the state.
///
/// # Errors
/// [`Refusal::BirthDateNeeded`], [`Refusal::ConsentUnavailable`].
pub fn locate(asked: Authorised, world: &World, trail: &mut Trail) -> Result<Located, Refusal> {
    let look_up = look_up(&asked, world)?;
    let found = match asked.ask() {
        Ask::Disclosure(query)
        | Ask::Record(query)
        | Ask::Explain(query)
        | Ask::Index(query)
        | Ask::Journal(query) => find(query, &asked, world)?,
        Ask::Directory(_) => Found::nobody(NoGrant::UnknownPerson),
    };
    let known = match found.person {
        Some(person) => Some(Subject {
            person,
            state: world.store.person(person).map_err(|_| Refusal::ConsentUnavailable)?,
        }),
        None => None,
    };
    let mut nobody = found.nobody;
    let subject = match known {
        Some(subject) if !subject.state.identifiers.is_empty() => subject,
        _ => {
            nobody.get_or_insert(NoGrant::UnknownPerson);
            world.dummy_subject()
        }
    };
    if nobody.is_none() {
        nobody = unfit(&asked, found.birth_date, &subject.state);
    }
    // A person who is meant stands in the record also when the answer is no: they will see the try.
    if nobody != Some(NoGrant::UnknownPerson) {
        trail.person = Some(subject.person);
    }
    if let Some(acting) = acting_for(asked.session().asker(), &subject.state) {
        name_both(acting, subject.person, world, trail);
    }
    Ok(Located { asked, subject, look_up, nobody })
}

/// Each act of a representative shows both names: who acted, and for whom.
pub(crate) fn name_both(acting: &StoredRepresentative, subject: PersonNo, world: &World, trail: &mut Trail) {
    let tag = world.store.keys().person(subject, leaf::year(world.clock.now())).ok();
    let names = acting.names.clone();
    if let Some(person) = &mut trail.entry.person {
        person.id = format!("{REPRESENTING}{}", acting.recorded.person.value);
        person.assurance = audit::Assurance::Registered;
        person.name = names.as_ref().map(|names| names.acting.clone());
    }
    trail.entry.responsible = tag.map(|(tag, _)| audit::Person {
        id: format!("{TAGGED}{}", data_encoding::HEXLOWER.encode(&tag)),
        name: names.map(|names| names.acted_for),
        role: None,
        assurance: audit::Assurance::Registered,
    });
}

/// Enumerating numbers is stopped by a budget on look-ups that find nothing (LEAKS.md L11). Outsiders cannot tell
/// unknown from refused, and neither does the budget.
fn look_up(asked: &Authorised, world: &World) -> Result<Option<LookUp>, Refusal> {
    let by_identifier = matches!(
        asked.ask(),
        Ask::Disclosure(Query::PatientSearch { .. } | Query::SummaryByIdentifier { .. })
            | Ask::Journal(Query::PatientSearch { .. })
            | Ask::Index(Query::IndexSearch { .. })
    );
    if by_identifier { spend(asked, world).map(Some) } else { Ok(None) }
}

/// Spends one of the budget; say [`LookUp::found`] when it led to somebody.
///
/// # Errors
/// [`Refusal::RateLimited`].
pub(crate) fn spend(asked: &Authorised, world: &World) -> Result<LookUp, Refusal> {
    let certificate = asked.session().fingerprint();
    world.budgets.look_up(certificate, Instant::now()).map_err(|exceeded| {
        world.floods.count(Source::Certificate(certificate), FloodKind::TooManyLookUps);
        Refusal::RateLimited(exceeded.retry_after_seconds())
    })
}

/// What stands before the id of a representative in records.
pub(crate) const REPRESENTING: &str = "urn:sluis:representative#";

struct Found {
    person: Option<PersonNo>,
    birth_date: Option<jiff::civil::Date>,
    nobody: Option<NoGrant>,
}

impl Found {
    fn nobody(why: NoGrant) -> Self {
        Self { person: None, birth_date: None, nobody: Some(why) }
    }

    fn person(person: PersonNo) -> Self {
        Self { person: Some(person), birth_date: None, nobody: None }
    }
}

fn find(query: &Query, asked: &Authorised, world: &World) -> Result<Found, Refusal> {
    match query {
        Query::PatientSearch { identifier, birthdate } => {
            by_identifier(identifier, *birthdate, Code::QueryNotSupported, asked, world)
        }
        Query::SummaryByIdentifier { identifier, birthdate } => {
            by_identifier(identifier, *birthdate, Code::BodyInvalid, asked, world)
        }
        Query::IndexSearch { subject, .. } if subject.system() == PSEUDONYM_SYSTEM => {
            Ok(by_person_id(subject.value(), asked, world))
        }
        Query::IndexSearch { subject, .. } => {
            by_identifier(subject, None, Code::QueryNotSupported, asked, world)
        }
        Query::PatientRead { id } | Query::Summary { id } | Query::Explain { id, .. } => {
            Ok(by_person_id(id.as_str(), asked, world))
        }
        Query::Search(search)
        | Query::ConsentSearch(search)
        | Query::AttestationSearch(search)
        | Query::AuditSearch(search)
        | Query::LastN(LastN { search, .. }) => Ok(by_person_id(search.patient.as_str(), asked, world)),
        Query::Read { id, .. }
        | Query::ConsentRead { id }
        | Query::ConsentUpdate { id }
        | Query::RelationUpdate { id, .. }
        | Query::AttestationRead { id } => {
            let named = world.outward.open(asked.participant().id.as_str(), id.as_str());
            Ok(match named.filter(|named| named.tag != PERSON) {
                Some(named) => Found::person(named.person),
                None => Found::nobody(NoGrant::UnknownPerson),
            })
        }
        // Created resources name their person in the body; `changes` looks there.
        Query::ConsentCreate | Query::RelationCreate { .. } | Query::AttestationCreate => {
            Ok(Found::nobody(NoGrant::UnknownPerson))
        }
        Query::DirectorySearch(_)
        | Query::IndexCreate
        | Query::IndexDelete { .. }
        | Query::DirectoryRead { .. }
        | Query::Page { .. }
        | Query::Metadata
        | Query::SmartConfiguration
        | Query::AuthorizationServer
        | Query::Jwks
        | Query::OpenApi
        | Query::Token => Ok(Found::nobody(NoGrant::UnknownPerson)),
    }
}

fn by_person_id(id: &str, asked: &Authorised, world: &World) -> Found {
    match world.outward.open(asked.participant().id.as_str(), id) {
        Some(Named { person, tag: PERSON }) => Found::person(person),
        _ => Found::nobody(NoGrant::UnknownPerson),
    }
}

/// A mistyped BSN may still pass the eleven-test: outside care, the birth date must be given and fit (DOMAIN.md 2.6
/// item 8).
fn by_identifier(
    identifier: &PersonIdentifier,
    birth_date: Option<jiff::civil::Date>,
    missing: Code,
    asked: &Authorised,
    world: &World,
) -> Result<Found, Refusal> {
    let is_bsn = KnownSystem::of(identifier.system()) == Some(KnownSystem::Bsn);
    if is_bsn && birth_date.is_none() && !in_care(asked.participant()) {
        return Err(Refusal::BirthDateNeeded(missing));
    }
    let found = match Identifier::new(identifier.system(), identifier.value()) {
        Some(identifier) => world.store.find_person(&identifier).map_err(|_| Refusal::ConsentUnavailable)?,
        None => None,
    };
    Ok(match found {
        Some(person) => Found { birth_date, ..Found::person(person) },
        None => Found::nobody(NoGrant::UnknownPerson),
    })
}

fn in_care(participant: &Participant) -> bool {
    participant.categories.iter().any(|category| CARE.contains(&category.as_str()))
}

/// Categories that look people up by BSN alone (CONTRACT.md 3).
const CARE: [&str; 3] = ["gp", "ggz", "home-care"];

/// Whether the person found is not the one this session may mean.
fn unfit(asked: &Authorised, birth_date: Option<jiff::civil::Date>, state: &PersonState) -> Option<NoGrant> {
    if let Some(given) = birth_date {
        let given = given.to_string();
        if !state.birth_dates.iter().any(|(_, date)| *date == given) {
            return Some(NoGrant::BirthDate);
        }
    }
    let asker = asked.session().asker();
    if asker.purpose == Purpose::OwnRequest && !is_self(asker, state) && acting_for(asker, state).is_none() {
        return Some(NoGrant::Decided(consent::Reason::Purpose));
    }
    // A glass broken for one person opens nothing about another (LEAKS.md L99).
    let broken_for = |b: &crate::oauth::asker::BreakGlass| {
        Identifier::new(&b.patient_system, &b.patient_value)
            .is_some_and(|i| state.identifiers.iter().any(|(s, v)| s == i.system() && v == i.value()))
    };
    match &asker.break_glass {
        Some(broken) if !broken_for(broken) => Some(NoGrant::Decided(consent::Reason::Emergency)),
        _ => None,
    }
}

/// Whether the asking person is the person the data are about: PATRQT names them as `subject_id`.
pub(crate) fn is_self(asker: &Asker, state: &PersonState) -> bool {
    Identifier::new(&asker.person.system, &asker.person.id)
        .is_some_and(|own| state.identifiers.iter().any(|(s, v)| s == own.system() && v == own.value()))
}

/// The record by which the asking person acts for this one (custody, a court's decision, an authorisation). Whether
/// it is in force, and for what, the decision judges.
pub(crate) fn acting_for<'s>(asker: &Asker, state: &'s PersonState) -> Option<&'s StoredRepresentative> {
    if asker.purpose != Purpose::OwnRequest {
        return None;
    }
    let own = representative(&asker.person);
    state.representatives.iter().find(|known| known.recorded.person == own)
}

/// A person who asks by PATRQT, as mandates name them.
pub(crate) fn representative(person: &AskingPerson) -> consent::Identifier {
    consent::Identifier::new(REPRESENTATIVE_SYSTEM, person.id.as_str())
}

/// Naming system of representatives in consents and mandates.
pub(crate) const REPRESENTATIVE_SYSTEM: &str = "https://sluis.example/fhir/NamingSystem/representative";

impl Located {
    /// A look-up that led to somebody costs nothing.
    pub(crate) fn found(&mut self) {
        if let Some(look_up) = self.look_up.take() {
            look_up.found();
        }
    }

    /// A question about a person found otherwise than by the question itself.
    pub(crate) fn of(asked: Authorised, subject: &Subject) -> Self {
        Self { asked, subject: subject.clone(), look_up: None, nobody: None }
    }

    /// What was asked.
    pub(crate) fn asked(&self) -> &Authorised {
        &self.asked
    }

    /// The person, unless nobody is meant.
    pub(crate) fn subject(&self) -> Option<&Subject> {
        self.nobody.is_none().then_some(&self.subject)
    }

    /// The registered holders that have data of this person, in a stable order.
    pub(crate) fn holders(&self) -> Vec<Arc<Participant>> {
        let trust = self.asked.trust();
        self.subject.state.holders.iter().filter_map(|id| trust.participant(id).cloned()).collect()
    }
}
