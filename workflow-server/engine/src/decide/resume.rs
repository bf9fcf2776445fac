//! Resumes an instance: its clocks run again from where they stopped.

use aftercall_definition::Action;
use aftercall_definition::calendar::Clock;
use aftercall_definition::time::Time;

use crate::decide::arm::Waiting;
use crate::instance::{Instance, Status, Timer};
use crate::query::zone_of_caller;
use crate::world::Root;

/// The instance after a pause that ends at `now`. A timer that was due one hour after the start of
/// the pause is due one hour after its end, by its own clock.
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
    let over = OverPause {
        since: pause.since,
        now,
    };
    let of_caller = zone_of_caller(root.call_of(old).map(|call| &**call));
    let zone = of_caller.as_ref().unwrap_or_else(|| root.default_zone());
    for timer in &mut new.timers {
        timer.due = match action(timer.action).and_then(Action::timer) {
            Some(action) => {
                let waiting = Waiting {
                    timer: action,
                    clock: clock(action.calendar.as_deref()),
                    zone,
                };
                over.timer(timer, &waiting)
            }
            None => over.postponed(timer.due, Clock::Wall),
        };
    }
    for alert in &mut new.alerts {
        let raised_by = action(alert.action).and_then(Action::alert);
        let clock = clock(raised_by.and_then(|alert| alert.calendar.as_deref()));
        alert.due = alert.due.map(|due| over.postponed(due, clock));
        alert.escalates_at = alert.escalates_at.map(|at| over.postponed(at, clock));
        if let Some(seen) = &mut alert.seen {
            seen.until = seen.until.map(|until| over.postponed(until, clock));
        }
    }
    new.deadline = new
        .deadline
        .map(|deadline| over.postponed(deadline, clock(None)));
    new
}

/// A pause that has ended.
struct OverPause {
    since: Time,
    now: Time,
}

impl OverPause {
    /// The new due time of a timer. A timer for a time of day keeps that time of day. If it passed
    /// during the pause, the timer is due the next time. If it follows a wait, the timer is due
    /// after the end of the wait.
    fn timer(&self, timer: &mut Timer, waiting: &Waiting<'_>) -> Time {
        if waiting.timer.at.is_none() || timer.due <= self.since {
            return self.postponed(timer.due, waiting.clock);
        }
        // A wait that ended before the pause is not repeated.
        if let Some(waited) = timer.waited.filter(|waited| *waited > self.since) {
            let waited = self.postponed(waited, waiting.clock);
            timer.waited = Some(waited);
            return waiting.first_time(waited);
        }
        if timer.due >= self.now {
            timer.due
        } else {
            waiting.next_time(self.now)
        }
    }

    /// Moves a time by the length of the pause. A future time stays as far away, and an overdue one
    /// as long overdue. With a calendar, only opening time counts. The result is never earlier than
    /// `time`. It equals `time` if nothing was open during the pause.
    fn postponed(&self, time: Time, clock: Clock<'_>) -> Time {
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
