//! Why a token was not granted, or not accepted: a private cause for the record, a public face for the client.

use super::asker::{AskingPerson, BreakGlass};
use crate::trust::{FunctionCode, ParticipantId, Purpose};

/// The error codes of RFC 6749 5.2 that the token endpoint answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum OAuthError {
    InvalidRequest,
    InvalidClient,
    InvalidScope,
    UnauthorizedClient,
    UnsupportedGrantType,
}

impl OAuthError {
    /// The code in the body.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidScope => "invalid_scope",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidClient => 401,
            Self::InvalidRequest
            | Self::InvalidScope
            | Self::UnauthorizedClient
            | Self::UnsupportedGrantType => 400,
        }
    }
}

/// A refused token request.
#[derive(Debug, Clone)]
pub struct TokenRefusal {
    /// What was wrong: for the record.
    pub cause: Cause,
    /// What was known of the asker by then. Only what a valid signature vouched for, so that a refused
    /// emergency still reaches the timeline of the person it was about.
    pub attempt: Attempt,
}

/// What was known of a refused asker.
#[derive(Debug, Clone, Default)]
pub struct Attempt {
    /// The organisation of the certificate.
    pub participant: Option<ParticipantId>,
    /// The function asked in.
    pub function: Option<FunctionCode>,
    /// Why.
    pub purpose: Option<Purpose>,
    /// The person who asked.
    pub person: Option<AskingPerson>,
    /// The emergency statement.
    pub break_glass: Option<BreakGlass>,
}

impl TokenRefusal {
    /// The RFC 6749 error.
    #[must_use]
    pub fn error(&self) -> OAuthError {
        self.cause.error()
    }

