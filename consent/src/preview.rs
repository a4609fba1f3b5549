//! "What would each function see if I choose this?" - a whole form in one call, by the engine that
//! decides real questions, so that a preview can never differ from reality: every purpose a function
//! may ask with, for somebody whom nobody names and for everybody for whom it may come out otherwise.

use std::collections::BTreeSet;
use std::slice;

use jiff::Timestamp;

use crate::answer::Decision;
use crate::decide::decide_all;
use crate::dossier::Dossier;
use crate::identifier::Identifier;
use crate::question::{Asker, Assurance, BreakGlass, Capacity, Party, Purpose, Question, Subject};
use crate::record::{Giver, Holder, Provision, Reading, Status, User};
use crate::relation::{Attestation, Relation};
use crate::rules::Rules;
use crate::vocabulary::{BreaksGlass, Category, Function};

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
    pub holders: Vec<Held>,
    /// Who asks beside somebody whom nobody names: whoever [`names`] tells of and is registered.
    pub named: Vec<Named>,
    /// Whether notices and the officer's inbox exist, so that a broken glass is followed up.
    pub followed_up: bool,
    /// As of when.
    pub at: Timestamp,
}

/// A holder, and whether it is registered to give in an emergency.
#[derive(Clone, Debug)]
pub struct Held {
    /// The holder.
    pub party: Party,
    /// Whether a broken glass opens anything there.
    pub gives_in_emergency: bool,
}

/// Somebody in one function, for whom a choice may come out otherwise than for others in it.
#[derive(Clone, Debug)]
pub struct Named {
    /// As registered.
    pub asker: Asker,
    /// The purposes it is registered for.
    pub purposes: Vec<Purpose>,
    /// The recorded relations but those that it recorded itself.
    pub relations: Vec<Relation>,
    /// Its broken glass; `None`: it is not registered to break any.
    pub glass: Option<BreakGlass>,
}

/// One asker's view of one holder's data, for one purpose.
#[derive(Clone, Debug)]
pub struct Row {
    /// Place of the asker among the named of the form; `None`: somebody with this function whom
    /// nobody names.
    pub named: Option<usize>,
    /// The function; `None` for who acts for the person.
    pub function: Option<Function>,
    /// The category of the function.
    pub category: Option<Category>,
    /// Place of the holder in the form.
    pub holder: usize,
    /// For which purpose.
    pub purpose: Purpose,
    /// What is seen.
    pub decision: Decision,
}

/// Every function with a category and every asker named, over every purpose they may ask with and
/// every holder and class of the form. An emergency is one in which the glass was broken.
pub fn preview(rules: &Rules, form: &Form, dossier: &Dossier) -> Vec<Row> {
    let vocabulary = rules.vocabulary();
    let mut rows = Vec::new();
    for function in vocabulary.all_functions() {
        let (Some(category), Some(spec)) =
            (vocabulary.category_of(function), vocabulary.function_spec(function))
        else {
            continue;
        };
        let anybody = Named {
            asker: anybody(category, function),
            purposes: spec.purposes.clone(),
            relations: form.relations.clone(),
            glass: Some(BreakGlass {
                first_use: None,
                could_not_be_asked: true,
                registered: true,
                followed_up: form.followed_up,
            }),
        };
        add_rows(rules, form, dossier, &anybody, None, &mut rows);
    }
    for (place, named) in form.named.iter().enumerate() {
        add_rows(rules, form, dossier, named, Some(place), &mut rows);
    }
    rows
}

fn add_rows(
    rules: &Rules,
    form: &Form,
    dossier: &Dossier,
    named: &Named,
    place: Option<usize>,
    rows: &mut Vec<Row>,
) {
    let vocabulary = rules.vocabulary();
    let function = named.asker.function;
    let mut question = Question {
        asker: named.asker.clone(),
        purpose: Purpose::Treat,
        subject: form.subject.clone(),
        holder: Party::default(),
        classes: vocabulary.all_classes(),
        relations: named.relations.clone(),
        attestations: form.attestations.clone(),
        break_glass: None,
        at: form.at,
    };
    for purpose in open_purposes(rules, named) {
        question.purpose = purpose;
        for (holder, held) in form.holders.iter().enumerate() {
            question.break_glass = named
                .glass
                .filter(|_| purpose == Purpose::Etreat)
                .map(|glass| BreakGlass { registered: glass.registered && held.gives_in_emergency, ..glass });
            let decided = decide_all(rules, &question, slice::from_ref(&held.party), dossier);
            rows.extend(decided.into_iter().map(|decision| Row {
                named: place,
                function,
                category: function.and_then(|function| vocabulary.category_of(function)),
                holder,
                purpose,
                decision,
            }));
        }
    }
}

