//! Whom and what it was about, as AuditEvent.entity.

use super::codes::{coding, detail, identifier, naming, ours, protocols};
use super::{BALP, Place, RULE, Shape};
use crate::audit::{Entry, Share};
use serde_json::{Value, json};

/// Whom and what it was about.
pub(super) fn entities(entry: &Entry, place: Place<'_>, shape: Shape) -> Vec<Value> {
    // AuthZconsent closes its list of entities, so there the account stands with the person.
    let with_person = if shape == Shape::Decision { decision_account(entry, place) } else { Vec::new() };
    let mut entities: Vec<Value> =
        entry.subject.iter().map(|tag| patient_entity(tag, &with_person)).collect();
    entities.extend(entry.consents.iter().map(|consent| {
        json!({"what": {"identifier": {"system": naming("consent"), "value": consent.id}},
               "type": coding("http://hl7.org/fhir/resource-types", "Consent"),
               "detail": [detail("version", &consent.version)]})
    }));
    if shape == Shape::Decision {
        return entities;
    }
    entities.extend(data_entity(entry, shape));
    entities.extend(entry.shares.iter().map(share_entity));
    entities.extend(entry.changes.iter().map(|change| {
        let mut details: Vec<Value> =
            change.version.iter().map(|version| detail("version", version)).collect();
        details.extend(change.sha256.iter().map(|hash| detail("holdings-sha256", hash)));
        json!({"what": {"identifier": {"system": naming("record"), "value": change.id}},
               "type": coding(&ours("audit-entity"), "record"), "name": change.what, "detail": details})
    }));
    if !place.request_id.is_empty() {
        entities.push(json!({
            "what": {"identifier": {"value": place.request_id}},
            "type": coding(&format!("{BALP}CodeSystem/BasicAuditEntityType"), "XrequestId"),
        }));
    }
    entities.push(
        json!({"type": coding(&ours("audit-entity"), "account"), "name": "account", "detail": account(entry)}),
    );
    entities
}

fn patient_entity(tag: &str, details: &[Value]) -> Value {
    json!({"what": {"identifier": {"system": naming("person-tag"), "value": tag}},
           "type": coding(ENTITY_TYPE, "1"), "role": coding(OBJECT_ROLE, "1"), "detail": details})
}

/// What was asked for: the data of a read, the query of a search.
fn data_entity(entry: &Entry, shape: Shape) -> Option<Value> {
    let kind = entry.resource_type.as_deref().unwrap_or("Bundle");
    match (shape, &entry.query) {
        (Shape::Query, Some(query)) | (Shape::Plain, Some(query)) => Some(json!({
            "type": coding(ENTITY_TYPE, "2"), "role": coding(OBJECT_ROLE, "24"),
            "query": data_encoding::BASE64.encode(query.as_bytes()),
        })),
        (Shape::Read | Shape::Disclosure | Shape::Receipt, _) => Some(json!({
            "what": {"type": kind, "display": kind},
            "type": coding(ENTITY_TYPE, "2"), "role": coding(OBJECT_ROLE, "4"),
        })),
        (Shape::Query | Shape::Decision | Shape::Token | Shape::Plain, _) => None,
    }
}

/// One holder as the origin of data (EHDS).
fn share_entity(share: &Share) -> Value {
    json!({"what": identifier(&share.holder.identifier), "type": coding(&ours("audit-entity"), "holder"),
           "name": share.holder.id, "detail": share_details(share)})
}

/// What one holder gave, on which basis, and what was withheld of it.
fn share_details(share: &Share) -> Vec<Value> {
    let mut details =
        vec![detail("country", &share.holder.country), detail("resources", &share.resources.to_string())];
    for given in &share.given {
        let classes = given.classes.join(" ");
        details.push(detail("given", &format!("{}: {classes}", given.level)));
        let basis = format!("sender {}, receiver {}: {classes}", given.sender, given.receiver);
        details.push(detail("basis", &basis));
    }
    for kept in &share.withheld {
        details.push(detail("withheld", &format!("{}: {}", kept.reason, kept.classes.join(" "))));
    }
    details.extend(share.failed.iter().map(|reason| detail("failed", reason)));
    details
}

/// The whole account of a decision: each holder's details follow its name.
fn decision_account(entry: &Entry, place: Place<'_>) -> Vec<Value> {
    let mut details = account(entry);
    details.extend((!place.request_id.is_empty()).then(|| detail("request-id", place.request_id)));
    for share in &entry.shares {
        details.push(detail("holder", &share.holder.id));
        details.extend(share_details(share));
    }
    details.extend(entry.query.iter().map(|query| detail("query", query)));
    details
}

/// Everything else that the record says, as coded details.
fn account(entry: &Entry) -> Vec<Value> {
    let mut details = vec![detail("rule", RULE), detail("version", &entry.version.to_string())];
    details.extend(entry.function.iter().map(|code| detail("function", code)));
    details.extend(protocols(entry).iter().map(|protocol| detail("authorisation-protocol", protocol)));
    details.extend(entry.relation.iter().map(|relation| {
        detail("treatment-relation-protocol", &format!("{}|{}", relation.kind, relation.identifier))
    }));
    if let Some(emergency) = &entry.emergency {
        details.push(detail("emergency", &emergency.reason));
        details
            .push(detail("could-not-be-asked", if emergency.could_not_be_asked { "true" } else { "false" }));
        details.extend(emergency.attestation.iter().map(|id| detail("attestation", id)));
    }
    if let Some(token) = &entry.token {
        details.push(detail("token", &token.id));
        details.push(detail("token-issuer", &token.issuer));
        details.push(detail("scope", &token.scope));
    }
    details.extend(
        entry
            .network
            .iter()
            .filter_map(|network| network.certificate.as_deref())
            .map(|hash| detail("certificate-sha256", hash)),
    );
    details.extend(entry.traceparent.iter().map(|trace| detail("traceparent", trace)));
    details.extend(entry.details.iter().map(|own| detail(&own.name, &own.value)));
    details
}

const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const OBJECT_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
