//! What a client does to go beyond a limit.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use aftercall_proto::access::v1::GetIdentityRequest;
use aftercall_proto::access::v1::identity_service_client::IdentityServiceClient;
use aftercall_proto::workflow::v1::workflow_definition_service_client::WorkflowDefinitionServiceClient;
use aftercall_proto::workflow::v1::{ImportTeamRequest, ImportWorkflowRequest};
use aftercall_tests::PATIENCE;
use aftercall_tests::http2::{
    CHECK, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, frame, grpc_headers, header_block, request,
};
use futures::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};

use crate::server::Server;

/// What goes beyond a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Beyond {
    /// So many connections at once.
    Connections(usize),
    /// The same from an address that is not loopback.
    ConnectionsOfOneAddress(usize),
    /// A connection that has sent this, and sends nothing more.
    Begun(&'static [u8]),
    /// A connection of HTTP/2 that only begins.
    Greeted,
    /// Two requests at once of one identity.
    TwoOfAnIdentity,
    ManyOfAProgram,
    ManyOfAPerson,
    LargeRequest,
    LargeImport,
    /// Large headers over HTTP/2.
    LargeHeaders,
    /// The same over HTTP/1.1.
    LargeHead,
    /// A request for this path that does not end.
    HalfRequest(&'static str),
    /// Two large ones on one connection.
    TwoHalves,
    /// Answers that are not read, and a request after them.
    UnreadAnswers,
    UnreadSmallAnswers,
    Pings,
    /// Requests that are reset.
    Resets,
    /// Requests with errors of HTTP/2.
    FaultyRequests,
    /// Changes, many at once.
    Commands,
}

/// The path of a request that answers at once.
pub(crate) const INFO: &str = "/aftercall.workflow.v1.OperationsService/GetServerInfo";

/// Requests of [`Beyond::ManyOfAPerson`] and others.
const MANY: u32 = 20;
/// Changes at once, and how often.
const COMMANDS: u32 = 100;
const ROUNDS: u32 = 5;

impl Beyond {
    /// Goes beyond a limit; the connections that must stay open.
    pub(crate) async fn go(self, server: &Server<'_>) -> Vec<TcpStream> {
        let address = server.address();
        let greeted = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
        let after = |frames: Vec<u8>| [greeted.clone(), frames].concat();
        let each = |frames: fn(u32) -> Vec<u8>| (0..MANY).flat_map(frames).collect();
        let sent = match self {
            Self::Connections(count) => return connections(address, count).await,
            Self::ConnectionsOfOneAddress(count) => {
                let address = SocketAddr::new(own_address(), address.port());
                return connections(address, count).await;
            }
            Self::Begun(bytes) => bytes.to_vec(),
            Self::Greeted => greeted,
            Self::TwoOfAnIdentity => {
                let headers = with_token(&server.files.person);
                let head = |stream| frame(HEADERS, END_HEADERS, stream, &headers);
                after([head(1), head(3)].concat())
            }
            Self::ManyOfAProgram => return ask_often(address, &server.files.program).await,
            Self::ManyOfAPerson => return ask_often(address, &server.files.person).await,
            Self::LargeRequest => after(large_request()),
            Self::LargeImport => return import_large(address).await,
            Self::LargeHeaders => after(large_headers()),
            Self::LargeHead => {
                let large = "x".repeat(10_000);
                format!("GET /livez HTTP/1.1\r\nhost: localhost\r\nlarge: {large}").into_bytes()
            }
            Self::HalfRequest(path) => after(half_request(1, path, 1_000)),
            Self::TwoHalves => return vec![two_halves(address).await],
            Self::UnreadAnswers => return vec![unread_answers(address).await],
            Self::UnreadSmallAnswers => {
                let requests: Vec<u8> = each(|at| request(2 * at + 1, CHECK));
                [PREFACE, &window(0), &requests].concat()
            }
            Self::Pings => after(each(|_| frame(PING, 0, 0, &[7; 8]))),
            Self::Resets => after(each(|at| {
                let reset = frame(RST_STREAM, 0, 2 * at + 1, &[0, 0, 0, 8]);
                [request(2 * at + 1, CHECK), reset].concat()
            })),
            Self::FaultyRequests => after(each(|at| {
                let headers = header_block(&[(":scheme", "http"), (":path", CHECK)]);
                frame(HEADERS, END_HEADERS | END_STREAM, 2 * at + 1, &headers)
            })),
            Self::Commands => return command_often(address).await,
        };
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        stream.write_all(&sent).await.expect("it is sent");
        vec![stream]
    }
}

/// A full server lets clients of HTTP/1.1 in for its probes, and no others.
async fn connections(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let (greeting, mut open) = ([PREFACE, &frame(SETTINGS, 0, 0, &[])].concat(), Vec::new());
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        // One that is refused may be closed already.
        let _ = stream.write_all(&greeting).await;
        open.push(stream);
    }
    open
}

/// An address of this machine that is not loopback. Nothing is sent to the address of a document
/// (RFC 5737).
fn own_address() -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    socket
        .connect("192.0.2.1:9")
        .expect("this machine has a network");
    socket.local_addr().expect("an address").ip()
}

