//! Under which rules a decision is made again: those of then, wherever they are kept, and never others.

use super::{NoReplay, Past, Present, Replayed, TRIED_AS, TRIED_ASSURANCE, TRIED_PERSON, replay};
use crate::oauth::asker::{Asker, AskingPerson, Assurance, BreakGlass, BreakGlassReason};
use crate::road::decide::{Asking, Law, audit_holder, consents_used, judge_asking, stamp};
use crate::rulebook::Rulebook;
use crate::store::facts::{Change, Fact};
use crate::store::keys::PersonNo;
use crate::store::leaf::Draft;
use crate::store::seal::Key;
use crate::store::view::EngineKind;
use crate::store::{Folders, Store};
use crate::trust::{FunctionCode, Participant, ParticipantId, Purpose, State};
use consent::record::{ConsentRecord, Giver, Holder, Kind, Provision, Reading, Source, Status};
use fhir_mappings::audit::{self, Action, Detail, Entry, Interaction, Outcome, Protocol};
use serde_json::json;
use std::sync::Arc;

/// One gateway's folder, in which one person's data lie at one practice.
struct Scene {
    store: Store,
    person: PersonNo,
    house: Arc<Participant>,
    post: Participant,
    _folder: tempfile::TempDir,
}

fn draft(entry: Entry, person: Option<PersonNo>) -> Draft {
    let time = "2026-11-21T11:00:00Z".parse().unwrap();
    Draft { entry, time, request_id: "r".into(), person, burnt: None }
}

fn entry(kind: audit::Kind) -> Entry {
    Entry::new(kind, Action::Execute, Interaction::Operation, Outcome::Success)
}

fn participant(id: &str, function: &str, number: &str) -> Participant {
    let key = rcgen::KeyPair::generate().unwrap();
    let point = key.public_key_raw().to_vec();
    let encode = |part: &[u8]| data_encoding::BASE64URL_NOPAD.encode(part);
    let file = json!({
        "id": id, "name": id, "categories": ["gp"],
        "functions": [{"code": function, "from": "2026-01-01", "to": null}],
        "identifier": {"system": "http://fhir.nl/fhir/NamingSystem/ura", "value": number},
        "purposes": ["TREAT", "ETREAT"], "scopes": ["system/Patient.rs"],
        "certificate_sha256": number.repeat(8),
        "jwks": {"keys": [{"kty": "EC", "crv": "P-256", "kid": "k", "x": encode(&point[1..33]), "y": encode(&point[33..])}]},
        "audience": "smart", "holder": "hosted", "recorder": true, "emergency": {"asks": true, "gives": true},
        "endpoint": null, "agreement": {"version": "1", "from": "2026-01-01", "to": "2036-01-01"},
    });
    let participant = Participant::from_json(file.to_string().as_bytes()).unwrap();
    assert_eq!(participant.state, State::Active);
    participant
}

