//! C2SP cosignatures (c2sp.org/tlog-cosignature, cosignature/v1): a witness's word that it saw a checkpoint at a moment,
//! and that this tree continues every one it saw before. Pure: which checkpoints deserve it is `witness`' affair.

use crate::note::{self, BadNote, Checkpoint, SignedNote};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use std::fmt;

/// A name and Ed25519 key that can check cosignatures, written as a verifier key of type 4.
#[derive(Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    id: [u8; 4],
    key: [u8; 32],
}

/// A name and Ed25519 key that can cosign.
pub struct Cosigner {
    pair: Ed25519KeyPair,
    key: WitnessKey,
}

/// A checkpoint that a witness saw, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// What it saw.
    pub checkpoint: Checkpoint,
    /// Seconds since 1970, by the witness's clock.
    pub time: u64,
}

/// Type byte of an Ed25519 cosignature key: a witness's key never passes for a log's.
const COSIGNATURE_TYPE: u8 = 4;

impl WitnessKey {
    /// Reads `<name>+<hash>+<base64 key>`.
    ///
    /// # Errors
    /// When it is not of that form, of another type, or its hash is not its key's.
    pub fn parse(text: &str) -> Result<Self, BadNote> {
        let (name, id, key) = note::read_vkey(text, COSIGNATURE_TYPE)?;
        Ok(Self { name: name.to_owned(), id, key })
    }

    /// The witness's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The moment of a cosignature over this text, if it holds.
    fn moment(&self, text: &str, signature: &[u8]) -> Option<u64> {
        let (time, signature) = signature.split_first_chunk::<8>()?;
        let time = u64::from_be_bytes(*time);
        let key = UnparsedPublicKey::new(&ED25519, self.key);
        key.verify(message(text, time).as_bytes(), signature).ok().map(|()| time)
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&note::vkey(&self.name, self.id, COSIGNATURE_TYPE, &self.key))
    }
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Cosigner {
    /// A witness from a 32-byte Ed25519 seed.
    ///
    /// # Errors
    /// When the name or seed cannot be used.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, BadNote> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| BadNote::Key)?;
        let key = pair.public_key().as_ref().try_into().map_err(|_| BadNote::Key)?;
        let id = note::key_id(name, COSIGNATURE_TYPE, &key)?;
        Ok(Self { pair, key: WitnessKey { name: name.to_owned(), id, key } })
    }

    /// The key that checks what this one signs.
    #[must_use]
    pub fn key(&self) -> &WitnessKey {
        &self.key
    }

    /// The line to put under a note with this text: seen at `time`, in seconds since 1970.
    pub(crate) fn cosign(&self, text: &str, time: u64) -> String {
        let signature = self.pair.sign(message(text, time).as_bytes());
        let signed = [time.to_be_bytes().as_slice(), signature.as_ref()].concat();
        note::line(&self.key.name, self.key.id, &signed) + "\n"
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cosigner").field(&self.key).finish()
    }
}

impl Cosigned {
    /// Reads a checkpoint that this witness cosigned; of several cosignatures the youngest counts. Whether the log itself
    /// signed it is not looked at: a witness signs nothing that the log did not.
    ///
    /// # Errors
    /// When it is no such note, or one of the witness's cosignatures does not hold.
    pub fn open(note: &str, key: &WitnessKey) -> Result<Self, BadNote> {
        let note = SignedNote::parse(note)?;
        let ours = note.signatures().iter().filter(|s| s.name == key.name && s.id == key.id);
        let moments: Option<Vec<u64>> = ours.map(|s| key.moment(note.text(), &s.bytes)).collect();
        let time = moments.and_then(|all| all.into_iter().max()).ok_or(BadNote::Signature)?;
        Ok(Self { checkpoint: Checkpoint::read(note.text())?, time })
    }
}

/// What a cosignature signs: header and moment keep it apart from every other signed message.
fn message(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}
