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
use region::{Region, ask};
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
    let mut asker = region.asker();
    let (mut whole, mut alone, mut synced) = (Times::default(), Times::default(), Times::default());
    let (mut page, mut answer) = (0, 0);
    for round in 0..scaled(600) {
        if round % 100 == 0 {
            asker = region.asker();
            synced.extend(syncs(region.world.dir(), 100));
            ask(&asker, &mut Times::default());
            directly(&client);
        }
        answer = ask(&asker, &mut whole);
        let (bytes, took) = timed(|| directly(&client));
        alone.add(took);
        page = bytes;
    }
    let more = whole.less(&alone);
    println!(
        "\n== added to a holder's own time: {} entries, {page} bytes there, {answer} here, {}",
        200,
        http(h2)
    );
    row("the holder, asked directly", &alone.to_string(), "");
    row("through the gateway", &whole.to_string(), "");
    row("one append and fdatasync, same disk", &synced.to_string(), "");
    row("added", &format!("p50 {:.2} ms, p99 {:.2} ms", more.p50(), more.p99()), "");
    row(
        "added besides one fdatasync",
        &format!("p50 {:.2} ms, p99 {:.2} ms", more.p50() - synced.p50(), more.p99() - synced.p99()),
        "3 ms, 10 ms",
    );
    row("connections that the holder saw", &holder.connections().to_string(), "");
}

/// Processor time for what is fetched, beside nginx passing the same bytes.
fn beside_nginx(h2: bool) {
    let runtime = runtime(1);
    let region = Region::with(1, Has { h2, after: Duration::ZERO, ..BUNDLE }, &runtime);
    let holder = &region.holders[0];
    let Some(nginx) = rival::Nginx::before(holder) else { return };
    let (through, gateway) = (nginx.client(), [region.world.pid()]);
    let page = &questions()[1];
    let bytes = through.send(page).ok().body.len();
    let (mut ours, mut theirs, mut ratios) = (Duration::ZERO, Duration::ZERO, Vec::new());
    let (mut took, mut passed) = (Times::default(), Times::default());
    let turn = 50_u32;
    let rounds = scaled(20);
    for round in 0..=rounds {
        let asker = region.asker();
        let (mut one, mut other) = (Times::default(), Times::default());
        let before = cpu(&gateway);
        for _ in 0..turn {
            ask(&asker, &mut one);
        }
        let mine = cpu(&gateway) - before;
        let before = cpu(&nginx.workers());
        (0..turn).for_each(|_| other.add(timed(|| through.send(page).ok()).1));
        let its = cpu(&nginx.workers()) - before;
        // The first round warms.
        if round > 0 {
            (ours, theirs) = (ours + mine, theirs + its);
            ratios.push(mine.as_secs_f64() / its.as_secs_f64());
            took.extend(one);
            passed.extend(other);
        }
    }
    ratios.sort_by(f64::total_cmp);
    let each =
        |all: Duration| millis(all) * 1e3 / f64::from(turn) / f64::from(u32::try_from(rounds).expect("few"));
    println!(
        "\n== processor time for {bytes} bytes fetched, {}, {} requests each in turns",
        http(h2),
        took.count()
    );
    row("gateway: match, eight searches, release", &format!("{:.0} us, {took}", each(ours)), "");
    row("nginx: the one page of the same bytes", &format!("{:.0} us, {passed}", each(theirs)), "");
    let (least, most) = (ratios[0], ratios[ratios.len() - 1]);
    row(
        "gateway / nginx",
        &format!("{:.2} (median of rounds; {least:.2} to {most:.2})", ratios[ratios.len() / 2]),
        "1.8",
    );
}
