//! The task of each HTTP/2 stream, which can be ended from outside: the transport then resets the
//! stream, and the others of its connection continue.
//!
//! Promise: an ended task drops what its stream had still to send. Must not: decide when a stream
//! ends.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use hyper::rt::Executor;

tokio::task_local! {
    /// The stream whose task is running.
    static PRESENT: Arc<Ends>;
}

/// Ends one stream, or wakes it.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    has_ended: AtomicBool,
    waker: AtomicWaker,
}

impl Ends {
    /// Ends the stream.
    pub(crate) fn end(&self) {
        self.has_ended.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Lets the stream run, so that its answer sees what has changed.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// The handle of the present task's stream; `None` outside of HTTP/2.
    pub(crate) fn present() -> Option<Arc<Self>> {
        PRESENT.try_with(Arc::clone).ok()
    }
}

/// The task of a stream.
struct StreamTask<F> {
    ends: Arc<Ends>,
    /// Boxed: the runtime moves a task several times while it begins.
    stream: Pin<Box<F>>,
}

impl<F: Future<Output = ()>> Future for StreamTask<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.ends.waker.register(context.waker());
        if self.ends.has_ended.load(Ordering::Acquire) {
            Poll::Ready(())
        } else {
            self.stream.as_mut().poll(context)
        }
    }
}

/// Runs each stream as a task of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamExecutor;

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for StreamExecutor {
    fn execute(&self, stream: F) {
        let ends = Arc::new(Ends::default());
        let present = Arc::clone(&ends);
        let stream = Box::pin(stream);
        tokio::spawn(PRESENT.scope(present, StreamTask { ends, stream }));
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn an_ended_stream_drops_what_it_holds() {
        let (begun, has_begun) = oneshot::channel();
        let (held, is_dropped) = oneshot::channel::<()>();
        StreamExecutor.execute(async move {
            let _held = held;
            let _ = begun.send(Ends::present().expect("a stream"));
            std::future::pending::<()>().await;
        });
        has_begun.await.expect("it runs").end();
        is_dropped.await.expect_err("it was dropped without a word");
        assert!(Ends::present().is_none(), "this is no stream");
    }
}
