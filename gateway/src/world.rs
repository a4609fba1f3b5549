//! Everything a request may reach: store, trust, rules, tables, sources, keys, clock. Made once at start.

use crate::clock::Clock;
use crate::directory::Elsewhere;
use crate::limits::{Budgets, FloodCounts};
use crate::notice::Incidents;
use crate::oauth::Issuer;
use crate::oauth::access_token::Verifier;
use crate::oauth::replay::ReplayGuard;
use crate::oauth::signing::SigningKeys;
use crate::road::decide::Law;
use crate::road::locate::Subject;
use crate::rulebook::Rulebook;
use crate::sources::Source;
use crate::store::keys::PersonNo;
use crate::store::outward::OutwardIds;
use crate::store::state::PersonState;
use crate::store::{Found, Store};
use crate::witness::Watch;
use arc_swap::ArcSwap;
use consent::Rules;
use fhir_mappings::audit::Protocol;
use fhir_mappings::capability::Service;
use fhir_mappings::tables::Tables;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The settings that a request sees.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where we serve FHIR, with its closing slash.
    pub base: String,
    /// Our issuer URL.
    pub issuer: String,
    /// The data folder.
    pub root: std::path::PathBuf,
    /// The journal's origin.
    pub origin: String,
    /// Who runs this gateway, in words.
    pub custodian: String,
    /// Whether this is the demonstration.
    pub sandbox: bool,
    /// Whether notices and the officer's inbox exist, so that a broken glass is followed up.
    pub break_glass_followed_up: bool,
    /// How long one holder may take.
    pub holder_budget: Duration,
    /// Largest answer in bytes (DESIGN.md 7).
    pub answer_max: usize,
    /// Digest of the decision rules, hex.
    pub rules_sha256: String,
    /// The decision rules as written.
    pub rulebook: Rulebook,
}

impl Settings {
    /// What the capability documents say of us.
    #[must_use]
    pub fn service(&self) -> Service<'_> {
        Service { base: &self.issuer, version: env!("CARGO_PKG_VERSION"), date: RELEASED }
    }
}

/// The date of this release.
const RELEASED: &str = "2026-11-25";

/// The running gateway, as its requests see it.
pub struct World {
    /// Journal, holdings, keys, view.
    pub store: Arc<Store>,
    /// The one clock.
    pub clock: Clock,
    /// The decision rules.
    pub rules: Arc<Rules>,
    /// The minimisation tables.
    pub tables: Arc<Tables>,
    /// Holders' data.
    pub source: Arc<dyn Source>,
    /// Ids that leave.
    pub outward: OutwardIds,
    /// Access tokens.
    pub verifier: Verifier,
    /// Keys that sign them.
    pub signing: Arc<ArcSwap<SigningKeys>>,
    /// Assertions used.
    pub replay: ReplayGuard,
    /// Our issuer.
    pub issuer: Issuer,
    /// Budgets per certificate.
    pub budgets: Budgets,
    /// What is counted instead of recorded.
    pub floods: FloodCounts,
    /// Holders whose officers were told lately that what they send cannot be used.
    pub incidents: Incidents,
    /// Notices recorded since the start.
    pub notices: AtomicU64,
    /// Who cosigns the journal, if somebody does.
    pub witness: Option<Watch>,
    /// A directory elsewhere whose entries stand beside ours, if one is followed.
    pub outside: Option<Elsewhere>,
    /// What the start found, until [`crate::beginning`] has written it into the journal.
    pub unbegun: Mutex<Option<Found>>,
    /// The rest.
    pub settings: Settings,
}

impl World {
    /// By what questions are decided here.
    pub(crate) fn law(&self) -> Law<'_> {
        Law { rules: &self.rules, followed_up: self.settings.break_glass_followed_up }
    }

    /// The rules and tables that decide, as every record names them.
    #[must_use]
    pub fn protocols(&self) -> Vec<Protocol> {
        vec![
            Protocol {
                name: "decision".into(),
                version: self.rules.version().to_owned(),
                sha256: self.settings.rules_sha256.clone(),
            },
            Protocol {
                name: "minimisation".into(),
                version: self.tables.version().to_owned(),
                sha256: self.tables.hash().to_owned(),
            },
        ]
    }

    /// The newest checkpoint of the journal, cosigned where a cosignature covers it.
    #[must_use]
    pub fn checkpoint(&self) -> String {
        let note = self.store.log().checkpoint();
        match &self.witness {
            Some(watch) => watch.with_cosignature(note),
            None => note,
        }
    }

    /// Scopes that some participant is registered for: the same list for every caller.
    #[must_use]
    pub fn supported_scopes(&self) -> Vec<String> {
        let trust = self.store.trust();
        let all = trust.participants().flat_map(|p| p.scopes.iter().map(ToString::to_string));
        let unique: std::collections::BTreeSet<_> = all.collect();
        unique.into_iter().collect()
    }

    /// Somebody who is not there: a decision over a dummy of fixed size takes the time of a decision over a person.
    #[must_use]
    pub fn dummy_subject(&self) -> Subject {
        let trust = self.store.trust();
        let mut holders: Vec<_> =
            trust.participants().filter(|p| p.holder.is_some()).map(|p| p.id.as_str().to_owned()).collect();
        holders.sort_unstable();
        holders.truncate(DUMMY_HOLDERS);
        let state = PersonState { holders, ..PersonState::default() };
        Subject { person: PersonNo(0), state }
    }

    /// Waits for the next 25 ms tick: refusals that depend on a person leave on it, and searches in
    /// which nothing stands (DESIGN.md 8).
    pub async fn next_tick(&self) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let tick = TICK.as_micros();
        let wait = tick - now.as_micros() % tick;
        tokio::time::sleep(Duration::from_micros(u64::try_from(wait).unwrap_or_default())).await;
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

const TICK: Duration = Duration::from_millis(25);
const DUMMY_HOLDERS: usize = 3;
