//! A connection as the transport reads and writes it: with a time limit on its greeting and bounds
//! on frames that cost work and carry nothing. The HTTP/2 library answers PING, SETTINGS and
//! PRIORITY without counting them.
//!
//! Promise: no byte is changed. What is beyond a limit is logged (once a minute) and counted.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::budget::Budget;
use crate::connection::Connection;
use crate::frames::{Frames, Kind, PREFACE};
use crate::limits::{
    CONTROL_FRAMES_PER_CONTENT_FRAME, CONTROL_FRAMES_PER_EMPTY_FRAME, LINGER_BYTES_MAX, LINGER_MAX,
    Limits, READ_BYTES_AFTER_RESETS, RESETS_TIME_MAX, WRITE_TURN_BYTES,
};
use crate::output::Output;
use crate::places::Use;
use crate::seldom::Seldom;
use crate::tls::Stream;

static SLOW_GREETINGS: Seldom = Seldom::new();
static FLOODS: Seldom = Seldom::new();
static RESETS: Seldom = Seldom::new();

/// Which protocol the client uses.
#[derive(Clone, Copy, Debug)]
enum Protocol {
    /// So many bytes of the preface have matched.
    Unknown(usize),
    Http1,
    Http2,
}

/// A connection within limits.
pub(crate) struct Wire {
    stream: Stream,
    connection: Arc<Connection>,
    protocol: Protocol,
    /// Runs until the client's protocol is known.
    greeting: Option<Pin<Box<Sleep>>>,
    /// While it runs nothing is read: the client has reset too many streams.
    pause: Option<Pin<Box<Sleep>>>,
    /// When the client began to reset too many.
    slowed_since: Option<Instant>,
    read: Frames,
    written: Frames,
    output: Output,
    /// Content frames written since the last read.
    answered: u32,
    /// Bytes written in this wake-up.
    written_in_turn: usize,
    /// The wake-up in which these were written.
    turn: u64,
    control: Budget,
    resets: Budget,
    /// Runs once nothing more is written.
    linger: Option<Linger>,
}

/// How long and how much is still read after the end of what the server writes.
struct Linger {
    until: Pin<Box<Sleep>>,
    bytes_left: usize,
}

impl Wire {
    pub(crate) fn new(stream: Stream, connection: Arc<Connection>, limits: &Limits) -> Self {
        let now = Instant::now();
        Self {
            stream,
            connection,
            protocol: Protocol::Unknown(0),
            greeting: Some(Box::pin(sleep_until(now + limits.greeting_max))),
            pause: None,
            slowed_since: None,
            read: Frames::default(),
            written: Frames::default(),
            output: Output::default(),
            answered: 0,
            written_in_turn: 0,
            turn: 0,
            control: Budget::new(
                limits.control_frames_burst,
                limits.control_frames_per_second_max,
                now,
            ),
            resets: Budget::new(limits.resets_burst, limits.resets_burst, now),
            linger: None,
        }
    }

    /// Looks at what was read.
    fn note_read(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if let Protocol::Unknown(matched) = self.protocol {
            let compared = bytes.len().min(PREFACE.len() - matched);
            if bytes[..compared] != PREFACE[matched..matched + compared] {
                // After this the transport has a time limit for each head.
                (self.protocol, self.greeting) = (Protocol::Http1, None);
                return Ok(());
            }
            self.protocol = Protocol::Unknown(matched + compared);
            if matched + compared < PREFACE.len() {
                return Ok(());
            }
            if self.connection.for_use == Use::ProbesOnly {
                self.connection.note_no_place();
                return Err(io::Error::other(
                    "all connections are taken; the last ones are for probes",
                ));
            }
            self.protocol = Protocol::Http2;
            bytes = &bytes[compared..];
        }
        if matches!(self.protocol, Protocol::Http2) {
            self.count(bytes)
        } else {
            Ok(())
        }
    }

