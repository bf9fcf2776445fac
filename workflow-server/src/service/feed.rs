//! The private road to the alerters: a snapshot of what is visible, and the journal from a sequence
//! on.
//!
//! Promise: a message has at most about [`FEED_MESSAGE_BYTES`](crate::limits::FEED_MESSAGE_BYTES),
//! or one larger change alone, and is made when it is sent: a slow alerter holds up a few of them,
//! never all that it has not read.

mod entries;
mod messages;
mod places;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use aftercall_proto::feed::v1 as feed;
use aftercall_proto::feed::v1::change_feed_service_server::ChangeFeedService;
use aftercall_proto::ready::Ready;
use aftercall_serving::asked::Asked;
use aftercall_serving::log_context::LogContext;
pub(in crate::service) use entries::{after, call_after};
use futures::Stream;
use messages::{Gone, RESPONSES_WAITING, Sender, SnapshotBatch, TailBatch, send};
use places::Place;
pub(crate) use places::Places;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::ledger::feed::{FeedError, FeedItem};
use crate::limits::{
    FEED_BATCH_ENTRIES, FEED_HEARTBEAT, FEED_STREAMS_MAX, FEED_STREAMS_PER_CONNECTION_MAX,
};
use crate::service::rpcs::rpcs;
use crate::service::say::refusal::Reason;
use crate::service::say::{ReadMask, Refusal, convert, follow_up, refusal};
use crate::service::shared::{Services, Shared};
use crate::service::view::{Names, View};

/// The service.
pub struct ChangeFeed(pub Arc<Services>);

type Stretch<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

rpcs! {
    ChangeFeedService for ChangeFeed [SnapshotStream = Stretch<Ready<feed::SnapshotResponse>>, TailStream = Stretch<feed::TailResponse>] {
        snapshot(feed::SnapshotRequest) -> Self::SnapshotStream = snapshot;
        tail(feed::TailRequest) -> Self::TailStream = tail;
    }
}

async fn snapshot(
    shared: &Shared,
    asked: Asked<feed::SnapshotRequest>,
) -> Result<Stretch<Ready<feed::SnapshotResponse>>, Refusal> {
    metrics::counter!("aftercall_feed_requests_total", "call" => "snapshot").increment(1);
    let service = Following(shared.clone());
    let place = service.place(asked.peer)?;
    service.check_in_touch()?;
    let (view, chain) = service.view_with_chain().await?;
    let (sender, receiver) = mpsc::channel(RESPONSES_WAITING);
    let oldest_sequence = shared.ledger.feed().oldest();
    let (runtime, epoch, rpc) = (
        tokio::runtime::Handle::current(),
        shared.epoch.clone(),
        LogContext::current(),
    );
    tokio::task::spawn_blocking(move || {
        let to = To {
            runtime: &runtime,
            sender: &sender,
            ends: &place.ends,
        };
        // A client that has gone away needs no end.
        let position = (chain, oldest_sequence);
        let sent = rpc.in_scope(|| send_snapshot(&to, (&epoch, &view), position));
        if sent.is_err() && place.ends.is_cancelled() {
            let _ = sender.try_send(Err(refusal::exhausted(
                Reason::FeedStreams,
                FEED_STREAMS_MAX as u64,
            )
            .into()));
        }
    });
    Ok(Box::pin(ReceiverStream::new(receiver)))
}

async fn tail(
    shared: &Shared,
    asked: Asked<feed::TailRequest>,
) -> Result<Stretch<feed::TailResponse>, Refusal> {
    metrics::counter!("aftercall_feed_requests_total", "call" => "tail").increment(1);
    let service = Following(shared.clone());
    let place = service.place(asked.peer)?;
    let request = asked.request;
    if !request.epoch.is_empty() && request.epoch != *shared.epoch {
        return Err(refusal::other_epoch(&shared.epoch));
    }
    service.check_in_touch()?;
    // The first read shows whether the sequence is one that can be given.
    let first = service.read_first(request.from_sequence).await?;
    let (sender, receiver) = mpsc::channel(RESPONSES_WAITING);
    let following = async move {
        let following = service.follow(request.from_sequence, first, &sender);
        // A client that has gone away needs no end.
        if place.ends.run_until_cancelled(following).await.is_none() {
            let _ = sender.try_send(Err(refusal::exhausted(
                Reason::FeedStreams,
                FEED_STREAMS_MAX as u64,
            )
            .into()));
        }
    };
    tokio::spawn(LogContext::current().scope(following));
    Ok(Box::pin(ReceiverStream::new(receiver)))
}

