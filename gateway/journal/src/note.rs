//! C2SP signed notes and checkpoints (c2sp.org/signed-note, c2sp.org/tlog-checkpoint) with Ed25519.
//! Reading is strict: what is not exactly a note is no note.

use crate::tree::Hash;
use data_encoding::BASE64;
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// A name and Ed25519 key that can check notes, written `<name>+<hash>+<base64 key>`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    key: [u8; 32],
}

/// A name and Ed25519 key that can sign notes.
pub struct Signer {
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
}

/// The head of a tree: whose, how many leaves, which root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's identity, a schema-less URL.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Root hash.
    pub root: Hash,
}

/// A note as read: its text and the signatures on it, none of them checked yet.
pub struct SignedNote<'a> {
    text: &'a str,
    signatures: Vec<Signature<'a>>,
}

/// One signature line: who, by which key, and what the kind of key makes of the bytes.
pub(crate) struct Signature<'a> {
    pub(crate) name: &'a str,
    pub(crate) id: [u8; 4],
    pub(crate) bytes: Vec<u8>,
}

/// Why something is not a note, key or checkpoint that can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadNote {
    /// A key or origin name is empty, too long, or has a space, plus or control character.
    Name,
    /// Not the form of a key.
    Key,
    /// Not the form of a note.
    Form,
    /// Not the form of a checkpoint.
    Checkpoint,
    /// No known key signed it, or a known key's signature does not hold.
    Signature,
    /// It speaks of another log.
    Origin,
}

/// Longest name that keeps a checkpoint with one signature within one disk sector (512 bytes).
const MAX_NAME: usize = 100;
/// More signatures than any note of ours will carry; the C2SP minimum is 16.
const MAX_SIGNATURES: usize = 32;
const ED25519_TYPE: u8 = 1;
const DASH: &str = "\u{2014} ";

/// The id of a key: begins the hash over its name, kind and bytes (c2sp.org/signed-note).
pub(crate) fn key_id(name: &str, kind: u8, key: &[u8; 32]) -> Result<[u8; 4], BadNote> {
    if !is_name(name) {
        return Err(BadNote::Name);
    }
    let hashed = digest(&SHA256, &[name.as_bytes(), b"\n", &[kind], key].concat());
    hashed.as_ref().first_chunk().copied().ok_or(BadNote::Key)
}

/// Reads `<name>+<hash>+<base64 key>` of a key of this kind.
pub(crate) fn read_vkey(text: &str, kind: u8) -> Result<(&str, [u8; 4], [u8; 32]), BadNote> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(BadNote::Key);
    };
    let key = BASE64.decode(key.as_bytes()).map_err(|_| BadNote::Key)?;
    let Some((found, key)) = key.split_first() else { return Err(BadNote::Key) };
    let key = key.try_into().map_err(|_| BadNote::Key)?;
    let id = key_id(name, kind, &key)?;
    let fits = *found == kind && data_encoding::HEXLOWER.encode(&id) == hash;
    fits.then_some((name, id, key)).ok_or(BadNote::Key)
}

/// Writes `<name>+<hash>+<base64 key>`.
pub(crate) fn vkey(name: &str, id: [u8; 4], kind: u8, key: &[u8; 32]) -> String {
    let key = BASE64.encode(&[&[kind], key.as_slice()].concat());
    format!("{name}+{}+{key}", data_encoding::HEXLOWER.encode(&id))
}

/// A signature line, without the newline.
pub(crate) fn line(name: &str, id: [u8; 4], bytes: &[u8]) -> String {
    format!("{DASH}{name} {}", BASE64.encode(&[id.as_slice(), bytes].concat()))
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && !name.chars().any(|c| c.is_whitespace() || c == '+' || c.is_control())
}

impl VerifierKey {
    /// A key for this name.
    ///
    /// # Errors
    /// When the name cannot be a key name.
    pub fn new(name: &str, key: [u8; 32]) -> Result<Self, BadNote> {
        Ok(Self { name: name.to_owned(), id: key_id(name, ED25519_TYPE, &key)?, key })
    }

