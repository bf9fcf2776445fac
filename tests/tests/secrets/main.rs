//! Nothing that the servers write or show holds a secret, and lines above debug level hold no data of
//! callers: after a run with every proof, right and wrong.

mod page;
mod provider;
mod server;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use aftercall_identity::token_file::{NewToken, TokenKind, create};
use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::call_manager_service_client::CallManagerServiceClient;
use aftercall_proto::workflow::v1::operations_service_client::OperationsServiceClient;
use aftercall_proto::workflow::v1::script_engine_service_client::ScriptEngineServiceClient;
use aftercall_proto::workflow::v1::workflow_definition_service_client::WorkflowDefinitionServiceClient;
use aftercall_proto::workflow::v1::{
    AddNoteRequest, Caller, CancelInstanceRequest, EraseCallerRequest, GetServerInfoRequest,
    ImportTeamRequest, ImportWorkflowRequest, ListCallsOfCallerRequest, PublishWorkflowRequest,
    PushButtonRequest, SetWorkflowRequest, Value,
};
use aftercall_tests::{Authority, Issuer, PATIENCE, Pair, REFUND, set_refund, text};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tonic::metadata::MetadataValue;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};

use crate::server::Server;

/// Data of a caller. These texts are in no file of the test.
const PERSONAL: [&str; 4] = [
    "Plover Zyxwvut",
    "5550199777",
    "marker-of-a-note",
    "marker-of-a-form",
];

/// Everything that must never be seen, and the files of both servers.
struct Secrets {
    dir: TempDir,
    authority: Authority,
    /// The certificate of a script engine.
    engine: Pair,
    /// Bearer tokens that are accepted: of an author, of a supervisor by JWT, of an agent.
    author: String,
    lead: String,
    agent: String,
    operator: String,
    /// Those that are not.
    wrong: Vec<String>,
    alerter: String,
    /// Keys as PEM.
    keys: Vec<String>,
}

impl Secrets {
    fn create() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let (authority, issuer) = (
            Authority::create(),
            Issuer::create("https://sso.example.com"),
        );
        let (server, engine) = (authority.server(), authority.client("engine-1"));
        server.write(dir.path());
        fs::write(dir.path().join("ca.crt"), authority.pem()).expect("written");
        fs::write(dir.path().join("keys.json"), issuer.keys()).expect("written");
        fs::write(dir.path().join("tokens"), "").expect("written");
        let access = format!(
            "[[issuer]]\nissuer = \"https://sso.example.com\"\naudiences = [\"aftercall\"]\nkeys_file = {:?}\n\
             [[certificate]]\ncommon_name = \"engine-1\"\nname = \"engine-1\"\nroles = [\"script-engine\"]\n",
            dir.path().join("keys.json")
        );
        fs::write(dir.path().join("access.toml"), access).expect("written");
        let token = |name: &str, role| token(&dir.path().join("tokens"), name, role);
        let revoked = token("gone", Role::Agent);
        let path = dir.path().join("tokens");
        aftercall_identity::token_file::revoke(&path, "gone").expect("revoked");
        let other = Issuer::create("https://sso.example.com");
        let claims = json!({ "preferred_username": "olga", "roles": ["supervisor", "agent"] });
        let wrong = vec![
            revoked,
            other.token("u-1", &claims),
            "aftercall_wrongwrongwrong_mistaken-secret-text".to_owned(),
            issuer.token("u-9", &json!({ "exp": 1_000_000_000 })),
        ];
        let alerter = token("alerter", Role::Alerter);
        fs::write(dir.path().join("alerter.token"), &alerter).expect("written");
        Self {
            author: token("wendy", Role::Author),
            agent: token("ann", Role::Agent),
            operator: token("oscar", Role::Operator),
            lead: issuer.token("u-1", &claims),
            wrong,
            alerter,
            keys: vec![server.key, engine.key.clone(), issuer.private_key()],
            engine,
            authority,
            dir,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Every text that must not be seen: of a token its secret part, of a JWT its signature, of a
    /// key its lines.
    fn forbidden(&self) -> Vec<String> {
        let tokens = [
            &self.author,
            &self.lead,
            &self.agent,
            &self.operator,
            &self.alerter,
        ];
        let tokens = tokens.into_iter().chain(&self.wrong);
        let secrets = tokens.map(|token| {
            let end = match token.strip_prefix("aftercall_") {
                Some(rest) => rest.split_once('_').map(|(_, secret)| secret),
                None => token.rsplit('.').next(),
            };
            end.expect("the secret part").to_owned()
        });
        let lines = self.keys.iter().flat_map(|pem| pem.lines());
        let lines = lines.filter(|line| !line.starts_with("-----"));
        secrets.chain(lines.map(str::to_owned)).collect()
    }

    fn shared_args(&self) -> Vec<String> {
        let of = |flag: &str, name: &str| [flag.to_owned(), self.path(name).display().to_string()];
        [
            of("--tls-certificate", "tls.crt"),
            of("--tls-key", "tls.key"),
            of("--tls-client-ca", "ca.crt"),
            of("--tokens-file", "tokens"),
            of("--access-file", "access.toml"),
            ["--listen".to_owned(), "127.0.0.1:0".to_owned()],
            ["--log-format".to_owned(), "json".to_owned()],
            ["--log-filter".to_owned(), "trace".to_owned()],
        ]
        .concat()
    }

    fn channel(&self, address: SocketAddr, own: Option<&Pair>) -> Channel {
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(self.authority.pem()))
            .domain_name("localhost");
        let tls = match own {
            Some(own) => tls.identity(Identity::from_pem(&own.certificate, &own.key)),
            None => tls,
        };
        let endpoint = Endpoint::from_shared(format!("https://{address}")).expect("a URL");
        endpoint.tls_config(tls).expect("valid").connect_lazy()
    }
}

