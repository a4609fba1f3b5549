//! What must hold for any bytes at all: no panic, and what each target asserts. Each says whether the bytes were taken. Used by the fuzzer and by the replay of its
//! corpus in `fhir-mappings/tests/fuzz_corpus.rs`.

use consent::question::{Asker, Assurance, Capacity, Party, Question, Subject};
use consent::{Dossier, Identifier, Rules};
use fhir_mappings::consent_wire::{self, Context, FeedEntry, Recorder};
use fhir_mappings::grammar;
use fhir_mappings::index_wire;
use fhir_mappings::intake::{self, Format};
use fhir_mappings::json::{self, Kind, Value};
use fhir_mappings::relation_wire::{self, AttestationContext};
use fhir_mappings::release::{Bound, Contribution, Holder, Ids, Raw, Reader, View, release};
use fhir_mappings::remote::{Capability, patients, read_page, searches};
use fhir_mappings::tables::Tables;
use jiff::Timestamp;
use std::sync::LazyLock;

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::national().expect("the national rules"));
static TABLES: LazyLock<Tables> =
    LazyLock::new(|| Tables::national(RULES.vocabulary()).expect("the national tables"));

fn now() -> Timestamp {
    "2026-11-21T11:00:00Z".parse().expect("an instant")
}

/// What our reader takes, serde_json takes too and reads alike: two readers that differ are how a filter is got round.
pub(crate) fn json(bytes: &[u8]) -> bool {
    let Ok(doc) = json::parse(bytes) else { return false };
    let other: serde_json::Value = serde_json::from_slice(bytes).expect("stricter than serde_json");
    same(doc.root(), &other);
    true
}

fn same(ours: Value<'_>, other: &serde_json::Value) {
    match other {
        serde_json::Value::Object(members) => {
            assert!(ours.kind() == Kind::Object);
            assert_eq!(ours.members().count(), members.len());
            for (name, value) in members {
                same(ours.get(name).expect("the same members"), value);
            }
        }
        serde_json::Value::Array(items) => {
            assert!(ours.kind() == Kind::Array);
            assert_eq!(ours.items().count(), items.len());
            ours.items().zip(items).for_each(|(one, other)| same(one, other));
        }
        serde_json::Value::String(text) => assert_eq!(ours.as_str().as_deref(), Some(text.as_str())),
        serde_json::Value::Bool(value) => assert_eq!(ours.as_bool(), Some(*value)),
        serde_json::Value::Number(_) => assert!(ours.as_number().is_some()),
        serde_json::Value::Null => assert!(ours.as_str().is_none() && ours.as_number().is_none()),
    }
}

/// A consent that is understood says the same when it is written and read again; a feed entry never passes for a permit
/// where the API refuses it.
pub(crate) fn consent(bytes: &[u8]) -> bool {
    let mut taken = false;
    let recorder = [Identifier::new("http://fhir.nl/fhir/NamingSystem/ura", "90000371")];
    let context = |recorder| Context {
        id: "c1",
        version: 1,
        register: "sluis",
        recorder,
        now: now(),
        vocabulary: RULES.vocabulary(),
        takes_part: &|_| true,
    };
    let feed = consent_wire::read_feed(bytes, &context(Recorder::Register));
    for recorder in [Recorder::Organisation(&recorder), Recorder::Person] {
        let Ok(received) = consent_wire::read(bytes, &context(recorder)) else { continue };
        let written = consent_wire::write(&received.record, "p1", RULES.vocabulary());
        let again = consent_wire::read(&written, &context(recorder));
        let again = again.unwrap_or_else(|e| panic!("what we write we refuse: {e:?}"));
        assert!(again.record == received.record, "a consent changed its meaning by being written");
        // A desk's word is an outside register's word too.
        let fed = matches!(feed, FeedEntry::Read(_));
        assert!(fed || matches!(recorder, Recorder::Person), "the API takes what a feed does not");
        taken = true;
    }
    taken
}

/// Relations and attestations.
pub(crate) fn relation(bytes: &[u8]) -> bool {
    let mut taken = false;
    for resource in ["ServiceRequest", "CareTeam", "CarePlan", "EpisodeOfCare", "Encounter"] {
        taken |= relation_wire::read_relation(resource, bytes).is_ok();
    }
    let organisation = [Identifier::new("http://fhir.nl/fhir/NamingSystem/ura", "90000371")];
    let context = AttestationContext {
        organisation: &organisation,
        person: &[Identifier::new("https://sluis.example/fhir/NamingSystem/person", "linden")],
        function: Some("gp-own"),
        now: now(),
        vocabulary: RULES.vocabulary(),
    };
    taken | relation_wire::read_attestation(bytes, &context).is_ok()
}

