//! Cuts a file into resources with what the person rules need to know, and turns away what is no data.

use super::subject::{Subject, identifiers, subjects};
use super::{About, IntakeResource, Key, Reason, Refusal, Warning};
use crate::identifiers::Identifier;
use crate::json::{self, Doc, Kind, Value};
use crate::r4::{self, Definitions};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// A file cut into its resources.
#[derive(Default)]
pub(super) struct Split<'a> {
    pub(super) found: Vec<Found<'a>>,
    pub(super) warnings: Vec<Warning>,
    /// `Type/id` of what a history says was deleted; older versions of it are left out.
    gone: HashSet<String>,
}

/// One resource of the file, cut out.
pub(super) struct Found<'a> {
    pub(super) resource_type: &'static str,
    pub(super) id: Option<String>,
    pub(super) full_url: Option<String>,
    pub(super) bytes: &'a [u8],
    /// Where it stands: `Bundle.entry[3].resource`.
    pub(super) place: String,
    /// Whom it says it is about.
    pub(super) subjects: Vec<Subject>,
    /// A Patient's own identifiers.
    pub(super) identifiers: Vec<Identifier>,
    /// Whether it is a version out of a history.
    version: bool,
}

impl<'a> Found<'a> {
    pub(super) fn into_resource(self, about: About) -> IntakeResource<'a> {
        let key = self.key();
        let Self { resource_type, id, full_url, bytes, .. } = self;
        IntakeResource { resource_type, key, bytes, about, full_url, id }
    }

    fn key(&self) -> Key {
        match (&self.id, &self.full_url) {
            (Some(id), _) => Key::Id(id.clone()),
            (None, Some(url)) => Key::FullUrl(url.clone()),
            (None, None) => {
                let digest = ring::digest::digest(&ring::digest::SHA256, self.bytes);
                Key::Digest(data_encoding::BASE64URL_NOPAD.encode(digest.as_ref()))
            }
        }
    }
}

/// One JSON resource, a Bundle included.
pub(super) fn json(bytes: &[u8]) -> Result<Split<'_>, Refusal> {
    let mut split = Split::default();
    split.text(bytes, "")?;
    split.drop_repeats()?;
    Ok(split)
}

/// One JSON resource a line; empty lines are nothing.
pub(super) fn ndjson(bytes: &[u8]) -> Result<Split<'_>, Refusal> {
    if bytes.trim_ascii().is_empty() {
        return Err(Refusal::new(Reason::NotJson, "", "no content"));
    }
    let mut split = Split::default();
    for (number, line) in bytes.split(|b| *b == b'\n').enumerate() {
        if !line.trim_ascii().is_empty() {
            split.text(line, &format!("line[{number}]."))?;
        }
    }
    split.drop_repeats()?;
    Ok(split)
}

/// A version out of a history, or an entry of any other kind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entered {
    Version,
    Plain,
}

impl<'a> Split<'a> {
    fn text(&mut self, bytes: &'a [u8], before: &str) -> Result<(), Refusal> {
        let doc = json::parse(bytes).map_err(|error| {
            Refusal::new(Reason::NotJson, format!("{before}byte[{}]", error.offset), error.kind.text())
        })?;
        if let Some(issue) = r4::check(doc.root()).into_iter().next() {
            return Err(Refusal::of_issue(issue, before));
        }
        let kind = doc.root().get_str("resourceType").unwrap_or_default();
        self.resource(&doc, doc.root(), None, format!("{before}{kind}"))
    }

