//! One remote holder between questions: its connections, what it can, our token, how it has been answering.

use super::Means;
use super::ask::Question;
use super::authorise::{Authorisation, Bearer};
use super::breaker::{Breaker, Ended};
use super::endpoint::Endpoint;
use super::fault::RemoteFault;
use super::statement::{LOOK, Statement, Use};
use super::turns::{Round, Turns};
use crate::outbound::{Allowance, Answer, Client, Ours, Question as Asked};
use crate::sources::{Sent, SourceAsk, SourceFailure};
use crate::store::keys::PersonNo;
use fhir_mappings::remote::Capability;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::time::timeout;

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
    can: Statement,
    /// One asks what it can, the others wait for that.
    asking: Mutex<()>,
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
            can: Statement::default(),
            asking: Mutex::default(),
            endpoint,
        })
    }

    pub(super) fn registered(&self) -> &Value {
        &self.registered
    }

    /// Asks what was permitted, within its time, unless it is left alone.
    pub(super) async fn fetch(self: &Arc<Self>, ask: &SourceAsk) -> Result<Sent, SourceFailure> {
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
        if let Err(RemoteFault::Later(_, _, after)) = &ended {
            self.breaker.rest(*after, Instant::now());
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

    /// With a token that was turned down although it was good a moment ago, another time, with another one.
    async fn ask(
        self: &Arc<Self>,
        ask: &SourceAsk,
        within: (&Round, &Allowance),
    ) -> Result<Sent, RemoteFault> {
        let (bearer, ended) = self.once(ask, within).await?;
        match ended {
            Err(RemoteFault::Status(_, 401)) if self.is_smart() => {
                self.authorisation.forget(bearer).await;
                self.once(ask, within).await?.1
            }
            ended => ended,
        }
    }

    /// The token that was shown, and what came of it.
    async fn once(
        self: &Arc<Self>,
        ask: &SourceAsk,
        within: (&Round, &Allowance),
    ) -> Result<(Bearer, Result<Sent, RemoteFault>), RemoteFault> {
        let working = within.0.working();
        let bearer = self.bearer().await?;
        let can = match self.can(&bearer).await {
            Ok(can) => can,
            Err(fault) => return Ok((bearer, Err(fault))),
        };
        drop(working);
        let ended = Question::new(self, ask, &can, bearer.clone(), within).put().await;
        Ok((bearer, ended))
    }

    /// What an answer that is none says.
    pub(super) fn status(&self, what: &'static str, answer: &Answer) -> RemoteFault {
        RemoteFault::of(what, answer, self.means.clock.now())
    }

    /// The scope of our token, as the server says it.
    pub(super) async fn granted(&self) -> Option<String> {
        self.authorisation.granted().await
    }

    fn is_smart(&self) -> bool {
        matches!(self.endpoint.authentication, super::Authentication::Smart { .. })
    }

    pub(super) async fn bearer(&self) -> Result<Bearer, RemoteFault> {
        self.authorisation.bearer(&self.server, &self.ours, &self.endpoint.networks, &self.means).await
    }

    /// What it can, as it said last. Only where that is nothing, or too long ago, does a question wait for it.
    async fn can(self: &Arc<Self>, bearer: &Bearer) -> Result<Arc<Capability>, RemoteFault> {
        match self.can.at(Instant::now()) {
            Use::This(can) => return Ok(can),
            Use::Renew(can) => {
                let own = Arc::clone(self);
                tokio::spawn(async move { own.renew().await });
                return Ok(can);
            }
            Use::Ask => {}
        }
        let _asking = self.asking.lock().await;
        // Somebody asked while we waited.
        if let Use::This(can) = self.can.at(Instant::now()) {
            return Ok(can);
        }
        let said = self.capability(bearer.as_deref().map(String::as_str)).await.map(Arc::new);
        self.can.renewed(&said, Instant::now());
        said
    }

    /// Looks again, beside the questions.
    async fn renew(&self) {
        let look = async {
            let bearer = self.bearer().await?;
            let said = self.capability(bearer.as_deref().map(String::as_str)).await;
            if matches!(said, Err(RemoteFault::Status(_, 401))) && self.is_smart() {
                self.authorisation.forget(bearer).await;
                let bearer = self.bearer().await?;
                return self.capability(bearer.as_deref().map(String::as_str)).await;
            }
            said
        };
        let said = timeout(LOOK, look).await.unwrap_or(Err(RemoteFault::Late)).map(Arc::new);
        if let Err(fault) = &said {
            tracing::debug!(?fault, "a remote holder does not say anew what it can");
        }
        self.can.renewed(&said, Instant::now());
    }

    /// Asks it what it can.
    pub(super) async fn capability(&self, bearer: Option<&str>) -> Result<Capability, RemoteFault> {
        let allowance = Allowance::within(&self.means.pool, STATEMENT_MOST);
        let asked =
            Asked { below: "/metadata", form: None, accept: FHIR_JSON, bearer, allowance: &allowance };
        let answer = self.server.ask(&asked).await?;
        if answer.status != 200 {
            return Err(self.status("metadata", &answer));
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
/// As much as a server may say of what it can: the statements of servers that know every type of R4 fit.
pub(super) const STATEMENT_MOST: usize = 4 * 1024 * 1024;
