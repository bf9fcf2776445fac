//! A scripted workflow-server: a real gRPC server whose journal a test writes, trims, breaks, kills
//! and brings back.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use aftercall_proto::feed::v1::change_feed_service_server::{
    ChangeFeedService, ChangeFeedServiceServer,
};
use aftercall_proto::feed::v1::{
    FeedEntry, SnapshotHead, SnapshotRequest, SnapshotResponse, TailRequest, TailResponse,
};
use aftercall_proto::ready::Ready;
use aftercall_proto::workflow::v1::FollowUp;
use futures::Stream;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::model::Model;
use crate::servers::soon;

const HEARTBEAT: Duration = Duration::from_millis(100);

/// What a test can do to the journal.
#[derive(Debug)]
pub struct Script {
    pub model: Model,
    /// The oldest sequence that Tail sends.
    pub oldest: u64,
    /// A sequence that Tail leaves out, once.
    pub skip: Option<u64>,
    /// The last sequence that Tail sends for now, though it reports newer ones.
    pub given_up_to: Option<u64>,
    /// An entry that Tail pads beyond what alerters read.
    pub too_large: Option<u64>,
    /// The token that an alerter must send.
    pub token: Option<&'static str>,
    /// How many requests have come.
    pub asked: u32,
    /// How many of them were for a snapshot.
    pub snapshots: u32,
}

/// The server.
pub struct Feed {
    address: SocketAddr,
    shared: Shared,
    running: Mutex<Option<Running>>,
}

/// What stops it, and its end.
type Running = (CancellationToken, JoinHandle<()>);

#[derive(Clone)]
struct Shared {
    script: Arc<Mutex<Script>>,
    woken: watch::Sender<()>,
    /// The last sequence that this member has read of the journal.
    read_up_to: Arc<AtomicU64>,
}

struct Service {
    shared: Shared,
    stop: CancellationToken,
}

type Responses<M> = Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>>;

impl Feed {
    /// A server with an empty journal.
    pub async fn start() -> Self {
        let script = Script {
            model: Model::new("first"),
            oldest: 1,
            skip: None,
            given_up_to: None,
            too_large: None,
            token: None,
            asked: 0,
            snapshots: 0,
        };
        let shared = Shared {
            script: Arc::new(Mutex::new(script)),
            woken: watch::Sender::new(()),
            read_up_to: Arc::new(AtomicU64::new(u64::MAX)),
        };
        Self::over(shared).await
    }

    /// Another server over the same journal.
    pub async fn member(&self) -> Self {
        Self::over(Shared {
            read_up_to: Arc::new(AtomicU64::new(u64::MAX)),
            ..self.shared.clone()
        })
        .await
    }

    /// From now on this member has read the journal up to this sequence only.
    pub fn read_up_to(&self, sequence: u64) {
        self.shared.read_up_to.store(sequence, Ordering::Relaxed);
        self.shared.woken.send_replace(());
    }

    async fn over(shared: Shared) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let running = Mutex::new(Some(serve(shared.clone(), listener)));
        Self {
            address,
            shared,
            running,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Writes an entry; returns its sequence.
    pub fn write(&self, instances: Vec<FollowUp>) -> u64 {
        self.change(|script| script.model.write(instances))
    }

    /// Changes the script, and wakes those who tail.
    pub fn change<R>(&self, change: impl FnOnce(&mut Script) -> R) -> R {
        let result = change(&mut self.shared.lock());
        self.shared.woken.send_replace(());
        result
    }

    /// Reads the model.
    pub fn look<R>(&self, look: impl FnOnce(&Model) -> R) -> R {
        look(&self.shared.lock().model)
    }

    /// Waits until so many requests have come.
    pub async fn until_asked(&self, asked: u32) {
        let mut woken = self.shared.woken.subscribe();
        soon("a request", async {
            while self.shared.lock().asked < asked {
                woken.changed().await.unwrap();
            }
        })
        .await;
    }

    /// A copy of the model.
    pub fn model(&self) -> Model {
        self.shared.lock().model.clone()
    }

    /// Ends every stream and stops listening.
    pub async fn kill(&self) {
        let (stop, server) = self.running.lock().unwrap().take().unwrap();
        stop.cancel();
        server.await.unwrap();
    }

    /// Listens again, on the same port.
    pub async fn bring_back(&self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        *self.running.lock().unwrap() = Some(serve(self.shared.clone(), listener));
    }
}

fn serve(shared: Shared, listener: TcpListener) -> Running {
    let stop = CancellationToken::new();
    let service = Service {
        shared,
        stop: stop.clone(),
    };
    let until = stop.clone();
    let server = tonic::transport::Server::builder()
        .add_service(ChangeFeedServiceServer::new(service))
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), until.cancelled_owned());
    (stop, tokio::spawn(async move { server.await.unwrap() }))
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    /// Notes a request, and refuses one without the token.
    fn note(&self, metadata: &MetadataMap) -> Result<MutexGuard<'_, Script>, Status> {
        let mut script = self.lock();
        script.asked += 1;
        self.woken.send_replace(());
        let sent = metadata.get("authorization");
        let is_known = |token: &str| sent.is_some_and(|sent| sent == &*format!("Bearer {token}"));
        match script.token {
            Some(token) if !is_known(token) => {
                Err(refusal(Code::Unauthenticated, "PROOF_REQUIRED"))
            }
            _ => Ok(script),
        }
    }
}

#[tonic::async_trait]
impl ChangeFeedService for Service {
    type SnapshotStream = Responses<Ready<SnapshotResponse>>;
    type TailStream = Responses<TailResponse>;

