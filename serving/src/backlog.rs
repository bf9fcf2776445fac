//! Answers that wait for the network: bounded.
//!
//! The transport takes from a stream as much as the client's window allows, hundreds of kilobytes,
//! and keeps it until the socket takes it. Ten thousand streams to slow clients would fill the
//! memory. Here a stream pauses while too much of it is unsent. The limit depends on how much is
//! unsent of all streams.
//!
//! The first message of an answer is encoded at once, so that what waits is counted bytes.
//! Otherwise the transport would request it only when the client reads, and keep the rows of a list
//! until that time.
//!
//! A large message is sent in pieces, so that the server sees whether the client takes any of it. A
//! stream that sends nothing for the stall's time is ended alone; the others of its connection
//! continue.
//!
//! Promise: no answer is changed or lost. What other clients hold delays an answer at most as long
//! as its own data takes to be sent.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use axum::body::{Bytes, HttpBody};
use axum::http::Response;
use futures::task::AtomicWaker;
use http_body::{Frame, SizeHint};
use tonic::Status;

use crate::connection::{Connection, OpenRequest, Unsent};
use crate::rpc::Spanned;
use crate::streams::Ends;
use crate::unread;

/// Unsent bytes of one answer at most: enough to keep a fast connection busy.
const BACKLOG_BYTES_MAX: usize = 64 * 1024;

/// Bytes that are given to the transport at once.
const PIECE_BYTES_MAX: usize = BACKLOG_BYTES_MAX / 2;

/// Unsent bytes that one answer may always have: a few messages.
const BACKLOG_BYTES_LEAST: usize = 4 * 1024;

/// Unsent bytes of all answers of this process above which each answer is held to the least.
const BACKLOGS_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Limits the unsent bytes of an answer.
pub(crate) fn bounded(
    connection: &Arc<Connection>,
    request: OpenRequest,
    response: Response<Spanned>,
) -> Response<Bounded> {
    response.map(|body| {
        let mut bounded = Bounded {
            first: None,
            rest: None,
            is_watched: false,
            body,
            has_begun: false,
            backlog: None,
            connection: Arc::clone(connection),
            _request: request,
        };
        if !bounded.is_end_stream()
            && let Poll::Ready(first) = bounded.poll_body(&mut Context::from_waker(Waker::noop()))
        {
            bounded.first = first;
        }
        bounded
    })
}

/// A body that pauses while too much of it is unsent.
pub(crate) struct Bounded {
    /// The first message, which was encoded at once.
    first: Option<Result<Frame<Bytes>, Status>>,
    /// The rest of a message that is sent in pieces.
    rest: Option<Leaving>,
    /// Whether the connection watches this stream for a stall.
    is_watched: bool,
    /// Whether any of it was given to the transport.
    has_begun: bool,
    body: Spanned,
    /// Made for the second message, or a large first one: most answers are one small message.
    backlog: Option<Arc<Backlog>>,
    connection: Arc<Connection>,
    _request: OpenRequest,
}

/// The unsent part of an answer.
#[derive(Debug)]
pub(crate) struct Backlog {
    /// Bytes that the transport has.
    bytes: AtomicUsize,
    /// Pieces that were sent.
    left: AtomicU64,
    waker: AtomicWaker,
    ends: Option<Arc<Ends>>,
}

/// Data that counts itself as sent when it is dropped.
struct Leaving {
    data: Bytes,
    connection: Arc<Connection>,
    /// `None` for a small first message: an answer may always have one unsent.
    backlog: Option<Arc<Backlog>>,
    /// Whether the transport has it.
    is_given: bool,
}

impl AsRef<[u8]> for Leaving {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        unread::subtract(self.data.len());
        self.connection.forget_unread(self.data.len());
        if self.is_given
            && let Some(backlog) = &self.backlog
        {
            backlog.bytes.fetch_sub(self.data.len(), Ordering::AcqRel);
            backlog.left.fetch_add(1, Ordering::Relaxed);
            backlog.waker.wake();
        }
    }
}

impl Backlog {
    fn new() -> Self {
        Self {
            bytes: AtomicUsize::new(0),
            left: AtomicU64::new(0),
            waker: AtomicWaker::new(),
            ends: Ends::present(),
        }
    }

    fn is_full(&self) -> bool {
        let most = if unread::bytes() < BACKLOGS_BYTES_MAX {
            BACKLOG_BYTES_MAX
        } else {
            BACKLOG_BYTES_LEAST
        };
        self.bytes.load(Ordering::Acquire) >= most
    }
}

