//! Who gave a consent: the person, a contained representative, or both keys.

use super::at::At;
use super::codes;
use super::contents::{identifier, period};
use super::refusal::{Refusal, Why};
use super::{BYTES_MAX, PatientRef, read};
use crate::json;
use consent::record::{Giver, Representation, Representative};

type Read<T> = Result<T, Refusal>;

/// Reads `performer` with the contained persons it points to.
pub(super) fn givers(root: &At<'_>, patient: &PatientRef) -> Read<Vec<Giver>> {
    let performers = root.list("performer")?;
    if performers.is_empty() {
        return Err(root.refuse_at("performer", Why::PerformerMissing));
    }
    let mut seen: Vec<String> = Vec::new();
    let mut givers = Vec::new();
    for performer in performers {
        let reference = performer.value.get_str("reference").unwrap_or_default().into_owned();
        let (key, giver) = match reference.strip_prefix('#') {
            Some(local) => {
                (local.to_owned(), Giver::Representative(representative(root, &performer, local)?))
            }
            None => (String::new(), person(&performer, patient)?),
        };
        if seen.contains(&key) {
            return Err(performer.refuse(Why::PerformerTwice));
        }
        seen.push(key);
        givers.push(giver);
    }
    Ok(givers)
}

fn person(performer: &At<'_>, patient: &PatientRef) -> Read<Giver> {
    let named = read::patient_ref(performer.clone(), Why::PerformerUnknown)?;
    if named == *patient { Ok(Giver::Person) } else { Err(performer.refuse(Why::PerformerUnknown)) }
}

fn representative(root: &At<'_>, performer: &At<'_>, local: &str) -> Read<Representative> {
    performer.clone().only(&["reference", "type", "display"])?;
    let contained = root.list("contained")?;
    let found = contained.into_iter().find(|c| c.value.get_str("id").as_deref() == Some(local));
    let found = found.ok_or_else(|| performer.refuse(Why::PerformerUnknown))?;
    if found.value.get_str("resourceType").as_deref() != Some("RelatedPerson") {
        return Err(performer.refuse(Why::PerformerUnknown));
    }
    related_person(found)
}

/// Who is recorded to act for a person, with the paper that shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedRepresentative {
    /// For whom.
    pub patient: PatientRef,
    /// Who, in which capacity, how long and about what; the person is always named.
    pub representative: Representative,
    /// The name of who acts, as the paper gives it.
    pub acting: Option<String>,
    /// The name of the person acted for.
    pub acted_for: Option<String>,
}

/// Reads a RelatedPerson that stands by itself, as a desk hands it in.
///
/// # Errors
/// When it is none, or lacks who, for whom, capacity, mandate or evidence.
pub fn read_representative(bytes: &[u8]) -> Result<ReceivedRepresentative, Refusal> {
    if bytes.len() > BYTES_MAX {
        return Err(Refusal::new(Why::TooLarge, "RelatedPerson"));
    }
    let doc = json::parse(bytes).map_err(|_| Refusal::new(Why::NotJson, "RelatedPerson"))?;
    if let Some(issue) = crate::r4::check(doc.root()).first() {
        return Err(Refusal::new(Why::Shape, issue.expression.clone()));
    }
    let at = At::root(doc.root(), "RelatedPerson");
    if doc.root().get_str("resourceType").as_deref() != Some("RelatedPerson") {
        return Err(at.refuse(Why::RepresentativeIncomplete));
    }
    let about = at.need("patient", Why::PatientUnclear)?;
    let acted_for = about.text("display")?.map(std::borrow::Cow::into_owned);
    let acting = doc.root().each("name").next().and_then(|name| name.get_str("text")).map(|n| n.into_owned());
    let representative = related_person(at.clone())?;
    if representative.person.is_none() {
        return Err(at.refuse_at("identifier", Why::RepresentativeIncomplete));
    }
    let patient = read::patient_ref(about, Why::PatientUnclear)?;
    Ok(ReceivedRepresentative { patient, representative, acting, acted_for })
}

