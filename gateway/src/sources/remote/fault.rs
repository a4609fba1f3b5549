//! What went wrong with a holder, in the grain that an operator needs; the record carries the coarser code.

use super::breaker::Ended;
use crate::config::SecretFault;
use crate::outbound::{Answer, Fault, TlsFault};
use crate::sources::SourceFailure;
use fhir_mappings::remote::{Misfit, PageFault, Unfit};
use http::{HeaderMap, header::RETRY_AFTER};
use jiff::Timestamp;
use std::time::Duration;

/// Why a holder contributes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RemoteFault {
    /// On the way there or back.
    Way(Fault),
    /// It answered with this status to a question of this kind.
    Status(&'static str, u16),
    /// It is too busy, and says for how long.
    Later(&'static str, u16, Duration),
    /// It is no server that can be asked.
    Misfit(Misfit),
    /// We got no token there: the kind of fault in words.
    Token(&'static str),
    /// The secret in which our token should stand gives none.
    Secret(NoToken),
    /// It is left alone for now, after too many failures.
    LeftAlone,
    /// A page of its answer cannot be read.
    Page(PageFault),
    /// More resources or pages than the bound.
    TooMany,
    /// The next page is said to lie at another server, or outside its base.
    Elsewhere,
    /// It answered about somebody else.
    WrongPerson,
    /// It does not find the person whom it entered in the index.
    NotKnown,
    /// It has something of the person that cannot be got there.
    Incomplete(Lack),
    /// It sends us to somebody else for a token.
    TokenElsewhere,
    /// Not in time.
    Late,
    /// It began an answer that did not end in time.
    Unended,
}

/// What cannot be got. A part that lacks it would look whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lack {
    /// The medicine of an order.
    Medicine,
    /// Data of a class that is entered in the index: no type that could bear it can be searched for a person.
    Class,
}

/// Why a secret gives no bearer token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoToken {
    /// It cannot be read.
    Unread(SecretFault),
    /// There is nothing in it.
    Empty,
    /// What stands there fits in no header.
    Unfit,
}

impl From<Fault> for RemoteFault {
    fn from(fault: Fault) -> Self {
        Self::Way(fault)
    }
}

impl From<PageFault> for RemoteFault {
    fn from(fault: PageFault) -> Self {
        Self::Page(fault)
    }
}

impl From<Misfit> for RemoteFault {
    fn from(misfit: Misfit) -> Self {
        Self::Misfit(misfit)
    }
}

impl RemoteFault {
    /// What an answer of another status than 200 means.
    pub(super) fn of(what: &'static str, answer: &Answer, now: Timestamp) -> Self {
        match (answer.status, retry_after(&answer.headers, now)) {
            (429 | 503, Some(after)) => Self::Later(what, answer.status, after),
            (status, _) => Self::Status(what, status),
        }
    }

    /// The code of the record.
    pub(super) fn failure(&self) -> SourceFailure {
        match self {
            Self::Late | Self::Way(Fault::Late) => SourceFailure::Late,
            Self::Way(Fault::TooLarge) | Self::TooMany => SourceFailure::TooLarge,
            // A medicine that is gone there: its order would vanish without a word.
            Self::Incomplete(_)
            | Self::Page(PageFault(Unfit::Partial))
            | Self::Status("Medication", 404 | 410) => SourceFailure::Incomplete,
            Self::Way(Fault::Encoding) | Self::Page(_) => SourceFailure::Unreadable,
            Self::WrongPerson => SourceFailure::WrongPerson,
            Self::NotKnown => SourceFailure::NotKnown,
            Self::Elsewhere => SourceFailure::Astray,
            Self::Status(_, 300..=399) => SourceFailure::Redirected,
            Self::Way(Fault::Address(_)) => SourceFailure::ForbiddenAddress,
            Self::TokenElsewhere => SourceFailure::TokenElsewhere,
            Self::Misfit(_) => SourceFailure::Misfit,
            Self::Unended => SourceFailure::Unended,
            Self::Way(Fault::Tls(
                TlsFault::Name | TlsFault::Expired | TlsFault::NotYet | TlsFault::Authority,
            )) => SourceFailure::Certificate,
            Self::Way(
                Fault::Name | Fault::Unreachable | Fault::Tls(_) | Fault::BrokenOff | Fault::Question,
            )
            | Self::Status(..)
            | Self::Later(..)
            | Self::Token(_)
            | Self::Secret(_)
            | Self::LeftAlone => SourceFailure::Down,
        }
    }

    /// What it says about the holder. What depends on the person must not have the holder left alone for everybody else:
    /// it answered, and was not waited for.
    pub(super) fn ended(&self) -> Ended {
        match self {
            // Not all of this person: it answered well all the same.
            Self::NotKnown | Self::Incomplete(_) => Ended::Well,
            Self::Page(_)
            | Self::TooMany
            | Self::Elsewhere
            | Self::WrongPerson
            | Self::Way(Fault::TooLarge | Fault::Encoding)
            | Self::Status("search" | "Medication" | "Device", 400 | 404..=407 | 409..=428 | 500 | 501) => {
                Ended::Unfit
            }
            Self::Way(_)
            | Self::Status(..)
            | Self::Misfit(_)
            | Self::Later(..)
            | Self::Token(_)
            | Self::Secret(_)
            | Self::TokenElsewhere
            | Self::LeftAlone
            | Self::Late
            | Self::Unended => Ended::Failed,
        }
    }

    /// Whether trying once more may help: nothing was answered, or the server says that it is its own trouble.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Way(Fault::Unreachable | Fault::BrokenOff) | Self::Status(_, 502..=504))
    }
}

/// `Retry-After` (RFC 9110, 10.2.3): seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let said = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = said.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::parse(said).ok()?.timestamp();
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::retry_after;
    use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};
    use std::time::Duration;

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        let now = "2026-11-28T03:00:00Z".parse().unwrap();
        let read = |said: &'static str| {
            retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(said))]), now)
        };
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(read("Sat, 28 Nov 2026 03:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(read("Sat, 28 Nov 2026 02:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!((read("soon"), read("-1"), retry_after(&HeaderMap::new(), now)), (None, None, None));
    }
}
