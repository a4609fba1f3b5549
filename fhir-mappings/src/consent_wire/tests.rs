//! CONTRACT.md section 7 as tables: what each part means, and why each fault is refused.

mod corpus;
mod properties;

use super::*;
use crate::json;
use consent::record::{Giver, Holder, Kind, Provision, Representation, Status, User};
use consent::{Period, Purpose, Rules};
use serde_json::{Value, json};

fn rules() -> Rules {
    Rules::national().unwrap()
}

fn ura(value: &str) -> Identifier {
    Identifier::new("http://fhir.nl/fhir/NamingSystem/ura", value)
}

fn boxed(codes: &[&str]) -> Vec<Box<str>> {
    codes.iter().map(|code| Box::from(*code)).collect()
}

fn now() -> Timestamp {
    "2026-11-21T11:00:00Z".parse().unwrap()
}

/// Reads as version `version`, recorded by De Linde.
fn read_as(body: &Value, version: u32, recorder: Recorder<'_>) -> Result<Received, Refusal> {
    let rules = rules();
    let context = Context {
        id: "c1",
        version,
        register: "sluis",
        recorder,
        now: now(),
        vocabulary: rules.vocabulary(),
        takes_part: &|holder| matches!(&*holder.value, "90000381" | "90000382"),
    };
    read(body.to_string().as_bytes(), &context)
}

fn read_new(body: &Value) -> Result<Received, Refusal> {
    read_as(body, 1, Recorder::Organisation(&[ura("90000381")]))
}

fn feed(body: &Value) -> FeedEntry {
    feed_text(&body.to_string())
}

fn feed_text(body: &str) -> FeedEntry {
    let rules = rules();
    let context = Context {
        id: "c1",
        version: 1,
        register: "mitz",
        recorder: Recorder::Register,
        now: now(),
        vocabulary: rules.vocabulary(),
        takes_part: &|holder| holder.value.starts_with("9000038"),
    };
    read_feed(body.as_bytes(), &context)
}

/// A plain permit: De Linde to district nursing, medication.
fn permit() -> Value {
    json!({
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": "Patient/p1"},
        "dateTime": "2026-11-20",
        "performer": [{"reference": "Patient/p1"}],
        "organization": [{"identifier": {"system": "http://fhir.nl/fhir/NamingSystem/ura", "value": "90000381"}}],
        "sourceAttachment": {"title": "Gesprek aan de balie"},
        "policy": [{"uri": "https://sluis.example/fhir/policy/2026-1"}],
        "provision": {
            "type": "permit",
            "actor": [
                actor("CST", organisation("90000381")),
                actor("IRCP", group("function", "district-nursing"))
            ],
            "code": [class("medication")]
        }
    })
}

fn actor(role: &str, reference: Value) -> Value {
    json!({"role": {"coding": [{"system": codes::PARTICIPATION, "code": role}]}, "reference": reference})
}

fn organisation(value: &str) -> Value {
    json!({"type": "Organization", "identifier": {"system": "http://fhir.nl/fhir/NamingSystem/ura", "value": value}})
}

fn group(kind: &str, value: &str) -> Value {
    let system = format!("https://sluis.example/fhir/NamingSystem/{kind}");
    json!({"type": "Group", "identifier": {"system": system, "value": value}})
}

fn class(code: &str) -> Value {
    json!({"coding": [{"system": codes::DATA_CLASS, "code": code}]})
}

fn representative() -> Value {
    json!({
        "resourceType": "RelatedPerson",
        "id": "els",
        "extension": [
            {"url": codes::REPRESENTATION_SCOPE, "valueCode": "plan"},
            {"url": codes::REPRESENTATION_SCOPE, "valueCoding": {"system": codes::DATA_CLASS, "code": "circle"}},
            {"url": codes::REPRESENTATION_EVIDENCE, "valueString": "uittreksel gezagsregister"}
        ],
        "patient": {"reference": "Patient/p1"},
        "relationship": [{"coding": [{"system": codes::REPRESENTATION, "code": "parent"}]}],
        "period": {"start": "2012-02-29", "end": "2030-02-28"}
    })
}

