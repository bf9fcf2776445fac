//! The people of a crowd: each asks until the end.
//!
//! Promise: their answers are read and thrown away. Decoding a list costs more than making it, and
//! people decode on other machines.

use std::time::{Duration, Instant};

use aftercall_client::Connection;
use aftercall_proto::workflow::v1::call_manager_service_client::CallManagerServiceClient;
use aftercall_proto::workflow::v1::{ClaimNextRequest, FollowUpFilter, ListFollowUpsRequest};
use clap::ValueEnum;
use hyper::http::uri::PathAndQuery;
use prost::bytes::Buf as _;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::client::Grpc;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder};
use tonic::{Code, Request, Status};
use tonic_prost::ProstEncoder;

use crate::errors::Failure;
use crate::load::measured::Measured;

/// How long one waits whom the server refused before asking again, as the server says.
const REFUSED_WAIT: Duration = Duration::from_secs(1);
const LIST_FOLLOW_UPS: PathAndQuery =
    PathAndQuery::from_static("/aftercall.workflow.v1.CallManagerService/ListFollowUps");

/// What the crowd asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Asks {
    /// The next follow-up of a customer who has none, once a second each
    Next,
    /// Lists, one after another
    Lists,
}

/// What each person of a crowd measured, and how often the server refused it.
type Tasks = JoinSet<Result<(Measured, u64), Failure>>;

/// People who ask until they are stopped.
pub(super) struct Crowd {
    tasks: Tasks,
    stop: CancellationToken,
}

impl Crowd {
    /// Starts `people`, who share these connections. A list has `rows` rows.
    pub(super) fn start(people: u32, channels: &[Connection], asks: Asks, rows: u32) -> Self {
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        for number in 0..people {
            let channel = channels[number as usize % channels.len()].clone();
            let first = Duration::from_secs(1) * number / people;
            tasks.spawn(ask_until(
                stop.clone(),
                Person {
                    channel,
                    asks,
                    number,
                    rows,
                },
                first,
            ));
        }
        Self { tasks, stop }
    }

    /// Stops them. Returns what they measured, and how many of their requests the server refused.
    pub(super) async fn stop(mut self) -> Result<(Measured, u64), Failure> {
        self.stop.cancel();
        let (mut all, mut refused) = (Measured::new()?, 0);
        while let Some(joined) = self.tasks.join_next().await {
            let (one, refused_one) = joined??;
            all.add(&one)?;
            all.elapsed = all.elapsed.max(one.elapsed);
            refused += refused_one;
        }
        Ok((all, refused))
    }
}

struct Person {
    channel: Connection,
    asks: Asks,
    number: u32,
    rows: u32,
}

async fn ask_until(
    stop: CancellationToken,
    person: Person,
    first: Duration,
) -> Result<(Measured, u64), Failure> {
    let (mut measured, mut refused) = (Measured::new()?, 0);
    let began = Instant::now();
    let asking = async {
        sleep(first).await;
        loop {
            let asked = Instant::now();
            match person.ask().await {
                Ok(()) => measured.record(asked.elapsed()),
                Err(status) if status.code() == Code::ResourceExhausted => {
                    refused += 1;
                    sleep(REFUSED_WAIT).await;
                }
                Err(status) => measured.fail(&status),
            }
            if person.asks == Asks::Next {
                sleep(Duration::from_secs(1).saturating_sub(asked.elapsed())).await;
            }
        }
    };
    stop.run_until_cancelled(asking).await;
    measured.elapsed = began.elapsed();
    Ok((measured, refused))
}

impl Person {
    async fn ask(&self) -> Result<(), Status> {
        match self.asks {
            Asks::Next => {
                let filter = FollowUpFilter {
                    customers: vec!["nobody".to_owned()],
                    ..FollowUpFilter::default()
                };
                let actor = format!("person {}", self.number);
                let request = ClaimNextRequest {
                    actor,
                    filter: Some(filter),
                    ..ClaimNextRequest::default()
                };
                CallManagerServiceClient::new(self.channel.clone())
                    .claim_next(request)
                    .await
                    .map(drop)
            }
            Asks::Lists => {
                let request = ListFollowUpsRequest {
                    page_size: self.rows,
                    ..ListFollowUpsRequest::default()
                };
                let mut client = Grpc::new(self.channel.clone());
                client
                    .ready()
                    .await
                    .map_err(|error| Status::unavailable(error.to_string()))?;
                client
                    .unary(Request::new(request), LIST_FOLLOW_UPS, Undecoded)
                    .await
                    .map(drop)
            }
        }
    }
}

/// Reads answers without decoding them.
struct Undecoded;

impl Codec for Undecoded {
    type Encode = ListFollowUpsRequest;
    type Decode = ();
    type Encoder = ProstEncoder<ListFollowUpsRequest>;
    type Decoder = Self;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(BufferSettings::default())
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Decoder for Undecoded {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        buffer.advance(buffer.remaining());
        Ok(Some(()))
    }
}
