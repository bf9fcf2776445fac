//! Tests work on a follow-up: escalation, snooze, pause, undo, chase and move, alone and together.

mod escalating;
mod unattended;
mod undoing;

use std::sync::Arc;

use aftercall_definition::model::Priority;
use aftercall_definition::time::Time;
use aftercall_engine::call::{CallKey, Caller};
use aftercall_engine::command::{
    AcknowledgeAlert, CallChanges, CancelInstance, ChaseInstance, Command, MoveInstance,
    PauseInstance, ResumeInstance, SeenAlert, SnoozeAlert, SnoozeUntil, UndoPush, UpdateCall,
};
use aftercall_engine::entry::{Answer, ChangeKind};
use aftercall_engine::filter::FollowUpFilter;
use aftercall_engine::instance::{Instance, InstanceId, Status};
use aftercall_engine::query::{StuckReason, list_follow_ups, never, stuck};
use aftercall_engine::{Reach, Rejection};

use crate::desk::{Desk, MINUTE};

const HOUR: i64 = 60 * MINUTE;

const WORKFLOW: &str = r#"
format: 1
workflow: repair
title: Repair
deadline: 2d
on_new_call:
  - alert:
      text: Ring
      team: care
      due: 4h
      escalate:
        - { at: 50%, priority: raise }
        - { at: due, priority: urgent, team: leads }
        - { after: 1h, every: 2h, times: 2, add-team: billing }
  - button: Again
    then:
      - alert: { text: Ring again, team: care }
      - button: Done
        then: [ finish: done ]
      - timer: 1h
        id: late
        then: [ link: new-call ]
"#;

impl Desk {
    /// The first alert as it is now.
    fn seen(&self, id: InstanceId) -> SeenAlert {
        let instance = self.instance(id);
        let urgency_count = instance
            .alerts
            .first()
            .map_or(0, |alert| instance.urgency_count(alert));
        SeenAlert {
            stage: instance.stage,
            visit: instance.visit(),
            action: 0,
            urgency_count,
            team: None,
        }
    }

    fn snooze(
        &mut self,
        who: &str,
        id: InstanceId,
        until: SnoozeUntil,
        outcome: &str,
    ) -> Result<Answer, Rejection> {
        let snooze = SnoozeAlert {
            instance: id,
            alert: self.seen(id),
            until,
            outcome: outcome.into(),
            note: "".into(),
        };
        self.ask(who, Command::from(snooze))
    }

    fn pause(&mut self, id: InstanceId, until: Option<Time>) -> Result<Answer, Rejection> {
        self.ask(
            "Ann",
            Command::from(PauseInstance {
                instance: id,
                until,
                reason: "waits for a part".into(),
                expected: None,
            }),
        )
    }

    fn resume(&mut self, id: InstanceId) -> Result<Answer, Rejection> {
        self.ask(
            "Ann",
            Command::from(ResumeInstance {
                instance: id,
                note: "".into(),
                expected: None,
            }),
        )
    }

    /// Pushes a button. Returns the command that undoes the push.
    fn push_to_undo(&mut self, who: &str, id: InstanceId, button: &str) -> UndoPush {
        let before = Arc::new(self.instance(id).clone());
        self.push(who, id, button).unwrap();
        UndoPush {
            instance: id,
            sequence: self.instance(id).sequence,
            pushed_by: who.into(),
            pushed_by_subject: None,
            pushed_at: self.now,
            before,
            within_millis: 5 * MINUTE,
            as_supervisor: false,
            reason: "".into(),
        }
    }

    fn undo(&mut self, who: &str, undo: UndoPush) -> Result<Answer, Rejection> {
        self.ask(who, Command::from(undo))
    }

    fn listed(&self, filter: &FollowUpFilter) -> Vec<InstanceId> {
        let page =
            list_follow_ups(self.world.root(), filter, self.now, (None, 100), &never).unwrap();
        page.rows.iter().map(|row| row.instance.id).collect()
    }

    /// The teams of the first alert, its priority, and its number of escalations.
    fn alert(&self, id: InstanceId) -> (Vec<u32>, Priority, u16) {
        let alert = &self.instance(id).alerts[0];
        (alert.teams().collect(), alert.priority, alert.escalated)
    }
}

const CARE: u32 = 0;
const BILLING: u32 = 1;
const LEADS: u32 = 2;

