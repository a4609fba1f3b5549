//! Every record of a varied session says what NEN 7513 wants, field by field, and reads as an R4 AuditEvent.

use crate::session::{self, PERSON, stored};
use fhir_mappings::{json, r4};
use serde_json::Value;
use sluis_tests::json::any;
use sluis_tests::{Request, World, proof};
use std::collections::{BTreeMap, BTreeSet};

/// Every string valued `detail` of a type, anywhere in an event.
fn details<'v>(event: &'v Value, kind: &str) -> Vec<&'v str> {
    fn walk<'v>(value: &'v Value, kind: &str, found: &mut Vec<&'v str>) {
        match value {
            Value::Array(all) => all.iter().for_each(|v| walk(v, kind, found)),
            Value::Object(members) => {
                if value["type"] == kind {
                    found.extend(value["valueString"].as_str());
                }
                members.values().for_each(|v| walk(v, kind, found));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    walk(event, kind, &mut found);
    found
}

fn agent<'v>(event: &'v Value, code: &str) -> Option<&'v Value> {
    event["agent"].as_array()?.iter().find(|a| a["type"]["coding"][0]["code"] == code)
}

fn about_a_person(event: &Value) -> bool {
    let entities = event["entity"].as_array();
    entities.is_some_and(|all| all.iter().any(|e| e["type"]["code"] == "1" && e["role"]["code"] == "1"))
}

