//! Writes one holder's resources about one person: ids, markers, subjects, authors, labels, narrative.
//! The kinds themselves are in `clinical`, `observed`, `arranged` and `papers`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::calendar::Calendar;
use super::code::{concept, label};
use super::draft::{Draft, concept_of, escaped, reference};
use super::line::Line;
use super::people::House;
use super::wishes::item_identifier;
use super::{RegionError, arranged, clinical, observed, papers};

/// What all lines of one holder about one person have in common.
pub(super) struct Scribe<'a> {
    pub(super) calendar: &'a Calendar,
    pub(super) person: &'a str,
    pub(super) house: &'a House,
    /// Staff id of who writes when a line names nobody.
    pub(super) author: &'a str,
    /// Staff that the resources refer to.
    pub(super) staff: BTreeSet<String>,
    pub(super) written: Vec<Value>,
    markers: usize,
    places: usize,
}

impl<'a> Scribe<'a> {
    /// A scribe with an empty page.
    pub(super) fn new(calendar: &'a Calendar, person: &'a str, house: &'a House, author: &'a str) -> Self {
        Self {
            calendar,
            person,
            house,
            author,
            staff: BTreeSet::from([author.to_owned()]),
            written: Vec::new(),
            markers: 0,
            places: 0,
        }
    }

    /// Expands one line to its resources and keeps them.
    pub(super) fn write(&mut self, line: &Line<'_>) -> Result<(), RegionError> {
        let drafts = match line.kind {
            "condition" | "legal" | "representation" => vec![clinical::condition(self, line)?],
            "allergy" => vec![clinical::allergy(self, line)?],
            "flag" | "contra" => vec![clinical::flag(self, line)?],
            "med" | "dispense" | "statement" => clinical::medicine(self, line)?,
            "procedure" | "freedom" => vec![clinical::procedure(self, line)?],
            "vaccine" => vec![clinical::vaccine(self, line)?],
            "device" => clinical::device(self, line)?,
            "diet" => vec![clinical::diet(self, line)?],
            "lab" | "vital" | "obs" => vec![observed::observation(self, line)?],
            "report" => vec![observed::report(self, line)?],
            "questions" => vec![observed::questions(self, line)?],
            "team" => vec![arranged::team(self, line)?],
            "episode" => vec![arranged::episode(self, line)?],
            "encounter" => arranged::encounter(self, line)?,
            "appointment" => vec![arranged::appointment(self, line)?],
            "contact" => vec![arranged::contact(self, line)?],
            "coverage" => vec![arranged::coverage(self, line)?],
            "goal" => vec![arranged::goal(self, line)?],
            "plan" | "help" | "crisis" => vec![arranged::plan(self, line)?],
            "task" => vec![arranged::task(self, line)?],
            "decision" => vec![arranged::decision(self, line)?],
            "organisation" => vec![arranged::organisation(self, line)?],
            "directive" | "will" => vec![papers::directive(self, line)?],
            "visit" => papers::visit(self, line)?,
            "letter" => vec![papers::letter(self, line)?],
            _ => return Err(line.error(format!("unknown kind {}", line.kind))),
        };
        for draft in drafts {
            let finished = self.finish(draft, line);
            self.written.push(finished);
        }
        Ok(())
    }

    /// Id of a resource that a line names, in this holder's own numbering.
    pub(super) fn id(&self, name: &str) -> String {
        format!("{}-{}-{name}", self.person, self.house.short)
    }

    /// Free text with its marker; `{P}` becomes a marker of a protected place.
    pub(super) fn free(&mut self, text: &str) -> String {
        let text = self.placed(text);
        self.markers += 1;
        format!("{text} (MRK-{}-{}-{:04})", self.person, self.house.short, self.markers)
    }

