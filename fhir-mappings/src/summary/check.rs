//! The IPS rules of `docs/ips-rules.md`, checked over any document, ours or another's.
//!
//! Structure is judged as errors; the content of entries is the holders' and judged as warnings.

use super::gather::{is_id, is_moment, references};
use super::section::{LOINC, Section};
use crate::json::{Doc, Kind, Value};
use std::collections::{BTreeMap, BTreeSet};

/// How much an issue weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Not an IPS document.
    Error,
    /// Allowed, but a reader may stumble.
    Warning,
}

/// A rule that a document does not keep. Carries no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The rule's name in `docs/ips-rules.md`.
    pub rule: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// Where: `entry[3]`, `section[2]`; empty for the document.
    pub place: String,
}

/// Every rule that this document does not keep; empty for a good one.
#[must_use]
pub fn check_ips(doc: &Doc<'_>) -> Vec<Issue> {
    let root = doc.root();
    let mut check = Checker { issues: Vec::new(), index: Index::of(root) };
    check.bundle(root);
    let first = root.each("entry").next().and_then(|entry| entry.get("resource"));
    match first.filter(|resource| type_of(*resource) == "Composition") {
        Some(composition) => check.composition(composition),
        None => check.error("first-is-composition", String::new()),
    }
    check.entries(root);
    check.issues
}

/// Resources by every address under which a reference may name them.
struct Index<'d> {
    by_address: BTreeMap<String, Value<'d>>,
}

impl<'d> Index<'d> {
    fn of(root: Value<'d>) -> Self {
        let mut by_address = BTreeMap::new();
        for entry in root.each("entry") {
            let Some(resource) = entry.get("resource") else { continue };
            let url = entry.get_str("fullUrl").unwrap_or_default().into_owned();
            if let Some(tail) = rest_tail(&url) {
                by_address.insert(tail, resource);
            }
            by_address.insert(url, resource);
        }
        Self { by_address }
    }

    fn find(&self, reference: &str) -> Option<Value<'d>> {
        self.by_address.get(reference).copied()
    }
}

struct Checker<'d> {
    issues: Vec<Issue>,
    index: Index<'d>,
}

impl<'d> Checker<'d> {
    fn error(&mut self, rule: &'static str, place: String) {
        self.issues.push(Issue { rule, severity: Severity::Error, place });
    }

    fn must(&mut self, holds: bool, rule: &'static str, place: &str) {
        if !holds {
            self.error(rule, place.to_owned());
        }
    }

    fn should(&mut self, holds: bool, rule: &'static str, place: &str) {
        if !holds {
            self.issues.push(Issue { rule, severity: Severity::Warning, place: place.to_owned() });
        }
    }

    fn bundle(&mut self, root: Value<'d>) {
        let is_document =
            type_of(root) == "Bundle" && root.get_str("type").is_some_and(|kind| kind == "document");
        self.must(is_document, "bundle-is-document", "");
        let identifier = root.get("identifier");
        let has = |name| identifier.and_then(|found| found.get_str(name)).is_some();
        self.must(has("system") && has("value"), "bundle-identifier", "");
        let timestamp = root.get_str("timestamp");
        self.must(timestamp.is_some_and(|at| at.contains('T') && is_moment(&at)), "bundle-timestamp", "");
        let mut seen = BTreeSet::new();
        for (n, entry) in root.each("entry").enumerate() {
            let place = format!("entry[{n}]");
            let url = entry.get_str("fullUrl").unwrap_or_default();
            let absolute = ["urn:uuid:", "urn:oid:", "http://", "https://"];
            self.must(absolute.iter().any(|start| url.starts_with(start)), "entry-full-url", &place);
            self.must(seen.insert(url.clone().into_owned()), "full-url-unique", &place);
            self.must(entry.get("resource").is_some(), "entry-resource", &place);
            let transport = ["search", "request", "response"].iter().any(|name| entry.get(name).is_some());
            self.must(!transport, "no-transport", &place);
            let id = entry.get("resource").and_then(|resource| resource.get_str("id"));
            let agrees = match (url.starts_with("http"), &id) {
                (true, Some(id)) => url.rsplit('/').next() == Some(id.as_ref()),
                _ => true,
            };
            self.must(agrees, "full-url-agrees-with-id", &place);
            self.must(id.is_none_or(|id| is_id(&id)), "id-form", &place);
        }
    }

