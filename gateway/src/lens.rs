//! The journal as somebody may read it: the person about themselves, an officer within the own organisation.
//! Reading it is recorded like everything else. A record that cannot be read ends the reading: nobody is shown less in
//! silence.

mod reduce;

pub(crate) use reduce::NOT_SHOWN;

use crate::refusal::{NoGrant, Refusal};
use crate::road::authenticate::TAGGED;
use crate::road::authorise::{Ask, Authorised};
use crate::road::decide::classes_reached;
use crate::road::locate::{Located, is_self, locate};
use crate::road::minimise::{KEPT_APART, page};
use crate::road::record::record_disclosure;
use crate::road::{Minimised, Recorded};
use crate::store::keys::Keys;
use crate::store::leaf::{Leaf, LeafError};
use crate::store::outward::{Named, PERSON};
use crate::store::state::PersonState;
use crate::trail::Trail;
use crate::trust::Purpose;
use crate::trust::participant::Holder;
use crate::world::World;
use fhir_mappings::audit::{Entry, Kind, Place, Side, render_for};
use fhir_mappings::bundle::{Found, Mode, Page, searchset};
use fhir_mappings::grammar::Query;
use reduce::{displace, narrow, represent};
use serde_json::json;
use sluis_journal::Records;

/// Answers a search of the journal about one person, newest first, a page at a time.
///
/// # Errors
/// See [`Refusal`].
pub async fn read(
    asked: Authorised,
    world: &World,
    trail: &mut Trail,
) -> Result<Recorded<Minimised>, Refusal> {
    let mut located = locate(asked.again(), world, trail)?;
    if matches!(asked.ask(), Ask::Journal(Query::PatientSearch { .. })) {
        let id = known_to_officer(&located, world)?;
        located.found();
        let bytes = json!({"resourceType": "Patient", "id": id}).to_string().into_bytes();
        let found = Found { resource_type: "Patient", id: &id, bytes: &bytes, mode: Mode::Match };
        let page = Page {
            base: &world.settings.base,
            resource_type: "Patient",
            parameters: &[],
            total: 1,
            next: None,
        };
        let answer = Minimised::authored(Kind::AuditRead, 200, searchset(page, &[found]), None);
        return record_disclosure(answer, world, trail).await?.ok_or(Refusal::Contended);
    }
    let lens = lens(&located, world).ok_or(Refusal::NoGrant(NoGrant::OutsideGrant))?;
    let subject = located.subject().ok_or(Refusal::NoGrant(NoGrant::UnknownPerson))?;
    let Ask::Journal(query @ Query::AuditSearch(search)) = asked.ask() else {
        return Err(Refusal::NoGrant(NoGrant::OutsideGrant));
    };
    let name =
        world.outward.seal(asked.participant().id.as_str(), Named { person: subject.person, tag: PERSON });
    let indexes = world.store.timeline(subject.person).map_err(|_| Refusal::ConsentUnavailable)?;
    // A page begins below the last record of the one before: what is recorded meanwhile shifts nothing.
    let before = asked.page_from();
    let count = usize::from(search.count.unwrap_or(page::COUNT));
    let (mut total, mut more, mut last) = (0, false, 0);
    let mut events: Vec<(String, Vec<u8>)> = Vec::new();
    let mut unreadable = None;
    for index in indexes.iter().rev() {
        let seen = match see(*index, &lens, &name, world) {
            Ok(Some(seen)) => seen,
            Ok(None) => continue,
            Err(e) => {
                unreadable = Some(e);
                continue;
            }
        };
        total += 1;
        let position = usize::try_from(*index).unwrap_or(usize::MAX);
        if before != 0 && position >= before {
            continue;
        }
        if events.len() == count {
            more = true;
        } else {
            events.extend(seen.render(*index, &world.settings.origin));
            last = position;
        }
    }
    // An officer to whom nothing of this person is shown learns nothing, also not that a record of theirs is damaged.
    if total == 0 && matches!(lens, Lens::Officer(_)) {
        return Err(Refusal::NoGrant(NoGrant::OutsideGrant));
    }
    if let Some(unreadable) = unreadable {
        return Err(unreadable.into());
    }
    let next = if more { page::link(query, asked.session(), last, world) } else { None };
    let found: Vec<_> = events
        .iter()
        .map(|(id, bytes)| Found { resource_type: "AuditEvent", id, bytes, mode: Mode::Match })
        .collect();
    let parameters = page::parameters(query);
    let parameters: Vec<_> = parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let page = Page {
        base: &world.settings.base,
        resource_type: "AuditEvent",
        parameters: &parameters,
        total,
        next: next.as_deref(),
    };
    let answer = Minimised::authored(Kind::AuditRead, 200, searchset(page, &found), None);
    record_disclosure(answer, world, trail).await?.ok_or(Refusal::Contended)
}

/// The bare pseudonym of a person about whom the officer's own organisation asked or was asked: who is unknown to it
/// stays unknown to its officer.
fn known_to_officer(located: &Located, world: &World) -> Result<String, Refusal> {
    let subject = located.subject().ok_or(Refusal::NoGrant(NoGrant::UnknownPerson))?;
    let organisation = located.asked().participant().id.as_str();
    let id = world.outward.seal(organisation, Named { person: subject.person, tag: PERSON });
    let indexes = world.store.timeline(subject.person).map_err(|_| Refusal::ConsentUnavailable)?;
    let lens = Lens::Officer(organisation);
    // What cannot be read makes nobody known: that would tell of persons whom the organisation never met.
    let known = indexes.iter().rev().any(|index| matches!(see(*index, &lens, &id, world), Ok(Some(_))));
    known.then_some(id).ok_or(Refusal::NoGrant(NoGrant::OutsideGrant))
}

