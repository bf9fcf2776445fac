//! A member of a view: one client's stream, as those see it who wake it, find it stalled, or send
//! it away.
//!
//! Promise: what a client makes the server hold is here, bounded, and can be taken from it though
//! it reads nothing.

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

/// What a member holds, and how it stands.
#[derive(Debug)]
pub(crate) struct State {
    /// Messages that are its next.
    pub(crate) pending: VecDeque<Message>,
    /// The state of which it is being given a snapshot.
    pub(crate) snapshot: Option<Arc<Cache>>,
    /// The end of the view's window when the member had taken everything; none while there is
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

    /// Takes the state, because the client takes what there is; it is woken when there is more.
    pub(crate) fn poll(&self, context: &Context<'_>) -> MutexGuard<'_, State> {
        // Registered before the state is looked at: what comes after that wakes.
        self.waker.register(context.waker());
        let mut state = self.state();
        state.progress = Instant::now();
        state
    }

    /// Lets the stream change what it holds before its client takes anything.
    pub(crate) fn hold(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
    }

    /// Tells it that there is news.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// Lets it go where it had something to take for longer than `stall` and took nothing; `end` is
    /// the end of the view's window.
    pub(crate) fn judge(&self, end: u64, now: Instant, stall: Duration) {
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
    /// Frees what it holds: whoever resumes with the last token gets it again.
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
    async fn only_who_has_something_to_take_and_takes_nothing_is_stalled() {
        let member = Member::new(None);
        let context = Context::from_waker(Waker::noop());
        member.poll(&context).idle_at = Some(5);
        tokio::time::advance(10 * STALL).await;
        member.judge(5, Instant::now(), STALL);
        assert_eq!(member.state().verdict, None, "there was nothing to take");
        tokio::time::advance(STALL).await;
        member.judge(6, Instant::now(), STALL);
        assert_eq!(member.state().verdict, None, "it has just become so long");
        tokio::time::advance(STALL / 2).await;
        member.poll(&context).idle_at = None;
        tokio::time::advance(STALL).await;
        member.judge(6, Instant::now(), STALL);
        assert_eq!(member.state().verdict, None, "it took something in between");
        tokio::time::advance(STALL / 2).await;
        member.judge(6, Instant::now(), STALL);
        assert_eq!(member.state().verdict, Some(Verdict::Stalled));
    }
}
