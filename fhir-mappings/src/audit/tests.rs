//! What a record must say, must never say, and how it reads as an event.

use super::*;
use crate::{json, r4};
use proptest::prelude::*;
use serde_json::Value;

fn own(value: &str) -> String {
    value.to_owned()
}

fn coding(system: &str, code: &str) -> Coding {
    Coding { system: own(system), code: own(code) }
}

fn person(id: &str) -> Person {
    Person {
        id: own(id),
        name: Some(own("V. Valk")),
        role: Some(coding("http://fhir.nl/fhir/NamingSystem/uzi-rolcode", "01.015")),
        assurance: Assurance::Registered,
    }
}

/// An entry with every field filled.
fn full(kind: Kind, interaction: Interaction, outcome: Outcome) -> Entry {
    Entry {
        organisation: Some(Organisation {
            id: own("huisarts-de-linde"),
            identifier: coding("http://fhir.nl/fhir/NamingSystem/ura", "90000382"),
            name: own("Huisarts De Linde"),
        }),
        function: Some(own("gp-own")),
        person: Some(person("linden")),
        responsible: Some(person("brug")),
        subject: Some(own("7f3c9a51d2")),
        purpose: Some(own("TREAT")),
        resource_type: Some(own("Condition")),
        query: Some(scrub("patient=abc&category=x")),
        shares: vec![Share {
            holder: Holder {
                id: own("ggz-de-oever"),
                identifier: coding("http://fhir.nl/fhir/NamingSystem/ura", "90000383"),
                country: own("NL"),
            },
            given: vec![Given {
                classes: vec![own("medication")],
                level: own("full"),
                sender: own("consent"),
                receiver: own("treatment"),
            }],
            withheld: vec![Withheld { classes: vec![own("mental-health")], reason: own("objection") }],
            resources: 4,
            failed: None,
        }],
        consents: vec![ConsentUsed { id: own("c-1"), version: own("3") }],
        protocols: vec![Protocol {
            name: own("decision"),
            version: own("2026-10-01"),
            sha256: "ab".repeat(32),
        }],
        relation: Some(Relation { kind: own("referral"), identifier: own("urn:x|1") }),
        emergency: Some(Emergency {
            reason: own("vital"),
            could_not_be_asked: true,
            attestation: Some(own("a-1")),
        }),
        network: Some(Network { address: own("127.0.0.1"), certificate: Some("cd".repeat(32)) }),
        token: Some(TokenUse {
            id: own("jti-1"),
            issuer: own("https://127.0.0.1:8443"),
            client: own("huisarts-de-linde"),
            scope: own("system/Condition.rs"),
        }),
        traceparent: Some(own("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")),
        changes: vec![Change {
            what: own("Consent"),
            id: own("c-1"),
            version: Some(own("3")),
            sha256: Some("ef".repeat(32)),
        }],
        details: vec![Detail { name: own("count"), value: own("2") }],
        ..Entry::new(kind, Action::Read, interaction, outcome)
    }
}

fn place<'a>() -> Place<'a> {
    Place {
        index: 41,
        origin: "sluis.example/heuvelrijk",
        time: "2026-10-01T10:00:00.123Z",
        request_id: "0b0f4a7e-8a3f-4d6c-9d1e-0123456789ab",
    }
}

fn event(entry: &Entry) -> Value {
    serde_json::from_slice(&render(entry, place()).unwrap()).unwrap()
}

const KINDS: [Kind; 19] = [
    Kind::Asked,
    Kind::Answered,
    Kind::Refused,
    Kind::Token,
    Kind::TokenRefused,
    Kind::Consent,
    Kind::Relation,
    Kind::Attestation,
    Kind::Import,
    Kind::DryRun,
    Kind::Participant,
    Kind::Certificate,
    Kind::Key,
    Kind::Rules,
    Kind::Portal,
    Kind::AuditRead,
    Kind::Notice,
    Kind::Restart,
    Kind::Flood,
];

const INTERACTIONS: [Interaction; 8] = [
    Interaction::Read,
    Interaction::Search,
    Interaction::Summary,
    Interaction::Explain,
    Interaction::Write,
    Interaction::Token,
    Interaction::Page,
    Interaction::Operation,
];