    /// Reads `<name>+<hash>+<base64 key>`.
    ///
    /// # Errors
    /// When it is not of that form or its hash is not its key's.
    pub fn parse(text: &str) -> Result<Self, BadNote> {
        let (name, id, key) = read_vkey(text, ED25519_TYPE)?;
        Ok(Self { name: name.to_owned(), id, key })
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn holds(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.key).verify(text.as_bytes(), signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&vkey(&self.name, self.id, ED25519_TYPE, &self.key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Signer {
    /// A signer from a 32-byte Ed25519 seed. Its name is the origin of the checkpoints it signs.
    ///
    /// # Errors
    /// When the name or seed cannot be used.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, BadNote> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| BadNote::Key)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| BadNote::Key)?;
        Ok(Self { verifier: VerifierKey::new(name, public)?, pair })
    }

    /// The key that checks what this one signs.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The line, without newline, by which this key signs a note of this text. No text that reads as a checkpoint.
    #[must_use]
    pub fn line(&self, text: &str) -> String {
        line(&self.verifier.name, self.verifier.id, self.pair.sign(text.as_bytes()).as_ref())
    }

    /// The raw signature over a checkpoint's text (64 bytes).
    pub(crate) fn seal(&self, checkpoint: &Checkpoint) -> Vec<u8> {
        self.pair.sign(checkpoint.text().as_bytes()).as_ref().to_vec()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.verifier).finish()
    }
}

/// Who signs a log: the key that seals now, and those before it, newest first. Shared by the writer and its readers.
#[derive(Clone, Debug)]
pub(crate) struct Signers(Arc<RwLock<Turned>>);

#[derive(Debug)]
struct Turned {
    current: Signer,
    former: Vec<Signer>,
}

impl Signers {
    /// From the keys, current first; `None` without any.
    pub(crate) fn new(all: Vec<Signer>) -> Option<Self> {
        let mut all = all.into_iter();
        let current = all.next()?;
        Some(Self(Arc::new(RwLock::new(Turned { current, former: all.collect() }))))
    }

    fn read(&self) -> RwLockReadGuard<'_, Turned> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log's origin: the name of its keys.
    pub(crate) fn origin(&self) -> String {
        self.read().current.verifier.name.clone()
    }

    /// Whose signatures stand, current first.
    pub(crate) fn keys(&self) -> Vec<VerifierKey> {
        let turned = self.read();
        std::iter::once(&turned.current).chain(&turned.former).map(|signer| signer.verifier.clone()).collect()
    }

    /// The current key's signature over a checkpoint's text, and that key.
    pub(crate) fn seal(&self, checkpoint: &Checkpoint) -> (Vec<u8>, VerifierKey) {
        let turned = self.read();
        (turned.current.seal(checkpoint), turned.current.verifier.clone())
    }

    /// Seals with another key from now on.
    pub(crate) fn turn(&self, next: Signer) {
        let mut turned = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut turned.current, next);
        turned.former.insert(0, before);
    }

    /// A note of ours with a line more for each key that has not signed it: whoever knows one of them can check it. Of many
    /// keys the newest only.
    pub(crate) fn countersign(&self, mut note: String) -> String {
        let turned = self.read();
        if turned.former.is_empty() {
            return note;
        }
        let Ok(checkpoint) = Checkpoint::of_note(&note) else { return note };
        for signer in std::iter::once(&turned.current).chain(&turned.former).take(COUNTERSIGNERS) {
            let VerifierKey { name, id, .. } = &signer.verifier;
            let signed = SignedNote::parse(&note).is_ok_and(|n| n.line_of(&signer.verifier).is_some());
            if !signed {
                note.push_str(&line(name, *id, &signer.seal(&checkpoint)));
                note.push('\n');
            }
        }
        note
    }
}

/// So many keys sign a note of ours at most: fewer than what a reader of notes must take (c2sp.org/signed-note: 16), with room for witnesses.
pub const COUNTERSIGNERS: usize = 4;

impl Checkpoint {
    /// The note text: origin, size and root, a line each.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(&self.root.0))
    }

    /// The signed note: the text and one signature line.
    pub(crate) fn note(&self, key: &VerifierKey, signature: &[u8]) -> String {
        format!("{}\n{}\n", self.text(), line(&key.name, key.id, signature))
    }

    /// Reads a signed checkpoint and checks it: at least one of `keys` signed it, no known key's signature fails, and
    /// the signer speaks for the origin it names. Signatures of unknown keys (co-signers) are passed over.
    ///
    /// # Errors
    /// When it is no such note.
    pub fn open(note: &str, keys: &[VerifierKey]) -> Result<Self, BadNote> {
        let note = SignedNote::parse(note)?;
        let checkpoint = Self::parse(note.text)?;
        let known = note.known(keys)?;
        known.iter().any(|key| key.name == checkpoint.origin).then_some(checkpoint).ok_or(BadNote::Origin)
    }

