//! Media types: what a caller may ask for and what a body may be (CONTRACT.md 3; RFC 9110 12.5.1).

/// Proof that the caller can read our one answer form, `application/fhir+json; fhirVersion=4.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acceptable(());

/// What a request's body must be, by method and path alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyForm {
    /// `application/x-www-form-urlencoded`: every `_search`, and `/oauth/token`.
    Form,
    /// `application/fhir+json` or `application/json`.
    Json,
    /// No body is read.
    Nothing,
}

/// A body that may be read as what it says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadableBody {
    /// A form.
    Form,
    /// JSON.
    Json,
    /// None is expected.
    Empty,
}

/// Judges `Accept`; `None` is `not-acceptable`. Several headers are joined with a comma by the caller.
#[must_use]
pub fn accept(header: Option<&str>) -> Option<Acceptable> {
    let ranges = header.unwrap_or_default();
    let acceptable = ranges.trim().is_empty() || ranges.split(',').any(readable_range);
    acceptable.then_some(Acceptable(()))
}

/// What the body of such a request must be.
#[must_use]
pub fn body_form(method: &str, raw_path: &str) -> BodyForm {
    match method {
        "POST" if raw_path.ends_with("/_search") || raw_path == "/oauth/token" => BodyForm::Form,
        "POST" | "PUT" => BodyForm::Json,
        _ => BodyForm::Nothing,
    }
}

/// Judges `Content-Type` against what is expected; `None` is `unsupported-media-type`.
#[must_use]
pub fn content_type(form: BodyForm, header: Option<&str>) -> Option<ReadableBody> {
    let header = header.unwrap_or_default();
    match form {
        BodyForm::Nothing => Some(ReadableBody::Empty),
        BodyForm::Form => {
            let (media, parameters) = split(header);
            let readable =
                media == "application/x-www-form-urlencoded" && parameters.iter().all(utf8_charset);
            readable.then_some(ReadableBody::Form)
        }
        BodyForm::Json => {
            let (media, parameters) = split(header);
            let readable = JSON.contains(&media.as_str())
                && parameters.iter().all(|p| utf8_charset(p) || version_holds(p));
            readable.then_some(ReadableBody::Json)
        }
    }
}

/// Whether a header changes what is asked behind the grammar's back: method overrides and conditional creates.
/// A request with one is `query-not-supported`.
#[must_use]
pub fn header_refused(name: &str) -> bool {
    REFUSED_HEADERS.iter().any(|refused| name.eq_ignore_ascii_case(refused))
}

fn readable_range(range: &str) -> bool {
    let (media, parameters) = split(range);
    let named = JSON.contains(&media.as_str()) || matches!(media.as_str(), "*/*" | "application/*");
    let zero = |value: &str| crate::outcome::thousandths(value) == 0;
    let refused = parameters.iter().any(|(name, value)| match name.as_str() {
        "q" => zero(value),
        "fhirversion" => !VERSIONS.contains(&value.as_str()),
        "charset" => !value.eq_ignore_ascii_case("utf-8"),
        _ => false,
    });
    named && !refused
}

/// Media type and parameters; names in lower case, values without quotes.
fn split(header: &str) -> (String, Vec<(String, String)>) {
    let mut parts = header.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default().to_ascii_lowercase();
    let parameter = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"').to_owned())
    };
    (media, parts.filter(|part| !part.is_empty()).map(parameter).collect())
}

fn utf8_charset((name, value): &(String, String)) -> bool {
    name == "charset" && (value.eq_ignore_ascii_case("utf-8") || value.eq_ignore_ascii_case("utf8"))
}

fn version_holds((name, value): &(String, String)) -> bool {
    name == "fhirversion" && VERSIONS.contains(&value.as_str())
}

const JSON: [&str; 2] = ["application/fhir+json", "application/json"];
/// 4.3 is R4B: what we answer reads the same in both.
const VERSIONS: [&str; 2] = ["4.0", "4.3"];
const REFUSED_HEADERS: [&str; 4] =
    ["x-http-method-override", "x-http-method", "x-method-override", "if-none-exist"];
