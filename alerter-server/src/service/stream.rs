//! One client's stream: a cursor over its view, and which notices it has sent.
//!
//! Promise: frames come in order of sequence, without a gap, or `Reset` says that they cannot. Only
//! the last frame of a sequence carries that sequence's token, so that no token resumes in the
//! middle of an entry. During a snapshot the token is empty: a stream that is cut there starts
//! again. The transport reads the stream when the client has room. It holds a bounded number of
//! bytes and has no task of its own.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{CaughtUp, Drain, FellBehind, SnapshotEnd, SnapshotMode};
use futures::Stream;
use metrics::Counter;
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;

use super::beginning::{Beginning, obstacle_of, refused};
use super::frames::{reset, upstream};
use super::status::{Obstacle, Refusal};
use crate::cache::{Cache, Resumability};
use crate::hub::Hub;
use crate::limits::{FELL_BEHIND_ENTRIES, ROUND_ENTRIES_MAX, STREAM_WRITE_BYTES};
use crate::member::{Member, State, Verdict};
use crate::message::Message;
use crate::position::Position;
use crate::view::{Cursor, Reading, View};

/// A client's stream.
#[derive(Debug)]
pub(crate) struct ClientStream {
    member: Arc<Member>,
    place: usize,
    source: FrameSource,
    /// Looked up once: a look-up for each message took 6 % of the CPU under load.
    deliveries: Counter,
}

/// Chooses the next frames of one client.
#[derive(Debug)]
struct FrameSource {
    hub: Arc<Hub>,
    view: Arc<View>,
    mode: SnapshotMode,
    cursor: Cursor,
    phase: Phase,
    owes_caught_up: bool,
    has_sent_fell_behind: bool,
    sent_connected: bool,
}

#[derive(Debug)]
enum Phase {
    /// A snapshot is being sent; `after` is the id of the last instance that was sent.
    Snapshot {
        after: Option<Arc<str>>,
        item_count: u32,
    },
    /// The client has a whole picture at the cursor.
    Following,
    /// The stream ends, with a status if there is one.
    Ended(Option<Refusal>),
}

/// The result of looking for news.
enum Found {
    /// There is something to send, or the phase has changed.
    Something,
    /// Nothing yet, but there is more to look through.
    More,
    /// Nothing; the window of the view ends here.
    Nothing(u64),
}

impl ClientStream {
    /// A stream that begins as was decided by `cache`, with its place in the view.
    pub(crate) fn new(
        hub: Arc<Hub>,
        view: Arc<View>,
        mode: SnapshotMode,
        cache: Arc<Cache>,
        beginning: Beginning,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let member = Arc::new(Member::new(Some(permit)));
        let place = view.join(Arc::clone(&member));
        metrics::gauge!("aftercall_alerter_subscribers").increment(1.0);
        let position = match beginning {
            Beginning::From(position) => position,
            Beginning::Snapshot | Beginning::Reset(_) => cache.head(),
        };
        let cursor = Cursor {
            epoch: cache.epoch_hash(),
            generation: cache.generation(),
            position,
            ordinal: None,
        };
        let mut source = FrameSource {
            hub,
            view,
            mode,
            cursor,
            phase: Phase::Following,
            owes_caught_up: true,
            // A client that resumes is behind for good reason: FellBehind is sent only if it falls
            // behind after it has caught up.
            has_sent_fell_behind: true,
            sent_connected: true,
        };
        match beginning {
            Beginning::From(_) => {}
            Beginning::Snapshot => member.update(|state| source.begin_snapshot(state, cache)),
            Beginning::Reset(obstacle) => {
                member.update(|state| source.reset(state, &cache, obstacle));
            }
        }
        Self {
            member,
            place,
            source,
            deliveries: metrics::counter!("aftercall_alerter_deliveries_total"),
        }
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        self.source.view.leave(self.place);
        metrics::gauge!("aftercall_alerter_subscribers").decrement(1.0);
    }
}

