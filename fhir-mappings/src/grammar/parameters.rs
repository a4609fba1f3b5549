//! The FHIR Parameters that our few operations take.

use super::GrammarError;
use super::parse::{day, person};
use super::query::PersonIdentifier;
use crate::json;
use std::borrow::Cow;

/// Parameters by name: every name known, none twice.
pub(super) struct Parameters<'a>(Option<json::Doc<'a>>);

impl<'a> Parameters<'a> {
    /// Reads a body, which may be absent.
    pub(super) fn read(body: &'a [u8], known: &[&str]) -> Result<Self, GrammarError> {
        if body.is_empty() {
            return Ok(Self(None));
        }
        let doc = json::parse(body).map_err(|_| GrammarError::body("Parameters"))?;
        let root = doc.root();
        let shape_holds = root.get_str("resourceType").as_deref() == Some("Parameters")
            && root.members().all(|m| ["resourceType", "id", "meta", "parameter"].contains(&m.name()))
            && root.get("parameter").is_none_or(|list| list.kind() == json::Kind::Array);
        if !shape_holds {
            return Err(GrammarError::body("Parameters"));
        }
        let mut seen: Vec<Cow<'_, str>> = Vec::new();
        for parameter in root.each("parameter") {
            let name = parameter.get_str("name").unwrap_or_default();
            if parameter.members().count() != 2 || !known.contains(&&*name) || seen.contains(&name) {
                return Err(GrammarError::body("Parameters.parameter"));
            }
            seen.push(name);
        }
        drop(seen);
        Ok(Self(Some(doc)))
    }

    /// A person's identifier: valueIdentifier, or valueString `system|value`. Required.
    pub(super) fn identifier(&self, name: &str) -> Result<PersonIdentifier, GrammarError> {
        let value = self.value(name);
        let found = value.and_then(|value| match value.name() {
            "valueString" => person(&value.as_str()?),
            "valueIdentifier" => {
                let (system, value) = (value.get_str("system")?, value.get_str("value")?);
                let present = !system.trim().is_empty() && !value.trim().is_empty();
                present.then(|| PersonIdentifier::new(system.into_owned(), value.into_owned()))
            }
            _ => None,
        });
        found.ok_or_else(|| misread(name))
    }

    /// A full date. Optional.
    pub(super) fn date(&self, name: &str) -> Result<Option<jiff::civil::Date>, GrammarError> {
        let read = |value: json::Value<'_>| {
            matches!(value.name(), "valueDate" | "valueString").then(|| day(&value.as_str()?)).flatten()
        };
        self.value(name).map(|value| read(value).ok_or_else(|| misread(name))).transpose()
    }

    /// A code: valueCode, valueString or the code of a valueCoding. Optional.
    pub(super) fn code(&self, name: &str) -> Result<Option<String>, GrammarError> {
        let read = |value: json::Value<'_>| {
            let code = match value.name() {
                "valueCode" | "valueString" => value.as_str(),
                "valueCoding" => value.get_str("code"),
                _ => None,
            };
            let plain = |code: &Cow<'_, str>| {
                (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            };
            code.filter(plain).map(Cow::into_owned)
        };
        self.value(name).map(|value| read(value).ok_or_else(|| misread(name))).transpose()
    }

    fn value(&self, name: &str) -> Option<json::Value<'_>> {
        let root = self.0.as_ref()?.root();
        let parameter = root.each("parameter").find(|p| p.get_str("name").as_deref() == Some(name))?;
        parameter.members().find(|member| member.name() != "name")
    }
}

fn misread(name: &str) -> GrammarError {
    GrammarError::body(&format!("Parameters.parameter.where(name='{name}').value"))
}