    fn count(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (mut content, mut resets, mut control) = (std::mem::take(&mut self.answered), 0, 0);
        self.read.scan(bytes, |kind| match kind {
            Kind::Content => content += 1,
            Kind::Reset => resets += 1,
            Kind::Empty => control += CONTROL_FRAMES_PER_EMPTY_FRAME,
            Kind::Control => control += 1,
        });
        let now = Instant::now();
        if content + resets + control > 0 {
            // The first frame, SETTINGS, follows the preface.
            self.greeting = None;
        }
        if resets > 0 && !self.connection.is_member() {
            self.connection.note_resets();
            if !self.resets.is_enough_for(resets, 0, now) {
                self.pause(now)?;
            } else if self.resets.is_half_full() {
                self.slowed_since = None;
            }
        }
        let earned = content * CONTROL_FRAMES_PER_CONTENT_FRAME;
        if !self.control.is_enough_for(control, earned, now) && control > 0 {
            metrics::counter!("aftercall_connections_closed_total", "reason" => "control_frames")
                .increment(1);
            if let Some(count) = FLOODS.is_due() {
                let peer = self.connection.peer;
                tracing::warn!(%peer, count, "a client sent too many PING, SETTINGS, PRIORITY, WINDOW_UPDATE or empty frames: its connection is closed");
            }
            return Err(io::Error::other("too many control frames"));
        }
        Ok(())
    }

    /// Slows the client down rather than closing its connection: requests that run out of time
    /// because the server is slow are reset too.
    fn pause(&mut self, now: Instant) -> io::Result<()> {
        let peer = self.connection.peer;
        if now - *self.slowed_since.get_or_insert(now) > RESETS_TIME_MAX {
            metrics::counter!("aftercall_connections_closed_total", "reason" => "resets")
                .increment(1);
            if let Some(count) = FLOODS.is_due() {
                tracing::warn!(%peer, count, "a client does nothing but reset its requests: its connection is closed");
            }
            return Err(io::Error::other("too many resets"));
        }
        self.pause = Some(Box::pin(sleep_until(now + self.resets.owed())));
        metrics::counter!("aftercall_reset_pauses_total").increment(1);
        if let Some(count) = RESETS.is_due() {
            tracing::warn!(%peer, count, "a client resets requests faster than the server accepts that: its connection is read more slowly");
        }
        Ok(())
    }

