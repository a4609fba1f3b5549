//! Access tokens: minted for a burnt assertion, bound to its certificate, judged anew on every request.
//!
//! A token is an `at+jwt` (RFC 9068) with `cnf.x5t#S256` (RFC 8705). The asker's statement travels sealed
//! inside it, so that a token is stateless and yet shows nobody a patient or a reason.

use super::asker::{Asker, Session};
use super::issuer::Issuer;
use super::jwt::{self, SKEW};
use super::refusal::TokenInvalid;
use super::replay::Burnt;
use super::scope::Scopes;
use super::signing::SigningKeys;
use crate::trust::{Fingerprint, Participant, Purpose, Standing, Trust};
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use serde::Serialize;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long a token lives, in seconds.
pub const LIFE_SECONDS: i64 = 300;

/// A granted token: the members of the answer.
#[derive(Clone, Serialize)]
pub struct Granted {
    /// The token itself.
    pub access_token: String,
    /// Always `bearer`.
    pub token_type: &'static str,
    /// Seconds until it ends.
    pub expires_in: i64,
    /// The scopes granted: all that were asked.
    pub scope: String,
    /// The token's `jti`, for the record; not part of the answer.
    #[serde(skip)]
    pub token_id: String,
}

impl fmt::Debug for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Granted({})", self.token_id)
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: String,
    sub: &'a str,
    client_id: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
    scope: &'a str,
    cnf: Confirmation,
    asker: String,
}

#[derive(Serialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    thumbprint: String,
}

/// Makes the token of a burnt assertion.
///
/// # Errors
/// [`jwt::Unsigned`] when our own key fails.
pub fn mint(
    burnt: &Burnt,
    keys: &SigningKeys,
    now: Timestamp,
    issuer: &Issuer,
) -> Result<Granted, jwt::Unsigned> {
    let checked = burnt.checked();
    let client = checked.asker().participant.as_str();
    let token_id = uuid::Uuid::new_v4().to_string();
    let scope = checked.scopes().to_string();
    let statement = serde_json::to_vec(checked.asker()).map_err(|_| jwt::Unsigned)?;
    let key = keys.current();
    let claims = Claims {
        iss: issuer.as_str(),
        aud: issuer.fhir_url(),
        sub: client,
        client_id: client,
        iat: now.as_second(),
        exp: now.as_second().saturating_add(LIFE_SECONDS),
        jti: &token_id,
        scope: &scope,
        cnf: Confirmation { thumbprint: checked.fingerprint().to_base64url() },
        asker: key.seal(&token_id, statement).ok_or(jwt::Unsigned)?,
    };
    let access_token = jwt::sign(TYPE, key.kid(), &claims, key.encoding())?;
    Ok(Granted { access_token, token_type: "bearer", expires_in: LIFE_SECONDS, scope, token_id })
}

/// Verifies tokens, and remembers the verified ones: a signature is checked once per token, everything that
/// may change is judged on every request.
pub struct Verifier {
    issuer: Issuer,
    cache: Mutex<HashMap<[u8; 32], Remembered>>,
    capacity: usize,
}

/// A token that verified; good for one certificate and one trust epoch.
struct Remembered {
    session: Arc<Session>,
    /// When something it rests on ends: the token, the agreement or the function.
    behind: Timestamp,
}

impl Verifier {
    /// Remembers at most `capacity` tokens.
    #[must_use]
    pub fn new(issuer: Issuer, capacity: usize) -> Self {
        Self { issuer, cache: Mutex::default(), capacity }
    }

    /// Judges the `Authorization` header of a request on a connection.
    ///
    /// # Errors
    /// [`TokenInvalid`]; outside it is always 401 `token-invalid`.
    pub fn verify(
        &self,
        authorization: Option<&str>,
        certificate: Fingerprint,
        trust: &Trust,
        keys: &SigningKeys,
        now: Timestamp,
    ) -> Result<Arc<Session>, TokenInvalid> {
        let token = bearer(authorization)?;
        if trust.is_blocked(&certificate) {
            return Err(TokenInvalid::Certificate);
        }
        let digest = *Fingerprint::of_der(token.as_bytes()).as_bytes();
        if let Some(session) = self.remembered(&digest, certificate, trust.epoch(), keys, now) {
            return Ok(session);
        }
        let (session, behind) = self.judge(token, certificate, trust, keys, now)?;
        let session = Arc::new(session);
        self.remember(digest, Remembered { session: Arc::clone(&session), behind }, now);
        Ok(session)
    }

    /// A token seen before, if nothing that it rests on has changed.
    fn remembered(
        &self,
        digest: &[u8; 32],
        certificate: Fingerprint,
        epoch: u64,
        keys: &SigningKeys,
        now: Timestamp,
    ) -> Option<Arc<Session>> {
        let cache = self.lock();
        let held = cache.get(digest)?;
        let same = held.session.fingerprint == certificate && held.session.trust_epoch == epoch;
        let in_date = held.session.issued_at <= now + SKEW && now < held.behind;
        let key_lives = keys.find(&held.session.key_id).is_some();
        (same && in_date && key_lives).then(|| Arc::clone(&held.session))
    }

