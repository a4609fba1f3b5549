//! Business identifiers: the Dutch systems in both written forms, the BSN's eleven-test, and values that do not print.
//!
//! Nothing is ever normalised into another identifier: an odd character makes a value unusable, not cleaner.

use std::fmt;

/// An identifier system that is written both as URI and as OID (DOMAIN.md 1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KnownSystem {
    /// Citizen service number.
    Bsn,
    /// Care organisation (UZI register).
    Ura,
    /// Care professional, UZI card number.
    Uzi,
    /// UZI server or system certificate.
    UziSystem,
    /// Chamber of Commerce.
    Kvk,
    /// Government organisation number.
    Oin,
    /// Vektis care provider code.
    Agb,
    /// Individual healthcare professions register.
    Big,
    /// Insurer.
    Uzovi,
}

impl KnownSystem {
    /// The system behind any of its written forms; `None` for every other system.
    #[must_use]
    pub fn of(system: &str) -> Option<Self> {
        FORMS.iter().find(|(_, forms)| forms.contains(&system)).map(|(known, _)| *known)
    }

    /// Its written forms, the one that we write first.
    #[must_use]
    pub fn forms(self) -> &'static [&'static str] {
        FORMS.iter().find(|(known, _)| *known == self).map_or(&[], |(_, forms)| forms)
    }

    /// The URI form that we write.
    #[must_use]
    pub fn uri(self) -> &'static str {
        self.forms().first().copied().unwrap_or("")
    }
}

/// A citizen service number: nine digits that pass the eleven-test. Never prints.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bsn(String);

impl Bsn {
    /// Reads exactly nine ASCII digits, not all zero, that pass the eleven-test.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        (raw.len() == 9 && passes_eleven_test(raw.as_bytes())).then(|| Self(raw.to_owned()))
    }

    /// The nine digits. For sealing, matching and the person's own eyes only.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Bsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bsn(hidden)")
    }
}

/// A business identifier: system and value, both present. Two written forms of one system are equal. Never prints.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier {
    system: String,
    value: String,
}

impl Identifier {
    /// Takes a system and a value as written; a known OID form becomes its URI form, the value stays as it is.
    /// `None` when either is empty, longer than 255 bytes, or holds white space, a control, a pipe or an invisible
    /// character; and when a value of a numeric system (BSN) has a digit outside ASCII.
    #[must_use]
    pub fn new(system: &str, value: &str) -> Option<Self> {
        let known = KnownSystem::of(system);
        let plain = |text: &str| !text.is_empty() && text.len() <= LENGTH_MAX && !text.contains('|');
        if !plain(system) || !plain(value) || !system.bytes().all(|b| b.is_ascii_graphic()) {
            return None;
        }
        let tidy = value.trim() == value && value.chars().all(|c| c == ' ' || is_visible(c));
        let ascii = known.is_none() || value.bytes().all(|b| b.is_ascii_graphic());
        let system = known.map_or_else(|| system.to_owned(), |known| known.uri().to_owned());
        (tidy && ascii).then(|| Self { system, value: value.to_owned() })
    }

    /// Reads `system|value`, as FHIR token search writes it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (system, value) = text.split_once('|')?;
        Self::new(system, value)
    }

    /// The identifier of a citizen.
    #[must_use]
    pub fn of_bsn(bsn: &Bsn) -> Self {
        Self { system: KnownSystem::Bsn.uri().to_owned(), value: bsn.0.clone() }
    }

    /// The system, in the form we write.
    #[must_use]
    pub fn system(&self) -> &str {
        &self.system
    }

    /// The value as written.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The BSN, when this is one that passes the eleven-test.
    #[must_use]
    pub fn bsn(&self) -> Option<Bsn> {
        self.claims_bsn().then(|| Bsn::parse(&self.value)).flatten()
    }

    /// Whether the system is the BSN's, whatever the value.
    #[must_use]
    pub fn claims_bsn(&self) -> bool {
        KnownSystem::of(&self.system) == Some(KnownSystem::Bsn)
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identifier(hidden)")
    }
}

/// Whether words that anybody may choose hold a BSN, after percent-decoding twice: any run of exactly nine
/// ASCII digits (also after a `system|`) that passes the eleven-test.
#[must_use]
pub fn looks_like_bsn(text: &str) -> bool {
    let once = percent_decode(text.as_bytes());
    let twice = percent_decode(&once);
    [text.as_bytes(), &once, &twice].iter().any(|bytes| {
        bytes.split(|b| !b.is_ascii_digit()).any(|run| run.len() == 9 && passes_eleven_test(run))
    })
}

/// The eleven-test: weights 9 down to 2, and -1 for the last digit.
pub(crate) fn passes_eleven_test(digits: &[u8]) -> bool {
    let weights = [9_i32, 8, 7, 6, 5, 4, 3, 2, -1];
    let numeric = digits.len() == weights.len() && digits.iter().all(u8::is_ascii_digit);
    let sum: i32 = digits.iter().zip(weights).map(|(d, w)| i32::from(d.wrapping_sub(b'0')) * w).sum();
    numeric && sum % 11 == 0 && digits.iter().any(|d| *d != b'0')
}

/// Letters, digits and marks that a reader can see; no control, format, bidirectional or zero-width character.
fn is_visible(c: char) -> bool {
    let hidden = matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}');
    !c.is_control() && !c.is_whitespace() && !hidden
}

