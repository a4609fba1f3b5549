//! One request to one [`Query`], or a refusal. Reads exactly what the list allows; nothing is dropped.

use super::filter::{Filter, Test, Token};
use super::form;
use super::list::{About, Interaction, Row, row};
use super::negotiate::{BodyForm, ReadableBody, body_form, content_type};
use super::parameters::Parameters;
use super::path::{self, Path};
use super::query::{DirectorySearch, Id, Include, LastN, PageToken, PersonIdentifier, Query, Search};
use super::{GrammarError, bsn_in_url};
use crate::outcome::Code;

type Parsed<T> = Result<T, GrammarError>;

/// Reads a request. `raw_path` and `raw_query` are as received, undecoded; `body` is absent or empty when there is none.
///
/// # Errors
/// `bsn-in-url`, `not-found` (outside `/fhir`), `unsupported-media-type`, `query-not-supported`, `body-invalid`,
/// looked for in this order.
pub fn parse(
    method: &str,
    raw_path: &str,
    raw_query: Option<&str>,
    media: Option<&str>,
    body: Option<&[u8]>,
) -> Parsed<Query> {
    if bsn_in_url(raw_path, raw_query) {
        return Err(GrammarError::new(Code::BsnInUrl));
    }
    let query = raw_query.unwrap_or_default();
    let body = body.unwrap_or_default();
    let segments = match path::read(raw_path) {
        Path::Fhir(segments) => segments,
        Path::Outside(path) => return outside(method, &path, query),
        Path::Tricky => return Err(GrammarError::unsupported()),
    };
    check_media(method, raw_path, media, body)?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (method, segments.as_slice()) {
        ("GET", ["metadata"]) => bare(query, body, Query::Metadata),
        ("GET", [".well-known", "smart-configuration"]) => bare(query, body, Query::SmartConfiguration),
        ("GET", [resource]) => search(known(resource)?, query, body),
        ("POST", [resource]) => create(known(resource)?, query),
        ("POST", [resource, "_search"]) => search_by_form(known(resource)?, query, body),
        (_, [resource, operation]) if operation.starts_with('$') => {
            on_type(method, known(resource)?, operation, query, body)
        }
        ("GET", [resource, id]) => bare(query, body, read(known(resource)?, id_of(id)?)?),
        ("DELETE", [resource, id]) => delete(known(resource)?, id_of(id)?, query, body),
        ("PUT", [resource, id]) => update(known(resource)?, id_of(id)?, query),
        (_, ["Patient", id, operation]) => on_person(method, id_of(id)?, operation, query, body),
        _ => Err(GrammarError::unsupported()),
    }
}

fn outside(method: &str, path: &str, query: &str) -> Parsed<Query> {
    let found = match path {
        "/oauth/token" => return Ok(Query::Token),
        "/.well-known/smart-configuration" => Query::SmartConfiguration,
        "/.well-known/oauth-authorization-server" => Query::AuthorizationServer,
        "/.well-known/jwks.json" => Query::Jwks,
        "/openapi.json" => Query::OpenApi,
        _ => return Err(GrammarError::new(Code::NotFound)),
    };
    if method == "GET" { bare(query, &[], found) } else { Err(GrammarError::unsupported()) }
}

fn check_media(method: &str, raw_path: &str, media: Option<&str>, body: &[u8]) -> Parsed<ReadableBody> {
    let form = body_form(method, raw_path);
    let optional = form == BodyForm::Json && body.is_empty() && media.is_none();
    if optional {
        return Ok(ReadableBody::Empty);
    }
    content_type(form, media).ok_or(GrammarError::new(Code::UnsupportedMediaType))
}

fn known(resource: &str) -> Parsed<&'static Row> {
    row(resource).ok_or_else(GrammarError::unsupported)
}

fn id_of(raw: &str) -> Parsed<Id> {
    Id::parse(raw).ok_or_else(GrammarError::unsupported)
}

/// A request that takes neither query nor body.
fn bare(query: &str, body: &[u8], found: Query) -> Parsed<Query> {
    if !body.is_empty() {
        return Err(GrammarError::unsupported());
    }
    match pairs(query)?.first() {
        Some((name, _)) => Err(GrammarError::parameter(name)),
        None => Ok(found),
    }
}

fn pairs(raw: &str) -> Parsed<Vec<(String, String)>> {
    let pairs = form::pairs(raw).ok_or_else(GrammarError::unsupported)?;
    let mut seen = std::collections::HashSet::new();
    match pairs.iter().find(|(name, _)| !seen.insert(name.as_str())) {
        Some((twice, _)) => Err(GrammarError::parameter(twice)),
        None => Ok(pairs),
    }
}

fn read(row: &'static Row, id: Id) -> Parsed<Query> {
    if !row.allows(Interaction::Read) {
        return Err(GrammarError::unsupported());
    }
    let resource = row.resource;
    Ok(match row.about {
        About::Patient => Query::PatientRead { id },
        About::Data | About::Relation | About::Referred | About::Audit => Query::Read { resource, id },
        About::Consent => Query::ConsentRead { id },
        About::Attestation => Query::AttestationRead { id },
        About::Directory => Query::DirectoryRead { resource, id },
        About::Index => return Err(GrammarError::unsupported()),
    })
}

