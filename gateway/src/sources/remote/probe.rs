//! What an operator learns of an endpoint when it is tried: what holds, and what is wrong, each with a mend.

use super::authorise::Bearer;
use super::fault::RemoteFault;
use super::holder::{FHIR_JSON, RemoteHolder, STATEMENT_MOST};
use super::told::{NOBODY, Phase, told};
use super::{Authentication, Means};
use crate::outbound::{Allowance, Answer, Question as Asked, form};
use fhir_mappings::remote::{Capability, Search, read_page, searches};
use futures_util::stream::{self, StreamExt};
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub what: &'static str,
    /// `good`, `look` or `bad`.
    pub state: &'static str,
    /// In words.
    pub words: String,
    /// What to do about it; empty when nothing need be done.
    pub mend: String,
}

impl Finding {
    pub(in crate::sources) fn good(what: &'static str, words: impl Into<String>) -> Self {
        Self { what, state: "good", words: words.into(), mend: String::new() }
    }

    pub(super) fn look(what: &'static str, words: impl Into<String>, mend: &str) -> Self {
        Self { what, state: "look", words: words.into(), mend: mend.to_owned() }
    }

    pub(super) fn bad(what: &'static str, words: impl Into<String>, mend: &str) -> Self {
        Self { what, state: "bad", words: words.into(), mend: mend.to_owned() }
    }

    /// Whether nothing can be fetched until it is mended.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.state == "bad"
    }
}

/// Tries the endpoint as a question would, with a person who does not exist.
pub(super) async fn probe(registered: &Value, means: &Means) -> Vec<Finding> {
    let holder = match RemoteHolder::new(registered, means) {
        Ok(holder) => holder,
        Err(why) => {
            return vec![Finding::bad(
                "endpoint",
                why,
                "set the endpoint again: see `sluis participant endpoint set --help`",
            )];
        }
    };
    let mut findings =
        vec![Finding::good("endpoint", format!("it is registered at {}", holder.endpoint.url))];
    let mut phase = Phase::Token;
    let tried = timeout(PATIENCE, look(&holder, &mut findings, &mut phase)).await;
    if let Err(fault) = tried.unwrap_or(Err(RemoteFault::Late)) {
        findings.push(told(phase, &holder.endpoint.authentication, &fault));
    }
    findings
}

async fn look(
    holder: &RemoteHolder,
    findings: &mut Vec<Finding>,
    phase: &mut Phase,
) -> Result<(), RemoteFault> {
    let allowance = Allowance::within(&holder.means.pool, STATEMENT_MOST);
    let mut token = match holder.endpoint.authentication {
        Authentication::Mtls {} | Authentication::Bearer { .. } => holder.bearer().await?,
        Authentication::Smart { .. } => None,
    };
    *phase = Phase::Statement { shown: token.is_some() };
    let mut answer = ask(holder, "/metadata", None, &token, &allowance).await?;
    findings.push(Finding::good("connection", "its name, address and certificate are good, and it answers"));
    findings.extend(clock(answer.headers.get("date").and_then(|date| date.to_str().ok()), holder));
    if answer.status == 401 && token.is_none() {
        // Most say without a token what they can; some want one first.
        *phase = Phase::Token;
        token = holder.bearer().await?;
        *phase = Phase::Statement { shown: token.is_some() };
        answer = ask(holder, "/metadata", None, &token, &allowance).await?;
    }
    if answer.status != 200 {
        return Err(holder.status("metadata", &answer));
    }
    let can = Capability::read(&answer.body)?;
    findings.push(Finding::good("version", format!("it speaks FHIR {}", can.version)));
    findings.push(types(holder, &can));
    *phase = Phase::Token;
    let token = holder.bearer().await?;
    let plan =
        searches(&holder.means.tables, holder.means.tables.all_classes(), &can, &holder.endpoint.categorised);
    if matches!(holder.endpoint.authentication, Authentication::Smart { .. }) {
        findings.push(Finding::good("token", "it gave us an access token"));
        findings.extend(holder.granted().await.and_then(|granted| scope(&granted, &plan)));
    }
    *phase = Phase::Search;
    let query = form(&[("identifier", "https://sluis.example/fhir/NamingSystem/probe|nobody")]);
    let answer = ask(holder, "/Patient/_search", Some(query), &token, &allowance).await?;
    if answer.status != 200 {
        return Err(holder.status("Patient", &answer));
    }
    if !read_page(&answer.body)?.entries.is_empty() {
        return Err(RemoteFault::WrongPerson);
    }
    findings.push(Finding::good("search", NOBODY));
    findings.extend(each_type(holder, &plan, &token).await);
    Ok(())
}

