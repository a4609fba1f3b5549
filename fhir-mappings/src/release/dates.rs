//! Dates and states of a resource, as far as the filters of `levels.txt` and the age of data need them.

use crate::json::name::Names;
use crate::json::{Kind, Value};
use consent::Moment;
use consent::period::Edge;
use jiff::Timestamp;

/// Where a resource bears its date, the best first.
const DATES: Names<24> = Names::new([
    "effectiveDateTime",
    "effectivePeriod",
    "effectiveInstant",
    "performedDateTime",
    "performedPeriod",
    "occurrenceDateTime",
    "occurrencePeriod",
    "onsetDateTime",
    "onsetPeriod",
    "whenHandedOver",
    "authoredOn",
    "authored",
    "period",
    "start",
    "date",
    "dateTime",
    "created",
    "recordedDate",
    "dateAsserted",
    "recordedOn",
    "recorded",
    "issued",
    "startDate",
    "statusDate",
]);

/// When what a resource tells took place; else when it was written. `None` when it does not say.
pub(super) fn date_of(resource: Value<'_>) -> Option<Moment> {
    dated(resource, |text| Moment::parse(text).ok())
}

/// Whether [`date_of`] reaches beyond an instant.
pub(super) fn ends_after(resource: Value<'_>, edge: &Edge) -> bool {
    dated(resource, |text| edge.precedes_end_of(text).ok()).unwrap_or(false)
}

/// The first of the dates that a resource may bear which can be read.
fn dated<T>(resource: Value<'_>, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    // One walk instead of one for each name; what is read stands for the first in the order of names so far.
    let mut best = None;
    for member in resource.members() {
        let Some(rank) = DATES.rank(member) else { continue };
        if best.as_ref().is_some_and(|(first, _)| *first <= rank) {
            continue;
        }
        let text = match member.kind() {
            Kind::Object => member.get_str("start").or_else(|| member.get_str("end")),
            _ => member.as_str(),
        };
        best = text.and_then(|text| read(&text)).map(|date| (rank, date)).or(best);
    }
    best.map(|(_, date)| date)
}

/// Whether it stands now, by its own word.
pub(super) fn is_active(resource: Value<'_>) -> bool {
    if let Some(status) = resource.get("clinicalStatus") {
        return status.each("coding").any(|coding| {
            matches!(coding.get_str("code").as_deref(), Some("active" | "recurrence" | "relapse"))
        });
    }
    if let Some(status) = resource.get_str("status") {
        return matches!(
            &*status,
            "active"
                | "in-progress"
                | "on-hold"
                | "preparation"
                | "planned"
                | "current"
                | "accepted"
                | "requested"
                | "received"
                | "ready"
                | "intended"
                | "arrived"
                | "booked"
        );
    }
    let ended = resource.members().any(|member| member.name().starts_with("abatement"));
    resource.get("code").is_some() && !ended
}

/// Whether it is active and its period holds this instant.
pub(super) fn in_force(resource: Value<'_>, at: Timestamp) -> bool {
    let edge = |name: &str| resource.get_str(name).map(|text| Moment::parse(&text));
    let start = edge("onsetDateTime");
    let end = edge("abatementDateTime");
    let spans = ["period", "occurrencePeriod", "onsetPeriod"];
    // An edge that cannot be read is none that holds.
    is_active(resource)
        && start.is_none_or(|start| start.is_ok_and(|start| start.first() <= at))
        && end.is_none_or(|end| end.is_ok_and(|end| at < end.after()))
        && spans.iter().filter_map(|name| resource.get(name)).all(|span| {
            let edge = |name: &str| span.get_str(name).map(|text| Moment::parse(&text));
            edge("start").is_none_or(|start| start.is_ok_and(|start| start.first() <= at))
                && edge("end").is_none_or(|end| end.is_ok_and(|end| at < end.after()))
        })
}

/// Whether an allergy is recorded as dangerous.
pub(super) fn is_severe(allergy: Value<'_>) -> bool {
    let severe = allergy.each("reaction").any(|r| r.get_str("severity").as_deref() == Some("severe"));
    is_active(allergy) && (severe || allergy.get_str("criticality").as_deref() == Some("high"))
}
