//! What is read of the machine: times, processors, memory, the disk. Nothing here knows what is measured.

use std::fmt;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Durations in the order in which they came.
#[derive(Debug, Default, Clone)]
pub struct Times(Vec<Duration>);

impl Times {
    pub fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    pub fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The time below which this part of them lies.
    pub fn at(&self, part: f64) -> Duration {
        let mut ordered = self.0.clone();
        ordered.sort_unstable();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let at = (ordered.len() as f64 * part) as usize;
        ordered.get(at.min(ordered.len().saturating_sub(1))).copied().unwrap_or_default()
    }

    pub fn p50(&self) -> f64 {
        millis(self.at(0.50))
    }

    pub fn p99(&self) -> f64 {
        millis(self.at(0.99))
    }

    /// Each of these less the one of `others` that was taken beside it; nothing where that took longer.
    pub fn less(&self, others: &Self) -> Self {
        Self(self.0.iter().zip(&others.0).map(|(one, other)| one.saturating_sub(*other)).collect())
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {:.2} ms, p99 {:.2} ms (n {})", self.p50(), self.p99(), self.count())
    }
}

pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// How long this takes.
pub fn timed<T>(what: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let done = what();
    (done, began.elapsed())
}

/// Time that these processes spent on a processor: the scheduler's own count over all their threads.
pub fn cpu(pids: &[u32]) -> Duration {
    let tasks = pids.iter().flat_map(|pid| fs::read_dir(format!("/proc/{pid}/task")).expect("it runs"));
    let nanoseconds = tasks.map(|task| {
        let count = fs::read_to_string(task.expect("a task").path().join("schedstat")).unwrap_or_default();
        count.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or_default()
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// Resident memory of a process now (`VmRSS`) or at its most (`VmHWM`), in MB.
pub fn memory(pid: u32, row: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let row = status.lines().find_map(|line| line.strip_prefix(row)?.strip_prefix(':')).expect("a row");
    row.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
}

/// Lets the most that a process held be counted anew from here.
pub fn forget_most(pid: u32) {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("the most is counted anew");
}

/// Bare appends of a record's size, each synced to the disk that holds `folder`.
pub fn syncs(folder: &Path, count: usize) -> Times {
    let path = folder.join("syncs");
    let mut file = fs::File::create(&path).expect("a file");
    let mut times = Times::default();
    for _ in 0..count {
        let (_, took) = timed(|| {
            file.write_all(&[7; 400]).expect("written");
            file.sync_data().expect("synced");
        });
        times.add(took);
    }
    fs::remove_file(path).expect("removed");
    times
}

/// One row of the table; `goal` is what the figure should keep to.
pub fn row(what: &str, figure: &str, goal: &str) {
    let goal = if goal.is_empty() { String::new() } else { format!("at most {goal}") };
    println!("{}", format!("{what:<44} {figure:<54} {goal}").trim_end());
}
