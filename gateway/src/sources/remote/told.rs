//! What a fault means to an operator who tries an endpoint, and what to do: the same fault says something else while we
//! ask what the server can, while we get a token, and while we search.

use super::Authentication;
use super::fault::{NoToken, RemoteFault};
use super::probe::Finding;
use crate::config::SecretFault;
use crate::outbound::{Fault, TlsFault};
use fhir_mappings::remote::{PageFault, Unfit};

/// What was being tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Getting what stands in `Authorization`.
    Token,
    /// Reading the CapabilityStatement; whether a token was shown.
    Statement { shown: bool },
    /// Searching.
    Search,
}

/// What a fault means, and what to do.
pub(super) fn told(phase: Phase, how: &Authentication, fault: &RemoteFault) -> Finding {
    let bad = |what, words: &str, mend: &str| Finding::bad(what, words, mend);
    match fault {
        RemoteFault::Way(way) => told_way(phase, *way),
        RemoteFault::Status(what, status) => told_status(phase, how, what, *status),
        RemoteFault::Later(what, status, after) => Finding::bad(
            "server",
            format!("it is too busy for {what} ({status}) and asks us to come back in {} s", after.as_secs()),
            "try again then; if it stays so, ask the holder how much it takes, and lower `at_once`",
        ),
        RemoteFault::Misfit(misfit) => Finding::bad(
            "version",
            misfit.to_string(),
            "ask the holder for the address of its FHIR R4 server",
        ),
        RemoteFault::Token(why) => {
            bad("token", why, "look at `authentication`; our public keys are at /.well-known/jwks.json")
        }
        RemoteFault::Secret(why) => told_secret(why),
        RemoteFault::TokenElsewhere => bad(
            "token",
            "its token endpoint is not at its own host, nor the one named in `authentication.token_url`",
            "name it in `authentication.token_url`, after making sure of it",
        ),
        RemoteFault::Page(PageFault(Unfit::Partial)) | RemoteFault::Incomplete(_) => {
            bad("search", "it says of its own answer to a search that it is not whole", WRONG_THERE)
        }
        RemoteFault::Page(_) => {
            bad("search", "its answer to a search is no Bundle of type searchset in strict JSON", WRONG_THERE)
        }
        RemoteFault::WrongPerson => bad(
            "search",
            "it finds people whom nobody asked for: a search by identifier gives others",
            "do not use this endpoint before the holder has mended it",
        ),
        RemoteFault::NotKnown => Finding::good("search", NOBODY),
        RemoteFault::TooMany | RemoteFault::Elsewhere => {
            bad("search", "its pages lead to another server, or do not end", WRONG_THERE)
        }
        RemoteFault::Late | RemoteFault::Unended => {
            bad("time", "it did not answer within ten seconds", WRONG_THERE)
        }
        RemoteFault::LeftAlone => Finding::look(
            "time",
            "it failed so often that it is left alone for some seconds",
            "try again in a moment",
        ),
    }
}

/// The good end of a search.
pub(super) const NOBODY: &str = "a search for somebody who does not exist finds nobody";
const WRONG_THERE: &str = "ask the holder what is wrong with its server";

