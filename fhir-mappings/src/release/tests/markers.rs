//! A marker in every element path of every type, for every function and level: what comes out is exactly what the
//! lines of the tables say, read a second time by a plain filter.

use super::naive::{self, Given};
use super::world::{PATIENT, RULES, TABLES, World, at};
use crate::json::parse;
use crate::r4::{Definitions, Element, TypeDef};
use crate::release::person::Person;
use crate::release::select::{Access, Thing};
use crate::release::{Bound, Holder, Ids, Reader, View};
use crate::tables::automaton::{FULL, REDUCED};
use crate::tables::{TypeKind, function_bit};
use consent::{ClassSet, Level};
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};

/// Makes a resource that uses every element; `variant` turns the choices.
struct Specimen {
    count: usize,
    variant: usize,
}

impl Specimen {
    fn make(resource_type: &str, variant: usize) -> Value {
        let mut specimen = Self { count: 0, variant };
        let def = Definitions::get().type_def(resource_type).unwrap();
        let mut made = specimen.group(def, resource_type, 0);
        made.insert("resourceType".into(), json!(resource_type));
        made.insert("id".into(), json!("x1"));
        Value::Object(made)
    }

    fn group(&mut self, def: &TypeDef, resource_type: &str, depth: usize) -> Map<String, Value> {
        const SKIPPED: &[&str] = &[
            "id",
            "meta",
            "implicitRules",
            "extension",
            "modifierExtension",
            "contained",
            "text",
            "language",
        ];
        let mut made = Map::new();
        for element in &def.elements {
            let root = depth == 0;
            if (SKIPPED.contains(&element.name) && (root || element.name != "text"))
                || unlisted_modifier(def, element)
            {
                continue;
            }
            let Some(kind) = element.types.get(self.variant % element.types.len().max(1)) else { continue };
            let name = if element.choice {
                let mut letters = kind.code.chars();
                format!(
                    "{}{}{}",
                    element.name,
                    letters.next().unwrap().to_ascii_uppercase(),
                    letters.as_str()
                )
            } else {
                element.name.to_owned()
            };
            let Some(value) = self.value(element, kind.code, resource_type, depth) else { continue };
            let many = element.max == crate::r4::Max::Many;
            made.insert(name, if many { json!([value]) } else { value });
        }
        made
    }

    fn value(&mut self, element: &Element, code: &str, resource_type: &str, depth: usize) -> Option<Value> {
        self.count += 1;
        let mark = format!("MARK{}x", self.count);
        if let Some(content) = element.content {
            let def = Definitions::get().type_def(content)?;
            return (depth < 4).then(|| Value::Object(self.group(def, resource_type, depth + 1)));
        }
        Some(match code {
            "Reference" => json!({"reference": "Patient/p1", "display": mark}),
            "Coding" => coding(&mark),
            "CodeableConcept" => json!({"coding": [coding(&mark)], "text": format!("TEXT{mark}")}),
            "Identifier" => json!({"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": mark}),
            "Period" => json!({"start": "2026-11-01", "end": "2027-03-01"}),
            "boolean" => json!(true),
            "date" | "dateTime" => json!("2026-11-20"),
            "instant" => json!("2026-11-20T10:00:00Z"),
            "decimal" | "integer" | "positiveInt" | "unsignedInt" => json!(self.count + 1000),
            "code" if matches!(element.name, "status" | "lifecycleStatus") => json!("active"),
            "Extension" | "Meta" | "Narrative" | "Resource" => return None,
            code if code.starts_with(|c: char| c.is_lowercase()) => json!(mark),
            code => {
                let def = Definitions::get().type_def(code)?;
                if depth > 4 {
                    return None;
                }
                Value::Object(self.group(def, resource_type, depth + 1))
            }
        })
    }
}

fn coding(mark: &str) -> Value {
    json!({"system": "http://terminology.hl7.org/CodeSystem/any", "code": mark, "display": format!("DISPLAY{mark}")})
}

