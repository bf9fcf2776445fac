//! A fixed row of requests that uses every kind of change, every type of value and every action.

use aftercall_authoring::file;
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::batch::{BatchItems, BatchWork, StartBatch};
use aftercall_engine::call::{CallKey, Caller};
use aftercall_engine::command::{
    AcknowledgeAlert, AddNote, CallChanges, CancelInstance, ChaseInstance, ClaimInstance,
    ClaimNext, Command, Elapse, EndCall, ExtendClaim, HandOver, IfRunning, ImportTeam,
    ImportWorkflow, MoveInstance, PauseInstance, PublishWorkflow, PushButton, Release,
    ReleaseClaim, Request, RequestMark, SeenAlert, SetWorkflow, SnoozeAlert, SnoozeUntil,
    StepBatch, StopBatch, TakeOver, UndoPush, UpdateCall, WithdrawWorkflow,
};
use aftercall_engine::entry::Answer;
use aftercall_engine::filter::FollowUpFilter;
use aftercall_engine::instance::{InstanceId, Wake};
use aftercall_engine::query::{Claimable, never};
use aftercall_engine::recipient::Recipient;
use aftercall_engine::world::{Keeping, World};
use aftercall_engine::{Decision, Entry, decide};

use crate::first_written::{count_from_waking, forget, without_pause};

/// Every action, every type of field.
const WORKFLOW: &str = r#"
format: 1
workflow: sample
title: A sample of everything
deadline: 5d
fields:
  text: { type: text, required: true }
  number: { type: number }
  flag: { type: bool }
  moment: { type: time }
on_new_call:
  - alert:
      text: "{{ fields.text }} for {{ call.caller.name }}"
      team: care
      priority: urgent
      due: 4h
  - timer: { after: 2h, from: stage }
    id: late
    then:
      - alert: { text: Late, team: billing }
      - button: Again
        then:
          - link: { to: new-call, max: 2, else: give-up }
      - timer: { after: 30d, from: start }
        id: give-up
        then: [ finish: given-up ]
  - button: Done
    confirm: Is it done?
    note: required
    form:
      reference: { type: text, required: true }
    then: [ finish: done ]
"#;

/// A timer that is not like those of the first samples.
const WAITS: &str = "
format: 1
workflow: waits
title: Waits
on_new_call:
  - timer: { after: 1h, wait-for-claim: true }
    then: [ finish: late ]
";

/// An alert that is not like those of the samples before.
const CLIMBS: &str = "
format: 1
workflow: climbs
title: Climbs
on_new_call:
  - alert:
      text: Ring
      team: care
      due: 4h
      escalate:
        - { at: 25%, priority: raise, add-team: billing }
        - { at: due, priority: urgent }
        - { after: 1h, every: 30m, times: 3, team: billing }
  - button: Rang
    then:
      - alert: { text: Write, team: care, due: 1h, escalate: [ { at: due, team: billing } ] }
      - button: Wrote
        then: [ finish: written ]
";

/// Where the scenario stands in time, in milliseconds.
const START: i64 = 1_795_000_000_000;

/// The World at the end, and all entries.
pub(crate) struct Played {
    pub(crate) world: World,
    pub(crate) entries: Vec<Entry>,
    pub(crate) now: i64,
    /// Whether timers say when their wait is over, and hand-overs to whom: the first servers did
    /// not write that.
    pub(crate) keeps_waits: bool,
    pub(crate) keeps_recipients: bool,
}

/// Plays the scenario.
pub(crate) fn play() -> Played {
    let mut played = Played::new();
    define(&mut played);
    run(&mut played);
    end(&mut played);
    played
}

/// Plays what came after the first samples were frozen, on top of the scenario.
pub(crate) fn play_on() -> Played {
    let mut played = play();
    let seen = played.ask(ActorKind::ScriptEngine, set("4", false));
    let command = Command::from(AcknowledgeAlert {
        instance: seen,
        alert: seen_alert(1, 1, 0),
    });
    played.ask(ActorKind::Person, command);
    played
}

