//! Who took part, as AuditEvent.agent.

use super::codes::{address, coding, concept, gateway, identifier, naming, ours, protocols, purpose};
use super::{BALP, DCM, Place, Shape, shape};
use crate::audit::{Assurance, Entry, Person};
use serde_json::{Value, json};

/// Who took part. In a read we answer the asker, so data flows from us (source) to the client (destination); in
/// a query BALP counts the client as the source of the query.
pub(super) fn agents(entry: &Entry, place: Place<'_>, shape: Shape) -> Vec<Value> {
    let (client, server) = match shape {
        Shape::Query => (Some(concept(DCM, "110153")), Some(concept(DCM, "110152"))),
        Shape::Read | Shape::Disclosure | Shape::Receipt => {
            (Some(concept(DCM, "110152")), Some(concept(DCM, "110153")))
        }
        Shape::Decision => (Some(concept(DCM, "110150")), None),
        Shape::Token => (Some(concept(DCM, "110150")), None),
        Shape::Plain => (entry.organisation.as_ref().map(|_| concept(DCM, "110150")), None),
    };
    let mut agents: Vec<Value> = Vec::new();
    agents.extend(client.map(|kind| client_agent(entry, kind)));
    agents.extend(server.map(|kind| server_agent(place, kind)));
    agents.extend(entry.person.as_ref().map(|person| user_agent(entry, person)));
    agents.extend(entry.responsible.as_ref().map(responsible_agent));
    agents.extend(entry.organisation.as_ref().map(|organisation| {
        let found = &organisation.identifier;
        let who = json!({"identifier": {"system": address(&found.system), "value": found.code}, "display": organisation.name});
        json!({"type": concept(ROLE_CLASS, "PROV"), "who": who, "requestor": false})
    }));
    match shape {
        Shape::Decision => agents.push(json!({
            "type": concept("http://terminology.hl7.org/CodeSystem/extra-security-role-type", "authserver"),
            "who": gateway(place), "requestor": false
        })),
        // The first holder alone may be the profile's custodian; every holder stands among the entities.
        Shape::Disclosure | Shape::Receipt => agents.extend(entry.shares.first().map(|share| {
            json!({"type": concept("http://snomed.info/sct", "159541003"),
                   "who": identifier(&share.holder.identifier), "requestor": false})
        })),
        Shape::Read | Shape::Query | Shape::Token | Shape::Plain => {}
    }
    if agents.is_empty() {
        agents.push(json!({"type": concept(DCM, "110150"), "who": gateway(place), "requestor": true}));
    }
    agents
}

/// The system that asked: its certificate's organisation, from which address.
fn client_agent(entry: &Entry, kind: Value) -> Value {
    let id = entry.token.as_ref().map(|token| token.client.as_str());
    let id = id.or_else(|| entry.organisation.as_ref().map(|organisation| organisation.id.as_str()));
    let who = json!({"identifier": {"system": naming("participant"), "value": id.unwrap_or("unknown")}});
    let network = entry.network.as_ref().map(|network| json!({"address": network.address, "type": "2"}));
    json!({"type": kind, "who": who, "requestor": entry.person.is_none(), "network": network})
}

fn server_agent(place: Place<'_>, kind: Value) -> Value {
    json!({"type": kind, "who": gateway(place), "requestor": false,
           "network": {"address": place.origin, "type": "5"}})
}

/// The person who asked, with role, function, assurance, purpose, and the rules by which it was decided.
fn user_agent(entry: &Entry, person: &Person) -> Value {
    let mut roles: Vec<Value> =
        person.role.iter().map(|role| json!({"coding": [coding(&role.system, &role.code)]})).collect();
    roles.extend(entry.function.iter().map(|code| concept(&naming("function"), code)));
    let policy: Vec<String> = match (&entry.token, shape(entry)) {
        // The token profiles allow one policy: the token's own id.
        (Some(token), Shape::Token) => vec![address(&token.id)],
        _ => protocols(entry),
    };
    json!({
        "type": concept(PARTICIPATION, "IRCP"),
        "extension": [assurance(person.assurance)],
        "role": roles,
        "who": {"identifier": {"system": naming("person"), "value": person.id}},
        "name": person.name,
        "requestor": true,
        "policy": policy,
        "purposeOfUse": entry.purpose.iter().map(|code| purpose(code)).collect::<Vec<_>>(),
    })
}

/// On whose behalf, or under whose responsibility.
fn responsible_agent(person: &Person) -> Value {
    json!({
        "type": concept(PARTICIPATION, "RESP"),
        "extension": [assurance(person.assurance)],
        "role": person.role.iter().map(|role| json!({"coding": [coding(&role.system, &role.code)]})).collect::<Vec<_>>(),
        "who": {"identifier": {"system": naming("person"), "value": person.id}},
        "name": person.name,
        "requestor": false,
    })
}

fn assurance(assurance: Assurance) -> Value {
    let code = serde_json::to_value(assurance).unwrap_or_default();
    json!({"url": format!("{BALP}StructureDefinition/ihe-assuranceLevel"),
           "valueCodeableConcept": {"coding": [{"system": ours("assurance"), "code": code}]}})
}

const ROLE_CLASS: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleClass";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
