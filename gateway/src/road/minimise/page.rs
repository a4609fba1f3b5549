//! Pages without a cursor: a link is a sealed (asker, query, position, five minutes); each page is fetched and
//! decided again (DESIGN.md 7).

use crate::oauth::asker::Session;
use crate::refusal::{NoGrant, Refusal};
use crate::world::World;
use fhir_mappings::grammar::{self, Query};
use serde::{Deserialize, Serialize};

/// Entries of a page when `_count` does not say.
pub(crate) const COUNT: u16 = 50;

const LIFE_SECONDS: i64 = 300;

/// What a link carries.
#[derive(Serialize, Deserialize)]
struct Token {
    path: String,
    query: String,
    from: usize,
    until: i64,
}

/// Turns a page link back into its question and position.
///
/// # Errors
/// One refusal for a link that is expired, made for another asker, or not ours (LEAKS.md L61).
pub fn unfold(query: Query, session: &Session, world: &World) -> Result<(Query, usize), Refusal> {
    let Query::Page { resource, token } = query else { return Ok((query, 0)) };
    let refused = || Refusal::NoGrant(NoGrant::Page);
    let bytes = world.outward.open_page(&bound_to(session), token.as_str()).ok_or_else(refused)?;
    let token: Token = serde_json::from_slice(&bytes).map_err(|_| refused())?;
    let type_of =
        |path: &str| path.strip_prefix("/fhir/").and_then(|p| p.split('/').next()).map(str::to_owned);
    if token.until < world.clock.now().as_second() || type_of(&token.path).as_deref() != Some(resource) {
        return Err(refused());
    }
    let parsed = grammar::parse("GET", &token.path, Some(&token.query), None, None).map_err(|_| refused())?;
    Ok((parsed, token.from))
}

/// Path and parameters of a search, in one fixed form.
fn canonical(query: &Query) -> Option<(String, String)> {
    match query {
        Query::Search(search) => Some((format!("/fhir/{}", search.resource), search.canonical())),
        Query::AuditSearch(search) => Some(("/fhir/AuditEvent".to_owned(), search.canonical())),
        Query::LastN(last) => Some(("/fhir/Observation/$lastn".to_owned(), last.canonical())),
        _ => None,
    }
}

/// The link to the page that begins at `from`.
pub(crate) fn link(query: &Query, session: &Session, from: usize, world: &World) -> Option<String> {
    let (path, query) = canonical(query)?;
    let until = world.clock.now().as_second() + LIFE_SECONDS;
    let resource = path.strip_prefix("/fhir/")?.to_owned();
    let token = serde_json::to_vec(&Token { path, query, from, until }).ok()?;
    let token = world.outward.seal_page(&bound_to(session), &token)?;
    Some(format!("{}{resource}?_page={token}", world.settings.base))
}

/// The parameters as understood, decoded, for the self link.
pub(crate) fn parameters(query: &Query) -> Vec<(String, String)> {
    canonical(query).and_then(|(_, query)| grammar::form_pairs(&query)).unwrap_or_default()
}

/// A link is good for one person of one organisation in one function and purpose.
fn bound_to(session: &Session) -> String {
    let asker = session.asker();
    let function = asker.function.as_ref().map_or("", |f| f.as_str());
    format!(
        "{}\n{}\n{}\n{}\n{}",
        asker.participant,
        asker.person.system,
        asker.person.id,
        function,
        asker.purpose.code()
    )
}
