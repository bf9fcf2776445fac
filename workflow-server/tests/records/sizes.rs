//! The largest allowed data. Every entry of it fits into the journal, and every frame of a snapshot
//! into a file.

use std::fmt::Write as _;

use aftercall_definition::limits::{
    ACTIONS_PER_STAGE_MAX, FIELDS_MAX, NAME_CHARS_MAX, TEXT_BYTES_MAX,
};
use aftercall_definition::value::Value;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::batch::{BatchItems, BatchWork, StartBatch};
use aftercall_engine::call::Caller;
use aftercall_engine::command::{
    CallChanges, CancelInstance, Command, EndCall, EraseCaller, ImportTeam, SetWorkflow, StepBatch,
    StepErasure, UpdateCall,
};
use aftercall_engine::entry::{Answer, ChangeKind};
use aftercall_engine::erasure::ErasureState;
use aftercall_engine::instance::{InstanceId, Status, Wake};
use aftercall_engine::limits::{
    CALLER_CHARS_MAX, DETAILS_MAX, INSTANCES_PER_CALL_MAX, OPEN_INSTANCES_PER_CALL_MAX,
    REASON_CHARS_MAX, SHORT_CHARS_MAX,
};
use aftercall_engine::mask::ERASED;
use aftercall_engine::phone::Country;
use aftercall_engine::query::calls_in_memory;
use aftercall_engine::world::caller_index::CallerKey;
use aftercall_engine::world::{Keeping, World};
use workflow_server::journal::LOG_LIMITS;
use workflow_server::records::{
    GroupBytes, SnapshotReader, WorldImage, decode_group, encode_world, snapshot_frames,
};

use crate::scenario::{Played, key, publish, setting};

const SMALL: &str = "
format: 1
workflow: small
title: Small
on_new_call:
  - alert: { text: Ring, team: care }
  - button: Done
    then: [ finish: done ]
";

/// A workflow with the largest number of fields, and of alerts that show one of them.
fn huge(name: &str) -> String {
    let mut file = format!("format: 1\nworkflow: {name}\ntitle: Huge\nfields:\n");
    for field in 0..FIELDS_MAX {
        let _ = writeln!(file, "  f{field}: {{ type: text }}");
    }
    file.push_str("on_new_call:\n");
    for _ in 1..ACTIONS_PER_STAGE_MAX {
        file.push_str("  - alert: { text: '{{ call.agent }} {{ fields.f0 }}', team: care }\n");
    }
    file.push_str("  - button: Done\n    then: [ finish: done ]\n");
    file
}

/// The longest text with this many characters, of four bytes each.
fn wide(characters: usize) -> Box<str> {
    "\u{1f600}".repeat(characters).into()
}

fn text() -> Value {
    Value::Text("x".repeat(TEXT_BYTES_MAX).into())
}

/// A call of the largest size: ended follow-ups, and as many of the largest ones as may wait for
/// its end.
fn full_call() -> Played {
    let mut played = Played::new();
    played.ask(
        ActorKind::Author,
        Command::from(ImportTeam {
            name: "care".into(),
            title: "Care".into(),
            expected: None,
            claim_next_only: None,
        }),
    );
    publish(&mut played, SMALL, "small");
    let details = (0..DETAILS_MAX).map(|at| {
        (
            format!("{at:02}{}", wide(NAME_CHARS_MAX - 2)).into(),
            "x".repeat(TEXT_BYTES_MAX).into(),
        )
    });
    let known = setting("full", false).changes;
    let caller = known.caller.clone().map(|caller| Caller {
        name: wide(CALLER_CHARS_MAX),
        email: wide(CALLER_CHARS_MAX),
        phone: wide(NAME_CHARS_MAX),
        ..caller
    });
    let short = Some(wide(SHORT_CHARS_MAX));
    let (customer, script, agent) = (short.clone(), short.clone(), short);
    let changes = CallChanges {
        details: details.collect(),
        caller,
        customer,
        script,
        agent,
        ..known
    };
    for nth in 0..INSTANCES_PER_CALL_MAX - OPEN_INSTANCES_PER_CALL_MAX {
        let changes = if nth == 0 {
            changes.clone()
        } else {
            CallChanges::default()
        };
        let set = SetWorkflow {
            workflow: "small".into(),
            fields: Vec::new(),
            changes,
            ..setting("full", false)
        };
        let instance = played.ask(ActorKind::ScriptEngine, Command::from(set));
        let cancel = Command::from(CancelInstance {
            instance,
            reason: wide(REASON_CHARS_MAX),
            expected: None,
        });
        played.ask(ActorKind::Operations, cancel);
    }
    for nth in 0..OPEN_INSTANCES_PER_CALL_MAX {
        let name = format!("huge-{nth}");
        publish(&mut played, &huge(&name), &name);
        let fields = (0..FIELDS_MAX)
            .map(|field| (format!("f{field}").into(), text()))
            .collect();
        let changes = CallChanges::default();
        let set = SetWorkflow {
            workflow: name.into(),
            fields,
            changes,
            ..setting("full", true)
        };
        played.ask(ActorKind::ScriptEngine, Command::from(set));
    }
    played
}

