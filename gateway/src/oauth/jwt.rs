//! The one strict wrapper over jsonwebtoken: no other file may verify or sign a JWT.
//!
//! The library's defaults accept too much (CRATES.md 3), so it is used for signatures only; form, header and
//! claims are read here. The algorithm is the key's own. What two JSON parsers could read differently is refused.

use fhir_mappings::json::{self, Doc, Kind, Value};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::Serialize;
use std::fmt;

/// Tokens longer than this are not decoded at all.
pub const LENGTH_MAX: usize = 16 * 1024;
/// How far clocks may differ.
pub const SKEW: SignedDuration = SignedDuration::from_secs(10);

/// What is wrong with a token before its claims are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Too long, not three parts, not base64url, not strict JSON, or a member of the wrong type.
    Form,
    /// Another `typ`.
    Type,
    /// A header member that is not taken.
    Header,
    /// No `kid`.
    Kid,
    /// Another `alg` than the key's.
    Algorithm,
    /// The signature does not verify.
    Signature,
}

/// A token whose header was read and whose signature was not.
pub struct Unverified<'t> {
    message: &'t str,
    signature: &'t str,
    payload: &'t str,
    algorithm: String,
    kid: String,
}

/// The payload of a token whose signature verified. Made by [`Unverified::verify`] only.
pub struct Verified(Vec<u8>);

/// Reads form and header. `typ` is compared exactly.
///
/// # Errors
/// A [`Fault`] other than `Algorithm` and `Signature`.
pub fn read<'t>(token: &'t str, typ: &str) -> Result<Unverified<'t>, Fault> {
    read_where(token, |given| given == Some(typ))
}

/// Reads an ID token: its standard asks for no `typ`, and providers write `JWT` or nothing (OpenID Connect Core 2).
///
/// # Errors
/// As [`read`].
pub fn read_id_token(token: &str) -> Result<Unverified<'_>, Fault> {
    read_where(token, |given| given.is_none_or(|typ| typ == "JWT"))
}

fn read_where(token: &str, fits: impl FnOnce(Option<&str>) -> bool) -> Result<Unverified<'_>, Fault> {
    if token.len() > LENGTH_MAX {
        return Err(Fault::Form);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(Fault::Form)?;
    let (head, payload) = message.split_once('.').ok_or(Fault::Form)?;
    if payload.contains('.') || decode(signature).is_none_or(|s| s.is_empty()) {
        return Err(Fault::Form);
    }
    let head = decode(head).ok_or(Fault::Form)?;
    let head = json::parse(&head).map_err(|_| Fault::Form)?;
    let head = object(&head).ok_or(Fault::Form)?;
    if head.members().any(|member| NOT_TAKEN.contains(&member.name())) {
        return Err(Fault::Header);
    }
    let text = |name: &str| head.get_str(name).map(|text| text.into_owned());
    if !fits(text("typ").as_deref()) {
        return Err(Fault::Type);
    }
    let algorithm = text("alg").ok_or(Fault::Algorithm)?;
    let kid = text("kid").ok_or(Fault::Kid)?;
    Ok(Unverified { message, signature, payload, algorithm, kid })
}

impl Unverified<'_> {
    /// The name of the key that is said to have signed.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Verifies with a key and the algorithm that belongs to it.
    ///
    /// # Errors
    /// `Algorithm`, `Signature`, or `Form` when the payload is not base64url.
    pub fn verify(self, key: &DecodingKey, algorithm: Algorithm) -> Result<Verified, Fault> {
        if self.algorithm != format!("{algorithm:?}") {
            return Err(Fault::Algorithm);
        }
        match jsonwebtoken::crypto::verify(self.signature, self.message.as_bytes(), key, algorithm) {
            Ok(true) => decode(self.payload).map(Verified).ok_or(Fault::Form),
            Ok(false) | Err(_) => Err(Fault::Signature),
        }
    }
}

impl Verified {
    /// The claims, as strict JSON.
    ///
    /// # Errors
    /// `Form` when they are not.
    pub fn claims(&self) -> Result<Claims<'_>, Fault> {
        let doc = json::parse(&self.0).map_err(|_| Fault::Form)?;
        object(&doc).ok_or(Fault::Form)?;
        Ok(Claims(doc))
    }
}

/// The claims of a verified token.
pub struct Claims<'a>(Doc<'a>);

/// How a claim that should be there is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadClaim;

impl Claims<'_> {
    /// A claim as a value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value<'_>> {
        self.0.root().get(name)
    }

    /// A claim that is text; `None` also for any other kind.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.0.root().get_str(name).map(|text| text.into_owned())
    }

    /// A point in time: a NumericDate (RFC 7519 2) written without exponent, up to the year 9999.
    ///
    /// # Errors
    /// [`BadClaim`] when it is there and is none.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, BadClaim> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = value.as_number().ok_or(BadClaim)?;
        let (seconds, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let plain = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
        if seconds.len() > 12 || !plain(seconds) || !plain(fraction) {
            return Err(BadClaim);
        }
        let seconds = seconds.parse().map_err(|_| BadClaim)?;
        Timestamp::from_second(seconds).map(Some).map_err(|_| BadClaim)
    }
}

/// Signs claims with ES256.
///
/// # Errors
/// When the key cannot sign.
pub fn sign<C: Serialize>(typ: &str, kid: &str, claims: &C, key: &EncodingKey) -> Result<String, Unsigned> {
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some(typ.to_owned());
    header.kid = Some(kid.to_owned());
    jsonwebtoken::encode(&header, claims, key).map_err(|_| Unsigned)
}

/// A token that could not be signed: a fault of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsigned;

impl fmt::Display for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signing key cannot sign")
    }
}

impl std::error::Error for Unsigned {}

/// Canonical base64url without padding; anything else is no token part.
fn decode(part: &str) -> Option<Vec<u8>> {
    data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).ok()
}

fn object<'d>(doc: &'d Doc<'_>) -> Option<Value<'d>> {
    Some(doc.root()).filter(|root| root.kind() == Kind::Object)
}

/// Header members that would change how a token is read, or make us fetch or trust a key.
const NOT_TAKEN: [&str; 9] = ["crit", "jku", "jwk", "x5u", "x5c", "b64", "zip", "enc", "cty"];