    fn resource(
        &mut self,
        doc: &Doc<'a>,
        value: Value<'_>,
        entry: Option<(Value<'_>, Entered)>,
        place: String,
    ) -> Result<(), Refusal> {
        let name = value.get_str("resourceType").unwrap_or_default();
        let Some(def) = Definitions::get().type_def(&name) else {
            return Err(Refusal::new(Reason::NotFhir, place, "no resource of an R4 type"));
        };
        if let Some(at) = holds(value, "implicitRules", &place) {
            return Err(Refusal::new(Reason::UnknownModifier, at, "implicit rules that we do not know"));
        }
        match def.name {
            "Bundle" => {
                if let Some(at) = holds(value, "modifierExtension", &place) {
                    return Err(Refusal::new(Reason::UnknownModifier, at, "a modifier that we do not know"));
                }
                return self.bundle(doc, value, &place);
            }
            "Parameters" => {
                return Err(Refusal::new(Reason::NotData, place, "Parameters carry an operation, not data"));
            }
            "Consent" if is_privacy(value) => {
                let detail = "privacy consents are recorded, not imported";
                return Err(Refusal::new(Reason::PrivacyConsent, place, detail));
            }
            _ => {}
        }
        let version = entry.is_some_and(|(_, entered)| entered == Entered::Version);
        let id = value.get_str("id").map(String::from);
        if version && id.as_ref().is_some_and(|id| self.gone.contains(&format!("{}/{id}", def.name))) {
            return Ok(());
        }
        if let Some(expression) = holds(value, "modifierExtension", &place) {
            let detail =
                "a modifier extension that we do not know: kept, but what holds it must not be released";
            self.warnings.push(Warning { expression, detail });
        }
        let (start, end) = value.span();
        self.found.push(Found {
            resource_type: def.name,
            id,
            full_url: entry.and_then(|(entry, _)| entry.get_str("fullUrl")).map(Into::into),
            bytes: doc.bytes().get(start..end).unwrap_or_default(),
            subjects: subjects(value, def.name, &place),
            place,
            identifiers: if def.name == "Patient" { identifiers(value) } else { Vec::new() },
            version,
        });
        Ok(())
    }

    fn bundle(&mut self, doc: &Doc<'a>, bundle: Value<'_>, place: &str) -> Result<(), Refusal> {
        let kind = bundle.get_str("type").unwrap_or_default();
        let entered = if kind == "history" { Entered::Version } else { Entered::Plain };
        for (index, entry) in bundle.each("entry").enumerate() {
            let place = format!("{place}.entry[{index}]");
            let request = entry.get("request");
            let method = request.and_then(|request| request.get_str("method"));
            match method.as_deref() {
                None | Some("POST" | "PUT") => {}
                Some("DELETE") if entered == Entered::Version => {
                    let url = request.and_then(|request| request.get_str("url")).unwrap_or_default();
                    self.gone.insert(type_and_id(&url).to_owned());
                    let detail = "a deletion: older versions are left out, what was imported before stays";
                    self.warnings.push(Warning { expression: place, detail });
                    continue;
                }
                Some(_) => {
                    let detail = "an import adds data: nothing else is carried out";
                    return Err(Refusal::new(Reason::NotData, format!("{place}.request.method"), detail));
                }
            }
            let mode = entry.get("search").and_then(|s| s.get_str("mode"));
            if let Some(inner) = entry.get("resource").filter(|_| mode.is_none_or(|m| m != "outcome")) {
                self.resource(doc, inner, Some((entry, entered)), format!("{place}.resource"))?;
            }
        }
        Ok(())
    }

    /// One resource, one place: a repeat that is the same to the byte, or an older version, goes; any other is a
    /// fault.
    fn drop_repeats(&mut self) -> Result<(), Refusal> {
        let mut seen: HashMap<(&'static str, Key), &[u8]> = HashMap::with_capacity(self.found.len());
        let mut fault = None;
        self.found.retain(|one| match seen.entry((one.resource_type, one.key())) {
            Entry::Vacant(free) => {
                free.insert(one.bytes);
                true
            }
            Entry::Occupied(first) => {
                if *first.get() != one.bytes && !one.version {
                    fault.get_or_insert_with(|| one.place.clone());
                }
                false
            }
        });
        match fault {
            Some(place) => {
                Err(Refusal::new(Reason::NotData, place, "two resources of one type and id that differ"))
            }
            None => Ok(()),
        }
    }
}

/// Where a resource first holds a member of this name, contained resources included, resources in entries not:
/// those are judged on their own.
fn holds(value: Value<'_>, wanted: &str, place: &str) -> Option<String> {
    value.members().find_map(|member| {
        let name = member.name();
        if name == wanted {
            return Some(format!("{place}.{name}"));
        }
        // Places are put together on the way back only: the way down must stay cheap.
        let deeper = |inner: Option<String>, step: String| inner.map(|tail| format!("{place}.{step}{tail}"));
        match member.kind() {
            Kind::Array => {
                let mut items = member.items().enumerate();
                items.find_map(|(i, item)| deeper(holds(item, wanted, ""), format!("{name}[{i}]")))
            }
            Kind::Object if name == "resource" && member.get("resourceType").is_some() => None,
            Kind::Object => deeper(holds(member, wanted, ""), name.to_owned()),
            _ => None,
        }
    })
}

/// Whether a Consent rules over data, rather than telling what care somebody wants. A directive's category makes
/// it care, whatever the scope (Dutch treatment directives travel under `patient-privacy`); else the scope decides,
/// and an unknown one counts as privacy.
fn is_privacy(consent: Value<'_>) -> bool {
    let coded = |concept: Value<'_>, codes: &[&str]| {
        concept.each("coding").any(|c| c.get_str("code").is_some_and(|code| codes.contains(&&*code)))
    };
    let directive = consent.each("category").any(|category| coded(category, DIRECTIVES));
    let scope = consent.get("scope");
    let privacy = scope.is_some_and(|scope| coded(scope, &["patient-privacy"]));
    let other = scope.is_some_and(|scope| coded(scope, &["treatment", "adr", "research"]));
    !directive && (privacy || !other)
}

/// The last two steps of a URL.
fn type_and_id(url: &str) -> &str {
    url.rmatch_indices('/').nth(1).and_then(|(at, _)| url.get(at + 1..)).unwrap_or(url)
}

/// Categories of clinical directives: SNOMED CT treatment instructions and living will (zib TreatmentDirective2 and
/// AdvanceDirective), LOINC advance directives, and HL7's consent categories for care.
const DIRECTIVES: &[&str] =
    &["11291000146105", "11341000146107", "42348-3", "acd", "dnr", "emrgonly", "hcd", "polst"];