/// Through whose eyes the journal is read.
pub(crate) enum Lens<'a> {
    /// The person's own.
    Person,
    /// Somebody who acts for the person.
    Representative {
        /// The codes of the classes that reach them.
        classes: Vec<String>,
        /// Whether they may learn where anything happens.
        whereabouts: Whereabouts,
    },
    /// Those of the officer of a participant.
    Officer(&'a str),
}

/// Whether it must stay hidden from others where a person lives and goes (REGION.md 1 rule 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// It need not.
    Open,
    /// It must, or it cannot be told.
    Protected,
}

/// Whether anything that is held about this person says that it must. What lies elsewhere is taken to.
pub(crate) fn whereabouts(state: &PersonState, world: &World) -> Whereabouts {
    let trust = world.store.trust();
    let here = |id: &String| {
        trust.participant(id).and_then(|p| p.holder.as_ref()).is_some_and(|h| *h == Holder::Hosted)
    };
    let open = state.secret_places.is_empty() && state.holders.iter().all(here);
    if open { Whereabouts::Open } else { Whereabouts::Protected }
}

/// Whether whoever asks acts for a person whose whereabouts must stay hidden: then no organisation is named.
pub(crate) fn hides_places(located: &Located, world: &World) -> bool {
    let asker = located.asked().session().asker();
    asker.purpose == Purpose::OwnRequest
        && located.subject().is_some_and(|subject| {
            !is_self(asker, &subject.state) && whereabouts(&subject.state, world) == Whereabouts::Protected
        })
}

/// The person with PATRQT, or who acts for them now; an officer with HCOMPL.
fn lens<'l>(located: &'l Located, world: &World) -> Option<Lens<'l>> {
    let asker = located.asked().session().asker();
    match asker.purpose {
        Purpose::OwnRequest => {
            let subject = located.subject()?;
            if is_self(asker, &subject.state) {
                return Some(Lens::Person);
            }
            let reached = classes_reached(located.asked(), subject, world);
            let vocabulary = world.rules.vocabulary();
            let codes: Vec<_> = reached.iter().map(|c| vocabulary.class_code(c).to_owned()).collect();
            let whereabouts = whereabouts(&subject.state, world);
            (!codes.is_empty()).then_some(Lens::Representative { classes: codes, whereabouts })
        }
        Purpose::Compliance => Some(Lens::Officer(located.asked().participant().id.as_str())),
        Purpose::Treatment | Purpose::Emergency | Purpose::Coordination | Purpose::Support => None,
    }
}

/// One record as a lens shows it.
pub(crate) struct Seen {
    pub(crate) leaf: Leaf,
    pub(crate) entry: Entry,
    side: Side,
}

/// A record that stands at this index and gives nothing back: damaged, or not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(crate) u64);

impl From<Unreadable> for Refusal {
    fn from(_: Unreadable) -> Self {
        Self::AuditUnavailable
    }
}

/// A record of the journal, whole; nothing once it was forgotten.
fn open(index: u64, records: &Records, keys: &Keys) -> Result<Option<(Leaf, Entry)>, Unreadable> {
    let unreadable = |why: &dyn std::fmt::Display| {
        tracing::error!(index, error = %why, "a record of the journal cannot be read");
        Unreadable(index)
    };
    let record = records.read(index).map_err(|e| unreadable(&e))?;
    let leaf = Leaf::parse(&record).map_err(|e| unreadable(&e))?;
    match leaf.open(keys) {
        Ok(entry) => Ok(Some((leaf, entry))),
        Err(LeafError::Forgotten) => Ok(None),
        Err(e) => Err(unreadable(&e)),
    }
}

/// What this lens shows of a record; nothing of one that is another's or was forgotten. `name` is the person's id for
/// the organisation that reads: the tag of the year would let two organisations join what they see.
pub(crate) fn see(
    index: u64,
    lens: &Lens<'_>,
    name: &str,
    world: &World,
) -> Result<Option<Seen>, Unreadable> {
    see_in(index, lens, name, world.store.records(), world.store.keys())
}

/// As [`see`], on any journal and the keys that go with it.
pub(crate) fn see_in(
    index: u64,
    lens: &Lens<'_>,
    name: &str,
    records: &Records,
    keys: &Keys,
) -> Result<Option<Seen>, Unreadable> {
    let opened = open(index, records, keys)?;
    Ok(opened.and_then(|(leaf, entry)| through(lens, name, leaf, entry)))
}

fn through(lens: &Lens<'_>, name: &str, leaf: Leaf, mut entry: Entry) -> Option<Seen> {
    let side = match lens {
        Lens::Officer(organisation) => narrow(&mut entry, organisation)?,
        Lens::Representative { classes, whereabouts } => {
            let side = represent(&mut entry, classes)?;
            if *whereabouts == Whereabouts::Protected {
                displace(&mut entry);
            }
            side
        }
        Lens::Person => Side::Source,
    };
    entry.details.retain(|detail| !detail.name.starts_with(KEPT_APART));
    let own = format!("{TAGGED}{}", entry.subject.as_deref().unwrap_or_default());
    for person in entry.person.iter_mut().chain(&mut entry.responsible).filter(|p| p.id == own) {
        person.id = format!("{TAGGED}{name}");
    }
    // A record about nobody stays one.
    entry.subject = leaf.tag.is_some().then(|| name.to_owned());
    Some(Seen { leaf, entry, side })
}

impl Seen {
    pub(crate) fn render(&self, index: u64, origin: &str) -> Option<(String, Vec<u8>)> {
        let time = self.leaf.time.to_string();
        let place = Place { index, origin, time: &time, request_id: &self.leaf.request_id };
        let bytes = render_for(self.side, &self.entry, place)?;
        Some((format!("r{index}"), bytes))
    }
}
