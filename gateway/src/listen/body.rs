//! A request body with a size cap and a deadline.
//!
//! Crossing the cap is an error of the body, not an answer: which refusal comes first is for the road to say
//! (CONTRACT.md 3, "Order of refusals").

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::Sleep;

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFault {
    /// Larger than allowed: `too-large`.
    TooLarge,
    /// Not complete within its time.
    TooSlow,
    /// The connection broke off, or the framing is wrong.
    Broken,
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the body is too large",
            Self::TooSlow => "the body took too long",
            Self::Broken => "the body broke off",
        })
    }
}

impl std::error::Error for BodyFault {}

/// What the listener hands on as the request's body.
pub(super) struct Bounded {
    inner: Incoming,
    left: usize,
    deadline: Pin<Box<Sleep>>,
}

impl Bounded {
    pub(super) fn new(inner: Incoming, max_bytes: usize, deadline: Sleep) -> Self {
        Self { inner, left: max_bytes, deadline: Box::pin(deadline) }
    }
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        if self.inner.size_hint().lower() > self.left as u64 {
            return Poll::Ready(Some(Err(BodyFault::TooLarge)));
        }
        let frame = match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => return self.deadline.as_mut().poll(cx).map(|()| Some(Err(BodyFault::TooSlow))),
        };
        Poll::Ready(frame.map(|frame| {
            let frame = frame.map_err(|_| BodyFault::Broken)?;
            let size = frame.data_ref().map_or(0, Bytes::len);
            self.left = self.left.checked_sub(size).ok_or(BodyFault::TooLarge)?;
            Ok(frame)
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Reads a whole body of at most `max_bytes`.
///
/// # Errors
/// [`BodyFault`]; a declared length above the cap is refused before a byte is read.
pub async fn read(body: Body, max_bytes: usize) -> Result<Bytes, BodyFault> {
    if body.size_hint().lower() > max_bytes as u64 {
        return Err(BodyFault::TooLarge);
    }
    let collected = http_body_util::Limited::new(body, max_bytes).collect().await;
    collected.map(|whole| whole.to_bytes()).map_err(|fault| fault_of(fault.as_ref()))
}

/// The fault behind an error that axum and the size limit have wrapped.
fn fault_of(error: &(dyn std::error::Error + 'static)) -> BodyFault {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(fault) = error.downcast_ref::<BodyFault>() {
            return *fault;
        }
        if error.is::<http_body_util::LengthLimitError>() {
            return BodyFault::TooLarge;
        }
        next = error.source();
    }
    BodyFault::Broken
}
