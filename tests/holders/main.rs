//! What holders elsewhere cost: twenty beside one, the gateway beside the holder asked directly, the gateway beside nginx
//! that passes the same bytes, hostile holders beside none.
//!
//!     tests/figures holders            builds both programs in release, measures everything (some minutes)
//!     tests/figures holders added cpu  these alone: twenty, added, cpu, memory, hostile
//!     SCALE=0.2 tests/figures holders  a fifth of the samples
//!
//! A benchmark, not a test: rivals are asked in turns, so that a busy machine is as busy for both, and figures are ratios
//! and differences within one run. It judges nothing; it prints the goal beside the figure.

mod growth;
mod holder;
mod hostile;
mod measure;
mod region;
mod rival;
// The scripted holders of the tests; not each of their ways is measured.
#[allow(dead_code)]
#[path = "../elsewhere/server.rs"]
mod server;

use holder::{FULL, Has, Holder};
use measure::{Times, cpu, millis, row, syncs, timed};
use region::{PERSON, Region, ask, search};
use sluis_tests::{Client, Request};
use std::time::Duration;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    println!("{}", machine());
    if wants("twenty") {
        growth::twenty();
    }
    if wants("added") {
        for h2 in [false, true] {
            added(h2);
        }
    }
    if wants("cpu") {
        for h2 in [false, true] {
            beside_nginx(h2);
        }
    }
    if wants("memory") {
        growth::beside();
    }
    if wants("hostile") {
        hostile::hostile();
    }
}

/// A bundle as the goals name it.
const BUNDLE: Has = Has { entries: 200, bytes: 100_000, after: Duration::from_millis(20), h2: false };

/// So many, or the part of it that `SCALE` says.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn scaled(count: u32) -> usize {
    let scale = std::env::var("SCALE").ok().and_then(|scale| scale.parse::<f64>().ok()).unwrap_or(1.0);
    (f64::from(count) * scale).max(4.0) as usize
}

/// A runtime for holders.
fn runtime(threads: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .expect("a runtime")
}

fn machine() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(3).collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} cores, load {} before it began", load.join(" "))
}

fn http(h2: bool) -> &'static str {
    if h2 { "HTTP/2" } else { "HTTP/1.1" }
}

/// The match and the page, as the gateway asks them.
fn questions() -> [Request; 2] {
    [
        Request::form("/fhir/Patient/_search", &[("identifier", "http://fhir.nl/fhir/NamingSystem/bsn|x")]),
        Request::get(&format!("/fhir/{FULL}?patient=Patient%2Fp1&_count=200")),
    ]
}

/// Asks the holder itself, without a gateway: the match, then the page.
fn directly(client: &Client) -> usize {
    let [_, page] = questions().map(|question| client.send(&question).ok());
    page.body.len()
}

/// A client of the holder itself.
fn direct(holder: &Holder, folder: &std::path::Path) -> Client {
    let authority = folder.join("direct.pem");
    holder.keep_authority(&authority);
    Client::with_files(&authority, None, jiff::Timestamp::now(), format!("127.0.0.1:{}", holder.port))
}

/// What the gateway adds to the time that the holder itself takes.
fn added(h2: bool) {
    let runtime = runtime(1);
    let region = Region::with(1, Has { h2, ..BUNDLE }, &runtime);
    let holder = &region.holders[0];
    let client = direct(holder, region.world.dir());
    let (mut asker, id) = (region.asker(), region.asker().id(PERSON));
    let (mut summaries, mut pages) = (Times::default(), Times::default());
    let (mut alone, mut synced) = (Times::default(), Times::default());
    let mut sizes = [0; 3];
    for round in 0..scaled(600) {
        if round % 100 == 0 {
            asker = region.asker();
            synced.extend(syncs(region.world.dir(), 100));
            ask(&asker, &mut Times::default());
            directly(&client);
        }
        let summary = ask(&asker, &mut summaries);
        let (bytes, took) = timed(|| directly(&client));
        alone.add(took);
        sizes = [bytes, summary, search(&asker, &id, &mut pages)];
    }
    let [there, summary, page] = sizes;
    println!(
        "\n== added to a holder's own time: 200 entries, {there} bytes there, {summary} in a summary, {page} in a \
         search, {}",
        http(h2)
    );
    row("the holder, asked directly", &alone.to_string(), "");
    row("one append and fdatasync, same disk", &synced.to_string(), "");
    for (name, whole) in [("summary", &summaries), ("search", &pages)] {
        let more = whole.less(&alone);
        row(&format!("{name} through the gateway"), &whole.to_string(), "");
        row("  added", &format!("p50 {:.2} ms, p99 {:.2} ms", more.p50(), more.p99()), "");
        row(
            "  added besides one fdatasync",
            &format!("p50 {:.2} ms, p99 {:.2} ms", more.p50() - synced.p50(), more.p99() - synced.p99()),
            "3 ms, 10 ms",
        );
    }
    row("connections that the holder saw", &holder.connections().to_string(), "");
}

