//! Waits that count from another time than the change, and special days. They come after the
//! scenario.

use std::sync::Arc;

use aftercall_authoring::file::read_calendars;
use aftercall_definition::time::Time;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::command::{Command, Elapse, ImportCalendar, SetWorkflow};
use aftercall_engine::instance::{InstanceId, Wake};
use aftercall_engine::world::timers::TimerKey;

use crate::incomplete::play_incomplete;
use crate::scenario::{Played, publish, setting};

/// A timer leads to an alert, and then to a wait with a time of day.
const LATE: &str = "
format: 1
workflow: late
title: Late
on_new_call:
  - timer: { after: 1h }
    then:
      - alert: { text: Ring, team: care, due: 4h, escalate: [ { at: 50%, priority: raise } ] }
      - timer: { after: 2h, at: \"09:00\" }
        then: [ finish: done ]
";

/// Plays timers for which the ledger woke late.
pub(crate) fn play_late() -> Played {
    let mut played = Played {
        keeps_waits: true,
        ..play_incomplete()
    };
    publish(&mut played, LATE, "late");
    let setting = SetWorkflow {
        workflow: "late".into(),
        fields: Vec::new(),
        ..setting("late", false)
    };
    let id: InstanceId = played.ask(ActorKind::ScriptEngine, Command::from(setting));
    let due = played.world.root().instance(id).unwrap().timers[0].due;
    wake_late(&mut played, id);
    let instance = played.world.root().instance(id).unwrap();
    assert_eq!(instance.counts_from(&instance.alerts[0]), due);
    assert_eq!(
        (instance.alerts[0].counts_from, instance.entered_at),
        (Some(due), Time(played.now))
    );
    assert!(instance.timers[0].waited.is_some());
    played
}

/// Wakes the timer of an instance a little late.
fn wake_late(played: &mut Played, id: InstanceId) {
    let is_meant = |key: &TimerKey| key.wake() == Wake::Timer(0) && key.slot == id.slot;
    let key = played
        .world
        .timers()
        .due(Time::NEVER)
        .find(is_meant)
        .unwrap();
    played.now = played.now.max(key.due.0);
    played.ask(
        ActorKind::Timer,
        Command::from(Elapse {
            due: key.due,
            slot: key.slot,
            wake: key.wake(),
        }),
    );
}

/// A calendar with half a day, a yearly holiday and a special opening day.
const DIFFERENT: &str = "
calendars:
  - name: different
    title: Different
    time_zone: Europe/Berlin
    hours: { mon-fri: 09:00-17:00 }
    holidays:
      - { date: 2026-12-24, title: Christmas Eve, hours: 09:00-12:00 }
      - 12-25
      - { date: 2026-12-19, hours: [22:00-02:00] }
";

/// Plays special days.
pub(crate) fn play_days() -> Played {
    let mut played = play_late();
    let calendar = Arc::new(read_calendars(DIFFERENT).unwrap().remove(0));
    played.ask(
        ActorKind::Author,
        Command::from(ImportCalendar {
            calendar,
            expected: None,
        }),
    );
    played
}
