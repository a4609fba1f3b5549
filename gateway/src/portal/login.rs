//! Signing in: off to the identity provider and back (authorization code with PKCE, OpenID Connect Core 3.1).
//!
//! State, nonce and verifier are bound to the browser by a cookie of their own; a code is redeemed once, by the browser that
//! asked for it (RFC 9700 4.5, 4.7).

use super::provider::ProviderFault;
use super::session::{Identity, cookie, cookie_of, random};
use super::visit::Visit;
use super::{Door, page};
use crate::limits::{FloodKind, Source};
use crate::oauth::asker::AskingPerson;
use crate::oauth::oidc::{self, SignedInAs};
use crate::outbound::form;
use crate::road::authenticate;
use crate::store::leaf::Draft;
use crate::trail::organisation;
use crate::trust::Purpose;
use axum::body::Body;
use fhir_mappings::audit::{self, Action, Assurance, Entry, Interaction, Kind, Outcome};
use fhir_mappings::identifiers::Identifier;
use http::Response;
use http::header;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// A sign-in that was begun.
struct Pending {
    door: Door,
    nonce: String,
    verifier: String,
    cookie: String,
    /// From where; one address takes no room from the others.
    address: Option<IpAddr>,
    until: Timestamp,
}

/// The sign-ins that were begun, by their state.
#[derive(Default)]
pub(super) struct Begun(Mutex<HashMap<String, Pending>>);

impl Begun {
    fn keep(&self, state: String, pending: Pending, now: Timestamp) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, pending| pending.until > now);
        let of_address = all.iter().filter(|(_, other)| other.address == pending.address);
        if of_address.clone().count() >= BEGUN_BY_ADDRESS {
            let oldest = of_address.min_by_key(|(_, other)| other.until).map(|(state, _)| state.clone());
            oldest.and_then(|state| all.remove(&state));
        }
        let room = all.len() < BEGUN_MAX;
        if room {
            all.insert(state, pending);
        }
        room
    }

    /// Takes it out: it counts once, and only for the browser that began it.
    fn take(&self, state: &str, cookie: Option<&str>, now: Timestamp) -> Option<Pending> {
        let pending = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(state)?;
        (pending.until > now && cookie == Some(pending.cookie.as_str())).then_some(pending)
    }
}

