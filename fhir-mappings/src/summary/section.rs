//! The sections of a summary: their codes, their headings, and which resource stands where.
//!
//! LOINC codes are those of HL7 IPS 2.0; where IPS has no section, the code is ours (`docs/ips-rules.md`).

use super::Language;
use crate::json::Value;

/// LOINC's code system.
pub(super) const LOINC: &str = "http://loinc.org";

/// Our sections: `living`, `money`, `crisis-plan`, `legal`, `safety` and `gap`.
pub(super) const OURS: &str = "https://sluis.example/fhir/CodeSystem/summary-section";

/// A section, in the order in which a reader meets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    Alerts,
    CrisisPlan,
    Allergies,
    Medication,
    Problems,
    PastProblems,
    Immunizations,
    Results,
    VitalSigns,
    Procedures,
    Devices,
    Directives,
    Functional,
    Plan,
    Pregnancy,
    SocialHistory,
    Living,
    Legal,
    Safety,
    Money,
    CareTeam,
    Encounters,
    Notes,
}

impl Section {
    /// All of them, in reading order.
    pub(super) const ALL: [Self; 23] = [
        Self::Alerts,
        Self::CrisisPlan,
        Self::Allergies,
        Self::Medication,
        Self::Problems,
        Self::PastProblems,
        Self::Immunizations,
        Self::Results,
        Self::VitalSigns,
        Self::Procedures,
        Self::Devices,
        Self::Directives,
        Self::Functional,
        Self::Plan,
        Self::Pregnancy,
        Self::SocialHistory,
        Self::Living,
        Self::Legal,
        Self::Safety,
        Self::Money,
        Self::CareTeam,
        Self::Encounters,
        Self::Notes,
    ];

    /// Whether IPS wants the section even when it is empty.
    pub(super) fn is_required(self) -> bool {
        matches!(self, Self::Allergies | Self::Medication | Self::Problems)
    }

    /// System and code.
    pub(super) fn code(self) -> (&'static str, &'static str) {
        match self {
            Self::Alerts => (LOINC, "104605-1"),
            Self::CrisisPlan => (OURS, "crisis-plan"),
            Self::Allergies => (LOINC, "48765-2"),
            Self::Medication => (LOINC, "10160-0"),
            Self::Problems => (LOINC, "11450-4"),
            Self::PastProblems => (LOINC, "11348-0"),
            Self::Immunizations => (LOINC, "11369-6"),
            Self::Results => (LOINC, "30954-2"),
            Self::VitalSigns => (LOINC, "8716-3"),
            Self::Procedures => (LOINC, "47519-4"),
            Self::Devices => (LOINC, "46264-8"),
            Self::Directives => (LOINC, "42348-3"),
            Self::Functional => (LOINC, "47420-5"),
            Self::Plan => (LOINC, "18776-5"),
            Self::Pregnancy => (LOINC, "10162-6"),
            Self::SocialHistory => (LOINC, "29762-2"),
            Self::Living => (OURS, "living"),
            Self::Legal => (OURS, "legal"),
            Self::Safety => (OURS, "safety"),
            Self::Money => (OURS, "money"),
            Self::CareTeam => (LOINC, "85847-2"),
            Self::Encounters => (LOINC, "46240-8"),
            Self::Notes => (LOINC, "34109-9"),
        }
    }

