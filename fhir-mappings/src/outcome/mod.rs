//! Refusals as OperationOutcome: one code, one status, one plain text per language.
//!
//! It holds the whole table of CONTRACT.md section 3 and nothing about a person: a text is chosen by code and
//! language alone, so two refusals with one code and one language are the same bytes (DESIGN.md 8).

mod language;
mod text;

pub use language::Language;
pub(crate) use language::thousandths;

use serde_json::{Value, json};

/// Code system of [`Code`].
pub const OUTCOME_SYSTEM: &str = "https://sluis.example/fhir/CodeSystem/outcome";
/// Code system of the reasons that a recorder of a Consent, relation or attestation gets beside the code.
pub const REASON_SYSTEM: &str = "https://sluis.example/fhir/CodeSystem/outcome-reason";

/// Why a request was refused, as outsiders see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Code {
    QueryNotSupported,
    BodyInvalid,
    BsnInUrl,
    TokenInvalid,
    NotPermitted,
    NotFound,
    NotAcceptable,
    Conflict,
    VersionConflict,
    TooLarge,
    UnsupportedMediaType,
    ConsentRefused,
    RateLimited,
    AuditUnavailable,
    ConsentUnavailable,
    SourceUnavailable,
}

impl Code {
    /// Every code, in the order of CONTRACT.md's table.
    pub const ALL: [Self; 16] = [
        Self::QueryNotSupported,
        Self::BodyInvalid,
        Self::BsnInUrl,
        Self::TokenInvalid,
        Self::NotPermitted,
        Self::NotFound,
        Self::NotAcceptable,
        Self::Conflict,
        Self::VersionConflict,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::ConsentRefused,
        Self::RateLimited,
        Self::AuditUnavailable,
        Self::ConsentUnavailable,
        Self::SourceUnavailable,
    ];

    /// The code as it travels in `details.coding[0].code`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QueryNotSupported => "query-not-supported",
            Self::BodyInvalid => "body-invalid",
            Self::BsnInUrl => "bsn-in-url",
            Self::TokenInvalid => "token-invalid",
            Self::NotPermitted => "not-permitted",
            Self::NotFound => "not-found",
            Self::NotAcceptable => "not-acceptable",
            Self::Conflict => "conflict",
            Self::VersionConflict => "version-conflict",
            Self::TooLarge => "too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::ConsentRefused => "consent-refused",
            Self::RateLimited => "rate-limited",
            Self::AuditUnavailable => "audit-unavailable",
            Self::ConsentUnavailable => "consent-unavailable",
            Self::SourceUnavailable => "source-unavailable",
        }
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::QueryNotSupported | Self::BodyInvalid | Self::BsnInUrl => 400,
            Self::TokenInvalid => 401,
            Self::NotPermitted => 403,
            Self::NotFound => 404,
            Self::NotAcceptable => 406,
            Self::Conflict => 409,
            Self::VersionConflict => 412,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::ConsentRefused => 422,
            Self::RateLimited => 429,
            Self::AuditUnavailable | Self::ConsentUnavailable | Self::SourceUnavailable => 503,
        }
    }

    /// FHIR R4 IssueType (`http://hl7.org/fhir/issue-type`).
    #[must_use]
    pub fn issue_type(self) -> &'static str {
        match self {
            Self::QueryNotSupported | Self::NotAcceptable | Self::UnsupportedMediaType => "not-supported",
            Self::BodyInvalid => "invalid",
            Self::BsnInUrl => "security",
            Self::TokenInvalid => "login",
            Self::NotPermitted => "forbidden",
            Self::NotFound => "not-found",
            Self::Conflict | Self::VersionConflict => "conflict",
            Self::TooLarge => "too-long",
            Self::ConsentRefused => "business-rule",
            Self::RateLimited => "throttled",
            Self::AuditUnavailable | Self::ConsentUnavailable | Self::SourceUnavailable => "transient",
        }
    }

    /// What happened and what to do about it, in plain words.
    #[must_use]
    pub fn text(self, language: Language) -> &'static str {
        text::of(self, language)
    }
}

/// A refusal ready to be written. Codes that depend on a person take neither reason nor expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    code: Code,
    reason: Option<Reason>,
    expression: Option<String>,
}

/// A second, finer code for the one who sent a body: what is wrong with it, in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    /// Code in [`REASON_SYSTEM`], kebab-case.
    pub code: &'static str,
    /// Dutch text.
    pub nl: &'static str,
    /// English text.
    pub en: &'static str,
}

impl Outcome {
    /// A refusal with its code alone.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self { code, reason: None, expression: None }
    }

    /// Adds the finer reason. INVARIANT: `not-permitted` and `token-invalid` stay bare, whatever is given.
    #[must_use]
    pub fn because(mut self, reason: Reason) -> Self {
        self.reason = self.may_explain().then_some(reason);
        self
    }

    /// Adds the place: a FHIRPath-like path (`Consent.provision.period`) or `http.<parameter>`.
    #[must_use]
    pub fn at(mut self, expression: impl Into<String>) -> Self {
        self.expression = self.may_explain().then(|| expression.into());
        self
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The OperationOutcome as compact JSON. Depends on nothing but this value and the language.
    #[must_use]
    pub fn to_json(&self, language: Language) -> Vec<u8> {
        let mut coding = vec![json!({"system": OUTCOME_SYSTEM, "code": self.code.as_str()})];
        let mut text = self.code.text(language).to_owned();
        if let Some(reason) = self.reason {
            coding.push(json!({"system": REASON_SYSTEM, "code": reason.code}));
            text.push(' ');
            text.push_str(match language {
                Language::Nl => reason.nl,
                Language::En => reason.en,
            });
        }
        let mut issue = json!({
            "severity": "error",
            "code": self.code.issue_type(),
            "details": {"coding": coding, "text": text},
        });
        if let (Some(expression), Value::Object(members)) = (&self.expression, &mut issue) {
            members.insert("expression".to_owned(), json!([expression]));
        }
        let outcome =
            json!({"resourceType": "OperationOutcome", "language": language.as_str(), "issue": [issue]});
        outcome.to_string().into_bytes()
    }

    fn may_explain(&self) -> bool {
        !matches!(self.code, Code::NotPermitted | Code::TokenInvalid)
    }
}

#[cfg(test)]
mod tests;