    /// Text that is no sentence (a street, a phone number): only `{P}` is filled in.
    pub(super) fn placed(&mut self, text: &str) -> String {
        let mut pieces = text.split("{P}");
        let mut filled = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            self.places += 1;
            filled.push_str(&format!("MRK-{}-{}-plaats-{:04}", self.person, self.house.short, self.places));
            filled.push_str(piece);
        }
        filled
    }

    /// The person as subject.
    pub(super) fn subject(&self) -> Value {
        reference("Patient", &self.id("patient"))
    }

    /// The date under `key`, moved; an error if it does not read.
    pub(super) fn when(&self, line: &Line<'_>, key: &str) -> Result<Option<String>, RegionError> {
        let Some(text) = line.get(key) else { return Ok(None) };
        match self.calendar.fhir(text) {
            Some(date) => Ok(Some(date)),
            None => Err(line.error(format!("{key}={text} is no date"))),
        }
    }

    /// The date under `on`, else under `since`, else the day of the story.
    pub(super) fn on(&self, line: &Line<'_>) -> Result<String, RegionError> {
        let date = self.when(line, "on")?.or(self.when(line, "since")?).or_else(|| self.calendar.fhir("T"));
        date.ok_or_else(|| line.error("no date"))
    }

    /// Who wrote the line.
    pub(super) fn author(&mut self, line: &Line<'_>) -> Value {
        let author = line.get("by").unwrap_or(self.author);
        self.role(author)
    }

    /// The role of a member of staff.
    pub(super) fn role(&mut self, staff: &str) -> Value {
        self.staff.insert(staff.to_owned());
        reference("PractitionerRole", &format!("rol-{staff}"))
    }

    /// The holder's own organisation.
    pub(super) fn organisation(&self) -> Value {
        reference("Organization", &format!("org-{}", self.house.short))
    }

    /// What the line is about: its codes, or its title as free text where it has none.
    pub(super) fn concept(&mut self, line: &Line<'_>) -> Result<Value, RegionError> {
        if line.codes.is_empty() {
            let text = self.free(line.title);
            return Ok(json!({"text": text}));
        }
        concept_of(&line.codes, line.title).ok_or_else(|| line.error("unknown code system"))
    }

    /// A coded option: `sct:123 words`.
    pub(super) fn coded(&self, line: &Line<'_>, text: &str) -> Result<Value, RegionError> {
        let (code, display) = text.split_once(' ').unwrap_or((text, ""));
        concept(code, display).ok_or_else(|| line.error(format!("unknown code system in {text}")))
    }

    /// The `note` options as annotations; nothing where there are none.
    pub(super) fn notes(&mut self, line: &Line<'_>) -> Option<Value> {
        let notes: Vec<Value> = line.all("note").map(|note| json!({"text": self.free(note)})).collect();
        (!notes.is_empty()).then_some(Value::Array(notes))
    }

    /// References to resources of this holder that a line names as `Type/name`.
    pub(super) fn named(&self, line: &Line<'_>, key: &str, resource_type: &str) -> Vec<Value> {
        line.all(key)
            .flat_map(str::split_whitespace)
            .filter_map(|name| name.split_once('/'))
            .filter(|(named_type, _)| *named_type == resource_type)
            .map(|(_, name)| reference(resource_type, &self.id(name)))
            .collect()
    }

    fn finish(&mut self, draft: Draft, line: &Line<'_>) -> Value {
        let draft = match (draft.get("id").is_some(), line.get("id")) {
            (true, _) => draft,
            (false, Some(name)) => draft.with("id", json!(self.id(name))),
            (false, None) => {
                let id = self.id(&format!("{:03}", self.written.len()));
                draft.with("id", json!(id))
            }
        };
        let draft = match line.get("id") {
            Some(name) if takes_identifiers(&draft) => {
                draft.with("identifier", json!([item_identifier(self.person, &self.house.short, name)]))
            }
            _ => draft,
        };
        let mut meta = draft.get("meta").cloned().unwrap_or_else(|| json!({}));
        let labels: Vec<Value> = line.all("label").flat_map(str::split_whitespace).map(label).collect();
        if let (Some(meta), false) = (meta.as_object_mut(), labels.is_empty()) {
            meta.insert("security".to_owned(), Value::Array(labels));
        }
        let draft = if meta.as_object().is_some_and(|meta| meta.is_empty()) {
            draft
        } else {
            draft.with("meta", meta)
        };
        let narrative = escaped(&self.free(line.title));
        let div = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>{narrative}</p></div>");
        draft.with("text", json!({"status": "generated", "div": div})).done()
    }
}

/// Types a consent may name one of (CONTRACT.md 7, "Item").
fn takes_identifiers(draft: &Draft) -> bool {
    let kind = draft.get("resourceType").and_then(Value::as_str);
    kind.is_some_and(|kind| {
        ["AllergyIntolerance", "MedicationRequest", "Flag", "CarePlan", "Goal"].contains(&kind)
    })
}
