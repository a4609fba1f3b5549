//! What must be asked anew soon: permits that a birthday, a period, a mandate or a statement of
//! incapacity is about to end (DOMAIN.md 2.6 item 5). Lists; changes and deletes nothing.

use jiff::{Timestamp, ToSpan, civil::Date};
use serde::Serialize;

use crate::answer::ConsentRef;
use crate::period::{Period, day_of};
use crate::record::{ConsentRecord, Giver, Kind, Provision, Reading, Representation, Status, User};
use crate::relation::{Attestation, AttestationKind};
use crate::rules::Rules;

/// One permit that is about to end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Renewal {
    /// First day on which it gives nothing any more.
    pub on: Date,
    /// Why.
    pub why: Why,
    /// Which consent.
    pub consent: ConsentRef,
}

/// Why a permit ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Its own period ends.
    Period,
    /// The mandate of who gave it ends.
    Mandate,
    /// The statement of incapacity ends, on which a representative's permit rests.
    Incapacity,
    /// The child turns twelve: the second key is needed.
    Twelve,
    /// The youth turns sixteen: what parents gave lapses.
    Sixteen,
    /// The youth turns eighteen: youth help ends.
    Eighteen,
}

/// The day somebody reaches an age: for 29 February, 1 March in common years.
pub fn birthday(birth: Date, age: i16) -> Option<Date> {
    let year = birth.year().checked_add(age)?;
    Date::new(year, birth.month(), birth.day()).or_else(|_| Date::new(year, 3, 1)).ok()
}

/// Active permits that end within `days` days after the day asked, soonest first.
pub fn to_ask_anew(
    rules: &Rules,
    birth: Option<Date>,
    readings: &[Reading],
    attestations: &[Attestation],
    at: Timestamp,
    days: u16,
) -> Vec<Renewal> {
    let today = day_of(at);
    let Ok(last) = today.checked_add(i64::from(days).days()) else { return Vec::new() };
    let mut renewals: Vec<Renewal> = readings
        .iter()
        .filter_map(|reading| match reading {
            Reading::Readable(record) => Some(record),
            Reading::Unreadable { .. } => None,
        })
        .filter(|record| record.status == Status::Active && record.provision.kind == Kind::Permit)
        .flat_map(|record| {
            ends(rules, birth, record, attestations).into_iter().map(|(on, why)| Renewal {
                on,
                why,
                consent: ConsentRef { id: record.id.clone(), version: record.version },
            })
        })
        .filter(|renewal| today < renewal.on && renewal.on <= last)
        .collect();
    renewals.sort();
    renewals.dedup();
    renewals
}

/// Every day on which something ends for this permit.
fn ends(
    rules: &Rules,
    birth: Option<Date>,
    record: &ConsentRecord,
    attestations: &[Attestation],
) -> Vec<(Date, Why)> {
    let mut ends = Vec::new();
    ends.extend(record.provision.period.as_ref().and_then(end).map(|day| (day, Why::Period)));
    let by_person = record.givers.contains(&Giver::Person);
    let representatives = || {
        record.givers.iter().filter_map(|giver| match giver {
            Giver::Person => None,
            Giver::Representative(representative) => Some(representative),
        })
    };
    ends.extend(representatives().filter_map(|of| end(&of.mandate)).map(|day| (day, Why::Mandate)));
    let parental =
        representatives().any(|of| matches!(of.kind, Representation::Parent | Representation::Guardian));
    if !by_person && !parental {
        let statements = attestations.iter().filter(|of| of.kind == AttestationKind::Incapacity);
        ends.extend(statements.filter_map(|of| end(&of.period)).map(|day| (day, Why::Incapacity)));
    }
    let turns = |age, why| birth.and_then(|birth| birthday(birth, age)).map(|day| (day, why));
    if parental && !by_person {
        ends.extend(turns(12, Why::Twelve));
        ends.extend(turns(16, Why::Sixteen));
    }
    if names_youth(rules, &record.provision) {
        ends.extend(turns(18, Why::Eighteen));
    }
    ends
}

fn end(period: &Period) -> Option<Date> {
    period.end.as_ref().map(|end| day_of(end.after()))
}

fn names_youth(rules: &Rules, provision: &Provision) -> bool {
    let vocabulary = rules.vocabulary();
    let youth = |user: &User| match user {
        User::Function(code) => vocabulary
            .function(code)
            .and_then(|function| vocabulary.function_spec(function))
            .is_some_and(|spec| spec.youth),
        User::Person(_) | User::Organisation(_) | User::Category(_) => false,
    };
    provision.users.iter().any(youth) || provision.exceptions.iter().any(|child| names_youth(rules, child))
}
