//! What makes a relation or an attestation, what does not, and that both survive the wire.

use super::*;
use crate::consent_wire::{PatientRef, Refusal, Why};
use crate::json;
use consent::relation::{Attestation, AttestationKind, Relation, RelationKind, RelationStatus};
use consent::{Identifier, Period, Rules};
use jiff::Timestamp;
use serde_json::{Value, json};

fn ura(value: &str) -> Identifier {
    Identifier::new("http://fhir.nl/fhir/NamingSystem/ura", value)
}

fn organisation(value: &str) -> Value {
    json!({"type": "Organization", "identifier": {"system": "http://fhir.nl/fhir/NamingSystem/ura", "value": value}})
}

fn referral() -> Value {
    json!({
        "resourceType": "ServiceRequest",
        "identifier": [{"system": "urn:referrals", "value": "r1"}],
        "status": "active",
        "intent": "order",
        "code": {"text": "verwijzing"},
        "subject": {"reference": "Patient/p1"},
        "occurrencePeriod": {"start": "2026-11-01", "end": "2027-01-31"},
        "requester": organisation("90000381"),
        "performer": [organisation("90000382")]
    })
}

fn team() -> Value {
    json!({
        "resourceType": "CareTeam",
        "status": "active",
        "subject": {"reference": "Patient/p1"},
        "period": {"start": "2026-01-01"},
        "participant": [
            {"member": organisation("90000381")},
            {"member": {"type": "Practitioner", "identifier": {"system": "urn:x", "value": "linden"}}, "onBehalfOf": organisation("90000383")},
            {"member": {"reference": "Patient/p1"}}
        ]
    })
}

fn relation(resource: &str, body: &Value) -> Result<Relation, Refusal> {
    read_relation(resource, body.to_string().as_bytes()).map(|received| received.relation)
}

#[track_caller]
fn refused(body: &Value, why: Why) {
    let resource = body["resourceType"].as_str().unwrap();
    assert_eq!(relation(resource, body).map_err(|refusal| refusal.why), Err(why));
}

fn set(mut body: Value, name: &str, value: Value) -> Value {
    match value {
        Value::Null => drop(body.as_object_mut().unwrap().remove(name)),
        value => body[name] = value,
    }
    body
}

#[test]
fn a_referral_has_sender_receiver_and_term() {
    let received = read_relation("ServiceRequest", referral().to_string().as_bytes()).unwrap();
    assert_eq!(received.patient, PatientRef::Id("p1".to_owned()));
    let relation = received.relation;
    assert_eq!(relation.kind, RelationKind::Referral);
    assert_eq!(relation.identifiers, [Identifier::new("urn:referrals", "r1")]);
    assert_eq!(relation.sender, Some(ura("90000381")));
    assert_eq!(relation.receivers, [ura("90000382")]);
    assert_eq!(relation.parties, [ura("90000381"), ura("90000382")]);
    assert_eq!(relation.status, RelationStatus::Active);
    assert_eq!(relation.period, Period::parse("2026-11-01", "2027-01-31").unwrap());
}

#[test]
fn what_is_no_referral_is_refused() {
    for (name, value, why) in [
        ("doNotPerform", json!(true), Why::NotToDo),
        ("requester", Value::Null, Why::ReferralIncomplete),
        ("performer", Value::Null, Why::ReferralIncomplete),
        ("performer", json!([{"reference": "Organization/x"}]), Why::PartyUnidentified),
        ("occurrencePeriod", Value::Null, Why::TermMissing),
        ("occurrencePeriod", json!({"start": "2026-11-01"}), Why::TermMissing),
        ("occurrencePeriod", json!({"start": "2026-11-01", "end": "2026-10-01"}), Why::EndBeforeStart),
        ("subject", Value::Null, Why::Shape),
        ("subject", json!({"reference": "Group/p1"}), Why::PatientUnclear),
        ("status", Value::Null, Why::Shape),
        ("status", json!("running"), Why::Shape),
        ("intent", Value::Null, Why::Shape),
        ("unknown", json!(1), Why::Shape),
        ("modifierExtension", json!([{"url": "urn:x", "valueBoolean": true}]), Why::ModifierUnknown),
    ] {
        let body = set(referral(), name, value);
        assert_eq!(relation("ServiceRequest", &body).map_err(|r| r.why), Err(why), "{name}");
    }
    assert_eq!(relation("CareTeam", &referral()).map_err(|r| r.why), Err(Why::NotARelation));
    assert_eq!(relation("Condition", &referral()).map_err(|r| r.why), Err(Why::NotARelation));
}

