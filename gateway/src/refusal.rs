//! Why a request ends without data: a coded reason for the record, and one outward face (STYLE.md 4).
//!
//! No wildcard arm anywhere here: a new refusal makes somebody decide what outsiders see.

use crate::oauth::TokenInvalid;
use fhir_mappings::grammar::GrammarError;
use fhir_mappings::outcome::{Code, Outcome, Reason};

/// A refusal, in its private form.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// A number that passes the eleven-test stands in the URL.
    BsnInUrl,
    /// The certificate belongs to no participant, or to one that is suspended or out of agreement.
    UnknownCertificate,
    /// The access token, or its binding.
    Token(TokenInvalid),
    /// The caller cannot read our answers.
    NotAcceptable,
    /// The body is not of the form expected here.
    MediaType,
    /// The body is too large, or the answer would be.
    TooLarge,
    /// Outside the closed grammar.
    Grammar(GrammarError),
    /// A look-up by BSN needs a birth date here; the place that wants it.
    BirthDateNeeded(Code),
    /// The token's scopes do not cover the interaction.
    Scope,
    /// The token's purpose does not go with the interaction.
    Purpose,
    /// Nothing is granted about this person to this asker; what exactly stands in the record alone.
    NoGrant(NoGrant),
    /// A directory entry that we do not have.
    DirectoryUnknown,
    /// Nothing stands at this path.
    OutsideFhir,
    /// What a recorder sent is refused, with a reason for that recorder.
    Recording(Outcome),
    /// A budget is spent; seconds to wait.
    RateLimited(u64),
    /// The present state cannot be read.
    ConsentUnavailable,
    /// Every permitted holder failed.
    SourceUnavailable,
    /// The journal took no record, or does not give back one that it took.
    AuditUnavailable,
    /// The decision moved under us again and again.
    Contended,
}

/// What lies behind `not-permitted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoGrant {
    /// No such person, or an id that is not ours.
    UnknownPerson,
    /// The birth date does not fit.
    BirthDate,
    /// No class of any holder is permitted: the leading reason.
    Decided(consent::Reason),
    /// Permitted in part, but not this resource.
    OutsideGrant,
    /// A page link that is expired, or was made for somebody else.
    Page,
    /// Who asks may not record this for this person.
    Recorder,
}

impl Refusal {
    /// What the other side may learn.
    #[must_use]
    pub fn public(&self) -> Outcome {
        match self {
            Self::BsnInUrl => Outcome::new(Code::BsnInUrl),
            Self::UnknownCertificate | Self::Token(_) => Outcome::new(Code::TokenInvalid),
            Self::NotAcceptable => Outcome::new(Code::NotAcceptable),
            Self::MediaType => Outcome::new(Code::UnsupportedMediaType),
            Self::TooLarge => Outcome::new(Code::TooLarge),
            Self::Grammar(e) => e.outcome(),
            Self::BirthDateNeeded(code) => Outcome::new(*code).because(BIRTH_DATE_NEEDED).at("birthdate"),
            Self::Scope | Self::Purpose | Self::NoGrant(_) => Outcome::new(Code::NotPermitted),
            Self::DirectoryUnknown | Self::OutsideFhir => Outcome::new(Code::NotFound),
            Self::Recording(outcome) => outcome.clone(),
            Self::RateLimited(_) => Outcome::new(Code::RateLimited),
            Self::ConsentUnavailable | Self::Contended => Outcome::new(Code::ConsentUnavailable),
            Self::SourceUnavailable => Outcome::new(Code::SourceUnavailable),
            Self::AuditUnavailable => Outcome::new(Code::AuditUnavailable),
        }
    }

    /// The coded reason for the record.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Token(why) => format!("token-invalid/{}", why.code()),
            Self::UnknownCertificate => "token-invalid/unknown-certificate".into(),
            Self::Scope => "not-permitted/scope".into(),
            Self::Purpose => "not-permitted/purpose".into(),
            Self::NoGrant(why) => format!("not-permitted/{}", why.code()),
            Self::Contended => "consent-unavailable/contended".into(),
            Self::BsnInUrl
            | Self::NotAcceptable
            | Self::MediaType
            | Self::TooLarge
            | Self::Grammar(_)
            | Self::BirthDateNeeded(_)
            | Self::DirectoryUnknown
            | Self::OutsideFhir
            | Self::Recording(_)
            | Self::RateLimited(_)
            | Self::ConsentUnavailable
            | Self::SourceUnavailable
            | Self::AuditUnavailable => self.public().code().as_str().into(),
        }
    }

    /// Whether it depends on a person, so that it must look and take like every other such one (DESIGN.md 8).
    #[must_use]
    pub fn depends_on_person(&self) -> bool {
        self.public().code() == Code::NotPermitted && !matches!(self, Self::Scope | Self::Purpose)
    }
}

impl NoGrant {
    /// The code that the record carries.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::UnknownPerson => "unknown-person",
            Self::BirthDate => "birth-date",
            Self::Decided(reason) => reason_code(reason),
            Self::OutsideGrant => "outside-grant",
            Self::Page => "page",
            Self::Recorder => "recorder",
        }
    }
}

/// The code of a decision's reason, as records and `explain` carry it.
#[must_use]
pub fn reason_code(reason: consent::Reason) -> &'static str {
    match reason {
        consent::Reason::Refused => "refused",
        consent::Reason::NotAsked => "not-asked",
        consent::Reason::Lapsed => "lapsed",
        consent::Reason::NoRelation => "no-relation",
        consent::Reason::Purpose => "purpose",
        consent::Reason::Age => "age",
        consent::Reason::Representation => "representation",
        consent::Reason::Ceiling => "ceiling",
        consent::Reason::Emergency => "emergency",
        consent::Reason::Unreadable => "unreadable",
        consent::Reason::Unreachable => "unreachable",
    }
}

const BIRTH_DATE_NEEDED: Reason = Reason {
    code: "birthdate-needed",
    nl: "Geef bij een BSN ook de geboortedatum (birthdate=JJJJ-MM-DD): een verkeerd getypt BSN kan toch bestaan.",
    en: "With a BSN, also give the birth date (birthdate=YYYY-MM-DD): a mistyped BSN may still exist.",
};
