//! What the directory shows, and which searches it answers.

use super::*;
use crate::{json, r4};

const REGION: Region<'_> = Region { id: "heuvelrijk", name: "Zorgregio Heuvelrijk" };

const GP: Participant<'_> = Participant {
    id: "huisarts-de-linde",
    name: "Huisarts De Linde",
    active: true,
    identifier: ("http://fhir.nl/fhir/NamingSystem/ura", "90000382"),
    categories: &["gp"],
    functions: &["gp-own", "poh"],
    contacts: &[Contact { system: "phone", value: "088-0000001" }],
    place: Some(Place { line: "Lindelaan 1", postcode: "3900 AA", city: "Heuvelrijk" }),
    hours: &[],
    endpoint: Some("https://127.0.0.1:9001/fhir"),
    people: &[Person {
        id: "linden",
        name: "A. Linden",
        role: ("http://fhir.nl/fhir/NamingSystem/uzi-rolcode", "01.015"),
    }],
    checked: Some("2026-10-01"),
};

const APP: Participant<'_> = Participant {
    id: "pgo-heuvelrijk",
    name: "PGO Heuvelrijk",
    active: false,
    identifier: ("http://fhir.nl/fhir/NamingSystem/kvk", "1"),
    categories: &[],
    functions: &[],
    contacts: &[],
    place: None,
    hours: &[],
    endpoint: Some("https://127.0.0.1:9002/fhir"),
    people: &[],
    checked: None,
};

const TYPES: [Type; 6] = ALL;

fn with<T>(participants: &[Participant<'_>], ask: impl FnOnce(Directory<'_>) -> T) -> T {
    ask(Directory { region: REGION, participants, outside: &Outside::default() })
}

#[test]
fn every_resource_is_valid_base_r4_and_resolves_within_the_directory() {
    let weekdays = Hours { days: vec![Day::Mon, Day::Fri], from: "08:00".into(), to: "17:00".into() };
    let hours = [weekdays];
    let participants = [Participant { hours: &hours, ..GP }, APP];
    let service = with(&participants, |all| read(Type::HealthcareService, GP.id, all)).unwrap();
    let service: serde_json::Value = serde_json::from_slice(&service.bytes).unwrap();
    let open = serde_json::json!([{"daysOfWeek": ["mon", "fri"], "availableStartTime": "08:00:00", "availableEndTime": "17:00:00"}]);
    assert_eq!(service["availableTime"], open);
    for kind in TYPES {
        for found in with(&participants, |all| search(kind, &[], all, 200)).unwrap().first {
            let doc = json::parse(&found.bytes).unwrap();
            let issues = r4::check(doc.root());
            assert!(issues.is_empty(), "{kind:?}: {issues:?}");
            assert_eq!(doc.root().get_str("id").unwrap(), found.id.as_str());
            for member in doc.root().members() {
                let Some(target) = member.get_str("reference") else { continue };
                let (kind, id) = target.split_once('/').unwrap();
                let kind = Type::parse(kind).unwrap();
                assert!(with(&participants, |all| read(kind, id, all)).is_some(), "{target}");
            }
        }
    }
}

#[track_caller]
fn finds<const N: usize>(kind: Type, parameters: &[(&str, &str)], wanted: [&str; N]) {
    let found = with(&[GP, APP], |all| search(kind, parameters, all, 200)).unwrap();
    let ids: Vec<&str> = found.first.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, wanted);
}