async fn ask(
    holder: &RemoteHolder,
    below: &str,
    form: Option<String>,
    token: &Bearer,
    allowance: &Allowance,
) -> Result<Answer, RemoteFault> {
    let bearer = token.as_deref().map(String::as_str);
    Ok(holder.server.ask(&Asked { below, form, accept: FHIR_JSON, bearer, allowance }).await?)
}

/// Which types the token is said not to be good for.
fn scope(granted: &str, plan: &[Search]) -> Option<Finding> {
    let wanted = std::iter::once("Patient").chain(plan.iter().map(|search| search.resource.as_str()));
    let lacking: Vec<&str> = wanted.filter(|name| !covers(granted, name)).collect();
    (!lacking.is_empty()).then(|| {
        Finding::look(
            "scope",
            format!("the token is good for less than is asked: not for {}", lacking.join(", ")),
            "ask the holder for the scopes system/*.rs, or leave those classes out of the index",
        )
    })
}

/// Whether a scope of SMART (2.2, or 1.0 with its `read`) lets every resource of this type be read and searched.
fn covers(granted: &str, resource: &str) -> bool {
    granted.split_ascii_whitespace().any(|scope| {
        let Some((name, may)) = scope.strip_prefix("system/").and_then(|rest| rest.split_once('.')) else {
            return false;
        };
        let may_both =
            matches!(may, "read" | "*") || may.contains('r') && may.contains('s') && !may.contains('?');
        (name == "*" || name == resource) && may_both
    })
}

/// Every search that a question may come to, for a Patient who does not exist: one that fails, fails a question whole.
async fn each_type(holder: &RemoteHolder, plan: &[Search], token: &Bearer) -> Vec<Finding> {
    let mut coming = Vec::with_capacity(plan.len());
    for search in plan {
        coming.push(tried(holder, search, token));
    }
    let at_once = usize::from(holder.endpoint.at_once).min(TRIED_AT_ONCE);
    let tried: Vec<_> = stream::iter(coming).buffered(at_once).collect().await;
    let of = |which: &dyn Fn(&RemoteFault) -> bool| {
        let failed = tried.iter().filter(|(_, ended)| ended.as_ref().is_err_and(which));
        failed.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    };
    let denied = |fault: &RemoteFault| matches!(fault, RemoteFault::Status(_, 401 | 403));
    let unsure = |fault: &RemoteFault| matches!(fault, RemoteFault::Status(_, 400 | 404 | 410 | 422));
    let others = |fault: &RemoteFault| matches!(fault, RemoteFault::WrongPerson);
    let broken = |fault: &RemoteFault| !denied(fault) && !unsure(fault) && !others(fault);
    let mut findings = Vec::new();
    let mut add = |names: String, make: &dyn Fn(&str) -> Finding| {
        if !names.is_empty() {
            findings.push(make(&names));
        }
    };
    add(of(&denied), &|names| {
        Finding::bad(
            "scope",
            format!("it does not let us search {names}: a question that comes to one of them fails whole"),
            "ask the holder for the scopes system/*.rs, or leave those classes out of the index",
        )
    });
    add(of(&others), &|names| {
        Finding::bad(
            "search",
            format!("asked for {names} of somebody who does not exist, it gives what is somebody else's"),
            "do not use this endpoint before the holder has mended it",
        )
    });
    add(of(&broken), &|names| {
        Finding::bad(
            "search",
            format!(
                "a search of {names} fails, or its answer cannot be read: a question that comes to it fails whole"
            ),
            "ask the holder what is wrong with these searches",
        )
    });
    add(of(&unsure), &|names| {
        Finding::look(
            "search",
            format!("it answers with an error to a search of {names} for somebody who does not exist"),
            "try it with a test person of the holder",
        )
    });
    findings
}

