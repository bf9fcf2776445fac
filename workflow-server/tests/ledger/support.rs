//! A ledger for tests: its store, its clock, and commands for it.

use std::sync::Arc;
use std::time::Duration;

use aftercall_authoring::file;
use aftercall_definition::time::Time;
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::call::CallKey;
use aftercall_engine::command::{
    AcceptClock, CallChanges, Command, IfRunning, ImportTeam, ImportWorkflow, PublishWorkflow,
    Request, RequestMark, SetWorkflow,
};
use aftercall_engine::world::Keeping;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use workflow_server::journal::memory::MemoryStore;
use workflow_server::journal::{Group, JournalError, Storage};
use workflow_server::ledger::{
    Clock, Follower, Handle, Ledger, LedgerError, LedgerOptions, ManualClock, Outcome,
};
use workflow_server::limits::{CLOCK_AHEAD_MAX, COMMANDS_WAITING_MAX};

/// The number of entries between snapshots in these tests.
pub(crate) const SNAPSHOT_EVERY: u64 = 20;
/// How long after its end an instance leaves memory in these tests. The tests set the clock, but
/// the keeper checks in real time.
pub(crate) const ARCHIVE_AFTER: Duration = Duration::from_millis(400);
/// The longest time that a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// This workflow waits two hours in its first stage, then three hours, then finishes.
const WORKFLOW: &str = "
format: 1
workflow: slow
title: Slow
on_new_call:
  - timer: { after: 2h }
    id: second
    then:
      - timer: { after: 3h }
        id: third
        then: [ finish: done ]
";

pub(crate) fn options() -> LedgerOptions {
    LedgerOptions {
        commands_waiting_max: COMMANDS_WAITING_MAX as usize,
        keeping: Keeping::default(),
        snapshot_every_entries: SNAPSHOT_EVERY,
        journal_kept_entries: 10,
        clock_ahead_max: CLOCK_AHEAD_MAX,
        archive_after_millis: ARCHIVE_AFTER.as_millis() as i64,
        retention: None,
        default_zone: jiff::tz::TimeZone::UTC,
    }
}

async fn recover(store: &dyn Storage, clock: &Arc<ManualClock>) -> (Ledger, Handle) {
    let clock: Arc<dyn Clock> = clock.clone();
    Ledger::recover(store, clock, options()).await.unwrap()
}

