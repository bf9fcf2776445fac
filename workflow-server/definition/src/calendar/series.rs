//! Repeated spans: the moments after one, two, three of them.

use jiff::tz::TimeZone;

use super::Calendar;
use super::spans::{Clock, days_after};
use crate::time::{Span, SpanUnit, Time};

impl<'c> Clock<'c> {
    /// The moments at which one span, two, three of them have passed since `start`: the n-th is
    /// where a span of n times as much would end, so that every day at the same time stays at that
    /// time.
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
    /// The earliest moments at which so many milliseconds of opening time have passed since
    /// `start`, twice as many, and so on. The openings are walked once.
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
                        // Closed for ever: from the last opening on the clock on the wall counts.
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