fn percent_decode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let hex = |b: &u8| char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        match (first, after) {
            (b'%', [high, low, tail @ ..]) if hex(high).is_some() && hex(low).is_some() => {
                out.push(hex(high).unwrap_or(0) * 16 + hex(low).unwrap_or(0));
                rest = tail;
            }
            _ => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

/// FHIR strings may be longer; no register's identifier is.
const LENGTH_MAX: usize = 255;

/// The written forms of each system; the first is ours. KVK and OIN have no HL7 Netherlands OID that we could
/// verify: theirs are the arcs of ISO 6523 (0106 and 0190).
const FORMS: &[(KnownSystem, &[&str])] = &[
    (KnownSystem::Bsn, &["http://fhir.nl/fhir/NamingSystem/bsn", "urn:oid:2.16.840.1.113883.2.4.6.3"]),
    (KnownSystem::Ura, &["http://fhir.nl/fhir/NamingSystem/ura", "urn:oid:2.16.528.1.1007.3.3"]),
    (
        KnownSystem::Uzi,
        &[
            "http://fhir.nl/fhir/NamingSystem/uzi-nr-pers",
            "http://fhir.nl/fhir/NamingSystem/uzi",
            "urn:oid:2.16.528.1.1007.3.1",
        ],
    ),
    (KnownSystem::UziSystem, &["http://fhir.nl/fhir/NamingSystem/uzi-nr-sys", "urn:oid:2.16.528.1.1007.3.2"]),
    (KnownSystem::Kvk, &["http://fhir.nl/fhir/NamingSystem/kvk", "urn:oid:1.3.106"]),
    (KnownSystem::Oin, &["http://fhir.nl/fhir/NamingSystem/oin", "urn:oid:1.3.190"]),
    (KnownSystem::Agb, &["http://fhir.nl/fhir/NamingSystem/agb-z", "urn:oid:2.16.840.1.113883.2.4.6.1"]),
    (KnownSystem::Big, &["http://fhir.nl/fhir/NamingSystem/big", "urn:oid:2.16.528.1.1007.5.1"]),
    (KnownSystem::Uzovi, &["http://fhir.nl/fhir/NamingSystem/uzovi", "urn:oid:2.16.840.1.113883.2.4.6.4"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn same(one: &str, other: &str, equal: bool) {
        assert_eq!(Identifier::parse(one).unwrap() == Identifier::parse(other).unwrap(), equal);
    }

    #[test]
    fn uri_and_oid_forms_of_one_system_are_equal_and_values_stay() {
        let bsn = "http://fhir.nl/fhir/NamingSystem/bsn";
        same(&format!("{bsn}|111222333"), "urn:oid:2.16.840.1.113883.2.4.6.3|111222333", true);
        same("http://fhir.nl/fhir/NamingSystem/ura|90000382", "urn:oid:2.16.528.1.1007.3.3|90000382", true);
        same("http://fhir.nl/fhir/NamingSystem/kvk|1", "urn:oid:1.3.106|1", true);
        same("http://fhir.nl/fhir/NamingSystem/uzi|1", "urn:oid:2.16.528.1.1007.3.1|1", true);
        same("http://fhir.nl/fhir/NamingSystem/agb-z|1", "urn:oid:2.16.840.1.113883.2.4.6.1|1", true);
        same("http://fhir.nl/fhir/NamingSystem/oin|1", "urn:oid:1.3.190|1", true);
        same(&format!("{bsn}|111222333"), &format!("{bsn}|0111222333"), false);
        same("urn:oid:2.16.840.1.113883.2.4.6.3|1", "urn:oid:2.16.840.1.113883.2.4.6.33|1", false);
    }

    #[test]
    fn an_odd_value_is_no_identifier_rather_than_another_one() {
        let system = "http://fhir.nl/fhir/NamingSystem/bsn";
        for value in [
            "",
            " 111222333",
            "111222333 ",
            "111 222 333",
            "１１１２２２３３３",
            "111222\u{200B}333",
            "\u{202E}333222111",
            "1|2",
        ] {
            assert!(Identifier::new(system, value).is_none());
        }
        assert!(Identifier::parse("111222333").is_none());
        assert!(Identifier::parse("|111222333").is_none());
        assert!(Identifier::new("a b", "1").is_none());
        assert!(Identifier::new("http://else.example", "A 1").is_some());
    }

    #[test]
    fn a_bsn_is_nine_digits_that_pass_the_eleven_test() {
        for good in ["111222333", "123456782", "012345672"] {
            assert!(Bsn::parse(good).is_some(), "one of the good ones");
        }
        for bad in
            ["111222334", "000000000", "11122233", "1112223330", "١١١٢٢٢٣٣٣", "111222333\n", "+11222333"]
        {
            assert!(Bsn::parse(bad).is_none(), "one of the bad ones");
        }
    }

    #[test]
    fn personal_values_do_not_print() {
        let bsn = Bsn::parse("111222333").unwrap();
        assert_eq!(format!("{bsn:?} {:?}", Identifier::of_bsn(&bsn)), "Bsn(hidden) Identifier(hidden)");
    }

    #[test]
    fn a_bsn_in_a_url_is_found_after_decoding_twice() {
        for bad in [
            "111222333",
            "urn:x|111222333",
            "%31%31%31222333",
            "%2531%2531%2531222333",
            "a-111222333-b",
            "x%7C111222333",
        ] {
            assert!(looks_like_bsn(bad));
        }
        for good in ["111222334", "1112223330", "11122233", "abc", "%", "%3", "%zz111", ""] {
            assert!(!looks_like_bsn(good));
        }
    }

    proptest! {
        #[test]
        fn nothing_read_panics_or_changes(system in ".{0,40}", value in ".{0,40}") {
            let _seen = looks_like_bsn(&value);
            if let Some(read) = Identifier::new(&system, &value) {
                prop_assert_eq!(read.value(), value.as_str());
            }
        }
    }
}
