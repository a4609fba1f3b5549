//! The language a refusal is written in, chosen from `Accept-Language` (RFC 9110 12.5.4).

/// Languages we write in. Dutch unless English is preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Dutch.
    #[default]
    Nl,
    /// English.
    En,
}

impl Language {
    /// BCP 47 tag.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nl => "nl",
            Self::En => "en",
        }
    }

    /// The best of what the header names; an absent or unreadable header is Dutch.
    #[must_use]
    pub fn from_accept_language(header: Option<&str>) -> Self {
        let mut best = (Self::Nl, 0_u16);
        for range in header.unwrap_or_default().split(',').take(RANGES_MAX) {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts.find_map(|p| p.strip_prefix("q=")).map_or(1000, thousandths);
            let primary = tag.split('-').next().unwrap_or_default();
            let language = match primary {
                "nl" => Self::Nl,
                "en" => Self::En,
                _ => continue,
            };
            if weight > best.1 {
                best = (language, weight);
            }
        }
        best.0
    }
}

/// A qvalue (`0.8`, `1`) in thousandths; unreadable counts as none.
pub(crate) fn thousandths(q: &str) -> u16 {
    let (whole, fraction) = q.split_once('.').unwrap_or((q, ""));
    let digits_only = fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit());
    match (whole, digits_only) {
        ("1", true) => 1000,
        ("0", true) => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

/// Ranges beyond this are not read.
const RANGES_MAX: usize = 32;
