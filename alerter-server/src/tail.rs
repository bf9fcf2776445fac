//! The tail: follows the feed of a workflow-server and keeps the cache.
//!
//! Promise: what it publishes is whole, in order and of one history; on any doubt (a gap, another
//! epoch, another chain hash, a feed that does not have the next entry) it starts again with a
//! snapshot. Where it may follow several workflow-servers, it moves between them, and one of them
//! alone is not believed that the history is another one. It never waits for clients and never gives
//! up.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aftercall_client::{Connection, Connector};
use aftercall_proto::feed::v1::change_feed_service_client::ChangeFeedServiceClient;
use aftercall_proto::feed::v1::{SnapshotHead, SnapshotRequest, TailRequest, TailResponse};
use aftercall_serving::Readiness;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tonic::Streaming;
use tonic::transport::Endpoint;

use crate::cache::{Cache, Discontinuity, Moved, RingLimits};
use crate::doubt::Doubt;
use crate::hub::Hub;
use crate::limits::{
    ERASED_HELD, FEED_MESSAGE_BYTES_MAX, FEED_SILENCE, RECONNECT_FIRST, RECONNECT_LONGEST,
};
use crate::parts::Parts;
use crate::position::Position;
use crate::trouble::Trouble;

/// The readiness condition: this alerter can read the feed.
const FEED: &str = "feed";

type Feed = ChangeFeedServiceClient<Connection>;

/// Follows the feed.
pub(crate) struct Tail {
    hub: Arc<Hub>,
    upstream: Connector,
    /// The connection that carries the feed.
    connection: Option<Connection>,
    ring: RingLimits,
    /// What was published last; `None` if the next attempt must begin with a snapshot.
    cache: Option<Cache>,
    generation: u64,
    failures: u32,
    /// Whether the feed has continued elsewhere without a word to clients, and nothing has come
    /// there.
    is_moved: bool,
    doubt: Doubt,
    /// Whether it is certain that the history is another one.
    is_other_history: bool,
    /// The newest entry that erased a caller, and when it arrived.
    erased: Option<(u64, Instant)>,
    /// Where the feed could not be read further. Reading up to there again is no progress.
    stuck_at: Option<Option<Position>>,
    /// Why the workflow-server refuses this alerter, until a person changes that.
    refused: Option<String>,
    readiness: Readiness,
}

impl Tail {
    /// A tail that has not begun; `upstream` leads to the workflow-server.
    pub(crate) fn new(
        hub: Arc<Hub>,
        upstream: Connector,
        ring: RingLimits,
        readiness: Readiness,
    ) -> Self {
        Self {
            hub,
            upstream,
            connection: None,
            ring,
            cache: None,
            generation: 0,
            failures: 0,
            is_moved: false,
            doubt: Doubt::default(),
            is_other_history: false,
            erased: None,
            stuck_at: None,
            refused: None,
            readiness,
        }
    }

