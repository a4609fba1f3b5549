//! By what the journal's records are found: who asked, of whom, which employee, for what, how it ended, in an emergency.
//!
//! A record is one row of 32 bytes in a block of 1,024, sealed in the view like everything there. Whoever searches reads
//! the blocks from the newest back and opens only what may match: a row says what a record surely is not, and the
//! record itself what it is. The index follows the journal by itself, a block at a time; what it lacks (the last block,
//! a view that was just built) is read from the records, so that nothing is missed while it catches up.

use super::Store;
use super::inner::Inner;
use super::keys::Keys;
use super::leaf::{Leaf, LeafError};
use super::view::{Index, ViewError};
use fhir_mappings::audit::{Detail, Entry, Kind, Outcome, Person, Share};
use ring::digest::{SHA256, digest};
use std::ops::Range;

/// Records of a block.
const BLOCK: u64 = 1024;
/// Bytes of a row.
const ROW: usize = 32;
/// Blocks that one search reads from the records themselves; where more are lacking, it ends early and says where.
const UNINDEXED_MOST: u32 = 12;

/// What a search asks of a record; `None` asks nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// A participant that asked, or whose data it is about: the tenancy of who searches.
    pub own: Option<&'a str>,
    /// Another participant that asked, or whose data it is about.
    pub other: Option<&'a str>,
    /// The id of a person who acted, or on whose behalf.
    pub employee: Option<&'a str>,
    /// The code of a purpose.
    pub purpose: Option<&'a str>,
    /// How it ended.
    pub ended: Option<Ended>,
    /// Whether only emergencies are asked for.
    pub emergency: bool,
    /// Whether only questions and their answers are.
    pub accesses: bool,
}

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything that was permitted was given.
    Given,
    /// A part was given.
    Part,
    /// Nothing was.
    Nothing,
    /// Something else than giving was done.
    Done,
}

