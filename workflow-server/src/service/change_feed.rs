//! The private road to the alerters: a snapshot of what is visible, and the journal from a sequence on.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use aftercall_engine::call::Call;
use aftercall_engine::entry::{Before, ChangeKind, InstanceChange};
use aftercall_engine::instance::InstanceId;
use aftercall_engine::{Entry, Root};
use aftercall_proto::feed::v1 as feed;
use aftercall_proto::feed::v1::change_feed_service_server::ChangeFeedService;
use aftercall_proto::workflow::v1 as proto;
use futures::Stream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{Shared, archived, convert, follow_up, status};
use crate::ledger::feed::FeedItem;
use crate::limits::{FEED_BATCH_ENTRIES, FEED_HEARTBEAT, FEED_SNAPSHOT_BATCH, FEED_STREAMS_MAX};

/// The service.
pub struct ChangeFeed(pub Shared);

/// Responses that wait for a slow alerter: it reads on from where it is, so few are enough.
const RESPONSES_WAITING: usize = 8;

type Stretch<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl ChangeFeedService for ChangeFeed {
    type SnapshotStream = Stretch<feed::SnapshotResponse>;
    type TailStream = Stretch<feed::TailResponse>;

    async fn snapshot(&self, _: Request<feed::SnapshotRequest>) -> Result<Response<Self::SnapshotStream>, Status> {
        metrics::counter!("aftercall_feed_requests_total", "call" => "snapshot").increment(1);
        let permit = self.permit()?;
        let (root, chain) = self.root_with_chain().await?;
        let (sender, receiver) = mpsc::channel(RESPONSES_WAITING);
        let head = feed::SnapshotHead {
            epoch: self.0.epoch.to_string(),
            sequence: root.sequence,
            chain,
            oldest_sequence: self.0.ledger.feed().oldest(),
            instance_count: visible_slots(&root).count() as u64,
        };
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            send_snapshot(&root, head, &sender);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn tail(&self, request: Request<feed::TailRequest>) -> Result<Response<Self::TailStream>, Status> {
        metrics::counter!("aftercall_feed_requests_total", "call" => "tail").increment(1);
        let request = request.into_inner();
        if !request.epoch.is_empty() && request.epoch != *self.0.epoch {
            return Err(status::other_epoch(&self.0.epoch));
        }
        let permit = self.permit()?;
        // The first read tells whether the sequence is one that can be given.
        let first = self.read(request.from_sequence).await?;
        let (sender, receiver) = mpsc::channel(RESPONSES_WAITING);
        let service = Self(self.0.clone());
        tokio::spawn(async move {
            let _permit = permit;
            service.follow(request.from_sequence, first, sender).await;
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

impl ChangeFeed {
    fn permit(&self) -> Result<OwnedSemaphorePermit, Status> {
        self.0.feed_streams.clone().try_acquire_owned().map_err(|_| status::too_many_streams(FEED_STREAMS_MAX))
    }

    async fn read(&self, from: u64) -> Result<Vec<FeedItem>, Status> {
        self.0.ledger.feed().items(from, FEED_BATCH_ENTRIES).await.map_err(|error| status::of_feed(&error))
    }

    /// A root, and the chain hash at its sequence.
    async fn root_with_chain(&self) -> Result<(Arc<Root>, u64), Status> {
        let newest = *self.0.ledger.feed().newest().borrow();
        let root = self.0.root();
        if root.sequence == newest.sequence {
            return Ok((root, newest.chain));
        }
        // The root is shown a moment before its entries are in the feed.
        let mut watch = self.0.ledger.feed().newest();
        let reached = watch.wait_for(|position| position.sequence >= root.sequence).await.map(|_| ());
        reached.map_err(|_| status::unavailable("the server is shutting down"))?;
        let item = self.read(root.sequence).await?.into_iter().next();
        let item = item.ok_or_else(|| status::unavailable("the feed is not there yet: ask again"))?;
        Ok((root, item.chain))
    }

    /// Sends what follows, for ever; the newest sequence is a hint, the feed the truth.
    async fn follow(
        &self,
        mut next: u64,
        first: Vec<FeedItem>,
        sender: mpsc::Sender<Result<feed::TailResponse, Status>>,
    ) {
        let mut newest = self.0.ledger.feed().newest();
        let mut items = first;
        loop {
            next = items.last().map_or(next, |item| item.entry.sequence + 1);
            let response = match self.response(&items).await {
                Ok(response) => response,
                Err(refused) => {
                    let _ = sender.send(Err(refused)).await;
                    return;
                }
            };
            if sender.send(Ok(response)).await.is_err() {
                return;
            }
            newest.mark_unchanged();
            if newest.borrow().sequence < next {
                let more = async { newest.wait_for(|position| position.sequence >= next).await.map(|_| ()) };
                let more = tokio::time::timeout(FEED_HEARTBEAT, more);
                tokio::select! {
                    // Timed out: an empty response says that the road is still there.
                    ended = more => if matches!(ended, Ok(Err(_))) { return },
                    () = sender.closed() => return,
                    () = self.0.draining.cancelled() => {
                        let _ = sender.send(Err(status::unavailable("the server is shutting down"))).await;
                        return;
                    }
                }
            }
            items = match self.read(next).await {
                Ok(items) => items,
                Err(refused) => {
                    let _ = sender.send(Err(refused)).await;
                    return;
                }
            };
        }
    }

    async fn response(&self, items: &[FeedItem]) -> Result<feed::TailResponse, Status> {
        let root = self.0.root();
        let masked =
            |item: &FeedItem| FeedItem { entry: root.erasing.masked(&root, item.entry.clone()), ..item.clone() };
        let items: Vec<FeedItem> = items.iter().map(masked).collect();
        let calls = self.calls_that_left(&root, &items).await;
        let scene = Scene { root: &root, calls };
        Ok(feed::TailResponse {
            entries: items.iter().map(|item| entry(&scene, item)).collect(),
            newest_sequence: self.0.ledger.feed().newest().borrow().sequence,
            sent_at: Some(convert::timestamp(self.0.ledger.now())),
        })
    }

    /// The calls of instances that have left memory since their entry: whoever is far behind is told of them as they were.
    async fn calls_that_left(&self, root: &Root, items: &[FeedItem]) -> HashMap<InstanceId, Arc<Call>> {
        let mut calls = HashMap::new();
        let of_interest = |change: &&InstanceChange| {
            !change.after.status.is_ended() || change.before.as_ref().is_some_and(|before| before.visible)
        };
        let changes = items.iter().flat_map(|item| &item.entry.instances).filter(of_interest);
        for id in changes.map(|change| change.after.id) {
            if root.instance(id).is_some() || calls.contains_key(&id) {
                continue;
            }
            match archived::find(&self.0, id).await {
                Ok(found) => calls.extend(found.map(|found| (id, found.call))),
                // It has ended since: that it is not shown in between misleads nobody.
                Err(refused) => tracing::warn!(%refused, "the call of an archived instance was not found for the feed"),
            }
        }
        calls
    }
}

/// What entries are told by.
struct Scene<'r> {
    root: &'r Root,
    /// Of instances that have left memory.
    calls: HashMap<InstanceId, Arc<Call>>,
}

fn visible_slots(root: &Root) -> impl Iterator<Item = &Arc<aftercall_engine::instance::Instance>> {
    root.instances.iter().flatten().filter(|instance| root.is_listed(instance))
}

fn send_snapshot(root: &Root, head: feed::SnapshotHead, sender: &mpsc::Sender<Result<feed::SnapshotResponse, Status>>) {
    let mut response = feed::SnapshotResponse { head: Some(head), follow_ups: Vec::new(), last: false };
    for instance in visible_slots(root) {
        response.follow_ups.push(follow_up::follow_up(root, instance));
        if response.follow_ups.len() == FEED_SNAPSHOT_BATCH {
            let full = std::mem::take(&mut response);
            if sender.blocking_send(Ok(full)).is_err() {
                return;
            }
        }
    }
    response.last = true;
    // Whoever has gone away needs no end.
    let _ = sender.blocking_send(Ok(response));
}

fn entry(scene: &Scene<'_>, item: &FeedItem) -> feed::FeedEntry {
    let entry = &*item.entry;
    let was_seen = |change: &&InstanceChange| {
        is_visible_after(scene, entry, change) || change.before.as_ref().is_some_and(|before| before.visible)
    };
    feed::FeedEntry {
        sequence: entry.sequence,
        chain: item.chain,
        at: Some(convert::timestamp(entry.at)),
        actor: Some(convert::actor(&entry.actor)),
        changes: entry.instances.iter().filter(was_seen).map(|one| change(scene, entry, one)).collect(),
        erased: entry.kind == ChangeKind::CallerErased,
    }
}

fn is_visible_after(scene: &Scene<'_>, entry: &Entry, change: &InstanceChange) -> bool {
    call_after(scene, entry, change).is_some_and(|call| change.after.is_listed(call))
}

/// The call as the entry left it; where the entry did not touch it, as it stands: a change of the call touches all of its
/// open instances, so nothing that is shown differs.
fn call_after<'a>(scene: &'a Scene<'_>, entry: &'a Entry, change: &InstanceChange) -> Option<&'a Arc<Call>> {
    let of_entry = entry.call.as_ref().filter(|call| call.slot == change.after.call).map(|call| &call.after);
    // Its slot may be another's by now: only an instance that is in memory says that its call is.
    let in_memory = || scene.root.instance(change.after.id).and_then(|instance| scene.root.call_of(instance));
    of_entry.or_else(in_memory).or_else(|| scene.calls.get(&change.after.id))
}

fn change(scene: &Scene<'_>, entry: &Entry, change: &InstanceChange) -> feed::InstanceChange {
    let root = scene.root;
    let definition = root.definition_of(&change.after);
    let visible = is_visible_after(scene, entry, change);
    let call = call_after(scene, entry, change).map(|call| &**call);
    let mut follow_up = follow_up::follow_up_of_call(root, &change.after, call);
    if !visible {
        follow_up = proto::FollowUp {
            instance_id: follow_up.instance_id,
            workflow: follow_up.workflow,
            call: follow_up.call.map(|call| proto::Call { r#ref: call.r#ref, ..proto::Call::default() }),
            status: follow_up.status,
            outcome: follow_up.outcome,
            revision: follow_up.revision,
            sequence: follow_up.sequence,
            ..proto::FollowUp::default()
        };
    }
    let seen = change.before.as_ref().filter(|before| before.visible);
    feed::InstanceChange {
        follow_up: Some(follow_up),
        cause: Some(convert::cause(change.kind, entry, definition.map(|definition| &**definition))),
        from_stage: change.before.as_ref().and_then(|before| convert::stage_of(root, &change.after, before.stage)),
        before: seen.map(|before| before_of(root, before)),
    }
}

fn before_of(root: &Root, before: &Before) -> feed::Before {
    let alert = |alert: &aftercall_engine::entry::AlertBefore| feed::BeforeAlert {
        team: root.teams.at(alert.team).map_or_else(String::new, |team| team.name.clone()),
        priority: convert::priority(alert.priority).into(),
    };
    feed::Before {
        stage: before.stage,
        customer: before.customer.to_string(),
        alerts: before.alerts.iter().map(alert).collect(),
        holder: before.holder.to_string(),
    }
}
