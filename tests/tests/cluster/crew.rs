//! The members of a cluster, in this process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use aftercall_definition::time::Time;
use aftercall_proto::workflow::v1::{
    GetCallRequest, GetServerInfoRequest, GetServerInfoResponse, ServerRole,
};
use aftercall_test_postgres::Proxy;
use aftercall_tests::{Clients, REFUND, call_ref, eventually, set_refund};
use futures::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use workflow_server::Server;
use workflow_server::config::WorkflowServerConfig;
use workflow_server::journal::memory::MemoryStore;
use workflow_server::ledger::{Clock, SystemClock, Uptime};

pub(crate) const NAMES: [&str; 3] = ["one", "two", "three"];

/// A member that runs.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) clients: Clients,
    /// Its own handle of the store.
    pub(crate) store: MemoryStore,
    /// Its clock, which only a member on a store in memory has.
    pub(crate) clock: Arc<WrongClock>,
    /// The way by which the other members reach it.
    pub(crate) link: Proxy,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

/// The clock of the machine, with a wall clock that can be wrong.
#[derive(Default)]
pub(crate) struct WrongClock {
    machine: SystemClock,
    ahead_millis: AtomicI64,
}

impl WrongClock {
    /// How far the wall clock is ahead.
    pub(crate) fn set_ahead_by(&self, millis: i64) {
        self.ahead_millis.store(millis, Ordering::SeqCst);
    }
}

impl Clock for WrongClock {
    fn wall(&self) -> Time {
        Time(self.machine.wall().0 + self.ahead_millis.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        self.machine.monotonic()
    }

    fn uptime(&self) -> Option<Uptime> {
        self.machine.uptime()
    }

    fn wait(&self, span: Duration) -> BoxFuture<'_, ()> {
        self.machine.wait(span)
    }
}

/// The members of one store.
pub(crate) struct Crew {
    pub(crate) members: Vec<Member>,
    store: MemoryStore,
    /// The database that they use instead; empty for none.
    database: String,
    tokens: PathBuf,
    audit: PathBuf,
    /// The certificate of each member, its key, and the CA that signs both; empty for plain text.
    tls: [PathBuf; 3],
}

impl Crew {
    /// Three members, of which one leads.
    pub(crate) async fn start() -> Self {
        Self::start_guarded(Path::new(""), Path::new("")).await
    }

    /// The same with a token file and a folder for their audit logs. Empty for none.
    pub(crate) async fn start_guarded(tokens: &Path, audit: &Path) -> Self {
        let mut crew = Self::of(tokens, audit, String::new());
        for name in NAMES {
            crew.join(name).await;
        }
        crew
    }

    /// Three members on the database at this address.
    pub(crate) async fn start_on(database: String) -> Self {
        let mut crew = Self::of(Path::new(""), Path::new(""), database);
        for name in NAMES {
            crew.join(name).await;
        }
        crew
    }

    fn of(tokens: &Path, audit: &Path, database: String) -> Self {
        let store = MemoryStore::new();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        store.set_clock(now.expect("after 1970").as_millis() as i64);
        Self {
            members: Vec::new(),
            store,
            database,
            tokens: tokens.to_owned(),
            audit: audit.to_owned(),
            tls: [const { PathBuf::new() }; 3],
        }
    }

    /// Three members that speak TLS, and require a certificate of each client.
    pub(crate) async fn start_with_tls(tls: [PathBuf; 3]) -> Self {
        let mut crew = Self {
            tls,
            ..Self::of(Path::new(""), Path::new(""), String::new())
        };
        for name in NAMES {
            crew.join(name).await;
        }
        crew
    }