/// Plays claims, on top of that.
pub(crate) fn play_claims() -> Played {
    let (mut played, lease_millis) = (play_on(), 900_000);
    let held = played.ask(ActorKind::ScriptEngine, set("5", false));
    played.ask(
        ActorKind::Person,
        Command::from(ClaimInstance {
            instance: held,
            lease_millis,
        }),
    );
    played.ask(
        ActorKind::Person,
        Command::from(ExtendClaim {
            instance: held,
            lease_millis: 2 * lease_millis,
        }),
    );
    played.ask(
        ActorKind::Person,
        Command::from(ReleaseClaim { instance: held }),
    );
    let filter = FollowUpFilter::default();
    let found = Claimable::search(played.world.root(), &filter, Time(played.now), &never).unwrap();
    let candidates = found.candidates().to_vec();
    let next = Command::from(ClaimNext {
        filter,
        candidates,
        lease_millis,
    });
    let next = played.ask(ActorKind::Person, next);
    let reason = "Ann is ill".into();
    let take_over = Command::from(TakeOver {
        instance: next,
        lease_millis,
        reason,
    });
    played.ask_and("Ben", (ActorKind::Person, take_over), |_| {});
    played.now += lease_millis;
    let due = played.world.timers().earliest().unwrap();
    assert_eq!(due.wake(), Wake::Lapse);
    played.ask(
        ActorKind::Timer,
        Command::from(Elapse {
            due: due.due,
            slot: due.slot,
            wake: due.wake(),
        }),
    );
    // What stays held goes into the snapshot.
    played.ask(
        ActorKind::Person,
        Command::from(ClaimInstance {
            instance: held,
            lease_millis,
        }),
    );
    played.ask(
        ActorKind::Person,
        Command::from(AddNote {
            instance: held,
            text: "on it".into(),
        }),
    );
    let to = Recipient::Team { team: 1 };
    played.ask(
        ActorKind::Person,
        Command::from(HandOver {
            instance: next,
            to,
            reason: "".into(),
        }),
    );
    publish(&mut played, WAITS, "waits");
    played.ask(
        ActorKind::ScriptEngine,
        Command::from(SetWorkflow {
            workflow: "waits".into(),
            fields: Vec::new(),
            ..setting("6", false)
        }),
    );
    played
}

/// Plays what is done at a desk besides claims, on top of that.
pub(crate) fn play_desk() -> Played {
    let mut played = play_claims();
    publish(&mut played, CLIMBS, "climbs");
    let id = start_climbing(&mut played);
    played.elapse(Wake::Escalate(0));
    let snooze = |until: SnoozeUntil| {
        Command::from(SnoozeAlert {
            instance: id,
            alert: seen_alert(1, 1, 1),
            until,
            outcome: "no-answer".into(),
            note: "engaged".into(),
        })
    };
    played.ask(ActorKind::Person, snooze(SnoozeUntil::For(600_000)));
    played.elapse(Wake::Return(0));
    let until = Some(Time(played.now + 900_000));
    let reason: Box<str> = "waits for a part".into();
    played.ask(
        ActorKind::Person,
        Command::from(PauseInstance {
            instance: id,
            until,
            reason: reason.clone(),
            expected: None,
        }),
    );
    played.elapse_as_first_written(Wake::Resume);
    played.ask(
        ActorKind::ScriptEngine,
        Command::from(ChaseInstance {
            instance: id,
            note: "still nothing".into(),
        }),
    );
    let before = played.world.root().instance(id).unwrap().clone();
    let pushed_at = Time(played.now + 1_000);
    played.ask(ActorKind::Person, push(id, "rang", 1, &[]));
    played.ask(
        ActorKind::Person,
        Command::from(UndoPush {
            instance: id,
            sequence: played.world.root().sequence,
            pushed_by: "Ann Árbol".into(),
            pushed_at,
            before,
            within_millis: 300_000,
            as_supervisor: false,
            reason: "a slip".into(),
        }),
    );
    played.ask(
        ActorKind::Operations,
        Command::from(MoveInstance {
            instance: id,
            stage: 2,
            reason: reason.clone(),
            expected: None,
        }),
    );
    // What stays snoozed and paused goes into the snapshot.
    let put_off = Command::from(SnoozeAlert {
        instance: id,
        alert: seen_alert(2, 2, 1),
        until: SnoozeUntil::Days(2),
        outcome: "".into(),
        note: "".into(),
    });
    played.ask(ActorKind::Person, put_off);
    played.ask(
        ActorKind::Person,
        Command::from(PauseInstance {
            instance: id,
            until: None,
            reason,
            expected: None,
        }),
    );
    played
}

