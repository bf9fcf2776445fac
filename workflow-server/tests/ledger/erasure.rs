//! Erasing a caller on the real store: masked at once, and then no byte of it anywhere in the data
//! directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aftercall_definition::time::Time;
use aftercall_engine::Request;
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::call::Caller;
use aftercall_engine::command::{
    AddNote, CallChanges, Command, EndCall, EraseCaller, ImportWorkflow, PublishWorkflow,
    PushButton, StepErasure, UpdateCall,
};
use aftercall_engine::erasure::{ErasedCall, ErasureState};
use aftercall_engine::instance::InstanceId;
use aftercall_engine::phone::Country;
use aftercall_engine::query::calls_in_memory;
use aftercall_engine::world::Keeping;
use aftercall_engine::world::caller_index::CallerKey;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use workflow_server::journal::{Birth, Options, RealDisk, Storage as _, Store, Vault};
use workflow_server::ledger::{Clock as _, Handle, Ledger, LedgerOptions, ManualClock, Outcome};
use workflow_server::limits::CLOCK_AHEAD_MAX;
use workflow_server::records::{GroupBytes, unpack_entries};

use crate::archive::{call_key, setting};
use crate::support::{ARCHIVE_AFTER, PATIENCE, team};

/// What is looked for: a name, a number, a detail, a field, a note, a form and the text of an alert
/// hold it.
const NEEDLE: &str = "Xanthippe";
const REFERENCE: &str = "REF-99887766";

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

