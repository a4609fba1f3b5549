//! What a witness keeps: its key, and of each log the last checkpoint that it cosigned. Durable before it answers, and
//! never taken back: a book that does not hold is not opened, and a disk that fails ends it.

use crate::config::{Secret, SecretFault};
use crate::store::keys::write_secret;
use data_encoding::{BASE64, HEXLOWER};
use ring::rand::{SecureRandom, SystemRandom};
use sluis_journal::tree::sha256;
use sluis_journal::witness::{Refusal, Seen, Submission};
use sluis_journal::{Cosigned, Cosigner, VerifierKey, WitnessKey};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

/// A witness's folder, opened.
pub struct Book {
    cosigner: Cosigner,
    logs: BTreeMap<String, Page>,
    /// Two processes would each keep half of what was seen.
    _lock: File,
}

/// One log.
struct Page {
    keys: Vec<VerifierKey>,
    file: PathBuf,
    /// INVARIANT: held from comparing with what was seen last until the new is durable, or two submissions at once could
    /// take the book back.
    last: Mutex<Last>,
}

/// What stands in the file of a log.
#[derive(Clone, Copy)]
enum Last {
    Seen(Seen),
    /// A write failed: what the disk holds is not known until the book is opened anew.
    Unknown,
}

/// Why there is no cosignature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoCosignature {
    /// The submission does not deserve one.
    Refused(Refusal),
    /// The disk took no record of it.
    Disk,
}

/// Why a book is not opened.
#[derive(Debug)]
pub enum BookError {
    /// Another process has it.
    InUse(PathBuf),
    /// The disk refused.
    Io(PathBuf, io::Error),
    /// The key is not this witness's alone, or cannot be read.
    Secret(SecretFault),
    /// Not a key, or not a name for one.
    Key(PathBuf),
    /// The key was made under another name.
    Name(String),
    /// What stands of this log is not cosigned by us.
    Log(PathBuf),
}

impl std::fmt::Display for BookError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InUse(folder) => write!(f, "{}: another witness runs on this folder", folder.display()),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Secret(fault) => fault.fmt(f),
            Self::Key(path) => write!(
                f,
                "{}: no witness key; a name has 1 to 100 characters without spaces and plus signs",
                path.display()
            ),
            Self::Name(name) => write!(f, "the key in this folder is that of {name}: leave --name out"),
            Self::Log(path) => write!(
                f,
                "{}: not as this witness wrote it; nothing is cosigned on a book that does not hold",
                path.display()
            ),
        }
    }
}

impl std::error::Error for BookError {}

impl Book {
    /// Opens the folder, making it and a key under `name` at the first start. `logs` are origins with the keys that sign
    /// them.
    ///
    /// # Errors
    /// See [`BookError`].
    pub fn open(
        folder: &Path,
        name: Option<&str>,
        logs: Vec<(String, VerifierKey)>,
    ) -> Result<Self, BookError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |e| BookError::Io(path, e)
        };
        fs::create_dir_all(folder).map_err(io(folder))?;
        let lock = folder.join("lock");
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(lock);
        let lock = lock.map_err(io(folder))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BookError::InUse(folder.to_owned())),
            Err(TryLockError::Error(e)) => return Err(io(folder)(e)),
        }
        let cosigner = key(&folder.join("key"), name)?;
        let mut pages: BTreeMap<String, Page> = BTreeMap::new();
        for (origin, key) in logs {
            if let Some(page) = pages.get_mut(&origin) {
                page.keys.push(key);
                continue;
            }
            let file = folder.join(HEXLOWER.encode(&sha256(origin.as_bytes()).0)).with_extension("note");
            let last = Mutex::new(Last::Seen(read(&file, &origin, cosigner.key())?));
            pages.insert(origin, Page { keys: vec![key], file, last });
        }
        Ok(Self { cosigner, logs: pages, _lock: lock })
    }

    /// The key that checks its cosignatures.
    #[must_use]
    pub fn key(&self) -> &WitnessKey {
        self.cosigner.key()
    }

    /// Each log: its origin, how many records of it were seen, and in which file that stands.
    pub fn logs(&self) -> impl Iterator<Item = (&str, u64, &Path)> {
        self.logs.iter().map(|(origin, page)| {
            let size = match *page.last.lock().unwrap_or_else(PoisonError::into_inner) {
                Last::Seen(seen) => seen.size,
                Last::Unknown => 0,
            };
            (origin.as_str(), size, page.file.as_path())
        })
    }

    /// Judges the body of an `add-checkpoint`, keeps what it shows and cosigns it as seen at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// See [`NoCosignature`].
    pub fn add(&self, body: &str, now: u64) -> Result<String, NoCosignature> {
        let submission = Submission::read(body)?;
        let page = self.logs.get(submission.origin()).ok_or(Refusal::UnknownLog)?;
        submission.is_signed_by(&page.keys)?;
        let mut last = page.last.lock().unwrap_or_else(PoisonError::into_inner);
        let Last::Seen(seen) = *last else { return Err(NoCosignature::Disk) };
        if let Err(refusal) = submission.continues(seen) {
            let same_size = submission.seen().size == seen.size;
            if refusal == Refusal::Inconsistent || (same_size && submission.seen() != seen) {
                // Signed by the log: whoever compares it with what was seen may find two histories under one name.
                let note = submission.note();
                tracing::warn!(
                    seen = seen.size,
                    note,
                    "a checkpoint that does not continue the one seen last"
                );
            }
            return Err(refusal.into());
        }
        let line = submission.cosign(&self.cosigner, now);
        if submission.seen() != seen {
            *last = Last::Unknown;
            let kept = submission.kept(&page.keys, &line);
            if let Err(error) = write_secret(&page.file, kept.as_bytes()) {
                tracing::error!(%error, "the disk takes no checkpoint: nothing is cosigned until a restart");
                return Err(NoCosignature::Disk);
            }
            *last = Last::Seen(submission.seen());
        }
        Ok(line)
    }
}