/// One NEN 7513 field of an event; `None` when it is there.
type Field = (&'static str, fn(&Value) -> bool);

/// What every event says.
const ALWAYS: [Field; 8] = [
    ("what happened: type and subtype", |e| {
        e["type"]["code"].is_string() && e["subtype"][0]["code"].is_string()
    }),
    ("what was done: action", |e| e["action"].is_string()),
    ("when: recorded", |e| e["recorded"].as_str().is_some_and(|t| t.ends_with('Z'))),
    ("outcome, with its reason", |e| e["outcome"].is_string() && e["outcomeDesc"].is_string()),
    ("log source", |e| {
        e["source"]["site"].is_string()
            && e["source"]["type"][0]["code"].is_string()
            && any(&e["source"]["observer"], &|v| v.is_string())
    }),
    ("who: at least one agent that asked", |e| {
        e["agent"].as_array().is_some_and(|a| a.iter().any(|a| a["requestor"] == true))
    }),
    ("correlation: the request id", |e| {
        any(e, &|v| v["type"]["code"] == "XrequestId") || !details(e, "request-id").is_empty()
    }),
    ("authorisation protocol: version and hash of rules and tables", |e| {
        let all = details(e, "authorisation-protocol");
        let hashed = |p: &&str| p.rsplit_once("#sha256-").is_some_and(|(_, hash)| hash.len() == 64);
        ["decision", "minimisation"].iter().all(|name| all.iter().any(|p| p.contains(name) && hashed(p)))
    }),
];

/// What an event says of a request that came over the exchange.
const EXCHANGE: [Field; 2] = [
    ("access point: address and certificate", |e| {
        any(e, &|v| v["network"]["address"] == "127.0.0.1") && !details(e, "certificate-sha256").is_empty()
    }),
    ("organisation: its identifier and name", |e| {
        agent(e, "PROV")
            .is_some_and(|a| a["who"]["identifier"]["value"].is_string() && a["who"]["display"].is_string())
    }),
];

/// What an event says of a session with a token.
const SESSION: [Field; 3] = [
    ("user, with assurance", |e| {
        agent(e, "IRCP").is_some_and(|a| {
            a["who"]["identifier"]["value"].is_string() && any(&a["extension"], &|v| v["code"].is_string())
        })
    }),
    ("purpose", |e| any(&e["purposeOfEvent"], &|v| v["code"].is_string())),
    ("token", |e| !details(e, "token").is_empty()),
];

/// What an event says of a professional's request.
const PROFESSIONAL: [Field; 2] = [
    ("role", |e| agent(e, "IRCP").is_some_and(|a| a["role"].as_array().is_some_and(|r| r.len() >= 2))),
    ("function", |e| !details(e, "function").is_empty()),
];

/// What an event says of a disclosure.
const DISCLOSURE: [Field; 2] = [
    ("client", about_a_person),
    ("data object: per holder what was given on which basis, and what was withheld and why", |e| {
        let holders = |e: &Value| {
            e["entity"]
                .as_array()
                .map_or(0, |all| all.iter().filter(|x| x["type"]["code"] == "holder").count())
        };
        holders(e) > 0
            && details(e, "country").len() == holders(e)
            && details(e, "basis").len() == details(e, "given").len()
            && !details(e, "given").is_empty()
    }),
];

#[track_caller]
fn require(record: &Value, fields: &[Field]) {
    for (field, holds) in fields {
        assert!(
            holds(&record["event"]),
            "record {} ({}) misses: {field}\n{}",
            record["index"],
            record["kind"],
            serde_json::to_string_pretty(&record["event"]).unwrap()
        );
    }
}

#[test]
fn every_record_of_a_session_says_what_nen_7513_wants() {
    let world = World::fresh();
    let session = session::run(&world);
    // What was only counted is written at the end; a cold folder and the next start tell the rest.
    let (code, _) = world.terminate();
    assert_eq!(code, 0);
    let again = World::on(world.dir()).unwrap();
    let dump = again.dump();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, record) in dump.iter().enumerate() {
        let kind = record["kind"].as_str().unwrap();
        *kinds.entry(kind).or_default() += 1;
        assert_eq!(record["index"], index);
        assert_eq!(record["origin"], again.region()["origin"]);
        assert!(uuid::Uuid::parse_str(record["request_id"].as_str().unwrap()).is_ok(), "{index}");
        let leaf = data_encoding::BASE64.encode(&proof::leaf_hash(&stored(record)));
        assert_eq!(record["leaf_hash"], leaf, "record {index}");
        if ["notice", "restart", "flood"].contains(&kind) {
            assert!(record["event"].is_null(), "{kind} is no event");
            continue;
        }
        let event = serde_json::to_vec(&record["event"]).unwrap();
        let issues = r4::check(json::parse(&event).unwrap().root());
        assert!(issues.is_empty(), "record {index} ({kind}): {issues:?}");
        assert_eq!(record["event"]["recorded"], record["time"], "record {index}");
        require(record, &ALWAYS);
    }
    let wanted = [
        "answered",
        "refused",
        "token",
        "token-refused",
        "consent",
        "relation",
        "attestation",
        "import",
        "dry-run",
        "participant",
        "certificate",
        "key",
        "rules",
        "audit-read",
        "restart",
        "flood",
    ];
    let seen: BTreeSet<&str> = kinds.keys().copied().collect();
    for kind in wanted {
        assert!(seen.contains(kind), "the session left no record of kind {kind}: {kinds:?}");
    }
    let of = |id: &str| dump.iter().filter(|r| r["request_id"] == id).collect::<Vec<_>>();
    for (id, status) in &session.answered {
        let records = of(id);
        assert!(!records.is_empty(), "an answer {status} left no record");
        // What follows from an answer (a notice to the person) stands under the same request and is no event.
        for record in records.into_iter().filter(|r| r["event"].is_object()) {
            require(record, &EXCHANGE);
            let kind = record["kind"].as_str().unwrap();
            let refused_early =
                ["refused", "token-refused"].contains(&kind) && details(&record["event"], "token").is_empty();
            if kind == "token-refused" || refused_early {
                assert_ne!(*status, 200);
                continue;
            }
            require(record, &SESSION);
            let purpose =
                any(&record["event"]["purposeOfEvent"], &|v| v["code"] == "PATRQT" || v["code"] == "HCOMPL");
            if !purpose {
                require(record, &PROFESSIONAL);
            }
            if kind == "answered" && !purpose {
                require(record, &DISCLOSURE);
            }
        }
    }
    // On whose behalf, and the emergency with what was attested: the words themselves lie sealed elsewhere.
    let emergency =
        dump.iter().find(|r| r["kind"] == "answered" && !details(&r["event"], "emergency").is_empty());
    let emergency = emergency.expect("an answer in an emergency");
    assert_eq!(details(&emergency["event"], "emergency"), ["danger"]);
    assert_eq!(details(&emergency["event"], "attestation").first().map(|h| h.len()), Some(64));
    assert!(agent(&emergency["event"], "RESP").is_some(), "the responsible professional");
    // The log names who read it, also at the control socket.
    let reads: Vec<_> = dump.iter().filter(|r| r["kind"] == "audit-read").collect();
    assert!(reads.iter().all(|r| agent(&r["event"], "IRCP").is_some()), "a reader has no name");
    assert!(!of(&session.answered[0].0).is_empty() && !again.bsn(PERSON).is_empty());
    again.verify();
}

/// Holder and class of everything that the record of an answer says was given.
fn given(world: &World, request: &str) -> BTreeSet<String> {
    let records = world.records_of(request);
    let answered: Vec<_> = records.iter().filter(|r| r["kind"] == "answered").collect();
    let [record] = answered[..] else { panic!("{} records of one answer", answered.len()) };
    let entities = record["event"]["entity"].as_array().expect("entities");
    let mut all = BTreeSet::new();
    for entity in entities {
        for classes in details(entity, "given").iter().filter_map(|given| given.split_once(": ")) {
            all.extend(classes.1.split(' ').map(|class| format!("{} {class}", entity["what"])));
        }
    }
    all
}

