//! By which rules a recorded decision was made: those that its record names, as they lie whole in `holdings/`.

use super::{NoReplay, Past, Present, Told, leaf};
use crate::rulebook::Rulebook;
use crate::store::facts::{Change, Fact, whose};
use crate::store::sha256_hex;
use consent::Rules;
use fhir_mappings::audit::{self, Entry};
use std::borrow::Cow;
use std::collections::HashSet;

/// Rules kept whole.
#[derive(Clone)]
pub(super) struct Kept {
    sha256: String,
    book: Rulebook,
    followed_up: bool,
}

impl Kept {
    pub(super) fn of(fact: &Fact) -> Option<Self> {
        let Fact::Rules { book, followed_up } = fact else { return None };
        Some(Self { sha256: book.sha256(), book: book.clone(), followed_up: *followed_up })
    }
}

/// The rules that a record names, as they were kept before it, else after it, else those loaded here.
pub(super) fn decided_by<'p>(
    past: &Past<'_>,
    present: &Present<'p>,
    index: u64,
    entry: &Entry,
    told: &Told,
) -> Result<(Cow<'p, Rules>, bool), NoReplay> {
    let named = entry.protocols.iter().find(|protocol| protocol.name == "decision");
    let Some(named) = named else { return Ok((Cow::Borrowed(present.rules), present.followed_up)) };
    let before = told.rules.iter().rev().find(|kept| kept.sha256 == named.sha256).cloned();
    let kept = match before {
        Some(kept) => Some(kept),
        None => kept_later(past, index, &named.sha256)?,
    };
    match kept {
        Some(kept) if kept.sha256 == present.sha256 => Ok((Cow::Borrowed(present.rules), kept.followed_up)),
        Some(kept) => {
            let rules = kept.book.rules().map_err(|_| NoReplay::OtherRules(named.version.clone()))?;
            Ok((Cow::Owned(rules), kept.followed_up))
        }
        None if named.sha256 == present.sha256 => Ok((Cow::Borrowed(present.rules), present.followed_up)),
        None => Err(NoReplay::OtherRules(named.version.clone())),
    }
}

/// Rules that were kept only after a decision under them: a folder of before rules were kept has them from its next start.
fn kept_later(past: &Past<'_>, index: u64, sha256: &str) -> Result<Option<Kept>, NoReplay> {
    let mut vouched = HashSet::new();
    for after in index..past.journal.len() {
        let leaf = leaf(past.journal, after)?;
        if leaf.kind == audit::Kind::Rules {
            vouched.extend(leaf.holdings);
        }
    }
    for place in 0..past.holdings.len() {
        if vouched.is_empty() {
            break;
        }
        let record = past.holdings.read(place).map_err(|_| NoReplay::Unreadable)?;
        if whose(&record) != Some(None) || !vouched.remove(&sha256_hex(&record)) {
            continue;
        }
        let change = Change::open(past.keys, &record).map_err(|_| NoReplay::Unreadable)?;
        let kept = change.facts.iter().filter_map(Kept::of).find(|kept| kept.sha256 == sha256);
        if kept.is_some() {
            return Ok(kept);
        }
    }
    Ok(None)
}
