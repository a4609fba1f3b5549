//! The path of a request, read as sent: no normalising, so that no second reading of it exists (LEAKS.md L26).

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// Segments behind `/fhir`.
    Fhir(Vec<String>),
    /// A path outside `/fhir`, as sent.
    Outside(String),
    /// Something that another reader could take for a different path.
    Tricky,
}

/// Reads a path. The only escape accepted is `%24` before the name of an operation.
pub(super) fn read(raw: &str) -> Path {
    if raw == "/" {
        return Path::Outside(raw.to_owned());
    }
    if !raw.starts_with('/') || raw.len() > PATH_MAX || raw.split('/').skip(1).any(tricky) {
        return Path::Tricky;
    }
    match raw.strip_prefix("/fhir") {
        Some("") => Path::Fhir(Vec::new()),
        Some(rest) if rest.starts_with('/') => {
            Path::Fhir(rest.split('/').skip(1).map(|segment| segment.replacen("%24", "$", 1)).collect())
        }
        _ => Path::Outside(raw.to_owned()),
    }
}

fn tricky(segment: &str) -> bool {
    let plain = segment.strip_prefix("%24").unwrap_or(segment);
    let letters = plain.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._$".contains(&b));
    segment.is_empty() || segment.ends_with('.') || !letters
}

const PATH_MAX: usize = 2048;
