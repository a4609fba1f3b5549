//! From settings to a running gateway: store, rules, tables and listeners, in an order in which nothing answers
//! before everything holds; and down again, so that nothing is lost.

use crate::beginning::{self, closing};
use crate::clock::Clock;
use crate::control;
use crate::desk;
use crate::directory::{Elsewhere, Source as DirectorySource};
use crate::exchange;
use crate::limits::{Budget, Budgets, Flood, FloodCounts, FloodKind, Source as FloodSource};
use crate::listen::management::{Check, Ports, router as management_router};
use crate::listen::metrics::Registry;
use crate::listen::{Caps, ClientAuthorities, Listener, MutualTls, ServerIdentity, Transport, shutdown};
use crate::notice;
use crate::oauth::Issuer;
use crate::oauth::access_token::Verifier;
use crate::oauth::replay::{Burn, ReplayGuard};
use crate::oauth::signing::{SigningKey, SigningKeys};
use crate::outbound::{Ours, Pool};
use crate::portal::{self, House, SignIn};
use crate::rulebook::Rulebook;
use crate::sources::remote::{Means, RemoteSource};
use crate::sources::{Everywhere, HostedSource, Source};
use crate::store::keys::Use;
use crate::store::leaf::Drafts;
use crate::store::seal::Key;
use crate::store::view::EngineKind;
use crate::store::{Folders, Found, Lacks, Store};
use crate::trust::Participant;
use crate::witness::{Watch, Witness};
use crate::world::{Settings, World};
use arc_swap::ArcSwap;
use consent::Rules;
use fhir_mappings::audit::{Action, Detail, Kind, Outcome};
use fhir_mappings::tables::Tables;
use sluis_journal::State;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a gateway is started with.
pub struct Plan {
    /// The folder of `journal/`, `holdings/`, `keys/`, `view/`.
    pub root: PathBuf,
    /// The master key.
    pub master_key: Key,
    /// The journal's origin.
    pub origin: String,
    /// Who runs this gateway, in words.
    pub custodian: String,
    /// The clock.
    pub clock: Clock,
    /// Whether this is the demonstration.
    pub sandbox: bool,
    /// Whether notices and the officer's inbox exist; until then a glass breaks in the sandbox only.
    pub break_glass_followed_up: bool,
    /// A folder with rules and tables of the region.
    pub overlay: Option<PathBuf>,
    /// Budgets per certificate.
    pub budget: Budget,
    /// Time-outs and sizes of the listeners.
    pub caps: Caps,
    /// How long one holder may take.
    pub holder_budget: Duration,
    /// What we show and trust when we ask holders elsewhere.
    pub holders: Ours,
    /// Bytes for all that comes from them at once.
    pub holders_memory: usize,
    /// Who cosigns the journal.
    pub witness: Option<Witness>,
    /// A directory elsewhere that is followed.
    pub directory: Option<DirectorySource>,
}

/// Why a gateway does not start, in words for an operator.
#[derive(Debug)]
pub struct BootError(pub String);

impl std::fmt::Display for BootError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BootError {}

pub(crate) fn failed(what: &str) -> impl Fn(&dyn std::fmt::Display) -> BootError + '_ {
    move |e| BootError(format!("{what}: {e}"))
}

/// Rules and tables, with the overlay of the region laid over them: `rules.toml` for the decision, every other file
/// for the tables, by its path below the folder.
///
/// # Errors
/// Every mistake, with file and line.
pub fn load_rules(overlay: Option<&Path>) -> Result<(Rules, Tables, Rulebook), BootError> {
    let mut files = Vec::new();
    if let Some(folder) = overlay {
        collect(folder, folder, &mut files)?;
    }
    files.sort();
    let rules_text: Vec<&str> =
        files.iter().filter(|(n, _)| n == "rules.toml").map(|(_, t)| t.as_str()).collect();
    let book = Rulebook::of(&rules_text);
    let rules = book.rules().map_err(|e| BootError(format!("rules: {e}")))?;
    let tables: Vec<(&str, &str)> =
        files.iter().filter(|(n, _)| n != "rules.toml").map(|(n, t)| (n.as_str(), t.as_str())).collect();
    let tables = Tables::with_overlay(rules.vocabulary(), &tables).map_err(|mistakes| {
        BootError(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })?;
    Ok((rules, tables, book))
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) -> Result<(), BootError> {
    let io = |e: std::io::Error| BootError(format!("{}: {e}", folder.display()));
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if path.extension().is_some_and(|e| e == "toml" || e == "txt") {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            files.push((name, std::fs::read_to_string(&path).map_err(io)?));
        }
    }
    Ok(())
}

