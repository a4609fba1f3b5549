//! A client's registered public keys.
//!
//! The algorithm belongs to the key, from its registration, and never comes from a token's header: that is
//! what makes algorithm confusion impossible (RFC 8725 3.1, THREATS.md row 5).

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// One public key as registered (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Jwk {
    /// Key type: `EC` or `RSA`.
    pub kty: String,
    /// The key's name, required, unique within a client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// ES256, ES384 or PS256; derived from the key when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// `sig`, when present.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// `verify`, when present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_ops: Option<Vec<String>>,
    /// `P-256` or `P-384`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// EC point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// EC point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// RSA modulus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// RSA exponent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// Certificate thumbprint, kept and not used.
    #[serde(rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    pub x5t_s256: Option<String>,
    /// Certificate chain, kept and not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x5c: Option<Vec<String>>,
}

/// A registered key that can verify.
#[derive(Clone)]
pub struct ClientKey {
    kid: String,
    algorithm: Algorithm,
    decoding: DecodingKey,
}

impl ClientKey {
    /// Reads a registered key.
    ///
    /// # Errors
    /// What is wrong with it, in words for an operator.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, String> {
        let kid = jwk.kid.clone().filter(|kid| (1..=256).contains(&kid.len())).ok_or("kid is missing")?;
        if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return Err("use is not sig".to_owned());
        }
        if jwk.key_ops.as_ref().is_some_and(|ops| !ops.iter().any(|op| op == "verify")) {
            return Err("key_ops lacks verify".to_owned());
        }
        let member = |value: &Option<String>, name: &str| {
            let text = value.as_deref().ok_or(format!("{name} is missing"))?;
            let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes());
            bytes.map(|b| (text.to_owned(), b)).map_err(|_| format!("{name} is not base64url"))
        };
        let (algorithm, decoding) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("EC", Some(curve @ ("P-256" | "P-384"))) => {
                let (algorithm, width) =
                    if curve == "P-256" { (Algorithm::ES256, 32) } else { (Algorithm::ES384, 48) };
                let ((x, x_bytes), (y, y_bytes)) = (member(&jwk.x, "x")?, member(&jwk.y, "y")?);
                if x_bytes.len() != width || y_bytes.len() != width {
                    return Err(format!("x and y must be {width} bytes"));
                }
                (algorithm, DecodingKey::from_ec_components(&x, &y).map_err(|e| e.to_string())?)
            }
            ("RSA", None) => {
                let ((n, modulus), (e, exponent)) = (member(&jwk.n, "n")?, member(&jwk.e, "e")?);
                if !(256..=1024).contains(&modulus.len()) || modulus.first().is_none_or(|b| *b < 0x80) {
                    return Err("the modulus must have 2048 to 8192 bits".to_owned());
                }
                if exponent != [1, 0, 1] {
                    return Err("e must be AQAB".to_owned());
                }
                (Algorithm::PS256, DecodingKey::from_rsa_components(&n, &e).map_err(|e| e.to_string())?)
            }
            _ => return Err("not an EC key on P-256 or P-384, nor an RSA key".to_owned()),
        };
        if jwk.alg.as_deref().is_some_and(|alg| alg != name(algorithm)) {
            return Err(format!("alg does not fit the key: it must be {}", name(algorithm)));
        }
        Ok(Self { kid, algorithm, decoding })
    }

    /// The key's name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The one algorithm of this key.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What verifies.
    #[must_use]
    pub fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientKey({} {:?})", self.kid, self.algorithm)
    }
}

fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::ES256 => "ES256",
        Algorithm::ES384 => "ES384",
        _ => "PS256",
    }
}

/// A client's key set: the keys as registered, and those among them that verify.
#[derive(Debug, Clone, Default)]
pub struct ClientKeys {
    registered: Vec<Jwk>,
    keys: Vec<Result<ClientKey, String>>,
}

/// A registered key that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMistake {
    /// Its place in `keys`.
    pub key: usize,
    /// What is wrong.
    pub what: String,
}

impl ClientKeys {
    /// Reads a set of keys; what is wrong with single ones is in [`ClientKeys::mistakes`].
    #[must_use]
    pub fn new(registered: Vec<Jwk>) -> Self {
        let mut keys: Vec<Result<ClientKey, String>> = Vec::new();
        for jwk in &registered {
            let doubled =
                jwk.kid.is_some() && keys.iter().flatten().any(|k| Some(&k.kid) == jwk.kid.as_ref());
            keys.push(if doubled {
                Err("kid stands there twice".to_owned())
            } else {
                ClientKey::from_jwk(jwk)
            });
        }
        Self { registered, keys }
    }

    /// The key of a name: exactly one, or none.
    #[must_use]
    pub fn find(&self, kid: &str) -> Option<&ClientKey> {
        self.keys.iter().flatten().find(|key| key.kid == kid)
    }

    /// Whether there is no key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.registered.is_empty()
    }

    /// The keys that cannot be used.
    pub fn mistakes(&self) -> impl Iterator<Item = KeyMistake> {
        let keys = self.keys.iter().enumerate();
        keys.filter_map(|(key, read)| Some(KeyMistake { key, what: read.as_ref().err()?.clone() }))
    }
}

impl PartialEq for ClientKeys {
    fn eq(&self, other: &Self) -> bool {
        self.registered == other.registered
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeySet {
    keys: Vec<Jwk>,
}

impl Serialize for ClientKeys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        KeySet { keys: self.registered.clone() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ClientKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        KeySet::deserialize(deserializer).map(|set| Self::new(set.keys))
    }
}