impl Played {
    fn open(&self, status: Status) -> Vec<InstanceId> {
        let of_status = self
            .world
            .root()
            .instances
            .iter()
            .flatten()
            .filter(|one| one.status == status);
        of_status.map(|one| one.id).collect()
    }

    /// The size of the largest entry.
    fn largest(&self) -> usize {
        self.entries
            .iter()
            .map(|entry| {
                let mut group = GroupBytes::new(0);
                group.push(entry);
                group.len()
            })
            .max()
            .unwrap()
    }
}

fn replayed(entries: &[aftercall_engine::Entry]) -> World {
    let mut world = World::new(Keeping::default());
    for entry in entries {
        let mut group = GroupBytes::new(0);
        let chain = group.push(entry);
        for linked in decode_group(&group.into_bytes(), 0, chain).unwrap() {
            world.apply(&linked.entry).unwrap();
        }
    }
    world
}

#[test]
fn every_change_to_the_largest_call_fits_into_the_journal() {
    let mut played = full_call();
    let all = OPEN_INSTANCES_PER_CALL_MAX;
    assert_eq!(played.open(Status::WaitingForCallEnd).len(), all);
    played.ask(
        ActorKind::ScriptEngine,
        Command::from(EndCall { call: key("full") }),
    );
    let Answer::Released(released) = &played.entries.last().unwrap().answer else {
        panic!("the call ends")
    };
    assert_eq!(released.len(), all, "all are released, some by a timer");
    let left = played.open(Status::WaitingForCallEnd).len();
    assert!(left > 0, "they need more than one entry");
    for _ in 0..left {
        played.elapse(Wake::Release);
        assert_eq!(played.entries.last().unwrap().kind, ChangeKind::Released);
    }
    assert_eq!(played.open(Status::Active).len(), all);

    let changes = CallChanges {
        agent: Some("Dana".into()),
        ..CallChanges::default()
    };
    played.ask(
        ActorKind::ScriptEngine,
        Command::from(UpdateCall {
            call: key("full"),
            changes,
            expected: None,
        }),
    );
    shows_the_agent(&mut played);
    let changes = CallChanges {
        chargeable: Some(false),
        ..CallChanges::default()
    };
    let fields = vec![("f1".into(), Value::Text("changed".into()))];
    let set = SetWorkflow {
        workflow: "huge-7".into(),
        fields,
        changes,
        ..setting("full", false)
    };
    played.ask(ActorKind::ScriptEngine, Command::from(set));
    assert_eq!(played.entries.last().unwrap().instances.len(), all);

    let items = BatchItems::named(played.open(Status::Active));
    let start = StartBatch {
        work: BatchWork::Move { stage: 1 },
        items,
        reason: wide(REASON_CHARS_MAX),
        per_second: 1_000,
    };
    played.ask(ActorKind::Operations, Command::from(start));
    let batch = played.world.root().sequence;
    for _ in 0..all {
        played.ask(ActorKind::Operations, Command::from(StepBatch { batch }));
    }
    masks(&mut played);
    assert!(
        played.largest() <= LOG_LIMITS.entry_bytes_max(),
        "{}",
        played.largest()
    );
    let expected = encode_world(&played.world);
    assert!(encode_world(&replayed(&played.entries)) == expected);
    let mut reader = SnapshotReader::new(Keeping::default());
    snapshot_frames(&WorldImage::take(&played.world, 0), |frame| {
        reader.frame(&frame)
    })
    .unwrap();
    assert!(encode_world(&reader.finish().unwrap().0) == expected);
}

