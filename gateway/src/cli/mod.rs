//! The command line (CONTRACT.md 1): data on standard output, everything else on standard error; exit 0 on success, 1
//! on a finding or refusal, 2 on wrong usage.

mod args;
mod audit;
#[cfg(feature = "sandbox")]
mod client;
mod cold;
mod consent;
mod doctor;
mod files;
mod keep;
mod ops;
mod print;
mod serve;
mod tables;
mod witness;

use args::{Cli, Command};
use clap::Parser;
use std::process::ExitCode;

pub(crate) use audit::{journal_key, not_whole, replayed, verdict};
pub(crate) use keep::{left_out, said};

/// How a command ended.
pub(crate) enum Ended {
    /// As asked.
    Well,
    /// A finding or refusal; it was said already.
    Refused,
    /// Wrong usage: these words say how to use it.
    Usage(String),
    /// A finding or refusal, in words.
    Failed(String),
}

impl Ended {
    fn code(code: u8) -> Self {
        match code {
            0 => Self::Well,
            2 => Self::Usage(String::new()),
            _ => Self::Refused,
        }
    }
}

/// Keys, numbers and names stand in this process's memory: what is left of it when it dies may not hold them, wherever it runs
/// and whatever the limits there are. Nor may another process of the same user look into it.
fn leave_no_core() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // It fails on no Linux, and there would be nobody to tell yet.
        let _set = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    leave_no_core();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            let code = u8::try_from(e.exit_code()).unwrap_or(2);
            // Help goes to standard output, mistakes to standard error; there is nobody to tell when neither works.
            let _told = e.print().is_ok();
            return ExitCode::from(code);
        }
    };
    match run(cli.command) {
        Ended::Well => ExitCode::SUCCESS,
        Ended::Refused => ExitCode::from(1),
        Ended::Usage(words) => {
            if !words.is_empty() {
                print::note(words);
            }
            ExitCode::from(2)
        }
        Ended::Failed(words) => {
            print::note(words);
            ExitCode::from(1)
        }
    }
}

fn run(command: Command) -> Ended {
    match command {
        #[cfg(feature = "sandbox")]
        Command::Demo(args) => crate::sandbox::demo::run(&args),
        #[cfg(feature = "sandbox")]
        Command::HolderServer(args) => crate::sandbox::ehr::run(&args),
        Command::Serve(args) => serve::serve(&args.config),
        Command::CheckConfig(args) => serve::check(&args.config),
        Command::Import(args) => ops::import(&args),
        #[cfg(feature = "sandbox")]
        Command::Token(args) => client::token(&args),
        #[cfg(feature = "sandbox")]
        Command::Summary(args) => client::summary(&args),
        #[cfg(feature = "sandbox")]
        Command::Send(args) => client::send(&args),
        Command::Erase(args) => ops::erase(&args),
        Command::Explain(args) => ops::explain(&args),
        Command::Consent(args) => ops::consent(&args.command),
        Command::Relation(args) => ops::relation(&args.command),
        Command::Index(args) => ops::index(&args.command),
        Command::Participant(args) => ops::participant(&args.command),
        Command::Certificate(args) => ops::certificate(&args.command),
        Command::Audit(args) => audit::run(&args.command),
        Command::Witness(args) => witness::run(&args),
        Command::Tables(args) => tables::run(&args.command),
        Command::RebuildView(args) => ops::rebuild_view(&args),
        Command::Retention(args) => ops::retention(&args.command),
        Command::Keys(args) => ops::keys(&args.command),
        Command::Backup(args) => keep::backup(&args),
        Command::Restore(args) => keep::restore(&args),
        Command::Doctor(args) => doctor::run(&args),
        #[cfg(feature = "sandbox")]
        Command::Clock(args) => ops::clock(&args),
        #[cfg(feature = "sandbox")]
        Command::Fault(args) => ops::fault(&args),
    }
}

/// Says how the demonstration ended, for [`crate::sandbox`].
#[cfg(feature = "sandbox")]
pub(crate) use args::{Demo, HolderServer};