fn delete(row: &'static Row, id: Id, query: &str, body: &[u8]) -> Parsed<Query> {
    if !row.allows(Interaction::Delete) {
        return Err(GrammarError::unsupported());
    }
    bare(query, body, Query::IndexDelete { id })
}

fn create(row: &'static Row, query: &str) -> Parsed<Query> {
    if !row.allows(Interaction::Create) {
        return Err(GrammarError::unsupported());
    }
    let found = match row.about {
        About::Consent => Query::ConsentCreate,
        About::Relation => Query::RelationCreate { resource: row.resource },
        About::Attestation => Query::AttestationCreate,
        About::Index => Query::IndexCreate,
        About::Patient | About::Data | About::Audit | About::Referred | About::Directory => {
            return Err(GrammarError::unsupported());
        }
    };
    bare(query, &[], found)
}

fn update(row: &'static Row, id: Id, query: &str) -> Parsed<Query> {
    if !row.allows(Interaction::Update) {
        return Err(GrammarError::unsupported());
    }
    let found = match row.about {
        About::Consent => Query::ConsentUpdate { id },
        About::Relation => Query::RelationUpdate { resource: row.resource, id },
        About::Attestation
        | About::Index
        | About::Patient
        | About::Data
        | About::Audit
        | About::Referred
        | About::Directory => return Err(GrammarError::unsupported()),
    };
    bare(query, &[], found)
}

fn search(row: &'static Row, query: &str, body: &[u8]) -> Parsed<Query> {
    // The only way to a person is a form: an address would carry the number.
    let by_address = row.allows(Interaction::Search) && row.about != About::Patient;
    if !by_address || !body.is_empty() {
        return Err(GrammarError::unsupported());
    }
    read_search(row, pairs(query)?)
}

fn search_by_form(row: &'static Row, query: &str, body: &[u8]) -> Parsed<Query> {
    if !row.allows(Interaction::Search) || !query.is_empty() {
        return Err(GrammarError::unsupported());
    }
    let form = std::str::from_utf8(body).map_err(|_| GrammarError::unsupported())?;
    let pairs = pairs(form)?;
    match row.about {
        About::Patient => look_up(pairs),
        About::Index => index(row, pairs),
        _ => read_search(row, pairs),
    }
}

/// `List?subject:identifier=…&code=…`: whom, and what kind of data (DOMAIN.md 1.5).
fn index(row: &'static Row, pairs: Vec<(String, String)>) -> Parsed<Query> {
    let (mut subject, mut code) = (None, None);
    for (name, value) in pairs {
        let read = match name.as_str() {
            "subject:identifier" => person(&value).map(|found| subject = Some(found)),
            "code" => row.param("code").and_then(|param| Filter::parse(param, &value)).and_then(|filter| {
                match filter.test {
                    Test::Tokens(tokens) => tokens.into_iter().next().map(|token| code = Some(token)),
                    _ => None,
                }
            }),
            "_count" => count(&value).map(|_| ()),
            _ => None,
        };
        read.ok_or_else(|| GrammarError::parameter(&name))?;
    }
    let subject = subject.ok_or_else(|| GrammarError::parameter("subject:identifier"))?;
    Ok(Query::IndexSearch { subject, code })
}

/// `Patient/_search`: identifier with system, birth date where the road asks for it.
fn look_up(pairs: Vec<(String, String)>) -> Parsed<Query> {
    let (mut identifier, mut birthdate) = (None, None);
    for (name, value) in pairs {
        let read = match name.as_str() {
            "identifier" => person(&value).map(|found| identifier = Some(found)),
            "birthdate" => day(&value).map(|found| birthdate = Some(found)),
            "_count" => count(&value).map(|_| ()),
            _ => None,
        };
        read.ok_or_else(|| GrammarError::parameter(&name))?;
    }
    let identifier = identifier.ok_or_else(|| GrammarError::parameter("identifier"))?;
    Ok(Query::PatientSearch { identifier, birthdate })
}

fn read_search(row: &'static Row, pairs: Vec<(String, String)>) -> Parsed<Query> {
    if let [(name, value)] = pairs.as_slice()
        && name == PAGE
    {
        return page(row, value);
    }
    if row.about == About::Index {
        return index(row, pairs);
    }
    let found = Collected::read(row, pairs, Interaction::Search)?;
    if row.about == About::Directory {
        let Collected { filters, count, .. } = found;
        return Ok(Query::DirectorySearch(DirectorySearch { resource: row.resource, filters, count }));
    }
    let search = found.about_a_person(row)?;
    match row.about {
        About::Data | About::Relation => Ok(Query::Search(search)),
        About::Consent => Ok(Query::ConsentSearch(search)),
        About::Attestation => Ok(Query::AttestationSearch(search)),
        About::Audit => Ok(Query::AuditSearch(search)),
        About::Patient | About::Index | About::Referred | About::Directory => {
            Err(GrammarError::unsupported())
        }
    }
}

