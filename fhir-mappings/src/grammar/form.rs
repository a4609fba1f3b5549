//! `application/x-www-form-urlencoded`, strictly: what two readers could take differently is refused.

/// Name and value pairs, decoded once, in order; `None` when a piece is ill-formed.
pub fn pairs(raw: &str) -> Option<Vec<(String, String)>> {
    if raw.is_empty() {
        return Some(Vec::new());
    }
    let pieces: Vec<_> = raw.split('&').collect();
    if pieces.len() > PAIRS_MAX {
        return None;
    }
    let pair = |piece: &str| {
        let (name, value) = piece.split_once('=')?;
        Some((decode(name)?, decode(value)?))
    };
    pieces.into_iter().map(pair).collect()
}

/// Percent-decoding with `+` as a blank; `None` on a bad escape, bad UTF-8 or a control character.
pub(super) fn decode(raw: &str) -> Option<String> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => hex(bytes.next()?)? * 16 + hex(bytes.next()?)?,
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(out).ok().filter(|text| !text.chars().any(char::is_control))
}

/// Percent-decoding that keeps what it cannot read: for looking for numbers, not for meaning.
pub(super) fn decode_leniently(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(&byte) = raw.get(at) {
        let escape =
            (byte == b'%').then(|| Some(hex(*raw.get(at + 1)?)? * 16 + hex(*raw.get(at + 2)?)?)).flatten();
        match escape {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

/// Splits at a separator that no backslash precedes, keeping the escapes.
pub(super) fn split_keeping(raw: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for c in raw.chars() {
        if c == separator && !escaped {
            parts.push(String::new());
            continue;
        }
        escaped = c == '\\' && !escaped;
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts
}

/// Splits as [`split_keeping`] and resolves the escapes `\, \| \$ \\`; `None` for any other escape.
pub(super) fn split_escaped(raw: &str, separator: char) -> Option<Vec<String>> {
    split_keeping(raw, separator).iter().map(|part| unescape(part)).collect()
}

fn unescape(part: &str) -> Option<String> {
    let mut out = String::with_capacity(part.len());
    let mut chars = part.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => chars.next().filter(|c| SPECIAL.contains(c))?,
            plain => plain,
        });
    }
    Some(out)
}

/// Escapes what has a meaning inside a value.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if SPECIAL.contains(&c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Pairs as a query string.
pub(super) fn write(pairs: &[(&str, String)]) -> String {
    let encoded: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    encoded.join("&")
}

fn encode(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/:|,".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

const SPECIAL: [char; 4] = [',', '|', '$', '\\'];
/// Most parameters in one request.
const PAIRS_MAX: usize = 32;
