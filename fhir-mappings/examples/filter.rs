//! How long the tables take to compile, a resource to classify, and a bundle of 100 kB to be filtered, beside a
//! filter over serde_json's tree that does the same work on the same bytes in the same run, with the same outcome.
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
use consent::{ClassSet, ConsentRecord, Identifier, LabelSet, Reading, Rules};
use fhir_mappings::classify::Origin;
use fhir_mappings::release::{Bound, Contribution, Holder, Ids, Raw, Reader, Release, View, release};
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

/// The same work over a tree, as one would write it for this function: parse, class by codes and labels, look whether
/// it is about the person and young enough, keep listed paths, judge codings, rewrite references, write. What leaves is
/// compared with what our stage lets leave.
struct Tree {
    paths: HashSet<String>,
    /// What the codes of each system that the tables know tell.
    systems: HashMap<String, HashMap<String, Mark>>,
    /// Words that tell, in one automaton, as one would do it here too.
    words: aho_corasick::AhoCorasick,
    oldest: jiff::Timestamp,
    open: ClassSet,
    notes: ClassSet,
}

/// Classes and labels.
type Mark = (ClassSet, LabelSet);

impl Tree {
    fn filter(&self, text: &str, id: &str) -> Option<String> {
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        let (classes, labels) = self.class(&value)?;
        let person = value.get("subject")?.get("reference")? == "Patient/p";
        let when = value.get("effectiveDateTime").or_else(|| value.get("issued"))?.as_str()?;
        let young = consent::Moment::parse(when).ok()?.after() > self.oldest;
        if !classes.is_subset(self.open) || !labels.is_empty() || !person || !young {
            return None;
        }
        let mut kept = self.walk(&value, &mut String::from("Observation"), classes)?;
        kept["id"] = id.into();
        serde_json::to_string(&kept).ok()
    }

    /// Classes and labels of a resource: what its codings and its security labels tell; notes when they tell nothing.
    fn class(&self, resource: &serde_json::Value) -> Option<Mark> {
        let concepts = ["category", "code", "bodySite", "method", "valueCodeableConcept", "interpretation"];
        let mut all = Mark::default();
        let mut add = |coding: &serde_json::Value| {
            let (classes, labels) = self.coding(coding).copied().unwrap_or_default();
            all = (all.0.union(classes), all.1.union(labels));
        };
        for concept in concepts.iter().filter_map(|name| resource.get(name)) {
            for coding in each(concept).flat_map(|concept| concept.get("coding")).flat_map(each) {
                add(coding);
            }
        }
        for component in resource.get("component").into_iter().flat_map(each) {
            for coding in component.get("code").and_then(|code| code.get("coding")).into_iter().flat_map(each)
            {
                add(coding);
            }
        }
        for tag in resource.get("meta").and_then(|meta| meta.get("security")).into_iter().flat_map(each) {
            self.coding(tag)?;
            add(tag);
        }
        Some(if all.0.is_empty() { (self.notes, all.1) } else { all })
    }

    fn coding(&self, coding: &serde_json::Value) -> Option<&Mark> {
        self.systems.get(coding.get("system")?.as_str()?)?.get(coding.get("code")?.as_str()?)
    }

    fn walk(
        &self,
        value: &serde_json::Value,
        path: &mut String,
        around: ClassSet,
    ) -> Option<serde_json::Value> {
        match value {
            serde_json::Value::Object(members) => {
                if let Some(reference) = members.get("reference") {
                    return (reference == "Patient/p")
                        .then(|| serde_json::json!({"reference": "Patient/pseudo"}));
                }
                if let (Some(system), Some(code)) = (members.get("system"), members.get("code")) {
                    let (classes, labels) =
                        self.systems.get(system.as_str()?)?.get(code.as_str()?).copied().unwrap_or_default();
                    if !classes.minus(around).is_subset(self.open) || !labels.is_empty() {
                        return None;
                    }
                    if let Some(display) = members.get("display").and_then(serde_json::Value::as_str) {
                        if self.words.is_match(display) {
                            return None;
                        }
                    }
                }
                let mut kept = serde_json::Map::new();
                for (name, inner) in members {
                    let length = path.len();
                    path.push('.');
                    path.push_str(name);
                    if self.paths.contains(path.as_str()) {
                        if let Some(inner) = self.walk(inner, path, around) {
                            kept.insert(name.clone(), inner);
                        }
                    }
                    path.truncate(length);
                }
                (!kept.is_empty()).then_some(serde_json::Value::Object(kept))
            }
            serde_json::Value::Array(items) => {
                let kept: Vec<_> = items.iter().filter_map(|item| self.walk(item, path, around)).collect();
                (!kept.is_empty()).then_some(serde_json::Value::Array(kept))
            }
            plain => Some(plain.clone()),
        }
    }
}

