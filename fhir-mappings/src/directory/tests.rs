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
    opening_hours: Some("werkdagen 8.00-17.00"),
    endpoint: Some("https://127.0.0.1:9001/fhir"),
    people: &[Person {
        id: "linden",
        name: "A. Linden",
        role: ("http://fhir.nl/fhir/NamingSystem/uzi-rolcode", "01.015"),
    }],
    checked: Some("2026-10-01T10:00:00Z"),
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
    opening_hours: None,
    endpoint: Some("https://127.0.0.1:9002/fhir"),
    people: &[],
    checked: None,
};

const TYPES: [Type; 6] = ALL;

#[test]
fn every_resource_is_valid_base_r4_and_resolves_within_the_directory() {
    let participants = [GP, APP];
    for kind in TYPES {
        for found in search(kind, &[], REGION, &participants).unwrap() {
            let doc = json::parse(&found.bytes).unwrap();
            let issues = r4::check(doc.root());
            assert!(issues.is_empty(), "{kind:?}: {issues:?}");
            assert_eq!(doc.root().get_str("id").unwrap(), found.id.as_str());
            for member in doc.root().members() {
                let Some(target) = member.get_str("reference") else { continue };
                let (kind, id) = target.split_once('/').unwrap();
                assert!(read(Type::parse(kind).unwrap(), id, REGION, &participants).is_some(), "{target}");
            }
        }
    }
}

#[track_caller]
fn finds<const N: usize>(kind: Type, parameters: &[(&str, &str)], wanted: [&str; N]) {
    let found = search(kind, parameters, REGION, &[GP, APP]).unwrap();
    let ids: Vec<&str> = found.iter().map(|one| one.id.as_str()).collect();
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
        assert!(search(Type::Organization, &[(name, value)], REGION, &[GP]).is_err(), "{name}");
    }
    assert!(search(Type::Endpoint, &[("status", "off")], REGION, &[GP]).is_err());
}

#[test]
fn an_unknown_entry_is_none() {
    assert!(read(Type::Location, "pgo-heuvelrijk", REGION, &[GP, APP]).is_none());
    assert!(Type::parse("Patient").is_none());
}
