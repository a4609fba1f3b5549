//! What a server said that it can, between questions: how long it counts, and when it is asked again.

use super::fault::RemoteFault;
use crate::outbound::Fault;
use fhir_mappings::remote::Capability;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The newest CapabilityStatement of a server.
#[derive(Default)]
pub(super) struct Statement(Mutex<Known>);

#[derive(Default)]
struct Known {
    said: Option<(Instant, Arc<Capability>)>,
    /// Until when nobody else need look again: somebody does.
    looking: Option<Instant>,
}

/// What a question does.
pub(super) enum Use {
    /// It goes by this.
    This(Arc<Capability>),
    /// It goes by this, and somebody looks again meanwhile: nobody waits for it.
    Renew(Arc<Capability>),
    /// It must ask first.
    Ask,
}

impl Statement {
    pub(super) fn at(&self, now: Instant) -> Use {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((at, can)) = known.said.clone() else { return Use::Ask };
        match now.saturating_duration_since(at) {
            age if age < FRESH => Use::This(can),
            age if age >= STALE => Use::Ask,
            _ if known.looking.is_some_and(|until| now < until) => Use::This(can),
            _ => {
                known.looking = Some(now + LOOK);
                Use::Renew(can)
            }
        }
    }

    /// It was asked again, and said this, or failed. A server that has trouble saying what it can may still answer what
    /// it could; one that says something else has changed.
    pub(super) fn renewed(&self, said: &Result<Arc<Capability>, RemoteFault>, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match said {
            Ok(can) => *known = Known { said: Some((now, Arc::clone(can))), looking: None },
            Err(fault) if is_trouble(fault) => known.looking = Some(now + LOOK),
            Err(_) => *known = Known::default(),
        }
    }
}

/// Whether this is the server's trouble of the moment.
fn is_trouble(fault: &RemoteFault) -> bool {
    matches!(
        fault,
        RemoteFault::Way(Fault::Unreachable | Fault::BrokenOff | Fault::Late | Fault::Name)
            | RemoteFault::Status(_, 401 | 408 | 429 | 500..=599)
            | RemoteFault::Later(..)
            | RemoteFault::Late
            | RemoteFault::Unended
            | RemoteFault::Token(_)
    )
}

/// So long a CapabilityStatement counts without asking again.
const FRESH: Duration = Duration::from_secs(600);
/// So long at most, while it cannot be asked again.
const STALE: Duration = Duration::from_secs(3_600);
/// So long somebody looks, or nobody looks again after trouble.
pub(super) const LOOK: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::{FRESH, LOOK, STALE, Statement, Use};
    use crate::outbound::Fault;
    use crate::sources::remote::fault::RemoteFault;
    use fhir_mappings::remote::{Capability, Misfit};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    fn is(what: &Use) -> &'static str {
        match what {
            Use::This(_) => "this",
            Use::Renew(_) => "renew",
            Use::Ask => "ask",
        }
    }

    fn said() -> Result<Arc<Capability>, RemoteFault> {
        Ok(Arc::new(Capability::default()))
    }

    #[test]
    fn one_looks_again_while_the_others_go_by_what_was_said() {
        let (statement, start) = (Statement::default(), Instant::now());
        let at = |after: Duration| is(&statement.at(start + after));
        assert_eq!(at(Duration::ZERO), "ask");
        statement.renewed(&said(), start);
        assert_eq!(at(FRESH - Duration::from_secs(1)), "this");
        assert_eq!(at(FRESH), "renew");
        assert_eq!(at(FRESH), "this", "one looks");
        assert_eq!(at(FRESH + LOOK), "renew", "whoever looked never came back");
        statement.renewed(&said(), start + FRESH + LOOK);
        assert_eq!(at(2 * FRESH), "this");
    }

    #[test]
    fn trouble_leaves_what_was_said_for_an_hour_and_another_answer_ends_it() {
        let trouble = [
            RemoteFault::Status("metadata", 500),
            RemoteFault::Status("metadata", 503),
            RemoteFault::Late,
            RemoteFault::Way(Fault::Unreachable),
        ];
        for fault in trouble {
            let (statement, start) = (Statement::default(), Instant::now());
            statement.renewed(&said(), start);
            assert_eq!(is(&statement.at(start + FRESH)), "renew");
            statement.renewed(&Err(fault.clone()), start + FRESH);
            assert_eq!(is(&statement.at(start + FRESH + LOOK / 2)), "this", "{fault:?}");
            assert_eq!(is(&statement.at(start + FRESH + LOOK)), "renew", "{fault:?}");
            assert_eq!(is(&statement.at(start + STALE)), "ask", "{fault:?}");
        }
        let (statement, start) = (Statement::default(), Instant::now());
        statement.renewed(&said(), start);
        statement.renewed(&Err(RemoteFault::Misfit(Misfit::Stu3)), start + FRESH);
        assert_eq!(is(&statement.at(start + FRESH)), "ask");
    }
}
