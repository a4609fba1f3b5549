//! Search results as FHIR Bundles. Resources are copied as they are; nothing is read or decided here.

use serde_json::json;

/// Why a resource is in the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The search asked for it.
    Match,
    /// A match refers to it.
    Include,
}

/// One resource of a result. INVARIANT: `bytes` is one JSON object, as released.
#[derive(Clone, Copy)]
pub struct Found<'a> {
    /// Its FHIR type.
    pub resource_type: &'a str,
    /// Its id, ours.
    pub id: &'a str,
    /// Its released bytes.
    pub bytes: &'a [u8],
    /// Why it is there.
    pub mode: Mode,
}

/// A page of a result.
#[derive(Clone, Copy)]
pub struct Page<'a> {
    /// Where we serve FHIR, with its closing slash: `https://…/fhir/`.
    pub base: &'a str,
    /// The type searched.
    pub resource_type: &'a str,
    /// The parameters understood; those that name a person in the clear are left out of the self link.
    pub parameters: &'a [(&'a str, &'a str)],
    /// How many match over all pages, counted after filtering.
    pub total: usize,
    /// The link to the next page, whole.
    pub next: Option<&'a str>,
}

/// A `searchset` Bundle of one page.
#[must_use]
pub fn searchset(page: Page<'_>, found: &[Found<'_>]) -> Vec<u8> {
    let mut out = br#"{"resourceType":"Bundle","type":"searchset","total":"#.to_vec();
    out.extend_from_slice(page.total.to_string().as_bytes());
    let mut links = vec![json!({"relation": "self", "url": self_link(page)})];
    links.extend(page.next.map(|url| json!({"relation": "next", "url": url})));
    out.extend_from_slice(b",\"link\":");
    out.extend_from_slice(json!(links).to_string().as_bytes());
    for (n, entry) in found.iter().enumerate() {
        out.extend_from_slice(if n == 0 { b",\"entry\":[" } else { b"," });
        let mode = match entry.mode {
            Mode::Match => "match",
            Mode::Include => "include",
        };
        push_entry(&mut out, page.base, entry.resource_type, entry.id, entry.bytes);
        out.extend_from_slice(format!(",\"search\":{{\"mode\":\"{mode}\"}}}}").as_bytes());
    }
    out.extend_from_slice(if found.is_empty() { b"}" } else { b"]}" });
    out
}

/// Opens an entry: its address and its resource, byte for byte. The caller closes it.
pub(crate) fn push_entry(out: &mut Vec<u8>, base: &str, resource_type: &str, id: &str, bytes: &[u8]) {
    out.extend_from_slice(b"{\"fullUrl\":");
    out.extend_from_slice(json!(format!("{base}{resource_type}/{id}")).to_string().as_bytes());
    out.extend_from_slice(b",\"resource\":");
    out.extend_from_slice(bytes);
}

/// Parameters that carry a number or date of a person. `patient` stays: it is the asker's own pseudonym, and a
/// search without it could not be asked again.
const PERSONAL: [&str; 4] = ["identifier", "birthdate", "subject", "_id"];

fn self_link(page: Page<'_>) -> String {
    let mut url = format!("{}{}", page.base, page.resource_type);
    let kept = page.parameters.iter().filter(|(name, _)| {
        let plain = name.split([':', '.']).next().unwrap_or_default();
        !PERSONAL.contains(&plain)
    });
    for (n, (name, value)) in kept.enumerate() {
        url.push(if n == 0 { '?' } else { '&' });
        percent(&mut url, name);
        url.push('=');
        percent(&mut url, value);
    }
    url
}

/// RFC 3986 percent-encoding of all but unreserved characters and the few that FHIR tokens live on.
fn percent(url: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~,:/$".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests;