impl Ended {
    /// How this record says that it ended.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        Self::with(entry, &entry.shares)
    }

    /// How it ended for somebody who sees only these parts of it.
    fn with(entry: &Entry, shares: &[Share]) -> Self {
        let given = shares.iter().any(|share| !share.given.is_empty());
        let withheld = shares.iter().any(|share| !share.withheld.is_empty() || share.failed.is_some());
        match (&entry.outcome, given, withheld) {
            (Outcome::Refused(_) | Outcome::Failed(_), _, _) => Self::Nothing,
            (_, true, true) => Self::Part,
            (_, true, false) => Self::Given,
            (_, false, _) if entry.kind == Kind::Answered => Self::Nothing,
            (_, false, _) => Self::Done,
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Whether a record is about an emergency, or tells somebody of one.
#[must_use]
pub fn is_emergency(entry: &Entry) -> bool {
    let tells = |d: &Detail| d.name == "about" && d.value.starts_with("emergency");
    entry.emergency.is_some() || entry.kind == Kind::Notice && entry.details.iter().any(tells)
}

/// Whether a record is a question or its end.
#[must_use]
pub fn is_access(kind: Kind) -> bool {
    matches!(kind, Kind::Answered | Kind::Asked | Kind::Refused | Kind::TokenRefused)
}

/// A short name of a word: equal words are equal, and of unequal ones few are.
fn short(word: &str) -> u32 {
    digest(&SHA256, word.as_bytes()).as_ref().first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// The same in two bytes; none is zero.
#[allow(clippy::cast_possible_truncation, reason = "the low half of a short name is a shorter one")]
fn shorter(word: &str) -> u16 {
    (short(word) as u16).max(1)
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Row {
    /// Of the first eight; of more, any is possible.
    holders: [u16; HOLDERS],
    asker: u32,
    employee: u32,
    behalf: u32,
    purpose: u16,
    ended: u8,
    flags: u8,
}

/// Holders that have a place in a row.
const HOLDERS: usize = 8;

const EMERGENCY: u8 = 1;
const ACCESS: u8 = 2;
/// The record opens: one that was forgotten is found by nothing.
const OPENS: u8 = 4;
/// It has more holders than a row has places.
const MANY: u8 = 8;

impl Row {
    /// `None` when the record is not what was written: to be found by nothing is for what was forgotten alone.
    fn of(record: &[u8], keys: &Keys) -> Option<Self> {
        match Leaf::parse(record).and_then(|leaf| leaf.open(keys)) {
            Ok(entry) => Some(Self::of_entry(&entry)),
            Err(LeafError::Forgotten) => Some(Self::default()),
            Err(_) => None,
        }
    }

    fn of_entry(entry: &Entry) -> Self {
        let person = |person: &Option<Person>| person.as_ref().map_or(0, |p| short(&p.id));
        let flag = |on: bool, flag: u8| if on { flag } else { 0 };
        // A holder's officer sees its own part alone, the asker's what was given alone (`lens`).
        let parts = entry.shares.chunks(1).map(|part| Ended::with(entry, part).bit());
        let given = entry.shares.iter().any(|share| !share.given.is_empty());
        let whole = Ended::of(entry).bit() | flag(given, Ended::Given.bit());
        let mut holders = [0; HOLDERS];
        for (place, share) in holders.iter_mut().zip(&entry.shares) {
            *place = shorter(&share.holder.id);
        }
        let many = flag(entry.shares.len() > HOLDERS, MANY);
        Self {
            holders,
            asker: entry.organisation.as_ref().map_or(0, |o| short(&o.id)),
            employee: person(&entry.person),
            behalf: person(&entry.responsible),
            purpose: entry.purpose.as_ref().map_or(0, |code| shorter(code)),
            ended: parts.fold(whole, |all, part| all | part),
            flags: flag(is_emergency(entry), EMERGENCY) | flag(is_access(entry.kind), ACCESS) | OPENS | many,
        }
    }

    fn write(self, to: &mut Vec<u8>) {
        to.extend(self.holders.iter().flat_map(|word| word.to_le_bytes()));
        to.extend([self.asker, self.employee, self.behalf].iter().flat_map(|word| word.to_le_bytes()));
        to.extend_from_slice(&self.purpose.to_le_bytes());
        to.extend([self.ended, self.flags]);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (written, rest) = bytes.split_first_chunk::<{ 2 * HOLDERS }>()?;
        let mut holders = [0; HOLDERS];
        for (place, bytes) in holders.iter_mut().zip(written.as_chunks().0) {
            *place = u16::from_le_bytes(*bytes);
        }
        let (asker, rest) = rest.split_first_chunk()?;
        let (employee, rest) = rest.split_first_chunk()?;
        let (behalf, rest) = rest.split_first_chunk()?;
        let (purpose, rest) = rest.split_first_chunk()?;
        let [ended, flags] = rest.try_into().ok()?;
        Some(Self {
            holders,
            asker: u32::from_le_bytes(*asker),
            employee: u32::from_le_bytes(*employee),
            behalf: u32::from_le_bytes(*behalf),
            purpose: u16::from_le_bytes(*purpose),
            ended,
            flags,
        })
    }
}

/// A search in the terms of rows.
struct Sieve {
    own: Option<(u32, u16)>,
    other: Option<(u32, u16)>,
    employee: Option<u32>,
    purpose: Option<u16>,
    ended: u8,
    flags: u8,
}

impl Sieve {
    fn of(wanted: &Wanted<'_>) -> Self {
        let house = |id: Option<&str>| id.map(|id| (short(id), shorter(id)));
        let flag = |on: bool, flag: u8| if on { flag } else { 0 };
        Self {
            own: house(wanted.own),
            other: house(wanted.other),
            employee: wanted.employee.map(short),
            purpose: wanted.purpose.map(shorter),
            ended: wanted.ended.map_or(u8::MAX, Ended::bit),
            flags: OPENS | flag(wanted.emergency, EMERGENCY) | flag(wanted.accesses, ACCESS),
        }
    }

    fn passes(&self, row: Row) -> bool {
        let part = |house: Option<(u32, u16)>| {
            house.is_none_or(|(asker, holder)| {
                row.asker == asker || row.holders.contains(&holder) || row.flags & MANY != 0
            })
        };
        row.flags & self.flags == self.flags
            && row.ended & self.ended != 0
            && self.employee.is_none_or(|who| row.employee == who || row.behalf == who)
            && self.purpose.is_none_or(|purpose| row.purpose == purpose)
            && part(self.own)
            && part(self.other)
    }
}

impl Store {
    /// Lets the index of the journal follow by some blocks; how many are still lacking.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn index_journal(&self, blocks: u64) -> Result<u64, ViewError> {
        let whole = self.inner.records.len() / BLOCK;
        let first = self.next_block()?;
        for block in first..whole.min(first + blocks) {
            let rows = rows(&self.inner, block * BLOCK..(block + 1) * BLOCK).ok_or(ViewError::Damaged)?;
            let mut bytes = Vec::with_capacity(rows.len() * ROW);
            rows.into_iter().for_each(|row| row.write(&mut bytes));
            // INVARIANT: no block is missing before another. Held, the view is not built anew in between.
            let _held = self.inner.followed();
            if self.next_block()? == block {
                self.inner.view.put(Index::Facets, &block.to_be_bytes(), &bytes)?;
            }
        }
        Ok(whole.saturating_sub(self.next_block()?))
    }

    fn next_block(&self) -> Result<u64, ViewError> {
        let last = self.inner.view.last_key(Index::Facets)?;
        let last = last.and_then(|key| Some(u64::from_be_bytes(key.try_into().ok()?)));
        Ok(last.map_or(0, |last| last + 1))
    }

    /// Hands over the indexes that may match, newest first, until `take` has enough. Gives the index below which nothing was
    /// searched, if there is one.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn search(
        &self,
        wanted: &Wanted<'_>,
        within: Range<u64>,
        mut take: impl FnMut(u64) -> bool,
    ) -> Result<Option<u64>, ViewError> {
        let sieve = Sieve::of(wanted);
        let within = within.start..within.end.min(self.inner.records.len());
        if within.is_empty() {
            return Ok(None);
        }
        let mut unindexed = 0;
        for block in (within.start / BLOCK..=(within.end - 1) / BLOCK).rev() {
            let whole = block * BLOCK..((block + 1) * BLOCK).min(self.inner.records.len());
            let indexed = self.inner.view.get(Index::Facets, &block.to_be_bytes())?;
            let rows: Vec<Row> = match indexed {
                Some(bytes) => bytes.chunks_exact(ROW).map_while(Row::read).collect(),
                None if unindexed == UNINDEXED_MOST => return Ok(Some(whole.end)),
                None => {
                    unindexed += 1;
                    rows(&self.inner, whole.clone()).ok_or(ViewError::Damaged)?
                }
            };
            if rows.len() as u64 != whole.end - whole.start {
                return Err(ViewError::Damaged);
            }
            for (row, index) in rows.iter().rev().zip(whole.rev()) {
                if within.contains(&index) && sieve.passes(*row) && !take(index) {
                    return Ok(Some(index));
                }
            }
        }
        Ok(None)
    }
}

/// `None` when one cannot be read now: a gap would be searched as if it were empty.
fn rows(inner: &Inner, of: Range<u64>) -> Option<Vec<Row>> {
    of.map(|index| inner.records.read(index).ok().and_then(|record| Row::of(&record, &inner.keys))).collect()
}

#[cfg(test)]
mod tests;
