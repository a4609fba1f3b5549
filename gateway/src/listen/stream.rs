//! A connection's bytes: the instant at which the last of them moved, and an end that loses none.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// When a connection last did something. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Activity(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    started: Instant,
    /// Milliseconds after the start.
    last_byte: AtomicU64,
    last_request: AtomicU64,
    in_flight: AtomicU64,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner {
            started: Instant::now(),
            last_byte: AtomicU64::new(0),
            last_request: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
        }))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn byte(&self) {
        self.0.last_byte.store(self.now(), Ordering::Relaxed);
    }

    /// A request has begun; it ends when the answer is dropped.
    pub(super) fn begin(&self) -> InFlight {
        self.0.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self.clone())
    }

    /// How long there has been neither a request nor, while one is under way, a byte.
    pub(super) fn quiet_for(&self) -> Duration {
        let busy = self.0.in_flight.load(Ordering::Relaxed) > 0;
        let last = if busy { &self.0.last_byte } else { &self.0.last_request };
        Duration::from_millis(self.now().saturating_sub(last.load(Ordering::Relaxed)))
    }
}

/// A request under way.
#[derive(Debug)]
pub(super) struct InFlight(Activity);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.0.last_request.store(self.0.now(), Ordering::Relaxed);
        self.0.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream that notes its activity.
pub(super) struct Watched<S> {
    inner: S,
    activity: Activity,
}

impl<S> Watched<S> {
    pub(super) fn new(inner: S, activity: Activity) -> Self {
        Self { inner, activity }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        if read.is_ready() {
            self.activity.byte();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, buf);
        if written.is_ready() {
            self.activity.byte();
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        if written.is_ready() {
            self.activity.byte();
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// How long a connection that ended waits for the next byte to throw away, and for all of them.
const QUIET: Duration = Duration::from_millis(500);
const LINGERING: Duration = Duration::from_secs(5);

/// A stream that closes without a reset (RFC 9112, 9.6): once its own side has ended, it reads away what the other
/// still sends, until that ends too, is quiet or takes too long. Closing on unread bytes would make the kernel throw
/// away the answer, or the alert, that was sent last: a client whose body is refused unread would not learn why.
///
/// It lies under TLS, so that nothing is decrypted for being thrown away.
pub(super) struct Lingering<S> {
    inner: S,
    end: Option<End>,
}

/// An end under way.
struct End {
    quiet: Pin<Box<Sleep>>,
    by: Instant,
}

impl<S> Lingering<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, end: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let end = match &mut this.end {
            Some(end) => end,
            none => {
                std::task::ready!(Pin::new(&mut this.inner).poll_shutdown(cx))?;
                none.insert(End { quiet: Box::pin(sleep(QUIET)), by: Instant::now() + LINGERING })
            }
        };
        let mut sink = [0; 4096];
        loop {
            let mut buf = ReadBuf::new(&mut sink);
            match Pin::new(&mut this.inner).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {}
                // The other side has ended, or is gone: there is nobody left to tell.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return end.quiet.as_mut().poll(cx).map(Ok),
            }
            let now = Instant::now();
            if now >= end.by {
                return Poll::Ready(Ok(()));
            }
            end.quiet.as_mut().reset(end.by.min(now + QUIET));
        }
    }
}
