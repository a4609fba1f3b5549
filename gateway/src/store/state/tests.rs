//! What a view holds of a person reads back, in one known form.

use super::{PersonState, Registration, StoredAttestation, StoredRelation, StoredRepresentative};
use crate::store::facts::{Fact, Item};
use consent::ConsentRecord;
use consent::question::{Purpose, RecordedRepresentative};
use consent::record::{Giver, Holder, Kind, Provision, Reading, Representation, Source, Status, User};
use consent::relation::{Attestation, AttestationKind, Relation, RelationKind, RelationStatus};

fn state() -> PersonState {
    let mut state = PersonState { version: 7, holders: vec!["h".into()], ..PersonState::default() };
    for (record, id) in (4..).zip(["a", "b", "c"]) {
        let reading = Reading::Unreadable { id: id.into(), version: 1, register: "r".into() };
        state.fold(
            &Fact::Consent { recorder: "r".into(), reading, wire: String::new(), identifiers: Vec::new() },
            record,
        );
    }
    state
}

/// One of everything that a state can hold.
fn whole() -> PersonState {
    let at: jiff::Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    let number = |value: &str| consent::Identifier::new("s", value);
    let period = consent::period::Period::parse("2026-01-01", "2026-12-31").unwrap();
    let mut provision = Provision::new(Kind::Permit);
    provision.holders = vec![Holder::Any, Holder::Organisation(number("h"))];
    provision.users = vec![User::Category("gp".into()), User::Person(number("p"))];
    provision.purposes = vec![Purpose::Treat];
    provision.classes = vec!["medication".into()];
    provision.labels = vec!["R".into()];
    provision.items = vec![number("i")];
    provision.data_period = Some(period.clone());
    provision.context = vec![number("c")];
    provision.period = Some(period.clone());
    provision.exceptions = vec![Provision::new(Kind::Deny)];
    let record = ConsentRecord {
        id: "r".into(),
        version: 3,
        status: Status::Active,
        givers: vec![Giver::Person],
        register: "own".into(),
        recorded_by: Some(number("h")),
        given_at: at,
        source: Source { title: Some("t".into()), reference: None },
        policy: "p".into(),
        provision,
    };
    let mut state = state();
    let reading = Reading::Readable(record);
    state.fold(
        &Fact::Consent { recorder: "r".into(), reading, wire: String::new(), identifiers: Vec::new() },
        9,
    );
    state.identifiers = vec![("s".into(), "v".into())];
    state.secret_places = vec![("h".into(), "Patient".into(), "p".into())];
    state.birth_dates = vec![("h".into(), "1980-01-01".into())];
    state.glass_broken = vec![(("o".into(), "p".into()), at)];
    state.relations = vec![StoredRelation {
        id: "x".into(),
        version: 1,
        recorder: "r".into(),
        relation: Relation {
            kind: RelationKind::Referral,
            identifiers: vec![number("n")],
            parties: vec![number("a"), number("b")],
            sender: Some(number("a")),
            receivers: vec![number("b")],
            status: RelationStatus::Active,
            period: period.clone(),
            recorded_by: Some(number("a")),
        },
        record: 1,
    }];
    state.attestations = vec![StoredAttestation {
        id: "y".into(),
        recorder: "r".into(),
        attestation: Attestation {
            kind: AttestationKind::ExtendedHelp,
            organisation: number("o"),
            author: Some(number("p")),
            function: Some("gp-own".into()),
            created: at,
            period: period.clone(),
            scope: Some(vec!["plan".into()]),
        },
        record: 1,
    }];
    state.representatives = vec![StoredRepresentative {
        recorded: RecordedRepresentative {
            person: number("q"),
            kind: Representation::Mentor,
            mandate: period,
            scope: None,
        },
        names: None,
    }];
    state.registrations =
        vec![Registration { id: "z".into(), holder: "h".into(), classes: vec!["plan".into()] }];
    state
}

#[test]
fn a_newer_version_stands_where_its_record_is() {
    let mut state = PersonState::decode(&state().encode().unwrap()).unwrap();
    let reading = Reading::Unreadable { id: "a".into(), version: 2, register: "r".into() };
    state.fold(
        &Fact::Consent { recorder: "r".into(), reading, wire: String::new(), identifiers: Vec::new() },
        9,
    );
    let again = PersonState::decode(&state.encode().unwrap()).unwrap();
    let stand: Vec<_> = again.consents.iter().map(|c| (c.id(), c.version(), c.record)).collect();
    assert_eq!((again.version, stand), (7, vec![("b", 1, 5), ("c", 1, 6), ("a", 2, 9)]));
}

/// The form has no names in it: what a view holds in another form would be misread. Who changes it, or a type it is
/// made of, gives `POSITION` of the view another number, and this test the new bytes.
#[test]
fn the_form_of_a_state_is_that_of_the_views_number() {
    let bytes = whole().encode().unwrap();
    let again = PersonState::decode(&bytes).unwrap().encode().unwrap();
    assert_eq!(bytes, again);
    let told = crate::store::sha256_hex(&bytes);
    assert!(told.starts_with("9d61c820bb3ca1c8"), "{told}, {} bytes", bytes.len());
}

/// Facts in holdings outlive the program that wrote them: a folder that bears one of before must still start.
#[test]
fn what_could_not_be_read_before_registers_were_kept_is_still_unreadable() {
    let before = r#"{"unreadable":{"id":"a","version":1}}"#;
    let reading: Reading = serde_json::from_str(before).unwrap();
    assert_eq!(reading, Reading::Unreadable { id: "a".into(), version: 1, register: "".into() });
}

#[test]
fn half_a_state_is_none() {
    let bytes = state().encode().unwrap();
    for end in 0..bytes.len() {
        assert!(PersonState::decode(&bytes[..end]).is_none(), "{end}");
    }
}

#[test]
fn a_label_on_a_resource_hides_the_place_until_the_resource_says_so_no_more() {
    let item = |key: &str| Item {
        resource_type: "Patient".into(),
        key: key.into(),
        full_url: None,
        recorded: "2026-01-02T03:04:05Z".parse().unwrap(),
        span: (0, 0),
    };
    let labelled =
        |code: &str| format!(r#"{{"resourceType":"Patient","meta":{{"security":[{{"code":"{code}"}}]}}}}"#);
    let mut state = PersonState::default();
    let hides = |state: &mut PersonState, holder: &str, bytes: &str| {
        state.fold_place(holder, &item("p"), bytes.as_bytes());
        !state.secret_places.is_empty()
    };
    assert!(!hides(&mut state, "linde", &labelled("young-person-only")));
    assert!(hides(&mut state, "team", &labelled(r"protected\u002daddress")));
    assert!(hides(&mut state, "team", &labelled("protected-address")));
    assert_eq!(state.secret_places.len(), 1, "the same resource");
    assert!(hides(&mut state, "linde", &labelled("R")), "another holder's label stays");
    assert!(!hides(&mut state, "team", &labelled("R")));
}
