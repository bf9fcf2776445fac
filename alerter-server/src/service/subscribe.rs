//! One stream: a cursor over the ring, and what its client has been told.
//!
//! Promise: frames come in order of sequence, without a gap, or `Reset` says that they cannot. Only the last frame of a
//! sequence carries that sequence's token, so that no token resumes in the midst of an entry. While a snapshot is on its
//! way the token is empty: a stream that is cut there begins anew.

use std::sync::Arc;
use std::time::SystemTime;

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{Bookmark, CaughtUp, Drain, FellBehind, SnapshotEnd, SnapshotItem, SnapshotMode};
use aftercall_proto::feed::v1::FeedEntry;
use aftercall_proto::workflow::v1::FollowUp;
use tokio::sync::watch;

use super::Pace;
use super::beginning::{Beginning, obstacle_of, refused};
use super::frames::{frames_of, reset, upstream};
use super::outlet::{Ending, Outlet};
use super::status::Obstacle;
use crate::cache::{Cache, Position, Standing};
use crate::filter::Filter;
use crate::hub::{Hub, Link};
use crate::limits::{FELL_BEHIND_ENTRIES, RECONNECT_SPREAD, ROUND_ENTRIES_MAX};
use crate::token::Token;

/// A stream.
pub(crate) struct Session {
    views: watch::Receiver<Option<Arc<Cache>>>,
    link: watch::Receiver<Link>,
    filter: Filter,
    mode: SnapshotMode,
    pace: Pace,
    outlet: Outlet,
    cursor: Cursor,
}

/// Where a stream stands, and what its client has been told of that.
struct Cursor {
    epoch: u64,
    generation: u64,
    position: Position,
    /// Whether the client has a whole picture at that position.
    whole: bool,
    owes_caught_up: bool,
    told_behind: bool,
    told_connected: bool,
}

impl Session {
    /// A stream that has not begun.
    pub(crate) fn new(hub: &Hub, filter: Filter, mode: SnapshotMode, pace: Pace, outlet: Outlet) -> Self {
        let cursor = Cursor {
            epoch: 0,
            generation: 0,
            position: Position::default(),
            whole: false,
            owes_caught_up: true,
            // A client that resumes is behind for good reason; it is told only if it falls behind once it has caught up.
            told_behind: true,
            told_connected: true,
        };
        Self { views: hub.views(), link: hub.link(), filter, mode, pace, outlet, cursor }
    }

    /// Streams until the client goes, the server drains, or the stream must be closed.
    pub(crate) async fn run(mut self, view: Arc<Cache>, beginning: Beginning) {
        let subscribers = metrics::gauge!("aftercall_alerter_subscribers");
        subscribers.increment(1.0);
        match self.stream(view, beginning).await {
            Ending::Gone => {}
            Ending::Refused(refusal) => {
                tracing::info!(%refusal, "a stream was closed");
                self.outlet.refuse(refusal);
            }
            Ending::Draining => {
                let reconnect_after = RECONNECT_SPREAD.mul_f64(rand::random::<f64>());
                let reconnect_after = prost_types::Duration::try_from(reconnect_after).ok();
                let token = self.token();
                self.outlet.send_last(token, Frame::Drain(Drain { reconnect_after })).await;
            }
        }
        subscribers.decrement(1.0);
    }

    async fn stream(&mut self, view: Arc<Cache>, beginning: Beginning) -> Ending {
        match self.try_stream(view, beginning).await {
            Ok(never) => match never {},
            Err(ending) => ending,
        }
    }

