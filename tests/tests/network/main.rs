//! What clients that leak, lie or flood may do to a server, and what they may not: with sockets
//! that write frames by hand.
//!
//! Each limit has a control: the same with the limit set high, which shows that the limit is what
//! makes the difference.

mod browser;
mod descriptors;
mod floods;
mod gate;
mod http2;
mod limits;
mod process;
mod reflection;
mod requests;
mod tls;
mod tls_alerter;
mod tls_reload;
mod tls_trial;

use std::net::SocketAddr;
use std::time::Duration;

use aftercall_serving::{Limits, Protection, Readiness, Routes, base_routes, open_listener, serve};
use aftercall_tests::PATIENCE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// A server with health, reflection and the probes only, within the limits of a test.
struct Bare {
    address: SocketAddr,
    _stop: DropGuard,
}

impl Bare {
    async fn start(limits: Limits) -> Self {
        Self::start_with(limits, |routes| routes).await
    }

    /// The same with services of a test's own.
    async fn start_with(limits: Limits, with: impl FnOnce(Routes) -> Routes) -> Self {
        Self::start_protected(limits, &Protection::default(), with).await
    }

    /// The same behind TLS.
    async fn start_protected(
        limits: Limits,
        protection: &Protection,
        with: impl FnOnce(Routes) -> Routes,
    ) -> Self {
        let listener = open_listener(SocketAddr::from(([127, 0, 0, 1], 0)), protection)
            .await
            .expect("a port");
        let address = listener.local_addr();
        let readiness = Readiness::new();
        let routes = with(base_routes(&[], &readiness).await.expect("the routes"));
        let stop = CancellationToken::new();
        let token = stop.clone();
        tokio::spawn(async move {
            serve(listener, routes, &limits, readiness, token)
                .await
                .expect("it serves");
        });
        Self {
            address,
            _stop: stop.drop_guard(),
        }
    }

    fn client(&self) -> HealthClient<Channel> {
        HealthClient::new(channel(self.address))
    }
}

fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}"))
        .expect("a URL")
        .connect_lazy()
}

/// Asks whether the server is well, as a client that does nothing wrong.
async fn check(client: &mut HealthClient<Channel>) -> Result<(), tonic::Status> {
    client
        .check(HealthCheckRequest::default())
        .await
        .map(|_| ())
}

/// What the server sends until it closes the connection; fails the test where it never does.
async fn read_to_close(stream: &mut TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut read)).await;
    // A reset closes it too.
    let _ = closed.expect("the server closes the connection");
    read
}

/// Sends text over HTTP/1.1; what is answered until the server closes the connection.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    // A server that is full closes the connection before it has read the request.
    let _ = stream.write_all(request.as_bytes()).await;
    String::from_utf8_lossy(&read_to_close(&mut stream).await).into_owned()
}

/// The status of a probe.
async fn probe(address: SocketAddr, path: &str) -> Option<u16> {
    let answer = ask(
        address,
        &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"),
    )
    .await;
    answer.split(' ').nth(1)?.parse().ok()
}

/// The value of a counter of this process, with its labels.
async fn counter(address: SocketAddr, name: &str) -> u64 {
    let metrics = ask(
        address,
        "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
    )
    .await;
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    line.unwrap_or(0)
}

/// Longer than any limit of a test.
const LONG: Duration = Duration::from_secs(3_600);
