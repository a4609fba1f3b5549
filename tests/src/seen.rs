//! Everything that one asker can get about one person, by every road that gives data.

use crate::ask::Asker;
use crate::client::Request;
use serde_json::{Value, json};

/// Every search of the grammar (CONTRACT.md 3) that needs no more than the person.
pub const TYPES: [&str; 28] = [
    "Condition",
    "AllergyIntolerance",
    "Flag",
    "MedicationRequest?_include=MedicationRequest:medication",
    "MedicationDispense?_include=MedicationDispense:medication",
    "MedicationStatement?_include=MedicationStatement:medication",
    "Observation",
    "DiagnosticReport",
    "Immunization",
    "Procedure",
    "DeviceUseStatement",
    "DeviceRequest",
    "Encounter",
    "EpisodeOfCare",
    "CareTeam",
    "CarePlan",
    "Goal",
    "ServiceRequest",
    "Task",
    "Appointment",
    "NutritionOrder",
    "Coverage",
    "RelatedPerson",
    "DocumentReference",
    "Consent",
    "Consent?category=http://terminology.hl7.org/CodeSystem/consentcategorycodes|acd",
    "ImmunizationRecommendation",
    "QuestionnaireResponse",
];

impl Asker<'_> {
    /// The look-up, the read, `$summary` and every search with all its pages, as one value; `None` when the person
    /// cannot even be found.
    #[track_caller]
    #[must_use]
    pub fn everything(&self, patient: &str) -> Option<Value> {
        let found = self.find(patient);
        if found.status == 403 {
            return None;
        }
        let found = found.ok().json();
        let id = found["entry"][0]["resource"]["id"].as_str().expect("an id").to_owned();
        let mut all =
            vec![found, self.get(&format!("Patient/{id}")).ok().json(), self.summary(patient).ok().json()];
        for search in TYPES {
            let (kind, more) = search.split_once('?').unwrap_or((search, ""));
            let more = more.replace('|', "%7C").replace(':', "%3A").replace('/', "%2F");
            let mut page = self.search_id(&id, kind, &more).ok().json();
            while let Some(next) = link(&page, "next") {
                let target =
                    next.split_once("/fhir/").map(|(_, t)| format!("/fhir/{t}")).expect("a link of ours");
                all.push(page);
                page = self.send(Request::get(&target)).ok().json();
            }
            all.push(page);
        }
        Some(json!(all))
    }
}

/// The link of this relation in a Bundle.
#[must_use]
pub fn link(bundle: &Value, relation: &str) -> Option<String> {
    let links = bundle["link"].as_array()?;
    let found = links.iter().find(|l| l["relation"] == relation)?;
    found["url"].as_str().map(str::to_owned)
}