    async fn try_stream(&mut self, view: Arc<Cache>, beginning: Beginning) -> Result<std::convert::Infallible, Ending> {
        match beginning {
            Beginning::Snapshot => self.snapshot(&view).await?,
            Beginning::Reset(obstacle) => self.reset(&view, obstacle).await?,
            Beginning::From(position) => self.stand(&view, position),
        }
        drop(view);
        loop {
            let view = self.views.borrow_and_update().clone();
            let at_head = match view {
                Some(view) => self.read_on(&view).await?,
                None => true,
            };
            self.tell_upstream().await?;
            if self.outlet.last_sent().elapsed() >= self.pace.bookmark {
                let sequence = self.cursor.position.sequence;
                self.send(Frame::Bookmark(Bookmark { sequence })).await?;
            }
            if at_head {
                self.wait().await?;
            } else {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Waits for something to do. What it is, the loop finds out.
    async fn wait(&mut self) -> Result<(), Ending> {
        tokio::select! {
            ending = self.outlet.ending() => return Err(ending),
            changed = self.views.changed() => changed.map_err(|_| Ending::Draining)?,
            changed = self.link.changed() => changed.map_err(|_| Ending::Draining)?,
            () = tokio::time::sleep_until(self.outlet.last_sent() + self.pace.bookmark) => {}
        }
        Ok(())
    }

    /// Sends some of what follows in the view; says whether its head was reached.
    async fn read_on(&mut self, view: &Cache) -> Result<bool, Ending> {
        self.bridge(view).await?;
        let (begin, head) = (self.cursor.position.sequence, view.head().sequence);
        let behind = head.saturating_sub(begin);
        if behind > FELL_BEHIND_ENTRIES && !self.cursor.told_behind {
            self.cursor.told_behind = true;
            self.cursor.owes_caught_up = true;
            self.send(Frame::FellBehind(FellBehind { changes: behind })).await?;
        }
        for sequence in begin + 1..=head.min(begin + ROUND_ENTRIES_MAX) {
            let Some(entry) = view.entry(sequence) else {
                self.reset(view, Obstacle::TooOld).await?;
                break;
            };
            self.deliver(entry).await?;
        }
        let at_head = self.cursor.position.sequence >= head;
        if at_head && std::mem::take(&mut self.cursor.owes_caught_up) {
            self.cursor.told_behind = false;
            self.send(Frame::CaughtUp(CaughtUp { sequence: head })).await?;
        }
        Ok(at_head)
    }

    /// Makes sure that the view follows on the cursor: after the alerter began anew, or the ring has let go of what follows.
    async fn bridge(&mut self, view: &Cache) -> Result<(), Ending> {
        let same_generation = view.generation() == self.cursor.generation;
        if same_generation && view.oldest() <= self.cursor.position.sequence {
            return Ok(());
        }
        let obstacle = match view.standing(self.cursor.epoch, self.cursor.position) {
            Standing::TooOld if !same_generation => Some(Obstacle::AlerterRestarted),
            standing => obstacle_of(standing),
        };
        self.cursor.generation = view.generation();
        match obstacle {
            Some(obstacle) => self.reset(view, obstacle).await,
            None => Ok(()),
        }
    }

    async fn deliver(&mut self, entry: &FeedEntry) -> Result<(), Ending> {
        let mut frames = frames_of(entry, &self.filter);
        let last = frames.pop();
        for frame in frames {
            self.send(frame).await?;
        }
        self.cursor.position = Position { sequence: entry.sequence, chain: entry.chain };
        if let Some(last) = last {
            self.cursor.owes_caught_up = true;
            self.send(last).await?;
        }
        Ok(())
    }

    async fn reset(&mut self, view: &Cache, obstacle: Obstacle) -> Result<(), Ending> {
        if self.mode == SnapshotMode::Never {
            return Err(Ending::Refused(refused(view, obstacle)));
        }
        metrics::counter!("aftercall_alerter_resets_total", "reason" => obstacle.name()).increment(1);
        self.cursor.whole = false;
        self.send(reset(view, obstacle)).await?;
        self.snapshot(view).await
    }

    async fn snapshot(&mut self, view: &Cache) -> Result<(), Ending> {
        self.cursor.whole = false;
        let mut item_count = 0;
        for follow_up in view.instances() {
            if !self.filter.shows(follow_up) {
                continue;
            }
            item_count += 1;
            self.send(Frame::SnapshotItem(SnapshotItem { follow_up: Some(FollowUp::clone(follow_up)) })).await?;
        }
        self.stand(view, view.head());
        let sequence = view.head().sequence;
        self.send(Frame::SnapshotEnd(SnapshotEnd { sequence, item_count })).await
    }

    /// Puts the cursor at a place of the view's history, with a whole picture there.
    fn stand(&mut self, view: &Cache, position: Position) {
        let told_connected = self.cursor.told_connected;
        self.cursor = Cursor {
            epoch: view.epoch_hash(),
            generation: view.generation(),
            position,
            whole: true,
            owes_caught_up: true,
            told_behind: true,
            told_connected,
        };
    }

    async fn tell_upstream(&mut self) -> Result<(), Ending> {
        let link = *self.link.borrow_and_update();
        if link.connected == self.cursor.told_connected {
            return Ok(());
        }
        self.cursor.told_connected = link.connected;
        self.send(upstream(link, SystemTime::now())).await
    }

    async fn send(&mut self, frame: Frame) -> Result<(), Ending> {
        let token = self.token();
        self.outlet.send(token, frame).await
    }

    /// The token after all that has been sent; empty while the picture is not whole.
    fn token(&self) -> String {
        let Cursor { epoch, position, whole, .. } = self.cursor;
        if whole { Token { epoch, position, filter: self.filter.hash() }.encode() } else { String::new() }
    }
}
