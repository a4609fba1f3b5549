//! What an operator learns of an endpoint when it is tried: what holds, and what is wrong, each with a mend.

use super::fault::RemoteFault;
use super::holder::{FHIR_JSON, RemoteHolder, STATEMENT_MOST};
use super::{Authentication, Means};
use crate::outbound::{Allowance, Fault, Question as Asked, TlsFault, form};
use fhir_mappings::remote::{Capability, PageFault, Unfit, read_page, searches};
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
    let tried = timeout(PATIENCE, look(&holder, &mut findings)).await;
    match tried {
        Ok(Ok(())) => {}
        Ok(Err(fault)) => findings.push(told(&fault)),
        Err(_) => findings.push(told(&RemoteFault::Late)),
    }
    findings
}

async fn look(holder: &RemoteHolder, findings: &mut Vec<Finding>) -> Result<(), RemoteFault> {
    let allowance = Allowance::within(&holder.means.pool, STATEMENT_MOST);
    let bearer = match holder.endpoint.authentication {
        Authentication::Mtls {} | Authentication::Bearer { .. } => holder.bearer().await?,
        Authentication::Smart { .. } => None,
    };
    let bearer = bearer.as_deref().map(String::as_str);
    let asked = Asked { below: "/metadata", form: None, accept: FHIR_JSON, bearer, allowance: &allowance };
    let mut answer = holder.server.ask(&asked).await?;
    findings.push(Finding::good("connection", "its name, address and certificate are good, and it answers"));
    findings.extend(clock(answer.headers.get("date").and_then(|date| date.to_str().ok()), holder));
    if answer.status == 401 && bearer.is_none() {
        // Most say without a token what they can; some want one first.
        let token = holder.bearer().await?;
        let bearer = token.as_deref().map(String::as_str);
        answer = holder.server.ask(&Asked { bearer, form: None, ..asked }).await?;
    }
    if answer.status != 200 {
        return Err(RemoteFault::Status("metadata", answer.status));
    }
    let can = Capability::read(&answer.body)?;
    findings.push(Finding::good("version", format!("it speaks FHIR {}", can.version)));
    findings.push(types(holder, &can));
    let token = holder.bearer().await?;
    if matches!(holder.endpoint.authentication, Authentication::Smart { .. }) {
        findings.push(Finding::good("token", "it gave us an access token"));
    }
    let query = form(&[("identifier", "https://sluis.example/fhir/NamingSystem/probe|nobody")]);
    let bearer = token.as_deref().map(String::as_str);
    let asked = Asked {
        below: "/Patient/_search",
        form: Some(query),
        accept: FHIR_JSON,
        bearer,
        allowance: &allowance,
    };
    let answer = holder.server.ask(&asked).await?;
    if answer.status != 200 {
        return Err(RemoteFault::Status("Patient", answer.status));
    }
    let page = read_page(&answer.body)?;
    if page.entries.is_empty() {
        findings.push(Finding::good("search", "a search for somebody who does not exist finds nobody"));
        Ok(())
    } else {
        Err(RemoteFault::WrongPerson)
    }
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

/// What a fault means, and what to do.
fn told(fault: &RemoteFault) -> Finding {
    match fault {
        RemoteFault::Way(way) => told_way(*way),
        RemoteFault::Status("metadata", status @ (401 | 403)) => Finding::bad(
            "capability",
            format!("it does not let us read its CapabilityStatement ({status})"),
            "ask the holder to open [base]/metadata to our certificate or token",
        ),
        RemoteFault::Status("metadata", 404) => Finding::bad(
            "capability",
            "there is no FHIR server under this address",
            "look at the path of the address",
        ),
        RemoteFault::Status(_, 401) => Finding::bad(
            "authentication",
            "it does not know who we are (401)",
            "look at `authentication`, and whether our certificate and key are registered there",
        ),
        RemoteFault::Status(_, 403) => Finding::bad(
            "scope",
            "it knows us and does not let us search Patient (403)",
            "ask the holder for the scopes system/*.rs",
        ),
        RemoteFault::Status("Patient", 404 | 405) => Finding::bad(
            "search",
            "it takes no POST [base]/Patient/_search, and a BSN must not stand in a URL",
            "ask the holder to allow searches by POST (FHIR R4 http.html, search)",
        ),
        RemoteFault::Status(what, status) => Finding::bad(
            "server",
            format!("it answered {status} to {what}"),
            "ask the holder what is wrong with its server",
        ),
        RemoteFault::Misfit(misfit) => Finding::bad(
            "version",
            misfit.to_string(),
            "ask the holder for the address of its FHIR R4 server",
        ),
        RemoteFault::Token(why) => Finding::bad(
            "token",
            *why,
            "look at `authentication`; our public keys are at /.well-known/jwks.json",
        ),
        RemoteFault::Page(PageFault(Unfit::Partial)) | RemoteFault::Incomplete(_) => Finding::bad(
            "search",
            "it says of its own answer to a search that it is not whole",
            "ask the holder what is wrong with its server",
        ),
        RemoteFault::TokenElsewhere => Finding::bad(
            "token",
            "its token endpoint is not at its own host, nor the one named in `authentication.token_url`",
            "name it in `authentication.token_url`, after making sure of it",
        ),
        RemoteFault::Page(_) => Finding::bad(
            "search",
            "its answer to a search is no Bundle of type searchset in strict JSON",
            "ask the holder what is wrong with its server",
        ),
        RemoteFault::WrongPerson => Finding::bad(
            "search",
            "it finds people whom nobody asked for: a search by identifier gives others",
            "do not use this endpoint before the holder has mended it",
        ),
        RemoteFault::NotKnown => {
            Finding::good("search", "a search for somebody who does not exist finds nobody")
        }
        RemoteFault::TooMany | RemoteFault::Elsewhere => Finding::bad(
            "search",
            "its pages lead to another server, or do not end",
            "ask the holder what is wrong with its server",
        ),
        RemoteFault::Late | RemoteFault::Unended => Finding::bad(
            "time",
            "it did not answer within ten seconds",
            "ask the holder what is wrong with its server",
        ),
        RemoteFault::LeftAlone => Finding::look(
            "time",
            "it failed so often that it is left alone for some seconds",
            "try again in a moment",
        ),
    }
}

fn told_way(fault: Fault) -> Finding {
    let bad = |what, words: &str, mend| Finding::bad(what, words, mend);
    match fault {
        Fault::Name => bad(
            "name",
            "its host name leads to no address (DNS)",
            "look at the address, and at our name server",
        ),
        Fault::Address(what) => bad(
            "address",
            &format!("its host name leads to {what}, to which nothing is connected"),
            "use its public address, or name its network in `networks`",
        ),
        Fault::Unreachable => {
            bad("connection", "nothing answers there", "look at the port and at the firewalls between")
        }
        Fault::Tls(TlsFault::Name) => bad(
            "certificate",
            "its certificate names another host",
            "use the host name that the certificate names",
        ),
        Fault::Tls(TlsFault::Expired) => {
            bad("certificate", "its certificate has expired", "ask the holder for a new certificate")
        }
        Fault::Tls(TlsFault::NotYet) => bad(
            "certificate",
            "its certificate is not valid yet, or our clock is behind",
            "look at both clocks",
        ),
        Fault::Tls(TlsFault::Authority) => bad(
            "certificate",
            "no authority that we trust vouches for its certificate",
            "name its authority in `ca_pem`, after making sure of it",
        ),
        Fault::Tls(TlsFault::Ours) => bad(
            "certificate",
            "it turns our own certificate down, or wants one",
            "give the gateway a client certificate (`[holders]` in the configuration) that the holder knows",
        ),
        Fault::Tls(TlsFault::Version) => {
            bad("certificate", "it does not offer TLS 1.3", "ask the holder to offer it (NCSC-NL 2025-05)")
        }
        Fault::Tls(TlsFault::Other) => {
            bad("certificate", "TLS with it comes to nothing", "ask the holder for its TLS settings")
        }
        Fault::BrokenOff => {
            bad("connection", "it breaks off, or speaks no HTTP", "look at the port of the address")
        }
        Fault::TooLarge => bad("search", "it sends more than is taken", "raise `max_bytes` if that is meant"),
        Fault::Encoding => bad(
            "search",
            "it sends a content coding that was not asked for",
            "ask the holder to send gzip or nothing",
        ),
        Fault::Late => told(&RemoteFault::Late),
        Fault::Question => {
            bad("endpoint", "no question can be made for this address", "set the endpoint again")
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
/// Seconds.
const CLOCKS_APART: i64 = 10;