async fn tried<'s>(
    holder: &RemoteHolder,
    search: &'s Search,
    token: &Bearer,
) -> (&'s str, Result<(), RemoteFault>) {
    (&search.resource, for_nobody(holder, search, token).await)
}

async fn for_nobody(holder: &RemoteHolder, search: &Search, token: &Bearer) -> Result<(), RemoteFault> {
    let allowance = Allowance::within(&holder.means.pool, STATEMENT_MOST);
    let query = form(&search.parameters("Patient/sluis-nobody", "1"));
    let below = format!("/{}?{query}", search.resource);
    let answer = ask(holder, &below, None, token, &allowance).await?;
    if answer.status != 200 {
        return Err(holder.status("search", &answer));
    }
    let found = read_page(&answer.body)?.entries;
    if found.iter().any(|entry| entry.resource_type == search.resource) {
        return Err(RemoteFault::WrongPerson);
    }
    Ok(())
}

/// Whether its clock and ours agree: tokens are judged by them.
fn clock(date: Option<&str>, holder: &RemoteHolder) -> Option<Finding> {
    let theirs = jiff::fmt::rfc2822::parse(date?).ok()?.timestamp();
    let apart = theirs.duration_since(holder.means.clock.now()).as_secs().abs();
    Some(if apart <= CLOCKS_APART {
        Finding::good("clock", "its clock and ours agree")
    } else {
        Finding::look(
            "clock",
            format!("its clock and ours are {apart} seconds apart: tokens may be turned down"),
            "let both follow a time server",
        )
    })
}

/// Which of the types that are asked for cannot be found there for one person.
fn types(holder: &RemoteHolder, can: &Capability) -> Finding {
    let all = holder.means.tables.all_classes();
    let asked = searches(&holder.means.tables, all, can, &holder.endpoint.categorised);
    let missing: Vec<&str> = holder
        .means
        .tables
        .asked_elsewhere()
        .filter(|name| *name != "Patient" && !asked.iter().any(|s| s.resource == *name))
        .collect();
    if asked.is_empty() {
        return Finding::bad(
            "capability",
            "it says that nothing can be searched for one person there",
            "ask the holder for searches by `patient`, and to say so in its CapabilityStatement",
        );
    }
    let words = format!("{} types can be searched for one person", asked.len());
    if missing.is_empty() {
        Finding::good("capability", words)
    } else {
        let words = format!("{words}; not {}", missing.join(", "));
        Finding::look(
            "capability",
            words,
            "nothing of those types comes from this holder: ask whether that is meant. Consent needs `category` too: \
             privacy consents are not asked for",
        )
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
/// Seconds.
const CLOCKS_APART: i64 = 10;
/// Searches that are tried at once.
const TRIED_AT_ONCE: usize = 8;

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_scope_covers_what_it_names_whole() {
        for good in [
            "system/*.rs",
            "openid system/Condition.rs",
            "system/Condition.cruds",
            "system/*.read",
            "system/*.*",
        ] {
            assert!(covers(good, "Condition"), "{good}");
        }
        let category = "system/Condition.rs?category=problem-list-item";
        for less in ["", "system/Patient.rs", "system/Condition.r", "user/*.rs", "system/Condition", category]
        {
            assert!(!covers(less, "Condition"), "{less}");
        }
    }
}
