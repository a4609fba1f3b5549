//! Withdrawal against reading, over the real store: no answer begun after the acknowledgement contains anything, and
//! no record of an answer stands behind that of the withdrawal (DESIGN.md 2). 200 races; 10,000 with `SLUIS_LONG=1`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use consent::question::{Asker, Assurance, Capacity, Party, Question, Subject};
use consent::record::{ConsentRecord, Giver, Holder, Kind as Says, Provision, Reading, Source, Status, User};
use consent::{Identifier, Purpose, Rules, decide_with};
use fhir_mappings::audit::{Action, Entry, Interaction, Kind, Outcome};
use gateway::store::facts::{Change, Fact};
use gateway::store::keys::PersonNo;
use gateway::store::leaf::Draft;
use gateway::store::seal::Key;
use gateway::store::state::PersonState;
use gateway::store::view::EngineKind;
use gateway::store::{Fence, Folders, RecordError, Store};
use std::sync::atomic::{AtomicBool, Ordering};

const ASKER: (&str, &str) = ("http://fhir.nl/fhir/NamingSystem/ura", "90000001");
const HOLDER: (&str, &str) = ("http://fhir.nl/fhir/NamingSystem/ura", "90000002");

fn identifier((system, value): (&str, &str)) -> Identifier {
    Identifier::new(system, value)
}

fn draft(kind: Kind, person: PersonNo) -> Draft {
    Draft {
        entry: Entry::new(kind, Action::Execute, Interaction::Search, Outcome::Success),
        time: "2026-11-21T11:00:00Z".parse().unwrap(),
        request_id: "race".into(),
        person: Some(person),
        burnt: None,
    }
}

fn consent(version: u32, status: Status) -> Fact {
    let mut provision = Provision::new(Says::Permit);
    provision.holders = vec![Holder::Any];
    provision.users = vec![User::Organisation(identifier(ASKER))];
    let record = ConsentRecord {
        id: "c1".into(),
        version,
        status,
        givers: vec![Giver::Person],
        register: "sluis".into(),
        recorded_by: None,
        given_at: "2026-11-20T10:00:00Z".parse().unwrap(),
        source: Source::default(),
        policy: "https://sluis.example/fhir/policy/1".into(),
        provision,
    };
    Fact::Consent {
        recorder: "person".into(),
        reading: Reading::Readable(record),
        wire: String::new(),
        identifiers: Vec::new(),
    }
}

fn permitted(rules: &Rules, state: &PersonState) -> bool {
    let party = |of| Party {
        identifiers: vec![identifier(of)],
        categories: rules.vocabulary().category("gp").into_iter().collect(),
        functions: rules.vocabulary().function("gp-own").into_iter().collect(),
    };
    let question = Question {
        asker: Asker {
            organisation: party(ASKER),
            function: rules.vocabulary().function("gp-own"),
            person: Vec::new(),
            role: None,
            responsible: None,
            assurance: Assurance::Registered,
            capacity: Capacity::Professional,
        },
        purpose: Purpose::Treat,
        subject: Subject { birth_date: state.birth_date(), representatives: Vec::new() },
        holder: party(HOLDER),
        classes: rules.vocabulary().all_classes(),
        relations: Vec::new(),
        attestations: Vec::new(),
        break_glass: None,
        at: "2026-11-21T11:00:00Z".parse().unwrap(),
    };
    decide_with(rules, &question, &state.dossier(rules)).any_permit()
}

/// Reads as the road does: state, decision, record under the fence; again when it moved. What was given, and where.
fn answer(store: &Store, rules: &Rules, person: PersonNo) -> Option<u64> {
    loop {
        let state = store.person(person).unwrap();
        let kind = if permitted(rules, &state) { Kind::Answered } else { return None };
        let fence = Fence { person: Some((person, state.version)), trust: store.trust().epoch() };
        match store.record_blocking(draft(kind, person), Some(fence)) {
            Ok(placed) => return Some(placed.records.start),
            Err(RecordError::Moved) => {}
            Err(e) => panic!("{e:?}"),
        }
    }
}

#[test]
fn no_answer_begun_after_an_acknowledged_withdrawal_contains_anything() {
    let races: u32 = if std::env::var_os("SLUIS_LONG").is_some() { 10_000 } else { 200 };
    let dir = tempfile::tempdir().unwrap();
    let folders = Folders {
        root: dir.path().to_owned(),
        master_key: Key::random().unwrap(),
        origin: "sluis.example/races".into(),
        engine: EngineKind::Sled,
    };
    let (store, _) =
        Store::open(&folders, jiff::Timestamp::now(), |_| draft(Kind::Restart, PersonNo(1))).unwrap();
    let rules = Rules::national().unwrap();
    let mut given = 0_u32;
    for race in 0..races {
        let person = store.new_person();
        let identity = Fact::Identity {
            identifiers: vec![("urn:race".into(), race.to_string())],
            birth_date: Some(("h".into(), "1942-06-11".into())),
        };
        let mut change = Change::about(person, identity);
        change.facts.push(consent(1, Status::Active));
        store.change_blocking(draft(Kind::Consent, person), change, None, None).unwrap();
        let (acknowledged, read_once) = (AtomicBool::new(false), AtomicBool::new(false));
        let (answers, withdrawn_at) = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut answers = Vec::new();
                // Reads until one was begun after the acknowledgement.
                loop {
                    let after = acknowledged.load(Ordering::SeqCst);
                    answers.push((after, answer(&store, &rules, person)));
                    read_once.store(true, Ordering::SeqCst);
                    if after {
                        return answers;
                    }
                }
            });
            // Every other race the reader is well under way: on an idle machine the withdrawal would win them all.
            while race % 2 == 0 && !read_once.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            let withdrawal = Change::about(person, consent(2, Status::Inactive));
            let placed = store.change_blocking(draft(Kind::Consent, person), withdrawal, None, None).unwrap();
            acknowledged.store(true, Ordering::SeqCst);
            (reader.join().unwrap(), placed.records.start)
        });
        for (after, released) in answers {
            given += u32::from(released.is_some());
            assert!(!(after && released.is_some()), "race {race}: an answer begun afterwards gave something");
            assert!(
                released.is_none_or(|at| at < withdrawn_at),
                "race {race}: an answer stands behind the withdrawal"
            );
        }
    }
    // Reading never won a single race: then nothing was raced.
    assert!(given > 0, "no answer was given at all");
}
