//! Grows the journal of a stopped folder to a number of records, and measures what that costs: CPU a record, `verify`,
//! opening the store with its view at hand and with the view gone, and one person's timeline. Prints; judges nothing.
//!
//! `cargo run --release -p gateway --example grow_journal -- FOLDER RECORDS` (a new folder; made records are of no one real)

#![allow(clippy::print_stdout, reason = "a measurement prints what it saw")]

use fhir_mappings::audit::{
    Action, Coding, Entry, Given, Holder, Interaction, Kind, Organisation, Outcome, Share,
};
use gateway::store::keys::{PersonNo, master_key};
use gateway::store::leaf::Draft;
use gateway::store::view::EngineKind;
use gateway::store::{Folders, Store};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

/// Waiting at once, as 64 clients would.
const WAITING: u64 = 64;
const PERSONS: u64 = 1_000;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [folder, records] = args.as_slice() else { return Err("usage: grow_journal FOLDER RECORDS".into()) };
    let records: u64 = records.parse()?;
    let store = Arc::new(open(folder)?.0);
    let begun = (Instant::now(), cpu()?);
    std::thread::scope(|scope| {
        for thread in 0..WAITING {
            let store = Arc::clone(&store);
            scope.spawn(move || {
                for n in (thread..records).step_by(usize::try_from(WAITING).unwrap_or(1)) {
                    if store.record_blocking(draft(n), None).is_err() {
                        return;
                    }
                }
            });
        }
    });
    let (took, used) = (begun.0.elapsed(), cpu()?.saturating_sub(begun.1));
    let made = store.records().len();
    println!(
        "{made} records in {took:?}: {:.0} a second, {:?} of CPU each",
        rate(made, took),
        used / u32::try_from(made.max(1))?
    );
    let begun = Instant::now();
    let checked = store.log().verify(None, |_| {})?;
    println!("verify: {:?}, {:.0} records a second", begun.elapsed(), rate(checked.records, begun.elapsed()));
    let begun = Instant::now();
    let seen = store.timeline(PersonNo(7))?.len();
    println!("timeline of one person, {seen} records: {:?}", begun.elapsed());
    store.close()?;
    drop(store);
    let (store, took) = open(folder)?;
    println!("open with the view at hand: {took:?}");
    store.close()?;
    drop(store);
    std::fs::remove_dir_all(Path::new(folder).join("view"))?;
    let (_, took) = open(folder)?;
    println!("open with the view gone: {took:?}");
    Ok(())
}

fn open(folder: &str) -> Result<(Store, Duration), Failure> {
    let key = master_key(&[7; 32]).ok_or("a key")?;
    let folders = Folders {
        root: folder.into(),
        master_key: key,
        origin: "sluis.example/figures".into(),
        engine: EngineKind::Redb,
    };
    let begun = Instant::now();
    let (store, _) = Store::open(&folders, || draft(0))?;
    Ok((store, begun.elapsed()))
}

fn rate(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// User and system time of this process.
fn cpu() -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).and_then(|t| t.parse::<u64>().ok()).unwrap_or_default();
    // Hundredths of a second on Linux.
    Ok(Duration::from_millis((ticks(11) + ticks(12)) * 10))
}

/// A record such as a summary over three holders leaves.
fn draft(n: u64) -> Draft {
    let own = |text: &str| text.to_owned();
    let coding = || Coding { system: own("http://fhir.nl/fhir/NamingSystem/ura"), code: own("90000371") };
    let mut entry = Entry::new(Kind::Answered, Action::Execute, Interaction::Summary, Outcome::Success);
    entry.organisation =
        Some(Organisation { id: own("made-up"), identifier: coding(), name: own("Made up") });
    entry.purpose = Some(own("TREAT"));
    entry.shares = (0..3)
        .map(|holder| Share {
            holder: Holder { id: format!("holder-{holder}"), identifier: coding(), country: own("NL") },
            given: vec![Given {
                classes: ["identity", "problems", "medication"].map(own).to_vec(),
                level: own("full"),
                sender: own("explicit-consent"),
                receiver: own("treatment"),
            }],
            withheld: Vec::new(),
            resources: 12,
            failed: None,
        })
        .collect();
    let time = jiff::Timestamp::from_second(1_795_000_000).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    Draft {
        entry,
        time,
        request_id: uuid::Uuid::new_v4().to_string(),
        person: Some(PersonNo(1 + n % PERSONS)),
        burnt: None,
    }
}