    /// The HTTP status: 401 or 400.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.error().status()
    }

    /// The body of the answer: `{"error","error_description"}`.
    #[must_use]
    pub fn body(&self) -> String {
        let body = serde_json::json!({
            "error": self.error().code(),
            "error_description": self.cause.description(),
        });
        body.to_string()
    }

    /// The `WWW-Authenticate` of a 401.
    #[must_use]
    pub fn challenge(&self) -> Option<&'static str> {
        (self.status() == 401).then_some("Bearer realm=\"sluis\"")
    }
}

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident: $error:ident, $code:literal, $text:literal;)+) => {
        /// What was wrong with a token request.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Cause {
            $($(#[$doc])* $name,)+
        }

        impl Cause {
            /// Every cause there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The RFC 6749 error it is answered with.
            #[must_use]
            pub fn error(self) -> OAuthError {
                match self { $(Self::$name => OAuthError::$error,)+ }
            }

            /// The word for the record.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// A sentence for the engineer on the other side.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

causes! {
    /// Not `application/x-www-form-urlencoded`.
    MediaType: InvalidRequest, "media-type", "send application/x-www-form-urlencoded";
    /// Ill-formed, doubled or oversized form.
    Form: InvalidRequest, "form", "the form is ill-formed, too large, or has a parameter twice";
    /// A required parameter is missing.
    Parameter: InvalidRequest, "parameter", "grant_type, client_assertion_type and client_assertion are required";
    /// An assertion type that is not jwt-bearer.
    AssertionType: InvalidRequest, "assertion-type", "client_assertion_type must be urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    /// Another way of authentication beside the assertion.
    SecondMethod: InvalidRequest, "second-method", "one way of client authentication, the assertion";
    /// Another grant than client credentials.
    Grant: UnsupportedGrantType, "grant-type", "grant_type must be client_credentials";
    /// The certificate belongs to no participant.
    UnknownCertificate: InvalidClient, "certificate-unknown", "the client certificate belongs to no participant";
    /// The certificate is blocked.
    BlockedCertificate: InvalidClient, "certificate-blocked", "the client certificate belongs to no participant";
    /// The certificate names another organisation than the registered one.
    Misfit: InvalidClient, "certificate-misfit", "the client certificate names another organisation than its registration";
    /// The participant is suspended.
    Suspended: InvalidClient, "suspended", "the client may not ask now";
    /// The agreement is not in date.
    OutOfAgreement: InvalidClient, "agreement", "the client may not ask now";
    /// No JWT, too long, a doubled member, a wrong type.
    Assertion: InvalidClient, "assertion", "client_assertion is not a well-formed signed JWT";
    /// `typ` is not JWT.
    Type: InvalidClient, "typ", "the assertion's header must say typ JWT";
    /// The header has a member that we do not take.
    Header: InvalidClient, "header", "the assertion's header may hold alg, typ and kid; crit, jku, jwk, x5u and x5c are not taken";
    /// No `kid`, or none that is registered.
    Key: InvalidClient, "kid", "kid must name a registered key of this client";
    /// `alg` is not the registered one of the key.
    Algorithm: InvalidClient, "alg", "alg must be that of the registered key: ES256, ES384 or PS256";
    /// The signature does not verify.
    Signature: InvalidClient, "signature", "the assertion's signature does not verify";
    /// `iss`, `sub` or `client_id` is not the client of the certificate.
    Client: InvalidClient, "client", "iss, sub and client_id must be the client that the certificate belongs to";
    /// `aud` is not the one registered.
    Audience: InvalidClient, "aud", "aud must be one string: the token URL (smart) or the issuer (fapi), as registered";
    /// Past, missing, or too far ahead.
    Expiry: InvalidClient, "exp", "exp must be a number, not past and at most five minutes ahead";
    /// `nbf` or `iat` in the future.
    NotYet: InvalidClient, "nbf", "nbf and iat must be numbers that are not in the future";
    /// `jti` missing or not text.
    Jti: InvalidClient, "jti", "jti must be text of 1 to 255 characters";
    /// `jti` was used before.
    Replay: InvalidClient, "replay", "this jti was used before";
    /// The replay guard is full: refuse rather than forget.
    Busy: InvalidClient, "replay-guard-full", "too many assertions at once; try again in a minute";
    /// `extensions` or a required member of it is missing or ill-formed.
    Extensions: InvalidRequest, "extensions", "extensions.hl7-b2b needs version 1, subject_id, organization_id and exactly one purpose_of_use";
    /// `organization_id` or `organization_name` is not the registered organisation.
    Organisation: InvalidClient, "organisation", "organization_id and organization_name must be the registered organisation";
    /// A person registered elsewhere, or with another name or role.
    Person: InvalidClient, "person", "subject and responsible must match what is registered";
    /// The purpose is not registered.
    Purpose: UnauthorizedClient, "purpose", "this purpose is not registered for this client";
    /// The function is not registered, not in date, or not this person's.
    Function: UnauthorizedClient, "function", "this function is not registered, not in date, or not this person's";
    /// Break-glass without ETREAT, the reverse, or ill-formed.
    BreakGlass: InvalidRequest, "break-glass", "break-glass goes with ETREAT and only with it: patient, reason_code, and reason_text for other";
    /// `sluis.relation` is ill-formed.
    Relation: InvalidRequest, "relation", "relation needs a type (referral, care-team, plan, episode, encounter) and an identifier";
    /// Scope missing, ill-formed or wider than registered.
    Scope: InvalidScope, "scope", "scope is required: SMART v2 system scopes, all of them registered";
}

/// Why an access token was not accepted. Outside it is one answer: 401 `token-invalid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenInvalid {
    /// No `Authorization` header.
    Missing,
    /// Not `Bearer` and one token, or two headers.
    Scheme,
    /// Not a JWT of ours: form, header, signature or claims.
    Malformed,
    /// Signed by a key that is not ours, or no longer.
    Key,
    /// The signature does not verify.
    Signature,
    /// Past its end, or not yet begun.
    Expired,
    /// Bound to another certificate.
    Binding,
    /// The certificate is blocked or belongs to nobody.
    Certificate,
    /// The participant is suspended, gone, or out of agreement.
    Standing,
    /// The function is no longer registered or in date.
    Function,
    /// The purpose or a scope is no longer registered.
    Registration,
}

impl TokenInvalid {
    /// The word for the record.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "token-missing",
            Self::Scheme => "token-scheme",
            Self::Malformed => "token-malformed",
            Self::Key => "token-key",
            Self::Signature => "token-signature",
            Self::Expired => "token-expired",
            Self::Binding => "token-binding",
            Self::Certificate => "certificate",
            Self::Standing => "participant-standing",
            Self::Function => "function",
            Self::Registration => "registration",
        }
    }

    /// The `WWW-Authenticate` of the 401 (RFC 6750 3): without a token no error code, otherwise always the
    /// same one, so that nothing is learned from it.
    #[must_use]
    pub fn challenge(self) -> &'static str {
        match self {
            Self::Missing => "Bearer realm=\"sluis\"",
            Self::Scheme
            | Self::Malformed
            | Self::Key
            | Self::Signature
            | Self::Expired
            | Self::Binding
            | Self::Certificate
            | Self::Standing
            | Self::Function
            | Self::Registration => {
                "Bearer realm=\"sluis\", error=\"invalid_token\", error_description=\"the token is not valid on this connection\""
            }
        }
    }
}
