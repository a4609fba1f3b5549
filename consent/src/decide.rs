//! The one decision function.

use crate::answer::{Decision, Reason};
use crate::question::{Party, Question};
use crate::record::Reading;
use crate::rules::Rules;

/// Decides one question. Never panics; what is unknown is refused.
pub fn decide(rules: &Rules, question: &Question, _readings: &[Reading]) -> Decision {
    Decision::refuse_all(rules, question.classes, Reason::NotAsked)
}

/// Decides the same question for several holders, in their order; `question.holder` is not used.
pub fn decide_all(
    rules: &Rules,
    question: &Question,
    holders: &[Party],
    readings: &[Reading],
) -> Vec<Decision> {
    let mut question = question.clone();
    holders
        .iter()
        .map(|holder| {
            question.holder.clone_from(holder);
            decide(rules, &question, readings)
        })
        .collect()
}