    /// Follows until `stop` is cancelled.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let forever = async {
            loop {
                let trouble = self.follow().await;
                if self.moves(&trouble) {
                    continue;
                }
                self.note(&trouble);
                let wait = if self.stuck_at.is_some() {
                    RECONNECT_LONGEST
                } else {
                    full_jitter(self.failures)
                };
                tokio::time::sleep(wait).await;
                self.failures = self.failures.saturating_add(1);
            }
        };
        stop.run_until_cancelled(forever).await;
    }

    /// Leaves the workflow-server that has the trouble. Returns whether the feed continues elsewhere
    /// at once, so that nothing is lost yet.
    fn moves(&mut self, trouble: &Trouble) -> bool {
        let connection = self.connection.take();
        self.is_other_history = trouble.requires_snapshot() && self.is_certain(connection.as_ref());
        if trouble.is_connection_age() {
            return !std::mem::replace(&mut self.is_moved, true);
        }
        if let Some(connection) = connection {
            connection.leave();
        }
        let has_several = self.upstream.uris().len() > 1;
        let may_move = has_several && trouble.is_of_one_server() && !self.is_other_history;
        if !may_move || std::mem::replace(&mut self.is_moved, true) {
            return false;
        }
        tracing::info!(%trouble, "the feed ended; trying another workflow-server");
        true
    }

    /// Whether it is certain that the history is another one, after this connection has shown that.
    fn is_certain(&mut self, connection: Option<&Connection>) -> bool {
        let witness = connection.map(|connection| connection.uri().to_string());
        let count = self.upstream.uris().len();
        self.doubt
            .is_certain(witness.unwrap_or_default(), count, Instant::now())
    }

    fn note(&mut self, trouble: &Trouble) {
        self.hub.lost();
        metrics::counter!("aftercall_alerter_upstream_losses_total").increment(1);
        metrics::gauge!("aftercall_alerter_upstream_connected").set(0.0);
        if let Trouble::TooLarge(_) = trouble {
            let head = self.cache.as_ref().map(Cache::head);
            if self.stuck_at.replace(head) != Some(head) {
                tracing::error!(%trouble, "the feed cannot be read further; clients keep their state, and the alerter retries");
            }
            self.readiness.set(FEED, Err(trouble.to_string()));
            return;
        }
        if trouble.needs_a_person(self.failures) {
            self.note_refusal(trouble);
            return;
        }
        if self.refused.take().is_some() {
            self.readiness.set(FEED, Ok(()));
        }
        if self.is_other_history {
            self.cache = None;
            self.doubt.end();
            tracing::warn!(%trouble, "starting again with a snapshot of the workflow-server; clients that cannot resume are reset");
        } else if self.failures == 0 {
            tracing::warn!(%trouble, "the feed was lost; clients keep their state while the alerter reconnects");
        } else {
            tracing::debug!(%trouble, failures = self.failures, "the feed is still lost");
        }
    }

    /// Shows why the workflow-server refuses this alerter: what to set comes with it.
    fn note_refusal(&mut self, trouble: &Trouble) {
        let sentence = trouble.to_string();
        if self.refused.as_ref() != Some(&sentence) {
            tracing::error!(%trouble, "the feed cannot be read; clients keep their state, and the alerter retries");
        }
        self.readiness.set(FEED, Err(sentence.clone()));
        self.refused = Some(sentence);
    }

    async fn follow(&mut self) -> Trouble {
        match self.try_follow().await {
            Ok(()) => Trouble::Closed,
            Err(trouble) => trouble,
        }
    }

    async fn try_follow(&mut self) -> Result<(), Trouble> {
        let connection = self.upstream.connect_with(lasting).await?;
        let connection = self.connection.insert(connection).clone();
        let mut feed = Feed::new(connection).max_decoding_message_size(FEED_MESSAGE_BYTES_MAX);
        let mut cache = match &self.cache {
            Some(cache) => cache.clone(),
            None => self.snapshot(&mut feed).await?,
        };
        // The newest known entry is requested again: another chain hash means that the store was
        // restored from a backup.
        let mut overlap = self.cache.is_some() && cache.head().sequence > 0;
        let from_sequence = cache.head().sequence + u64::from(!overlap);
        let request = TailRequest {
            from_sequence,
            epoch: cache.epoch().to_owned(),
        };
        let mut responses = timeout(FEED_SILENCE, feed.tail(request))
            .await??
            .into_inner();
        let (mut moved, mut parts) = (Vec::new(), Parts::default());
        while let Some(response) = next(&mut responses).await? {
            self.take(&mut cache, &mut moved, (&mut overlap, &mut parts), response)?;
        }
        Ok(())
    }

    fn take(
        &mut self,
        cache: &mut Cache,
        moved: &mut Vec<Moved>,
        (overlap, parts): (&mut bool, &mut Parts),
        response: TailResponse,
    ) -> Result<(), Trouble> {
        let TailResponse {
            entries,
            newest_sequence,
            sent_at,
        } = response;
        if newest_sequence < cache.head().sequence {
            return Err(Trouble::Behind {
                newest: newest_sequence,
                head: cache.head().sequence,
            });
        }
        let mut at = entries.last().and_then(|entry| entry.at);
        for entry in entries {
            let Some(entry) = parts.join(entry)? else {
                continue;
            };
            let place = Position {
                sequence: entry.sequence,
                chain: entry.chain,
            };
            if !std::mem::take(overlap) {
                cache.append(entry, moved)?;
            } else if place != cache.head() {
                return Err(Discontinuity::Chain {
                    sequence: cache.head().sequence,
                }
                .into());
            }
        }
        if *overlap || !cache.is_whole() || !parts.is_whole() {
            return Ok(());
        }
        if cache.head().sequence >= newest_sequence {
            at = sent_at;
        }
        let behind = newest_sequence.saturating_sub(cache.head().sequence);
        metrics::gauge!("aftercall_alerter_lag_entries").set(behind as f64);
        self.show(
            cache,
            moved,
            at.and_then(|at| SystemTime::try_from(at).ok()),
            behind,
        );
        Ok(())
    }

    /// Publishes the cache if it has changed, and notes that the workflow-server was heard.
    fn show(
        &mut self,
        cache: &mut Cache,
        moved: &mut Vec<Moved>,
        as_of: Option<SystemTime>,
        behind: u64,
    ) {
        if self.stuck_at.flatten() == Some(cache.head()) {
            return;
        }
        if self.stuck_at.take().is_some() | self.refused.take().is_some() {
            self.readiness.set(FEED, Ok(()));
        }
        self.is_moved = false;
        self.doubt.end();
        if std::mem::take(&mut self.failures) > 0 {
            tracing::info!("the feed is connected again");
        }
        let shown = self
            .cache
            .as_ref()
            .map(|shown| (shown.generation(), shown.head()));
        if shown != Some((cache.generation(), cache.head())) {
            self.hub.publish(cache, moved);
            moved.clear();
            self.cache = Some(cache.clone());
        }
        self.forget_erased(cache);
        let as_of = as_of.unwrap_or_else(|| self.hub.link_now().server_time());
        let since_epoch = as_of
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        metrics::gauge!("aftercall_alerter_as_of_timestamp_seconds").set(since_epoch.as_secs_f64());
        metrics::gauge!("aftercall_alerter_upstream_connected").set(1.0);
        self.hub.heard(as_of, behind);
    }

    /// [`ERASED_HELD`] after a caller was erased, drops the older entries, which may name the
    /// caller. Clients that keep up have received the erasure before that; the others get a
    /// snapshot.
    fn forget_erased(&mut self, cache: &mut Cache) {
        let Some(erased) = cache.erased() else { return };
        match self.erased {
            Some((sequence, since)) if sequence == erased => {
                if since.elapsed() >= ERASED_HELD {
                    cache.forget_erased();
                    self.hub.forget(cache);
                    self.cache = Some(cache.clone());
                    self.erased = None;
                }
            }
            _ => self.erased = Some((erased, Instant::now())),
        }
    }

    /// A cache with a new snapshot, whose ring is not filled yet.
    async fn snapshot(&mut self, feed: &mut Feed) -> Result<Cache, Trouble> {
        let mut responses = timeout(FEED_SILENCE, feed.snapshot(SnapshotRequest {}))
            .await??
            .into_inner();
        let mut response = next(&mut responses).await?.ok_or(Trouble::SnapshotCut)?;
        let head = response.head.take().ok_or(Trouble::SnapshotCut)?;
        self.generation += 1;
        let mut cache = empty(&head, self.generation, self.ring);
        let mut instance_count = 0;
        loop {
            instance_count += response.follow_ups.len() as u64;
            let mut teams = response.teams.iter().peekable();
            for (place, follow_up) in (0_u32..).zip(&response.follow_ups) {
                let of_workflow = teams.next_if(|teams| teams.place == place);
                cache.insert(follow_up, of_workflow.map_or(&[][..], |of| &of.teams));
            }
            if response.last {
                break;
            }
            response = next(&mut responses).await?.ok_or(Trouble::SnapshotCut)?;
        }
        if instance_count != head.instance_count {
            return Err(Trouble::SnapshotCut);
        }
        tracing::info!(
            epoch = head.epoch,
            sequence = head.sequence,
            instance_count,
            "a snapshot was taken"
        );
        Ok(cache)
    }
}