    fn remember(&self, digest: [u8; 32], verified: Remembered, now: Timestamp) {
        let mut cache = self.lock();
        if cache.len() >= self.capacity {
            cache.retain(|_, held| now < held.behind);
        }
        if cache.len() >= self.capacity {
            cache.clear();
        }
        cache.insert(digest, verified);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Remembered>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The whole judgement of one token, and when it must be made again.
    fn judge(
        &self,
        token: &str,
        certificate: Fingerprint,
        trust: &Trust,
        keys: &SigningKeys,
        now: Timestamp,
    ) -> Result<(Session, Timestamp), TokenInvalid> {
        let unverified = jwt::read(token, TYPE).map_err(|_| TokenInvalid::Malformed)?;
        let key = keys.find(unverified.kid()).ok_or(TokenInvalid::Key)?;
        let verified =
            unverified.verify(key.decoding(), Algorithm::ES256).map_err(|_| TokenInvalid::Signature)?;
        let claims = verified.claims().map_err(|_| TokenInvalid::Malformed)?;
        let text = |name: &str| claims.text(name).ok_or(TokenInvalid::Malformed);
        let time = |name: &str| claims.time(name).ok().flatten().ok_or(TokenInvalid::Malformed);
        if text("iss")? != self.issuer.as_str() || text("aud")? != self.issuer.fhir_url() {
            return Err(TokenInvalid::Malformed);
        }
        let (issued_at, expires_at) = (time("iat")?, time("exp")?);
        // Our own clock wrote both: no skew at the end, and none to speak of at the start.
        if now >= expires_at || issued_at.duration_since(now) > SKEW {
            return Err(TokenInvalid::Expired);
        }
        let bound =
            claims.get("cnf").and_then(|cnf| cnf.get_str("x5t#S256")).ok_or(TokenInvalid::Malformed)?;
        if !same_bytes(bound.as_bytes(), certificate.to_base64url().as_bytes()) {
            return Err(TokenInvalid::Binding);
        }
        let token_id = text("jti")?;
        let statement = key.open(&token_id, &text("asker")?).ok_or(TokenInvalid::Malformed)?;
        let asker: Asker = serde_json::from_slice(&statement).map_err(|_| TokenInvalid::Malformed)?;
        let scopes = Scopes::parse(&text("scope")?).map_err(|_| TokenInvalid::Malformed)?;
        let participant = trust.by_certificate(&certificate).ok_or(TokenInvalid::Certificate)?;
        let ends = standing(&asker, &scopes, participant, trust, now)?;
        let session = Session {
            asker: Arc::new(asker),
            participant: Arc::clone(participant),
            scopes: Arc::new(scopes),
            fingerprint: certificate,
            key_id: key.kid().to_owned(),
            token_id,
            issued_at,
            expires_at,
            trust_epoch: trust.epoch(),
        };
        Ok((session, ends.min(expires_at)))
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({})", self.issuer.as_str())
    }
}

/// Whether what the token says is still registered, and until when.
fn standing(
    asker: &Asker,
    scopes: &Scopes,
    participant: &Participant,
    trust: &Trust,
    now: Timestamp,
) -> Result<Timestamp, TokenInvalid> {
    if asker.participant != participant.id {
        return Err(TokenInvalid::Binding);
    }
    if participant.standing_at(now) != Standing::Good {
        return Err(TokenInvalid::Standing);
    }
    let purpose_stands = match asker.purpose {
        Purpose::Compliance => {
            trust.person(&asker.person.id).is_some_and(|p| p.is_officer() && p.participant == participant.id)
        }
        Purpose::Emergency => participant.emergency.asks && participant.purposes.contains(&asker.purpose),
        Purpose::Treatment | Purpose::Coordination | Purpose::Support | Purpose::OwnRequest => {
            participant.purposes.contains(&asker.purpose)
        }
    };
    if !purpose_stands || !scopes.within(&participant.scopes) {
        return Err(TokenInvalid::Registration);
    }
    let agreement_ends = participant.agreement.term().behind();
    let Some(code) = &asker.function else { return Ok(agreement_ends) };
    let function = participant.functions_at(now).find(|f| f.code == *code).ok_or(TokenInvalid::Function)?;
    Ok(agreement_ends.min(function.term().behind()))
}

/// The token of a `Bearer` header (RFC 6750 2.1).
fn bearer(authorization: Option<&str>) -> Result<&str, TokenInvalid> {
    let header = authorization.ok_or(TokenInvalid::Missing)?;
    let (scheme, token) = header.split_once(' ').ok_or(TokenInvalid::Scheme)?;
    let token = token.trim_start_matches(' ');
    let one = !token.is_empty() && !token.contains([' ', ',']);
    (scheme.eq_ignore_ascii_case("bearer") && one).then_some(token).ok_or(TokenInvalid::Scheme)
}

/// Compares without telling by time where two texts part.
fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (x, y)| differ | (x ^ y)) == 0
}

const TYPE: &str = "at+jwt";
