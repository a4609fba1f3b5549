//! OpenID Connect, the relying party's side: what is asked of an identity provider, and what of its answer counts.
//!
//! Code flow with PKCE only (OpenID Connect Core 3.1, RFC 7636, RFC 9700 2.1). Nothing here opens a connection.

use super::jwt::{self, Claims, SKEW};
use super::key::ClientKeys;
use super::signing::SigningKeys;
use data_encoding::BASE64URL_NOPAD;
use fhir_mappings::json;
use jiff::{SignedDuration, Timestamp};
use ring::digest::{SHA256, digest};
use serde_json::json;

/// What an identity provider says of itself (OpenID Connect Discovery 4.2), as far as it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Where people sign in.
    pub authorization_endpoint: String,
    /// Where a code becomes an ID token.
    pub token_endpoint: String,
    /// Its keys.
    pub jwks_uri: String,
}

/// Who signed in, by the provider's word.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedInAs {
    /// `sub`.
    pub subject: String,
    /// `acts_for`: persons for whom a register of mandates says that this one may act; our own records decide.
    pub acts_for: Vec<String>,
}

impl std::fmt::Debug for SignedInAs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignedInAs(hidden)")
    }
}

/// Why an answer of a provider does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// Not what the standard describes.
    Form,
    /// Another issuer than the one asked.
    Issuer,
    /// Not signed by a key of the provider.
    Signature,
    /// Made for another client.
    Audience,
    /// Outside its time.
    Time,
    /// Made for another request of ours.
    Nonce,
}

impl Unfit {
    /// The word for logs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Issuer => "issuer",
            Self::Signature => "signature",
            Self::Audience => "audience",
            Self::Time => "time",
            Self::Nonce => "nonce",
        }
    }
}

impl Metadata {
    /// Reads a discovery document. Every endpoint is https; the issuer is the one that was asked (RFC 8414 3.3).
    ///
    /// # Errors
    /// See [`Unfit`].
    pub fn read(bytes: &[u8], issuer: &str) -> Result<Self, Unfit> {
        let doc = json::parse(bytes).map_err(|_| Unfit::Form)?;
        if doc.root().get_str("issuer").as_deref() != Some(issuer) {
            return Err(Unfit::Issuer);
        }
        let endpoint = |name: &str| {
            let url = doc.root().get_str(name).filter(|url| url.starts_with("https://"));
            url.map(|url| url.into_owned()).ok_or(Unfit::Form)
        };
        Ok(Self {
            authorization_endpoint: endpoint("authorization_endpoint")?,
            token_endpoint: endpoint("token_endpoint")?,
            jwks_uri: endpoint("jwks_uri")?,
        })
    }
}

/// The keys of a provider.
///
/// # Errors
/// [`Unfit::Form`].
pub fn keys(bytes: &[u8]) -> Result<ClientKeys, Unfit> {
    #[derive(serde::Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let set: Set = serde_json::from_slice(bytes).map_err(|_| Unfit::Form)?;
    // A provider may have keys of kinds that we do not take: those are passed over.
    Ok(ClientKeys::new(set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect()))
}

/// The ID token in the answer of a token endpoint.
///
/// # Errors
/// [`Unfit::Form`].
pub fn id_token(bytes: &[u8]) -> Result<String, Unfit> {
    let doc = json::parse(bytes).map_err(|_| Unfit::Form)?;
    doc.root().get_str("id_token").map(|token| token.into_owned()).ok_or(Unfit::Form)
}

/// What an ID token is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'e> {
    /// Who made it.
    pub issuer: &'e str,
    /// For whom: our client id.
    pub client: &'e str,
    /// For which request.
    pub nonce: &'e str,
    /// When it is.
    pub now: Timestamp,
}

