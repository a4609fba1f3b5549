//! From permitted classes to the searches that ask for no more than they need.

use super::Capability;
use crate::tables::Tables;
use crate::tables::searches::{Asked, Narrowed};
use consent::ClassSet;
use std::borrow::Cow;

/// One search at a holder. The person is named by the holder's own Patient id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The type.
    pub resource: String,
    /// The parameter that takes the Patient.
    pub person: &'static str,
    /// `category`, comma-separated; none when nothing narrows it.
    pub categories: Vec<String>,
    /// `_include` values.
    pub includes: Vec<String>,
}

impl Search {
    /// Its parameters for one Patient (`Patient/{id}`), so many on a page.
    #[must_use]
    pub fn parameters<'s>(&'s self, patient: &'s str, count: &'s str) -> Vec<(&'s str, Cow<'s, str>)> {
        let mut all = vec![(self.person, patient.into()), ("_count", count.into())];
        if !self.categories.is_empty() {
            all.push(("category", self.categories.join(",").into()));
        }
        all.extend(self.includes.iter().map(|include| ("_include", include.as_str().into())));
        all
    }
}

/// What must be asked of a holder that can this, so that everything of these classes comes. Types that the holder
/// cannot search for one person are left out: it has none to give that way. So is one of which only a part may be asked
/// where the holder cannot search for that part.
///
/// `promised` names the types of which the holder said that each resource has its category.
#[must_use]
pub fn searches(tables: &Tables, classes: ClassSet, can: &Capability, promised: &[String]) -> Vec<Search> {
    let mut searches: Vec<Search> = Vec::new();
    let wanted: Vec<&Asked> =
        tables.searches.iter().filter(|asked| !asked.classes.intersection(classes).is_empty()).collect();
    for asked in &wanted {
        let resource = &*asked.resource;
        // The Patient comes with the match that begins every fetch.
        if resource == "Patient" || searches.iter().any(|search| search.resource == resource) {
            continue;
        }
        let Some(person) = can.person_parameter(resource) else { continue };
        let by_category = can.searches_by(resource, "category");
        let lines =
            || wanted.iter().filter(|other| other.resource == asked.resource && !kept_out(other, can));
        if lines().next().is_none() {
            continue;
        }
        let narrowed = lines().map(|line| match &line.narrowed {
            Narrowed::Always(tokens) if by_category => Some(tokens),
            Narrowed::Promised(tokens) if by_category && promised.iter().any(|name| name == resource) => {
                Some(tokens)
            }
            Narrowed::Always(_) | Narrowed::Promised(_) | Narrowed::Never => None,
        });
        // One line that cannot be narrowed asks for the whole type.
        let categories = narrowed.collect::<Option<Vec<_>>>().unwrap_or_default();
        let categories = categories.into_iter().flatten().map(|token| token.to_string()).collect();
        let includes = INCLUDES
            .iter()
            .filter(|(of, parameter)| *of == resource && can.includes(resource, parameter))
            .map(|(of, parameter)| format!("{of}:{parameter}"))
            .collect();
        searches.push(Search { resource: resource.to_owned(), person, categories, includes });
    }
    searches
}

/// Whether this is not asked because the server cannot narrow it: the rest of the type is nobody's business here, as a
/// holder's privacy consents are.
fn kept_out(asked: &Asked, can: &Capability) -> bool {
    matches!(asked.narrowed, Narrowed::Always(_)) && !can.searches_by(&asked.resource, "category")
}

/// Which of these classes this plan cannot bring: none of the types that can bear them is in it, or one that the server
/// has is kept out. The match of the person brings the Patient.
#[must_use]
pub fn unfound(tables: &Tables, classes: ClassSet, can: &Capability, plan: &[Search]) -> ClassSet {
    let brought = tables.searches.iter().filter(|asked| {
        &*asked.resource == "Patient" || plan.iter().any(|search| search.resource == *asked.resource)
    });
    let left = brought.fold(classes, |left, asked| left.minus(asked.classes));
    let had = |asked: &&Asked| can.person_parameter(&asked.resource).is_some() && kept_out(asked, can);
    let kept = tables.searches.iter().filter(had);
    kept.fold(left, |left, asked| left.union(asked.classes.intersection(classes)))
}

/// What is released only because a released resource refers to it, and would be incomplete without.
const INCLUDES: &[(&str, &str)] = &[
    ("MedicationRequest", "medication"),
    ("MedicationDispense", "medication"),
    ("MedicationStatement", "medication"),
    ("DeviceUseStatement", "device"),
    ("CareTeam", "participant"),
    ("EpisodeOfCare", "organization"),
    ("EpisodeOfCare", "care-manager"),
    ("Encounter", "service-provider"),
    ("Encounter", "participant"),
    ("Appointment", "actor"),
    ("MedicationRequest", "requester"),
    ("Immunization", "performer"),
    ("Procedure", "performer"),
    ("Observation", "performer"),
];

/// What is asked along with the Patient, where it is offered.
pub const PATIENT_INCLUDES: &[&str] = &["general-practitioner", "organization"];
