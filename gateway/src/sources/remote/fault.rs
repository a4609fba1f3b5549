//! What went wrong with a holder, in the grain that an operator needs; the record carries the coarser code.

use super::breaker::Ended;
use crate::outbound::{Fault, TlsFault};
use crate::sources::SourceFailure;
use fhir_mappings::remote::{Misfit, PageFault, Unfit};

/// Why a holder contributes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RemoteFault {
    /// On the way there or back.
    Way(Fault),
    /// It answered with this status to a question of this kind.
    Status(&'static str, u16),
    /// It is no server that can be asked.
    Misfit(Misfit),
    /// We got no token there: the kind of fault in words.
    Token(&'static str),
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
            | Self::Token(_)
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
            | Self::Status("search" | "Medication", 400 | 404..=407 | 409..=428 | 500 | 501) => Ended::Unfit,
            Self::Way(_)
            | Self::Status(..)
            | Self::Misfit(_)
            | Self::Token(_)
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
