//! Streams of the wallboard.
//!
//! Promise: the newest counts only, at most as often as requested. A watcher that reads slowly
//! misses the counts in between, and nothing waits for it. Every watcher gets an answer within the
//! time of a bookmark.

use std::sync::Arc;
use std::time::Duration;

use aftercall_proto::alert::v1::{Wallboard, WatchWallboardResponse};
use aftercall_scope::Scope;
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
    /// What it may see.
    scope: Scope,
    news: watch::Receiver<Arc<Wallboard>>,
    first: Option<Wallboard>,
    every: Duration,
    sent_at: Instant,
    has_ended: bool,
    _permit: OwnedSemaphorePermit,
}

/// Streams the wallboard of a scope, at once and then no more often than `every`.
pub(crate) async fn watch(
    hub: Arc<Hub>,
    scope: Scope,
    every: Duration,
    permit: OwnedSemaphorePermit,
) -> Result<Wallboards, Refusal> {
    let (first, mut news) = hub.wallboards(&scope).await?;
    news.mark_unchanged();
    let watcher = Watcher {
        hub,
        scope,
        news,
        first: Some(first),
        every,
        sent_at: Instant::now(),
        has_ended: false,
        _permit: permit,
    };
    let wallboards = stream::unfold(watcher, |mut watcher| async move {
        let response = watcher.next().await?;
        Some((response, watcher))
    });
    Ok(wallboards.boxed())
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
        self.hub.watched_wallboard(&self.scope)
    }
}
