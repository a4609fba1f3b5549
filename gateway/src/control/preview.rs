//! `sluis consent preview`: what everybody would see more or less with a choice, by the engine that decides real
//! questions. In words equal lines stand once, and of who is named only what comes out otherwise than for others.

use super::commands::{Done, Say, note, out};
use crate::desk;
use crate::preview::{Beside, Outlook, Who};
use crate::trust::Participant;
use crate::world::World;
use consent::preview::Row;
use consent::{ClassSet, Vocabulary};
use fhir_mappings::audit::{Action, Detail, Kind};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn preview(world: &World, text: &str, as_json: bool, say: Say<'_>) -> Done {
    let (person, choice) = desk::read_choice(world, text.as_bytes())?;
    let state = world.store.person(person).map_err(|_| desk::view_down())?;
    let mut draft = desk::draft(Kind::DryRun, Action::Execute, world, Some(person));
    draft.entry.details.push(Detail { name: "command".into(), value: "consent preview".into() });
    world.store.record_blocking(draft, None)?;
    let trust = world.store.trust();
    let holders: Vec<Arc<Participant>> =
        state.holders.iter().filter_map(|id| trust.participant(id).cloned()).collect();
    let mut readings: Vec<_> = state.consents.iter().map(|stored| stored.reading.clone()).collect();
    let standing = readings.len();
    readings.push(choice);
    let outlook = Outlook::of(world, &state, &holders, &readings, Beside::Named);
    let before = outlook.rows(readings.get(..standing).unwrap_or_default());
    let after = outlook.rows(&readings);
    let told = Told { outlook, vocabulary: world.rules.vocabulary() };
    if as_json {
        for (was, is) in before.iter().zip(&after) {
            out(say, told.json(was, is).to_string());
        }
        return Ok(());
    }
    let lines = told.lines(&before, &after);
    for line in &lines {
        out(say, line.in_words(told.vocabulary));
    }
    if lines.is_empty() {
        note(say, "nothing changes for anybody");
    }
    Ok(())
}

/// Classes seen more and seen less.
type Change = (ClassSet, ClassSet);

struct Told<'w> {
    outlook: Outlook<'w>,
    vocabulary: &'w Vocabulary,
}

impl Told<'_> {
    fn holder(&self, row: &Row) -> &str {
        self.outlook.holder(row).map_or("", |holder| holder.id.as_str())
    }

    fn function(&self, row: &Row) -> Option<&str> {
        row.function.map(|function| self.vocabulary.function_code(function))
    }

    fn json(&self, was: &Row, is: &Row) -> Value {
        let codes = |set: ClassSet| -> Vec<&str> {
            set.iter().map(|class| self.vocabulary.class_code(class)).collect()
        };
        let (more, less) = change(was, is);
        let asker = self.outlook.who(is).map(|who| match who {
            Who::Organisation(place) => json!({"participant": place.id.as_str()}),
            Who::Person(place, person) => {
                json!({"participant": place.id.as_str(), "person": person.id.as_str()})
            }
            Who::Representative(known) => json!({"representative": &*known.recorded.person.value}),
        });
        json!({
            "category": is.category.map(|category| self.vocabulary.category_code(category)),
            "function": self.function(is), "asker": asker, "purpose": is.purpose.code(),
            "holder": self.holder(is), "sees": codes(is.decision.permitted_classes()),
            "more": codes(more), "less": codes(less),
        })
    }

    fn who(&self, row: &Row) -> String {
        let function = self.function(row).unwrap_or_default();
        match self.outlook.who(row) {
            None => function.to_owned(),
            Some(Who::Organisation(place)) => format!("{} ({function})", place.id.as_str()),
            Some(Who::Person(place, person)) => {
                format!("{} of {} ({function})", person.id.as_str(), place.id.as_str())
            }
            Some(Who::Representative(known)) => format!("{} (for the person)", known.recorded.person.value),
        }
    }

    /// What changes, and for whom by name it changes otherwise than for others who do the same work.
    fn lines(&self, before: &[Row], after: &[Row]) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut general: Vec<(&Row, Change)> = Vec::new();
        for (was, is) in before.iter().zip(after) {
            let change = change(was, is);
            let usual = match self.outlook.who(is) {
                None => {
                    general.push((is, change));
                    UNCHANGED
                }
                Some(who) => {
                    let same = |(other, _): &&(&Row, Change)| {
                        (other.function, other.purpose, other.holder) == (is.function, is.purpose, is.holder)
                    };
                    let own = who.organisation().is_some_and(|place| self.holder(is) == place.id.as_str());
                    // Its own data are open to it whatever others may see.
                    let general = general.iter().find(same).filter(|_| !own);
                    general.map_or(UNCHANGED, |(_, change)| *change)
                }
            };
            if change != usual {
                lines.push(Line {
                    who: vec![self.who(is)],
                    purposes: vec![is.purpose.code()],
                    holders: vec![self.holder(is).to_owned()],
                    change,
                });
            }
        }
        grouped(lines)
    }
}

/// For some askers, purposes and holders the same change.
struct Line {
    who: Vec<String>,
    purposes: Vec<&'static str>,
    holders: Vec<String>,
    change: Change,
}

impl Line {
    fn in_words(&self, vocabulary: &Vocabulary) -> String {
        let signed = |sign: char, set: ClassSet| {
            set.iter().map(|class| format!(" {sign}{}", vocabulary.class_code(class))).collect::<String>()
        };
        let (more, less) = self.change;
        let changes = signed('+', more) + &signed('-', less);
        let changes = if self.change == UNCHANGED { " unchanged" } else { &changes };
        let (who, purposes) = (self.who.join(", "), self.purposes.join(" "));
        format!("{who} [{purposes}] {}:{changes}", self.holders.join(", "))
    }
}

/// Equal changes stand once: for all purposes, then all holders, then everybody.
fn grouped(lines: Vec<Line>) -> Vec<Line> {
    let lines = joined(
        lines,
        |a, b| (&a.who, &a.holders) == (&b.who, &b.holders),
        |line, more| line.purposes.extend(more.purposes),
    );
    let lines = joined(
        lines,
        |a, b| (&a.who, &a.purposes) == (&b.who, &b.purposes),
        |line, more| line.holders.extend(more.holders),
    );
    joined(
        lines,
        |a, b| (&a.purposes, &a.holders) == (&b.purposes, &b.holders),
        |line, more| line.who.extend(more.who),
    )
}

fn joined(lines: Vec<Line>, alike: fn(&Line, &Line) -> bool, join: fn(&mut Line, Line)) -> Vec<Line> {
    let mut all: Vec<Line> = Vec::new();
    for line in lines {
        match all.iter_mut().find(|other| other.change == line.change && alike(other, &line)) {
            Some(other) => join(other, line),
            None => all.push(line),
        }
    }
    all
}

fn change(was: &Row, is: &Row) -> Change {
    let (was, sees) = (was.decision.permitted_classes(), is.decision.permitted_classes());
    (sees.minus(was), was.minus(sees))
}

const UNCHANGED: Change = (ClassSet::EMPTY, ClassSet::EMPTY);