fn token(path: &Path, name: &str, role: Role) -> String {
    let new = NewToken {
        name: name.to_owned(),
        kind: TokenKind::Person,
        roles: vec![role],
        customers: Vec::new(),
        teams: Vec::new(),
        expires_at: None,
    };
    create(path, new).expect("a token").1.reveal().to_string()
}

fn with<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value = MetadataValue::try_from(format!("Bearer {token}")).expect("ASCII");
    request.metadata_mut().insert("authorization", value);
    request
}

fn caller() -> Caller {
    Caller {
        name: PERSONAL[0].to_owned(),
        phone: format!("+1{}", PERSONAL[1]),
        ..Caller::default()
    }
}

fn set(call: &str) -> SetWorkflowRequest {
    let mut set = set_refund(call, 5.0);
    set.actor = String::new();
    set.properties.as_mut().expect("properties").caller = Some(caller());
    set
}

/// Work with every proof. Returns what refused requests were answered.
async fn work(secrets: &Secrets, address: SocketAddr) -> Vec<Status> {
    let channel = secrets.channel(address, None);
    let mut authors = WorkflowDefinitionServiceClient::new(channel.clone());
    for name in ["billing", "payments"] {
        let team = ImportTeamRequest {
            name: name.to_owned(),
            title: "A team".to_owned(),
            ..ImportTeamRequest::default()
        };
        let added = authors.import_team(with(&secrets.author, team)).await;
        added.expect("added");
    }
    let import = ImportWorkflowRequest {
        file: REFUND.to_owned(),
        ..ImportWorkflowRequest::default()
    };
    let imported = authors.import_workflow(with(&secrets.author, import)).await;
    let workflow = imported.expect("imported").into_inner().workflow;
    let publish = PublishWorkflowRequest {
        name: workflow.expect("a workflow").name,
        ..PublishWorkflowRequest::default()
    };
    let published = authors
        .publish_workflow(with(&secrets.author, publish))
        .await;
    published.expect("published");
    let engine = secrets.channel(address, Some(&secrets.engine));
    let mut scripts = ScriptEngineServiceClient::new(engine);
    let answer = scripts
        .set_workflow(set("1"))
        .await
        .expect("set")
        .into_inner();
    let id = answer.follow_up.expect("a follow-up").instance_id;
    let mut refused = at_desk(secrets, &channel, &id).await;
    let mut operations = OperationsServiceClient::new(channel);
    for wrong in &secrets.wrong {
        let answer = operations.get_server_info(with(wrong, GetServerInfoRequest {}));
        refused.push(answer.await.expect_err("a wrong token"));
    }
    let none = operations.get_server_info(GetServerInfoRequest {}).await;
    refused.push(none.expect_err("no token"));
    // A certificate of another CA, and one that nobody named.
    let strangers = [
        Authority::create().client("engine-1"),
        secrets.authority.client("stranger"),
    ];
    for stranger in &strangers {
        let stranger = secrets.channel(address, Some(stranger));
        let set = ScriptEngineServiceClient::new(stranger)
            .set_workflow(set("2"))
            .await;
        refused.push(set.expect_err("a stranger"));
    }
    let erase = EraseCallerRequest {
        caller: Some(caller()),
        reason: PERSONAL[2].to_owned(),
        ..EraseCallerRequest::default()
    };
    let erased = operations
        .erase_caller(with(&secrets.operator, erase))
        .await;
    erased.expect("erased");
    refused
}