/// Opens everything that requests need; no port is open yet, and nothing is written: [`serve`] does, once the witness was
/// asked ([`beginning`]).
///
/// # Errors
/// See [`BootError`].
pub fn open(plan: &Plan, issuer: &Issuer) -> Result<(Arc<World>, Found), BootError> {
    let (rules, tables, rulebook) = load_rules(plan.overlay.as_deref())?;
    let folders = Folders {
        root: plan.root.clone(),
        master_key: plan.master_key.clone(),
        origin: plan.origin.clone(),
        engine: if plan.sandbox { EngineKind::of_sandbox(&plan.root) } else { EngineKind::Redb },
    };
    let now = plan.clock.now();
    let (store, found) =
        Store::open(&folders, now, |torn| closing(torn, now)).map_err(|e| failed("the data folder")(&e))?;
    let store = Arc::new(store);
    let outward = store.outward().map_err(|e| failed("keys")(&e))?;
    let signing = signing_keys(&store)?;
    let replay = ReplayGuard::new(REPLAY_MAX);
    replay.restore(found.burnt.iter().filter_map(|(digest, until)| {
        let digest = data_encoding::HEXLOWER.decode(digest.as_bytes()).ok()?.try_into().ok()?;
        Some(Burn { digest, until: jiff::Timestamp::from_second(*until).ok()? })
    }));
    let signing = Arc::new(ArcSwap::from_pointee(signing));
    let tables = Arc::new(tables);
    let means = Means {
        ours: plan.holders.clone(),
        signing: Arc::clone(&signing),
        clock: plan.clock.clone(),
        tables: Arc::clone(&tables),
        // Before whoever asks gives up, so that it is known why.
        budget: plan.holder_budget.saturating_sub(Duration::from_millis(50)),
        pool: Pool::of(plan.holders_memory),
    };
    let (hosted, remote) = (HostedSource::new(Arc::clone(&store)), RemoteSource::new(means));
    let source: Arc<dyn Source> = Arc::new(Everywhere { hosted, remote });
    #[cfg(feature = "sandbox")]
    let source: Arc<dyn Source> =
        if plan.sandbox { Arc::new(crate::sandbox::scripted::Scripted::new(source)) } else { source };
    let settings = Settings {
        base: issuer.fhir_url() + "/",
        issuer: issuer.as_str().to_owned(),
        root: plan.root.clone(),
        origin: plan.origin.clone(),
        custodian: plan.custodian.clone(),
        sandbox: plan.sandbox,
        break_glass_followed_up: plan.break_glass_followed_up,
        holder_budget: plan.holder_budget,
        answer_max: ANSWER_MAX,
        rules_sha256: rulebook.sha256(),
        rulebook,
    };
    let outside = plan.directory.as_ref().map(|at| Elsewhere::new(at, &plan.root, &plan.clock)).transpose();
    let outside =
        outside.map_err(|fault| BootError(format!("TLS towards the directory elsewhere: {fault:?}")))?;
    let world = World {
        store,
        clock: plan.clock.clone(),
        rules: Arc::new(rules),
        tables,
        source,
        outward,
        verifier: Verifier::new(issuer.clone(), TOKENS_MAX),
        signing,
        replay,
        issuer: issuer.clone(),
        budgets: Budgets::new(plan.budget),
        floods: FloodCounts::default(),
        incidents: notice::Incidents::default(),
        notices: std::sync::atomic::AtomicU64::new(0),
        witness: plan.witness.clone().map(|witness| Watch::new(witness, &plan.root, &plan.origin)),
        outside,
        unbegun: Mutex::new(Some(found.clone())),
        settings,
    };
    Ok((Arc::new(world), found))
}

