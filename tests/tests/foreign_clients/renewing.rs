//! Clients whose tokens end while they hold a stream: each gets another one from its provider, and
//! misses nothing.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aftercall_tests::{Clients, House, Issuer, PATIENCE, seconds, set, tool, with_refund};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::{Watching, node_folder, stubs};

/// How long a token is accepted.
const LIFETIME_SECONDS: i64 = 3;
/// A server accepts a token for so long after its end, because clocks differ.
const LEEWAY_SECONDS: i64 = 60;
/// How often the stream must be lost and resumed.
const LOSSES: usize = 3;

/// The token endpoint of an issuer: it issues tokens of an agent to those who know the secret.
struct Endpoint {
    address: SocketAddr,
    issued: Arc<AtomicUsize>,
}

impl Endpoint {
    async fn start(issuer: Issuer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let issued = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&issued);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                issue(&issuer, stream).await;
            }
        });
        Self { address, issued }
    }
}

async fn issue(issuer: &Issuer, stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).await.expect("a line");
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut form = vec![0; length];
    stream.read_exact(&mut form).await.expect("a form");
    let form = String::from_utf8(form).expect("text");
    for part in [
        "grant_type=client_credentials",
        "client_id=wall-1",
        "client_secret=of-the-test",
        "scope=calls",
    ] {
        assert!(form.contains(part), "{form}");
    }
    let mut claims = issuer.claims("Wall", &["agent"]);
    claims["exp"] = seconds(LIFETIME_SECONDS - LEEWAY_SECONDS).into();
    let body = json!({
        "access_token": issuer.sign("key-1", &claims),
        "token_type": "Bearer",
        "expires_in": LIFETIME_SECONDS,
    });
    let body = body.to_string();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
    let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await.expect("sent");
}

/// A house whose alerter trusts an issuer, and the endpoint of the issuer. The folder keeps the
/// secret of the client.
async fn trusting(folder: &Path) -> (House, Clients, Endpoint) {
    let issuer = Issuer::create("https://login.example.com");
    let access = folder.join("access.toml");
    fs::write(&access, issuer.entry(folder)).expect("written");
    fs::write(folder.join("secret"), "of-the-test\n").expect("written");
    let mut house = House::start_without_alerter().await;
    let clients = with_refund(&house).await;
    house.trust_issuers(&access);
    house.start_alerter().await;
    (house, clients, Endpoint::start(issuer).await)
}

/// Names the source of tokens.
fn with_source<'c>(
    command: &'c mut Command,
    house: &House,
    endpoint: &Endpoint,
    folder: &Path,
) -> &'c mut Command {
    let url = format!("http://{}/token", endpoint.address);
    let secret: PathBuf = folder.join("secret");
    command
        .env("AFTERCALL_ALERTER", house.alerter_address().to_string())
        .env("AFTERCALL_TOKEN_URL", url)
        .env("AFTERCALL_CLIENT_ID", "wall-1")
        .env("AFTERCALL_CLIENT_SECRET_FILE", secret)
        .env("AFTERCALL_SCOPE", "calls")
        .env_remove("AFTERCALL_TOKEN_FILE")
}

/// Follows a program until its stream was lost several times because its token had ended. Each time
/// something happens while it is away.
async fn resumes_without_a_gap(mut clients: Clients, endpoint: &Endpoint, program: &mut Command) {
    let mut program = Watching::start(program);
    let mut expected = Vec::new();
    let mut shown = Vec::new();
    let mut losses = 0;
    let following = async {
        assert_eq!(program.line().await, "0 open");
        while losses < LOSSES || shown.len() < expected.len() {
            let line = program.line().await;
            if line.starts_with("lost: ") {
                assert!(line.contains("expired"), "{line}");
                losses += 1;
                let call = losses.to_string();
                let set = set(&mut clients, &call, 5.0).await;
                expected.push(set.instance_id);
            } else if let Some(change) = line.strip_prefix("stage: ") {
                let id = change.split(' ').next().unwrap_or_default();
                shown.push(id.to_owned());
            }
        }
    };
    let followed = tokio::time::timeout(PATIENCE, following).await;
    assert!(followed.is_ok(), "{losses} losses, {shown:?}, {expected:?}");
    assert_eq!(shown, expected, "each change once, and in order");
    let issued = endpoint.issued.load(Ordering::Relaxed);
    assert!(issued > LOSSES, "a token for each stream: {issued}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_example_renews_its_token() {
    let python = tool("python").await.expect("Python can be had everywhere");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (house, clients, endpoint) = trusting(dir.path()).await;
    stubs(&python, dir.path()).await;
    let mut example = Command::new(python);
    example
        .arg(aftercall_tests::workspace().join("examples/clients/follow.py"))
        .env("PYTHONPATH", dir.path());
    let example = with_source(&mut example, &house, &endpoint, dir.path());
    resumes_without_a_gap(clients, &endpoint, example).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_typescript_example_renews_its_token() {
    let dir = node_folder("follow.mts").await;
    let (house, clients, endpoint) = trusting(dir.path()).await;
    let mut example = Command::new("node");
    example
        .args(["--import", "tsx", "follow.mts"])
        .current_dir(dir.path());
    let example = with_source(&mut example, &house, &endpoint, dir.path());
    resumes_without_a_gap(clients, &endpoint, example).await;
}
