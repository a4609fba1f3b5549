//! Rendered events against the IHE BALP profiles, read from their StructureDefinitions where they are present.
//!
//! A small checker of our own: cardinality, fixed and pattern values, and slices told apart by value. Value sets
//! of BALP itself are not at hand; FHIR's own required bindings are `r4::check`'s work.

use super::*;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Finds `shared/profiles/ihe-balp` beside the workspace or two levels up.
fn folder() -> Option<PathBuf> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().map(|up| up.join("shared/profiles/ihe-balp")).find(|folder| folder.is_dir())
}

/// Elements of a profile's snapshot, by id.
struct Profile {
    elements: Vec<Value>,
}

impl Profile {
    fn load(folder: &std::path::Path, url: &str) -> Self {
        let name = url.rsplit('/').next().unwrap();
        let text = std::fs::read(folder.join(format!("StructureDefinition-{name}.json"))).unwrap();
        let definition: Value = serde_json::from_slice(&text).unwrap();
        Self { elements: definition["snapshot"]["element"].as_array().unwrap().clone() }
    }

    fn children<'p>(&'p self, id: &str) -> Vec<&'p Value> {
        let direct = |element: &&Value| {
            let rest = element["id"].as_str().unwrap().strip_prefix(&format!("{id}."));
            rest.is_some_and(|rest| !rest.contains('.') && !rest.contains(':'))
        };
        self.elements.iter().filter(direct).collect()
    }

    fn slices<'p>(&'p self, id: &str) -> Vec<&'p Value> {
        let slice = |element: &&Value| {
            let rest = element["id"].as_str().unwrap().strip_prefix(&format!("{id}:"));
            rest.is_some_and(|rest| !rest.contains('.'))
        };
        self.elements.iter().filter(slice).collect()
    }

    /// Judges one value under an element; `faults` collects element ids.
    fn judge(&self, element: &Value, value: &Value, faults: &mut Vec<String>) {
        let id = element["id"].as_str().unwrap();
        for (name, wanted) in element.as_object().unwrap() {
            let holds = match name {
                _ if name.starts_with("pattern") => matches(wanted, value),
                _ if name.starts_with("fixed") => wanted == value,
                _ => true,
            };
            if !holds {
                faults.push(format!("{id} {name}"));
            }
        }
        for child in self.children(id) {
            self.member(child, value, faults);
        }
    }

    fn member(&self, child: &Value, value: &Value, faults: &mut Vec<String>) {
        let id = child["id"].as_str().unwrap();
        let name = child["path"].as_str().unwrap().rsplit('.').next().unwrap();
        let found: Vec<&Value> = match name.strip_suffix("[x]") {
            Some(stem) => value
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(n, _)| n.starts_with(stem))
                .map(|(_, v)| v)
                .collect(),
            None => match value.get(name) {
                Some(Value::Array(items)) => items.iter().collect(),
                Some(one) => vec![one],
                None => vec![],
            },
        };
        count(id, child, found.len(), faults);
        for one in &found {
            self.judge(child, one, faults);
        }
        let slices = self.slices(id);
        let mut unmatched = found.len();
        for slice in slices {
            let of_slice: Vec<&&Value> = found.iter().filter(|one| self.is_in(slice, one)).collect();
            unmatched -= of_slice.len().min(unmatched);
            count(slice["id"].as_str().unwrap(), slice, of_slice.len(), faults);
            for one in of_slice {
                self.judge(slice, one, faults);
            }
        }
        if child["slicing"]["rules"] == "closed" && unmatched > 0 {
            faults.push(format!("{id} closed"));
        }
    }

    /// Whether an item belongs to a slice: by the slice's own pattern, or that of its `type`; slices told apart
    /// by a value set of BALP are matched by FHIR's interaction system.
    fn is_in(&self, slice: &Value, value: &Value) -> bool {
        let id = slice["id"].as_str().unwrap();
        let pattern = |element: &Value| {
            element
                .as_object()
                .unwrap()
                .iter()
                .find(|(n, _)| n.starts_with("pattern"))
                .map(|(_, v)| v.clone())
        };
        if let Some(wanted) = pattern(slice) {
            return matches(&wanted, value);
        }
        let kind = self.children(id).into_iter().find(|child| child["id"] == format!("{id}.type"));
        match kind.and_then(pattern) {
            Some(wanted) => matches(&wanted, &value["type"]),
            None => value["system"] == "http://hl7.org/fhir/restful-interaction",
        }
    }
}

fn count(id: &str, element: &Value, found: usize, faults: &mut Vec<String>) {
    let min = usize::try_from(element["min"].as_u64().unwrap_or(0)).unwrap();
    let max = element["max"].as_str().and_then(|max| max.parse::<usize>().ok()).unwrap_or(usize::MAX);
    if found < min || found > max {
        faults.push(format!("{id} {min}..{max}, found {found}"));
    }
}