/// The items of a list, or the one that is no list.
fn each(value: &serde_json::Value) -> impl Iterator<Item = &serde_json::Value> {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter()
}

/// The stage under a name of its own, by which a profiler finds it.
#[inline(never)]
fn stage(tables: &Tables, view: &View<'_>, part: &[Contribution<'_>]) -> Release {
    release(tables, view, part)
}

fn tree(labs: ClassSet, open: ClassSet, notes: ClassSet, at: jiff::Timestamp) -> Tree {
    let paths = "resourceType status category category.coding category.coding.system category.coding.code category.coding.display code code.coding code.coding.system code.coding.code code.coding.display subject effectiveDateTime issued performer valueQuantity valueQuantity.value valueQuantity.unit valueQuantity.system valueQuantity.code referenceRange referenceRange.low referenceRange.low.value referenceRange.low.unit";
    let told = |code: &str| HashMap::from([(code.to_owned(), (labs, LabelSet::EMPTY))]);
    let zoned = at.to_zoned(consent::period::amsterdam());
    let words = include_str!("../tables/national/words.txt").lines().filter(|line| !line.starts_with('#'));
    let words = words.filter_map(|line| line.split(" | ").next()).flat_map(|words| words.split(' '));
    let words = words.map(|word| word.trim_start_matches(['*', '=']).replace('_', " "));
    let words = aho_corasick::AhoCorasickBuilder::new().ascii_case_insensitive(true).build(words).unwrap();
    Tree {
        words,
        paths: paths.split(' ').map(|p| format!("Observation.{p}")).collect(),
        systems: HashMap::from([
            ("http://loinc.org".to_owned(), told("62238-1")),
            ("http://unitsofmeasure.org".to_owned(), HashMap::new()),
            ("http://terminology.hl7.org/CodeSystem/observation-category".to_owned(), told("laboratory")),
        ]),
        oldest: zoned.checked_sub(jiff::Span::new().months(4)).unwrap().timestamp(),
        open,
        notes,
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
    let told = tables.classify(docs[0].root(), &Origin { categories: &["gp"] }).classes;
    let open = decision.permits().map(|(class, _)| class).collect();
    let tree = tree(told, open, words.classes("notes").unwrap(), at);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut bytes = (0, 0);
    for _ in 0..60 {
        let t = Instant::now();
        let released = stage(&tables, &view, &part);
        ours.push(t.elapsed());
        let released: Vec<&[u8]> = released.resources.iter().map(|r| &r.bytes[..]).collect();
        bytes.0 = released.iter().map(|bytes| bytes.len()).sum();
        let t = Instant::now();
        let out: Vec<String> = texts
            .iter()
            .zip(&keys)
            .filter_map(|(text, key)| tree.filter(text, &Short.outward("h", "Observation", key)))
            .collect();
        theirs.push(t.elapsed());
        bytes.1 = out.iter().map(String::len).sum();
        assert_eq!(released.len(), out.len());
        for (ours, theirs) in released.iter().zip(&out) {
            let read = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
            assert_eq!(read(ours), read(theirs.as_bytes()), "not the same work");
        }
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "filter of {size} bytes: ours {ours:?} ({} out, whole stage with classification), tree {theirs:?} ({} out): {:.1} times",
        bytes.0,
        bytes.1,
        theirs.as_secs_f64() / ours.as_secs_f64()
    );
}
