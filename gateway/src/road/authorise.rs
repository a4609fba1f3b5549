//! Stage 3: is this a question of the closed grammar, and do scope and purpose go with it.

use super::authenticate::Authenticated;
use super::identify::good;
use crate::listen::body::{self, BodyFault};
use crate::oauth::asker::Session;
use crate::oauth::scope::Interaction as Permission;
use crate::refusal::Refusal;
use crate::trail::Trail;
use crate::trust::{Fingerprint, Participant, Trust};
use crate::world::World;
use bytes::Bytes;
use consent::Purpose;
use fhir_mappings::audit::{Action, Interaction, scrub};
use fhir_mappings::grammar::{self, Query};
use fhir_mappings::outcome::Code;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What is asked, sorted by the road it takes.
#[derive(Clone)]
pub enum Ask {
    /// Data about a person.
    Disclosure(Query),
    /// A consent, relation or attestation to record or to read back.
    Record(Query),
    /// The asker's own decision.
    Explain(Query),
    /// The index of who holds what.
    Index(Query),
    /// The journal.
    Journal(Query),
    /// The directory.
    Directory(Query),
}

/// A question that this session may ask.
pub struct Authorised {
    asked: Arc<Question>,
}

struct Question {
    participant: Arc<Participant>,
    trust: Arc<Trust>,
    session: Arc<Session>,
    ask: Ask,
    body: Bytes,
    if_match: Option<String>,
    page_from: usize,
    /// `Authorization` and certificate, as they came: judged again when the trust list moves.
    shown: (Zeroizing<String>, Fingerprint),
}

impl Authorised {
    /// The same question, after what it was decided on has moved: by the trust list as it is now, if that list still
    /// lets in who asks. Its words and scope stay; they rest on the same token.
    ///
    /// # Errors
    /// [`Refusal::UnknownCertificate`], [`Refusal::Token`].
    pub(crate) fn anew(&self, world: &World) -> Result<Self, Refusal> {
        let was = &self.asked;
        let trust = world.store.trust();
        if trust.epoch() == was.trust.epoch() {
            return Ok(self.again());
        }
        let (authorization, certificate) = &was.shown;
        let participant = good(trust.by_certificate(certificate).cloned(), world)?;
        let keys = world.signing.load();
        let session =
            world.verifier.verify(Some(authorization), *certificate, &trust, &keys, world.clock.now());
        let session = session.map_err(Refusal::Token)?;
        Ok(Self {
            asked: Arc::new(Question {
                participant,
                trust,
                session,
                ask: was.ask.clone(),
                body: was.body.clone(),
                if_match: was.if_match.clone(),
                page_from: was.page_from,
                shown: was.shown.clone(),
            }),
        })
    }

    /// The same question once more, to be decided anew.
    #[must_use]
    pub(crate) fn again(&self) -> Self {
        Self { asked: Arc::clone(&self.asked) }
    }

    /// What is asked.
    #[must_use]
    pub fn ask(&self) -> &Ask {
        &self.asked.ask
    }

    /// Who asks.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.asked.session
    }

    /// The asking organisation.
    #[must_use]
    pub fn participant(&self) -> &Arc<Participant> {
        &self.asked.participant
    }

    /// The trust list by which everything about this request is judged.
    #[must_use]
    pub fn trust(&self) -> &Arc<Trust> {
        &self.asked.trust
    }

    /// The body as sent.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.asked.body
    }

    /// `If-Match`, as sent.
    #[must_use]
    pub fn if_match(&self) -> Option<&str> {
        self.asked.if_match.as_deref()
    }

    /// Position of the page asked for.
    pub(crate) fn page_from(&self) -> usize {
        self.asked.page_from
    }
}

