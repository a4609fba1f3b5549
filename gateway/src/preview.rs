//! What a choice would open and shut: the form of a preview, filled from what is registered and recorded. Each asker's
//! question is the one that the road would put for it, so that the two cannot differ.

use crate::oauth::asker::{Asker, AskingPerson, Assurance, BreakGlass, BreakGlassReason, PERSON_URN};
use crate::road::decide::{Asking, party, purpose, question};
use crate::store::state::{PersonState, StoredRepresentative};
use crate::trust::{FunctionCode, Participant, ParticipantId, Person, Purpose, Standing, Trust};
use crate::world::World;
use consent::Dossier;
use consent::preview::{Form, Held, Named, Names, Row, names, preview, unnamed};
use consent::question::Subject;
use consent::record::Reading;
use std::sync::Arc;

/// Whom to show beside somebody whom nobody names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    /// Whom consents and records name.
    Named,
    /// Every participant too, for a page on which any may be looked up.
    Everybody,
}

/// Somebody by name.
#[derive(Clone)]
pub(crate) enum Who {
    /// An organisation: whoever of it nobody names.
    Organisation(Arc<Participant>),
    /// Somebody who works there.
    Person(Arc<Participant>, Arc<Person>),
    /// Who acts for the person.
    Representative(StoredRepresentative),
}

impl Who {
    /// The organisation, if they ask for one.
    pub(crate) fn organisation(&self) -> Option<&Arc<Participant>> {
        match self {
            Self::Organisation(participant) | Self::Person(participant, _) => Some(participant),
            Self::Representative(_) => None,
        }
    }
}

/// Who asks, of whom, as of when: the same before and after a choice.
pub(crate) struct Outlook<'w> {
    world: &'w World,
    form: Form,
    who: Vec<Who>,
    holders: Vec<Arc<Participant>>,
}

impl<'w> Outlook<'w> {
    /// Of a person whose holders are these. `readings` is everything that any of the rows is to be decided on.
    pub(crate) fn of(
        world: &'w World,
        state: &PersonState,
        holders: &[Arc<Participant>],
        readings: &[Reading],
        beside: Beside,
    ) -> Self {
        let at = world.clock.now();
        let held = |holder: &Arc<Participant>| Held {
            party: party(holder, &world.rules, at),
            gives_in_emergency: holder.emergency.gives,
        };
        let form = Form {
            subject: Subject {
                birth_date: state.birth_date(),
                representatives: state.representatives.iter().map(|known| known.recorded.clone()).collect(),
            },
            relations: state.relations.iter().map(|stored| stored.relation.clone()).collect(),
            attestations: state.attestations.iter().map(|stored| stored.attestation.clone()).collect(),
            holders: holders.iter().map(held).collect(),
            named: Vec::new(),
            followed_up: world.law().followed_up,
            at,
        };
        let mut outlook = Self { world, form, who: Vec::new(), holders: holders.to_vec() };
        outlook.add_professionals(state, &names(&outlook.form, readings), beside);
        for known in &state.representatives {
            let asking = asker_of(NOBODYS_SYSTEM, None, Purpose::OwnRequest, acting(known));
            let named = asking.map(|asker| outlook.named(state, None, &asker, &[Purpose::OwnRequest]));
            outlook.add(Who::Representative(known.clone()), named);
        }
        outlook
    }

    /// What everybody sees with these consents.
    pub(crate) fn rows(&self, readings: &[Reading]) -> Vec<Row> {
        preview(&self.world.rules, &self.form, &Dossier::compile(&self.world.rules, readings))
    }

    /// Who a row is about; nobody: somebody with its function whom nobody names.
    pub(crate) fn who(&self, row: &Row) -> Option<&Who> {
        self.who.get(row.named?)
    }

    /// Whose data a row is about.
    pub(crate) fn holder(&self, row: &Row) -> Option<&Arc<Participant>> {
        self.holders.get(row.holder)
    }