    /// Starts a member.
    pub(crate) async fn join(&mut self, name: &'static str) {
        let has_audit = !self.audit.as_os_str().is_empty();
        let audit_log = match has_audit {
            true => self.audit.join(name).display().to_string(),
            false => "off".to_owned(),
        };
        let link = Proxy::start(0);
        let scheme = if self.tls[0].as_os_str().is_empty() {
            "http"
        } else {
            "https"
        };
        let config = WorkflowServerConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            advertise: format!("{scheme}://127.0.0.1:{}", link.port()),
            member_name: name.to_owned(),
            tokens_file: self.tokens.clone(),
            audit_log,
            drain_seconds: 2,
            tls_certificate: self.tls[0].clone(),
            tls_key: self.tls[1].clone(),
            tls_client_ca: self.tls[2].clone(),
            tls_client_required: !self.tls[2].as_os_str().is_empty(),
            member_ca: self.tls[2].clone(),
            store: self.database.as_str().into(),
            ..WorkflowServerConfig::default()
        };
        let store = self.store.restart();
        let clock = Arc::<WrongClock>::default();
        let bound = if self.database.is_empty() {
            Server::bind_shared(config, clock.clone(), Arc::new(store.clone())).await
        } else {
            Server::bind(config).await
        };
        let server = bound.expect("a member starts");
        let address = server.local_addr();
        link.aim(address.port());
        let stop = CancellationToken::new();
        let stopping = stop.clone();
        let serving = tokio::spawn(async move { server.serve(stopping).await.expect("it serves") });
        self.members.push(Member {
            name,
            address,
            clients: Clients::connect(address, None).await,
            store,
            clock,
            link,
            stop,
            serving,
        });
    }

    /// The names that were asked, and who leads by their own word.
    async fn leads(&self) -> Option<usize> {
        for (at, member) in self.members.iter().enumerate() {
            let info = member.info().await.ok()?;
            if info.role() == ServerRole::Leader {
                return Some(at);
            }
        }
        None
    }

    /// Waits until one of the members leads, and the others know it. Returns its place.
    pub(crate) async fn leader(&self) -> usize {
        eventually("a member leads and all know it", || async {
            let leader = self.leads().await?;
            let name = self.members[leader].name;
            for member in &self.members {
                let cluster = member.info().await.ok()?.cluster?;
                if cluster.leader != name || !cluster.has_leader {
                    return None;
                }
            }
            Some(leader)
        })
        .await
    }

    /// The places of a leader and of the others.
    pub(crate) async fn roles(&self) -> (usize, Vec<usize>) {
        let leader = self.leader().await;
        let others = (0..self.members.len()).filter(|at| *at != leader);
        (leader, others.collect())
    }

    /// Takes a member out of the list.
    pub(crate) fn take(&mut self, at: usize) -> Member {
        self.members.remove(at)
    }

    /// The store, as another process sees it.
    pub(crate) fn store(&self) -> &MemoryStore {
        &self.store
    }
}

impl Member {
    pub(crate) async fn info(&self) -> Result<GetServerInfoResponse, Status> {
        let mut operations = self.clients.clone().operations;
        let answer = operations.get_server_info(GetServerInfoRequest {}).await?;
        Ok(answer.into_inner())
    }

    /// Ends it as `kill -9` does: it finishes nothing and releases nothing.
    pub(crate) async fn kill(self) {
        self.serving.abort();
        let _ = self.serving.await;
    }

    /// Ends it as SIGTERM does.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.serving.await.expect("it ends without a panic");
    }

    /// Teams, and a workflow that is published.
    pub(crate) async fn furnish(&self) {
        let mut clients = self.clients.clone();
        clients.teams(&["billing", "payments"]).await;
        clients.publish(REFUND).await;
    }

    /// Sets the workflow on a call, again and again until it is answered. Returns its sequence.
    pub(crate) async fn set(&self, call: &str) -> u64 {
        eventually("a workflow is set", || async {
            let mut request = set_refund(call, 1.0);
            request.request_id = call.to_owned();
            let set = self.clients.clone().scripts.set_workflow(request).await;
            match set {
                Ok(set) => Some(set.into_inner().sequence),
                Err(status) => {
                    check_unavailable(&status);
                    None
                }
            }
        })
        .await
    }

    /// How many follow-ups a call has.
    pub(crate) async fn follow_ups(&self, call: &str) -> Result<usize, Status> {
        let request = GetCallRequest {
            call: Some(call_ref(call)),
            ..GetCallRequest::default()
        };
        let call = self.clients.clone().scripts.get_call(request).await?;
        Ok(call.into_inner().follow_ups.len())
    }
}

/// Checks that a refusal asks the client to try again.
pub(crate) fn check_unavailable(status: &Status) {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    // A closed port and a lost connection are the client's own findings.
    let is_of_server = status.get_details_error_info().is_some();
    assert!(
        !is_of_server || status.get_details_retry_info().is_some(),
        "{status:?}"
    );
}

/// How long something takes.
pub(crate) async fn timed<T>(what: impl Future<Output = T>) -> (T, Duration) {
    let began = std::time::Instant::now();
    let done = what.await;
    (done, began.elapsed())
}
