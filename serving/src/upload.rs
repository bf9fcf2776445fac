//! Requests that are still being sent: bounded in bytes and in time.
//!
//! A service reads a whole request before it uses it, so a client could fill the memory with
//! requests that it never finishes. The bytes that were read of unfinished requests are counted.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::connection::Connection;
use crate::limits::{Limits, UNFINISHED_BYTES_ALWAYS};
use crate::refusal::Refusal;

/// Bytes of all unfinished requests of this process.
static ALL: AtomicUsize = AtomicUsize::new(0);

/// The body of a request, until the service has read it.
pub(crate) struct Upload {
    body: Incoming,
    connection: Arc<Connection>,
    bytes: usize,
    /// Bytes that the connection, and the process, may hold.
    bytes_max: (usize, usize),
    until: Option<(Instant, u64)>,
    /// Made only if the body did not come with its head, as it mostly does.
    limit: Option<Pin<Box<Sleep>>>,
}

impl Upload {
    /// `is_stream`: the client sends messages for as long as it likes.
    pub(crate) fn new(
        body: Incoming,
        connection: Arc<Connection>,
        limits: &Limits,
        is_stream: bool,
    ) -> Self {
        let until = (!is_stream).then(|| {
            (
                Instant::now() + limits.request_read_max,
                limits.request_read_max.as_secs(),
            )
        });
        Self {
            body,
            connection,
            bytes: 0,
            bytes_max: (
                limits.unfinished_bytes_per_connection_max,
                limits.unfinished_bytes_max,
            ),
            until,
            limit: None,
        }
    }

    fn poll_limit(&mut self, context: &mut Context<'_>) -> Poll<Refusal> {
        let Some((until, seconds)) = self.until else {
            return Poll::Pending;
        };
        let limit = self
            .limit
            .get_or_insert_with(|| Box::pin(sleep_until(until)));
        ready!(limit.as_mut().poll(context));
        Poll::Ready(Refusal::SlowRequest { seconds })
    }

    fn add(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.bytes += bytes;
        let all = ALL.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let connection = self
            .connection
            .unfinished_bytes
            .fetch_add(bytes, Ordering::Relaxed)
            + bytes;
        let (connection_max, all_max) = self.bytes_max;
        let has_room = connection <= UNFINISHED_BYTES_ALWAYS
            || ((connection <= connection_max || self.connection.is_member()) && all <= all_max);
        if has_room {
            Ok(())
        } else {
            Err(Refusal::UnfinishedRequests)
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        ALL.fetch_sub(self.bytes, Ordering::Relaxed);
        self.connection
            .unfinished_bytes
            .fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            let refusal = ready!(self.poll_limit(context));
            return Poll::Ready(Some(Err(refusal.status().into())));
        };
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
            && let Err(refusal) = self.add(data.len())
        {
            return Poll::Ready(Some(Err(refusal.status().into())));
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