/// Sends somebody to the identity provider.
pub(super) async fn begin(visit: &Visit<'_>, door: Door) -> Response<Body> {
    let Some(provider) = &visit.house.provider else { return visit.trouble(503, "no-sign-in") };
    let metadata = match visit.house.known.metadata(provider).await {
        Ok(metadata) => metadata,
        Err(fault) => return failed(visit, fault),
    };
    let now = visit.world.clock.now();
    let values = (random(), random(), random(), random());
    let (Some(state), Some(nonce), Some(verifier), Some(browser)) = values else {
        return visit.trouble(503, "busy");
    };
    let query = form(&[
        ("response_type", "code"),
        ("client_id", &provider.client),
        ("redirect_uri", &visit.house.redirect()),
        ("scope", "openid"),
        ("state", &state),
        ("nonce", &nonce),
        ("code_challenge", &oidc::challenge(&verifier)),
        ("code_challenge_method", "S256"),
        ("ui_locales", visit.words.tag()),
    ]);
    let cookie = cookie(COOKIE, &browser, Some(PATIENCE_SECONDS));
    let until = now + SignedDuration::from_secs(i64::from(PATIENCE_SECONDS));
    if !visit.house.begun.keep(
        state,
        Pending { door, nonce, verifier, cookie: browser, address: visit.address.map(|a| a.ip()), until },
        now,
    ) {
        return visit.trouble(503, "busy");
    }
    let glue = if metadata.authorization_endpoint.contains('?') { '&' } else { '?' };
    let mut response = page::see_other(&format!("{}{glue}{query}", metadata.authorization_endpoint));
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Somebody comes back.
pub(super) async fn finish(visit: &Visit<'_>) -> Response<Body> {
    let (house, world) = (visit.house, visit.world);
    let Some(provider) = &house.provider else { return visit.trouble(503, "no-sign-in") };
    let now = world.clock.now();
    let pending = visit
        .query
        .get("state")
        .and_then(|state| house.begun.take(state, cookie_of(visit.headers, COOKIE), now));
    let Some(pending) = pending else { return visit.trouble(400, "sign-in-again") };
    // A mixed-up provider is found out before its code is used (RFC 9207).
    if visit.query.get("iss").is_some_and(|issuer| issuer != provider.issuer) {
        return failed(visit, ProviderFault::Unfit("issuer"));
    }
    let Some(code) = visit.query.get("code") else { return failed(visit, ProviderFault::Unfit("declined")) };
    let redirect = house.redirect();
    let secrets = (pending.verifier.as_str(), pending.nonce.as_str(), redirect.as_str());
    let known = match house.known.metadata(provider).await {
        Ok(metadata) => provider.redeem(code, secrets, &metadata, world).await,
        Err(fault) => Err(fault),
    };
    let known = match known {
        Ok(known) => known,
        Err(fault) => return failed(visit, fault),
    };
    let identity = match pending.door {
        Door::Patient => patient(visit, &known, &provider.person_system),
        Door::Officer => officer(visit, &known),
    };
    let Some(identity) = identity else {
        count(visit);
        return visit.trouble(403, "not-your-door");
    };
    if record(visit, &identity).await.is_none() {
        return visit.trouble(503, "no-record");
    }
    let Some(session) = house.sessions.begin(identity, now) else { return visit.trouble(503, "busy") };
    let mut response = page::see_other(pending.door.path());
    let headers = response.headers_mut();
    headers.append(header::SET_COOKIE, session);
    if let Some(gone) = cookie(COOKIE, "", Some(0)) {
        headers.append(header::SET_COOKIE, gone);
    }
    response
}

/// A person with data here, or somebody for whom a mandate stands in somebody's record.
fn patient(visit: &Visit<'_>, known: &SignedInAs, system: &str) -> Option<Identity> {
    let find = |id: &str| visit.world.store.find_person(&Identifier::new(system, id)?).ok().flatten();
    let own = find(&known.subject);
    let mut acts_for: Vec<_> = known.acts_for.iter().filter_map(|id| find(id)).collect();
    acts_for.retain(|person| own != Some(*person));
    acts_for.dedup();
    let (system, id) = (system.to_owned(), known.subject.clone());
    (own.is_some() || !acts_for.is_empty()).then_some(Identity::Patient { system, id, own, acts_for })
}

fn officer(visit: &Visit<'_>, known: &SignedInAs) -> Option<Identity> {
    let trust = visit.world.store.trust();
    let person = trust.person(&known.subject).filter(|person| person.is_officer())?;
    Some(Identity::Officer { id: person.id.as_str().to_owned() })
}

/// A sign-in stands in the journal before anything is shown (NEN 7513: log-on).
async fn record(visit: &Visit<'_>, identity: &Identity) -> Option<()> {
    let world = visit.world;
    let mut entry = Entry::new(Kind::Portal, Action::Execute, Interaction::Page, Outcome::Success);
    entry.network = visit.network();
    entry.protocols = world.protocols();
    entry.details = vec![audit::Detail { name: "page".into(), value: "sign-in".into() }];
    let person = match identity {
        Identity::Patient { system, id, own, .. } => {
            let asking = AskingPerson {
                system: system.clone(),
                id: id.clone(),
                name: None,
                role: None,
                assurance: crate::oauth::asker::Assurance::Registered,
            };
            let mut person = authenticate::person(&asking, Purpose::OwnRequest, world);
            person.assurance = Assurance::LoggedIn;
            entry.person = Some(person);
            *own
        }
        Identity::Officer { id } => {
            let trust = world.store.trust();
            let who = trust.person(id)?;
            entry.organisation = trust.participant(who.participant.as_str()).map(|p| organisation(p));
            entry.person = Some(audit::Person {
                id: format!("urn:sluis:person#{id}"),
                name: Some(who.name.clone()),
                role: Some(audit::Coding { system: who.role.system.clone(), code: who.role.code.clone() }),
                assurance: Assurance::LoggedIn,
            });
            None
        }
    };
    let request_id = visit.request_id.clone();
    let draft = Draft { entry, time: world.clock.now(), request_id, person, burnt: None };
    world.store.record(draft, None).await.ok().map(|_| ())
}

/// Failed sign-ins are counted, one record a minute (CONTRACT.md 6).
fn failed(visit: &Visit<'_>, fault: ProviderFault) -> Response<Body> {
    tracing::warn!(fault = fault.code(), "a sign-in failed");
    count(visit);
    match fault {
        ProviderFault::Unreachable => visit.trouble(503, "provider-down"),
        ProviderFault::Unfit(_) => visit.trouble(400, "sign-in-again"),
    }
}

fn count(visit: &Visit<'_>) {
    let source = visit.address.map_or(Source::Others, |address| Source::Address(address.ip()));
    visit.world.floods.count(source, FloodKind::FailedSignIn);
}

const COOKIE: &str = "__Host-sluis-sign-in";
const PATIENCE_SECONDS: u32 = 600;
const BEGUN_MAX: usize = 10_000;
/// Behind one address may be a whole office.
const BEGUN_BY_ADDRESS: usize = 100;