/// A connection that is open for days.
fn lasting(endpoint: Endpoint) -> Endpoint {
    endpoint
        .http2_keep_alive_interval(FEED_SILENCE / 3)
        .keep_alive_timeout(FEED_SILENCE)
        .keep_alive_while_idle(true)
}

/// A cache for a snapshot. Its ring begins as far back as it has room and the feed has entries.
fn empty(head: &SnapshotHead, generation: u64, ring: RingLimits) -> Cache {
    let next = head.sequence + 1;
    let wanted = next.saturating_sub(ring.entries_max as u64);
    let from = wanted.max(head.oldest_sequence).clamp(1, next);
    Cache::new(
        &head.epoch,
        generation,
        Position {
            sequence: head.sequence,
            chain: head.chain,
        },
        from,
        ring,
    )
}

async fn next<M>(responses: &mut Streaming<M>) -> Result<Option<M>, Trouble> {
    Ok(timeout(FEED_SILENCE, responses.message()).await??)
}

/// A random part of a wait that doubles with each failure, so that many alerters do not come back
/// at the same moment.
fn full_jitter(failures: u32) -> Duration {
    let doubled = RECONNECT_FIRST.saturating_mul(2_u32.saturating_pow(failures));
    doubled
        .min(RECONNECT_LONGEST)
        .mul_f64(rand::random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_before_reconnecting_grows_within_bounds() {
        for failures in [0, 1, 5, 40, u32::MAX] {
            let most = RECONNECT_FIRST
                .saturating_mul(2_u32.saturating_pow(failures))
                .min(RECONNECT_LONGEST);
            let waits: Vec<Duration> = (0..50).map(|_| full_jitter(failures)).collect();
            assert!(waits.iter().all(|wait| *wait <= most));
            assert!(
                waits.iter().any(|wait| *wait != waits[0]),
                "clients must not come back in step"
            );
        }
    }

    #[test]
    fn the_ring_begins_as_far_back_as_possible() {
        let from = |sequence, oldest_sequence, entries_max| {
            let head = SnapshotHead {
                sequence,
                oldest_sequence,
                ..SnapshotHead::default()
            };
            empty(
                &head,
                1,
                RingLimits {
                    entries_max,
                    bytes_max: 1,
                },
            )
            .head()
            .sequence
                + 1
        };
        assert_eq!(from(100, 1, 10), 91);
        assert_eq!(from(100, 95, 10), 95);
        assert_eq!(from(100, 101, 10), 101);
        assert_eq!(from(5, 1, 10), 1);
        assert_eq!(from(0, 0, 10), 1);
        assert_eq!(from(0, 1, 10), 1);
    }
}