fn told_status(phase: Phase, how: &Authentication, what: &str, status: u16) -> Finding {
    let bad = |what, words: String, mend: &str| Finding::bad(what, words, mend);
    match (phase, status) {
        (_, 300..=399) => bad(
            "server",
            format!(
                "it sends us on to another address instead of answering {what} ({status}); nothing is followed"
            ),
            "register the address at which it answers itself; where that is a log-in, ask for the address for systems",
        ),
        (Phase::Statement { shown: true }, 401) => match how {
            Authentication::Bearer { .. } => bad(
                "token",
                "it turns down the token that stands in the secret (401)".into(),
                "write the token that the holder gave us into the secret, alone",
            ),
            Authentication::Smart { .. } | Authentication::Mtls {} => bad(
                "token",
                "it turns down the token that it gave us (401)".into(),
                "ask the holder what its FHIR server wants of a token",
            ),
        },
        (Phase::Statement { .. }, 401 | 403) => bad(
            "capability",
            format!("it does not let us read its CapabilityStatement ({status})"),
            "ask the holder to open [base]/metadata to our certificate or token",
        ),
        (Phase::Statement { .. }, 404) => bad(
            "capability",
            "there is no FHIR server under this address".into(),
            "look at the path of the address",
        ),
        (_, 401) => bad(
            "authentication",
            "it does not know who we are (401)".into(),
            "look at `authentication`, and whether our certificate and key are registered there",
        ),
        (_, 403) => bad(
            "scope",
            "it knows us and does not let us search Patient (403)".into(),
            "ask the holder for the scopes system/*.rs",
        ),
        (Phase::Search, 404 | 405) => bad(
            "search",
            "it takes no POST [base]/Patient/_search, and a BSN must not stand in a URL".into(),
            "ask the holder to allow searches by POST (FHIR R4 http.html, search)",
        ),
        _ => bad("server", format!("it answered {status} to {what}"), WRONG_THERE),
    }
}

fn told_secret(why: &NoToken) -> Finding {
    let (words, mend) = match why {
        NoToken::Unread(fault) => (
            format!("the secret cannot be read: {fault}"),
            match fault {
                SecretFault::Open(_) => {
                    "make it readable by the gateway alone (mode 0600), and its token a new one"
                }
                SecretFault::File(..) => "look at its path in `authentication.secret`, and whose file it is",
                SecretFault::Credential(_) => "hand it over with LoadCredential= in the unit",
            },
        ),
        NoToken::Empty => ("the secret is empty".into(), "write the token that the holder gave us into it"),
        NoToken::Unfit => (
            "what stands in the secret is no bearer token: it has blanks, more lines or letters beyond ASCII"
                .into(),
            "write the token alone into it, on one line, without `Bearer`",
        ),
    };
    Finding::bad("token", words, mend)
}

fn told_way(phase: Phase, fault: Fault) -> Finding {
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
        Fault::Tls(tls) => told_tls(tls),
        Fault::BrokenOff => {
            bad("connection", "it breaks off, or speaks no HTTP", "look at the port of the address")
        }
        Fault::TooLarge => match phase {
            Phase::Token => bad("token", "its token answer is larger than 64 KiB", WRONG_THERE),
            Phase::Statement { .. } => {
                bad("capability", "its CapabilityStatement is larger than 4 MiB", WRONG_THERE)
            }
            Phase::Search => bad("search", "it sends more than 4 MiB where there is nobody", WRONG_THERE),
        },
        Fault::Encoding => bad(
            "server",
            "it sends a content coding that was not asked for",
            "ask the holder to send gzip or nothing",
        ),
        Fault::Late => bad("time", "it did not answer within ten seconds", WRONG_THERE),
        Fault::Question => {
            bad("endpoint", "no question can be made for this address", "set the endpoint again")
        }
    }
}

fn told_tls(fault: TlsFault) -> Finding {
    let bad = |words: &str, mend| Finding::bad("certificate", words, mend);
    match fault {
        TlsFault::Name => {
            bad("its certificate names another host", "use the host name that the certificate names")
        }
        TlsFault::Expired => bad("its certificate has expired", "ask the holder for a new certificate"),
        TlsFault::NotYet => {
            bad("its certificate is not valid yet, or our clock is behind", "look at both clocks")
        }
        TlsFault::Authority => bad(
            "no authority that we trust vouches for its certificate",
            "name its authority in `ca_pem`, after making sure of it",
        ),
        TlsFault::Ours => bad(
            "it turns our own certificate down, or wants one",
            "give the gateway a client certificate (`[holders]` in the configuration) that the holder knows",
        ),
        TlsFault::Version => bad("it does not offer TLS 1.3", "ask the holder to offer it (NCSC-NL 2025-05)"),
        TlsFault::Other => bad("TLS with it comes to nothing", "ask the holder for its TLS settings"),
    }
}
