//! How long the tables take to compile, a resource to classify, and a bundle of 100 kB to be filtered, beside a
//! filter over serde_json's tree that does the same kind of work on the same bytes in the same run.
//! `cargo run --release -p fhir-mappings --example filter`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::collapsible_if,
    reason = "a benchmark prints"
)]

use consent::question::{Asker, Assurance, Capacity, Party, Purpose, Question, Subject};
use consent::record::{Giver, Holder as From, Kind, Provision, Source, Status, User};
use consent::{ConsentRecord, Identifier, Reading, Rules};
use fhir_mappings::classify::Origin;
use fhir_mappings::release::{Bound, Contribution, Holder, Ids, Raw, Reader, View, release};
use fhir_mappings::tables::Tables;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

struct Short;
impl Ids for Short {
    fn outward(&self, _: &str, _: &str, key: &str) -> String {
        format!("o{key}")
    }
}

/// Real-looking resources with narrative, notes and tags, as holders send them.
fn resource(at: usize) -> String {
    let narrative = "<div xmlns=\\\"http://www.w3.org/1999/xhtml\\\"><p>Samenvatting van deze meting voor de dossiervoering van de praktijk, met uitleg.</p></div>";
    format!(
        r#"{{"resourceType":"Observation","id":"o{at}","meta":{{"versionId":"1","lastUpdated":"2026-11-01T10:00:00Z","profile":["http://nictiz.nl/fhir/StructureDefinition/nl-core-LaboratoryTestResult"],"tag":[{{"system":"urn:holder","code":"dossier"}}]}},"text":{{"status":"generated","div":"{narrative}"}},"identifier":[{{"system":"urn:holder","value":"lab-{at}"}}],"status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"Laboratory"}}]}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"62238-1","display":"eGFR"}}],"text":"eGFR volgens CKD-EPI"}},"subject":{{"reference":"Patient/p","display":"Een naam"}},"effectiveDateTime":"2026-10-21","issued":"2026-10-21T10:00:00+02:00","performer":[{{"display":"Laboratorium"}}],"valueQuantity":{{"value":38.50,"unit":"mL/min","system":"http://unitsofmeasure.org","code":"mL/min"}},"note":[{{"text":"Let op bij kleine letters, en bel als het zakt."}}],"referenceRange":[{{"low":{{"value":60,"unit":"mL/min"}},"text":"boven zestig"}}]}}"#
    )
}

fn median(mut runs: Vec<Duration>) -> Duration {
    runs.sort();
    runs[runs.len() / 2]
}

/// The same kind of work over a tree: parse, keep listed paths, judge codings, rewrite references, write.
struct Tree {
    paths: HashSet<String>,
    known: HashSet<String>,
    marks: HashMap<(String, String), u64>,
}

impl Tree {
    fn filter(&self, text: &str, id: &str) -> Option<String> {
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        let mut kept = self.walk(&value, &mut String::from("Observation"))?;
        kept["id"] = id.into();
        serde_json::to_string(&kept).ok()
    }

    fn walk(&self, value: &serde_json::Value, path: &mut String) -> Option<serde_json::Value> {
        match value {
            serde_json::Value::Object(members) => {
                if let Some(reference) = members.get("reference") {
                    return (reference == "Patient/p")
                        .then(|| serde_json::json!({"reference": "Patient/pseudo"}));
                }
                if let (Some(system), Some(code)) = (members.get("system"), members.get("code")) {
                    let (system, code) = (system.as_str()?, code.as_str()?);
                    if !self.known.contains(system)
                        || self.marks.contains_key(&(system.to_owned(), code.to_owned()))
                    {
                        return None;
                    }
                }
                let mut kept = serde_json::Map::new();
                for (name, inner) in members {
                    let length = path.len();
                    path.push('.');
                    path.push_str(name);
                    if self.paths.contains(path.as_str()) {
                        if let Some(inner) = self.walk(inner, path) {
                            kept.insert(name.clone(), inner);
                        }
                    }
                    path.truncate(length);
                }
                (!kept.is_empty()).then_some(serde_json::Value::Object(kept))
            }
            serde_json::Value::Array(items) => {
                let kept: Vec<_> = items.iter().filter_map(|item| self.walk(item, path)).collect();
                (!kept.is_empty()).then_some(serde_json::Value::Array(kept))
            }
            plain => Some(plain.clone()),
        }
    }
}

fn tree() -> Tree {
    let paths = "resourceType status category category.coding category.coding.system category.coding.code category.coding.display code code.coding code.coding.system code.coding.code code.coding.display subject effectiveDateTime issued performer valueQuantity valueQuantity.value valueQuantity.unit valueQuantity.system valueQuantity.code referenceRange referenceRange.low referenceRange.low.value referenceRange.low.unit";
    Tree {
        paths: paths.split(' ').map(|p| format!("Observation.{p}")).collect(),
        known: [
            "http://loinc.org",
            "http://unitsofmeasure.org",
            "http://terminology.hl7.org/CodeSystem/observation-category",
        ]
        .into_iter()
        .map(str::to_owned)
        .collect(),
        marks: HashMap::new(),
    }
}

