//! What a directory's server says it offers (its CapabilityStatement), as far as following it depends on that.

use crate::directory::{ALL, Type};
use crate::json::{self, Value};

/// What can be followed there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Types that can be searched and whose history is kept.
    pub types: Vec<Type>,
    /// The histories that tell of them.
    pub feeds: Vec<Feed>,
}

/// One history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Below the base.
    pub path: String,
    /// Whose changes it tells.
    pub types: Vec<Type>,
}

/// Why a server cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoOffer {
    /// It sends no CapabilityStatement of a FHIR R4 server.
    NoStatement,
    /// It says of no type of the directory that it can be searched and keeps a history.
    NoHistory,
}

/// Reads a CapabilityStatement. The history of a type is preferred to that of the whole server, which may be about anything.
///
/// # Errors
/// [`NoOffer`].
pub fn read_offer(bytes: &[u8]) -> Result<Offer, NoOffer> {
    let doc = json::parse(bytes).map_err(|_| NoOffer::NoStatement)?;
    let root = doc.root();
    let version = root.get_str("fhirVersion").unwrap_or_default();
    let statement = root.get_str("resourceType").as_deref() == Some("CapabilityStatement");
    if !statement || !(version.starts_with("4.0") || version.starts_with("4.3")) {
        return Err(NoOffer::NoStatement);
    }
    let servers = root.each("rest").filter(|rest| rest.get_str("mode").as_deref() == Some("server"));
    let servers: Vec<Value<'_>> = servers.collect();
    let offers = |of: &Value<'_>, wanted: &str| {
        of.each("interaction").any(|one| one.get_str("code").as_deref() == Some(wanted))
    };
    let whole = servers.iter().any(|server| offers(server, "history-system"));
    let can = |kind: &Type, wanted: &str| {
        let resources = servers.iter().flat_map(|server| server.each("resource"));
        let mut resources =
            resources.filter(|resource| resource.get_str("type").as_deref() == Some(kind.as_str()));
        resources.any(|resource| offers(&resource, wanted))
    };
    let searched: Vec<Type> = ALL.into_iter().filter(|kind| can(kind, "search-type")).collect();
    let by_type: Vec<Type> = searched.iter().copied().filter(|kind| can(kind, "history-type")).collect();
    if by_type.is_empty() && (!whole || searched.is_empty()) {
        return Err(NoOffer::NoHistory);
    }
    if by_type.len() < searched.len() && whole {
        let feed = Feed { path: "/_history".to_owned(), types: searched.clone() };
        return Ok(Offer { types: searched, feeds: vec![feed] });
    }
    let feed = |kind: &Type| Feed { path: format!("/{}/_history", kind.as_str()), types: vec![*kind] };
    Ok(Offer { feeds: by_type.iter().map(feed).collect(), types: by_type })
}
