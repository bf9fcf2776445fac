//! Computes when the steps of an escalation fire: each firing once, in the order of their times.

use crate::calendar::Clock;
use crate::model::{AlertAction, Definition, EscalationStep, StepTime};
use crate::time::Time;

/// The next firing of an alert's escalation after `fired` earlier ones: its time and its step.
/// The alert's time starts at `since`, and it is due at `due`.
///
/// Times count from the present due time, so a pause that delays it also delays the remaining
/// firings. A share is a share of the time between `since` and the first due time. A duration means
/// the same as in `due`: `every: 1d` is every day at the same time.
#[must_use]
pub fn next_firing<'a>(
    alert: &'a AlertAction,
    (since, due): (Time, Time),
    fired: u16,
    clock: Clock<'_>,
) -> Option<(Time, &'a EscalationStep)> {
    Firings::new(alert, since, clock).at(due, fired)
}

/// All firings of an alert.
pub struct Firings<'a, 'c> {
    steps: &'a [EscalationStep],
    clock: Clock<'c>,
    since: Time,
    /// The first due time of the alert. It decides the order of the firings: a pause delays some
    /// by more than others, and must neither repeat nor skip one.
    first_due: Time,
    /// Milliseconds from `since` to the first due time; a share of a step refers to them.
    until_due: i64,
}

/// A firing: its time, the index of its step, and the index of the repetition of that step.
type Firing = (Time, usize, usize);

impl<'a, 'c> Firings<'a, 'c> {
    /// The firings of an alert whose time starts at `since`.
    #[must_use]
    pub fn new(alert: &'a AlertAction, since: Time, clock: Clock<'c>) -> Self {
        let first_due = alert.due.map_or(since, |span| clock.after(since, span));
        let has_shares = alert
            .escalate
            .iter()
            .any(|step| matches!(step.at, StepTime::Share(_)));
        let until_due = alert
            .due
            .filter(|_| has_shares)
            .map_or(0, |span| clock.millis_in(since, span));
        Self {
            steps: &alert.escalate,
            clock,
            since,
            first_due,
            until_due,
        }
    }

    /// The next firing after `fired` earlier ones, for a due time.
    #[must_use]
    pub fn at(&self, due: Time, fired: u16) -> Option<(Time, &'a EscalationStep)> {
        let (first, index, nth) = self.in_order().nth(usize::from(fired))?;
        let step = &self.steps[index];
        let at = if due == self.first_due {
            Some(first)
        } else {
            self.times(step, due).nth(nth)
        };
        Some((at?, step))
    }

    /// How many firings after the `fired` earlier ones have passed at `now`, for a due time.
    #[must_use]
    pub fn passed(&self, due: Time, fired: u16, now: Time) -> u16 {
        let times: Vec<Vec<Time>> = self
            .steps
            .iter()
            .map(|step| self.times(step, due).collect())
            .collect();
        let rest = self.in_order().skip(usize::from(fired));
        rest.take_while(|(_, index, nth)| times[*index].get(*nth).is_some_and(|at| *at <= now))
            .count() as u16
    }

    /// All firings, ordered by their times for the first due time. Firings at the same moment are
    /// in the order of the definition.
    fn in_order(&self) -> impl Iterator<Item = Firing> + use<'_, 'a, 'c> {
        let sources = self.steps.iter().enumerate().map(|(index, step)| {
            let times = self.times(step, self.first_due).enumerate();
            times.map(move |(nth, at)| (at, index, nth)).peekable()
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
    fn times(&self, step: &EscalationStep, due: Time) -> impl Iterator<Item = Time> + use<'a, 'c> {
        let clock = self.clock;
        let first = match step.at {
            StepTime::Share(share) => {
                let left = self
                    .until_due
                    .saturating_mul(i64::from(100 - share.min(100)))
                    / 100;
                clock.before_millis(due, left).max(self.since)
            }
            StepTime::Due => due,
            StepTime::After(span) => clock.after(due, span),
        };
        let again = step.again.map(|again| {
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

    fn step(at: StepTime, again: Option<Again>) -> EscalationStep {
        EscalationStep {
            at,
            again,
            priority: None,
            team: None,
            add_team: None,
        }
    }

    #[test]
    fn steps_and_their_repeats_are_ordered_by_time() {
        let escalate = vec![
            step(StepTime::After(hours(3)), None),
            step(
                StepTime::Due,
                Some(Again {
                    every: hours(2),
                    times: 3,
                }),
            ),
            step(StepTime::Share(75), None),
        ];
        let text = Template::parse("do it").expect("a text");
        let alert = AlertAction {
            text,
            team: "care".into(),
            priority: Priority::Normal,
            due: Some(hours(4)),
            calendar: None,
            escalate,
            seen_for: None,
        };
        let due = Time(100 * 3_600_000);
        let times: Vec<i64> = (0..)
            .map_while(|fired| next_firing(&alert, (Time(0), due), fired, Clock::Wall))
            .map(|(at, _)| at.0 / 3_600_000)
            .collect();
        assert_eq!(times, [99, 100, 102, 103, 104]);
    }
}
