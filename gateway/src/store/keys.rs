//! The key ring in `keys/`: named keys of the gateway, and one key and one tag per person and year.
//!
//! Everything is wrapped under a master key that the operator keeps in a file of its own. A person's slot can be
//! wiped alone: what was sealed under it is then unreadable for good, while younger years and the journal's tree
//! stay whole (DESIGN.md 4). What it must not do: decide when to forget.

use super::seal::{Key, SealError};
use data_encoding::BASE64;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A person inside the gateway: a number that means nothing elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PersonNo(pub u64);

impl std::fmt::Debug for PersonNo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonNo(hidden)")
    }
}

/// What stands for a person in journal records of one calendar year.
pub type Tag = [u8; 16];

/// The slot of a person's long-lived data key, which seals `holdings/`.
pub const DATA: u16 = 0;

/// What the key ring is needed for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// HMAC from identifier system and value to a person.
    Pseudonym,
    /// Ids that leave, per asking organisation.
    OutwardId,
    /// Page links.
    Page,
    /// Values of the view.
    View,
    /// Records that are about nobody.
    General,
    /// Access tokens (ECDSA P-256, PKCS#8).
    TokenSigning,
    /// Checkpoints of the journal (Ed25519, seed).
    JournalSigning,
}

/// Why the key ring could not be opened or extended.
#[derive(Debug)]
pub enum KeyError {
    /// A file could not be read or written.
    Io(PathBuf, io::Error),
    /// A key could not be unwrapped: another master key, or a damaged file.
    Unwrap(PathBuf),
    /// No randomness.
    NoRandomness,
    /// No key of this use: the ring is older or damaged.
    Missing(Use),
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(path, e) => write!(f, "{}: {e}", path.display()),
            Self::Unwrap(path) => {
                write!(
                    f,
                    "{}: cannot be unwrapped; is the master key the one it was made with?",
                    path.display()
                )
            }
            Self::NoRandomness => f.write_str("the system gave no randomness"),
            Self::Missing(which) => write!(f, "no key for {which:?}"),
        }
    }
}

impl std::error::Error for KeyError {}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RingFile {
    version: u32,
    keys: Vec<WrappedKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrappedKey {
    r#use: Use,
    id: u8,
    wrapped: String,
}

struct Slot {
    at: u64,
    tag: Tag,
    key: Key,
}

#[derive(Default)]
struct People {
    slots: HashMap<(PersonNo, u16), Slot>,
    by_tag: HashMap<Tag, (PersonNo, u16)>,
    end: u64,
}

/// The opened key ring.
pub struct Keys {
    folder: PathBuf,
    master: Key,
    named: Vec<(Use, u8, Vec<u8>)>,
    people: Mutex<People>,
    slots: File,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(hidden)")
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        for (_, _, secret) in &mut self.named {
            secret.zeroize();
        }
    }
}

