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
    /// When its digest of a change is none, or one that another record has named.
    pub fn record(&mut self, index: u64, leaf: &Leaf) -> Result<(), Unsound> {
        for hash in &leaf.holdings {
            let hash = HEXLOWER.decode(hash.as_bytes()).ok().and_then(|hash| hash.try_into().ok());
            let hash: [u8; 32] =
                hash.ok_or_else(|| beside(index, "the digest of its change is no digest".into()))?;
            if self.vouched.insert(hash, Vouched { nth: self.said, record: index }).is_some() {
                return Err(beside(index, "another record vouches for its change".into()));
            }
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
            self.end()?;
            return Err(beside(
                vouched.record,
                "its change does not stand in the order of the records".into(),
            ));
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

#[cfg(test)]
mod tests {
    use super::{Whole, Word, opens};
    use crate::store::keys::{Keys, PersonNo};
    use crate::store::leaf::{Draft, Leaf};
    use crate::store::seal::Key;
    use crate::store::{sha256_hex, signers};
    use data_encoding::BASE64;
    use fhir_mappings::audit::{Action, Entry, Interaction, Kind, Outcome};
    use sluis_journal::{Archive, Log, LogSettings, Opened};

    fn leaf(keys: &Keys, person: Option<u64>, holdings: &[&[u8]]) -> Leaf {
        let entry = Entry::new(Kind::Answered, Action::Read, Interaction::Read, Outcome::Success);
        let time = "2026-11-28T11:00:00Z".parse().unwrap();
        let draft = Draft { entry, time, request_id: "r".into(), person: person.map(PersonNo), burnt: None };
        let holdings = holdings.iter().map(|record| sha256_hex(record)).collect();
        Leaf::parse(&draft.seal(keys, holdings).unwrap()).unwrap()
    }

    /// A stopped folder with these records, its keys, and their master.
    fn folder(records: impl FnOnce(&Keys) -> Vec<Leaf>) -> (tempfile::TempDir, Keys, Key) {
        let dir = tempfile::tempdir().unwrap();
        let master = Key::random().unwrap();
        let keys = Keys::open(&dir.path().join("keys"), &master).unwrap();
        let settings = LogSettings {
            journal: dir.path().join("journal"),
            holdings: dir.path().join("holdings"),
            signers: signers(&keys, "sluis.example/whole").unwrap(),
        };
        let Opened::Whole(log) = Log::open(settings).unwrap() else { panic!("torn") };
        for record in records(&keys) {
            let record = serde_json::to_vec(&record).unwrap();
            log.append_blocking(sluis_journal::Entry::of(vec![record])).unwrap();
        }
        (dir, keys, master)
    }

    #[test]
    fn a_record_that_does_not_open_under_its_key_is_told_and_a_forgotten_one_is_not() {
        let bent = |keys: &Keys| {
            let mut bent = leaf(keys, Some(2), &[]);
            let mut sealed = BASE64.decode(bent.sealed.as_bytes()).unwrap();
            *sealed.last_mut().unwrap() ^= 1;
            bent.sealed = BASE64.encode(&sealed);
            bent
        };
        let read = |dir: &tempfile::TempDir, keys: &Keys| {
            opens(&Archive::records_of(&dir.path().join("journal")).unwrap(), keys)
        };
        let (dir, keys, _) = folder(|keys| vec![leaf(keys, None, &[]), leaf(keys, Some(1), &[])]);
        keys.shred(PersonNo(1), 2026).unwrap();
        assert!(read(&dir, &keys).is_ok());
        let (dir, keys, master) = folder(|keys| vec![leaf(keys, None, &[]), bent(keys)]);
        assert_eq!(read(&dir, &keys).unwrap_err().index, 1);
        // So does whoever restores.
        drop(keys);
        let found = crate::backup::check(dir.path(), &master).unwrap_err().to_string();
        assert!(found.starts_with("record 1 does not hold: keys"), "{found}");
        let (dir, keys, master) = folder(|keys| vec![leaf(keys, None, &[]), leaf(keys, Some(2), &[])]);
        drop(keys);
        assert_eq!(crate::backup::check(dir.path(), &master).unwrap().records, 2);
    }

    /// A change that is there, and not where its turn is, must not pass for one that never happened.
    #[test]
    fn a_change_out_of_its_order_or_vouched_for_twice_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::open(dir.path(), &Key::random().unwrap()).unwrap();
        let changes: [&[u8]; 2] = [b"one", b"two"];
        let heard = || {
            let mut whole = Whole::default();
            for (index, change) in (0..).zip(changes) {
                whole.record(index, &leaf(&keys, None, &[change])).unwrap();
            }
            whole
        };
        let mut whole = heard();
        assert_eq!(whole.holding(b"one").unwrap(), Word::Vouched(0));
        assert_eq!(whole.holding(b"one").unwrap(), Word::Nobody, "a copy of it");
        assert_eq!(whole.holding(b"two").unwrap(), Word::Vouched(1));
        assert!(whole.end().is_ok());
        assert!(heard().holding(b"two").is_err());
        assert!(heard().record(2, &leaf(&keys, None, &[b"two"])).is_err());
    }
}
