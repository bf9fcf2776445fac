//! What a server allows its clients. Each limit has its reason here; each refusal is
//! counted in `/metrics`. [`LimitSettings`](crate::LimitSettings) are those that people can set.

use std::time::Duration;

/// What a server allows.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once, beside those of the probes. Each costs some tens of kilobytes and a
    /// file descriptor, so the descriptors of the process bound them too. More are closed at once:
    /// one that waits looks like a server that hangs.
    pub connections_max: usize,
    /// Connections at once from one address, so that one leaking client does not shut out all
    /// others. A loopback address is not counted: all local programs share it.
    pub connections_per_address_max: usize,
    /// How often the files with tokens and access rules are read: a right that was taken away is
    /// gone after that.
    pub access_read_every: Duration,
    /// How long a client may take for the handshake of TLS.
    pub handshake_max: Duration,
    /// How long a client may take until its first request head, or the preface of HTTP/2 and its
    /// settings, is complete.
    pub greeting_max: Duration,
    /// Streams at once on one connection; more wait at the client.
    pub streams_per_connection_max: u32,
    /// Requests of one identity that the server works on at once, from all of its connections.
    /// Requests without proof are not counted: everybody has the same identity there.
    pub requests_in_flight_max: u32,
    /// Requests that a program may send in a second, and at once.
    pub requests_per_second_max: u32,
    /// The same for a person.
    pub person_requests_per_second_max: u32,
    /// How long a unary request may take. What it has given to the ledger is done all the same: the
    /// same request again gets its answer.
    pub request_max: Duration,
    /// The same for one whose RPC is marked as long in the `.proto` file.
    pub long_request_max: Duration,
    /// Time after which a quiet connection is sent a keepalive, and how long the client may take to
    /// answer it before the server closes the connection.
    pub keepalive: Duration,
    /// Bytes of all headers of one request.
    pub header_bytes_max: u32,
    /// Streams that a client may reset at once, and again in each second; beyond that its
    /// connection is read as slowly as that allows. As many as it may have open, since all of them
    /// run out of time together where the server is slow.
    pub resets_burst: u32,
    /// Frames that carry nothing (PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA) that a client
    /// may send at once, beyond those that its requests and answers explain; beyond that its
    /// connection is closed.
    pub control_frames_burst: u32,
    /// The same for each second, in the long run.
    pub control_frames_per_second_max: u32,
    /// Streams that this side has reset because of the client's errors before the connection is
    /// closed. An honest client makes none.
    pub faulty_resets_max: usize,
    /// How long a client may take to send a request after its head.
    pub request_read_max: Duration,
    /// How long the answers of a connection may wait without any progress; `None` if the server has
    /// a rule of its own.
    pub stall_max: Option<Duration>,
    /// Bytes of unfinished requests that one connection may hold: a service reads a whole request
    /// before it uses it.
    pub unfinished_bytes_per_connection_max: usize,
    /// The same of all connections of the process. Beyond it each may hold
    /// `UNFINISHED_BYTES_ALWAYS`.
    pub unfinished_bytes_max: usize,
    /// Bytes of answers that one connection may leave unread before its further requests wait.
    pub unread_bytes_per_connection_max: usize,
    /// Bytes of unread answers of all connections of the process above which one that holds more
    /// than `UNREAD_BYTES_ALWAYS` is served nothing more. Above `UNREAD_REFUSED_TIMES` as many,
    /// reads are refused to everybody.
    pub unread_bytes_max: usize,
    /// Names besides `localhost` and addresses that requests may give as host, with or without a
    /// port.
    pub allowed_hosts: Vec<String>,
    /// Origins of the web pages that may use the server, by gRPC-Web; none turns that off.
    pub web_origins: Vec<String>,
    /// How often the files of the certificate are read: their content is compared, since links to
    /// them may move too.
    pub certificates_read_every: Duration,
    /// How old a connection may become, more or less a tenth so that many do not end together. Then
    /// its client is asked to open another one (GOAWAY), and its endless streams end. `None` for as
    /// long as it likes.
    pub connection_age_max: Option<Duration>,
    /// How long the requests of such a connection may still take. Those whose RPC is marked as long
    /// run to their end.
    pub connection_grace: Duration,
    /// How long running requests may take once the server shuts down.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            // A gateway with a connection for each of some hundred desks is rare.
            connections_per_address_max: 256,
            // Rights must be gone after 60 s; two small files cost nothing.
            access_read_every: Duration::from_secs(5),
            // Two round trips, as the greeting. Half-open handshakes hold places meanwhile.
            handshake_max: Duration::from_secs(5),
            // Ten times what the slowest mobile network takes for two round trips.
            greeting_max: Duration::from_secs(10),
            // As other servers have it; clients open a further connection beyond that.
            streams_per_connection_max: 128,
            // A script engine with 50,000 requests a second has 500 at once if each takes 10 ms,
            // and 4,000 while the disk is slow. One identity can never fill the ledger's queue.
            requests_in_flight_max: 4_096,
            // One core answers 84,000 requests a second that do nothing, and 31,000 set-workflows;
            // a script engine may set 50,000 a second. Beyond twice that it is a loop by mistake.
            requests_per_second_max: 100_000,
            // A person's screen sends less than ten, and some hundred when it starts.
            person_requests_per_second_max: 1_000,
            // Nobody at a desk waits longer. Usual requests take milliseconds.
            request_max: Duration::from_secs(10),
            long_request_max: Duration::from_secs(60),
            // A dead client is found after half a minute.
            keepalive: Duration::from_secs(15),
            header_bytes_max: 16 * 1024,
            resets_burst: 128,
            control_frames_burst: 50 * CONTROL_FRAMES_BURST_SECONDS,
            control_frames_per_second_max: 50,
            faulty_resets_max: 256,
            request_read_max: Duration::from_secs(10),
            stall_max: Some(Duration::from_secs(30)),
            // Four requests of the largest size.
            unfinished_bytes_per_connection_max: 16 << 20,
            unfinished_bytes_max: 256 << 20,
            unread_bytes_per_connection_max: 4 << 20,
            unread_bytes_max: 256 << 20,
            allowed_hosts: Vec::new(),
            web_origins: Vec::new(),
            // Three small files: some 50 microseconds.
            certificates_read_every: Duration::from_secs(5),
            // Balancers get to spread the clients again.
            connection_age_max: Some(Duration::from_secs(1_800)),
            // The longest unary request.
            connection_grace: Duration::from_secs(60),
            drain: Duration::from_secs(10),
        }
    }
}

