//! What was forgotten on purpose, as the journal says: a record without its key is lawful only where a record of kind `key`
//! covers it, for whoever wipes slots of keys by himself destroys evidence. The record names the tags that it wipes; one of
//! before tags were named covers every year before the one that it gives.

use super::keys::{Keys, Tag};
use super::leaf::{self, Leaf};
use super::whole::Unsound;
use data_encoding::BASE64;
use fhir_mappings::audit::{Action, Change, Detail, Entry, Kind};
use sluis_journal::{ReadError, Records};
use std::collections::{HashMap, HashSet};

/// Tags that one record names: with the rest of it they stay well below what a record may hold.
pub const TAGS_MOST: usize = 1000;

/// Words that these tags, of years before this one, are wiped.
pub fn word(entry: &mut Entry, before: u16, tags: &[Tag]) {
    entry.changes =
        vec![Change { what: "key".into(), id: format!("{YEARS}{before}"), version: None, sha256: None }];
    entry.details.push(Detail { name: NAMED.into(), value: tags.len().to_string() });
    if !tags.is_empty() {
        entry.details.push(Detail { name: TAGS.into(), value: BASE64.encode(tags.as_flattened()) });
    }
}

const YEARS: &str = "person-years-before-";
const NAMED: &str = "tags-named";
const TAGS: &str = "tags";

/// Records whose key is gone, and what was forgotten on purpose.
#[derive(Default)]
pub struct Tags {
    /// The first record of each tag that has no key, and the year of it.
    keyless: HashMap<Tag, (u64, u16)>,
    named: HashSet<Tag>,
    /// Years before this one, by records that name no tags.
    before: u16,
}

impl Tags {
    /// Hears a record of the journal.
    ///
    /// # Errors
    /// When it is about a person and bears no tag of ours, or says what was forgotten and cannot be opened.
    pub fn record(&mut self, index: u64, leaf: &Leaf, keys: &Keys) -> Result<(), Unsound> {
        match (&leaf.tag, leaf.tag_bytes()) {
            (Some(_), Some(tag)) => {
                if keys.by_tag(&tag).is_none() {
                    self.keyless.entry(tag).or_insert_with(|| (index, leaf::year(leaf.time)));
                }
            }
            (Some(_), None) => return Err(gone(index, "its tag of a person is none".into())),
            (None, _) if leaf.kind == Kind::Key => {
                let entry = leaf.open(keys).map_err(|e| gone(index, e.to_string()))?;
                self.hear(&entry);
            }
            (None, _) => {}
        }
        Ok(())
    }

    fn hear(&mut self, entry: &Entry) {
        let years = entry.changes.iter().find_map(|change| change.id.strip_prefix(YEARS)?.parse().ok());
        let Some(before) = years.filter(|_| entry.action == Action::Delete) else { return };
        let detail = |name: &str| entry.details.iter().find(|detail| detail.name == name);
        match (detail(NAMED), detail(TAGS)) {
            (None, _) => self.before = self.before.max(before),
            (Some(_), tags) => {
                let tags =
                    tags.and_then(|tags| BASE64.decode(tags.value.as_bytes()).ok()).unwrap_or_default();
                self.named.extend(tags.as_chunks::<16>().0);
            }
        }
    }

    /// Hears on from a record, for as long as something is not explained: what was wiped a moment ago is recorded by now.
    ///
    /// # Errors
    /// As [`Tags::record`], and when a record cannot be read.
    pub fn hear_on(&mut self, records: &Records, from: u64, keys: &Keys) -> Result<(), Unsound> {
        let mut next = from;
        while next < records.len() && self.end().is_err() {
            for read in records.from(next) {
                let (index, record) = read.map_err(|e| unread(next, &e))?;
                self.record(index, &parsed(index, &record)?, keys)?;
                next = index + 1;
            }
        }
        Ok(())
    }