/// The purposes registered that are open to this asker at all.
fn open_purposes(rules: &Rules, named: &Named) -> Vec<Purpose> {
    let spec = named.asker.function.and_then(|function| rules.vocabulary().function_spec(function));
    let open = |purpose: &Purpose| match (named.asker.capacity, spec) {
        (Capacity::Professional, Some(spec)) => {
            let breaks = spec.emergency != BreaksGlass::Never && named.glass.is_some();
            spec.purposes.contains(purpose) && (*purpose != Purpose::Etreat || breaks)
        }
        (Capacity::Professional, None) => false,
        (Capacity::Person | Capacity::Representative, _) => *purpose == Purpose::Patrqt,
    };
    named.purposes.iter().copied().filter(open).collect()
}

/// Somebody whom we know, and nobody names: a person, for an emergency is somebody's act.
fn anybody(category: Category, function: Function) -> Asker {
    Asker {
        organisation: Party {
            identifiers: Vec::new(),
            categories: vec![category],
            functions: vec![function],
        },
        function: Some(function),
        person: vec![unnamed()],
        role: None,
        responsible: Some(unnamed()),
        assurance: Assurance::Registered,
        capacity: Capacity::Professional,
    }
}

/// A person whom no consent can name.
pub fn unnamed() -> Identifier {
    Identifier::new("urn:sluis:unnamed", "somebody")
}

/// Whom consents and recorded facts name: for these it may come out otherwise than for anybody else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Organisations: as user, holder or recorder, in a relation or an attestation.
    pub organisations: BTreeSet<Identifier>,
    /// Persons: as user, giver or representative.
    pub persons: BTreeSet<Identifier>,
    /// Codes of categories that an objection names: it reaches whoever has one, in any function.
    pub categories: BTreeSet<Box<str>>,
}

/// Whom these consents and what else is recorded about the person name. Give it the choice that is
/// previewed too.
pub fn names(form: &Form, readings: &[Reading]) -> Names {
    let mut names = Names::default();
    for reading in readings {
        // Of what cannot be read everybody gets the same: nothing.
        let Reading::Readable(record) = reading else { continue };
        if record.status != Status::Active {
            continue;
        }
        names.organisations.extend(record.recorded_by.clone());
        names.persons.extend(record.givers.iter().filter_map(|giver| match giver {
            Giver::Person => None,
            Giver::Representative(representative) => representative.person.clone(),
        }));
        names.add(&record.provision);
    }
    for relation in &form.relations {
        let all = relation.parties.iter().chain(&relation.receivers).chain(&relation.sender);
        names.organisations.extend(all.cloned());
    }
    names.organisations.extend(form.attestations.iter().map(|stated| stated.organisation.clone()));
    names.organisations.extend(form.holders.iter().flat_map(|held| held.party.identifiers.clone()));
    names.persons.extend(form.subject.representatives.iter().map(|known| known.person.clone()));
    names
}

impl Names {
    fn add(&mut self, provision: &Provision) {
        for holder in &provision.holders {
            if let Holder::Organisation(identifier) = holder {
                self.organisations.insert(identifier.clone());
            }
        }
        for user in &provision.users {
            match user {
                User::Person(identifier) => drop(self.persons.insert(identifier.clone())),
                User::Organisation(identifier) => drop(self.organisations.insert(identifier.clone())),
                User::Category(code) => drop(self.categories.insert(code.clone())),
                User::Function(_) => {}
            }
        }
        provision.exceptions.iter().for_each(|exception| self.add(exception));
    }

    /// Whether somebody of this organisation, as this person, in a function of this category, is named.
    pub fn contains(&self, rules: &Rules, asker: &Asker) -> bool {
        let vocabulary = rules.vocabulary();
        let own = asker.function.and_then(|function| vocabulary.category_of(function));
        let beside = asker.organisation.categories.iter().filter(|category| Some(**category) != own);
        asker.organisation.identifiers.iter().any(|identifier| self.organisations.contains(identifier))
            || asker.person.iter().any(|identifier| self.persons.contains(identifier))
            || beside
                .into_iter()
                .any(|category| self.categories.contains(vocabulary.category_code(*category)))
    }
}
