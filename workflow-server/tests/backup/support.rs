//! A running ledger on a data directory and its backups. Also the World as its entries make it,
//! which is the model for a restore.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aftercall_authoring::file;
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::call::{CallKey, Caller};
use aftercall_engine::command::{
    AddNote, CallChanges, Command, EndCall, IfRunning, ImportTeam, ImportWorkflow, PublishWorkflow,
    PushButton, RequestMark, ScriptCommand, SetWorkflow,
};
use aftercall_engine::instance::InstanceId;
use aftercall_engine::world::{Keeping, World};
use aftercall_engine::{Entry, Request, Root};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use workflow_server::backup::{
    BackupDirectory, BackupError, Base, FullReason, Manifest, NewGeneration, Part, RestoreOptions,
    Restored, Until, restore, send,
};
use workflow_server::journal::{Birth, Identity, Options, RealDisk, Storage as _, Store};
use workflow_server::ledger::capture::Capture;
use workflow_server::ledger::{Clock as _, Handle, Ledger, LedgerOptions, ManualClock, Outcome};
use workflow_server::limits::{CLOCK_AHEAD_MAX, COMMANDS_WAITING_MAX};
use workflow_server::records::encode_world;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const ARCHIVE_AFTER: Duration = Duration::from_millis(400);
pub(crate) const START: Time = Time(1_795_000_000_000);
/// Keeps only a few request ids, so that the oldest are forgotten during the tests.
pub(crate) const KEEPING: Keeping = Keeping {
    request_ids_millis: 600_000,
    request_ids_max: 40,
};

const WORKFLOW: &str = "
format: 1
workflow: quick
title: Quick
fields: { reason: { type: text } }
on_new_call:
  - alert: { text: 'Ring {{ call.caller.name }} about {{ fields.reason }}', team: billing, due: 4h }
  - button: Done
    then: [ finish: done ]
";

/// A running ledger.
pub(crate) struct House {
    pub(crate) temp: Arc<TempDir>,
    pub(crate) data_dir: PathBuf,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) handle: Handle,
    pub(crate) identity: Identity,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

pub(crate) async fn open_store(dir: &Path) -> Store {
    let birth = Birth {
        epoch: format!("{:032x}", rand_epoch()),
        hash_key: [9; 16],
        created_at_millis: 1,
    };
    let mut options = Options::new(birth, Arc::new(|why| panic!("stuck: {why}")));
    options.reserve_bytes = 0;
    let dir = dir.to_owned();
    tokio::task::spawn_blocking(move || Store::open(&dir, &options, Arc::new(RealDisk)))
        .await
        .unwrap()
        .unwrap()
}

/// A different epoch each time, without randomness.
fn rand_epoch() -> u128 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    u128::from(NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
}

impl House {
    pub(crate) async fn new() -> Self {
        let temp = Arc::new(tempfile::tempdir().unwrap());
        let data_dir = temp.path().join("data");
        let house = Self::open(temp, data_dir, Arc::new(ManualClock::at(START))).await;
        house
            .commit(Command::from(ImportTeam {
                name: "billing".into(),
                title: "Billing".into(),
                expected: None,
                claim_next_only: None,
            }))
            .await;
        let definition = Box::new(file::read(WORKFLOW, None).unwrap());
        house
            .commit(Command::from(ImportWorkflow {
                definition,
                expected: None,
            }))
            .await;
        house
            .commit(Command::from(PublishWorkflow {
                name: "quick".into(),
                expected: None,
                validated: None,
            }))
            .await;
        house
    }

    pub(crate) async fn open(
        temp: Arc<TempDir>,
        data_dir: PathBuf,
        clock: Arc<ManualClock>,
    ) -> Self {
        let store = open_store(&data_dir).await;
        let options = LedgerOptions {
            commands_waiting_max: COMMANDS_WAITING_MAX as usize,
            keeping: KEEPING,
            snapshot_every_entries: 40,
            journal_kept_entries: 15,
            clock_ahead_max: CLOCK_AHEAD_MAX,
            archive_after_millis: ARCHIVE_AFTER.as_millis() as i64,
            retention: None,
            default_zone: jiff::tz::TimeZone::UTC,
        };
        let identity = store.identity().clone();
        let (ledger, handle) = Ledger::recover(&store, clock.clone(), options)
            .await
            .unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(ledger.run(stop.clone()));
        Self {
            temp,
            data_dir,
            clock,
            handle,
            identity,
            stop,
            running,
        }
    }

    /// Stops after all commands are finished. The directory stays.
    pub(crate) async fn close(self) -> (Arc<TempDir>, Arc<ManualClock>) {
        self.stop.cancel();
        self.running.await.unwrap();
        (self.temp, self.clock)
    }

    pub(crate) fn backups(&self) -> PathBuf {
        self.temp.path().join("backups")
    }

