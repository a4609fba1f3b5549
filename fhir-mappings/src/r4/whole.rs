//! Rules of a whole resource: what it contains (dom-2 to dom-5), and what a Bundle holds (bdl-1 to bdl-12).

use super::check::Walk;
use super::issue::{At, IssueCode};
use super::{Definitions, TypeDef, TypeKind};
use crate::json::{Kind, Value};
use std::collections::{HashMap, HashSet};

/// Ids and types of what a resource contains.
pub(super) fn contained_types(resource: Value<'_>, d: &Definitions) -> HashMap<String, &'static str> {
    let named = |c: Value<'_>| Some((c.get_str("id")?.into_owned(), type_name(c, d)?));
    resource.each("contained").filter_map(named).collect()
}

/// Full URLs and types of a Bundle's entries.
pub(super) fn entry_types(bundle: Value<'_>, d: &Definitions) -> HashMap<String, &'static str> {
    let named = |e: Value<'_>| Some((e.get_str("fullUrl")?.into_owned(), type_name(e.get("resource")?, d)?));
    bundle.each("entry").filter_map(named).collect()
}

fn type_name(resource: Value<'_>, d: &Definitions) -> Option<&'static str> {
    let name = resource.get_str("resourceType")?;
    d.type_def(&name).filter(|t| t.kind == TypeKind::Resource).map(|t| t.name)
}

/// The rules that look at a resource as a whole.
pub(super) fn check(walk: &mut Walk, resource: Value<'_>, def: &TypeDef, at: &At<'_>) {
    contained(walk, resource, at);
    if def.name == "Bundle" {
        bundle(walk, resource, at);
    }
}

fn contained(walk: &mut Walk, resource: Value<'_>, at: &At<'_>) {
    if resource.get("contained").is_none() {
        return;
    }
    let mut named = HashSet::new();
    local_references(resource, &mut named);
    let mut ids = HashSet::new();
    for (index, inner) in resource.each("contained").enumerate() {
        let place = at.step("contained").item(index);
        let Some(id) = inner.get_str("id") else {
            walk.add(&place.step("id"), IssueCode::Required, "a contained resource has an id");
            continue;
        };
        let mut own = HashSet::new();
        local_references(inner, &mut own);
        if !named.contains(id.as_ref()) && !own.contains("") {
            walk.add(&place, IssueCode::Invariant, "dom-3: nothing refers to the contained resource");
        }
        if !ids.insert(id.into_owned()) {
            walk.add(&place.step("id"), IssueCode::Invariant, "two contained resources have one id");
        }
        let meta = inner.get("meta");
        let has = |name| meta.is_some_and(|m| m.get(name).is_some());
        if has("versionId") || has("lastUpdated") {
            walk.add(
                &place.step("meta"),
                IssueCode::Invariant,
                "dom-4: contained, so no version or update time",
            );
        }
        if has("security") {
            walk.add(&place.step("meta"), IssueCode::Invariant, "dom-5: contained, so no security label");
        }
    }
}

/// Collects the fragments (`#p1` as `p1`) that stand anywhere in a value. Depth is bounded by the JSON reader.
fn local_references(value: Value<'_>, into: &mut HashSet<String>) {
    for child in value.members().chain(value.items()) {
        if child.kind() == Kind::String {
            if child.raw().starts_with("\"#") {
                into.extend(child.as_str().and_then(|text| text.strip_prefix('#').map(str::to_owned)));
            }
        } else {
            local_references(child, into);
        }
    }
}

fn bundle(walk: &mut Walk, bundle: Value<'_>, at: &At<'_>) {
    let kind = bundle.get_str("type").unwrap_or_default();
    let kind = kind.as_ref();
    let mut broken = |holds: bool, detail: &'static str| {
        if !holds {
            walk.add(at, IssueCode::Invariant, detail);
        }
    };
    let first = bundle.each("entry").next().and_then(|e| e.get("resource")?.get_str("resourceType"));
    let identifier = bundle.get("identifier");
    let named = identifier.is_some_and(|i| i.get("system").is_some() && i.get("value").is_some());
    let counted = matches!(kind, "searchset" | "history");
    broken(bundle.get("total").is_none() || counted, "bdl-1: total belongs to searchset and history");
    broken(kind != "document" || named, "bdl-9: a document has an identifier with a system and a value");
    broken(kind != "document" || bundle.get("timestamp").is_some(), "bdl-10: a document has a timestamp");
    broken(
        kind != "document" || first.as_deref() == Some("Composition"),
        "bdl-11: a document begins with a Composition",
    );
    broken(
        kind != "message" || first.as_deref() == Some("MessageHeader"),
        "bdl-12: a message begins with a MessageHeader",
    );

    let asks = matches!(kind, "batch" | "transaction" | "history");
    let answers = matches!(kind, "batch-response" | "transaction-response" | "history");
    let mut urls = HashSet::new();
    for (index, entry) in bundle.each("entry").enumerate() {
        let has = |name| entry.get(name).is_some();
        let place = at.step("entry").item(index);
        let mut broken = |holds: bool, detail: &'static str| {
            if !holds {
                walk.add(&place, IssueCode::Invariant, detail);
            }
        };
        broken(!has("search") || kind == "searchset", "bdl-2: entry.search belongs to a searchset");
        broken(
            has("request") == asks,
            "bdl-3: entry.request belongs to batch, transaction and history alone",
        );
        broken(has("response") == answers, "bdl-4: entry.response belongs to answers and history alone");
        broken(has("resource") || has("request") || has("response"), "bdl-5: an entry holds something");
        let Some(url) = entry.get_str("fullUrl") else { continue };
        broken(!url.contains("/_history/"), "bdl-8: fullUrl is not version specific");
        let version =
            entry.get("resource").and_then(|r| r.get("meta")?.get_str("versionId")).unwrap_or_default();
        let new = urls.insert((url.into_owned(), version.into_owned()));
        broken(new || kind == "history", "bdl-7: fullUrl is unique in a Bundle");
    }
}
