//! A decision in the shape of `sluis explain --json` (CONTRACT.md section 1), one line per class.
//! For those who may know; a stranger's answer is made elsewhere and never from this.

use serde::Serialize;

use crate::answer::{Basis, ConsentRef, Decision, Level, Reason, Verdict};
use crate::rules::Rules;
use crate::trace::{Step, StepCode};
use crate::vocabulary::DataClass;

/// One entry of `decisions`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Line {
    /// The holder, as the caller names it.
    pub holder: Box<str>,
    /// Code of the class.
    pub class: Box<str>,
    /// Permit or refuse.
    pub verdict: Outcome,
    /// How much, with a permit.
    pub level: Option<Level>,
    /// Both legs, with a permit.
    pub basis: Option<Basis>,
    /// Why not, with a refusal.
    pub reason: Option<Reason>,
    /// The consents that decided.
    pub consents: Vec<ConsentRef>,
    /// How it came about.
    pub trace: Vec<Step>,
}

impl Line {
    /// What was decided and on which grounds, in words: `nl`, else English. An outsider hears of a
    /// refusal that it is one, never why.
    pub fn text(&self, language: &str, may_know: bool) -> String {
        match (self.level, self.basis, self.reason.filter(|_| may_know)) {
            (Some(level), Some(basis), _) => {
                let (sender, receiver) = (basis.sender.text(language), basis.receiver.text(language));
                format!("{}: {sender}; {receiver}", level.text(language))
            }
            (_, _, Some(reason)) => reason.text(language).to_owned(),
            (_, _, None) => if language == "nl" { "niet gedeeld" } else { "not shared" }.to_owned(),
        }
    }
}

/// Permit or refuse.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// May be released.
    Permit,
    /// May not.
    Refuse,
}

/// The lines of one decision; `traces` as [`crate::decide::explain`] gives them, or empty.
pub fn lines(
    rules: &Rules,
    holder: &str,
    decision: &Decision,
    traces: &[(DataClass, Vec<Step>)],
) -> Vec<Line> {
    decision
        .classes
        .iter()
        .map(|(class, verdict)| {
            let trace = traces.iter().find(|(of, _)| of == class).map(|(_, steps)| steps.clone());
            let blank = Line {
                holder: holder.into(),
                class: rules.vocabulary().class_code(*class).into(),
                verdict: Outcome::Refuse,
                level: None,
                basis: None,
                reason: None,
                consents: Vec::new(),
                trace: trace.unwrap_or_default(),
            };
            match verdict {
                Verdict::Permit(permit) => Line {
                    verdict: Outcome::Permit,
                    level: Some(permit.level),
                    basis: Some(permit.basis),
                    consents: permit.consents.clone(),
                    ..blank
                },
                Verdict::Refuse(refusal) => {
                    Line { reason: Some(refusal.reason), consents: refusal.consents.clone(), ..blank }
                }
            }
        })
        .collect()
}

/// A trace in words, one sentence a step, with the ids of the consents: `nl`, else English.
pub fn sentences(trace: &[Step], language: &str) -> Vec<String> {
    let sentence = |step: &Step| {
        let reason = match step.step {
            StepCode::PermitInert(reason) | StepCode::NeedMissing(reason) => {
                format!(": {}", reason.text(language))
            }
            StepCode::OwnData
            | StepCode::CellOpen
            | StepCode::CellByName
            | StepCode::CellShut
            | StepCode::PermitSpeaks
            | StepCode::ObjectionSpeaks
            | StepCode::Superseded
            | StepCode::BasisHolds(_)
            | StepCode::ObjectionStands
            | StepCode::PermitStands => String::new(),
        };
        let consent = step.consent.as_ref().map(|of| format!(" ({}/{})", of.id, of.version));
        format!("{}{reason}{}", step.step.text(language), consent.unwrap_or_default())
    };
    trace.iter().map(sentence).collect()
}