/// The settings of a client whose streams have a window of so many bytes.
fn window(bytes: u8) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, bytes])
}

/// Reads a frame, and returns its kind.
async fn read(stream: &mut TcpStream) -> u8 {
    let reading = async {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.expect("a frame");
        let [a, b, c, kind, ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).await.expect("its payload");
        kind
    };
    timeout(PATIENCE, reading).await.expect("in time")
}

/// The headers of a request for the identity of this token.
fn with_token(header: &str) -> Vec<u8> {
    let path = "/aftercall.access.v1.IdentityService/GetIdentity";
    [
        grpc_headers(path),
        header_block(&[("authorization", header)]),
    ]
    .concat()
}

/// A request with many headers.
fn large_headers() -> Vec<u8> {
    let value = "x".repeat(100);
    let many = header_block(&[("large", value.as_str())]).repeat(9);
    let headers = [grpc_headers(CHECK), many].concat();
    let head = frame(HEADERS, END_HEADERS, 1, &headers);
    [head, frame(DATA, END_STREAM, 1, &[0; 5])].concat()
}

/// A request with a text of 2,000 bytes, in a field that it has not.
fn large_request() -> Vec<u8> {
    let head = frame(HEADERS, END_HEADERS, 1, &grpc_headers(INFO));
    let message = [&[0, 0, 0, 7, 0xd3, 10, 0xd0, 15][..], &[b'x'; 2_000]].concat();
    [head, frame(DATA, END_STREAM, 1, &message)].concat()
}

/// The head of a request of a million bytes, and so many of them.
fn half_request(stream: u32, path: &str, bytes: usize) -> Vec<u8> {
    let head = frame(HEADERS, END_HEADERS, stream, &grpc_headers(path));
    let message = [&[0][..], &1_000_000_u32.to_be_bytes(), &vec![0; bytes]].concat();
    // The largest frame that every peer takes.
    let pieces = message
        .chunks(16_384)
        .flat_map(|piece| frame(DATA, 0, stream, piece));
    head.into_iter().chain(pieces).collect()
}

/// Two requests of 40,000 bytes that do not end.
async fn two_halves(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let greeting = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    stream.write_all(&greeting).await.expect("it is sent");
    // The window of the connection has no room for both before this.
    while read(&mut stream).await != WINDOW_UPDATE {}
    for number in [1, 3] {
        let half = half_request(number, CHECK, 40_000);
        stream.write_all(&half).await.expect("it is sent");
    }
    stream
}

/// Asks for the metrics, and reads only the heads of the answers. Then it asks for more.
async fn unread_answers(address: SocketAddr) -> TcpStream {
    let headers = header_block(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/metrics"),
        (":authority", "localhost"),
    ]);
    let flags = END_HEADERS | END_STREAM;
    let metrics = (0..MANY).flat_map(|at| frame(HEADERS, flags, 2 * at + 1, &headers));
    let asked: Vec<u8> = metrics.collect();
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    // Only what the transport has taken counts as unread by its client.
    let all = [PREFACE, &window(100), &asked].concat();
    stream.write_all(&all).await.expect("it is sent");
    let mut answered = 0;
    while answered < MANY {
        answered += u32::from(read(&mut stream).await == HEADERS);
    }
    let further = request(2 * MANY + 1, CHECK);
    stream.write_all(&further).await.expect("it is sent");
    stream
}

fn channel(address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}"));
    endpoint.expect("a URL").connect_lazy()
}

/// Asks so often who this is.
async fn ask_often(address: SocketAddr, header: &str) -> Vec<TcpStream> {
    let mut client = IdentityServiceClient::new(channel(address));
    for _ in 0..MANY {
        let mut request = Request::new(GetIdentityRequest {});
        let value = MetadataValue::try_from(header).expect("ASCII");
        request.metadata_mut().insert("authorization", value);
        // Some are refused.
        let _ = client.get_identity(request).await;
    }
    Vec::new()
}

async fn import_large(address: SocketAddr) -> Vec<TcpStream> {
    let import = ImportWorkflowRequest {
        file: "#".repeat(2_000),
        actor: "author".to_owned(),
        ..ImportWorkflowRequest::default()
    };
    let mut authors = WorkflowDefinitionServiceClient::new(channel(address));
    let refused = authors.import_workflow(import).await;
    refused.expect_err("it is no workflow");
    Vec::new()
}

async fn command_often(address: SocketAddr) -> Vec<TcpStream> {
    let authors = WorkflowDefinitionServiceClient::new(channel(address));
    for round in 0..ROUNDS {
        let asked = (0..COMMANDS).map(|at| {
            let mut authors = authors.clone();
            let team = ImportTeamRequest {
                name: format!("team-{at}"),
                title: format!("Round {round}"),
                actor: "author".to_owned(),
                ..ImportTeamRequest::default()
            };
            // Some are refused.
            async move { authors.import_team(team).await.is_ok() }
        });
        join_all(asked).await;
    }
    Vec::new()
}
