//! The Consent itself: what CONTRACT.md section 7 asks always, then givers and provisions.

use super::at::At;
use super::contents::identifier;
use super::refusal::{Refusal, Why};
use super::{BYTES_MAX, Context, PatientRef, Received, Recorder, codes, performer, provision};
use crate::identifiers::Identifier as Tidy;
use crate::json::{self, Value};
use crate::r4;
use consent::record::{ConsentRecord, Kind, Source, Status};
use consent::{Identifier, Moment};
use jiff::Timestamp;

type Read<T> = Result<T, Refusal>;

pub(super) fn read(bytes: &[u8], context: &Context<'_>) -> Read<Received> {
    if bytes.len() > BYTES_MAX {
        return Err(Refusal::new(Why::TooLarge, "Consent"));
    }
    let doc = json::parse(bytes).map_err(|_| Refusal::new(Why::NotJson, "Consent"))?;
    checked(doc.root(), context)
}

/// Our reading, and base R4's verdict where ours has nothing better to say: our reasons are the more helpful ones.
pub(super) fn checked(root: Value<'_>, context: &Context<'_>) -> Read<Received> {
    let found = consent(root, context);
    let ours = matches!(&found, Err(refusal) if refusal.why != Why::ElementNotSupported);
    if ours {
        return found;
    }
    match r4::check(root).first() {
        Some(issue) => Err(Refusal::new(Why::Shape, issue.expression.clone())),
        None => found,
    }
}

/// Reads a parsed Consent.
fn consent(root: Value<'_>, context: &Context<'_>) -> Read<Received> {
    if root.get_str("resourceType").as_deref() != Some("Consent") {
        return Err(Refusal::new(Why::NotAConsent, "Consent"));
    }
    let at = At::root(root, "Consent");
    scope_and_category(&at)?;
    let at = at.only(&[
        "resourceType",
        "meta",
        "language",
        "text",
        "contained",
        "identifier",
        "status",
        "scope",
        "category",
        "patient",
        "dateTime",
        "performer",
        "organization",
        "sourceAttachment",
        "sourceReference",
        "policy",
        "verification",
        "provision",
    ])?;
    unique_contained(&at)?;
    let patient = patient_ref(at.need("patient", Why::Shape)?, Why::PatientUnclear)?;
    // In the order in which a sender mends: who and on what ground before what it says, and the date last, which is read
    // by what it says.
    let status = status(&at, context.version)?;
    let givers = performer::givers(&at, &patient)?;
    let recorded_by = recorded_by(&at, context.recorder)?;
    let (source, policy) = (source(&at)?, policy(&at)?);
    let provision = provision::provision(at.need("provision", Why::ProvisionMissing)?, context)?;
    let record = ConsentRecord {
        id: context.id.into(),
        version: context.version,
        status,
        givers,
        register: context.register.into(),
        recorded_by,
        given_at: given_at(&at, provision.kind, context.now)?,
        source,
        policy,
        provision,
    };
    evidence_is_own(&at, &patient)?;
    let evidence =
        record.source.reference.iter().filter(|r| !r.starts_with('#')).map(|r| r.to_string()).collect();
    let body_id = at.text("id")?.map(std::borrow::Cow::into_owned);
    Ok(Received { record, patient, body_id, identifiers: identifiers(&at)?, evidence })
}

/// Exactly the scope `patient-privacy` and the category 59284-0: a second coding may be a second meaning.
fn scope_and_category(at: &At<'_>) -> Read<()> {
    let scope = at.need("scope", Why::Shape)?;
    if scope.one_coding(Why::OtherScope)? != (codes::SCOPE.to_owned(), "patient-privacy".to_owned()) {
        return Err(scope.refuse(Why::OtherScope));
    }
    let categories = at.list("category")?;
    let [category] = categories.as_slice() else {
        let why = if categories.is_empty() { Why::Shape } else { Why::OtherCategory };
        return Err(at.refuse_at("category", why));
    };
    let wanted = (codes::LOINC.to_owned(), codes::PRIVACY_CATEGORY.to_owned());
    if category.one_coding(Why::OtherCategory)? == wanted {
        Ok(())
    } else {
        Err(category.refuse(Why::OtherCategory))
    }
}