fn two_keys() -> Value {
    let mut body = permit();
    body["contained"] = json!([representative()]);
    body["performer"] = json!([{"reference": "Patient/p1"}, {"reference": "#els"}]);
    body
}

/// The body with one place set anew; `null` removes it.
fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let holder = body.pointer_mut(parent).unwrap();
    match (holder, value) {
        (Value::Object(members), Value::Null) => drop(members.remove(name)),
        (Value::Object(members), value) => drop(members.insert(name.to_owned(), value)),
        (Value::Array(items), value) => items[name.parse::<usize>().unwrap()] = value,
        _ => panic!("{pointer}"),
    }
    body
}

#[track_caller]
fn refused(body: &Value, why: Why, expression: &str) {
    let refusal = read_new(body).unwrap_err();
    assert_eq!((refusal.why, refusal.expression.as_str()), (why, expression));
}

#[track_caller]
fn provision_of(body: &Value) -> Provision {
    read_new(body).unwrap().record.provision
}

#[test]
fn a_plain_permit_is_read_in_full() {
    let received = read_new(&permit()).unwrap();
    assert_eq!(received.patient, PatientRef::Id("p1".to_owned()));
    let record = received.record;
    assert_eq!((&*record.id, record.version, record.status), ("c1", 1, Status::Active));
    assert_eq!(record.givers, [Giver::Person]);
    assert_eq!(record.recorded_by, Some(ura("90000381")));
    assert_eq!(record.given_at, "2026-11-19T23:00:00Z".parse().unwrap());
    assert_eq!(record.source.title.as_deref(), Some("Gesprek aan de balie"));
    assert_eq!(record.provision.kind, Kind::Permit);
    assert_eq!(record.provision.holders, [Holder::Organisation(ura("90000381"))]);
    assert_eq!(record.provision.users, [User::Function("district-nursing".into())]);
    assert_eq!(record.provision.classes, boxed(&["medication"]));
}

