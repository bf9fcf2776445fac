//! The attacks. Each has some connections at once; one that the server closes comes back after a
//! moment, as long as the attack lasts.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use aftercall_proto::workflow::v1::GetCalendarRequest;
use aftercall_tests::http2::{
    CHECK, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, frame, grpc_headers,
};
use aftercall_tests::{PATIENCE, eventually};
use futures::future::join_all;
use futures::stream::{StreamExt as _, iter};
use prost::Message;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, timeout_at};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use crate::Scale;
use crate::attempts::Attempts;
use crate::server::{Counters, LARGE, Product, Server, Socket};

/// Connections of an attack at once.
const ATTACKERS: usize = 4;
/// Half-open connections at once.
const HALF_OPEN: usize = 200;
/// Connections that never read, and the streams of each.
const SLOW_READERS: usize = 4;
/// As many without limits take several times as much as a server may.
const UNLIMITED_READERS: usize = 12;
const SLOW_STREAMS: u32 = 100;
/// Bytes that the socket of a slow reader holds at most, as far as the system allows that.
const SLOW_BUFFER_BYTES: u32 = 4_096;
/// Requests of a stream for descriptors, whose answers have some 15 KB each.
const DESCRIPTORS_A_STREAM: usize = 16;
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

    /// The attacks of which a short run makes sure that they meet the same limits at an
    /// alerter-server.
    pub(crate) const TWO: [Self; 2] = [Self::Pings, Self::HalfOpen];

    /// Whether the server stopped it. Idle connections only wait: the limit of connections bounds
    /// them.
    pub(crate) fn was_stopped(self, attempts: Attempts, counters: &Counters) -> bool {
        match self {
            Self::RapidReset => attempts.cuts > 0 || counters.has("reset pauses"),
            Self::SlowReaders => has_stalls(counters),
            Self::Idle => !counters.has("connections refused"),
            _ => attempts.cuts > 0,
        }
    }

    /// Attacks a server.
    pub(crate) async fn run(self, server: &Server, scale: Scale) -> Attempts {
        let until = Instant::now() + scale.attack;
        match self {
            Self::SlowReaders => read_slowly(server, scale, until).await,
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

/// A message of gRPC with its head.
fn framed(message: &impl Message) -> Vec<u8> {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).expect("short").to_be_bytes();
    [&[0], &length[..], &message].concat()
}

/// A request whose answer is large: for a calendar, or of an alerter-server for its descriptors, again
/// and again.
fn large_answer(product: Product, stream: u32) -> Vec<u8> {
    let (path, body) = match product {
        Product::Workflow => {
            let request = GetCalendarRequest {
                name: LARGE.to_owned(),
            };
            let path = "/aftercall.workflow.v1.WorkflowDefinitionService/GetCalendar";
            (path, framed(&request))
        }
        Product::Alerter => {
            let symbol = "aftercall.alert.v1.AlertService".to_owned();
            let request = ServerReflectionRequest {
                host: String::new(),
                message_request: Some(MessageRequest::FileContainingSymbol(symbol)),
            };
            let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
            (path, framed(&request).repeat(DESCRIPTORS_A_STREAM))
        }
    };
    let head = frame(HEADERS, END_HEADERS, stream, &grpc_headers(path));
    [head, frame(DATA, END_STREAM, stream, &body)].concat()
}

/// Asks for much, with windows without end, and reads nothing. Returns the connection, if it could be
/// opened.
async fn ask_for_much(server: &Server, until: Instant) -> io::Result<(Box<dyn Socket>, bool)> {
    let mut socket = server.connect_with(Some(SLOW_BUFFER_BYTES)).await?;
    let window = 0x7fff_0000_u32.to_be_bytes();
    let settings = [&[0, 4], &window[..]].concat();
    let mut all = [PREFACE, &frame(SETTINGS, 0, 0, &settings)].concat();
    all.extend(frame(WINDOW_UPDATE, 0, 0, &window));
    all.extend((0..SLOW_STREAMS).flat_map(|at| large_answer(server.product, 2 * at + 1)));
    let is_sent = matches!(timeout_at(until, socket.write_all(&all)).await, Ok(Ok(())));
    Ok((socket, is_sent))
}

/// Asks for much on many connections, which stay open at least as long as the attack lasts.
async fn read_slowly(server: &Server, scale: Scale, until: Instant) -> Attempts {
    let before = server.counters().await;
    let asked = join_all((0..SLOW_READERS).map(|_| ask_for_much(server, until))).await;
    let opened: Vec<_> = asked.into_iter().filter_map(Result::ok).collect();
    let sent = opened.iter().filter(|(_, is_sent)| *is_sent).count() as u64;
    tokio::time::sleep_until(until).await;
    if scale.waits_for_stalls {
        eventually("an unread answer is ended", || async {
            let ended = server.counters().await.since(&before);
            has_stalls(&ended).then_some(())
        })
        .await;
    }
    Attempts {
        opened: opened.len() as u64,
        cuts: 0,
        sent: sent * u64::from(SLOW_STREAMS),
    }
}

/// Waits until the answers that slow readers leave unread have made the memory of a server grow by
/// so many bytes. Returns their connections.
pub(crate) async fn fill_with_unread_answers(server: &Server, growth: u64) -> Vec<Box<dyn Socket>> {
    let until = Instant::now() + PATIENCE;
    let (before, mut open) = (server.memory(), Vec::new());
    for _ in 0..UNLIMITED_READERS {
        let asked = ask_for_much(server, until).await;
        open.push(asked.expect("it listens").0);
    }
    eventually("unread answers fill the memory", || async {
        (server.memory().saturating_sub(before) > growth).then_some(())
    })
    .await;
    open
}

/// Whether the server has ended streams or connections whose answers are not read.
fn has_stalls(counters: &Counters) -> bool {
    counters.has("streams ended stalled") || counters.has("connections closed stalled")
}

/// Opens connections that send nothing more. Opening them may take longer than the attack lasts.
async fn idle(server: &Server, count: usize, until: Instant) -> Attempts {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // With a lower limit fewer are opened, and the test says so.
    let _ = setrlimit(Resource::Nofile, limit);
    let opened_until = until + PATIENCE;
    let open = |_| async {
        let opening = async {
            let mut socket = server.connect().await?;
            let greeting = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
            socket.write_all(&greeting).await?;
            io::Result::Ok(socket)
        };
        timeout_at(opened_until, opening).await.ok()?.ok()
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
