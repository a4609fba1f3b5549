//! What an export is asked for, from a running gateway and from a cold copy.

use super::commands::identifier;
use super::wire::Exported;
use crate::desk::Refused;
use crate::export::{self, Export, Format, Reader, Source};
use consent::Period;

impl Exported {
    /// Makes it.
    ///
    /// # Errors
    /// As [`export::export`] and [`export::traffic`]; when an identifier or a period is none.
    pub fn made(&self, source: &dyn Source, format: Format) -> Result<Export, Refused> {
        match self {
            Self::Person { patient } => export::export(source, Reader::Person(&identifier(patient)?), format),
            Self::Officer { patient, participant } => {
                export::export(source, Reader::Officer { about: &identifier(patient)?, participant }, format)
            }
            Self::Supervisor { name, participant, from, until } => {
                let period = period(from, until)?;
                export::export(source, Reader::Supervisor { name, participant, period: &period }, format)
            }
            Self::Regional { name, from, until } => {
                export::traffic(source, name, &period(from, until)?, format)
            }
        }
    }
}

fn period(from: &str, until: &str) -> Result<Period, Refused> {
    let period = Period::parse(from, until).ok().filter(|period| !period.is_backwards());
    period.ok_or_else(|| Refused::new("usage", "--from and --until are dates, the first not after the last"))
}