/// Entries of every kind and interaction, of every outcome where an answer is concerned: full, without what only
/// some have, and with nothing but what all must have.
fn all() -> Vec<Entry> {
    let mut entries = Vec::new();
    for (kind, interaction) in
        KINDS.into_iter().flat_map(|kind| INTERACTIONS.map(|interaction| (kind, interaction)))
    {
        entries.push(Entry::new(kind, Action::Execute, interaction, Outcome::Failed(own("disk"))));
        let partial = (kind == Kind::Answered).then(|| Outcome::Partial(own("late")));
        for outcome in [Outcome::Success, Outcome::Refused(own("not-asked"))].into_iter().chain(partial) {
            let entry = full(kind, interaction, outcome);
            entries.push(Entry { query: None, consents: vec![], person: None, ..entry.clone() });
            entries.push(entry);
        }
    }
    entries
}

#[test]
fn every_event_is_valid_base_r4() {
    for entry in all() {
        let Some(bytes) = render(&entry, place()) else { continue };
        let doc = json::parse(&bytes).unwrap();
        let issues = r4::check(doc.root());
        assert!(issues.is_empty(), "{:?} {:?}: {issues:?}", entry.kind, entry.interaction);
    }
}

#[test]
fn only_what_nobody_did_to_data_is_no_event() {
    let silent: Vec<Kind> = KINDS
        .into_iter()
        .filter(|kind| render(&full(*kind, Interaction::Operation, Outcome::Success), place()).is_none())
        .collect();
    assert_eq!(silent, vec![Kind::Notice, Kind::Restart, Kind::Flood]);
}

#[test]
fn the_same_record_always_reads_the_same() {
    for entry in all() {
        assert_eq!(
            render(&entry, place()),
            render(&Entry::decode(&entry.encode().unwrap()).unwrap(), place())
        );
    }
}

#[test]
fn what_was_written_is_read_back_whole() {
    for entry in all() {
        assert!(Entry::decode(&entry.encode().unwrap()).unwrap() == entry);
    }
    assert_eq!(Entry::decode(b"{}").unwrap_err(), EntryError::Unreadable);
    let newer = Entry { version: VERSION + 1, ..all()[0].clone() };
    assert_eq!(Entry::decode(&newer.encode().unwrap()).unwrap_err(), EntryError::Unreadable);
}

/// The bytes of version 1, as they lie in journals: this text may never need to change.
#[test]
fn version_one_stays_readable() {
    let written = br#"{"version":1,"kind":"audit-read","action":"read","interaction":"page","outcome":{"refused":"not-asked"},"subject":"7f"}"#;
    let entry = Entry::decode(written).unwrap();
    assert_eq!(entry.kind, Kind::AuditRead);
    assert_eq!(entry.encode().unwrap(), written);
}

#[test]
fn an_entry_that_would_not_fit_in_a_record_is_refused() {
    let mut entry = full(Kind::Answered, Interaction::Summary, Outcome::Success);
    let share = entry.shares[0].clone();
    entry.shares = vec![share.clone(); 40];
    let size = entry.encode().unwrap().len();
    assert!(size < ENTRY_MAX, "forty holders fit: {size} bytes");
    entry.shares = vec![share; 400];
    assert_eq!(entry.encode().unwrap_err(), EntryError::TooLarge);
}

#[test]
fn nothing_of_an_entry_prints() {
    let entry = full(Kind::Answered, Interaction::Read, Outcome::Success);
    assert_eq!(format!("{entry:?}"), "Entry(Answered, hidden)");
    assert_eq!(format!("{:?}", entry.person), "Some(Person(hidden))");
}

