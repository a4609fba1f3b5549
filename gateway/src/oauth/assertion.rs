//! The token request: is this client who its certificate says, and may it ask so?
//!
//! CONTRACT.md 3 "Token", every status and error. The check has no side effect: a `jti` is burnt by the caller,
//! and only for what passed here.

use super::asker::Asker;
use super::form::Form;
use super::issuer::Issuer;
use super::jwt::{self, Claims, Fault, SKEW};
use super::refusal::{Attempt, Cause, TokenRefusal};
use super::replay::{Burn, remembered_until};
use super::scope::Scopes;
use super::statement::{self, Statement};
use crate::listen::Peer;
use crate::trust::participant::Audience;
use crate::trust::{Fingerprint, FunctionCode, Participant, Purpose, Standing, Trust};
use jiff::{SignedDuration, Timestamp};
use std::fmt;
use std::sync::Arc;

/// A token request in which everything is in order but that its `jti` may have been used. Made by [`check`] only.
pub struct Checked {
    asker: Asker,
    scopes: Scopes,
    fingerprint: Fingerprint,
    burn: Burn,
}

impl Checked {
    /// Who asks and why.
    #[must_use]
    pub fn asker(&self) -> &Asker {
        &self.asker
    }

    /// What is asked; all of it registered.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// The certificate that the token will be bound to.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The use that must be recorded before a token is made.
    #[must_use]
    pub fn burn(&self) -> Burn {
        self.burn
    }

    /// Turns it into a refusal, keeping what is known of the asker for the record.
    pub(super) fn refuse(self, cause: Cause) -> TokenRefusal {
        let Asker { participant, function, purpose, person, break_glass, .. } = self.asker;
        let attempt = Attempt {
            participant: Some(participant),
            function,
            purpose: Some(purpose),
            person: Some(person),
            break_glass,
        };
        TokenRefusal { cause, attempt }
    }
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checked({:?})", self.asker)
    }
}

/// Checks a token request.
///
/// `body` is the form, `content_type` its header, `peer` the connection it came over.
///
/// # Errors
/// A [`TokenRefusal`] with the cause, its status and error, and what was known of the asker by then.
#[allow(clippy::result_large_err, reason = "refusals are rare, and the record needs all of it")]
pub fn check(
    body: &[u8],
    content_type: Option<&str>,
    peer: &Peer,
    trust: &Trust,
    now: Timestamp,
    issuer: &Issuer,
) -> Result<Checked, TokenRefusal> {
    let mut attempt = Attempt::default();
    let request = Request { peer, trust, now, issuer };
    request.check(body, content_type, &mut attempt).map_err(|cause| TokenRefusal { cause, attempt })
}

/// What a request is judged by.
struct Request<'r> {
    peer: &'r Peer,
    trust: &'r Trust,
    now: Timestamp,
    issuer: &'r Issuer,
}

