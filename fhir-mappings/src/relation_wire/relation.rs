//! The five resource types that record who works with whom about a person, and for how long.

use super::Envelope;
use crate::consent_wire::at::At;
use crate::consent_wire::contents::{identifier, period};
use crate::consent_wire::{BYTES_MAX, PatientRef, Refusal, Why, patient_ref, write_period};
use crate::{json, r4};
use consent::Identifier;
use consent::relation::{Relation, RelationKind, RelationStatus};
use serde_json::{Map, Value, json};

type Read<T> = Result<T, Refusal>;

/// A relation that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedRelation {
    /// The relation.
    pub relation: Relation,
    /// Whom it is about.
    pub patient: PatientRef,
    /// The `id` in the body, if any: on a PUT it must be the one in the path.
    pub body_id: Option<String>,
}

/// The kind of relation a resource type records.
#[must_use]
pub fn kind_of(resource: &str) -> Option<RelationKind> {
    SHAPES.iter().find(|shape| shape.resource == resource).map(|shape| shape.kind)
}

/// Reads a relation of the type in the path.
///
/// # Errors
/// A [`Refusal`] with its reason and place.
pub fn read_relation(resource: &str, bytes: &[u8]) -> Read<ReceivedRelation> {
    if bytes.len() > BYTES_MAX {
        return Err(Refusal::new(Why::TooLarge, "Resource"));
    }
    let doc = json::parse(bytes).map_err(|_| Refusal::new(Why::NotJson, "Resource"))?;
    let root = doc.root();
    let shape = SHAPES.iter().find(|shape| shape.resource == resource);
    let shape = shape.filter(|shape| root.get_str("resourceType").as_deref() == Some(shape.resource));
    let shape = shape.ok_or_else(|| Refusal::new(Why::NotARelation, "Resource"))?;
    let found = shape.read(&At::root(root, shape.resource))?;
    match r4::check(root).first() {
        Some(issue) => Err(Refusal::new(Why::Shape, issue.expression.clone())),
        None => Ok(found),
    }
}

/// Where a resource type keeps what makes a relation.
struct Shape {
    resource: &'static str,
    kind: RelationKind,
    subject: &'static str,
    term: &'static str,
    /// Statuses in force; the first is written.
    active: &'static [&'static str],
    /// What is written when it is not.
    ended: &'static str,
    /// Element and member below it that name parties; the first is written.
    parties: &'static [(&'static str, &'static str)],
}

const SHAPES: [Shape; 5] = [
    Shape {
        resource: "ServiceRequest",
        kind: RelationKind::Referral,
        subject: "subject",
        term: "occurrencePeriod",
        active: &["active"],
        ended: "completed",
        parties: &[("requester", ""), ("performer", "")],
    },
    Shape {
        resource: "CareTeam",
        kind: RelationKind::CareTeam,
        subject: "subject",
        term: "period",
        active: &["active"],
        ended: "inactive",
        parties: &[("participant", "member"), ("participant", "onBehalfOf"), ("managingOrganization", "")],
    },
    Shape {
        resource: "EpisodeOfCare",
        kind: RelationKind::Episode,
        subject: "patient",
        term: "period",
        active: &["active"],
        ended: "finished",
        parties: &[("managingOrganization", "")],
    },
    Shape {
        resource: "CarePlan",
        kind: RelationKind::Plan,
        subject: "subject",
        term: "period",
        active: &["active"],
        ended: "completed",
        parties: &[("contributor", ""), ("author", "")],
    },
    Shape {
        resource: "Encounter",
        kind: RelationKind::Encounter,
        subject: "subject",
        term: "period",
        active: &["in-progress", "arrived", "triaged"],
        ended: "finished",
        parties: &[("serviceProvider", "")],
    },
];

impl Shape {
    fn read(&self, at: &At<'_>) -> Read<ReceivedRelation> {
        if let Some(modifier) = at.get("modifierExtension").or_else(|| at.get("implicitRules")) {
            return Err(modifier.refuse(Why::ModifierUnknown));
        }
        if at.get("doNotPerform").is_some_and(|not| not.value.as_bool() != Some(false)) {
            return Err(at.refuse_at("doNotPerform", Why::NotToDo));
        }
        let patient = patient_ref(at.need(self.subject, Why::Shape)?, Why::PatientUnclear)?;
        let status = at.text("status")?.ok_or_else(|| at.refuse_at("status", Why::Shape))?;
        let in_force = self.active.contains(&&*status);
        let term = period(at.need(self.term, Why::TermMissing)?)?;
        // An open end would last for good; a start alone says nothing about its term.
        if term.start.is_none() || (term.end.is_none() && self.kind == RelationKind::Referral) {
            return Err(at.refuse_at(self.term, Why::TermMissing));
        }
        let mut parties: Vec<Identifier> = Vec::new();
        for (element, member) in self.parties {
            for found in organisations(at, element, member)? {
                if !parties.contains(&found) {
                    parties.push(found);
                }
            }
        }
        if parties.is_empty() {
            return Err(at.refuse(Why::PartiesMissing));
        }
        let (sender, receivers) = match self.kind {
            RelationKind::Referral => self.referral(at)?,
            RelationKind::CareTeam | RelationKind::Plan | RelationKind::Episode | RelationKind::Encounter => {
                (None, Vec::new())
            }
        };
        let identifiers = at.list("identifier")?;
        let identifiers =
            identifiers.into_iter().map(|named| identifier(named, Why::Shape)).collect::<Read<_>>()?;
        let relation = Relation {
            kind: self.kind,
            identifiers,
            parties,
            sender,
            receivers,
            status: if in_force { RelationStatus::Active } else { RelationStatus::NotActive },
            period: term,
            recorded_by: None,
        };
        let body_id = at.text("id")?.map(std::borrow::Cow::into_owned);
        Ok(ReceivedRelation { relation, patient, body_id })
    }

