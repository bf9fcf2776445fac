//! A server in a process of its own, with or without TLS: its memory, its counters and the sockets
//! to it.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use aftercall_client::Connector;
use aftercall_proto::workflow::v1::workflow_definition_service_client::WorkflowDefinitionServiceClient;
use aftercall_proto::workflow::v1::{Calendar, DayHours, Holiday, ImportCalendarRequest, Weekday};
use aftercall_tests::{Authority, ServerProcess, eventually};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::Scale;

/// The name of a calendar of 200 KB.
pub(crate) const LARGE: &str = "large";
const HOLIDAYS: usize = 400;

/// How a server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    PlainText,
    Tls,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PlainText => "plain text",
            Self::Tls => "TLS",
        })
    }
}

/// Which server is attacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Product {
    Workflow,
    Alerter,
}

impl Product {
    /// The name of its binary.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Workflow => "workflow-server",
            Self::Alerter => "alerter-server",
        }
    }
}

/// A socket with or without TLS.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// A server that is attacked.
pub(crate) struct Server {
    process: ServerProcess,
    pub(crate) product: Product,
    /// The workflow-server that an alerter follows.
    _upstream: Option<ServerProcess>,
    tls: Option<Arc<ClientConfig>>,
    ca: PathBuf,
    _dir: TempDir,
}

impl Server {
    pub(crate) async fn start(
        product: Product,
        transport: Transport,
        scale: Scale,
        more: &[&str],
    ) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let authority = Authority::create();
        let ca = dir.path().join("ca.pem");
        std::fs::write(&ca, authority.pem()).expect("written");
        let (certificate, key) = authority.server().write(dir.path());
        let data = dir.path().join("data");
        let path = |path: &PathBuf| path.display().to_string();
        let mut args = vec!["--listen".to_owned(), "127.0.0.1:0".to_owned()];
        args.extend(scale.settings(more));
        let tls = (transport == Transport::Tls).then(|| {
            args.extend(["--tls-certificate".to_owned(), path(&certificate)]);
            args.extend(["--tls-key".to_owned(), path(&key)]);
            Arc::new(trusting(&authority))
        });
        let started = tokio::task::spawn_blocking(move || {
            let upstream = (product == Product::Alerter).then(|| ServerProcess::workflow(&data, 0));
            match &upstream {
                Some(upstream) => args.extend([
                    "--workflow-server".to_owned(),
                    format!("http://{}", upstream.address()),
                ]),
                None => args.extend(["--data-dir".to_owned(), path(&data)]),
            }
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            (ServerProcess::start(product.name(), &args), upstream)
        });
        let (process, upstream) = started.await.expect("it starts");
        let server = Self {
            process,
            product,
            _upstream: upstream,
            tls,
            ca,
            _dir: dir,
        };
        if product == Product::Workflow {
            server.import_calendar().await;
        }
        server
    }

    /// Imports a large calendar.
    async fn import_calendar(&self) {
        let connection = self.connector().connect().await.expect("it listens");
        let mut authors = WorkflowDefinitionServiceClient::new(connection);
        let day = |at| Holiday {
            date: format!("{}-01-01", 2_000 + at),
            // Four bytes a letter.
            title: "\u{1d4c1}".repeat(128),
            ..Holiday::default()
        };
        let calendar = Calendar {
            name: LARGE.to_owned(),
            title: "A calendar".to_owned(),
            time_zone: "UTC".to_owned(),
            hours: vec![DayHours {
                weekday: Weekday::Monday.into(),
                openings: vec!["09:00-17:00".to_owned()],
            }],
            holidays: (0..HOLIDAYS).map(day).collect(),
            ..Calendar::default()
        };
        let import = ImportCalendarRequest {
            calendar: Some(calendar),
            actor: "author".to_owned(),
            ..ImportCalendarRequest::default()
        };
        authors.import_calendar(import).await.expect("a calendar");
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.process.address()
    }

    pub(crate) fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The way to it for a client that does nothing wrong.
    pub(crate) fn connector(&self) -> Connector {
        let port = self.address().port();
        let scheme = if self.has_tls() { "https" } else { "http" };
        let connector = Connector::to(&format!("{scheme}://127.0.0.1:{port}"));
        connector.expect("an address").trust(&self.ca)
    }

    /// Opens a socket, after the handshake of TLS.
    pub(crate) async fn connect(&self) -> io::Result<Box<dyn Socket>> {
        self.connect_with(None).await
    }

    /// The same with so many bytes for what is received.
    pub(crate) async fn connect_with(
        &self,
        receive_bytes: Option<u32>,
    ) -> io::Result<Box<dyn Socket>> {
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = receive_bytes {
            socket.set_recv_buffer_size(bytes)?;
        }
        let socket = socket.connect(self.address()).await?;
        socket.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(socket));
        };
        let name = ServerName::try_from("localhost").expect("a name");
        let connector = TlsConnector::from(Arc::clone(tls));
        Ok(Box::new(connector.connect(name, socket).await?))
    }

    /// Its memory now, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        resident_bytes(self.process.id())
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// What it has refused so far.
    ///
    /// A full server keeps a few places for this; while others hold these too, it is read again.
    pub(crate) async fn counters(&self) -> Counters {
        let read = async || {
            let mut socket = self.connect().await?;
            let request = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
            socket.write_all(request).await?;
            let mut text = String::new();
            socket.read_to_string(&mut text).await?;
            io::Result::Ok(text)
        };
        let text = eventually("the metrics are read", || async {
            read().await.ok().filter(|text| text.contains("# HELP"))
        });
        Counters::of(&text.await)
    }
}

/// The resident memory of a process, in bytes.
pub(crate) fn resident_bytes(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0_u64) * 4_096
}

fn trusting(authority: &Authority) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("a certificate");
    roots.add(ca).expect("a CA");
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Counters that grow with attacks, by what they count.
#[derive(Debug, Default)]
pub(crate) struct Counters(BTreeMap<String, u64>);

impl Counters {
    fn of(metrics: &str) -> Self {
        let shown = [
            "aftercall_connections_closed_total{reason=\"",
            "aftercall_streams_ended_total{reason=\"",
            "aftercall_tls_handshakes_failed_total{reason=\"",
            "aftercall_requests_refused_total{reason=\"",
            "aftercall_reset_pauses_total",
            "aftercall_connections_refused_total",
        ];
        let counted = metrics.lines().filter_map(|line| {
            let prefix = shown.into_iter().find(|prefix| line.starts_with(prefix))?;
            let (name, value) = line.rsplit_once(' ')?;
            let what = prefix.trim_start_matches("aftercall_");
            let what = what.split("_total").next()?.replace('_', " ");
            let reason = name[prefix.len()..].trim_end_matches("\"}");
            Some((
                format!("{what} {reason}").trim_end().to_owned(),
                value.parse().ok()?,
            ))
        });
        Self(counted.collect())
    }

    /// What has grown.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let grown = self.0.iter().filter_map(|(name, value)| {
            let more = value - before.0.get(name).copied().unwrap_or(0);
            (more > 0).then(|| (name.clone(), more))
        });
        Self(grown.collect())
    }
}

impl Counters {
    /// Whether it has counted this.
    pub(crate) fn has(&self, what: &str) -> bool {
        self.0.contains_key(what)
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0.iter().map(|(name, count)| format!("{name} {count}"));
        let all: Vec<String> = all.collect();
        f.write_str(&all.join(", "))
    }
}
