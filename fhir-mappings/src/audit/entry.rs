//! The content of one record, as it is sealed: every field that NEN 7513 asks for, and no clinical content.
//!
//! INVARIANT: what version 1 wrote stays readable. Fields are only added, each with a default; a meaning that
//! changes takes a new [`VERSION`].

use serde::{Deserialize, Serialize};
use std::fmt;

/// The version this code writes.
pub const VERSION: u16 = 1;

/// Most bytes an encoded entry may have: sealed and in base64 the record stays under 60 kB (DESIGN.md 3).
pub const ENTRY_MAX: usize = 44_000;

/// What happened (CONTRACT.md 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Kind {
    Asked,
    Answered,
    Refused,
    Token,
    TokenRefused,
    Consent,
    Relation,
    Attestation,
    Import,
    DryRun,
    Participant,
    Certificate,
    Key,
    Rules,
    Portal,
    AuditRead,
    Notice,
    Restart,
    Flood,
}

/// What was done to the data (AuditEvent.action).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Action {
    Create,
    Read,
    Update,
    Delete,
    Execute,
}

/// Which kind of request it was; decides the BALP profile that the event claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interaction {
    /// One resource by id.
    Read,
    /// A search, `$lastn` included.
    Search,
    /// `$summary`.
    Summary,
    /// `$explain` or the command of that name.
    Explain,
    /// A write of a consent, relation or attestation.
    Write,
    /// The token endpoint.
    Token,
    /// A page of the portal.
    Page,
    /// A command of an operator, or something the program did by itself.
    Operation,
}

/// How it ended. The code of a refusal is ours (`CodeSystem/outcome`, `CodeSystem/reason`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All that was permitted was given.
    Success,
    /// Something permitted could not be given (a holder failed): the coded reason.
    Partial(String),
    /// Nothing was given: the coded reason, in its private form.
    Refused(String),
    /// We failed: the coded reason.
    Failed(String),
}

/// How sure we are of the person at the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assurance {
    /// Registered with us, with a role code of a national register.
    Registered,
    /// Registered with us under a role of our own.
    OwnRole,
    /// Unknown to us: taken at the organisation's word.
    SelfAsserted,
    /// Logged in at the portal.
    LoggedIn,
}

/// A code and its system.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Coding {
    pub system: String,
    pub code: String,
}

/// The organisation that asked, or in whose name something was done.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    /// Our participant id.
    pub id: String,
    /// System and value of its identifier (URA, KVK, OIN).
    pub identifier: Coding,
    /// Its name.
    pub name: String,
}

/// A person who acted: a professional, an officer, the person concerned, a representative.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Our id, as in `urn:sluis:person#…`; for the person concerned, the tag.
    pub id: String,
    /// The name, if it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The role, if it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Coding>,
    /// How sure we are.
    pub assurance: Assurance,
}

/// A holder, as the origin of data (EHDS Annex II 3.2 (d)).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Our participant id.
    pub id: String,
    /// System and value of its identifier.
    pub identifier: Coding,
    /// Country of origin, ISO 3166-1 alpha-2.
    pub country: String,
}

/// Classes given by one holder on one basis.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// Codes of data classes.
    pub classes: Vec<String>,
    /// `full` or `reduced`.
    pub level: String,
    /// Basis on which the holder may send.
    pub sender: String,
    /// Basis on which the asker may receive.
    pub receiver: String,
}

/// Classes withheld of one holder for one reason.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// Codes of data classes.
    pub classes: Vec<String>,
    /// The coded reason.
    pub reason: String,
}

/// One holder's part in an answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Where the data came from, or would have.
    pub holder: Holder,
    /// What was given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<Given>,
    /// What was withheld.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<Withheld>,
    /// How many resources left.
    #[serde(default)]
    pub resources: u32,
    /// Why a permitted holder contributed nothing (coded), if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// A consent record that counted in the decision.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentUsed {
    /// Its id with us.
    pub id: String,
    /// The version that was read.
    pub version: String,
}

/// The rules by which it was decided (NEN 7513: authorisation protocol).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protocol {
    /// What it is: `decision`, `minimisation`, `classification`, …
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its content, hex.
    pub sha256: String,
}

/// The treatment relation that was relied on (NEN 7513: treatment-relation protocol).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// `referral`, `care-team`, `plan`, `episode` or `encounter`.
    pub kind: String,
    /// The relation's own identifier.
    pub identifier: String,
}

