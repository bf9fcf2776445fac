//! The harness: real servers on port 0 in a temporary directory, the same code as `main` runs, and
//! clients of every service. Tests wait for conditions, never for time.

mod asking;
mod authority;
mod clients;
mod encoded;
mod english;
mod feed;
pub mod http2;
mod issuer;
mod node_script;
mod process;
mod python;
mod samples;
mod terminal;
mod tools;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aftercall_proto::alert::v1::GetWallboardRequest;
use aftercall_serving::LimitSettings;
use alerter_server::config::AlerterServerConfig;
pub use asking::{push, reason, set, with_refund};
pub use authority::{Authority, Pair};
pub use clients::Clients;
pub use encoded::{ask_encoded, ask_encoded_as};
pub use english::{WORDS, instead_of};
pub use feed::read_feed;
pub use issuer::{Issuer, seconds};
pub use node_script::NodeScript;
pub use process::{ServerProcess, binary};
pub use python::{run, stubs};
pub use samples::{REFUND, call_ref, number, set_refund, text};
pub use terminal::Terminal;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
pub use tools::{tool, workspace};
use workflow_server::config::{StoreFailure, WorkflowServerConfig};
use workflow_server::journal::Disk;
use workflow_server::ledger::Clock;

/// How long a test waits for what must happen soon: only a broken server ever takes this long.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A server that runs in this process.
struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    ended: JoinHandle<()>,
}

impl Running {
    async fn stop(self) {
        self.stop.cancel();
        self.ended.await.expect("the server ends without a panic");
    }
}

/// A clock and a disk for the workflow-server.
#[derive(Clone)]
pub struct Machine {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The disk.
    pub disk: Arc<dyn Disk>,
}

/// Both servers over one data directory.
pub struct House {
    workflow: Option<Running>,
    alerter: Option<Running>,
    data_dir: PathBuf,
    port: u16,
    alerter_port: u16,
    /// Whether what has ended leaves memory at once; nothing can be undone then.
    archives_at_once: bool,
    /// The country of telephone numbers that name none.
    country: String,
    /// The file with the tokens that the workflow-server accepts; empty where it wants none.
    workflow_tokens: PathBuf,
    /// The same of the alerter.
    alerter_tokens: PathBuf,
    /// The file with the alerter's own token; empty for none.
    alerter_token: PathBuf,
    /// The limits of both servers, where they are not the usual ones.
    limits: Option<LimitSettings>,
    /// Commands that may wait for the ledger.
    commands_waiting_max: u32,
    /// The file with the issuers that both servers trust; empty for none.
    access: PathBuf,
    /// The certificate of both servers, its key, and the CA of clients; all empty for plain text.
    tls: [PathBuf; 3],
    /// The origins of the web pages that may use both servers.
    web_origins: Vec<String>,
    /// The names of both servers.
    allowed_hosts: Vec<String>,
    /// The clock and the disk, where they are not the machine's.
    machine: Option<Machine>,
    /// Removes the directory when the test is over.
    _temp: tempfile::TempDir,
}

impl House {
    /// Both servers, for web pages of these origins and under these names beside the usual ones.
    pub async fn start_for_pages(web_origins: &[String], allowed_hosts: &[String]) -> Self {
        let mut house = Self::start_without_alerter().await;
        house.stop_workflow().await;
        house.web_origins = web_origins.to_vec();
        house.allowed_hosts = allowed_hosts.to_vec();
        house.start_workflow().await;
        house.start_alerter().await;
        house
    }

    /// Both servers, ready.
    pub async fn start() -> Self {
        let mut house = Self::start_without_alerter().await;
        house.start_alerter().await;
        house
    }

    /// The workflow-server alone; everything leaves its memory as soon as it has ended.
    pub async fn start_archiving() -> Self {
        Self::start_workflow_in_temp(true, None).await
    }

