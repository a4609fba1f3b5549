//! Sealing at rest: AES-256-GCM with a random nonce, bound to where a value belongs.
//!
//! What it must not do: choose keys. That is [`super::keys`].

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Why something sealed could not be made or read. Carries no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealError {
    /// The system gave no randomness.
    NoRandomness,
    /// Shorter than a nonce and a tag, altered, under another key, or moved from where it belongs.
    Unreadable,
}

impl std::fmt::Display for SealError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoRandomness => "the system gave no randomness",
            Self::Unreadable => "sealed value cannot be opened",
        })
    }
}

impl std::error::Error for SealError {}

/// A key made ready for [`Key::mac`].
#[derive(Clone)]
pub(super) struct Mac(ring::hmac::Key);

impl Mac {
    pub(super) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = ring::hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

/// 256 bits of key, wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop, PartialEq, Eq)]
pub struct Key(pub(super) [u8; 32]);

impl Key {
    /// A fresh key.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn random() -> Result<Self, SealError> {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).map_err(|_| SealError::NoRandomness)?;
        Ok(Self(bytes))
    }

    /// A key for one use, derived from this one by HMAC-SHA-256 over a label (NIST SP 800-108, counter of one).
    #[must_use]
    pub fn derive(&self, label: &str) -> Self {
        Self(self.mac(&[label.as_bytes()]))
    }

    /// HMAC-SHA-256 over parts, each preceded by its length so that no two lists collide.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.maker().mac(parts)
    }

    /// This key made ready for many of them.
    pub(super) fn maker(&self) -> Mac {
        Mac(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &self.0))
    }

    /// This key made ready to seal and to open many values.
    ///
    /// # Errors
    /// [`SealError::Unreadable`].
    pub fn cipher(&self) -> Result<Cipher, SealError> {
        let key = UnboundKey::new(&AES_256_GCM, &self.0).map_err(|_| SealError::Unreadable)?;
        Ok(Cipher(LessSafeKey::new(key)))
    }

    /// As [`Cipher::seal`].
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn seal(&self, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.cipher()?.seal(place, plain)
    }

    /// As [`Cipher::open`].
    ///
    /// # Errors
    /// [`SealError::Unreadable`].
    pub fn open(&self, place: &[u8], sealed: impl Into<Vec<u8>>) -> Result<Vec<u8>, SealError> {
        self.cipher()?.open(place, sealed)
    }
}

/// A key that is ready: making one ready costs as much as to open a small value.
#[derive(Clone)]
pub struct Cipher(LessSafeKey);

impl Cipher {
    /// Seals `plain`: nonce, ciphertext and tag in one. `place` binds it to where it belongs.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn seal(&self, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let mut body = Vec::with_capacity(plain.len() + AES_256_GCM.tag_len());
        body.extend_from_slice(plain);
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut body)
            .map_err(|_| SealError::Unreadable)?;
        let mut out = Vec::with_capacity(NONCE_LEN + body.len());
        out.extend_from_slice(&nonce);
        out.append(&mut body);
        Ok(out)
    }

    /// Opens what [`Cipher::seal`] made for the same place.
    ///
    /// # Errors
    /// [`SealError::Unreadable`].
    pub fn open(&self, place: &[u8], sealed: impl Into<Vec<u8>>) -> Result<Vec<u8>, SealError> {
        let mut body: Vec<u8> = sealed.into();
        let (nonce, _) = body.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Unreadable)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self
            .0
            .open_within(nonce, Aad::from(place), &mut body, NONCE_LEN..)
            .map_err(|_| SealError::Unreadable)?
            .len();
        body.truncate(plain);
        Ok(body)
    }
}

/// Opens with the first of these keys that does.
#[must_use]
pub fn open_with(keys: &[Key], place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    keys.iter().find_map(|key| key.open(place, sealed).ok())
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, SealError};

    #[test]
    fn a_sealed_value_opens_only_under_its_key_and_in_its_place() {
        let key = Key::random().unwrap();
        let sealed = key.seal(b"here", b"words").unwrap();
        assert_eq!(key.open(b"here", &*sealed).unwrap(), b"words");
        assert_eq!(key.open(b"there", &*sealed), Err(SealError::Unreadable));
        assert_eq!(Key::random().unwrap().open(b"here", &*sealed), Err(SealError::Unreadable));
        for at in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            assert_eq!(key.open(b"here", &*bent), Err(SealError::Unreadable), "byte {at}");
            assert_eq!(key.open(b"here", &sealed[..at]), Err(SealError::Unreadable), "cut at {at}");
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let key = Key::random().unwrap();
        assert_ne!(key.mac(&[b"ab", b"c"]), key.mac(&[b"a", b"bc"]));
    }
}