impl From<Refusal> for NoCosignature {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What was seen last of a log; nothing when there is no file.
fn read(file: &Path, origin: &str, key: &WitnessKey) -> Result<Seen, BookError> {
    let note = match fs::read_to_string(file) {
        Ok(note) => note,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Seen::NOTHING),
        Err(e) => return Err(BookError::Io(file.to_owned(), e)),
    };
    let cosigned = Cosigned::open(&note, key).ok().filter(|seen| seen.checkpoint.origin == origin);
    let head = cosigned.ok_or_else(|| BookError::Log(file.to_owned()))?.checkpoint;
    Ok(Seen { size: head.size, root: head.root })
}

/// Reads the key, or makes one: `PRIVATE+KEY+<name>+<hash>+<base64 of 4 and the seed>`, as Go's notes write theirs.
fn key(file: &Path, name: Option<&str>) -> Result<Cosigner, BookError> {
    let unfit = || BookError::Key(file.to_owned());
    if !file.exists() {
        let mut seed = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(seed.as_mut()).map_err(|_| unfit())?;
        let made = Cosigner::from_seed(name.unwrap_or(NAME), &seed).map_err(|_| unfit())?;
        let public = made.key().to_string();
        let hash = public.split('+').nth(1).unwrap_or_default();
        let secret = Zeroizing::new(BASE64.encode(&[&[COSIGNATURE], seed.as_slice()].concat()));
        let line = Zeroizing::new(format!("{BEGIN}{}+{hash}+{}\n", made.key().name(), *secret));
        write_secret(file, line.as_bytes()).map_err(|e| BookError::Io(file.to_owned(), e))?;
    }
    let text = Secret::File(file.to_owned()).read().map_err(BookError::Secret)?;
    let text = std::str::from_utf8(&text).map_err(|_| unfit())?;
    let mut parts = text.trim_end().strip_prefix(BEGIN).ok_or_else(unfit)?.splitn(3, '+');
    let (Some(kept), Some(hash), Some(secret)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(unfit());
    };
    let secret = Zeroizing::new(BASE64.decode(secret.as_bytes()).map_err(|_| unfit())?);
    let seed = secret.strip_prefix(&[COSIGNATURE]).and_then(|seed| seed.try_into().ok()).ok_or_else(unfit)?;
    let cosigner = Cosigner::from_seed(kept, seed).map_err(|_| unfit())?;
    if cosigner.key().to_string().split('+').nth(1) != Some(hash) {
        return Err(unfit());
    }
    match name.filter(|name| *name != kept) {
        Some(_) => Err(BookError::Name(kept.to_owned())),
        None => Ok(cosigner),
    }
}

/// The name of a witness that nobody named. Verifiers tell witnesses apart by name and key together.
const NAME: &str = "sluis.example/witness";
const BEGIN: &str = "PRIVATE+KEY+";
/// Type byte of a cosignature key.
const COSIGNATURE: u8 = 4;
