//! Repeated durations: the moments after one, two and three of them.

use jiff::tz::TimeZone;

use super::Calendar;
use super::spans::{Clock, days_after};
use crate::time::{Span, SpanUnit, Time};

impl<'c> Clock<'c> {
    /// The moments at which one, two, three durations have passed since `start`, and so on. The
    /// n-th is the end of a duration that is n times as long. So "every day" stays at the same time
    /// of day.
    pub fn each(self, start: Time, span: Span) -> Box<dyn Iterator<Item = Time> + 'c> {
        match (self, span.unit) {
            (Self::Wall, _) => {
                Box::new((1_i64..).map(move |nth| {
                    Time(start.0.saturating_add(span.millis().saturating_mul(nth)))
                }))
            }
            (Self::Calendar(calendar), SpanUnit::Days) => {
                Box::new(each_days(calendar.zone(), start, span.amount))
            }
            (Self::Calendar(calendar), SpanUnit::WorkingDays) => {
                Box::new(calendar.each_working_days(start, span.amount))
            }
            (Self::Calendar(calendar), _) => Box::new(calendar.each_open(start, span.millis())),
        }
    }
}

fn each_days(zone: &TimeZone, start: Time, days: u32) -> impl Iterator<Item = Time> + use<'_> {
    (1_u32..).map(move |nth| days_after(zone, start, days.saturating_mul(nth)))
}

impl Calendar {
    /// The earliest moments at which this much open time has passed since `start`, twice as much,
    /// and so on. The duration is in milliseconds. Walks the openings once.
    pub(super) fn each_open(
        &self,
        start: Time,
        millis: i64,
    ) -> impl Iterator<Item = Time> + use<'_> {
        let mut openings = self.openings_from(start);
        let mut open: Option<(i64, i64)> = None;
        let (mut last, millis) = (start.0, millis.max(1));
        std::iter::from_fn(move || {
            let mut left = millis;
            loop {
                match open.take() {
                    Some((from, to)) if to - from >= left => {
                        open = Some((from + left, to));
                        last = from + left;
                        return Some(Time(last));
                    }
                    Some((from, to)) => {
                        left -= to - from;
                        last = last.max(to);
                    }
                    None => match openings.next() {
                        Some((from, to)) => {
                            let from = from.0.max(start.0);
                            open = (to.0 > from).then_some((from, to.0));
                        }
                        // Closed forever: after the last opening, the wall clock counts.
                        None => {
                            last = last.saturating_add(left);
                            return Some(Time(last));
                        }
                    },
                }
            }
        })
    }
}
