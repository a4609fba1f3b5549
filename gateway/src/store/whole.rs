//! Journal, holdings and keys held against each other: every change that a record vouches for is there, under its digest
//! and in the order of the records, and no key is gone but on purpose. It reads and changes nothing; a start, `audit
//! verify`, `doctor` and `restore` all ask it.

use super::facts::Change;
use super::forgetting::{Tags, parsed, unread};
use super::keys::Keys;
use super::leaf::{Leaf, LeafError};
use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use sluis_journal::{Fault, Finding, Records};
use std::collections::HashMap;

/// What does not go together, by the first record of the journal that says so. Names no person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsound {
    /// Index of the record in the journal.
    pub index: u64,
    /// Beside which folder or file it does not hold.
    pub file: &'static str,
    /// What is wrong, in plain words.
    pub words: String,
}

impl std::fmt::Display for Unsound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "record {} does not hold: {}: {}", self.index, self.file, self.words)
    }
}

impl From<Unsound> for Finding {
    fn from(found: Unsound) -> Self {
        Self { index: found.index, file: found.file.to_owned(), fault: Fault::Beside(found.words) }
    }
}

/// What the journal says so far about what must lie beside it.
#[derive(Default)]
pub struct Whole {
    /// Changes that a record vouches for and that were not met yet, by their digest.
    vouched: HashMap<[u8; 32], Vouched>,
    /// How many were vouched for, and how many of those were met.
    said: u64,
    met: u64,
}

struct Vouched {
    /// Which of all.
    nth: u64,
    /// The record that vouches.
    record: u64,
}

/// How far a change is to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// The record of this index vouches for it, and it is its turn.
    Vouched(u64),
    /// No record names it: a crash came between both syncs, and it never happened.
    Nobody,
}

impl Whole {
    /// Hears the next record of the journal.
    ///
    /// # Errors
    /// When its digest of a change is none.
    pub fn record(&mut self, index: u64, leaf: &Leaf) -> Result<(), Unsound> {
        for hash in &leaf.holdings {
            let hash = HEXLOWER.decode(hash.as_bytes()).ok().and_then(|hash| hash.try_into().ok());
            let hash: [u8; 32] =
                hash.ok_or_else(|| beside(index, "the digest of its change is no digest".into()))?;
            self.vouched.insert(hash, Vouched { nth: self.said, record: index });
            self.said += 1;
        }
        Ok(())
    }

    /// Meets the next record of holdings.
    ///
    /// # Errors
    /// When a change that comes before it was not met.
    pub fn holding(&mut self, record: &[u8]) -> Result<Word, Unsound> {
        let found = digest(&SHA256, record).as_ref().try_into().ok();
        // Met once: the same bytes again are nobody's, or a withdrawn consent would come back by a copy of it.
        let Some(vouched) = found.and_then(|hash: [u8; 32]| self.vouched.remove(&hash)) else {
            return Ok(Word::Nobody);
        };
        if vouched.nth != self.met {
            return self.end().map(|()| Word::Nobody);
        }
        self.met += 1;
        Ok(Word::Vouched(vouched.record))
    }

    /// Says what was not met.
    ///
    /// # Errors
    /// The first change that is missing, and how many are.
    pub fn end(&self) -> Result<(), Unsound> {
        let Some(first) = self.vouched.values().min_by_key(|vouched| vouched.nth) else { return Ok(()) };
        let others = match self.vouched.len() {
            1 => String::new(),
            n => format!(" (one of {n})"),
        };
        let words = format!("the change that it vouches for is missing, moved or altered{others}");
        Err(beside(first.record, words))
    }
}

fn beside(index: u64, words: String) -> Unsound {
    Unsound { index, file: "holdings", words }
}

/// What a whole folder was found to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Changes that the journal vouches for.
    pub changes: u64,
    /// Changes that no record names.
    pub unnamed: u64,
    /// Years of persons that were forgotten on purpose.
    pub forgotten: u64,
}

/// Reads both folders whole. With `keys`, each change must also open under its key, and no record may lack its key but on
/// purpose.
///
/// # Errors
/// The first thing that does not hold.
pub fn check(journal: &Records, holdings: &Records, keys: Option<&Keys>) -> Result<Held, Unsound> {
    let (mut whole, mut tags) = (Whole::default(), Tags::default());
    // The journal first: a change is durable before the record that vouches for it.
    let mut next = 0;
    for read in journal.from(0) {
        let (index, record) = read.map_err(|e| unread(next, &e))?;
        let leaf = parsed(index, &record)?;
        whole.record(index, &leaf)?;
        keys.map_or(Ok(()), |keys| tags.record(index, &leaf, keys))?;
        next = index + 1;
    }
    if let Some(keys) = keys {
        tags.hear_on(journal, next, keys)?;
        tags.end()?;
    }
    let mut held = Held { forgotten: tags.forgotten(), ..Held::default() };
    for read in holdings.from(0) {
        let (index, record) = read.map_err(|e| beside(journal.len(), format!("cannot be read: {e}")))?;
        let Word::Vouched(vouching) = whole.holding(&record)? else {
            held.unnamed += 1;
            continue;
        };
        held.changes += 1;
        if let Some(Err(e)) = keys.map(|keys| Change::open(keys, &record)) {
            return Err(beside(vouching, format!("record {index} there does not open: {e}")));
        }
    }
    whole.end()?;
    Ok(held)
}

/// That every record opens whose year was not forgotten: what a restored folder must do.
///
/// # Errors
/// The first record that does not.
pub fn opens(journal: &Records, keys: &Keys) -> Result<(), Unsound> {
    let mut next = 0;
    for read in journal.from(0) {
        let (index, record) = read.map_err(|e| unread(next, &e))?;
        match parsed(index, &record)?.open(keys) {
            Ok(_) | Err(LeafError::Forgotten) => next = index + 1,
            Err(e) => return Err(Unsound { index, file: "keys", words: e.to_string() }),
        }
    }
    Ok(())
}