/// The person lets anybody look in an emergency.
fn choice() -> Fact {
    let mut provision = Provision::new(Kind::Permit);
    provision.holders = vec![Holder::Any];
    provision.purposes = vec![consent::Purpose::Etreat];
    let record = ConsentRecord {
        id: "c".into(),
        version: 1,
        status: Status::Active,
        givers: vec![Giver::Person],
        register: "own".into(),
        recorded_by: None,
        given_at: "2026-01-01T10:00:00Z".parse().unwrap(),
        source: Source::default(),
        policy: "p".into(),
        provision,
    };
    Fact::Consent {
        recorder: "person".into(),
        reading: Reading::Readable(record),
        wire: String::new(),
        identifiers: Vec::new(),
    }
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders {
            root: folder.path().to_owned(),
            master_key: Key::random().unwrap(),
            origin: "test".into(),
            engine: EngineKind::Redb,
        };
        let (store, _) =
            Store::open(&folders, jiff::Timestamp::now(), |_| draft(entry(audit::Kind::Restart), None))
                .unwrap();
        let person = store.new_person();
        let (house, post) =
            (participant("house", "gp-own", "90000002"), participant("post", "gp-out-of-hours", "90000003"));
        let scene =
            Self { store, person, house: Arc::new(house.clone()), post: post.clone(), _folder: folder };
        for participant in [house, post] {
            let document = serde_json::to_value(participant).unwrap();
            scene.change(audit::Kind::Participant, Change::of(Fact::Participant { document }));
        }
        let identifiers = vec![("s".to_owned(), "v".to_owned())];
        let facts = vec![
            Fact::Identity { identifiers, birth_date: Some(("house".into(), "1980-01-01".into())) },
            Fact::Resources { holder: "house".into(), items: Vec::new() },
            choice(),
        ];
        scene.change(audit::Kind::Import, Change { person: Some(person), facts, blob: Vec::new() });
        scene
    }

    fn change(&self, kind: audit::Kind, change: Change) {
        let person = change.person;
        self.store.change_blocking(draft(entry(kind), person), change, None, None).unwrap();
    }

    fn keep(&self, book: &Rulebook, followed_up: bool) {
        self.change(audit::Kind::Rules, Change::of(Fact::Rules { book: book.clone(), followed_up }));
    }

    /// An emergency, decided and recorded under these rules. Returns the record's index.
    fn decide(&self, book: &Rulebook, followed_up: bool) -> u64 {
        let rules = book.rules().unwrap();
        let state = self.store.person(self.person).unwrap();
        let asker = Asker {
            participant: ParticipantId::parse("post").unwrap(),
            function: Some(FunctionCode::parse("gp-out-of-hours").unwrap()),
            purpose: Purpose::Emergency,
            person: AskingPerson {
                system: "urn:sluis:person".into(),
                id: "brug".into(),
                name: None,
                role: None,
                assurance: Assurance::Registered,
            },
            responsible: None,
            relation: None,
            break_glass: Some(BreakGlass {
                patient_system: String::new(),
                patient_value: String::new(),
                reason: BreakGlassReason::Other,
                reason_text: None,
                could_not_be_asked: true,
            }),
        };
        let at = "2026-11-21T11:00:00Z".parse().unwrap();
        let law = Law { rules: &rules, followed_up };
        let asking = Asking { participant: Some(&self.post), asker: &asker };
        let decisions = judge_asking(&asking, &state, &[Arc::clone(&self.house)], &law, at);
        let mut entry = entry(audit::Kind::DryRun);
        entry.purpose = Some("ETREAT".into());
        entry.function = Some("gp-out-of-hours".into());
        entry.emergency =
            Some(audit::Emergency { reason: "other".into(), could_not_be_asked: true, attestation: None });
        entry.protocols = vec![Protocol {
            name: "decision".into(),
            version: rules.version().to_owned(),
            sha256: book.sha256(),
        }];
        entry.shares = decisions
            .iter()
            .map(|decided| audit::Share {
                holder: audit_holder(decided.holder()),
                given: Vec::new(),
                withheld: decided.withheld(&rules),
                resources: 0,
                failed: None,
            })
            .collect();
        entry.consents = consents_used(&decisions);
        let detail = |name: &str, value: &str| Detail { name: name.into(), value: value.into() };
        entry.details.extend([
            detail(TRIED_AS, "post"),
            detail(TRIED_PERSON, "urn:sluis:person#brug"),
            detail(TRIED_ASSURANCE, "registered"),
        ]);
        stamp(state.version, at, &mut entry);
        self.store.record_blocking(draft(entry, Some(self.person)), None).unwrap();
        self.store.records().len() - 1
    }

    fn replay(&self, loaded: &Rulebook, followed_up: bool, index: u64) -> Result<Replayed, NoReplay> {
        let past =
            Past { keys: self.store.keys(), journal: self.store.records(), holdings: self.store.holdings() };
        let (rules, sha256) = (loaded.rules().unwrap(), loaded.sha256());
        replay(&past, &Present { rules: &rules, sha256: &sha256, followed_up }, index)
    }
}

fn stricter() -> Rulebook {
    Rulebook::of(&[
        "version = \"strict\"\ndate = \"2026-11-21\"\n[[rule]]\ncode = \"emergency\"\nkind = \"emergency\"\non = false\nnl = \"uit\"\nen = \"off\"\nsource = \"test\"\nminutes = 60\n",
    ])
}

#[track_caller]
fn equal_under(replayed: Result<Replayed, NoReplay>, version: &str) {
    let replayed = replayed.unwrap();
    assert_eq!((replayed.equal, replayed.rules.as_str()), (true, version), "{:?}", replayed.differences);
}

#[test]
fn a_decision_is_made_again_under_the_rules_that_its_record_names() {
    let (then, now) = (Rulebook::of(&[]), stricter());
    let scene = Scene::new();
    scene.keep(&then, true);
    let before = scene.decide(&then, true);
    scene.keep(&now, true);
    let after = scene.decide(&now, true);
    for loaded in [&then, &now] {
        equal_under(scene.replay(loaded, true, before), "nl-2026.1");
        equal_under(scene.replay(loaded, true, after), "nl-2026.1+strict");
    }
}

#[test]
fn rules_that_are_nowhere_are_told_so_and_found_once_a_start_kept_them() {
    let (then, now) = (Rulebook::of(&[]), stricter());
    let scene = Scene::new();
    let before = scene.decide(&then, true);
    assert_eq!(scene.replay(&now, true, before), Err(NoReplay::OtherRules("nl-2026.1".into())));
    equal_under(scene.replay(&then, true, before), "nl-2026.1");
    scene.keep(&now, true);
    assert_eq!(scene.replay(&now, true, before), Err(NoReplay::OtherRules("nl-2026.1".into())));
    scene.keep(&then, true);
    equal_under(scene.replay(&now, true, before), "nl-2026.1");
    assert!(scene.store.keeps_rules(&then.sha256(), true).unwrap());
    assert!(!scene.store.keeps_rules(&then.sha256(), false).unwrap());
}

#[test]
fn whether_an_emergency_was_followed_up_is_told_as_it_was_then() {
    let book = Rulebook::of(&[]);
    let scene = Scene::new();
    scene.keep(&book, false);
    let refused = scene.decide(&book, false);
    scene.keep(&book, true);
    let opened = scene.decide(&book, true);
    for followed_up in [false, true] {
        equal_under(scene.replay(&book, followed_up, refused), "nl-2026.1");
        equal_under(scene.replay(&book, followed_up, opened), "nl-2026.1");
    }
}
