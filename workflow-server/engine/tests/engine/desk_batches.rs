//! Tests batches of people at their desks: pushes, snoozes and claims.

use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_engine::Rejection;
use aftercall_engine::batch::{BatchItems, BatchPush, BatchState, BatchWork, StartBatch};
use aftercall_engine::command::{Command, MoveInstance, StepBatch};
use aftercall_engine::entry::ChangeKind;
use aftercall_engine::instance::InstanceId;
use aftercall_engine::limits::BATCHES_KEPT;
use aftercall_engine::mask::for_history;

use crate::desk::{Desk, MINUTE};

const WORKFLOW: &str = "
format: 1
workflow: repair
title: Repair
on_new_call:
  - alert: { text: Ring, team: care }
  - alert: { text: Write, team: billing }
  - button: Rang
    note: required
    then:
      - alert: { text: Close, team: care }
      - button: Close
        then: [ finish: closed ]
";

fn starting(work: BatchWork, ids: &[InstanceId]) -> Command {
    Command::from(StartBatch {
        work,
        items: BatchItems::named(ids.iter().copied()),
        reason: "all were reached".into(),
        per_second: 100,
    })
}

fn push(button: &str) -> BatchWork {
    BatchWork::Push(BatchPush {
        button: button.into(),
        stage: 1,
        visits: [].into(),
        form: [].into(),
    })
}

const ASKING: &str = "
format: 1
workflow: repair
title: Repair
on_new_call:
  - alert: { text: Ring, team: care }
  - button: Rang
    form: { by: { type: text, required: true, max: 9 }, at: { type: number } }
    then: [ finish: rang ]
";

fn push_form(form: &[(&str, Value)]) -> BatchWork {
    let form = form.iter();
    BatchWork::Push(BatchPush {
        button: "rang".into(),
        stage: 1,
        visits: [].into(),
        form: form
            .map(|(name, value)| ((*name).into(), value.clone()))
            .collect(),
    })
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

impl Desk {
    fn form_of(&self, batch: u64) -> usize {
        match &self.world.root().batches[&batch].work {
            BatchWork::Push(push) => push.form.len(),
            other => panic!("{other:?}"),
        }
    }

    fn start_batch(&mut self, who: &str, work: BatchWork, ids: &[InstanceId]) -> u64 {
        self.ask(who, starting(work, ids)).unwrap();
        self.world.root().sequence
    }

    /// Does all items; returns why items were refused, by their places.
    fn run_batch(&mut self, who: &str, batch: u64) -> Vec<(u32, String)> {
        let step = Command::from(StepBatch { batch });
        while self.world.root().batches[&batch].state == BatchState::Running {
            self.ask(who, step.clone()).unwrap();
        }
        let refused = self.world.root().batches[&batch].refused.iter();
        let refused = refused.map(|refused| (refused.item, refused.reason.to_string()));
        refused.collect()
    }

    fn move_to(&mut self, id: InstanceId, stage: u32) {
        let command = MoveInstance {
            instance: id,
            stage,
            reason: "a mistake".into(),
            expected: None,
        };
        self.ask("ops", Command::from(command)).unwrap();
    }
}

#[test]
fn each_item_is_pushed_at_its_visit_at_the_start() {
    let mut desk = Desk::new(WORKFLOW);
    let ids = ["1", "2", "3", "4", "5"].map(|call| desk.set(call, call != "5"));
    // The second visit of the stage is as good as the first.
    desk.move_to(ids[0], 1);
    desk.claim("ben", ids[1]).unwrap();
    let batch = desk.start_batch("ann", push("rang"), &ids);
    // These change between the start and their turn.
    desk.move_to(ids[2], 2);
    desk.move_to(ids[3], 2);
    desk.move_to(ids[3], 1);
    let refused = [
        (1, "CLAIMED_BY_ANOTHER"),
        (2, "STALE_VISIT"),
        (3, "STALE_VISIT"),
        (4, "NOT_VISIBLE"),
    ];
    let refused = refused.map(|(item, reason)| (item, reason.to_owned()));
    assert_eq!(desk.run_batch("ann", batch), refused);
    let stages = ids.map(|id| desk.instance(id).stage);
    assert_eq!(stages, [2, 1, 2, 1, 1]);
    let first = desk.instance(ids[0]);
    let notes = "the reason of the move, and the note of the push";
    assert_eq!((first.notes, first.visit()), (2, 1), "{notes}");
}

#[test]
fn a_push_without_its_button_or_note_is_refused() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    let batch = desk.start_batch("ann", push("wrote"), &[id]);
    assert_eq!(
        desk.run_batch("ann", batch),
        [(0, "NO_SUCH_BUTTON".to_owned())]
    );
    let without = StartBatch {
        work: push("rang"),
        items: BatchItems::named([id]),
        reason: "".into(),
        per_second: 100,
    };
    desk.ask("ann", Command::from(without)).unwrap();
    let batch = desk.world.root().sequence;
    assert_eq!(desk.run_batch("ann", batch), [(0, "INVALID".to_owned())]);
    assert_eq!(desk.instance(id).stage, 1);
}

