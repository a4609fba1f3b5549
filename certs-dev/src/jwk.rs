//! ES256 signing keys as JWK. The private form holds `d`; the public one is what a participant registers.

use data_encoding::BASE64URL_NOPAD;
use rcgen::KeyPair;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::MintError;

/// PKCS#8 of a P-256 key up to the 32 private bytes (RFC 5208, RFC 5915).
const PKCS8_HEAD: [u8; 36] = [
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01,
    0x04, 0x20,
];
/// What stands between the private bytes and the public point.
const PKCS8_MIDDLE: [u8; 5] = [0xa1, 0x44, 0x03, 0x42, 0x00];

/// A P-256 key that signs client assertions with ES256.
pub struct SigningKey {
    /// RFC 7638 thumbprint, base64url: the `kid`.
    pub kid: String,
    /// The private JWK (`kty crv x y d kid alg use`), as `jwk.json` holds it.
    pub private_jwk: Value,
    /// The public JWK, as `participant add` takes it in `jwks.keys`.
    pub public_jwk: Value,
}

impl SigningKey {
    /// A fresh key.
    pub fn generate() -> Result<Self, MintError> {
        let key = KeyPair::generate()?;
        let (x, y) = point(key.public_key_raw()).ok_or(MintError::BadKey)?;
        let d = BASE64URL_NOPAD.encode(&private_bytes(key.serialized_der()).ok_or(MintError::BadKey)?);
        let kid = thumbprint(&x, &y);
        let public_jwk = json!({"kty":"EC","crv":"P-256","x":x,"y":y,"kid":kid,"alg":"ES256","use":"sig"});
        let private_jwk =
            json!({"kty":"EC","crv":"P-256","x":x,"y":y,"d":d,"kid":kid,"alg":"ES256","use":"sig"});
        Ok(Self { kid, private_jwk, public_jwk })
    }
}

/// The PKCS#8 DER of a private P-256 JWK, the form that signing libraries read.
/// Refuses what is not exactly 32-byte `x`, `y` and `d`.
pub fn pkcs8_der(private_jwk: &Value) -> Result<Vec<u8>, MintError> {
    let member = |name: &str| {
        let text = private_jwk.get(name).and_then(Value::as_str).ok_or(MintError::BadKey)?;
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| MintError::BadKey)?;
        if bytes.len() == 32 { Ok(bytes) } else { Err(MintError::BadKey) }
    };
    let mut der = PKCS8_HEAD.to_vec();
    der.extend(member("d")?);
    der.extend(PKCS8_MIDDLE);
    der.push(0x04);
    der.extend(member("x")?);
    der.extend(member("y")?);
    Ok(der)
}

/// RFC 7638: SHA-256 over the required members in lexical order, without white space.
fn thumbprint(x: &str, y: &str) -> String {
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    BASE64URL_NOPAD.encode(digest(&SHA256, canonical.as_bytes()).as_ref())
}

fn point(raw: &[u8]) -> Option<(String, String)> {
    let coordinates = raw.strip_prefix(&[0x04])?;
    let (x, y) = coordinates.split_at_checked(32)?;
    (y.len() == 32).then(|| (BASE64URL_NOPAD.encode(x), BASE64URL_NOPAD.encode(y)))
}

/// The private scalar follows ECPrivateKey's version 1 and the head of a 32-byte octet string.
fn private_bytes(pkcs8: &[u8]) -> Option<Vec<u8>> {
    const BEFORE: [u8; 5] = [0x02, 0x01, 0x01, 0x04, 0x20];
    let at = pkcs8.windows(BEFORE.len()).position(|window| window == BEFORE)?;
    pkcs8.get(at + BEFORE.len()..at + BEFORE.len() + 32).map(<[u8]>::to_vec)
}