/// Processor time of turns of questions: in all, and of each turn.
#[derive(Default)]
struct Spent {
    turns: Vec<Duration>,
    times: Times,
}

impl Spent {
    fn turn(&mut self, pids: &[u32], ask: impl Fn(&mut Times)) {
        let before = cpu(pids);
        (0..TURN).for_each(|_| ask(&mut self.times));
        self.turns.push(cpu(pids) - before);
    }

    /// Microseconds of one question.
    fn each(&self) -> f64 {
        let all: Duration = self.turns.iter().sum();
        millis(all) * 1e3 / f64::from(TURN) / f64::from(u32::try_from(self.turns.len()).expect("few"))
    }

    fn over(&self, other: &Self) -> String {
        let each =
            self.turns.iter().zip(&other.turns).map(|(one, its)| one.as_secs_f64() / its.as_secs_f64());
        let mut ratios: Vec<f64> = each.collect();
        ratios.sort_by(f64::total_cmp);
        let (least, most) = (ratios[0], ratios[ratios.len() - 1]);
        format!("{:.2} (median of turns; {least:.2} to {most:.2})", ratios[ratios.len() / 2])
    }
}

/// Questions of a turn.
const TURN: u32 = 25;

/// Processor time for what is fetched, beside nginx passing the same bytes.
fn beside_nginx(h2: bool) {
    let runtime = runtime(1);
    let has = Has { h2, after: Duration::ZERO, ..BUNDLE };
    let region = Region::with(1, has, &runtime);
    let bare = Region::with(1, Has { entries: 0, ..has }, &runtime);
    let Some(nginx) = rival::Nginx::before(&region.holders[0]) else { return };
    let (through, gateway, other) = (nginx.client(), [region.world.pid()], [bare.world.pid()]);
    let page = &questions()[1];
    let bytes = through.send(page).ok().body.len();
    let id = region.asker().id(PERSON);
    let [mut summaries, mut searches, mut nothing, mut passed] = [(); 4].map(|()| Spent::default());
    for round in 0..=scaled(20) {
        let (asker, idle) = (region.asker(), bare.asker());
        if round == 1 {
            // The first round warmed.
            [summaries, searches, nothing, passed] = [(); 4].map(|()| Spent::default());
        }
        summaries.turn(&gateway, |times| {
            ask(&asker, times);
        });
        passed.turn(&nginx.workers(), |times| times.add(timed(|| through.send(page).ok()).1));
        searches.turn(&gateway, |times| {
            search(&asker, &id, times);
        });
        nothing.turn(&other, |times| {
            ask(&idle, times);
        });
    }
    println!(
        "\n== processor time for {bytes} bytes fetched, {}, {} questions of each kind in turns of {TURN}",
        http(h2),
        passed.times.count()
    );
    for (name, spent) in [
        ("nginx: the page, passed through", &passed),
        ("gateway: a summary", &summaries),
        ("gateway: a search", &searches),
        ("gateway: a summary, nothing there to fetch", &nothing),
    ] {
        row(name, &format!("{:.0} us, {}", spent.each(), spent.times), "");
    }
    row("summary / nginx", &summaries.over(&passed), "1.8");
    row("search / nginx", &searches.over(&passed), "1.8");
    let more = (summaries.each() - nothing.each()) / passed.each();
    row("(summary less one with nothing) / nginx", &format!("{more:.2}"), "");
}
