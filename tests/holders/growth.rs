//! Twenty holders beside one: time and memory.

use crate::holder::Has;
use crate::measure::{Times, forget_most, memory, row};
use crate::region::{Region, ask};
use crate::server::{Mode, Server};
use crate::{BUNDLE, runtime, scaled};
use serde_json::json;
use std::time::Duration;

/// Each with something to give, after the time that the goal names.
const SOME: Has = Has { entries: 10, bytes: 5_000, after: Duration::from_millis(50), h2: false };
/// Milliseconds that a dead one is waited for.
const PATIENCE: u32 = 1_000;

/// Time: one holder, twenty, and twenty of which one never answers.
pub fn twenty() {
    let runtime = runtime(1);
    let one = Region::with(1, SOME, &runtime);
    let all = Region::with(20, SOME, &runtime);
    let (mut of_one, mut of_all) = (Times::default(), Times::default());
    let (mut least, mut most) = (0, 0);
    for _ in 0..scaled(6) {
        let askers = [one.asker(), all.asker()];
        ask(&askers[0], &mut Times::default());
        ask(&askers[1], &mut Times::default());
        for _ in 0..50 {
            least = ask(&askers[0], &mut of_one);
            most = ask(&askers[1], &mut of_all);
        }
    }
    println!(
        "\n== twenty holders beside one; each answers each question after 50 ms, a match and then a search"
    );
    row(&format!("one holder ({least} bytes of answer)"), &of_one.to_string(), "");
    row(&format!("twenty holders ({most} bytes of answer)"), &of_all.to_string(), "");
    row("twenty / one", &ratio(&of_all, &of_one), "1.3 at p50");

    let dead = Server::start(Mode::Slow, &all.world.bsn("jansen"));
    let (mut waiting, mut freed, mut beside) = (Times::default(), Times::default(), Times::default());
    for round in 0..scaled(5) {
        let mut endpoint = dead.endpoint();
        // Another registration is another holder: its breaker begins anew.
        endpoint["budget_ms"] = json!(PATIENCE + u32::try_from(round % 50).expect("few"));
        all.moved(7, &endpoint);
        let askers = [one.asker(), all.asker()];
        for _ in 0..5 {
            ask(&askers[1], &mut waiting);
        }
        for _ in 0..30 {
            ask(&askers[0], &mut beside);
            ask(&askers[1], &mut freed);
        }
    }
    row("one, beside what follows", &beside.to_string(), "");
    row(
        "one of twenty never answers, its first five",
        &waiting.to_string(),
        &format!("its budget, {PATIENCE} ms"),
    );
    row("the same after its breaker opened", &freed.to_string(), "");
    row("after that / one", &ratio(&freed, &beside), "1.3 at p50");
}

fn ratio(all: &Times, one: &Times) -> String {
    format!("{:.2} at p50, {:.2} at p99", all.p50() / one.p50(), all.p99() / one.p99())
}

/// Memory: the same bundle from each of twenty holders, and from one.
fn memory_of(count: usize, runtime: &tokio::runtime::Runtime) -> [f64; 3] {
    let region = Region::with(count, BUNDLE, runtime);
    let pid = region.world.pid();
    let rest = memory(pid, "VmRSS");
    forget_most(pid);
    let asker = region.asker();
    for _ in 0..scaled(40) {
        ask(&asker, &mut Times::default());
    }
    [rest, memory(pid, "VmRSS"), memory(pid, "VmHWM")]
}

/// The table of it.
pub fn beside() {
    let runtime = runtime(1);
    println!("\n== memory: 200 entries of 100 kB from each holder, one question at a time");
    let of_one = memory_of(1, &runtime);
    let of_all = memory_of(20, &runtime);
    for (name, [rest, after, most]) in [("one holder", of_one), ("twenty holders", of_all)] {
        row(name, &format!("at rest {rest:.1} MB, after {after:.1} MB, at most {most:.1} MB"), "");
    }
    let [rest, after, most] = [0, 1, 2].map(|at| of_all[at] - of_one[at]);
    row(
        "twenty less one",
        &format!("at rest {rest:.1} MB, after {after:.1} MB, at most {most:.1} MB"),
        "25 MB",
    );
}
