//! A task that moves the bytes of one connection, and notes what the database warns of meanwhile.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Handle;
use tokio_postgres::AsyncMessage;
use tokio_postgres::error::DbError;
use tokio_util::task::AbortOnDropHandle;

use super::dialer::Stream;

/// The file of PostgreSQL that warns of a commit whose wait for a synchronous replica was cancelled.
/// The text of the warning depends on the language of the server.
const REPLICATION: &str = "syncrep.c";

/// Moves the bytes of a connection until it is dropped. If the connection fails, the running
/// statement reports it.
pub(super) struct Moving {
    is_early: Arc<AtomicBool>,
    _task: AbortOnDropHandle<()>,
}

impl Moving {
    pub(super) fn start(runtime: &Handle, mut stream: Stream) -> Self {
        let is_early = Arc::<AtomicBool>::default();
        let noting = Arc::clone(&is_early);
        // A warning comes before the answer of its statement.
        let task = runtime.spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| stream.poll_message(context)).await {
                if let AsyncMessage::Notice(notice) = message
                    && is_of_replication(&notice)
                {
                    noting.store(true, Ordering::SeqCst);
                }
            }
        });
        Self {
            is_early,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// Whether a commit was answered before it was on the synchronous replica, since the last call.
    pub(super) fn take_early(&self) -> bool {
        self.is_early.swap(false, Ordering::SeqCst)
    }
}

fn is_of_replication(notice: &DbError) -> bool {
    notice
        .file()
        .is_some_and(|file| file.ends_with(REPLICATION))
}