    fn composition(&mut self, composition: Value<'d>) {
        let coded = composition.get("type").is_some_and(|kind| has_code(kind, LOINC, "60591-5"));
        self.must(coded, "composition-type", "entry[0]");
        for name in ["status", "date", "title"] {
            self.must(composition.get_str(name).is_some(), "composition-members", "entry[0]");
        }
        if let Some(text) = composition.get("text") {
            self.narrative(Some(text), "entry[0]");
        }
        let subject = self.target(composition.get("subject"));
        self.must(subject.is_some_and(|found| type_of(found) == "Patient"), "subject-is-patient", "entry[0]");
        if let Some(patient) = subject {
            self.patient(patient);
        }
        let authors: Vec<_> = composition.each("author").collect();
        self.must(!authors.is_empty(), "author", "entry[0]");
        for reference in authors.into_iter().chain(composition.get("custodian")) {
            // An author known by name alone is legal in R4; one that is referred to must stand in the document.
            self.should(reference.get("reference").is_some(), "author-known", "entry[0]");
            let lost = reference.get("reference").is_some() && self.target(Some(reference)).is_none();
            self.must(!lost, "author-resolves", "entry[0]");
        }
        let sections: Vec<_> = composition.each("section").collect();
        for (n, section) in sections.iter().enumerate() {
            self.section(*section, &format!("section[{n}]"));
        }
        for wanted in Section::ALL.into_iter().filter(|section| section.is_required()) {
            let (system, code) = wanted.code();
            let count =
                sections.iter().filter(|s| s.get("code").is_some_and(|c| has_code(c, system, code))).count();
            self.must(count == 1, "required-sections", code);
        }
    }

    fn patient(&mut self, patient: Value<'d>) {
        let states = |name: &str| patient.get(name).or_else(|| patient.get(&format!("_{name}"))).is_some();
        self.must(states("name"), "patient-name", "");
        self.must(states("birthDate"), "patient-birth-date", "");
        let named = patient.each("name").any(|name| {
            ["text", "family", "given"].iter().any(|part| name.get(part).is_some()) || is_absent(name)
        });
        self.should(named, "patient-name-words", "");
    }

    fn section(&mut self, section: Value<'d>, place: &str) {
        self.must(section.get_str("title").is_some(), "section-title", place);
        let code = section.get("code");
        self.must(code.is_some_and(|code| code.each("coding").next().is_some()), "section-code", place);
        self.narrative(section.get("text"), place);
        let entries: Vec<_> = section.each("entry").collect();
        let empty_reason = section.get("emptyReason").is_some();
        self.must(entries.is_empty() || !empty_reason, "empty-reason-only-when-empty", place);
        let known = Section::ALL.into_iter().find(|known| {
            let (system, wanted) = known.code();
            code.is_some_and(|code| has_code(code, system, wanted))
        });
        let reason = section.get("emptyReason");
        let listed =
            reason.is_none_or(|reason| EMPTY_REASONS.iter().any(|code| has_code(reason, EMPTY_REASON, code)));
        self.must(listed, "empty-reason-code", place);
        let required = known.is_some_and(Section::is_required);
        let subsections = section.each("section").next().is_some();
        self.must(
            !required || !entries.is_empty() || empty_reason || subsections,
            "empty-needs-reason",
            place,
        );
        for entry in entries {
            match self.target(Some(entry)) {
                None => self.error("section-entry-resolves", place.to_owned()),
                Some(resource) => {
                    let fits = known.is_none_or(|known| may_stand(known, &type_of(resource)));
                    self.must(fits, "section-entry-type", place);
                }
            }
        }
        for (n, inner) in section.each("section").enumerate() {
            self.section(inner, &format!("{place}.section[{n}]"));
        }
    }

    fn narrative(&mut self, text: Option<Value<'d>>, place: &str) {
        let Some(text) = text else {
            self.error("section-text", place.to_owned());
            return;
        };
        let status = text.get_str("status").unwrap_or_default();
        let known = matches!(status.as_ref(), "generated" | "extensions" | "additional" | "empty");
        let div = text.get_str("div").unwrap_or_default();
        let opens = div.starts_with("<div") && div.trim_end().ends_with("</div>");
        self.must(known && opens && div.contains(XHTML), "section-text", place);
        self.must(is_passive(&div), "narrative-passive", place);
    }

