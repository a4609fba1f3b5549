//! A directory elsewhere, followed: every so often its history since the last time, now and then everything anew.
//!
//! It says who can be found where, and nothing about who may ask here: trust never looks at it. It may be slow, wrong or gone;
//! then what is known stays, and its age says so.

use super::memory::{Kept, Memory};
use crate::clock::Clock;
use crate::outbound::{Allowance, Base, Client, Fault, Ours, Question, TlsFault, form};
use arc_swap::ArcSwap;
use bytes::Bytes;
use fhir_mappings::directory::Outside;
use fhir_mappings::directory::history::{
    Bounds, Feed, NoOffer, Offer, Page, Replica, Round, read_history, read_offer, read_search,
};
use ipnet::IpNet;
use jiff::Timestamp;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A directory as configured.
#[derive(Clone)]
pub struct Source {
    /// Its base address.
    pub base: Base,
    /// What we show and trust there.
    pub ours: Ours,
    /// Networks that are no public ones and may be connected to.
    pub networks: Vec<IpNet>,
    /// How often its history is asked.
    pub interval: Duration,
}

/// The gateway's end of a directory elsewhere.
pub struct Elsewhere {
    client: Client,
    url: String,
    interval: Duration,
    memory: Memory,
    clock: Clock,
    shown: ArcSwap<Outside>,
    state: Mutex<State>,
}

struct State {
    replica: Replica,
    /// When everything that was asked was last taken.
    synced: Option<Timestamp>,
    /// When everything was last read anew.
    filled: Option<Timestamp>,
    /// Something may be missing: read everything anew.
    owed: bool,
    offer: Option<(Instant, Offer)>,
    fault: Option<Trouble>,
}

/// Why a reading came to nothing, in words for an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Way(Fault),
    Status(u16),
    /// Its history does not reach back so far.
    Gone,
    Offer(NoOffer),
    /// A page that is not strict JSON, or not the Bundle that was asked for.
    Page,
    /// The next page is said to lie outside its base.
    Elsewhere,
    /// More than the bounds of pages or entries.
    TooMuch,
    Late,
    /// What was taken cannot be kept: the disk.
    Unkept,
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Way(fault)
    }
}

/// Which Bundle is read.
#[derive(Clone, Copy)]
enum Bundle {
    History,
    Search,
}

impl Elsewhere {
    /// For the data folder `root`: begins with what was kept there.
    ///
    /// # Errors
    /// When authorities or our own identity cannot be used.
    pub fn new(source: &Source, root: &Path, clock: &Clock) -> Result<Self, TlsFault> {
        let client = Client::new(source.base.clone(), &source.ours, &source.networks)?;
        let (url, memory) = (source.base.url(""), Memory::of(root));
        let Kept { replica, synced, filled } = memory.kept(&url);
        let shown = ArcSwap::from_pointee(Outside::of(&replica, &url));
        let state = State { replica, synced, filled, owed: false, offer: None, fault: None };
        let (interval, clock, state) = (source.interval, clock.clone(), Mutex::new(state));
        Ok(Self { client, url, interval, memory, clock, shown, state })
    }

    /// What is shown of it now.
    #[must_use]
    pub fn shown(&self) -> Arc<Outside> {
        self.shown.load_full()
    }

    /// Seconds since everything was last taken that was asked; infinite when it never was.
    #[must_use]
    pub fn age_seconds(&self) -> f64 {
        let synced = self.state().synced;
        synced.map_or(f64::INFINITY, |synced| self.clock.now().duration_since(synced).as_secs_f64().max(0.0))
    }