/// What changes meaning and is not listed takes the resource along; a specimen with it would show nothing.
fn unlisted_modifier(def: &TypeDef, element: &Element) -> bool {
    let (section, path) =
        def.name.split_once('.').map_or((def.name, String::new()), |(s, p)| (s, format!("{p}.")));
    let path = format!("{path}{}", element.name);
    element.modifier
        && !TABLES.rows().iter().any(|row| {
            let own = row.path.split(['(', ' ']).next().unwrap_or_default().replace("[x]", "");
            row.resource_type == section && own == path
        })
}

struct OneId;
impl Ids for OneId {
    fn outward(&self, _: &str, _: &str, _: &str) -> String {
        "ours".to_owned()
    }
}

/// Releases `resource` beside its Patient and compares with the plain filter. Returns whether it came out.
pub(super) fn compare(resource: &Value, function: &str, category: &'static str, protected: bool) -> bool {
    let mut resource = resource.clone();
    resource["id"] = json!("x1");
    let text = resource.to_string();
    let resource_type = resource["resourceType"].as_str().unwrap().to_owned();
    let world = World::new(category, &[PATIENT, &text]);
    let mut world = ["PSY", "SUD", "HIV"].into_iter().fold(world, World::clear);
    world.protected = protected;
    let decision = world.decide(function);
    let released = world.release(function);
    if !released.incidents.is_empty() {
        return false;
    }
    let ours = released
        .resources
        .iter()
        .find(|r| r.resource_type == resource_type && r.key.as_deref() == resource["id"].as_str())
        .map(|r| serde_json::from_slice::<Value>(&r.bytes).unwrap());

    let identifiers = [("http://fhir.nl/fhir/NamingSystem/bsn", "999990032")];
    let view = View {
        function: Some(function),
        role: None,
        reader: Reader::Professional,
        emergency: false,
        at: at(),
        identifiers: &identifiers,
        patient_id: "pseudo",
        types: &|_| true,
        protected,
        ids: &OneId,
    };
    let categories = [category];
    let holder = Holder { code: "holder", name: "Houder", categories: &categories };
    let words = RULES.vocabulary();
    let bit = function_bit(words.function(function).unwrap().index());
    let access = Access::new(&TABLES, &view, holder, &decision, bit);
    let doc = parse(text.as_bytes()).unwrap();
    let patient = parse(PATIENT.as_bytes()).unwrap();
    let marked = TABLES.mark(doc.root(), &crate::classify::Origin { categories: &categories });
    let kind = TABLES.kind(&resource_type).unwrap();
    let static_type: &str = &resource_type;
    let judged = access.judge(Thing { resource_type: static_type, value: doc.root(), marked, first: true });
    let names: HashMap<u64, String> =
        TABLES.forms.iter().flatten().map(|form| (form.bit, form.name.clone())).collect();
    let name_of = |bits: u64| -> Vec<String> {
        (0..64)
            .map(|n| 1_u64 << n)
            .filter(|b| bits & b != 0)
            .map(|b| match b {
                FULL => "full".to_owned(),
                REDUCED => "reduced".to_owned(),
                b => names.get(&b).cloned().unwrap_or_default(),
            })
            .collect()
    };
    let expected = judged.as_ref().filter(|j| j.need & TABLES.identity_stay == 0).and_then(|judged| {
        let clinical = TABLES.clinical & bit != 0;
        let ggz_open =
            category != "ggz" || words.class("mental-health").is_some_and(|c| access.shape_of(c).is_some());
        let open = words.all_classes().iter().filter_map(|class| {
            Some((words.class_code(class).to_owned(), name_of(access.shape_of(class)?).concat()))
        });
        let groups: HashSet<String> = include_str!("../../../tables/national/readers.txt")
            .lines()
            .filter_map(|line| {
                let mut fields = line.split(" | ");
                let name = fields.next()?;
                fields.next()?.split(' ').any(|f| f == function).then(|| name.to_owned())
            })
            .collect();
        let plain: HashSet<String> = include_str!("../../../tables/national/levels.txt")
            .lines()
            .filter(|line| !line.starts_with('#') && !line.contains("bespoke"))
            .filter_map(|line| line.split(" | ").next().map(str::to_owned))
            .chain(["full".to_owned(), "reduced".to_owned()])
            .collect();
        let keys = |key| crate::release::person::Keys { key, full_url: None };
        let triples = [("Patient", keys("p1"), patient.root()), (static_type, keys("x1"), doc.root())];
        let person = Person::read(&triples, &view, Bound::AtImport, &[]);
        let around: ClassSet = marked.class.classes;
        let labelled = if around.is_empty() { TABLES.types[static_type].labels_by } else { around };
        let given = Given {
            tables: &TABLES,
            forms: name_of(judged.need),
            open: open.collect(),
            groups,
            clinical,
            text: clinical && !protected && ggz_open,
            protected,
            safety: judged.safety,
            plain,
            may_tell: &|mark| {
                let silent = mark.classes.is_empty() && mark.labels.is_empty() && !mark.never;
                silent || access.may_tell(mark, around, labelled)
            },
            refer: &|reference| {
                let text = reference.to_string();
                let doc = parse(text.as_bytes()).ok()?;
                matches!(person.whom(doc.root()), crate::release::person::Whom::Subject)
                    .then(|| "Patient/pseudo".to_owned())
                    .or_else(|| {
                        let urn = reference["reference"].as_str().is_none_or(|r| r.starts_with("urn:"));
                        urn.then(|| "urn".to_owned())
                    })
            },
            resource_type: static_type,
            resource: &resource,
            silent: false.into(),
            naming: false.into(),
        };
        naive::filter(&given, &resource)
    });
    if judged.as_ref().is_some_and(|j| j.need & TABLES.identity_stay != 0) || kind == TypeKind::Directory {
        return ours.is_some();
    }
    let ours_without_id = ours.clone().map(|mut v| {
        v.as_object_mut().unwrap().remove("id");
        v
    });
    if ours_without_id != expected {
        panic!(
            "{resource_type} for {function} from {category}, protected {protected}\nours  {ours_without_id:?}\nplain {expected:?}\nfrom  {resource}"
        );
    }
    ours.is_some()
}

