//! Relations and attestations on the wire: ServiceRequest, CareTeam, EpisodeOfCare, CarePlan, Encounter and Basic to
//! [`consent::relation`] and back (CONTRACT.md 3).
//!
//! Only what makes a relation is read; clinical content beside it is the sender's and decides nothing. Whether the
//! sender is part of it, and whether its function may attest, is the gateway's to say.

mod attestation;
mod relation;

pub use attestation::{
    ATTESTATION_SYSTEM, AttestationContext, ReceivedAttestation, read_attestation, write_attestation,
};
pub use relation::{ReceivedRelation, kind_of, read_relation, write_relation};

/// Id, version and person as the reader knows them.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// Our id for the reader.
    pub id: &'a str,
    /// Version, as in the ETag.
    pub version: u32,
    /// The reader's `{id}` for the person.
    pub patient: &'a str,
}

#[cfg(test)]
mod tests;