/// Bytes of one message of the feed from the workflow-server to an alerter-server: what one sends,
/// the other must be able to read. A message has about 1 MiB, or holds one larger follow-up.
pub const FEED_MESSAGE_BYTES_MAX: usize = 8 << 20;

/// Seconds of [`Limits::control_frames_per_second_max`] that a client may use at once: the frames
/// with which connections begin.
pub(crate) const CONTROL_FRAMES_BURST_SECONDS: u32 = 4;

/// Bytes of the headers of a request that the transport reads, as a multiple of
/// [`Limits::header_bytes_max`]: up to there the client reads which limit refused it.
pub(crate) const HEADER_BYTES_READ: u32 = 2;

/// Bytes of a request of HTTP/1.1 that are read before its head must be complete, at least: the
/// library takes no smaller limit.
pub(crate) const HTTP1_BUFFER_BYTES: u32 = 8 * 1024;

/// Bytes that each header counts beside its name and value (RFC 9113, section 6.5.2).
pub(crate) const HEADER_OVERHEAD_BYTES: usize = 32;

/// By which part the age of a connection varies.
pub(crate) const CONNECTION_AGE_VARIES: f64 = 0.1;

/// How long the requests of a connection may still take whose client certificate is no longer
/// accepted, and its streams to send why they end. With the time between two reads of the files, a
/// tenth of the minute after which a right must be gone.
pub(crate) const UNTRUSTED_GRACE: Duration = Duration::from_secs(2);

/// Identities whose use is remembered before those that have done nothing for a while are
/// forgotten.
pub(crate) const ALLOWANCES_KEPT: usize = 1_024;