/// The parts that a stream needs as long as it runs.
struct Following(Shared);

impl Following {
    fn place(&self, peer: Option<SocketAddr>) -> Result<Place, Refusal> {
        let place = self.0.feed_places.take(peer);
        place.ok_or_else(|| {
            refusal::exhausted(
                Reason::FeedStreamsPerConnection,
                FEED_STREAMS_PER_CONNECTION_MAX as u64,
            )
        })
    }

    /// The first entries of a stream.
    async fn read_first(&self, from: u64) -> Result<VecDeque<FeedItem>, Refusal> {
        let view = self.0.view();
        let feed = self.0.ledger.feed();
        let items = feed.first_items(from, FEED_BATCH_ENTRIES).await;
        let items = items.map_err(|error| refusal::of_feed(&error))?;
        Ok(items.into_iter().map(|item| masked(&view, item)).collect())
    }

    /// Entries from a sequence on, masked by the World that was there before they were read.
    async fn read(&self, from: u64) -> Result<VecDeque<FeedItem>, Refusal> {
        let view = self.0.view();
        let items = self.0.ledger.feed().items(from, FEED_BATCH_ENTRIES).await;
        let items = items.map_err(|error| refusal::of_feed(&error))?;
        Ok(items.into_iter().map(|item| masked(&view, item)).collect())
    }

    /// A view, and the chain hash at its sequence.
    async fn view_with_chain(&self) -> Result<(View, u64), Refusal> {
        let newest = *self.0.ledger.feed().newest().borrow();
        // An alerter applies the scopes of its clients.
        let view = self.0.view().unlimited();
        if view.sequence() == newest.sequence {
            return Ok((view, newest.chain));
        }
        // The view is shown a moment before its entries are in the feed.
        let mut watch = self.0.ledger.feed().newest();
        let reached = watch
            .wait_for(|position| position.sequence >= view.sequence())
            .await
            .map(|_| ());
        reached.map_err(|_| refusal::unavailable("the server is shutting down"))?;
        let item = self.read(view.sequence()).await?.pop_front();
        let item =
            item.ok_or_else(|| refusal::unavailable("the feed is not there yet: ask again"))?;
        Ok((view, item.chain))
    }

    /// Sends what follows, for ever; the newest sequence is a hint, the feed the truth.
    async fn follow(
        &self,
        mut next: u64,
        first: VecDeque<FeedItem>,
        sender: &Sender<feed::TailResponse>,
    ) -> Result<(), Gone> {
        let mut newest = self.0.ledger.feed().newest();
        let mut items = first;
        loop {
            next = items.back().map_or(next, |item| item.entry.sequence + 1);
            if let Err(refused) = self.send_items(items, sender).await? {
                return send(sender, Err(refused)).await;
            }
            newest.mark_unchanged();
            if newest.borrow().sequence < next {
                let more = async {
                    newest
                        .wait_for(|position| position.sequence >= next)
                        .await
                        .map(|_| ())
                };
                let more = tokio::time::timeout(FEED_HEARTBEAT, more);
                tokio::select! {
                    // Timed out: an empty response says that the road is still there.
                    ended = more => match ended {
                        Ok(Err(_)) => return Ok(()),
                        Ok(Ok(())) => {}
                        Err(_) => {}
                    },
                    () = self.out_of_touch() => {
                        return send(sender, Err(out_of_touch())).await;
                    }
                    () = sender.closed() => return Ok(()),
                    () = self.0.draining.cancelled() => {
                        return send(sender, Err(refusal::unavailable(self.0.ending()))).await;
                    }
                }
            }
            items = match self.read(next).await {
                Ok(items) => items,
                Err(refused) => return send(sender, Err(refused)).await,
            };
        }
    }