/// Judges an ID token (OpenID Connect Core 3.1.3.7).
///
/// # Errors
/// See [`Unfit`].
pub fn signed_in_as(token: &str, keys: &ClientKeys, expected: Expected<'_>) -> Result<SignedInAs, Unfit> {
    let unverified = jwt::read_id_token(token).map_err(|_| Unfit::Form)?;
    let key = keys.find(unverified.kid()).ok_or(Unfit::Signature)?;
    let verified = unverified.verify(key.decoding(), key.algorithm()).map_err(|_| Unfit::Signature)?;
    let claims = verified.claims().map_err(|_| Unfit::Form)?;
    if claims.text("iss").as_deref() != Some(expected.issuer) {
        return Err(Unfit::Issuer);
    }
    if !made_for(&claims, expected.client) {
        return Err(Unfit::Audience);
    }
    let time = |name| claims.time(name).map_err(|_| Unfit::Form)?.ok_or(Unfit::Form);
    let (issued, expires): (Timestamp, Timestamp) = (time("iat")?, time("exp")?);
    let age = expected.now.duration_since(issued);
    if age > OLDEST || age < -SKEW || expected.now.duration_since(expires) >= SKEW {
        return Err(Unfit::Time);
    }
    if claims.text("nonce").as_deref() != Some(expected.nonce) {
        return Err(Unfit::Nonce);
    }
    let subject = claims.text("sub").filter(|sub| (1..=255).contains(&sub.len())).ok_or(Unfit::Form)?;
    let acts_for = claims.get("acts_for").into_iter().flat_map(|list| list.items());
    let acts_for = acts_for.take(ACTS_FOR_MAX).filter_map(|one| one.as_str().map(|id| id.into_owned()));
    Ok(SignedInAs { subject, acts_for: acts_for.collect() })
}

/// One audience, and it is ours; a list of several would be read by others too.
fn made_for(claims: &Claims<'_>, client: &str) -> bool {
    let Some(audience) = claims.get("aud") else { return false };
    let mut all: Vec<_> = audience.as_str().into_iter().collect();
    all.extend(audience.items().filter_map(|one| one.as_str()));
    matches!(all.as_slice(), [only] if only == client)
}

/// What a client shows at the token endpoint (RFC 7523; `private_key_jwt`).
///
/// # Errors
/// [`jwt::Unsigned`] when our own key fails.
pub fn client_assertion(
    client: &str,
    audience: &str,
    keys: &SigningKeys,
    now: Timestamp,
) -> Result<String, jwt::Unsigned> {
    let (iat, key) = (now.as_second(), keys.current());
    let claims = json!({
        "iss": client, "sub": client, "aud": audience, "jti": uuid::Uuid::new_v4().to_string(),
        "iat": iat, "exp": iat + 60,
    });
    jwt::sign("JWT", key.kid(), &claims, key.encoding())
}

/// The `code_challenge` of a verifier (RFC 7636 4.2, S256).
#[must_use]
pub fn challenge(verifier: &str) -> String {
    BASE64URL_NOPAD.encode(digest(&SHA256, verifier.as_bytes()).as_ref())
}

const OLDEST: SignedDuration = SignedDuration::from_mins(5);
/// Nobody acts for more persons than this at once.
const ACTS_FOR_MAX: usize = 64;

/// The provider's side, for the development provider of a sandbox.
#[cfg(feature = "sandbox")]
pub mod provider {
    use super::{ClientKeys, SKEW, SigningKeys, Timestamp, json, jwt};

    /// An ID token that lives two minutes.
    ///
    /// # Errors
    /// [`jwt::Unsigned`] when the key fails.
    pub fn id_token(
        (issuer, client, nonce): (&str, &str, &str),
        (subject, acts_for): (&str, &[String]),
        keys: &SigningKeys,
        now: Timestamp,
    ) -> Result<String, jwt::Unsigned> {
        let (iat, key) = (now.as_second(), keys.current());
        let claims = json!({
            "iss": issuer, "aud": client, "sub": subject, "nonce": nonce, "iat": iat, "exp": iat + 120,
            "acts_for": acts_for,
        });
        jwt::sign("JWT", key.kid(), &claims, key.encoding())
    }

    /// Whether an assertion is this client's, for this endpoint, now.
    #[must_use]
    pub fn is_client(
        assertion: &str,
        client: &str,
        audience: &str,
        keys: &ClientKeys,
        now: Timestamp,
    ) -> bool {
        let judged = || {
            let unverified = jwt::read(assertion, "JWT").ok()?;
            let key = keys.find(unverified.kid())?;
            let verified = unverified.verify(key.decoding(), key.algorithm()).ok()?;
            let claims = verified.claims().ok()?;
            let says = |name: &str, value: &str| claims.text(name).as_deref() == Some(value);
            let live = claims.time("exp").ok()?? > now - SKEW;
            Some(live && says("iss", client) && says("sub", client) && says("aud", audience))
        };
        judged().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::signing::SigningKey;

    fn signing() -> SigningKeys {
        SigningKeys::new(SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap(), Vec::new())
    }

    fn public(keys: &SigningKeys) -> ClientKeys {
        super::keys(keys.jwks().to_string().as_bytes()).unwrap()
    }

    const NOW: i64 = 1_795_000_000;

    fn expected() -> Expected<'static> {
        Expected {
            issuer: "https://idp",
            client: "sluis",
            nonce: "n",
            now: Timestamp::from_second(NOW).unwrap(),
        }
    }