    fn referral(&self, at: &At<'_>) -> Read<(Option<Identifier>, Vec<Identifier>)> {
        let sender = organisations(at, "requester", "")?.pop();
        let receivers = organisations(at, "performer", "")?;
        if sender.is_none() || receivers.is_empty() {
            return Err(at.refuse(Why::ReferralIncomplete));
        }
        Ok((sender, receivers))
    }

    fn write(&self, relation: &Relation, envelope: Envelope<'_>) -> Value {
        let mut out = Map::new();
        let mut set = |name: &str, value: Value| out.insert(name.to_owned(), value);
        set("resourceType", json!(self.resource));
        set("id", json!(envelope.id));
        set("meta", json!({"versionId": envelope.version.to_string()}));
        if !relation.identifiers.is_empty() {
            set("identifier", relation.identifiers.iter().map(named).collect());
        }
        let active = self.active.first().copied().unwrap_or_default();
        set("status", json!(if relation.status == RelationStatus::Active { active } else { self.ended }));
        set(self.subject, json!({"reference": format!("Patient/{}", envelope.patient)}));
        set(self.term, write_period(&relation.period));
        let parties = relation.parties.iter().map(organisation);
        match self.kind {
            RelationKind::Referral => {
                set("intent", json!("order"));
                set("requester", relation.sender.iter().map(organisation).next().unwrap_or_default());
                set("performer", relation.receivers.iter().map(organisation).collect());
            }
            RelationKind::CareTeam => {
                set("participant", parties.map(|party| json!({"member": party})).collect());
            }
            RelationKind::Plan => {
                set("intent", json!("plan"));
                set("contributor", parties.collect());
            }
            RelationKind::Episode => {
                set("managingOrganization", parties.take(1).next().unwrap_or_default());
            }
            RelationKind::Encounter => {
                set(
                    "class",
                    json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}),
                );
                set("serviceProvider", parties.take(1).next().unwrap_or_default());
            }
        }
        Value::Object(out)
    }
}

/// The relation as compact JSON of its resource type.
#[must_use]
pub fn write_relation(relation: &Relation, envelope: Envelope<'_>) -> Vec<u8> {
    let shape = SHAPES.iter().find(|shape| shape.kind == relation.kind);
    shape.map(|shape| shape.write(relation, envelope).to_string().into_bytes()).unwrap_or_default()
}

/// Organisations that an element names, directly or in a member below it. Persons are passed over; an organisation
/// by address alone is refused, since it would silently not count.
fn organisations(at: &At<'_>, element: &str, member: &str) -> Read<Vec<Identifier>> {
    let is_list = at.get(element).is_some_and(|found| found.value.kind() == json::Kind::Array);
    let holders = if is_list { at.list(element)? } else { at.get(element).into_iter().collect() };
    let mut found = Vec::new();
    for holder in holders {
        let reference = if member.is_empty() { Some(holder) } else { holder.get(member) };
        let Some(reference) = reference else { continue };
        let kind = reference.text("type")?;
        let address = reference.text("reference")?;
        let by_address = address.as_deref().is_some_and(|text| text.starts_with("Organization/"));
        let is_organisation = kind.as_deref() == Some("Organization") || by_address;
        match reference.get("identifier") {
            Some(named) if is_organisation || (kind.is_none() && address.is_none()) => {
                found.push(identifier(named, Why::PartyUnidentified)?);
            }
            None if is_organisation => return Err(reference.refuse(Why::PartyUnidentified)),
            _ => {}
        }
    }
    Ok(found)
}

fn named(identifier: &Identifier) -> Value {
    json!({"system": identifier.system, "value": identifier.value})
}

fn organisation(identifier: &Identifier) -> Value {
    json!({"type": "Organization", "identifier": named(identifier)})
}
