//! Starts a timer: computes when it is due, by which clock and in which time zone.

use aftercall_definition::calendar::{Clock, NextDay};
use aftercall_definition::model::{TimerAction, TimerStart};
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use jiff::tz::TimeZone;

use crate::decide::scene::Scene;
use crate::entry::StageWarningKind;
use crate::instance::{Instance, Timer};
use crate::query::zone_of_caller;

/// Starts a timer. A timer whose time has already passed is due at once.
///
/// A late stage is one that the instance entered later than planned. If the time of its timer would
/// be over already, the timer counts from now. So the stage does not end before people can see it,
/// and after an outage a circle of timers runs only once.
pub(super) fn arm(
    scene: &Scene<'_>,
    instance: &Instance,
    (action, timer): (u16, &TimerAction),
    warn: &mut impl FnMut(StageWarningKind, &str),
) -> Timer {
    let start = match &timer.from {
        TimerStart::Stage => None,
        TimerStart::Start => Some(instance.started_at),
        TimerStart::Field(name) => match scene
            .facts(instance)
            .fields()
            .find(|(field, _)| field == name)
        {
            Some((_, Value::Time(time))) => Some(*time),
            _ => {
                warn(StageWarningKind::NoTime, &format!("fields.{name}"));
                None
            }
        },
    };
    let of_caller = zone_of_caller(Some(scene.call));
    let waiting = Waiting {
        timer,
        clock: scene
            .root
            .clock(scene.definition, timer.calendar.as_deref()),
        zone: of_caller
            .as_ref()
            .unwrap_or_else(|| scene.root.default_zone()),
    };
    let (mut due, mut waited) = waiting.due_from(start.unwrap_or(scene.counts_from));
    if start.is_none() && due < scene.earliest {
        (due, waited) = waiting.due_from(scene.earliest);
    }
    Timer {
        action,
        due: due.max(scene.earliest),
        waits_for_claim: timer.waits_for_claim,
        waited,
    }
}

/// A timer with its clock and its time zone.
pub(super) struct Waiting<'a> {
    pub(super) timer: &'a TimerAction,
    pub(super) clock: Clock<'a>,
    /// The zone without a calendar: the caller's, or else the server's default.
    pub(super) zone: &'a TimeZone,
}

impl Waiting<'_> {
    /// When the timer is due if it counts from `start`. If a time of day follows a wait, also the
    /// end of that wait.
    fn due_from(&self, start: Time) -> (Time, Option<Time>) {
        match (self.timer.after, self.timer.at) {
            (None, None) => (start, None),
            (None, Some(_)) => (self.next_time(start), None),
            (Some(span), None) => (self.clock.after(start, span), None),
            (Some(span), Some(_)) => {
                let waited = self.clock.after(start, span);
                (self.first_time(waited), Some(waited))
            }
        }
    }

    /// The first moment after `start` at which the clock shows the timer's time of day.
    pub(super) fn next_time(&self, start: Time) -> Time {
        let calendar = if let Clock::Calendar(calendar) = self.clock {
            Some(calendar)
        } else {
            None
        };
        let zone = calendar.map_or(self.zone, |calendar| calendar.zone());
        self.timer
            .at
            .map_or(start, |at| at.after(start, zone, calendar))
    }

    /// The first moment from the end of a wait at which the clock shows the timer's time of day.
    /// The end of the wait itself may be that moment.
    pub(super) fn first_time(&self, waited: Time) -> Time {
        match self.timer.at {
            Some(at) if at.day == NextDay::Whenever => {
                self.next_time(Time(waited.0.saturating_sub(1)))
            }
            _ => self.next_time(waited),
        }
    }
}
