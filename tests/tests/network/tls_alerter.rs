//! The alerter's way to a workflow-server that requires client certificates: certificates and the
//! CA of clients change while it follows.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aftercall_client::{Connection, Connector, Event, Subscription};
use aftercall_proto::access::v1::GetIdentityRequest;
use aftercall_proto::access::v1::identity_service_client::IdentityServiceClient;
use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::workflow::v1::script_engine_service_client::ScriptEngineServiceClient;
use aftercall_proto::workflow::v1::workflow_definition_service_client::WorkflowDefinitionServiceClient;
use aftercall_proto::workflow::v1::{
    ImportTeamRequest, ImportWorkflowRequest, PublishWorkflowRequest,
};
use aftercall_serving::LimitSettings;
use aftercall_tests::{Authority, PATIENCE, Pair, REFUND, eventually, set_refund};
use alerter_server::config::AlerterServerConfig;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{interval, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use workflow_server::config::WorkflowServerConfig;

/// The common names of the certificates, with their roles.
const ACCESS: &str = r#"
[[certificate]]
common_name = "alerter-1"
name = "alerter-1"
roles = ["alerter"]
[[certificate]]
common_name = "engine-1"
name = "engine-1"
roles = ["author", "script-engine"]
"#;

/// Passes connections on to a server, and counts them.
struct Gate {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    _passing: JoinSet<()>,
}

impl Gate {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (connections, mut passing) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
        let counted = Arc::clone(&connections);
        passing.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let mut server = TcpStream::connect(server).await.expect("it listens");
                open.spawn(async move {
                    // Either side may end it.
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Self {
            address,
            connections,
            _passing: passing,
        }
    }

    /// Waits for two more connections: the client of the second has read its files since now.
    async fn until_connected_again(&self) {
        let connections = || self.connections.load(Ordering::Relaxed);
        let before = connections();
        eventually("it connects again", || async {
            (connections() >= before + 2).then_some(())
        })
        .await;
    }
}

/// A certificate and its key, which are replaced together.
struct Replaced {
    dir: PathBuf,
    version: usize,
}

impl Replaced {
    fn new(dir: PathBuf, pair: &Pair) -> Self {
        fs::create_dir_all(&dir).expect("a folder");
        let mut files = Self { dir, version: 0 };
        files.replace(pair);
        files
    }

    fn certificate(&self) -> PathBuf {
        self.dir.join("present/tls.crt")
    }

    fn key(&self) -> PathBuf {
        self.dir.join("present/tls.key")
    }

    /// Moves a link, as Kubernetes does for secrets.
    fn replace(&mut self, pair: &Pair) {
        self.version += 1;
        let folder = self.dir.join(self.version.to_string());
        fs::create_dir(&folder).expect("a folder");
        pair.write(&folder);
        let link = self.dir.join("next");
        symlink(&folder, &link).expect("a link");
        fs::rename(link, self.dir.join("present")).expect("moved");
    }
}

/// A workflow-server and its alerter, with all files.
struct Place {
    servers: Authority,
    clients: Authority,
    server: Replaced,
    alerter: Replaced,
    engine: Replaced,
    client_ca: PathBuf,
    address: SocketAddr,
    gate: Gate,
    alerter_address: SocketAddr,
    dir: TempDir,
    _stop: DropGuard,
}

impl Place {
    async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let path = |name: &str| dir.path().join(name);
        let (servers, clients) = (Authority::create(), Authority::create());
        let server = Replaced::new(path("server"), &servers.server());
        let alerter = Replaced::new(path("alerter"), &clients.client("alerter-1"));
        let engine = Replaced::new(path("engine"), &clients.client("engine-1"));
        let (client_ca, access) = (path("clients.pem"), path("access.toml"));
        fs::write(&client_ca, clients.pem()).expect("written");
        fs::write(path("servers.pem"), servers.pem()).expect("written");
        fs::write(&access, ACCESS).expect("written");
        let stop = CancellationToken::new();
        let config = WorkflowServerConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data_dir: path("data"),
            tls_certificate: server.certificate(),
            tls_key: server.key(),
            tls_client_ca: client_ca.clone(),
            tls_client_required: true,
            access_file: access,
            drain_seconds: 1,
            // The alerter soon connects again.
            limits: LimitSettings {
                connection_age_seconds: 1,
                connection_grace_seconds: 1,
                ..LimitSettings::default()
            },
            ..WorkflowServerConfig::default()
        };
        let started = workflow_server::Server::bind(config).await;
        let started = started.expect("the workflow-server starts");
        let (address, token) = (started.local_addr(), stop.clone());
        tokio::spawn(async move { started.serve(token).await.expect("it serves") });
        let gate = Gate::to(address).await;
        let config = AlerterServerConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            workflow_server: format!("https://localhost:{}", gate.address.port()),
            workflow_ca: path("servers.pem"),
            workflow_certificate: alerter.certificate(),
            workflow_key: alerter.key(),
            drain_seconds: 1,
            ..AlerterServerConfig::default()
        };
        let started = alerter_server::Server::bind(config).await;
        let started = started.expect("the alerter-server starts");
        let (alerter_address, token) = (started.local_addr(), stop.clone());
        tokio::spawn(async move { started.serve(token).await.expect("it serves") });
        Self {
            servers,
            clients,
            server,
            alerter,
            engine,
            client_ca,
            address,
            gate,
            alerter_address,
            dir,
            _stop: stop.drop_guard(),
        }
    }

    /// The way of a client with these files to the workflow-server.
    fn connector(&self, certificate: &Path, key: &Path) -> Connector {
        let url = format!("https://localhost:{}", self.address.port());
        let connector = Connector::to(&url).expect("an address");
        let connector = connector.trust(self.dir.path().join("servers.pem"));
        connector.certificate(certificate, key)
    }

    async fn connect(&self) -> Connection {
        let (certificate, key) = (self.engine.certificate(), self.engine.key());
        let connected = self.connector(&certificate, &key).connect().await;
        connected.expect("it listens")
    }

    /// Whether the server lets a certificate in, over a connection of its own.
    async fn accepts(&self, pair: &Pair) -> bool {
        let dir = tempfile::tempdir().expect("a folder");
        let (certificate, key) = pair.write(dir.path());
        let Ok(connection) = self.connector(&certificate, &key).connect().await else {
            return false;
        };
        let mut client = IdentityServiceClient::new(connection);
        client.get_identity(GetIdentityRequest {}).await.is_ok()
    }

    async fn until_accepted(&self, pair: &Pair, is_accepted: bool) {
        // Each look is a handshake.
        let pace = tokio::sync::Mutex::new(interval(Duration::from_millis(100)));
        eventually("the server has read its files", || async {
            pace.lock().await.tick().await;
            (self.accepts(pair).await == is_accepted).then_some(())
        })
        .await;
    }
}