impl Keys {
    /// Opens `keys/`, making it with fresh keys when it is not there yet.
    ///
    /// # Errors
    /// See [`KeyError`]; nothing is made over a ring that cannot be read.
    pub fn open(folder: &Path, master: Key) -> Result<Self, KeyError> {
        fs::create_dir_all(folder).map_err(|e| KeyError::Io(folder.to_owned(), e))?;
        let ring_file = folder.join("ring.json");
        let named = if ring_file.exists() {
            read_ring(&ring_file, &master)?
        } else {
            make_ring(&ring_file, &master)?
        };
        let slots_file = folder.join("people");
        let slots = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&slots_file)
            .map_err(|e| KeyError::Io(slots_file.clone(), e))?;
        sync_folder(folder)?;
        let people = read_slots(&slots, &slots_file, &master)?;
        Ok(Self { folder: folder.to_owned(), master, named, people: Mutex::new(people), slots })
    }

    /// The current key of a use, with its id.
    ///
    /// # Errors
    /// [`KeyError::Missing`].
    pub fn current(&self, which: Use) -> Result<(u8, &[u8]), KeyError> {
        let found = self.named.iter().filter(|(u, _, _)| *u == which).max_by_key(|(_, id, _)| *id);
        found.map(|(_, id, secret)| (*id, secret.as_slice())).ok_or(KeyError::Missing(which))
    }

    /// Every key of a use, oldest first: old signatures and ids keep working after a rotation.
    pub fn all(&self, which: Use) -> impl Iterator<Item = (u8, &[u8])> {
        self.named.iter().filter(move |(u, _, _)| *u == which).map(|(_, id, secret)| (*id, secret.as_slice()))
    }

    /// The master key, to derive what only its holder may open.
    pub(crate) fn master(&self) -> &Key {
        &self.master
    }

    /// Which keys there are, by use and number.
    pub fn named(&self) -> impl Iterator<Item = (Use, u8)> {
        self.named.iter().map(|(which, id, _)| (*which, *id))
    }

    /// The current symmetric key of a use.
    ///
    /// # Errors
    /// [`KeyError::Missing`], also when it is no 256-bit key.
    pub fn symmetric(&self, which: Use) -> Result<Key, KeyError> {
        let (_, secret) = self.current(which)?;
        Ok(Key(secret.try_into().map_err(|_| KeyError::Missing(which))?))
    }

    /// The key that seals this person's records of a year ([`DATA`] for holdings), made durable before first use.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn person(&self, person: PersonNo, year: u16) -> Result<(Tag, Key), KeyError> {
        let mut people = self.lock();
        if let Some(slot) = people.slots.get(&(person, year)) {
            return Ok((slot.tag, slot.key.clone()));
        }
        let mut tag = [0; 16];
        SystemRandom::new().fill(&mut tag).map_err(|_| KeyError::NoRandomness)?;
        let key = Key::random().map_err(|_| KeyError::NoRandomness)?;
        let at = people.end;
        let bytes = encode_slot(&self.master, person, year, tag, &key)?;
        let io = |e| KeyError::Io(self.folder.join("people"), e);
        self.slots.write_all_at(&bytes, at).map_err(io)?;
        self.slots.sync_data().map_err(io)?;
        people.end = at + SLOT as u64;
        people.by_tag.insert(tag, (person, year));
        people.slots.insert((person, year), Slot { at, tag, key: key.clone() });
        Ok((tag, key))
    }

    /// The key of a slot that already exists; `None` after it was wiped or when nothing was ever sealed.
    #[must_use]
    pub fn existing(&self, person: PersonNo, year: u16) -> Option<Key> {
        self.lock().slots.get(&(person, year)).map(|slot| slot.key.clone())
    }

    /// Who a tag stands for; `None` once forgotten.
    #[must_use]
    pub fn by_tag(&self, tag: &Tag) -> Option<(PersonNo, u16)> {
        self.lock().by_tag.get(tag).copied()
    }

    /// Every tag of a person, by year, the data slot left out.
    #[must_use]
    pub fn tags(&self, person: PersonNo) -> Vec<(u16, Tag)> {
        let people = self.lock();
        let mine = people.slots.iter().filter(|((who, year), _)| *who == person && *year != DATA);
        let mut tags: Vec<_> = mine.map(|((_, year), slot)| (*year, slot.tag)).collect();
        tags.sort_unstable();
        tags
    }

    /// Every year of every person that is older than `year`, the data slots left out.
    #[must_use]
    pub fn years_before(&self, year: u16) -> Vec<(PersonNo, u16)> {
        let people = self.lock();
        let mut older: Vec<_> =
            people.slots.keys().filter(|(_, y)| *y != DATA && *y < year).copied().collect();
        older.sort_unstable();
        older
    }

    /// Wipes one slot for good.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn shred(&self, person: PersonNo, year: u16) -> Result<bool, KeyError> {
        let mut people = self.lock();
        let Some(slot) = people.slots.remove(&(person, year)) else { return Ok(false) };
        people.by_tag.remove(&slot.tag);
        let io = |e| KeyError::Io(self.folder.join("people"), e);
        self.slots.write_all_at(&[0; SLOT], slot.at).map_err(io)?;
        self.slots.sync_data().map_err(io)?;
        Ok(true)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Whether this master key opens the ring of a folder. Makes and changes nothing.
///
/// # Errors
/// See [`KeyError`].
pub fn opens(folder: &Path, master: &Key) -> Result<(), KeyError> {
    read_ring(&folder.join("ring.json"), master).map(|_| ())
}

/// Magic 4, person 8, year 2, sealed (nonce 12, tag 16, key 32, AEAD tag 16) = 90; padded.
const SLOT: usize = 96;
const MAGIC: &[u8; 4] = b"SLK1";

fn place(person: PersonNo, year: u16) -> Vec<u8> {
    [b"person".as_slice(), &person.0.to_be_bytes(), &year.to_be_bytes()].concat()
}

fn encode_slot(master: &Key, person: PersonNo, year: u16, tag: Tag, key: &Key) -> Result<Vec<u8>, KeyError> {
    let plain = [tag.as_slice(), &key.0].concat();
    let sealed = master.seal(&place(person, year), &plain).map_err(|_| KeyError::NoRandomness)?;
    let mut bytes = [MAGIC.as_slice(), &person.0.to_be_bytes(), &year.to_be_bytes(), &sealed].concat();
    bytes.resize(SLOT, 0);
    Ok(bytes)
}

