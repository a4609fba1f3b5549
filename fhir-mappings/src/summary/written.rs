//! The Composition as it is written. Members stand in the order of their names, so that the bytes do not depend on how
//! they are made; nothing is built as a tree first, for a section may have thousands of entries.

use super::Frame;
use super::narrative::Narrative;
use super::section::Section;
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Serialize)]
pub(super) struct CompositionOut<'a> {
    pub(super) author: [Reference; 1],
    pub(super) custodian: Reference,
    pub(super) date: &'a str,
    /// FHIR has no empty arrays.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) extension: Vec<Extension<'a>>,
    pub(super) id: &'a str,
    pub(super) identifier: Value,
    pub(super) language: &'static str,
    pub(super) meta: Value,
    #[serde(rename = "resourceType")]
    pub(super) resource_type: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) section: Vec<SectionOut<'a>>,
    pub(super) status: &'static str,
    pub(super) subject: Reference,
    pub(super) text: Text,
    pub(super) title: &'static str,
    #[serde(rename = "type")]
    pub(super) kind: Value,
}

#[derive(Serialize)]
pub(super) struct SectionOut<'a> {
    pub(super) code: Value,
    #[serde(rename = "emptyReason", skip_serializing_if = "Option::is_none")]
    pub(super) empty_reason: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) entry: Vec<EntryOut<'a>>,
    pub(super) text: Text,
    pub(super) title: &'static str,
}

impl SectionOut<'_> {
    /// A section's head and text.
    pub(super) fn of(section: Section, frame: &Frame<'_>, text: Narrative) -> Self {
        let (system, code) = section.code();
        Self {
            code: json!({"coding": [{"system": system, "code": code}]}),
            empty_reason: None,
            entry: Vec::new(),
            text: Text::of(text.close()),
            title: section.title(frame.language),
        }
    }
}

#[derive(Serialize)]
pub(super) struct EntryOut<'a> {
    pub(super) extension: [Extension<'a>; 1],
    pub(super) reference: String,
}

#[derive(Serialize)]
pub(super) struct Extension<'a> {
    pub(super) extension: Vec<Part<'a>>,
    pub(super) url: &'static str,
}

/// One part of an extension of ours.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Part<'a> {
    Number {
        url: &'static str,
        #[serde(rename = "valuePositiveInt")]
        value: u32,
    },
    Text {
        url: &'static str,
        #[serde(rename = "valueString")]
        value: &'a str,
    },
    Moment {
        url: &'static str,
        #[serde(rename = "valueDateTime")]
        value: &'a str,
    },
}

#[derive(Serialize)]
pub(super) struct Reference {
    pub(super) reference: String,
}

#[derive(Serialize)]
pub(super) struct Text {
    div: String,
    status: &'static str,
}

impl Text {
    pub(super) fn of(div: String) -> Self {
        Self { div, status: "generated" }
    }
}