    async fn snapshot(
        &self,
        asked: Request<SnapshotRequest>,
    ) -> Result<Response<Self::SnapshotStream>, Status> {
        let mut script = self.shared.note(asked.metadata())?;
        script.snapshots += 1;
        let model = &script.model;
        let newest = model
            .newest()
            .min(self.shared.read_up_to.load(Ordering::Relaxed));
        let seen: Vec<FollowUp> = model.seen_at(newest).into_values().collect();
        let head = SnapshotHead {
            epoch: model.epoch.clone(),
            sequence: newest,
            chain: model.chain_at(newest),
            oldest_sequence: script.oldest,
            instance_count: seen.len() as u64,
        };
        let mut responses = vec![SnapshotResponse {
            head: Some(head),
            ..Default::default()
        }];
        responses.extend(seen.chunks(4).map(|some| SnapshotResponse {
            follow_ups: some.to_vec(),
            ..Default::default()
        }));
        responses.last_mut().unwrap().last = true;
        Ok(Response::new(Box::pin(tokio_stream::iter(
            responses.into_iter().map(|response| Ok(response.into())),
        ))))
    }

    async fn tail(
        &self,
        asked: Request<TailRequest>,
    ) -> Result<Response<Self::TailStream>, Status> {
        let TailRequest {
            from_sequence,
            epoch,
        } = asked.get_ref().clone();
        {
            let script = self.shared.note(asked.metadata())?;
            if !epoch.is_empty() && epoch != script.model.epoch {
                return Err(refusal(Code::FailedPrecondition, "OTHER_EPOCH"));
            }
            if from_sequence < script.oldest || from_sequence > script.model.newest() + 1 {
                return Err(refusal(Code::OutOfRange, "FEED_RANGE"));
            }
            let read = self.shared.read_up_to.load(Ordering::Relaxed);
            if from_sequence > read && from_sequence <= script.model.newest() {
                return Err(refusal(Code::Unavailable, "UNAVAILABLE"));
            }
        }
        let (responses, receiver) = mpsc::channel(4);
        tokio::spawn(tail(
            self.shared.clone(),
            from_sequence,
            self.stop.clone(),
            responses,
        ));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

/// A refusal with a reason, as the workflow-server's do.
fn refusal(code: Code, reason: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, "aftercall", HashMap::new());
    Status::with_error_details(code, reason, details)
}

/// An entry in as many parts as it has changes, and responses of some parts each: every test sees
/// entries that were split.
fn in_parts(entries: Vec<FeedEntry>) -> Vec<Vec<FeedEntry>> {
    let parts = entries.into_iter().flat_map(|mut entry| {
        let changes = std::mem::take(&mut entry.changes);
        let count = changes.len().max(1);
        let mut changes = changes.into_iter();
        (1..=count)
            .map(|nth| FeedEntry {
                changes: changes.next().into_iter().collect(),
                partial: nth < count,
                ..entry.clone()
            })
            .collect::<Vec<_>>()
    });
    let parts: Vec<FeedEntry> = parts.collect();
    let mut responses: Vec<Vec<FeedEntry>> = parts.chunks(3).map(<[FeedEntry]>::to_vec).collect();
    // A heartbeat has none.
    if responses.is_empty() {
        responses.push(Vec::new());
    }
    responses
}

/// Pads an entry, with something that no filter asks for.
fn padded(mut entry: FeedEntry) -> FeedEntry {
    if let Some(follow_up) = entry
        .changes
        .first_mut()
        .and_then(|change| change.follow_up.as_mut())
    {
        follow_up.reason = "x".repeat(9 << 20);
    }
    entry
}

async fn tail(
    shared: Shared,
    mut next: u64,
    stop: CancellationToken,
    responses: mpsc::Sender<Result<TailResponse, Status>>,
) {
    let epoch = shared.lock().model.epoch.clone();
    let mut woken = shared.woken.subscribe();
    loop {
        woken.mark_unchanged();
        let given = {
            let mut script = shared.lock();
            if script.model.epoch != epoch {
                return;
            }
            let read = shared.read_up_to.load(Ordering::Relaxed);
            let newest = script.model.newest().min(read);
            let skip = script.skip.take_if(|skip| *skip >= next && *skip <= newest);
            let wanted = script
                .model
                .entries
                .iter()
                .filter(|entry| entry.sequence >= next);
            let given_up_to = script.given_up_to.unwrap_or(newest).min(newest);
            let kept = wanted
                .filter(|entry| Some(entry.sequence) != skip && entry.sequence <= given_up_to);
            let too_large = script.too_large;
            let pad = |entry: &FeedEntry| {
                if Some(entry.sequence) == too_large {
                    padded(entry.clone())
                } else {
                    entry.clone()
                }
            };
            (kept.take(7).map(pad).collect::<Vec<_>>(), newest)
        };
        let (entries, newest_sequence) = given;
        next = entries.last().map_or(next, |entry| entry.sequence + 1);
        let more = next <= newest_sequence && !entries.is_empty();
        for entries in in_parts(entries) {
            let response = TailResponse {
                entries,
                newest_sequence,
                sent_at: Some(SystemTime::now().into()),
            };
            let sent = stop.run_until_cancelled(responses.send(Ok(response))).await;
            if !matches!(sent, Some(Ok(()))) {
                return;
            }
        }
        if more {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tokio::time::timeout(HEARTBEAT, woken.changed()) => {}
        }
    }
}
