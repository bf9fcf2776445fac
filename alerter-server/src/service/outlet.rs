//! The way from a stream's task to its client: a few frames that wait, and how the stream ends.
//!
//! Promise: bounded; a client that takes nothing for the stall time is found out, and no frame is lost or reordered
//! before the status with which the stream ends.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use aftercall_proto::alert::v1::SubscribeResponse;
use aftercall_proto::alert::v1::subscribe_response::Frame;
use futures::Stream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::status::Refusal;
use crate::limits::{CLIENT_FRAMES_MAX, DRAIN_FRAME_PATIENCE};

/// Why a stream ends.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The client has gone.
    Gone,
    /// The server drains.
    Draining,
    /// The stream is closed with a status.
    Refused(Refusal),
}

/// The task's end.
#[derive(Debug)]
pub(crate) struct Outlet {
    frames: mpsc::Sender<SubscribeResponse>,
    end: oneshot::Sender<Refusal>,
    stall: Duration,
    drain: CancellationToken,
    last_sent: Instant,
}

/// The client's end: the stream that the transport reads.
#[derive(Debug)]
pub(crate) struct Frames {
    frames: mpsc::Receiver<SubscribeResponse>,
    end: Option<oneshot::Receiver<Refusal>>,
}

/// A way to a client that may take nothing for at most `stall`.
pub(crate) fn open(stall: Duration, drain: CancellationToken) -> (Outlet, Frames) {
    let (frames, receiver) = mpsc::channel(CLIENT_FRAMES_MAX);
    let (end, refusal) = oneshot::channel();
    let outlet = Outlet { frames, end, stall, drain, last_sent: Instant::now() };
    (outlet, Frames { frames: receiver, end: Some(refusal) })
}

impl Outlet {
    /// Sends a frame; waits for room, but neither for ever nor while the server drains.
    pub(crate) async fn send(&mut self, token: String, frame: Frame) -> Result<(), Ending> {
        let room = tokio::select! {
            biased;
            () = self.drain.cancelled() => return Err(Ending::Draining),
            room = timeout(self.stall, self.frames.reserve()) => room,
        };
        let stalled = Refusal::Stalled { stall_seconds: self.stall.as_secs() };
        let room = room.map_err(|_| Ending::Refused(stalled))?.map_err(|_| Ending::Gone)?;
        room.send(response(token, frame));
        self.last_sent = Instant::now();
        metrics::counter!("aftercall_alerter_deliveries_total").increment(1);
        Ok(())
    }

    /// Sends the last frame of a draining server, if there is soon room for it; then the stream ends in good order.
    pub(crate) async fn send_last(self, token: String, frame: Frame) {
        // A client that is not reading will find the end of the stream, and its last token is still good.
        let _ = self.frames.send_timeout(response(token, frame), DRAIN_FRAME_PATIENCE).await;
    }

    /// Ends the stream with a status, after the frames that wait.
    pub(crate) fn refuse(self, refusal: Refusal) {
        // The client may have gone meanwhile; then nobody wants to know.
        let _ = self.end.send(refusal);
    }

    /// When the last frame was sent.
    pub(crate) fn last_sent(&self) -> Instant {
        self.last_sent
    }

    /// Waits until the client has gone or the server drains.
    pub(crate) async fn ending(&self) -> Ending {
        tokio::select! {
            biased;
            () = self.drain.cancelled() => Ending::Draining,
            () = self.frames.closed() => Ending::Gone,
        }
    }
}

impl Stream for Frames {
    type Item = Result<SubscribeResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(response) = ready!(self.frames.poll_recv(cx)) {
            return Poll::Ready(Some(Ok(response)));
        }
        // The task sets the refusal before it lets go of the frames, so it is there now or never.
        let refusal = self.end.take().and_then(|mut end| end.try_recv().ok());
        Poll::Ready(refusal.map(|refusal| Err(refusal.into())))
    }
}

fn response(token: String, frame: Frame) -> SubscribeResponse {
    SubscribeResponse { token, server_time: Some(SystemTime::now().into()), frame: Some(frame) }
}
