//! Basic as an attestation: what a professional states on their own authority, for how long and about which classes.

use super::Envelope;
use crate::consent_wire::at::At;
use crate::consent_wire::contents::{identifier, period};
use crate::consent_wire::{BYTES_MAX, PatientRef, Refusal, Why, patient_ref, write_period};
use crate::{json, r4};
use consent::relation::{Attestation, AttestationKind};
use consent::{Identifier, Moment, Vocabulary, period as time};
use jiff::Timestamp;
use serde_json::{Value, json};

type Read<T> = Result<T, Refusal>;

/// Code system of attestations.
pub const ATTESTATION_SYSTEM: &str = "https://sluis.example/fhir/CodeSystem/attestation";

/// Who attests, as the token says, and when.
pub struct AttestationContext<'a> {
    /// Identifiers of the organisation; the first is recorded.
    pub organisation: &'a [Identifier],
    /// Identifiers of the person; the first is recorded.
    pub person: &'a [Identifier],
    /// The function asked in.
    pub function: Option<&'a str>,
    /// The present instant.
    pub now: Timestamp,
    /// Codes of classes and groups.
    pub vocabulary: &'a Vocabulary,
}

/// An attestation that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedAttestation {
    /// The attestation.
    pub attestation: Attestation,
    /// Whom it is about.
    pub patient: PatientRef,
    /// What the author wrote, for the review.
    pub text: Option<String>,
}

/// Reads a Basic.
///
/// # Errors
/// A [`Refusal`] with its reason and place.
pub fn read_attestation(bytes: &[u8], context: &AttestationContext<'_>) -> Read<ReceivedAttestation> {
    if bytes.len() > BYTES_MAX {
        return Err(Refusal::new(Why::TooLarge, "Basic"));
    }
    let doc = json::parse(bytes).map_err(|_| Refusal::new(Why::NotJson, "Basic"))?;
    let root = doc.root();
    if root.get_str("resourceType").as_deref() != Some("Basic") {
        return Err(Refusal::new(Why::NotARelation, "Basic"));
    }
    let found = basic(At::root(root, "Basic"), context)?;
    match r4::check(root).first() {
        Some(issue) => Err(Refusal::new(Why::Shape, issue.expression.clone())),
        None => Ok(found),
    }
}

fn basic(at: At<'_>, context: &AttestationContext<'_>) -> Read<ReceivedAttestation> {
    let at = at.only(&[
        "resourceType",
        "meta",
        "language",
        "text",
        "identifier",
        "code",
        "subject",
        "created",
        "author",
    ])?;
    let patient = patient_ref(at.need("subject", Why::Shape)?, Why::PatientUnclear)?;
    let (system, code) = at.need("code", Why::Shape)?.one_coding(Why::AttestationUnknown)?;
    let kind = AttestationKind::parse(&code).filter(|_| system == ATTESTATION_SYSTEM);
    let term = extension(&at, PERIOD)?.pop().ok_or_else(|| at.refuse_at("extension", Why::TermMissing))?;
    let mut scope: Vec<Box<str>> = Vec::new();
    for found in extension(&at, SCOPE)? {
        let code = match found.get("valueCoding") {
            Some(coding) => coding.text("code")?,
            None => found.text("valueCode")?,
        };
        let known = code.filter(|code| context.vocabulary.classes(code).is_some());
        scope.push(known.ok_or_else(|| found.refuse(Why::ClassUnknown))?.into());
    }
    let text = match extension(&at, TEXT)?.pop() {
        Some(found) => found.text("valueString")?.map(std::borrow::Cow::into_owned),
        None => None,
    };
    author(&at, context)?;
    let organisation =
        context.organisation.first().ok_or_else(|| at.refuse_at("author", Why::OtherAuthor))?;
    let attestation = Attestation {
        kind: kind.ok_or_else(|| at.refuse_at("code", Why::AttestationUnknown))?,
        organisation: organisation.clone(),
        author: context.person.first().cloned(),
        function: context.function.map(Into::into),
        created: created(&at, context.now)?,
        period: period(term.need("valuePeriod", Why::TermMissing)?)?,
        scope: (!scope.is_empty()).then_some(scope),
    };
    Ok(ReceivedAttestation { attestation, patient, text })
}

/// `author`, where written, is the sending person or organisation: nobody attests for another.
fn author(at: &At<'_>, context: &AttestationContext<'_>) -> Read<()> {
    let Some(author) = at.get("author") else { return Ok(()) };
    let refusal = author.refuse(Why::OtherAuthor);
    let author = author.only(&["reference", "type", "identifier", "display"])?;
    let named = identifier(author.need("identifier", Why::OtherAuthor)?, Why::OtherAuthor)?;
    // An address beside the identifier could name somebody else.
    let own = author.get("reference").is_none()
        && (context.person.contains(&named) || context.organisation.contains(&named));
    if own { Ok(()) } else { Err(refusal) }
}

/// The instant of today's attestation is now; an older day counts from its beginning.
fn created(at: &At<'_>, now: Timestamp) -> Read<Timestamp> {
    let Some(text) = at.text("created")? else { return Ok(now) };
    let day = Moment::parse(&text).map_err(|_| at.refuse_at("created", Why::DateMissing))?;
    if day.first() > now {
        return Err(at.refuse_at("created", Why::DateInFuture));
    }
    Ok(if day.after() > now { now } else { day.first() })
}

fn extension<'d>(at: &At<'d>, name: &str) -> Read<Vec<At<'d>>> {
    let url =
        |found: &At<'d>| found.value.get_str("url").is_some_and(|url| url.strip_prefix(BASE) == Some(name));
    let found: Vec<_> = at.list("extension")?.into_iter().filter(url).collect();
    if name != SCOPE && found.len() > 1 {
        return Err(at.refuse_at("extension", Why::Shape));
    }
    Ok(found)
}

/// The attestation as compact JSON.
#[must_use]
pub fn write_attestation(from: &Attestation, text: Option<&str>, envelope: Envelope<'_>) -> Vec<u8> {
    let mut extensions = vec![json!({"url": url(PERIOD), "valuePeriod": write_period(&from.period)})];
    extensions
        .extend(from.scope.iter().flatten().map(|class| json!({"url": url(SCOPE), "valueCode": class})));
    extensions.extend(text.map(|text| json!({"url": url(TEXT), "valueString": text})));
    let author = match &from.author {
        Some(person) => reference("Practitioner", person),
        None => reference("Organization", &from.organisation),
    };
    let out = json!({
        "resourceType": "Basic",
        "id": envelope.id,
        "meta": {"versionId": envelope.version.to_string()},
        "extension": extensions,
        "code": {"coding": [{"system": ATTESTATION_SYSTEM, "code": from.kind.code()}]},
        "subject": {"reference": format!("Patient/{}", envelope.patient)},
        "created": time::day_of(from.created).to_string(),
        "author": author,
    });
    out.to_string().into_bytes()
}

fn reference(kind: &str, to: &Identifier) -> Value {
    json!({"type": kind, "identifier": {"system": to.system, "value": to.value}})
}

fn url(name: &str) -> String {
    format!("{BASE}{name}")
}

const BASE: &str = "https://sluis.example/fhir/StructureDefinition/";
const PERIOD: &str = "attestation-period";
const SCOPE: &str = "attestation-scope";
const TEXT: &str = "attestation-text";
