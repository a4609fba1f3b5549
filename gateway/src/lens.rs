//! The journal as somebody may read it: the person about themselves, an officer within the own organisation.
//! Reading it is recorded like everything else.

use crate::refusal::{NoGrant, Refusal};
use crate::road::authorise::Authorised;
use crate::road::locate::{Located, locate};
use crate::road::record::record_disclosure;
use crate::road::{Minimised, Recorded};
use crate::store::leaf::Leaf;
use crate::trail::Trail;
use crate::trust::Purpose;
use crate::world::World;
use fhir_mappings::audit::{Entry, Kind, Place, render};
use fhir_mappings::bundle::{Found, Mode, Page, searchset};

/// Answers a search of the journal about one person.
///
/// # Errors
/// See [`Refusal`].
pub async fn read(
    asked: Authorised,
    world: &World,
    trail: &mut Trail,
) -> Result<Recorded<Minimised>, Refusal> {
    let located = locate(asked.again(), world, trail)?;
    let lens = lens(&located).ok_or(Refusal::NoGrant(NoGrant::OutsideGrant))?;
    let subject = located.subject().ok_or(Refusal::NoGrant(NoGrant::UnknownPerson))?;
    let indexes = world.store.timeline(subject.person).map_err(|_| Refusal::ConsentUnavailable)?;
    let events = indexes.iter().rev().filter_map(|index| event(*index, &lens, world));
    let events: Vec<(String, Vec<u8>)> = events.take(EVENTS_MAX).collect();
    if events.is_empty() && matches!(lens, Lens::Officer(_)) {
        return Err(Refusal::NoGrant(NoGrant::OutsideGrant));
    }
    let found: Vec<_> = events
        .iter()
        .map(|(id, bytes)| Found { resource_type: "AuditEvent", id, bytes, mode: Mode::Match })
        .collect();
    let page = Page {
        base: &world.settings.base,
        resource_type: "AuditEvent",
        parameters: &[],
        total: found.len(),
        next: None,
    };
    let answer = Minimised::authored(Kind::AuditRead, 200, searchset(page, &found), None);
    record_disclosure(answer, world, trail).await?.ok_or(Refusal::Contended)
}

/// Through whose eyes the journal is read.
enum Lens<'a> {
    Person,
    Officer(&'a str),
}

/// The person with PATRQT, an officer with HCOMPL.
fn lens(located: &Located) -> Option<Lens<'_>> {
    match located.asked().session().asker().purpose {
        Purpose::OwnRequest => located.subject().map(|_| Lens::Person),
        Purpose::Compliance => Some(Lens::Officer(located.asked().participant().id.as_str())),
        Purpose::Treatment | Purpose::Emergency | Purpose::Coordination | Purpose::Support => None,
    }
}

fn event(index: u64, lens: &Lens<'_>, world: &World) -> Option<(String, Vec<u8>)> {
    let leaf = Leaf::parse(&world.store.records().read(index).ok()?).ok()?;
    let mut entry = leaf.open(world.store.keys()).ok()?;
    if let Lens::Officer(organisation) = lens {
        narrow(&mut entry, organisation)?;
    }
    let time = leaf.time.to_string();
    let origin = &world.settings.origin;
    let bytes = render(&entry, Place { index, origin, time: &time, request_id: &leaf.request_id })?;
    Some((index.to_string(), bytes))
}

/// Own tenancy: what the own organisation asked, or what was asked of its data; of others' shares nothing stays.
fn narrow(entry: &mut Entry, organisation: &str) -> Option<()> {
    let asker = entry.organisation.as_ref().is_some_and(|o| o.id == organisation);
    if !asker {
        entry.shares.retain(|share| share.holder.id == organisation);
        if entry.shares.is_empty() {
            return None;
        }
        entry.consents.clear();
    }
    Some(())
}

/// More than a person's page shows; the portal pages by period.
const EVENTS_MAX: usize = 1_000;
