//! The keys of persons in `keys/people`: a slot of fixed length for each person and year, sealed under the master key.
//!
//! A slot can be wiped alone. After a rotation the slots before it still open what they sealed, and seal nothing new.

use super::{DATA, KeyError, PersonNo, Tag};
use crate::store::seal::{Cipher, Key};
use ring::rand::{SecureRandom, SystemRandom};
use std::collections::{BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

struct Slot {
    at: u64,
    tag: Tag,
    key: Key,
}

pub(super) struct People {
    file: File,
    path: PathBuf,
    cipher: Cipher,
    newest: HashMap<(PersonNo, u16), Slot>,
    /// What rotations left behind, oldest first.
    older: HashMap<(PersonNo, u16), Vec<Slot>>,
    by_tag: HashMap<Tag, (PersonNo, u16)>,
    years: BTreeSet<u16>,
    end: u64,
    /// Slots before this place seal nothing new.
    since: u64,
    /// What was wiped since the file began to be written anew, while it is.
    wiped: Option<Vec<u64>>,
}

impl People {
    pub(super) fn open(path: PathBuf, master: &Key, since: u64) -> Result<Self, KeyError> {
        let file = private(&path).map_err(|e| KeyError::Io(path.clone(), e))?;
        Self::load(file, path, master, since)
    }

    /// As [`People::open`], without a right to write: no slot is added or wiped.
    pub(super) fn read_only(path: PathBuf, master: &Key, since: u64) -> Result<Self, KeyError> {
        let file = File::open(&path).map_err(|e| KeyError::Io(path.clone(), e))?;
        Self::load(file, path, master, since)
    }

    fn load(file: File, path: PathBuf, master: &Key, since: u64) -> Result<Self, KeyError> {
        let io = |e| KeyError::Io(path.clone(), e);
        let cipher = master.cipher()?;
        let length = usize::try_from(file.metadata().map_err(io)?.len()).unwrap_or_default();
        let mut people = Self {
            cipher,
            newest: HashMap::with_capacity(length / SLOT),
            older: HashMap::new(),
            by_tag: HashMap::with_capacity(length / SLOT),
            years: BTreeSet::new(),
            end: 0,
            since,
            wiped: None,
            file,
            path: path.clone(),
        };
        let mut block = vec![0; SLOT * BLOCK];
        loop {
            let read = read_some(&people.file, &mut block, people.end).map_err(io)?;
            for slot in block.get(..read).unwrap_or_default().chunks_exact(SLOT) {
                people.take(slot).ok_or_else(|| KeyError::Unwrap(path.clone()))?;
            }
            // A torn last slot was never used: its key was not durable yet.
            if read < block.len() {
                return Ok(people);
            }
        }
    }

    /// Takes the next slot of the file; `None` when it does not open.
    fn take(&mut self, slot: &[u8]) -> Option<()> {
        let at = self.end;
        self.end += SLOT as u64;
        if slot.iter().all(|b| *b == 0) {
            return Some(());
        }
        let (person, year, tag, key) = decode(&self.cipher, slot)?;
        self.keep(person, year, Slot { at, tag, key });
        Some(())
    }

    fn keep(&mut self, person: PersonNo, year: u16, slot: Slot) {
        self.years.insert(year);
        self.by_tag.insert(slot.tag, (person, year));
        if let Some(before) = self.newest.insert((person, year), slot) {
            self.older.entry((person, year)).or_default().push(before);
        }
    }

    /// The slot that seals now, made durable before its first use.
    pub(super) fn sealing(&mut self, person: PersonNo, year: u16) -> Result<(Tag, Key), KeyError> {
        if let Some(slot) = self.newest.get(&(person, year)).filter(|slot| slot.at >= self.since) {
            return Ok((slot.tag, slot.key.clone()));
        }
        let mut tag = [0; 16];
        SystemRandom::new().fill(&mut tag).map_err(|_| KeyError::NoRandomness)?;
        let key = Key::random()?;
        let at = self.end;
        let bytes = encode(&self.cipher, person, year, tag, &key)?;
        self.write(&bytes, at)?;
        self.end = at + SLOT as u64;
        self.keep(person, year, Slot { at, tag, key: key.clone() });
        Ok((tag, key))
    }

    fn write(&self, bytes: &[u8], at: u64) -> Result<(), KeyError> {
        let written = self.file.write_all_at(bytes, at).and_then(|()| self.file.sync_data());
        written.map_err(|e| KeyError::Io(self.path.clone(), e))
    }

    fn slots(&self, person: PersonNo, year: u16) -> impl Iterator<Item = &Slot> {
        let older = self.older.get(&(person, year)).into_iter().flatten().rev();
        self.newest.get(&(person, year)).into_iter().chain(older)
    }

    pub(super) fn opening(&self, person: PersonNo, year: u16) -> Vec<Key> {
        self.slots(person, year).map(|slot| slot.key.clone()).collect()
    }

    pub(super) fn by_tag(&self, tag: &Tag) -> Option<(PersonNo, u16)> {
        self.by_tag.get(tag).copied()
    }

    pub(super) fn key_of(&self, tag: &Tag) -> Option<Key> {
        let (person, year) = self.by_tag(tag)?;
        self.slots(person, year).find(|slot| slot.tag == *tag).map(|slot| slot.key.clone())
    }

    pub(super) fn tags(&self, person: PersonNo) -> Vec<(u16, Tag)> {
        let years = self.years.iter().filter(|year| **year != DATA);
        years.flat_map(|year| self.slots(person, *year).map(|slot| (*year, slot.tag))).collect()
    }

    /// The tags of a person's year.
    pub(super) fn tags_of(&self, person: PersonNo, year: u16) -> Vec<Tag> {
        self.slots(person, year).map(|slot| slot.tag).collect()
    }

    /// How many tags have their key. A slot that was put in the place of another counts once.
    pub(super) fn living(&self) -> u64 {
        self.by_tag.len() as u64
    }

    pub(super) fn years_before(&self, year: u16) -> Vec<(PersonNo, u16)> {
        let all = self.newest.keys();
        let mut older: Vec<_> = all.filter(|(_, y)| *y != DATA && *y < year).copied().collect();
        older.sort_unstable();
        older
    }

    /// Wipes every slot of a person's year.
    pub(super) fn shred(&mut self, person: PersonNo, year: u16) -> Result<bool, KeyError> {
        let older = self.older.remove(&(person, year)).unwrap_or_default();
        let slots: Vec<Slot> = older.into_iter().chain(self.newest.remove(&(person, year))).collect();
        for slot in &slots {
            self.by_tag.remove(&slot.tag);
            self.write(&[0; SLOT], slot.at)?;
            if let Some(wiped) = &mut self.wiped {
                wiped.push(slot.at);
            }
        }
        Ok(!slots.is_empty())
    }

    /// From here on everybody's next record is sealed under a key of its own.
    pub(super) fn turn(&mut self) {
        self.since = self.end;
    }

    /// The place that [`People::turn`] would set.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Begins a file under another master key. The slots are copied by [`Anew::copy`], which needs no lock.
    pub(super) fn anew(&mut self, path: PathBuf, master: &Key) -> Result<Anew, KeyError> {
        let io = |e| KeyError::Io(path.clone(), e);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(io(e)),
            _ => {}
        }
        let file = private(&path).map_err(io)?;
        let from = self.file.try_clone().map_err(io)?;
        let old = self.cipher.clone();
        self.wiped = Some(Vec::new());
        Ok(Anew { from, old, file, new: master.cipher()?, path, end: 0 })
    }

    /// Copies what came and wipes what went since, and goes on with the new file. `commit` makes it the one that counts.
    pub(super) fn change_over(
        &mut self,
        mut anew: Anew,
        commit: impl FnOnce() -> Result<(), KeyError>,
    ) -> Result<(), KeyError> {
        anew.copy(self.end)?;
        for at in self.wiped.take().unwrap_or_default() {
            anew.file.write_all_at(&[0; SLOT], at).map_err(|e| KeyError::Io(anew.path.clone(), e))?;
        }
        anew.file.sync_all().map_err(|e| KeyError::Io(anew.path.clone(), e))?;
        commit()?;
        (self.file, self.path, self.cipher) = (anew.file, anew.path, anew.new);
        Ok(())
    }
}