/// Reads the question, then judges scope and purpose. Order of refusals as CONTRACT.md 3: 406, 415, 413, grammar,
/// body, 403.
///
/// # Errors
/// See [`Refusal`].
pub async fn authorise(from: Authenticated, world: &World, trail: &mut Trail) -> Result<Authorised, Refusal> {
    let Authenticated { inbound, participant, trust, session } = from;
    let (parts, body) = (inbound.parts, inbound.body);
    let header = |name: http::HeaderName| {
        let values: Vec<_> = parts.headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).collect();
        (!values.is_empty()).then(|| values.join(","))
    };
    // Also a question that is not understood is recorded, without what could name a person.
    trail.entry.query = parts.uri.query().map(scrub).filter(|words| !words.is_empty());
    grammar::accept(header(http::header::ACCEPT).as_deref()).ok_or(Refusal::NotAcceptable)?;
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let media = header(http::header::CONTENT_TYPE);
    grammar::content_type(grammar::body_form(method, path), media.as_deref()).ok_or(Refusal::MediaType)?;
    let body = read(body).await?;
    if parts.headers.keys().any(|name| grammar::header_refused(name.as_str())) {
        return Err(Refusal::Grammar(grammar::GrammarError {
            code: Code::QueryNotSupported,
            expression: None,
        }));
    }
    let query = grammar::parse(method, path, parts.uri.query(), media.as_deref(), Some(&body))
        .map_err(|e| if e.code == Code::NotFound { Refusal::OutsideFhir } else { Refusal::Grammar(e) })?;
    let (query, page_from) = super::minimise::page::unfold(query, &session, world)?;
    describe(&query, trail);
    permit(&query, &session)?;
    let ask = match query {
        Query::PatientSearch { .. } if session.asker().purpose == OFFICER => Ask::Journal(query),
        other => sort(other, participant.id.as_str(), world)?,
    };
    let if_match = header(http::header::IF_MATCH);
    let authorization = header(http::header::AUTHORIZATION).unwrap_or_default();
    let shown = (Zeroizing::new(authorization), inbound.peer.fingerprint());
    Ok(Authorised {
        asked: Arc::new(Question { participant, trust, session, ask, body, if_match, page_from, shown }),
    })
}

async fn read(sent: axum::body::Body) -> Result<Bytes, Refusal> {
    body::read(sent, BODY_MAX).await.map_err(|fault| match fault {
        BodyFault::TooLarge => Refusal::TooLarge,
        BodyFault::TooSlow | BodyFault::Broken => {
            Refusal::Grammar(grammar::GrammarError { code: Code::BodyInvalid, expression: None })
        }
    })
}

/// The purpose of privacy officers.
const OFFICER: crate::trust::Purpose = crate::trust::Purpose::Compliance;

/// 1 MiB (CONTRACT.md 3).
const BODY_MAX: usize = 1024 * 1024;

/// Which road a question takes.
fn sort(query: Query, organisation: &str, world: &World) -> Result<Ask, Refusal> {
    Ok(match query {
        Query::PatientSearch { .. }
        | Query::PatientRead { .. }
        | Query::Summary { .. }
        | Query::SummaryByIdentifier { .. }
        | Query::Search(_)
        | Query::LastN(_)
        | Query::Read { .. } => Ask::Disclosure(query),
        // Records of our own are read back on the same road, beside what holders have.
        Query::ConsentSearch(search) | Query::AttestationSearch(search) => {
            Ask::Disclosure(Query::Search(search))
        }
        Query::ConsentRead { id } => Ask::Disclosure(Query::Read { resource: "Consent", id }),
        Query::AttestationRead { id } => Ask::Disclosure(Query::Read { resource: "Basic", id }),
        Query::ConsentCreate
        | Query::ConsentUpdate { .. }
        | Query::RelationCreate { .. }
        | Query::RelationUpdate { .. }
        | Query::AttestationCreate
        | Query::IndexCreate
        | Query::IndexDelete { .. } => Ask::Record(query),
        Query::IndexSearch { .. } => Ask::Index(query),
        Query::Explain { .. } => Ask::Explain(query),
        Query::AuditSearch(_) => Ask::Journal(query),
        // An id of ours names an organisation or place that a released resource refers to.
        Query::DirectoryRead { resource, id } if world.outward.open(organisation, id.as_str()).is_some() => {
            Ask::Disclosure(Query::Read { resource, id })
        }
        Query::DirectorySearch(_) | Query::DirectoryRead { .. } => Ask::Directory(query),
        // A page link is unfolded before; what needs no person is routed before the road.
        Query::Page { .. }
        | Query::Metadata
        | Query::SmartConfiguration
        | Query::AuthorizationServer
        | Query::Jwks
        | Query::OpenApi
        | Query::Token => {
            return Err(Refusal::Grammar(grammar::GrammarError {
                code: Code::QueryNotSupported,
                expression: None,
            }));
        }
    })
}