fn signing_keys(store: &Store) -> Result<SigningKeys, BootError> {
    let bad = |_| BootError("keys: the token signing key cannot be used".into());
    let mut all: Vec<SigningKey> = store
        .keys()
        .all(Use::TokenSigning)
        .iter()
        .map(|named| SigningKey::from_pkcs8(named.secret()).map_err(bad))
        .collect::<Result<_, _>>()?;
    let current = all.pop().ok_or_else(|| BootError("keys: there is no token signing key".into()))?;
    Ok(SigningKeys::new(current, all))
}

/// The three listeners, bound but not serving: their addresses are known before anything answers.
pub struct Bound {
    /// The exchange.
    pub exchange: std::net::TcpListener,
    /// The portal.
    pub portal: std::net::TcpListener,
    /// Management.
    pub management: std::net::TcpListener,
}

impl Bound {
    /// Binds the three addresses; port 0 picks one.
    ///
    /// # Errors
    /// When one cannot be bound.
    pub fn bind(exchange: SocketAddr, portal: SocketAddr, management: SocketAddr) -> Result<Self, BootError> {
        let bind = |name: &str, address: SocketAddr| {
            let socket = std::net::TcpListener::bind(address)
                .map_err(|e| BootError(format!("the {name} listener at {address}: {e}")))?;
            socket.set_nonblocking(true).map_err(|e| BootError(format!("the {name} listener: {e}")))?;
            Ok(socket)
        };
        Ok(Self {
            exchange: bind("exchange", exchange)?,
            portal: bind("portal", portal)?,
            management: bind("management", management)?,
        })
    }
}

/// What the listeners show of themselves.
pub struct Faces {
    /// The exchange's certificate.
    pub exchange: ServerIdentity,
    /// Whose client certificates it takes.
    pub authorities: ClientAuthorities,
    /// The portal's certificate.
    pub portal: ServerIdentity,
    /// Who signs people in there.
    pub sign_in: SignIn,
}

/// Serves until told to end, then closes the store. `ready` is called once everything answers.
///
/// # Errors
/// See [`BootError`].
pub async fn serve(
    world: Arc<World>,
    bound: Bound,
    faces: Faces,
    caps: Caps,
    root: &Path,
    ready: impl FnOnce() -> Result<(), BootError>,
) -> Result<(), BootError> {
    let tls = failed("TLS");
    let mutual =
        MutualTls::new(faces.exchange, faces.authorities, world.store.trust_cell()).map_err(|e| tls(&e))?;
    let SignIn { base, provider, beside } = faces.sign_in;
    let pages = beside.merge(portal::router(House::new(Arc::clone(&world), base, provider)));
    if let Some(watch) = &world.witness {
        let unread = |e| BootError(format!("the journal's tree: {e}; run `sluis audit verify`"));
        watch.begin(&world.store).await.map_err(unread)?;
    }
    if !world.store.is_held_back() {
        let begun = Arc::clone(&world);
        let written = tokio::task::spawn_blocking(move || beginning::write(&begun)).await;
        written.map_err(|e| failed("the start")(&e))??;
    }
    let (end, ended) = shutdown();
    let counts = world.floods.clone();
    let listener = |socket, transport| {
        Listener::from_std(socket, transport, caps, counts.clone()).map_err(|e| failed("a listener")(&e))
    };
    let exchange = listener(bound.exchange, Transport::Mutual(Arc::new(mutual)))?;
    let portal = listener(bound.portal, Transport::server(&faces.portal).map_err(|e| tls(&e))?)?;
    let management = listener(bound.management, Transport::Plain)?;
    let socket = control::Socket::bind(root).map_err(|e| failed("the control socket")(&e))?;
    let tasks = [
        tokio::spawn(exchange.serve(exchange::router(Arc::clone(&world)), ended.clone())),
        tokio::spawn(portal.serve(pages, ended.clone())),
        tokio::spawn(management.serve(management_router(ports(&world)), ended.clone())),
        tokio::spawn(socket.serve(Arc::clone(&world), ended.clone())),
    ];
    let floods = tokio::spawn(every_minute(Arc::clone(&world)));
    let mender = tokio::spawn(mend(Arc::clone(&world)));
    let indexed = tokio::spawn(index_journal(Arc::clone(&world)));
    let witnessed = tokio::spawn(be_witnessed(Arc::clone(&world)));
    let followed = tokio::spawn(follow_directory(Arc::clone(&world)));
    let ends = the_end()?;
    ready()?;
    ends.await;
    end.send();
    for task in tasks {
        if task.await.is_err() {
            tracing::error!("a listener ended badly");
        }
    }
    floods.abort();
    mender.abort();
    indexed.abort();
    witnessed.abort();
    followed.abort();
    record_floods(&world).await;
    world.store.close().map_err(|e| failed("the view")(&e))
}

