//! Yes-or-no facts that we derive and author, where a function may know the fact and not what it follows from.
//!
//! A fact is only said when a record that may be used says it: silence of a holder is no "no".

use super::dates::{in_force, is_active};
use super::select::Thing;
use crate::json::Value;
use crate::tables::{Fact, FactRule};
use jiff::Timestamp;

/// What the permitted records of one holder say about a fact; `None`: nothing.
pub(super) fn holds<'a>(
    fact: &Fact,
    things: impl Iterator<Item = (Thing<'a>, u64)>,
    at: Timestamp,
) -> Option<bool> {
    let (mut yes, mut no) = (false, false);
    for (thing, sets) in things {
        let of_set = sets & fact.set != 0;
        match fact.rule {
            FactRule::Stated if of_set => {
                if says_yes(thing.value) {
                    yes = true;
                } else {
                    no = true;
                }
            }
            FactRule::Stated => {}
            FactRule::Listed if is_active(thing.value) => {
                yes |= of_set;
                no |= !of_set;
            }
            FactRule::Listed => {}
            FactRule::InForce if in_force(thing.value, at) => {
                yes |= of_set;
                no |= !of_set;
            }
            FactRule::InForce => {}
        }
    }
    if yes { Some(true) } else { no.then_some(false) }
}

/// A stated record says yes unless its value, or its state, says no.
fn says_yes(record: Value<'_>) -> bool {
    if let Some(said) = record.get("valueBoolean") {
        return said.as_bool() == Some(true);
    }
    if let Some(said) = record.get("valueCodeableConcept") {
        return !said.each("coding").any(|coding| {
            // No; absent; not done; none; independent; does not need help (SNOMED CT), `N` (HL7 yes-no).
            matches!(
                coding.get_str("code").as_deref(),
                Some(
                    "373067005"
                        | "2667000"
                        | "385660001"
                        | "260413007"
                        | "371153006"
                        | "16571000146104"
                        | "N"
                        | "no"
                )
            )
        });
    }
    let refuted = record
        .each("verificationStatus")
        .flat_map(|v| v.each("coding"))
        .any(|coding| matches!(coding.get_str("code").as_deref(), Some("refuted" | "entered-in-error")));
    let final_observation =
        matches!(record.get_str("status").as_deref(), Some("final" | "amended" | "corrected"));
    !refuted && (final_observation || is_active(record))
}

/// The Observation that we author.
pub(super) fn observation(fact: &Fact, yes: bool, id: &str, patient_id: &str, at: Timestamp) -> Vec<u8> {
    let mut out = Vec::with_capacity(384);
    out.extend_from_slice(b"{\"resourceType\":\"Observation\",\"id\":");
    super::write_string(&mut out, id);
    out.extend_from_slice(b",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"");
    out.extend_from_slice(DERIVED.as_bytes());
    out.extend_from_slice(b"\",\"code\":");
    super::write_string(&mut out, &fact.code);
    out.extend_from_slice(b",\"display\":");
    super::write_string(&mut out, &fact.display);
    out.extend_from_slice(b"}]},\"subject\":{\"reference\":");
    super::write_string(&mut out, &format!("Patient/{patient_id}"));
    out.extend_from_slice(b"},\"effectiveDateTime\":");
    super::write_string(&mut out, &at.to_string());
    out.extend_from_slice(if yes { b",\"valueBoolean\":true}" } else { b",\"valueBoolean\":false}" });
    out
}

/// The code system of facts that are ours.
const DERIVED: &str = "https://sluis.example/fhir/CodeSystem/derived";
