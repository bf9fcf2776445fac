//! When the rungs of an alert's escalation come: each firing exactly once, in the order of their times.

use crate::calendar::Clock;
use crate::definition::model::{ActionKind, AlertAction, Definition, Rung, RungTime};
use crate::time::Time;

/// The firing after `fired` others, of an alert that was raised at `since` and is due at `due`: when, and by which rung.
///
/// It counts from the due as it stands, so a pause that puts the due off puts off what is still to come with it. A share is one
/// of the time that there was to do it; in a rung, days and working days of a calendar count as the opening time of a usual one.
#[must_use]
pub fn next_firing<'a>(
    alert: &'a AlertAction,
    (since, due): (Time, Time),
    fired: u16,
    clock: Clock<'_>,
) -> Option<(Time, &'a Rung)> {
    Firings::of(alert, since, clock).at(due, fired, clock)
}

/// All firings of an alert, by their distance from its due.
pub struct Firings<'a>(Vec<(i64, &'a Rung)>);

impl<'a> Firings<'a> {
    /// Of an alert that was raised at `since`.
    #[must_use]
    pub fn of(alert: &'a AlertAction, since: Time, clock: Clock<'_>) -> Self {
        let has_shares = alert.escalate.iter().any(|rung| matches!(rung.at, RungTime::Share(_)));
        let until_due = alert.due.filter(|_| has_shares).map_or(0, |span| clock.millis_in(since, span));
        let mut all: Vec<(i64, &Rung)> =
            alert.escalate.iter().flat_map(|rung| firings(rung, until_due, clock)).collect();
        // Stable: rungs of one moment come in the order written.
        all.sort_by_key(|(from_due, _)| *from_due);
        Self(all)
    }

    /// The firing after `fired` others, for a due.
    #[must_use]
    pub fn at(&self, due: Time, fired: u16, clock: Clock<'_>) -> Option<(Time, &'a Rung)> {
        let (from_due, rung) = *self.0.get(usize::from(fired))?;
        let at = if from_due < 0 { clock.before_millis(due, -from_due) } else { clock.after_millis(due, from_due) };
        Some((at, rung))
    }
}

/// The action of a stage that raised an alert.
#[must_use]
pub fn alert_action(definition: &Definition, stage: u32, action: u16) -> Option<&AlertAction> {
    match &definition.stage(stage)?.actions.get(usize::from(action))?.kind {
        ActionKind::Alert(alert) => Some(alert),
        _ => None,
    }
}

/// The times of a rung, in milliseconds of the clock from the due.
fn firings<'a>(rung: &'a Rung, until_due: i64, clock: Clock<'_>) -> impl Iterator<Item = (i64, &'a Rung)> + use<'a> {
    let first = match rung.at {
        RungTime::Share(share) => -(until_due / 100).saturating_mul(i64::from(100 - share.min(100))),
        RungTime::Due => 0,
        RungTime::After(span) => clock.millis_of(span),
    };
    let (every, times) = rung.again.map_or((0, 1), |again| (clock.millis_of(again.every), again.times));
    (0..i64::from(times)).map(move |nth| (first.saturating_add(every.saturating_mul(nth)), rung))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::model::{Again, Priority};
    use crate::definition::template::Template;
    use crate::time::{Span, SpanUnit};

    fn hours(amount: u32) -> Span {
        Span { amount, unit: SpanUnit::Hours }
    }

    fn rung(at: RungTime, again: Option<Again>) -> Rung {
        Rung { at, again, priority: None, team: None, add_team: None }
    }

    #[test]
    fn rungs_come_in_the_order_of_their_times_repeats_between_them() {
        let escalate = vec![
            rung(RungTime::After(hours(3)), None),
            rung(RungTime::Due, Some(Again { every: hours(2), times: 3 })),
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