/// A running ledger.
pub(crate) struct Bench {
    pub(crate) store: MemoryStore,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) handle: Handle,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::on(
            MemoryStore::new(),
            Arc::new(ManualClock::at(Time(1_795_000_000_000))),
        )
        .await
    }

    pub(crate) async fn on(store: MemoryStore, clock: Arc<ManualClock>) -> Self {
        let (ledger, handle) = recover(&store, &clock).await;
        let stop = CancellationToken::new();
        let running = tokio::spawn(ledger.run(stop.clone()));
        Self {
            store,
            clock,
            handle,
            stop,
            running,
        }
    }

    /// Runs on separate threads, as in a server. `storage` is a store that keeps its content in
    /// `store`.
    pub(crate) async fn on_threads(store: MemoryStore, storage: &dyn Storage) -> Self {
        let clock = Arc::new(ManualClock::at(Time(1_795_000_000_000)));
        let (ledger, handle) = recover(storage, &clock).await;
        let stop = CancellationToken::new();
        let ended = ledger.start(stop.clone()).unwrap();
        let running = tokio::spawn(async move { ended.await.unwrap() });
        Self {
            store,
            clock,
            handle,
            stop,
            running,
        }
    }

    /// Lets a follower lead, and ends this leader.
    pub(crate) async fn taken_over_by(self, follower: Follower, store: MemoryStore) -> Self {
        let (ledger, handle) = Ledger::lead(follower, &store, self.clock.clone())
            .await
            .unwrap();
        let (stop, clock) = (CancellationToken::new(), self.clock.clone());
        let running = tokio::spawn(ledger.run(stop.clone()));
        self.stop().await;
        Self {
            store,
            clock,
            handle,
            stop,
            running,
        }
    }

    /// Waits until the journal no longer has this sequence.
    pub(crate) async fn trimmed_beyond(&self, sequence: u64) {
        let mut changes = self.store.changes();
        let trimmed = changes.wait_for(|kept| kept.oldest() > sequence);
        tokio::time::timeout(PATIENCE, trimmed)
            .await
            .expect("in time")
            .expect("the store exists");
    }

    /// Stops after all commands are finished.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }

    /// Stops after all commands are finished, and starts on the same store.
    pub(crate) async fn restart(self) -> Self {
        self.stop.cancel();
        self.running.await.unwrap();
        Self::on(self.store.restart(), self.clock).await
    }

    /// Ends like a killed process, and starts on the same store.
    pub(crate) async fn crash(self) -> Self {
        self.crash_for(Duration::ZERO).await
    }

    /// Like [`crash`](Self::crash), and the machine is off for a while.
    pub(crate) async fn crash_for(self, span: Duration) -> Self {
        self.running.abort();
        assert!(self.running.await.is_err_and(|ended| ended.is_cancelled()));
        self.clock.pass(span);
        Self::on(self.store.restart(), self.clock).await
    }

    /// Ends like a killed process. The machine boots again after a while. Its wall clock is then
    /// off by this many milliseconds.
    pub(crate) async fn reboot(self, away: Duration, off: i64) -> Self {
        self.running.abort();
        assert!(self.running.await.is_err_and(|ended| ended.is_cancelled()));
        self.clock.pass(away);
        self.clock.reboot();
        self.clock.set_wall(Time(self.clock.wall().0 + off));
        Self::on(self.store.restart(), self.clock).await
    }

    /// Accepts the clock, as operations do.
    pub(crate) async fn accept_clock(&self) -> Outcome {
        let command = Command::from(AcceptClock {
            to: self.handle.clock_to_accept(),
        });
        let actor = Actor {
            kind: ActorKind::Operations,
            name: "Olga".into(),
            subject: None,
        };
        self.handle
            .execute(Request {
                actor,
                mark: None,
                salt: 0,
                known: None,
                acts_for: None,
                reach: aftercall_engine::Reach::EVERYTHING,
                command,
            })
            .await
            .unwrap()
    }

    /// Sends a request in the background.
    pub(crate) fn ask(&self, request: Request) -> JoinHandle<Result<Outcome, LedgerError>> {
        let handle = self.handle.clone();
        tokio::spawn(async move { handle.execute(request).await })
    }

    /// Sends a command, and waits for its entry.
    pub(crate) async fn commit(&self, command: Command) -> u64 {
        match self.handle.execute(request(command, None)).await.unwrap() {
            Outcome::Committed(entry) => entry.sequence,
            other => panic!("nothing was committed: {other:?}"),
        }
    }

    /// Publishes the workflow, and sets it on a call.
    pub(crate) async fn set_slow(&self) {
        self.publish_slow().await;
        self.commit(set("1")).await;
    }

    pub(crate) async fn publish_slow(&self) {
        let definition = Box::new(file::read(WORKFLOW, None).unwrap());
        self.commit(Command::from(ImportWorkflow {
            definition,
            expected: None,
        }))
        .await;
        self.commit(Command::from(PublishWorkflow {
            name: "slow".into(),
            expected: None,
            validated: None,
        }))
        .await;
    }

    /// Waits until the durable World is as expected.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&aftercall_engine::Root) -> bool) {
        let waiting = async {
            let mut newest = self.handle.feed().newest();
            while !holds(&self.handle.root()) {
                newest.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .unwrap_or_else(|_| panic!("waited in vain until {what}"));
    }

    /// The stage of the first instance.
    pub(crate) fn stage(&self) -> u32 {
        self.handle.root().instance_at(0).unwrap().stage
    }
}

pub(crate) fn request(command: Command, mark: Option<u64>) -> Request {
    let actor = Actor {
        kind: ActorKind::Author,
        name: "Ann".into(),
        subject: None,
    };
    let mark = mark.map(|mark| RequestMark {
        key: u128::from(mark),
        fingerprint: mark,
    });
    Request {
        actor,
        mark,
        salt: 7,
        known: None,
        acts_for: None,
        reach: aftercall_engine::Reach::EVERYTHING,
        command,
    }
}

/// Declares a team. No other command makes a smaller change.
pub(crate) fn team(name: &str) -> Command {
    Command::from(ImportTeam {
        name: name.into(),
        title: name.into(),
        expected: None,
        claim_next_only: None,
    })
}

/// Sets the workflow on a call.
pub(crate) fn set(call: &str) -> Command {
    Command::from(SetWorkflow {
        call: CallKey {
            source: "scripts".into(),
            id: call.into(),
        },
        changes: CallChanges {
            chargeable: Some(true),
            ..CallChanges::default()
        },
        workflow: "slow".into(),
        version: None,
        fields: Vec::new(),
        release: None,
        release_within_millis: None,
        if_running: IfRunning::ReturnIt,
    })
}

/// Lets every task run until it needs time or the store.
pub(crate) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// Every group that the log still has, while a leader may trim it.
pub(crate) async fn stored_groups(store: &MemoryStore) -> Vec<Group> {
    loop {
        let oldest = store.bounds().oldest();
        match store.log().read(oldest, usize::MAX).await {
            Err(JournalError::Trimmed { .. }) => {}
            groups => return groups.unwrap(),
        }
    }
}
