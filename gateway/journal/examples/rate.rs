//! Durable records a second with 1, 64 and 512 waiting, beside a bare append and `fdatasync` of the same bytes in the
//! same run; then start, verification and proofs at a size of choice. Prints; judges nothing.
//!
//! `cargo run --release -p sluis-journal --example rate -- FOLDER [RECORDS]`

use sluis_journal::{Archive, Entry, Log, LogSettings, Opened, Question, Signer};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

const RECORD: usize = 400;
const ROUND: Duration = Duration::from_secs(2);

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().ok_or("usage: rate FOLDER [RECORDS]")?);
    let records = args.next().map_or(Ok(1_000_000), |count| count.parse())?;
    std::fs::create_dir_all(&folder)?;
    for waiting in [1, 64, 512] {
        let mut ratios = Vec::new();
        for _ in 0..3 {
            let bare = bare(&folder, waiting)?;
            let group = group(&folder, waiting)?;
            say(&format!("{waiting:>4} waiting  bare {bare}  group {group}"));
            ratios.push(group.rate / bare.rate);
        }
        ratios.sort_by(f64::total_cmp);
        say(&format!(
            "{waiting:>4} waiting  group/bare, median of 3: {:.2}",
            ratios.get(1).copied().unwrap_or(0.0)
        ));
    }
    size(&folder, records)
}

struct Measured {
    rate: f64,
    /// Processor time of the whole process a record.
    cpu: Duration,
    p50: Duration,
    p99: Duration,
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:>8.0} rec/s p50 {:>7.0?} p99 {:>7.0?} cpu {:>5.1?}",
            self.rate, self.p50, self.p99, self.cpu
        )
    }
}

fn measured(mut waits: Vec<Duration>, count: usize, took: Duration, cpu: Duration) -> Measured {
    waits.sort_unstable();
    let at = |part: usize| waits.get(waits.len() * part / 100).copied().unwrap_or_default();
    let cpu = cpu.div_f64(count.max(1) as f64);
    Measured { cpu, rate: count as f64 / took.as_secs_f64(), p50: at(50), p99: at(99) }
}

/// Processor time of this process so far (Linux counts hundredths of a second).
fn cpu() -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no such figures")?;
    let ticks: Result<Vec<u64>, _> = fields.split_whitespace().skip(11).take(2).map(str::parse).collect();
    Ok(Duration::from_millis(10 * ticks?.iter().sum::<u64>()))
}

/// One thread, `waiting` records a write, one sync a write, into zeroed space.
fn bare(folder: &Path, waiting: usize) -> Result<Measured, Failure> {
    let path = folder.join("bare");
    let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
    file.write_all_at(&vec![0; 64 << 20], 0)?;
    file.sync_all()?;
    let batch = vec![b'x'; (RECORD + 16) * waiting];
    let (mut at, mut waits, begun, spent) = (0, Vec::new(), Instant::now(), cpu()?);
    while begun.elapsed() < ROUND {
        let one = Instant::now();
        file.write_all_at(&batch, at)?;
        file.sync_data()?;
        at = (at + batch.len() as u64) % (60 << 20);
        waits.push(one.elapsed());
    }
    let count = waits.len() * waiting;
    let measured = measured(waits, count, begun.elapsed(), cpu()? - spent);
    std::fs::remove_file(path)?;
    Ok(measured)
}

fn settings(folder: &Path) -> Result<LogSettings, Failure> {
    Ok(LogSettings {
        journal: folder.join("journal"),
        holdings: folder.join("holdings"),
        signers: vec![Signer::from_seed("sluis.example/rate", &[1; 32])?],
    })
}

fn open(folder: &Path) -> Result<Log, Failure> {
    match Log::open(settings(folder)?)? {
        Opened::Whole(log) => Ok(log),
        Opened::Torn(_) => Err("the folder holds a torn log".into()),
    }
}

fn fresh(folder: &Path) -> Result<PathBuf, Failure> {
    let fresh = folder.join("group");
    if fresh.exists() {
        std::fs::remove_dir_all(&fresh)?;
    }
    Ok(fresh)
}

/// `waiting` tasks of one runtime, each with one record under way.
fn group(folder: &Path, waiting: usize) -> Result<Measured, Failure> {
    let folder = fresh(folder)?;
    let log = Arc::new(open(&folder)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    let count = Arc::new(AtomicU64::new(0));
    let (begun, spent) = (Instant::now(), cpu()?);
    let tasks: Vec<_> = (0..waiting)
        .map(|_| {
            let (log, count) = (log.clone(), count.clone());
            runtime.spawn(async move {
                let mut waits = Vec::new();
                while begun.elapsed() < ROUND {
                    let one = Instant::now();
                    if log.append(Entry::of(vec![vec![b'x'; RECORD]])).await.is_err() {
                        break;
                    }
                    waits.push(one.elapsed());
                    count.fetch_add(1, Ordering::Relaxed);
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(runtime.block_on(task)?);
    }
    let took = begun.elapsed();
    let count = usize::try_from(count.load(Ordering::Relaxed))?;
    Ok(measured(waits, count, took, cpu()? - spent))
}

/// Fills a journal to a size and measures what must not grow with it.
fn size(folder: &Path, records: u64) -> Result<(), Failure> {
    let folder = fresh(folder)?;
    drop(open(&folder)?);
    let empty = start(&folder)?;
    let log = open(&folder)?;
    while log.records().len() < records {
        log.append_blocking(Entry::of(vec![vec![b'x'; RECORD]; 256]))?;
    }
    drop(log);
    let full = start(&folder)?;
    let log = open(&folder)?;
    say(&format!("start, best of five: {empty:.1?} with no record, {full:.1?} with {}", log.records().len()));
    let (proof, took) = timed(|| Ok(log.prove(records / 3)?))?;
    say(&format!(
        "proof: {took:.1?}, path {} bytes, checkpoint {} bytes",
        proof.path.len() * 32,
        proof.checkpoint.len()
    ));
    let mut reads = Vec::new();
    for n in 0..1000 {
        reads.push(timed(|| Ok(log.records().read(n * 7919 % records)?))?.1);
    }
    let reads = measured(reads, 0, ROUND, Duration::ZERO);
    say(&format!("read by index: p50 {:.0?} p99 {:.0?}", reads.p50, reads.p99));
    drop(log);
    let keys = [Signer::from_seed("sluis.example/rate", &[1; 32])?.verifier().clone()];
    let question = Question { keys: &keys, older: None };
    let (checked, took) = timed(|| Ok(Archive::verify(&folder.join("journal"), &question, |_| {})?))?;
    let rate = checked.records as f64 / took.as_secs_f64();
    say(&format!("verify: {took:.2?}, {rate:.0} records/s, {} batches", checked.batches));
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn start(folder: &Path) -> Result<Duration, Failure> {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        best = best.min(timed(|| open(folder))?.1);
    }
    Ok(best)
}

fn timed<T>(act: impl FnOnce() -> Result<T, Failure>) -> Result<(T, Duration), Failure> {
    let begun = Instant::now();
    Ok((act()?, begun.elapsed()))
}

#[expect(clippy::print_stdout, reason = "figures are what this program is for")]
fn say(line: &str) {
    println!("{line}");
}
