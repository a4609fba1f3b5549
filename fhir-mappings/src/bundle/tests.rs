//! What a page of results must show, and must not.

use super::*;
use crate::json;

fn page<'a>(parameters: &'a [(&'a str, &'a str)], next: Option<&'a str>) -> Page<'a> {
    Page { base: "https://h/fhir/", resource_type: "Condition", parameters, total: 7, next }
}

#[test]
fn an_empty_result_has_no_entry_member_and_counts_what_is_left() {
    let bytes = searchset(Page { total: 0, ..page(&[], None) }, &[]);
    let doc = json::parse(&bytes).unwrap();
    assert!(doc.root().get("entry").is_none());
    assert_eq!(doc.root().get("total").unwrap().as_number(), Some("0"));
}

#[test]
fn resources_are_copied_byte_for_byte_under_our_address() {
    let body = br#"{"resourceType":"Condition","id":"a1","x":1.50}"#;
    let found = [
        Found { resource_type: "Condition", id: "a1", bytes: body, mode: Mode::Match },
        Found { resource_type: "Patient", id: "p", bytes: b"{}", mode: Mode::Include },
    ];
    let bytes = searchset(page(&[], Some("https://h/next")), &found);
    let doc = json::parse(&bytes).unwrap();
    let entries: Vec<_> = doc.root().get("entry").unwrap().items().collect();
    assert_eq!(entries[0].get("resource").unwrap().raw().as_bytes(), body);
    assert_eq!(entries[0].get_str("fullUrl").unwrap(), "https://h/fhir/Condition/a1");
    assert_eq!(entries[0].get("search").unwrap().get_str("mode").unwrap(), "match");
    assert_eq!(entries[1].get("search").unwrap().get_str("mode").unwrap(), "include");
    let links: Vec<_> = doc.root().get("link").unwrap().items().collect();
    assert_eq!(links[1].get_str("url").unwrap(), "https://h/next");
}

#[test]
fn the_self_link_names_no_person_in_the_clear() {
    let parameters = [("identifier", "bsn|1"), ("birthdate:exact", "x"), ("category", "http://x|a b&c")];
    let bytes = searchset(page(&parameters, None), &[]);
    let doc = json::parse(&bytes).unwrap();
    let link = doc.root().get("link").unwrap().items().next().unwrap();
    assert_eq!(link.get_str("url").unwrap(), "https://h/fhir/Condition?category=http://x%7Ca%20b%26c");
}
