//! A ledger on the real store with a caller to erase, and a search for remaining data of the
//! caller.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_engine::Request;
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::batch::{BatchItems, BatchPush, BatchWork, StartBatch};
use aftercall_engine::call::Caller;
use aftercall_engine::command::{
    AddNote, CallChanges, Command, EndCall, EraseCaller, ImportWorkflow, PublishWorkflow,
    PushButton, SaveView, StepErasure, UpdateCall,
};
use aftercall_engine::erasure::{ErasedCall, ErasureState};
use aftercall_engine::instance::InstanceId;
use aftercall_engine::phone::Country;
use aftercall_engine::query::calls_in_memory;
use aftercall_engine::saved_view::ViewFilter;
use aftercall_engine::world::Keeping;
use aftercall_engine::world::caller_index::CallerKey;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use workflow_server::journal::{Birth, Options, RealDisk, Storage as _, Store, Vault};
use workflow_server::ledger::{Clock as _, Handle, Ledger, LedgerOptions, ManualClock, Outcome};
use workflow_server::limits::{CLOCK_AHEAD_MAX, COMMANDS_WAITING_MAX};
use workflow_server::records::{GroupBytes, unpack_entries};

use crate::follow_ups::{call_key, setting};
use crate::support::{ARCHIVE_AFTER, PATIENCE, team};

/// The text to find. It is in a name, a number, a detail, a field, a note, a form, the form of a
/// batch, the text of an alert, and saved views.
const NEEDLE: &str = "Xanthippe";

/// Saves a view whose name and text name the caller.
fn view(name: &str) -> Command {
    Command::from(SaveView {
        team: None,
        name: name.into(),
        filter: ViewFilter {
            text: NEEDLE.into(),
            ..ViewFilter::default()
        },
        expected: None,
    })
}

/// Starts a batch with a form that names the caller. Nothing steps it in these tests.
fn batch(id: InstanceId) -> Command {
    Command::from(StartBatch {
        work: BatchWork::Push(BatchPush {
            button: "done".into(),
            stage: 1,
            visits: [].into(),
            form: [("answer".into(), Value::Text(NEEDLE.into()))].into(),
        }),
        items: BatchItems::named([id]),
        reason: "all at once".into(),
        per_second: 1,
    })
}

pub(super) const REFERENCE: &str = "REF-99887766";

const WORKFLOW: &str = "
format: 1
workflow: quick
title: Quick
fields: { reason: { type: text } }
on_new_call:
  - alert: { text: 'Ring {{ call.caller.name }} about {{ fields.reason }}', team: billing }
  - button: Done
    form: { answer: { type: text } }
    then: [ finish: done ]
";

