//! Eight holders that never end or that unpack to a quarter of a gigabyte, while somebody asks for a person of whom
//! they know nothing.
//!
//! The gateway is held by its own bounds alone; whether it would live within a limit is read from the kernel's count of
//! the most it ever held (`VmHWM`), not tried with one. The hostile servers run in this process on the same cores: what
//! they cost the machine counts against the gateway.

use crate::holder::Has;
use crate::measure::{Times, forget_most, memory, millis, row};
use crate::region::{Region, ask};
use crate::server::{Mode, Server};
use crate::{runtime, scaled};
use serde_json::json;
use sluis_tests::Asker;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

/// Whom the hostile holders are asked for.
const OTHER: &str = "kaya";
const HONEST: Has = Has { entries: 10, bytes: 5_000, after: std::time::Duration::from_millis(50), h2: false };
/// MB.
const LIMIT: f64 = 256.0;
/// Threads that ask honestly.
const ASKERS: usize = 4;

/// Memory, and what the others notice.
pub fn hostile() {
    let runtime = runtime(1);
    let region = Region::with(1, HONEST, &runtime);
    let bsn = region.world.bsn(OTHER);
    let modes = [Mode::Endless, Mode::Bomb];
    let servers: Vec<Server> = (0..8).map(|at| Server::start(modes[at % 2], &bsn)).collect();
    let endpoint = |at: usize, round: usize| {
        let mut endpoint = servers[at].endpoint();
        // The default bound, not the tests' small one; another budget is another registration, and a closed breaker.
        endpoint["max_bytes"] = json!(16 * 1024 * 1024);
        endpoint["budget_ms"] = json!(3_000 + round % 50);
        endpoint
    };
    for at in 0..servers.len() {
        region.join(at + 1, &endpoint(at, 0), OTHER);
    }
    let pid = region.world.pid();
    let (mut calm, mut beside) = (Times::default(), Times::default());
    let rest = memory(pid, "VmRSS");
    forget_most(pid);
    let (mut questions, mut seconds) = (0, 0.0);
    for round in 1..=scaled(8) {
        for at in 0..servers.len() {
            region.moved(at + 1, &endpoint(at, round));
        }
        let askers: Vec<Asker<'_>> = (0..ASKERS).map(|_| region.asker()).collect();
        let worried = region.world.staff("linden", "gp-own");
        let _token = worried.token();
        for asker in &askers {
            ask(asker, &mut Times::default());
        }
        let began = Instant::now();
        beside.extend(while_it_lasts(&askers, || {
            // So many until every breaker has opened.
            for _ in 0..5 {
                let _answer = worried.summary(OTHER);
                questions += 1;
            }
        }));
        let lasted = began.elapsed();
        seconds += lasted.as_secs_f64();
        calm.extend(while_it_lasts(&askers, || std::thread::sleep(lasted)));
    }
    let most = memory(pid, "VmHWM");
    println!("\n== eight hostile holders at once (four endless, four bombs), 16 MiB taken of each at most");
    row("questions to all eight, breakers closed", &format!("{questions} in {seconds:.1} s"), "");
    row(
        "resident memory",
        &format!("at rest {rest:.0} MB, at most {most:.0} MB, after {:.0} MB", memory(pid, "VmRSS")),
        &format!("{LIMIT:.0} MB"),
    );
    row("honest askers, nobody hostile", &calm.to_string(), "");
    row("honest askers beside them", &beside.to_string(), "");
    let (p50, p99) = (beside.p50() / calm.p50(), beside.p99() / calm.p99());
    row("beside them / nobody hostile", &format!("{p50:.2} at p50, {p99:.2} at p99"), "1.2 at p99");
    row(
        "  the slowest of each",
        &format!("{:.0} ms, {:.0} ms", millis(calm.at(1.0)), millis(beside.at(1.0))),
        "",
    );
}

/// What the askers see while this goes on.
fn while_it_lasts(askers: &[Asker<'_>], what: impl FnOnce()) -> Times {
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let threads: Vec<_> = askers
            .iter()
            .map(|asker| {
                scope.spawn(|| {
                    let mut times = Times::default();
                    while !ends.load(Relaxed) {
                        ask(asker, &mut times);
                    }
                    times
                })
            })
            .collect();
        what();
        ends.store(true, Relaxed);
        let mut all = Times::default();
        threads.into_iter().for_each(|thread| all.extend(thread.join().expect("it asked")));
        all
    })
}
