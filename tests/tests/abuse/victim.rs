//! Another client of a server that is attacked. At a workflow-server it changes something durable,
//! at an alerter-server it reads the wallboard, again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aftercall_client::Connection;
use aftercall_proto::alert::v1::GetWallboardRequest;
use aftercall_proto::alert::v1::alert_service_client::AlertServiceClient;
use aftercall_proto::workflow::v1::ImportTeamRequest;
use aftercall_proto::workflow::v1::workflow_definition_service_client::WorkflowDefinitionServiceClient;
use aftercall_tests::eventually;
use tokio::time::timeout;
use tonic::Status;

use crate::server::{Product, Server, resident_bytes};

/// The client; its connection is older than any attack.
pub(crate) struct Victim {
    client: Client,
    server_process: u32,
}

/// The client of a service.
#[derive(Clone)]
enum Client {
    Author(WorkflowDefinitionServiceClient<Connection>),
    Wall(AlertServiceClient<Connection>),
}

impl Client {
    /// Calls once.
    async fn call(&mut self, number: usize) -> Result<(), Status> {
        match self {
            Self::Author(client) => {
                let team = ImportTeamRequest {
                    name: "billing".to_owned(),
                    title: format!("Title {number}"),
                    actor: "author".to_owned(),
                    ..ImportTeamRequest::default()
                };
                client.import_team(team).await.map(drop)
            }
            Self::Wall(client) => client.get_wallboard(GetWallboardRequest {}).await.map(drop),
        }
    }
}

/// What it saw in a while.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    durations: Vec<Duration>,
    /// The first failure.
    pub(crate) failed: Option<String>,
    /// The most memory that the server had.
    pub(crate) memory_max: u64,
}

/// The longest that a call may take. A client that waits longer is not served.
const CALL_MAX: Duration = Duration::from_secs(10);

impl Victim {
    pub(crate) async fn start(server: &Server) -> Self {
        let connection = server.connector().connect().await.expect("it listens");
        let client = match server.product {
            Product::Workflow => Client::Author(WorkflowDefinitionServiceClient::new(connection)),
            Product::Alerter => Client::Wall(AlertServiceClient::new(connection)),
        };
        // An alerter has nothing to show before it has read the feed.
        eventually("it is served before any attack", || {
            let mut client = client.clone();
            async move { client.call(0).await.ok() }
        })
        .await;
        Self {
            client,
            server_process: server.process_id(),
        }
    }

    /// Calls the server as long as something else runs; what came of that, and what was seen.
    pub(crate) async fn watch<T>(&self, running: impl Future<Output = T>) -> (T, Seen) {
        let has_ended = Arc::new(AtomicBool::new(false));
        let memory = self.memory_max(&has_ended);
        let ending = async {
            let result = running.await;
            has_ended.store(true, Ordering::Relaxed);
            result
        };
        let (result, mut seen) = tokio::join!(ending, self.call_until(&has_ended));
        seen.memory_max = memory.join().expect("no panic");
        (result, seen)
    }

    /// Calls until the end, or until a call fails.
    async fn call_until(&self, has_ended: &AtomicBool) -> Seen {
        let mut seen = Seen::default();
        while !has_ended.load(Ordering::Relaxed) && seen.failed.is_none() {
            let (begun, mut client) = (Instant::now(), self.client.clone());
            match timeout(CALL_MAX, client.call(seen.durations.len())).await {
                Ok(Ok(())) => seen.durations.push(begun.elapsed()),
                Ok(Err(status)) => seen.failed = Some(format!("{status:?}")),
                Err(_) => seen.failed = Some("no answer came".to_owned()),
            }
        }
        seen
    }

    /// Looks at the memory of the server all the time, on a thread of its own.
    fn memory_max(&self, has_ended: &Arc<AtomicBool>) -> std::thread::JoinHandle<u64> {
        let (process, has_ended) = (self.server_process, Arc::clone(has_ended));
        std::thread::spawn(move || {
            let mut most = 0;
            while !has_ended.load(Ordering::Relaxed) {
                most = most.max(resident_bytes(process));
                std::thread::park_timeout(Duration::from_millis(20));
            }
            most.max(resident_bytes(process))
        })
    }
}

impl Seen {
    pub(crate) fn calls(&self) -> usize {
        self.durations.len()
    }

    /// The 99th percentile of the durations, in milliseconds.
    pub(crate) fn p99_ms(&self) -> f64 {
        let mut sorted = self.durations.clone();
        sorted.sort_unstable();
        let at = sorted.len() * 99 / 100;
        let p99 = sorted.get(at).or(sorted.last()).copied();
        p99.unwrap_or_default().as_secs_f64() * 1_000.0
    }
}