#[test]
fn a_relation_that_ended_is_not_active() {
    for (body, status) in [
        (referral(), "completed"),
        (referral(), "revoked"),
        (referral(), "draft"),
        (team(), "inactive"),
        (team(), "proposed"),
        (team(), "entered-in-error"),
    ] {
        let resource = body["resourceType"].as_str().unwrap().to_owned();
        let ended = relation(&resource, &set(body, "status", json!(status))).unwrap();
        assert_eq!(ended.status, RelationStatus::NotActive, "{status}");
    }
}

#[test]
fn organisations_are_parties_and_persons_are_not() {
    assert_eq!(relation("CareTeam", &team()).unwrap().parties, [ura("90000381"), ura("90000383")]);
    let nobody = json!([{"member": {"reference": "Patient/p1"}}]);
    refused(&set(team(), "participant", nobody), Why::PartiesMissing);
    refused(
        &set(team(), "participant", json!([{"member": {"reference": "Organization/x"}}])),
        Why::PartyUnidentified,
    );
}

#[test]
fn every_kind_survives_the_wire_and_keeps_to_base_r4() {
    let kinds = [
        RelationKind::Referral,
        RelationKind::CareTeam,
        RelationKind::Plan,
        RelationKind::Episode,
        RelationKind::Encounter,
    ];
    let resources = ["ServiceRequest", "CareTeam", "CarePlan", "EpisodeOfCare", "Encounter"];
    for (kind, resource) in kinds.into_iter().zip(resources) {
        assert_eq!(kind_of(resource), Some(kind));
        for status in [RelationStatus::Active, RelationStatus::NotActive] {
            let is_referral = kind == RelationKind::Referral;
            let alone = matches!(kind, RelationKind::Episode | RelationKind::Encounter);
            let parties = if alone { vec![ura("1")] } else { vec![ura("1"), ura("2")] };
            let before = Relation {
                kind,
                identifiers: vec![Identifier::new("urn:x", "r")],
                parties,
                sender: is_referral.then(|| ura("1")),
                receivers: if is_referral { vec![ura("2")] } else { Vec::new() },
                status,
                period: Period::parse("2026-01-01", "2026-12-31T10:00:00+01:00").unwrap(),
                recorded_by: None,
            };
            let bytes = write_relation(&before, Envelope { id: "r1", version: 3, patient: "p1" });
            let doc = json::parse(&bytes).unwrap();
            assert_eq!(crate::r4::check(doc.root()), []);
            let after = read_relation(resource, &bytes).unwrap();
            assert_eq!((after.relation, after.body_id.as_deref()), (before, Some("r1")));
        }
    }
    assert_eq!(kind_of("Basic"), None);
}

fn basic() -> Value {
    let base = "https://sluis.example/fhir/StructureDefinition/attestation-";
    json!({
        "resourceType": "Basic",
        "extension": [
            {"url": format!("{base}period"), "valuePeriod": {"start": "2026-11-21", "end": "2026-11-22"}},
            {"url": format!("{base}scope"), "valueCode": "medication"},
            {"url": format!("{base}scope"), "valueCoding": {"system": "https://sluis.example/fhir/CodeSystem/data-class", "code": "acute-summary"}},
            {"url": format!("{base}text"), "valueString": "mondeling aan de balie"}
        ],
        "code": {"coding": [{"system": ATTESTATION_SYSTEM, "code": "spoken"}]},
        "subject": {"reference": "Patient/p1"},
        "created": "2026-11-21",
        "author": {"type": "Practitioner", "identifier": {"system": "urn:people", "value": "brug"}}
    })
}