#[test]
fn every_facet_is_read() {
    let provision = json!({
        "type": "deny",
        "period": {"start": "2026-01-01", "end": "2027-06-30"},
        "dataPeriod": {"end": "2020"},
        "actor": [
            actor("CST", group("category", "any")),
            actor("CST", group("category", "ggz")),
            actor("CST", group("function", "gp-own")),
            actor("IRCP", group("category", "social")),
            actor("IRCP", organisation("90000999")),
            actor("IRCP", json!({"type": "Organization", "identifier": {"system": "http://fhir.nl/fhir/NamingSystem/kvk", "value": "12345678"}})),
            actor("IRCP", json!({"type": "Practitioner", "identifier": {"system": codes::PERSON, "value": "dam"}})),
            actor("IRCP", json!({"type": "Practitioner", "identifier": {"system": "urn:oid:2.16.528.1.1007.3.1", "value": "000012345"}}))
        ],
        "action": [{"coding": [{"system": codes::ACTION, "code": "access"}]}],
        "purpose": [{"system": codes::ACT_REASON, "code": "TREAT"}, {"system": codes::ACT_REASON, "code": "COC"}],
        "code": [class("acute-summary"), class("notes")],
        "securityLabel": [
            {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"},
            {"system": codes::CONFIDENTIALITY, "code": "R"},
            {"system": codes::LABEL, "code": "young-person-only"}
        ],
        "data": [
            {"meaning": "instance", "reference": {"identifier": {"system": "urn:x", "value": "doc-1"}}},
            {"meaning": "related", "reference": {"type": "CareTeam", "identifier": {"system": "urn:x", "value": "team-1"}}}
        ],
        "provision": [{"type": "permit", "code": [class("allergies")]}]
    });
    let read = provision_of(&with(permit(), "/provision", provision));
    assert_eq!(read.kind, Kind::Deny);
    assert_eq!(
        read.holders,
        [Holder::Any, Holder::Category("ggz".into()), Holder::Function("gp-own".into())]
    );
    assert_eq!(read.users.len(), 5);
    assert_eq!(read.users[1], User::Organisation(ura("90000999")));
    assert_eq!(read.users[3], User::Person(Identifier::new(codes::PERSON, "dam")));
    assert_eq!(read.purposes, [Purpose::Treat, Purpose::Coc]);
    assert_eq!(read.labels, boxed(&["PSY", "R", "young-person-only"]));
    assert_eq!(read.items, [Identifier::new("urn:x", "doc-1")]);
    assert_eq!(read.context, [Identifier::new("urn:x", "team-1")]);
    assert_eq!(read.period, Some(Period::parse("2026-01-01", "2027-06-30").unwrap()));
    assert_eq!(read.data_period, Some(Period::parse("", "2020").unwrap()));
    assert_eq!(read.exceptions[0].classes, boxed(&["allergies"]));
}

#[test]
fn purposes_nobody_asks_for_are_passed_over_but_never_leave_none() {
    let purposes = |codes: &[&str]| {
        let list: Vec<_> = codes.iter().map(|c| json!({"system": codes::ACT_REASON, "code": c})).collect();
        with(permit(), "/provision/purpose", Value::Array(list))
    };
    assert_eq!(provision_of(&purposes(&["TREAT", "HPAYMT", "HOPERAT"])).purposes, [Purpose::Treat]);
    assert_eq!(provision_of(&purposes(&["BTG"])).purposes, [Purpose::Etreat]);
    refused(&purposes(&["HRESCH"]), Why::PurposeUnknown, "Consent.provision.purpose");
    refused(&purposes(&["TREAT", "FooBar"]), Why::PurposeUnknown, "Consent.provision.purpose[1]");
}

#[test]
fn representatives_and_two_keys_are_read() {
    let record = read_new(&two_keys()).unwrap().record;
    let [Giver::Person, Giver::Representative(els)] = record.givers.as_slice() else {
        panic!("{:?}", record.givers)
    };
    assert_eq!(els.kind, Representation::Parent);
    assert_eq!(els.scope.as_deref(), Some(boxed(&["plan", "circle"]).as_slice()));
    assert_eq!(&*els.evidence, "uittreksel gezagsregister");
    assert_eq!(els.mandate, Period::parse("2012-02-29", "2030-02-28").unwrap());
    let at = "Consent.contained[0]";
    for (pointer, why, place) in [
        ("/contained/0/period", Why::RepresentativeIncomplete, ".period"),
        ("/contained/0/relationship", Why::RepresentativeIncomplete, ".relationship"),
        ("/contained/0/extension", Why::RepresentativeIncomplete, ".extension"),
        ("/contained/0/patient", Why::Shape, ".patient"),
    ] {
        refused(&with(two_keys(), pointer, Value::Null), why, &format!("{at}{place}"));
    }
    let other = json!({"reference": "Patient/p2"});
    refused(
        &with(two_keys(), "/contained/0/patient", other),
        Why::OtherPersonsEvidence,
        &format!("{at}.patient"),
    );
    let unknown = json!("friend");
    let pointer = "/contained/0/relationship/0/coding/0/code";
    refused(
        &with(two_keys(), pointer, unknown),
        Why::RepresentativeIncomplete,
        &format!("{at}.relationship"),
    );
    refused(
        &with(two_keys(), "/performer/0", json!({"reference": "#els"})),
        Why::PerformerTwice,
        "Consent.performer[1]",
    );
    refused(
        &with(two_keys(), "/performer/1", json!({"reference": "#bob"})),
        Why::PerformerUnknown,
        "Consent.performer[1]",
    );
    let outside = json!({"reference": "RelatedPerson/els"});
    refused(&with(two_keys(), "/performer/1", outside), Why::PerformerUnknown, "Consent.performer[1]");
}

#[test]
fn each_fault_has_its_reason_and_place() {
    let future = json!("2026-11-22");
    let backwards = json!({"start": "2027-01-01", "end": "2026-12-31"});
    let modifier = json!([{"url": "urn:x", "valueBoolean": true}]);
    let other_scope = json!({"coding": [{"system": codes::SCOPE, "code": "treatment"}]});
    let two_scopes = json!({"coding": [{"system": codes::SCOPE, "code": "patient-privacy"}, {"system": codes::SCOPE, "code": "treatment"}]});
    let collect = json!([{"coding": [{"system": codes::ACTION, "code": "collect"}]}]);
    let literal = json!({"reference": "Organization/linde"});
    let p = "Consent.provision";
    for (pointer, value, why, place) in [
        ("/provision/period", backwards.clone(), Why::EndBeforeStart, format!("{p}.period")),
        ("/provision/dataPeriod", backwards, Why::EndBeforeStart, format!("{p}.dataPeriod")),
        ("/provision/period", json!({"start": "soon"}), Why::PeriodUnreadable, format!("{p}.period")),
        ("/provision/period", json!({}), Why::PeriodUnreadable, format!("{p}.period")),
        ("/dateTime", future, Why::DateInFuture, "Consent.dateTime".to_owned()),
        ("/dateTime", Value::Null, Why::DateMissing, "Consent.dateTime".to_owned()),
        ("/status", json!("inactive"), Why::NotActive, "Consent.status".to_owned()),
        ("/status", json!("draft"), Why::NotActive, "Consent.status".to_owned()),
        ("/status", json!("on"), Why::Shape, "Consent.status".to_owned()),
        ("/scope", other_scope, Why::OtherScope, "Consent.scope".to_owned()),
        ("/scope", two_scopes, Why::OtherScope, "Consent.scope".to_owned()),
        ("/scope", Value::Null, Why::Shape, "Consent.scope".to_owned()),
        ("/category/0/coding/0/code", json!("57016-8"), Why::OtherCategory, "Consent.category[0]".to_owned()),
        ("/patient", json!({"reference": "Group/p1"}), Why::PatientUnclear, "Consent.patient".to_owned()),
        (
            "/patient/identifier",
            json!({"system": "s:1", "value": "v"}),
            Why::PatientUnclear,
            "Consent.patient".to_owned(),
        ),
        ("/performer", Value::Null, Why::PerformerMissing, "Consent.performer".to_owned()),
        (
            "/performer/0",
            json!({"reference": "Patient/p2"}),
            Why::PerformerUnknown,
            "Consent.performer[0]".to_owned(),
        ),
        (
            "/performer/0",
            json!({"reference": "Practitioner/x"}),
            Why::PerformerUnknown,
            "Consent.performer[0]".to_owned(),
        ),
        ("/organization", Value::Null, Why::OrganizationMissing, "Consent.organization".to_owned()),
        (
            "/organization/0/identifier/value",
            json!("90000382"),
            Why::OtherRecorder,
            "Consent.organization".to_owned(),
        ),
        ("/sourceAttachment", Value::Null, Why::SourceMissing, "Consent.source".to_owned()),
        (
            "/sourceAttachment",
            json!({"contentType": "text/plain"}),
            Why::SourceMissing,
            "Consent.sourceAttachment.title".to_owned(),
        ),
        ("/policy", Value::Null, Why::PolicyMissing, "Consent.policy".to_owned()),
        ("/policy/0/uri", json!("policy/1"), Why::PolicyMissing, "Consent.policy".to_owned()),
        (
            "/policyRule",
            json!({"coding": [{"code": "OPTOUT"}]}),
            Why::ElementNotSupported,
            "Consent.policyRule".to_owned(),
        ),
        (
            "/modifierExtension",
            modifier.clone(),
            Why::ModifierUnknown,
            "Consent.modifierExtension".to_owned(),
        ),
        ("/implicitRules", json!("urn:x"), Why::ModifierUnknown, "Consent.implicitRules".to_owned()),
        (
            "/provision/modifierExtension",
            modifier.clone(),
            Why::ModifierUnknown,
            format!("{p}.modifierExtension"),
        ),
        (
            "/provision/actor/0/modifierExtension",
            modifier,
            Why::ModifierUnknown,
            format!("{p}.actor[0].modifierExtension"),
        ),
        ("/provision", Value::Null, Why::ProvisionMissing, p.to_owned()),
        ("/provision/type", Value::Null, Why::ProvisionUntyped, format!("{p}.type")),
        (
            "/provision/provision",
            json!([{"code": [class("notes")]}]),
            Why::ProvisionUntyped,
            format!("{p}.provision[0].type"),
        ),
        ("/provision/class", json!([{"code": "Patient"}]), Why::ElementNotSupported, format!("{p}.class")),
        ("/provision/action", collect, Why::ActionOther, format!("{p}.action[0]")),
        (
            "/provision/actor/0/role/coding/0/code",
            json!("PRCP"),
            Why::RoleUnknown,
            format!("{p}.actor[0].role"),
        ),
        (
            "/provision/actor/0/reference",
            organisation("90000777"),
            Why::HolderUnknown,
            format!("{p}.actor[0].reference"),
        ),
        (
            "/provision/actor/0/reference",
            literal.clone(),
            Why::HolderUnknown,
            format!("{p}.actor[0].reference"),
        ),
        ("/provision/actor/1/reference", literal, Why::UserUnknown, format!("{p}.actor[1].reference")),
        (
            "/provision/actor/1/reference",
            group("category", "any"),
            Why::CategoryUnknown,
            format!("{p}.actor[1].reference"),
        ),
        (
            "/provision/actor/1/reference",
            group("category", "baker"),
            Why::CategoryUnknown,
            format!("{p}.actor[1].reference"),
        ),
        (
            "/provision/actor/1/reference",
            group("function", "baker"),
            Why::FunctionUnknown,
            format!("{p}.actor[1].reference"),
        ),
        (
            "/provision/actor/1/reference/type",
            json!("Organization"),
            Why::UserUnknown,
            format!("{p}.actor[1].reference"),
        ),
        ("/provision/code/0", class("secrets"), Why::ClassUnknown, format!("{p}.code[0]")),
        (
            "/provision/code/0/coding/0/system",
            json!("http://loinc.org"),
            Why::ClassUnknown,
            format!("{p}.code[0]"),
        ),
        (
            "/provision/securityLabel",
            json!([{"system": codes::CONFIDENTIALITY, "code": "X"}]),
            Why::LabelUnknown,
            format!("{p}.securityLabel[0]"),
        ),
        (
            "/provision/data",
            json!([{"meaning": "authoredby", "reference": {}}]),
            Why::MeaningUnknown,
            format!("{p}.data[0].meaning"),
        ),
        (
            "/provision/data",
            json!([{"meaning": "instance", "reference": {"reference": "Observation/1"}}]),
            Why::DataUnidentified,
            format!("{p}.data[0].reference"),
        ),
        ("/unknown", json!(1), Why::Shape, "Consent".to_owned()),
    ] {
        let body = with(permit(), pointer, value);
        let refusal = read_new(&body).unwrap_err();
        assert_eq!(refusal.why, why, "{pointer}");
        assert!(refusal.expression == place || why == Why::Shape, "{pointer}: {}", refusal.expression);
    }
}

#[test]
fn identity_may_be_permitted_and_not_objected_to() {
    let named = with(permit(), "/provision/code/0", class("identity"));
    assert_eq!(provision_of(&named).classes, boxed(&["identity"]));
    let objected = with(named, "/provision/type", json!("deny"));
    refused(&objected, Why::IdentityObjection, "Consent.provision.code[0]");
}

#[test]
fn exceptions_are_at_most_four_deep() {
    let nested = |depth: usize| {
        (1..depth).fold(json!({"type": "permit"}), |inner, _| json!({"type": "deny", "provision": [inner]}))
    };
    let mut innermost = &provision_of(&with(permit(), "/provision", nested(4)));
    for _ in 1..4 {
        innermost = innermost.exceptions.first().unwrap();
    }
    assert_eq!((innermost.kind, innermost.exceptions.len()), (Kind::Permit, 0));
    for depth in [5, 40] {
        let refusal = read_new(&with(permit(), "/provision", nested(depth))).unwrap_err();
        assert_eq!(refusal.why, Why::TooDeep);
    }
    assert!(matches!(feed(&with(permit(), "/provision", nested(40))), FeedEntry::MayObject { .. }));
    // Also one objection far inside may take away what an older record gave.
    let inside = json!({"type": "permit", "provision": [{"type": "permit"}, {"type": "deny", "code": [{"coding": []}]}]});
    assert!(matches!(feed(&with(permit(), "/provision", inside)), FeedEntry::MayObject { .. }));
    let wide: Vec<_> = (0..300).map(|_| json!({"type": "deny"})).collect();
    let refusal = read_new(&with(permit(), "/provision/provision", Value::Array(wide))).unwrap_err();
    assert_eq!(refusal.why, Why::TooMany);
}

#[test]
fn ten_megabytes_are_refused_unread() {
    let body = with(permit(), "/sourceAttachment/data", json!("A".repeat(10 << 20)));
    let refusal = read_new(&body).unwrap_err();
    assert_eq!((refusal.why, refusal.why.code().status()), (Why::TooLarge, 413));
    let objection = with(body, "/provision/type", json!("deny"));
    assert!(matches!(feed(&objection), FeedEntry::MayObject { .. }));
}

#[test]
fn a_recorder_is_who_sends_or_the_person() {
    let own = read_as(&permit(), 1, Recorder::Person).unwrap();
    assert_eq!(own.record.recorded_by, None);
    let without = with(permit(), "/organization", Value::Null);
    assert!(read_as(&without, 1, Recorder::Person).is_ok());
    let oid = with(permit(), "/organization/0/identifier/system", json!("urn:oid:2.16.528.1.1007.3.3"));
    assert_eq!(read_new(&oid).unwrap().record.recorded_by, Some(ura("90000381")));
}

#[test]
fn evidence_about_another_person_is_refused() {
    let document = json!({"resourceType": "DocumentReference", "id": "d", "status": "current",
        "subject": {"reference": "Patient/p2"}, "content": [{"attachment": {"title": "x"}}]});
    let mut body = with(permit(), "/contained", json!([document]));
    body = with(body, "/sourceAttachment", Value::Null);
    body = with(body, "/sourceReference", json!({"reference": "#d"}));
    refused(&body, Why::OtherPersonsEvidence, "Consent.contained[0].subject");
    let own = with(body, "/contained/0/subject/reference", json!("Patient/p1"));
    assert_eq!(read_new(&own).unwrap().evidence, Vec::<String>::new());
    let mut outside = with(permit(), "/sourceAttachment", Value::Null);
    outside = with(outside, "/sourceReference", json!({"reference": "DocumentReference/d9"}));
    assert_eq!(read_new(&outside).unwrap().evidence, ["DocumentReference/d9"]);
}

#[test]
fn a_verification_by_another_person_is_refused() {
    let by = |reference: &str| {
        with(permit(), "/verification", json!([{"verified": true, "verifiedWith": {"reference": reference}}]))
    };
    refused(&by("Patient/p2"), Why::OtherPersonsEvidence, "Consent.verification[0].verifiedWith");
    assert!(read_new(&by("Patient/p1")).is_ok() && read_new(&by("RelatedPerson/els")).is_ok());
}

#[test]
fn one_identifier_stands_once() {
    let one = json!({"system": "urn:x", "value": "c-7"});
    let body = with(permit(), "/identifier", json!([one]));
    assert_eq!(read_new(&body).unwrap().identifiers, [Identifier::new("urn:x", "c-7")]);
    refused(&with(body, "/identifier", json!([one, one])), Why::IdentifierTwice, "Consent.identifier[1]");
}

#[test]
fn a_change_is_a_withdrawal_or_a_second_key() {
    let linde = [ura("90000381")];
    let by = Recorder::Organisation(&linde);
    let old = read_new(&permit()).unwrap().record;
    let put = |body: &Value| read_as(body, 2, by).unwrap().record;
    assert_eq!(change(&old, &put(&permit())), Change::Nothing);
    assert_eq!(change(&old, &put(&with(permit(), "/status", json!("inactive")))), Change::Withdrawal);
    assert_eq!(change(&old, &put(&with(permit(), "/status", json!("entered-in-error")))), Change::Withdrawal);
    assert_eq!(change(&old, &put(&two_keys())), Change::SecondKey);
    assert_eq!(change(&put(&two_keys()), &put(&permit())), Change::OtherContent);
    assert_eq!(change(&old, &put(&with(permit(), "/provision/type", json!("deny")))), Change::OtherContent);
    let withdrawn = put(&with(permit(), "/status", json!("inactive")));
    assert_eq!(change(&withdrawn, &put(&permit())), Change::Revival);
    let refusal = read_as(&with(permit(), "/status", json!("draft")), 2, by).unwrap_err();
    assert_eq!(refusal.why, Why::StatusNotAllowed);
}

#[test]
fn a_feed_keeps_what_may_object_and_refuses_what_cannot() {
    let objection = with(permit(), "/provision/type", json!("deny"));
    assert!(matches!(feed(&objection), FeedEntry::Read(_)));
    let unreadable = |body: &Value| with(body.clone(), "/provision/class", json!([{"code": "Patient"}]));
    assert!(matches!(feed(&unreadable(&objection)), FeedEntry::MayObject { .. }));
    assert!(matches!(feed(&unreadable(&permit())), FeedEntry::Refused(_)));
    for pointer in
        ["/provision", "/provision/type", "/policy", "/dateTime", "/scope", "/status", "/performer"]
    {
        let body = with(objection.clone(), pointer, Value::Null);
        assert!(matches!(feed(&body), FeedEntry::MayObject { .. }), "{pointer}");
    }
    let modified = with(permit(), "/modifierExtension", json!([{"url": "urn:not", "valueBoolean": true}]));
    assert!(matches!(feed(&modified), FeedEntry::MayObject { .. }));
    let over = with(unreadable(&objection), "/status", json!("inactive"));
    assert!(matches!(feed(&over), FeedEntry::Refused(_)));
    let nobody = with(unreadable(&objection), "/patient", Value::Null);
    assert!(matches!(feed(&nobody), FeedEntry::Refused(_)));
    let research = json!({"coding": [{"system": codes::SCOPE, "code": "research"}]});
    assert!(matches!(feed(&with(objection, "/scope", research)), FeedEntry::Refused(_)));
}

/// Two statuses, one after the other: nobody here may say which counts, and what may be an objection refuses.
#[test]
fn a_feed_keeps_what_says_something_twice() {
    for body in [permit(), with(permit(), "/provision/type", json!("deny"))] {
        let twice = body.to_string().replacen('{', "{\"status\":\"active\",", 1);
        assert!(json::parse(twice.as_bytes()).is_err());
        assert!(matches!(feed_text(&twice), FeedEntry::MayObject { .. }));
        assert_eq!(named(twice.as_bytes()), named(body.to_string().as_bytes()));
        assert!(named(twice.as_bytes()).is_some());
        let other = twice.replace("\"Consent\"", "\"Basic\"");
        assert!(matches!(feed_text(&other), FeedEntry::Refused(_)));
        let broken = twice.trim_end_matches('}');
        assert!(matches!(feed_text(broken), FeedEntry::Refused(_)));
    }
}

#[test]
fn clinical_directives_are_told_from_privacy_consents() {
    let told = |body: &Value| {
        let text = body.to_string();
        directive(json::parse(text.as_bytes()).unwrap().root())
    };
    let scope = |code: &str| json!({"coding": [{"system": codes::SCOPE, "code": code}]});
    let category = |system: &str, code: &str| json!([{"coding": [{"system": system, "code": code}]}]);
    assert_eq!(told(&permit()), None);
    let other = with(permit(), "/category", category("http://loinc.org", "59283-2"));
    assert_eq!(told(&with(other.clone(), "/scope", scope("treatment"))), Some(DirectiveKind::Treatment));
    assert_eq!(told(&with(other.clone(), "/scope", scope("adr"))), Some(DirectiveKind::Advance));
    let r3 = with(
        with(permit(), "/scope", Value::Null),
        "/category",
        category("http://snomed.info/sct", "11341000146107"),
    );
    assert_eq!(told(&r3), Some(DirectiveKind::Advance));
    // A privacy consent does not become a directive by a category.
    assert_eq!(told(&with(permit(), "/category", category("http://snomed.info/sct", "129125009"))), None);
    assert!(matches!(
        feed(&with(other, "/scope", scope("adr"))),
        FeedEntry::Directive(DirectiveKind::Advance)
    ));
    // What says both is neither: as an objection it refuses, as a permit it is sent back.
    for scope in ["adr", "treatment"].map(scope) {
        let both = with(permit(), "/scope", scope);
        assert_eq!(told(&both), None);
        assert!(matches!(feed(&both), FeedEntry::Refused(_)));
        assert!(matches!(feed(&with(both, "/provision/type", json!("deny"))), FeedEntry::MayObject { .. }));
    }
}

#[test]
fn profiles_are_claimed_only_where_kept() {
    let claimed = |body: &Value| {
        let record = read_new(body).unwrap().record;
        let written: Value = serde_json::from_slice(&write(&record, "p1", rules().vocabulary())).unwrap();
        written["meta"]["profile"][0].as_str().map(|url| url.rsplit('.').next().unwrap().to_owned())
    };
    let plain = with(permit(), "/provision/code", Value::Null);
    assert_eq!(claimed(&permit()), None);
    assert_eq!(claimed(&plain).as_deref(), Some("consentBasic"));
    let dated = with(plain.clone(), "/provision/dataPeriod", json!({"end": "2020"}));
    assert_eq!(claimed(&dated).as_deref(), Some("consentIntermediate"));
    let label = json!([{"system": codes::CONFIDENTIALITY, "code": "N"}]);
    assert_eq!(
        claimed(&with(plain.clone(), "/provision/securityLabel", label)).as_deref(),
        Some("consentAdvanced")
    );
    let inside = json!([{"type": "deny", "code": [class("notes")]}]);
    assert_eq!(claimed(&with(plain, "/provision/provision", inside)), None);
}

#[test]
fn the_recorder_gets_back_what_was_written() {
    let mut body = two_keys();
    body["id"] = json!("theirs");
    body["text"] =
        json!({"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">Noor</div>"});
    body["verification"] = json!([{"verified": true}]);
    body["patient"] =
        json!({"identifier": {"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": "999990081"}});
    let stored = body.to_string();
    let envelope = Presented { id: "ours", version: 2, last_updated: "2026-11-21T11:00:00Z", patient: "q7" };
    let given = present(stored.as_bytes(), envelope).unwrap();
    let given: Value = serde_json::from_slice(&given).unwrap();
    assert_eq!(given["id"], "ours");
    assert_eq!(given["meta"]["versionId"], "2");
    assert_eq!(given["patient"], json!({"reference": "Patient/q7"}));
    assert_eq!(given["performer"], json!([{"reference": "Patient/q7"}, {"reference": "#els"}]));
    assert_eq!(given["contained"][0]["patient"], json!({"reference": "Patient/q7"}));
    assert_eq!(given["verification"], body["verification"]);
    assert_eq!(given["provision"], body["provision"]);
    assert!(given.get("text").is_none() && !given.to_string().contains("999990081"));
}

#[test]
fn every_reason_has_words_and_its_own_code() {
    let mut seen = std::collections::BTreeSet::new();
    for why in Why::ALL {
        let reason = why.reason();
        assert!(seen.insert(reason.code) && !reason.nl.is_empty() && reason.nl != reason.en);
        assert!(matches!(why.code().status(), 400 | 409 | 413 | 422));
    }
}

#[test]
fn of_a_day_as_a_whole_an_objection_takes_the_last_instant_and_a_permit_the_first() {
    let given = |kind: &str, date: &str| {
        let body = with(with(permit(), "/provision/type", json!(kind)), "/dateTime", json!(date));
        read_new(&with(body, "/provision/code", Value::Null)).unwrap().record.given_at.to_string()
    };
    assert_eq!(given("permit", "2026-11-02"), "2026-11-01T23:00:00Z");
    assert_eq!(given("deny", "2026-11-02"), "2026-11-02T22:59:59.999Z");
    assert_eq!(given("deny", "2026-10"), "2026-10-31T22:59:59.999Z");
    for kind in ["permit", "deny"] {
        assert_eq!(given(kind, "2026-11-02T09:00:00+01:00"), "2026-11-02T08:00:00Z");
    }
    // Never ahead of now: it counts from when it is there.
    assert_eq!(given("deny", "2026-11"), now().to_string());
}

#[test]
fn an_entry_names_whom_it_is_about_and_itself_even_where_it_cannot_be_read() {
    let number = json!({"system": "urn:x", "value": "7"});
    let body = with(with(permit(), "/identifier", json!([number])), "/provision/type", json!("perhaps"));
    let (patient, identifiers) = named(body.to_string().as_bytes()).unwrap();
    assert!(matches!(patient, PatientRef::Identifier(_) | PatientRef::Id(_)));
    assert_eq!(identifiers, [Identifier::new("urn:x", "7")]);
    assert!(named(b"{").is_none());
    assert!(named(with(body, "/patient", Value::Null).to_string().as_bytes()).is_none());
}
