//! Streams of the wallboard.
//!
//! Promise: the newest counts only, at most as often as requested. A watcher that reads slowly
//! misses the counts in between, and nothing waits for it. Every watcher gets an answer within the
//! time of a bookmark.

use std::sync::Arc;
use std::time::Duration;

use aftercall_proto::alert::v1::{Wallboard, WatchWallboardResponse};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until, timeout_at};
use tonic::Status;

use super::status::Refusal;
use crate::hub::Hub;

/// A stream of the wallboard.
pub(crate) type Wallboards = BoxStream<'static, Result<WatchWallboardResponse, Status>>;

/// One watcher.
struct Watcher {
    hub: Arc<Hub>,
    news: watch::Receiver<Arc<Wallboard>>,
    first: Option<Wallboard>,
    every: Duration,
    sent_at: Instant,
    has_ended: bool,
    _permit: OwnedSemaphorePermit,
}

/// Streams the wallboard, `first` at once, then no more often than `every`.
pub(crate) fn watch(
    hub: Arc<Hub>,
    first: Wallboard,
    every: Duration,
    permit: OwnedSemaphorePermit,
) -> Wallboards {
    let mut news = hub.wallboards();
    news.mark_unchanged();
    let watcher = Watcher {
        hub,
        news,
        first: Some(first),
        every,
        sent_at: Instant::now(),
        has_ended: false,
        _permit: permit,
    };
    stream::unfold(watcher, |mut watcher| async move {
        let response = watcher.next().await?;
        Some((response, watcher))
    })
    .boxed()
}

impl Watcher {
    async fn next(&mut self) -> Option<Result<WatchWallboardResponse, Status>> {
        if self.has_ended {
            return None;
        }
        let drain = self.hub.drain().clone();
        let Some(wallboard) = drain.run_until_cancelled(self.wallboard()).await else {
            self.has_ended = true;
            return Some(Err(Refusal::Draining.into()));
        };
        self.sent_at = Instant::now();
        Some(Ok(WatchWallboardResponse { wallboard }))
    }

    async fn wallboard(&mut self) -> Option<Wallboard> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        sleep_until(self.sent_at + self.every).await;
        // Send the newest after a change or a timeout.
        let _ = timeout_at(self.sent_at + self.hub.pace().bookmark, self.news.changed()).await;
        self.hub.wallboard()
    }
}
