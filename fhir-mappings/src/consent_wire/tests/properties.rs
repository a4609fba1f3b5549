//! Properties: a record survives the wire, an unknown part never changes a meaning, an objection is never lost.

use super::*;
use consent::record::{ConsentRecord, Representative, Source};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

fn codes_of(list: &[&'static str], most: usize) -> impl Strategy<Value = Vec<Box<str>>> + use<> {
    subsequence(list.to_vec(), 0..=most).prop_map(|found| found.into_iter().map(Box::from).collect())
}

fn moment() -> impl Strategy<Value = &'static str> {
    select(vec!["2024", "2025-02", "2026-11-21", "2026-03-29T02:30:00+01:00", "2025-01-01T00:00:00.123Z"])
}

fn period_strategy() -> impl Strategy<Value = Option<Period>> {
    let side = || prop_oneof![Just(""), Just("2024-05"), Just("2026-11-21T10:00:00Z")];
    (side(), prop_oneof![Just(""), Just("2030"), Just("2027-06-30")]).prop_map(|(start, end)| {
        let empty = start.is_empty() && end.is_empty();
        (!empty).then(|| Period::parse(start, end).unwrap())
    })
}

fn identifiers(prefix: &'static str) -> impl Strategy<Value = Vec<Identifier>> {
    prop::collection::vec("[a-z0-9-]{1,12}", 0..3).prop_map(move |values| {
        values.iter().map(|v| Identifier::new("urn:x", format!("{prefix}{v}"))).collect()
    })
}

fn holder() -> impl Strategy<Value = Holder> {
    prop_oneof![
        Just(Holder::Any),
        select(vec!["90000381", "90000382"]).prop_map(|v| Holder::Organisation(ura(v))),
        select(vec!["gp", "ggz", "social"]).prop_map(|c| Holder::Category(c.into())),
        select(vec!["gp-own", "youth-ggz"]).prop_map(|c| Holder::Function(c.into())),
    ]
}

fn user() -> impl Strategy<Value = User> {
    prop_oneof![
        "[0-9]{8}".prop_map(|v| User::Organisation(ura(&v))),
        "[a-z]{3,8}".prop_map(|v| User::Person(Identifier::new(codes::PERSON, v))),
        select(vec!["gp", "payer"]).prop_map(|c| User::Category(c.into())),
        select(vec!["triage", "debt-help"]).prop_map(|c| User::Function(c.into())),
    ]
}

fn leaf() -> impl Strategy<Value = Provision> {
    let purposes = subsequence(vec![Purpose::Treat, Purpose::Etreat, Purpose::Coc, Purpose::Patrqt], 0..=2);
    let facets = (
        any::<bool>(),
        prop::collection::vec(holder(), 0..3),
        prop::collection::vec(user(), 0..3),
        purposes,
        codes_of(&["medication", "notes", "acute-summary", "money"], 3),
        codes_of(&["PSY", "R", "about-others"], 2),
    );
    (facets, identifiers("i"), identifiers("c"), period_strategy(), period_strategy()).prop_map(
        |((permit, holders, users, purposes, classes, labels), items, context, period, data_period)| {
            let mut leaf = Provision::new(if permit { Kind::Permit } else { Kind::Deny });
            leaf.holders = holders;
            leaf.users = users;
            leaf.purposes = purposes;
            leaf.classes = classes;
            leaf.labels = labels;
            leaf.items = items;
            leaf.context = context;
            leaf.period = period;
            leaf.data_period = data_period;
            leaf
        },
    )
}

fn provision() -> impl Strategy<Value = Provision> {
    leaf().prop_recursive(3, 8, 3, |inner| {
        (leaf(), prop::collection::vec(inner, 0..3)).prop_map(|(mut outer, exceptions)| {
            outer.exceptions = exceptions;
            outer
        })
    })
}

fn representative() -> impl Strategy<Value = Giver> {
    let scope = codes_of(&["plan", "circle", "functioning"], 3);
    (select(Representation::ALL.to_vec()), prop::option::of("[a-z]{2,8}"), scope).prop_map(
        |(kind, person, scope)| {
            Giver::Representative(Representative {
                person: person.map(|value| Identifier::new("urn:people", value)),
                kind,
                mandate: Period::parse("2020-01-01", "2030-12-31").unwrap(),
                scope: (!scope.is_empty()).then_some(scope),
                evidence: "akte 7".into(),
            })
        },
    )
}

fn givers() -> impl Strategy<Value = Vec<Giver>> {
    prop_oneof![
        Just(vec![Giver::Person]),
        representative().prop_map(|one| vec![one]),
        representative().prop_map(|one| vec![Giver::Person, one]),
    ]
}