/// A running ledger on a data directory.
pub(super) struct House {
    dir: Arc<TempDir>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) handle: Handle,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl House {
    pub(super) async fn open(dir: Arc<TempDir>, clock: Arc<ManualClock>) -> Self {
        let birth = Birth {
            epoch: "0".repeat(32),
            hash_key: [9; 16],
            created_at_millis: 0,
        };
        let mut options = Options::new(birth, Arc::new(|why| panic!("stuck: {why}")));
        options.reserve_bytes = 0;
        let at = dir.path().join("data");
        let opened =
            tokio::task::spawn_blocking(move || Store::open(&at, &options, Arc::new(RealDisk)))
                .await
                .unwrap();
        let store = opened.unwrap();
        let options = LedgerOptions {
            commands_waiting_max: COMMANDS_WAITING_MAX as usize,
            keeping: Keeping::default(),
            snapshot_every_entries: 20,
            journal_kept_entries: 10,
            clock_ahead_max: CLOCK_AHEAD_MAX,
            archive_after_millis: ARCHIVE_AFTER.as_millis() as i64,
            retention: None,
            default_zone: jiff::tz::TimeZone::UTC,
        };
        let (ledger, handle) = Ledger::recover(&store, clock.clone(), options)
            .await
            .unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(ledger.run(stop.clone()));
        Self {
            dir,
            clock,
            handle,
            stop,
            running,
        }
    }

    pub(super) async fn new() -> Self {
        let clock = Arc::new(ManualClock::at(Time(1_795_000_000_000)));
        Self::open(Arc::new(tempfile::tempdir().unwrap()), clock).await
    }

    /// Stops after all commands are finished.
    pub(super) async fn close(self) -> (Arc<TempDir>, Arc<ManualClock>) {
        self.stop.cancel();
        self.running.await.unwrap();
        (self.dir, self.clock)
    }

    /// Ends like a killed process, and starts again.
    pub(super) async fn crash(self) -> Self {
        self.running.abort();
        let _ = self.running.await;
        let Self {
            dir, clock, handle, ..
        } = self;
        drop(handle);
        Self::open(dir, clock).await
    }

    pub(super) async fn commit(&self, command: Command) -> u64 {
        let actor = Actor {
            kind: ActorKind::Operations,
            name: "olga".into(),
            subject: None,
        };
        match self
            .handle
            .execute(Request {
                actor,
                mark: None,
                salt: 3,
                known: None,
                acts_for: None,
                reach: aftercall_engine::Reach::EVERYTHING,
                command,
            })
            .await
            .unwrap()
        {
            Outcome::Committed(entry) => entry.sequence,
            other => panic!("nothing was committed: {other:?}"),
        }
    }

    pub(super) async fn until(&self, what: &str, holds: impl Fn(&aftercall_engine::Root) -> bool) {
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

    /// Adds a call of the caller with a follow-up and a note. Finishes the follow-up if `done`.
    async fn call(&self, call: &str, done: bool) -> InstanceId {
        self.commit(setting(
            call,
            REFERENCE,
            &format!("{NEEDLE} wants her money"),
        ))
        .await;
        let caller = Caller {
            name: NEEDLE.into(),
            reference: REFERENCE.into(),
            ..Caller::default()
        };
        let details = vec![(
            format!("address of {NEEDLE}").into(),
            format!("{NEEDLE} Lane 1").into(),
        )];
        let changes = CallChanges {
            caller: Some(caller),
            details,
            ..CallChanges::default()
        };
        self.commit(Command::from(UpdateCall {
            call: call_key(call),
            changes,
            expected: None,
        }))
        .await;
        let root = self.handle.root();
        let id = root
            .instance_at(root.call(&call_key(call)).unwrap().instances[0])
            .unwrap()
            .id;
        self.commit(Command::from(AddNote {
            instance: id,
            text: format!("{NEEDLE} rang again").into(),
        }))
        .await;
        if done {
            let form = vec![("answer".into(), Value::Text(NEEDLE.into()))];
            let push = PushButton {
                instance: id,
                button: "done".into(),
                stage: None,
                visit: 1,
                note: NEEDLE.into(),
                form,
            };
            self.commit(Command::from(push)).await;
            self.commit(Command::from(EndCall {
                call: call_key(call),
            }))
            .await;
        }
        id
    }

    pub(super) async fn fill(&self, entries: u64) {
        for n in 0..entries {
            self.commit(team(&format!("filler-{}-{n}", self.handle.root().sequence)))
                .await;
        }
    }

    /// Adds a caller with calls in memory, in the archive, in packed history and in the journal.
    /// Also adds another caller.
    pub(super) async fn furnish(&self) -> (InstanceId, InstanceId) {
        self.commit(team("billing")).await;
        let definition = Box::new(aftercall_authoring::file::read(WORKFLOW, None).unwrap());
        self.commit(Command::from(ImportWorkflow {
            definition,
            expected: None,
        }))
        .await;
        self.commit(Command::from(PublishWorkflow {
            name: "quick".into(),
            expected: None,
            validated: None,
        }))
        .await;
        self.commit(view(&format!("{NEEDLE} herself"))).await;
        let archived = self.call("archived", true).await;
        self.commit(setting("other", "C-other", "Socrates wants his money"))
            .await;
        self.clock.pass(ARCHIVE_AFTER * 30);
        self.until("it has left memory", |root| root.archive.instances == 1)
            .await;
        self.fill(60).await;
        let live = self.call("live", false).await;
        self.commit(batch(live)).await;
        self.commit(view(NEEDLE)).await;
        self.call("ended", true).await;
        self.fill(25).await;
        // The keeper skips a snapshot that is due while it writes another. Without this wait, the
        // caller's data may be missing in the snapshot.
        let blobs = self.dir.path().join("data/vault/blobs");
        let is_written = || {
            snapshots(&blobs)
                .iter()
                .any(|file| fs::read(file).is_ok_and(|bytes| holds(&bytes)))
        };
        let waiting = async {
            while !is_written() {
                self.fill(1).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect("a snapshot with the caller is written");
        (archived, live)
    }

    pub(super) async fn start_erasing(&self) -> u64 {
        let caller = CallerKey::new(
            &Caller {
                reference: REFERENCE.into(),
                ..Caller::default()
            },
            Country::NONE,
        )
        .unwrap();
        let found = self
            .handle
            .archive()
            .calls_of(&caller, ("", None), 100, self.clock.wall())
            .await
            .unwrap();
        let archived: Vec<ErasedCall> = found
            .iter()
            .map(|found| ErasedCall {
                key: found.call.key.clone(),
                created_at: found.call.created_at,
                instances: found.instances.iter().map(|instance| instance.id).collect(),
            })
            .collect();
        assert_eq!(archived.len(), 1);
        let (customer, reason) = ("".into(), "she asked for it".into());
        let newest_file = self.handle.root().archive.newest_file;
        let calls = calls_in_memory(&self.handle.root(), &caller, "")
            .into_iter()
            .chain(archived)
            .collect();
        let erase = EraseCaller {
            customer,
            reason,
            calls,
            look: None,
            newest_file,
            is_of_restore: false,
        };
        self.commit(Command::from(erase)).await
    }

    pub(super) async fn mask(&self, erasure: u64) {
        while self.handle.root().erasures[&erasure].state == ErasureState::Masking {
            self.commit(Command::from(StepErasure { erasure })).await;
        }
    }

    pub(super) async fn done(&self, erasure: u64) {
        self.handle.wake_keeper();
        self.until("no byte remains", |root| {
            root.erasures[&erasure].state == ErasureState::Done
        })
        .await;
    }

    /// Whether any read shows data of the caller.
    pub(super) async fn shows_needle(&self, archived: InstanceId) -> bool {
        let root = self.handle.root();
        let mut shown = format!("{:?}{:?}", root.calls, root.instances);
        for sequence in 1..=root.sequence {
            shown.push_str(&format!(
                "{:?}",
                self.handle.history().entry(sequence).await.unwrap()
            ));
        }
        let found = self
            .handle
            .archive()
            .instance(archived, self.clock.wall())
            .await
            .unwrap()
            .unwrap();
        shown.push_str(&format!("{found:?}"));
        shown.contains(NEEDLE) || shown.contains(REFERENCE)
    }
}

pub(super) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// The snapshots among the files of a vault.
fn snapshots(blobs: &Path) -> Vec<PathBuf> {
    let is_snapshot = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("snapshot-"))
    };
    files(blobs).into_iter().filter(is_snapshot).collect()
}

fn holds(bytes: &[u8]) -> bool {
    [NEEDLE, REFERENCE].iter().any(|needle| {
        bytes
            .windows(needle.len())
            .any(|window| window == needle.as_bytes())
    })
}

/// The files of a data directory that contain the caller, also in compressed form.
pub(super) async fn files_with_caller(dir: &Path) -> Vec<String> {
    let data = dir.join("data");
    let mut found: Vec<String> = Vec::new();
    for file in files(&data)
        .iter()
        .filter(|file| holds(&fs::read(file).unwrap()))
    {
        found.push(file.strip_prefix(&data).unwrap().display().to_string());
    }
    let birth = Birth {
        epoch: "0".repeat(32),
        hash_key: [9; 16],
        created_at_millis: 0,
    };
    let mut options = Options::new(birth, Arc::new(|why| panic!("stuck: {why}")));
    options.reserve_bytes = 0;
    let opened =
        tokio::task::spawn_blocking(move || Store::open(&data, &options, Arc::new(RealDisk)))
            .await
            .unwrap();
    let store = opened.unwrap();
    found.extend(packed_with_caller(&*store.vault()).await);
    found
}

async fn packed_with_caller(vault: &dyn Vault) -> Vec<String> {
    let mut found = Vec::new();
    for name in vault.list("history-").await.unwrap() {
        let (mut offset, mut bytes) = (0, Vec::new());
        while let Some((frame, next)) = vault.read_frame(&name, offset).await.unwrap() {
            let mut group = GroupBytes::new(0);
            for entry in unpack_entries(&frame[8..]).unwrap() {
                group.push(&entry);
            }
            bytes.extend(group.into_bytes());
            offset = next;
        }
        if holds(&bytes) {
            found.push(name);
        }
    }
    found
}
