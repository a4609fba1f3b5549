//! The signed statement in `extensions`: who asks, in which function, why, and with which emergency.
//!
//! Reads its form and compares it with what is registered; whether purpose and function are allowed is the
//! assertion's business.

use super::asker::{
    AskingPerson, Assurance, BreakGlass, BreakGlassReason, PERSON_URN, RelationHint, RelationKind,
};
use super::refusal::{Attempt, Cause};
use crate::trust::certificate::canonical;
use crate::trust::{FunctionCode, Identifier, Participant, Person, Purpose, Role, Trust};
use fhir_mappings::json::{Kind, Value};
use std::sync::Arc;

/// The statement as written.
pub(super) struct Statement {
    subject: Coded,
    subject_name: Option<String>,
    subject_role: Option<Coded>,
    organisation: Coded,
    organisation_name: Option<String>,
    responsible: Option<Coded>,
    pub(super) purpose: Purpose,
    pub(super) function: Option<FunctionCode>,
    pub(super) relation: Option<RelationHint>,
    pub(super) break_glass: Option<BreakGlass>,
}

/// `system#value`.
struct Coded {
    system: String,
    value: String,
}

/// Reads the claim; what is read goes into `attempt` at once, so that a refusal can be recorded with it.
pub(super) fn read(extensions: Option<Value<'_>>, attempt: &mut Attempt) -> Result<Statement, Cause> {
    let extensions = extensions.filter(|v| v.kind() == Kind::Object).ok_or(Cause::Extensions)?;
    let b2b = extensions.get("hl7-b2b").filter(|v| v.kind() == Kind::Object).ok_or(Cause::Extensions)?;
    let ours = extensions.get("sluis");
    if ours.is_some_and(|v| v.kind() != Kind::Object) {
        return Err(Cause::Extensions);
    }
    let ours = |name: &str| ours.and_then(|v| v.get(name));
    if text(b2b.get("version"), Cause::Extensions)?.as_deref() != Some("1") {
        return Err(Cause::Extensions);
    }
    let break_glass = ours("break-glass").map(break_glass).transpose()?;
    attempt.break_glass.clone_from(&break_glass);
    let subject = coded(b2b.get("subject_id"))?.ok_or(Cause::Extensions)?;
    let organisation = coded(b2b.get("organization_id"))?.ok_or(Cause::Extensions)?;
    let function = text(ours("function"), Cause::Extensions)?;
    let function =
        function.map(|code| FunctionCode::parse(&code).map_err(|_| Cause::Function)).transpose()?;
    attempt.function.clone_from(&function);
    let purpose = purpose(b2b.get("purpose_of_use"))?;
    attempt.purpose = Some(purpose);
    if (purpose == Purpose::Emergency) != break_glass.is_some() {
        return Err(Cause::BreakGlass);
    }
    Ok(Statement {
        subject,
        subject_name: text(b2b.get("subject_name"), Cause::Extensions)?,
        subject_role: coded(b2b.get("subject_role"))?,
        organisation,
        organisation_name: text(b2b.get("organization_name"), Cause::Extensions)?,
        responsible: coded(ours("responsible"))?,
        purpose,
        function,
        relation: ours("relation").map(relation).transpose()?,
        break_glass,
    })
}

impl Statement {
    /// The organisation must be the one registered, in either form of its identifier.
    pub(super) fn names(&self, client: &Participant) -> Result<(), Cause> {
        let claimed =
            Identifier { system: self.organisation.system.clone(), value: self.organisation.value.clone() };
        let same_name = self.organisation_name.as_ref().is_none_or(|name| *name == client.name);
        if canonical(&claimed) != canonical(&client.identifier) || !same_name {
            return Err(Cause::Organisation);
        }
        Ok(())
    }

    /// The person who asks. A registered one must work here and match in name and role; one we do not know is
    /// taken at the participant's word. With PATRQT the subject is the person the data is about.
    pub(super) fn person(
        &self,
        client: &Participant,
        trust: &Trust,
    ) -> Result<(AskingPerson, Option<Arc<Person>>), Cause> {
        let is_staff = self.purpose != Purpose::OwnRequest && self.subject.system == PERSON_URN;
        let registered = trust.person(&self.subject.value).filter(|_| is_staff).cloned();
        let Some(person) = registered else {
            return Ok((
                self.subject.as_claimed(self.subject_name.clone(), self.subject_role.as_ref()),
                None,
            ));
        };
        let same_name = self.subject_name.as_ref().is_none_or(|name| *name == person.name);
        let same_role = self.subject_role.as_ref().is_none_or(|role| role.is(&person.role));
        if person.participant != client.id || !same_name || !same_role {
            return Err(Cause::Person);
        }
        Ok((registered_person(&person), Some(person)))
    }

