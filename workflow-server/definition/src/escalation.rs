//! When the steps of an alert's escalation come: each firing exactly once, in the order of their
//! times.

use crate::calendar::Clock;
use crate::model::{AlertAction, Definition, Rung, RungTime};
use crate::time::Time;

/// The firing after `fired` others, of an alert whose time counts from `since` and that is due at
/// `due`: when, and by which step.
///
/// It counts from the due time as it is now, so a pause that puts that off puts off what is still
/// to come with it. A share is one of the time that there was to do it. A duration in a step means
/// what it means in `due`: `every: 1d` is every day at the same time.
#[must_use]
pub fn next_firing<'a>(
    alert: &'a AlertAction,
    (since, due): (Time, Time),
    fired: u16,
    clock: Clock<'_>,
) -> Option<(Time, &'a Rung)> {
    Firings::of(alert, since, clock).at(due, fired)
}

/// All firings of an alert.
pub struct Firings<'a, 'c> {
    rungs: &'a [Rung],
    clock: Clock<'c>,
    since: Time,
    /// When the alert was due at first. The order of the firings is that of their times by it, so
    /// that a pause, which puts some off by more than others, neither repeats nor skips one.
    first_due: Time,
    /// The time that there was until then, of which steps name shares.
    until_due: i64,
}

/// A firing: when it comes, the place of its step, and which of the repetitions of that it is.
type Firing = (Time, usize, usize);

impl<'a, 'c> Firings<'a, 'c> {
    /// Of an alert whose time counts from `since`.
    #[must_use]
    pub fn of(alert: &'a AlertAction, since: Time, clock: Clock<'c>) -> Self {
        let first_due = alert.due.map_or(since, |span| clock.after(since, span));
        let has_shares = alert
            .escalate
            .iter()
            .any(|rung| matches!(rung.at, RungTime::Share(_)));
        let until_due = alert
            .due
            .filter(|_| has_shares)
            .map_or(0, |span| clock.millis_in(since, span));
        Self {
            rungs: &alert.escalate,
            clock,
            since,
            first_due,
            until_due,
        }
    }

    /// The firing after `fired` others, for a due time.
    #[must_use]
    pub fn at(&self, due: Time, fired: u16) -> Option<(Time, &'a Rung)> {
        let (first, step, nth) = self.in_order().nth(usize::from(fired))?;
        let rung = &self.rungs[step];
        let at = if due == self.first_due {
            Some(first)
        } else {
            self.times(rung, due).nth(nth)
        };
        Some((at?, rung))
    }

    /// How many of the firings after `fired` others have come by `now`, for a due time.
    #[must_use]
    pub fn passed(&self, due: Time, fired: u16, now: Time) -> u16 {
        let times: Vec<Vec<Time>> = self
            .rungs
            .iter()
            .map(|rung| self.times(rung, due).collect())
            .collect();
        let rest = self.in_order().skip(usize::from(fired));
        rest.take_while(|(_, step, nth)| times[*step].get(*nth).is_some_and(|at| *at <= now))
            .count() as u16
    }

    /// All of them, by the due time that there was at first. Those of one moment come in the order
    /// written.
    fn in_order(&self) -> impl Iterator<Item = Firing> + use<'_, 'a, 'c> {
        let sources = self.rungs.iter().enumerate().map(|(step, rung)| {
            let times = self.times(rung, self.first_due).enumerate();
            times.map(move |(nth, at)| (at, step, nth)).peekable()
        });
        let mut sources: Vec<_> = sources.collect();
        std::iter::from_fn(move || {
            let next = sources
                .iter_mut()
                .filter_map(|source| source.peek().copied())
                .min()?;
            sources[next.1].next()
        })
    }

    /// The times of one step, in order.
    fn times(&self, rung: &Rung, due: Time) -> impl Iterator<Item = Time> + use<'a, 'c> {
        let clock = self.clock;
        let first = match rung.at {
            RungTime::Share(share) => {
                let left = self
                    .until_due
                    .saturating_mul(i64::from(100 - share.min(100)))
                    / 100;
                clock.before_millis(due, left).max(self.since)
            }
            RungTime::Due => due,
            RungTime::After(span) => clock.after(due, span),
        };
        let again = rung.again.map(|again| {
            clock
                .each(first, again.every)
                .take(again.times.saturating_sub(1) as usize)
        });
        std::iter::once(first).chain(again.into_iter().flatten())
    }
}

/// The action of a stage that raised an alert.
#[must_use]
pub fn alert_action(definition: &Definition, stage: u32, action: u16) -> Option<&AlertAction> {
    definition
        .stage(stage)?
        .actions
        .get(usize::from(action))?
        .alert()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Again, Priority};
    use crate::template::Template;
    use crate::time::{Span, SpanUnit};

    fn hours(amount: u32) -> Span {
        Span {
            amount,
            unit: SpanUnit::Hours,
        }
    }

    fn rung(at: RungTime, again: Option<Again>) -> Rung {
        Rung {
            at,
            again,
            priority: None,
            team: None,
            add_team: None,
        }
    }

    #[test]
    fn rungs_come_in_the_order_of_their_times_repeats_between_them() {
        let escalate = vec![
            rung(RungTime::After(hours(3)), None),
            rung(
                RungTime::Due,
                Some(Again {
                    every: hours(2),
                    times: 3,
                }),
            ),
            rung(RungTime::Share(75), None),
        ];
        let text = Template::parse("do it").expect("a text");
        let alert = AlertAction {
            text,
            team: "care".into(),
            priority: Priority::Normal,
            due: Some(hours(4)),
            calendar: None,
            escalate,
        };
        let due = Time(100 * 3_600_000);
        let times: Vec<i64> = (0..)
            .map_while(|fired| next_firing(&alert, (Time(0), due), fired, Clock::Wall))
            .map(|(at, _)| at.0 / 3_600_000)
            .collect();
        assert_eq!(times, [99, 100, 102, 103, 104]);
    }
}
