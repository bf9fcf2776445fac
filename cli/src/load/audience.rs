//! The streams of `aftercall load alerts`: those that read, those that read slowly, and those that
//! never do.
//!
//! Promise: what a reading stream is given is counted, and its delay measured from the moment at
//! which the change was known to be durable. Must not: take a client's decoding for the server's
//! work: messages are read only as far as their sequence.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aftercall_client::Connection;
use aftercall_proto::alert::v1::{SnapshotMode, SubscribeRequest};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

use crate::errors::Failure;
use crate::load::measured::Measured;

/// Streams that are opened at a time.
const OPENING_MAX: usize = 64;
/// What a slow stream waits after each message.
const SLOW_PAUSE: Duration = Duration::from_millis(50);
const SUBSCRIBE: PathAndQuery =
    PathAndQuery::from_static("/aftercall.alert.v1.AlertService/Subscribe");

/// The part of a SubscribeResponse that is measured: the numbers are the proto's.
#[derive(Clone, PartialEq, prost::Message)]
struct ChangeFrame {
    #[prost(message, optional, tag = "5")]
    stage_change: Option<Sequenced>,
}

/// Of a StageChange or a SnapshotEnd.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Sequenced {
    #[prost(uint64, tag = "1")]
    pub(crate) sequence: u64,
}

/// How a stream reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// As fast as it can; it is measured.
    Fast,
    /// A message, a pause, a message.
    Slow,
    /// Never.
    Stalled,
}

/// When each change was known to be durable, by its sequence.
#[derive(Debug)]
pub(crate) struct Commits {
    began: Instant,
    first: u64,
    nanos: Vec<AtomicU64>,
}

impl Commits {
    /// Room for changes with sequences from `first` on.
    pub(crate) fn new(first: u64, count: usize) -> Self {
        Self {
            began: Instant::now(),
            first,
            nanos: (0..count).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Notes that a change is durable now.
    pub(crate) fn note(&self, sequence: u64) {
        if let Some(nanos) = self.at(sequence) {
            nanos.store(self.now(), Ordering::Relaxed);
        }
    }

    /// How long ago that was; nothing where the answer has not come yet; none where the change is
    /// not one of these.
    pub(crate) fn since(&self, sequence: u64) -> Option<Duration> {
        let noted = self.at(sequence)?.load(Ordering::Relaxed);
        let since = if noted == 0 {
            0
        } else {
            self.now().saturating_sub(noted)
        };
        Some(Duration::from_nanos(since))
    }

    fn at(&self, sequence: u64) -> Option<&AtomicU64> {
        self.nanos
            .get(usize::try_from(sequence.checked_sub(self.first)?).ok()?)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos())
            .unwrap_or(u64::MAX)
            .max(1)
    }
}

/// Streams that are open.
pub(crate) struct Audience {
    streams: Vec<(Reader, usize, Streaming<ChangeFrame>)>,
}

/// What the reading streams have been given.
#[derive(Debug)]
pub(crate) struct Receipts {
    /// Deliveries to streams that read fast.
    count: AtomicU64,
    /// Streams that ended although they read fast.
    ended: Mutex<Vec<String>>,
    /// By connection.
    measured: Vec<Mutex<Measured>>,
}

impl Audience {
    /// Opens a stream for each reader, over the connection that it names.
    pub(crate) async fn open(
        channels: &[Connection],
        places: &[(Reader, usize)],
    ) -> Result<Self, Failure> {
        let mut streams = Vec::with_capacity(places.len());
        for places in places.chunks(OPENING_MAX) {
            let mut opening = JoinSet::new();
            for &(reader, connection) in places {
                let channel = channels[connection].clone();
                let from_now = SubscribeRequest {
                    snapshot: SnapshotMode::Never.into(),
                    ..SubscribeRequest::default()
                };
                opening
                    .spawn(async move { (reader, connection, subscribe(channel, from_now).await) });
            }
            while let Some(opened) = opening.join_next().await {
                let (reader, connection, stream) = opened.map_err(|error| {
                    Failure::refused(format!("A stream was broken off: {error}."))
                })?;
                streams.push((reader, connection, stream?));
            }
        }
        Ok(Self { streams })
    }

