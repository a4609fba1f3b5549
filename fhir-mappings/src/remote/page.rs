//! One page of a holder's answer: where its resources lie, and where the next page is said to be.

use crate::json::{self, Kind, Value};
use std::collections::HashSet;

/// A page of a searchset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its resources, in the holder's order; outcomes are left out.
    pub entries: Vec<Entry>,
    /// `link` with relation `next`, as sent.
    pub next: Option<String>,
    /// `total`: how many match on all pages together, where it says so.
    pub total: Option<u64>,
}

/// One resource of a page.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// R4 type, as it says.
    pub resource_type: String,
    /// Its id.
    pub id: String,
    /// It came along with what matches (`search.mode` is `include`).
    pub along: bool,
    /// The entry's full URL.
    pub full_url: Option<String>,
    /// `meta.lastUpdated`.
    pub recorded: Option<String>,
    /// Where its bytes lie in the page.
    pub span: (usize, usize),
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entry(hidden)")
    }
}

/// A page that counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageFault(pub Unfit);

/// Why a page counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// Not strict JSON: broken, too deep, a member twice, not UTF-8.
    Json,
    /// Not a searchset Bundle.
    NoSearchset,
    /// An entry is no resource, or has no id: it could not be told from another.
    Entry,
    /// It says itself that it is not whole: an outcome of an error, more matches than come, a next page without address.
    Partial,
}

/// Reads a page.
///
/// # Errors
/// See [`Unfit`].
pub fn read_page(bytes: &[u8]) -> Result<Page, PageFault> {
    let doc = json::parse(bytes).map_err(|_| PageFault(Unfit::Json))?;
    let root = doc.root();
    let is = |name: &str, value: &str| root.get_str(name).as_deref() == Some(value);
    if !is("resourceType", "Bundle") || !is("type", "searchset") {
        return Err(PageFault(Unfit::NoSearchset));
    }
    let mut entries = Vec::new();
    for entry in root.each("entry") {
        let mode = entry.get("search").and_then(|search| search.get_str("mode"));
        let resource = entry.get("resource").filter(|resource| resource.kind() == Kind::Object);
        let resource = resource.ok_or(PageFault(Unfit::Entry))?;
        if mode.as_deref() == Some("outcome")
            || resource.get_str("resourceType").as_deref() == Some("OperationOutcome")
        {
            if resource.each("issue").any(lacks) {
                return Err(PageFault(Unfit::Partial));
            }
            continue;
        }
        let along = mode.as_deref() == Some("include");
        entries.push(read_entry(entry, resource, along).ok_or(PageFault(Unfit::Entry))?);
    }
    let mut links = root.each("link");
    let next = links.find(|link| link.get_str("relation").as_deref() == Some("next"));
    let next = next.map(|link| link.get_str("url").ok_or(PageFault(Unfit::Partial))).transpose()?;
    let total = root.get("total").and_then(|total| total.as_number()).and_then(|total| total.parse().ok());
    Ok(Page { entries, next: next.map(std::borrow::Cow::into_owned), total })
}

/// Whether an issue of a search says that something is missing; a warning about a parameter does not.
fn lacks(issue: Value<'_>) -> bool {
    let is = |name: &str, value: &str| issue.get_str(name).as_deref() == Some(value);
    is("severity", "fatal") || is("severity", "error") || is("code", "incomplete")
}

fn read_entry(entry: Value<'_>, resource: Value<'_>, along: bool) -> Option<Entry> {
    let id = resource.get_str("id").filter(|id| (1..=64).contains(&id.len()))?;
    let recorded = resource.get("meta").and_then(|meta| meta.get_str("lastUpdated"));
    Some(Entry {
        resource_type: resource.get_str("resourceType")?.into_owned(),
        id: id.into_owned(),
        along,
        full_url: entry.get_str("fullUrl").map(std::borrow::Cow::into_owned),
        recorded: recorded
            .filter(|at| at.parse::<jiff::Timestamp>().is_ok())
            .map(std::borrow::Cow::into_owned),
        span: resource.span(),
    })
}

/// What the pages of one search brought, counted: whether all came that its server says there is.
#[derive(Debug, Default)]
pub struct Whole {
    matches: HashSet<(String, String)>,
    said: u64,
}

impl Whole {
    /// Counts a page. What stands on two of them is one.
    pub fn count(&mut self, page: &Page) {
        self.said = self.said.max(page.total.unwrap_or_default());
        let matches = page.entries.iter().filter(|entry| !entry.along);
        self.matches.extend(matches.map(|entry| (entry.resource_type.clone(), entry.id.clone())));
    }

    /// After the last page.
    ///
    /// # Errors
    /// [`Unfit::Partial`]: fewer came than there are. A total that is too low says nothing: it may be an estimate.
    pub fn judge(&self) -> Result<(), PageFault> {
        if (self.matches.len() as u64) < self.said { Err(PageFault(Unfit::Partial)) } else { Ok(()) }
    }
}

/// The ids of the Patients in a page that bear one of these identifiers; `None` when a Patient in it bears none, or
/// another BSN beside: the holder answered about somebody else.
#[must_use]
pub fn patients(bytes: &[u8], page: &Page, identifiers: &[(&str, &str)]) -> Option<Vec<String>> {
    let mut ids = Vec::new();
    for entry in page.entries.iter().filter(|entry| entry.resource_type == "Patient") {
        let doc = json::parse(bytes.get(entry.span.0..entry.span.1)?).ok()?;
        if crate::release::names_person(doc.root(), identifiers) != Some(true) {
            return None;
        }
        ids.push(entry.id.clone());
    }
    Some(ids)
}