/// Plays batches, on top of that.
pub(crate) fn play_batches() -> Played {
    let mut played = play_desk();
    let open: Vec<InstanceId> = played
        .world
        .root()
        .instances
        .iter()
        .flatten()
        .map(|one| one.id)
        .collect();
    let works = [
        BatchWork::Move { stage: 1 },
        BatchWork::Pause {
            until: Some(Time(START + 9_000_000)),
        },
        BatchWork::Resume,
        BatchWork::HandOver(Recipient::Person {
            name: "Ben".into(),
            lease_millis: 900_000,
        }),
        BatchWork::HandOver(Recipient::Team { team: 1 }),
        BatchWork::Cancel,
    ];
    let mut newest = 0;
    for work in works {
        let items = BatchItems::named(open.iter().rev().take(2).copied());
        let start = StartBatch {
            work,
            items,
            reason: "a drill".into(),
            per_second: 10,
        };
        played.ask(ActorKind::Operations, Command::from(start));
        newest = played.world.root().sequence;
        played.ask_and(
            "Ann Árbol",
            (
                ActorKind::Operations,
                Command::from(StepBatch { batch: newest }),
            ),
            without_pause,
        );
    }
    // The first servers did not write down how far it had come.
    let stop = (
        ActorKind::Operations,
        Command::from(StopBatch {
            batch: newest,
            reason: "enough".into(),
        }),
    );
    played.ask_and("Ann Árbol", stop, |entry| entry.answer = Answer::Done);
    // What is refused is told, and what runs on goes into the snapshot.
    let items = BatchItems::named(open.iter().take(2).copied());
    let start = StartBatch {
        work: BatchWork::Cancel,
        items,
        reason: "a drill".into(),
        per_second: 10,
    };
    played.ask(ActorKind::Operations, Command::from(start));
    played.ask(
        ActorKind::Operations,
        Command::from(StepBatch {
            batch: played.world.root().sequence,
        }),
    );
    played
}

fn start_climbing(played: &mut Played) -> InstanceId {
    let mut setting = SetWorkflow {
        workflow: "climbs".into(),
        fields: Vec::new(),
        ..setting("7", false)
    };
    let caller = Caller {
        time_zone: "Europe/Berlin".into(),
        ..setting.changes.caller.unwrap()
    };
    setting.changes.caller = Some(caller);
    played.ask(ActorKind::ScriptEngine, Command::from(setting))
}

fn define(played: &mut Played) {
    for name in ["care", "billing"] {
        let title = format!("Team {name}").into();
        played.ask(
            ActorKind::Author,
            Command::from(ImportTeam {
                name: name.into(),
                title,
                expected: None,
            }),
        );
    }
    publish(played, WORKFLOW, "sample");
}

pub(crate) fn publish(played: &mut Played, file: &str, name: &str) {
    let definition = file::read(file, None).unwrap();
    let import = Command::from(ImportWorkflow {
        definition: Box::new(definition),
        expected: None,
    });
    played.ask(ActorKind::Author, import);
    played.ask(
        ActorKind::Author,
        Command::from(PublishWorkflow {
            name: name.into(),
            expected: None,
            validated: None,
        }),
    );
}

fn run(played: &mut Played) {
    let first = played.ask(ActorKind::ScriptEngine, set("1", false));
    played.ask(ActorKind::ScriptEngine, set("1", false));
    played.ask(ActorKind::ScriptEngine, set("2", true));
    played.ask(
        ActorKind::Person,
        Command::from(AddNote {
            instance: first,
            text: "rang, nobody there".into(),
        }),
    );
    let changes = CallChanges {
        customer: Some("other".into()),
        chargeable: Some(true),
        ..CallChanges::default()
    };
    played.ask(
        ActorKind::ScriptEngine,
        Command::from(UpdateCall {
            call: key("1"),
            changes,
            expected: None,
        }),
    );
    played.ask(
        ActorKind::ScriptEngine,
        Command::from(EndCall { call: key("2") }),
    );
    played.now += 2 * 3_600_000;
    let wake = played.world.timers().earliest().unwrap().wake();
    played.elapse_as_first_written(wake);
    played.ask(ActorKind::Person, push(first, "again", 1, &[]));
}

fn end(played: &mut Played) {
    let first = played.world.root().instance_at(0).unwrap().id;
    played.ask(
        ActorKind::Person,
        push(
            first,
            "done",
            2,
            &[("reference", Value::Text("R-1".into()))],
        ),
    );
    let replaced = Command::from(SetWorkflow {
        if_running: IfRunning::Replace,
        ..setting("2", false)
    });
    let newest = played.ask(ActorKind::ScriptEngine, replaced);
    let reason: Box<str> = "not wanted any more".into();
    played.ask(
        ActorKind::Operations,
        Command::from(CancelInstance {
            instance: newest,
            reason: reason.clone(),
            expected: None,
        }),
    );
    let taken_back = played.ask(ActorKind::ScriptEngine, set("3", true));
    played.ask(
        ActorKind::ScriptEngine,
        Command::from(WithdrawWorkflow {
            instance: taken_back,
            reason,
            expected: None,
            worked: false,
        }),
    );
}

impl Played {
    /// Nothing has happened yet.
    pub(crate) fn new() -> Self {
        let world = World::new(Keeping::default());
        Self {
            world,
            entries: Vec::new(),
            now: START,
            keeps_waits: false,
            keeps_recipients: false,
        }
    }

