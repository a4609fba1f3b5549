//! `shared/corpus` as a holder would have it: resources of real documents, all of one file about one person, each marked
//! with whose it is. Must copy nothing of it into the project, nor know what leaves of it.

use fhir_mappings::{json as strict, r4};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Files of the corpus, each the entries of its Bundle, or itself as the only one.
pub struct Files(Vec<Vec<Value>>);

impl Files {
    /// Those that are not there to be wrong; `None` where there is no corpus.
    pub fn read() -> Option<Self> {
        let mut paths = Vec::new();
        walk(&sluis_tests::shared::folder()?.join("corpus"), &mut paths);
        let parse = |path: &PathBuf| serde_json::from_slice(&std::fs::read(path).unwrap()).ok();
        let files = paths.iter().filter_map(parse).map(|whole| entries(&whole));
        (!paths.is_empty()).then(|| Self(files.collect()))
    }

    /// Every `parts`th file from this one on, as data about the Patient with this id.
    pub fn about(&self, patient: &str, part: usize, parts: usize) -> Vec<Value> {
        let numbered = self.0.iter().enumerate().filter(|(at, _)| at % parts == part);
        numbered.flat_map(|(at, entries)| File { entries, at, patient }.resources()).collect()
    }
}

/// What says whose a resource is, where it has a note.
pub fn marker(patient: &str, id: &str) -> String {
    format!("MRK-{patient}-{id}")
}

/// What nobody may see of it: its narrative.
pub const HIDDEN: &str = "MRK-narrative";

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(inside) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = inside.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() && !path.ends_with("invalid") {
            walk(&path, found);
        } else if path.extension().is_some_and(|end| end == "json") && !path.ends_with("INDEX.json") {
            found.push(path);
        }
    }
}

fn entries(whole: &Value) -> Vec<Value> {
    let entries = whole["entry"].as_array().cloned().unwrap_or_else(|| vec![json!({"resource": whole})]);
    entries.into_iter().filter(|entry| entry["resource"].is_object()).collect()
}

struct File<'f> {
    entries: &'f [Value],
    at: usize,
    patient: &'f str,
}

impl File<'_> {
    /// Those that a holder may be asked for and that are valid R4, under ids that no other file gives.
    fn resources(&self) -> Vec<Value> {
        let names = self.names();
        let numbered = self.entries.iter().enumerate();
        let mut all: Vec<Value> =
            numbered.filter_map(|(at, entry)| self.resource(at, entry, &names)).collect();
        let here: BTreeSet<String> = all.iter().map(address).collect();
        all.retain(|one| {
            let medicine = one["medicationReference"]["reference"].as_str().unwrap_or_default();
            // Known fault: an order of a medicine that the server does not have fails all of the holder.
            !medicine.starts_with("Medication/") || here.contains(medicine)
        });
        all
    }

    /// What each resource of the file was called, and is called here.
    fn names(&self) -> BTreeMap<String, String> {
        let mut names = BTreeMap::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let new = match kind(&entry["resource"]) {
                "Patient" => self.person(),
                kind => format!("{kind}/{}", self.id(at)),
            };
            let old = [entry["fullUrl"].as_str().map(str::to_owned), Some(address(&entry["resource"]))];
            names.extend(old.into_iter().flatten().map(|old| (old, new.clone())));
        }
        names
    }

    fn id(&self, at: usize) -> String {
        format!("f{}-{at}", self.at)
    }

    fn person(&self) -> String {
        format!("Patient/{}", self.patient)
    }

    fn resource(&self, at: usize, entry: &Value, names: &BTreeMap<String, String>) -> Option<Value> {
        let mut one = entry["resource"].clone();
        let about: Vec<&str> = SUBJECTS.into_iter().filter(|member| one[*member].is_object()).collect();
        let is_asked = ALONG.contains(&kind(&one)) || (ABOUT.contains(&kind(&one)) && !about.is_empty());
        is_asked.then_some(())?;
        self.point(&mut one, names);
        for member in about {
            one[member] = json!({"reference": self.person()});
        }
        one["id"] = json!(self.id(at));
        self.mark(&mut one);
        let text = one.to_string();
        let is_valid = strict::parse(text.as_bytes()).is_ok_and(|doc| r4::check(doc.root()).is_empty());
        is_valid.then_some(one)
    }

    /// References lead to what their targets are called here, and to this person wherever they named one.
    fn point(&self, value: &mut Value, names: &BTreeMap<String, String>) {
        if let Some(target) = value.get("reference").and_then(Value::as_str) {
            let to_person = target.starts_with("Patient/") || target.contains("/Patient/");
            let new = if to_person { Some(self.person()) } else { names.get(target).cloned() };
            value["reference"] = json!(new.unwrap_or_else(|| target.to_owned()));
        }
        match value {
            Value::Array(all) => all.iter_mut().for_each(|value| self.point(value, names)),
            Value::Object(all) => all.values_mut().for_each(|value| self.point(value, names)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Says whose it is, in words that a practice may read, and in a narrative that nobody may.
    fn mark(&self, one: &mut Value) {
        let marker = marker(self.patient, one["id"].as_str().unwrap());
        let div = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{HIDDEN}-{marker}</div>");
        one["text"] = json!({"status": "generated", "div": div});
        if NOTED.contains(&kind(one)) {
            one["note"] = json!([{"text": marker}]);
        }
    }
}

fn kind(one: &Value) -> &str {
    one["resourceType"].as_str().unwrap_or_default()
}

fn address(one: &Value) -> String {
    format!("{}/{}", kind(one), one["id"].as_str().unwrap_or_default())
}

/// Members that say about whom a resource is.
const SUBJECTS: [&str; 4] = ["subject", "patient", "beneficiary", "for"];
/// What a holder is asked for of a person. Appointment, which names them otherwise, is not in the corpus.
const ABOUT: [&str; 23] = [
    "AllergyIntolerance",
    "CarePlan",
    "CareTeam",
    "Condition",
    "Consent",
    "Coverage",
    "DeviceUseStatement",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "EpisodeOfCare",
    "Flag",
    "Goal",
    "Immunization",
    "MedicationRequest",
    "MedicationStatement",
    "NutritionOrder",
    "Observation",
    "Procedure",
    "QuestionnaireResponse",
    "RelatedPerson",
    "ServiceRequest",
    "Task",
];
/// What comes along with it.
const ALONG: [&str; 3] = ["Device", "Medication", "Practitioner"];
/// What has a note that may leave, and leaves the same from there as from here.
const NOTED: [&str; 8] = [
    "AllergyIntolerance",
    "Condition",
    "DeviceUseStatement",
    "Immunization",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Procedure",
];
