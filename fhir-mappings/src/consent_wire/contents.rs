//! Small shapes that occur in several places: identifiers and periods.

use super::at::At;
use super::refusal::{Refusal, Why};
use crate::identifiers::Identifier as Tidy;
use consent::{Identifier, Period};

/// An Identifier with system and value, its system in the form we write.
pub(crate) fn identifier(at: At<'_>, why: Why) -> Result<Identifier, Refusal> {
    let at = at.only(&["use", "type", "system", "value", "period", "assigner"])?;
    let (system, value) = (at.text("system")?, at.text("value")?);
    let tidy = system.zip(value).and_then(|(system, value)| Tidy::new(&system, &value));
    let tidy = tidy.ok_or_else(|| at.refuse(why))?;
    Ok(Identifier::new(tidy.system(), tidy.value()))
}

/// A Period: at least one side, readable, not backwards.
pub(crate) fn period(at: At<'_>) -> Result<Period, Refusal> {
    let at = at.only(&["start", "end"])?;
    let side = |name| at.text(name).map(|text| text.unwrap_or_default());
    let (start, end) = (side("start")?, side("end")?);
    if start.is_empty() && end.is_empty() {
        return Err(at.refuse(Why::PeriodUnreadable));
    }
    let period = Period::parse(&start, &end).map_err(|_| at.refuse(Why::PeriodUnreadable))?;
    if period.is_backwards() { Err(at.refuse(Why::EndBeforeStart)) } else { Ok(period) }
}