fn attest(body: &Value) -> Result<ReceivedAttestation, Refusal> {
    let rules = Rules::national().unwrap();
    let context = AttestationContext {
        organisation: &[ura("90000382")],
        person: &[Identifier::new("urn:people", "brug")],
        function: Some("gp-out-of-hours"),
        now: now(),
        vocabulary: rules.vocabulary(),
    };
    read_attestation(body.to_string().as_bytes(), &context)
}

fn now() -> Timestamp {
    "2026-11-21T11:00:00Z".parse().unwrap()
}

#[test]
fn an_attestation_is_read_in_full() {
    let received = attest(&basic()).unwrap();
    assert_eq!(received.text.as_deref(), Some("mondeling aan de balie"));
    let attestation = received.attestation;
    assert_eq!(attestation.kind, AttestationKind::Spoken);
    assert_eq!(attestation.organisation, ura("90000382"));
    assert_eq!(attestation.author, Some(Identifier::new("urn:people", "brug")));
    assert_eq!(attestation.function.as_deref(), Some("gp-out-of-hours"));
    assert_eq!(attestation.created, now());
    assert_eq!(attestation.scope.map(|scope| scope.len()), Some(2));
    let yesterday = attest(&set(basic(), "created", json!("2026-11-20"))).unwrap();
    assert_eq!(yesterday.attestation.created, "2026-11-19T23:00:00Z".parse().unwrap());
}

#[test]
fn what_is_no_attestation_is_refused() {
    let code = |system: &str, code: &str| json!({"coding": [{"system": system, "code": code}]});
    let scope =
        json!([basic()["extension"][0], {"url": basic()["extension"][1]["url"], "valueCode": "secrets"}]);
    let two = json!([basic()["extension"][0], basic()["extension"][0]]);
    let other = json!({"identifier": {"system": "urn:people", "value": "valk"}});
    for (name, value, why) in [
        ("code", code(ATTESTATION_SYSTEM, "promise"), Why::AttestationUnknown),
        ("code", code("urn:x", "spoken"), Why::AttestationUnknown),
        ("extension", Value::Null, Why::TermMissing),
        ("extension", scope, Why::ClassUnknown),
        ("extension", two, Why::Shape),
        ("created", json!("2026-11-22"), Why::DateInFuture),
        ("author", other, Why::OtherAuthor),
        ("author", json!({"reference": "Practitioner/x"}), Why::OtherAuthor),
        ("subject", Value::Null, Why::Shape),
        ("modifierExtension", json!([{"url": "urn:x", "valueBoolean": true}]), Why::ModifierUnknown),
    ] {
        assert_eq!(attest(&set(basic(), name, value)).map_err(|refusal| refusal.why), Err(why), "{name}");
    }
}

#[test]
fn every_attestation_survives_the_wire_and_keeps_to_base_r4() {
    for kind in AttestationKind::ALL {
        let before = Attestation {
            kind,
            organisation: ura("90000382"),
            author: Some(Identifier::new("urn:people", "brug")),
            function: Some("gp-out-of-hours".into()),
            created: now(),
            period: Period::parse("2026-11-21", "2026-11-22").unwrap(),
            scope: Some(vec!["medication".into()]),
        };
        let bytes =
            write_attestation(&before, Some("tekst"), Envelope { id: "a1", version: 1, patient: "p1" });
        let doc = json::parse(&bytes).unwrap();
        assert_eq!(crate::r4::check(doc.root()), []);
        let after = attest(&serde_json::from_slice(&bytes).unwrap()).unwrap();
        assert_eq!((after.attestation, after.text.as_deref()), (before, Some("tekst")));
    }
}
