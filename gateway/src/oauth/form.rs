//! The form of a token request, read strictly: a parameter that stands there twice is refused (RFC 6749 3.2).

use std::collections::HashMap;

/// The parameters of an `application/x-www-form-urlencoded` body.
pub(crate) struct Form(HashMap<String, String>);

impl Form {
    /// Whether a `Content-Type` says form; a charset is allowed.
    pub(crate) fn is_form(content_type: Option<&str>) -> bool {
        let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
        essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
    }

    /// Reads a body; `None` when it is ill-formed, too large or doubles a parameter.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        if body.len() > BODY_MAX {
            return None;
        }
        let mut parameters = HashMap::new();
        for pair in body.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |b| *b == b'=');
            let name = decode(halves.next()?)?;
            let value = decode(halves.next().unwrap_or_default())?;
            if parameters.len() >= PARAMETERS_MAX || parameters.insert(name, value).is_some() {
                return None;
            }
        }
        Some(Self(parameters))
    }

    /// A parameter; one without a value counts as absent (RFC 6749 3.2).
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Undoes `+` and `%XX`; `None` for a bad escape or what is not UTF-8 then.
fn decode(raw: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(*rest.next()?)? << 4 | hex(*rest.next()?)?,
            plain => *plain,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

const BODY_MAX: usize = 64 * 1024;
const PARAMETERS_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::Form;

    #[test]
    fn a_parameter_counts_once() {
        let form = Form::parse(b"a=1&b=x+y%20z%2B&c=&d").unwrap();
        assert_eq!(
            (form.get("a"), form.get("b"), form.get("c"), form.get("d")),
            (Some("1"), Some("x y z+"), None, None)
        );
        for bad in [&b"a=1&a=1"[..], b"a=1&%61=2", b"a=%", b"a=%4", b"a=%zz", b"a=%ff", b"a=\xff"] {
            assert!(Form::parse(bad).is_none());
        }
        assert!(Form::parse(&vec![b'a'; 65 * 1024]).is_none());
    }

    #[test]
    fn the_media_type_must_be_form() {
        assert!(Form::is_form(Some("Application/X-WWW-form-urlencoded; charset=UTF-8")));
        assert!(!Form::is_form(Some("application/json")));
        assert!(!Form::is_form(None));
    }
}