fn related_person(found: At<'_>) -> Read<Representative> {
    let known = [
        "resourceType",
        "id",
        "meta",
        "language",
        "text",
        "identifier",
        "active",
        "patient",
        "relationship",
        "name",
        "telecom",
        "gender",
        "birthDate",
        "address",
        "photo",
        "period",
        "communication",
    ];
    let found = found.only(&known)?;
    if found.value.get("active").and_then(|active| active.as_bool()) == Some(false) {
        return Err(found.refuse_at("active", Why::RepresentativeIncomplete));
    }
    // That it is this person's is checked with all other evidence.
    found.need("patient", Why::Shape)?;
    let incomplete = |name| found.refuse_at(name, Why::RepresentativeIncomplete);
    let mandate = found.get("period").map(period).transpose()?.ok_or_else(|| incomplete("period"))?;
    let identifiers = found.list("identifier")?;
    let identifiers: Vec<_> =
        identifiers.into_iter().map(|at| identifier(at, Why::Shape)).collect::<Read<_>>()?;
    // Ours is the one by which the register knows who acts.
    let ours = identifiers.iter().find(|one| one.system.ends_with("/NamingSystem/representative"));
    let person = ours.or_else(|| identifiers.first()).cloned();
    Ok(Representative {
        person,
        kind: kind(&found)?,
        mandate,
        scope: scope(&found)?,
        evidence: evidence(&found)?.ok_or_else(|| incomplete("extension"))?,
    })
}

/// Exactly one relationship of our code system; a "mother" of another system may stand beside it.
fn kind(at: &At<'_>) -> Read<Representation> {
    let incomplete = || at.refuse_at("relationship", Why::RepresentativeIncomplete);
    let mut kinds = Vec::new();
    for relationship in at.list("relationship")? {
        for coding in relationship.list("coding")? {
            if coding.value.get_str("system").as_deref() == Some(codes::REPRESENTATION) {
                let code = coding.text("code")?.ok_or_else(incomplete)?;
                kinds.push(Representation::parse(&code).ok_or_else(incomplete)?);
            }
        }
    }
    match kinds.as_slice() {
        [kind] => Ok(*kind),
        _ => Err(incomplete()),
    }
}

/// Data classes the mandate covers: one extension a class (valueCode or valueCoding). Whether a class exists is the
/// decision's to say: an unknown one covers nothing.
fn scope(at: &At<'_>) -> Read<Option<Vec<Box<str>>>> {
    let mut classes: Vec<Box<str>> = Vec::new();
    for extension in extensions(at, codes::REPRESENTATION_SCOPE)? {
        let unreadable = || extension.refuse(Why::RepresentativeIncomplete);
        let code = match (extension.get("valueCode"), extension.get("valueCoding")) {
            (Some(code), None) => code.value.as_str(),
            (None, Some(coding)) => coding.value.get_str("code"),
            _ => None,
        };
        let code = code.filter(|code| !code.trim().is_empty()).ok_or_else(unreadable)?;
        classes.push(code.into());
    }
    Ok((!classes.is_empty()).then_some(classes))
}

fn evidence(at: &At<'_>) -> Read<Option<Box<str>>> {
    let found = extensions(at, codes::REPRESENTATION_EVIDENCE)?;
    let [extension] = found.as_slice() else { return Ok(None) };
    let text = match extension.get("valueReference") {
        Some(reference) => reference.text("reference")?,
        None => extension.text("valueString")?,
    };
    Ok(text.map(|text| text.into()))
}

fn extensions<'d>(at: &At<'d>, url: &str) -> Read<Vec<At<'d>>> {
    let ours = |e: &At<'d>| e.value.get_str("url").as_deref() == Some(url);
    Ok(at.list("extension")?.into_iter().filter(ours).collect())
}