/// Work of people on a follow-up, with data of its caller.
async fn at_desk(secrets: &Secrets, channel: &Channel, id: &str) -> Vec<Status> {
    let mut desk = CallManagerServiceClient::new(channel.clone());
    let note = AddNoteRequest {
        instance_id: id.to_owned(),
        text: PERSONAL[2].to_owned(),
        ..AddNoteRequest::default()
    };
    for token in [&secrets.agent, &secrets.lead] {
        desk.add_note(with(token, note.clone()))
            .await
            .expect("noted");
    }
    let found = ListCallsOfCallerRequest {
        caller: Some(caller()),
        ..ListCallsOfCallerRequest::default()
    };
    let calls = desk.list_calls_of_caller(with(&secrets.lead, found)).await;
    calls.expect("listed");
    let push = PushButtonRequest {
        instance_id: id.to_owned(),
        button_id: "none".to_owned(),
        note: PERSONAL[2].to_owned(),
        form: [("why".to_owned(), form_value())].into(),
        ..PushButtonRequest::default()
    };
    let cancel = CancelInstanceRequest {
        instance_id: id.to_owned(),
        reason: format!("{} withdrew", PERSONAL[0]),
        ..CancelInstanceRequest::default()
    };
    let mut operations = OperationsServiceClient::new(channel.clone());
    let denied = operations
        .cancel_instance(with(&secrets.agent, cancel.clone()))
        .await;
    let pushed = desk.push_button(with(&secrets.lead, push)).await;
    let refused = vec![denied.expect_err("no role"), pushed.expect_err("no button")];
    let cancelled = operations
        .cancel_instance(with(&secrets.lead, cancel))
        .await;
    cancelled.expect("cancelled");
    refused
}

fn form_value() -> Value {
    text(PERSONAL[3])
}