    /// How many tags were forgotten on purpose.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.keyless.len() as u64
    }

    /// That every key that is gone was wiped on purpose.
    ///
    /// # Errors
    /// The first record whose key is gone otherwise, and of how many persons' years.
    pub fn end(&self) -> Result<(), Unsound> {
        let lost =
            |(tag, (_, year)): &(&Tag, &(u64, u16))| *year >= self.before && !self.named.contains(*tag);
        let lost: Vec<u64> = self.keyless.iter().filter(lost).map(|(_, (index, _))| *index).collect();
        let Some(first) = lost.iter().min() else { return Ok(()) };
        let others =
            if lost.len() > 1 { format!(" ({} such years of persons)", lost.len()) } else { String::new() };
        Err(gone(*first, format!("its key is gone, and no record says that it was forgotten{others}")))
    }
}

/// Reads a record in its stored form.
pub(super) fn parsed(index: u64, record: &[u8]) -> Result<Leaf, Unsound> {
    let words = |e| format!("it is no record of this program: {e}");
    Leaf::parse(record).map_err(|e| Unsound { index, file: "journal", words: words(e) })
}

pub(super) fn unread(index: u64, e: &ReadError) -> Unsound {
    Unsound { index, file: "journal", words: format!("cannot be read: {e}") }
}

fn gone(index: u64, words: String) -> Unsound {
    Unsound { index, file: "keys", words }
}

#[cfg(test)]
mod tests {
    use super::{Tags, word};
    use crate::store::keys::{Keys, PersonNo};
    use crate::store::leaf::{Draft, Leaf};
    use fhir_mappings::audit::{Action, Change, Entry, Interaction, Kind, Outcome};

    fn keys() -> (tempfile::TempDir, Keys) {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::open(dir.path(), &crate::store::seal::Key::random().unwrap()).unwrap();
        (dir, keys)
    }

    fn leaf(keys: &Keys, kind: Kind, person: Option<u64>, fill: impl FnOnce(&mut Entry)) -> Leaf {
        let action = if kind == Kind::Key { Action::Delete } else { Action::Read };
        let mut entry = Entry::new(kind, action, Interaction::Operation, Outcome::Success);
        fill(&mut entry);
        let time = "2026-11-21T11:00:00Z".parse().unwrap();
        let draft = Draft { entry, time, request_id: "r".into(), person: person.map(PersonNo), burnt: None };
        Leaf::parse(&draft.seal(keys, Vec::new()).unwrap()).unwrap()
    }

    /// A row: what is recorded of the forgetting, and whether it covers a wiped year of person 1 and one of person 2.
    #[test]
    fn a_key_that_is_gone_is_lawful_only_where_a_record_says_so() {
        let years = |before: u16| {
            move |entry: &mut Entry| {
                let id = format!("person-years-before-{before}");
                entry.changes = vec![Change { what: "key".into(), id, version: None, sha256: None }];
            }
        };
        for (what, one, two) in [("nothing", false, false), ("one", true, false), ("both", true, true)] {
            let (_dir, keys) = keys();
            let people = [1, 2].map(|person| leaf(&keys, Kind::Answered, Some(person), |_| {}));
            let tags: Vec<_> = people.iter().map(|leaf| leaf.tag_bytes().unwrap()).collect();
            let named = match what {
                "nothing" => &tags[..0],
                "one" => &tags[..1],
                _ => &tags[..],
            };
            let record = leaf(&keys, Kind::Key, None, |entry| word(entry, 2027, named));
            for (person, lawful) in [(1, one), (2, two)] {
                keys.shred(PersonNo(person), 2026).unwrap();
                let mut heard = Tags::default();
                for (index, leaf) in (0..).zip(people.iter().chain([&record])) {
                    heard.record(index, leaf, &keys).unwrap();
                }
                assert_eq!(heard.end().is_ok(), lawful, "{what} {person}");
            }
        }
        // As it was said before tags were named.
        for (before, lawful) in [(2027, true), (2026, false)] {
            let (_dir, keys) = keys();
            let one = leaf(&keys, Kind::Answered, Some(1), |_| {});
            let record = leaf(&keys, Kind::Key, None, years(before));
            keys.shred(PersonNo(1), 2026).unwrap();
            let mut heard = Tags::default();
            heard.record(0, &one, &keys).unwrap();
            heard.record(1, &record, &keys).unwrap();
            assert_eq!(heard.end().is_ok(), lawful, "{before}");
        }
    }
}