/// The type and the permission that a question needs.
fn need(query: &Query) -> Option<(&'static str, Permission)> {
    match query {
        Query::PatientSearch { .. } => Some(("Patient", Permission::Search)),
        Query::PatientRead { .. }
        | Query::Summary { .. }
        | Query::SummaryByIdentifier { .. }
        | Query::Explain { .. } => Some(("Patient", Permission::Read)),
        Query::Search(search) | Query::LastN(grammar::LastN { search, .. }) => {
            Some((search.resource, Permission::Search))
        }
        Query::ConsentSearch(_) => Some(("Consent", Permission::Search)),
        Query::AttestationSearch(_) => Some(("Basic", Permission::Search)),
        Query::AuditSearch(_) => Some(("AuditEvent", Permission::Search)),
        Query::Read { resource, .. } => Some((resource, Permission::Read)),
        Query::ConsentRead { .. } => Some(("Consent", Permission::Read)),
        Query::AttestationRead { .. } => Some(("Basic", Permission::Read)),
        Query::ConsentCreate => Some(("Consent", Permission::Create)),
        Query::ConsentUpdate { .. } => Some(("Consent", Permission::Update)),
        Query::RelationCreate { resource } => Some((resource, Permission::Create)),
        Query::RelationUpdate { resource, .. } => Some((resource, Permission::Update)),
        Query::AttestationCreate => Some(("Basic", Permission::Create)),
        Query::IndexSearch { .. } => Some(("List", Permission::Search)),
        Query::IndexCreate => Some(("List", Permission::Create)),
        Query::IndexDelete { .. } => Some(("List", Permission::Delete)),
        Query::DirectorySearch(_)
        | Query::DirectoryRead { .. }
        | Query::Page { .. }
        | Query::Metadata
        | Query::SmartConfiguration
        | Query::AuthorizationServer
        | Query::Jwks
        | Query::OpenApi
        | Query::Token => None,
    }
}

fn permit(query: &Query, session: &Session) -> Result<(), Refusal> {
    if let Some((resource, permission)) = need(query)
        && !session.scopes().permit(resource, permission)
    {
        return Err(Refusal::Scope);
    }
    // An officer reads the journal, looks up whom it is about, reads the consents about the data they guard, and nothing
    // else; nobody else's purpose opens the journal but the person's own.
    let journal = matches!(query, Query::AuditSearch(_));
    let look_up = matches!(query, Query::PatientSearch { .. });
    let consents = matches!(query, Query::ConsentSearch(_) | Query::ConsentRead { .. });
    let directory = matches!(query, Query::DirectorySearch(_) | Query::DirectoryRead { .. });
    match super::decide::purpose(session.asker().purpose) {
        Purpose::Hcompl if !journal && !look_up && !consents && !directory => Err(Refusal::Purpose),
        Purpose::Treat | Purpose::Etreat | Purpose::Coc | Purpose::Caremgt if journal => {
            Err(Refusal::Purpose)
        }
        Purpose::Treat
        | Purpose::Etreat
        | Purpose::Coc
        | Purpose::Caremgt
        | Purpose::Patrqt
        | Purpose::Hcompl => Ok(()),
    }
}

/// What the record says of the question: its kind and type, its parameters without any identifier.
fn describe(query: &Query, trail: &mut Trail) {
    let (interaction, action) = match query {
        Query::Summary { .. } | Query::SummaryByIdentifier { .. } => (Interaction::Summary, Action::Execute),
        Query::PatientRead { .. }
        | Query::Read { .. }
        | Query::ConsentRead { .. }
        | Query::AttestationRead { .. } => (Interaction::Read, Action::Read),
        Query::Explain { .. } => (Interaction::Explain, Action::Execute),
        Query::ConsentCreate
        | Query::RelationCreate { .. }
        | Query::AttestationCreate
        | Query::IndexCreate => (Interaction::Write, Action::Create),
        Query::IndexDelete { .. } => (Interaction::Write, Action::Delete),
        Query::ConsentUpdate { .. } | Query::RelationUpdate { .. } => (Interaction::Write, Action::Update),
        Query::PatientSearch { .. }
        | Query::Search(_)
        | Query::LastN(_)
        | Query::ConsentSearch(_)
        | Query::AttestationSearch(_)
        | Query::AuditSearch(_)
        | Query::IndexSearch { .. }
        | Query::DirectorySearch(_)
        | Query::DirectoryRead { .. }
        | Query::Page { .. }
        | Query::Metadata
        | Query::SmartConfiguration
        | Query::AuthorizationServer
        | Query::Jwks
        | Query::OpenApi
        | Query::Token => (Interaction::Search, Action::Execute),
    };
    trail.entry.interaction = interaction;
    trail.entry.action = action;
    trail.entry.resource_type = need(query).map(|(resource, _)| resource.to_owned());
    // The pseudonym of the person comes first and is left out.
    let without_person = |canonical: String| canonical.split_once('&').map(|(_, rest)| rest.to_owned());
    let scrubbed = match query {
        Query::Search(search) | Query::ConsentSearch(search) => without_person(search.canonical()),
        Query::LastN(last) => without_person(last.canonical()),
        Query::PatientSearch { birthdate, .. } => {
            Some(scrub(if birthdate.is_some() { "identifier=&birthdate=" } else { "identifier=" }))
        }
        _ => None,
    };
    trail.entry.query = scrubbed.filter(|words| !words.is_empty());
}