#[test]
fn a_snooze_hides_all_alerts_and_shortens_none() {
    let mut desk = Desk::new(WORKFLOW);
    let ids = ["1", "2"].map(|call| desk.set(call, true));
    let until = |desk: &Desk, minutes: i64| Time(desk.now.0 + minutes * MINUTE);
    let snooze = |until: Time| BatchWork::Snooze { until };
    let (short, long) = (until(&desk, 10), until(&desk, 60));
    let batch = desk.start_batch("ann", snooze(long), &ids[..1]);
    assert_eq!(desk.run_batch("ann", batch), []);
    let batch = desk.start_batch("ann", snooze(short), &ids);
    assert_eq!(desk.run_batch("ann", batch), []);
    let ends = |desk: &Desk, id| -> Vec<Time> {
        let alerts = desk.instance(id).alerts.iter();
        alerts
            .filter_map(|alert| Some(alert.snooze.as_ref()?.until))
            .collect()
    };
    assert_eq!(ends(&desk, ids[0]), [long, long]);
    assert_eq!(ends(&desk, ids[1]), [short, short]);
    assert_eq!(desk.instance(ids[0]).notes, 1, "the second changed nothing");
    assert_eq!(desk.pass(10 * MINUTE), [ChangeKind::AlertReturned; 2]);
    let batch = desk.start_batch("ann", snooze(short), &ids);
    let late = |item: u32| (item, "INVALID".to_owned());
    assert_eq!(desk.run_batch("ann", batch), [late(0), late(1)]);
}

#[test]
fn a_person_runs_one_batch_beside_those_of_operations() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    let claim = || {
        starting(
            BatchWork::Claim {
                lease_millis: 15 * MINUTE,
            },
            &[id],
        )
    };
    desk.ask("ann", claim()).unwrap();
    let first = desk.world.root().sequence;
    let refused = desk.ask("ann", claim());
    assert!(
        matches!(refused, Err(Rejection::Limit { max: 1, .. })),
        "{refused:?}"
    );
    for nth in 2..=8 {
        desk.ask(&format!("p{nth}"), claim()).unwrap();
    }
    let refused = desk.ask("p9", claim());
    assert!(
        matches!(refused, Err(Rejection::Limit { max: 8, .. })),
        "{refused:?}"
    );
    desk.ask("ops", starting(BatchWork::Resume, &[id])).unwrap();
    assert_eq!(desk.run_batch("ann", first), []);
    assert_eq!(desk.holder(id), "ann");
    desk.ask("ann", claim()).unwrap();
}

#[test]
fn batches_of_people_do_not_displace_those_of_operations() {
    let mut desk = Desk::new(WORKFLOW);
    let oldest = desk.start_batch("ops", BatchWork::Resume, &[]);
    let first = desk.start_batch(
        "ann",
        BatchWork::Claim {
            lease_millis: MINUTE,
        },
        &[],
    );
    for _ in 0..BATCHES_KEPT {
        desk.start_batch(
            "ann",
            BatchWork::Claim {
                lease_millis: MINUTE,
            },
            &[],
        );
    }
    let batches = &desk.world.root().batches;
    assert!(
        batches.contains_key(&oldest),
        "it is the only one of operations"
    );
    assert!(!batches.contains_key(&first));
    assert_eq!(batches.len(), BATCHES_KEPT + 1);
}

#[test]
fn a_form_is_for_each_item_and_forgotten_afterwards() {
    let mut desk = Desk::new(ASKING);
    let ids = ["1", "2", "3"].map(|call| desk.set(call, true));
    desk.claim("ben", ids[1]).unwrap();
    let start = starting(
        push_form(&[("by", text("Xanthippe")), ("at", Value::Number(5.0))]),
        &ids,
    );
    let (entry, _) = desk.entry("ann", start).unwrap();
    let entry = std::sync::Arc::new(entry.unwrap());
    assert!(format!("{entry:?}").contains("Xanthippe"));
    let kept = for_history(entry.clone());
    assert!(!format!("{kept:?}").contains("Xanthippe") && kept.answer == entry.answer);
    let batch = entry.sequence;
    assert_eq!(desk.form_of(batch), 2);
    let step = Command::from(StepBatch { batch });
    let (pushed, _) = desk.entry("ann", step).unwrap();
    assert_eq!(
        pushed.unwrap().details.values[0],
        ("by".into(), text("Xanthippe"))
    );
    assert_eq!(
        desk.run_batch("ann", batch),
        [(1, "CLAIMED_BY_ANOTHER".to_owned())]
    );
    assert_eq!(desk.form_of(batch), 0);
    assert!(desk.instance(ids[2]).status.is_ended());
}

#[test]
fn an_item_refuses_a_form_that_is_not_its_own() {
    let mut desk = Desk::new(ASKING);
    let id = desk.set("1", true);
    for form in [
        &[][..],
        &[("by", text("somebody else"))],
        &[("by", text("Ann")), ("when", text("now"))],
    ] {
        let batch = desk.start_batch("ann", push_form(form), &[id]);
        assert_eq!(desk.run_batch("ann", batch), [(0, "INVALID".to_owned())]);
    }
    let long = starting(push_form(&[("by", text(&"x".repeat(5_000)))]), &[id]);
    let refused = desk.ask("ann", long);
    assert!(matches!(refused, Err(Rejection::Invalid(_))), "{refused:?}");
}

#[test]
fn an_erasure_stops_batches_with_a_form_for_the_caller() {
    let mut desk = Desk::new(ASKING);
    let ids = ["1", "2"].map(|call| desk.set(call, true));
    let named = desk.start_batch("ann", push_form(&[("by", text("Ada"))]), &ids);
    let other = desk.start_batch("ben", push_form(&[("by", text("Bea"))]), &ids[1..]);
    let plain = desk.start_batch("cem", push("rang"), &ids);
    crate::erasing::erase_call(&mut desk, "1");
    let state = |batch: u64| desk.world.root().batches[&batch].state;
    assert_eq!(
        (state(named), desk.form_of(named)),
        (BatchState::Stopped, 0)
    );
    assert_eq!(
        (state(other), desk.form_of(other)),
        (BatchState::Running, 1)
    );
    assert_eq!(state(plain), BatchState::Running);
}