impl Unsent for Backlog {
    fn progress(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    fn is_waiting(&self) -> bool {
        self.bytes.load(Ordering::Acquire) > 0
    }

    fn end(&self) -> bool {
        self.ends.as_ref().inspect(|ends| ends.end()).is_some()
    }
}

impl Bounded {
    /// The next frame of the body, whose data is counted until it is sent.
    fn poll_body(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(rest) = self.rest.take() {
            return Poll::Ready(Some(Ok(Frame::data(self.piece(rest)))));
        }
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| {
            Ok(frame?.map_data(|data| {
                let counted = self.count(data);
                self.piece(counted)
            }))
        }))
    }

    /// Counts data until it is sent.
    fn count(&mut self, data: Bytes) -> Leaving {
        unread::add(data.len());
        self.connection.note_unread(data.len());
        let is_small_first = !self.has_begun && data.len() <= BACKLOG_BYTES_LEAST;
        self.has_begun = true;
        let backlog = (!is_small_first).then(|| {
            let backlog = self.backlog.get_or_insert_with(|| Arc::new(Backlog::new()));
            Arc::clone(backlog)
        });
        Leaving {
            data,
            connection: Arc::clone(&self.connection),
            backlog,
            is_given: false,
        }
    }

    /// The first piece of data that is counted; the rest waits here.
    fn piece(&mut self, mut data: Leaving) -> Bytes {
        if data.data.len() > PIECE_BYTES_MAX {
            let rest = data.data.split_off(PIECE_BYTES_MAX);
            self.rest = Some(Leaving {
                data: rest,
                connection: Arc::clone(&data.connection),
                backlog: data.backlog.clone(),
                is_given: false,
            });
        }
        data.is_given = true;
        if let Some(backlog) = &data.backlog {
            backlog.bytes.fetch_add(data.data.len(), Ordering::AcqRel);
        }
        Bytes::from_owner(data)
    }
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        let Self {
            backlog,
            is_watched,
            connection,
            ..
        } = &mut *self;
        if let Some(backlog) = backlog.as_ref().filter(|backlog| backlog.is_full()) {
            backlog.waker.register(context.waker());
            // Data that was sent between the two checks has woken nobody.
            if backlog.is_full() {
                if !std::mem::replace(is_watched, true) {
                    connection.watch(backlog);
                }
                return Poll::Pending;
            }
        }
        self.poll_body(context)
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().and_then(|first| first.as_ref().ok());
        let first = first.and_then(Frame::data_ref).map_or(0, Bytes::len);
        let rest = self.rest.as_ref().map_or(0, |rest| rest.data.len());
        let (held, of_body) = ((first + rest) as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(of_body.lower() + held);
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper + held);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::{FutureExt as _, StreamExt as _, stream};
    use http_body_util::BodyExt as _;
    use tonic::body::Body;

    use super::*;
    use crate::rpc::without_rpc;

    fn answer(body: axum::body::Body) -> Response<Spanned> {
        without_rpc(Response::new(Body::new(body)))
    }

    const CHUNK: usize = BACKLOG_BYTES_MAX / 2;

    #[tokio::test]
    async fn a_stream_waits_until_its_data_is_sent() {
        let chunks =
            stream::iter((0..5_u8).map(|n| Ok::<_, Infallible>(Bytes::from(vec![n; CHUNK]))));
        let connection = Arc::new(Connection::for_tests());
        let mut body = bounded(
            &connection,
            connection.open_request(),
            answer(axum::body::Body::from_stream(chunks)),
        )
        .into_body()
        .into_data_stream();
        let first = body.next().await.expect("the first").expect("data");
        let second = body.next().await.expect("the second").expect("data");
        assert!(
            body.next().now_or_never().is_none(),
            "too much is on its way"
        );
        let waiting = tokio::spawn(async move {
            let third = body.next().await;
            (third, body)
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        assert_eq!(second[0], 1);
        drop(first);
        let (third, body) = waiting.await.expect("it continues");
        assert_eq!(third.expect("the third").expect("data")[0], 2);
        drop(second);
        let rest: Vec<u8> = body.map(|data| data.expect("data")[0]).collect().await;
        assert_eq!(
            rest,
            [3, 4],
            "a client that continues to read gets everything"
        );
    }

    #[tokio::test]
    async fn a_large_message_is_counted_and_sent_in_pieces() {
        let whole: Vec<u8> = (0..5 * PIECE_BYTES_MAX + 7)
            .map(|at| (at % 251) as u8)
            .collect();
        let connection = Arc::new(Connection::for_tests());
        let body = axum::body::Body::from(whole.clone());
        let body = bounded(&connection, connection.open_request(), answer(body)).into_body();
        assert_eq!(
            body.size_hint().exact(),
            Some(whole.len() as u64),
            "HTTP/1.1 sends its length"
        );
        let mut body = body.into_data_stream();
        assert_eq!(connection.unread(), whole.len());
        let mut read = Vec::new();
        while let Some(piece) = body.next().await {
            let piece = piece.expect("data");
            assert!(piece.len() <= PIECE_BYTES_MAX);
            read.extend_from_slice(&piece);
            drop(piece);
            assert_eq!(connection.unread(), whole.len() - read.len());
        }
        assert_eq!(read, whole);
        let dropped = bounded(
            &connection,
            connection.open_request(),
            answer(axum::body::Body::from(whole)),
        );
        drop(dropped);
        assert_eq!(
            connection.unread(),
            0,
            "what is not given is not counted for ever"
        );
    }
}
