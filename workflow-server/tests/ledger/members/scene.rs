//! Three members of one store, and a script that runs under any leader.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aftercall_definition::time::Time;
use aftercall_engine::Root;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::call::Caller;
use aftercall_engine::command::{AddNote, Command, EndCall, EraseCaller, PushButton, StepErasure};
use aftercall_engine::erasure::{ErasedCall, ErasureState};
use aftercall_engine::phone::Country;
use aftercall_engine::query::calls_in_memory;
use aftercall_engine::world::caller_index::CallerKey;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use workflow_server::journal::Storage as _;
use workflow_server::journal::memory::{FailAt, MemoryStore};
use workflow_server::ledger::{
    Clock as _, Follower, Handle, Ledger, LedgerError, ManualClock, Outcome,
};
use workflow_server::records::{GroupBytes, unpack_entries};

use super::ends::{TermEnd, Upkeep};
use crate::follow_ups::{call_key, imports, setting};
use crate::support::{ARCHIVE_AFTER, PATIENCE, options, request, stored_groups, team};

/// A text in all data about the caller who is erased.
const NEEDLE: &str = "Xanthippe";
const ERASED: &str = "C-erased";
const CALLS: usize = 6;
/// The call whose follow-up never ends.
const OPEN_CALL: &str = "1";
/// How long a check of a condition waits for a change.
const LOOK: Duration = Duration::from_millis(20);

/// A member that follows until it must lead.
struct Member {
    store: MemoryStore,
    stop: CancellationToken,
    following: JoinHandle<Follower>,
}

/// A member that leads, or has led until its term ended.
struct Leader {
    store: MemoryStore,
    handle: Handle,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

pub(super) struct Scene {
    clock: Arc<ManualClock>,
    store: MemoryStore,
    ends: std::vec::IntoIter<TermEnd>,
    /// The upkeep in which one term ends.
    upkeep: Option<(Upkeep, u64)>,
    /// Whether commands have a request mark, which prevents a second execution.
    has_marks: bool,
    leader: Leader,
    /// The deposed leader, which still runs. Everything that it tries must be refused.
    deposed: Option<Leader>,
    followers: Vec<Member>,
    /// The sequence of each acknowledged command, by its mark.
    acknowledged: BTreeMap<u64, u64>,
    commands: BTreeMap<u64, Command>,
}

async fn follow(store: MemoryStore) -> Member {
    let mut follower = Follower::begin(&store, options()).await.unwrap();
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let following = tokio::spawn(async move {
        follower.follow(&stopped).await.unwrap();
        follower
    });
    Member {
        store,
        stop,
        following,
    }
}

async fn lead(follower: Follower, store: &MemoryStore, clock: Arc<ManualClock>) -> Leader {
    let (ledger, handle) = Ledger::lead(follower, store, clock).await.unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(ledger.run(stop.clone()));
    Leader {
        store: store.clone(),
        handle,
        stop,
        running,
    }
}

impl Leader {
    async fn end(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }
}

impl Scene {
    pub(super) async fn new(ends: Vec<TermEnd>, upkeep: Option<(Upkeep, u64)>) -> Self {
        let (store, clock) = (
            MemoryStore::new(),
            Arc::new(ManualClock::at(Time(1_795_000_000_000))),
        );
        let follower = Follower::begin(&store, options()).await.unwrap();
        let leader = lead(follower, &store, clock.clone()).await;
        let followers = vec![follow(store.restart()).await, follow(store.restart()).await];
        let mut scene = Self {
            clock,
            store,
            ends: ends.into_iter(),
            upkeep,
            has_marks: true,
            leader,
            deposed: None,
            followers,
            acknowledged: BTreeMap::new(),
            commands: BTreeMap::new(),
        };
        scene.arm();
        scene
    }

    fn arm(&mut self) {
        match self.ends.next() {
            Some(TermEnd::Deposed(writes)) => self.store.end_term_after(writes),
            Some(TermEnd::AnswerLost(appends)) => {
                let store = &self.leader.store;
                store.fail_append(appends + 1, FailAt::AfterStored);
            }
            None => {}
        }
    }

    /// Expects this upkeep next. If it includes the requested kind, the term ends in it.
    pub(super) fn expect(&mut self, expected: &[Upkeep]) {
        if let Some((upkeep, writes)) = self.upkeep.take_if(|(upkeep, _)| expected.contains(upkeep))
        {
            self.store.end_term_at(upkeep.text(), writes);
        }
    }

    /// Sends commands without marks after this, to show the effect of missing request ids.
    pub(super) fn without_marks(&mut self) {
        self.has_marks = false;
    }