    /// The workflow-server alone.
    pub async fn start_without_alerter() -> Self {
        Self::start_workflow_in_temp(false, None).await
    }

    /// The workflow-server alone, on another clock and disk than the machine's.
    pub async fn start_on(machine: Machine) -> Self {
        Self::start_workflow_in_temp(false, Some(machine)).await
    }

    /// The same; everything leaves its memory as soon as it has ended.
    pub async fn start_archiving_on(machine: Machine) -> Self {
        Self::start_workflow_in_temp(true, Some(machine)).await
    }

    async fn start_workflow_in_temp(archives_at_once: bool, machine: Option<Machine>) -> Self {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let data_dir = temp.path().join("data");
        let (workflow, alerter) = (None, None);
        let mut house = Self {
            workflow,
            alerter,
            data_dir,
            port: 0,
            alerter_port: 0,
            archives_at_once,
            country: String::new(),
            workflow_tokens: PathBuf::new(),
            alerter_tokens: PathBuf::new(),
            alerter_token: PathBuf::new(),
            limits: None,
            commands_waiting_max: WorkflowServerConfig::default().commands_waiting_max,
            access: PathBuf::new(),
            tls: [const { PathBuf::new() }; 3],
            web_origins: Vec::new(),
            allowed_hosts: Vec::new(),
            machine,
            _temp: temp,
        };
        house.start_workflow().await;
        house
    }

