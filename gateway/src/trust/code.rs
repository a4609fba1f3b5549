//! Small newtypes that the trust list is written in: ids, codes, fingerprints, purposes.
//!
//! Each is parsed once at the edge; none of them is personal data.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Text that is not of the form its place asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadCode {
    /// What was expected, in words that finish "must be ...".
    pub expected: &'static str,
}

impl fmt::Display for BadCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be {}", self.expected)
    }
}

impl std::error::Error for BadCode {}

/// Lower-case letters, digits and single hyphens, at most 64 characters: `sociaal-team-west`.
fn is_kebab(raw: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = raw.as_bytes();
    bytes.len() <= 64
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

macro_rules! kebab {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads lower-case letters, digits and hyphens, at most 64 characters.
            ///
            /// # Errors
            /// [`BadCode`] for anything else.
            pub fn parse(raw: &str) -> Result<Self, BadCode> {
                let expected = "lower-case letters, digits and hyphens, at most 64 characters";
                is_kebab(raw).then(|| Self(raw.to_owned())).ok_or(BadCode { expected })
            }

            /// The code as written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadCode;
            fn try_from(raw: String) -> Result<Self, BadCode> {
                Self::parse(&raw)
            }
        }

        impl From<$name> for String {
            fn from(code: $name) -> String {
                code.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

kebab! {
    /// A participant's id, which is also its client id (CONTRACT.md 1).
    ParticipantId
}
kebab! {
    /// A function in which a participant or person asks (REGION.md 2.2). Which codes have a table is data
    /// elsewhere; here it is only a well-formed code.
    FunctionCode
}
kebab! {
    /// A category that a person can choose (REGION.md 2.1).
    CategoryCode
}
kebab! {
    /// The id of a person who works at a participant: the part behind `urn:sluis:person#`.
    PersonId
}

/// SHA-256 of a certificate's DER.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    #[must_use]
    pub fn of_der(der: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, der);
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits; colons between the pairs and either case are taken.
    ///
    /// # Errors
    /// [`BadCode`] for anything else.
    pub fn parse(raw: &str) -> Result<Self, BadCode> {
        let expected = "the SHA-256 of the certificate: 64 hexadecimal digits, colons allowed";
        let plain: String = raw.trim().chars().filter(|c| *c != ':').collect::<String>().to_lowercase();
        let bytes = data_encoding::HEXLOWER.decode(plain.as_bytes()).map_err(|_| BadCode { expected })?;
        bytes.try_into().map(Self).map_err(|_| BadCode { expected })
    }

    /// The digest itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// base64url without padding, as in `cnf.x5t#S256` (RFC 8705 3.1).
    #[must_use]
    pub fn to_base64url(&self) -> String {
        data_encoding::BASE64URL_NOPAD.encode(&self.0)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = BadCode;
    fn try_from(raw: String) -> Result<Self, BadCode> {
        Self::parse(&raw)
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> String {
        fingerprint.to_string()
    }
}

/// Why data is asked for: HL7 v3-ActReason, the codes that CONTRACT.md 3 names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Purpose {
    /// TREAT: treatment.
    Treatment,
    /// ETREAT (BTG means the same): emergency treatment, with a break-glass statement.
    Emergency,
    /// COC: coordination of care.
    Coordination,
    /// CAREMGT: social assessment and support.
    Support,
    /// PATRQT: the person asks about themselves.
    OwnRequest,
    /// HCOMPL: an officer asks about accesses.
    Compliance,
}

impl Purpose {
    /// Every purpose there is.
    pub const ALL: [Self; 6] = [
        Self::Treatment,
        Self::Emergency,
        Self::Coordination,
        Self::Support,
        Self::OwnRequest,
        Self::Compliance,
    ];

    /// The v3-ActReason code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Treatment => "TREAT",
            Self::Emergency => "ETREAT",
            Self::Coordination => "COC",
            Self::Support => "CAREMGT",
            Self::OwnRequest => "PATRQT",
            Self::Compliance => "HCOMPL",
        }
    }

    /// Reads a v3-ActReason code.
    ///
    /// # Errors
    /// [`BadCode`] for a purpose we do not know.
    pub fn parse(code: &str) -> Result<Self, BadCode> {
        let code = if code == "BTG" { "ETREAT" } else { code };
        let expected = "one of TREAT, ETREAT (or BTG), COC, CAREMGT, PATRQT, HCOMPL";
        Self::ALL.into_iter().find(|p| p.code() == code).ok_or(BadCode { expected })
    }
}

impl TryFrom<String> for Purpose {
    type Error = BadCode;
    fn try_from(raw: String) -> Result<Self, BadCode> {
        Self::parse(&raw)
    }
}

impl From<Purpose> for String {
    fn from(purpose: Purpose) -> String {
        purpose.code().to_owned()
    }
}

/// A coded value with its system: an organisation's identifier, a role.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identifier {
    /// The system, an absolute URI.
    pub system: String,
    /// The value within it.
    pub value: String,
}

/// A role of a person (REGION.md 2.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// The system, an absolute URI.
    pub system: String,
    /// The code within it.
    pub code: String,
}
