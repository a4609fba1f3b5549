//! The key ring in `keys/`: named keys of the gateway, and one key and one tag per person and year.
//!
//! Everything is wrapped under a master key that the operator keeps in a file of its own. A person's slot can be
//! wiped alone: what was sealed under it is then unreadable for good, while younger years and the journal's tree
//! stay whole (DESIGN.md 4). What it must not do: decide when to forget.

mod named;
mod people;

use super::seal::{Key, SealError};
use named::Ring;
use people::People;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use zeroize::Zeroizing;

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

impl Use {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Pseudonym,
        Self::OutwardId,
        Self::Page,
        Self::View,
        Self::General,
        Self::TokenSigning,
        Self::JournalSigning,
    ];

    /// Its name in commands and records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pseudonym => "pseudonym",
            Self::OutwardId => "outward-id",
            Self::Page => "page",
            Self::View => "view",
            Self::General => "general",
            Self::TokenSigning => "token-signing",
            Self::JournalSigning => "journal-signing",
        }
    }

    /// The use of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|which| which.name() == name)
    }
}

/// One named key. Numbers count up within a use; the highest is the one in use.
#[derive(Clone)]
pub struct Named {
    which: Use,
    id: u8,
    secret: Zeroizing<Vec<u8>>,
}

impl Named {
    /// What it is for.
    #[must_use]
    pub fn which(&self) -> Use {
        self.which
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u8 {
        self.id
    }

    /// The key itself.
    #[must_use]
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// As a symmetric key.
    ///
    /// # Errors
    /// [`KeyError::Missing`] when it is no 256-bit key.
    pub fn symmetric(&self) -> Result<Key, KeyError> {
        Ok(Key(self.secret.as_slice().try_into().map_err(|_| KeyError::Missing(self.which))?))
    }
}

impl std::fmt::Debug for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Named({} {})", self.which.name(), self.id)
    }
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
    /// A use has had as many keys as there are numbers.
    Spent(Use),
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
            Self::Spent(which) => write!(f, "there is no further number for a key of {which:?}"),
        }
    }
}

impl std::error::Error for KeyError {}

/// The opened key ring. Every kind of key in it can be changed while it is used; what was sealed or signed before still
/// opens and verifies.
pub struct Keys {
    folder: PathBuf,
    ring: RwLock<Ring>,
    people: Mutex<People>,
    /// One change of keys at a time.
    turning: Mutex<()>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(hidden)")
    }
}

impl Keys {
    /// Opens `keys/`, making it with fresh keys when it is not there yet.
    ///
    /// # Errors
    /// See [`KeyError`]; nothing is made over a ring that cannot be read.
    pub fn open(folder: &Path, master: &Key) -> Result<Self, KeyError> {
        fs::create_dir_all(folder).map_err(|e| KeyError::Io(folder.to_owned(), e))?;
        let ring = Ring::open(folder, master)?;
        let people = People::open(folder.join(&ring.people), master, ring.people_since)?;
        sync_folder(folder)?;
        Ok(Self::of(folder, ring, people))
    }

