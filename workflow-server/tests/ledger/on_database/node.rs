//! One process on the database: its link, its store, and its ledger.

use std::sync::Arc;
use std::time::Instant;

use aftercall_definition::time::Time;
use aftercall_engine::Root;
use aftercall_engine::command::{Command, Request};
use aftercall_test_postgres::{Proxy, Way};
use arc_swap::ArcSwap;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use workflow_server::journal::postgres::PostgresStore;
use workflow_server::ledger::{
    Condition, Follower, Handle, Ledger, LedgerError, ManualClock, Outcome,
};

use super::place::Place;
use crate::support::{PATIENCE, options, request};

/// How an append loses its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// The database cannot be reached.
    Unreachable,
    /// The statement does not arrive.
    Before,
    /// The statement is carried out, and its answer does not arrive.
    After,
}

impl Lost {
    pub(super) const ALL: [Self; 3] = [Self::Unreachable, Self::Before, Self::After];
}

/// A process that follows until it leads.
pub(super) struct Following {
    link: Proxy,
    store: PostgresStore,
    /// What it has read.
    pub(super) published: Arc<ArcSwap<Root>>,
    stop: CancellationToken,
    following: JoinHandle<Follower>,
}

/// A process that leads, or has led.
pub(super) struct Node {
    link: Proxy,
    pub(super) store: PostgresStore,
    pub(super) handle: Handle,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Following {
    pub(super) async fn begin(place: &Place<'_>) -> Self {
        let link = Proxy::start(place.port());
        let store = PostgresStore::open(&place.address(link.port()))
            .await
            .unwrap();
        let mut follower = Follower::begin(&store, options()).await.unwrap();
        let published = Arc::clone(follower.published());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let following = tokio::spawn(async move {
            follower.follow(&stopped).await.unwrap();
            follower
        });
        Self {
            link,
            store,
            published,
            stop,
            following,
        }
    }

    /// Takes over from the present leader.
    pub(super) async fn lead(self) -> Node {
        self.stop.cancel();
        let follower = self.following.await.unwrap();
        let clock = Arc::new(ManualClock::at(Time(1_795_000_000_000)));
        let led = Ledger::lead(follower, &self.store, clock).await;
        let (ledger, handle) = led.unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(ledger.run(stop.clone()));
        Node {
            link: self.link,
            store: self.store,
            handle,
            stop,
            running,
        }
    }
}

impl Node {
    /// A process that leads.
    pub(super) async fn begin(place: &Place<'_>) -> Self {
        Following::begin(place).await.lead().await
    }

    pub(super) fn ask(&self, request: Request) -> JoinHandle<Result<Outcome, LedgerError>> {
        let handle = self.handle.clone();
        tokio::spawn(async move { handle.execute(request).await })
    }

    /// Carries out a command.
    pub(super) async fn commit(&self, command: Command) -> u64 {
        committed(self.handle.execute(request(command, None)).await)
    }

    /// Sends a request whose append loses its answer. Returns once the ledger knows that.
    pub(super) async fn lose(
        &self,
        place: &Place<'_>,
        lost: Lost,
        request: Request,
    ) -> JoinHandle<Result<Outcome, LedgerError>> {
        let newest = place.newest();
        match lost {
            Lost::Unreachable => {
                self.link.refuse(true);
                self.link.reset();
            }
            Lost::Before => self.link.hold(Way::ToServer),
            Lost::After => self.link.hold(Way::ToClient),
        }
        let asked = self.ask(request);
        match lost {
            Lost::Unreachable => {}
            Lost::Before => self.link.wait_for_held(Way::ToServer),
            Lost::After => {
                let began = Instant::now();
                while place.newest() == newest {
                    assert!(began.elapsed() < PATIENCE, "nothing is appended");
                    tokio::task::yield_now().await;
                }
            }
        }
        self.link.reset();
        self.is_unreachable(true).await;
        asked
    }

    /// Lets the process reach the database again.
    pub(super) fn mend(&self) {
        self.link.refuse(false);
        self.link.release();
    }

    /// Cuts the process off from the database.
    pub(super) fn cut_off(&self) {
        self.link.refuse(true);
        self.link.release();
        self.link.reset();
    }

    /// Waits until the ledger knows that the database is away, or that it is there again.
    pub(super) async fn is_unreachable(&self, expected: bool) {
        let mut health = self.handle.conditions().watch();
        let waiting =
            health.wait_for(|health| health.get(Condition::Unreachable).is_some() == expected);
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.expect("in time").expect("the conditions exist");
    }

    /// Stops after all commands are finished or refused.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.running).await;
        ended.expect("it stops").unwrap();
    }
}

/// The sequence of a new entry.
pub(super) fn committed(answer: Result<Outcome, LedgerError>) -> u64 {
    match answer {
        Ok(Outcome::Committed(entry)) => entry.sequence,
        other => panic!("nothing was committed: {other:?}"),
    }
}

/// The reason of a refusal.
pub(super) fn unavailable(answer: Result<Outcome, LedgerError>) -> String {
    match answer {
        Err(LedgerError::Unavailable(reason)) => reason.to_string(),
        other => panic!("the test expects a refusal: {other:?}"),
    }
}