fn read_slots(file: &File, path: &Path, master: &Key) -> Result<People, KeyError> {
    let mut bytes = Vec::new();
    let mut reader = file;
    reader.read_to_end(&mut bytes).map_err(|e| KeyError::Io(path.to_owned(), e))?;
    let mut people = People::default();
    for (index, slot) in bytes.chunks(SLOT).enumerate() {
        let at = (index * SLOT) as u64;
        // A wiped slot is all zeros; a torn last one was never used: its key was not durable yet.
        if slot.len() < SLOT {
            people.end = at;
            return Ok(people);
        }
        people.end = at + SLOT as u64;
        if slot.iter().all(|b| *b == 0) {
            continue;
        }
        let (person, year, tag, key) =
            decode_slot(master, slot).ok_or_else(|| KeyError::Unwrap(path.to_owned()))?;
        people.by_tag.insert(tag, (person, year));
        people.slots.insert((person, year), Slot { at, tag, key });
    }
    Ok(people)
}

fn decode_slot(master: &Key, slot: &[u8]) -> Option<(PersonNo, u16, Tag, Key)> {
    let rest = slot.strip_prefix(MAGIC.as_slice())?;
    let (person, rest) = rest.split_first_chunk::<8>()?;
    let (year, rest) = rest.split_first_chunk::<2>()?;
    let (person, year) = (PersonNo(u64::from_be_bytes(*person)), u16::from_be_bytes(*year));
    let plain = master.open(&place(person, year), rest.get(..76)?).ok()?;
    let (tag, key) = plain.split_first_chunk::<16>()?;
    Some((person, year, *tag, Key(key.try_into().ok()?)))
}

/// Reads a master key: 32 bytes, raw or as 64 hexadecimal digits.
#[must_use]
pub fn master_key(bytes: &[u8]) -> Option<Key> {
    let raw = <[u8; 32]>::try_from(bytes).ok();
    let hex = || data_encoding::HEXLOWER_PERMISSIVE.decode(bytes.trim_ascii()).ok()?.try_into().ok();
    raw.or_else(hex).map(Key)
}

/// The master key of a sandbox: made on its first start, in a file only its owner may read. A ring without its master
/// key is lost, not new.
///
/// # Errors
/// See [`KeyError`].
#[cfg(feature = "sandbox")]
pub fn sandbox_master_key(folder: &Path) -> Result<Key, KeyError> {
    let file = folder.join("master.key");
    let io = |e| KeyError::Io(file.clone(), e);
    match fs::read(&file) {
        Ok(bytes) => master_key(&bytes).ok_or_else(|| KeyError::Unwrap(file.clone())),
        Err(e) if e.kind() == io::ErrorKind::NotFound && !folder.join("ring.json").exists() => {
            fs::create_dir_all(folder).map_err(io)?;
            let key = Key::random().map_err(|_| KeyError::NoRandomness)?;
            write_secret(&file, data_encoding::HEXLOWER.encode(&key.0).as_bytes()).map_err(io)?;
            Ok(key)
        }
        Err(e) => Err(io(e)),
    }
}

