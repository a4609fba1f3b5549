//! `sluis demo`: the whole region on one machine. It only arranges; everything then goes the ordinary roads.

use super::ehr::Servers;
use super::pki::{self, Material};
use super::provider::{self, Development};
use super::seed;
use crate::beginning;
use crate::boot::{self, BootError, Bound, Faces, Plan};
use crate::cli::{Demo, Ended};
use crate::clock::Clock;
use crate::config::HOLDERS_MEMORY;
use crate::limits::Budget;
use crate::listen::Caps;
use crate::oauth::Issuer;
use crate::portal::SignIn;
use crate::register;
use crate::store::keys::sandbox_master_key;
use crate::trust::Participant;
use crate::trust::participant::Holder;
use crate::witness::Witness;
use crate::world::World;
use sluis_journal::WitnessKey;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The journal's origin in every sandbox.
pub(super) const ORIGIN: &str = "sluis.example/heuvelrijk";
/// Who runs it, in words.
const CUSTODIAN: &str = "Regio Heuvelrijk (sandbox)";

/// Runs the demonstration until it is told to end.
pub(crate) fn run(args: &Demo) -> Ended {
    let mut addresses = Vec::new();
    for (name, text) in
        [("--exchange", &args.exchange), ("--portal", &args.portal), ("--management", &args.management)]
    {
        match address(text) {
            Ok(address) => addresses.push(address),
            Err(why) => return Ended::Usage(format!("{name} {text}: {why}")),
        }
    }
    let [exchange, portal, management] = addresses.as_slice() else {
        return Ended::Usage("three addresses are needed".into());
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()),
        )
        .init();
    match demo(args, *exchange, *portal, *management) {
        Ok(()) => Ended::Well,
        Err(e) => Ended::Failed(e.to_string()),
    }
}

/// `:8444` is short for loopback. Anything that is not loopback is refused: a sandbox's keys are known to all.
fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let whole = if text.starts_with(':') { format!("127.0.0.1{text}") } else { text.to_owned() };
    let whole = whole.replacen("localhost:", "127.0.0.1:", 1);
    let address: SocketAddr = whole.parse().map_err(|_| "this is no address such as 127.0.0.1:8443")?;
    if address.ip().is_loopback() { Ok(address) } else { Err("a sandbox listens on loopback only") }
}

fn demo(
    args: &Demo,
    exchange: SocketAddr,
    portal: SocketAddr,
    management: SocketAddr,
) -> Result<(), BootError> {
    let dir = &args.dir;
    let io = |e: std::io::Error| BootError(format!("{}: {e}", dir.display()));
    if args.fresh {
        clear(dir)?;
    }
    fs::create_dir_all(dir).map_err(io)?;
    let clock = Clock::sandbox(args.clock_offset);
    let started = seed::first_start(dir, &clock)?;
    seed::stays_as_it_was(dir, args.remote)?;
    let material = Material::read_or_mint(&dir.join("pki"), clock.now())?;
    let overlay = dir.join("tables");
    let plan = Plan {
        root: dir.clone(),
        master_key: sandbox_master_key(&dir.join("keys")).map_err(|e| BootError(e.to_string()))?,
        origin: ORIGIN.into(),
        custodian: CUSTODIAN.into(),
        clock,
        sandbox: true,
        break_glass_followed_up: true,
        overlay: overlay.is_dir().then_some(overlay),
        budget: if args.budget == "off" { Budget::Off } else { Budget::default() },
        caps: Caps::default(),
        holder_budget: Duration::from_secs(3),
        holders_memory: HOLDERS_MEMORY,
        holders: pki::towards_holders(&dir.join("pki"))?,
        witness: witness(args)?,
        directory: None,
    };
    let bound = Bound::bind(exchange, portal, management)?;
    let port = bound.exchange.local_addr().map_err(io)?;
    let issuer = format!("https://{port}");
    let issuer = Issuer::parse(&issuer).ok_or_else(|| BootError(format!("{issuer} is no issuer")))?;
    let (world, _found) = boot::open(&plan, &issuer)?;
    if world.witness.is_none() && !world.store.is_held_back() {
        // Before what the sandbox itself writes.
        beginning::write(&world)?;
    }
    seed::fill(dir, &world, &material, started, args.remote)?;
    // Held until the end: they end with it.
    let _servers = if args.remote { Some(elsewhere(dir, &world)?) } else { None };
    let places = seed::Places {
        exchange: issuer.as_str().to_owned(),
        portal: format!("https://{}", bound.portal.local_addr().map_err(io)?),
        management: format!("http://{}", bound.management.local_addr().map_err(io)?),
    };
    let (identity, authorities) = pki::faces(&dir.join("pki"))?;
    seed::write_region_json(dir, &world, &material, &places, started)?;
    let sign_in = sign_in(dir, &world, &places, started)?;
    let faces = Faces { exchange: identity.clone(), portal: identity, authorities, sign_in };
    let runtime = tokio::runtime::Runtime::new().map_err(io)?;
    let banner = || say(&banner(dir, &places));
    runtime.block_on(boot::serve(world, bound, faces, plan.caps, dir, banner))
}

