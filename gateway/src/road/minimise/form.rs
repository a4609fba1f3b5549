//! The form of a disclosure: a document, a page of a search, or one resource.

use super::{OutwardFor, Passed, page};
use crate::changes::Visible;
use crate::lens::hides_places;
use crate::refusal::{NoGrant, Refusal};
use crate::trail::Trail;
use crate::world::World;
use fhir_mappings::bundle::{Found, Mode, Page, searchset};
use fhir_mappings::grammar::{Include, LastN, Query, Search, matches, newest_per_code, stable_order};
use fhir_mappings::json;
use fhir_mappings::release::Released;
use fhir_mappings::summary::{Frame, Gap, Item, compose, day_of};

/// One resource that may be shown.
#[derive(Clone, Copy)]
struct Shown<'p> {
    resource_type: &'p str,
    id: &'p str,
    bytes: &'p [u8],
    /// Records of our own have a version.
    version: Option<u32>,
    /// Position among what may leave; none for records of our own.
    released: Option<usize>,
}

/// An answer's body, with what stands in it.
pub(super) struct Rendered {
    pub(super) bytes: Vec<u8>,
    /// The version of the one record of our own that it shows.
    pub(super) version: Option<u32>,
    /// Positions in the release of what stands in the body. INVARIANT: the record says that these were given, no more.
    pub(super) leave: Vec<usize>,
    /// A search in which nothing stands.
    pub(super) empty: bool,
}

pub(super) fn render(passed: &Passed<'_>, world: &World, trail: &Trail) -> Result<Rendered, Refusal> {
    let outside = || Refusal::NoGrant(NoGrant::OutsideGrant);
    let query = passed.query().ok_or_else(outside)?;
    match query {
        Query::Summary { .. } | Query::SummaryByIdentifier { .. } => Ok(summary(passed, world, trail)),
        Query::PatientSearch { .. } => {
            let (patient, leave) = patient(passed, world);
            let page = Page {
                base: &world.settings.base,
                resource_type: "Patient",
                parameters: &[],
                total: 1,
                next: None,
            };
            let id = ids(passed, world).patient();
            let found = Found { resource_type: "Patient", id: &id, bytes: &patient, mode: Mode::Match };
            Ok(Rendered { bytes: searchset(page, &[found]), version: None, leave, empty: false })
        }
        Query::PatientRead { .. } => {
            let (bytes, leave) = patient(passed, world);
            Ok(Rendered { bytes, version: None, leave, empty: false })
        }
        Query::Search(search) => search_page(passed, search, None, world),
        Query::LastN(LastN { search, max }) => search_page(passed, search, Some(*max), world),
        Query::Read { resource, id } => {
            let ours = crate::changes::visible(&passed.granted.located, resource, world)?;
            let mut shown = shown(passed).chain(ours.iter().map(own));
            // An id keeps naming what it named when the keys of ids change.
            let id = world.outward.today(passed.asked().participant().id.as_str(), id.as_str());
            let found = shown.find(|s| s.resource_type == *resource && s.id == id);
            let whole = |s: Shown<'_>| Rendered {
                bytes: s.bytes.to_vec(),
                version: s.version,
                leave: s.released.into_iter().collect(),
                empty: false,
            };
            found.map(whole).ok_or_else(outside)
        }
        _ => Err(outside()),
    }
}

fn ids(passed: &Passed<'_>, world: &World) -> OutwardFor {
    OutwardFor::new(world, passed.asked(), passed.granted.located.subject.person)
}

fn shown<'p>(passed: &'p Passed<'_>) -> impl Iterator<Item = Shown<'p>> {
    passed.release.resources.iter().enumerate().map(|(at, released)| Shown {
        resource_type: &released.resource_type,
        id: &released.id,
        bytes: &released.bytes,
        version: None,
        released: Some(at),
    })
}

/// A record of our own.
fn own(record: &Visible) -> Shown<'_> {
    Shown {
        resource_type: record.resource_type,
        id: &record.id,
        bytes: &record.bytes,
        version: Some(record.version),
        released: None,
    }
}

/// The Patient that was recorded last, as in a summary; without any, the bare pseudonym, so that who may see something
/// can ask for it.
fn patient(passed: &Passed<'_>, world: &World) -> (Vec<u8>, Vec<usize>) {
    let holder = |released: &Released| {
        let position = passed.from.get(released.holder);
        position.and_then(|at| passed.granted.decisions.get(*at)).map(|decided| decided.holder.id.as_str())
    };
    let patients = passed.release.resources.iter().enumerate().filter(|(_, r)| r.resource_type == "Patient");
    let newest = patients.min_by(|(_, a), (_, b)| {
        let [first, second] = [b, a].map(|released| day_of(released.recorded.as_deref()));
        first.cmp(&second).then_with(|| holder(a).cmp(&holder(b)))
    });
    match newest {
        Some((at, patient)) => (patient.bytes.clone(), vec![at]),
        None => {
            let id = ids(passed, world).patient();
            (serde_json::json!({"resourceType": "Patient", "id": id}).to_string().into_bytes(), Vec::new())
        }
    }
}

