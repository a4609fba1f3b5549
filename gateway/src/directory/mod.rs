//! The directory over FHIR: who takes part, and how they are reached; beside them what a directory elsewhere says of others.
//! Nothing about patients; not recorded.

mod elsewhere;
mod memory;

pub use elsewhere::{Elsewhere, Source};
pub(crate) use memory::FOLDER;

use crate::road::authorise::{Ask, Authorised};
use crate::road::respond::{FHIR_JSON, Response, outcome, public};
use crate::trail::Trail;
use crate::trust::{self, Standing};
use crate::world::World;
use fhir_mappings::bundle::{Found, Mode, Page, searchset};
use fhir_mappings::directory::{self, Contact, Directory, Participant, Person, Region, Type};
use fhir_mappings::grammar::{DirectorySearch, Query, form_pairs};
use fhir_mappings::outcome::{Code, Outcome};
use std::sync::Arc;

/// Answers a search or read of the directory.
#[must_use]
pub fn answer(asked: &Authorised, world: &World, trail: &Trail) -> Response {
    let failed = |code| outcome(&Outcome::new(code), world, Some(trail));
    match asked.ask() {
        Ask::Directory(Query::DirectorySearch(search)) => match page(search, asked, world) {
            Some(bytes) => public(FHIR_JSON, bytes, world, Some(trail)),
            None => failed(Code::QueryNotSupported),
        },
        Ask::Directory(Query::DirectoryRead { resource, id }) => {
            let found = Type::parse(resource)
                .and_then(|kind| with_directory(asked, world, |all| directory::read(kind, id.as_str(), all)));
            match found {
                Some(rendered) => public(FHIR_JSON, rendered.bytes, world, Some(trail)),
                None => failed(Code::NotFound),
            }
        }
        Ask::Directory(_)
        | Ask::Disclosure(_)
        | Ask::Record(_)
        | Ask::Explain(_)
        | Ask::Index(_)
        | Ask::Journal(_) => failed(Code::NotFound),
    }
}

fn page(search: &DirectorySearch, asked: &Authorised, world: &World) -> Option<Vec<u8>> {
    let kind = Type::parse(search.resource)?;
    let pairs = form_pairs(&search.canonical())?;
    let parameters: Vec<_> =
        pairs.iter().filter(|(n, _)| n != "_count").map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let count = usize::from(search.count.unwrap_or(200));
    let all = with_directory(asked, world, |all| directory::search(kind, &parameters, all, count)).ok()?;
    let found: Vec<_> = all
        .first
        .iter()
        .map(|r| Found { resource_type: search.resource, id: &r.id, bytes: &r.bytes, mode: Mode::Match })
        .collect();
    let page = Page {
        base: &world.settings.base,
        resource_type: search.resource,
        parameters: &parameters,
        total: all.total,
        next: None,
    };
    Some(searchset(page, &found))
}

/// The address of its FHIR server; how we show there who we are is nobody's to read.
fn address(participant: &trust::Participant) -> Option<&str> {
    participant.endpoint.as_ref()?.get("url")?.as_str()
}

/// Shows the registry to the directory: participants in the order of their ids. People are not listed: who works
/// where is for the participant to say.
fn with_directory<T>(asked: &Authorised, world: &World, read: impl FnOnce(Directory<'_>) -> T) -> T {
    let now = world.clock.now();
    let mut all: Vec<Arc<trust::Participant>> = asked.trust().participants().cloned().collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    let codes: Vec<(Vec<&str>, Vec<&str>, Vec<Contact<'_>>)> = all
        .iter()
        .map(|p| {
            let categories = p.categories.iter().map(trust::CategoryCode::as_str).collect();
            let contact = p.contact.iter().map(|c| Contact { system: c.system.as_str(), value: &c.value });
            (categories, p.functions_at(now).map(|f| f.code.as_str()).collect(), contact.collect())
        })
        .collect();
    let nobody: &[Person<'_>] = &[];
    let shown: Vec<Participant<'_>> = all
        .iter()
        .zip(&codes)
        .map(|(p, (categories, functions, contacts))| Participant {
            id: p.id.as_str(),
            name: &p.name,
            active: p.standing_at(now) == Standing::Good,
            identifier: (&p.identifier.system, &p.identifier.value),
            categories,
            functions,
            contacts,
            place: None,
            hours: &p.hours,
            endpoint: address(p),
            people: nobody,
            checked: p.checked.as_deref(),
        })
        .collect();
    let region = Region { id: "region", name: &world.settings.custodian };
    let outside = world.outside.as_ref().map_or_else(Arc::default, Elsewhere::shown);
    read(Directory { region, participants: &shown, outside: &outside })
}