/// Connections that only `/livez`, `/readyz` and `/metrics` get, once all others are taken.
pub(crate) const PROBE_CONNECTIONS: usize = 16;

/// File descriptors that connections never take: the files of the store and of its snapshots,
/// sockets to other servers. A workflow-server was seen with 40 under load, while it copied its
/// log.
pub(crate) const DESCRIPTORS_RESERVED: usize = 256;

/// The first and the longest wait after the system had no descriptor, or no memory, for a
/// connection.
pub(crate) const ACCEPT_WAIT_FIRST: Duration = Duration::from_millis(10);
pub(crate) const ACCEPT_WAIT_MAX: Duration = Duration::from_secs(1);

/// One log line at most in this time about each kind of refusal: clients that are refused come back
/// in thousands.
pub(crate) const LOG_EVERY: Duration = Duration::from_secs(60);

/// How often a server warns that other machines reach it without protection: often enough for a
/// person who reads the log of a day.
pub(crate) const INSECURE_WARNING_EVERY: Duration = Duration::from_secs(3_600);

/// Bytes of a file of certificates: all public CAs together have some 200 KiB.
pub(crate) const CERTIFICATE_FILE_BYTES_MAX: u64 = 1 << 20;

/// Bytes of TLS records that the socket of a connection has not taken: two of the largest size.
pub(crate) const TLS_UNSENT_BYTES_MAX: usize = 32 * 1024;

/// Bytes of a request in plain text that are read at a port with TLS, after it was answered.
pub(crate) const PLAIN_REQUEST_BYTES_MAX: u64 = 64 * 1024;

/// How long a client may reset streams faster than that before its connection is closed. Only one
/// that resets what it has just sent, again and again, can: what it sends waits in the sockets
/// meanwhile.
pub(crate) const RESETS_TIME_MAX: Duration = Duration::from_secs(10);

/// Bytes read at once from a client that has reset streams: some 150 requests and resets, so that
/// what it owes after one read is refilled within seconds.
pub(crate) const READ_BYTES_AFTER_RESETS: usize = 4 * 1024;

/// Streams reset before they were accepted, beyond the burst: what the first read of the transport
/// can hold. A connection is never closed for them, since reading stops first.
pub(crate) const PENDING_RESETS_SLACK: usize = 4_096;

/// Control frames that each frame of a request or an answer explains: two updates of windows, and a
/// PING and its answer by which some clients measure their bandwidth.
pub(crate) const CONTROL_FRAMES_PER_CONTENT_FRAME: u32 = 4;

/// Control frames as which a DATA or CONTINUATION frame with nothing in it counts: one for each frame
/// with content is explained. More are a flood, which ends within one read.
pub(crate) const CONTROL_FRAMES_PER_EMPTY_FRAME: u32 = CONTROL_FRAMES_PER_CONTENT_FRAME;

/// Bytes of a request that may come before the service has taken any of them: of one, and of all of
/// a connection.
pub(crate) const STREAM_WINDOW_BYTES: u32 = 64 * 1024 - 1;
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;

/// Bytes of unfinished requests, and of unread answers, that a connection may always hold.
pub(crate) const UNFINISHED_BYTES_ALWAYS: usize = 64 * 1024;
pub(crate) const UNREAD_BYTES_ALWAYS: usize = 64 * 1024;

/// How many times [`Limits::unread_bytes_max`] are unread when reads are refused to everybody. A
/// client that holds none always gets its first answer, so ten thousand connections could hold a
/// large one each.
pub(crate) const UNREAD_REFUSED_TIMES: usize = 4;

/// Bytes that a connection writes in one run of its task before it lets others run: some 30 microseconds of copying into
/// the socket.
pub(crate) const WRITE_TURN_BYTES: usize = 64 * 1024;

/// How long a connection is still read after the server has written its last byte. A client closes its
/// side a round trip later.
pub(crate) const LINGER_MAX: Duration = Duration::from_secs(1);

/// Bytes that are read and dropped in that time: more than a client has on its way.
pub(crate) const LINGER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How often the progress of a connection is checked within a stall's time.
pub(crate) const STALL_LOOKS: u32 = 4;
