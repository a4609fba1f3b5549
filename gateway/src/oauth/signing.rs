//! Our own signing keys for access tokens, with rotation: one signs, several verify.
//!
//! A key is kept as its PKCS#8 DER by the caller. The key under which the asker's statement is sealed inside
//! the token is derived from it, so that there is one thing to store and to rotate.

use jsonwebtoken::{DecodingKey, EncodingKey};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use ring::{aead, digest, hkdf};
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// One ES256 key.
#[derive(Clone)]
pub struct SigningKey(Arc<Inner>);

struct Inner {
    kid: String,
    x: String,
    y: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    seal: aead::LessSafeKey,
}

/// A key that cannot be read or made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadKey;

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an EC P-256 private key in PKCS#8")
    }
}

impl std::error::Error for BadKey {}

impl SigningKey {
    /// Makes a new key and answers its PKCS#8 DER, for the caller to keep.
    ///
    /// # Errors
    /// [`BadKey`] when the system gives no randomness.
    pub fn generate() -> Result<Zeroizing<Vec<u8>>, BadKey> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        made.map(|document| Zeroizing::new(document.as_ref().to_vec())).map_err(|_| BadKey)
    }

    /// Reads a key. Its `kid` is its RFC 7638 thumbprint.
    ///
    /// # Errors
    /// [`BadKey`] for anything but a P-256 key in PKCS#8 that holds its public part.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, BadKey> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &SystemRandom::new())
            .map_err(|_| BadKey)?;
        let point = pair.public_key().as_ref();
        let encode =
            |part: Option<&[u8]>| part.map(|p| data_encoding::BASE64URL_NOPAD.encode(p)).ok_or(BadKey);
        let (x, y) = (encode(point.get(1..33))?, encode(point.get(33..65))?);
        let thumb = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let kid =
            data_encoding::BASE64URL_NOPAD.encode(digest::digest(&digest::SHA256, thumb.as_bytes()).as_ref());
        let decoding = DecodingKey::from_ec_components(&x, &y).map_err(|_| BadKey)?;
        let seal = seal_key(der).ok_or(BadKey)?;
        Ok(Self(Arc::new(Inner { kid, x, y, encoding: EncodingKey::from_ec_der(der), decoding, seal })))
    }

    /// The key's name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.0.kid
    }

    pub(super) fn encoding(&self) -> &EncodingKey {
        &self.0.encoding
    }

    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.0.decoding
    }

    /// Seals what must not be read from a token, bound to `context`: base64url of nonce and ciphertext.
    pub(super) fn seal(&self, context: &str, mut plain: Vec<u8>) -> Option<String> {
        let mut nonce = [0; aead::NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let sealing = aead::Nonce::assume_unique_for_key(nonce);
        self.0.seal.seal_in_place_append_tag(sealing, aead::Aad::from(context), &mut plain).ok()?;
        Some(data_encoding::BASE64URL_NOPAD.encode(&[nonce.as_slice(), &plain].concat()))
    }

    /// Opens what [`SigningKey::seal`] made.
    pub(super) fn open(&self, context: &str, sealed: &str) -> Option<Vec<u8>> {
        let mut bytes = data_encoding::BASE64URL_NOPAD.decode(sealed.as_bytes()).ok()?;
        let (nonce, rest) = bytes.split_at_mut_checked(aead::NONCE_LEN)?;
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).ok()?;
        self.0.seal.open_in_place(nonce, aead::Aad::from(context), rest).ok().map(|plain| plain.to_vec())
    }

    fn jwk(&self) -> Value {
        json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.0.kid, "x": self.0.x, "y": self.0.y})
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.0.kid)
    }
}

/// The key that signs now, and those that still verify.
#[derive(Debug, Clone)]
pub struct SigningKeys {
    current: SigningKey,
    former: Vec<SigningKey>,
}

impl SigningKeys {
    /// Signs with `current`; tokens of `former` keys verify until they end.
    #[must_use]
    pub fn new(current: SigningKey, former: Vec<SigningKey>) -> Self {
        Self { current, former }
    }

    /// The same set with a new signing key; the present one goes on verifying.
    #[must_use]
    pub fn rotate(&self, next: SigningKey) -> Self {
        let former = std::iter::once(&self.current).chain(&self.former).cloned().collect();
        Self { current: next, former }
    }

    /// The key that signs now.
    #[must_use]
    pub fn current(&self) -> &SigningKey {
        &self.current
    }

    /// The key of a name.
    #[must_use]
    pub fn find(&self, kid: &str) -> Option<&SigningKey> {
        std::iter::once(&self.current).chain(&self.former).find(|key| key.kid() == kid)
    }

    /// The public keys as a JWK set (RFC 7517 5).
    #[must_use]
    pub fn jwks(&self) -> Value {
        let keys: Vec<Value> =
            std::iter::once(&self.current).chain(&self.former).map(SigningKey::jwk).collect();
        json!({ "keys": keys })
    }
}

fn seal_key(secret: &[u8]) -> Option<aead::LessSafeKey> {
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"sluis access token seal v1");
    let derived = salt.extract(secret);
    let okm = derived.expand(&[b"aes-256-gcm"], &aead::AES_256_GCM).ok()?;
    Some(aead::LessSafeKey::new(aead::UnboundKey::from(okm)))
}
