//! By what a record is found.

use super::{Ended, ROW, Row, Sieve, Wanted};
use crate::store::keys::{Keys, PersonNo};
use crate::store::leaf::Draft;
use crate::store::seal::Key;
use fhir_mappings::audit::{
    Action, Assurance, Coding, Emergency, Entry, Given, Holder, Interaction, Kind, Organisation, Outcome,
    Person, Share, Withheld,
};

fn coding() -> Coding {
    Coding { system: "s".into(), code: "c".into() }
}

fn share(holder: &str, given: bool) -> Share {
    let part =
        Given { classes: vec!["c".into()], level: "full".into(), sender: "x".into(), receiver: "y".into() };
    let withheld = Withheld { classes: vec!["d".into()], reason: "refused".into() };
    Share {
        holder: Holder { id: holder.into(), identifier: coding(), country: "NL".into() },
        given: given.then_some(part).into_iter().collect(),
        withheld: (!given).then_some(withheld).into_iter().collect(),
        resources: 0,
        failed: None,
    }
}

fn person(id: &str) -> Option<Person> {
    Some(Person { id: id.into(), name: None, role: None, assurance: Assurance::Registered })
}

fn entry() -> Entry {
    let mut entry = Entry::new(Kind::Answered, Action::Read, Interaction::Search, Outcome::Success);
    entry.organisation = Some(Organisation { id: "asker".into(), identifier: coding(), name: "A".into() });
    (entry.person, entry.responsible) = (person("nurse"), person("doctor"));
    entry.purpose = Some("TREAT".into());
    entry.shares = vec![share("gives", true), share("silent", false)];
    entry
}

fn found(entry: &Entry, wanted: &Wanted<'_>) -> bool {
    let mut bytes = Vec::new();
    Row::of_entry(entry).write(&mut bytes);
    assert_eq!(bytes.len(), ROW);
    let row = Row::read(&bytes).unwrap();
    assert_eq!(row, Row::of_entry(entry));
    Sieve::of(wanted).passes(row)
}

/// A row: what is asked, and whether the record is found by it.
#[test]
fn a_record_is_found_by_each_thing_it_is_and_not_by_another() {
    let any = Wanted::default();
    let rows = [
        ("nothing asked", any, true),
        ("who asked", Wanted { own: Some("asker"), ..any }, true),
        ("of whom", Wanted { own: Some("silent"), ..any }, true),
        ("somebody else", Wanted { own: Some("third"), ..any }, false),
        ("a pair", Wanted { own: Some("gives"), other: Some("asker"), ..any }, true),
        ("half a pair", Wanted { own: Some("gives"), other: Some("third"), ..any }, false),
        ("an employee", Wanted { employee: Some("nurse"), ..any }, true),
        ("on whose behalf", Wanted { employee: Some("doctor"), ..any }, true),
        ("another employee", Wanted { employee: Some("clerk"), ..any }, false),
        ("the purpose", Wanted { purpose: Some("TREAT"), ..any }, true),
        ("another purpose", Wanted { purpose: Some("COC"), ..any }, false),
        ("given in part", Wanted { ended: Some(Ended::Part), ..any }, true),
        ("given, as one holder sees it", Wanted { ended: Some(Ended::Given), ..any }, true),
        ("not given, as the other does", Wanted { ended: Some(Ended::Nothing), ..any }, true),
        ("something else done", Wanted { ended: Some(Ended::Done), ..any }, false),
        ("an emergency", Wanted { emergency: true, ..any }, false),
        ("an access", Wanted { accesses: true, ..any }, true),
    ];
    for (name, wanted, is) in rows {
        assert_eq!(found(&entry(), &wanted), is, "{name}");
    }
    let mut emergency = entry();
    emergency.emergency =
        Some(Emergency { reason: "vital".into(), could_not_be_asked: true, attestation: None });
    assert!(found(&emergency, &Wanted { emergency: true, ..any }));
    let mut many = entry();
    many.shares = (0..9).map(|n| share(&format!("holder-{n}"), true)).collect();
    assert!(found(&many, &Wanted { own: Some("holder-8"), ..any }), "what has no place may be there");
    let key = Entry::new(Kind::Key, Action::Update, Interaction::Operation, Outcome::Success);
    assert!(!found(&key, &Wanted { accesses: true, ..any }) && found(&key, &any));
}

#[test]
fn what_does_not_open_is_found_by_nothing() {
    assert!(!Sieve::of(&Wanted::default()).passes(Row::default()));
}

#[test]
fn what_was_forgotten_is_found_by_nothing_and_what_was_bent_stops_the_search() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::open(dir.path(), &Key::random().unwrap()).unwrap();
    let (time, person) = ("2026-11-21T11:00:00Z".parse().unwrap(), Some(PersonNo(9)));
    let draft = Draft { entry: entry(), time, request_id: "r1".into(), person, burnt: None };
    let record = draft.seal(&keys, Vec::new()).unwrap();
    assert!(Sieve::of(&Wanted::default()).passes(Row::of(&record, &keys).unwrap()));
    // It reads as a record, and is not what was sealed.
    let bent = String::from_utf8(record.clone()).unwrap().replace("\"r1\"", "\"r2\"");
    assert_eq!(Row::of(bent.as_bytes(), &keys), None);
    assert_eq!(Row::of(b"{}", &keys), None);
    keys.shred(PersonNo(9), 2026).unwrap();
    assert!(!Sieve::of(&Wanted::default()).passes(Row::of(&record, &keys).unwrap()));
}