/// Completes when the process is told to end. Made before anything says `ready`, so that no word to end is missed.
pub(crate) fn the_end() -> Result<impl Future<Output = ()>, BootError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| failed("signals")(&e))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| failed("signals")(&e))?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn ports(world: &Arc<World>) -> Ports {
    let metrics = Registry::default();
    let (ready, checkpoint) = (Arc::clone(world), Arc::clone(world));
    let records = Arc::clone(world);
    metrics.gauge("sluis_journal_records", "Records in the journal.", &[], move || {
        records.store.records().len() as f64
    });
    let notices = Arc::clone(world);
    metrics.gauge("sluis_notices", "Notices to persons and officers since the start.", &[], move || {
        notices.notices.load(std::sync::atomic::Ordering::Relaxed) as f64
    });
    if world.witness.is_some() {
        let watched = Arc::clone(world);
        let help = "Age of the newest cosignature on the journal.";
        metrics.gauge("sluis_witness_age_seconds", help, &[], move || {
            watched.witness.as_ref().map_or(f64::INFINITY, Watch::age_seconds)
        });
    }
    directory_metrics(world, &metrics);
    Ports {
        readiness: Arc::new(move || readiness(&ready)),
        metrics,
        checkpoint: Arc::new(move || Some(checkpoint.checkpoint())),
    }
}

/// A directory that is not followed any more makes nothing unready: what is known of it stays, and this says how old it is.
fn directory_metrics(world: &Arc<World>, metrics: &Registry) {
    if world.outside.is_none() {
        return;
    }
    let gauge = |name, help, read: fn(&Elsewhere) -> f64| {
        let world = Arc::clone(world);
        metrics.gauge(name, help, &[], move || world.outside.as_ref().map_or(f64::INFINITY, read));
    };
    let help = "Age of what is known of the directory elsewhere.";
    gauge("sluis_directory_age_seconds", help, Elsewhere::age_seconds);
    gauge("sluis_directory_entries", "Entries of the directory elsewhere.", |at| at.shown().len() as f64);
    let help = "Entries of the directory elsewhere that are no FHIR R4 that can be shown.";
    gauge("sluis_directory_left_out", help, |at| at.left_out() as f64);
}

fn readiness(world: &World) -> Vec<Check> {
    let check =
        |name, holds: bool, cause: &str| Check { name, holds, cause: (!holds).then(|| cause.to_owned()) };
    let (journal, cause) = match world.store.log().state() {
        State::Serving => (true, ""),
        State::Full => (false, "the disk is full: make room, and the journal takes records again by itself"),
        State::Stopped => (false, "a disk error ended the journal: look at the disk, then restart"),
    };
    let mut checks = vec![
        check("journal", journal, cause),
        check("view", world.store.view_is_sound(), "the view does not follow: run `sluis rebuild-view`"),
    ];
    checks.extend(world.witness.as_ref().map(Watch::check));
    checks.extend(world.store.lacks().map(missing));
    checks
}