impl Stream for ClientStream {
    type Item = Result<Message, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self {
            member,
            source,
            deliveries,
            ..
        } = &mut *self;
        let mut state = member.poll(context);
        loop {
            if let Some(message) = state.pending.pop_front() {
                deliveries.increment(1);
                return Poll::Ready(Some(Ok(message)));
            }
            if let Phase::Ended(refusal) = &mut source.phase {
                return Poll::Ready(refusal.take().map(|refusal| Err(refusal.into())));
            }
            match source.find_next(&mut state) {
                Found::Something => {}
                Found::More => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Found::Nothing(end) => {
                    state.idle_at = Some(end);
                    return Poll::Pending;
                }
            }
        }
    }
}

impl FrameSource {
    fn find_next(&mut self, state: &mut State) -> Found {
        state.idle_at = None;
        if let Some(verdict) = state.verdict {
            self.end(state, verdict);
            return Found::Something;
        }
        let Some(newest) = self.hub.now() else {
            return Found::More;
        };
        if matches!(self.phase, Phase::Snapshot { .. }) {
            self.continue_snapshot(state, &newest);
            return Found::Something;
        }
        let link = self.hub.link_now();
        if link.connected != self.sent_connected {
            self.sent_connected = link.connected;
            self.push(state, upstream(link, link.server_time()));
            return Found::Something;
        }
        if let Some(changes) = self.fell_behind(&newest) {
            (self.has_sent_fell_behind, self.owes_caught_up) = (true, true);
            self.push(state, Frame::FellBehind(FellBehind { changes }));
            return Found::Something;
        }
        match self
            .view
            .read(&mut self.cursor, self.hub.advanced(), &mut state.pending)
        {
            Reading::Messages { caught_up } => {
                self.owes_caught_up &= !caught_up;
                self.has_sent_fell_behind &= !caught_up;
                Found::Something
            }
            Reading::AtEnd(_) if self.owes_caught_up => {
                (self.owes_caught_up, self.has_sent_fell_behind) = (false, false);
                self.push(
                    state,
                    Frame::CaughtUp(CaughtUp {
                        sequence: self.cursor.position.sequence,
                    }),
                );
                Found::Something
            }
            Reading::AtEnd(end) => Found::Nothing(end),
            Reading::OutOfWindow => self.read_ring(state, &newest),
        }
    }

    /// How far the stream is behind, if that is news for the client. Entries that do not concern it do
    /// not count.
    fn fell_behind(&self, newest: &Cache) -> Option<u64> {
        let (head, position) = (newest.head().sequence, self.cursor.position.sequence);
        let is_behind = |read: u64| head.saturating_sub(read) > FELL_BEHIND_ENTRIES;
        // The view is looked at only if it can matter.
        if self.has_sent_fell_behind || !is_behind(position) {
            return None;
        }
        let read = self.view.read_up_to(&self.cursor, self.hub.advanced());
        let read = read.unwrap_or_default().max(position);
        is_behind(read).then(|| head - read)
    }

    /// Reads what is older than the view's window, or of another generation, as far as the ring
    /// goes back.
    fn read_ring(&mut self, state: &mut State, newest: &Arc<Cache>) -> Found {
        if let Some(obstacle) = self.obstacle(newest) {
            self.reset(state, newest, obstacle);
            return Found::Something;
        }
        (self.cursor.generation, self.cursor.ordinal) = (newest.generation(), None);
        let begin = self.cursor.position.sequence;
        let mut bytes = 0;
        for sequence in begin + 1..=newest.head().sequence.min(begin + ROUND_ENTRIES_MAX) {
            let Some(entry) = newest.entry(sequence) else {
                break;
            };
            let messages = self
                .view
                .messages(self.cursor.epoch, entry, self.cursor.position);
            self.cursor.position = entry.position;
            bytes += messages.iter().map(Message::len).sum::<usize>();
            state.pending.extend(messages);
            if bytes >= STREAM_WRITE_BYTES {
                break;
            }
        }
        if state.pending.is_empty() {
            return Found::More;
        }
        self.owes_caught_up = true;
        Found::Something
    }