/// A running ledger over a data directory.
struct House {
    dir: Arc<TempDir>,
    clock: Arc<ManualClock>,
    handle: Handle,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl House {
    async fn open(dir: Arc<TempDir>, clock: Arc<ManualClock>) -> Self {
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
            keeping: Keeping::default(),
            snapshot_every_entries: 20,
            journal_kept_entries: 10,
            clock_ahead_max: CLOCK_AHEAD_MAX,
            clock_was_held: false,
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

    async fn new() -> Self {
        let clock = Arc::new(ManualClock::at(Time(1_795_000_000_000)));
        Self::open(Arc::new(tempfile::tempdir().unwrap()), clock).await
    }

    /// Ends in good order.
    async fn close(self) -> (Arc<TempDir>, Arc<ManualClock>) {
        self.stop.cancel();
        self.running.await.unwrap();
        (self.dir, self.clock)
    }

    /// Ends without any order, and starts again.
    async fn crash(self) -> Self {
        self.running.abort();
        let _ = self.running.await;
        let Self {
            dir, clock, handle, ..
        } = self;
        drop(handle);
        Self::open(dir, clock).await
    }

    async fn commit(&self, command: Command) -> u64 {
        let actor = Actor {
            kind: ActorKind::Operations,
            name: "olga".into(),
        };
        match self
            .handle
            .execute(Request {
                actor,
                mark: None,
                salt: 3,
                known: None,
                command,
            })
            .await
            .unwrap()
        {
            Outcome::Committed(entry) => entry.sequence,
            other => panic!("nothing was committed: {other:?}"),
        }
    }

    async fn until(&self, what: &str, holds: impl Fn(&aftercall_engine::Root) -> bool) {
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

    /// A call of the caller, with a follow-up that is noted on, and finished where `done`.
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
            let form = vec![(
                "answer".into(),
                aftercall_definition::value::Value::Text(NEEDLE.into()),
            )];
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

    async fn fill(&self, entries: u64) {
        for n in 0..entries {
            self.commit(team(&format!("filler-{}-{n}", self.handle.root().sequence)))
                .await;
        }
    }

    /// A caller with calls in memory, in the archive, in packed history and in the journal; and
    /// another caller beside.
    async fn furnish(&self) -> (InstanceId, InstanceId) {
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
        let archived = self.call("archived", true).await;
        self.commit(setting("other", "C-other", "Socrates wants his money"))
            .await;
        self.clock.pass(ARCHIVE_AFTER * 30);
        self.until("it has left memory", |root| root.archive.instances == 1)
            .await;
        self.fill(60).await;
        let live = self.call("live", false).await;
        self.call("ended", true).await;
        self.fill(25).await;
        // The keeper writes it beside, and leaves one out that is due while it writes another:
        // without it the tests would find the caller in one place less.
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

    async fn start_erasing(&self) -> u64 {
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

    async fn mask(&self, erasure: u64) {
        while self.handle.root().erasures[&erasure].state == ErasureState::Masking {
            self.commit(Command::from(StepErasure { erasure })).await;
        }
    }

    async fn done(&self, erasure: u64) {
        self.handle.wake_keeper();
        self.until("no byte remains", |root| {
            root.erasures[&erasure].state == ErasureState::Done
        })
        .await;
    }

    /// Whether anything that is read tells of the caller.
    async fn shows_needle(&self, archived: InstanceId) -> bool {
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

fn files(dir: &Path) -> Vec<PathBuf> {
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

/// The files of a data directory in which the caller is found, also where they are compressed.
async fn files_that_tell(dir: &Path) -> Vec<String> {
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
    found.extend(packed_that_tell(&*store.vault()).await);
    found
}

async fn packed_that_tell(vault: &dyn Vault) -> Vec<String> {
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

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_is_masked_at_once_and_then_no_byte_of_it_remains() {
    let house = House::new().await;
    let (archived, live) = house.furnish().await;
    assert!(house.shows_needle(archived).await);
    let (dir, clock) = house.close().await;
    let before = files_that_tell(dir.path()).await;
    for place in ["journal-", "vault/blobs/snapshot-", "history-"] {
        assert!(
            before.iter().any(|file| file.starts_with(place)),
            "the test looks for nothing in {place}: {before:?}"
        );
    }
    let house = House::open(dir, clock).await;
    let erasure = house.start_erasing().await;
    house.mask(erasure).await;
    assert!(
        !house.shows_needle(archived).await,
        "all that is read is masked before the files are"
    );
    house.done(erasure).await;
    assert!(!house.shows_needle(archived).await);
    let root = house.handle.root();
    let instance = root.instance(live).unwrap();
    assert_eq!(
        (instance.stage, &*instance.alerts[0].text, instance.notes),
        (1, "[erased]", 1),
        "its shape stays"
    );
    let history = house
        .handle
        .history()
        .trail_of_instance(instance)
        .await
        .unwrap();
    assert_eq!(history.len(), 4, "set, call updated, noted, erased");
    let first = house
        .handle
        .history()
        .entry(history[0].sequence)
        .await
        .unwrap();
    assert!(first.actor.name.contains("olga"), "who did it stays");
    let by = CallerKey::new(
        &Caller {
            reference: REFERENCE.into(),
            ..Caller::default()
        },
        Country::NONE,
    )
    .unwrap();
    assert!(
        house
            .handle
            .archive()
            .calls_of(&by, ("", None), 10, house.clock.wall())
            .await
            .unwrap()
            .is_empty()
    );
    assert!(root.calls_of(&by, "").next().is_none());
    let other = root.call(&call_key("other")).unwrap();
    assert_eq!(
        *other.caller.reference, *"C-other",
        "another caller is not touched"
    );
    house.fill(5).await;
    let (dir, clock) = house.close().await;
    assert_eq!(files_that_tell(dir.path()).await, Vec::<String>::new());
    let house = House::open(dir, clock).await;
    assert!(
        !house.shows_needle(archived).await,
        "nor does it come back with a restart"
    );
    assert_eq!(
        house.handle.root().erasures[&erasure].state,
        ErasureState::Done
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_survives_crashes_wherever_it_is() {
    let house = House::new().await;
    let (archived, _) = house.furnish().await;
    let erasure = house.start_erasing().await;
    let mut house = house.crash().await;
    assert_eq!(
        house.handle.root().erasures[&erasure].state,
        ErasureState::Masking,
        "it goes on where it was"
    );
    house.mask(erasure).await;
    // Cut off at some moments of the scrubbing; whatever was done is done again.
    for pause in [0, 1, 5, 20, 60] {
        house.handle.wake_keeper();
        let waiting = house.until("it is done", |root| {
            root.erasures[&erasure].state == ErasureState::Done
        });
        let _ = tokio::time::timeout(Duration::from_millis(pause), waiting).await;
        house = house.crash().await;
        assert!(!house.shows_needle(archived).await);
    }
    house.done(erasure).await;
    let (dir, _) = house.close().await;
    assert_eq!(files_that_tell(dir.path()).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_the_mask_stays_also_where_a_key_is_used_again() {
    let house = House::new().await;
    let (_, live) = house.furnish().await;
    let erasure = house.start_erasing().await;
    house.mask(erasure).await;
    let note = |text: &str| {
        Command::from(AddNote {
            instance: live,
            text: text.into(),
        })
    };
    let said = house.commit(note("the part is here")).await;
    house
        .commit(setting("archived", "C-other", "Socrates wants his money"))
        .await;
    house.done(erasure).await;
    let entry = house.handle.history().entry(said).await.unwrap();
    assert_eq!(*entry.details.note, *"the part is here");
    let root = house.handle.root();
    let again = root.call(&call_key("archived")).unwrap();
    assert_eq!(*again.caller.reference, *"C-other");
    let fields = &root.instance_at(again.instances[0]).unwrap().alerts[0].text;
    assert!(fields.contains("Socrates"), "{fields}");
    let (dir, _) = house.close().await;
    assert_eq!(files_that_tell(dir.path()).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_erasures_at_once_come_to_their_end() {
    let house = House::new().await;
    let (archived, _) = house.furnish().await;
    let first = house.start_erasing().await;
    house.mask(first).await;
    let other = CallerKey::new(
        &Caller {
            reference: "C-other".into(),
            ..Caller::default()
        },
        Country::NONE,
    )
    .unwrap();
    let newest_file = house.handle.root().archive.newest_file;
    let (customer, reason) = ("".into(), "he asked for it too".into());
    let calls = calls_in_memory(&house.handle.root(), &other, "");
    let erase = EraseCaller {
        customer,
        reason,
        calls,
        look: None,
        newest_file,
        is_of_restore: false,
    };
    let second = house.commit(Command::from(erase)).await;
    house.done(first).await;
    house.mask(second).await;
    house.done(second).await;
    assert!(!house.shows_needle(archived).await);
    let (dir, _) = house.close().await;
    assert_eq!(files_that_tell(dir.path()).await, Vec::<String>::new());
    let tells = files(&dir.path().join("data")).iter().any(|file| {
        let bytes = fs::read(file).unwrap();
        bytes.windows(8).any(|window| window == b"Socrates")
    });
    assert!(!tells, "nor of the other one");
}