    /// Opens the `keys/` of a cold copy: makes nothing, changes nothing, and needs no right to write. It gives no key that
    /// is not there yet.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn read_only(folder: &Path, master: &Key) -> Result<Self, KeyError> {
        let ring = Ring::read(folder, master)?;
        let people = People::read_only(folder.join(&ring.people), master, ring.people_since)?;
        Ok(Self::of(folder, ring, people))
    }

    fn of(folder: &Path, ring: Ring, people: People) -> Self {
        Self {
            folder: folder.to_owned(),
            ring: RwLock::new(ring),
            people: Mutex::new(people),
            turning: Mutex::new(()),
        }
    }

    /// The current key of a use.
    ///
    /// # Errors
    /// [`KeyError::Missing`].
    pub fn current(&self, which: Use) -> Result<Named, KeyError> {
        self.all(which).pop().ok_or(KeyError::Missing(which))
    }

    /// Every key of a use, oldest first: old signatures and ids keep working after a rotation.
    #[must_use]
    pub fn all(&self, which: Use) -> Vec<Named> {
        let ring = self.ring();
        let mut all: Vec<_> = ring.named.iter().filter(|named| named.which == which).cloned().collect();
        all.sort_by_key(|named| named.id);
        all
    }

    /// The master key, to derive what only its holder may open.
    pub(crate) fn master(&self) -> Key {
        self.ring().master.clone()
    }

    /// Which keys there are, by use and number.
    #[must_use]
    pub fn named(&self) -> Vec<(Use, u8)> {
        self.ring().named.iter().map(|named| (named.which, named.id)).collect()
    }

    /// The current symmetric key of a use: what seals.
    ///
    /// # Errors
    /// [`KeyError::Missing`], also when it is no 256-bit key.
    pub fn symmetric(&self, which: Use) -> Result<Key, KeyError> {
        self.current(which)?.symmetric()
    }

    /// Every symmetric key of a use, newest first: what opens.
    ///
    /// # Errors
    /// [`KeyError::Missing`] when there is none.
    pub fn opening(&self, which: Use) -> Result<Vec<Key>, KeyError> {
        let keys: Vec<_> = self.all(which).iter().rev().map(Named::symmetric).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(KeyError::Missing(which)) } else { Ok(keys) }
    }

    /// The key that seals this person's records of a year ([`DATA`] for holdings), made durable before first use.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn person(&self, person: PersonNo, year: u16) -> Result<(Tag, Key), KeyError> {
        self.people().sealing(person, year)
    }

    /// The keys that open what is sealed of a person's year, newest first; none after it was wiped or when nothing was
    /// ever sealed.
    #[must_use]
    pub fn existing(&self, person: PersonNo, year: u16) -> Vec<Key> {
        self.people().opening(person, year)
    }

    /// Who a tag stands for; `None` once forgotten.
    #[must_use]
    pub fn by_tag(&self, tag: &Tag) -> Option<(PersonNo, u16)> {
        self.people().by_tag(tag)
    }

    /// The key that goes with a tag; `None` once forgotten.
    #[must_use]
    pub fn key_of(&self, tag: &Tag) -> Option<Key> {
        self.people().key_of(tag)
    }

    /// Every tag of a person, by year, the data slot left out.
    #[must_use]
    pub fn tags(&self, person: PersonNo) -> Vec<(u16, Tag)> {
        self.people().tags(person)
    }

    /// The tags of a person's year: what is wiped with it.
    #[must_use]
    pub fn tags_of(&self, person: PersonNo, year: u16) -> Vec<Tag> {
        self.people().tags_of(person, year)
    }

    /// How many tags have their key.
    #[must_use]
    pub fn living(&self) -> u64 {
        self.people().living()
    }

    /// Every year of every person that is older than `year`, the data slots left out.
    #[must_use]
    pub fn years_before(&self, year: u16) -> Vec<(PersonNo, u16)> {
        self.people().years_before(year)
    }

    /// Wipes what seals a person's year, for good.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn shred(&self, person: PersonNo, year: u16) -> Result<bool, KeyError> {
        self.people().shred(person, year)
    }

    /// A fresh key of a use, not in the ring yet: what it will be can be recorded before it is used.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn fresh(&self, which: Use) -> Result<Named, KeyError> {
        let last = self.current(which)?.id;
        Named::fresh(which, last.checked_add(1).ok_or(KeyError::Spent(which))?)
    }

    /// Takes a key of [`Keys::fresh`] into the ring: the current one of its use from now on.
    ///
    /// # Errors
    /// See [`KeyError`]; then nothing changed.
    pub fn adopt(&self, fresh: Named) -> Result<(), KeyError> {
        let _one_at_a_time = self.turning();
        let mut next = self.ring().clone();
        // Two that were made side by side must not bear one number.
        if next.named.iter().any(|known| (known.which, known.id) == (fresh.which, fresh.id)) {
            return Err(KeyError::Spent(fresh.which));
        }
        next.named.push(fresh);
        next.write()?;
        *self.ring_mut() = next;
        Ok(())
    }

    /// From now on each person's next record is sealed under a fresh key of that person.
    ///
    /// # Errors
    /// See [`KeyError`]; then nothing changed.
    pub fn turn_people(&self) -> Result<(), KeyError> {
        let _one_at_a_time = self.turning();
        let mut people = self.people();
        let mut next = self.ring().clone();
        next.people_since = people.end();
        next.write()?;
        *self.ring_mut() = next;
        people.turn();
        Ok(())
    }

    /// Wraps everything under another master key: the former opens nothing here any more. Keys are given out while the
    /// slots are written anew, but for the moment in which the new file takes the place of the old one.
    ///
    /// # Errors
    /// See [`KeyError`]; then the former master key still counts.
    pub fn rewrap(&self, master: &Key) -> Result<(), KeyError> {
        let _one_at_a_time = self.turning();
        let mut next = self.ring().clone();
        let following = following(&next.people);
        let former = std::mem::replace(&mut next.people, following);
        next.master = master.clone();
        let mut anew = self.people().anew(self.folder.join(&next.people), master)?;
        let end = self.people().end();
        anew.copy(end)?;
        let mut people = self.people();
        people.change_over(anew, || {
            sync_folder(&self.folder)?;
            next.write()
        })?;
        *self.ring_mut() = next;
        drop(people);
        // Nothing names it any more, and what lies in it is sealed under a key that counts no more: the new master counts
        // whether or not it goes.
        if let Err(e) = fs::remove_file(self.folder.join(former)) {
            tracing::warn!(error = %e, "the former file of person keys stays: remove it by hand");
        }
        sync_folder(&self.folder).or_else(|e| {
            tracing::warn!(error = %e, "the removal of the former file of person keys may not be durable");
            Ok(())
        })
    }

    /// Removes files of person keys that a broken-off change of the master key left: what was wiped since would stand in
    /// them. Only for who owns the folder: another's change may be under way.
    pub fn sweep(&self) {
        let _one_at_a_time = self.turning();
        let named = self.ring().people.clone();
        let left_over = |name: &str| name != named && is_slots(name);
        let swept = fs::read_dir(&self.folder).and_then(|entries| {
            for entry in entries {
                let entry = entry?;
                if entry.file_name().to_str().is_some_and(left_over) {
                    fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        });
        if let Err(e) = swept {
            tracing::warn!(error = %e, "a left-over file of person keys stays: remove it by hand");
        }
    }

    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) -> RwLockReadGuard<'_, Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring_mut(&self) -> RwLockWriteGuard<'_, Ring> {
        self.ring.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// While this is held no key changes, so that what is read of the folder goes together.
    pub fn still(&self) -> MutexGuard<'_, ()> {
        self.turning()
    }

    fn turning(&self) -> MutexGuard<'_, ()> {
        self.turning.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a file of this name in `keys/` is the ring or slots.
pub(crate) fn is_of_ring(name: &str) -> bool {
    name == named::NAME || is_slots(name)
}

fn is_slots(name: &str) -> bool {
    name.strip_prefix("people").is_some_and(|rest| {
        rest.is_empty() || rest.strip_prefix('-').is_some_and(|n| n.parse::<u64>().is_ok())
    })
}

/// The name of the file of slots after this one: `people`, `people-2`, `people-3`.
fn following(name: &str) -> String {
    let number = name.split_once('-').and_then(|(_, n)| n.parse::<u64>().ok()).unwrap_or(1);
    format!("people-{}", number.saturating_add(1))
}

/// Whether this master key opens the ring of a folder. Makes and changes nothing.
///
/// # Errors
/// See [`KeyError`].
pub fn opens(folder: &Path, master: &Key) -> Result<(), KeyError> {
    Ring::read(folder, master).map(|_| ())
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
        Err(e) if e.kind() == io::ErrorKind::NotFound && !folder.join(named::NAME).exists() => {
            fs::create_dir_all(folder).map_err(io)?;
            let key = Key::random().map_err(|_| KeyError::NoRandomness)?;
            write_secret(&file, data_encoding::HEXLOWER.encode(&key.0).as_bytes()).map_err(io)?;
            Ok(key)
        }
        Err(e) => Err(io(e)),
    }
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
mod tests;
