//! Written bytes of a connection that the socket does not have yet. While the connection has other
//! requests in progress, they are held until its task wakes the next time: the answers of many
//! requests then leave in one write.
//!
//! The task wakes itself for that and comes after the tasks that are ready to run: on an idle
//! server at once, on a busy one after the handlers whose answers can leave with it.
//!
//! Promise: no byte is lost, changed or reordered. At most [`HELD_BYTES_MAX`] bytes are held. A
//! large piece is not copied.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

/// Bytes that are held at most: some thirty answers, or one frame of the default size.
const HELD_BYTES_MAX: usize = 16 * 1024;

/// A piece of this size is not worth copying: it leaves with what is held before it.
const LARGE_BYTES: usize = HELD_BYTES_MAX / 2;

/// Memory that an idle connection keeps for the next answers.
const KEPT_BYTES_MAX: usize = 2 * 1024;

/// What was written and has not left.
#[derive(Debug, Default)]
pub(crate) struct Output {
    held: Vec<u8>,
    /// How many of the held bytes have left.
    left: usize,
    /// The wake-up in which the oldest of them was written.
    since: u64,
}

impl Output {
    /// Bytes that have not left.
    pub(crate) fn unsent(&self) -> &[u8] {
        &self.held[self.left..]
    }

    /// Takes a piece. Returns how many of its bytes were taken.
    pub(crate) fn poll_write(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
        wake_up: u64,
        piece: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.unsent().len() + piece.len() > HELD_BYTES_MAX {
            if piece.len() >= LARGE_BYTES {
                return self.poll_write_through(stream, context, piece);
            }
            ready!(self.poll_send(stream, context))?;
        }
        if self.unsent().is_empty() {
            self.since = wake_up;
        }
        self.held.extend_from_slice(piece);
        Poll::Ready(Ok(piece.len()))
    }

    /// Sends what is held. If more is expected, what was written in this wake-up leaves in the next
    /// one.
    pub(crate) fn poll_flush(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
        wake_up: u64,
        is_more_expected: bool,
    ) -> Poll<io::Result<()>> {
        if !self.unsent().is_empty() && is_more_expected && self.since == wake_up {
            context.waker().wake_by_ref();
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_send(stream, context))?;
        // TLS has taken all, but may hold records that the socket did not take.
        Pin::new(stream).poll_flush(context)
    }

    /// Sends all that is held.
    pub(crate) fn poll_send(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.unsent().is_empty() {
            let sent = ready!(Pin::new(&mut *stream).poll_write(context, self.unsent()))?;
            self.note_sent(sent)?;
        }
        Poll::Ready(Ok(()))
    }

