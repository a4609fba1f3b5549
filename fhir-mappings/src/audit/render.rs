//! An entry as a FHIR R4 AuditEvent, by the rule in `docs/audit-rendering.md` (rule version 1).

use super::{Entry, Interaction, Kind};

/// Where a record stands: what the journal knows beside the sealed entry.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// Position in the journal.
    pub index: u64,
    /// The journal's origin.
    pub origin: &'a str,
    /// When it was recorded, RFC 3339.
    pub time: &'a str,
    /// The request it belongs to.
    pub request_id: &'a str,
}

/// The AuditEvent of a record; `None` for kinds that are none (CONTRACT.md 6: `notice`, `flood`).
#[must_use]
pub fn render(entry: &Entry, place: Place<'_>) -> Option<Vec<u8>> {
    let _ = (entry, place);
    None
}

/// The BALP profile that the event of this entry claims.
#[must_use]
pub fn rendered_profile(entry: &Entry) -> Option<&'static str> {
    match (entry.kind, entry.interaction) {
        (Kind::Answered, Interaction::Read) => {
            Some("https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead")
        }
        _ => None,
    }
}
