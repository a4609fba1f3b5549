//! Who is signed in. A session is a random value in a cookie, kept here by its hash, for one portal, in memory: a restart
//! signs everybody out.
//!
//! [`SignedIn`] is made by `Sessions::check` alone, which judges on every request whether its bearer still is who they
//! were: an officer who left, or a participant that was suspended, is out at once.

use super::Door;
use crate::oauth::asker::{Asker, AskingPerson, Assurance};
use crate::store::keys::PersonNo;
use crate::trust::{Participant, ParticipantId, Person, Purpose, State};
use crate::world::World;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use http::HeaderMap;
use http::header::{self, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Proof that this request comes from somebody who signed in to this portal. Made by `Sessions::check` only.
pub struct SignedIn<P> {
    who: P,
    form_token: String,
}

/// A person, or somebody who acts for one.
pub struct Patient {
    /// As the identity provider names them.
    pub(super) asker: Asker,
    /// The person with data here that they are themselves.
    pub(super) own: Option<PersonNo>,
    /// For whom they may act, if the records still say so: each page looks.
    pub(super) acts_for: Vec<PersonNo>,
}

/// The privacy officer of a participant.
pub struct Officer {
    /// The officer.
    pub(super) person: Arc<Person>,
    /// Whose officer.
    pub(super) participant: Arc<Participant>,
}

/// Who somebody turned out to be when they signed in.
#[derive(Clone)]
pub(super) enum Identity {
    Patient { system: String, id: String, own: Option<PersonNo>, acts_for: Vec<PersonNo> },
    Officer { id: String },
}

/// Whom a portal is for.
pub trait Portal: Sized {
    /// Its door.
    const DOOR: Door;
    /// Who this identity still is.
    fn of(identity: &IdentityNow<'_>) -> Option<Self>;
}

/// An identity, judged as things stand now.
pub struct IdentityNow<'a> {
    identity: &'a Identity,
    world: &'a World,
}

impl Portal for Patient {
    const DOOR: Door = Door::Patient;

    fn of(now: &IdentityNow<'_>) -> Option<Self> {
        let Identity::Patient { system, id, own, acts_for } = now.identity else { return None };
        let person = AskingPerson {
            system: system.clone(),
            id: id.clone(),
            name: None,
            role: None,
            assurance: Assurance::Registered,
        };
        let asker = Asker {
            participant: ParticipantId::parse(NO_PARTICIPANT).ok()?,
            function: None,
            purpose: Purpose::OwnRequest,
            person,
            responsible: None,
            relation: None,
            break_glass: None,
        };
        Some(Self { asker, own: *own, acts_for: acts_for.clone() })
    }
}

impl Portal for Officer {
    const DOOR: Door = Door::Officer;

    fn of(now: &IdentityNow<'_>) -> Option<Self> {
        let Identity::Officer { id } = now.identity else { return None };
        let trust = now.world.store.trust();
        let person = trust.person(id).filter(|person| person.is_officer())?;
        let participant = trust.participant(person.participant.as_str())?;
        (participant.state == State::Active)
            .then(|| Self { person: Arc::clone(person), participant: Arc::clone(participant) })
    }
}

impl<P> SignedIn<P> {
    /// Who it is.
    pub(super) fn who(&self) -> &P {
        &self.who
    }

    /// What every form of this session carries, so that no other site can send one.
    pub(super) fn form_token(&self) -> &str {
        &self.form_token
    }

    /// Whether a form carries it.
    pub(super) fn sent_by_us(&self, token: Option<&str>) -> bool {
        token.is_some_and(|token| hash(token) == hash(&self.form_token))
    }
}

#[derive(Clone)]
struct Entry {
    identity: Identity,
    form_token: String,
    began: Timestamp,
    seen: Timestamp,
}

/// The sessions.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Entry>>);

impl Sessions {
    /// Begins one and answers its cookie. A value that was there before is never taken over (fixation).
    pub(super) fn begin(&self, identity: Identity, now: Timestamp) -> Option<HeaderValue> {
        let (value, form_token) = (random()?, random()?);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, entry| !entry.is_over(now));
        if all.len() >= SESSIONS_MAX {
            return None;
        }
        all.insert(hash(&value), Entry { identity, form_token, began: now, seen: now });
        cookie(COOKIE, &value, None)
    }

    /// Whose request this is.
    pub(super) fn check<P: Portal>(&self, headers: &HeaderMap, world: &World) -> Option<SignedIn<P>> {
        let value = cookie_of(headers, COOKIE)?;
        let now = world.clock.now();
        let entry = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = all.get_mut(&hash(value)).filter(|entry| !entry.is_over(now))?;
            entry.seen = now;
            entry.clone()
        };
        let who = P::of(&IdentityNow { identity: &entry.identity, world })?;
        Some(SignedIn { who, form_token: entry.form_token })
    }

    /// Ends it, and answers what takes the cookie away.
    pub(super) fn end(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if let Some(value) = cookie_of(headers, COOKIE) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&hash(value));
        }
        cookie(COOKIE, "", Some(0))
    }
}

