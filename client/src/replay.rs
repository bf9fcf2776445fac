//! A request that is sent again if the server has certainly not seen it: its connection was about to
//! close, as each does at its age.
//!
//! Promise: a request that a server may have begun is never sent twice. Must not: keep more than
//! [`KEPT_BYTES_MAX`] of a request.

use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use h2::Reason;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Bytes;
use tonic::Status;
use tonic::body::Body;

/// Bytes of a request that are kept until its answer begins: as many as a server takes of one.
const KEPT_BYTES_MAX: usize = 4 << 20;

/// The body of a request, with what was sent of it, so that a program that passes requests on can
/// send it again. Keeps 4 MiB at most.
#[derive(Debug)]
pub struct Replay(Arc<Mutex<Sent>>);

#[derive(Debug)]
struct Sent {
    body: Body,
    frames: Vec<Bytes>,
    bytes: usize,
    /// Whether all that was sent is in `frames`.
    is_kept: bool,
}

impl Replay {
    /// Nothing of the body is sent yet.
    #[must_use]
    pub fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(Sent {
            body,
            frames: Vec::new(),
            bytes: 0,
            is_kept: true,
        })))
    }

    /// Whether it can be sent from its beginning.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        locked(&self.0).is_kept
    }

    /// The body from its beginning, if it is whole.
    #[must_use]
    pub fn body(&self) -> Body {
        Body::new(Again {
            sent: Arc::clone(&self.0),
            next: 0,
        })
    }

    /// What was sent of it, if it is whole.
    #[must_use]
    pub fn sent(&self) -> Vec<u8> {
        locked(&self.0).frames.concat()
    }

    /// Keeps nothing more: there is an answer.
    pub fn settle(&self) {
        locked(&self.0).is_kept = false;
    }
}

impl Sent {
    fn keep(&mut self, data: &Bytes) {
        self.bytes += data.len();
        self.is_kept &= self.bytes <= KEPT_BYTES_MAX;
        if self.is_kept {
            self.frames.push(data.clone());
        }
    }
}

fn locked(sent: &Mutex<Sent>) -> MutexGuard<'_, Sent> {
    // It is changed last in each step: valid also after a panic of a body.
    sent.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body from its beginning.
#[derive(Debug)]
struct Again {
    sent: Arc<Mutex<Sent>>,
    /// The next of the kept frames.
    next: usize,
}

impl HttpBody for Again {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let next = self.next;
        self.next += 1;
        let mut sent = locked(&self.sent);
        if let Some(data) = sent.frames.get(next) {
            return Poll::Ready(Some(Ok(Frame::data(data.clone()))));
        }
        let polled = Pin::new(&mut sent.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    sent.keep(data);
                }
            }
            Poll::Ready(_) => {}
            Poll::Pending => {
                drop(sent);
                self.next = next;
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        let sent = locked(&self.sent);
        self.next >= sent.frames.len() && sent.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// Whether a request was never sent: there was no connection.
pub(crate) fn is_unsent(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<crate::error::Error>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether a request failed before its server has seen anything of it: it was never sent, or the
/// server says so.
pub(crate) fn is_unseen(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && error.is_canceled()
        {
            return true;
        }
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            let is_leaving = error.is_go_away() && error.is_remote();
            return error.reason() == Some(Reason::REFUSED_STREAM)
                || is_leaving && error.reason() == Some(Reason::NO_ERROR);
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::poll_fn;

    use futures::stream::iter;
    use http_body_util::StreamBody;

    use super::*;

    fn replay(pieces: &[usize]) -> Replay {
        let frames = pieces.iter().map(|bytes| {
            let data = Bytes::from(vec![7; *bytes]);
            Ok::<_, Infallible>(Frame::data(data))
        });
        Replay::new(Body::new(StreamBody::new(iter(frames.collect::<Vec<_>>()))))
    }

    /// The sizes of so many frames.
    async fn read(body: &mut Body, count: usize) -> Vec<usize> {
        let mut sizes = Vec::new();
        for _ in 0..count {
            let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
            let Some(Ok(frame)) = frame else { break };
            sizes.push(frame.into_data().expect("data").len());
        }
        sizes
    }

    #[tokio::test]
    async fn a_body_is_sent_again_from_its_beginning() {
        let replay = replay(&[1, 2, 3]);
        let mut first = replay.body();
        assert_eq!(read(&mut first, 2).await, [1, 2]);
        drop(first);
        let mut second = replay.body();
        assert_eq!(read(&mut second, 9).await, [1, 2, 3]);
        replay.settle();
        assert!(!replay.is_whole(), "it has an answer");
    }

    #[tokio::test]
    async fn a_long_body_is_sent_once() {
        let replay = replay(&[KEPT_BYTES_MAX, 1, 1]);
        let mut first = replay.body();
        assert_eq!(read(&mut first, 9).await.len(), 3, "it is sent whole");
        assert!(!replay.is_whole());
    }
}