#[test]
fn a_search_finds_what_all_its_parameters_name() {
    finds(Type::Organization, &[], ["heuvelrijk", "huisarts-de-linde", "pgo-heuvelrijk"]);
    finds(Type::Organization, &[("identifier", "90000382")], ["huisarts-de-linde"]);
    finds(
        Type::Organization,
        &[("identifier", "http://fhir.nl/fhir/NamingSystem/ura|90000382")],
        ["huisarts-de-linde"],
    );
    finds(Type::Organization, &[("identifier", "http://fhir.nl/fhir/NamingSystem/kvk|90000382")], []);
    finds(Type::Organization, &[("name", "linde")], ["huisarts-de-linde"]);
    finds(Type::Organization, &[("name", "huisARTS")], ["huisarts-de-linde"]);
    finds(Type::Organization, &[("name", "inde")], []);
    finds(Type::Organization, &[("name", "de")], ["huisarts-de-linde"]);
    finds(Type::Organization, &[("type", "gp,ggz")], ["huisarts-de-linde"]);
    finds(Type::Organization, &[("active", "false")], ["pgo-heuvelrijk"]);
    finds(Type::Organization, &[("active", "true"), ("type", "ggz")], []);
    finds(Type::Organization, &[("_id", "pgo-heuvelrijk"), ("_count", "5")], ["pgo-heuvelrijk"]);
    finds(Type::HealthcareService, &[("service-type", "poh")], ["huisarts-de-linde"]);
    finds(
        Type::HealthcareService,
        &[("organization", "Organization/huisarts-de-linde")],
        ["huisarts-de-linde"],
    );
    finds(Type::Location, &[("status", "active")], ["huisarts-de-linde"]);
    finds(
        Type::Endpoint,
        &[("connection-type", "hl7-fhir-rest"), ("status", "active")],
        ["huisarts-de-linde"],
    );
    finds(Type::Endpoint, &[("status", "suspended")], ["pgo-heuvelrijk"]);
    finds(Type::PractitionerRole, &[("role", "01.015")], ["linden"]);
    finds(Type::PractitionerRole, &[("organization", "pgo-heuvelrijk")], []);
    finds(
        Type::OrganizationAffiliation,
        &[("organization", "heuvelrijk")],
        ["huisarts-de-linde", "pgo-heuvelrijk"],
    );
    finds(
        Type::OrganizationAffiliation,
        &[
            ("participating-organization", "Organization/pgo-heuvelrijk"),
            ("primary-organization", "heuvelrijk"),
        ],
        ["pgo-heuvelrijk"],
    );
}

#[test]
fn a_parameter_outside_the_list_is_refused() {
    for (name, value) in [
        ("_sort", "name"),
        ("name:exact", "x"),
        ("active", "maybe"),
        ("type", ""),
        ("status", "active"),
        ("_has", "x"),
    ] {
        let found = with(&[GP], |all| search(Type::Organization, &[(name, value)], all, 200));
        assert!(found.is_err(), "{name}");
    }
    assert!(with(&[GP], |all| search(Type::Endpoint, &[("status", "nope")], all, 200)).is_err());
}

#[test]
fn an_unknown_entry_is_none() {
    assert!(with(&[GP, APP], |all| read(Type::Location, "pgo-heuvelrijk", all)).is_none());
    assert!(Type::parse("Patient").is_none());
}

const BASE: &str = "https://lrza.example/fhir";

/// A directory elsewhere that holds these.
fn outside(resources: &[serde_json::Value]) -> Outside {
    let entries: Vec<_> = resources
        .iter()
        .cloned()
        .map(|mut resource| {
            resource["meta"]["lastUpdated"] = "2026-01-01T00:00:00Z".into();
            serde_json::json!({"resource": resource})
        })
        .collect();
    let bundle = serde_json::json!({"resourceType": "Bundle", "type": "searchset", "entry": entries});
    let mut replica = history::Replica::default();
    let mut round = history::Replica::fill(&ALL, "2026-06-01T00:00:00Z".parse().unwrap());
    let page = history::read_search(bundle.to_string().as_bytes()).unwrap();
    replica.take(&mut round, page).unwrap();
    replica.end(round);
    assert_eq!((replica.held().count(), replica.unfit()), (resources.len(), 0));
    Outside::of(&replica, BASE)
}