    pub(crate) async fn try_commit(&self, command: Command, mark: u64) -> Option<u64> {
        let actor = Actor {
            kind: ActorKind::Operations,
            name: "olga".into(),
            subject: None,
        };
        let mark = (mark > 0).then_some(RequestMark {
            key: u128::from(mark),
            fingerprint: mark,
        });
        match self
            .handle
            .execute(Request {
                actor,
                mark,
                salt: 3,
                known: None,
                acts_for: None,
                reach: aftercall_engine::Reach::EVERYTHING,
                command,
            })
            .await
        {
            Ok(Outcome::Committed(entry)) => Some(entry.sequence),
            _ => None,
        }
    }

    pub(crate) async fn commit(&self, command: Command) -> u64 {
        self.try_commit(command, 0).await.expect("it is committed")
    }

    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Root) -> bool) {
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

    /// Sets the workflow on a call. Returns its instance.
    pub(crate) async fn set(&self, call: &str, reference: &str, reason: &str) -> InstanceId {
        self.commit(setting(call, reference, reason)).await;
        self.newest_instance(call)
    }

    pub(crate) fn newest_instance(&self, call: &str) -> InstanceId {
        let root = self.handle.root();
        let slot = *root.call(&key(call)).unwrap().instances.last().unwrap();
        root.instance_at(slot).unwrap().id
    }

    /// Finishes an instance, and ends its call.
    pub(crate) async fn finish(&self, call: &str, instance: InstanceId) {
        let push = PushButton {
            instance,
            button: "done".into(),
            stage: None,
            visit: 1,
            note: "".into(),
            form: Vec::new(),
        };
        self.commit(Command::from(push)).await;
        self.commit(Command::from(EndCall { call: key(call) }))
            .await;
    }

    /// Works: finishes three of every four calls, and lets time pass.
    pub(crate) async fn work(&self, from: u64, count: u64) {
        for n in from..from + count {
            let call = format!("call-{n}");
            let command = setting(&call, &format!("C-{}", n % 7), &format!("reason {n}"));
            self.try_commit(command, n).await.expect("it is set");
            let id = self.newest_instance(&call);
            self.commit(Command::from(AddNote {
                instance: id,
                text: format!("note {n}").into(),
            }))
            .await;
            if n % 4 != 0 {
                self.finish(&call, id).await;
            }
            self.clock.pass(Duration::from_secs(1));
        }
    }

    /// Waits until at least this many instances are in the archive.
    pub(crate) async fn archived(&self, instances: u64) {
        self.clock.pass(ARCHIVE_AFTER * 30);
        self.until("enough is in the archive", |root| {
            root.archive.instances >= instances
        })
        .await;
    }

    /// All entries of the history, in order.
    pub(crate) async fn entries(&self) -> Vec<Arc<Entry>> {
        entries_of(&self.handle, self.handle.root().sequence).await
    }

    /// Makes a backup, based on the newest one in the directory.
    pub(crate) async fn back_up(&self) -> (Manifest, Option<FullReason>) {
        let directory = BackupDirectory::open_or_create(&self.backups()).unwrap();
        let base = directory.newest().ok();
        back_up_into(
            &directory,
            self.handle.capture().await.unwrap(),
            &self.identity,
            base.as_ref(),
        )
        .await
        .unwrap()
    }

    pub(crate) async fn restore_to(
        &self,
        name: &str,
        until: Until,
    ) -> Result<(Restored, PathBuf), BackupError> {
        restore_from(&self.backups(), &self.temp.path().join(name), until).await
    }
}

/// The parts of a backup with this base.
pub(crate) async fn parts(capture: &Capture, identity: &Identity, base: Option<Base>) -> Vec<Part> {
    let (sender, mut receiver) = mpsc::channel(4);
    let sending = send(capture, identity, (base, START), sender);
    let receiving = async {
        let mut parts = Vec::new();
        while let Some(part) = receiver.recv().await {
            parts.push(part);
        }
        parts
    };
    let (sent, parts) = tokio::join!(sending, receiving);
    sent.unwrap();
    parts
}

pub(crate) fn base_of(directory: &BackupDirectory, manifest: &Manifest) -> Base {
    let (whole, _) = directory.valid_files(manifest, &|_| {});
    let files = whole
        .files
        .into_iter()
        .map(|file| (file.name, Some(file.checksum)))
        .collect();
    Base {
        epoch: manifest.epoch.clone(),
        position: manifest.position(),
        files,
    }
}