    fn poll_limits(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(greeting) = self.greeting.as_mut()
            && greeting.as_mut().poll(context).is_ready()
        {
            metrics::counter!("aftercall_connections_closed_total", "reason" => "greeting")
                .increment(1);
            if let Some(count) = SLOW_GREETINGS.is_due() {
                let peer = self.connection.peer;
                tracing::warn!(%peer, count, "a client connected and sent no request: its connection is closed");
            }
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if let Some(pause) = self.pause.as_mut() {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        Poll::Ready(Ok(()))
    }

    /// Lets others run once much has been written: the socket of a client on a fast network takes
    /// megabytes at once, and the requests of others would wait for that.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let turn = self.connection.wake_up();
        if std::mem::replace(&mut self.turn, turn) != turn {
            self.written_in_turn = 0;
        }
        if self.written_in_turn < WRITE_TURN_BYTES {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads until the client has closed its side too, within bounds. If a socket is closed while
    /// unread bytes wait, the system resets the connection: a client that writes in this moment
    /// then gets a broken pipe, and never reads the GOAWAY that says which requests were begun.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let linger = self.linger.get_or_insert_with(|| Linger {
            until: Box::pin(sleep_until(Instant::now() + LINGER_MAX)),
            bytes_left: LINGER_BYTES_MAX,
        });
        let mut bytes = [0; 4096];
        while linger.bytes_left > 0 && linger.until.as_mut().poll(context).is_pending() {
            let mut read = ReadBuf::new(&mut bytes);
            let is_read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut read));
            let count = read.filled().len();
            if is_read.is_err() || count == 0 {
                break;
            }
            linger.bytes_left = linger.bytes_left.saturating_sub(count);
        }
        Poll::Ready(())
    }

    fn note_written(&mut self, bytes: &[u8]) {
        self.written_in_turn += bytes.len();
        let mut content = 0;
        if matches!(self.protocol, Protocol::Http2) {
            self.written
                .scan(bytes, |kind| content += u32::from(kind == Kind::Content));
            self.answered += content;
        } else {
            content = 1;
        }
        self.connection.note_progress(u64::from(content));
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_limits(context))?;
        let before = buf.filled().len();
        if self.connection.has_reset() {
            let mut bytes = [0; READ_BYTES_AFTER_RESETS];
            let room = bytes.len().min(buf.remaining());
            let mut few = ReadBuf::new(&mut bytes[..room]);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut few))?;
            buf.put_slice(few.filled());
        } else {
            ready!(Pin::new(&mut self.stream).poll_read(context, buf))?;
        }
        Poll::Ready(self.note_read(&buf.filled()[before..]))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        ready!(wire.poll_turn(context));
        let taken = ready!(
            wire.output
                .poll_write(&mut wire.stream, context, wire.turn, buf)
        )?;
        wire.note_written(&buf[..taken]);
        Poll::Ready(Ok(taken))
    }

    /// The transport then copies small pieces together before it writes.
    fn is_write_vectored(&self) -> bool {
        false
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        let wake_up = wire.connection.wake_up();
        let is_more_expected = wire.connection.has_further_requests();
        wire.output
            .poll_flush(&mut wire.stream, context, wake_up, is_more_expected)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        if wire.linger.is_none() {
            ready!(wire.output.poll_send(&mut wire.stream, context))?;
            ready!(Pin::new(&mut wire.stream).poll_shutdown(context))?;
        }
        ready!(wire.poll_linger(context));
        Poll::Ready(Ok(()))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // The connection is closed by force. What the socket takes at once still leaves.
        if !self.output.unsent().is_empty() {
            self.stream.send_now(self.output.unsent());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::tls::testing::connected;

    #[tokio::test]
    async fn a_closed_connection_still_sends_what_it_holds() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut client = TcpStream::connect(address).await.expect("it listens");
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.writable().await.expect("it is open");
        let connection = Arc::new(Connection::for_tests());
        let mut wire = Wire::new(Stream::Plain(stream), connection, &Limits::default());
        wire.write_all(b"answer").await.expect("it is held");
        assert_eq!(wire.output.unsent(), b"answer");
        drop(wire);
        let mut got = String::new();
        client.read_to_string(&mut got).await.expect("the end");
        assert_eq!(got, "answer");
    }

    #[tokio::test]
    async fn over_tls_too_it_sends_what_it_holds() {
        let (stream, mut client) = connected().await;
        let connection = Arc::new(Connection::for_tests());
        let mut wire = Wire::new(stream, connection, &Limits::default());
        wire.write_all(b"answer").await.expect("it is held");
        drop(wire);
        let mut got = [0; 6];
        client.read_exact(&mut got).await.expect("the answer");
        assert_eq!(&got, b"answer");
        // It was closed by force, and the client learns so.
        client.read_u8().await.expect_err("no regular end");
    }

    #[tokio::test]
    async fn a_client_that_writes_at_the_end_reads_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut client = TcpStream::connect(address).await.expect("it listens");
        let (stream, _) = listener.accept().await.expect("a connection");
        let connection = Arc::new(Connection::for_tests());
        let mut wire = Wire::new(Stream::Plain(stream), connection, &Limits::default());
        client.write_all(b"request").await.expect("it is open");
        let closed = tokio::spawn(async move {
            wire.write_all(b"GOAWAY").await.expect("it is held");
            wire.shutdown().await.expect("a regular end");
        });
        let mut got = String::new();
        // If the server closes with unread bytes, this is a reset.
        client.read_to_string(&mut got).await.expect("the end");
        assert_eq!(got, "GOAWAY");
        client.write_all(b"request").await.expect("still read");
        drop(client);
        closed.await.expect("it ends with the client");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stays_is_left_after_a_moment() {
        let (stream, mut client) = connected().await;
        let connection = Arc::new(Connection::for_tests());
        let mut wire = Wire::new(stream, connection, &Limits::default());
        let begun = Instant::now();
        wire.shutdown().await.expect("a regular end");
        assert_eq!(begun.elapsed().as_secs(), LINGER_MAX.as_secs());
        drop(wire);
        assert_eq!(client.read(&mut [0]).await.expect("the end"), 0);
    }

    #[tokio::test]
    async fn answers_of_one_wake_up_are_one_record() {
        let (stream, mut client) = connected().await;
        let before = client.get_ref().0.records;
        let connection = Arc::new(Connection::for_tests());
        let mut wire = Wire::new(stream, Arc::clone(&connection), &Limits::default());
        // More requests are open: a flush waits for the next wake-up.
        let _open = [connection.open_request(), connection.open_request()];
        for piece in [&b"head"[..], b"data", b"trailers"] {
            wire.write_all(piece).await.expect("it is held");
            wire.flush().await.expect("it is held");
        }
        connection.note_wake_up();
        wire.flush().await.expect("it is sent");
        let mut got = [0; 16];
        client.read_exact(&mut got).await.expect("the answers");
        assert_eq!(&got, b"headdatatrailers");
        assert_eq!(client.get_ref().0.records - before, 1);
        let ended = async move {
            assert_eq!(client.read(&mut got).await.expect("the end"), 0);
        };
        let (closed, ()) = tokio::join!(wire.shutdown(), ended);
        closed.expect("a regular end");
    }
}