/// Publishes the refund.
async fn publish(connection: Connection) {
    let mut authors = WorkflowDefinitionServiceClient::new(connection);
    for name in ["billing", "payments"] {
        let team = ImportTeamRequest {
            name: name.to_owned(),
            title: "A team".to_owned(),
            ..ImportTeamRequest::default()
        };
        authors.import_team(team).await.expect("a team");
    }
    let import = ImportWorkflowRequest {
        file: REFUND.to_owned(),
        ..ImportWorkflowRequest::default()
    };
    authors.import_workflow(import).await.expect("a draft");
    let publish = PublishWorkflowRequest {
        name: "refund".to_owned(),
        ..PublishWorkflowRequest::default()
    };
    authors.publish_workflow(publish).await.expect("published");
}

/// Sets follow-ups until the end; their ids. No call fails.
fn setting(connection: Connection, has_ended: &Arc<AtomicBool>) -> JoinHandle<Vec<String>> {
    let (mut scripts, has_ended) = (
        ScriptEngineServiceClient::new(connection),
        Arc::clone(has_ended),
    );
    tokio::spawn(async move {
        let (mut set, mut pace) = (Vec::new(), interval(Duration::from_millis(50)));
        while !has_ended.load(Ordering::Relaxed) {
            pace.tick().await;
            let request = set_refund(set.len().to_string(), 5.0);
            let answer = scripts.set_workflow(request).await.expect("no call fails");
            let follow_up = answer.into_inner().follow_up.expect("a follow-up");
            set.push(follow_up.instance_id);
        }
        set
    })
}