/// A file of slots that is being written under another master key, each slot at its place.
pub(super) struct Anew {
    from: File,
    old: Cipher,
    file: File,
    new: Cipher,
    path: PathBuf,
    end: u64,
}

impl Anew {
    /// Copies the slots up to `end`.
    pub(super) fn copy(&mut self, end: u64) -> Result<(), KeyError> {
        let io = |e| KeyError::Io(self.path.clone(), e);
        let mut block = vec![0; SLOT * BLOCK];
        while self.end < end {
            let wanted = usize::try_from(end - self.end).unwrap_or(usize::MAX).min(block.len());
            let block = block.get_mut(..wanted).unwrap_or_default();
            self.from.read_exact_at(block, self.end).map_err(io)?;
            for slot in block.chunks_exact_mut(SLOT).filter(|slot| slot.iter().any(|b| *b != 0)) {
                let (person, year, tag, key) =
                    decode(&self.old, slot).ok_or_else(|| KeyError::Unwrap(self.path.clone()))?;
                slot.copy_from_slice(&encode(&self.new, person, year, tag, &key)?);
            }
            self.file.write_all_at(block, self.end).map_err(io)?;
            self.end += wanted as u64;
        }
        Ok(())
    }
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Fills the buffer from a place, as far as the file goes.
fn read_some(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at + filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// Magic 4, person 8, year 2, sealed (nonce 12, tag 16, key 32, AEAD tag 16) = 90; padded.
const SLOT: usize = 96;
const MAGIC: &[u8; 4] = b"SLK1";
/// Slots read at once.
const BLOCK: usize = 4096;

fn place(person: PersonNo, year: u16) -> [u8; 16] {
    let mut place = *b"person..........";
    let numbers = person.0.to_be_bytes().into_iter().chain(year.to_be_bytes());
    place.iter_mut().skip(6).zip(numbers).for_each(|(to, from)| *to = from);
    place
}

fn encode(cipher: &Cipher, person: PersonNo, year: u16, tag: Tag, key: &Key) -> Result<[u8; SLOT], KeyError> {
    let plain = [tag.as_slice(), &key.0].concat();
    let sealed = cipher.seal(&place(person, year), &plain)?;
    let numbers = person.0.to_be_bytes().into_iter().chain(year.to_be_bytes());
    let all = MAGIC.iter().copied().chain(numbers).chain(sealed);
    let mut bytes = [0; SLOT];
    bytes.iter_mut().zip(all).for_each(|(to, from)| *to = from);
    Ok(bytes)
}

fn decode(cipher: &Cipher, slot: &[u8]) -> Option<(PersonNo, u16, Tag, Key)> {
    let rest = slot.strip_prefix(MAGIC.as_slice())?;
    let (person, rest) = rest.split_first_chunk::<8>()?;
    let (year, rest) = rest.split_first_chunk::<2>()?;
    let (person, year) = (PersonNo(u64::from_be_bytes(*person)), u16::from_be_bytes(*year));
    let plain = cipher.open(&place(person, year), rest.get(..76)?).ok()?;
    let (tag, key) = plain.split_first_chunk::<16>()?;
    Some((person, year, *tag, Key(key.try_into().ok()?)))
}
