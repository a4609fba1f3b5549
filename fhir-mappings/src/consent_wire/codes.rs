//! The systems and codes of CONTRACT.md section 7, and what tells a clinical directive from a privacy consent.

use crate::json::Value;

pub(super) const SCOPE: &str = "http://terminology.hl7.org/CodeSystem/consentscope";
pub(super) const LOINC: &str = "http://loinc.org";
pub(super) const PRIVACY_CATEGORY: &str = "59284-0";
pub(super) const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
pub(super) const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
pub(super) const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
pub(super) const ACTION: &str = "http://terminology.hl7.org/CodeSystem/consentaction";
pub(super) const DATA_CLASS: &str = "https://sluis.example/fhir/CodeSystem/data-class";
pub(super) const LABEL: &str = "https://sluis.example/fhir/CodeSystem/label";
pub(super) const REPRESENTATION: &str = "https://sluis.example/fhir/CodeSystem/representation-kind";
pub(super) const CATEGORY: &str = "https://sluis.example/fhir/NamingSystem/category";
pub(super) const FUNCTION: &str = "https://sluis.example/fhir/NamingSystem/function";
pub(super) const PERSON: &str = "https://sluis.example/fhir/NamingSystem/person";
pub(super) const REPRESENTATION_SCOPE: &str =
    "https://sluis.example/fhir/StructureDefinition/representation-scope";
pub(super) const REPRESENTATION_EVIDENCE: &str =
    "https://sluis.example/fhir/StructureDefinition/representation-evidence";
/// Levels of v3-Confidentiality, from low to high.
pub(super) const LEVELS: [&str; 6] = ["U", "L", "M", "N", "R", "V"];
/// Purposes of v3-ActReason that nobody can ask for here: naming one beside ours changes nothing.
pub(super) const PURPOSES_NEVER_ASKED: [&str; 9] =
    ["HPAYMT", "HOPERAT", "HRESCH", "HMARKT", "PUBHLTH", "FAMRQT", "PWATRNY", "SUPNWK", "COVERAGE"];
/// Types whose identifier may stand as context.
pub(super) const RELATED_TYPES: [&str; 5] =
    ["ServiceRequest", "CareTeam", "CarePlan", "EpisodeOfCare", "Encounter"];

/// A FHIR Consent that is no privacy consent but a wish about treatment: data of class `directives`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectiveKind {
    /// TreatmentDirective2 (scope `treatment`).
    Treatment,
    /// AdvanceDirective (scope `adr`).
    Advance,
}

/// Whether a Consent is a clinical directive, by scope and, for R3-born records, by category. A record whose scope
/// says `patient-privacy` never is one.
#[must_use]
pub fn directive(consent: Value<'_>) -> Option<DirectiveKind> {
    let scopes: Vec<_> = consent.get("scope").into_iter().flat_map(codings).collect();
    let has = |list: &[(String, String)], system: &str, code: &str| {
        list.iter().any(|(s, c)| s == system && c == code)
    };
    let categories: Vec<_> = consent.each("category").flat_map(codings).collect();
    // What says that it is a privacy consent, in scope or in category, is none, whatever the other says.
    if has(&scopes, SCOPE, "patient-privacy") || has(&categories, LOINC, PRIVACY_CATEGORY) {
        return None;
    }
    if has(&scopes, SCOPE, "treatment") {
        return Some(DirectiveKind::Treatment);
    }
    if has(&scopes, SCOPE, "adr") {
        return Some(DirectiveKind::Advance);
    }
    DIRECTIVES.iter().find(|(system, code, _)| has(&categories, system, code)).map(|(_, _, kind)| *kind)
}

/// Whether a category asked for in a search is that of privacy consents; any other asks for directives.
#[must_use]
pub fn is_privacy_category(token: &crate::grammar::Token) -> bool {
    token.meets(Some(LOINC), Some(PRIVACY_CATEGORY))
}

fn codings(concept: Value<'_>) -> Vec<(String, String)> {
    let text = |coding: Value<'_>, name| coding.get_str(name).unwrap_or_default().into_owned();
    concept.each("coding").map(|coding| (text(coding, "system"), text(coding, "code"))).collect()
}

const SNOMED: &str = "http://snomed.info/sct";
const DIRECTIVES: [(&str, &str, DirectiveKind); 4] = [
    (SNOMED, "129125009", DirectiveKind::Treatment),
    (SNOMED, "11291000146105", DirectiveKind::Treatment),
    (SNOMED, "11341000146107", DirectiveKind::Advance),
    ("http://terminology.hl7.org/CodeSystem/consentcategorycodes", "acd", DirectiveKind::Advance),
];
