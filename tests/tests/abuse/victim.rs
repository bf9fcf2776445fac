//! Another client of a server that is attacked: it changes something durable, again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aftercall_client::Connection;
use aftercall_proto::workflow::v1::ImportTeamRequest;
use aftercall_proto::workflow::v1::workflow_definition_service_client::WorkflowDefinitionServiceClient;
use tokio::time::timeout;

use crate::server::{Server, resident_bytes};

/// The client; its connection is older than any attack.
pub(crate) struct Victim {
    client: WorkflowDefinitionServiceClient<Connection>,
    server_process: u32,
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
        let victim = Self {
            client: WorkflowDefinitionServiceClient::new(connection),
            server_process: server.process_id(),
        };
        let seen = victim.watch(Duration::from_millis(300)).await;
        assert_eq!(seen.failed, None, "it is served before any attack");
        victim
    }

    /// Calls the server for so long.
    pub(crate) async fn watch(&self, time: Duration) -> Seen {
        let has_ended = Arc::new(AtomicBool::new(false));
        let memory = self.memory_max(&has_ended);
        let mut seen = Seen::default();
        let until = Instant::now() + time;
        while Instant::now() < until && seen.failed.is_none() {
            let team = ImportTeamRequest {
                name: "billing".to_owned(),
                title: format!("Title {}", seen.durations.len()),
                actor: "author".to_owned(),
                ..ImportTeamRequest::default()
            };
            let (begun, mut client) = (Instant::now(), self.client.clone());
            match timeout(CALL_MAX, client.import_team(team)).await {
                Ok(Ok(_)) => seen.durations.push(begun.elapsed()),
                Ok(Err(status)) => seen.failed = Some(format!("{status:?}")),
                Err(_) => seen.failed = Some("no answer came".to_owned()),
            }
        }
        has_ended.store(true, Ordering::Relaxed);
        seen.memory_max = memory.join().expect("no panic");
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
