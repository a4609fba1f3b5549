//! One participant as `participant add` reads it (CONTRACT.md 1) and as the trust list keeps it.

use super::certificate::{self, Certificate};
use super::code::{CategoryCode, Fingerprint, FunctionCode, Identifier, ParticipantId, Purpose};
use super::term::{Bound, Term};
use crate::oauth::key::{ClientKeys, KeyMistake};
use crate::oauth::scope::Scope;
use crate::sources::remote::Endpoint;
use fhir_mappings::directory::Hours;
use fhir_mappings::json;
use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};

/// A registered organisation. Serialises to the members of `participant add`, plus `state`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Participant {
    /// Its id, which is also its client id.
    pub id: ParticipantId,
    /// Its name, as people see it.
    pub name: String,
    /// The categories it belongs to.
    #[serde(default)]
    pub categories: Vec<CategoryCode>,
    /// The functions in which it may ask, each with its dates; the first is the default.
    #[serde(default)]
    pub functions: Vec<FunctionTerm>,
    /// Its national identifier: URA, KVK, OIN or UZOVI.
    pub identifier: Identifier,
    /// The purposes it may ask with.
    #[serde(default)]
    pub purposes: Vec<Purpose>,
    /// The scopes it may ask.
    #[serde(default)]
    pub scopes: Vec<Scope>,
    /// SHA-256 of its client certificate; computed from `certificate_pem` when only that is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_sha256: Option<Fingerprint>,
    /// Its client certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_pem: Option<String>,
    /// Its public keys for client assertions.
    pub jwks: ClientKeys,
    /// What it writes in `aud` of a client assertion.
    pub audience: Audience,
    /// How its own data is held, if it is a holder.
    #[serde(default)]
    pub holder: Option<Holder>,
    /// Whether it may record consents.
    #[serde(default)]
    pub recorder: bool,
    /// Whether it takes part in emergency access.
    #[serde(default)]
    pub emergency: Emergency,
    /// How a remote holder is reached; its shape belongs to the sources.
    #[serde(default)]
    pub endpoint: Option<serde_json::Value>,
    /// How it is reached by people, as the directory shows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contact: Vec<ContactPoint>,
    /// When it is open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<Hours>,
    /// On which day contact points and hours were last checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<String>,
    /// How many full years records in which it took part are kept, where that is longer than the law's five.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_years: Option<u16>,
    /// The agreement under which it takes part.
    pub agreement: Agreement,
    /// Whether it may ask at all.
    #[serde(default)]
    pub state: State,
}

/// One way to reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContactPoint {
    /// Of which kind.
    pub system: ContactSystem,
    /// The number or address.
    pub value: String,
}

/// Kinds of contact points, of FHIR's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum ContactSystem {
    Phone,
    Fax,
    Email,
    Url,
}

impl ContactSystem {
    /// FHIR's code.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Fax => "fax",
            Self::Email => "email",
            Self::Url => "url",
        }
    }
}

/// A function with the dates between which the participant has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionTerm {
    /// The function.
    pub code: FunctionCode,
    /// From when.
    pub from: Bound,
    /// Until when, inclusive.
    #[serde(default)]
    pub to: Option<Bound>,
}

impl FunctionTerm {
    /// The dates as a term.
    #[must_use]
    pub fn term(&self) -> Term {
        Term { from: self.from.clone(), to: self.to.clone() }
    }
}

/// The agreement and its dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// Which text was agreed.
    pub version: String,
    /// From when.
    pub from: Bound,
    /// Until when, inclusive.
    #[serde(default)]
    pub to: Option<Bound>,
}

impl Agreement {
    /// The dates as a term.
    #[must_use]
    pub fn term(&self) -> Term {
        Term { from: self.from.clone(), to: self.to.clone() }
    }
}

/// What stands in `aud`: SMART Backend Services asks for the token URL, FAPI 2.0 for the issuer. One of the
/// two for each client, never a lax union (THREATS.md 0.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// The token endpoint's URL.
    Smart,
    /// The issuer's URL.
    Fapi,
}