/// What an operator reads at `/metrics`.
async fn metrics(secrets: &Secrets, address: SocketAddr) -> String {
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(secrets.authority.pem().as_bytes());
    roots.add(ca.expect("a certificate")).expect("a CA");
    let provider = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider();
    let config = ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let socket = tokio::net::TcpStream::connect(address)
        .await
        .expect("connected");
    let name = ServerName::try_from("localhost").expect("a name");
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let mut stream = connector.connect(name, socket).await.expect("TLS");
    let request = format!(
        "GET /metrics HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
        secrets.operator
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    // A server may close without a goodbye of TLS.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// The places where a text is seen.
fn places<'p>(seen: &'p [(String, String)], forbidden: &[String]) -> Vec<(&'p str, String)> {
    let found = seen.iter().flat_map(|(place, text)| {
        let here = forbidden
            .iter()
            .filter(|secret| text.contains(secret.as_str()));
        here.map(|secret| (place.as_str(), secret.clone()))
    });
    found.collect()
}

/// The lines of a log above debug level.
fn above_debug(log: &str) -> String {
    let is_above = |line: &&str| {
        let line: Result<serde_json::Value, _> = serde_json::from_str(line);
        let level = line.expect("a line is JSON")["level"].clone();
        level != "DEBUG" && level != "TRACE"
    };
    log.lines().filter(is_above).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_and_no_caller_is_seen_outside() {
    let secrets = Secrets::create();
    let data_dir = secrets.path("data").display().to_string();
    let workflow = Server::start(&secrets, "workflow-server", &["--data-dir", &data_dir]);
    let upstream = format!("https://localhost:{}", workflow.address.port());
    let (ca, token) = (secrets.path("ca.crt"), secrets.path("alerter.token"));
    let audit = secrets.path("alerter-audit.log");
    let [ca, token, audit] = [&ca, &token, &audit].map(|path| path.display().to_string());
    let alerter = Server::start(
        &secrets,
        "alerter-server",
        &[
            "--workflow-server",
            &upstream,
            "--workflow-ca",
            &ca,
            "--workflow-token-file",
            &token,
            "--audit-log",
            &audit,
        ],
    );
    let refused = work(&secrets, workflow.address).await;
    let mut wall = secrets.wrong.clone();
    wall.push(secrets.lead.clone());
    let of_wall = at_wall(&secrets, alerter.address, &wall).await;
    let mut seen = vec![
        ("errors".to_owned(), format!("{refused:?}{of_wall:?}")),
        (
            "metrics".to_owned(),
            metrics(&secrets, workflow.address).await,
        ),
        (
            "metrics of the alerter".to_owned(),
            metrics(&secrets, alerter.address).await,
        ),
    ];
    seen.extend(workflow.shown());
    seen.extend(alerter.shown());
    let logs = [alerter.stop(), workflow.stop()];
    seen.extend(
        logs.iter()
            .map(|log| ("a log".to_owned(), above_debug(log))),
    );
    for file in ["data/audit.log", "alerter-audit.log"] {
        let text = fs::read_to_string(secrets.path(file)).expect("an audit log");
        assert!(text.contains("TOKEN_INVALID"), "{text}");
        seen.push((file.to_owned(), text));
    }
    let personal = PERSONAL.map(str::to_owned);
    assert_eq!(places(&seen, &personal), []);
    // The control: what is there is found.
    let line = json!({ "level": "INFO", "message": PERSONAL[3] }).to_string();
    let planted = [("a log".to_owned(), above_debug(&line))];
    assert_eq!(places(&planted, &personal).len(), 1);
    for log in logs {
        let first = log.lines().next().expect("a line");
        assert!(
            first.contains("lines of debug level"),
            "it says so first: {first}"
        );
        assert!(log.contains("TRACE"), "it has every level");
        seen.push(("a whole log".to_owned(), log));
    }
    let forbidden = secrets.forbidden();
    assert_eq!(places(&seen, &forbidden), []);
    // The control: a secret that is there is found.
    let planted = (
        "planted".to_owned(),
        format!("authorization: Bearer {}", secrets.agent),
    );
    seen.push(planted);
    assert_eq!(places(&seen, &forbidden).len(), 1);
    assert!(
        forbidden.iter().all(|secret| secret.len() > 10),
        "{forbidden:?}"
    );
}

/// Requests to the alerter; what the refused ones were answered.
async fn at_wall(secrets: &Secrets, address: SocketAddr, tokens: &[String]) -> Vec<Status> {
    use aftercall_proto::alert::v1::GetWallboardRequest;
    use aftercall_proto::alert::v1::alert_service_client::AlertServiceClient;
    let mut client = AlertServiceClient::new(secrets.channel(address, None));
    let mut refused = Vec::new();
    for token in tokens {
        let answer = client.get_wallboard(with(token, GetWallboardRequest {}));
        refused.extend(answer.await.err());
    }
    refused
}