/// FHIR pattern: everything in `wanted` stands in `value`; array items in any order.
fn matches(wanted: &Value, value: &Value) -> bool {
    match (wanted, value) {
        (Value::Object(w), Value::Object(v)) => {
            w.iter().all(|(name, inner)| v.get(name).is_some_and(|found| matches(inner, found)))
        }
        (Value::Array(w), Value::Array(v)) => {
            w.iter().all(|inner| v.iter().any(|found| matches(inner, found)))
        }
        _ => wanted == value,
    }
}

fn faults(profile: &Profile, event: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let root = profile.elements.iter().find(|element| element["id"] == "AuditEvent").unwrap();
    profile.judge(root, event, &mut faults);
    faults
}

#[test]
fn every_event_keeps_the_profile_that_it_claims() {
    let Some(folder) = folder() else {
        println!("skipped: shared/profiles/ihe-balp is absent");
        return;
    };
    let (mut counts, mut profiles) = (BTreeMap::<String, usize>::new(), BTreeMap::new());
    for entry in all() {
        let Some(url) = rendered_profile(&entry) else { continue };
        let Some(bytes) = render(&entry, place()) else { continue };
        let event: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(event["meta"]["profile"][0], url.as_str());
        let profile = profiles.entry(url.clone()).or_insert_with(|| Profile::load(&folder, &url));
        let found = faults(profile, &event);
        assert!(found.is_empty(), "{url}: {found:?}");
        *counts.entry(url).or_default() += 1;
    }
    assert_eq!(counts.len(), 5, "each profile that we promise is met by some record");
    println!("BALP: {counts:?}");
}

#[test]
fn a_disclosure_reads_as_a_receipt_to_the_recipient() {
    let Some(folder) = folder() else {
        println!("skipped: shared/profiles/ihe-balp is absent");
        return;
    };
    let entry = full(Kind::Answered, Interaction::Summary, Outcome::Success);
    let bytes = render_for(Side::Recipient, &entry, place()).unwrap();
    let event: Value = serde_json::from_slice(&bytes).unwrap();
    let url = event["meta"]["profile"][0].as_str().unwrap();
    assert!(url.ends_with("PrivacyDisclosure.Recipient"));
    assert_eq!(faults(&Profile::load(&folder, url), &event), Vec::<String>::new());
    assert!(r4::check(json::parse(&bytes).unwrap().root()).is_empty());
}

/// The checker itself sees faults: IHE's own examples pass, and ours with one thing taken away do not.
#[test]
fn the_profile_checker_is_red_on_planted_faults() {
    let Some(folder) = folder() else {
        println!("skipped: shared/profiles/ihe-balp is absent");
        return;
    };
    let entry = full(Kind::Answered, Interaction::Summary, Outcome::Success);
    let profile = Profile::load(&folder, &rendered_profile(&entry).unwrap());
    let good = event(&entry);
    assert!(faults(&profile, &good).is_empty());
    #[track_caller]
    fn red(profile: &Profile, good: &Value, spoil: impl Fn(&mut Value)) {
        let mut bad = good.clone();
        spoil(&mut bad);
        assert!(!faults(profile, &bad).is_empty());
    }
    red(&profile, &good, |event| event["type"]["code"] = "110100".into());
    red(&profile, &good, |event| event["action"] = "C".into());
    red(&profile, &good, |event| drop(event["agent"][0].as_object_mut().unwrap().remove("network")));
    red(&profile, &good, |event| drop(event["entity"].as_array_mut().unwrap().remove(0)));
    red(&profile, &good, |event| drop(event["subtype"].as_array_mut().unwrap().remove(0)));
    red(&profile, &good, |event| drop(event.as_object_mut().unwrap().remove("recorded")));
}

#[test]
fn the_profile_checker_passes_ihe_own_examples() {
    let (Some(folder), here) = (folder(), PathBuf::from(env!("CARGO_MANIFEST_DIR"))) else {
        println!("skipped: shared/profiles/ihe-balp is absent");
        return;
    };
    let Some(examples) =
        here.ancestors().map(|up| up.join("shared/corpus/audit-events")).find(|folder| folder.is_dir())
    else {
        println!("skipped: shared/corpus/audit-events is absent");
        return;
    };
    let (mut passed, mut failed) = (0, Vec::new());
    for file in
        std::fs::read_dir(examples).unwrap().map(|file| file.unwrap().path()).filter(|path| path.is_file())
    {
        let event: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for url in event["meta"]["profile"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let name = url.rsplit('/').next().unwrap();
            if !folder.join(format!("StructureDefinition-{name}.json")).is_file() {
                continue;
            }
            let found = faults(&Profile::load(&folder, url), &event);
            if found.is_empty() {
                passed += 1
            } else {
                failed.push((file.file_name().unwrap().to_owned(), found))
            }
        }
    }
    println!("BALP examples: {passed} pass, {} do not: {failed:?}", failed.len());
    assert!(passed > 0);
}
