//! A fixed list of requests with every kind of change, every type of value and every action.

mod played;

use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::batch::{BatchItems, BatchWork, StartBatch};
use aftercall_engine::call::Caller;
use aftercall_engine::command::{
    AcknowledgeAlert, AddNote, CallChanges, CancelInstance, ChaseInstance, ClaimInstance,
    ClaimNext, Command, Elapse, EndCall, ExtendClaim, HandOver, IfRunning, ImportTeam,
    MoveInstance, PauseInstance, ReleaseClaim, SetWorkflow, SnoozeAlert, SnoozeUntil, StepBatch,
    StopBatch, TakeOver, UndoPush, UpdateCall, WithdrawWorkflow,
};
use aftercall_engine::entry::Answer;
use aftercall_engine::filter::FollowUpFilter;
use aftercall_engine::instance::{InstanceId, Wake};
use aftercall_engine::query::{Claimable, never};
use aftercall_engine::recipient::Recipient;

pub(crate) use self::played::{Played, key, publish, push, seen_alert, setting};
use self::played::{START, set};
use crate::first_written::without_pause;

/// Has every action and every type of field.
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

/// A timer that differs from those of the first samples.
const WAITS: &str = "
format: 1
workflow: waits
title: Waits
on_new_call:
  - timer: { after: 1h, wait-for-claim: true }
    then: [ finish: late ]
";

/// An alert that differs from those of the earlier samples.
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

/// Plays the scenario.
pub(crate) fn play() -> Played {
    let mut played = Played::new();
    define(&mut played);
    run(&mut played);
    end(&mut played);
    played
}

/// Then plays the changes that were added after the first samples.
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

/// Then plays claims.
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
    // A claim that is still held goes into the snapshot.
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

/// Then plays the work at a desk, apart from claims.
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
            pushed_by_subject: None,
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
    // What is still snoozed and paused goes into the snapshot.
    let snooze = Command::from(SnoozeAlert {
        instance: id,
        alert: seen_alert(2, 2, 1),
        until: SnoozeUntil::Days(2),
        outcome: "".into(),
        note: "".into(),
    });
    played.ask(ActorKind::Person, snooze);
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

/// Then plays batches.
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
    // The first servers did not write the progress of the batch.
    let stop = (
        ActorKind::Operations,
        Command::from(StopBatch {
            batch: newest,
            reason: "enough".into(),
        }),
    );
    played.ask_and("Ann Árbol", stop, |entry| entry.answer = Answer::Done);
    // A refused item is in the answer. A batch that still runs goes into the snapshot.
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
                claim_next_only: None,
            }),
        );
    }
    publish(played, WORKFLOW, "sample");
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