/// Changes the agent of the call. Follow-ups that did not fit into that entry show it by a timer
/// that is due immediately.
fn shows_the_agent(played: &mut Played) {
    let is_left = |one: &InstanceId, played: &Played| {
        played
            .world
            .root()
            .instance(*one)
            .unwrap()
            .refresh_at()
            .is_some()
    };
    let open = played.open(Status::Active);
    let left = open.iter().filter(|one| is_left(one, played)).count();
    assert!(left > 0 && left < open.len(), "{left}");
    for _ in 0..left {
        played.elapse(Wake::Refresh);
        assert_eq!(
            played.entries.last().unwrap().instances[0].rewritten.len(),
            ACTIONS_PER_STAGE_MAX - 1
        );
    }
    for one in open {
        let instance = played.world.root().instance(one).unwrap();
        assert!(instance.refresh_at().is_none());
        assert!(
            instance
                .alerts
                .iter()
                .all(|alert| alert.text.starts_with("Dana xxx")),
            "{one}"
        );
    }
}

/// Erases the caller. Masking the call with its instances takes several entries.
fn masks(played: &mut Played) {
    let caller = CallerKey::new(
        &Caller {
            reference: "C-7".into(),
            ..Caller::default()
        },
        Country::NONE,
    )
    .unwrap();
    let (customer, reason) = ("".into(), wide(REASON_CHARS_MAX));
    let calls = calls_in_memory(played.world.root(), &caller, "");
    let erase = EraseCaller {
        customer,
        reason,
        calls,
        look: None,
        newest_file: 0,
        is_of_restore: false,
    };
    played.ask(ActorKind::Operations, Command::from(erase));
    let (erasure, mut steps) = (played.world.root().sequence, 0);
    while played.world.root().erasures[&erasure].state == ErasureState::Masking {
        played.ask(
            ActorKind::Operations,
            Command::from(StepErasure { erasure }),
        );
        assert_eq!(
            played.entries.last().unwrap().kind,
            ChangeKind::CallerErased
        );
        steps += 1;
    }
    assert!(steps > 1, "one entry is enough: the test is too small");
    let root = played.world.root();
    assert!(
        root.instances
            .iter()
            .flatten()
            .all(|one| one.fields.is_empty())
    );
    assert!(
        root.instances
            .iter()
            .flatten()
            .flat_map(|one| one.alerts.iter())
            .all(|alert| &*alert.text == ERASED)
    );
    assert_eq!(&*root.call(&key("full")).unwrap().caller.name, ERASED);
}

#[test]
fn many_large_versions_have_frames_of_bounded_size() {
    let mut played = Played::new();
    played.ask(
        ActorKind::Author,
        Command::from(ImportTeam {
            name: "care".into(),
            title: "Care".into(),
            expected: None,
            claim_next_only: None,
        }),
    );
    let alert = format!(
        "  - alert: {{ text: '{}', team: care }}\n",
        "x".repeat(TEXT_BYTES_MAX)
    );
    for version in 0..90 {
        let alerts = alert.repeat(ACTIONS_PER_STAGE_MAX - 1);
        let file = format!(
            "format: 1\nworkflow: wide\ntitle: Version {version}\non_new_call:\n{alerts}  - button: Done\n    then: [ finish: done ]\n"
        );
        publish(&mut played, &file, "wide");
    }
    let (mut frames, mut reader) = (Vec::new(), SnapshotReader::new(Keeping::default()));
    snapshot_frames(&WorldImage::take(&played.world, 0), |frame| {
        frames.push(frame.len());
        reader.frame(&frame)
    })
    .unwrap();
    let (largest, all) = (frames.iter().max().unwrap(), frames.iter().sum::<usize>());
    assert!(all > 16 << 20, "one frame would be enough: {all}");
    assert!(*largest < 1 << 20, "{largest}");
    assert!(encode_world(&reader.finish().unwrap().0) == encode_world(&played.world));
}