/// Adds one part to a generation. Returns the manifest after the last part.
pub(crate) fn take<'d>(
    directory: &'d BackupDirectory,
    generation: &mut Option<NewGeneration<'d>>,
    part: Part,
    base: Option<&Manifest>,
) -> Result<Option<Manifest>, BackupError> {
    if let Part::Begin { begun, .. } = part {
        let whole = base.map(|base| directory.valid_files(base, &|_| {}).0);
        *generation = Some(NewGeneration::begin(directory, begun, whole.as_ref())?);
        return Ok(None);
    }
    if let Part::End { chain, at } = part {
        return generation.take().unwrap().finish(chain, at.0).map(Some);
    }
    let open = generation.as_mut().unwrap();
    match part {
        Part::File(name) => open.file(&name)?,
        Part::Piece(bytes) => open.piece(&bytes)?,
        Part::FileEnd { bytes, checksum } => open.file_end(bytes, checksum)?,
        Part::Kept(name) => open.keep_file(&name)?,
        Part::Begin { .. } | Part::End { .. } => unreachable!(),
    }
    Ok(None)
}

pub(crate) async fn back_up_into(
    directory: &BackupDirectory,
    capture: Capture,
    identity: &Identity,
    base: Option<&Manifest>,
) -> Result<(Manifest, Option<FullReason>), BackupError> {
    let known = base.map(|base| base_of(directory, base));
    let (mut generation, mut why) = (None, None);
    for part in parts(&capture, identity, known).await {
        if let Part::Begin { full, .. } = &part {
            why = *full;
        }
        if let Some(manifest) = take(directory, &mut generation, part, base)? {
            return Ok((manifest, why));
        }
    }
    panic!("the backup has no end");
}

pub(crate) fn options(until: Until) -> RestoreOptions {
    let epoch = format!("{:032x}", rand_epoch());
    RestoreOptions {
        generation: None,
        until,
        erase_again: true,
        erasures_from: None,
        epoch,
        clock: None,
    }
}

pub(crate) async fn restore_from(
    from: &Path,
    to: &Path,
    until: Until,
) -> Result<(Restored, PathBuf), BackupError> {
    restore(from, to, &options(until), &|_| {})
        .await
        .map(|restored| (restored, to.to_owned()))
}

/// The World of a data directory, encoded.
pub(crate) async fn world_in(dir: &Path) -> Vec<u8> {
    let store = open_store(dir).await;
    let recovered =
        workflow_server::ledger::recover(store.log().as_ref(), store.vault().as_ref(), KEEPING)
            .await
            .unwrap();
    encode_world(&recovered.world)
}

/// The World of these entries up to a sequence, encoded.
pub(crate) fn world_at(entries: &[Arc<Entry>], sequence: u64) -> Vec<u8> {
    encode_world(&model_at(entries, sequence))
}

/// The World of these entries up to a sequence.
pub(crate) fn model_at(entries: &[Arc<Entry>], sequence: u64) -> World {
    let mut world = World::new(KEEPING);
    entries
        .iter()
        .take_while(|entry| entry.sequence <= sequence)
        .for_each(|entry| world.apply(entry).unwrap());
    assert_eq!(world.root().sequence, sequence);
    world
}

pub(crate) async fn entries_of(handle: &Handle, upto: u64) -> Vec<Arc<Entry>> {
    let mut entries = Vec::new();
    for sequence in 1..=upto {
        entries.push(handle.history().entry(sequence).await.unwrap());
    }
    entries
}

/// All archived instances with these ids, and their calls.
pub(crate) async fn archive_of(house: &House, ids: &[InstanceId]) -> HashMap<InstanceId, String> {
    let mut found = HashMap::new();
    for id in ids {
        let one = house
            .handle
            .archive()
            .instance(*id, house.clock.wall())
            .await
            .unwrap();
        found.extend(one.map(|one| (*id, format!("{one:?}"))));
    }
    found
}

pub(crate) fn key(call: &str) -> CallKey {
    CallKey {
        source: "scripts".into(),
        id: call.into(),
    }
}

/// Sets a workflow without fields.
pub(crate) fn setting_of(workflow: &str, call: &str) -> Command {
    let Command::Script(ScriptCommand::SetWorkflow(setting)) = setting(call, "C-1", "") else {
        unreachable!()
    };
    Command::from(SetWorkflow {
        workflow: workflow.into(),
        fields: Vec::new(),
        ..*setting
    })
}

pub(crate) fn setting(call: &str, reference: &str, reason: &str) -> Command {
    let caller = Caller {
        name: "Ada Lovelace".into(),
        reference: reference.into(),
        ..Caller::default()
    };
    Command::from(SetWorkflow {
        call: key(call),
        changes: CallChanges {
            chargeable: Some(true),
            caller: Some(caller),
            ..CallChanges::default()
        },
        workflow: "quick".into(),
        version: None,
        fields: vec![("reason".into(), Value::Text(reason.into()))],
        release: None,
        release_within_millis: None,
        if_running: IfRunning::ReturnIt,
    })
}
