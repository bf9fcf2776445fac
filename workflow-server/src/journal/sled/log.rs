//! The handle of the log in sled. It sends orders to the threads of the writer and of the mover, and
//! reads on the blocking threads of the runtime.

use std::io;
use std::sync::mpsc as threads;
use std::sync::{Arc, Mutex, TryLockError};

use futures::future::{BoxFuture, FutureExt, ready};
use tokio::sync::{mpsc, oneshot, watch};

use super::mover::{self, Mover};
use super::orders::{Answer, Message, MoverOrder, WriterOrder};
use super::read;
use super::shared::Shared;
use super::tree::Tree;
use super::watchdog::Watchdog;
use super::writer::{self, Look, Writer};
use crate::journal::blocking::blocking;
use crate::journal::fault::Fault;
use crate::journal::head::HeadThread;
use crate::journal::lock::DirectoryLock;
use crate::journal::tail::Tail;
use crate::journal::{
    Bounds, Disk, Group, JournalError, LOG_LIMITS, Log, LogLimits, LogWriter, OpenError, Options,
    Position, WRITER_QUEUE_MAX,
};

/// The log in sled.
pub(in crate::journal) struct SledLog {
    // Dropped first: sled must be closed on the mover's thread, because this can be slow.
    shared: Arc<Shared>,
    writer: Arc<Mutex<Writer>>,
    fault: Arc<Fault>,
    orders: mpsc::Sender<(WriterOrder, Answer)>,
    messages: threads::Sender<Message>,
}

/// What a log needs to start, after its files have been verified.
pub(in crate::journal) struct Start<'a> {
    pub(in crate::journal) tree: Tree,
    pub(in crate::journal) bounds: Bounds,
    pub(in crate::journal) dir: &'a std::path::Path,
    pub(in crate::journal) options: &'a Options,
    pub(in crate::journal) fault: Arc<Fault>,
    pub(in crate::journal) lock: Arc<DirectoryLock>,
    pub(in crate::journal) disk: Arc<dyn Disk>,
}

impl SledLog {
    /// Starts the threads. The head file must contain `start.bounds.newest`, and the tail must be
    /// empty.
    pub(in crate::journal) fn start(start: Start<'_>) -> Result<Self, OpenError> {
        let failed =
            |error| OpenError::io("starting the threads of the journal in", start.dir, &error);
        let head = HeadThread::start(
            start.dir,
            start.bounds.newest,
            Arc::clone(&start.fault),
            Arc::clone(&start.disk),
        );
        let head = Arc::new(head.map_err(failed)?);
        let watchdog = || {
            let (limit, on_stuck) = (start.options.commit_limit, &start.options.on_stuck);
            Watchdog::start(limit, Arc::clone(on_stuck))
        };
        let shared = Arc::new(Shared::new(start.tree, start.bounds));
        let mover = Mover {
            head: Arc::clone(&head),
            watchdog: watchdog().map_err(failed)?,
            shared: Arc::clone(&shared),
            fault: Arc::clone(&start.fault),
            dir: start.dir.to_owned(),
            disk: Arc::clone(&start.disk),
            reserve_bytes: start.options.reserve_bytes,
            open_limit: start.options.open_limit,
            tail_bytes: start.options.tail_bytes,
            _lock: Arc::clone(&start.lock),
        };
        let (messages, of_mover) = threads::channel();
        let writer = Writer {
            tail: Tail::open(start.dir, Arc::clone(&start.disk)).map_err(failed)?,
            mover: messages.clone(),
            head,
            watchdog: watchdog().map_err(failed)?,
            shared: Arc::clone(&shared),
            fault: Arc::clone(&start.fault),
            dir: start.dir.to_owned(),
            disk: start.disk,
            reserve_bytes: start.options.reserve_bytes,
            look: Look::default(),
            _lock: start.lock,
        };
        let writer = Arc::new(Mutex::new(writer));
        let of_thread = Arc::clone(&writer);
        let (orders, of_writer) = mpsc::channel(WRITER_QUEUE_MAX);
        spawn("journal-mover", move || mover::run(mover, &of_mover)).map_err(failed)?;
        spawn("journal-writer", move || {
            writer::run(&of_thread, of_writer);
        })
        .map_err(failed)?;
        Ok(Self {
            shared,
            writer,
            fault: start.fault,
            orders,
            messages,
        })
    }

    /// The range of the log, as of the newest durable change.
    pub(in crate::journal) fn current_bounds(&self) -> Bounds {
        self.shared.bounds()
    }

    /// Shows each change of the range of the log.
    pub(in crate::journal) fn changes(&self) -> watch::Receiver<Bounds> {
        self.shared.changes()
    }

    async fn order(&self, order: WriterOrder) -> Result<(), JournalError> {
        let (answer, done) = oneshot::channel();
        if self.orders.send((order, answer)).await.is_ok()
            && let Ok(done) = done.await
        {
            return done;
        }
        Err(self
            .fault
            .raise("the journal's writer has ended".to_owned()))
    }

    async fn order_mover(&self, order: MoverOrder) -> Result<(), JournalError> {
        let (answer, done) = oneshot::channel();
        if self.messages.send(Message::Order(order, answer)).is_ok()
            && let Ok(done) = done.await
        {
            return done;
        }
        Err(self.fault.raise("the journal's mover has ended".to_owned()))
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    builder.spawn(work).map(drop)
}

impl Log for SledLog {
    fn read(&self, from: u64, bytes_max: usize) -> BoxFuture<'_, Result<Vec<Group>, JournalError>> {
        let shared = Arc::clone(&self.shared);
        blocking("reading the log", move || {
            read::read(&shared, from, bytes_max)
        })
        .boxed()
    }

    fn bounds(&self) -> BoxFuture<'_, Result<Bounds, JournalError>> {
        ready(Ok(self.current_bounds())).boxed()
    }
}

/// Does not check the term, because the lock of the directory excludes every other process.
impl LogWriter for SledLog {
    fn append(&self, group: Group) -> BoxFuture<'_, Result<(), JournalError>> {
        self.order(WriterOrder::Append(group)).boxed()
    }

    fn append_here(&self, group: &Group) -> Option<Result<(), JournalError>> {
        let mut writer = match self.writer.try_lock() {
            Ok(writer) => writer,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // The writer's thread is appending. It appends this group after that.
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(writer.append(group))
    }

    fn trim(&self, upto: u64) -> BoxFuture<'_, Result<(), JournalError>> {
        self.order_mover(MoverOrder::Trim(upto)).boxed()
    }

    fn renew(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        async move {
            self.order_mover(MoverOrder::Copy).await?;
            self.order(WriterOrder::ClearTail).await
        }
        .boxed()
    }

    fn start_at(&self, position: Position) -> BoxFuture<'_, Result<(), JournalError>> {
        self.order_mover(MoverOrder::StartAt(position)).boxed()
    }

    fn limits(&self) -> LogLimits {
        LOG_LIMITS
    }
}
