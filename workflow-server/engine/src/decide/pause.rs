//! Pause and resume: while an instance is paused it refuses pushes, and its timers, dues and
//! deadline stand still.

use aftercall_definition::calendar::Clock;
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_definition::{Action, FieldError};

use crate::actor::{Actor, ActorKind};
use crate::command::{PauseInstance, ResumeInstance};
use crate::decide::arm::Waiting;
use crate::decide::claims::check_holder;
use crate::decide::draft::{EntryDraft, check_revision};
use crate::decide::find::{check_legal, find, visible};
use crate::decide::when;
use crate::entry::{Answer, ChangeKind, Entered};
use crate::instance::{Happening, Instance, Pause, Status, Timer};
use crate::query::zone_of_caller;
use crate::rejection::Rejection;
use crate::world::Root;

/// People pause what they may work on; ops pause anything that is active.
pub(super) fn pause(
    draft: &mut EntryDraft<'_>,
    asked: &PauseInstance,
    actor: &Actor,
) -> Result<(), Rejection> {
    let PauseInstance {
        instance: id,
        until,
        reason,
        expected,
    } = asked;
    let (id, until) = (*id, *until);
    draft.kind = ChangeKind::Paused;
    let old = find(draft.root, id)?;
    check_revision(*expected, u64::from(old.revision))?;
    check_legal(old, Happening::Pause)?;
    if actor.kind == ActorKind::Person {
        visible(draft.root, old)?;
        check_holder(old, actor, draft.now)?;
    }
    if until.is_some_and(|until| !when::is_in_reach(until, draft.now)) {
        let message = "must be later than now, and within a year".to_owned();
        return Err(Rejection::Invalid(vec![FieldError {
            field: "until".to_owned(),
            message,
        }]));
    }
    let mut new = Instance::clone(old);
    new.status = Status::Paused;
    let pause = Pause {
        by: actor.name.clone(),
        since: draft.now,
        until,
        reason: reason.clone(),
    };
    new.pause = Some(Box::new(pause));
    draft.said.note = reason.clone();
    draft.said.values = until
        .map(|until| ("until".into(), Value::Time(until)))
        .into_iter()
        .collect();
    draft.answer = Answer::Moved {
        instance: id,
        entered: Vec::new(),
    };
    draft.put_instance(ChangeKind::Paused, old, new, Entered::default());
    Ok(())
}

/// Anybody who may work on it resumes it: whoever paused it may have gone home.
pub(super) fn resume(
    draft: &mut EntryDraft<'_>,
    asked: &ResumeInstance,
    actor: &Actor,
) -> Result<(), Rejection> {
    let ResumeInstance {
        instance: id,
        note,
        expected,
    } = asked;
    draft.kind = ChangeKind::Resumed;
    let old = find(draft.root, *id)?;
    check_revision(*expected, u64::from(old.revision))?;
    check_legal(old, Happening::Resume)?;
    if actor.kind == ActorKind::Person {
        visible(draft.root, old)?;
    }
    draft.said.note = note.clone();
    draft.answer = Answer::Moved {
        instance: *id,
        entered: Vec::new(),
    };
    let mut new = resumed(draft.root, old, draft.now);
    new.notes += u32::from(!note.is_empty());
    draft.put_instance(ChangeKind::Resumed, old, new, Entered::default());
    Ok(())
}

/// A pause that was ended or begun again meanwhile changes nothing: the wake-up came late. The
/// clocks run again from the end that the pause was given, however late that is noticed.
pub(super) fn end(draft: &mut EntryDraft<'_>, old: &Instance, due: Time) {
    draft.kind = ChangeKind::Resumed;
    if old
        .pause
        .as_ref()
        .is_some_and(|pause| pause.until == Some(due))
    {
        let new = resumed(draft.root, old, due.min(draft.now));
        draft.put_instance(ChangeKind::Resumed, old, new, Entered::default());
    }
}

/// The instance with its clocks running again from where they stopped: what was to come in an hour
/// comes in an hour, by the clock that it counts by.
pub(super) fn resumed(root: &Root, old: &Instance, now: Time) -> Instance {
    let mut new = old.clone();
    new.status = Status::Active;
    let Some(pause) = new.pause.take() else {
        return new;
    };
    let definition = root.definition_of(old).cloned();
    let action = |place: u16| {
        let stage = definition.as_ref()?.stage(old.stage)?;
        stage.actions.get(usize::from(place))
    };
    let clock = |own: Option<&str>| {
        definition
            .as_ref()
            .map_or(Clock::Wall, |definition| root.clock(definition, own))
    };
    let stood = Stood {
        since: pause.since,
        now,
    };
    let of_caller = zone_of_caller(root.call_of(old).map(|call| &**call));
    let zone = of_caller.as_ref().unwrap_or_else(|| root.default_zone());
    for timer in &mut new.timers {
        timer.due = match action(timer.action).and_then(Action::timer) {
            Some(of) => {
                let waiting = Waiting {
                    timer: of,
                    clock: clock(of.calendar.as_deref()),
                    zone,
                };
                stood.timer(timer, &waiting)
            }
            None => stood.put_off(timer.due, Clock::Wall),
        };
    }
    for alert in &mut new.alerts {
        let raised_by = action(alert.action).and_then(Action::alert);
        let clock = clock(raised_by.and_then(|of| of.calendar.as_deref()));
        alert.due = alert.due.map(|due| stood.put_off(due, clock));
        alert.escalates_at = alert.escalates_at.map(|at| stood.put_off(at, clock));
    }
    new.deadline = new
        .deadline
        .map(|deadline| stood.put_off(deadline, clock(None)));
    new
}

/// A pause that is over.
struct Stood {
    since: Time,
    now: Time,
}

impl Stood {
    /// A time of day stays one: one that came in the pause comes the next time, and one after a
    /// wait comes when that is over.
    fn timer(&self, timer: &mut Timer, waiting: &Waiting<'_>) -> Time {
        if waiting.timer.at.is_none() || timer.due <= self.since {
            return self.put_off(timer.due, waiting.clock);
        }
        // A wait that was over before the pause is over.
        if let Some(waited) = timer.waited.filter(|waited| *waited > self.since) {
            let waited = self.put_off(waited, waiting.clock);
            timer.waited = Some(waited);
            return waiting.first(waited);
        }
        if timer.due >= self.now {
            timer.due
        } else {
            waiting.next(self.now)
        }
    }

    /// What was still to come is as far away as it was; what had been due stays as long overdue:
    /// both in opening time, where a calendar counts. A pause never brings forward, and one in
    /// which nothing was open puts nothing off.
    fn put_off(&self, time: Time, clock: Clock<'_>) -> Time {
        match clock {
            Clock::Wall => Time(time.0.saturating_add((self.now.0 - self.since.0).max(0))),
            Clock::Calendar(_) if time > self.since => clock
                .after_millis(self.now, clock.between(self.since, time))
                .max(time),
            Clock::Calendar(_) if clock.between(self.since, self.now) == 0 => time,
            Clock::Calendar(_) => clock
                .before_millis(self.now, clock.between(time, self.since))
                .max(time),
        }
    }
}
