//! The named keys in `keys/ring.json`, wrapped under the master key. The file says which file of slots goes with it, so
//! that replacing it is the one moment at which another master key counts.

use super::{KeyError, Named, Use, write_secret};
use crate::store::seal::Key;
use data_encoding::BASE64;
use ring::rand::SystemRandom;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RingFile {
    version: u32,
    keys: Vec<WrappedKey>,
    #[serde(default = "first_slots")]
    people: String,
    #[serde(default)]
    people_since: u64,
}

fn first_slots() -> String {
    "people".to_owned()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrappedKey {
    r#use: Use,
    id: u8,
    wrapped: String,
}

/// What the file says.
#[derive(Clone)]
pub(super) struct Ring {
    file: PathBuf,
    pub(super) master: Key,
    pub(super) named: Vec<Named>,
    /// The file of slots beside it.
    pub(super) people: String,
    /// From which place on its slots seal.
    pub(super) people_since: u64,
}

impl Ring {
    /// Reads a folder's ring.
    pub(super) fn read(folder: &Path, master: &Key) -> Result<Self, KeyError> {
        let file = folder.join(NAME);
        let text = fs::read(&file).map_err(|e| KeyError::Io(file.clone(), e))?;
        let broken = || KeyError::Unwrap(file.clone());
        let ring: RingFile = serde_json::from_slice(&text).map_err(|_| broken())?;
        // A name, not a way out of the folder.
        let named_so = ring.people.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !named_so || ring.people.is_empty() {
            return Err(broken());
        }
        let unwrap = |key: WrappedKey| {
            let wrapped = BASE64.decode(key.wrapped.as_bytes()).ok()?;
            let secret = master.open(place(key.r#use, key.id).as_bytes(), wrapped).ok()?;
            Some(Named { which: key.r#use, id: key.id, secret: Zeroizing::new(secret) })
        };
        let named = ring.keys.into_iter().map(|key| unwrap(key).ok_or_else(broken));
        Ok(Self {
            named: named.collect::<Result<_, _>>()?,
            master: master.clone(),
            people: ring.people,
            people_since: ring.people_since,
            file,
        })
    }

    /// Reads a folder's ring, or makes one with fresh keys where there is none.
    pub(super) fn open(folder: &Path, master: &Key) -> Result<Self, KeyError> {
        let file = folder.join(NAME);
        if file.exists() {
            return Self::read(folder, master);
        }
        let named = Use::ALL.into_iter().map(|which| Named::fresh(which, 1)).collect::<Result<_, _>>()?;
        let ring = Self { file, master: master.clone(), named, people: first_slots(), people_since: 0 };
        ring.write()?;
        Ok(ring)
    }

    /// Puts the ring in place of the one that stands, whole or not at all.
    pub(super) fn write(&self) -> Result<(), KeyError> {
        let mut keys = Vec::with_capacity(self.named.len());
        for Named { which, id, secret } in &self.named {
            let wrapped = self.master.seal(place(*which, *id).as_bytes(), secret)?;
            keys.push(WrappedKey { r#use: *which, id: *id, wrapped: BASE64.encode(&wrapped) });
        }
        let io = |e| KeyError::Io(self.file.clone(), e);
        let (people, people_since) = (self.people.clone(), self.people_since);
        let file = RingFile { version: 1, keys, people, people_since };
        let text = serde_json::to_vec_pretty(&file).map_err(|e| io(e.into()))?;
        write_secret(&self.file, &text).map_err(io)
    }
}

/// The file of the ring.
pub(super) const NAME: &str = "ring.json";

fn place(which: Use, id: u8) -> String {
    format!("ring {which:?} {id}")
}

impl Named {
    /// A fresh key of a use.
    pub(super) fn fresh(which: Use, id: u8) -> Result<Self, KeyError> {
        let secret = match which {
            Use::TokenSigning => {
                let form = &ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
                let made = ring::signature::EcdsaKeyPair::generate_pkcs8(form, &SystemRandom::new());
                made.map_err(|_| KeyError::NoRandomness)?.as_ref().to_vec()
            }
            Use::Pseudonym | Use::OutwardId | Use::Page | Use::View | Use::General | Use::JournalSigning => {
                Key::random()?.0.to_vec()
            }
        };
        Ok(Self { which, id, secret: Zeroizing::new(secret) })
    }
}
