//! A small world: one holder, one person, one consent that opens what a test names.

use super::super::{Bound, Contribution, Holder, Ids, Raw, Reader, Release, View, release};
use crate::tables::Tables;
use consent::answer::Decision;
use consent::question::{Asker, Assurance, Capacity, Party, Purpose, Question, Subject};
use consent::record::{Holder as From, Kind, Provision, Source, Status, User};
use consent::{ConsentRecord, Identifier, Reading, Rules};
use jiff::Timestamp;
use std::sync::LazyLock;

pub(super) static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::national().unwrap());
pub(super) static TABLES: LazyLock<Tables> =
    LazyLock::new(|| Tables::national(RULES.vocabulary()).unwrap_or_else(|errors| panic!("{errors:#?}")));

pub(super) const PATIENT: &str = r#"{"resourceType":"Patient","id":"p1","identifier":[{"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"999990032"},
 {"system":"urn:local","value":"LOKAAL"}],"name":[{"family":"Jansen","given":["Johanna"]}],"gender":"female","birthDate":"1942-06-11",
 "telecom":[{"system":"phone","value":"06-99000032"}],"address":[{"use":"home","line":["Lindelaan 14"],"city":"Heuvelrijk","postalCode":"9032 AB"}],
 "communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"nl"}]}}]}"#;

pub(super) struct World {
    pub(super) category: &'static str,
    pub(super) resources: Vec<(String, String)>,
    pub(super) labels: Vec<Box<str>>,
    pub(super) classes: Vec<Box<str>>,
    pub(super) bound: Bound,
    pub(super) reader: Reader,
    pub(super) protected: bool,
    /// The one type that the token names; every type when none.
    pub(super) only: Option<&'static str>,
    pub(super) identifiers: Vec<(String, String)>,
}

struct Numbers;
impl Ids for Numbers {
    fn outward(&self, holder: &str, resource_type: &str, key: &str) -> String {
        let seed = format!("{holder}|{resource_type}|{key}");
        let digest = ring::digest::digest(&ring::digest::SHA256, seed.as_bytes());
        data_encoding::BASE32_NOPAD.encode(&digest.as_ref()[..10])
    }
}

fn party(identifier: &str, category: &str, function: Option<&str>) -> Party {
    let words = RULES.vocabulary();
    Party {
        identifiers: vec![Identifier::new("urn:test", identifier)],
        categories: words.category(category).into_iter().collect(),
        functions: function.and_then(|f| words.function(f)).into_iter().collect(),
    }
}

impl World {
    pub(super) fn new(category: &'static str, resources: &[&str]) -> Self {
        let keyed = |text: &&str| {
            let id = serde_json::from_str::<serde_json::Value>(text)
                .ok()
                .and_then(|v| Some(v["id"].as_str()?.to_owned()));
            (id.unwrap_or_default(), (*text).to_owned())
        };
        let words = RULES.vocabulary();
        Self {
            category,
            resources: resources.iter().map(keyed).collect(),
            labels: Vec::new(),
            classes: words.all_classes().iter().map(|c| words.class_code(c).into()).collect(),
            bound: Bound::AtImport,
            reader: Reader::Professional,
            protected: false,
            only: None,
            identifiers: vec![("http://fhir.nl/fhir/NamingSystem/bsn".to_owned(), "999990032".to_owned())],
        }
    }

    /// Takes the numbers of every Patient of a document as the person's.
    pub(super) fn identify_by(&mut self, resources: &[serde_json::Value]) {
        for patient in resources.iter().filter(|r| r["resourceType"] == "Patient") {
            for number in patient["identifier"].as_array().into_iter().flatten() {
                let part = |name: &str| number[name].as_str().unwrap_or_default().to_owned();
                self.identifiers.push((part("system"), part("value")));
            }
        }
    }

    pub(super) fn clear(mut self, label: &str) -> Self {
        self.labels.push(label.into());
        self
    }

    pub(super) fn only(mut self, resource_type: &'static str) -> Self {
        self.only = Some(resource_type);
        self
    }

    pub(super) fn without(mut self, class: &str) -> Self {
        self.classes.retain(|c| **c != *class);
        self
    }

    pub(super) fn decide(&self, function: &str) -> Decision {
        let words = RULES.vocabulary();
        let asked = words.function(function).unwrap();
        let spec = words.function_spec(asked).unwrap();
        let category = words.category_of(asked).map(|c| words.category_code(c).to_owned());
        let mut provision = Provision::new(Kind::Permit);
        provision.holders = vec![From::Any];
        provision.users = vec![User::Function(function.into())];
        provision.classes = self.classes.clone();
        provision.labels = self.labels.clone();
        let record = ConsentRecord {
            id: "c".into(),
            version: 1,
            status: Status::Active,
            givers: vec![consent::record::Giver::Person],
            register: "own".into(),
            recorded_by: None,
            given_at: at().checked_sub(jiff::SignedDuration::from_hours(48)).unwrap(),
            source: Source { title: Some("gesprek".into()), ..Source::default() },
            policy: "https://sluis.example/fhir/policy/1".into(),
            provision,
        };
        let purpose = spec.purposes.first().copied().unwrap_or(Purpose::Treat);
        let question = Question {
            asker: Asker {
                organisation: party("asker", category.as_deref().unwrap_or(""), Some(function)),
                function: Some(asked),
                person: vec![Identifier::new("urn:person", "x")],
                role: None,
                responsible: Some(Identifier::new("urn:person", "doctor")),
                assurance: Assurance::Registered,
                capacity: Capacity::Professional,
            },
            purpose,
            subject: Subject {
                birth_date: Some(jiff::civil::date(1942, 6, 11)),
                representatives: Vec::new(),
            },
            holder: party("holder", self.category, None),
            classes: words.all_classes(),
            relations: Vec::new(),
            attestations: Vec::new(),
            break_glass: None,
            at: at(),
        };
        consent::decide(&RULES, &question, &[Reading::Readable(record)])
    }

    pub(super) fn release(&self, function: &str) -> Release {
        let decision = self.decide(function);
        let resources: Vec<Raw<'_>> = self
            .resources
            .iter()
            .map(|(key, text)| Raw { key, full_url: None, bytes: text.as_bytes(), recorded: None })
            .collect();
        let identifiers: Vec<(&str, &str)> =
            self.identifiers.iter().map(|(system, value)| (system.as_str(), value.as_str())).collect();
        let view = View {
            function: Some(function),
            role: None,
            reader: self.reader,
            emergency: false,
            at: at(),
            identifiers: &identifiers,
            patient_id: "pseudo",
            types: &|name| self.only.is_none_or(|only| only == name),
            protected: self.protected,
            ids: &Numbers,
        };
        let holder = Holder { code: "holder", name: "Houder", categories: &[self.category] };
        let part = Contribution {
            holder,
            decision: &decision,
            bound: self.bound,
            patient_references: &[],
            resources: &resources,
        };
        release(&TABLES, &view, &[part])
    }
}

pub(super) fn at() -> Timestamp {
    "2026-11-21T11:00:00Z".parse().unwrap()
}

pub(super) fn text_of(release: &Release) -> String {
    release.resources.iter().map(|r| String::from_utf8(r.bytes.clone()).unwrap() + "\n").collect()
}