impl Request<'_> {
    fn check(
        &self,
        body: &[u8],
        content_type: Option<&str>,
        attempt: &mut Attempt,
    ) -> Result<Checked, Cause> {
        if !Form::is_form(content_type) {
            return Err(Cause::MediaType);
        }
        let form = Form::parse(body).ok_or(Cause::Form)?;
        let assertion = assertion_of(&form)?;
        let participant = self.participant()?;
        attempt.participant = Some(participant.id.clone());
        let verified = verify(assertion, participant)?;
        let claims = verified.claims().map_err(fault)?;
        let burn = self.judge_claims(&claims, participant, form.get("client_id"))?;
        match participant.standing_at(self.now) {
            Standing::Good => {}
            Standing::Suspended => return Err(Cause::Suspended),
            Standing::OutOfAgreement => return Err(Cause::OutOfAgreement),
        }
        let statement = statement::read(claims.get("extensions"), attempt)?;
        let asker = self.judge_statement(statement, participant, attempt)?;
        let scopes = form.get("scope").and_then(|raw| Scopes::parse(raw).ok()).ok_or(Cause::Scope)?;
        if !scopes.within(&participant.scopes) {
            return Err(Cause::Scope);
        }
        Ok(Checked { asker, scopes, fingerprint: self.peer.fingerprint(), burn })
    }

    /// The participant that the client certificate belongs to.
    fn participant(&self) -> Result<&Arc<Participant>, Cause> {
        let fingerprint = self.peer.fingerprint();
        if self.trust.is_blocked(&fingerprint) {
            return Err(Cause::BlockedCertificate);
        }
        let participant = self.trust.by_certificate(&fingerprint).ok_or(Cause::UnknownCertificate)?;
        self.peer.certificate().fits(&participant.identifier).map_err(|_| Cause::Misfit)?;
        Ok(participant)
    }

    /// The registered claims of RFC 7523 3, and the use they make.
    fn judge_claims(
        &self,
        claims: &Claims<'_>,
        client: &Participant,
        client_id: Option<&str>,
    ) -> Result<Burn, Cause> {
        let id = client.id.as_str();
        let is_client = |name: &str| claims.text(name).as_deref() == Some(id);
        if !is_client("iss") || !is_client("sub") || client_id.is_some_and(|given| given != id) {
            return Err(Cause::Client);
        }
        let audience = match client.audience {
            Audience::Smart => self.issuer.token_url(),
            Audience::Fapi => self.issuer.as_str().to_owned(),
        };
        if claims.text("aud") != Some(audience) {
            return Err(Cause::Audience);
        }
        let expires = claims.time("exp").ok().flatten().ok_or(Cause::Expiry)?;
        let ahead = expires.duration_since(self.now);
        if ahead <= -SKEW || ahead > LIFE_MAX + SKEW {
            return Err(Cause::Expiry);
        }
        for name in ["nbf", "iat"] {
            let instant = claims.time(name).map_err(|_| Cause::NotYet)?;
            if instant.is_some_and(|instant| instant.duration_since(self.now) > SKEW) {
                return Err(Cause::NotYet);
            }
        }
        let jti = claims.text("jti").filter(|jti| (1..=255).contains(&jti.len())).ok_or(Cause::Jti)?;
        Ok(Burn { digest: digest(id, &jti), until: remembered_until(expires) })
    }

    /// Compares the statement with the registration.
    fn judge_statement(
        &self,
        statement: Statement,
        client: &Participant,
        attempt: &mut Attempt,
    ) -> Result<Asker, Cause> {
        statement.names(client)?;
        let purpose = statement.purpose;
        let (person, registered) = statement.person(client, self.trust)?;
        attempt.person = Some(person.clone());
        let permitted = match purpose {
            // HCOMPL belongs to the officer, every other purpose to the organisation (REGION.md 2.3).
            Purpose::Compliance => registered.as_ref().is_some_and(|p| p.is_officer()),
            Purpose::Emergency => client.purposes.contains(&purpose) && client.emergency.asks,
            Purpose::Treatment | Purpose::Coordination | Purpose::Support | Purpose::OwnRequest => {
                client.purposes.contains(&purpose)
            }
        };
        if !permitted {
            return Err(Cause::Purpose);
        }
        let function = match purpose {
            Purpose::Compliance | Purpose::OwnRequest if statement.function.is_none() => None,
            _ => Some(self.function(
                statement.function.as_ref(),
                client,
                registered.as_ref().map(|p| p.functions.as_slice()),
            )?),
        };
        attempt.function.clone_from(&function);
        let responsible = statement.responsible(self.trust);
        Ok(Asker {
            participant: client.id.clone(),
            function,
            purpose,
            person,
            responsible,
            relation: statement.relation,
            break_glass: statement.break_glass,
        })
    }

    /// The function asked in: registered for the organisation, in date, and the person's own where the person
    /// is registered. Absent it is the person's first.
    fn function(
        &self,
        named: Option<&FunctionCode>,
        client: &Participant,
        of_person: Option<&[FunctionCode]>,
    ) -> Result<FunctionCode, Cause> {
        let in_date = |code: &FunctionCode| client.functions_at(self.now).any(|f| f.code == *code);
        let of_client = || client.functions_at(self.now).map(|f| &f.code).next();
        let function = named.or_else(|| of_person.map_or_else(of_client, |own| own.first()));
        let function = function.filter(|code| in_date(code)).ok_or(Cause::Function)?;
        if of_person.is_some_and(|own| !own.contains(function)) {
            return Err(Cause::Function);
        }
        Ok(function.clone())
    }
}

/// The assertion of a well-formed request.
fn assertion_of(form: &Form) -> Result<&str, Cause> {
    let grant = form.get("grant_type").ok_or(Cause::Parameter)?;
    if grant != "client_credentials" {
        return Err(Cause::Grant);
    }
    if form.get("client_secret").is_some() {
        return Err(Cause::SecondMethod);
    }
    let kind = form.get("client_assertion_type").ok_or(Cause::Parameter)?;
    if kind != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
        return Err(Cause::AssertionType);
    }
    form.get("client_assertion").ok_or(Cause::Parameter)
}

fn verify(assertion: &str, client: &Participant) -> Result<jwt::Verified, Cause> {
    let unverified = jwt::read(assertion, "JWT").map_err(fault)?;
    let key = client.jwks.find(unverified.kid()).ok_or(Cause::Key)?;
    unverified.verify(key.decoding(), key.algorithm()).map_err(fault)
}

fn fault(fault: Fault) -> Cause {
    match fault {
        Fault::Form => Cause::Assertion,
        Fault::Type => Cause::Type,
        Fault::Header => Cause::Header,
        Fault::Kid => Cause::Key,
        Fault::Algorithm => Cause::Algorithm,
        Fault::Signature => Cause::Signature,
    }
}

fn digest(issuer: &str, jti: &str) -> [u8; 32] {
    // A participant's id holds no line feed, so that two pairs never run together.
    *Fingerprint::of_der(format!("{issuer}\n{jti}").as_bytes()).as_bytes()
}

const LIFE_MAX: SignedDuration = SignedDuration::from_secs(300);