fn page(row: &'static Row, value: &str) -> Parsed<Query> {
    let token = PageToken::parse(value).ok_or_else(|| GrammarError::parameter(PAGE))?;
    Ok(Query::Page { resource: row.resource, token })
}

fn on_type(method: &str, row: &'static Row, operation: &str, query: &str, body: &[u8]) -> Parsed<Query> {
    match (method, operation) {
        ("GET", "$lastn") if row.allows(Interaction::LastN) && body.is_empty() => last_n(row, pairs(query)?),
        ("POST", "$summary") if row.allows(Interaction::SummaryByIdentifier) && query.is_empty() => {
            let parameters = Parameters::read(body, &["identifier", "birthdate"])?;
            let identifier = parameters.identifier("identifier")?;
            Ok(Query::SummaryByIdentifier { identifier, birthdate: parameters.date("birthdate")? })
        }
        _ => Err(GrammarError::unsupported()),
    }
}

fn on_person(method: &str, id: Id, operation: &str, query: &str, body: &[u8]) -> Parsed<Query> {
    match (method, operation) {
        ("GET", "$summary") => bare(query, body, Query::Summary { id }),
        ("POST", "$summary") if query.is_empty() => {
            Parameters::read(body, &[])?;
            Ok(Query::Summary { id })
        }
        ("POST", "$explain") if query.is_empty() => {
            let parameters = Parameters::read(body, &["purpose", "function"])?;
            Ok(Query::Explain {
                id,
                purpose: parameters.code("purpose")?,
                function: parameters.code("function")?,
            })
        }
        _ => Err(GrammarError::unsupported()),
    }
}

fn last_n(row: &'static Row, pairs: Vec<(String, String)>) -> Parsed<Query> {
    if let [(name, value)] = pairs.as_slice()
        && name == PAGE
    {
        return page(row, value);
    }
    let found = Collected::read(row, pairs, Interaction::LastN)?;
    let max = found.max.unwrap_or(1);
    let search = found.about_a_person(row)?;
    // By category or by code, as CONTRACT.md 3 writes it: one of the two.
    if search.filters.len() != 1 {
        return Err(GrammarError::parameter("code"));
    }
    Ok(Query::LastN(LastN { search, max }))
}

/// Parameters of one search while they are read.
struct Collected {
    patient: Option<Id>,
    filters: Vec<Filter>,
    count: Option<u16>,
    include: Include,
    max: Option<u8>,
}

impl Collected {
    fn read(row: &'static Row, pairs: Vec<(String, String)>, asked: Interaction) -> Parsed<Self> {
        let mut found =
            Self { patient: None, filters: Vec::new(), count: None, include: Include::Nothing, max: None };
        for (name, value) in pairs {
            found.take(row, asked, &name, &value).ok_or_else(|| GrammarError::parameter(&name))?;
        }
        // One order for one question, so that equal questions have one canonical form.
        found.filters.sort_by_key(|filter| filter.param.name);
        Ok(found)
    }

    fn take(&mut self, row: &'static Row, asked: Interaction, name: &str, value: &str) -> Option<()> {
        match name {
            "patient" if row.needs_patient() => {
                self.patient = Some(Id::parse(value.strip_prefix("Patient/").unwrap_or(value))?);
            }
            "_count" => self.count = Some(count(value)?),
            "_include" if row.include_medication => {
                let medication = value.strip_prefix(row.resource) == Some(":medication");
                self.include = medication.then_some(Include::Medication)?;
            }
            "max" if asked == Interaction::LastN => {
                self.max = Some(value.parse().ok().filter(|n| (1..=5).contains(n) && value.len() == 1)?);
            }
            "date" if asked == Interaction::LastN => return None,
            other => self.filters.push(Filter::parse(row.param(other)?, value)?),
        }
        Some(())
    }

    fn about_a_person(self, row: &'static Row) -> Parsed<Search> {
        let patient = self.patient.ok_or_else(|| GrammarError::parameter("patient"))?;
        let Self { filters, count, include, .. } = self;
        Ok(Search { resource: row.resource, patient, filters, count, include })
    }
}

fn count(value: &str) -> Option<u16> {
    let plain = value.bytes().all(|b| b.is_ascii_digit()) && !value.starts_with('0');
    value.parse().ok().filter(|n| plain && (1..=200).contains(n))
}

/// `system|value`, both present.
pub(super) fn person(value: &str) -> Option<PersonIdentifier> {
    match Token::parse(value).filter(|_| form::split_keeping(value, ',').len() == 1)? {
        Token::In(system, value) => Some(PersonIdentifier::new(system, value)),
        Token::Code(_) | Token::System(_) | Token::Bare(_) => None,
    }
}

/// A full date as FHIR writes it.
pub(super) fn day(value: &str) -> Option<jiff::civil::Date> {
    value.parse().ok().filter(|date: &jiff::civil::Date| date.to_string() == value)
}

/// Our page parameter; used only in links that we write ourselves.
pub(super) const PAGE: &str = "_page";