/// There only while records are missing that were seen here.
fn missing(lacks: Lacks) -> Check {
    let Lacks { seen, here } = lacks;
    let cause = format!(
        "{seen} records were seen here and not those that stand here ({here}): look what is missing, then `sluis audit \
         acknowledge-gap --witnessed {seen}`"
    );
    Check { name: "records", holds: false, cause: Some(cause) }
}

async fn be_witnessed(world: Arc<World>) {
    if let Some(watch) = &world.witness {
        watch.keep(&world.store).await;
    }
}

async fn follow_directory(world: Arc<World>) {
    if let Some(elsewhere) = &world.outside {
        elsewhere.follow().await;
    }
}

async fn every_minute(world: Arc<World>) {
    let mut minute = tokio::time::interval(Duration::from_secs(60));
    loop {
        minute.tick().await;
        record_floods(&world).await;
        let again = Arc::clone(&world);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || again.store.flush_view()).await {
            tracing::warn!(%error, "the view is not durable yet");
        }
    }
}

/// One counted record for each source of what is not recorded one by one (CONTRACT.md 6).
async fn record_floods(world: &World) {
    for flood in world.floods.take() {
        let mut draft = desk::draft(Kind::Flood, Action::Execute, world, None);
        let source = match flood.source {
            FloodSource::Address(address) => address.to_string(),
            FloodSource::Certificate(fingerprint) => fingerprint.to_string(),
            FloodSource::Others => "others".to_owned(),
        };
        draft.entry.outcome = Outcome::Refused(flood.kind.code().to_owned());
        draft.entry.details.extend([
            Detail { name: "source".into(), value: source },
            Detail { name: "count".into(), value: flood.count.to_string() },
        ]);
        let told: Vec<_> = enumerating(world, &flood).iter().map(|p| notice::of_flood(&draft, p)).collect();
        let notices = told.len();
        if world.store.record(Drafts { main: draft, beside: told }, None).await.is_err() {
            tracing::error!("a count of floods was not recorded");
        } else {
            notice::count(notices, world);
        }
    }
}

/// Whose officer hears of a flood: of look-ups that find nothing.
fn enumerating(world: &World, flood: &Flood) -> Option<Arc<Participant>> {
    match (flood.kind, flood.source) {
        (FloodKind::TooManyLookUps, FloodSource::Certificate(certificate)) => {
            world.store.trust().by_certificate(&certificate).cloned()
        }
        _ => None,
    }
}

/// A full disk and a view that could not follow mend themselves: once a second a record is tried, and says that there
/// was a gap; then the view is built anew. A journal that stopped on an error is an operator's (restart).
async fn mend(world: Arc<World>) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        second.tick().await;
        if world.store.log().state() == State::Full {
            let mut draft = desk::draft(Kind::Notice, Action::Execute, &world, None);
            draft.entry.details.push(Detail { name: "why".into(), value: "disk-was-full".into() });
            if world.store.record(draft, None).await.is_ok() {
                tracing::warn!("the disk has room again: the journal takes records");
            }
        } else if !world.store.view_is_sound() {
            let again = Arc::clone(&world);
            match tokio::task::spawn_blocking(move || again.store.mend_view()).await {
                Ok(Ok(records)) => tracing::warn!(records, "the view was built anew"),
                Ok(Err(e)) => tracing::error!(error = %e, "the view cannot be built anew yet"),
                Err(_) => tracing::error!("building the view anew broke off"),
            }
        }
    }
}

/// Lets the index of the journal follow, and catch up after the view was built anew, without taking more than a part of
/// one processor from those who ask.
async fn index_journal(world: Arc<World>) {
    loop {
        let again = Arc::clone(&world);
        let lacking = tokio::task::spawn_blocking(move || again.store.index_journal(4)).await;
        // A view that is broken or being built is the mender's.
        let pause = if matches!(lacking, Ok(Ok(1..))) { 100 } else { 1_000 };
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

/// Assertions remembered at once: 200 a second for five minutes, twice over.
const REPLAY_MAX: usize = 131_072;
/// Verified tokens remembered.
const TOKENS_MAX: usize = 16_384;
/// DESIGN.md 7.
const ANSWER_MAX: usize = 64 * 1024 * 1024;