    /// Sends what is held, and as much of the piece as the socket takes.
    fn poll_write_through(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
        piece: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let held = self.unsent().len();
            let both = [IoSlice::new(self.unsent()), IoSlice::new(piece)];
            let both = if held == 0 { &both[1..] } else { &both[..] };
            let sent = ready!(Pin::new(&mut *stream).poll_write_vectored(context, both))?;
            self.note_sent(sent.min(held))?;
            if sent > held || held == 0 {
                return Poll::Ready(Ok(sent - held));
            }
        }
    }

    fn note_sent(&mut self, bytes: usize) -> io::Result<()> {
        if bytes == 0 && !self.unsent().is_empty() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.left += bytes;
        if self.unsent().is_empty() {
            self.left = 0;
            self.held.clear();
            self.held.shrink_to(KEPT_BYTES_MAX);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use proptest::prelude::*;

    use super::*;

    /// A socket that takes some bytes of each write and sometimes none.
    #[derive(Default)]
    struct Socket {
        got: Vec<u8>,
        writes: usize,
        /// How many bytes each of the next writes takes; 0: not ready. Then it takes all.
        takes: Vec<usize>,
    }

    impl AsyncWrite for Socket {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            match self.takes.pop() {
                Some(0) => Poll::Pending,
                takes => {
                    let taken = takes.unwrap_or(usize::MAX).min(bytes.len());
                    self.got.extend_from_slice(&bytes[..taken]);
                    self.writes += 1;
                    Poll::Ready(Ok(taken))
                }
            }
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            pieces: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let whole: Vec<u8> = pieces.iter().flat_map(|piece| piece.to_vec()).collect();
            self.as_mut().poll_write(context, &whole)
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Counts how often the task was woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn poll_written(
        output: &mut Output,
        socket: &mut Socket,
        wake_up: u64,
        piece: &[u8],
    ) -> Poll<io::Result<usize>> {
        output.poll_write(
            socket,
            &mut Context::from_waker(Waker::noop()),
            wake_up,
            piece,
        )
    }

    #[test]
    fn what_one_wake_up_writes_leaves_together_in_the_next() {
        let (mut output, mut socket) = (Output::default(), Socket::default());
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        for piece in [&b"head"[..], b"data", b"trailers"] {
            let written = output.poll_write(&mut socket, &mut context, 1, piece);
            assert!(matches!(written, Poll::Ready(Ok(taken)) if taken == piece.len()));
            let flushed = output.poll_flush(&mut socket, &mut context, 1, true);
            assert!(matches!(flushed, Poll::Ready(Ok(()))));
        }
        assert_eq!(
            (socket.writes, woken.0.load(Ordering::Relaxed)),
            (0, 3),
            "the task must run again"
        );
        let flushed = output.poll_flush(&mut socket, &mut context, 2, true);
        assert!(matches!(flushed, Poll::Ready(Ok(()))));
        assert_eq!(
            (socket.writes, &socket.got[..]),
            (1, &b"headdatatrailers"[..])
        );
    }

    #[test]
    fn an_answer_to_the_only_request_leaves_at_once() {
        let (mut output, mut socket) = (Output::default(), Socket::default());
        let written = poll_written(&mut output, &mut socket, 1, b"answer");
        assert!(matches!(written, Poll::Ready(Ok(6))));
        let mut context = Context::from_waker(Waker::noop());
        let flushed = output.poll_flush(&mut socket, &mut context, 1, false);
        assert!(matches!(flushed, Poll::Ready(Ok(()))));
        assert_eq!(socket.got, b"answer");
    }

    #[test]
    fn a_large_piece_leaves_at_once_with_what_is_held() {
        let (mut output, mut socket) = (Output::default(), Socket::default());
        let large = vec![7; HELD_BYTES_MAX];
        for piece in [&b"head"[..], &large] {
            let written = poll_written(&mut output, &mut socket, 1, piece);
            assert!(matches!(written, Poll::Ready(Ok(taken)) if taken == piece.len()));
        }
        assert_eq!((socket.writes, socket.got.len()), (1, 4 + large.len()));
    }

    #[test]
    fn a_socket_that_takes_nothing_holds_the_writer_back() {
        let (mut output, mut socket) = (Output::default(), Socket::default());
        let piece = vec![7; LARGE_BYTES - 1];
        let mut taken = 0;
        socket.takes = vec![0];
        while poll_written(&mut output, &mut socket, 1, &piece).is_ready() {
            taken += piece.len();
        }
        assert!((1..=HELD_BYTES_MAX).contains(&taken));
        assert_eq!(output.unsent().len(), taken);
    }

    proptest! {
        #[test]
        fn any_pieces_arrive_whole_and_in_order(
            sizes in prop::collection::vec(0..2 * HELD_BYTES_MAX, 0..20),
            takes in prop::collection::vec(prop_oneof![Just(0), 1..HELD_BYTES_MAX], 0..40),
        ) {
            let (mut output, mut socket) = (Output::default(), Socket { takes, ..Socket::default() });
            let mut context = Context::from_waker(Waker::noop());
            let mut sent = Vec::new();
            for (at, size) in sizes.into_iter().enumerate() {
                let piece: Vec<u8> = (0..size).map(|byte| (byte % 251 + at) as u8).collect();
                let mut rest = &piece[..];
                while !rest.is_empty() {
                    if let Poll::Ready(taken) = output.poll_write(&mut socket, &mut context, at as u64, rest) {
                        rest = &rest[taken.expect("no error")..];
                    }
                }
                prop_assert!(output.unsent().len() <= HELD_BYTES_MAX);
                let _ = output.poll_flush(&mut socket, &mut context, at as u64, true);
                sent.extend_from_slice(&piece);
            }
            while output.poll_send(&mut socket, &mut context).is_pending() {}
            prop_assert_eq!(socket.got, sent);
            prop_assert!(output.unsent().is_empty());
        }
    }
}
