//! A member of a view: the part of a client's stream that the server can wake, find stalled or end.
//!
//! Promise: all that the server holds for a client is here, bounded, and can be freed although the
//! client reads nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;
use std::time::Duration;

use futures::task::AtomicWaker;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::cache::Cache;
use crate::message::Message;

/// A member of a view.
#[derive(Debug)]
pub(crate) struct Member {
    waker: AtomicWaker,
    state: Mutex<State>,
}

/// What a member holds, and its state.
#[derive(Debug)]
pub(crate) struct State {
    /// The next messages.
    pub(crate) pending: VecDeque<Message>,
    /// The state whose snapshot is being sent.
    pub(crate) snapshot: Option<Arc<Cache>>,
    /// The end of the view's window when the member had taken everything; `None` while there is
    /// something to take.
    pub(crate) idle_at: Option<u64>,
    /// Why the stream is to end.
    pub(crate) verdict: Option<Verdict>,
    /// Its place among the streams that are admitted.
    permit: Option<OwnedSemaphorePermit>,
    progress: Instant,
}

/// Why a stream is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The client took nothing for too long.
    Stalled,
    /// The server drains; the client should wait so long before it reconnects.
    Draining(Duration),
}

impl Member {
    /// A member that has just begun.
    pub(crate) fn new(permit: Option<OwnedSemaphorePermit>) -> Self {
        let state = State {
            pending: VecDeque::new(),
            snapshot: None,
            idle_at: None,
            verdict: None,
            permit,
            progress: Instant::now(),
        };
        Self {
            waker: AtomicWaker::new(),
            state: Mutex::new(state),
        }
    }

    /// Locks the state for the client's next read. If no message is ready, registers to be woken by
    /// news.
    pub(crate) fn poll(&self, context: &Context<'_>) -> MutexGuard<'_, State> {
        let mut state = self.state();
        if state.pending.is_empty() {
            // Registered before anything is looked for: news after that wakes it.
            self.waker.register(context.waker());
        }
        state.progress = Instant::now();
        state
    }

    /// Changes the state before its client reads anything.
    pub(crate) fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
    }

    /// Wakes the stream: there is news.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// Ends it if it had something to take for longer than `stall` and took nothing; `end` is the
    /// end of the view's window.
    pub(crate) fn end_if_stalled(&self, end: u64, now: Instant, stall: Duration) {
        let mut state = self.state();
        if state.idle_at == Some(end) {
            state.progress = now;
        } else if now.duration_since(state.progress) > stall && state.verdict.is_none() {
            state.end(Verdict::Stalled);
            drop(state);
            self.wake();
        }
    }

    /// Sends it away because the server drains.
    pub(crate) fn drain(&self, reconnect_after: Duration) {
        let mut state = self.state();
        if state.verdict.is_none() {
            state.verdict = Some(Verdict::Draining(reconnect_after));
        }
        drop(state);
        self.wake();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Frees what it holds: a client that resumes with the last token gets it again.
    fn end(&mut self, verdict: Verdict) {
        self.pending = VecDeque::new();
        self.snapshot = None;
        self.permit = None;
        self.verdict = Some(verdict);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    const STALL: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_member_that_takes_no_ready_changes_is_stalled() {
        let member = Member::new(None);
        let context = Context::from_waker(Waker::noop());
        member.poll(&context).idle_at = Some(5);
        tokio::time::advance(10 * STALL).await;
        member.end_if_stalled(5, Instant::now(), STALL);
        assert_eq!(member.state().verdict, None, "there was nothing to take");
        tokio::time::advance(STALL).await;
        member.end_if_stalled(6, Instant::now(), STALL);
        assert_eq!(member.state().verdict, None, "it has just become so long");
        tokio::time::advance(STALL / 2).await;
        member.poll(&context).idle_at = None;
        tokio::time::advance(STALL).await;
        member.end_if_stalled(6, Instant::now(), STALL);
        assert_eq!(member.state().verdict, None, "it took something in between");
        tokio::time::advance(STALL / 2).await;
        member.end_if_stalled(6, Instant::now(), STALL);
        assert_eq!(member.state().verdict, Some(Verdict::Stalled));
    }
}
