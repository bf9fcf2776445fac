//! The same of the Call Manager page and of the command line.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use aftercall_tests::{PATIENCE, binary};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::provider::Provider;
use crate::server::Server;
use crate::{Secrets, places};

/// The secret of the page at its provider.
const CLIENT_SECRET: &str = "marker-of-the-client-secret";
/// The code with which a browser comes back from there.
const CODE: &str = "marker-of-a-code";

/// What the page answers.
async fn ask(page: SocketAddr, request: String) -> String {
    let mut stream = TcpStream::connect(page).await.expect("it listens");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    read.expect("in time").expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(path: &str, cookie: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n"
    )
}

/// The first cookie of an answer: its name and value.
fn cookie(answer: &str) -> String {
    let cookies = answer.lines().filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_it = name.eq_ignore_ascii_case("set-cookie");
        is_it.then(|| value.split(';').next().unwrap_or_default())
    });
    let first = cookies.into_iter().next();
    first.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

fn value(cookie: &str) -> String {
    let (_, value) = cookie.split_once('=').expect("a value");
    value.to_owned()
}

/// Signs in with a token.
async fn sign_in(page: SocketAddr, token: &str) -> String {
    let body = format!("return_to=/&token={token}");
    let request = format!(
        "POST /sign-in HTTP/1.1\r\nhost: localhost:{port}\r\norigin: http://localhost:{port}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len(),
        port = page.port(),
    );
    ask(page, request).await
}

/// Signs in at the provider, which accepts no code. Returns what the browser keeps meanwhile.
async fn sign_in_at_provider(page: SocketAddr, provider: &Provider) -> Vec<String> {
    let begun = ask(page, get("/sign-in/start", "")).await;
    let kept = cookie(&begun);
    let (_, rest) = begun.split_once("state=").expect("a state");
    let state = rest.split(['&', '\r', '\n']).next().expect("its end");
    let back = format!("/sign-in/back?code={CODE}&state={state}");
    let refused = ask(page, get(&back, &kept)).await;
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    let requests = provider.requests();
    assert!(requests.contains(CODE), "the control: {requests}");
    vec![value(&kept)]
}

/// What the command line writes with a token, as files only.
fn command_line(secrets: &Secrets, server: &str, token: &str) -> String {
    let file = secrets.path("cli.token");
    fs::write(&file, token).expect("written");
    let mut command = Command::new(binary("aftercall"));
    command.arg("whoami").args(["--server", server]);
    command.arg("--token-file").arg(&file);
    command.arg("--ca-file").arg(secrets.path("ca.crt"));
    command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
    let ended = command.output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&ended.stdout) + &text(&ended.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_the_command_line_show_no_secret() {
    let secrets = Secrets::create();
    let data_dir = secrets.path("data").display().to_string();
    let workflow = Server::start(&secrets, "workflow-server", &["--data-dir", &data_dir]);
    let upstream = format!("https://localhost:{}", workflow.address.port());
    let provider = Provider::start().await;
    let secret = secrets.path("client.secret");
    fs::write(&secret, CLIENT_SECRET).expect("written");
    let path = |name: &str| secrets.path(name).display().to_string();
    let args = [
        ["serve", "call-manager"],
        ["--listen", "127.0.0.1:0"],
        ["--workflow-server", &upstream],
        ["--alerter-server", &upstream],
        ["--servers-ca", &path("ca.crt")],
        ["--sessions-dir", &path("sessions")],
        ["--oidc-issuer", &provider.issuer],
        ["--oidc-client-id", "call-manager"],
        ["--oidc-client-secret-file", &path("client.secret")],
        ["--log-format", "json"],
        ["--log-filter", "trace"],
    ];
    let args = args.concat().into_iter().map(str::to_owned).collect();
    let page = Server::run(&secrets, "aftercall", args);

    let signed_in = sign_in(page.address, &secrets.agent).await;
    assert!(signed_in.starts_with("HTTP/1.1 303"), "{signed_in}");
    let session = cookie(&signed_in);
    let shown = ask(page.address, get("/me", &session)).await;
    assert!(shown.contains("ann"), "the control: {shown}");
    for token in &secrets.wrong {
        let refused = sign_in(page.address, token).await;
        assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    }
    let mut forbidden = secrets.forbidden();
    forbidden.extend(sign_in_at_provider(page.address, &provider).await);
    let basic = BASE64_STANDARD.encode(format!("call-manager:{CLIENT_SECRET}"));
    forbidden.extend([
        value(&session),
        CLIENT_SECRET.to_owned(),
        basic.clone(),
        CODE.to_owned(),
    ]);
    let requests = provider.requests();
    let has_secret = requests.contains(CLIENT_SECRET) || requests.contains(&basic);
    assert!(has_secret, "the control: the page has used it: {requests}");

    let mut seen = page.shown();
    for token in secrets.wrong.iter().chain([&secrets.agent]) {
        let text = command_line(&secrets, &upstream, token);
        seen.push(("the command line".to_owned(), text));
    }
    assert!(seen.last().is_some_and(|(_, text)| text.contains("ann")));
    let log = page.stop();
    assert!(log.contains("TRACE") && log.contains("is not signed in"));
    seen.push(("the log of the page".to_owned(), log));
    seen.push(("the log of the server".to_owned(), workflow.stop()));
    for entry in fs::read_dir(secrets.path("sessions")).expect("sessions") {
        let file = entry.expect("a file").path();
        let bytes = fs::read(&file).expect("readable");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        seen.push((file.display().to_string(), text));
    }
    assert_eq!(places(&seen, &forbidden), []);
    // The control: each of them is found where it is.
    for secret in &forbidden {
        let planted = [("planted".to_owned(), format!("with {secret} in it"))];
        assert!(!places(&planted, &forbidden).is_empty());
    }
    assert!(forbidden.iter().all(|secret| secret.len() > 10));
}