#[test]
fn a_snoozed_alert_is_hidden_and_returns() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    desk.snooze("Ann", id, SnoozeUntil::For(HOUR), "no-answer")
        .unwrap();
    assert_eq!(desk.listed(&FollowUpFilter::default()), []);
    let attempts = desk.instance(id).attempts.clone().unwrap();
    assert_eq!(
        (attempts.times, &*attempts.outcome, &*attempts.by),
        (1, "no-answer", "Ann")
    );
    assert_eq!(desk.pass(HOUR), [ChangeKind::AlertReturned]);
    assert_eq!(desk.listed(&FollowUpFilter::default()), [id]);
    // A snooze stops no clock.
    desk.snooze("Ann", id, SnoozeUntil::For(2 * HOUR), "busy")
        .unwrap();
    assert_eq!(desk.pass(HOUR), [ChangeKind::Escalated]);
    assert_eq!(desk.instance(id).attempts.as_ref().unwrap().times, 2);
    assert_eq!(
        desk.listed(&FollowUpFilter::default()),
        [id],
        "an escalation ends the snooze"
    );
    desk.snooze("Ann", id, SnoozeUntil::For(HOUR), "").unwrap();
    desk.snooze("Ben", id, SnoozeUntil::Now, "").unwrap();
    assert_eq!(desk.listed(&FollowUpFilter::default()), [id]);
    assert_eq!(desk.pass(HOUR), [], "it does not return twice");
}

#[test]
fn a_snooze_counts_by_the_callers_clock() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    let caller = Caller {
        time_zone: "America/New_York".into(),
        ..Caller::default()
    };
    let call = CallKey {
        source: "scripts".into(),
        id: "1".into(),
    };
    let changes = CallChanges {
        caller: Some(caller),
        ..CallChanges::default()
    };
    desk.ask(
        "script",
        Command::from(UpdateCall {
            call,
            changes,
            expected: None,
        }),
    )
    .unwrap();
    // 2027-03-13T12:00 in New York, the day before its clocks change to summer time.
    desk.now = Time(1_804_957_200_000);
    let until =
        |desk: &Desk| desk.instance(id).alerts[0].snooze.as_ref().unwrap().until.0 - desk.now.0;
    desk.snooze("Ann", id, SnoozeUntil::Days(1), "").unwrap();
    assert_eq!(until(&desk), 23 * HOUR);
    desk.snooze("Ann", id, SnoozeUntil::For(24 * HOUR), "")
        .unwrap();
    assert_eq!(until(&desk), 24 * HOUR);
    desk.snooze("Ann", id, SnoozeUntil::Clock("09:00".into()), "")
        .unwrap();
    assert_eq!(until(&desk), 20 * HOUR);
    desk.snooze("Ann", id, SnoozeUntil::Clock("12:30".into()), "")
        .unwrap();
    assert_eq!(until(&desk), 30 * MINUTE);
    desk.snooze("Ann", id, SnoozeUntil::Clock("2027-03-14T02:30".into()), "")
        .unwrap();
    assert_eq!(
        until(&desk),
        14 * HOUR + 30 * MINUTE,
        "if the clock skips an hour, the next one counts"
    );
    for wrong in ["yesterday", "2027-03-14", "25:00", "2027-02-30T09:00", ""] {
        let refused = desk.snooze("Ann", id, SnoozeUntil::Clock(wrong.into()), "");
        assert!(
            matches!(refused, Err(Rejection::Invalid(_))),
            "{wrong}: {refused:?}"
        );
    }
    let past = desk.snooze("Ann", id, SnoozeUntil::Clock("2027-03-13T11:00".into()), "");
    assert!(matches!(past, Err(Rejection::Invalid(_))));
}

#[test]
fn only_the_holder_snoozes_and_pauses_a_claimed_instance() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    desk.claim("Ben", id).unwrap();
    assert!(matches!(
        desk.snooze("Ann", id, SnoozeUntil::For(HOUR), ""),
        Err(Rejection::ClaimedByAnother(_))
    ));
    assert!(matches!(
        desk.pause(id, None),
        Err(Rejection::ClaimedByAnother(_))
    ));
    let by_ops = Command::from(PauseInstance {
        instance: id,
        until: None,
        reason: "audit".into(),
        expected: None,
    });
    desk.ask("ops", by_ops).unwrap();
}

#[test]
fn a_pause_stops_all_clocks_and_delays_them() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    desk.pass(HOUR);
    desk.pause(id, None).unwrap();
    assert_eq!(desk.instance(id).status, Status::Paused);
    assert!(matches!(
        desk.push("Ann", id, "again"),
        Err(Rejection::IllegalMove { .. })
    ));
    assert_eq!(desk.pass(100 * HOUR), []);
    assert!(!desk.instance(id).is_overdue(desk.now));
    assert_eq!(
        desk.listed(&FollowUpFilter::default()),
        [id],
        "people see paused instances"
    );
    let other = desk.set("2", true);
    assert_eq!(
        desk.listed(&FollowUpFilter::default()),
        [other, id],
        "but after the ones that they can work on"
    );
    desk.resume(id).unwrap();
    assert_eq!(desk.pass(HOUR - 1), []);
    assert_eq!(
        desk.pass(1),
        [ChangeKind::Escalated],
        "one hour was left until half of the time"
    );
    assert_eq!(
        desk.instance(id).deadline.unwrap().0 - desk.now.0,
        46 * HOUR
    );
    assert!(matches!(
        desk.resume(id),
        Err(Rejection::IllegalMove { .. })
    ));
}