    /// How many entries are left out because their present version cannot be shown.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.state().replica.unfit()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows it, later and later while it fails; never ends.
    pub async fn follow(&self) {
        let mut failures = 0_u32;
        loop {
            let read = tokio::time::timeout(ROUND, self.round()).await.unwrap_or(Err(Trouble::Late));
            failures = if read.is_ok() { 0 } else { failures.saturating_add(1) };
            self.note(read.err());
            let wait = match failures {
                0 => self.interval,
                n => (BREATH * (1 << (n - 1).min(10))).min(self.interval),
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Said once, where it changes.
    fn note(&self, fault: Option<Trouble>) {
        let mut state = self.state();
        if state.fault != fault {
            match fault {
                Some(fault) => {
                    tracing::warn!(
                        ?fault,
                        "the directory elsewhere cannot be followed: what is known of it stays"
                    );
                }
                None => tracing::info!("the directory elsewhere is followed again"),
            }
        }
        state.fault = fault;
    }

    /// Takes what changed. Only a reading that came to its end counts: until then everybody sees what was before.
    async fn round(&self) -> Result<(), Trouble> {
        let offer = self.offer().await?;
        let now = self.clock.now();
        let (known, fill) = {
            let state = self.state();
            let age = state.filled.map(|at| now.duration_since(at).unsigned_abs());
            let fill = age.is_none_or(|age| age > ANEW || state.owed && age > APART);
            (state.replica.clone(), fill)
        };
        let read = if fill { Err(Trouble::Gone) } else { self.changes(known, &offer, now).await };
        let (replica, changed, gap, filled) = match read {
            Ok((replica, changed, gap)) => (replica, changed, gap, None),
            // More changes than a reading takes are no more than everything there is.
            Err(Trouble::Gone | Trouble::TooMuch) => {
                (self.everything(&offer, now).await?, true, false, Some(now))
            }
            Err(fault) => return Err(fault),
        };
        self.keep(replica, changed, gap, filled, now).await
    }

    async fn keep(
        &self,
        replica: Replica,
        changed: bool,
        gap: bool,
        filled: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let filled = filled.or_else(|| self.state().filled);
        if changed {
            let (memory, url) = (self.memory.clone(), self.url.clone());
            let kept = Kept { replica: replica.clone(), synced: Some(now), filled };
            let written = tokio::task::spawn_blocking(move || {
                let shown = Outside::of(&kept.replica, &url);
                memory.keep(&url, &kept).map(|()| shown)
            });
            let shown = written.await.ok().and_then(Result::ok).ok_or(Trouble::Unkept)?;
            self.shown.store(Arc::new(shown));
        }
        let mut state = self.state();
        state.owed = if filled == Some(now) { false } else { state.owed || gap };
        (state.replica, state.synced, state.filled) = (replica, Some(now), filled);
        Ok(())
    }

    /// Its histories since the last time; whether anything changed, and whether something may be missing.
    async fn changes(
        &self,
        mut replica: Replica,
        offer: &Offer,
        now: Timestamp,
    ) -> Result<(Replica, bool, bool), Trouble> {
        let (mut changed, mut gap) = (false, false);
        for Feed { path, types } in &offer.feeds {
            let mut round = replica.follow(types, now);
            let since = replica.since(types).map(|since| since.to_string());
            let mut query = vec![("_count", PAGE)];
            query.extend(since.as_deref().map(|since| ("_since", since)));
            let first = format!("{path}?{}", form(&query));
            self.pages(first, Bundle::History, &mut replica, &mut round).await?;
            if round.skipped > 0 {
                tracing::debug!(skipped = round.skipped, "entries of the directory elsewhere cannot be read");
            }
            changed |= round.changed;
            gap |= replica.end(round);
        }
        Ok((replica, changed, gap))
    }

    /// Everything there is, by search; and then by history what changed meanwhile, next time.
    async fn everything(&self, offer: &Offer, now: Timestamp) -> Result<Replica, Trouble> {
        let mut cursor = None;
        for Feed { path, .. } in &offer.feeds {
            let page = self.page(&format!("{path}?_count=1"), Bundle::History).await?;
            // Dated ahead of our clock it would skip what comes until then.
            cursor = cursor.max(page.newest.map(|newest| newest.min(now)));
        }
        let mut replica = Replica::anew(Bounds::default(), &offer.types, cursor);
        for kind in &offer.types {
            let mut round = Replica::fill(&[*kind], now);
            let first = format!("/{}?_count={PAGE}", kind.as_str());
            self.pages(first, Bundle::Search, &mut replica, &mut round).await?;
            replica.end(round);
        }
        Ok(replica)
    }

    async fn pages(
        &self,
        first: String,
        bundle: Bundle,
        replica: &mut Replica,
        round: &mut Round,
    ) -> Result<(), Trouble> {
        let mut next = Some(first);
        for _ in 0..PAGES_MOST {
            let Some(below) = next.take() else { return Ok(()) };
            let mut page = self.page(&below, bundle).await?;
            let url = page.next.take();
            replica.take(round, page).map_err(|_| Trouble::TooMuch)?;
            // Under the same base or nowhere.
            let below = |url: String| self.client.base().below(&url).ok_or(Trouble::Elsewhere);
            next = url.map(below).transpose()?;
        }
        if next.is_none() { Ok(()) } else { Err(Trouble::TooMuch) }
    }

    async fn page(&self, below: &str, bundle: Bundle) -> Result<Page, Trouble> {
        let body = self.ask(below).await?;
        let read = tokio::task::spawn_blocking(move || match bundle {
            Bundle::History => read_history(&body),
            Bundle::Search => read_search(&body),
        });
        read.await.ok().and_then(Result::ok).ok_or(Trouble::Page)
    }

    async fn offer(&self) -> Result<Offer, Trouble> {
        let known = self.state().offer.clone();
        if let Some((_, offer)) = known.filter(|(at, _)| at.elapsed() < OFFERED) {
            return Ok(offer);
        }
        let offer = read_offer(&self.ask("/metadata").await?).map_err(Trouble::Offer)?;
        self.state().offer = Some((Instant::now(), offer.clone()));
        Ok(offer)
    }

    async fn ask(&self, below: &str) -> Result<Bytes, Trouble> {
        let allowance = Allowance::of(PAGE_MOST);
        let asked = Question { below, form: None, accept: FHIR_JSON, bearer: None, allowance: &allowance };
        let answer = tokio::time::timeout(ANSWER, self.client.ask(&asked)).await;
        let answer = answer.map_err(|_| Trouble::Late)??;
        match answer.status {
            200 => Ok(answer.body),
            410 => Err(Trouble::Gone),
            status => Err(Trouble::Status(status)),
        }
    }
}

impl std::fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Elsewhere").field("url", &self.url).finish()
    }
}

const FHIR_JSON: &str = "application/fhir+json";
/// `_count`.
const PAGE: &str = "200";
/// Bytes of one page, unpacked.
const PAGE_MOST: usize = 16 * 1024 * 1024;
/// Pages of one history or search: with those of 200 more than a replica holds.
const PAGES_MOST: usize = 300;
/// How long one page may take.
const ANSWER: Duration = Duration::from_secs(30);
/// How long one reading may take.
const ROUND: Duration = Duration::from_secs(900);
/// After the first failure.
const BREATH: Duration = Duration::from_secs(1);
/// Everything is read anew so often, whatever the history said: what it left out is found then.
const ANEW: Duration = Duration::from_secs(24 * 3_600);
/// Where something may be missing, no more often than this.
const APART: Duration = Duration::from_secs(3_600);
/// So long it counts what a server said it offers.
const OFFERED: Duration = Duration::from_secs(3_600);