    /// Why the cursor cannot continue in the ring: the ring has dropped the next entries, or the
    /// alerter started again.
    fn obstacle(&self, newest: &Cache) -> Option<Obstacle> {
        let scope = self.view.filter().scope();
        match newest.resumability_in(scope, self.cursor.epoch, self.cursor.position) {
            Resumability::TooOld if newest.generation() != self.cursor.generation => {
                Some(Obstacle::AlerterRestarted)
            }
            resumability => obstacle_of(resumability),
        }
    }

    fn reset(&mut self, state: &mut State, newest: &Arc<Cache>, obstacle: Obstacle) {
        if self.mode == SnapshotMode::Never {
            self.phase = Phase::Ended(Some(refused(newest, obstacle)));
            return;
        }
        metrics::counter!("aftercall_alerter_resets_total", "reason" => obstacle.name())
            .increment(1);
        self.begin_snapshot(state, Arc::clone(newest));
        self.push(state, reset(newest, obstacle));
    }

    fn begin_snapshot(&mut self, state: &mut State, cache: Arc<Cache>) {
        self.cursor = Cursor {
            epoch: cache.epoch_hash(),
            generation: cache.generation(),
            position: cache.head(),
            ordinal: None,
        };
        state.snapshot = Some(cache);
        self.phase = Phase::Snapshot {
            after: None,
            item_count: 0,
        };
    }

    /// Sends some of the snapshot. Starts again if the ring has dropped the entries after it: a
    /// client that reads so slowly must not keep an old state alive.
    fn continue_snapshot(&mut self, state: &mut State, newest: &Arc<Cache>) {
        let Some(cache) = state
            .snapshot
            .clone()
            .filter(|_| self.obstacle(newest).is_none())
        else {
            let obstacle = self.obstacle(newest).unwrap_or(Obstacle::TooOld);
            return self.reset(state, newest, obstacle);
        };
        let Phase::Snapshot { after, item_count } = &mut self.phase else {
            return;
        };
        let (mut bytes, mut read) = (0, 0);
        let now = self.hub.link_now().server_time();
        for (id, shown) in cache.instances_after(after.clone().as_ref()) {
            read += 1;
            if self.view.filter().selects(&shown.facts) {
                let message = Message::snapshot_item(now, shown);
                bytes += message.len();
                *item_count += 1;
                state.pending.push_back(message);
            }
            if bytes >= STREAM_WRITE_BYTES || read == ROUND_ENTRIES_MAX {
                *after = Some(Arc::clone(id));
                return;
            }
        }
        let end = SnapshotEnd {
            sequence: cache.head().sequence,
            item_count: *item_count,
        };
        state.snapshot = None;
        self.phase = Phase::Following;
        (self.owes_caught_up, self.has_sent_fell_behind) = (true, true);
        self.push(state, Frame::SnapshotEnd(end));
    }

    fn end(&mut self, state: &mut State, verdict: Verdict) {
        let refusal = match verdict {
            Verdict::Draining(wait) => {
                let reconnect_after = prost_types::Duration::try_from(wait).ok();
                self.push(state, Frame::Drain(Drain { reconnect_after }));
                None
            }
            Verdict::Stalled => Some(Refusal::Stalled {
                stall_seconds: self.hub.pace().stall.as_secs(),
            }),
        };
        if let Some(refusal) = &refusal {
            tracing::info!(%refusal, "a stream was closed");
        }
        self.phase = Phase::Ended(refusal);
    }

    /// Adds a frame for this client only.
    fn push(&self, state: &mut State, frame: Frame) {
        let token = match self.phase {
            Phase::Snapshot { .. } => String::new(),
            _ => self.token(self.cursor.position),
        };
        state.pending.push_back(Message::new(
            &token,
            self.hub.link_now().server_time(),
            frame,
        ));
    }

    /// The token of a place.
    fn token(&self, position: Position) -> String {
        self.view.token(self.cursor.epoch, position)
    }
}

#[cfg(test)]
#[path = "stream/tests.rs"]
mod tests;
