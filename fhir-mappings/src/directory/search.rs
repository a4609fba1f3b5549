//! Searches over the directory: a short closed list of parameters, all of which must hold.

use super::{Directory, NotSupported, Rendered, Type, render};

/// One parameter, read. Comma lists mean "any of".
enum Wanted {
    /// (system or none, value).
    Identifier(Vec<(Option<String>, String)>),
    /// Beginnings of words of the name, lower case.
    Name(Vec<String>),
    Type(Vec<(Option<String>, String)>),
    Status(String),
    Organization(Vec<String>),
    Participating(Vec<String>),
    Id(Vec<String>),
}

/// What is compared of an entry: kept as values, so that a search never parses JSON.
pub(super) struct Facts {
    pub(super) id: String,
    /// (system, value).
    pub(super) identifiers: Vec<(String, String)>,
    pub(super) name: String,
    /// (system, code) pairs that `type`, `role`, `specialty` or `connection-type` may ask for.
    pub(super) types: Vec<(String, String)>,
    /// `status` where the type has one, `active` (true or false) where it has not.
    pub(super) status: String,
    /// The id of the organisation it belongs to.
    pub(super) organization: String,
    /// The id of the organisation that takes part, in an affiliation.
    pub(super) participating: String,
}

/// What a directory search finds.
pub struct Found {
    /// How many match.
    pub total: usize,
    /// The first of them.
    pub first: Vec<Rendered>,
}

/// What a directory search finds: ours in the order of `participants`, then outside ones by id, of both at most `most`.
/// Parameters: `identifier`, `name`, `type` (also by its names `role`, `specialty`, `service-type`, `connection-type` where the
/// type has those), `active` or `status`, `organization` (`Organization/{id}` or `{id}`; of an affiliation also
/// `primary-organization` and `participating-organization`), `_id`. `_count` is the pager's and is passed over.
///
/// # Errors
/// [`NotSupported`] for a parameter or value outside this list.
pub fn search(
    kind: Type,
    parameters: &[(&str, &str)],
    directory: Directory<'_>,
    most: usize,
) -> Result<Found, NotSupported> {
    let paged = |name: &str| name == "_count";
    let wanted = parameters
        .iter()
        .filter(|(name, _)| !paged(name))
        .map(|(name, value)| read(kind, name, value))
        .collect::<Result<Vec<_>, _>>()?;
    let led = directory.outside.led(directory.participants);
    let ours = render::all(kind, directory.region, directory.participants).into_iter();
    let ours = ours.filter(|shown| wanted.iter().all(|one| holds(one, &shown.facts, str::to_owned)));
    let mut found = Found { total: 0, first: Vec::new() };
    for shown in ours {
        found.total += 1;
        if found.first.len() < most {
            found.first.push(shown.into_rendered());
        }
    }
    let here =
        |id: &str| led.get(&(Type::Organization, id.to_owned())).cloned().unwrap_or_else(|| id.to_owned());
    for (place, facts) in directory.outside.shown(kind, &led) {
        if wanted.iter().all(|one| holds(one, facts, here)) {
            found.total += 1;
            if found.first.len() < most {
                found.first.extend(directory.outside.render(place, &led));
            }
        }
    }
    Ok(found)
}

fn read(kind: Type, name: &str, value: &str) -> Result<Wanted, NotSupported> {
    let values: Vec<&str> = value.split(',').collect();
    if values.iter().any(|value| value.trim().is_empty()) {
        return Err(NotSupported);
    }
    let texts = || values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    let tokens = || values.iter().map(|value| token(value)).collect::<Vec<_>>();
    let organizations = || {
        let id = |value: &&str| value.strip_prefix("Organization/").unwrap_or(value).to_owned();
        values.iter().map(id).collect()
    };
    let status = matches!(kind, Type::Location | Type::Endpoint);
    let affiliation = kind == Type::OrganizationAffiliation;
    match name {
        "_id" => Ok(Wanted::Id(texts())),
        "identifier" => Ok(Wanted::Identifier(tokens())),
        "name" if kind != Type::PractitionerRole && kind != Type::OrganizationAffiliation => {
            Ok(Wanted::Name(values.iter().map(|value| value.to_lowercase()).collect()))
        }
        _ if TYPE_NAMES.contains(&(kind, name)) => Ok(Wanted::Type(tokens())),
        "active" if !status && ["true", "false"].contains(&value) => Ok(Wanted::Status(value.to_owned())),
        "status" if STATUSES.contains(&(kind, value)) => Ok(Wanted::Status(value.to_owned())),
        "organization" => Ok(Wanted::Organization(organizations())),
        "primary-organization" if affiliation => Ok(Wanted::Organization(organizations())),
        "participating-organization" if affiliation => Ok(Wanted::Participating(organizations())),
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

/// `here` says where an organisation's id leads.
fn holds(wanted: &Wanted, facts: &Facts, here: impl Fn(&str) -> String) -> bool {
    match wanted {
        Wanted::Identifier(tokens) => {
            tokens.iter().any(|token| facts.identifiers.iter().any(|own| is(token, own)))
        }
        Wanted::Name(starts) => {
            let name = facts.name.to_lowercase();
            starts.iter().any(|start| {
                name.starts_with(start) || name.split_whitespace().any(|word| word.starts_with(start))
            })
        }
        Wanted::Type(tokens) => tokens.iter().any(|token| facts.types.iter().any(|own| is(token, own))),
        Wanted::Status(status) => facts.status == *status,
        Wanted::Organization(ids) => ids.contains(&here(&facts.organization)),
        Wanted::Participating(ids) => ids.contains(&here(&facts.participating)),
        Wanted::Id(ids) => ids.contains(&facts.id),
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

/// R4's codes.
const STATUSES: [(Type, &str); 9] = [
    (Type::Location, "active"),
    (Type::Location, "suspended"),
    (Type::Location, "inactive"),
    (Type::Endpoint, "active"),
    (Type::Endpoint, "suspended"),
    (Type::Endpoint, "error"),
    (Type::Endpoint, "off"),
    (Type::Endpoint, "entered-in-error"),
    (Type::Endpoint, "test"),
];
