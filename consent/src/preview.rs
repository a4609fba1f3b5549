//! "What would each function see if I choose this?" - a whole form in one call, by the engine that
//! decides real questions, so that a preview can never differ from reality.

use jiff::Timestamp;

use crate::answer::Decision;
use crate::decide::decide_with;
use crate::dossier::Dossier;
use crate::question::{Asker, Assurance, Capacity, Party, Purpose, Question, Subject};
use crate::relation::{Attestation, Relation};
use crate::rules::Rules;
use crate::vocabulary::{Category, Function};

/// What the form is about.
#[derive(Clone, Debug)]
pub struct Form {
    /// The person.
    pub subject: Subject,
    /// Recorded relations.
    pub relations: Vec<Relation>,
    /// Recorded attestations.
    pub attestations: Vec<Attestation>,
    /// Whose data.
    pub holders: Vec<Party>,
    /// As of when.
    pub at: Timestamp,
}

/// One function's view of one holder's data.
#[derive(Clone, Debug)]
pub struct Row {
    /// The category of the function.
    pub category: Category,
    /// The function.
    pub function: Function,
    /// Place of the holder in the form.
    pub holder: usize,
    /// For which purpose it was judged: the first the function has.
    pub purpose: Purpose,
    /// What some organisation with that function would see.
    pub decision: Decision,
}

/// Every function with a category and a purpose, over every holder and class of the form. The asker
/// is somebody nobody named: a choice that names one organisation or person does not show here; ask
/// [`decide_with`] with that asker for it.
pub fn preview(rules: &Rules, form: &Form, dossier: &Dossier) -> Vec<Row> {
    let vocabulary = rules.vocabulary();
    let mut rows = Vec::new();
    for function in vocabulary.all_functions() {
        let purpose = vocabulary.function_spec(function).and_then(|spec| spec.purposes.first().copied());
        let (Some(category), Some(purpose)) = (vocabulary.category_of(function), purpose) else { continue };
        for (index, holder) in form.holders.iter().enumerate() {
            let question = ask(rules, form, function, category, purpose, holder);
            let decision = decide_with(rules, &question, dossier);
            rows.push(Row { category, function, holder: index, purpose, decision });
        }
    }
    rows
}

fn ask(
    rules: &Rules,
    form: &Form,
    function: Function,
    category: Category,
    purpose: Purpose,
    holder: &Party,
) -> Question {
    Question {
        asker: Asker {
            organisation: Party {
                identifiers: Vec::new(),
                categories: vec![category],
                functions: vec![function],
            },
            function: Some(function),
            person: Vec::new(),
            role: None,
            responsible: None,
            assurance: Assurance::Registered,
            capacity: Capacity::Professional,
        },
        purpose,
        subject: form.subject.clone(),
        holder: holder.clone(),
        classes: rules.vocabulary().all_classes(),
        relations: form.relations.clone(),
        attestations: form.attestations.clone(),
        break_glass: None,
        at: form.at,
    }
}