    /// Lets the streams read, until the tasks are dropped.
    pub(crate) fn listen(
        self,
        connections: usize,
        commits: &Arc<Commits>,
    ) -> Result<(JoinSet<()>, Arc<Receipts>), Failure> {
        let measured = (0..connections)
            .map(|_| Measured::new().map(Mutex::new))
            .collect::<Result<_, _>>()?;
        let receipts = Arc::new(Receipts {
            count: AtomicU64::new(0),
            ended: Mutex::default(),
            measured,
        });
        let mut tasks = JoinSet::new();
        for (reader, connection, stream) in self.streams {
            let (commits, receipts) = (Arc::clone(commits), Arc::clone(&receipts));
            tasks.spawn(async move {
                match reader {
                    Reader::Fast => receipts.follow(stream, connection, &commits).await,
                    Reader::Slow => read_slowly(stream).await,
                    Reader::Stalled => {
                        // Held open, and never read.
                        let _stream = stream;
                        std::future::pending::<()>().await;
                    }
                }
            });
        }
        Ok((tasks, receipts))
    }
}

impl Receipts {
    async fn follow(
        &self,
        mut stream: Streaming<ChangeFrame>,
        connection: usize,
        commits: &Commits,
    ) {
        let why = loop {
            match stream.message().await {
                Ok(Some(ChangeFrame {
                    stage_change: Some(change),
                })) => {
                    let Some(delay) = commits.since(change.sequence) else {
                        continue;
                    };
                    let measured = &self.measured[connection];
                    measured
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .record(delay);
                    self.count.fetch_add(1, Ordering::Relaxed);
                }
                Ok(Some(_)) => {}
                Ok(None) => break "the server closed it".to_owned(),
                Err(status) => break status.message().to_owned(),
            }
        };
        self.ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(why);
    }

    /// Deliveries so far.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Why streams that read fast have ended.
    pub(crate) fn ended(&self) -> Vec<String> {
        self.ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// All delays, of all connections.
    pub(crate) fn measured(&self) -> Result<Measured, Failure> {
        let mut all = Measured::new()?;
        for measured in &self.measured {
            all.add(&measured.lock().unwrap_or_else(PoisonError::into_inner))?;
        }
        Ok(all)
    }
}

/// A stream of which as much is read as `M` has of a SubscribeResponse.
pub(crate) async fn subscribe<M>(
    channel: Connection,
    request: SubscribeRequest,
) -> Result<Streaming<M>, Failure>
where
    M: prost::Message + Default + 'static,
{
    let mut client = Grpc::new(channel);
    client
        .ready()
        .await
        .map_err(|error| Status::unavailable(error.to_string()))?;
    let codec = ProstCodec::<SubscribeRequest, M>::default();
    Ok(client
        .server_streaming(Request::new(request), SUBSCRIBE, codec)
        .await?
        .into_inner())
}

async fn read_slowly(mut stream: Streaming<ChangeFrame>) {
    while let Ok(Some(_)) = stream.message().await {
        tokio::time::sleep(SLOW_PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use aftercall_proto::alert::v1::subscribe_response::Frame;
    use aftercall_proto::alert::v1::{StageChange, SubscribeResponse};
    use prost::Message as _;

    use super::*;

    #[test]
    fn only_the_sequence_of_a_change_is_read() {
        let change = StageChange {
            sequence: 7,
            ..StageChange::default()
        };
        let response = SubscribeResponse {
            token: "t".to_owned(),
            frame: Some(Frame::StageChange(change)),
            ..SubscribeResponse::default()
        };
        let frame = ChangeFrame::decode(response.encode_to_vec().as_slice()).unwrap();
        assert_eq!(frame.stage_change.map(|change| change.sequence), Some(7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_delay_counts_from_the_answer() {
        let commits = Commits::new(10, 2);
        tokio::time::advance(Duration::from_secs(1)).await;
        commits.note(11);
        tokio::time::advance(Duration::from_millis(3)).await;
        assert_eq!(commits.since(11), Some(Duration::from_millis(3)));
        assert_eq!(
            commits.since(10),
            Some(Duration::ZERO),
            "it came before the answer"
        );
        assert_eq!((commits.since(9), commits.since(12)), (None, None));
    }
}