/// Starts the holders' own servers, and registers where each listens this time.
fn elsewhere(dir: &Path, world: &Arc<World>) -> Result<Servers, BootError> {
    let trust = world.store.trust();
    let remote = trust.participants().filter(|p| p.holder == Some(Holder::Remote));
    let mut holders: Vec<String> = remote.map(|p| p.id.as_str().to_owned()).collect();
    holders.sort_unstable();
    let (servers, places) = Servers::start(dir, &holders)?;
    if world.store.is_held_back() {
        tracing::warn!(
            "nothing is recorded, nor where the holders listen: start again once the gap is acknowledged"
        );
        return Ok(servers);
    }
    for (holder, place) in places {
        let known = world.store.trust().participant(&holder).cloned();
        let Some(known) = known else { continue };
        let endpoint =
            serde_json::json!({"url": format!("https://{place}/fhir"), "networks": ["127.0.0.0/8"]});
        let next = Participant { endpoint: Some(endpoint), ..(*known).clone() };
        register::add(world, next).map_err(|e| BootError(format!("the endpoint of {holder}: {e}")))?;
    }
    Ok(servers)
}

/// A witness on this machine, when one is named.
fn witness(args: &Demo) -> Result<Option<Witness>, BootError> {
    let (Some(url), Some(key)) = (&args.witness, &args.witness_key) else { return Ok(None) };
    let key =
        WitnessKey::parse(key).map_err(|_| BootError(format!("--witness-key {key}: no witness's key")))?;
    if !url.starts_with("http://") {
        return Err(BootError(format!("--witness {url}: give http://ADDR, as `sluis witness` prints it")));
    }
    let url = url.trim_end_matches('/').to_owned();
    Ok(Some(Witness { url, key, authorities: Vec::new(), interval: Duration::from_secs(5) }))
}

/// The development provider, and how the portal reaches it: over TLS like any other.
fn sign_in(
    dir: &Path,
    world: &Arc<World>,
    places: &seed::Places,
    started: jiff::Timestamp,
) -> Result<SignIn, BootError> {
    let base = places.portal.clone();
    let development = Development::new(Arc::clone(world), &base, &seed::logins(dir, started)?)
        .ok_or_else(|| BootError("the development provider has no key".into()))?;
    let provider = Some(provider::known(&base, pki::authorities(&dir.join("pki"))?));
    Ok(SignIn { base, provider, beside: development.router() })
}

/// Removes a sandbox, and nothing that is none.
fn clear(dir: &Path) -> Result<(), BootError> {
    if !dir.exists() {
        return Ok(());
    }
    let empty = fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none());
    if !empty && !dir.join(seed::MARK).exists() {
        return Err(BootError(format!("{} is no sandbox: --fresh does not remove it", dir.display())));
    }
    if std::os::unix::net::UnixStream::connect(dir.join(crate::control::NAME)).is_ok() {
        return Err(BootError(format!("{} is in use", dir.display())));
    }
    fs::remove_dir_all(dir).map_err(|e| BootError(format!("{}: {e}", dir.display())))
}

fn say(text: &str) -> Result<(), BootError> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| BootError(format!("standard output: {e}")))
}

/// How the reader of the banner runs this program: as they just did, from wherever they stand.
fn program() -> String {
    let called_by_path =
        std::env::args_os().next().is_some_and(|name| Path::new(&name).components().count() > 1);
    let path = std::env::current_exe().ok().filter(|_| called_by_path);
    path.map_or_else(|| "sluis".to_owned(), |path| path.display().to_string())
}

fn banner(dir: &Path, places: &seed::Places) -> String {
    let dir = dir.display();
    let sluis = program();
    format!(
        "\nSluis, regio Heuvelrijk (sandbox; all people are invented)\n\
         \n\
         exchange    {}\n\
         portal      {}\n\
         management  {}\n\
         folder      {dir}\n\
         \n\
         One person, three askers, three answers (mevrouw Kaya). Paste in another terminal:\n\
         \n\
         \x20 {sluis} summary --patient 999990111 --as huisarts-de-linde --dir {dir}\n\
         \x20 {sluis} summary --patient 999990111 --as sociaal-team-west --person hoek --dir {dir}\n\
         \x20 {sluis} summary --patient 999990111 --as wijkverpleging-thuis --dir {dir}\n\
         \n\
         A bed instead of the emergency department (mevrouw Jansen):\n\
         \n\
         \x20 {sluis} summary --patient 999990032 --as zorgcoordinatie-heuvelrijk --dir {dir}\n\
         \x20 {sluis} summary --patient 999990032 --as coordinatiepunt-verblijf --dir {dir}\n\
         \n\
         The portal, for people and privacy officers: {}\n\
         Names and secrets stand in {dir}/region.json, under logins: jansen, elif, officer-linde …\n\
         \n\
         Why, and the proof:\n\
         \n\
         \x20 {sluis} explain --patient 999990032 --as zorgcoordinatie-heuvelrijk --purpose TREAT --dir {dir}\n\
         \x20 {sluis} audit dump --dir {dir} | tail -1\n\
         \x20 {sluis} audit verify --dir {dir}\n\
         \n\
         ready\n",
        places.exchange, places.portal, places.management, places.portal,
    )
}