const FUNCTIONS: &[&str] = &[
    "gp-own",
    "gp-out-of-hours",
    "ggz-treatment",
    "youth-ggz",
    "district-nursing",
    "wmo-individual",
    "youth-individual",
    "debt-help",
    "triage",
    "stay-search",
    "stay-intake",
    "household-help",
];

fn open_types() -> impl Iterator<Item = &'static str> {
    let all = Definitions::get().resource_types();
    all.into_iter().filter(|t| TABLES.kind(t) == Some(TypeKind::Open) && *t != "Patient")
}

/// A sample; a million bundles with `SLUIS_LONG=1`.
#[test]
fn every_element_comes_out_exactly_where_a_line_says_so() {
    let long = std::env::var_os("SLUIS_LONG").is_some();
    let least = if long { 1_000_000 } else { 1_000 };
    let (mut out, mut compared) = (0_usize, 0_usize);
    for variant in 0.. {
        if variant >= 3 && compared >= least {
            break;
        }
        for resource_type in open_types() {
            let specimen = Specimen::make(resource_type, variant);
            for function in FUNCTIONS {
                for category in ["gp", "ggz", "social", "home-care"] {
                    for protected in [false, true] {
                        if !long && (category.len() + variant + function.len()) % 7 != 0 {
                            continue;
                        }
                        out += usize::from(compare(&specimen, function, category, protected));
                        compared += 1;
                    }
                }
            }
        }
    }
    eprintln!("{compared} bundles compared, of {out} something came out");
    assert!(out > 100, "only {out} specimens came out: the comparison says too little");
}

#[test]
fn levels_are_those_of_the_rules() {
    let words = RULES.vocabulary();
    let medication = words.class("medication").unwrap();
    assert_eq!(TABLES.form(medication, Level::Reduced, "stay-search").0, "medication-stay");
    assert_eq!(TABLES.form(medication, Level::Full, "triage").0, "full");
}