impl Entry {
    fn is_over(&self, now: Timestamp) -> bool {
        // Requests that read the clock at about the same time reach this in any order.
        let within = |since: Timestamp, limit| {
            let passed = now.duration_since(since);
            passed >= -IN_ANY_ORDER && passed <= limit
        };
        !(within(self.seen, IDLE) && within(self.began, LONGEST))
    }
}

/// 256 bits, base64url.
pub(crate) fn random() -> Option<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(BASE64URL_NOPAD.encode(&bytes))
}

/// What a secret is known by: looking it up takes the same time whatever it is.
fn hash(text: &str) -> String {
    HEXLOWER.encode(digest(&SHA256, text.as_bytes()).as_ref())
}

/// A cookie for this host alone, over TLS alone, that no script reads. `Lax`: the way back from an identity provider is a
/// navigation from another site.
pub(super) fn cookie(name: &str, value: &str, seconds: Option<u32>) -> Option<HeaderValue> {
    let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    HeaderValue::from_str(&format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}")).ok()
}

/// The value of a cookie, where it stands there once.
pub(super) fn cookie_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut found = lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value)
    });
    let value = found.next()?;
    found.next().is_none().then_some(value)
}

const COOKIE: &str = "__Host-sluis";
/// Quiet for so long, and it is over.
const IDLE: SignedDuration = SignedDuration::from_mins(15);
/// Over after this in any case.
const LONGEST: SignedDuration = SignedDuration::from_hours(8);
const IN_ANY_ORDER: SignedDuration = SignedDuration::from_secs(60);
const SESSIONS_MAX: usize = 20_000;
/// Who comes by the portal comes through no participant's system.
const NO_PARTICIPANT: &str = "portal";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_it_is_quiet_and_after_a_day_of_work_in_any_case() {
        let began: Timestamp = "2026-11-21T11:00:00Z".parse().unwrap();
        let identity = Identity::Officer { id: "o".into() };
        let mut entry = Entry { identity, form_token: String::new(), began, seen: began };
        let after = |minutes| began + SignedDuration::from_mins(minutes);
        assert!(!entry.is_over(after(15)) && entry.is_over(after(16)));
        assert!(!entry.is_over(after(-1)) && entry.is_over(after(-2)), "a clock that was put back");
        entry.seen = after(480);
        assert!(!entry.is_over(after(480)) && entry.is_over(after(481)));
    }

    #[test]
    fn a_cookie_that_stands_there_twice_is_none() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; __Host-sluis=x"));
        assert_eq!(cookie_of(&headers, COOKIE), Some("x"));
        headers.append(header::COOKIE, HeaderValue::from_static("__Host-sluis=y"));
        assert_eq!(cookie_of(&headers, COOKIE), None);
    }
}
