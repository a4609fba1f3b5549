//! A server's CapabilityStatement (FHIR R4 `GET [base]/metadata`), as far as questions depend on it.

use crate::json::{self, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What a server says it can.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capability {
    /// `fhirVersion`, as far as it is one: it comes before an operator's eyes.
    pub version: String,
    types: BTreeMap<String, TypeCan>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct TypeCan {
    search: bool,
    read: bool,
    parameters: BTreeSet<String>,
    includes: BTreeSet<String>,
}

/// Why a server cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// It sent no CapabilityStatement of a server.
    NoStatement,
    /// It speaks FHIR STU3 (3.0): it is known, and not asked for now.
    Stu3,
    /// It speaks another version.
    Version(String),
    /// It speaks no JSON.
    NoJson,
    /// A Patient cannot be searched by identifier there.
    NoPatientSearch,
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoStatement => f.write_str("it sends no CapabilityStatement of a FHIR server"),
            Self::Stu3 => f.write_str("it speaks FHIR STU3 (3.0); only R4 (4.0) is asked for now"),
            Self::Version(version) if version.is_empty() => {
                f.write_str("it does not say which version of FHIR it speaks; only R4 (4.0) is asked")
            }
            Self::Version(version) => write!(f, "it speaks FHIR {version}; only R4 (4.0) is asked"),
            Self::NoJson => f.write_str("it does not speak FHIR JSON"),
            Self::NoPatientSearch => f.write_str("a Patient cannot be searched by identifier there"),
        }
    }
}

impl Capability {
    /// Reads a CapabilityStatement.
    ///
    /// # Errors
    /// See [`Misfit`].
    pub fn read(bytes: &[u8]) -> Result<Self, Misfit> {
        let doc = json::parse(bytes).map_err(|_| Misfit::NoStatement)?;
        let root = doc.root();
        if root.get_str("resourceType").as_deref() != Some("CapabilityStatement") {
            return Err(Misfit::NoStatement);
        }
        // Before 1.8 the member was of another meaning; every version since names itself here.
        let said = root.get_str("fhirVersion").unwrap_or_default();
        let version: String =
            said.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')).take(16).collect();
        if version.starts_with("3.0") {
            return Err(Misfit::Stu3);
        }
        // R4B differs from R4 in types that are not asked.
        if !(version.starts_with("4.0") || version.starts_with("4.3")) {
            return Err(Misfit::Version(version));
        }
        let formats: Vec<_> = root.each("format").filter_map(|format| format.as_str()).collect();
        if !formats.is_empty() && !formats.iter().any(|format| format.contains("json")) {
            return Err(Misfit::NoJson);
        }
        let mut types: BTreeMap<String, TypeCan> = BTreeMap::new();
        let server = |rest: &Value<'_>| rest.get_str("mode").as_deref() == Some("server");
        for resource in root.each("rest").filter(server).flat_map(|rest| rest.each("resource")) {
            let Some(name) = resource.get_str("type") else { continue };
            let can = types.entry(name.into_owned()).or_default();
            for interaction in resource.each("interaction") {
                match interaction.get_str("code").as_deref() {
                    Some("search-type") => can.search = true,
                    Some("read") => can.read = true,
                    _ => {}
                }
            }
            let named = resource.each("searchParam").filter_map(|param| param.get_str("name"));
            can.parameters.extend(named.map(std::borrow::Cow::into_owned));
            let includes = resource.each("searchInclude").filter_map(|include| include.as_str());
            can.includes.extend(includes.map(std::borrow::Cow::into_owned));
        }
        let read = Self { version, types };
        if !read.searches_by("Patient", "identifier") {
            return Err(Misfit::NoPatientSearch);
        }
        Ok(read)
    }

    /// Whether this type can be searched by this parameter.
    #[must_use]
    pub fn searches_by(&self, resource: &str, parameter: &str) -> bool {
        self.types.get(resource).is_some_and(|can| can.search && can.parameters.contains(parameter))
    }

    /// Whether this type can be searched at all.
    #[must_use]
    pub fn searches(&self, resource: &str) -> bool {
        self.types.get(resource).is_some_and(|can| can.search)
    }

    /// Whether this type can be read by id.
    #[must_use]
    pub fn reads(&self, resource: &str) -> bool {
        self.types.get(resource).is_some_and(|can| can.read)
    }

    /// Whether this `_include` is offered.
    #[must_use]
    pub fn includes(&self, resource: &str, parameter: &str) -> bool {
        let whole = format!("{resource}:{parameter}");
        self.types.get(resource).is_some_and(|can| {
            can.includes.iter().any(|offered| *offered == whole || offered == parameter || offered == "*")
        })
    }

    /// The parameter by which this type is found for one Patient; `None` when it cannot be.
    #[must_use]
    pub fn person_parameter(&self, resource: &str) -> Option<&'static str> {
        ["patient", "subject", "beneficiary"].into_iter().find(|name| self.searches_by(resource, name))
    }
}
