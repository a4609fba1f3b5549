//! Searches over the directory: a short closed list of parameters, all of which must hold.

use super::render::{self, Shown};
use super::{NotSupported, Participant, Region, Rendered, Type};

/// One parameter, read. Comma lists mean "any of".
enum Wanted {
    /// (system or none, value).
    Identifier(Vec<(Option<String>, String)>),
    /// Beginnings of words of the name, lower case.
    Name(Vec<String>),
    Type(Vec<(Option<String>, String)>),
    Active(bool),
    Organization(Vec<String>),
    Id(Vec<String>),
}

/// What a directory search finds, in the order of `participants`. Parameters: `identifier`, `name`, `type` (also
/// by its names `role`, `specialty`, `service-type`, `connection-type` where the type has those), `active` or
/// `status`, `organization` (`Organization/{id}` or `{id}`), `_id`. `_count` is the pager's and is passed over.
///
/// # Errors
/// [`NotSupported`] for a parameter or value outside this list.
pub fn search(
    kind: Type,
    parameters: &[(&str, &str)],
    region: Region<'_>,
    participants: &[Participant<'_>],
) -> Result<Vec<Rendered>, NotSupported> {
    let paged = |name: &str| name == "_count";
    let wanted = parameters
        .iter()
        .filter(|(name, _)| !paged(name))
        .map(|(name, value)| read(kind, name, value))
        .collect::<Result<Vec<_>, _>>()?;
    let found = render::all(kind, region, participants).into_iter();
    Ok(found.filter(|shown| wanted.iter().all(|one| holds(one, shown))).map(Shown::into_rendered).collect())
}

fn read(kind: Type, name: &str, value: &str) -> Result<Wanted, NotSupported> {
    let values: Vec<&str> = value.split(',').collect();
    if values.iter().any(|value| value.trim().is_empty()) {
        return Err(NotSupported);
    }
    let texts = || values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    let tokens = || values.iter().map(|value| token(value)).collect::<Vec<_>>();
    let status = matches!(kind, Type::Location | Type::Endpoint);
    match name {
        "_id" => Ok(Wanted::Id(texts())),
        "identifier" => Ok(Wanted::Identifier(tokens())),
        "name" if kind != Type::PractitionerRole && kind != Type::OrganizationAffiliation => {
            Ok(Wanted::Name(values.iter().map(|value| value.to_lowercase()).collect()))
        }
        _ if TYPE_NAMES.contains(&(kind, name)) => Ok(Wanted::Type(tokens())),
        "active" if !status => match value {
            "true" => Ok(Wanted::Active(true)),
            "false" => Ok(Wanted::Active(false)),
            _ => Err(NotSupported),
        },
        "status" if status => match (kind, value) {
            (_, "active") => Ok(Wanted::Active(true)),
            (Type::Location, "inactive") | (Type::Endpoint, "suspended") => Ok(Wanted::Active(false)),
            _ => Err(NotSupported),
        },
        "organization" => {
            let id = |value: &&str| value.strip_prefix("Organization/").unwrap_or(value).to_owned();
            Ok(Wanted::Organization(values.iter().map(id).collect()))
        }
        _ => Err(NotSupported),
    }
}

/// `system|value`, `|value` (no system) or `value` (any system).
fn token(text: &str) -> (Option<String>, String) {
    match text.split_once('|') {
        Some((system, value)) => (Some(system.to_owned()), value.to_owned()),
        None => (None, text.to_owned()),
    }
}

fn holds(wanted: &Wanted, shown: &Shown) -> bool {
    match wanted {
        Wanted::Identifier(tokens) => tokens.iter().any(|token| is(token, &shown.identifier)),
        Wanted::Name(starts) => {
            let name = shown.name.to_lowercase();
            starts.iter().any(|start| {
                name.starts_with(start) || name.split_whitespace().any(|word| word.starts_with(start))
            })
        }
        Wanted::Type(tokens) => tokens.iter().any(|token| shown.types.iter().any(|own| is(token, own))),
        Wanted::Active(active) => shown.active == *active,
        Wanted::Organization(ids) => ids.contains(&shown.organization),
        Wanted::Id(ids) => ids.contains(&shown.id),
    }
}

/// A token without a value (`system|`) asks for any code of the system.
fn is((system, value): &(Option<String>, String), own: &(String, String)) -> bool {
    let same_system = system.as_ref().is_none_or(|system| *system == own.0);
    same_system && (*value == own.1 || (value.is_empty() && system.is_some()))
}

/// How each type calls the parameter that asks for its kind.
const TYPE_NAMES: [(Type, &str); 6] = [
    (Type::Organization, "type"),
    (Type::HealthcareService, "service-type"),
    (Type::HealthcareService, "type"),
    (Type::Endpoint, "connection-type"),
    (Type::PractitionerRole, "role"),
    (Type::OrganizationAffiliation, "role"),
];
