//! The directory over FHIR: who takes part, and how they are reached. Nothing about patients; not recorded.

use crate::road::authorise::{Ask, Authorised};
use crate::road::respond::{FHIR_JSON, Response, outcome, public};
use crate::trail::Trail;
use crate::trust::{self, Standing};
use crate::world::World;
use fhir_mappings::bundle::{Found, Mode, Page, searchset};
use fhir_mappings::directory::{self, Participant, Person, Region, Rendered, Type};
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
            let found = type_of(resource).and_then(|kind| {
                with_participants(asked, world, |region, all| directory::read(kind, id.as_str(), region, all))
            });
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
    let kind = type_of(search.resource)?;
    let pairs = form_pairs(&search.canonical())?;
    let parameters: Vec<_> =
        pairs.iter().filter(|(n, _)| n != "_count").map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let all: Vec<Rendered> =
        with_participants(asked, world, |region, all| directory::search(kind, &parameters, region, all))
            .ok()?;
    let count = usize::from(search.count.unwrap_or(200));
    let found: Vec<_> = all
        .iter()
        .take(count)
        .map(|r| Found { resource_type: search.resource, id: &r.id, bytes: &r.bytes, mode: Mode::Match })
        .collect();
    let page = Page {
        base: &world.settings.base,
        resource_type: search.resource,
        parameters: &parameters,
        total: all.len(),
        next: None,
    };
    Some(searchset(page, &found))
}

fn type_of(resource: &str) -> Option<Type> {
    Some(match resource {
        "Organization" => Type::Organization,
        "HealthcareService" => Type::HealthcareService,
        "Location" => Type::Location,
        "Endpoint" => Type::Endpoint,
        "PractitionerRole" => Type::PractitionerRole,
        "OrganizationAffiliation" => Type::OrganizationAffiliation,
        _ => return None,
    })
}

/// Shows the registry to the directory: participants in the order of their ids. People are not listed: who works
/// where is for the participant to say.
fn with_participants<T>(
    asked: &Authorised,
    world: &World,
    read: impl FnOnce(Region<'_>, &[Participant<'_>]) -> T,
) -> T {
    let now = world.clock.now();
    let mut all: Vec<Arc<trust::Participant>> = asked.trust().participants().cloned().collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    let codes: Vec<(Vec<&str>, Vec<&str>)> = all
        .iter()
        .map(|p| {
            let categories = p.categories.iter().map(trust::CategoryCode::as_str).collect();
            (categories, p.functions_at(now).map(|f| f.code.as_str()).collect())
        })
        .collect();
    let nobody: &[Person<'_>] = &[];
    let shown: Vec<Participant<'_>> = all
        .iter()
        .zip(&codes)
        .map(|(p, (categories, functions))| Participant {
            id: p.id.as_str(),
            name: &p.name,
            active: p.standing_at(now) == Standing::Good,
            identifier: (&p.identifier.system, &p.identifier.value),
            categories,
            functions,
            contacts: &[],
            place: None,
            opening_hours: None,
            endpoint: None,
            people: nobody,
            checked: None,
        })
        .collect();
    read(Region { id: "region", name: &world.settings.custodian }, &shown)
}
