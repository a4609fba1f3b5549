//! A request after parsing: the only form in which the road of a request sees it.

use super::filter::{Filter, Token};
use std::fmt;

/// What is asked. Names are those of CONTRACT.md 3; each variant carries all that was said, nothing was dropped.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// `GET /fhir/metadata`.
    Metadata,
    /// `GET /fhir/.well-known/smart-configuration`, also at the root.
    SmartConfiguration,
    /// `GET /.well-known/oauth-authorization-server`.
    AuthorizationServer,
    /// `GET /.well-known/jwks.json`.
    Jwks,
    /// `GET /openapi.json`.
    OpenApi,
    /// `/oauth/token`, any method: its refusals have OAuth's form, not ours.
    Token,
    /// `POST /fhir/Patient/_search`.
    PatientSearch {
        /// The person looked for.
        identifier: PersonIdentifier,
        /// Required for some functions, which the road checks.
        birthdate: Option<jiff::civil::Date>,
    },
    /// `GET /fhir/Patient/{id}`.
    PatientRead {
        /// Pseudonym of the person for the asker.
        id: Id,
    },
    /// `$summary` of a known person.
    Summary {
        /// Pseudonym of the person for the asker.
        id: Id,
    },
    /// `$summary` by identifier, in the body.
    SummaryByIdentifier {
        /// The person looked for.
        identifier: PersonIdentifier,
        /// Required for some functions, which the road checks (`body-invalid`).
        birthdate: Option<jiff::civil::Date>,
    },
    /// `$explain`: the caller's own decision, a dry run.
    Explain {
        /// Pseudonym of the person for the asker.
        id: Id,
        /// v3-ActReason code; absent means the token's.
        purpose: Option<String>,
        /// Function code; absent means the token's.
        function: Option<String>,
    },
    /// A search of holders' data (and of relations, for relation types).
    Search(Search),
    /// `Observation/$lastn`.
    LastN(LastN),
    /// A search of Consents; with a directive's category, of clinical directives.
    ConsentSearch(Search),
    /// A search of attestations.
    AttestationSearch(Search),
    /// A search of the index.
    IndexSearch {
        /// The person, by an identifier or by the asker's own pseudonym.
        subject: PersonIdentifier,
        /// What kind of data; all kinds when absent.
        code: Option<Token>,
    },
    /// A new entry of the index, in the body.
    IndexCreate,
    /// An entry of the index to withdraw.
    IndexDelete {
        /// Which one.
        id: Id,
    },
    /// A search of the journal.
    AuditSearch(Search),
    /// A search of the directory.
    DirectorySearch(DirectorySearch),
    /// A further page; the sealed token holds the query and is the only parameter.
    Page {
        /// Type in the path; must be that of the sealed query.
        resource: &'static str,
        /// The token as sent.
        token: PageToken,
    },
    /// A read of holders' data, or of a relation where the type is one.
    Read {
        /// Type in the path.
        resource: &'static str,
        /// Our id for the asker.
        id: Id,
    },
    /// A read of a Consent or a clinical directive.
    ConsentRead {
        /// Our id for the asker.
        id: Id,
    },
    /// A read of an attestation.
    AttestationRead {
        /// Our id for the asker.
        id: Id,
    },
    /// A read of the directory, or of such a resource that a released one refers to.
    DirectoryRead {
        /// Type in the path.
        resource: &'static str,
        /// Its id.
        id: Id,
    },
    /// A new Consent, in the body.
    ConsentCreate,
    /// A Consent's next version, in the body.
    ConsentUpdate {
        /// Which one.
        id: Id,
    },
    /// A new relation, in the body.
    RelationCreate {
        /// Type in the path.
        resource: &'static str,
    },
    /// A relation's next version, in the body.
    RelationUpdate {
        /// Type in the path.
        resource: &'static str,
        /// Which one.
        id: Id,
    },
    /// A new attestation, in the body.
    AttestationCreate,
}

/// A search about one person.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// Type asked for.
    pub resource: &'static str,
    /// Pseudonym of the person for the asker.
    pub patient: Id,
    /// All must match.
    pub filters: Vec<Filter>,
    /// `_count`, 1 to 200.
    pub count: Option<u16>,
    /// Whether the medicines referred to come along.
    pub include: Include,
}

/// `$lastn`: the newest few of each code.
#[derive(Debug, Clone, PartialEq)]
pub struct LastN {
    /// What is looked through; its type is Observation.
    pub search: Search,
    /// How many of each code, 1 to 5.
    pub max: u8,
}

/// A search of the directory.
#[derive(Debug, Clone, PartialEq)]
pub struct DirectorySearch {
    /// Type asked for.
    pub resource: &'static str,
    /// All must match.
    pub filters: Vec<Filter>,
    /// `_count`, 1 to 200.
    pub count: Option<u16>,
}

/// Whether `_include=<Type>:medication` was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Include {
    /// No include.
    Nothing,
    /// The Medication that each match refers to.
    Medication,
}

/// A well-formed FHIR id (1 to 64 of `[A-Za-z0-9.-]`); whether it is ours is decided later.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Id(String);

impl Id {
    /// Reads an id; `None` when ill-formed.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let well_formed = (1..=64).contains(&raw.len())
            && raw.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
        well_formed.then(|| Self(raw.to_owned()))
    }

    /// The id as sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A page token as sent: opaque here, sealed by the gateway.
#[derive(Clone, PartialEq, Eq)]
pub struct PageToken(String);

impl PageToken {
    /// Reads a token of base64url letters; `None` when ill-formed.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let well_formed = (1..=4096).contains(&raw.len())
            && raw.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~'));
        well_formed.then(|| Self(raw.to_owned()))
    }

    /// The token as sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The identifier by which a person is looked up: system and value, both present.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonIdentifier {
    system: String,
    value: String,
}

impl PersonIdentifier {
    pub(super) fn new(system: String, value: String) -> Self {
        Self { system, value }
    }

    /// The system, a URI.
    #[must_use]
    pub fn system(&self) -> &str {
        &self.system
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Id(hidden)")
    }
}

impl fmt::Debug for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PageToken(hidden)")
    }
}

impl fmt::Debug for PersonIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonIdentifier(hidden)")
    }
}
