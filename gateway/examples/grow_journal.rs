//! Grows the journal of a stopped folder to a number of records, and measures what that costs: CPU a record, `verify`,
//! opening the store with its view at hand and with the view gone, one person's timeline, and what an officer searches by,
//! at a tenth of the records and at all of them, so that the slope shows. Prints; judges nothing.
//!
//! `cargo run --release -p gateway --example grow_journal -- FOLDER RECORDS` (a new folder; made records are of no one real)

#![allow(clippy::print_stdout, reason = "a measurement prints what it saw")]

use fhir_mappings::audit::{
    Action, Assurance, Coding, Emergency, Entry, Given, Holder, Interaction, Kind, Organisation, Outcome,
    Person, Share,
};
use gateway::store::facets::{Ended, Wanted};
use gateway::store::keys::{PersonNo, master_key};
use gateway::store::leaf::{Draft, Leaf};
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
    let begun = Instant::now();
    while store.index_journal(64)? > 0 {}
    println!("index of the journal, from nothing: {:?}", begun.elapsed());
    for records in [made / 10, made] {
        searches(&store, records)?;
    }
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

/// A page of fifty for one officer: the newest that match, opened. What is rare has to be looked for through all of them.
fn searches(store: &Store, records: u64) -> Result<(), Failure> {
    const PAGE: usize = 50;
    let own = Wanted { own: Some("asker-3"), accesses: true, ..Wanted::default() };
    let rare = format!("employee-{}", RARE);
    let searches = [
        ("any", own),
        ("an employee", Wanted { employee: Some("employee-12"), ..own }),
        ("an employee of long ago", Wanted { employee: Some(&rare), ..own }),
        ("a pair of organisations", Wanted { other: Some("holder-21"), ..own }),
        ("a pair that never met", Wanted { other: Some("holder-none"), ..own }),
        ("a purpose", Wanted { purpose: Some("COC"), ..own }),
        ("an emergency", Wanted { emergency: true, ..own }),
        ("refused", Wanted { ended: Some(Ended::Nothing), ..own }),
    ];
    println!("\nof {records} records, a page of {PAGE}, p50 and p95 of 40:");
    for (name, wanted) in searches {
        let mut times = Vec::new();
        let mut opened = 0;
        for _ in 0..40 {
            let begun = Instant::now();
            let mut found = 0;
            opened = 0;
            store.search(&wanted, 0..records, |index| {
                opened += 1;
                let entry = store.records().read(index).ok().and_then(|record| Leaf::parse(&record).ok());
                let entry = entry.and_then(|leaf| leaf.open(store.keys()).ok());
                found += usize::from(entry.is_some_and(|entry| matches(&entry, &wanted)));
                found < PAGE
            })?;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
        println!("  {name:<26} {:>10.2?} {:>10.2?}   {opened} opened", at(50), at(95));
    }
    let day = jiff::Timestamp::from_second(START + 43_200)?;
    let begun = Instant::now();
    let next = jiff::Timestamp::from_second(START + 43_260)?;
    let spans = store.spans(Some(day), Some(next))?;
    println!("  where a minute lies: {:?}, in {} spans", begun.elapsed(), spans.len());
    Ok(())
}

/// The index finds what may match.
fn matches(entry: &Entry, wanted: &Wanted<'_>) -> bool {
    let takes_part = |id: &str| {
        entry.organisation.as_ref().is_some_and(|o| o.id == id)
            || entry.shares.iter().any(|s| s.holder.id == id)
    };
    wanted.own.is_none_or(takes_part)
        && wanted.other.is_none_or(takes_part)
        && wanted.employee.is_none_or(|id| entry.person.as_ref().is_some_and(|person| person.id == id))
}

/// Somebody who asked only in the very first records.
const RARE: u64 = 999;
const START: i64 = 1_795_000_000;

fn open(folder: &str) -> Result<(Store, Duration), Failure> {
    let key = master_key(&[7; 32]).ok_or("a key")?;
    let folders = Folders {
        root: folder.into(),
        master_key: key,
        origin: "sluis.example/figures".into(),
        engine: EngineKind::Redb,
    };
    let begun = Instant::now();
    let (store, _) = Store::open(&folders, jiff::Timestamp::now(), |_| draft(0))?;
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
        Some(Organisation { id: format!("asker-{}", n % 20), identifier: coding(), name: own("Made up") });
    entry.purpose = Some(own(if n.is_multiple_of(7) { "COC" } else { "TREAT" }));
    let employee = if n < 100 { RARE } else { n % 200 };
    entry.person = Some(Person {
        id: format!("employee-{employee}"),
        name: Some(own("M. Made-Up")),
        role: Some(coding()),
        assurance: Assurance::Registered,
    });
    if n.is_multiple_of(5_003) {
        entry.emergency =
            Some(Emergency { reason: own("vital"), could_not_be_asked: true, attestation: None });
    }
    if n.is_multiple_of(11) {
        entry.outcome = Outcome::Refused(own("not-permitted/not-asked"));
    }
    // Forty holders, of which three or so are asked each time.
    entry.shares = (0..3)
        .map(|holder| Share {
            holder: Holder {
                id: format!("holder-{}", (n * 7 + holder * 13) % 40),
                identifier: coding(),
                country: own("NL"),
            },
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
    // Twenty records a second.
    let second = START + i64::try_from(n / 20).unwrap_or_default();
    let time = jiff::Timestamp::from_second(second).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    Draft {
        entry,
        time,
        request_id: uuid::Uuid::new_v4().to_string(),
        person: Some(PersonNo(1 + n % PERSONS)),
        burnt: None,
    }
}