/// NEN 7513 field by field (`docs/audit-rendering.md`): where each stands in the event.
#[test]
fn every_field_of_nen_7513_stands_in_the_event() {
    let summary = event(&full(Kind::Answered, Interaction::Summary, Outcome::Success));
    let text = summary.to_string();
    #[track_caller]
    fn at(event: &Value, pointer: &str, wanted: &str) {
        assert_eq!(event.pointer(pointer).and_then(Value::as_str), Some(wanted), "{pointer}");
    }
    at(&summary, "/type/code", "110106");
    at(&summary, "/action", "R");
    at(&summary, "/recorded", "2026-10-01T10:00:00.123Z");
    at(&summary, "/outcome", "0");
    at(&summary, "/purposeOfEvent/0/coding/0/code", "TREAT");
    at(&summary, "/agent/0/network/address", "127.0.0.1");
    at(&summary, "/agent/2/who/identifier/value", "linden");
    at(&summary, "/agent/2/role/0/coding/0/code", "01.015");
    at(&summary, "/agent/2/role/1/coding/0/code", "gp-own");
    at(&summary, "/agent/2/extension/0/valueCodeableConcept/coding/0/code", "registered");
    at(&summary, "/agent/3/who/identifier/value", "brug");
    at(&summary, "/agent/4/who/identifier/value", "90000382");
    at(&summary, "/entity/0/what/identifier/value", "7f3c9a51d2");
    at(&summary, "/source/observer/identifier/value", "sluis.example/heuvelrijk");
    for said in [
        "full: medication",
        "objection: mental-health",
        "sender consent, receiver treatment: medication",
        "https://sluis.example/fhir/policy/decision/2026-10-01#sha256-abab",
        "referral|urn:x|1",
        "could-not-be-asked",
        "\"c-1\"",
        "0b0f4a7e-8a3f-4d6c-9d1e-0123456789ab",
        "00-0af7651916cd43dd8448eb211c80319c",
        "\"NL\"",
        "90000383",
        "jti-1",
        "cdcd",
    ] {
        assert!(text.contains(said), "{said}");
    }
    let search = event(&full(Kind::Answered, Interaction::Search, Outcome::Success));
    let query =
        search["entity"].as_array().unwrap().iter().find_map(|entity| entity["query"].as_str()).unwrap();
    assert_eq!(data_encoding::BASE64.decode(query.as_bytes()).unwrap(), "patient=…&category=x".as_bytes());
}

#[track_caller]
fn scrubbed(query: &str, wanted: &str) {
    assert_eq!(scrub(query), wanted);
}

#[test]
fn a_recorded_query_names_nobody() {
    scrubbed("patient=abc&category=http://x|y", "patient=…&category=http://x|y");
    scrubbed("identifier=http://fhir.nl/fhir/NamingSystem/bsn|999990081", "identifier=…");
    scrubbed("status=999990081", "status=…");
    scrubbed("status=%39%39999%30081", "status=…");
    scrubbed("status=%2539%2539999%2530081", "status=…");
    scrubbed("category=275711006", "category=275711006");
    scrubbed("subject:identifier=x", "subject:identifier=…");
    scrubbed("Jansen=x&nosuch", "Jansen=…&nosuch=…");
    scrubbed("Janssén=x", "…=…");
    scrubbed("", "");
}

proptest! {
    /// A self-asserted person may call itself anything.
    #[test]
    fn whatever_an_asker_says_of_itself_the_event_stays_valid(words in prop::collection::vec(".*", 8)) {
        let mut entry = full(Kind::Answered, Interaction::Search, Outcome::Success);
        entry.person = Some(Person {
            id: words[0].clone(),
            name: Some(words[1].clone()),
            role: Some(coding(&words[2], &words[3])),
            assurance: Assurance::SelfAsserted,
        });
        entry.query = Some(scrub(&words[4]));
        entry.traceparent = Some(words[5].clone());
        entry.network = Some(Network { address: words[6].clone(), certificate: None });
        entry.token = entry.token.map(|token| TokenUse { id: words[7].clone(), ..token });
        for kind in [Kind::Answered, Kind::Token, Kind::Refused] {
            let bytes = render(&Entry { kind, ..entry.clone() }, place()).unwrap();
            let doc = json::parse(&bytes).unwrap();
            let issues = r4::check(doc.root());
            prop_assert!(issues.is_empty(), "{:?}", issues);
        }
    }
}

mod balp;
