//! Who asks and why, as checked against the registration: what a token carries and a decision needs.

use super::scope::Scopes;
use crate::trust::{Fingerprint, FunctionCode, Participant, ParticipantId, Purpose, Role};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The checked statement of an assertion. Serialises only into the sealed claim of our own access token.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Asker {
    /// The organisation.
    pub participant: ParticipantId,
    /// The function in which it asks; none for PATRQT and HCOMPL.
    pub function: Option<FunctionCode>,
    /// Why.
    pub purpose: Purpose,
    /// The person who asks; with PATRQT the person the data is about.
    pub person: AskingPerson,
    /// The person under whose responsibility the asker acts.
    pub responsible: Option<AskingPerson>,
    /// A relation that the asker points at.
    pub relation: Option<RelationHint>,
    /// The statement that goes with ETREAT.
    pub break_glass: Option<BreakGlass>,
}

/// The system of persons in our register, as assertions and records name them.
pub(crate) const PERSON_URN: &str = "urn:sluis:person";

/// A person as named in an assertion.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct AskingPerson {
    /// The system of the id: `urn:sluis:person`, or one of the field.
    pub system: String,
    /// The id.
    pub id: String,
    /// The registered name, or the one claimed.
    pub name: Option<String>,
    /// The registered role, or the one claimed.
    pub role: Option<Role>,
    /// How sure we are.
    pub assurance: Assurance,
}

/// How a person's identity is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assurance {
    /// Stands in our register.
    Registered,
    /// Taken at the participant's word, and recorded so.
    SelfAsserted,
}

impl Assurance {
    /// The word that records carry.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::SelfAsserted => "self-asserted",
        }
    }
}

/// A pointer at a relation (`sluis.relation`); it proves nothing by itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelationHint {
    /// What kind.
    pub kind: RelationKind,
    /// The business identifier.
    pub identifier: String,
}

/// The kinds of relation (CONTRACT.md 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum RelationKind {
    Referral,
    CareTeam,
    Plan,
    Episode,
    Encounter,
}

impl RelationKind {
    pub(super) const CODES: [(&'static str, Self); 5] = [
        ("referral", Self::Referral),
        ("care-team", Self::CareTeam),
        ("plan", Self::Plan),
        ("episode", Self::Episode),
        ("encounter", Self::Encounter),
    ];

    /// The code on the wire.
    #[must_use]
    pub fn code(self) -> &'static str {
        Self::CODES.iter().find(|(_, kind)| *kind == self).map_or("referral", |(code, _)| code)
    }
}

/// The statement that opens an emergency (`sluis.break-glass`).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakGlass {
    /// The system of the patient's identifier.
    pub patient_system: String,
    /// The patient's identifier: never logged, never in the clear.
    pub patient_value: String,
    /// Why.
    pub reason: BreakGlassReason,
    /// In the asker's words.
    pub reason_text: Option<String>,
    /// Whether the person could not be asked.
    pub could_not_be_asked: bool,
}

/// The coded reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum BreakGlassReason {
    Vital,
    Danger,
    Unconscious,
    Other,
}

impl BreakGlassReason {
    pub(super) const CODES: [(&'static str, Self); 4] = [
        ("vital", Self::Vital),
        ("danger", Self::Danger),
        ("unconscious", Self::Unconscious),
        ("other", Self::Other),
    ];

    /// The code on the wire.
    #[must_use]
    pub fn code(self) -> &'static str {
        Self::CODES.iter().find(|(_, reason)| *reason == self).map_or("other", |(code, _)| code)
    }
}

/// A verified access token: proof that this connection may ask as this asker. Made by
/// [`super::access_token::Verifier::verify`] only.
#[derive(Clone)]
pub struct Session {
    pub(super) asker: Arc<Asker>,
    pub(super) participant: Arc<Participant>,
    pub(super) scopes: Arc<Scopes>,
    pub(super) fingerprint: Fingerprint,
    pub(super) token_id: String,
    pub(super) key_id: String,
    pub(super) issued_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) trust_epoch: u64,
}

impl Session {
    /// Who asks and why.
    #[must_use]
    pub fn asker(&self) -> &Arc<Asker> {
        &self.asker
    }

    /// The asking participant, as registered at [`Session::trust_epoch`].
    #[must_use]
    pub fn participant(&self) -> &Arc<Participant> {
        &self.participant
    }

    /// What the token covers.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// The certificate that the token is bound to.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The token's `jti`: joins a request to the grant of its token in the records.
    #[must_use]
    pub fn token_id(&self) -> &str {
        &self.token_id
    }

    /// When the token was made: an emergency counts from its first one.
    #[must_use]
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// When the token ends.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The trust list by which it was judged.
    #[must_use]
    pub fn trust_epoch(&self) -> u64 {
        self.trust_epoch
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?}, until {})", self.asker, self.expires_at)
    }
}

impl fmt::Debug for Asker {
    /// No person and no patient prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = self.function.as_ref().map_or("-", |f| f.as_str());
        write!(f, "Asker({} {function} {})", self.participant, self.purpose.code())
    }
}

impl fmt::Debug for AskingPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AskingPerson(hidden, {})", self.assurance.code())
    }
}

impl fmt::Debug for RelationHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelationHint({:?})", self.kind)
    }
}

impl fmt::Debug for BreakGlass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BreakGlass({})", self.reason.code())
    }
}
