//! Holders that fail on command, so that faults can be rehearsed: down, slow, garbage, or as they are.

use crate::sources::{Coming, Held, Probing, Sent, Source, SourceAsk, SourceFailure};
use crate::trust::Participant;
use bytes::Bytes;
use fhir_mappings::release::Bound;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How a holder behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Down,
    Slow,
    Garbage,
    WrongPerson,
}

/// A source in front of another one.
pub struct Scripted {
    behind: Arc<dyn Source>,
    modes: Mutex<HashMap<String, Mode>>,
}

impl Scripted {
    /// Every holder as it is.
    #[must_use]
    pub fn new(behind: Arc<dyn Source>) -> Self {
        Self { behind, modes: Mutex::default() }
    }

    fn mode(&self, holder: &str) -> Option<Mode> {
        self.modes.lock().unwrap_or_else(PoisonError::into_inner).get(holder).copied()
    }
}

impl Source for Scripted {
    fn fetch<'a>(&'a self, ask: &'a SourceAsk) -> Coming<'a> {
        match self.mode(ask.holder.id.as_str()) {
            None => self.behind.fetch(ask),
            Some(Mode::Down) => Box::pin(async { Err(SourceFailure::Down) }),
            // Longer than any budget: the stage's own time-out ends it.
            Some(Mode::Slow) => Box::pin(async {
                tokio::time::sleep(Duration::from_secs(3_600)).await;
                Err(SourceFailure::Late)
            }),
            Some(Mode::Garbage) => Box::pin(async { Ok(spoilt(b"{\"resourceType\":")) }),
            Some(Mode::WrongPerson) => Box::pin(async { Ok(spoilt(WRONG_PERSON)) }),
        }
    }

    fn probe<'a>(&'a self, participant: &'a Participant) -> Probing<'a> {
        self.behind.probe(participant)
    }

    fn script(&self, holder: &str, mode: &str) -> Result<(), String> {
        let mode = match mode {
            "none" => None,
            "down" => Some(Mode::Down),
            "slow" => Some(Mode::Slow),
            "garbage" => Some(Mode::Garbage),
            "wrong-person" => Some(Mode::WrongPerson),
            _ => return Err("a fault is one of none, down, slow, garbage, wrong-person".into()),
        };
        let mut modes = self.modes.lock().unwrap_or_else(PoisonError::into_inner);
        match mode {
            Some(mode) => modes.insert(holder.to_owned(), mode),
            None => modes.remove(holder),
        };
        Ok(())
    }
}

fn spoilt(bytes: &'static [u8]) -> Sent {
    let held = Held {
        resource_type: "Condition".into(),
        key: "spoilt".into(),
        full_url: None,
        recorded: Some("2026-01-01T00:00:00Z".into()),
        bytes: Bytes::from_static(bytes),
    };
    // As a holder's own server would send it.
    Sent { bound: Bound::Fetched, patient_references: Vec::new(), resources: vec![held] }
}

const WRONG_PERSON: &[u8] = br#"{"resourceType":"Condition","id":"spoilt","subject":{"identifier":{"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"999990160"}},"code":{"coding":[{"system":"http://snomed.info/sct","code":"38341003"}]}}"#;