#[test]
fn a_pause_with_an_end_ends_automatically() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    let past = desk.now;
    assert!(matches!(
        desk.pause(id, Some(past)),
        Err(Rejection::Invalid(_))
    ));
    let until = Time(desk.now.0 + 3 * HOUR);
    desk.pause(id, Some(until)).unwrap();
    assert_eq!(desk.pass(3 * HOUR), [ChangeKind::Resumed]);
    assert_eq!(
        (desk.instance(id).status, desk.instance(id).alerts[0].due),
        (Status::Active, Some(Time(desk.now.0 + 4 * HOUR)))
    );
}

#[test]
fn a_chased_alert_is_more_urgent_and_unseen() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    desk.snooze("Ann", id, SnoozeUntil::For(HOUR), "").unwrap();
    let chase = || {
        Command::from(ChaseInstance {
            instance: id,
            note: "where is my money?".into(),
        })
    };
    let alert = desk.seen(id);
    desk.ask("script", chase()).unwrap();
    let refused = desk.ask(
        "Ann",
        Command::from(AcknowledgeAlert {
            instance: id,
            alert,
        }),
    );
    assert!(
        matches!(refused, Err(Rejection::AlertEscalated(_))),
        "she has not seen that the caller asked again"
    );
    assert_eq!(
        (
            desk.instance(id).chases,
            desk.alert(id).1,
            desk.instance(id).notes
        ),
        (1, Priority::High, 1)
    );
    assert_eq!(desk.listed(&FollowUpFilter::default()), [id]);
    desk.ask("script", chase()).unwrap();
    desk.ask("script", chase()).unwrap();
    assert_eq!(
        (desk.instance(id).chases, desk.alert(id).1),
        (3, Priority::Urgent)
    );
    desk.ask(
        "ops",
        Command::from(CancelInstance {
            instance: id,
            reason: "done".into(),
            expected: None,
        }),
    )
    .unwrap();
    assert!(matches!(
        desk.ask("script", chase()),
        Err(Rejection::IllegalMove { .. })
    ));
}

#[test]
fn operations_move_an_instance_to_any_stage() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    let to = |stage: u32| {
        Command::from(MoveInstance {
            instance: id,
            stage,
            reason: "mistake".into(),
            expected: None,
        })
    };
    assert!(matches!(
        desk.ask("ops", to(9)),
        Err(Rejection::NoSuchStage { stage: 9, .. })
    ));
    desk.pause(id, None).unwrap();
    desk.ask("ops", to(2)).unwrap();
    let instance: &Instance = desk.instance(id);
    assert_eq!(
        (instance.stage, instance.status, instance.pause.is_some()),
        (2, Status::Paused, true)
    );
    desk.ask("ops", to(3)).unwrap();
    assert_eq!(desk.instance(id).status, Status::Finished);
}

#[test]
fn snoozed_overdue_work_is_listed_as_stuck() {
    let file = "format: 1\nworkflow: repair\ntitle: Repair\non_new_call:\n  - alert: { text: Ring, team: care, due: 4h }\n  - button: Done\n    then: [ finish: done ]\n";
    let mut desk = Desk::new(file);
    let id = desk.set("1", true);
    desk.snooze("Ann", id, SnoozeUntil::Days(3), "").unwrap();
    let due = desk.instance(id).due().unwrap();
    desk.pass(due.0 - desk.now.0 + HOUR);
    let reasons = |desk: &Desk, by: i64| -> Vec<StuckReason> {
        stuck(desk.world.root(), (&Reach::EVERYTHING, Time(by)), &never)
            .unwrap()
            .iter()
            .map(|one| one.reason)
            .collect()
    };
    assert_eq!(
        reasons(&desk, due.0 - 1),
        [StuckReason::Unclaimed],
        "it was not overdue then"
    );
    assert_eq!(reasons(&desk, desk.now.0), [StuckReason::SnoozedOverdue]);
    desk.snooze("Ann", id, SnoozeUntil::Now, "").unwrap();
    let found = stuck(desk.world.root(), (&Reach::EVERYTHING, desk.now), &never).unwrap();
    assert_eq!(found[0].reason, StuckReason::Unclaimed);
}

#[test]
fn an_empty_alert_text_shows_the_stage_title() {
    let file = "format: 1\nworkflow: repair\ntitle: Repair\non_new_call:\n  - button: Ring back\n    then:\n      - alert: { text: \"{% if call.customer == 'nobody' %}Ring{% endif %}\", team: care }\n      - button: Done\n        then: [ finish: done ]\n";
    let mut desk = Desk::new(file);
    let id = desk.set("1", true);
    desk.push("Ann", id, "ring-back").unwrap();
    assert_eq!(&*desk.instance(id).alerts[0].text, "After Ring back");
}