    /// The person under whose responsibility the asker acts; may work elsewhere.
    pub(super) fn responsible(&self, trust: &Trust) -> Option<AskingPerson> {
        let named = self.responsible.as_ref()?;
        let registered = trust.person(&named.value).filter(|_| named.system == PERSON_URN);
        Some(registered.map_or_else(|| named.as_claimed(None, None), |person| registered_person(person)))
    }
}

impl Coded {
    fn as_claimed(&self, name: Option<String>, role: Option<&Self>) -> AskingPerson {
        AskingPerson {
            system: self.system.clone(),
            id: self.value.clone(),
            name,
            role: role
                .map(|r| Role { system: plain_role_system(&r.system).to_owned(), code: r.value.clone() }),
            assurance: Assurance::SelfAsserted,
        }
    }

    fn is(&self, role: &Role) -> bool {
        plain_role_system(&self.system) == plain_role_system(&role.system) && self.value == role.code
    }
}

fn registered_person(person: &Person) -> AskingPerson {
    AskingPerson {
        system: PERSON_URN.to_owned(),
        id: person.id.as_str().to_owned(),
        name: Some(person.name.clone()),
        role: Some(person.role.clone()),
        assurance: Assurance::Registered,
    }
}

/// A member that is text when it is there.
fn text(value: Option<Value<'_>>, otherwise: Cause) -> Result<Option<String>, Cause> {
    let Some(value) = value else { return Ok(None) };
    let text = value.as_str().ok_or(otherwise)?;
    let plain = !text.is_empty() && text.chars().count() <= TEXT_MAX && !text.chars().any(char::is_control);
    plain.then(|| Some(text.into_owned())).ok_or(otherwise)
}

/// A member `system#value` when it is there.
fn coded(value: Option<Value<'_>>) -> Result<Option<Coded>, Cause> {
    let Some(raw) = text(value, Cause::Extensions)? else { return Ok(None) };
    let (system, value) = raw.rsplit_once('#').ok_or(Cause::Extensions)?;
    if system.is_empty() || value.is_empty() {
        return Err(Cause::Extensions);
    }
    Ok(Some(Coded { system: system.to_owned(), value: value.to_owned() }))
}

/// Exactly one purpose. A code or system that we do not know is not registered for anybody.
fn purpose(value: Option<Value<'_>>) -> Result<Purpose, Cause> {
    let list = value.filter(|v| v.kind() == Kind::Array).ok_or(Cause::Extensions)?;
    let mut items = list.items();
    let (Some(one), None) = (items.next(), items.next()) else { return Err(Cause::Extensions) };
    let one = coded(Some(one))?.ok_or(Cause::Extensions)?;
    let known = PURPOSE_SYSTEMS.contains(&one.system.as_str());
    Purpose::parse(&one.value).ok().filter(|_| known).ok_or(Cause::Purpose)
}

fn relation(value: Value<'_>) -> Result<RelationHint, Cause> {
    let kind = text(value.get("type"), Cause::Relation)?.ok_or(Cause::Relation)?;
    let identifier = text(value.get("identifier"), Cause::Relation)?.ok_or(Cause::Relation)?;
    let kind = RelationKind::CODES.iter().find(|(code, _)| *code == kind).ok_or(Cause::Relation)?.1;
    Ok(RelationHint { kind, identifier })
}

fn break_glass(value: Value<'_>) -> Result<BreakGlass, Cause> {
    let required = |name: &str| text(value.get(name), Cause::BreakGlass)?.ok_or(Cause::BreakGlass);
    let patient = required("patient")?;
    let (system, number) = patient.split_once('|').ok_or(Cause::BreakGlass)?;
    let code = required("reason_code")?;
    let reason = BreakGlassReason::CODES.iter().find(|(known, _)| *known == code).ok_or(Cause::BreakGlass)?.1;
    let reason_text = text(value.get("reason_text"), Cause::BreakGlass)?;
    let could_not_be_asked = match value.get("could_not_be_asked") {
        None => false,
        Some(flag) => flag.as_bool().ok_or(Cause::BreakGlass)?,
    };
    let unexplained = reason == BreakGlassReason::Other && reason_text.is_none();
    if system.is_empty() || number.is_empty() || unexplained {
        return Err(Cause::BreakGlass);
    }
    Ok(BreakGlass {
        patient_system: system.to_owned(),
        patient_value: number.to_owned(),
        reason,
        reason_text,
        could_not_be_asked,
    })
}

/// UZI role codes are written with their URI or their OID.
fn plain_role_system(system: &str) -> &str {
    if system == "urn:oid:2.16.840.1.113883.2.4.15.111" {
        "http://fhir.nl/fhir/NamingSystem/uzi-rolcode"
    } else {
        system
    }
}

const PURPOSE_SYSTEMS: [&str; 2] =
    ["urn:oid:2.16.840.1.113883.5.8", "http://terminology.hl7.org/CodeSystem/v3-ActReason"];
const TEXT_MAX: usize = 500;