/// An access in emergency, with what was attested. The free text of the reason is not kept here: it may say
/// what ails the person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emergency {
    /// `vital`, `danger`, `unconscious` or `other`.
    pub reason: String,
    /// Whether the asker attested that the person could not be asked.
    pub could_not_be_asked: bool,
    /// Where the sealed words of the attestation lie, if any were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<String>,
}

/// From where it came (NEN 7513: access point).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// IP address.
    pub address: String,
    /// SHA-256 of the client certificate, hex, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

/// The token that was granted or used; never the token itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUse {
    /// Its `jti`.
    pub id: String,
    /// Its issuer.
    pub issuer: String,
    /// Its client.
    pub client: String,
    /// Its scopes, space separated.
    pub scope: String,
}

/// Something of ours that changed, or was read (a consent, relation, participant, key, rule version, import).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What it is, as a FHIR type name or our word (`Consent`, `CareTeam`, `participant`, …).
    pub what: String,
    /// Its id.
    pub id: String,
    /// Its version after the change, if it has versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// SHA-256 of its record in `holdings/`, hex (DESIGN.md 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A coded detail: a count, a code, a position. Never free text, never personal.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Detail {
    pub name: String,
    pub value: String,
}

/// The content of one record. Time, kind and request id also stand in the clear beside the sealed part.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// [`VERSION`] of the code that wrote it.
    pub version: u16,
    /// What happened.
    pub kind: Kind,
    /// What was done.
    pub action: Action,
    /// Which kind of request it was.
    pub interaction: Interaction,
    /// How it ended.
    pub outcome: Outcome,
    /// Who asked, as an organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<Organisation>,
    /// The function asked in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Who asked, as a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
    /// On whose behalf, or under whose responsibility.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responsible: Option<Person>,
    /// Whom it is about: the random tag of this person for this year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The purpose (v3-ActReason).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The FHIR type asked for, if one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// The query, scrubbed of identifiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// What each holder gave and what was withheld of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<Share>,
    /// The consents that counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<ConsentUsed>,
    /// The rules and tables that counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protocols: Vec<Protocol>,
    /// The treatment relation relied on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<Relation>,
    /// Emergency, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<Emergency>,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// The token granted or used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenUse>,
    /// W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// What of ours changed or was read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Coded details.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
}

/// Why an entry is no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryError {
    /// More than [`ENTRY_MAX`] bytes.
    TooLarge,
    /// Bytes that no version of this code wrote.
    Unreadable,
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the audit entry is too large for one record",
            Self::Unreadable => "the audit entry cannot be read",
        })
    }
}

impl std::error::Error for EntryError {}

impl Entry {
    /// An entry that says what happened and nothing else yet.
    #[must_use]
    pub fn new(kind: Kind, action: Action, interaction: Interaction, outcome: Outcome) -> Self {
        Self {
            version: VERSION,
            kind,
            action,
            interaction,
            outcome,
            organisation: None,
            function: None,
            person: None,
            responsible: None,
            subject: None,
            purpose: None,
            resource_type: None,
            query: None,
            shares: Vec::new(),
            consents: Vec::new(),
            protocols: Vec::new(),
            relation: None,
            emergency: None,
            network: None,
            token: None,
            traceparent: None,
            changes: Vec::new(),
            details: Vec::new(),
        }
    }

    /// The bytes to seal: compact JSON, the same for the same entry.
    ///
    /// # Errors
    /// [`EntryError::TooLarge`]; then nothing may be released.
    pub fn encode(&self) -> Result<Vec<u8>, EntryError> {
        let bytes = serde_json::to_vec(self).map_err(|_| EntryError::Unreadable)?;
        if bytes.len() > ENTRY_MAX { Err(EntryError::TooLarge) } else { Ok(bytes) }
    }

    /// Reads what [`Entry::encode`] wrote, in any version so far.
    ///
    /// # Errors
    /// [`EntryError::Unreadable`].
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        serde_json::from_slice::<Self>(bytes)
            .ok()
            .filter(|entry| (1..=VERSION).contains(&entry.version))
            .ok_or(EntryError::Unreadable)
    }
}

/// Who, whom and what may be personal: only the kind prints.
macro_rules! hidden {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(hidden)"))
            }
        }
    )*};
}
hidden!(
    Coding,
    Organisation,
    Person,
    Holder,
    Given,
    Withheld,
    Share,
    ConsentUsed,
    Protocol,
    Relation,
    Emergency,
    Network,
    TokenUse,
    Change,
    Detail
);

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({:?}, hidden)", self.kind)
    }
}
