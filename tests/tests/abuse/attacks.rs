//! The attacks. Each has some connections at once; one that the server closes comes back after a
//! moment, as long as the attack lasts.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use aftercall_tests::http2::{
    CHECK, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, frame, grpc_headers,
};
use futures::future::join_all;
use futures::stream::{StreamExt as _, iter};
use prost::Message as _;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, timeout_at};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use crate::Scale;
use crate::attempts::Attempts;
use crate::server::{Counters, Server, Socket};

/// Connections of an attack at once.
const ATTACKERS: usize = 4;
/// Half-open connections at once.
const HALF_OPEN: usize = 200;
/// Connections that never read, and the streams of each.
const SLOW_READERS: usize = 8;
const SLOW_STREAMS: u32 = 100;
/// Frames that are sent at once.
const BATCH: u32 = 100;
/// How often frames are sent over one connection. Even without our limits the HTTP/2 library takes
/// no more of some.
const BATCHES_MAX: u32 = 1_000;
/// Idle connections that are opened at once.
const OPENED_AT_ONCE: usize = 64;
/// How long an attacker waits before it comes back.
const PAUSE: Duration = Duration::from_millis(50);

/// An attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attack {
    RapidReset,
    Continuations,
    Pings,
    Settings,
    EmptyData,
    SlowReaders,
    HalfOpen,
    Idle,
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RapidReset => "rapid reset",
            Self::Continuations => "CONTINUATION flood",
            Self::Pings => "PING flood",
            Self::Settings => "SETTINGS flood",
            Self::EmptyData => "empty DATA flood",
            Self::SlowReaders => "slow readers",
            Self::HalfOpen => "half-open connections",
            Self::Idle => "idle connections",
        })
    }
}

impl Attack {
    pub(crate) const ALL: [Self; 8] = [
        Self::RapidReset,
        Self::Continuations,
        Self::Pings,
        Self::Settings,
        Self::EmptyData,
        Self::SlowReaders,
        Self::HalfOpen,
        Self::Idle,
    ];

    /// Whether the server stopped it. Those who only wait are bounded by memory and places.
    pub(crate) fn was_stopped(self, attempts: Attempts, counters: &Counters) -> bool {
        match self {
            Self::RapidReset => attempts.cuts > 0 || counters.has("reset pauses"),
            Self::SlowReaders | Self::Idle => true,
            _ => attempts.cuts > 0,
        }
    }

    /// Attacks a server.
    pub(crate) async fn run(self, server: &Server, scale: Scale) -> Attempts {
        let until = Instant::now() + scale.attack;
        match self {
            Self::SlowReaders => of_all(SLOW_READERS, || read_slowly(server, until)).await,
            Self::HalfOpen => of_all(HALF_OPEN, || half_open(server, until)).await,
            Self::Idle => idle(server, scale.idle_connections, until).await,
            _ => of_all(ATTACKERS, || self.flood(server, until)).await,
        }
    }

    /// Sends frames, until the attack is over.
    async fn flood(self, server: &Server, until: Instant) -> Attempts {
        let (mut attempts, mut pause) = (Attempts::default(), interval(PAUSE));
        while Instant::now() < until {
            pause.tick().await;
            let Ok(Ok(socket)) = timeout_at(until, server.connect()).await else {
                continue;
            };
            attempts.opened += 1;
            let was_cut = self.flood_over(socket, until, &mut attempts).await.is_err();
            attempts.cuts += u64::from(was_cut);
        }
        attempts
    }

    /// Floods one connection; an error if the server closes it.
    async fn flood_over(
        self,
        socket: Box<dyn Socket>,
        until: Instant,
        attempts: &mut Attempts,
    ) -> io::Result<()> {
        let (mut read, mut write) = tokio::io::split(socket);
        // What the server answers is read, so that it never waits for this client.
        let reading =
            tokio::spawn(async move { tokio::io::copy(&mut read, &mut tokio::io::sink()).await });
        let first = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &self.first()].concat();
        write.write_all(&first).await?;
        for batch in 0..BATCHES_MAX {
            let frames: Vec<u8> = (0..BATCH)
                .flat_map(|at| self.piece(batch * BATCH + at))
                .collect();
            match timeout_at(until, write.write_all(&frames)).await {
                Ok(written) => written?,
                Err(_) => break,
            }
            attempts.sent += u64::from(BATCH);
            if reading.is_finished() {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            if Instant::now() >= until {
                break;
            }
        }
        reading.abort();
        Ok(())
    }

    /// What is sent before the frames.
    fn first(self) -> Vec<u8> {
        match self {
            Self::EmptyData => frame(HEADERS, END_HEADERS, 1, &grpc_headers(CHECK)),
            // A header whose name has 268 million bytes.
            Self::Continuations => frame(HEADERS, 0, 1, &[0, 127, 0xff, 0xff, 0xff, 0x7f]),
            _ => Vec::new(),
        }
    }

