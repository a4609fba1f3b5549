//! One remote holder between questions: its connections, what it can, our token, how it has been answering.

use super::Means;
use super::ask::Question;
use super::authorise::Authorisation;
use super::breaker::{Breaker, Ended};
use super::endpoint::Endpoint;
use super::fault::RemoteFault;
use super::turns::{Round, Turns};
use crate::outbound::{Allowance, Client, Ours, Question as Asked};
use crate::sources::{Sent, SourceAsk, SourceFailure};
use crate::store::keys::PersonNo;
use fhir_mappings::remote::Capability;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A holder as registered.
pub(super) struct RemoteHolder {
    registered: Value,
    pub(super) endpoint: Endpoint,
    pub(super) server: Client,
    pub(super) means: Means,
    /// What we show and trust there.
    ours: Ours,
    authorisation: Authorisation,
    breaker: Breaker,
    turns: Arc<Turns>,
    can: Mutex<Option<(Instant, Arc<Capability>)>>,
}

impl RemoteHolder {
    pub(super) fn new(registered: &Value, means: &Means) -> Result<Self, String> {
        let endpoint = Endpoint::read(registered)?;
        let mut ours = means.ours.clone();
        let named = endpoint.authorities()?;
        if !named.is_empty() {
            ours.authorities = named;
        }
        let server = Client::new(endpoint.base()?, &ours, &endpoint.networks)
            .map_err(|fault| format!("TLS towards this endpoint: {fault:?}"))?;
        Ok(Self {
            registered: registered.clone(),
            authorisation: Authorisation::new(endpoint.authentication.clone()),
            turns: Turns::new(usize::from(endpoint.at_once)),
            server,
            ours,
            means: means.clone(),
            breaker: Breaker::default(),
            can: Mutex::default(),
            endpoint,
        })
    }

    pub(super) fn registered(&self) -> &Value {
        &self.registered
    }

    /// Asks what was permitted, within its time, unless it is left alone.
    pub(super) async fn fetch(&self, ask: &SourceAsk) -> Result<Sent, SourceFailure> {
        if !self.breaker.admits(ask.person, Instant::now()) {
            return Err(RemoteFault::LeftAlone.failure());
        }
        let round = self.turns.round(ask.asker.id.as_str());
        let mut noted = Noted { holder: self, person: ask.person, round: &round, ended: None };
        let allowance = Allowance::within(&self.means.pool, self.endpoint.max_bytes as usize);
        let mut ended = tokio::select! {
            biased;
            ended = self.ask(ask, (&round, &allowance)) => ended,
            () = round.spent(self.budget()) => Err(RemoteFault::Late),
        };
        if matches!(ended, Err(RemoteFault::Late)) && allowance.was_left() {
            ended = Err(RemoteFault::Unended);
        }
        noted.ended = Some(ended.as_ref().map_or_else(RemoteFault::ended, |_| Ended::Well));
        ended.map_err(|fault| {
            tracing::debug!(?fault, "a remote holder");
            fault.failure()
        })
    }

    /// How long one question may take: no longer than whoever asks waits.
    fn budget(&self) -> Duration {
        Duration::from_millis(u64::from(self.endpoint.budget_ms)).min(self.means.budget)
    }

    async fn ask(&self, ask: &SourceAsk, within: (&Round, &Allowance)) -> Result<Sent, RemoteFault> {
        let (round, _) = within;
        let working = round.working();
        let bearer = self.bearer().await?;
        let can = self.can(bearer.as_deref().map(String::as_str)).await?;
        drop(working);
        let question = Question::new(self, ask, &can, bearer, within);
        match question.put().await {
            // Turned down although it was good a moment ago: another one, once.
            Err(RemoteFault::Status(_, 401))
                if matches!(self.endpoint.authentication, super::Authentication::Smart { .. }) =>
            {
                self.authorisation.forget().await;
                let working = round.working();
                let bearer = self.bearer().await?;
                drop(working);
                Question::new(self, ask, &can, bearer, within).put().await
            }
            ended => ended,
        }
    }

    pub(super) async fn bearer(&self) -> Result<Option<zeroize::Zeroizing<String>>, RemoteFault> {
        self.authorisation.bearer(&self.server, &self.ours, &self.endpoint.networks, &self.means).await
    }

    /// What it can, as it said last. One question looks again when that was long ago.
    async fn can(&self, bearer: Option<&str>) -> Result<Arc<Capability>, RemoteFault> {
        let mut known = self.can.lock().await;
        if let Some((_, can)) = known.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return Ok(Arc::clone(can));
        }
        match self.capability(bearer).await {
            Ok(can) => {
                let can = Arc::new(can);
                *known = Some((Instant::now(), Arc::clone(&can)));
                Ok(can)
            }
            // A server that has trouble saying what it can may still answer what it could.
            Err(fault) => match known.as_ref().filter(|(at, _)| at.elapsed() < STALE && fault.may_pass()) {
                Some((_, can)) => Ok(Arc::clone(can)),
                None => Err(fault),
            },
        }
    }

    /// Asks it what it can.
    pub(super) async fn capability(&self, bearer: Option<&str>) -> Result<Capability, RemoteFault> {
        let allowance = Allowance::within(&self.means.pool, STATEMENT_MOST);
        let asked =
            Asked { below: "/metadata", form: None, accept: FHIR_JSON, bearer, allowance: &allowance };
        let answer = self.server.ask(&asked).await?;
        if answer.status != 200 {
            return Err(RemoteFault::Status("metadata", answer.status));
        }
        Ok(Capability::read(&answer.body)?)
    }
}

/// Notes how a question ended also when nobody waits for its end any more. Who hangs up at once, or whose time passed in
/// our own line, says nothing about the holder: otherwise one asker could have it left alone for all.
struct Noted<'h> {
    holder: &'h RemoteHolder,
    person: PersonNo,
    round: &'h Round,
    ended: Option<Ended>,
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        let slow = self.round.worked() >= self.holder.budget() / 2;
        if let Some(ended) = self.ended.or(slow.then_some(Ended::Failed)) {
            self.holder.breaker.note(self.person, ended, Instant::now());
        }
    }
}

/// What a FHIR server is asked for.
pub(super) const FHIR_JSON: &str = "application/fhir+json";
/// So long a CapabilityStatement counts without asking again.
const FRESH: Duration = Duration::from_secs(600);
/// So long at most, while it cannot be asked again.
const STALE: Duration = Duration::from_secs(3_600);
/// As much as a server may say of what it can: the statements of servers that know every type of R4 fit.
pub(super) const STATEMENT_MOST: usize = 4 * 1024 * 1024;