fn read_ring(file: &Path, master: &Key) -> Result<Vec<(Use, u8, Vec<u8>)>, KeyError> {
    let text = fs::read(file).map_err(|e| KeyError::Io(file.to_owned(), e))?;
    let broken = || KeyError::Unwrap(file.to_owned());
    let ring: RingFile = serde_json::from_slice(&text).map_err(|_| broken())?;
    let unwrap = |key: WrappedKey| {
        let wrapped = BASE64.decode(key.wrapped.as_bytes()).ok()?;
        let secret = master.open(ring_place(key.r#use, key.id).as_bytes(), wrapped).ok()?;
        Some((key.r#use, key.id, secret))
    };
    ring.keys.into_iter().map(|key| unwrap(key).ok_or_else(broken)).collect()
}

fn ring_place(which: Use, id: u8) -> String {
    format!("ring {which:?} {id}")
}

fn make_ring(file: &Path, master: &Key) -> Result<Vec<(Use, u8, Vec<u8>)>, KeyError> {
    let random = SystemRandom::new();
    let mut named = Vec::new();
    for which in [Use::Pseudonym, Use::OutwardId, Use::Page, Use::View, Use::General] {
        named.push((which, 1, Key::random().map_err(|_| KeyError::NoRandomness)?.0.to_vec()));
    }
    let token = ring::signature::EcdsaKeyPair::generate_pkcs8(
        &ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        &random,
    )
    .map_err(|_| KeyError::NoRandomness)?;
    named.push((Use::TokenSigning, 1, token.as_ref().to_vec()));
    named.push((Use::JournalSigning, 1, Key::random().map_err(|_| KeyError::NoRandomness)?.0.to_vec()));
    write_ring(file, master, &named)?;
    Ok(named)
}

fn write_ring(file: &Path, master: &Key, named: &[(Use, u8, Vec<u8>)]) -> Result<(), KeyError> {
    let mut keys = Vec::with_capacity(named.len());
    for (which, id, secret) in named {
        let wrapped =
            master.seal(ring_place(*which, *id).as_bytes(), secret).map_err(|_| KeyError::NoRandomness)?;
        keys.push(WrappedKey { r#use: *which, id: *id, wrapped: BASE64.encode(&wrapped) });
    }
    let io = |e| KeyError::Io(file.to_owned(), e);
    let text = serde_json::to_vec_pretty(&RingFile { version: 1, keys }).map_err(|e| io(e.into()))?;
    write_secret(file, &text).map_err(io)
}

/// Writes a file that only its owner may read, whole or not at all.
pub(crate) fn write_secret(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = file.with_extension("new");
    let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(&fresh, file)?;
    match file.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// As [`write_secret`], into a folder below the data folder that may not be there yet.
pub(crate) fn write_secret_in(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    if !folder.is_dir() {
        fs::create_dir_all(folder)?;
        if let Some(root) = folder.parent() {
            File::open(root)?.sync_all()?;
        }
    }
    write_secret(&folder.join(name), bytes)
}

fn sync_folder(folder: &Path) -> Result<(), KeyError> {
    let synced = File::open(folder).and_then(|f| f.sync_all());
    synced.map_err(|e| KeyError::Io(folder.to_owned(), e))
}

impl From<SealError> for KeyError {
    fn from(_: SealError) -> Self {
        Self::NoRandomness
    }
}

#[cfg(test)]
mod tests {
    use super::{DATA, Key, KeyError, Keys, PersonNo, Use, master_key};

    #[test]
    fn a_ring_opened_again_holds_the_same_keys() {
        let dir = tempfile::tempdir().unwrap();
        let master = Key::random().unwrap();
        let first = Keys::open(dir.path(), master.clone()).unwrap();
        let (tag, key) = first.person(PersonNo(7), 2026).unwrap();
        let view = first.symmetric(Use::View).unwrap();
        drop(first);
        let again = Keys::open(dir.path(), master).unwrap();
        assert_eq!(again.person(PersonNo(7), 2026).unwrap(), (tag, key));
        assert_eq!(again.symmetric(Use::View).unwrap(), view);
        assert_eq!(again.by_tag(&tag), Some((PersonNo(7), 2026)));
    }

    #[test]
    fn a_shredded_year_is_gone_and_other_years_stay() {
        let dir = tempfile::tempdir().unwrap();
        let master = Key::random().unwrap();
        let ring = Keys::open(dir.path(), master.clone()).unwrap();
        ring.person(PersonNo(7), 2025).unwrap();
        let kept = ring.person(PersonNo(7), 2026).unwrap();
        ring.person(PersonNo(7), DATA).unwrap();
        assert!(ring.shred(PersonNo(7), 2025).unwrap());
        drop(ring);
        let ring = Keys::open(dir.path(), master).unwrap();
        assert!(ring.existing(PersonNo(7), 2025).is_none());
        assert_eq!(ring.tags(PersonNo(7)), vec![(2026, kept.0)]);
        assert!(ring.existing(PersonNo(7), DATA).is_some());
    }

    #[test]
    fn a_ring_under_another_master_key_is_refused_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        drop(Keys::open(dir.path(), Key::random().unwrap()).unwrap());
        assert!(matches!(Keys::open(dir.path(), Key::random().unwrap()), Err(KeyError::Unwrap(_))));
    }

    #[cfg(feature = "sandbox")]
    #[test]
    fn a_sandbox_ring_without_its_master_key_is_lost_not_new() {
        let dir = tempfile::tempdir().unwrap();
        let master = super::sandbox_master_key(dir.path()).unwrap();
        drop(Keys::open(dir.path(), master).unwrap());
        std::fs::remove_file(dir.path().join("master.key")).unwrap();
        assert!(matches!(super::sandbox_master_key(dir.path()), Err(KeyError::Io(..))));
    }

    #[test]
    fn a_master_key_is_32_bytes_raw_or_in_hexadecimal() {
        assert!(master_key(&[7; 32]).is_some());
        assert!(master_key(format!("{}\n", "0A".repeat(32)).as_bytes()).is_some());
        assert!(master_key(&[7; 31]).is_none());
        assert!(master_key("zz".repeat(32).as_bytes()).is_none());
    }
}