    /// Lets a follower lead, and adds a new follower.
    async fn change_leader(&mut self) {
        let Member {
            store,
            stop,
            following,
        } = self.followers.remove(0);
        stop.cancel();
        let leader = lead(following.await.unwrap(), &store, self.clock.clone()).await;
        let deposed = std::mem::replace(&mut self.leader, leader);
        let refused = deposed
            .handle
            .execute(request(team("by-the-deposed"), None))
            .await;
        assert!(
            matches!(refused, Err(LedgerError::Unavailable(_))),
            "{refused:?}"
        );
        if let Some(older) = self.deposed.replace(deposed) {
            older.end().await;
        }
        self.followers.push(follow(self.store.restart()).await);
        self.arm();
    }

    /// Carries out a command under any leader. Repeats it if the leader was deposed.
    async fn insist(&mut self, command: Command) -> u64 {
        let mark = self.commands.len() as u64 + 1;
        self.commands.insert(mark, command.clone());
        let sent = self.has_marks.then_some(mark);
        loop {
            let request = request(command.clone(), sent);
            match self.leader.handle.execute(request).await {
                Ok(Outcome::Committed(entry)) => return self.note(mark, entry.sequence),
                Ok(Outcome::Repeated { sequence }) => return self.note(mark, sequence),
                Ok(Outcome::Unchanged(answer)) => panic!("{command:?} changed nothing: {answer:?}"),
                Err(LedgerError::Unavailable(_)) => self.change_leader().await,
                Err(error) => panic!("{command:?}: {error}"),
            }
        }
    }

    fn note(&mut self, mark: u64, sequence: u64) -> u64 {
        assert!(
            !self.acknowledged.values().any(|known| *known == sequence),
            "{sequence} was acknowledged twice"
        );
        self.acknowledged.insert(mark, sequence);
        sequence
    }

    /// Waits until the World is as expected. If only the upkeep of a leader was deposed, a command
    /// shows this.
    async fn until(&mut self, what: &str, holds: impl Fn(&Root) -> bool, pass: Duration) {
        let give_up = std::time::Instant::now() + PATIENCE;
        while !holds(&self.leader.handle.root()) {
            assert!(
                std::time::Instant::now() < give_up,
                "waited in vain until {what}"
            );
            self.clock.pass(pass);
            self.leader.handle.wake_keeper();
            let mut newest = self.leader.handle.feed().newest();
            let _ = tokio::time::timeout(LOOK, newest.changed()).await;
            self.fill(1).await;
        }
    }

    pub(super) async fn fill(&mut self, entries: usize) {
        for _ in 0..entries {
            let name = format!("filler-{}", self.commands.len());
            self.insist(team(&name)).await;
        }
    }

    /// Adds notes to the follow-up that never ends. Each is a change, also if it is repeated.
    pub(super) async fn add_notes(&mut self, notes: usize) {
        let root = self.leader.handle.root();
        let slot = root.call(&call_key(OPEN_CALL)).unwrap().instances[0];
        let instance = root.instance_at(slot).unwrap().id;
        for note in 0..notes {
            let text = format!("note {note}").into();
            self.insist(Command::from(AddNote { instance, text })).await;
        }
    }

    /// The entries of the script that no acknowledged command has made. Each is a second execution.
    pub(super) async fn doubled(&self) -> Vec<u64> {
        let handle = &self.leader.handle;
        let mut doubled = Vec::new();
        for sequence in 1..=handle.root().sequence {
            // A removed entry has no content to read.
            let Ok(entry) = handle.history().entry(sequence).await else {
                continue;
            };
            let is_acknowledged = self.acknowledged.values().any(|known| *known == sequence);
            if entry.actor.kind == ActorKind::Author && !is_acknowledged {
                doubled.push(sequence);
            }
        }
        doubled
    }

    pub(super) async fn furnish(&mut self) {
        for command in imports("retention: 2d") {
            self.insist(command).await;
        }
        for call in 0..CALLS {
            let (call, is_erased) = (call.to_string(), call < 2);
            let (reference, reason) = if is_erased {
                (ERASED, NEEDLE)
            } else {
                ("C-other", "a reason")
            };
            self.insist(setting(&call, reference, reason)).await;
            if call == OPEN_CALL {
                continue;
            }
            let root = self.leader.handle.root();
            let slot = root.call(&call_key(&call)).unwrap().instances[0];
            let instance = root.instance_at(slot).unwrap().id;
            let (button, note, form) = ("done".into(), "".into(), Vec::new());
            self.insist(Command::from(PushButton {
                instance,
                button,
                stage: None,
                visit: 1,
                note,
                form,
            }))
            .await;
            self.insist(Command::from(EndCall {
                call: call_key(&call),
            }))
            .await;
        }
    }

    pub(super) async fn archive(&mut self) {
        self.clock.pass(ARCHIVE_AFTER * 30);
        let all = CALLS as u64 - 1;
        self.until(
            "ended calls have left memory",
            |root| root.archive.instances == all,
            Duration::ZERO,
        )
        .await;
    }

