//! `application/x-www-form-urlencoded`, as forms and queries are written.

/// A form or a query, encoded.
#[must_use]
pub fn form(fields: &[(&str, impl AsRef<str>)]) -> String {
    let pairs = fields.iter().map(|(name, value)| format!("{name}={}", percent(value.as_ref())));
    pairs.collect::<Vec<_>>().join("&")
}

fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