    /// The heading.
    pub(super) fn title(self, language: Language) -> &'static str {
        let (dutch, english) = match self {
            Self::Alerts => ("Waarschuwingen", "Alerts"),
            Self::CrisisPlan => ("Crisisplan", "Crisis plan"),
            Self::Allergies => ("Allergie en wat niet mag", "Allergies and intolerances"),
            Self::Medication => ("Medicijnen", "Medicines"),
            Self::Problems => ("Ziektes en klachten", "Problems"),
            Self::PastProblems => ("Ziektes en klachten van vroeger", "Past problems"),
            Self::Immunizations => ("Prikken", "Immunizations"),
            Self::Results => ("Uitslagen", "Results"),
            Self::VitalSigns => ("Metingen", "Vital signs"),
            Self::Procedures => ("Behandelingen en ingrepen", "Procedures"),
            Self::Devices => ("Hulpmiddelen", "Devices"),
            Self::Directives => ("Wensen als het misgaat", "Advance directives"),
            Self::Functional => ("Wat iemand zelf kan", "Functioning"),
            Self::Plan => ("Plan en afspraken", "Plan and appointments"),
            Self::Pregnancy => ("Zwangerschap", "Pregnancy"),
            Self::SocialHistory => ("Gewoonten", "Social history"),
            Self::Living => ("Wonen, werk en mensen om iemand heen", "Living"),
            Self::Legal => ("Besluiten van rechter of burgemeester", "Legal status"),
            Self::Safety => ("Veiligheid thuis", "Safety at home"),
            Self::Money => ("Geld en schulden", "Money and debts"),
            Self::CareTeam => ("Wie helpt en wie beslist", "Circle and care team"),
            Self::Encounters => ("Contacten", "Encounters"),
            Self::Notes => ("Verslagen en brieven", "Notes and letters"),
        };
        language.pick(dutch, english)
    }

    /// Headings of the three columns of its table.
    pub(super) fn columns(self, language: Language) -> [&'static str; 3] {
        let (dutch, english) = match self {
            Self::Medication => {
                (["Medicijn", "Hoe te gebruiken", "Stand"], ["Medicine", "How to use it", "Status"])
            }
            Self::Allergies => {
                (["Waarvoor", "Hoe ernstig", "Reactie"], ["To what", "How severe", "Reaction"])
            }
            Self::Problems | Self::PastProblems => (["Wat", "Stand", "Sinds"], ["What", "Status", "Since"]),
            Self::Results
            | Self::VitalSigns
            | Self::Functional
            | Self::Pregnancy
            | Self::SocialHistory
            | Self::Living
            | Self::Money => (["Wat", "Waarde of stand", "Wanneer"], ["What", "Value or status", "When"]),
            Self::Alerts
            | Self::CrisisPlan
            | Self::Immunizations
            | Self::Procedures
            | Self::Devices
            | Self::Directives
            | Self::Plan
            | Self::Legal
            | Self::Safety
            | Self::CareTeam
            | Self::Encounters
            | Self::Notes => (["Wat", "Stand", "Wanneer"], ["What", "Status", "When"]),
        };
        match language {
            Language::Nl => dutch,
            Language::En => english,
        }
    }

    /// Where a resource stands. `None`: it is support (an organisation, a medicine, the person), shown only
    /// through what refers to it.
    pub(super) fn of(resource_type: &str, classes: &[&str], root: Value<'_>) -> Option<Self> {
        let has = |class: &str| classes.contains(&class);
        let by_type = match resource_type {
            "Patient" | "Organization" | "Practitioner" | "PractitionerRole" | "Medication" | "Location"
            | "Device" | "Specimen" | "Substance" | "Binary" | "HealthcareService" | "Endpoint" => {
                return None;
            }
            "AllergyIntolerance" => return Some(Self::Allergies),
            "MedicationRequest"
            | "MedicationStatement"
            | "MedicationDispense"
            | "MedicationAdministration" => {
                return Some(Self::Medication);
            }
            "Immunization" => return Some(Self::Immunizations),
            "Flag" => Self::Alerts,
            "Condition" if is_past(root) => Self::PastProblems,
            "Condition" => Self::Problems,
            "Observation" => of_observation(root, &has),
            "DiagnosticReport" => Self::Results,
            "Procedure" => Self::Procedures,
            "DeviceUseStatement" => Self::Devices,
            "Consent" => Self::Directives,
            "CareTeam" | "RelatedPerson" | "EpisodeOfCare" => Self::CareTeam,
            "Encounter" => Self::Encounters,
            "CarePlan"
            | "Goal"
            | "Task"
            | "ServiceRequest"
            | "DeviceRequest"
            | "NutritionOrder"
            | "Appointment"
            | "Coverage"
            | "ImmunizationRecommendation" => Self::Plan,
            _ => Self::Notes,
        };
        let by_class = [
            ("crisis-plan", Self::CrisisPlan),
            ("legal", Self::Legal),
            ("safety", Self::Safety),
            ("money", Self::Money),
            ("living", Self::Living),
        ];
        let special = by_class.into_iter().find(|(class, _)| has(class)).map(|(_, section)| section);
        let representation = resource_type == "Condition" && has("circle");
        Some(special.unwrap_or(if representation { Self::CareTeam } else { by_type }))
    }
}

fn is_past(root: Value<'_>) -> bool {
    let status = root.get("clinicalStatus");
    status.is_some_and(|status| {
        codes(status).any(|code| matches!(code.as_ref(), "inactive" | "resolved" | "remission"))
    })
}

fn of_observation(root: Value<'_>, has: &dyn Fn(&str) -> bool) -> Section {
    let code = |known: &[&str]| {
        root.get("code").is_some_and(|code| codes(code).any(|found| known.contains(&found.as_ref())))
    };
    let category = |known: &[&str]| {
        root.each("category").any(|value| codes(value).any(|found| known.contains(&found.as_ref())))
    };
    if code(&PREGNANCY) {
        Section::Pregnancy
    } else if code(&HABITS) || category(&["social-history"]) || has("substance-use") {
        Section::SocialHistory
    } else if code(&VITAL_SIGNS) || category(&["vital-signs"]) {
        Section::VitalSigns
    } else if has("functioning") || has("mental-health") || category(&["118228005", "384821006"]) {
        Section::Functional
    } else {
        Section::Results
    }
}

/// The codes of a CodeableConcept, whatever their system.
fn codes<'d>(concept: Value<'d>) -> impl Iterator<Item = std::borrow::Cow<'d, str>> {
    concept.each("coding").filter_map(|coding| coding.get_str("code"))
}

/// LOINC: pregnancy status, estimated delivery dates, outcomes (IPS value sets).
const PREGNANCY: [&str; 9] =
    ["82810-3", "11778-8", "11779-6", "11780-4", "11636-8", "11637-6", "11638-4", "11640-0", "33065-4"];

/// Tobacco, alcohol and drugs: LOINC of IPS, SNOMED CT of nl-core.
const HABITS: [&str; 6] = ["72166-2", "74013-4", "228273003", "228366006", "365980008", "229819007"];

/// LOINC of the usual vital signs, for holders that give no category.
const VITAL_SIGNS: [&str; 14] = [
    "85354-9", "29463-7", "8302-2", "8306-3", "8308-9", "8867-4", "9279-1", "8310-5", "2708-6", "59408-5",
    "8480-6", "8462-4", "39156-5", "9843-4",
];