fn search_page(
    passed: &Passed<'_>,
    search: &Search,
    newest: Option<u8>,
    world: &World,
) -> Result<Rendered, Refusal> {
    let ours = crate::changes::visible(&passed.granted.located, search.resource, world)?;
    // A Consent search without a category asks for privacy consents; clinical directives are data with one.
    let directives = search.resource != "Consent" || !search.filters.is_empty();
    let all: Vec<Shown<'_>> = shown(passed)
        .filter(|_| directives)
        .chain(ours.iter().map(own))
        .filter(|s| s.resource_type == search.resource)
        .collect();
    let docs: Vec<_> = all.iter().filter_map(|s| Some((*s, json::parse(s.bytes).ok()?))).collect();
    // INVARIANT: parameters are judged on what is released, never on what is hidden.
    let hits: Vec<_> = docs.iter().filter(|(_, doc)| matches(&search.filters, doc.root())).collect();
    let values: Vec<_> = hits.iter().map(|(_, doc)| doc.root()).collect();
    let order = match newest {
        Some(max) => newest_per_code(&values, max),
        None => stable_order(&values),
    };
    let ordered: Vec<Shown<'_>> = order.iter().filter_map(|n| hits.get(*n).map(|(s, _)| *s)).collect();
    let asked = passed.asked();
    let (from, count) = (asked.page_from(), usize::from(search.count.unwrap_or(page::COUNT)));
    let matched: Vec<_> = ordered.iter().skip(from).take(count).copied().collect();
    let more = ordered.len() > from + count;
    let next = if more {
        passed.query().and_then(|query| page::link(query, asked.session(), from + count, world))
    } else {
        None
    };
    let included = match search.include {
        Include::Medication => medications(passed, &matched),
        _ => Vec::new(),
    };
    let found: Vec<Found<'_>> = (matched.iter().map(|s| found(*s, Mode::Match)))
        .chain(included.iter().map(|s| self::found(*s, Mode::Include)))
        .collect();
    let parameters = passed.query().map(page::parameters).unwrap_or_default();
    let parameters: Vec<_> = parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let page = Page {
        base: &world.settings.base,
        resource_type: if newest.is_some() { "Observation/$lastn" } else { search.resource },
        parameters: &parameters,
        total: ordered.len(),
        next: next.as_deref(),
    };
    Ok(Rendered {
        bytes: searchset(page, &found),
        version: None,
        leave: matched.iter().chain(&included).filter_map(|s| s.released).collect(),
        empty: found.is_empty(),
    })
}

fn found(shown: Shown<'_>, mode: Mode) -> Found<'_> {
    Found { resource_type: shown.resource_type, id: shown.id, bytes: shown.bytes, mode }
}

/// The medicines that the matches of this page refer to, each once.
fn medications<'p>(passed: &'p Passed<'_>, matched: &[Shown<'_>]) -> Vec<Shown<'p>> {
    let mut wanted = Vec::new();
    for one in matched {
        let Ok(doc) = json::parse(one.bytes) else { continue };
        let reference = doc.root().get("medicationReference").and_then(|r| r.get_str("reference"));
        if let Some(id) = reference.as_deref().and_then(|r| r.strip_prefix("Medication/")) {
            wanted.push(id.to_owned());
        }
    }
    shown(passed).filter(|s| s.resource_type == "Medication" && wanted.iter().any(|id| id == s.id)).collect()
}

fn summary(passed: &Passed<'_>, world: &World, trail: &Trail) -> Rendered {
    let vocabulary = world.rules.vocabulary();
    let named = !hides_places(&passed.granted.located, world);
    let decided = |contribution: usize| {
        passed.from.get(contribution).and_then(|position| passed.granted.decisions.get(*position))
    };
    let classes: Vec<Vec<&str>> = passed
        .release
        .resources
        .iter()
        .map(|released| released.classes.iter().map(|class| vocabulary.class_code(class)).collect())
        .collect();
    let items: Vec<Item<'_>> = passed
        .release
        .resources
        .iter()
        .zip(&classes)
        .map(|(released, classes)| Item {
            resource_type: &released.resource_type,
            id: &released.id,
            classes,
            holder: decided(released.holder).map_or("", |d| d.holder.id.as_str()),
            holder_name: decided(released.holder).map(|d| d.holder.name.as_str()).filter(|_| named),
            recorded: released.recorded.as_deref(),
            bytes: &released.bytes,
        })
        .collect();
    let gaps: Vec<Gap<'_>> = passed
        .gaps
        .iter()
        .filter_map(|position| passed.granted.decisions.get(*position))
        .map(|decided| Gap { holder_name: Some(decided.holder.name.as_str()).filter(|_| named) })
        .collect();
    let patient_id = ids(passed, world).patient();
    let document_id = uuid::Uuid::new_v4().to_string();
    let now = passed.granted.at.to_string();
    let frame = Frame {
        base: &world.settings.base,
        document_id: &document_id,
        now: &now,
        patient_id: &patient_id,
        custodian_name: &world.settings.custodian,
        language: trail.language,
        gaps: &gaps,
    };
    let composed = compose(&items, &frame);
    let leave = (0..items.len()).filter(|at| composed.left_out.binary_search(at).is_err()).collect();
    Rendered { bytes: composed.bytes, version: None, leave, empty: false }
}