/// Two contained resources of one id could be read either way.
fn unique_contained(at: &At<'_>) -> Read<()> {
    let contained = at.list("contained")?;
    let mut seen = std::collections::HashSet::new();
    for resource in &contained {
        let id = resource.value.get_str("id").ok_or_else(|| resource.refuse(Why::Shape))?;
        if !seen.insert(id) {
            return Err(resource.refuse(Why::Shape));
        }
        if let Some(modifier) = resource.get("modifierExtension").or_else(|| resource.get("implicitRules")) {
            return Err(modifier.refuse(Why::ModifierUnknown));
        }
    }
    Ok(())
}

fn identifiers(at: &At<'_>) -> Read<Vec<Identifier>> {
    let mut found = Vec::new();
    for named in at.list("identifier")? {
        let read = identifier(named.clone(), Why::Shape)?;
        if found.contains(&read) {
            return Err(named.refuse(Why::IdentifierTwice));
        }
        found.push(read);
    }
    Ok(found)
}

/// Whoever a contained piece of evidence or a verification speaks of must be this person.
fn evidence_is_own(at: &At<'_>, patient: &PatientRef) -> Read<()> {
    let contained = at.list("contained")?.into_iter();
    let about = contained.flat_map(|resource| [resource.get("subject"), resource.get("patient")]);
    // A verification may be by a representative: then it names no patient.
    let verified = at.list("verification")?.into_iter().map(|verification| verification.get("verifiedWith"));
    let verified =
        verified.map(|with| with.filter(|with| with.value.get_str("reference").is_none_or(is_patient)));
    for about in about.chain(verified).flatten() {
        if patient_ref(about.clone(), Why::OtherPersonsEvidence)? != *patient {
            return Err(about.refuse(Why::OtherPersonsEvidence));
        }
    }
    Ok(())
}

fn is_patient(reference: std::borrow::Cow<'_, str>) -> bool {
    reference.starts_with("Patient/")
}

/// `Patient/{id}` or an identifier, one of them.
pub(crate) fn patient_ref(at: At<'_>, why: Why) -> Read<PatientRef> {
    let at = at.only(&["reference", "type", "identifier", "display"])?;
    if at.text("type")?.is_some_and(|kind| kind != "Patient") {
        return Err(at.refuse(why));
    }
    match (at.text("reference")?, at.get("identifier")) {
        (Some(reference), None) => {
            let id = reference.strip_prefix("Patient/").and_then(crate::grammar::Id::parse);
            id.map(|id| PatientRef::Id(id.as_str().to_owned())).ok_or_else(|| at.refuse(why))
        }
        (None, Some(named)) => {
            let named = identifier(named, why)?;
            Tidy::new(&named.system, &named.value).map(PatientRef::Identifier).ok_or_else(|| at.refuse(why))
        }
        _ => Err(at.refuse(why)),
    }
}

fn status(at: &At<'_>, version: u32) -> Read<Status> {
    let text = at.text("status")?.ok_or_else(|| at.refuse_at("status", Why::Shape))?;
    let status = match &*text {
        "draft" => Status::Draft,
        "proposed" => Status::Proposed,
        "active" => Status::Active,
        "rejected" => Status::Rejected,
        "inactive" => Status::Inactive,
        "entered-in-error" => Status::EnteredInError,
        _ => return Err(at.refuse_at("status", Why::Shape)),
    };
    match status {
        Status::Active => Ok(status),
        Status::Inactive | Status::EnteredInError if version > 1 => Ok(status),
        _ if version > 1 => Err(at.refuse_at("status", Why::StatusNotAllowed)),
        _ => Err(at.refuse_at("status", Why::NotActive)),
    }
}

