//! Search parameters, evaluated on what is released and never on what is hidden (ARCHITECTURE.md invariant 4).
//!
//! Odd data never errs: what cannot be read does not match.

use super::filter::{Filter, Test, Token};
use super::list::Shape;
use super::moment::Moment;
use crate::json::{Kind, Value};
use jiff::Timestamp;

/// Whether a released resource meets all filters.
#[must_use]
pub fn matches(filters: &[Filter], resource: Value<'_>) -> bool {
    filters.iter().all(|filter| meets(filter, resource))
}

/// Positions of the resources in an order that depends on their (our) types and ids alone, so that pages keep it.
#[must_use]
pub fn stable_order(resources: &[Value<'_>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..resources.len()).collect();
    order.sort_by_cached_key(|&at| {
        let text = |name| resources.get(at).and_then(|r| r.get_str(name)).unwrap_or_default().into_owned();
        (text("resourceType"), text("id"))
    });
    order
}

fn meets(filter: &Filter, resource: Value<'_>) -> bool {
    let element = filter.param.element;
    match &filter.test {
        Test::Tokens(tokens) => match filter.param.shape {
            Shape::Code { system } => {
                let code = resource.get_str(element);
                code.is_some_and(|code| any(tokens, Some(system), Some(&code)))
            }
            Shape::Identifier => resource.each(element).any(|identifier| {
                any(tokens, identifier.get_str("system").as_deref(), identifier.get_str("value").as_deref())
            }),
            _ => resource.each(element).any(|concept| concept_meets(tokens, concept)),
        },
        Test::From(moment) => {
            effective(resource, element).is_some_and(|(first, last)| moment.reached_by(first, last))
        }
        Test::Begins(text) => resource
            .get_str(element)
            .is_some_and(|name| name.to_lowercase().starts_with(&text.to_lowercase())),
        Test::Refers(id) => resource.each(element).any(|reference| {
            reference.get_str("reference").is_some_and(|r| r.rsplit('/').next() == Some(id.as_str()))
        }),
        Test::Is(wanted) => resource.get(element).and_then(|value| value.as_bool()) == Some(*wanted),
    }
}

/// One CodeableConcept, or a Coding itself (Encounter.class).
fn concept_meets(tokens: &[Token], concept: Value<'_>) -> bool {
    let coding = |c: Value<'_>| any(tokens, c.get_str("system").as_deref(), c.get_str("code").as_deref());
    match concept.get("coding") {
        Some(list) if list.kind() == Kind::Array => list.items().any(coding),
        Some(_) => false,
        None => coding(concept),
    }
}

fn any(tokens: &[Token], system: Option<&str>, code: Option<&str>) -> bool {
    tokens.iter().any(|token| token.meets(system, code))
}

/// The stretch of time of a choice element such as `effective[x]`: from the first to the last instant it covers.
pub(super) fn effective(resource: Value<'_>, element: &str) -> Option<(Timestamp, Timestamp)> {
    let member = |suffix: &str| resource.get(&format!("{element}{suffix}"));
    if let Some(at) = member("DateTime").or_else(|| member("Instant")) {
        let moment = Moment::parse(&at.as_str()?)?;
        return Some((moment.first(), moment.last()));
    }
    if let Some(period) = member("Period") {
        let bound = |name| period.get_str(name).map(|text| Moment::parse(&text));
        // A period that is open on a side reaches beyond any moment there; one that cannot be read matches nothing.
        let first = bound("start").map_or(Some(Timestamp::MIN), |m| m.map(|m| m.first()));
        let last = bound("end").map_or(Some(Timestamp::MAX), |m| m.map(|m| m.last()));
        return Some((first?, last?)).filter(|_| period.members().next().is_some());
    }
    let events: Vec<_> =
        member("Timing")?.each("event").filter_map(|event| Moment::parse(&event.as_str()?)).collect();
    let first = events.iter().map(Moment::first).min()?;
    let last = events.iter().map(Moment::last).max()?;
    Some((first, last))
}
