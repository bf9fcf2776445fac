//! Workflow-servers as processes, each with one low limit or with high ones.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use aftercall_client::{Connector, Protocol};
use aftercall_identity::token_file::{NewToken, TokenKind, create};
use aftercall_proto::access::v1::Role;
use aftercall_tests::{Authority, PATIENCE, ServerProcess};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

/// What clients need to reach a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    /// Other machines reach it too.
    Open,
    /// It requires a token.
    Tokens,
    Tls,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Plain, Self::Open, Self::Tokens, Self::Tls];
}

/// Limits that last longer than any test.
const HIGH: [&str; 7] = [
    "handshake_seconds",
    "first_request_seconds",
    "request_read_seconds",
    "stall_seconds",
    "keepalive_seconds",
    "request_seconds",
    "long_request_seconds",
];

/// The files of all servers of a test.
pub(crate) struct Files {
    dir: TempDir,
    started: AtomicUsize,
    /// Headers of a person, of a program, and of an operator.
    pub(crate) person: String,
    pub(crate) program: String,
    operator: String,
}

impl Files {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let authority = Authority::create();
        authority.server().write(dir.path());
        std::fs::write(dir.path().join("ca.pem"), authority.pem()).expect("written");
        let tokens = dir.path().join("tokens");
        std::fs::write(&tokens, "").expect("written");
        let token = |name, kind, role| token(&tokens, name, kind, role);
        Self {
            person: token("ann", TokenKind::Person, Role::Agent),
            program: token("engine", TokenKind::Service, Role::ScriptEngine),
            operator: token("oscar", TokenKind::Person, Role::Operator),
            started: AtomicUsize::new(0),
            dir,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

fn token(path: &Path, name: &str, kind: TokenKind, role: Role) -> String {
    let new = NewToken {
        name: name.to_owned(),
        kind,
        roles: vec![role],
        customers: Vec::new(),
        teams: Vec::new(),
        expires_at: None,
    };
    let (_, secret) = create(path, new).expect("a token");
    format!("Bearer {}", secret.reveal())
}

/// A server.
pub(crate) struct Server<'f> {
    process: ServerProcess,
    pub(crate) files: &'f Files,
    kind: Kind,
}

impl<'f> Server<'f> {
    /// One with a low limit, or with high ones.
    pub(crate) async fn start(
        files: &'f Files,
        kind: Kind,
        limit: Option<(&str, u32)>,
    ) -> Server<'f> {
        let number = files.started.fetch_add(1, Ordering::Relaxed);
        let data = files.path(&format!("data-{number}"));
        let mut args = vec!["--data-dir".to_owned(), data.display().to_string()];
        let mut set = |name: &str, value: String| {
            args.extend([format!("--{}", name.replace('_', "-")), value]);
        };
        let listen = match kind {
            Kind::Open => "0.0.0.0:0",
            _ => "127.0.0.1:0",
        };
        set("listen", listen.to_owned());
        for (of_kind, name, file) in [
            (Kind::Tokens, "tokens_file", "tokens"),
            (Kind::Tls, "tls_certificate", "tls.crt"),
            (Kind::Tls, "tls_key", "tls.key"),
        ] {
            if of_kind == kind {
                set(name, files.path(file).display().to_string());
            }
        }
        match limit {
            Some((name, value)) => set(name, value.to_string()),
            None => HIGH.iter().for_each(|name| set(name, "600".to_owned())),
        }
        if kind == Kind::Open {
            args.push("--insecure".to_owned());
        }
        let process = tokio::task::spawn_blocking(move || {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            ServerProcess::start("workflow-server", &args)
        });
        Server {
            process: process.await.expect("it starts"),
            files,
            kind,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.process.address().port()))
    }

    /// A counter, with its label.
    pub(crate) async fn counter(&self, series: &str) -> Option<u64> {
        let scheme = match self.kind {
            Kind::Tls => "https",
            _ => "http",
        };
        let connector = Connector::to(&format!("{scheme}://{}", self.address()));
        let connector = connector.expect("an address");
        let connector = connector.trust(self.files.path("ca.pem"));
        counter(&connector, &self.files.operator, series).await
    }
}

/// A counter of a server, with its label. A client that is late or has no place gets nothing.
pub(crate) async fn counter(
    connector: &Connector,
    authorization: &str,
    series: &str,
) -> Option<u64> {
    let reading = async {
        let (_, mut stream) = connector.dial(Protocol::Http1).await.ok()?;
        let request = format!(
            "GET /metrics HTTP/1.1\r\nhost: localhost\r\nauthorization: {authorization}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    };
    let metrics = timeout(PATIENCE, reading).await.ok()??;
    let values = metrics.lines().filter_map(|line| line.strip_prefix(series));
    values.map(str::trim).find_map(|value| value.parse().ok())
}