    fn token(keys: &SigningKeys, change: impl Fn(&mut serde_json::Value)) -> String {
        let mut claims = json!({
            "iss": "https://idp", "aud": "sluis", "sub": "x", "nonce": "n", "iat": NOW, "exp": NOW + 60, "acts_for": ["y"],
        });
        change(&mut claims);
        let key = keys.current();
        jwt::sign("JWT", key.kid(), &claims, key.encoding()).unwrap()
    }

    #[test]
    fn an_id_token_counts_for_one_request_of_one_client_by_one_issuer_in_its_time() {
        let keys = signing();
        let judge = |token: &str| signed_in_as(token, &public(&keys), expected());
        let fits = judge(&token(&keys, |_| {})).unwrap();
        assert_eq!((fits.subject.as_str(), fits.acts_for.as_slice()), ("x", &["y".to_owned()][..]));
        assert!(judge(&token(&keys, |c| c["aud"] = json!(["sluis"]))).is_ok());
        type Bend = fn(&mut serde_json::Value);
        let bent: [(Bend, Unfit); 13] = [
            (|c| c["iss"] = json!("https://evil"), Unfit::Issuer),
            (|c| c["iss"] = json!(null), Unfit::Issuer),
            (|c| c["aud"] = json!("other"), Unfit::Audience),
            (|c| c["aud"] = json!(["sluis", "other"]), Unfit::Audience),
            (|c| c["aud"] = json!([]), Unfit::Audience),
            (|c| c["nonce"] = json!("m"), Unfit::Nonce),
            (|c| c["nonce"] = json!(null), Unfit::Nonce),
            (|c| c["iat"] = json!(NOW - 301), Unfit::Time),
            (|c| c["iat"] = json!(NOW + 11), Unfit::Time),
            (|c| c["exp"] = json!(NOW - 10), Unfit::Time),
            (|c| c["exp"] = json!(null), Unfit::Form),
            (|c| c["sub"] = json!(""), Unfit::Form),
            (|c| c["sub"] = json!("x".repeat(256)), Unfit::Form),
        ];
        for (bend, unfit) in bent {
            assert_eq!(judge(&token(&keys, bend)).err(), Some(unfit));
        }
        assert_eq!(judge(&token(&signing(), |_| {})).err(), Some(Unfit::Signature));
        assert_eq!(judge("a.b.c").err(), Some(Unfit::Form));
        // A token of another kind by the same key is none, whatever it says.
        let key = keys.current();
        for (typ, counts) in [("JWT", true), ("at+jwt", false), ("jwt", false), ("logout+jwt", false)] {
            let claims = json!({"iss": "https://idp", "aud": "sluis", "sub": "x", "nonce": "n", "iat": NOW, "exp": NOW + 60});
            let token = jwt::sign(typ, key.kid(), &claims, key.encoding()).unwrap();
            assert_eq!(judge(&token).is_ok(), counts, "{typ}");
        }
    }

    #[test]
    fn discovery_is_taken_from_the_issuer_alone_and_over_https_alone() {
        let document = |issuer: &str, token: &str| {
            json!({"issuer": issuer, "authorization_endpoint": "https://idp/a", "token_endpoint": token, "jwks_uri": "https://idp/k"})
                .to_string()
        };
        let read = |issuer, token| Metadata::read(document(issuer, token).as_bytes(), "https://idp");
        assert!(read("https://idp", "https://idp/t").is_ok());
        assert_eq!(read("https://evil", "https://idp/t"), Err(Unfit::Issuer));
        assert_eq!(read("https://idp", "http://idp/t"), Err(Unfit::Form));
    }

    #[test]
    fn the_challenge_is_that_of_rfc_7636_appendix_b() {
        assert_eq!(
            challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[cfg(feature = "sandbox")]
    #[test]
    fn a_client_shows_itself_to_one_endpoint() {
        let (keys, now) = (signing(), Timestamp::from_second(NOW).unwrap());
        let assertion = client_assertion("sluis", "https://idp/t", &keys, now).unwrap();
        let fits =
            |client, audience, now| provider::is_client(&assertion, client, audience, &public(&keys), now);
        assert!(fits("sluis", "https://idp/t", now));
        assert!(!fits("other", "https://idp/t", now) && !fits("sluis", "https://idp/u", now));
        assert!(!fits("sluis", "https://idp/t", now + SignedDuration::from_mins(2)));
        let foreign = public(&signing());
        assert!(!provider::is_client(&assertion, "sluis", "https://idp/t", &foreign, now));
    }
}