fn main() {
    let rules = Rules::national().unwrap();
    let words = rules.vocabulary();
    let first = Instant::now();
    let tables = Tables::national(words).unwrap();
    let cold = first.elapsed();
    let compile = median(
        (0..9)
            .map(|_| {
                let t = Instant::now();
                drop(Tables::national(words).unwrap());
                t.elapsed()
            })
            .collect(),
    );
    println!("tables: {cold:?} cold (with R4 definitions), {compile:?} warm; aim 50 ms");

    let texts: Vec<String> = (0..)
        .map(resource)
        .scan(0, |size, text| {
            *size += text.len();
            (*size < 100_000).then_some(text)
        })
        .collect();
    let size: usize = texts.iter().map(String::len).sum();
    let docs: Vec<_> = texts.iter().map(|t| fhir_mappings::json::parse(t.as_bytes()).unwrap()).collect();
    let rounds = 200;
    let t = Instant::now();
    for _ in 0..rounds {
        for doc in &docs {
            std::hint::black_box(tables.classify(doc.root(), &Origin { categories: &["gp"] }));
        }
    }
    println!("classify: {:?} a resource; aim 2 us", t.elapsed() / (rounds * docs.len() as u32));

    let function = words.function("district-nursing").unwrap();
    let mut provision = Provision::new(Kind::Permit);
    provision.holders = vec![From::Any];
    provision.users = vec![User::Function("district-nursing".into())];
    let at: jiff::Timestamp = "2026-11-21T11:00:00Z".parse().unwrap();
    let record = ConsentRecord {
        id: "c".into(),
        version: 1,
        status: Status::Active,
        givers: vec![Giver::Person],
        register: "own".into(),
        recorded_by: None,
        given_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        source: Source { title: Some("t".into()), ..Source::default() },
        policy: "https://x/y".into(),
        provision,
    };
    let question = Question {
        asker: Asker {
            organisation: Party {
                identifiers: vec![Identifier::new("u", "a")],
                categories: words.category("home-care").into_iter().collect(),
                functions: vec![function],
            },
            function: Some(function),
            person: vec![Identifier::new("u", "p")],
            role: None,
            responsible: None,
            assurance: Assurance::Registered,
            capacity: Capacity::Professional,
        },
        purpose: Purpose::Treat,
        subject: Subject { birth_date: Some(jiff::civil::date(1942, 6, 11)), representatives: Vec::new() },
        holder: Party {
            identifiers: vec![Identifier::new("u", "h")],
            categories: words.category("gp").into_iter().collect(),
            functions: Vec::new(),
        },
        classes: words.all_classes(),
        relations: Vec::new(),
        attestations: Vec::new(),
        break_glass: None,
        at,
    };
    let decision = consent::decide(&rules, &question, &[Reading::Readable(record)]);
    let keys: Vec<String> = (0..texts.len()).map(|n| format!("o{n}")).collect();
    let raws: Vec<Raw<'_>> = texts
        .iter()
        .zip(&keys)
        .map(|(t, key)| Raw { key, full_url: None, bytes: t.as_bytes(), recorded: None })
        .collect();
    let view = View {
        function: Some("district-nursing"),
        role: None,
        reader: Reader::Professional,
        emergency: false,
        at,
        identifiers: &[],
        patient_id: "pseudo",
        types: &|_| true,
        protected: false,
        ids: &Short,
    };
    let part = [Contribution {
        holder: Holder { code: "h", name: "H", categories: &["gp"] },
        decision: &decision,
        bound: Bound::AtImport,
        patient_references: &["Patient/p"],
        resources: &raws,
    }];
    let tree = tree();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut bytes = (0, 0);
    for _ in 0..60 {
        let t = Instant::now();
        let released = release(&tables, &view, &part);
        ours.push(t.elapsed());
        bytes.0 = released.resources.iter().map(|r| r.bytes.len()).sum();
        let t = Instant::now();
        let out: Vec<String> =
            texts.iter().zip(&keys).filter_map(|(text, key)| tree.filter(text, key)).collect();
        theirs.push(t.elapsed());
        bytes.1 = out.iter().map(String::len).sum();
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "filter of {size} bytes: ours {ours:?} ({} out, whole stage with classification), tree {theirs:?} ({} out): {:.1} times",
        bytes.0,
        bytes.1,
        theirs.as_secs_f64() / ours.as_secs_f64()
    );
}
