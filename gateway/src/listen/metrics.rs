//! Counters and gauges in the Prometheus text format.
//!
//! Label values are `&'static str`: what is not written in our source cannot become a label, so no person,
//! number or token ever does.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A number that only rises. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds several.
    pub fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    /// Its present value.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A distribution of durations, in seconds. Clones share it.
#[derive(Debug, Clone)]
pub struct Histogram(Arc<Buckets>);

#[derive(Debug, Default)]
struct Buckets {
    counts: [AtomicU64; BOUNDS_MILLISECONDS.len()],
    total: AtomicU64,
    microseconds: AtomicU64,
}

impl Histogram {
    /// Notes one duration.
    pub fn observe(&self, took: std::time::Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        for (bound, count) in BOUNDS_MILLISECONDS.iter().zip(&self.0.counts) {
            if micros <= bound * 1000 {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.0.total.fetch_add(1, Ordering::Relaxed);
        self.0.microseconds.fetch_add(micros, Ordering::Relaxed);
    }
}

/// All metrics of the program. Clones share it.
#[derive(Clone, Default)]
pub struct Registry(Arc<Mutex<BTreeMap<&'static str, Family>>>);

struct Family {
    help: &'static str,
    kind: &'static str,
    series: Vec<(Vec<(&'static str, &'static str)>, Series)>,
}

enum Series {
    Counter(Counter),
    Gauge(Box<dyn Fn() -> f64 + Send + Sync>),
    Histogram(Histogram),
}

impl Registry {
    /// The counter of a name and labels; the same one when asked again.
    #[must_use]
    pub fn counter(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &'static str)],
    ) -> Counter {
        let mut families = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let family =
            families.entry(name).or_insert_with(|| Family { help, kind: "counter", series: Vec::new() });
        let held = family.series.iter().find(|(held, _)| held.as_slice() == labels);
        if let Some((_, Series::Counter(counter))) = held {
            return counter.clone();
        }
        let counter = Counter::default();
        family.series.push((labels.to_vec(), Series::Counter(counter.clone())));
        counter
    }

    /// The histogram of a name and labels; the same one when asked again.
    #[must_use]
    pub fn histogram(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &'static str)],
    ) -> Histogram {
        let mut families = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let family =
            families.entry(name).or_insert_with(|| Family { help, kind: "histogram", series: Vec::new() });
        let held = family.series.iter().find(|(held, _)| held.as_slice() == labels);
        if let Some((_, Series::Histogram(histogram))) = held {
            return histogram.clone();
        }
        let histogram = Histogram(Arc::default());
        family.series.push((labels.to_vec(), Series::Histogram(histogram.clone())));
        histogram
    }

    /// A gauge that is read when it is asked for.
    pub fn gauge(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &'static str)],
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        let mut families = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let family =
            families.entry(name).or_insert_with(|| Family { help, kind: "gauge", series: Vec::new() });
        family.series.push((labels.to_vec(), Series::Gauge(Box::new(read))));
    }

    /// All of them as Prometheus text (version 0.0.4).
    #[must_use]
    pub fn render(&self) -> String {
        let families = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for (name, family) in families.iter() {
            text.push_str(&format!("# HELP {name} {}\n# TYPE {name} {}\n", family.help, family.kind));
            for (labels, series) in &family.series {
                series.render(name, labels, &mut text);
            }
        }
        text
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Registry")
    }
}

impl Series {
    fn render(&self, name: &str, labels: &[(&'static str, &'static str)], text: &mut String) {
        let mut line = |suffix: &str, extra: Option<(&str, &str)>, value: &str| {
            let pairs = labels.iter().copied().chain(extra);
            let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}=\"{value}\"")).collect();
            let pairs = if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) };
            let _written = writeln!(text, "{name}{suffix}{pairs} {value}").is_ok();
        };
        match self {
            Self::Counter(counter) => line("", None, &counter.value().to_string()),
            Self::Gauge(read) => match read() {
                f64::INFINITY => line("", None, "+Inf"),
                value => line("", None, &value.to_string()),
            },
            Self::Histogram(Histogram(buckets)) => {
                for (bound, count) in BOUNDS_MILLISECONDS.iter().zip(&buckets.counts) {
                    let (whole, rest) = (bound / 1000, bound % 1000);
                    let bound = format!("{whole}.{rest:03}");
                    line("_bucket", Some(("le", &bound)), &count.load(Ordering::Relaxed).to_string());
                }
                let total = buckets.total.load(Ordering::Relaxed).to_string();
                let micros = buckets.microseconds.load(Ordering::Relaxed);
                line("_bucket", Some(("le", "+Inf")), &total);
                line("_sum", None, &format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000));
                line("_count", None, &total);
            }
        }
    }
}

const BOUNDS_MILLISECONDS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000];

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let registry = Registry::default();
        registry.counter("sluis_b_total", "Bs.", &[("kind", "x")]).add(2);
        registry.counter("sluis_b_total", "Bs.", &[("kind", "x")]).increment();
        registry.gauge("sluis_a", "As.", &[], || 1.5);
        registry.gauge("sluis_d", "Ds.", &[], || f64::INFINITY);
        registry.histogram("sluis_c_seconds", "Cs.", &[]).observe(Duration::from_millis(7));
        let text = registry.render();
        assert!(text.starts_with("# HELP sluis_a As.\n# TYPE sluis_a gauge\nsluis_a 1.5\n"));
        assert!(text.contains("# TYPE sluis_b_total counter\nsluis_b_total{kind=\"x\"} 3\n"));
        assert!(text.contains("sluis_c_seconds_bucket{le=\"0.005\"} 0\n"));
        assert!(text.contains("sluis_c_seconds_bucket{le=\"0.010\"} 1\n"));
        assert!(text.contains("\nsluis_d +Inf\n"));
        assert!(text.contains("sluis_c_seconds_sum 0.007000\nsluis_c_seconds_count 1\n"));
    }
}
