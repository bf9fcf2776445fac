//! The times at which a snoozed alert may come back.
//!
//! Promise: they are times of the caller's clock, computed before they are shown, so that what a
//! person clicks is what the server gets. A change to summer time moves none of them.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Unit, ZonedDateTime};

/// The hour of the caller's clock that is "this afternoon".
const AFTERNOON: i8 = 15;
/// Until this hour, "this afternoon" is far enough away to be offered.
const AFTERNOON_UNTIL: i8 = 14;
/// The hour at which a day begins.
const MORNING: i8 = 9;

/// What a preset is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    Hour,
    Afternoon,
    Tomorrow,
    Monday,
}

/// A time that a person may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Preset {
    pub(crate) label: Label,
    pub(crate) at: ZonedDateTime,
}

impl Preset {
    /// The moment, for the form and for the browser.
    pub(crate) fn moment(&self) -> Timestamp {
        self.at.timestamp()
    }

    /// The caller's clock at that moment, for browsers without scripts.
    pub(crate) fn clock(&self) -> String {
        self.at.strftime("%Y-%m-%d %H:%M").to_string()
    }
}

/// The presets at a moment, by the clock of a zone, earliest first.
pub(crate) fn presets(now: Timestamp, zone: &TimeZone) -> Vec<Preset> {
    let now = now.to_zoned_datetime(zone.clone());
    let today = now.date();
    let is_early = now.hour() < AFTERNOON_UNTIL;
    let afternoon = is_early.then(|| at(today, AFTERNOON, zone)).flatten();
    let tomorrow = today.tomorrow().ok();
    let monday = today.nth_weekday(1, Weekday::Monday).ok();
    // On a Sunday it is the same as tomorrow.
    let monday = monday.filter(|monday| Some(*monday) != tomorrow);
    let morning = |day: Option<Date>| day.and_then(|day| at(day, MORNING, zone));
    let all = [
        (Label::Hour, in_an_hour(&now)),
        (Label::Afternoon, afternoon),
        (Label::Tomorrow, morning(tomorrow)),
        (Label::Monday, morning(monday)),
    ];
    let mut presets: Vec<Preset> = all
        .into_iter()
        .filter_map(|(label, at)| Some(Preset { label, at: at? }))
        .collect();
    presets.sort_by_key(Preset::moment);
    presets
}

/// To the minute, as clocks show it.
fn in_an_hour(now: &ZonedDateTime) -> Option<ZonedDateTime> {
    now.checked_add(1.hour()).ok()?.round(Unit::Minute).ok()
}

/// An hour of a day. Where the clock skips it, the time after the gap.
fn at(day: Date, hour: i8, zone: &TimeZone) -> Option<ZonedDateTime> {
    day.at(hour, 0, 0, 0).to_zoned_datetime(zone.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(now: &str, zone: &str) -> Vec<(Label, String)> {
        let now: Timestamp = now.parse().expect("a moment");
        let zone = TimeZone::get(zone).expect("a zone");
        presets(now, &zone)
            .into_iter()
            .map(|preset| {
                let moment = preset.moment().to_string();
                (preset.label, format!("{} = {moment}", preset.clock()))
            })
            .collect()
    }

    fn expected(label: Label, text: &str) -> (Label, String) {
        (label, text.to_owned())
    }

    #[test]
    fn presets_are_times_of_the_callers_clock() {
        // A Wednesday morning in Kolkata, where it is 4 h 30 min later than in Berlin.
        assert_eq!(
            shown("2026-01-14T04:10:20Z", "Asia/Kolkata"),
            [
                expected(Label::Hour, "2026-01-14 10:40 = 2026-01-14T05:10:00Z"),
                expected(Label::Afternoon, "2026-01-14 15:00 = 2026-01-14T09:30:00Z"),
                expected(Label::Tomorrow, "2026-01-15 09:00 = 2026-01-15T03:30:00Z"),
                expected(Label::Monday, "2026-01-19 09:00 = 2026-01-19T03:30:00Z"),
            ]
        );
    }

    #[test]
    fn tomorrow_is_an_hour_earlier_into_summer_time() {
        // Saturday evening, 20:00 in Berlin: the night has 23 hours.
        assert_eq!(
            shown("2026-03-28T19:00:00Z", "Europe/Berlin"),
            [
                expected(Label::Hour, "2026-03-28 21:00 = 2026-03-28T20:00:00Z"),
                expected(Label::Tomorrow, "2026-03-29 09:00 = 2026-03-29T07:00:00Z"),
                expected(Label::Monday, "2026-03-30 09:00 = 2026-03-30T07:00:00Z"),
            ]
        );
        // And 25 in autumn. It is Saturday, so Monday is not tomorrow.
        let autumn = shown("2026-10-24T18:00:00Z", "Europe/Berlin");
        assert_eq!(autumn[1].1, "2026-10-25 09:00 = 2026-10-25T08:00:00Z");
    }

    #[test]
    fn an_hour_is_an_hour_where_the_clock_jumps() {
        // 01:30 in Berlin, half an hour before the clock skips to 03:00.
        let spring = shown("2026-03-29T00:30:00Z", "Europe/Berlin");
        assert_eq!(spring[0].1, "2026-03-29 03:30 = 2026-03-29T01:30:00Z");
    }

    #[test]
    fn nothing_is_offered_twice() {
        // A Sunday afternoon: no afternoon is left, and tomorrow is Monday.
        let labels: Vec<Label> = shown("2026-06-14T13:00:00Z", "Europe/Berlin")
            .into_iter()
            .map(|(label, _)| label)
            .collect();
        assert_eq!(labels, [Label::Hour, Label::Tomorrow]);
    }
}