    /// Sends items in as many responses as they take; one without entries where there are none.
    /// What cannot be sent is said in the inner result.
    async fn send_items(
        &self,
        mut items: VecDeque<FeedItem>,
        sender: &Sender<feed::TailResponse>,
    ) -> Result<Result<(), Refusal>, Gone> {
        let mut batch = TailBatch::default();
        while let Some(item) = items.pop_front() {
            if let Err(refused) = self.check_kept(&item) {
                return Ok(Err(refused));
            }
            // The newest World each time: sending may have taken a while, and a caller may have
            // been erased.
            let mut view = self.0.view().unlimited();
            let entry = masked(&view, item.clone()).entry;
            batch.begin(entries::head(&item));
            for change in &entry.instances {
                let change = match entries::change(&self.0, &view, &entry, change).await {
                    Ok(Some(change)) => change,
                    Ok(None) => continue,
                    Err(refused) => return Ok(Err(refused)),
                };
                if let Some(full) = batch.add(change) {
                    send(sender, Ok(self.response(full))).await?;
                    view = self.0.view().unlimited();
                }
            }
            if batch.is_full() {
                send(sender, Ok(self.response(batch.take()))).await?;
                if items.is_empty() {
                    return Ok(Ok(()));
                }
            }
        }
        send(sender, Ok(self.response(batch.take()))).await?;
        Ok(Ok(()))
    }

    /// A member that has lost its store shows old data. Its alerters should move to another one.
    fn check_in_touch(&self) -> Result<(), Refusal> {
        match &self.0.standing {
            Some(standing) if standing.is_out_of_touch() => Err(out_of_touch()),
            _ => Ok(()),
        }
    }

    /// Waits until this member has lost its store. A server that is alone never does.
    async fn out_of_touch(&self) {
        match &self.0.standing {
            Some(standing) => standing.out_of_touch().await,
            None => std::future::pending().await,
        }
    }

    /// An entry that the feed keeps no more may be one that an erasure removed while a slow client
    /// held it up.
    fn check_kept(&self, item: &FeedItem) -> Result<(), Refusal> {
        let (oldest, newest) = (
            self.0.ledger.feed().oldest(),
            self.0.ledger.feed().newest().borrow().sequence,
        );
        let is_kept = item.entry.sequence >= oldest;
        if is_kept {
            Ok(())
        } else {
            Err(refusal::of_feed(&FeedError::OutOfRange { oldest, newest }))
        }
    }

    fn response(&self, entries: Vec<feed::FeedEntry>) -> feed::TailResponse {
        feed::TailResponse {
            entries,
            newest_sequence: self.0.ledger.feed().newest().borrow().sequence,
            sent_at: Some(convert::timestamp(self.0.ledger.now())),
        }
    }
}

fn out_of_touch() -> Refusal {
    refusal::unavailable(
        "this member of the cluster does not reach its store, so its data may be old: connect to another member",
    )
}

fn masked(names: &Names, mut item: FeedItem) -> FeedItem {
    item.entry = names.masked(item.entry);
    item
}

/// To whom a snapshot goes, from a thread that may wait.
struct To<'s> {
    runtime: &'s tokio::runtime::Handle,
    sender: &'s Sender<Ready<feed::SnapshotResponse>>,
    ends: &'s CancellationToken,
}

impl To<'_> {
    /// Encodes a response on this thread, and sends it.
    fn send(&self, response: feed::SnapshotResponse) -> Result<(), Gone> {
        let sending = self
            .ends
            .run_until_cancelled(send(self.sender, Ok(response.into())));
        self.runtime.block_on(sending).unwrap_or(Err(Gone))
    }
}

/// Sends a snapshot; its thread waits for the client.
fn send_snapshot(
    to: &To<'_>,
    (epoch, view): (&str, &View),
    (chain, oldest_sequence): (u64, u64),
) -> Result<(), Gone> {
    let mut batch = SnapshotBatch::new(feed::SnapshotHead {
        epoch: epoch.to_owned(),
        sequence: view.sequence(),
        chain,
        oldest_sequence,
        instance_count: view.listed_instances().count() as u64,
    });
    for instance in view.listed_instances() {
        let shown = follow_up::follow_up(view, instance, &ReadMask::ALL);
        if let Some(full) = batch.add(shown, view.teams_of_workflow(instance)) {
            to.send(full)?;
        }
    }
    to.send(batch.last())
}