/// When it was given. Of a day or month as a whole a permit takes the first instant and an objection the last, so that an
/// objection of the same day does not lose for want of an hour.
fn given_at(at: &At<'_>, kind: Kind, now: Timestamp) -> Read<Timestamp> {
    let text = at.text("dateTime")?.ok_or_else(|| at.refuse_at("dateTime", Why::DateMissing))?;
    let given = Moment::parse(&text).map_err(|_| at.refuse_at("dateTime", Why::DateMissing))?;
    if given.first() > now {
        return Err(at.refuse_at("dateTime", Why::DateInFuture));
    }
    Ok(match kind {
        Kind::Deny if !text.contains('T') => given.last().min(now),
        Kind::Permit | Kind::Deny => given.first(),
    })
}

fn recorded_by(at: &At<'_>, recorder: Recorder<'_>) -> Read<Option<Identifier>> {
    let organizations = at.list("organization")?;
    let missing = || at.refuse_at("organization", Why::OrganizationMissing);
    let stated = match organizations.as_slice() {
        [] => None,
        [one] => {
            let reference = one.clone().only(&["reference", "type", "identifier", "display"])?;
            let named = reference.get("identifier").ok_or_else(missing)?;
            Some(identifier(named, Why::OrganizationMissing)?)
        }
        _ => return Err(at.refuse_at("organization", Why::OtherRecorder)),
    };
    match recorder {
        Recorder::Person => Ok(None),
        Recorder::Register => stated.map(Some).ok_or_else(missing),
        Recorder::Organisation(own) => {
            let stated = stated.ok_or_else(missing)?;
            let forged = || at.refuse_at("organization", Why::OtherRecorder);
            own.contains(&stated).then_some(Some(stated)).ok_or_else(forged)
        }
    }
}

fn source(at: &At<'_>) -> Read<Source> {
    let (attachment, reference) = (at.get("sourceAttachment"), at.get("sourceReference"));
    let missing = |name| at.refuse_at(name, Why::SourceMissing);
    match (attachment, reference) {
        (Some(attachment), None) => {
            let title = attachment.text("title")?.ok_or_else(|| missing("sourceAttachment.title"))?;
            Ok(Source { title: Some(title.into()), reference: None })
        }
        (None, Some(reference)) => {
            let reference = reference.only(&["reference", "type", "identifier", "display"])?;
            let text = match (reference.text("reference")?, reference.get("identifier")) {
                (Some(text), None) => text.into_owned(),
                (None, Some(named)) => {
                    let named = identifier(named, Why::SourceMissing)?;
                    format!("{}|{}", named.system, named.value)
                }
                _ => return Err(missing("sourceReference")),
            };
            Ok(Source { title: None, reference: Some(text.into()) })
        }
        (Some(_), Some(_)) => Err(at.refuse_at("source", Why::Shape)),
        (None, None) => Err(missing("source")),
    }
}

fn policy(at: &At<'_>) -> Read<Box<str>> {
    let policies = at.list("policy")?;
    let missing = || at.refuse_at("policy", Why::PolicyMissing);
    let [policy] = policies.as_slice() else { return Err(missing()) };
    let policy = policy.clone().only(&["authority", "uri"])?;
    let uri = policy.text("uri")?.filter(|uri| is_absolute(uri)).ok_or_else(missing)?;
    Ok(uri.into())
}

/// A scheme, a colon, and something behind it (RFC 3986 4.3).
fn is_absolute(uri: &str) -> bool {
    let plain = uri.bytes().all(|b| b.is_ascii_graphic());
    let scheme = |s: &str| {
        s.starts_with(|c: char| c.is_ascii_alphabetic())
            && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    };
    plain && uri.split_once(':').is_some_and(|(s, rest)| scheme(s) && !rest.is_empty())
}