    fn entries(&mut self, root: Value<'d>) {
        let patients = root
            .each("entry")
            .filter(|entry| entry.get("resource").is_some_and(|resource| type_of(resource) == "Patient"));
        self.should(patients.count() <= 1, "one-patient", "");
        for (n, entry) in root.each("entry").enumerate() {
            let Some(resource) = entry.get("resource") else { continue };
            let place = format!("entry[{n}]");
            self.must(
                resource.kind() == Kind::Object && !type_of(resource).is_empty(),
                "entry-resource",
                &place,
            );
            let relative = references(resource).into_iter().filter(|reference| is_literal(reference));
            let dangling = relative.filter(|reference| self.index.find(reference).is_none()).count();
            self.should(dangling == 0, "references-resolve", &place);
            let wants: &[&str] = match type_of(resource).as_str() {
                "AllergyIntolerance" => &["code", "patient"],
                "Condition" => &["code", "subject"],
                "Immunization" => &["vaccineCode", "patient", "status"],
                "Observation" => &["code", "subject", "status"],
                "MedicationRequest" | "MedicationStatement" => &["subject", "status"],
                "Procedure" => &["code", "subject", "status"],
                _ => &[],
            };
            let shadow = |name: &str| resource.get(&format!("_{name}")).is_some();
            let complete = wants.iter().all(|name| resource.get(name).is_some() || shadow(name));
            self.should(complete, "entry-members", &place);
        }
    }

    fn target(&self, reference: Option<Value<'d>>) -> Option<Value<'d>> {
        self.index.find(&reference?.get_str("reference")?)
    }
}

/// Which types a section of ours or of IPS holds. DocumentReference may stand anywhere.
fn may_stand(section: Section, kind: &str) -> bool {
    let wanted: &[&str] = match section {
        Section::Allergies => &["AllergyIntolerance"],
        Section::Medication => {
            &["MedicationStatement", "MedicationRequest", "MedicationDispense", "MedicationAdministration"]
        }
        Section::Problems | Section::PastProblems => &["Condition"],
        Section::Immunizations => &["Immunization"],
        Section::Results => &["Observation", "DiagnosticReport"],
        Section::Procedures => &["Procedure"],
        Section::Devices => &["DeviceUseStatement"],
        Section::VitalSigns | Section::SocialHistory | Section::Pregnancy => &["Observation"],
        Section::Alerts
        | Section::CrisisPlan
        | Section::Directives
        | Section::Functional
        | Section::Plan
        | Section::Living
        | Section::Legal
        | Section::Safety
        | Section::Money
        | Section::CareTeam
        | Section::Encounters
        | Section::Notes => return true,
    };
    kind == "DocumentReference" || wanted.contains(&kind)
}

fn type_of(resource: Value<'_>) -> String {
    resource.get_str("resourceType").unwrap_or_default().into_owned()
}

fn has_code(concept: Value<'_>, system: &str, code: &str) -> bool {
    concept.each("coding").any(|coding| {
        coding.get_str("system").is_some_and(|found| found == system)
            && coding.get_str("code").is_some_and(|found| found == code)
    })
}

fn is_absent(value: Value<'_>) -> bool {
    value
        .each("extension")
        .any(|extension| extension.get_str("url").is_some_and(|url| url.ends_with("/data-absent-reason")))
}

/// No element or attribute that does something (FHIR txt-1). Looks at tags alone: text may say what it likes.
fn is_passive(div: &str) -> bool {
    div.to_ascii_lowercase().split('<').skip(1).all(|piece| {
        let tag = piece.split('>').next().unwrap_or_default();
        let name = tag
            .trim_start_matches('/')
            .split(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default();
        let handler = tag.split_ascii_whitespace().skip(1).any(|attribute| attribute.starts_with("on"));
        !ACTIVE.contains(&name) && !handler && !tag.contains("javascript:")
    })
}

/// `Type/id` at the end of a REST address.
fn rest_tail(url: &str) -> Option<String> {
    let mut parts = url.strip_prefix("http")?.rsplit('/');
    let (id, kind) = (parts.next()?, parts.next()?);
    (is_id(id) && kind.starts_with(|c: char| c.is_ascii_uppercase())).then(|| format!("{kind}/{id}"))
}

/// A reference that the document itself must answer: relative or a URN, and no fragment.
fn is_literal(reference: &str) -> bool {
    !reference.starts_with('#') && !reference.starts_with("http://") && !reference.starts_with("https://")
}

const XHTML: &str = "http://www.w3.org/1999/xhtml";
const EMPTY_REASON: &str = "http://terminology.hl7.org/CodeSystem/list-empty-reason";
const EMPTY_REASONS: [&str; 6] = ["nilknown", "notasked", "withheld", "unavailable", "notstarted", "closed"];
const ACTIVE: [&str; 9] = ["script", "iframe", "object", "embed", "form", "link", "style", "base", "frame"];