struct Short;

impl Ids for Short {
    fn outward(&self, _: &str, _: &str, key: &str) -> String {
        format!("o{}", key.len())
    }
}

/// What the intake takes, and what a holder might send as it is, is filtered: everything that leaves is strict JSON of the
/// type it came as, without narrative, meta or contained resources.
pub(crate) fn filter(bytes: &[u8]) -> bool {
    let mut taken = false;
    for format in [Format::Json, Format::Ndjson] {
        if let Ok(read) = intake::read(bytes, format) {
            drop(read.settle(None));
            let raws: Vec<Raw<'_>> = read
                .resources
                .iter()
                .map(|r| Raw { key: "k", full_url: None, bytes: r.bytes, recorded: None })
                .collect();
            taken |= filtered(&raws);
        }
    }
    taken | filtered(&[Raw { key: "k", full_url: None, bytes, recorded: None }])
}

/// Whether anything leaves.
fn filtered(raws: &[Raw<'_>]) -> bool {
    let mut leaves = false;
    let question = Question {
        asker: Asker {
            organisation: Party::default(),
            function: None,
            person: Vec::new(),
            role: None,
            responsible: None,
            assurance: Assurance::Registered,
            capacity: Capacity::Person,
        },
        purpose: consent::Purpose::Patrqt,
        subject: Subject { birth_date: "1942-06-11".parse().ok(), representatives: Vec::new() },
        holder: Party::default(),
        classes: RULES.vocabulary().all_classes(),
        relations: Vec::new(),
        attestations: Vec::new(),
        break_glass: None,
        at: now(),
    };
    let decision = consent::decide_with(&RULES, &question, &Dossier::compile(&RULES, &[]));
    let holder = Holder { code: "holder", name: "Holder", categories: &["gp"] };
    for (function, bound) in
        [(Some("gp-own"), Bound::AtImport), (Some("stay-search"), Bound::AtImport), (None, Bound::Fetched)]
    {
        let view = View {
            function,
            role: Some("01.015"),
            reader: Reader::Professional,
            emergency: false,
            at: now(),
            identifiers: &[("http://fhir.nl/fhir/NamingSystem/bsn", "999990032")],
            patient_id: "p",
            types: &|_| true,
            protected: false,
            ids: &Short,
        };
        let part = Contribution {
            holder,
            decision: &decision,
            bound,
            patient_references: &["Patient/p"],
            resources: raws,
        };
        for one in release(&TABLES, &view, &[part]).resources {
            let doc = json::parse(&one.bytes).expect("what leaves is strict JSON");
            assert_eq!(doc.root().get_str("resourceType").as_deref(), Some(one.resource_type.as_str()));
            for gone in ["text", "contained", "meta"] {
                assert!(doc.root().get(gone).is_none(), "{gone} leaves");
            }
            leaves = true;
        }
    }
    leaves
}

/// A request line and a body, one below the other.
pub(crate) fn grammar(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let (line, body) = text.split_once('\n').unwrap_or((&text, ""));
    let (method, target) = line.split_once(' ').unwrap_or(("GET", line));
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let media = [None, Some("application/x-www-form-urlencoded"), Some("application/fhir+json")];
    media.into_iter().any(|media| grammar::parse(method, path, query, media, Some(body.as_bytes())).is_ok())
}

/// What a server elsewhere sends: a page's resources lie inside it and are JSON of their own, a Patient that bears no number
/// of the person never counts, and what it says it can never asks for a type that no table names.
pub(crate) fn remote(bytes: &[u8]) -> bool {
    let own = [("http://fhir.nl/fhir/NamingSystem/bsn", "999990032")];
    let mut taken = false;
    if let Ok(page) = read_page(bytes) {
        taken = true;
        for entry in &page.entries {
            let resource = bytes.get(entry.span.0..entry.span.1).expect("inside the page");
            let doc = json::parse(resource).expect("a resource of its own");
            assert_eq!(doc.root().get_str("resourceType").as_deref(), Some(entry.resource_type.as_str()));
        }
        let persons = patients(bytes, &page, &own).unwrap_or_default();
        assert!(persons.is_empty() || bytes.windows(9).any(|window| window == b"999990032"));
    }
    if let Ok(can) = Capability::read(bytes) {
        taken = true;
        for search in searches(&TABLES, TABLES.all_classes(), &can, &[]) {
            assert!(TABLES.asked_elsewhere().any(|name| name == search.resource));
        }
    }
    taken | index_wire::read(bytes, &TABLES).is_ok()
}
