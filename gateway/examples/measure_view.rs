//! Can an embedded store carry the view: one value (about 300 bytes) a person holding all current consents? Measures
//! sled and redb side by side: rebuild, disk, open, memory, look-ups by random person with files out of the page cache.
//! Decision record 0001 quotes it. Prints; judges nothing.
//!
//! `cargo run --release -p gateway --example measure_view -- FOLDER PERSONS [SECONDS]` (gives a rebuild up after SECONDS or 4 GB)

use redb::{Database, Durability, ReadableDatabase, TableDefinition};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

const VALUE: usize = 300;
const CACHE: usize = 64 << 20;
/// A rebuild that takes more memory (MB) is given up.
const MOST: u64 = 4096;
const BATCH: u64 = 10_000;
const LOOKUPS: u64 = 20_000;
const TABLE: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("persons");
const ENGINES: [&str; 2] = ["sled", "redb"];

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match *args.as_slice() {
        ["fill", engine, folder, persons, seconds] => {
            fill(engine, &place(folder, engine), persons.parse()?, Duration::from_secs(seconds.parse()?))
        }
        ["ask", engine, folder, persons] => ask(engine, &place(folder, engine), persons.parse()?),
        [folder, persons] => both(folder, persons, "300"),
        [folder, persons, seconds] => both(folder, persons, seconds),
        _ => Err("usage: measure_view FOLDER PERSONS [SECONDS]".into()),
    }
}

/// Each step in a process of its own, so that memory is that step's.
fn both(folder: &str, persons: &str, seconds: &str) -> Result<(), Failure> {
    for engine in ENGINES {
        let at = place(folder, engine);
        if at.exists() {
            std::fs::remove_dir_all(&at)?;
        }
        std::fs::create_dir_all(&at)?;
        let run = |args: &[&str]| Command::new(std::env::current_exe()?).args(args).status();
        if run(&["fill", engine, folder, persons, seconds])?.success() {
            for file in files(&at)? {
                // Reads nothing, but tells the kernel to forget the file's pages.
                let from = format!("if={}", file.display());
                Command::new("dd")
                    .args([from.as_str(), "iflag=nocache", "count=0", "status=none"])
                    .status()?;
            }
            run(&["ask", engine, folder, persons])?;
        }
        std::fs::remove_dir_all(&at)?;
    }
    Ok(())
}

fn place(folder: &str, engine: &str) -> PathBuf {
    Path::new(folder).join(engine)
}

fn key(person: u64) -> [u8; 16] {
    // Spread as a keyed pseudonym would be.
    let mixed = |n: u64| {
        let z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    (u128::from(mixed(person)) << 64 | u128::from(mixed(person ^ u64::MAX))).to_be_bytes()
}

fn value(person: u64) -> Vec<u8> {
    key(person).iter().copied().cycle().take(VALUE).collect()
}

fn sled_at(at: &Path) -> Result<sled::Db, Failure> {
    Ok(sled::Config::new().path(at).cache_capacity(CACHE as u64).open()?)
}

fn redb_at(at: &Path) -> Result<Database, Failure> {
    Ok(Database::builder().set_cache_size(CACHE).create(at.join("view.redb"))?)
}

/// What a rebuild from journal and holdings would write, made durable once at the end.
fn fill(engine: &str, at: &Path, persons: u64, limit: Duration) -> Result<(), Failure> {
    let begun = Instant::now();
    let batches = (0..persons).step_by(usize::try_from(BATCH)?).map(|from| from..(from + BATCH).min(persons));
    let too_much = |from: u64| -> Result<(), Failure> {
        if begun.elapsed() < limit && resident("VmRSS:")? < MOST {
            return Ok(());
        }
        say(&format!(
            "{engine} {persons} persons: rebuild given up after {:.0?} at {from}, memory {}",
            begun.elapsed(),
            memory()?
        ));
        Err("given up".into())
    };
    if engine == "sled" {
        let db = sled_at(at)?;
        for batch in batches {
            too_much(batch.start)?;
            let mut writes = sled::Batch::default();
            batch.for_each(|person| writes.insert(&key(person), value(person)));
            db.apply_batch(writes)?;
            // Without it dirty pages gather: 3.4 GB of memory at a million persons.
            db.flush()?;
        }
    } else {
        let db = redb_at(at)?;
        for batch in batches {
            too_much(batch.start)?;
            let mut write = db.begin_write()?;
            write.set_durability(if batch.end == persons {
                Durability::Immediate
            } else {
                Durability::None
            })?;
            {
                let mut table = write.open_table(TABLE)?;
                for person in batch {
                    table.insert(&key(person), value(person).as_slice())?;
                }
            }
            write.commit()?;
        }
    }
    let took = begun.elapsed();
    let bytes: u64 = files(at)?.iter().map(|file| file.metadata().map_or(0, |meta| meta.len())).sum();
    say(&format!(
        "{engine} {persons} persons: rebuild {took:.1?} ({:.0}/s), disk {} MB ({:.1} x the data), memory {}",
        persons as f64 / took.as_secs_f64(),
        bytes >> 20,
        bytes as f64 / (persons * (VALUE as u64 + 16)) as f64,
        memory()?
    ));
    Ok(())
}

fn ask(engine: &str, at: &Path, persons: u64) -> Result<(), Failure> {
    let begun = Instant::now();
    if engine == "sled" {
        let db = sled_at(at)?;
        opened(engine, persons, begun)?;
        ask_each(engine, persons, |key| Ok(db.get(key)?.is_some()))
    } else {
        let db = redb_at(at)?;
        opened(engine, persons, begun)?;
        ask_each(engine, persons, |key| Ok(db.begin_read()?.open_table(TABLE)?.get(key)?.is_some()))
    }
}

fn opened(engine: &str, persons: u64, begun: Instant) -> Result<(), Failure> {
    say(&format!("{engine} {persons} persons: open {:.1?}, memory {}", begun.elapsed(), memory()?));
    Ok(())
}

fn ask_each(
    engine: &str,
    persons: u64,
    mut find: impl FnMut(&[u8; 16]) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    for round in ["cold", "again"] {
        let mut waits = Vec::new();
        for n in 0..LOOKUPS {
            let wanted = key(n.wrapping_mul(0x9e37_79b9) % persons);
            let begun = Instant::now();
            if !find(&wanted)? {
                return Err("a person is missing".into());
            }
            waits.push(begun.elapsed());
        }
        waits.sort_unstable();
        let at = |part: usize| waits.get(waits.len() * part / 1000).copied().unwrap_or_default();
        say(&format!(
            "{engine} {persons} persons: {round} look-up p50 {:.1?} p99 {:.1?} p99.9 {:.1?}, memory {}",
            at(500),
            at(990),
            at(999),
            memory()?
        ));
    }
    Ok(())
}

fn files(at: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(at)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

/// Resident memory now and at most.
fn memory() -> Result<String, Failure> {
    Ok(format!("{} MB (peak {})", resident("VmRSS:")?, resident("VmHWM:")?))
}

/// One of the kernel's figures about this process, in MB.
fn resident(name: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such figure")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? >> 10)
}

#[expect(clippy::print_stdout, reason = "figures are what this program is for")]
fn say(line: &str) {
    println!("{line}");
}
