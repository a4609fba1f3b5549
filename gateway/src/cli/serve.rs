//! Real use: `serve` and `check-config`.

use super::{Ended, print};
use crate::boot::{self, Bound, Faces, Plan};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::portal::SignIn;
use crate::store::keys::master_key;
use axum::Router;
use std::path::Path;
use std::time::Duration;

pub(super) fn check(file: &Path) -> Ended {
    match config::load(file) {
        Ok(loaded) => match boot::load_rules(loaded.config.region.as_deref()) {
            Ok(_) => {
                loaded.notes.iter().for_each(print::note);
                print::note(format_args!("{} is good", file.display()));
                Ended::Well
            }
            Err(e) => Ended::Failed(e.to_string()),
        },
        Err(mistakes) => {
            for mistake in mistakes {
                print::out(&mistake);
            }
            Ended::Refused
        }
    }
}

pub(super) fn serve(file: &Path) -> Ended {
    let config = match config::load(file) {
        Ok(loaded) => loaded.config,
        Err(mistakes) => {
            for mistake in mistakes {
                print::note(&mistake);
            }
            return Ended::Refused;
        }
    };
    tracing_subscriber::fmt().json().with_writer(std::io::stderr).init();
    match run(&config) {
        Ok(()) => Ended::Well,
        Err(e) => Ended::Failed(e),
    }
}

fn run(config: &Config) -> Result<(), String> {
    let words = |e: &dyn std::fmt::Display| e.to_string();
    let master = config.master_key.read().map_err(|e| words(&e))?;
    let witness = config.witness.as_ref().map(config::WitnessConfig::witness).transpose();
    let holders = config.holders.ours().map_err(|e| words(&e))?;
    let directory = config.directory.as_ref().map(|at| at.source(&holders)).transpose();
    let plan = Plan {
        root: config.data.clone(),
        master_key: master_key(&master).ok_or("the master key is not 32 bytes, raw or in hexadecimal")?,
        origin: config.origin.clone(),
        custodian: config.origin.clone(),
        clock: Clock::real(),
        sandbox: false,
        break_glass_followed_up: false,
        overlay: config.region.clone(),
        budget: config.budget,
        caps: config.caps,
        holder_budget: HOLDER_BUDGET,
        holders,
        holders_memory: config.holders.memory,
        witness: witness.map_err(|e| words(&e))?,
        directory: directory.map_err(|e| words(&e))?,
    };
    let provider = config.sign_in.as_ref().map(config::SignInConfig::provider).transpose();
    let sign_in = SignIn {
        base: config.sign_in.as_ref().map(|at| at.url.clone()).unwrap_or_default(),
        provider: provider.map_err(|e| words(&e))?,
        beside: Router::new(),
    };
    let faces = Faces {
        exchange: config.exchange.tls.identity().map_err(|e| words(&e))?,
        authorities: config.exchange.authorities().map_err(|e| words(&e))?,
        portal: config.portal.identity().map_err(|e| words(&e))?,
        sign_in,
    };
    std::fs::create_dir_all(&plan.root).map_err(|e| format!("{}: {e}", plan.root.display()))?;
    let (world, found) = boot::open(&plan, &config.issuer).map_err(|e| words(&e))?;
    if found.torn {
        tracing::warn!("a torn tail of the journal was closed with a record");
    }
    let bound = Bound::bind(config.exchange.tls.listen, config.portal.listen, config.management)
        .map_err(|e| words(&e))?;
    let runtime = tokio::runtime::Runtime::new().map_err(|e| words(&e))?;
    let ready = || {
        tracing::info!("ready");
        Ok(())
    };
    runtime.block_on(boot::serve(world, bound, faces, plan.caps, &plan.root, ready)).map_err(|e| words(&e))
}

/// How long one holder may take before its part is a gap.
const HOLDER_BUDGET: Duration = Duration::from_secs(8);