fn source(which: u8) -> Source {
    match which {
        0 => Source { title: Some("Gesprek".into()), reference: None },
        1 => Source { title: None, reference: Some("DocumentReference/d".into()) },
        _ => Source { title: None, reference: Some("urn:x|doc 7".into()) },
    }
}

fn record() -> impl Strategy<Value = ConsentRecord> {
    (givers(), provision(), 0_u8..3, moment(), any::<bool>()).prop_map(
        |(givers, provision, which, given, active)| ConsentRecord {
            id: "c1".into(),
            version: 2,
            status: if active { Status::Active } else { Status::Inactive },
            givers,
            register: "sluis".into(),
            recorded_by: Some(ura("90000381")),
            given_at: consent::Moment::parse(given).unwrap().first(),
            source: source(which),
            policy: "https://sluis.example/fhir/policy/2026-1".into(),
            provision,
        },
    )
}

/// Every object inside a JSON value, by pointer.
fn objects(value: &Value, at: String, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            out.push(at.clone());
            members.iter().for_each(|(name, member)| objects(member, format!("{at}/{name}"), out));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, item)| objects(item, format!("{at}/{n}"), out));
        }
        _ => {}
    }
}

fn paths(value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    objects(value, String::new(), &mut out);
    out
}

fn wire_of(record: &ConsentRecord) -> Value {
    serde_json::from_slice(&write(record, "p1", rules().vocabulary())).unwrap()
}

fn reread(body: &Value) -> Result<Received, Refusal> {
    read_as(body, 2, Recorder::Organisation(&[ura("90000381")]))
}

fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("x")),
        Just(json!(7)),
        Just(json!(true)),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{"type": "deny"}])),
        Just(Value::Null),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_record_survives_the_wire(record in record()) {
        let received = reread(&wire_of(&record)).unwrap();
        prop_assert_eq!(received.record, record);
    }

    #[test]
    fn what_we_write_keeps_to_base_r4(record in record()) {
        let bytes = write(&record, "p1", rules().vocabulary());
        let doc = json::parse(&bytes).unwrap();
        prop_assert_eq!(crate::r4::check(doc.root()), []);
    }

    #[test]
    fn an_unknown_member_is_refused_or_changes_nothing(
        record in record(), place in any::<prop::sample::Index>(),
        name in "[a-z]{1,9}|class|policyRule|verification|modifierExtension|display|use|_type", value in odd(),
    ) {
        let mut body = wire_of(&record);
        let places = paths(&body);
        let holder = body.pointer_mut(place.get(places.as_slice()).as_str()).unwrap();
        let known = holder.get(&name).is_some();
        prop_assume!(!known && !OURS.contains(&name.as_str()));
        holder.as_object_mut().unwrap().insert(name, value);
        if let Ok(received) = reread(&body) {
            prop_assert_eq!(received.record, record);
        }
    }

    #[test]
    fn a_mutated_objection_is_read_or_refuses(
        mut record in record(), place in any::<prop::sample::Index>(), member in any::<prop::sample::Index>(), value in odd(),
    ) {
        record.provision.kind = Kind::Deny;
        record.provision.classes.clear();
        record.provision.exceptions.clear();
        record.status = Status::Active;
        record.version = 1;
        let mut body = wire_of(&record);
        let places: Vec<_> = paths(&body).into_iter().filter(|p| !p.starts_with("/patient")).collect();
        let holder = body.pointer_mut(place.get(places.as_slice()).as_str()).unwrap().as_object_mut().unwrap();
        let names: Vec<_> = holder.keys().filter(|n| !["patient", "resourceType"].contains(&n.as_str())).cloned().collect();
        prop_assume!(!names.is_empty());
        let name = member.get(names.as_slice()).clone();
        match value {
            Value::Null => drop(holder.remove(&name)),
            value => drop(holder.insert(name, value)),
        }
        let entry = feed(&body);
        prop_assert!(matches!(entry, FeedEntry::Read(_) | FeedEntry::MayObject { .. }), "{entry:?}");
    }

    #[test]
    fn reading_never_panics(record in record(), cut in 0_usize..2000, byte in any::<u8>()) {
        let mut bytes = write(&record, "p1", rules().vocabulary());
        let at = cut % bytes.len();
        bytes[at] = byte;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let rules = rules();
        let linde = [ura("90000381")];
        let context = Context {
            id: "c1", version: 2, register: "sluis", recorder: Recorder::Organisation(&linde), now: now(),
            vocabulary: rules.vocabulary(), takes_part: &|_| true,
        };
        drop(read(text.as_bytes(), &context));
        drop(read_feed(&bytes, &context));
    }
}

/// Members with a meaning of their own: adding one makes another, well-formed consent.
const OURS: [&str; 12] = [
    "status",
    "type",
    "period",
    "data",
    "code",
    "purpose",
    "actor",
    "provision",
    "id",
    "start",
    "end",
    "identifier",
];
