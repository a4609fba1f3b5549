//! Power loss, failing calls, full disks: nothing promised is lost, nothing is left that cannot be read.

use super::sim::{Chance, Left, Power, Sim};
use super::{keys, long, open_on, record};
use crate::entry::Entry;
use crate::error::AppendError;
use crate::finding::{Fault, Finding};
use crate::log::{Log, Opened, State};
use crate::port::Port;
use crate::verify::{Bound, Question, verify};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

fn sealed(n: u64) -> Vec<u8> {
    format!("sealed {n} ").repeat(1 + usize::try_from(n % 40).unwrap()).into_bytes()
}

/// A session of entries of one to twelve records, some with holdings; promises are noted as they are made.
fn session(sim: &Sim, log: &Log, entries: u64) -> Result<(), AppendError> {
    let (mut records, mut holdings) = (log.records().len(), log.holdings().len());
    for n in 0..entries {
        let more = 1 + (n * 7) % 12;
        let held = if n % 3 == 0 { 1 + n % 2 } else { 0 };
        let entry = Entry::of((records..records + more).map(record).collect())
            .with_holdings((holdings..holdings + held).map(sealed).collect());
        let placed = log.append_blocking(entry)?;
        assert_eq!((placed.records.end, placed.holdings.end), (records + more, holdings + held));
        (records, holdings) = (records + more, holdings + held);
        sim.promise(records, holdings);
    }
    Ok(())
}

/// What a loss of power leaves is named for what it is, before anything was opened: no record, seal or hash is called false.
#[track_caller]
fn is_no_alarm(sim: &Sim, promised: (u64, u64)) {
    let port: Arc<dyn Port> = Arc::new(sim.copy());
    let keys = keys();
    let question = Question { keys: &keys, older: None };
    match verify(&port, Path::new("journal"), &question, Bound::Cold, super::SMALL, |_| {}) {
        Ok(checked) => assert!(checked.records >= promised.0),
        Err(Finding { fault: Fault::Torn { .. } | Fault::Lag { .. }, .. }) => {}
        // The power went before the journal had its first checkpoint.
        Err(Finding { fault: Fault::Unreadable(_), index: 0, .. }) if promised.0 == 0 => {}
        Err(finding) => panic!("{finding}"),
    }
}

/// Opens what is left, closing torn tails, and holds it against what was promised.
#[track_caller]
fn survives(sim: &Sim, promised: (u64, u64)) {
    let log = match open_on(Arc::new(sim.clone()), Path::new("")) {
        Opened::Whole(log) => log,
        Opened::Torn(torn) => {
            assert!(torn.torn().iter().all(|torn| torn.bytes > 0));
            torn.close(b"closed".to_vec()).unwrap()
        }
    };
    assert!(log.records().len() >= promised.0, "{} of {promised:?}", log.records().len());
    assert!(log.holdings().len() >= promised.1);
    for (n, read) in (0..).zip(log.records().from(0).take(usize::try_from(promised.0).unwrap())) {
        assert_eq!(read.unwrap(), (n, record(n)));
    }
    for (n, read) in (0..).zip(log.holdings().from(0).take(usize::try_from(promised.1).unwrap())) {
        assert_eq!(read.unwrap(), (n, sealed(n)));
    }
    log.append_blocking(Entry::of(vec![b"on".to_vec()]).with_holdings(vec![b"on".to_vec()])).unwrap();
    drop(log);
    let port: Arc<dyn Port> = Arc::new(sim.clone());
    let keys = keys();
    let question = Question { keys: &keys, older: None };
    verify(&port, Path::new("journal"), &question, Bound::Cold, super::SMALL, |_| {}).unwrap();
}

#[test]
fn power_loss_at_any_moment_loses_nothing_promised() {
    let goal = if long() { 100_000 } else { 3_000 };
    let sim = Sim::default();
    let Opened::Whole(log) = open_on(Arc::new(sim.clone()), Path::new("")) else { panic!("torn at birth") };
    session(&sim, &log, 70).unwrap();
    drop(log);
    let trace = sim.trace();
    let each = goal / trace.len() as u64 + 1;
    let mut chance = Chance(1);
    let mut images = 0;
    let mut power = Power::default();
    for op in &trace {
        power.step(op);
        for n in 0..each {
            let left = match n {
                0 => Left::Nothing,
                1 => Left::Everything,
                _ => Left::Some,
            };
            let image = power.image(left, &mut chance);
            is_no_alarm(&image, power.promised);
            survives(&image, power.promised);
            images += 1;
        }
    }
    println!("{images} images of {} operations", trace.len());
}

#[test]
fn each_call_failing_in_turn_promises_nothing_that_is_lost() {
    let clean = Sim::default();
    let log = open_on(Arc::new(clean.clone()), Path::new(""));
    let Opened::Whole(log) = log else { panic!("torn at birth") };
    session(&clean, &log, 40).unwrap();
    drop(log);
    let mut fired = 0;
    for kind in [ErrorKind::Other, ErrorKind::StorageFull] {
        for n in 1..=clean.calls() {
            let sim = Sim::default();
            sim.fail(n, kind);
            let opened = Log::open_on(Arc::new(sim.clone()), super::settings(Path::new("")), super::SMALL);
            if let Ok(Opened::Whole(log)) = opened {
                if let Err(error) = session(&sim, &log, 40) {
                    let after = log.append_blocking(Entry::of(vec![record(0)]));
                    match error {
                        AppendError::Stopped => assert_eq!(after.unwrap_err(), AppendError::Stopped),
                        AppendError::Full => drop(after.unwrap()),
                        AppendError::Rejected(_) | AppendError::Unfit => panic!("{error}"),
                    }
                }
                fired += u64::from(sim.calls() >= n);
            }
            let mut power = Power::default();
            sim.trace().iter().for_each(|op| power.step(op));
            survives(&sim.copy(), power.promised);
            survives(&power.image(Left::Nothing, &mut Chance(n)), power.promised);
            survives(&power.image(Left::Some, &mut Chance(n)), power.promised);
        }
    }
    println!("{fired} faults fired");
}

#[test]
fn a_full_disk_is_said_so_writes_nothing_by_halves_and_recovers_by_itself() {
    let sim = Sim::default();
    let Opened::Whole(log) = open_on(Arc::new(sim.clone()), Path::new("")) else { panic!("torn at birth") };
    let mut records = 0;
    for cycle in 0..100 {
        sim.capacity(Some(sim.used() + 3000 + 37 * cycle));
        let mut appended = 0;
        loop {
            match log.append_blocking(Entry::of(vec![record(records)])) {
                Ok(placed) => assert_eq!(placed.records.start, records),
                Err(AppendError::Full) => break,
                Err(other) => panic!("{other}"),
            }
            records += 1;
            appended += 1;
        }
        assert!(appended > 0);
        assert_eq!(log.state(), State::Full);
        assert_eq!(log.append_blocking(Entry::of(vec![record(records)])).unwrap_err(), AppendError::Full);
        sim.capacity(None);
        log.append_blocking(Entry::of(vec![record(records)])).unwrap();
        records += 1;
        assert_eq!(log.state(), State::Serving);
    }
    drop(log);
    survives(&sim, (records, 0));
}