    /// Asks, applies, and gives the instance that the entry names first.
    pub(crate) fn ask(&mut self, kind: ActorKind, command: Command) -> InstanceId {
        self.ask_and("Ann Árbol", (kind, command), |_| {})
    }

    /// Lets the next of this kind come that comes by itself.
    pub(crate) fn elapse(&mut self, wake: Wake) {
        let key = self
            .world
            .timers()
            .due(Time::NEVER)
            .find(|key| key.wake() == wake)
            .unwrap();
        self.now = self.now.max(key.due.0);
        self.ask(
            ActorKind::Timer,
            Command::from(Elapse {
                due: key.due,
                slot: key.slot,
                wake,
            }),
        );
    }

    /// The same as the first servers wrote it: with them clocks counted from when a timer woke, and
    /// not from when it was due.
    fn elapse_as_first_written(&mut self, wake: Wake) {
        let key = self
            .world
            .timers()
            .due(Time::NEVER)
            .find(|key| key.wake() == wake)
            .unwrap();
        self.now = self.now.max(key.due.0);
        let elapse = Command::from(Elapse {
            due: key.due,
            slot: key.slot,
            wake,
        });
        self.ask_and("Ann Árbol", (ActorKind::Timer, elapse), |entry| {
            count_from_waking(entry, key.due);
        });
    }

    pub(crate) fn ask_and(
        &mut self,
        name: &str,
        (kind, command): (ActorKind, Command),
        change: impl Fn(&mut Entry),
    ) -> InstanceId {
        self.now += 1_000;
        let nth = self.entries.len() as u64 + 1;
        let mark = RequestMark {
            key: u128::from(nth) << 70 | 7,
            fingerprint: nth.wrapping_mul(0x9E37_79B9_7F4A_7C15),
        };
        let actor = Actor {
            kind,
            name: name.into(),
        };
        let request = Request {
            actor,
            mark: Some(mark),
            salt: 0xBEEF,
            known: None,
            command,
        };
        let Ok(Decision::Commit(mut entry)) = decide(&self.world, &request, Time(self.now)) else {
            panic!("{request:?} is carried out")
        };
        change(&mut entry);
        forget(&mut entry, (!self.keeps_waits, !self.keeps_recipients));
        self.world.apply(&entry).unwrap();
        let id = entry.instances.last().map(|change| change.after.id());
        self.entries.push(*entry);
        id.unwrap_or(InstanceId {
            made_at: 0,
            slot: 0,
            salt: 0,
        })
    }
}

fn seen_alert(stage: u32, visit: u32, urgency_count: u32) -> SeenAlert {
    SeenAlert {
        stage,
        visit,
        action: 0,
        urgency_count,
        team: None,
    }
}

pub(crate) fn key(id: &str) -> CallKey {
    CallKey {
        source: "scripts".into(),
        id: id.into(),
    }
}

fn set(call: &str, release_at_call_end: bool) -> Command {
    Command::from(setting(call, release_at_call_end))
}

pub(crate) fn setting(call: &str, release_at_call_end: bool) -> SetWorkflow {
    let caller = Caller {
        name: "Bea".into(),
        phone: "+44 20 7946 0000".into(),
        email: "bea@example.com".into(),
        reference: "C-7".into(),
        time_zone: "".into(),
    };
    SetWorkflow {
        call: key(call),
        changes: CallChanges {
            customer: Some("acme".into()),
            script: Some("refunds".into()),
            agent: Some("Cem".into()),
            caller: Some(caller),
            replace_caller: false,
            chargeable: Some(true),
            details: vec![("order".into(), "4711".into())],
            replace_details: false,
        },
        workflow: "sample".into(),
        version: None,
        fields: vec![
            ("text".into(), Value::Text("Refund".into())),
            ("number".into(), Value::Number(12.5)),
            ("flag".into(), Value::Bool(true)),
            ("moment".into(), Value::Time(Time(START))),
        ],
        release: release_at_call_end.then_some(Release::CallEnded),
        release_within_millis: release_at_call_end.then_some(7 * 86_400_000),
        if_running: IfRunning::ReturnIt,
    }
}

pub(crate) fn push(
    instance: InstanceId,
    button: &str,
    visit: u32,
    form: &[(&str, Value)],
) -> Command {
    let form = form
        .iter()
        .map(|(name, value)| ((*name).into(), value.clone()))
        .collect();
    let (button, note) = (button.into(), "because".into());
    Command::from(PushButton {
        instance,
        button,
        stage: None,
        visit,
        note,
        form,
    })
}