    /// The frames of a number.
    fn piece(self, number: u32) -> Vec<u8> {
        match self {
            Self::RapidReset => {
                let stream = 2 * number + 1;
                let flags = END_HEADERS | END_STREAM;
                let head = frame(HEADERS, flags, stream, &grpc_headers(CHECK));
                [head, frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
            }
            Self::Continuations => frame(CONTINUATION, 0, 1, b"a"),
            Self::Pings => frame(PING, 0, 0, &[7; 8]),
            Self::Settings => frame(SETTINGS, 0, 0, &[]),
            Self::EmptyData => frame(DATA, 0, 1, &[]),
            Self::SlowReaders | Self::HalfOpen | Self::Idle => Vec::new(),
        }
    }
}

async fn of_all<F: Future<Output = Attempts>>(count: usize, attack: impl Fn() -> F) -> Attempts {
    let all = join_all((0..count).map(|_| attack())).await;
    all.into_iter().fold(Attempts::default(), Attempts::and)
}

/// Waits until a socket ends or the attack is over; whether it has ended.
async fn has_ended(socket: &mut (impl tokio::io::AsyncRead + Unpin), until: Instant) -> bool {
    let mut rest = Vec::new();
    timeout_at(until, socket.read_to_end(&mut rest))
        .await
        .is_ok()
}

/// Begins a handshake of TLS, or the preface of HTTP/2, and never ends it.
async fn half_open(server: &Server, until: Instant) -> Attempts {
    let begun: &[u8] = if server.has_tls() {
        // The head of a record that never comes.
        &[22, 3, 1, 2, 0]
    } else {
        &PREFACE[..10]
    };
    let mut attempts = Attempts::default();
    while Instant::now() < until {
        let Ok(mut socket) = TcpStream::connect(server.address()).await else {
            continue;
        };
        attempts.opened += 1;
        if socket.write_all(begun).await.is_ok() {
            attempts.sent += 1;
        }
        attempts.cuts += u64::from(has_ended(&mut socket, until).await);
    }
    attempts
}

/// A request for the descriptors of a service, which are large.
fn reflection(stream: u32) -> Vec<u8> {
    let symbol = "aftercall.workflow.v1.OperationsService".to_owned();
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::FileContainingSymbol(symbol)),
    };
    let message = request.encode_to_vec();
    let length = u32::try_from(message.len()).expect("short").to_be_bytes();
    let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let head = frame(HEADERS, END_HEADERS, stream, &grpc_headers(path));
    let body = [&[0], &length[..], &message].concat();
    [head, frame(DATA, 0, stream, &body)].concat()
}

/// Asks for much, with windows without end, and reads nothing.
async fn read_slowly(server: &Server, until: Instant) -> Attempts {
    let mut attempts = Attempts::default();
    let Ok(mut socket) = server.connect().await else {
        return attempts;
    };
    attempts.opened = 1;
    let window = 0x7fff_0000_u32.to_be_bytes();
    let settings = [&[0, 4], &window[..]].concat();
    let mut all = [PREFACE, &frame(SETTINGS, 0, 0, &settings)].concat();
    all.extend(frame(WINDOW_UPDATE, 0, 0, &window));
    all.extend((0..SLOW_STREAMS).flat_map(|at| reflection(2 * at + 1)));
    if let Ok(Ok(())) = timeout_at(until, socket.write_all(&all)).await {
        attempts.sent = u64::from(SLOW_STREAMS);
    }
    tokio::time::sleep_until(until).await;
    attempts
}

/// Opens connections that send nothing more, as many as the system allows.
async fn idle(server: &Server, count: usize, until: Instant) -> Attempts {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // A lower limit leaves fewer connections, which the table shows.
    let _ = setrlimit(Resource::Nofile, limit);
    let open = |_| async {
        let opening = async {
            let mut socket = server.connect().await?;
            let greeting = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
            socket.write_all(&greeting).await?;
            io::Result::Ok(socket)
        };
        timeout_at(until, opening).await.ok()?.ok()
    };
    let opened = iter(0..count).map(open).buffer_unordered(OPENED_AT_ONCE);
    let mut sockets: Vec<_> = opened.filter_map(std::future::ready).collect().await;
    let opened = sockets.len() as u64;
    tokio::time::sleep_until(until).await;
    let mut cuts = 0;
    for socket in &mut sockets {
        cuts += u64::from(is_closed(socket).await);
    }
    Attempts {
        opened,
        cuts,
        sent: opened,
    }
}

/// Whether the server has closed a connection, after what it has sent before.
async fn is_closed(socket: &mut Box<dyn Socket>) -> bool {
    let mut bytes = [0; 1_024];
    poll_fn(|context| {
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = Pin::new(&mut *socket).poll_read(context, &mut buffer);
            return std::task::Poll::Ready(match read {
                std::task::Poll::Pending => false,
                std::task::Poll::Ready(Ok(())) if !buffer.filled().is_empty() => continue,
                std::task::Poll::Ready(_) => true,
            });
        }
    })
    .await
}
