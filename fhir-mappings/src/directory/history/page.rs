//! A page of a history or of a search: what it says of each entry.

use crate::directory::Type;
use crate::grammar::Id;
use crate::json::{self, Kind, Value};
use crate::r4;
use jiff::Timestamp;
use std::sync::Arc;

/// One page of a history or of a search, as far as it can be read.
#[derive(Debug, Default)]
pub struct Page {
    /// What it says of entries of the directory, in its own order.
    pub(super) changes: Vec<Change>,
    /// Entries that cannot be read: passed over.
    pub skipped: usize,
    /// Entries of types that no directory has: passed over.
    pub foreign: usize,
    /// Whether something that was passed over may have been a change of an entry that we show.
    pub(super) doubt: bool,
    /// `link` with relation `next`, as sent.
    pub next: Option<String>,
    /// The newest instant in it.
    pub newest: Option<Timestamp>,
}

/// A page that counts for nothing: not strict JSON, or not the Bundle that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoPage;

#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) kind: Type,
    pub(super) id: String,
    pub(super) version: Version,
    pub(super) what: What,
}

/// Which of two versions of an entry is the newer. Fields in the order in which they decide.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    pub(super) at: Timestamp,
    pub(super) number: Option<u64>,
    pub(super) text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// The resource, as sent.
    Holds(Arc<str>),
    /// A version that is not shown: no base R4, of unknown meaning, or too large. An older one is not shown instead.
    Unfit,
    Deleted,
}

/// Reads a page of a history.
///
/// # Errors
/// [`NoPage`].
pub fn read_history(bytes: &[u8]) -> Result<Page, NoPage> {
    read_page(bytes, "history")
}

/// Reads a page of a search: each match is the present version of an entry.
///
/// # Errors
/// [`NoPage`].
pub fn read_search(bytes: &[u8]) -> Result<Page, NoPage> {
    read_page(bytes, "searchset")
}

fn read_page(bytes: &[u8], kind: &str) -> Result<Page, NoPage> {
    let doc = json::parse(bytes).map_err(|_| NoPage)?;
    let root = doc.root();
    let is = |name: &str, value: &str| root.get_str(name).as_deref() == Some(value);
    if !is("resourceType", "Bundle") || !is("type", kind) {
        return Err(NoPage);
    }
    let link = root.each("link").find(|link| link.get_str("relation").as_deref() == Some("next"));
    let next = link.and_then(|link| link.get_str("url")).map(std::borrow::Cow::into_owned);
    let mut page = Page { next, ..Page::default() };
    let entries: Vec<Value<'_>> = root.each("entry").filter(|entry| !is_beside(entry)).collect();
    let instants: Vec<Option<Timestamp>> = entries.iter().map(instant).collect();
    page.newest = instants.iter().flatten().max().copied();
    for (place, entry) in entries.iter().enumerate() {
        match read_entry(*entry, lent(&instants, place)) {
            Read::Change(change) => page.changes.push(change),
            Read::Foreign => page.foreign += 1,
            Read::Nothing => {
                page.skipped += 1;
                page.doubt = true;
            }
        }
    }
    Ok(page)
}

/// What a search brings along, and words of the server about its own work.
fn is_beside(entry: &Value<'_>) -> bool {
    let mode = entry.get("search").and_then(|search| search.get_str("mode"));
    let kind = entry.get("resource").and_then(|resource| resource.get_str("resourceType"));
    matches!(mode.as_deref(), Some("include" | "outcome")) || kind.as_deref() == Some("OperationOutcome")
}

/// A history is written newest first: an entry that does not say when (a deletion, with some servers) was not before the
/// one below it, and not after the one above.
fn lent(instants: &[Option<Timestamp>], place: usize) -> Option<Timestamp> {
    let below = instants.get(place..).unwrap_or_default().iter().flatten().next();
    let above = || instants.get(..place).unwrap_or_default().iter().rev().flatten().next();
    below.or_else(above).copied()
}

fn instant(entry: &Value<'_>) -> Option<Timestamp> {
    let meta = entry.get("resource").and_then(|resource| resource.get("meta"));
    let updated = meta.and_then(|meta| meta.get_str("lastUpdated"));
    let said = updated.or_else(|| entry.get("response").and_then(|r| r.get_str("lastModified")));
    said?.parse().ok()
}

enum Read {
    Change(Change),
    Foreign,
    Nothing,
}

fn read_entry(entry: Value<'_>, at: Option<Timestamp>) -> Read {
    let request = entry.get("request");
    let method = request.and_then(|request| request.get_str("method"));
    let deleted = method.as_deref() == Some("DELETE");
    let resource = entry.get("resource").filter(|resource| resource.kind() == Kind::Object);
    let url = request.and_then(|r| r.get_str("url")).or_else(|| entry.get_str("fullUrl")).unwrap_or_default();
    let address = Address::of(&url);
    let named = resource.and_then(|r| r.get_str("resourceType"));
    let named = named.as_deref().or(address.as_ref().map(|a| a.kind));
    let id = resource.and_then(|r| r.get_str("id"));
    let id = id.as_deref().or(address.as_ref().map(|a| a.id));
    let Some(named) = named else { return Read::Nothing };
    let Some(kind) = Type::parse(named) else { return Read::Foreign };
    let Some(id) = id.filter(|id| Id::parse(id).is_some()) else { return Read::Nothing };
    let what = match resource {
        _ if deleted => What::Deleted,
        Some(resource) => judge(resource),
        None => return Read::Nothing,
    };
    let Some(at) = at else { return Read::Nothing };
    let version = resource.and_then(|r| r.get("meta")).and_then(|meta| meta.get_str("versionId"));
    let etag = entry.get("response").and_then(|response| response.get_str("etag"));
    let etag = etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"').to_owned());
    let version = version.map(std::borrow::Cow::into_owned).or(etag);
    let version = version.or_else(|| address.and_then(|a| a.version).map(str::to_owned)).unwrap_or_default();
    let text: String = version.chars().take(ID_MOST).collect();
    let version = Version { at, number: text.parse().ok(), text };
    Read::Change(Change { kind, id: id.to_owned(), version, what })
}

/// `Type/id` or `Type/id/_history/version`, at the end of an address.
struct Address<'a> {
    kind: &'a str,
    id: &'a str,
    version: Option<&'a str>,
}

impl<'a> Address<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (resource, version) = match url.split_once("/_history/") {
            Some((resource, version)) => (resource, Some(version)),
            None => (url, None),
        };
        let (rest, id) = resource.rsplit_once('/')?;
        Some(Self { kind: rest.rsplit_once('/').map_or(rest, |(_, kind)| kind), id, version })
    }
}

/// Whether a version may be shown. Of what changes the meaning of all else we would have to know what it means.
fn judge(resource: Value<'_>) -> What {
    let raw = resource.raw();
    let meaning = ["implicitRules", "modifierExtension"].iter().any(|name| resource.get(name).is_some());
    if raw.len() > BODY_MOST || meaning || !r4::check(resource).is_empty() {
        return What::Unfit;
    }
    What::Holds(raw.into())
}

/// One resource.
const BODY_MOST: usize = 64 * 1024;
const ID_MOST: usize = 64;