    /// Repeats each command, and checks that the answer names its first entry.
    pub(super) async fn check_each_is_once(&mut self) {
        for (mark, command) in self.commands.clone() {
            let again = loop {
                let request = request(command.clone(), Some(mark));
                match self.leader.handle.execute(request).await {
                    // Packing may write to the log at any time, and may end the term.
                    Err(LedgerError::Unavailable(_)) => self.change_leader().await,
                    again => break again.unwrap(),
                }
            };
            let Outcome::Repeated { sequence } = again else {
                panic!("{mark} was lost: {again:?}")
            };
            assert_eq!(sequence, self.acknowledged[&mark]);
        }
        // The control: a new command is not treated as a repetition.
        let newest = self.acknowledged.values().max().copied();
        assert!(Some(self.insist(team("fresh")).await) > newest);
    }

    pub(super) async fn erase(&mut self) {
        let caller = Caller {
            reference: ERASED.into(),
            ..Caller::default()
        };
        let caller = CallerKey::new(&caller, Country::NONE).unwrap();
        let handle = self.leader.handle.clone();
        let found = handle
            .archive()
            .calls_of(&caller, ("", None), 100, self.clock.wall())
            .await
            .unwrap();
        let archived = found.iter().map(|found| ErasedCall {
            key: found.call.key.clone(),
            created_at: found.call.created_at,
            instances: found.instances.iter().map(|instance| instance.id).collect(),
        });
        let root = handle.root();
        let calls: Vec<ErasedCall> = calls_in_memory(&root, &caller, "")
            .into_iter()
            .chain(archived)
            .collect();
        assert_eq!(calls.len(), 2);
        let (customer, reason, newest_file) = (
            "".into(),
            "she asked for it".into(),
            root.archive.newest_file,
        );
        let erase = EraseCaller {
            customer,
            reason,
            calls,
            look: None,
            newest_file,
            is_of_restore: false,
        };
        let erasure = self.insist(Command::from(erase)).await;
        while self.leader.handle.root().erasures[&erasure].state == ErasureState::Masking {
            self.insist(Command::from(StepErasure { erasure })).await;
        }
        let is_done = |root: &Root| root.erasures[&erasure].state == ErasureState::Done;
        self.until("no byte remains", is_done, Duration::ZERO).await;
    }

    pub(super) async fn purge(&mut self) {
        self.clock.pass(Duration::from_secs(3 * 86_400));
        let hour = Duration::from_secs(3_600);
        self.until(
            "instances past their retention are removed",
            |root| root.archive.instances == 0,
            hour,
        )
        .await;
    }

    /// Where the log or a file contains data of the erased caller.
    pub(super) async fn place_of_needle(&self) -> Option<String> {
        let needle = NEEDLE.as_bytes();
        let holds = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        let store = self.store.restart();
        let groups = stored_groups(&store).await;
        if let Some(group) = groups.iter().find(|group| holds(&group.bytes)) {
            return Some(format!("the log from {} on", group.first));
        }
        for name in store.vault().list("").await.unwrap() {
            let mut offset = 0;
            // The leader may be removing the file. It then has no more frames.
            while let Ok(Some((frame, next))) = store.vault().read_frame(&name, offset).await {
                let mut bytes = GroupBytes::new(0);
                if name.starts_with("history-") {
                    for entry in unpack_entries(&frame[8..]).unwrap() {
                        bytes.push(&entry);
                    }
                }
                if holds(&frame) || holds(&bytes.into_bytes()) {
                    return Some(name);
                }
                offset = next;
            }
        }
        None
    }

    /// Checks that every follower reaches the same World.
    pub(super) async fn check_members_agree(&mut self) {
        // A command finds a lost answer of the keeper. After it, no answer is lost.
        self.ends = Vec::new().into_iter();
        self.leader
            .store
            .fail_append(u64::MAX, FailAt::BeforeStored);
        self.fill(1).await;
        // Free slots at the end are not part of the World.
        let shown = |root: &Root| {
            let calls: Vec<_> = root.calls.iter().flatten().collect();
            let instances: Vec<_> = root.instances.iter().flatten().collect();
            let teams: Vec<_> = root.teams.by_place().collect();
            let (archive, history) = (&root.archive, &root.history);
            format!("{calls:?} {instances:?} {teams:?} {archive:?} {history:?}")
        };
        for Member {
            stop, following, ..
        } in std::mem::take(&mut self.followers)
        {
            stop.cancel();
            let mut follower = following.await.unwrap();
            let give_up = std::time::Instant::now() + PATIENCE;
            // The keeper may be packing, so its entries may come at any time.
            let root = loop {
                while follower.advance().await.unwrap() {}
                let root = self.leader.handle.root();
                if follower.root().sequence == root.sequence {
                    break root;
                }
                assert!(
                    std::time::Instant::now() < give_up,
                    "a follower stays behind"
                );
            };
            assert_eq!(shown(&follower.root()), shown(&root));
        }
    }

    pub(super) async fn end(self) -> MemoryStore {
        self.leader.end().await;
        if let Some(deposed) = self.deposed {
            deposed.end().await;
        }
        self.store
    }
}
