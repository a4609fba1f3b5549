//! A decision in a person's words: yes, in part or no, of whom, and by which choice or rule.

use super::About;
use super::sharing::Row;
use consent::answer::{ConsentRef, Permit};
use consent::record::{Giver, Reading};
use consent::vocabulary::Cell;
use consent::{DataClass, Level, Reason, Verdict};

/// One class for one asker.
pub(super) struct Told {
    pub(super) word: String,
    /// `yes`, `part` or `no`: colour beside the word, never instead of it.
    pub(super) mark: &'static str,
    /// Of which holders.
    pub(super) from: Vec<String>,
    pub(super) why: String,
}

pub(super) fn told(about: &About<'_>, row: &Row, class: DataClass) -> Told {
    let words = about.visit.words;
    let verdicts =
        row.decisions.iter().filter_map(|(holder, decision)| Some((holder, decision.verdict(class)?)));
    let (mut permits, mut refusals) = (Vec::new(), Vec::new());
    for (holder, verdict) in verdicts {
        match verdict {
            Verdict::Permit(permit) => permits.push((holder, permit)),
            Verdict::Refuse(refusal) => refusals.push(refusal),
        }
    }
    let Some((_, permit)) = permits.first() else {
        // What this work never sees was not asked for either, and asking would open nothing.
        let vocabulary = about.visit.world.rules.vocabulary();
        let never = row.function.is_some_and(|function| vocabulary.cell(function, class) == Cell::Shut);
        let leading = refusals.iter().max_by_key(|refusal| telling(refusal.reason));
        let why = match leading {
            Some(refusal) if never && refusal.reason == Reason::NotAsked => {
                refused(about, Reason::Ceiling, &[])
            }
            Some(refusal) => refused(about, refusal.reason, &refusal.consents),
            None => words.say("nobody-has"),
        };
        let not_asked = leading.is_some_and(|refusal| refusal.reason == Reason::NotAsked && !never);
        let (word, mark) = if not_asked { ("not-asked", "part") } else { ("no", "no") };
        return Told { word: words.say(word), mark, from: Vec::new(), why };
    };
    let whole = permits.iter().all(|(_, permit)| permit.level == Level::Full);
    let from = if about.names_places() {
        permits
            .iter()
            .map(|(holder, _)| words.with("of-holder", [("holder", holder.name.as_str().into())]))
            .collect()
    } else {
        Vec::new()
    };
    let word = match (whole, refusals.is_empty() || about.names_places()) {
        (true, true) => "yes",
        (false, true) => "yes-short",
        (_, false) => "part",
    };
    let (word, mark) = (words.say(word), if word == "part" { "part" } else { "yes" });
    Told { word, mark, from, why: permitted(about, permit) }
}

fn permitted(about: &About<'_>, permit: &Permit) -> String {
    let basis = serde_json::to_value(permit.basis.sender).unwrap_or_default();
    let why = about.visit.words.code("basis", basis.as_str().unwrap_or_default());
    with_date(about, why, &permit.consents)
}

fn refused(about: &About<'_>, reason: Reason, consents: &[ConsentRef]) -> String {
    let why = reason.text(about.visit.words.tag()).to_owned();
    // The date of a choice tells only where a choice was what decided.
    if matches!(reason, Reason::Refused | Reason::Lapsed) { with_date(about, why, consents) } else { why }
}

/// With the day of the newest choice that counted, and who made it if it was somebody else.
fn with_date(about: &About<'_>, why: String, consents: &[ConsentRef]) -> String {
    let words = about.visit.words;
    let records = about.state.consents.iter().filter_map(|stored| match &stored.reading {
        Reading::Readable(record) if consents.iter().any(|used| used.id == record.id) => Some(record),
        Reading::Readable(_) | Reading::Unreadable { .. } => None,
    });
    let Some(newest) = records.max_by_key(|record| record.given_at) else { return why };
    let day = crate::portal::tell::day(newest.given_at, words);
    let key = if newest.givers.contains(&Giver::Person) { "why-on" } else { "why-on-by-other" };
    words.with(key, [("why", why.into()), ("day", day.into())])
}

/// Of several reasons the one that says most: something that was said goes before what nobody said.
pub(super) fn telling(reason: Reason) -> u8 {
    match reason {
        Reason::Unreadable => 10,
        Reason::Refused => 9,
        Reason::Age => 8,
        Reason::Representation => 7,
        Reason::Lapsed => 6,
        Reason::NotAsked => 5,
        Reason::NoRelation => 4,
        Reason::Purpose => 3,
        Reason::Ceiling => 2,
        Reason::Emergency => 1,
        Reason::Unreachable => 0,
    }
}
