//! The directory: participants as mCSD resources, and the searches over them. Nothing about patients.
//!
//! Each participant has one id, shared by its Organization, HealthcareService (when it has functions), Location
//! (when its place may be known), Endpoint and OrganizationAffiliation; a person's PractitionerRole has its own. Beside them
//! stands what a directory elsewhere says ([`history`], [`Outside`]).

pub mod history;
mod outside;
mod render;
mod search;

pub use outside::Outside;
pub use search::{Found, search};

/// A participant as the directory shows it. Borrowed from the registry, which owns the truth.
#[derive(Clone, Copy)]
pub struct Participant<'a> {
    /// Our id, which is the FHIR id of its resources too.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Whether it takes part now.
    pub active: bool,
    /// System and value of its identifier.
    pub identifier: (&'a str, &'a str),
    /// Codes of its categories (REGION.md 2.1).
    pub categories: &'a [&'a str],
    /// Codes of its functions (REGION.md 2.2).
    pub functions: &'a [&'a str],
    /// How to reach it: telephone, e-mail or web address.
    pub contacts: &'a [Contact<'a>],
    /// Where it works, if it may be known.
    pub place: Option<Place<'a>>,
    /// When it is open; nothing when it does not say.
    pub hours: &'a [Hours],
    /// Its FHIR address, if it is a remote holder or receives messages.
    pub endpoint: Option<&'a str>,
    /// People that may be found: none for most.
    pub people: &'a [Person<'a>],
    /// When this was last checked (FHIR date).
    pub checked: Option<&'a str>,
}

/// A contact point.
#[derive(Clone, Copy)]
pub struct Contact<'a> {
    /// `phone`, `email` or `url` (ContactPoint.system).
    pub system: &'a str,
    /// The number or address.
    pub value: &'a str,
}

/// Hours on certain days.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// On which days.
    pub days: Vec<Day>,
    /// From when, `08:00`.
    pub from: String,
    /// Until when.
    pub to: String,
}

/// A day of the week, as FHIR writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// Where a participant works.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct Place<'a> {
    pub line: &'a str,
    pub postcode: &'a str,
    pub city: &'a str,
}

/// Somebody who works for a participant.
#[derive(Clone, Copy)]
pub struct Person<'a> {
    /// Our id.
    pub id: &'a str,
    /// The name.
    pub name: &'a str,
    /// System and code of the role.
    pub role: (&'a str, &'a str),
}

/// The types of the directory (CONTRACT.md 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Type {
    Organization,
    HealthcareService,
    Location,
    Endpoint,
    PractitionerRole,
    OrganizationAffiliation,
}

/// The region itself: the organisation that every participant is affiliated with.
#[derive(Clone, Copy)]
pub struct Region<'a> {
    /// Its FHIR id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// Everything that is searched.
#[derive(Clone, Copy)]
pub struct Directory<'a> {
    /// The region.
    pub region: Region<'a>,
    /// Our own registry.
    pub participants: &'a [Participant<'a>],
    /// Somebody else's directory; an empty one when there is none.
    pub outside: &'a Outside,
}

impl Type {
    /// The FHIR type name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "Organization",
            Self::HealthcareService => "HealthcareService",
            Self::Location => "Location",
            Self::Endpoint => "Endpoint",
            Self::PractitionerRole => "PractitionerRole",
            Self::OrganizationAffiliation => "OrganizationAffiliation",
        }
    }

    /// The type of that name, if the directory has it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// One resource of the directory.
pub struct Rendered {
    /// Its type.
    pub kind: Type,
    /// Its FHIR id.
    pub id: String,
    /// Its JSON.
    pub bytes: Vec<u8>,
}

/// A search parameter that the directory does not know, or a value it cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotSupported;

/// One resource of the directory by its id.
#[must_use]
pub fn read(kind: Type, id: &str, directory: Directory<'_>) -> Option<Rendered> {
    let mut ours = render::all(kind, directory.region, directory.participants).into_iter();
    if let Some(shown) = ours.find(|shown| shown.facts.id == id) {
        return Some(shown.into_rendered());
    }
    let led = directory.outside.led(directory.participants);
    directory.outside.render(directory.outside.place(kind, id, &led)?, &led)
}

/// All of them.
pub const ALL: [Type; 6] = [
    Type::Organization,
    Type::HealthcareService,
    Type::Location,
    Type::Endpoint,
    Type::PractitionerRole,
    Type::OrganizationAffiliation,
];

#[cfg(test)]
mod tests;