fn elsewhere() -> Outside {
    outside(&[
        serde_json::json!({"resourceType": "Organization", "id": "7", "name": "Ziekenhuis Oost", "active": true,
            "meta": {"source": "urn:other", "versionId": "4"},
            "text": {"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">words</div>"},
            "identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/ura", "value": "90000777"}],
            "partOf": {"reference": "Organization/8"}, "endpoint": [{"reference": format!("{BASE}/Endpoint/e")}],
            "contact": [{"telecom": [{"system": "phone", "value": "088-1"}]}]}),
        serde_json::json!({"resourceType": "Organization", "id": "8", "name": "De Linde, elsewhere",
            "identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/ura", "value": "90000382"}]}),
        serde_json::json!({"resourceType": "Endpoint", "id": "e", "status": "off",
            "connectionType": {"system": "urn:c", "code": "x"}, "payloadType": [{"text": "any"}], "address": "https://o.example",
            "managingOrganization": {"reference": "Organization/7/_history/2"}}),
        serde_json::json!({"resourceType": "HealthcareService", "id": "x".repeat(60), "name": "Hart",
            "providedBy": {"reference": "Organization/8"}}),
        serde_json::json!({"resourceType": "PractitionerRole", "id": "r", "organization": {"reference": "Organization/7"},
            "practitioner": {"reference": "Practitioner/5"}, "location": [{"reference": "Location/gone"}]}),
    ])
}

#[test]
fn outside_entries_stand_beside_ours_and_ours_win_by_business_identifier() {
    let outside = elsewhere();
    let all = Directory { region: REGION, participants: &[GP, APP], outside: &outside };
    let ids = |kind, parameters: &[(&str, &str)]| {
        let found = search(kind, parameters, all, 200).unwrap();
        assert_eq!(found.total, found.first.len());
        found.first.into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    let organizations = ["heuvelrijk", "huisarts-de-linde", "pgo-heuvelrijk", "outside.7"];
    assert_eq!(ids(Type::Organization, &[]), organizations);
    assert_eq!(ids(Type::Organization, &[("identifier", "90000382")]), ["huisarts-de-linde"]);
    assert_eq!(ids(Type::Organization, &[("identifier", "90000777"), ("active", "true")]), ["outside.7"]);
    assert_eq!(ids(Type::Organization, &[("name", "oost")]), ["outside.7"]);
    assert_eq!(
        ids(Type::Endpoint, &[("organization", "Organization/outside.7"), ("status", "off")]),
        ["outside.e"]
    );
    assert_eq!(
        ids(Type::Endpoint, &[("connection-type", "urn:c|x"), ("status", "active")]),
        Vec::<String>::new()
    );
    // What belongs to an entry that is ours too belongs to ours.
    let services = ids(Type::HealthcareService, &[("organization", "huisarts-de-linde")]);
    assert!(
        services.len() == 2 && services[1].starts_with("hashed.") && services[1].len() == 64,
        "{services:?}"
    );
    assert!(read(Type::Organization, "outside.8", all).is_none());
    // No more than a page is rendered; all are counted.
    let found = search(Type::Organization, &[], all, 2).unwrap();
    assert_eq!((found.total, found.first.len()), (4, 2));
}

#[test]
fn an_outside_entry_says_where_it_comes_from_and_refers_to_what_stands_here() {
    let outside = elsewhere();
    let all = Directory { region: REGION, participants: &[GP, APP], outside: &outside };
    for kind in TYPES {
        for found in search(kind, &[], all, 200).unwrap().first {
            let doc = json::parse(&found.bytes).unwrap();
            assert!(r4::check(doc.root()).is_empty(), "{}", String::from_utf8_lossy(&found.bytes));
            assert_eq!(read(kind, &found.id, all).unwrap().bytes, found.bytes);
        }
    }
    let shown = |kind, id: &str| -> serde_json::Value {
        serde_json::from_slice(&read(kind, id, all).unwrap().bytes).unwrap()
    };
    let seven = shown(Type::Organization, "outside.7");
    assert_eq!(seven["meta"]["source"], format!("{BASE}/Organization/7"));
    assert_eq!(seven["meta"]["versionId"], "4");
    assert!(seven.get("text").is_none());
    assert_eq!(seven["partOf"]["reference"], "Organization/huisarts-de-linde");
    assert_eq!(seven["endpoint"][0]["reference"], "Endpoint/outside.e");
    assert_eq!(seven["contact"][0]["telecom"][0]["value"], "088-1");
    let endpoint = shown(Type::Endpoint, "outside.e");
    assert_eq!(endpoint["managingOrganization"]["reference"], "Organization/outside.7");
    let role = shown(Type::PractitionerRole, "outside.r");
    assert_eq!(role["practitioner"]["reference"], format!("{BASE}/Practitioner/5"));
    assert_eq!(role["location"][0]["reference"], format!("{BASE}/Location/gone"));
}