    fn add_professionals(&mut self, state: &PersonState, names: &Names, beside: Beside) {
        let (world, at) = (self.world, self.form.at);
        let trust = world.store.trust();
        let good = |one: &&Arc<Participant>| one.standing_at(at) == Standing::Good;
        let mut all: Vec<&Arc<Participant>> = trust.participants().filter(good).collect();
        all.sort_by(|a, b| (&a.name, a.id.as_str()).cmp(&(&b.name, b.id.as_str())));
        for participant in all {
            for term in participant.functions_at(at) {
                let asking =
                    |person| asker_of(participant.id.as_str(), Some(&term.code), Purpose::Emergency, person);
                let ask = |person| {
                    Some(self.named(state, Some(participant), &asking(person)?, &participant.purposes))
                };
                // Judged by all that it is registered under, so that no number or category of it is overlooked.
                let place = ask(somebody()).filter(|named| {
                    beside == Beside::Everybody || names.contains(&world.rules, &named.asker)
                });
                let people =
                    staff(&trust, participant, &term.code).map(|person| (person, ask(registered(person))));
                let by_name =
                    |named: &Named| named.asker.person.iter().any(|own| names.persons.contains(own));
                let people: Vec<_> = people.map(|(person, named)| (person, named.filter(by_name))).collect();
                self.add(Who::Organisation(Arc::clone(participant)), place);
                for (person, named) in people {
                    self.add(Who::Person(Arc::clone(participant), Arc::clone(person)), named);
                }
            }
        }
    }

    fn add(&mut self, who: Who, named: Option<Named>) {
        if let Some(named) = named {
            self.who.push(who);
            self.form.named.push(named);
        }
    }

    /// As the road would put the question.
    fn named(
        &self,
        state: &PersonState,
        participant: Option<&Participant>,
        asker: &Asker,
        purposes: &[Purpose],
    ) -> Named {
        let put = question(&Asking { participant, asker }, state, &self.world.law(), self.form.at);
        Named {
            asker: put.asker,
            purposes: purposes.iter().copied().map(purpose).collect(),
            relations: put.relations,
            glass: put.break_glass.filter(|glass| glass.registered),
        }
    }
}

/// Who works somewhere in a function.
fn staff<'t>(
    trust: &'t Trust,
    participant: &'t Participant,
    function: &'t FunctionCode,
) -> impl Iterator<Item = &'t Arc<Person>> {
    let works_there = move |person: &&Arc<Person>| {
        person.participant == participant.id && person.functions.contains(function)
    };
    trust.people().filter(works_there)
}

/// A glass is broken in any emergency, for a person who could not be asked and under a doctor.
fn asker_of(
    participant: &str,
    function: Option<&FunctionCode>,
    purpose: Purpose,
    person: AskingPerson,
) -> Option<Asker> {
    let glass = || BreakGlass {
        patient_system: String::new(),
        patient_value: String::new(),
        reason: BreakGlassReason::Other,
        reason_text: None,
        could_not_be_asked: true,
    };
    Some(Asker {
        participant: ParticipantId::parse(participant).ok()?,
        function: function.cloned(),
        purpose,
        person,
        responsible: Some(somebody()),
        relation: None,
        break_glass: (purpose == Purpose::Emergency).then(glass),
    })
}

/// Whom we know and nobody names.
fn somebody() -> AskingPerson {
    let unnamed = unnamed();
    asking_person(&unnamed.system, &unnamed.value)
}

fn registered(person: &Person) -> AskingPerson {
    asking_person(PERSON_URN, person.id.as_str())
}

fn acting(known: &StoredRepresentative) -> AskingPerson {
    asking_person(PERSON_URN, &known.recorded.person.value)
}

fn asking_person(system: &str, id: &str) -> AskingPerson {
    AskingPerson {
        system: system.to_owned(),
        id: id.to_owned(),
        name: None,
        role: None,
        assurance: Assurance::Registered,
    }
}

/// Stands for no participant: the person's own way in.
const NOBODYS_SYSTEM: &str = "portal";