#[test]
fn a_record_says_what_stands_in_the_body_and_no_more() {
    let world = World::fresh();
    let linden = world.staff("linden", "gp-own");
    let of = |answer: &sluis_tests::Answer| given(&world, answer.request_id());
    let whole = linden.summary(PERSON).ok();
    let document = of(&whole);
    let whole = whole.json();
    // Each holder's Patient is told in the document, and only one of them answers a search.
    let identities = |all: &BTreeSet<String>| all.iter().filter(|given| given.ends_with(" identity")).count();
    assert!(identities(&document) > 1, "{document:?}");
    let person = of(&linden.find(PERSON).ok());
    assert_eq!(identities(&person), 1);
    assert!(person.iter().all(|given| given.ends_with(" identity")), "{person:?}");
    // What the searches give one by one is what the document gives at once, and none gives it all.
    let types: BTreeSet<&str> =
        sluis_tests::json::resources(&whole).iter().filter_map(|r| r["resourceType"].as_str()).collect();
    let supporting = ["Composition", "Patient", "Device", "Organization", "Practitioner", "PractitionerRole"];
    let (mut together, mut asked) = (person, 0);
    for kind in types.iter().filter(|kind| !supporting.contains(*kind)) {
        // Without a category a Consent search asks for privacy consents.
        let directive =
            sluis_tests::json::of_type(&whole, kind)[0]["category"][0]["coding"][0]["code"].clone();
        let category = format!("category={}", directive.as_str().unwrap_or_default());
        let more = if **kind == *"Consent" { category.as_str() } else { "" };
        let answer = linden.search(PERSON, kind, more);
        if answer.status != 200 {
            continue;
        }
        let said = of(&answer);
        assert_eq!(said.is_empty(), answer.json()["total"] == 0, "{kind}: {said:?}");
        assert!(said.len() < document.len(), "{kind} gives all: {said:?}");
        together.extend(said);
        asked += 1;
    }
    assert!(asked > 5, "{types:?}");
    let beside = |all: &BTreeSet<String>| -> BTreeSet<String> {
        all.iter().filter(|g| !g.ends_with(" identity") && !g.ends_with(" circle")).cloned().collect()
    };
    assert_eq!(beside(&together), beside(&document));
    // One of many, and none at all.
    let first = linden.search(PERSON, "Observation", "_count=1").ok();
    let all = linden.search(PERSON, "Observation", "").ok();
    assert!(all.json()["total"].as_u64() > Some(1));
    assert!(of(&first).len() <= of(&all).len() && of(&first).len() == 1, "{:?}", of(&first));
    let none = linden.search(PERSON, "Condition", "code=http://snomed.info/sct|1").ok();
    assert_eq!((none.json()["total"].as_u64(), of(&none)), (Some(0), BTreeSet::new()));
}

#[test]
fn rules_are_recorded_once_and_again_when_they_change() {
    let world = World::fresh();
    let rules = |world: &World| world.dump().iter().filter(|r| r["kind"] == "rules").count();
    assert_eq!(rules(&world), 1);
    let (code, _) = world.terminate();
    assert_eq!(code, 0);
    let same = World::on(world.dir()).unwrap();
    assert_eq!(rules(&same), 1, "the same rules are no change");
    drop(same);
    // A view built anew still knows what was recorded last.
    std::fs::remove_dir_all(world.dir().join("view")).unwrap();
    let rebuilt = World::on(world.dir()).unwrap();
    assert_eq!(rules(&rebuilt), 1);
}

#[test]
fn a_number_in_the_address_of_a_document_is_refused_and_recorded_without_it() {
    let world = World::fresh();
    let (client, bsn) = (world.client("huisarts-de-linde"), world.bsn("kaya"));
    for path in ["/fhir/metadata", "/openapi.json", "/.well-known/jwks.json"] {
        let answer = client.send(&Request::get(&format!("{path}?patient={bsn}")));
        answer.clone().is(400, "bsn-in-url");
        let records = world.records_of(answer.request_id());
        assert_eq!(records.len(), 1, "{path}");
        assert_eq!(records[0]["kind"], "refused", "{path}");
        assert!(!records[0].to_string().contains(&bsn), "{path}");
        assert_eq!(client.send(&Request::get(path)).status, 200, "{path}");
    }
    let other = client.send(&Request::get("/fhir/metadata?_format=json"));
    assert_eq!((other.status, world.records_of(other.request_id()).len()), (400, 0));
}