/// Where a holder's data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// In our `holdings/`.
    Hosted,
    /// At a FHIR server of its own.
    Remote,
}

/// Emergency access in either direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emergency {
    /// May ask with ETREAT.
    #[serde(default)]
    pub asks: bool,
    /// Its data may be given to who asks so.
    #[serde(default)]
    pub gives: bool,
}

/// Whether a participant may ask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It may.
    #[default]
    Active,
    /// Refused on the next request, on open connections too.
    Suspended,
}

/// One thing that is wrong with an added participant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldMistake {
    /// The member, for instance `functions[0].to`; empty for the whole file.
    pub field: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub mend: String,
}

impl FieldMistake {
    fn new(field: &str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { field: field.to_owned(), what: what.into(), mend: mend.into() }
    }
}

impl Participant {
    /// Reads the JSON of `participant add`. Strict: an unknown or doubled member is a mistake.
    ///
    /// # Errors
    /// Every mistake found, each with its member and a mend.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Vec<FieldMistake>> {
        let whole = |what: String, mend: &str| vec![FieldMistake::new("", what, mend)];
        json::parse(bytes).map_err(|e| whole(format!("this is not strict JSON: {e:?}"), "mend the JSON"))?;
        let mut read: Self = serde_json::from_slice(bytes).map_err(|e| {
            whole(e.to_string(), "see `sluis participant add --help` for the members and their shapes")
        })?;
        let mistakes = read.complete();
        if mistakes.is_empty() { Ok(read) } else { Err(mistakes) }
    }

    /// Checks what serde cannot, and fills the fingerprint from the certificate.
    fn complete(&mut self) -> Vec<FieldMistake> {
        let mut mistakes = Vec::new();
        self.check_texts(&mut mistakes);
        self.check_certificate(&mut mistakes);
        self.check_terms(&mut mistakes);
        self.check_listing(&mut mistakes);
        for KeyMistake { key, what } in self.jwks.mistakes() {
            let mend = "register public keys only: EC P-256 (ES256), EC P-384 (ES384) or RSA (PS256)";
            mistakes.push(FieldMistake::new(&format!("jwks.keys[{key}]"), what, mend));
        }
        if self.jwks.is_empty() {
            mistakes.push(FieldMistake::new("jwks.keys", "there is no key", "add at least one public key"));
        }
        if let Some(Err(what)) = self.endpoint.as_ref().map(Endpoint::read) {
            let mend = "see `sluis participant endpoint set --help`, or leave it null and set it later";
            mistakes.push(FieldMistake::new("endpoint", what, mend));
        }
        mistakes
    }

    fn check_texts(&self, mistakes: &mut Vec<FieldMistake>) {
        let texts = [
            ("name", &self.name),
            ("identifier.system", &self.identifier.system),
            ("identifier.value", &self.identifier.value),
            ("agreement.version", &self.agreement.version),
        ];
        for (field, text) in texts {
            if text.trim().is_empty() || text.len() > 256 || text.chars().any(char::is_control) {
                mistakes.push(FieldMistake::new(
                    field,
                    "empty, too long or not plain text",
                    "write 1 to 256 characters",
                ));
            }
        }
        if !certificate::knows_system(&self.identifier.system) {
            let mend = "use the URA, KVK, OIN, RSIN or UZOVI system, as http://fhir.nl/fhir/NamingSystem/ura";
            mistakes.push(FieldMistake::new("identifier.system", "not a system we can check", mend));
        }
    }

    /// What the directory shows of it to people.
    fn check_listing(&self, mistakes: &mut Vec<FieldMistake>) {
        let time = |text: &str| {
            let time = civil::Time::strptime("%H:%M", text).ok()?;
            (text.len() == 5).then_some(time)
        };
        for (n, ContactPoint { value, .. }) in self.contact.iter().enumerate() {
            if value.trim().is_empty() || value.len() > 256 || value.chars().any(char::is_control) {
                let (field, mend) = (format!("contact[{n}].value"), "write 1 to 256 characters");
                mistakes.push(FieldMistake::new(&field, "empty, too long or not plain text", mend));
            }
        }
        for (n, Hours { days, from, to }) in self.hours.iter().enumerate() {
            let ordered = time(from).zip(time(to)).is_some_and(|(from, to)| from < to);
            if days.is_empty() || !ordered {
                let mend = r#"write {"days":["mon","tue"],"from":"08:00","to":"17:00"}"#;
                mistakes.push(FieldMistake::new(
                    &format!("hours[{n}]"),
                    "no days, or no hours of one day",
                    mend,
                ));
            }
        }
        let day = |text: &String| text.len() == 10 && text.parse::<civil::Date>().is_ok();
        if !self.checked.as_ref().is_none_or(day) {
            mistakes.push(FieldMistake::new("checked", "this is no day", "write a day, as 2026-10-01"));
        }
        if self.keep_years.is_some_and(|years| years < crate::retention::YEARS_MIN) {
            mistakes.push(FieldMistake::new(
                "keep_years",
                "records are kept for five years at least",
                "write 5 or more",
            ));
        }
    }

    fn check_certificate(&mut self, mistakes: &mut Vec<FieldMistake>) {
        let Some(pem) = &self.certificate_pem else {
            if self.certificate_sha256.is_none() {
                let mend = "give certificate_pem or certificate_sha256";
                mistakes.push(FieldMistake::new("certificate_sha256", "there is no certificate", mend));
            }
            return;
        };
        let Some(read) = Certificate::from_pem(pem) else {
            let mend = "paste one PEM certificate (BEGIN CERTIFICATE), the client's own and not its CA";
            mistakes.push(FieldMistake::new("certificate_pem", "cannot be read", mend));
            return;
        };
        if self.certificate_sha256.is_some_and(|given| given != read.fingerprint()) {
            let mend = format!("leave certificate_sha256 out, or write {}", read.fingerprint());
            mistakes.push(FieldMistake::new("certificate_sha256", "is not that of certificate_pem", mend));
        }
        if let Err(misfit) = read.fits(&self.identifier) {
            let mend = "register the organisation that the certificate names, or another certificate";
            mistakes.push(FieldMistake::new("identifier", misfit.to_string(), mend));
        }
        self.certificate_sha256 = Some(read.fingerprint());
    }

    fn check_terms(&self, mistakes: &mut Vec<FieldMistake>) {
        let mut check = |field: String, term: &Term| {
            if term.behind() <= term.from.first() {
                let mend = "let `to` lie on or after `from`, or leave it out";
                mistakes.push(FieldMistake::new(&field, "ends before it starts", mend));
            }
        };
        check("agreement".to_owned(), &self.agreement.term());
        for (i, function) in self.functions.iter().enumerate() {
            check(format!("functions[{i}]"), &function.term());
        }
        for (i, function) in self.functions.iter().enumerate() {
            if self.functions.iter().take(i).any(|other| other.code == function.code) {
                let what = format!("{} stands there twice", function.code);
                mistakes.push(FieldMistake::new(&format!("functions[{i}].code"), what, "keep one of them"));
            }
        }
    }

    /// Whether it may ask at `at`: active, and its agreement in date.
    #[must_use]
    pub fn standing_at(&self, at: Timestamp) -> Standing {
        match self.state {
            State::Suspended => Standing::Suspended,
            State::Active if self.agreement.term().holds_at(at) => Standing::Good,
            State::Active => Standing::OutOfAgreement,
        }
    }

    /// Its functions at `at`, in registered order.
    pub fn functions_at(&self, at: Timestamp) -> impl Iterator<Item = &FunctionTerm> {
        self.functions.iter().filter(move |f| f.term().holds_at(at))
    }
}

/// How a participant stands at some instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Active and in agreement.
    Good,
    /// Suspended.
    Suspended,
    /// Its agreement has not started or has ended.
    OutOfAgreement,
}