/// What an alerter shows.
#[derive(Default)]
struct Shown {
    has_begun: AtomicBool,
    /// The follow-ups in their order.
    ids: Mutex<Vec<String>>,
}

impl Shown {
    fn ids(&self) -> Vec<String> {
        self.ids.lock().expect("no panic").clone()
    }

    /// Notes an event; whether the alerter has its feed.
    fn take(&self, event: Event) -> bool {
        let has_begun = self.has_begun.load(Ordering::Relaxed);
        let frame = match event {
            Event::Frame(response) => response.frame,
            Event::Lost { reason, .. } => {
                assert!(!has_begun, "lost: {reason}");
                None
            }
            Event::Connected => None,
        };
        match frame {
            Some(Frame::StageChange(change)) => {
                let follow_up = change.follow_up.expect("a follow-up");
                let mut ids = self.ids.lock().expect("no panic");
                ids.push(follow_up.instance_id);
            }
            Some(Frame::CaughtUp(_)) => self.has_begun.store(true, Ordering::Relaxed),
            Some(Frame::Upstream(upstream)) => return upstream.connected || !has_begun,
            Some(Frame::Reset(reset)) => panic!("{reset:?}"),
            _ => {}
        }
        true
    }
}

/// Watches what an alerter shows, until it has lost its feed.
fn watching(mut subscription: Subscription, shown: &Arc<Shown>) -> JoinHandle<()> {
    let shown = Arc::clone(shown);
    tokio::spawn(async move {
        loop {
            let event = subscription.next().await.expect("it continues");
            if !shown.take(event) {
                return;
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alerter_follows_while_certificates_and_their_ca_change() {
    let mut place = Place::start().await;
    publish(place.connect().await).await;
    let alerter = place.alerter_address.to_string();
    let subscription = Subscription::to(&alerter).expect("an address").patient();
    let shown = Arc::new(Shown::default());
    let watching = watching(subscription, &shown);
    eventually("the alerter follows", || async {
        shown.has_begun.load(Ordering::Relaxed).then_some(())
    })
    .await;
    let has_ended = Arc::new(AtomicBool::new(false));
    let setting = setting(place.connect().await, &has_ended);

    // The server gets a certificate, and accepts clients of both CAs.
    let (old, new) = (place.clients.client("engine-1"), Authority::create());
    place.server.replace(&place.servers.server());
    let both = place.clients.pem() + &new.pem();
    fs::write(&place.client_ca, both).expect("written");
    let of_new = new.client("engine-1");
    place.until_accepted(&of_new, true).await;
    // The clients get theirs.
    place.alerter.replace(&new.client("alerter-1"));
    place.engine.replace(&of_new);
    place.gate.until_connected_again().await;
    // The old CA is withdrawn.
    fs::write(&place.client_ca, new.pem()).expect("written");
    place.until_accepted(&old, false).await;
    place.gate.until_connected_again().await;
    has_ended.store(true, Ordering::Relaxed);
    let set = setting.await.expect("no panic");
    eventually("the alerter shows all of them", || async {
        (shown.ids().len() >= set.len()).then_some(())
    })
    .await;
    assert_eq!(shown.ids(), set, "each once, in order");
    assert!(!watching.is_finished(), "it never lost its feed");

    // The control: a certificate of another CA.
    let wrong = Authority::create().client("alerter-1");
    place.alerter.replace(&wrong);
    let lost = timeout(PATIENCE, watching).await.expect("in time");
    lost.expect("it has lost its feed");
}
