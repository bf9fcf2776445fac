//! Hints that the log has grown, by `LISTEN` and `NOTIFY`.
//!
//! A hint may be lost, and nothing depends on one: followers also look regularly. The leader sends
//! a hint after the commit, so that no commit waits for it. Several appends share a hint.

use std::sync::Arc;
use std::time::Duration;

use futures::future::poll_fn;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_postgres::{AsyncMessage, Client};
use tokio_util::task::AbortOnDropHandle;

use super::dialer::Stream;
use super::failure::Failure;
use super::link::Link;
use crate::journal::{ANSWER_LIMIT, Bounds, Position};

/// The name of the channel in the database.
const CHANNEL: &str = "aftercall_log";

/// How long to wait before the next try to connect.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// The hints of one store.
pub(super) struct Hints {
    changes: watch::Sender<Bounds>,
    /// The newest position that this process has appended.
    appended: watch::Sender<Position>,
}

impl Hints {
    pub(super) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self {
            changes: watch::Sender::new(bounds),
            appended: watch::Sender::new(Position::default()),
        })
    }

    /// The approximate range of the log.
    pub(super) fn changes(&self) -> watch::Receiver<Bounds> {
        self.changes.subscribe()
    }

    /// Notes an append of this process.
    pub(super) fn appended(&self, newest: Position) {
        self.changes.send_modify(|bounds| bounds.newest = newest);
        self.appended.send_replace(newest);
    }

    /// Notes the newest position that was read.
    pub(super) fn found(&self, newest: Position) {
        self.changes.send_modify(|bounds| bounds.newest = newest);
    }

    /// Notes that groups were removed.
    pub(super) fn trimmed(&self, base: Position) {
        self.changes.send_modify(|bounds| bounds.base = base);
    }

    fn heard(&self, payload: &str) {
        let Some(newest) = read(payload) else { return };
        self.changes.send_if_modified(|bounds| {
            let is_newer = newest.sequence > bounds.newest.sequence;
            if is_newer {
                bounds.newest = newest;
            }
            is_newer
        });
    }
}

/// Sends and receives hints until the handle is dropped.
pub(super) fn start(hints: Arc<Hints>, link: Arc<Link>) -> AbortOnDropHandle<()> {
    let runtime = link.runtime().clone();
    AbortOnDropHandle::new(runtime.spawn(async move {
        loop {
            if let Err(failure) = exchange(&hints, &link).await {
                tracing::debug!(?failure, "the database sends no hints: trying again");
            }
            sleep(RETRY_EVERY).await;
        }
    }))
}

/// Exchanges hints over one connection until it fails.
async fn exchange(hints: &Arc<Hints>, link: &Link) -> Result<(), Failure> {
    let (client, stream) = link.open_stream().await?;
    let hearing = hear(stream, Arc::clone(hints));
    tokio::select! {
        () = hearing => Ok(()),
        failed = speak(&client, hints) => failed,
    }
}

/// Moves the bytes of the connection, and notes each hint. Returns when the connection ends.
async fn hear(mut stream: Stream, hints: Arc<Hints>) {
    while let Some(Ok(message)) = poll_fn(|context| stream.poll_message(context)).await {
        if let AsyncMessage::Notification(hint) = message {
            hints.heard(hint.payload());
        }
    }
}

async fn speak(client: &Client, hints: &Hints) -> Result<(), Failure> {
    run(client, &format!("LISTEN {CHANNEL}")).await?;
    let mut appended = hints.appended.subscribe();
    loop {
        let newest = *appended.borrow_and_update();
        if newest.sequence > 0 {
            // The payload consists of two numbers, so it needs no quotation.
            run(client, &format!("NOTIFY {CHANNEL}, '{}'", text(newest))).await?;
        }
        if appended.changed().await.is_err() {
            return Ok(());
        }
    }
}

async fn run(client: &Client, statement: &str) -> Result<(), Failure> {
    match timeout(ANSWER_LIMIT, client.batch_execute(statement)).await {
        Ok(answer) => answer.map_err(|error| Failure::of_statement(&error)),
        Err(_) => Err(Failure::Late("a hint was not answered".to_owned())),
    }
}

fn text(position: Position) -> String {
    format!("{} {}", position.sequence, position.chain)
}

fn read(payload: &str) -> Option<Position> {
    let (sequence, chain) = payload.split_once(' ')?;
    Some(Position {
        sequence: sequence.parse().ok()?,
        chain: chain.parse().ok()?,
    })
}