    /// Whether a note carries one signature and no more, so that checking it checks every byte of it.
    pub(crate) fn is_bare(note: &str) -> bool {
        SignedNote::parse(note).is_ok_and(|note| note.signatures.len() == 1)
    }

    /// Whether `signature` is one of `keys`' over this checkpoint; gives that key.
    pub(crate) fn sealed_by<'k>(&self, keys: &'k [VerifierKey], signature: &[u8]) -> Option<&'k VerifierKey> {
        let text = self.text();
        keys.iter().find(|key| key.name == self.origin && key.holds(&text, signature))
    }

    /// The head that a note speaks of; no signature is looked at.
    ///
    /// # Errors
    /// When it is no signed checkpoint.
    pub fn of_note(note: &str) -> Result<Self, BadNote> {
        Self::read(SignedNote::parse(note)?.text)
    }

    /// Reads the text of one of ours: exactly three lines.
    fn parse(text: &str) -> Result<Self, BadNote> {
        Self::read(text).ok().filter(|head| head.text() == text).ok_or(BadNote::Checkpoint)
    }

    /// Reads the text of anybody's: lines behind the third, which mean nothing to us, are passed over.
    pub(crate) fn read(text: &str) -> Result<Self, BadNote> {
        let lines = text.strip_suffix('\n').ok_or(BadNote::Checkpoint)?;
        let mut lines = lines.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(BadNote::Checkpoint);
        };
        if lines.any(str::is_empty) {
            return Err(BadNote::Checkpoint);
        }
        let number: u64 = size.parse().map_err(|_| BadNote::Checkpoint)?;
        let root = BASE64.decode(root.as_bytes()).map_err(|_| BadNote::Checkpoint)?;
        let root = Hash(root.try_into().map_err(|_| BadNote::Checkpoint)?);
        let exact = is_name(origin) && number.to_string() == size;
        exact.then(|| Self { origin: origin.to_owned(), size: number, root }).ok_or(BadNote::Checkpoint)
    }
}

impl<'a> SignedNote<'a> {
    /// Splits a note into text and signatures.
    ///
    /// # Errors
    /// When it is not exactly a signed note.
    pub fn parse(note: &'a str) -> Result<Self, BadNote> {
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(BadNote::Form);
        }
        let cut = note.rfind("\n\n").ok_or(BadNote::Form)? + 1;
        let (text, rest) = note.split_at_checked(cut).ok_or(BadNote::Form)?;
        let lines = rest.strip_prefix('\n').and_then(|r| r.strip_suffix('\n')).ok_or(BadNote::Form)?;
        let signatures = lines.split('\n').map(Signature::parse).collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(BadNote::Form);
        }
        Ok(Self { text, signatures })
    }

    /// What was signed.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }

    pub(crate) fn signatures(&self) -> &[Signature<'a>] {
        &self.signatures
    }

    /// The line by which this key signed it, without the newline.
    pub(crate) fn line_of(&self, key: &VerifierKey) -> Option<String> {
        let signature = self.signatures.iter().find(|s| s.name == key.name && s.id == key.id)?;
        Some(line(signature.name, signature.id, &signature.bytes))
    }

    /// The keys among `keys` that signed it: at least one, and none of them falsely.
    pub(crate) fn known<'k>(&self, keys: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>, BadNote> {
        let mut signed = Vec::new();
        for signature in &self.signatures {
            for key in keys.iter().filter(|key| key.name == signature.name && key.id == signature.id) {
                if !key.holds(self.text, &signature.bytes) {
                    return Err(BadNote::Signature);
                }
                signed.push(key);
            }
        }
        if signed.is_empty() { Err(BadNote::Signature) } else { Ok(signed) }
    }
}

impl<'a> Signature<'a> {
    fn parse(line: &'a str) -> Result<Self, BadNote> {
        let (name, encoded) = line.strip_prefix(DASH).and_then(|l| l.split_once(' ')).ok_or(BadNote::Form)?;
        let decoded = BASE64.decode(encoded.as_bytes()).map_err(|_| BadNote::Form)?;
        let (id, bytes) = decoded.split_first_chunk().ok_or(BadNote::Form)?;
        if !is_name(name) || bytes.is_empty() {
            return Err(BadNote::Form);
        }
        Ok(Self { name, id: *id, bytes: bytes.to_vec() })
    }
}

impl fmt::Display for BadNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "not a key name",
            Self::Key => "not a verifier key",
            Self::Form => "not a signed note",
            Self::Checkpoint => "not a checkpoint",
            Self::Signature => "no known key's signature holds",
            Self::Origin => "signed for another log",
        })
    }
}

impl std::error::Error for BadNote {}