    /// Starts the workflow-server on the data directory, on the port it had before.
    pub async fn start_workflow(&mut self) {
        let config = WorkflowServerConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], self.port)),
            data_dir: self.data_dir.clone(),
            // Small enough that every longer test writes snapshots, packs history and trims.
            snapshot_every_entries: 50,
            journal_kept_entries: 20,
            drain_seconds: 2,
            country: self.country.clone(),
            tokens_file: self.workflow_tokens.clone(),
            commands_waiting_max: self.commands_waiting_max,
            limits: self.limits.clone().unwrap_or_default(),
            access_file: self.access.clone(),
            tls_certificate: self.tls[0].clone(),
            tls_key: self.tls[1].clone(),
            tls_client_ca: self.tls[2].clone(),
            web_origins: self.web_origins.clone(),
            allowed_hosts: self.allowed_hosts.clone(),
            // Nobody starts it again here, and tests look at what it says then.
            on_store_failure: StoreFailure::ReadOnly,
            ..WorkflowServerConfig::default()
        };
        let config = if self.archives_at_once {
            WorkflowServerConfig {
                archive_after_seconds: 0,
                undo_seconds: 0,
                ..config
            }
        } else {
            config
        };
        let bound = match self.machine.clone() {
            Some(Machine { clock, disk }) => {
                workflow_server::Server::bind_with(config, clock, disk).await
            }
            None => workflow_server::Server::bind(config).await,
        };
        let server = bound.expect("the workflow-server starts");
        self.port = server.local_addr().port();
        let stop = CancellationToken::new();
        let (address, token) = (server.local_addr(), stop.clone());
        let ended = tokio::spawn(async move { server.serve(token).await.expect("it serves") });
        self.workflow = Some(Running {
            address,
            stop,
            ended,
        });
    }

    /// From the next start on, everything leaves memory as soon as it has ended.
    pub fn archive_at_once(&mut self) {
        self.archives_at_once = true;
    }

    /// From the next start on, the workflow-server accepts only the tokens of this file.
    pub fn guard_workflow(&mut self, tokens: &Path) {
        tokens.clone_into(&mut self.workflow_tokens);
    }

    /// From the next start on, the alerter accepts only the tokens of this file.
    pub fn guard_alerter(&mut self, tokens: &Path) {
        tokens.clone_into(&mut self.alerter_tokens);
    }

    /// From the next start on, both servers trust the issuers of this access file.
    pub fn trust_issuers(&mut self, access: &Path) {
        access.clone_into(&mut self.access);
    }

    /// From the next start on, both servers serve TLS with this certificate and its key, and accept
    /// client certificates of a CA.
    pub fn serve_tls(&mut self, certificate: &Path, key: &Path, client_ca: &Path) {
        self.tls = [certificate, key, client_ca].map(Path::to_owned);
    }

    /// From the next start on, the alerter shows the token of this file to the workflow-server.
    pub fn give_alerter(&mut self, token: &Path) {
        token.clone_into(&mut self.alerter_token);
    }

    /// From the next start on, both servers have these limits.
    pub fn limit(&mut self, limits: LimitSettings) {
        self.limits = Some(limits);
    }

    /// From the next start on, so many commands may wait for the ledger.
    pub fn limit_waiting(&mut self, commands: u32) {
        self.commands_waiting_max = commands;
    }

    /// From the next start on, telephone numbers that name no country are of this one.
    pub fn set_country(&mut self, code: &str) {
        code.clone_into(&mut self.country);
    }

    /// Starts an alerter, on the port it had before.
    pub async fn start_alerter(&mut self) {
        let usual = AlerterServerConfig::default();
        let config = AlerterServerConfig {
            limits: self.limits.clone().unwrap_or(usual.limits.clone()),
            listen: SocketAddr::from(([127, 0, 0, 1], self.alerter_port)),
            workflow_server: format!("http://{}", self.workflow_address()),
            drain_seconds: 1,
            tokens_file: self.alerter_tokens.clone(),
            workflow_token_file: self.alerter_token.clone(),
            // Otherwise it is in the output of the tests.
            audit_log: "off".to_owned(),
            access_file: self.access.clone(),
            tls_certificate: self.tls[0].clone(),
            tls_key: self.tls[1].clone(),
            tls_client_ca: self.tls[2].clone(),
            web_origins: self.web_origins.clone(),
            allowed_hosts: self.allowed_hosts.clone(),
            ..usual
        };
        let server = alerter_server::Server::bind(config)
            .await
            .expect("the alerter-server starts");
        self.alerter_port = server.local_addr().port();
        let stop = CancellationToken::new();
        let (address, token) = (server.local_addr(), stop.clone());
        let ended = tokio::spawn(async move { server.serve(token).await.expect("it serves") });
        self.alerter = Some(Running {
            address,
            stop,
            ended,
        });
    }

    /// Stops the workflow-server cleanly.
    pub async fn stop_workflow(&mut self) {
        self.workflow
            .take()
            .expect("the workflow-server runs")
            .stop()
            .await;
    }

    /// Stops the alerter cleanly.
    pub async fn stop_alerter(&mut self) {
        self.alerter.take().expect("the alerter runs").stop().await;
    }

    /// Where the workflow-server listens.
    pub fn workflow_address(&self) -> SocketAddr {
        self.workflow
            .as_ref()
            .expect("the workflow-server runs")
            .address
    }

    /// The same as a URL, for the command line; also while it is stopped.
    pub fn workflow_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where the alerter listens.
    pub fn alerter_address(&self) -> SocketAddr {
        self.alerter.as_ref().expect("the alerter runs").address
    }

    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Clients of all services.
    pub async fn clients(&self) -> Clients {
        let alerter = self.alerter.as_ref().map(|alerter| alerter.address);
        Clients::connect(self.workflow_address(), alerter).await
    }
}

/// Asks again until the answer is there.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .unwrap_or_else(|_| panic!("waited in vain for: {what}"))
}

/// Waits until the alerter has everything up to this entry: a new stream begins with it.
pub async fn alerter_has(clients: &Clients, sequence: u64) {
    eventually("the alerter has caught up", || {
        let mut clients = clients.clone();
        async move {
            let answer = clients
                .alerts
                .get_wallboard(GetWallboardRequest {})
                .await
                .ok()?
                .into_inner();
            (answer.wallboard?.sequence >= sequence).then_some(())
        }
    })
    .await;
}
